//! Native currency leaves no log: what a bridge sent is in the trace of the transaction.

use alloy::primitives::{Address, B256};
use polyspan_types::{CallFrame, Payment, TraceFrame};
use serde_json::json;

use super::Client;
use crate::ChainError;

impl Client {
    /// Native currency that `owner` sent in a transaction; `None` from a node that gives no traces, or none so old.
    pub(crate) async fn native_payouts(
        &self,
        owner: Address,
        tx_hash: B256,
    ) -> Result<Option<Vec<Payment>>, ChainError> {
        match self.request::<Option<Vec<TraceFrame>>>("trace_transaction", json!([tx_hash])).await {
            Ok(Some(frames)) => return Ok(Some(TraceFrame::native_payments(&frames, owner))),
            Ok(None) | Err(ChainError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        let traced = json!([tx_hash, { "tracer": "callTracer" }]);
        match self.request::<CallFrame>("debug_traceTransaction", traced).await {
            Ok(frame) => Ok(Some(frame.native_payments(owner))),
            Err(ChainError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
