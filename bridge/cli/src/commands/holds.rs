//! `polyspan release` and `polyspan refund`: a person ends a hold by hand.

use std::process::ExitCode;

use anyhow::{Context, Result};
use polyspan_chain::{At, BridgeRevert, ChainError, Hold, refund_calldata, release_calldata};
use polyspan_node::config::{Config, LaneInfo};
use polyspan_types::{HoldAction, HoldEnd, LaneId, Leaf, Request, RequestNonce, TransferId};

use super::explain::{fetch_hold, find_request, hold_steps, open_store};
use crate::args::{ConfigFile, KeyArguments};
use crate::failure::BadInput;
use crate::hold_steps::{HoldSteps, explained};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::{Call, Wallet};

/// Arguments of both commands.
#[derive(Debug, clap::Args)]
pub struct HoldArguments {
    /// The transfer on hold, such as kr/main-to-service:42.
    #[arg(value_name = "TRANSFER")]
    transfer: TransferId,
    /// The key that pays for the transaction on the destination chain. It needs no authority.
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    file: ConfigFile,
}

/// What was seen before anything is sent.
struct Seen {
    id: TransferId,
    steps: HoldSteps,
    paused: bool,
    /// Whether the sender has code.
    has_code: bool,
}

/// Pays a request on hold, if its reason is gone. Exit code 1 when it is not.
///
/// Errors: there is no such hold, or this cannot end it; or the endpoint.
pub async fn release(arguments: HoldArguments) -> Result<ExitCode> {
    end(HoldAction::Release, arguments).await
}

/// Sends a request on hold back to its `refundTo`, once the bridge's refund delay is over.
///
/// Errors: there is no such hold, or this cannot end it; or the endpoint.
pub async fn refund(arguments: HoldArguments) -> Result<ExitCode> {
    end(HoldAction::Refund, arguments).await
}

async fn end(action: HoldAction, arguments: HoldArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let info = network.lane(&arguments.transfer.lane)?;
    let id = arguments.transfer;
    let side = &info.destination;
    let chain = network.chain(side);
    let hold = fetch_hold(&network, &info, id.nonce).await?;
    let hold = hold.ok_or_else(|| {
        let lane = &id.lane;
        BadInput::new(format!(
            "{lane}:{} is not on hold; see `polyspan explain {lane}:{}`",
            id.nonce, id.nonce
        ))
    })?;
    let request = request(&network, &info, &hold).await?;
    let view = LaneView::fetch(&network, info.clone(), &[]).await;
    let destination = view.destination.map_err(anyhow::Error::msg)?;
    let wallet = Wallet::new(chain.clone(), unlock::unlock(&arguments.key)?);
    let seen = Seen {
        steps: hold_steps(hold, Some(&request), &destination),
        paused: destination.paused,
        has_code: chain.has_code(wallet.address(), At::Latest).await?,
        id: id.clone(),
    };
    if let Some(problem) = problem(action, &seen) {
        return Err(BadInput::new(problem).into());
    }
    let (word, input) = match action {
        HoldAction::Release => ("release", release_calldata(id.nonce, &request.transfer, &[])),
        _ => ("refund", refund_calldata(id.nonce, &request.transfer, &[])),
    };
    let call = Call { to: Some(side.bridge), input, ..Call::default() };
    match wallet.simulate(&call).await {
        Err(ChainError::Reverted(BridgeRevert::ReleaseFailed { reason, .. })) => {
            output::result(format!(
                "{id} cannot be paid now: {} ({reason}); nothing was sent",
                explained(reason)
            ));
            output::result(format!("it stays on hold: {}", seen.steps.refund()));
            return Ok(ExitCode::FAILURE);
        }
        other => drop(other.with_context(|| format!("cannot {word} {id}"))?),
    }
    let sent = wallet.send(&format!("{word} {id}"), call).await?;
    output::result(format!("{word} transaction: {}", sent.tx_hash));
    let block = sent.receipt.block.height;
    let ending = chain.handled(side.bridge, block, block).await.ok().and_then(|logs| logs.ending(id.nonce));
    match ending.map(|ending| ending.end) {
        Some(HoldEnd::Released { to }) => {
            output::result(format!("released: {to} has it on chain {}", side.chain))
        }
        Some(HoldEnd::Refunded { request_nonce }) => output::result(refunded(&info, request_nonce)),
        None => output::result(format!("see `polyspan explain {id}`")),
    }
    Ok(ExitCode::SUCCESS)
}

