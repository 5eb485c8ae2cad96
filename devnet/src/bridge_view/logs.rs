//! What the logs of a bridge say. Decoded here and not by the relay's code: the witness shares no mistake with whom it
//! judges.

use alloy::primitives::B256;
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge::{
    HandleValueTransfer, HoldRefunded, HoldReleased, HoldWrittenOff, RequestValueTransfer, ValueTransferHeld,
};
use polyspan_types::{
    BlockHeight, HandledLogs, HandledRange, HeldRequest, HoldEnd, HoldEnding, HoldReason, Leaf, Request,
    RequestKind, RequestNonce, ValueTransfer,
};

/// A request from its log.
///
/// Errors: it is another log, or has no place.
pub(super) fn request(log: &Log) -> Result<Request> {
    let event = log.log_decode::<RequestValueTransfer>().context("a request log does not decode")?;
    let (source_block, tx_hash) = place(log)?;
    let inner = event.inner.data;
    Ok(Request {
        nonce: RequestNonce::new(inner.requestNonce),
        transfer: ValueTransfer {
            kind: RequestKind::new(inner.kind),
            source_block,
            token: inner.token,
            from: inner.from,
            to: inner.to,
            refund_to: inner.refundTo,
            value: inner.value,
            payload: inner.payload,
        },
        tx_hash,
    })
}

/// Adds what a destination's log says.
///
/// Errors: it is another log, or has no place.
pub(super) fn gather(log: &Log, handled: &mut HandledLogs) -> Result<()> {
    let (block, tx_hash) = place(log)?;
    let ending = |nonce, end| HoldEnding { nonce: RequestNonce::new(nonce), end, block, tx_hash };
    match *log.topic0().context("a log without a topic")? {
        HandleValueTransfer::SIGNATURE_HASH => {
            let event = decoded::<HandleValueTransfer>(log)?;
            let (first, end) = (RequestNonce::new(event.first), RequestNonce::new(event.handleNonce));
            handled.ranges.push(HandledRange { first, end, block, tx_hash });
        }
        ValueTransferHeld::SIGNATURE_HASH => {
            let event = decoded::<ValueTransferHeld>(log)?;
            let reason = HoldReason::from_number(event.reason);
            let nonce = RequestNonce::new(event.nonce);
            handled.held.push(HeldRequest { nonce, reason, leaf: Leaf(event.leaf), block, tx_hash });
        }
        HoldReleased::SIGNATURE_HASH => {
            let event = decoded::<HoldReleased>(log)?;
            handled.endings.push(ending(event.nonce, HoldEnd::Released { to: event.to }));
        }
        HoldRefunded::SIGNATURE_HASH => {
            let event = decoded::<HoldRefunded>(log)?;
            let request_nonce = RequestNonce::new(event.requestNonce);
            handled.endings.push(ending(event.nonce, HoldEnd::Refunded { request_nonce }));
        }
        HoldWrittenOff::SIGNATURE_HASH => {
            let event = decoded::<HoldWrittenOff>(log)?;
            handled.endings.push(ending(event.nonce, HoldEnd::WrittenOff));
        }
        other => bail!("a log of another event: {other}"),
    }
    Ok(())
}

fn decoded<E: SolEvent>(log: &Log) -> Result<E> {
    let event = log.log_decode::<E>().with_context(|| format!("a log is no {}", E::SIGNATURE))?;
    Ok(event.inner.data)
}

fn place(log: &Log) -> Result<(BlockHeight, B256)> {
    let block = log.block_number.context("a log without a block")?;
    Ok((BlockHeight::new(block), log.transaction_hash.context("a log without a transaction")?))
}
