//! The destination contract, as far as the protocol sees it: what `Handling.sol` does with a lane.

use crate::said::{REQUESTS, Said, Saying, Truth};

/// A transaction of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transaction {
    /// `vote`
    Vote(Saying),
    /// `handle` of requests `first..end` under the checkpoint of `nonce`, carrying signatures of an epoch.
    Handle { first: u8, end: u8, nonce: u8, truth: Truth, epoch: u8, signers: u8 },
}

impl Transaction {
    /// The checkpoint that it is about.
    pub const fn about(self) -> (u8, Truth) {
        match self {
            Self::Vote(saying) => (saying.nonce, saying.truth),
            Self::Handle { nonce, truth, .. } => (nonce, truth),
        }
    }
}

/// The contract's storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Contract {
    pub handled: u8,
    pub epoch: u8,
    pub votes: Said,
    /// Payments of each request as it was requested, and otherwise.
    pub paid: [u8; REQUESTS as usize],
    pub forged: u8,
}

impl Contract {
    /// Executes a transaction. What reverts changes nothing.
    pub fn execute(&mut self, transaction: Transaction, threshold: u8) {
        match transaction {
            Transaction::Vote(saying) => {
                if saying.epoch == self.epoch && saying.nonce > self.handled {
                    self.votes = self.votes.with(saying);
                }
            }
            Transaction::Handle { first, end, nonce, truth, epoch, signers } => {
                // Signatures of another epoch are of another digest, and what is handled is skipped.
                let signers = if epoch == self.epoch { signers } else { 0 };
                let voters = self.votes.operators(nonce, truth, self.epoch);
                let enough = (signers | voters).count_ones() >= u32::from(threshold);
                // On top of a forged payment only forged roots follow.
                let chains = self.forged == 0 || truth == Truth::Forged;
                if first > self.handled || end <= self.handled || !enough || !chains {
                    return;
                }
                for request in self.handled..end {
                    self.paid[usize::from(request)] += 1;
                }
                self.forged |= u8::from(truth == Truth::Forged);
                self.handled = end;
            }
        }
    }

    /// Whether it would change anything now.
    pub fn takes(self, transaction: Transaction, threshold: u8) -> bool {
        let mut after = self;
        after.execute(transaction, threshold);
        after != self
    }

    /// Governors replace the operators: every older vote is dead.
    pub fn change_operators(&mut self) {
        self.epoch += 1;
    }
}
