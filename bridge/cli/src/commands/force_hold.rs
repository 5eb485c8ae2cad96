//! `polyspan force-hold`

mod look;
mod prepare;
mod sign;
mod submit;

use std::process::ExitCode;

use anyhow::Result;

/// What operators do about a request that cannot be handled at all.
#[derive(Debug, clap::Subcommand)]
pub enum ForceHoldCommand {
    /// Writes a decision to put the next request of a lane on hold, for operators to sign.
    ///
    /// It pays nothing and takes nothing: the value stays where it is, until operators release it or it is refunded.
    Prepare(prepare::PrepareArguments),
    /// Compares a decision with the chains, and signs it with the attester key of the config.
    Sign(sign::SignArguments),
    /// Sends what enough operators have signed. Needs no operator's key.
    Submit(submit::SubmitArguments),
}

/// Runs `polyspan force-hold`.
///
/// Errors: the configuration, the files, the key, or a chain.
pub async fn run(command: ForceHoldCommand) -> Result<ExitCode> {
    match command {
        ForceHoldCommand::Prepare(arguments) => prepare::run(arguments).await,
        ForceHoldCommand::Sign(arguments) => sign::run(arguments).await,
        ForceHoldCommand::Submit(arguments) => submit::run(arguments).await,
    }
}
