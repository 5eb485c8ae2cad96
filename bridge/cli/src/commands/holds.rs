//! `polyspan release` and `polyspan refund`: a hold ends, by anyone's hand or by what operators decide.

use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_types::{HoldAction, TransferId};

use super::decide::{self, DecideCommand, PrepareHeld, Seen};
use crate::args::{ConfigFile, FeeArguments, KeyArguments};
use crate::failure::BadInput;
use crate::hold_steps::HoldSteps;
use crate::network::Network;

/// Arguments of both commands: a transfer, or a step of a decision about one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct HoldArguments {
    #[command(subcommand)]
    decide: Option<DecideCommand<PrepareHeld>>,
    /// The transfer on hold, such as kr/main-to-service:42.
    #[arg(value_name = "TRANSFER", required = true)]
    transfer: Option<TransferId>,
    /// The key that pays for the transaction on the destination chain. It needs no authority.
    #[command(flatten)]
    key: Option<KeyArguments>,
    #[command(flatten)]
    gas: FeeArguments,
    #[command(flatten)]
    file: ConfigFile,
}

/// Ends a hold, or does a step of the operators' decision to end one. Exit code 1 when it cannot be paid now.
///
/// Errors: there is no such hold, or this cannot end it; the configuration, the files, the key, or a chain.
pub async fn run(action: HoldAction, arguments: HoldArguments) -> Result<ExitCode> {
    match (arguments.decide, arguments.transfer.zip(arguments.key)) {
        (Some(step), _) => decide::run(action, step).await,
        (None, Some((transfer, key))) => end(action, &transfer, &key, arguments.gas, &arguments.file).await,
        (None, None) => Err(BadInput::new(format!(
            "give the transfer on hold and a key: polyspan {action} TRANSFER --key KEYSTORE"
        ))
        .into()),
    }
}

async fn end(
    action: HoldAction,
    id: &TransferId,
    key: &KeyArguments,
    gas: FeeArguments,
    file: &ConfigFile,
) -> Result<ExitCode> {
    let network = Network::open(Config::load(&file.config)?).await?;
    let seen = Seen::of_hold(&network, action, id).await?;
    let problem = seen.steps.as_ref().and_then(|steps| problem(action, id, steps));
    match problem {
        Some(problem) => Err(BadInput::new(problem).into()),
        None => decide::send(&network, &seen, &[], key, gas).await,
    }
}

/// Why nobody can end this hold now without signatures of operators; `None` when anyone may try.
fn problem(action: HoldAction, id: &TransferId, steps: &HoldSteps) -> Option<String> {
    if action == HoldAction::Release {
        let reason = steps.hold.reason;
        return reason
            .needs_operators()
            .then(|| format!("{id} is on hold by reason of `{reason}`: {}", steps.release()));
    }
    let early = steps.refundable_from().is_none_or(|block| block > steps.head);
    let early = early.then(|| format!("{id} cannot be refunded by this command now: {}", steps.refund()));
    steps.refund_of_refund(id).or(early)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_chain::Hold;
    use polyspan_types::{BlockHeight, HoldReason, Leaf, RequestNonce};

    use super::*;

    fn steps(reason: HoldReason) -> HoldSteps {
        let nonce = RequestNonce::new(5);
        HoldSteps {
            hold: Hold { nonce, reason, held_at: BlockHeight::new(100), leaf: Leaf(B256::ZERO) },
            readiness: None,
            is_refund: Some(false),
            refund_delay: 50,
            delay_blocks: Some(0),
            head: BlockHeight::new(149),
        }
    }

    fn at(action: HoldAction, steps: &HoldSteps) -> Option<String> {
        problem(action, &"kr/main-to-service:5".parse().unwrap(), steps)
    }

    #[track_caller]
    fn assert_refused(action: HoldAction, steps: &HoldSteps, words: &str) {
        let problem = at(action, steps).unwrap();
        assert!(problem.contains(words), "{problem}");
    }

    #[test]
    fn what_takes_operators_is_not_released_without_them() {
        let release = HoldAction::Release;
        assert_eq!(at(release, &steps(HoldReason::PayoutFailed)), None);
        assert_refused(release, &steps(HoldReason::Forced), "threshold of operators");
        assert_refused(release, &steps(HoldReason::AnswerUnclear), "`polyspan release prepare`");
    }

    #[test]
    fn a_refund_is_refused_before_its_block_and_where_only_others_can() {
        let refund = HoldAction::Refund;
        let mut steps = steps(HoldReason::Forced);
        assert_refused(refund, &steps, "from block 150 on (in 1 blocks)");
        assert_refused(refund, &steps, "`polyspan refund prepare`");
        steps.head = BlockHeight::new(150);
        assert_eq!(at(refund, &steps), None);
        steps.is_refund = Some(true);
        assert_refused(refund, &steps, "use `polyspan release prepare kr/main-to-service:5`");
        steps.hold.reason = HoldReason::PayoutFailed;
        assert_refused(refund, &steps, "use `polyspan release kr/main-to-service:5`");
        steps.is_refund = Some(false);
        steps.hold.reason = HoldReason::AnswerUnclear;
        assert_refused(refund, &steps, "threshold of operators");
    }
}
