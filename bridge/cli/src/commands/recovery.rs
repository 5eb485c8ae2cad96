//! `polyspan recovery`

mod facts;
mod plan;

use std::process::ExitCode;

use anyhow::Result;

/// What to do about what an outage left behind.
#[derive(Debug, clap::Subcommand)]
pub enum RecoveryCommand {
    /// Shows in which state every request of a lane is, and what would be done about those that are not finished.
    ///
    /// It asks the chains, and reads the store of this host's relay if the config has one, also while that relay runs. Nothing is changed.
    Plan(plan::PlanArguments),
}

/// Runs `polyspan recovery`.
///
/// Errors: the configuration.
pub async fn run(command: RecoveryCommand) -> Result<ExitCode> {
    match command {
        RecoveryCommand::Plan(arguments) => plan::run(arguments).await,
    }
}
