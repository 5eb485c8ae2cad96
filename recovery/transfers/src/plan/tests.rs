//! A plan is complete, without duplicates and in order, and asks for exactly what is missing, whatever chains and store are like.

mod world;

use polyspan_types::{BlockHeight, RequestNonce, TransferState};
use proptest::prelude::*;

use super::*;
use crate::NonceRange;
use world::{anything, world};

fn nonce(value: u64) -> RequestNonce {
    RequestNonce::new(value)
}

fn range(first: u64, end: u64) -> NonceRange {
    NonceRange::new(nonce(first), nonce(end))
}

fn set(ranges: &[(u64, u64)]) -> NonceSet {
    ranges.iter().map(|(first, end)| range(*first, *end)).collect()
}

/// Ten requests of which four are handled and eight are final; the store has everything that is final.
fn facts() -> LaneFacts {
    LaneFacts {
        source: Some(SourceFacts {
            requested: nonce(10),
            final_nonce: nonce(8),
            final_block: BlockHeight::new(90),
            paused: false,
        }),
        destination: Some(DestinationFacts {
            handled: nonce(4),
            final_handled: nonce(4),
            recovery_block: BlockHeight::new(40),
            paused: false,
            held: NonceSet::EMPTY,
        }),
        store: Some(StoreFacts {
            read_from: Some(BlockHeight::new(91)),
            next: nonce(8),
            verified: nonce(8),
            stored: set(&[(0, 8)]),
            told: range(0, 4),
            ..StoreFacts::default()
        }),
        compared: nonce(4),
        ..LaneFacts::default()
    }
}

fn refilter(plan: &Plan) -> Option<(u64, u64, NonceSet)> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Refilter { from, to, nonces } => Some((from.get(), to.get(), nonces.clone())),
        _ => None,
    })
}

fn waits(plan: &Plan) -> Vec<WaitFor> {
    let wait = |step: &Step| match step.action {
        Action::Wait { wait_for, .. } => Some(wait_for),
        _ => None,
    };
    plan.steps.iter().filter_map(wait).collect()
}

fn told(plan: &Plan) -> Vec<(String, String)> {
    plan.states.iter().map(|found| (found.state.to_string(), found.nonces.to_string())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(state, nonces)| ((*state).to_owned(), (*nonces).to_owned())).collect()
}

#[test]
fn every_state_has_its_nonces() {
    let mut facts = facts();
    let store = facts.store.as_mut().unwrap();
    store.told = range(1, 4);
    store.released = set(&[(2, 3)]);
    store.submitted = set(&[(4, 5)]);
    facts.destination.as_mut().unwrap().held = set(&[(3, 4)]);
    (facts.approved, facts.attested) = (nonce(6), nonce(7));
    let plan = plan(&facts);
    let expected = [
        ("requested", "8-9"),
        ("final", "7"),
        ("attested", "6"),
        ("approved", "5"),
        ("submitted", "4"),
        ("paid", "1"),
        ("held", "3"),
        ("released", "2"),
        ("settled", "0"),
    ];
    assert_eq!(told(&plan), pairs(&expected));
    use WaitFor::{Attestations, Finality, HoldEnd, Inclusion, Submission, Threshold};
    assert_eq!(waits(&plan), [Inclusion, Submission, Threshold, Attestations, Finality, HoldEnd]);
    assert_eq!(plan.look, Some(Look::Standing));
}

#[test]
fn what_lies_above_the_cursor_is_read_from_there_on() {
    let mut facts = facts();
    let store = facts.store.as_mut().unwrap();
    (store.read_from, store.next, store.verified) = (Some(BlockHeight::new(61)), nonce(6), nonce(6));
    store.stored = set(&[(0, 6)]);
    let plan = plan(&facts);
    assert_eq!(refilter(&plan), Some((61, 90, set(&[(6, 8)]))));
    assert_eq!(plan.nonces(NonceState::Unseen), &set(&[(6, 8)]));
    let reason = &plan.steps[0].reason;
    assert!(reason.contains("first look") && reason.contains("lacks 2"), "{reason}");
}

#[test]
fn a_hole_is_read_from_the_recovery_block_on() {
    let mut facts = facts();
    facts.store.as_mut().unwrap().stored = set(&[(0, 5), (6, 8)]);
    facts.previous = Some(nonce(4));
    let plan = plan(&facts);
    assert_eq!(refilter(&plan), Some((40, 90, set(&[(5, 6)]))));
    let reason = &plan.steps[0].reason;
    assert!(reason.contains("4 as at the last look") && reason.contains("has a hole"), "{reason}");
}

