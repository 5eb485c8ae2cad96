//! Sends what is done about one request: by anyone, or with what operators have signed.

use std::process::ExitCode;

use alloy::primitives::{Address, B256, Bytes, Signature};
use anyhow::{Context, Result, bail};
use polyspan_chain::{At, BridgeRevert, ChainError, force_hold_calldata, refund_calldata, release_calldata};
use polyspan_types::{HoldAction, HoldEnd, HoldReason, LaneId, RequestNonce, TransferId};
use serde::Serialize;

use super::seen::Seen;
use crate::args::{FeeArguments, KeyArguments};
use crate::commands::explain::fetch_hold;
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::hold_steps::explained;
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::{Call, Sent, Wallet};

/// What came of it, for programs.
#[derive(Debug, Serialize)]
struct Report {
    action: String,
    transfer: String,
    /// `unpayable`, and nothing was sent; `held`, `released` or `refunded`; `sent` when its effect was not seen.
    state: &'static str,
    chain: String,
    transaction: Option<B256>,
    /// Who has it now, if it was released.
    to: Option<Address>,
    /// The transfer that pays it back, if it was refunded.
    refund: Option<String>,
    /// Why it cannot be paid.
    reason: Option<HoldReason>,
}

/// Does what was seen to be possible, and reports its effect. Exit code 1 when a release would fail; then nothing is sent.
///
/// Errors: the key, a bridge that is paused, a revert, or the endpoint.
pub async fn send(
    network: &Network,
    seen: &Seen,
    signatures: &[Signature],
    key: &KeyArguments,
    gas: FeeArguments,
) -> Result<ExitCode> {
    let (id, side) = (seen.id(), &seen.info.destination);
    let wallet =
        Wallet::new(network.chain(side).clone(), unlock::unlock(key).await?).paying_at_most(gas.max_fee);
    let has_code = wallet.chain.has_code(wallet.address(), At::Latest).await?;
    if let Some(problem) = problem(seen.action, &id, seen.destination.paused, has_code) {
        return Err(BadInput::new(problem).into());
    }
    let what = match seen.action {
        HoldAction::ForceHold => format!("put {id} on hold"),
        HoldAction::Release | HoldAction::Refund => format!("{} {id}", seen.action),
    };
    let call = Call { to: Some(side.bridge), input: calldata(seen, signatures), ..Call::default() };
    match wallet.simulate(&call).await {
        Err(ChainError::Reverted(BridgeRevert::ReleaseFailed { reason, .. })) => {
            output::told(format!(
                "{id} cannot be paid now: {} ({reason}); nothing was sent",
                explained(reason)
            ));
            let refund = seen.steps.as_ref().map(|steps| steps.refund()).unwrap_or_default();
            output::told(format!("it stays on hold: {refund}"));
            output::object(&Report { reason: Some(reason), ..Report::of(seen, "unpayable") })?;
            return Ok(Exit::Bad.into());
        }
        other => drop(other.with_context(|| format!("cannot {what}"))?),
    }
    let sent = wallet.send(&what, call).await?;
    output::told(format!("{} transaction: {}", seen.action, sent.tx_hash));
    let report = report(network, seen, &sent).await?;
    output::object(&Report { transaction: Some(sent.tx_hash), ..report })?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn of(seen: &Seen, state: &'static str) -> Self {
        Self {
            action: seen.action.to_string(),
            transfer: seen.id().to_string(),
            state,
            chain: seen.info.destination.chain.clone(),
            transaction: None,
            to: None,
            refund: None,
            reason: None,
        }
    }
}

/// Why the bridge takes nothing now, or not from this account.
fn problem(action: HoldAction, id: &TransferId, paused: bool, has_code: bool) -> Option<String> {
    if paused {
        let what = match action {
            HoldAction::ForceHold => "put on hold",
            HoldAction::Release | HoldAction::Refund => "ended",
        };
        return Some(format!("{id} cannot be {what} while the destination's bridge is paused"));
    }
    (action == HoldAction::Release && has_code).then(|| {
        "the bridge pays for plain accounts only, and the key's account has code; use another".to_owned()
    })
}

fn calldata(seen: &Seen, signatures: &[Signature]) -> Bytes {
    let calldata = match seen.action {
        HoldAction::ForceHold => force_hold_calldata,
        HoldAction::Release => release_calldata,
        HoldAction::Refund => refund_calldata,
    };
    calldata(seen.request.nonce, &seen.request.transfer, signatures)
}

/// Reports what became of the request.
///
/// Errors: a force-hold made no hold.
async fn report(network: &Network, seen: &Seen, sent: &Sent) -> Result<Report> {
    let (id, side, nonce) = (seen.id(), &seen.info.destination, seen.request.nonce);
    if seen.action == HoldAction::ForceHold {
        let hold = fetch_hold(network, &seen.info, nonce).await?;
        if hold.is_none_or(|hold| hold.reason != HoldReason::Forced) {
            bail!("the transaction went through and {id} is not on hold; see `polyspan explain {id}`");
        }
        output::told(format!(
            "{id} is on hold and the lane goes on; operators can release or refund it by threshold (`polyspan release prepare {id}`, \
             `polyspan refund prepare {id}`), and after the refund delay anyone can refund it: polyspan refund {id}"
        ));
        return Ok(Report::of(seen, "held"));
    }
    let block = sent.receipt.block.height;
    let logs = network.chain(side).handled(side.bridge, block, block).await.ok();
    let (report, text) = match logs.and_then(|logs| logs.ending(nonce)).map(|ending| ending.end) {
        Some(HoldEnd::Released { to }) => (
            Report { to: Some(to), ..Report::of(seen, "released") },
            format!("released: {to} has it on chain {}", side.chain),
        ),
        Some(HoldEnd::Refunded { request_nonce }) => {
            let refund = refund(&seen.info.id, request_nonce).to_string();
            let text = format!("refunded as {refund}; `polyspan explain {refund}` tells how it goes on");
            (Report { refund: Some(refund), ..Report::of(seen, "refunded") }, text)
        }
        Some(HoldEnd::WrittenOff) | None => {
            (Report::of(seen, "sent"), format!("see `polyspan explain {id}`"))
        }
    };
    output::told(text);
    Ok(report)
}

/// The request of the other lane that pays it back.
fn refund(lane: &LaneId, nonce: RequestNonce) -> TransferId {
    let back = LaneId::new(lane.bridge.clone(), lane.direction.opposite());
    TransferId { lane: back, nonce }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_while_paused_and_no_release_from_an_account_with_code() {
        let id: TransferId = "kr/main-to-service:5".parse().unwrap();
        for action in HoldAction::ALL {
            assert_eq!(problem(action, &id, false, false), None);
            assert!(problem(action, &id, true, false).unwrap().contains("paused"));
            let refused = problem(action, &id, false, true);
            assert_eq!(refused.is_some(), action == HoldAction::Release, "{refused:?}");
        }
    }
}
