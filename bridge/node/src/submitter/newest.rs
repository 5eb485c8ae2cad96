//! Own submissions that the newest block has, by the logs of their bridges: one question, where counts and receipts are one for each.
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

/// The own transactions that handled something in the newest block.
#[derive(Debug, Default)]
pub(super) struct InNewest(BTreeSet<B256>);

impl InNewest {
    /// The attempt of a submission that is among them.
    pub(super) fn attempt(&self, pending: &Pending) -> Option<B256> {
        let mut hashes = pending.submission.attempts.iter().rev().map(|attempt| attempt.tx_hash);
        hashes.find(|hash| self.0.contains(hash))
    }

    /// Pure: the first account nonce that no block has used, where everything that was in no block yet is among them.
    pub(super) fn used_up_to(&self, pending: &[Pending]) -> Option<AccountNonce> {
        let mut last = None;
        for open in pending.iter().filter(|pending| pending.submission.outcome == SubmissionOutcome::Pending)
        {
            self.attempt(open)?;
            last = last.max(Some(open.submission.account_nonce));
        }
        last.map(AccountNonce::next)
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
            found.extend(self.chain.handled_by(bridge, head.latest.height).await.unwrap_or_default());
        }
        InNewest(found)
    }

    /// The bridges that may have handled something for a submission in no block yet, one for each lane.
    fn awaited(&self, head: Head) -> BTreeSet<Address> {
        let open = |pending: &&Pending| {
            let submission = &pending.submission;
            submission.outcome == SubmissionOutcome::Pending && submission.purpose == Purpose::Handle
        };
        let next = self.pending.iter().filter(open).min_by_key(|pending| pending.submission.account_nonce);
        let since = next.and_then(|next| next.waits_since);
        if since.is_some_and(|since| head.latest.height.since(since) >= WITHOUT_IT) {
            return BTreeSet::new();
        }
        let lanes: BTreeMap<BridgeId, &Submission> =
            self.pending.iter().filter(open).map(|open| (open.submission.lane, &open.submission)).collect();
        let newest = lanes.values().filter_map(|submission| submission.attempts.last());
        let sent = newest.filter_map(|attempt| Transaction::decode(self.chain.id(), attempt).ok());
        // What fills a gap, and a cancellation, handle nothing.
        sent.map(|(transaction, _)| transaction.to).filter(|to| *to != self.signer.address()).collect()
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
        assert_eq!(both.used_up_to(&open()), Some(AccountNonce::new(9)));
        assert_eq!(
            [7, 8].map(|at| both.attempt(&piece(at, SubmissionOutcome::Pending))),
            [Some(hash(7, 1)), Some(hash(8, 0))]
        );
        assert_eq!(newest(&[hash(7, 0)]).used_up_to(&open()), None, "one of them may have reverted");
        assert_eq!(
            newest(&[hash(6, 0)]).used_up_to(&[mined()]),
            None,
            "a reorganisation may have taken it out"
        );
    }
}
