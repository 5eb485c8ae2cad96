//! What a bridge contract says, read straight from its chain: the witness against which everything is checked.

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge::{
    self, BridgeState, HandleValueTransfer, RequestValueTransfer, ValueTransferHeld,
};
use polyspan_node::config::Side;
use polyspan_types::{BlockHeight, HoldReason, Request, RequestNonce, ValueTransfer};

use crate::account;
use crate::chain_access::ChainAccess;

/// One end of a bridge with the chain it is on.
#[derive(Debug, Clone, Copy)]
pub struct BridgeView<'a> {
    /// The chain.
    pub chain: &'a ChainAccess,
    /// The contract.
    pub side: &'a Side,
}

/// One event by which a request was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The request.
    pub nonce: RequestNonce,
    /// Recipient, token and value; `None` when it was held.
    pub paid: Option<(Address, Address, alloy::primitives::U256)>,
    /// Why it was held.
    pub held: Option<HoldReason>,
    /// Transaction of the event.
    pub tx_hash: B256,
}

impl BridgeView<'_> {
    /// Everything the contract says of itself.
    ///
    /// Errors: the node does not answer.
    pub async fn state(&self) -> Result<BridgeState> {
        account::read(self.chain, self.side.bridge, &Bridge::stateCall {}).await
    }

    /// First nonce that is not handled.
    ///
    /// Errors: the node does not answer.
    pub async fn handle_nonce(&self) -> Result<RequestNonce> {
        let state = account::read(self.chain, self.side.bridge, &Bridge::laneStateCall {}).await?;
        Ok(RequestNonce::new(state.handleNonce))
    }

    /// Number of requests made.
    ///
    /// Errors: the node does not answer.
    pub async fn request_nonce(&self) -> Result<RequestNonce> {
        let state = account::read(self.chain, self.side.bridge, &Bridge::laneStateCall {}).await?;
        Ok(RequestNonce::new(state.requestNonce))
    }

    /// All requests made, in the order of their logs.
    ///
    /// Errors: the node does not answer, or a log is no request.
    pub async fn requests(&self) -> Result<Vec<Request>> {
        let logs = self.logs(&[RequestValueTransfer::SIGNATURE_HASH]).await?;
        logs.iter().map(request_of).collect()
    }

    /// All events by which requests were handled, in the order of their logs.
    ///
    /// Errors: the node does not answer, or a log does not decode.
    pub async fn handled(&self) -> Result<Vec<Handled>> {
        let topics = [HandleValueTransfer::SIGNATURE_HASH, ValueTransferHeld::SIGNATURE_HASH];
        self.logs(&topics).await?.iter().map(handled_of).collect()
    }

    async fn logs(&self, topics: &[B256]) -> Result<Vec<Log>> {
        let filter = Filter::new()
            .address(self.side.bridge)
            .event_signature(topics.to_vec())
            .from_block(self.side.deployment_block.get());
        let logs = self.chain.provider.get_logs(&filter).await;
        logs.with_context(|| format!("{} gives no logs", self.chain.name))
    }
}

fn request_of(log: &Log) -> Result<Request> {
    let event = log.log_decode::<RequestValueTransfer>().context("a request log does not decode")?;
    let block = log.block_number.context("a request log without a block")?;
    let inner = event.inner.data;
    Ok(Request {
        nonce: RequestNonce::new(inner.requestNonce),
        transfer: ValueTransfer {
            kind: inner.kind,
            source_block: BlockHeight::new(block),
            token: inner.token,
            from: inner.from,
            to: inner.to,
            refund_to: inner.refundTo,
            value: inner.value,
            extra_data: inner.extraData,
        },
        tx_hash: log.transaction_hash.context("a request log without a transaction")?,
    })
}

fn handled_of(log: &Log) -> Result<Handled> {
    let tx_hash = log.transaction_hash.context("a payment log without a transaction")?;
    if log.topic0() == Some(&HandleValueTransfer::SIGNATURE_HASH) {
        let event =
            log.log_decode::<HandleValueTransfer>().context("a payment log does not decode")?.inner.data;
        return Ok(Handled {
            nonce: RequestNonce::new(event.nonce),
            paid: Some((event.to, event.token, event.value)),
            held: None,
            tx_hash,
        });
    }
    let event = log.log_decode::<ValueTransferHeld>().context("a hold log does not decode")?.inner.data;
    let reason = HoldReason::from_number(event.reason).context("a hold for an unknown reason")?;
    Ok(Handled { nonce: RequestNonce::new(event.nonce), paid: None, held: Some(reason), tx_hash })
}

/// A request as `handle` takes it.
pub fn transfer_of(request: &Request) -> Bridge::ValueTransfer {
    let transfer = &request.transfer;
    Bridge::ValueTransfer {
        kind: transfer.kind,
        sourceBlock: transfer.source_block.get(),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refundTo: transfer.refund_to,
        value: transfer.value,
        extraData: transfer.extra_data.clone(),
    }
}
