//! `polyspan relay`

use std::process::ExitCode;

use anyhow::{Context, Result};
use polyspan_chain::LOG_DIRECTIVES;
use polyspan_monitoring::logs;
use polyspan_node::Relay;
use polyspan_node::config::{Config, Overrides};
use polyspan_node::keys;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::ConfigFile;
use crate::failure::BadInput;

/// Arguments of `polyspan relay`.
#[derive(Debug, clap::Args)]
pub struct RelayArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Where metrics and health are served, instead of relay.listen.
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// Form of the log lines, instead of relay.log_format: human or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Runs a relay until SIGINT or SIGTERM.
///
/// Errors: its input must be corrected, or a task of it ended.
pub async fn run(arguments: RelayArguments) -> Result<ExitCode> {
    let overrides = Overrides::from_environment()
        .with_flag("--listen", "relay.listen", arguments.listen)
        .with_flag("--log-format", "relay.log_format", arguments.log_format);
    let config = Config::load_with(&arguments.file.config, &overrides)?;
    let Some(relay) = &config.relay else {
        let file = config.file.display();
        return Err(BadInput::new(format!(
            "{file} has no [relay] section; add one, see polyspan.example.toml"
        ))
        .into());
    };
    logs::init(relay.log_format, &format!("info,{LOG_DIRECTIVES},{}", keys::LOG_DIRECTIVES))
        .map_err(|error| BadInput::new(error.to_string()))?;
    // Before building: an interrupt in the middle of it must end the process in order as well.
    let stop = stop_on_signals().context("cannot listen for signals")?;
    let relay = tokio::select! {
        relay = Relay::build(&config) => relay?,
        () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
    };
    tracing::info!(address = %relay.address(), version = env!("CARGO_PKG_VERSION"), "relay started");
    relay.run(stop).await?;
    tracing::info!("relay stopped");
    Ok(ExitCode::SUCCESS)
}

/// A token that SIGINT and SIGTERM cancel. A second signal ends the process at once.
fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        for code in [None, Some(1)] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            match code {
                None => token.cancel(),
                Some(code) => std::process::exit(code),
            }
        }
    });
    Ok(stop)
}
