//! The same relays under a clock: who acts when is decided by leases, ranks and delays, by the relay's own code.
//!
//! Time goes in ticks, of one step between two ranks and at least one block. Within a tick each relay acts once, in any order, and
//! what was sent a tick before gets into a block. So a request is handled in time or never, and "in time" can be asked of every state.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use polyspan_coordination::{Candidate, Claim, Decision, MemberId, challenge, decide, leader};
use polyspan_node::turn::{Pace, Stall, VOTE_INTERVAL, others_bring_it_on, rank};
use polyspan_types::Term;
use stateright::{Model, Property};

use crate::contract::{Contract, Transaction};
use crate::decision::Turn;
use crate::relay::Relay;
use crate::said::{LANE, OPERATORS, REQUESTS, Said, address, members, nonce};

pub const IN_TIME: &str = "every request is handled in time once faults stop";

const THRESHOLD: u8 = 3;
/// Unit: time. Source: the step between two ranks, `RANK_STEP` of `turn.rs`.
const TICK: Duration = Duration::from_millis(1500);
/// How long a leader that is dead still leads, and a relay that crashed stays away. Unit: ticks.
const LEASE: u8 = 2;
const AWAY: u8 = 4;

/// What goes wrong, and for how long a relay waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Course {
    /// One operator does nothing at all but to keep its lease.
    pub stands: u8,
    /// Who leads at the start.
    pub leads: u8,
    /// Nobody reaches the coordinator.
    pub apart: bool,
    /// Crashes of a relay, and transactions that no block ever has.
    pub crashes: u8,
    pub losses: u8,
    /// Requests at the start; the others come in the first tick or in the second.
    pub at_once: u8,
    /// Within so many ticks of the last fault and of the last request everything is handled.
    pub within: u8,
    /// Delay of the first rank.
    pub takeover_after: u32,
}

/// A relay with what its process remembers of the turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat {
    relay: Relay,
    memory: Memory,
    /// When it sent what is on its way, and whether it led by the coordinator's word then.
    sent_at: u8,
    sent_as_leader: bool,
    down_since: u8,
    /// It has acted in this tick.
    acted: bool,
}

/// As `LaneSubmission` and the board have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Memory {
    stall: Stall,
    leads: bool,
    took_over: bool,
    own_end: u8,
    last_vote: Option<u8>,
    cast: u8,
    cast_at: u8,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    now: u8,
    requested: u8,
    contract: Contract,
    coordinator: Said,
    claims: [(u64, bool); OPERATORS as usize],
    seats: [Seat; OPERATORS as usize],
    crashes: u8,
    losses: u8,
    /// The last fault or request.
    last: u8,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Request,
    /// A relay does everything that it has to do now.
    Act(usize),
    Mine(usize),
    Lose(usize),
    Crash(usize),
    Restart(usize),
    Tick,
}

impl Course {
    /// What the last of four ranks waits for from when it knows of a threshold's attestations, two ticks until it does, and one for
    /// its block. Unit: ticks.
    const LAST_RANK: u8 = 7;

    /// A leader that stands, and no other fault.
    pub const fn led_by(stands: u8) -> Self {
        let within = Self::LAST_RANK + 1;
        let takeover_after = 3;
        Self {
            stands,
            leads: stands,
            apart: false,
            crashes: 0,
            losses: 0,
            at_once: 1,
            within,
            takeover_after,
        }
    }

    fn acts(&self, index: usize) -> bool {
        index != usize::from(self.stands)
    }

    /// Its view of the lane's candidates, of which the coordinator shows it the claims.
    fn candidates(state: &State) -> Vec<Candidate> {
        let candidate = |(index, seat): (usize, &Seat)| Candidate {
            id: member(index).clone(),
            alive: seat.relay.up || state.now - seat.down_since < LEASE,
            claim: Claim { term: Term::new(state.claims[index].0), standing: state.claims[index].1 },
        };
        state.seats.iter().enumerate().map(candidate).collect()
    }

