//! An honest relay: what it remembers, and what its own code makes of what it sees.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock};

use polyspan_node::tally::Tally;
use polyspan_node::turn::{Action, OpenVote, Situation, VOTE_INTERVAL, decide};
use polyspan_node::{Piece, due};
use polyspan_types::RequestNonce;

use crate::contract::{Contract, Transaction};
use crate::said::{Said, Saying, Truth, address, domain, members, root};

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
    /// Requests that it has read and proved.
    pub verified: u8,
    /// What it has signed: durable.
    pub signed: Said,
    /// Its transaction that is in no block yet.
    pub sent: Option<Transaction>,
}

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Input {
    operator: u8,
    sees: Truth,
    verified: u8,
    handled: u8,
    epoch: u8,
    heard: Said,
    votes: Said,
    signed: Said,
    threshold: u8,
}

impl Relay {
    pub const fn new(operator: u8) -> Self {
        Self {
            operator,
            up: true,
            cut: false,
            sees: Truth::True,
            verified: 0,
            signed: Said::NOTHING,
            sent: None,
        }
    }

    /// What it is to sign now, and has not: by the rule, and what others have voted for.
    pub fn unsigned(&self, contract: &Contract) -> Vec<Saying> {
        let own = |nonce| Saying { nonce, truth: self.sees, epoch: contract.epoch, operator: self.operator };
        let by_rule = due(nonce(self.verified), nonce(contract.handled));
        let by_rule = by_rule.into_iter().map(|nonce| u8::try_from(nonce.get()).unwrap());
        let voted = (contract.handled + 1..=self.verified)
            .filter(|nonce| contract.votes.operators(*nonce, self.sees, contract.epoch) != 0);
        by_rule.chain(voted).map(own).filter(|saying| !self.signed.has(*saying)).collect()
    }

    /// Whether its store lets it sign that: never two roots for one nonce, whatever the epoch.
    pub fn may_sign(&self, saying: Saying) -> bool {
        self.signed.iter().all(|before| before.nonce != saying.nonce || before.truth == saying.truth)
    }

    /// The transaction that it sends when it leads or when its turn has come.
    pub fn transaction(&self, contract: &Contract, coordinator: Said, threshold: u8) -> Option<Transaction> {
        let heard = if self.cut { self.signed } else { self.signed.and(coordinator) };
        let input = Input {
            operator: self.operator,
            sees: self.sees,
            verified: self.verified,
            handled: contract.handled,
            epoch: contract.epoch,
            heard,
            votes: contract.votes,
            signed: self.signed,
            threshold,
        };
        input.decided()
    }
}

impl Input {
    /// Remembered: many states look the same to a relay.
    fn decided(self) -> Option<Transaction> {
        static DECIDED: OnceLock<Mutex<HashMap<Input, Option<Transaction>>>> = OnceLock::new();
        let decided = DECIDED.get_or_init(Mutex::default);
        if let Some(known) = decided.lock().unwrap().get(&self) {
            return *known;
        }
        let found = self.decide();
        decided.lock().unwrap().insert(self, found);
        found
    }

    fn decide(self) -> Option<Transaction> {
        let operators = members(self.epoch, self.threshold);
        let mut tally = Tally::new(operators, domain());
        for saying in self.heard.iter().filter(|saying| saying.is_valid(self.epoch, self.threshold)) {
            tally.add_verified(saying.attestation());
        }
        tally.prune(nonce(self.handled));
        // Only votes for its own roots can be compared.
        for vote in self.votes.iter().filter(|vote| vote.truth == self.sees && vote.epoch == self.epoch) {
            tally.add_vote(vote.checkpoint(), address(vote.operator)).unwrap();
        }
        let is_own = |at: RequestNonce| {
            let at = u8::try_from(at.get()).unwrap();
            (at <= self.verified).then(|| root(at, self.sees))
        };
        let approved =
            tally.approved().filter(|(checkpoint, _)| is_own(checkpoint.nonce) == Some(checkpoint.root));
        let approved: Vec<_> = approved.collect();
        let votes: Vec<OpenVote> = tally
            .voted_on_chain()
            .filter(|voted| is_own(voted.checkpoint.nonce) == Some(voted.checkpoint.root))
            .map(|voted| OpenVote {
                voters: voted.voters.len(),
                nonce: voted.checkpoint.nonce,
                own: voted.voters.contains(&address(self.operator)),
            })
            .collect();
        let nonces: Vec<_> = approved.iter().map(|(checkpoint, _)| checkpoint.nonce).collect();
        let open = self.signed.iter().filter(|own| own.epoch == self.epoch && own.nonce > self.handled);
        let signed: BTreeSet<RequestNonce> = open.map(|own| nonce(own.nonce)).collect();
        let signed: Vec<_> = signed.into_iter().collect();
        let action = decide(&Situation {
            handled: nonce(self.handled),
            sent: nonce(self.handled),
            room: true,
            approved: &nonces,
            leads: true,
            overdue: true,
            votes: &votes,
            signed: &signed,
            cast: 0,
            since_vote: VOTE_INTERVAL,
            // Pieces with a tail.
            max_transfers: 1,
        });
        match action {
            Action::Handle(Piece { first, count, checkpoint }) => {
                let (_, signatures) = approved.into_iter().find(|(found, _)| found.nonce == checkpoint)?;
                let at = u8::try_from(checkpoint.get()).unwrap();
                let carried =
                    self.heard.iter().filter(|saying| signatures.contains(&saying.attestation().signature));
                Some(Transaction::Handle {
                    first: u8::try_from(first.get()).unwrap(),
                    end: u8::try_from(first.plus(count).get()).unwrap(),
                    nonce: at,
                    truth: self.sees,
                    epoch: self.epoch,
                    signers: carried.fold(0, |bits, saying| bits | 1 << saying.operator),
                })
            }
            Action::Vote(at) => Some(Transaction::Vote(Saying {
                nonce: u8::try_from(at.get()).unwrap(),
                truth: self.sees,
                epoch: self.epoch,
                operator: self.operator,
            })),
            Action::Nothing => None,
        }
    }
}

pub fn nonce(number: u8) -> RequestNonce {
    RequestNonce::new(u64::from(number))
}
