//! Native currency leaves no log: what an account sent is in the trace of the transaction.

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use polyspan_types::{CallFrame, Kind, TraceFrame};
use serde_json::json;

use super::{Move, Payment};
use crate::chain::ChainAccess;

/// Native currency that `owner` sent in a transaction, in order.
///
/// Errors: the node gives no trace.
pub async fn native_moves(chain: &ChainAccess, tx_hash: B256, owner: Address) -> Result<Vec<Move>> {
    let provider = &chain.provider;
    let kept =
        provider.raw_request::<_, Option<Vec<TraceFrame>>>("trace_transaction".into(), [tx_hash]).await;
    let sent = match kept {
        // anvil keeps traces, also of blocks whose states it has not.
        Ok(Some(frames)) => TraceFrame::native_payments(&frames, owner),
        Ok(None) | Err(_) => {
            let how = json!([tx_hash, { "tracer": "callTracer" }]);
            let traced = provider.raw_request::<_, CallFrame>("debug_traceTransaction".into(), how).await;
            let frame = traced.with_context(|| format!("{} gives no trace of {tx_hash}", chain.name))?;
            frame.native_payments(owner)
        }
    };
    let moved = |polyspan_types::Payment { token, to, id, amount }| Move {
        tx_hash,
        from: owner,
        paid: Payment { kind: Kind::Native, token, to, id, amount },
    };
    Ok(sent.into_iter().map(moved).collect())
}
