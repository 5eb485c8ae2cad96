//! All parts together, and what must hold.

use stateright::{Model, Property};

use crate::contract::{Contract, Transaction};
use crate::relay::Relay;
use crate::said::{DISHONEST, OPERATORS, REQUESTS, Said, Saying, Truth};

pub const PAID_AS_REQUESTED: &str = "what is paid was requested";

/// Faults that may happen, each at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Faults {
    /// The endpoints of one honest relay show it a forged source, from the first request on.
    pub deceived: bool,
    /// One honest relay never reaches the coordinator.
    pub cut: bool,
    /// Crashes of a relay; it starts again.
    pub crashes: u8,
    /// Transactions that no block ever has.
    pub losses: u8,
    /// Times that the coordinator loses everything.
    pub wipes: u8,
    /// Changes of operators.
    pub epochs: u8,
    /// Transactions of honest relays that can be on their way at one time.
    pub in_flight: usize,
    /// Both requests are in one block, so that relays read them together.
    pub together: bool,
}

impl Faults {
    pub const NONE: Self = Self {
        deceived: false,
        cut: false,
        crashes: 0,
        losses: 0,
        wipes: 0,
        epochs: 0,
        in_flight: 1,
        together: false,
    };
}

/// The protocol under a threshold and some faults.
pub struct Protocol {
    pub threshold: u8,
    pub faults: Faults,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    contract: Contract,
    coordinator: Said,
    relays: [Relay; DISHONEST as usize],
    /// Faults that have not happened yet.
    left: Faults,
    /// The dishonest operator has spoken its lies in public.
    lied: bool,
}

/// One step of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Verify(usize),
    /// Signs everything that is due, and hands it to the coordinator if it reaches that.
    Sign(usize),
    /// Hands over again what the coordinator has lost.
    Publish(usize),
    Send(usize, Transaction),
    Mine(usize),
    Lose(usize),
    Crash(usize),
    Restart(usize),
    Wipe,
    ChangeOperators,
    /// The dishonest operator attests and votes for everything, forged and true, under the present epoch.
    Lie,
    /// It sends what others have signed, with its own signature.
    Forge(Transaction),
}

impl Protocol {
    pub const fn new(threshold: u8, faults: Faults) -> Self {
        Self { threshold, faults }
    }

    /// What honest relays do without any fault.
    fn honest(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, relay) in state.relays.iter().enumerate() {
            if !relay.up {
                steps.push(Step::Restart(index));
                continue;
            }
            if relay.verified < REQUESTS {
                steps.push(Step::Verify(index));
            }
            if !self.due(relay, state).is_empty() {
                steps.push(Step::Sign(index));
            } else if state.coordinator.and(published(relay, state)) != state.coordinator {
                steps.push(Step::Publish(index));
            }
            match relay.sent {
                Some(_) => steps.push(Step::Mine(index)),
                None if state.relays.iter().filter(|other| other.sent.is_some()).count()
                    >= self.faults.in_flight => {}
                None => {
                    let wanted = relay.transaction(&state.contract, state.coordinator, self.threshold);
                    steps.extend(wanted.map(|transaction| Step::Send(index, transaction)));
                }
            }
        }
    }

    /// What a relay is to sign now.
    fn due(&self, relay: &Relay, state: &State) -> Vec<Saying> {
        relay.unsigned(&state.contract).into_iter().filter(|saying| relay.may_sign(*saying)).collect()
    }

    fn faulty(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, relay) in state.relays.iter().enumerate() {
            if relay.up && state.left.crashes > 0 {
                steps.push(Step::Crash(index));
            }
            if relay.sent.is_some() && state.left.losses > 0 {
                steps.push(Step::Lose(index));
            }
        }
        if state.left.wipes > 0 && state.coordinator != Said::NOTHING {
            steps.push(Step::Wipe);
        }
        if state.left.epochs > 0 {
            steps.push(Step::ChangeOperators);
        }
        if !state.lied {
            steps.push(Step::Lie);
        }
        self.forgeries(state, steps);
    }

    /// `handle` of everything forged, with every signature over it that exists: when these are too few, so are fewer.
    fn forgeries(&self, state: &State, steps: &mut Vec<Step>) {
        let signed = state.relays.iter().fold(Said::NOTHING, |all, relay| all.and(relay.signed));
        let Contract { handled, epoch, .. } = state.contract;
        for nonce in handled + 1..=REQUESTS {
            let signers = signed.operators(nonce, Truth::Forged, epoch) | 1 << DISHONEST;
            let forged = Transaction::Handle {
                first: handled,
                end: nonce,
                nonce,
                truth: Truth::Forged,
                epoch,
                signers,
            };
            let mut after = state.contract;
            after.execute(forged, self.threshold);
            if after != state.contract {
                steps.push(Step::Forge(forged));
            }
        }
    }
}

