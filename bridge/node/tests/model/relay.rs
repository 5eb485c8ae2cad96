//! An honest relay: what it remembers, and what its own code makes of what it sees.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use polyspan_node::tally::VotedCheckpoint;
use polyspan_node::{due, history};
use polyspan_store::SignFloor;
use polyspan_types::RequestNonce;

use crate::contract::{Contract, Transaction};
use crate::decision::{Input, Turn};
use crate::said::{LANE, OPERATORS, REQUESTS, Said, Saying, Truth, address, domain, nonce, number, root};

/// One relay, between two of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Relay {
    pub operator: u8,
    /// Its process runs.
    pub up: bool,
    /// It cannot reach the coordinator.
    pub cut: bool,
    /// What its endpoints show it of the source.
    pub sees: Truth,
    /// Requests that it has read and proved; `None` before the first proof of a new store.
    pub verified: Option<u8>,
    /// What is durable of what its key signed.
    pub store: Store,
    /// The coordinator has told what this key published before. A store that has lost nothing learns nothing by that.
    pub told: bool,
    /// Its transaction that is in no block yet.
    pub sent: Option<Transaction>,
}

/// The slashing protection: the rows of `signed_root`, the attestations and the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Store {
    roots: [Option<Truth>; REQUESTS as usize],
    pub signed: Said,
    floor: SignFloor,
}

impl Store {
    /// Nothing is known.
    const EMPTY: Self =
        Self { roots: [None; REQUESTS as usize], signed: Said::NOTHING, floor: SignFloor::UNKNOWN };

    /// All is known, as where the relay was there before the first request.
    fn whole() -> Self {
        Self { floor: SignFloor::UNKNOWN.seen(RequestNonce::ZERO, RequestNonce::ZERO), ..Self::EMPTY }
    }

    const fn root_of(&self, nonce: u8) -> Option<Truth> {
        self.roots[nonce as usize - 1]
    }

    fn highest(&self) -> RequestNonce {
        nonce((1..=REQUESTS).filter(|nonce| self.root_of(*nonce).is_some()).max().unwrap_or_default())
    }

    /// Whether that may be signed: the rule of the store's transaction.
    fn permits(&self, saying: Saying) -> bool {
        match self.root_of(saying.nonce) {
            Some(known) => known == saying.truth,
            None => self.floor.permits(nonce(saying.nonce)),
        }
    }

    fn record(&mut self, saying: Saying) {
        self.roots[usize::from(saying.nonce) - 1] = Some(saying.truth);
        self.signed = self.signed.with(saying);
    }

    /// As `Store::take_in_signed` and `Store::doubt_history`.
    fn take_in(&mut self, found: BTreeMap<RequestNonce, Truth>, dissent: Vec<RequestNonce>) {
        let mut disproved = false;
        for (at, truth) in found {
            if self.root_of(number(at)).is_none() {
                disproved |= self.floor.is_disproved_by(at);
                self.roots[usize::from(number(at)) - 1] = Some(truth);
            }
        }
        if disproved {
            self.floor = self.floor.forgotten();
        }
        for at in dissent {
            if self.root_of(number(at)).is_none() && self.floor.permits(at) {
                self.floor = self.floor.forgotten();
            }
        }
    }

    /// Falls with everything that is learned, signed, decided or adopted; see [`crate::properties`].
    fn potential(&self) -> u32 {
        let unknown = self.roots.iter().filter(|root| root.is_none()).count();
        let floor = self.floor.floor().map_or(8, |floor| u32::from(REQUESTS - number(floor).min(REQUESTS)));
        let unadopted = u32::from(REQUESTS - number(self.floor.adopted()).min(REQUESTS));
        32 * u32::try_from(unknown).unwrap() + 16 - self.signed.count() + floor + unadopted
    }
}

impl Relay {
    pub fn new(operator: u8) -> Self {
        Self {
            operator,
            up: true,
            cut: false,
            sees: Truth::True,
            verified: Some(0),
            store: Store::whole(),
            told: true,
            sent: None,
        }
    }

    /// Its database is gone, and it starts with an empty one. Nothing tells it that it was there before.
    pub fn lose_store(&mut self) {
        (self.up, self.verified, self.store, self.told) = (false, None, Store::EMPTY, false);
    }

    /// It loses the database and takes the empty one for a whole history: what the floor is there for.
    pub fn lose_store_unprotected(&mut self) {
        self.lose_store();
        (self.store, self.told) = (Store::whole(), true);
    }

    /// One step of its attester, as `attest.rs` does it: what its key signed is taken in, the floor is decided, and what is due is
    /// signed and stored. `asks`: the coordinator answers in time.
    pub fn attest(&mut self, contract: &Contract, coordinator: Said, asks: bool) {
        let hears = asks && !self.told && !self.cut;
        self.recall(contract, if hears { coordinator } else { Said::NOTHING });
        self.told |= hears;
        let Some(verified) = self.verified else { return };
        if self.store.floor.floor().is_none() {
            self.store.floor = self.store.floor.seen(nonce(verified), self.store.highest());
        }
        for saying in self.due(verified, contract) {
            if self.store.permits(saying) {
                self.store.record(saying);
            }
        }
    }

