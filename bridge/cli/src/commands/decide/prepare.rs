//! The first step of a decision.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_types::{HoldAction, LaneId, RequestNonce, TransferId};

use super::seen::Seen;
use super::words;
use crate::args::{ConfigFile, number};
use crate::decision::Decision;
use crate::network::Network;
use crate::output;

/// Arguments of `polyspan force-hold prepare`.
#[derive(Debug, clap::Args)]
pub struct PrepareNext {
    /// The lane that is stalled.
    #[arg(long, value_name = "LANE")]
    lane: LaneId,
    /// The request, which must be the next one of the lane. Default: that one.
    #[arg(long, value_name = "NONCE", value_parser = number::<RequestNonce>)]
    nonce: Option<RequestNonce>,
    #[command(flatten)]
    file: ConfigFile,
    /// File to write; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Arguments of `polyspan release prepare` and `polyspan refund prepare`.
#[derive(Debug, clap::Args)]
pub struct PrepareHeld {
    /// The transfer on hold, such as kr/main-to-service:42.
    #[arg(value_name = "TRANSFER")]
    transfer: TransferId,
    #[command(flatten)]
    file: ConfigFile,
    /// File to write; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What a decision is prepared about, and where it is written.
#[derive(Debug)]
pub struct Prepare {
    file: ConfigFile,
    lane: LaneId,
    /// The lane's next one when left out.
    nonce: Option<RequestNonce>,
    out: PathBuf,
}

impl From<PrepareNext> for Prepare {
    fn from(PrepareNext { lane, nonce, file, out }: PrepareNext) -> Self {
        Self { file, lane, nonce, out }
    }
}

impl From<PrepareHeld> for Prepare {
    fn from(PrepareHeld { transfer, file, out }: PrepareHeld) -> Self {
        Self { file, lane: transfer.lane, nonce: Some(transfer.nonce), out }
    }
}

/// Writes a decision that nobody has signed.
///
/// Errors: no such lane, something that operators cannot or need not decide, or a chain that cannot be seen.
pub(super) async fn run(action: HoldAction, arguments: Prepare) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let info = network.lane(&arguments.lane)?;
    let seen = Seen::of_decision(&network, action, info, arguments.nonce).await?;
    let text = words::describe(&network, &seen).await;
    let notes = words::notes(&network, &seen).await;
    std::iter::once(&text).chain(&notes).for_each(output::told);
    let operators = &seen.destination.operators;
    let (threshold, count) = (operators.threshold, operators.members.len());
    let out = arguments.out.display();
    let report = serde_json::json!({
        "action": action.to_string(),
        "transfer": seen.id().to_string(),
        "text": text,
        "notes": notes,
        "file": arguments.out,
        "threshold": threshold.get(),
        "operators": operators.members,
    });
    Decision::new(action, &seen.info, operators.epoch, seen.request, text).create(&arguments.out)?;
    output::object(&report)?;
    output::told(format!(
        "wrote {out}; {threshold} of {count} operators sign it, each on a host of the own: \
         polyspan {action} sign {out} --config RELAY_CONFIG"
    ));
    Ok(ExitCode::SUCCESS)
}
