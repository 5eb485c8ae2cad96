//! `polyspan force-hold prepare`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_types::{LaneId, RequestNonce};

use super::look::{self, Seen};
use crate::args::ConfigFile;
use crate::decision::Decision;
use crate::network::Network;
use crate::output;

/// Arguments of `polyspan force-hold prepare`.
#[derive(Debug, clap::Args)]
pub struct PrepareArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The lane that stands still.
    #[arg(long, value_name = "LANE")]
    lane: LaneId,
    /// The request. It must be the next one of the lane; so it is when left out.
    #[arg(long, value_name = "NONCE")]
    nonce: Option<RequestNonce>,
    /// File to write; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes a decision that nobody has signed.
///
/// Errors: no such lane, a request that is not the next one, or a chain that cannot be seen.
pub async fn run(arguments: PrepareArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let info = network.lane(&arguments.lane)?;
    let seen = Seen::fetch(&network, &info).await?;
    let operators = &seen.destination.operators;
    let nonce = arguments.nonce.unwrap_or(seen.destination.handled);
    seen.check(&info, nonce, operators.epoch)?;
    let request = look::request(&network, &info, nonce).await?;
    let text = look::describe(&network, &info, &request);
    output::result(&text);
    look::tell(&seen);
    let (threshold, count) = (operators.threshold, operators.members.len());
    Decision::force_hold(&info, operators.epoch, request, text).create(&arguments.out)?;
    let out = arguments.out.display();
    output::result(format!(
        "wrote {out}; {threshold} of {count} operators sign it, each on the own host: polyspan force-hold sign {out} --config RELAY_CONFIG"
    ));
    Ok(ExitCode::SUCCESS)
}
