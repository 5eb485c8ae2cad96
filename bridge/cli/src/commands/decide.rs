//! What operators decide about one request, by threshold: `prepare`, `sign` and `submit` of `polyspan force-hold`, `release` and
//! `refund`.
//!
//! ```text
//! prepare ─▶ file ─▶ sign (each operator, on a host of the own) ─▶ copies ─▶ submit
//!    └── seen ──────────┴── what both chains have, compared each time ─────────┘
//! ```

mod evidence;
mod prepare;
mod seen;
mod send;
mod sign;
mod submit;
mod words;

use std::process::ExitCode;

use anyhow::Result;
use polyspan_types::HoldAction;

pub use prepare::{PrepareHeld, PrepareNext};
pub use seen::Seen;
pub use send::send;
pub use sign::attester;

/// The steps of a decision; `P` says how its request is named.
#[derive(Debug, clap::Subcommand)]
pub enum DecideCommand<P: clap::Args> {
    /// Writes a decision for operators to sign. It changes nothing.
    Prepare(P),
    /// Compares a decision with the chains, and signs it with the attester key of the config.
    Sign(sign::SignArguments),
    /// Sends what enough operators have signed. Needs no operator's key.
    Submit(Box<submit::SubmitArguments>),
}

/// Runs a step of the decision to do `action`.
///
/// Errors: the configuration, the files, the key, or a chain.
pub async fn run<P>(action: HoldAction, command: DecideCommand<P>) -> Result<ExitCode>
where
    P: clap::Args + Into<prepare::Prepare>,
{
    match command {
        DecideCommand::Prepare(arguments) => prepare::run(action, arguments.into()).await,
        DecideCommand::Sign(arguments) => sign::run(action, arguments).await,
        DecideCommand::Submit(arguments) => submit::run(action, *arguments).await,
    }
}
