//! The `polyspan` command: relays, transfers, and what operators and users look at.
//!
//! Each command is a file of `commands`; it parses nothing by hand, prints through `output` only, and ends with 0, with one of the
//! codes of `exit`.
//!
//! ```text
//! args ─▶ commands/… ─▶ network (config ─▶ chains, coordinator) ─▶ lane_view ─▶ judgement ─▶ output
//!                   └─▶ wallet (key ─▶ signed transactions)
//! ```

mod approval;
mod args;
mod asset;
mod at_final;
mod commands;
mod config_file;
mod decision;
mod deploy;
mod dispute;
mod exit;
mod failure;
mod governance;
mod handover;
mod hold_steps;
mod judgement;
#[cfg(test)]
mod lane_fixture;
mod lane_view;
mod network;
mod output;
mod reading;
mod search;
mod signer;
mod story;
mod token;
mod unlock;
mod wallet;

use std::process::ExitCode;

use clap::{ColorChoice, Parser};
use polyspan_types::HoldAction;

use args::{Arguments, Command};
use exit::Exit;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            output::setup(true, ColorChoice::Never);
            output::error(error.to_string().trim().trim_start_matches("error: "), Exit::Input);
            return Exit::Input.into();
        }
        Err(error) if error.use_stderr() => error.exit(),
        // Help and versions are results.
        Err(error) => {
            output::help(&error);
            return Exit::Fine.into();
        }
    };
    output::setup(arguments.json, arguments.color);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(format!("cannot start: {error}"), Exit::Bad);
            return Exit::Bad.into();
        }
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(code) => code,
        Err(error) => {
            let exit = failure::exit(&error);
            output::error(format!("{error:#}"), exit);
            exit.into()
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Relay(arguments) => commands::relay::run(arguments).await,
        Command::Transfer(arguments) => commands::transfer::run(arguments).await,
        Command::Transfers(arguments) => commands::transfers::run(arguments).await,
        Command::Status(arguments) => commands::status::run(arguments).await,
        Command::Explain(arguments) => commands::explain::run(arguments).await,
        Command::Release(arguments) => commands::holds::run(HoldAction::Release, arguments).await,
        Command::Releases(arguments) => commands::releases::run(arguments).await,
        Command::Refund(arguments) => commands::holds::run(HoldAction::Refund, arguments).await,
        Command::Claim(arguments) => commands::claim::run(arguments).await,
        Command::ForceHold(command) => commands::decide::run(HoldAction::ForceHold, command).await,
        Command::Pause(arguments) => commands::pause::run(arguments).await,
        Command::Verify(arguments) => commands::verify::run(arguments).await,
        Command::Keys(command) => commands::keys::run(command).await,
        Command::Config(command) => commands::config::run(command).await,
        Command::Deploy(arguments) => commands::deploy::run(arguments).await,
        Command::Attest(command) => commands::attest::run(command).await,
        Command::Lane(command) => commands::lane::run(command).await,
        Command::Recovery(command) => commands::recovery::run(command).await,
        Command::Store(command) => commands::store::run(command).await,
        Command::Doctor(arguments) => commands::doctor::run(arguments).await,
        Command::Example(arguments) => commands::print::example(&arguments),
        Command::Completions(arguments) => commands::print::completions(&arguments),
        Command::Man(arguments) => commands::print::man(&arguments),
        Command::Governance(command) => commands::governance::run(command).await,
    }
}