#[test]
fn an_empty_store_is_read_from_the_recovery_block_on() {
    let facts = LaneFacts { store: Some(StoreFacts::default()), ..facts() };
    let plan = plan(&facts);
    assert_eq!(refilter(&plan), Some((40, 90, set(&[(4, 8)]))));
    assert_eq!(told(&plan), pairs(&[("unseen", "4-7"), ("requested", "8-9"), ("settled", "0-3")]));
}

#[test]
fn a_store_that_is_behind_the_destination_reads_what_lies_between_too() {
    let mut facts = facts();
    let store = facts.store.as_mut().unwrap();
    (store.read_from, store.next, store.verified) = (Some(BlockHeight::new(21)), nonce(2), nonce(2));
    (store.stored, store.told) = (set(&[(0, 2)]), range(0, 2));
    let plan = plan(&facts);
    assert_eq!(refilter(&plan), Some((21, 90, set(&[(2, 8)]))));
    assert_eq!(plan.nonces(NonceState::Unseen), &set(&[(4, 8)]));
    assert_eq!(plan.nonces(NonceState::Settled), &set(&[(2, 4)]));
}

#[test]
fn a_lane_that_moves_is_left_to_the_live_way() {
    let facts = LaneFacts { previous: Some(nonce(3)), store: Some(StoreFacts::default()), ..facts() };
    let plan = plan(&facts);
    assert_eq!((plan.look, refilter(&plan)), (Some(Look::Moving), None));
    assert_eq!(waits(&plan)[0], WaitFor::LiveWay);
}

#[test]
fn what_keeps_a_lane_is_told_before_what_its_requests_wait_for() {
    let mut facts = LaneFacts { halted: Some("the root differs".to_owned()), ..facts() };
    facts.destination.as_mut().unwrap().paused = true;
    facts.store.as_mut().unwrap().verified = nonce(6);
    let plan = plan(&facts);
    use WaitFor::{Attestations, EndOfPause, Finality, Person, Proof};
    assert_eq!(waits(&plan), [Person, EndOfPause, Proof, Attestations, Finality]);
    assert!(plan.steps[0].reason.contains("the root differs"), "{}", plan.steps[0].reason);
    assert!(plan.steps[2].action.to_string().contains("6-7"), "{}", plan.steps[2].action);
}

#[test]
fn an_end_that_does_not_answer_is_told_and_the_rest_is_shown() {
    let blind = LaneFacts { destination: None, ..facts() };
    let shown = plan(&blind);
    assert_eq!((shown.look, waits(&shown)[0]), (None, WaitFor::Destination));
    assert_eq!(told(&shown), pairs(&[("requested", "8-9"), ("final", "4-7"), ("paid", "0-3")]));
    let blind = LaneFacts { source: None, ..facts() };
    let shown = plan(&blind);
    assert_eq!((shown.look, waits(&shown)[0]), (None, WaitFor::Source));
    assert_eq!(told(&shown), pairs(&[("final", "4-7"), ("paid", "0-3")]));
    let dark = plan(&LaneFacts::default());
    assert_eq!((told(&dark), waits(&dark)), (Vec::new(), vec![WaitFor::Source, WaitFor::Destination]));
}

#[test]
fn without_a_store_the_chains_tell_what_they_can() {
    let plan = plan(&LaneFacts { store: None, approved: nonce(6), ..facts() });
    let expected = [("requested", "8-9"), ("final", "6-7"), ("approved", "4-5"), ("settled", "0-3")];
    assert_eq!((told(&plan), refilter(&plan)), (pairs(&expected), None));
}

#[test]
fn a_destination_that_is_ahead_of_its_source_is_told() {
    let mut facts = facts();
    let destination = facts.destination.as_mut().unwrap();
    (destination.handled, destination.final_handled) = (nonce(12), nonce(12));
    let plan = plan(&facts);
    let first = &plan.steps[0];
    assert_eq!(waits(&plan), [WaitFor::Source]);
    assert!(first.reason.contains("12 requests and the source has 10"), "{}", first.reason);
}