/// The request that the hold is of: from this host's relay, or else from the source's logs.
async fn request(network: &Network, info: &LaneInfo, hold: &Hold) -> Result<Request> {
    // A store that cannot be read is no reason to give up: the source has the request as well.
    let stored = match open_store(network).await {
        Ok(Some(store)) => store.request(info.bridge_id, hold.nonce).await.ok().flatten(),
        _ => None,
    };
    let request = match stored {
        Some(stored) => Some(stored.request),
        None => find_request(network, info, hold.nonce).await?,
    };
    let request =
        request.with_context(|| format!("chain {} does not give its request", info.source.chain))?;
    if Leaf::of(&request) != hold.leaf {
        anyhow::bail!(
            "the request that chain {} gives is not the one that is on hold; ask another endpoint",
            info.source.chain
        );
    }
    Ok(request)
}

/// Why a plain account cannot end this hold now; `None` when it may try.
fn problem(action: HoldAction, seen: &Seen) -> Option<String> {
    let (id, steps) = (&seen.id, &seen.steps);
    if seen.paused {
        return Some(format!("{id} cannot be ended while the destination's bridge is paused"));
    }
    if action == HoldAction::Release {
        if seen.has_code {
            return Some(
                "the bridge pays for plain accounts only, and the key's account has code; use another"
                    .to_owned(),
            );
        }
        return steps
            .hold
            .reason
            .needs_operators()
            .then(|| format!("{id} is on hold by reason of `{}`: {}", steps.hold.reason, steps.release()));
    }
    if steps.is_refund == Some(true) {
        return Some(format!("{id} cannot be refunded: {}; use `polyspan release {id}`", steps.refund()));
    }
    let early = steps.refundable_from().is_none_or(|block| block > steps.head);
    early.then(|| format!("{id} cannot be refunded by this command now: {}", steps.refund()))
}

fn refunded(info: &LaneInfo, nonce: RequestNonce) -> String {
    let back = LaneId::new(info.id.bridge.clone(), info.id.direction.opposite());
    let id = TransferId { lane: back, nonce };
    format!("refunded as {id}; `polyspan explain {id}` tells how it goes on")
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{BlockHeight, HoldReason};

    use super::*;

    fn seen(reason: HoldReason) -> Seen {
        let nonce = RequestNonce::new(5);
        let hold = Hold { nonce, reason, held_at: BlockHeight::new(100), leaf: Leaf(B256::ZERO) };
        let steps = HoldSteps {
            hold,
            readiness: None,
            is_refund: Some(false),
            refund_delay: 50,
            delay_blocks: Some(0),
            head: BlockHeight::new(149),
        };
        Seen { id: "kr/main-to-service:5".parse().unwrap(), steps, paused: false, has_code: false }
    }

    #[track_caller]
    fn assert_refused(action: HoldAction, seen: &Seen, words: &str) {
        let problem = problem(action, seen).unwrap();
        assert!(problem.contains(words), "{problem}");
    }

    #[test]
    fn a_release_is_refused_where_it_could_only_revert() {
        let release = HoldAction::Release;
        assert_eq!(problem(release, &seen(HoldReason::PayoutFailed)), None);
        assert_refused(release, &seen(HoldReason::Forced), "threshold of operators");
        assert_refused(release, &Seen { has_code: true, ..seen(HoldReason::Delayed) }, "has code");
        assert_refused(release, &Seen { paused: true, ..seen(HoldReason::Delayed) }, "paused");
    }

    #[test]
    fn a_refund_is_refused_before_its_block_and_where_only_others_can() {
        let refund = HoldAction::Refund;
        let mut seen = seen(HoldReason::Forced);
        assert_refused(refund, &seen, "from block 150 on (in 1 blocks)");
        seen.steps.head = BlockHeight::new(150);
        assert_eq!(problem(refund, &seen), None);
        seen.steps.is_refund = Some(true);
        assert_refused(refund, &seen, "use `polyspan release kr/main-to-service:5`");
        seen.steps.is_refund = Some(false);
        seen.steps.hold.reason = HoldReason::AnswerUnclear;
        assert_refused(refund, &seen, "threshold of operators");
    }
}
