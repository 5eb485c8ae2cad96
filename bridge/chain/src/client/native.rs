//! Native currency leaves no log: what a bridge sent is in the trace of the transaction.

use alloy::primitives::{Address, B256};
use polyspan_types::{CallFrame, Payment, TraceFrame};
use serde_json::json;

use super::Client;
use crate::{Ability, ChainError, NoTrace};

const PARITY: &str = "trace_transaction";
const GETH: &str = "debug_traceTransaction";

/// A trace of geth's is asked for by the name of its form.
const TRACER: &str = "callTracer";

impl Client {
    /// Native currency that `owner` sent in a transaction, or why the node gives no trace of it.
    ///
    /// Errors: the endpoint gives no answer.
    pub(crate) async fn native_payouts(
        &self,
        owner: Address,
        tx_hash: B256,
    ) -> Result<Result<Vec<Payment>, NoTrace>, ChainError> {
        let why = match self.request::<Option<Vec<TraceFrame>>>(PARITY, json!([tx_hash])).await {
            Ok(Some(frames)) => return Ok(Ok(TraceFrame::native_payments(&frames, owner))),
            Ok(None) => NoTrace::NotIndexed,
            Err(error) => NoTrace::of(error)?,
        };
        let traced = json!([tx_hash, { "tracer": TRACER }]);
        match self.request::<Option<CallFrame>>(GETH, traced).await {
            Ok(Some(frame)) => Ok(Ok(frame.native_payments(owner))),
            Ok(None) => Ok(Err(why.nearest(NoTrace::NotIndexed))),
            Err(error) => Ok(Err(why.nearest(NoTrace::of(error)?))),
        }
    }

    /// Whether the node gives traces of new blocks, in either form.
    ///
    /// Errors: the endpoint gives no answer.
    pub(crate) async fn traces(&self) -> Result<Ability, ChainError> {
        let call = json!([{ "to": Address::with_last_byte(1) }, "latest", { "tracer": TRACER }]);
        let why = match self.request::<CallFrame>("debug_traceCall", call).await {
            Ok(_) => return Ok(Ability::Present),
            Err(error) => NoTrace::of(error)?,
        };
        match self.request::<Option<Vec<TraceFrame>>>(PARITY, json!([B256::repeat_byte(0xff)])).await {
            // There is no such transaction, which a node that has the method says in one way or another.
            Ok(_) => Ok(Ability::Present),
            Err(error) => Ok(match NoTrace::of(error)? {
                NoTrace::NotIndexed => Ability::Present,
                other => Ability::Missing(why.nearest(other).to_string()),
            }),
        }
    }
}
