//! Signed transactions: built for a price, and read back from the journal.

use alloy::consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use polyspan_store::{Attempt, Submission};
use polyspan_types::{AccountNonce, ChainId};

use super::SubmitterError;
use super::pricing::Price;
use super::signing::Signing;

/// Gas of a plain transfer. Unit: gas.
pub(super) const TRANSFER_GAS: u64 = 21_000;

/// Everything of a transaction but its price.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub chain: ChainId,
    pub account_nonce: AccountNonce,
    pub to: Address,
    /// Unit: gas.
    pub gas: u64,
    pub calldata: Bytes,
}

impl Transaction {
    /// Signs it at `price`: EIP-1559, or legacy with EIP-155 on chains without.
    ///
    /// Errors: the key does not sign.
    pub(crate) async fn sign(
        &self,
        price: Price,
        signing: &Signing,
        now_ms: u64,
    ) -> Result<Attempt, SubmitterError> {
        let envelope: TxEnvelope = match price {
            Price::Dynamic { max_fee, priority } => {
                let transaction = TxEip1559 {
                    chain_id: self.chain.get(),
                    nonce: self.account_nonce.get(),
                    gas_limit: self.gas,
                    max_fee_per_gas: max_fee,
                    max_priority_fee_per_gas: priority,
                    to: TxKind::Call(self.to),
                    value: U256::ZERO,
                    access_list: Default::default(),
                    input: self.calldata.clone(),
                };
                let signature = signing.sign(&transaction).await?;
                transaction.into_signed(signature).into()
            }
            Price::Legacy { gas_price } => {
                let transaction = TxLegacy {
                    chain_id: Some(self.chain.get()),
                    nonce: self.account_nonce.get(),
                    gas_price,
                    gas_limit: self.gas,
                    to: TxKind::Call(self.to),
                    value: U256::ZERO,
                    input: self.calldata.clone(),
                };
                let signature = signing.sign(&transaction).await?;
                transaction.into_signed(signature).into()
            }
        };
        Ok(Attempt {
            tx_hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            max_fee_per_gas: price.highest(),
            sent_at_ms: now_ms,
        })
    }

    /// Reads a transaction and its price back from an attempt in the journal.
    pub(crate) fn decode(chain: ChainId, attempt: &Attempt) -> Result<(Self, Price), SubmitterError> {
        let envelope = TxEnvelope::decode_2718(&mut attempt.raw.as_ref())
            .map_err(|error| SubmitterError::Journal(error.to_string()))?;
        let to = envelope.to().ok_or_else(|| SubmitterError::Journal("it creates a contract".to_owned()))?;
        let price = match envelope.max_priority_fee_per_gas() {
            Some(priority) => Price::Dynamic { max_fee: envelope.max_fee_per_gas(), priority },
            None => Price::Legacy { gas_price: envelope.max_fee_per_gas() },
        };
        let transaction = Self {
            chain,
            account_nonce: AccountNonce::new(envelope.nonce()),
            to,
            gas: envelope.gas_limit(),
            calldata: envelope.input().clone(),
        };
        Ok((transaction, price))
    }
}

/// Whether the attempt `tx_hash` of a submission by `account` only took its account nonce, in the place of what was to be done.
pub(crate) fn is_cancellation(submission: &Submission, tx_hash: B256, account: Address) -> bool {
    let calls_itself = |attempt: &Attempt| {
        Transaction::decode(submission.chain, attempt).is_ok_and(|(transaction, _)| transaction.to == account)
    };
    let mined = submission.attempts.iter().find(|attempt| attempt.tx_hash == tx_hash);
    // What fills a gap is such a transfer from the first.
    mined.is_some_and(calls_itself) && !submission.attempts.first().is_some_and(calls_itself)
}

/// What a submission can cost at the most: any of its attempts may be mined. Those whose bytes are no longer kept count nothing. Unit: wei.
pub(crate) fn highest_cost(submission: &Submission) -> U256 {
    let cost = |attempt: &Attempt| {
        let (transaction, price) = Transaction::decode(submission.chain, attempt).ok()?;
        Some(U256::from(transaction.gas).saturating_mul(U256::from(price.highest())))
    };
    let kept = submission.attempts.iter().filter(|attempt| !attempt.raw.is_empty());
    kept.filter_map(cost).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloy::signers::local::PrivateKeySigner;

    use super::*;
    use crate::keys::SigningKey;

    #[tokio::test]
    async fn a_signed_transaction_reads_back_with_its_price() {
        let signing = Signing::new(SigningKey::Local(PrivateKeySigner::random()), ChainId::new(31001));
        let transaction = Transaction {
            chain: ChainId::new(31001),
            account_nonce: AccountNonce::new(7),
            to: Address::repeat_byte(1),
            gas: 123_456,
            calldata: Bytes::from_static(b"call"),
        };
        for price in [Price::Dynamic { max_fee: 30, priority: 2 }, Price::Legacy { gas_price: 0 }] {
            let attempt = transaction.sign(price, &signing, 1).await.unwrap();
            let (read, read_price) = Transaction::decode(transaction.chain, &attempt).unwrap();
            assert_eq!(read_price, price);
            assert_eq!(
                (read.account_nonce, read.to, read.gas, read.calldata),
                (transaction.account_nonce, transaction.to, transaction.gas, transaction.calldata.clone())
            );
        }
    }
}