    /// An operator who knows what the key ever signed answers for it, where something due is withheld.
    pub fn adopt(&mut self, contract: &Contract, ever: Said) -> bool {
        let Some(verified) = self.verified else { return false };
        let kept_back =
            |saying: &Saying| self.store.root_of(saying.nonce).is_none() && !self.store.permits(*saying);
        let withheld =
            self.store.floor.floor().is_some() && self.due(verified, contract).iter().any(kept_back);
        let own = || ever.iter().filter(|saying| saying.operator == self.operator);
        let answers_for_it = own().all(|saying| saying.nonce > verified || saying.truth == self.sees);
        let adopts = withheld && answers_for_it;
        if adopts {
            self.store.floor = self.store.floor.adopt(nonce(verified));
        }
        adopts
    }

    /// What it is to sign now, and has not: by the rule, and what others have voted for.
    fn due(&self, verified: u8, contract: &Contract) -> Vec<Saying> {
        let own = |nonce| Saying { nonce, truth: self.sees, epoch: contract.epoch, operator: self.operator };
        let by_rule = due(nonce(verified), nonce(contract.handled)).into_iter().map(number);
        let voted = (contract.handled + 1..=verified)
            .filter(|nonce| contract.votes.operators(*nonce, self.sees, contract.epoch) != 0);
        by_rule.chain(voted).map(own).filter(|saying| !self.store.signed.has(*saying)).collect()
    }

    /// Takes in what this key is seen to have signed, in what the coordinator tells and on chain. Nothing is to be learned where
    /// the store has a root of everything.
    fn recall(&mut self, contract: &Contract, told: Said) {
        if (contract.handled + 1..=REQUESTS).all(|nonce| self.store.root_of(nonce).is_some())
            || (told == Said::NOTHING && contract.votes == Said::NOTHING)
        {
            return;
        }
        let own = address(self.operator);
        let is_stored = |nonce| {
            let (truth, epoch, operator) = (self.sees, contract.epoch, self.operator);
            self.store.signed.has(Saying { nonce, truth, epoch, operator })
        };
        // Only votes for its own roots can be compared, and only where it has one.
        let seen = contract.votes.iter().filter(|vote| {
            vote.epoch == contract.epoch && self.verified.is_some_and(|verified| vote.nonce <= verified)
        });
        let (own_root, other): (Vec<Saying>, Vec<Saying>) = seen.partition(|vote| vote.truth == self.sees);
        let voted: Vec<_> = own_root
            .into_iter()
            .map(|vote| VotedCheckpoint {
                checkpoint: vote.checkpoint(),
                voters: vec![address(vote.operator)],
            })
            .collect();
        let by_votes = history::signed_by(own, &[], &voted, &domain(), LANE).into_iter();
        let by_votes = by_votes.map(|(at, _)| (at, self.sees));
        let found = told.iter().filter(|saying| is_own(self.operator, *saying));
        let found = found.map(|saying| (nonce(saying.nonce), saying.truth)).chain(by_votes);
        let found =
            found.filter(|(at, _)| number(*at) > contract.handled && !is_stored(number(*at))).collect();
        let dissent: Vec<_> =
            other.into_iter().map(|vote| (nonce(vote.nonce), address(vote.operator))).collect();
        self.store.take_in(found, history::dissented(own, &dissent).collect());
    }

    /// The transaction that it sends now.
    pub fn transaction(
        &self,
        contract: &Contract,
        coordinator: Said,
        threshold: u8,
        turn: Turn,
    ) -> Option<Transaction> {
        let signed = self.store.signed;
        let input = Input {
            operator: self.operator,
            sees: self.sees,
            verified: self.verified?,
            handled: contract.handled,
            epoch: contract.epoch,
            heard: if self.cut { signed } else { signed.and(coordinator) },
            votes: contract.votes,
            signed,
            threshold,
            turn,
        };
        input.decided()
    }

    /// The most attestations of one checkpoint that it has, as `collect.rs` counts them.
    pub fn attestations(&self, contract: &Contract, coordinator: Said, threshold: u8) -> usize {
        let heard = if self.cut { self.store.signed } else { self.store.signed.and(coordinator) };
        let signed = |nonce| heard.operators(nonce, self.sees, contract.epoch).count_ones();
        let most = (contract.handled + 1..=REQUESTS).map(signed).max().unwrap_or(0);
        most.min(u32::from(threshold)) as usize
    }

    /// What it keeps in the coordinator: nothing that is handled or of an older epoch.
    pub fn published(&self, contract: &Contract) -> Said {
        let open =
            self.store.signed.iter().filter(|saying| {
                !self.cut && saying.nonce > contract.handled && saying.epoch == contract.epoch
            });
        open.fold(Said::NOTHING, Said::with)
    }

    /// Falls with everything that is read, told, learned and signed.
    pub fn potential(&self) -> u32 {
        let unread = self.verified.map_or(4, |verified| u32::from(REQUESTS - verified));
        unread + u32::from(!self.told) + self.store.potential()
    }
}

/// Whether the code of the relay takes that for an own signature: asked once for all states.
fn is_own(operator: u8, saying: Saying) -> bool {
    static OWN: OnceLock<Vec<Vec<bool>>> = OnceLock::new();
    let asked = |operator: u8, saying: Saying| {
        let told = [saying.attestation().clone()];
        let found = history::signed_by(address(operator), &told, &[], &domain(), LANE);
        found == BTreeMap::from([(nonce(saying.nonce), root(saying.nonce, saying.truth))])
    };
    let all = |operator| Saying::all().map(|saying| asked(operator, saying)).collect();
    let own = OWN.get_or_init(|| (0..OPERATORS).map(all).collect());
    own[usize::from(operator)][saying.bit().trailing_zeros() as usize]
}
