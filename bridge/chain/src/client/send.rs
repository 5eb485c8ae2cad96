//! Sending transactions and asking for their fate.

use alloy::primitives::{B256, Bytes, keccak256};
use polyspan_types::{BlockHeight, BlockRef};
use serde_json::json;

use super::Client;
use crate::replies::demand;
use crate::wire::{WireReceipt, WireTransaction};
use crate::{ChainError, Receipt, ReplyKind, SendOutcome, SentTransaction};

const SEND: &str = "eth_sendRawTransaction";
const TRANSACTION: &str = "eth_getTransactionByHash";
const RECEIPT: &str = "eth_getTransactionReceipt";

impl Client {
    /// Hands a signed transaction to the node.
    ///
    /// Errors: the endpoint could not be asked. After [`ChainError::Timeout`] or [`ChainError::Unreachable`] the node may
    /// have the transaction: send the same bytes again, which is harmless.
    pub(crate) async fn send_raw(&self, raw: &Bytes) -> Result<SendOutcome, ChainError> {
        let refusal = match self.request::<B256>(SEND, json!([raw])).await {
            Ok(hash) if hash == keccak256(raw) => return Ok(SendOutcome::Accepted(hash)),
            Ok(hash) => {
                return Err(self.bad_answer(SEND, format!("hash {hash}, which is not the transaction's")));
            }
            Err(ChainError::Refused(refusal)) => refusal,
            Err(error) => return Err(error),
        };
        Ok(match refusal.kind {
            ReplyKind::AlreadyKnown => SendOutcome::AlreadyKnown,
            ReplyKind::NonceTooLow => SendOutcome::NonceTooLow,
            ReplyKind::NonceTooHigh => SendOutcome::NonceTooHigh,
            ReplyKind::Underpriced => SendOutcome::Underpriced(demand(&refusal.message)),
            ReplyKind::InsufficientFunds => SendOutcome::InsufficientFunds,
            ReplyKind::GasLimitTooHigh => SendOutcome::GasLimitTooHigh,
            ReplyKind::PoolFull => SendOutcome::PoolFull,
            ReplyKind::FeeTooHigh => SendOutcome::Refused(format!(
                "{}; raise that cap of the node (geth: --rpc.txfeecap) or lower max_fee_per_gas of this chain",
                refusal.message
            )),
            // The endpoint does not take transactions at all: that says nothing about this one.
            ReplyKind::MethodUnknown => return Err(ChainError::Refused(refusal)),
            _ => SendOutcome::Refused(refusal.message),
        })
    }

    /// The transaction with that hash; `None` when the node does not know it.
    ///
    /// That the node answers with the right calldata is not proven: the hash covers fields that chains encode differently.
    ///
    /// Errors: [`ChainError::BadAnswer`] for another transaction, or the endpoint's own.
    pub(crate) async fn transaction(&self, hash: B256) -> Result<Option<SentTransaction>, ChainError> {
        let Some(sent) = self.request::<Option<WireTransaction>>(TRANSACTION, json!([hash])).await? else {
            return Ok(None);
        };
        if sent.hash != hash {
            return Err(self.bad_answer(TRANSACTION, format!("the transaction {}", sent.hash)));
        }
        let block = sent
            .block_number
            .zip(sent.block_hash)
            .map(|(height, hash)| BlockRef { height: BlockHeight::new(height.to()), hash });
        Ok(Some(SentTransaction { to: sent.to, input: sent.input, block }))
    }

    /// The receipt of a transaction; `None` while it is in no block.
    pub(crate) async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, ChainError> {
        let Some(receipt) = self.request::<Option<WireReceipt>>(RECEIPT, json!([hash])).await? else {
            return Ok(None);
        };
        if receipt.transaction_hash != hash {
            return Err(self.bad_answer(RECEIPT, format!("the receipt of {}", receipt.transaction_hash)));
        }
        let (Some(height), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
            return Ok(None);
        };
        let status = receipt.status.ok_or_else(|| self.bad_answer(RECEIPT, "a receipt without status"))?;
        Ok(Some(Receipt {
            block: BlockRef { height: BlockHeight::new(height.to()), hash: block_hash },
            success: status.to::<u64>() == 1,
            gas_used: receipt.gas_used.to(),
            gas_price: receipt.effective_gas_price.map(|price| price.to()),
            contract: receipt.contract_address,
        }))
    }
}