/// What a relay keeps in the coordinator: nothing that is handled or of an older epoch.
fn published(relay: &Relay, state: &State) -> Said {
    let Contract { handled, epoch, .. } = state.contract;
    let open =
        relay.signed.iter().filter(|saying| !relay.cut && saying.nonce > handled && saying.epoch == epoch);
    open.fold(Said::NOTHING, Said::with)
}

/// What the dishonest operator can say under an epoch.
fn lies(epoch: u8) -> impl Iterator<Item = Saying> {
    Saying::all().filter(move |saying| saying.operator == DISHONEST && saying.epoch == epoch)
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut relays = [0, 1, 2].map(Relay::new);
        if self.faults.deceived {
            relays[0].sees = Truth::Forged;
        }
        relays[1].cut = self.faults.cut;
        vec![State {
            contract: Contract::default(),
            coordinator: Said::NOTHING,
            relays,
            left: self.faults,
            lied: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.honest(state, steps);
        self.faulty(state, steps);
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Verify(index) if self.faults.together => state.relays[index].verified = REQUESTS,
            Step::Verify(index) => state.relays[index].verified += 1,
            Step::Sign(index) => {
                for saying in self.due(&before.relays[index], before) {
                    state.relays[index].signed = state.relays[index].signed.with(saying);
                }
                state.coordinator = state.coordinator.and(published(&state.relays[index], &state));
            }
            Step::Publish(index) => {
                state.coordinator = state.coordinator.and(published(&before.relays[index], before));
            }
            Step::Send(index, transaction) => state.relays[index].sent = Some(transaction),
            Step::Mine(index) => {
                let sent = state.relays[index].sent.take()?;
                state.contract.execute(sent, self.threshold);
            }
            Step::Lose(index) => {
                state.relays[index].sent = None;
                state.left.losses -= 1;
            }
            Step::Crash(index) => {
                state.relays[index].up = false;
                state.left.crashes -= 1;
            }
            Step::Restart(index) => state.relays[index].up = true,
            Step::Wipe => {
                state.coordinator = Said::NOTHING;
                state.left.wipes -= 1;
            }
            Step::ChangeOperators => {
                state.contract.change_operators();
                state.left.epochs -= 1;
            }
            Step::Lie => {
                for saying in lies(state.contract.epoch) {
                    state.coordinator = state.coordinator.with(saying);
                    state.contract.execute(Transaction::Vote(saying), self.threshold);
                }
                state.lied = true;
            }
            Step::Forge(transaction) => state.contract.execute(transaction, self.threshold),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a request is paid once", |_, state: &State| {
                state.contract.paid.iter().all(|paid| *paid <= 1)
            }),
            Property::always(PAID_AS_REQUESTED, |_, state: &State| state.contract.forged == 0),
            Property::always("no honest relay signs two roots for one nonce", |_, state: &State| {
                state.relays.iter().all(|relay| {
                    let truths = |nonce| {
                        relay
                            .signed
                            .iter()
                            .filter(move |saying| saying.nonce == nonce)
                            .map(|saying| saying.truth)
                    };
                    (1..=REQUESTS).all(|nonce| truths(nonce).all(|truth| truth == relay.sees))
                })
            }),
            Property::always("no relay sends what would revert now", |model: &Self, state: &State| {
                state.relays.iter().filter(|relay| relay.up && relay.sent.is_none()).all(|relay| {
                    let sent = relay.transaction(&state.contract, state.coordinator, model.threshold);
                    sent.is_none_or(|sent| {
                        let mut after = state.contract;
                        after.execute(sent, model.threshold);
                        after != state.contract
                    })
                })
            }),
            // Honest steps add something: a signature, a vote, a payment; or a transaction that is too late because another one added
            // something. So they end; and where they end, everything is handled.
            Property::always(
                "whenever honest relays can do no more, everything is handled",
                |model: &Self, state| {
                    let enough = !model.faults.deceived && model.threshold < OPERATORS;
                    let mut steps = Vec::new();
                    if enough {
                        model.honest(state, &mut steps);
                    }
                    !enough || !steps.is_empty() || state.contract.handled == REQUESTS
                },
            ),
            Property::sometimes("everything is handled", |_, state: &State| {
                state.contract.handled == REQUESTS
            }),
        ]
    }
}
