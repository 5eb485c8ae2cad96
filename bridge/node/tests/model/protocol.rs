//! All parts together, and every step that any of them can take.

use stateright::{Model, Property};

use crate::contract::{Contract, Transaction};
use crate::decision::Turn;
use crate::properties::{self, distance};
use crate::relay::Relay;
use crate::said::{DISHONEST, REQUESTS, Said, Saying, Truth};

/// Faults that may happen, each at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Faults {
    /// The endpoints of one honest relay show it a forged source, from the first request on, as long as the true one; with each
    /// store that it loses it gets other endpoints.
    pub deceived: bool,
    /// One honest relay never reaches the coordinator.
    pub cut: bool,
    /// Crashes of a relay; it starts again.
    pub crashes: u8,
    /// Databases that a relay loses; it starts again with an empty one.
    pub stores: u8,
    /// Whether such a relay takes the empty database for a whole history.
    pub unprotected: bool,
    /// Transactions that no block ever has.
    pub losses: u8,
    /// Times that the coordinator loses everything.
    pub wipes: u8,
    /// Changes of operators.
    pub epochs: u8,
    /// Transactions of honest relays that can be on their way at one time.
    pub in_flight: usize,
    /// Both requests are in one block.
    pub together: bool,
}

impl Faults {
    pub const NONE: Self = Self {
        deceived: false,
        cut: false,
        crashes: 0,
        stores: 0,
        unprotected: false,
        losses: 0,
        wipes: 0,
        epochs: 0,
        in_flight: 1,
        together: false,
    };

    /// Those that can still happen.
    pub const fn count(self) -> u32 {
        self.crashes as u32 + self.stores as u32 + self.losses as u32 + self.wipes as u32 + self.epochs as u32
    }
}

/// The protocol under a threshold and some faults.
pub struct Protocol {
    pub threshold: u8,
    pub faults: Faults,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Requests in final blocks of the source.
    pub requested: u8,
    pub contract: Contract,
    pub coordinator: Said,
    pub relays: [Relay; DISHONEST as usize],
    /// Faults that have not happened yet.
    pub left: Faults,
    /// The dishonest operator has spoken its lies in public.
    pub lied: bool,
    /// Everything that any key ever signed. Nothing decides by it: it is what the properties are judged by.
    pub ever: Said,
    /// Of each request that was paid, whose keys had signed the checkpoint that paid it.
    pub behind: [u8; REQUESTS as usize],
    /// The last step brought the end nearer.
    pub nearer: bool,
}

