//! `polyspan governance`

mod cancel;
mod change;
mod execute;
mod history;
mod list;
mod look;
mod propose;
mod reach;
mod sign;

use std::process::ExitCode;

use anyhow::Result;

/// What governors do.
#[derive(Debug, clap::Subcommand)]
pub enum GovernanceCommand {
    /// Writes a proposal: what is to be changed, for governors to sign.
    Propose(propose::ProposeArguments),
    /// Shows what a proposal does, and signs it.
    Sign(sign::SignArguments),
    /// Sends what enough governors have signed, and executes it when its delay is over. Needs no governor's key.
    Execute(execute::ExecuteArguments),
    /// Writes a proposal to take back a scheduled configuration.
    Cancel(cancel::CancelArguments),
    /// Shows what is scheduled, and what was changed.
    List(list::ListArguments),
}

/// Runs `polyspan governance`.
///
/// Errors: bad input, or a chain that does not answer; each names the cure.
pub async fn run(command: GovernanceCommand) -> Result<ExitCode> {
    match command {
        GovernanceCommand::Propose(arguments) => propose::run(arguments).await,
        GovernanceCommand::Sign(arguments) => sign::run(arguments).await,
        GovernanceCommand::Execute(arguments) => execute::run(arguments).await,
        GovernanceCommand::Cancel(arguments) => cancel::run(arguments).await,
        GovernanceCommand::List(arguments) => list::run(arguments).await,
    }
}