    /// As `lead.rs` and the coordinator do it.
    fn campaign(&self, state: &mut State, index: usize) {
        if self.apart {
            return;
        }
        let own = member(index);
        let mut candidates = Self::candidates(state);
        let memory = &mut state.seats[index].memory;
        let taken = match memory.took_over && !memory.leads {
            true => challenge(own, &candidates),
            false => None,
        };
        let term = taken.or_else(|| match decide(own, &candidates) {
            Decision::Claim(term) => Some(term),
            Decision::Lead(_) | Decision::Follow(..) => None,
        });
        if let Some(term) = term {
            candidates[index].claim = Claim { term, standing: true };
            state.claims[index] = (term.get(), true);
        }
        memory.leads = leader(&candidates).is_some_and(|(id, _)| id == own);
    }

    /// One round of all tasks of a relay.
    fn act(&self, state: &mut State, index: usize) {
        let State { now, requested, contract, .. } = *state;
        let coordinator = state.coordinator;
        let seat = &mut state.seats[index];
        seat.acted = true;
        seat.relay.verified = Some(requested);
        seat.relay.attest(&contract, coordinator, true);
        state.coordinator = coordinator.and(seat.relay.published(&contract));
        self.campaign(state, index);
        let coordinator = state.coordinator;
        let seat = &mut state.seats[index];
        let attested = seat.relay.attestations(&contract, coordinator, THRESHOLD);
        let seen = (requested, attested);
        let turn = seat.memory.turn(&contract, seen, now, self.takeover_after, seat.relay.operator);
        if seat.relay.sent.is_none() {
            seat.relay.sent = seat.relay.transaction(&contract, coordinator, THRESHOLD, turn);
            (seat.sent_at, seat.sent_as_leader) = match seat.relay.sent {
                Some(_) => (now, seat.memory.leads),
                None => (0, false),
            };
        }
    }

    /// What was sent has an end: in a block, or never.
    fn settle(&self, state: &mut State, index: usize, mined: bool) {
        let (before, now) = (state.contract, state.now);
        let seat = &mut state.seats[index];
        let Some(sent) = seat.relay.sent.take() else { return };
        if mined {
            state.contract.execute(sent, THRESHOLD);
        }
        let done = state.contract != before;
        match sent {
            Transaction::Vote(_) => {
                (seat.memory.last_vote, seat.memory.cast) = (Some(now), seat.memory.cast + 1);
            }
            Transaction::Handle { end, .. } if done => {
                seat.memory.own_end = seat.memory.own_end.max(end);
                seat.memory.took_over = !seat.sent_as_leader;
            }
            Transaction::Handle { .. } => seat.memory.took_over = false,
        }
        (seat.sent_at, seat.sent_as_leader) = (0, false);
        // A process that is down learns nothing by it.
        if !seat.relay.up {
            seat.memory = Memory::default();
        }
    }

    fn may_tick(&self, state: &State) -> bool {
        let ready = |(index, seat): (usize, &Seat)| {
            let settled = seat.relay.sent.is_none() || seat.sent_at == state.now;
            let back = seat.relay.up || state.now - seat.down_since < AWAY;
            settled && back && (seat.acted || !seat.relay.up || !self.acts(index))
        };
        let requested = state.requested == REQUESTS || state.now < 1;
        requested && state.seats.iter().enumerate().all(ready)
    }
}

impl Memory {
    /// Whose turn it is, as `submit.rs` finds it.
    fn turn(
        &mut self,
        contract: &Contract,
        (verified, attested): (u8, usize),
        now: u8,
        takeover_after: u32,
        operator: u8,
    ) -> Turn {
        let (handled, verified) = (nonce(contract.handled), nonce(verified));
        self.stall.observe(handled, verified, attested, at(now));
        if self.cast_at != contract.handled {
            (self.cast, self.cast_at) = (0, contract.handled);
        }
        if self.leads || others_bring_it_on(nonce(self.own_end), handled, verified) {
            self.took_over = false;
        }
        let pace = Pace { takeover_after, block_interval: Duration::from_secs(1) };
        let rank = rank_of(operator, contract.handled);
        let most = u8::try_from(VOTE_INTERVAL).unwrap();
        Turn {
            leads: self.leads || self.took_over,
            overdue: self.stall.lasts(at(now)) >= pace.delay(rank) && self.stall.is_going_on(),
            cast: self.cast,
            since_vote: self.last_vote.map_or(most, |vote| (now - vote).min(most)),
        }
    }
}

