//! What a bridge contract says, read straight from its chain: the witness against which everything is checked.

mod logs;

use alloy::eips::BlockId;
use alloy::primitives::{B256, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result};
use polyspan_contracts::Bridge::{
    self, BridgeState, HandleValueTransfer, HoldRefunded, HoldReleased, HoldWrittenOff, LaneState,
    RequestValueTransfer, ValueTransferHeld,
};
use polyspan_node::config::Side;
use polyspan_types::{HandledLogs, Request, RequestNonce, pack};

use crate::account;
use crate::chain::ChainAccess;

/// One end of a bridge with the chain it is on.
#[derive(Debug, Clone, Copy)]
pub struct BridgeView<'a> {
    /// The chain.
    pub chain: &'a ChainAccess,
    /// The contract.
    pub side: &'a Side,
    /// The newest block that is looked at; `None` for the newest there is.
    until: Option<u64>,
}

impl<'a> BridgeView<'a> {
    /// The contract as it is now.
    pub const fn new(chain: &'a ChainAccess, side: &'a Side) -> Self {
        Self { chain, side, until: None }
    }

    /// The contract as it was after this block: several reads tell of one moment.
    #[must_use]
    pub const fn until(self, height: u64) -> Self {
        Self { until: Some(height), ..self }
    }

    /// The newest block that is looked at; `None` for the newest there is.
    pub const fn height(&self) -> Option<u64> {
        self.until
    }

    /// The block that is looked at.
    pub fn block(&self) -> BlockId {
        self.until.map_or(BlockId::latest(), BlockId::number)
    }

    /// Everything the contract says of itself.
    ///
    /// Errors: the node does not answer.
    pub async fn state(&self) -> Result<BridgeState> {
        account::read_at(self.chain, self.side.bridge, &Bridge::stateCall {}, self.block()).await
    }

    /// First nonce that is not handled.
    ///
    /// Errors: the node does not answer.
    pub async fn handle_nonce(&self) -> Result<RequestNonce> {
        let state = self.lane_state().await?;
        Ok(RequestNonce::new(state.handleNonce))
    }

    /// Number of requests made.
    ///
    /// Errors: the node does not answer.
    pub async fn request_nonce(&self) -> Result<RequestNonce> {
        let state = self.lane_state().await?;
        Ok(RequestNonce::new(state.requestNonce))
    }

    async fn lane_state(&self) -> Result<LaneState> {
        account::read_at(self.chain, self.side.bridge, &Bridge::laneStateCall {}, self.block()).await
    }

    /// All requests made, in the order of their logs.
    ///
    /// Errors: the node does not answer, or a log is no request.
    pub async fn requests(&self) -> Result<Vec<Request>> {
        let logs = self.logs(&[RequestValueTransfer::SIGNATURE_HASH]).await?;
        logs.iter().map(logs::request).collect()
    }

    /// What was handled, what of it was put on hold, and which holds ended, each in the order of the logs.
    ///
    /// Errors: the node does not answer, or a log does not decode.
    pub async fn handled(&self) -> Result<HandledLogs> {
        let topics = [
            HandleValueTransfer::SIGNATURE_HASH,
            ValueTransferHeld::SIGNATURE_HASH,
            HoldReleased::SIGNATURE_HASH,
            HoldRefunded::SIGNATURE_HASH,
            HoldWrittenOff::SIGNATURE_HASH,
        ];
        let mut handled = HandledLogs::default();
        for log in self.logs(&topics).await? {
            logs::gather(&log, &mut handled)?;
        }
        Ok(handled)
    }

    /// Logs of the contract with one of these first topics, in their order. All of its logs when there are none.
    ///
    /// Errors: the node does not answer.
    pub async fn logs(&self, topics: &[B256]) -> Result<Vec<Log>> {
        let mut filter = Filter::new().address(self.side.bridge).from_block(self.side.deployment_block.get());
        if let Some(height) = self.until {
            filter = filter.to_block(height);
        }
        if !topics.is_empty() {
            filter = filter.event_signature(topics.to_vec());
        }
        let logs = self.chain.provider.get_logs(&filter).await;
        logs.with_context(|| format!("{} gives no logs", self.chain.name))
    }
}

/// Requests as `handle` takes them.
///
/// Errors: they are not in nonce order.
pub fn packed(requests: &[Request]) -> Result<Bytes> {
    let transfers: Vec<_> = requests.iter().map(|request| &request.transfer).collect();
    pack(&transfers).context("transfers that cannot be packed")
}

/// A request as `release` and `refund` take it.
pub fn transfer_of(request: &Request) -> Bridge::ValueTransfer {
    let transfer = &request.transfer;
    Bridge::ValueTransfer {
        kind: transfer.kind.number(),
        sourceBlock: transfer.source_block.get(),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refundTo: transfer.refund_to,
        value: transfer.value,
        payload: transfer.payload.clone(),
    }
}
