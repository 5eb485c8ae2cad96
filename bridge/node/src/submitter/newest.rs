//! Own submissions that the newest block has, by the logs of their bridges: one question for each lane, where counts and receipts are one for
//! each submission.
//!
//! Most submissions are in the block after they were sent, so this question is most often the only one. It settles nothing but that: what
//! it does not show, be it in an earlier block, reverted or in none, is for account nonces and receipts.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use polyspan_chain::Head;
use polyspan_store::{Purpose, Submission, SubmissionOutcome};
use polyspan_types::{AccountNonce, BridgeId};

use super::envelope::Transaction;
use super::{Pending, Submitter};

/// Blocks that were made without the next submission and end the questions for logs: it waits for its price or its node, and each
/// question would be in vain.
const WITHOUT_IT: u64 = 2;

/// The transactions, of anybody, that handled something in the newest block.
#[derive(Debug, Default)]
pub(super) struct InNewest(BTreeSet<B256>);

impl InNewest {
    /// The attempt of a submission that is among them.
    pub(super) fn attempt(&self, pending: &Pending) -> Option<B256> {
        let mut hashes = pending.submission.attempts.iter().rev().map(|attempt| attempt.tx_hash);
        hashes.find(|hash| self.0.contains(hash))
    }

    /// Pure: the first account nonce behind those that are among them, and whether those are all that were in no block yet. `None` when none
    /// is.
    pub(super) fn used(&self, pending: &[Pending]) -> Option<(AccountNonce, bool)> {
        let open = pending.iter().filter(|pending| pending.submission.outcome == SubmissionOutcome::Pending);
        let (found, missing): (Vec<_>, Vec<_>) = open.partition(|open| self.attempt(open).is_some());
        let last = found.iter().map(|open| open.submission.account_nonce).max()?;
        Some((last.next(), missing.is_empty()))
    }
}

impl Submitter {
    /// Asks for what handled something in the newest block, once: what is sent later is in another one. A failure shows nothing.
    pub(super) async fn look_at_newest(&mut self, head: Head) -> InNewest {
        let mut found = BTreeSet::new();
        if self.newest.replace(head.latest) == Some(head.latest) {
            return InNewest(found);
        }
        for bridge in self.awaited(head) {
            found.extend(self.chain.handled_by(bridge, head.latest.height).await);
        }
        InNewest(found)
    }

    /// The bridges that may have handled something for a submission in no block yet.
    fn awaited(&self, head: Head) -> BTreeSet<Address> {
        let is_open = |pending: &&Pending| pending.submission.outcome == SubmissionOutcome::Pending;
        let open: Vec<&Pending> = self.pending.iter().filter(is_open).collect();
        let next = open.iter().min_by_key(|open| open.submission.account_nonce);
        let since = next.and_then(|next| next.waits_since);
        if since.is_some_and(|since| head.latest.height.since(since) >= WITHOUT_IT) {
            return BTreeSet::new();
        }
        // What fills a gap handles nothing.
        let pieces = open.iter().map(|open| &open.submission);
        let pieces = pieces.filter(|piece| piece.purpose == Purpose::Handle && piece.count > 0);
        let lanes: BTreeMap<BridgeId, &Submission> = pieces.map(|piece| (piece.lane, piece)).collect();
        lanes.values().filter_map(|piece| self.bridge_of(piece)).collect()
    }

    /// Where a piece was sent: a later attempt may be a cancellation, which calls the account itself.
    pub(super) fn bridge_of(&self, piece: &Submission) -> Option<Address> {
        let sent =
            piece.attempts.iter().filter_map(|attempt| Transaction::decode(self.chain.id(), attempt).ok());
        sent.map(|(transaction, _)| transaction.to).find(|to| *to != self.signer.address())
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;
    use polyspan_store::Attempt;
    use polyspan_types::{BlockHeight, BlockRef, ChainId, RequestNonce};

    use super::*;

    fn piece(nonce: u64, outcome: SubmissionOutcome) -> Pending {
        let attempt = |attempt: u8| Attempt {
            tx_hash: hash(nonce, attempt),
            raw: Bytes::new(),
            max_fee_per_gas: 1,
            sent_at_ms: 0,
        };
        Pending::new(Submission {
            chain: ChainId::new(1),
            submitter: Address::ZERO,
            account_nonce: AccountNonce::new(nonce),
            lane: BridgeId(B256::ZERO),
            purpose: Purpose::Handle,
            first: RequestNonce::new(nonce),
            count: 1,
            checkpoint: RequestNonce::new(nonce + 1),
            attempts: vec![attempt(0), attempt(1)],
            outcome,
            created_at_ms: 0,
        })
    }

    fn hash(nonce: u64, attempt: u8) -> B256 {
        B256::with_last_byte(u8::try_from(nonce).unwrap() * 2 + attempt)
    }

    #[test]
    fn the_count_is_known_only_where_everything_open_is_in_the_newest_block() {
        let block = BlockRef { height: BlockHeight::new(5), hash: B256::ZERO };
        let mined = || piece(6, SubmissionOutcome::Mined { block, success: true });
        let open = || [mined(), piece(7, SubmissionOutcome::Pending), piece(8, SubmissionOutcome::Pending)];
        let newest = |hashes: &[B256]| InNewest(hashes.iter().copied().collect());
        let both = newest(&[hash(8, 0), hash(7, 1)]);
        assert_eq!(both.used(&open()), Some((AccountNonce::new(9), true)));
        assert_eq!(
            [7, 8].map(|at| both.attempt(&piece(at, SubmissionOutcome::Pending))),
            [Some(hash(7, 1)), Some(hash(8, 0))]
        );
        let one = newest(&[hash(7, 0)]).used(&open());
        assert_eq!(one, Some((AccountNonce::new(8), false)), "the other may have reverted");
        assert_eq!(newest(&[hash(6, 0)]).used(&[mined()]), None, "a reorganisation may have taken it out");
    }
}