/// Asked once for all states.
fn rank_of(operator: u8, handled: u8) -> usize {
    static RANKS: OnceLock<Vec<[usize; OPERATORS as usize]>> = OnceLock::new();
    let ranks = |handled| {
        let operators = members(0, THRESHOLD);
        let rank = |operator| rank(LANE, nonce(handled), Some(address(operator)), &operators).unwrap();
        [0, 1, 2, 3].map(rank)
    };
    RANKS.get_or_init(|| (0..=REQUESTS).map(ranks).collect())[usize::from(handled)][usize::from(operator)]
}

/// The moment of a tick.
fn at(tick: u8) -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now) + TICK * u32::from(tick)
}

fn member(index: usize) -> &'static MemberId {
    static MEMBERS: OnceLock<Vec<MemberId>> = OnceLock::new();
    let name = |operator| MemberId::try_new(format!("relay-{operator}")).unwrap();
    &MEMBERS.get_or_init(|| (0..OPERATORS).map(name).collect())[index]
}

impl Model for Course {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let seat = |operator| {
            let mut relay = Relay::new(operator);
            relay.cut = self.apart;
            let memory = Memory::default();
            Seat { relay, memory, sent_at: 0, sent_as_leader: false, down_since: 0, acted: false }
        };
        let mut claims = [(0, false); OPERATORS as usize];
        claims[usize::from(self.leads)] = (1, true);
        vec![State {
            now: 0,
            requested: self.at_once,
            contract: Contract::default(),
            coordinator: Said::NOTHING,
            claims,
            seats: [0, 1, 2, 3].map(seat),
            crashes: self.crashes,
            losses: self.losses,
            last: 0,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.contract.handled == REQUESTS {
            return;
        }
        if state.requested < REQUESTS {
            steps.push(Step::Request);
        }
        for (index, seat) in state.seats.iter().enumerate().filter(|(index, _)| self.acts(*index)) {
            if seat.relay.sent.is_some() {
                steps.push(Step::Mine(index));
            }
            if seat.relay.sent.is_some() && state.losses > 0 {
                steps.push(Step::Lose(index));
            }
            if seat.relay.up && state.crashes > 0 {
                steps.push(Step::Crash(index));
            }
            if !seat.relay.up {
                steps.push(Step::Restart(index));
            } else if !seat.acted {
                steps.push(Step::Act(index));
            }
        }
        if self.may_tick(state) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Request => (state.requested, state.last) = (state.requested + 1, state.now),
            Step::Act(index) => self.act(&mut state, index),
            Step::Mine(index) => self.settle(&mut state, index, true),
            Step::Lose(index) => {
                self.settle(&mut state, index, false);
                (state.losses, state.last) = (state.losses - 1, state.now);
            }
            Step::Crash(index) => {
                let seat = &mut state.seats[index];
                (seat.relay.up, seat.down_since, seat.memory) = (false, state.now, Memory::default());
                state.crashes -= 1;
            }
            Step::Restart(index) => {
                let seat = &mut state.seats[index];
                (seat.relay.up, seat.down_since, seat.acted) = (true, 0, false);
                state.last = state.now;
            }
            Step::Tick => {
                state.now += 1;
                state.seats.iter_mut().for_each(|seat| seat.acted = false);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a request is paid once", |_, state: &State| {
                state.contract.paid.iter().all(|paid| *paid <= 1)
            }),
            Property::always(IN_TIME, |course: &Self, state: &State| {
                let all_up = state.seats.iter().all(|seat| seat.relay.up);
                let waits = state.requested == REQUESTS && all_up && state.contract.handled < REQUESTS;
                !waits || state.now - state.last <= course.within
            }),
            Property::always("no dead end", |course: &Self, state: &State| {
                let mut steps = Vec::new();
                if state.contract.handled < REQUESTS {
                    course.actions(state, &mut steps);
                }
                state.contract.handled == REQUESTS || !steps.is_empty()
            }),
            Property::sometimes(
                "who brings a lane on leads it from then on",
                |course: &Self, state: &State| {
                    let mut terms = state.seats.iter().zip(state.claims);
                    course.apart || terms.any(|(seat, (term, _))| seat.memory.leads && term > 1)
                },
            ),
            Property::sometimes("everything is handled", |_, state: &State| {
                state.contract.handled == REQUESTS
            }),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.now < 120
    }
}