/// One step of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next request is made and final.
    Request,
    /// A relay reads the source to its final block and proves it.
    Verify(usize),
    /// A relay takes in what its key signed before, signs everything that is due, and hands it to the coordinator if it reaches
    /// that. `asks`: the coordinator answers in time when it is asked for what the key published.
    Attest {
        relay: usize,
        asks: bool,
    },
    /// Hands over again what the coordinator has lost.
    Publish(usize),
    /// An operator answers for what its relay's key signed before the store was lost.
    Adopt(usize),
    Send(usize, Transaction),
    Mine(usize),
    Lose(usize),
    Crash(usize),
    LoseStore(usize),
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

    /// What happens without any fault.
    pub fn honest(&self, state: &State, steps: &mut Vec<Step>) {
        if state.requested < REQUESTS {
            steps.push(Step::Request);
        }
        let on_their_way = state.relays.iter().filter(|relay| relay.sent.is_some()).count();
        for (index, relay) in state.relays.iter().enumerate() {
            // What is on its way gets into a block whatever became of who sent it.
            if relay.sent.is_some() {
                steps.push(Step::Mine(index));
            }
            if !relay.up {
                steps.push(Step::Restart(index));
                continue;
            }
            if relay.verified != Some(state.requested) {
                steps.push(Step::Verify(index));
            }
            let attests = |asks| {
                let mut after = *relay;
                after.attest(&state.contract, state.coordinator, asks);
                after != *relay
            };
            let asks = [true, false].into_iter().filter(|asks| !(*asks && relay.told) && attests(*asks));
            steps.extend(asks.map(|asks| Step::Attest { relay: index, asks }));
            if state.coordinator.and(relay.published(&state.contract)) != state.coordinator {
                steps.push(Step::Publish(index));
            }
            if { *relay }.adopt(&state.contract, state.ever) {
                steps.push(Step::Adopt(index));
            }
            if relay.sent.is_none() && on_their_way < self.faults.in_flight {
                let wanted =
                    relay.transaction(&state.contract, state.coordinator, self.threshold, Turn::ALWAYS);
                steps.extend(wanted.map(|transaction| Step::Send(index, transaction)));
            }
        }
    }

    /// Whether anything happens without any fault.
    pub fn goes_on(&self, state: &State) -> bool {
        let is_busy =
            |relay: &Relay| !relay.up || relay.sent.is_some() || relay.verified != Some(state.requested);
        let mut steps = Vec::new();
        if !state.relays.iter().any(is_busy) {
            self.honest(state, &mut steps);
        }
        state.relays.iter().any(is_busy) || !steps.is_empty()
    }

    fn faulty(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, relay) in state.relays.iter().enumerate() {
            if relay.up && state.left.crashes > 0 {
                steps.push(Step::Crash(index));
            }
            // Of relays that always see the same, one that was lied to says the most.
            if relay.up && state.left.stores > 0 && (index == 0 || !self.faults.deceived) {
                steps.push(Step::LoseStore(index));
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
        let Contract { handled, epoch, .. } = state.contract;
        for nonce in handled + 1..=REQUESTS {
            let truth = Truth::Forged;
            let signers = state.ever.operators(nonce, truth, epoch) | 1 << DISHONEST;
            let forged = Transaction::Handle { first: handled, end: nonce, nonce, truth, epoch, signers };
            if state.contract.takes(forged, self.threshold) {
                steps.push(Step::Forge(forged));
            }
        }
    }

    /// The contract executes it, and what it pays is compared with what was ever signed, whatever the contract has counted.
    fn execute(&self, state: &mut State, transaction: Transaction) {
        let (handled, epoch) = (state.contract.handled, state.contract.epoch);
        state.contract.execute(transaction, self.threshold);
        let (nonce, truth) = transaction.about();
        for request in handled..state.contract.handled {
            state.behind[usize::from(request)] = state.ever.operators(nonce, truth, epoch);
        }
    }
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
            requested: 0,
            contract: Contract::default(),
            coordinator: Said::NOTHING,
            relays,
            left: self.faults,
            lied: false,
            ever: Said::NOTHING,
            behind: [0; REQUESTS as usize],
            nearer: true,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.honest(state, steps);
        self.faulty(state, steps);
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Request if self.faults.together => state.requested = REQUESTS,
            Step::Request => state.requested += 1,
            Step::Verify(index) => state.relays[index].verified = Some(state.requested),
            Step::Attest { relay: index, asks } => {
                let relay = &mut state.relays[index];
                relay.attest(&before.contract, before.coordinator, asks);
                state.ever = state.ever.and(relay.store.signed);
                state.coordinator = state.coordinator.and(relay.published(&before.contract));
            }
            Step::Publish(index) => {
                state.coordinator = state.coordinator.and(before.relays[index].published(&before.contract));
            }
            Step::Adopt(index) => {
                state.relays[index].adopt(&before.contract, before.ever);
            }
            Step::Send(index, transaction) => state.relays[index].sent = Some(transaction),
            Step::Mine(index) => {
                let sent = state.relays[index].sent.take()?;
                self.execute(&mut state, sent);
            }
            Step::Lose(index) => {
                state.relays[index].sent = None;
                state.left.losses -= 1;
            }
            Step::Crash(index) => {
                state.relays[index].up = false;
                state.left.crashes -= 1;
            }
            Step::LoseStore(index) => {
                let relay = &mut state.relays[index];
                match self.faults.unprotected {
                    true => relay.lose_store_unprotected(),
                    false => relay.lose_store(),
                }
                if self.faults.deceived && index == 0 {
                    relay.sees = relay.sees.other();
                }
                state.left.stores -= 1;
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
                state.lied = true;
                for saying in lies(state.contract.epoch) {
                    state.ever = state.ever.with(saying);
                    state.coordinator = state.coordinator.with(saying);
                    state.contract.execute(Transaction::Vote(saying), self.threshold);
                }
            }
            Step::Forge(transaction) => {
                let ((nonce, truth), epoch) = (transaction.about(), state.contract.epoch);
                state.ever = state.ever.with(Saying { nonce, truth, epoch, operator: DISHONEST });
                self.execute(&mut state, transaction);
            }
        }
        state.nearer = distance(self, &state) < distance(self, before);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
