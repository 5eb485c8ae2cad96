//! Payments of native currency of which there is no trace: what balances before and after their block prove, and why there is none.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, U256};
use polyspan_chain::{At, Chain, ChainError, NoTrace};
use polyspan_node::config::LaneInfo;
use polyspan_recovery::{LaneFigures, NonceRange, NonceSet, Promise};
use polyspan_types::{BlockHeight, RequestNonce};
use serde::Serialize;

/// Payments that were not looked at for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Untraced {
    why: &'static str,
    requests: NonceSet,
    means: String,
    cure: &'static str,
}

/// Requests without a trace or other proof, by reason.
#[derive(Debug, Default)]
pub(super) struct Missing(BTreeMap<NoTrace, Vec<NonceRange>>);

impl Missing {
    /// One more, above those before it or not.
    pub(super) fn add(&mut self, why: NoTrace, nonce: RequestNonce) {
        let ranges = self.0.entry(why).or_default();
        match ranges.last_mut() {
            Some(last) if last.end == nonce => last.end = nonce.next(),
            Some(last) if last.contains(nonce) => {}
            _ => ranges.push(NonceRange::new(nonce, nonce.next())),
        }
    }

    /// All of them.
    pub(super) fn told(self) -> Vec<Untraced> {
        let untraced = |(why, ranges): (NoTrace, Vec<NonceRange>)| Untraced {
            why: why.as_str(),
            requests: ranges.into_iter().collect(),
            means: why.to_string(),
            cure: why.cure(),
        };
        self.0.into_iter().map(untraced).collect()
    }
}

/// What was not looked at, in sentences.
pub(super) fn notes(info: &LaneInfo, figures: &LaneFigures, untraced: &[Untraced]) -> Vec<String> {
    let mut notes = Vec::new();
    for Untraced { requests, means, cure, .. } in untraced {
        let (count, lane, chain) = (requests.count(), &info.id, &info.destination.chain);
        notes.push(format!(
            "not checked one by one: {count} payments of {lane} in native currency (requests {requests}): on chain {chain} {means}, and \
             balances do not prove them; {cure}"
        ));
    }
    let traced: u64 = untraced.iter().map(|untraced| untraced.requests.count()).sum();
    let without_pair = figures.unchecked.saturating_sub(traced);
    if without_pair > 0 {
        let lane = &info.id;
        notes.push(format!(
            "not checked one by one: {without_pair} payments of {lane}: their tokens have no pair any more"
        ));
    }
    notes
}

/// Native currency that was promised in a block, by recipient.
pub(super) fn promised(promises: &[Promise], block: BlockHeight) -> BTreeMap<Address, U256> {
    let mut sums: BTreeMap<Address, U256> = BTreeMap::new();
    for promise in promises.iter().filter(|promise| promise.block == block) {
        for (_, payment) in promise.natives() {
            let sum = sums.entry(payment.to).or_default();
            *sum = sum.saturating_add(payment.amount);
        }
    }
    sums
}

/// Whose balance rose in a block by exactly what was promised. Whoever sent or got something else there as well is not among them, which
/// says nothing against the payment.
///
/// Errors: states of the block, or of the one before it, cannot be read.
pub(super) async fn risen(
    chain: &Chain,
    block: BlockHeight,
    promised: &BTreeMap<Address, U256>,
) -> Result<BTreeSet<Address>, ChainError> {
    let mut risen = BTreeSet::new();
    let (Some(before), Some(after)) = (chain.block_ref(block.minus(1)).await?, chain.block_ref(block).await?)
    else {
        return Ok(risen);
    };
    for (account, sum) in promised {
        let had = chain.balance_at(*account, At::Hash(before.hash)).await?;
        let has = chain.balance_at(*account, At::Hash(after.hash)).await?;
        if is_proof(had, has, *sum) {
            risen.insert(*account);
        }
    }
    Ok(risen)
}

/// Pure.
fn is_proof(had: U256, has: U256, promised: U256) -> bool {
    has.checked_sub(had) == Some(promised)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_recovery::Owed;
    use polyspan_types::Payment;

    use super::*;

    fn promise(block: u64, nonce: u64, token: u8, to: u8, amount: u64) -> Promise {
        let payment = Payment {
            token: Address::repeat_byte(token),
            to: Address::repeat_byte(to),
            id: U256::ZERO,
            amount: U256::from(amount),
        };
        let owed = Owed { nonce: RequestNonce::new(nonce), payments: Some(vec![payment]) };
        let tx_hash = B256::with_last_byte(u8::try_from(nonce).unwrap());
        Promise { tx_hash, block: BlockHeight::new(block), owed: vec![owed] }
    }

    #[test]
    fn everything_that_an_account_was_promised_in_a_block_counts_together() {
        let promises = [
            promise(5, 0, 0, 1, 10),
            promise(5, 1, 0, 1, 20),
            promise(5, 2, 0, 2, 40),
            promise(5, 3, 7, 1, 100),
            promise(6, 4, 0, 1, 1_000),
        ];
        let sums = promised(&promises, BlockHeight::new(5));
        let expected = [(1, 30), (2, 40)].map(|(to, sum)| (Address::repeat_byte(to), U256::from(sum)));
        assert_eq!(sums, expected.into());
    }

    #[test]
    fn only_the_exact_sum_is_a_proof() {
        let proof =
            |had: u64, has: u64, sum: u64| is_proof(U256::from(had), U256::from(has), U256::from(sum));
        assert!(proof(5, 12, 7));
        assert!(!proof(5, 11, 7) && !proof(5, 13, 7) && !proof(12, 5, 7));
    }

    #[test]
    fn each_reason_names_its_requests_as_ranges() {
        let mut missing = Missing::default();
        for nonce in [3, 4, 5, 9] {
            missing.add(NoTrace::TooOld, RequestNonce::new(nonce));
        }
        missing.add(NoTrace::NoMethod, RequestNonce::new(4));
        let told: Vec<_> =
            missing.told().iter().map(|untraced| (untraced.why, untraced.requests.to_string())).collect();
        assert_eq!(told, [("no-method", "4".to_owned()), ("too-old", "3-5, 9".to_owned())]);
    }
}
