//! Whose turn it is, and that somebody's always comes.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use polyspan_types::{Epoch, Threshold};
use proptest::prelude::*;

use super::*;

const LANE: BridgeId = BridgeId(B256::repeat_byte(1));
const PACE: Pace = Pace { takeover_after: 3, block_interval: Duration::from_secs(1) };

fn operators(count: u8) -> MemberSet {
    MemberSet {
        epoch: Epoch::new(1),
        threshold: Threshold::try_new(count / 2 + 1, usize::from(count)).unwrap(),
        members: (1..=count).map(Address::repeat_byte).collect(),
    }
}

fn nonce(number: u64) -> RequestNonce {
    RequestNonce::new(number)
}

const SIX_AND_SEVEN: [RequestNonce; 2] = [RequestNonce::new(6), RequestNonce::new(7)];

fn signed(numbers: impl IntoIterator<Item = u64>) -> Vec<RequestNonce> {
    numbers.into_iter().map(nonce).collect()
}

fn vote(voters: usize, at: u64, own: bool) -> OpenVote {
    OpenVote { voters, nonce: nonce(at), own }
}

/// A relay that has signed up to 7, on a lane that is handled up to 5 and where nothing is approved.
fn waiting<'a>() -> Situation<'a> {
    Situation {
        handled: nonce(5),
        sent: nonce(5),
        room: true,
        approved: &[],
        leads: false,
        overdue: true,
        votes: &[],
        signed: &SIX_AND_SEVEN,
        cast: 0,
        since_vote: VOTE_INTERVAL,
        max_transfers: 32,
    }
}

#[test]
fn delays_grow_with_the_rank_and_with_the_block_time() {
    assert_eq!(PACE.delay(0), Duration::from_secs(3));
    assert_eq!(PACE.delay(2), Duration::from_secs(6));
    let slow = Pace { block_interval: Duration::from_secs(12), ..PACE };
    assert_eq!((slow.delay(0), slow.delay(1)), (Duration::from_secs(36), Duration::from_secs(54)));
    let on_demand = Pace { block_interval: Duration::from_secs(86_400), ..PACE };
    assert_eq!(on_demand.delay(0), LONGEST_INTERVAL * 3);
}

#[test]
fn who_only_submits_comes_after_all_operators() {
    let operators = operators(4);
    assert_eq!(rank(LANE, nonce(1), None, &operators), None);
    assert_eq!(rank(LANE, nonce(1), Some(Address::repeat_byte(9)), &operators), None);
    assert_eq!(PACE.delay_of_others(4, 0), PACE.delay(4));
    let last = PACE.delay_of_others(4, u16::MAX);
    assert!(last > PACE.delay_of_others(4, u16::MAX / 2) && last < PACE.delay(5), "{last:?}");
}

