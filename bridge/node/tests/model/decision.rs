//! What a relay publishes, by its own code: the tally over real signatures, and [`decide`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock};

use polyspan_node::Piece;
use polyspan_node::tally::Tally;
use polyspan_node::turn::{Action, OpenVote, Situation, VOTE_INTERVAL, decide};
use polyspan_types::RequestNonce;

use crate::contract::Transaction;
use crate::said::{Said, Saying, Truth, address, domain, members, nonce, number, root};

/// Whose turn it is, as a relay finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Turn {
    pub leads: bool,
    pub overdue: bool,
    /// Votes that it has sent since the lane was last brought on, and blocks since the last of them.
    pub cast: u8,
    pub since_vote: u8,
}

impl Turn {
    /// More than ranks, delays, leases and elections can ever do: it may act at any moment.
    pub const ALWAYS: Self = Self { leads: true, overdue: true, cast: 0, since_vote: VOTE_INTERVAL as u8 };
}

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input {
    pub operator: u8,
    pub sees: Truth,
    pub verified: u8,
    pub handled: u8,
    pub epoch: u8,
    /// All attestations that reached it, its own among them.
    pub heard: Said,
    /// Votes on chain.
    pub votes: Said,
    /// What its store has of its own.
    pub signed: Said,
    pub threshold: u8,
    pub turn: Turn,
}

impl Input {
    /// Remembered: many states look the same to a relay.
    pub fn decided(self) -> Option<Transaction> {
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
            let at = number(at);
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
        // What it signed of roots that it does not see any more is not shown.
        let open = open.filter(|own| own.truth == self.sees);
        let signed: BTreeSet<RequestNonce> = open.map(|own| nonce(own.nonce)).collect();
        let signed: Vec<_> = signed.into_iter().collect();
        let action = decide(&Situation {
            handled: nonce(self.handled),
            sent: nonce(self.handled),
            room: true,
            approved: &nonces,
            leads: self.turn.leads,
            overdue: self.turn.overdue,
            votes: &votes,
            signed: &signed,
            cast: usize::from(self.turn.cast),
            since_vote: u64::from(self.turn.since_vote),
            // Pieces with a tail.
            max_transfers: 1,
        });
        match action {
            Action::Handle(Piece { first, count, checkpoint }) => {
                let (_, signatures) = approved.into_iter().find(|(found, _)| found.nonce == checkpoint)?;
                let carried =
                    self.heard.iter().filter(|saying| signatures.contains(&saying.attestation().signature));
                Some(Transaction::Handle {
                    first: number(first),
                    end: number(first.plus(count)),
                    nonce: number(checkpoint),
                    truth: self.sees,
                    epoch: self.epoch,
                    signers: carried.fold(0, |bits, saying| bits | 1 << saying.operator),
                })
            }
            Action::Vote(at) => Some(Transaction::Vote(Saying {
                nonce: number(at),
                truth: self.sees,
                epoch: self.epoch,
                operator: self.operator,
            })),
            Action::Nothing => None,
        }
    }
}