#[test]
fn nothing_is_called_paid_where_the_roots_differ_or_were_not_compared() {
    let mut facts = LaneFacts { compared: nonce(2), ..facts() };
    facts.destination.as_mut().unwrap().held = set(&[(0, 1), (3, 4)]);
    let unread = plan(&facts);
    let above = [("requested", "8-9"), ("final", "4-7")];
    let expected = [&above[..], &[("paid", "1"), ("held", "0, 3"), ("unproven", "2")]].concat();
    assert_eq!(told(&unread), pairs(&expected));
    assert_eq!(waits(&unread)[0], WaitFor::Proof);

    facts.dispute = Some("the destination's root is another one".to_owned());
    let disputed = plan(&facts);
    let expected = [&above[..], &[("paid", "1"), ("held", "0"), ("unproven", "2-3")]].concat();
    assert_eq!(told(&disputed), pairs(&expected));
    assert_eq!(waits(&disputed)[0], WaitFor::Person);
    assert!(disputed.steps[0].reason.contains("is another one (runbook"), "{}", disputed.steps[0].reason);
    // Somebody without a store calls nothing settled either.
    let public = plan(&LaneFacts { store: None, compared: RequestNonce::ZERO, ..facts });
    assert_eq!(public.nonces(NonceState::Unproven), &set(&[(0, 4)]));
}

#[test]
fn json_names_states_and_steps() {
    let mut facts = facts();
    facts.store.as_mut().unwrap().stored = set(&[(0, 5), (6, 8)]);
    let json = serde_json::to_value(plan(&facts)).unwrap();
    assert_eq!(json["look"], "standing", "{json}");
    assert_eq!(json["states"][0]["state"], "unseen", "{json}");
    assert_eq!(json["states"][0]["nonces"][0]["first"], 5, "{json}");
    assert_eq!(
        (&json["steps"][0]["do"], &json["steps"][0]["from"]),
        (&"refilter".into(), &40.into()),
        "{json}"
    );
    assert_eq!(json["steps"][1]["wait_for"], "attestations", "{json}");
}

/// Each nonce once, in order, without a gap.
fn assert_complete(facts: &LaneFacts) -> Result<(), TestCaseError> {
    let plan = plan(facts);
    let total = facts.requested().get();
    let mut ranges: Vec<_> = plan.states.iter().flat_map(|found| found.nonces.ranges().to_vec()).collect();
    ranges.sort_unstable_by_key(|range| range.first);
    let mut next = RequestNonce::ZERO;
    for range in &ranges {
        prop_assert_eq!(range.first, next, "{:?}", plan);
        prop_assert!(range.first < range.end);
        next = range.end;
    }
    prop_assert_eq!(next.get(), total);
    prop_assert_eq!(plan.states.iter().map(|found| found.count).sum::<u64>(), total);
    prop_assert!(plan.states.windows(2).all(|pair| pair[0].state < pair[1].state));
    prop_assert!(plan.states.iter().all(|found| found.count > 0));
    prop_assert!(!plan.steps.is_empty() && plan.steps.iter().all(|step| !step.reason.is_empty()));
    let nothing = plan.steps.iter().filter(|step| step.action == Action::Nothing).count();
    prop_assert!(nothing == 0 || plan.steps.len() == 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_known_every_nonce_has_exactly_one_state(facts in anything()) {
        assert_complete(&facts)?;
    }

    #[test]
    fn the_plan_of_a_lane_is_complete_and_reads_exactly_what_is_missing(world in world()) {
        let facts = world.facts();
        assert_complete(&facts)?;
        let plan = plan(&facts);
        let missing = world.missing();
        let expected = (world.is_standing() && !missing.is_empty()).then_some(missing);
        prop_assert_eq!(refilter(&plan).map(|(_, _, nonces)| nonces), expected, "{:?}", plan);
        prop_assert_eq!(plan.nonces(NonceState::Unseen), &world.unseen(), "{:?}", plan);
        prop_assert_eq!(plan.nonces(NonceState::Known(TransferState::Held)), &world.held());
    }

    #[test]
    fn reading_begins_at_or_below_the_block_of_each_missing_request(world in world()) {
        if let Some((from, to, nonces)) = refilter(&plan(&world.facts())) {
            for range in nonces.ranges() {
                for nonce in range.first.get()..range.end.get() {
                    let block = world.block(nonce);
                    prop_assert!(from <= block && block <= to, "{} in block {} of {}-{}", nonce, block, from, to);
                }
            }
        }
    }

    #[test]
    fn an_even_lane_needs_nothing(world in world()) {
        let plan = plan(&world.even().facts());
        prop_assert_eq!(plan.look, Some(Look::Even));
        prop_assert_eq!(plan.steps.len(), 1);
        prop_assert_eq!(&plan.steps[0].action, &Action::Nothing);
    }

    #[test]
    fn a_standing_lane_with_everything_stored_reads_nothing(world in world()) {
        let plan = plan(&world.complete().facts());
        prop_assert_eq!(refilter(&plan), None);
        prop_assert!(plan.nonces(NonceState::Unseen).is_empty());
    }
}