#[test]
fn those_who_only_submit_act_one_after_the_other_and_in_another_order_each_time() {
    let names: Vec<_> = (1..=8).map(|number| format!("relay-{number}")).collect();
    let order = |handled: u64| {
        let delay = |name: &str| PACE.delay_of_others(3, part(LANE, nonce(handled), name));
        let mut order: Vec<_> = names.iter().map(|name| (delay(name), name.clone())).collect();
        order.sort();
        assert!(order.windows(2).all(|pair| pair[0].0 < pair[1].0), "{order:?}");
        order.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
    assert_ne!(part(LANE, nonce(7), "relay-1"), part(BridgeId(B256::repeat_byte(2)), nonce(7), "relay-1"));
}

#[test]
fn a_stall_begins_with_the_first_open_request_and_ends_with_progress() {
    let start = Instant::now();
    let later = |seconds| start + Duration::from_secs(seconds);
    let mut stall = Stall::default();
    stall.observe(nonce(0), nonce(0), 0, start);
    assert_eq!((stall.lasts(later(9)), stall.due(PACE.delay(0))), (Duration::ZERO, None));
    stall.observe(nonce(0), nonce(2), 0, later(1));
    stall.observe(nonce(0), nonce(3), 0, later(4));
    assert_eq!(stall.lasts(later(4)), Duration::from_secs(3));
    stall.observe(nonce(2), nonce(3), 0, later(5));
    assert_eq!(stall.lasts(later(6)), Duration::from_secs(1), "what was open at first is handled");
    stall.observe(nonce(3), nonce(3), 0, later(7));
    assert!(!stall.is_going_on());
}

#[test]
fn a_leader_is_waited_for_from_when_it_has_something_to_send() {
    let start = Instant::now();
    let later = |seconds| start + Duration::from_secs(seconds);
    let mut stall = Stall::default();
    stall.observe(nonce(0), nonce(9), 1, start);
    stall.observe(nonce(0), nonce(9), 1, later(2));
    assert_eq!(stall.lasts(later(2)), Duration::from_secs(2), "its own attestation is no news");
    stall.observe(nonce(0), nonce(9), 3, later(4));
    assert_eq!(stall.lasts(later(5)), Duration::from_secs(1), "the threshold was reached a second ago");
    stall.observe(nonce(0), nonce(9), 2, later(6));
    stall.observe(nonce(0), nonce(9), 3, later(7));
    assert_eq!(stall.lasts(later(7)), Duration::from_secs(3), "what comes and goes keeps nobody waiting");
}

#[test]
fn small_steps_do_not_keep_the_others_waiting() {
    let start = Instant::now();
    let mut stall = Stall::default();
    for second in 0..CHECKPOINT_INTERVAL {
        stall.observe(nonce(second), nonce(1000), 0, start + Duration::from_secs(second));
    }
    let now = start + Duration::from_secs(CHECKPOINT_INTERVAL);
    assert_eq!(stall.lasts(now), Duration::from_secs(CHECKPOINT_INTERVAL));
    stall.observe(nonce(CHECKPOINT_INTERVAL), nonce(1000), 0, now);
    assert_eq!(stall.lasts(now), Duration::ZERO);
}

#[test]
fn nobody_but_the_leader_acts_before_its_turn() {
    let early = Situation { overdue: false, approved: &[RequestNonce::new(6)], ..waiting() };
    assert_eq!(decide(&early), Action::Nothing);
    let handles = Action::Handle(Piece { first: nonce(5), count: 1, checkpoint: nonce(6) });
    assert_eq!(decide(&Situation { leads: true, ..early.clone() }), handles);
    assert_eq!(decide(&Situation { overdue: true, ..early.clone() }), handles);
    assert_eq!(decide(&Situation { leads: true, approved: &[], ..early }), Action::Nothing);
}

#[test]
fn behind_what_is_on_its_way_only_a_leader_sends_more() {
    let approved = [nonce(6), nonce(7)];
    let leads = Situation { leads: true, overdue: false, sent: nonce(6), approved: &approved, ..waiting() };
    let next = Action::Handle(Piece { first: nonce(6), count: 1, checkpoint: nonce(7) });
    assert_eq!(decide(&leads), next);
    assert_eq!(decide(&Situation { room: false, ..leads.clone() }), Action::Nothing);
    assert_eq!(decide(&Situation { leads: false, overdue: true, ..leads.clone() }), Action::Nothing);
    let all = Situation { sent: nonce(7), overdue: true, ..leads };
    assert_eq!(decide(&all), Action::Nothing, "no vote for what a transaction is about to handle");
}

#[test]
fn below_the_threshold_it_votes_for_the_newest_and_joins_what_others_voted_for() {
    assert_eq!(decide(&waiting()), Action::Vote(nonce(7)));
    let votes = [vote(1, 6, false)];
    assert_eq!(decide(&Situation { votes: &votes, ..waiting() }), Action::Vote(nonce(6)));
    let votes = [vote(1, 7, false), vote(2, 6, false)];
    assert_eq!(decide(&Situation { votes: &votes, ..waiting() }), Action::Vote(nonce(6)), "most votes");
    let votes = [vote(1, 7, false), vote(1, 6, false)];
    assert_eq!(decide(&Situation { votes: &votes, ..waiting() }), Action::Vote(nonce(6)), "the lowest");
    let to_nine = signed(6..=9);
    let far = Situation { signed: &to_nine, ..waiting() };
    let votes = [vote(2, 6, false)];
    assert_eq!(
        decide(&Situation { votes: &votes, ..far.clone() }),
        Action::Vote(nonce(9)),
        "6 covers little"
    );
    let votes = [vote(2, 6, false), vote(1, 9, true)];
    assert_eq!(decide(&Situation { votes: &votes, ..far }), Action::Vote(nonce(6)), "better than nothing");
    let votes = [vote(1, 9, false)];
    assert_eq!(decide(&Situation { votes: &votes, ..waiting() }), Action::Vote(nonce(7)), "9 is not signed");
    let votes = [vote(2, 6, false)];
    let barred = Situation { votes: &votes, signed: &SIX_AND_SEVEN[1..], ..waiting() };
    assert_eq!(decide(&barred), Action::Vote(nonce(7)), "6 is barred here, and no reason to wait");
    assert_eq!(decide(&Situation { signed: &[], ..waiting() }), Action::Nothing, "no voice");
    assert_eq!(
        decide(&Situation { handled: nonce(7), sent: nonce(7), ..waiting() }),
        Action::Nothing,
        "handled"
    );
}

#[test]
fn votes_that_bring_nothing_are_few() {
    let votes = [vote(1, 6, true)];
    let soon = Situation { votes: &votes, since_vote: VOTE_INTERVAL - 1, ..waiting() };
    assert_eq!(decide(&soon), Action::Nothing);
    assert_eq!(decide(&Situation { since_vote: VOTE_INTERVAL, ..soon.clone() }), Action::Vote(nonce(7)));
    let votes = [vote(1, 6, true), vote(1, 7, false)];
    assert_eq!(decide(&Situation { votes: &votes, ..soon.clone() }), Action::Vote(nonce(7)), "one may join");
    let votes = [vote(1, 6, true), vote(2, 7, true), vote(1, 8, false)];
    let to_nine = signed(6..=9);
    assert_eq!(decide(&Situation { votes: &votes, signed: &to_nine, ..soon.clone() }), Action::Nothing);
    let unseen = Situation { votes: &[], cast: 1, ..soon };
    assert_eq!(decide(&unseen), Action::Nothing, "a vote that no endpoint shows has cost as much");
}

proptest! {
    /// What votes approve can be submitted, however long the lane has stood still.
    #[test]
    fn a_backlog_of_any_length_is_brought_on_by_votes(
        handled in 0u64..10_000, open in 1u64..100_000, ahead in proptest::collection::vec(0u64..100, 3),
    ) {
        let mut voted: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for turn in 0..9 {
            let relay = turn % 3;
            let newest = handled + open + ahead[relay];
            let own = signed(crate::attest::due(nonce(newest), nonce(handled)).into_iter().map(RequestNonce::get).chain(
                voted.keys().copied().filter(|at| *at <= newest)).collect::<BTreeSet<_>>());
            let votes: Vec<OpenVote> =
                voted.iter().map(|(at, voters)| vote(voters.len(), *at, voters.contains(&relay))).collect();
            let situation = Situation { handled: nonce(handled), sent: nonce(handled), votes: &votes, signed: &own, ..waiting() };
            if let Action::Vote(at) = decide(&situation) {
                voted.entry(at.get()).or_default().insert(relay);
            }
        }
        let approved: Vec<_> = voted.iter().filter(|(_, voters)| voters.len() >= 2).map(|(at, _)| nonce(*at)).collect();
        let situation = Situation { handled: nonce(handled), sent: nonce(handled), approved: &approved, ..waiting() };
        prop_assert!(matches!(decide(&situation), Action::Handle(_)), "{voted:?}");
    }

    #[test]
    fn ranks_are_a_permutation_that_changes_with_the_nonce(count in 1u8..6, handled in 0u64..1000) {
        let operators = operators(count);
        let ranks = |at| -> Vec<usize> {
            operators.members.iter().map(|member| rank(LANE, nonce(at), Some(*member), &operators).unwrap()).collect()
        };
        let mut sorted = ranks(handled);
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..usize::from(count)).collect::<Vec<_>>());
        let all: Vec<_> = (handled..handled + 8).map(ranks).collect();
        prop_assert!(count < 3 || all.iter().any(|other| *other != all[0]));
    }

    /// Votes alone bring a lane on: honest relays act one after the other, and even when what each has seen stays another for
    /// ever, a threshold of them meets at one checkpoint.
    #[test]
    fn relays_without_a_coordinator_meet_at_one_checkpoint(
        newest in proptest::collection::vec(6u64..14, 3..8), first in 0usize..8,
    ) {
        let relays = newest.len();
        let mut voted: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        let mut most = 0;
        for turn in 0..(relays + 1) * relays {
            let relay = (turn + first) % relays;
            let seen = voted.iter().filter(|(at, _)| **at <= newest[relay]);
            let votes: Vec<OpenVote> =
                seen.map(|(at, voters)| vote(voters.len(), *at, voters.contains(&relay))).collect();
            let own = signed(6..=newest[relay]);
            let situation = Situation { votes: &votes, signed: &own, ..waiting() };
            if let Action::Vote(at) = decide(&situation) {
                let voters = voted.entry(at.get()).or_default();
                voters.insert(relay);
                most = most.max(voters.len());
            }
        }
        prop_assert!(most > relays / 2, "{voted:?}");
    }
}
