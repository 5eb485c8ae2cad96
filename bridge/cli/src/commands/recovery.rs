//! `polyspan recovery`

mod control;
mod facts;
mod handled_at_final;
mod plan;
mod progress;

use std::process::ExitCode;

use anyhow::Result;
use polyspan_types::LaneId;

use crate::args::ConfigFile;

/// What to do about what an outage left behind.
#[derive(Debug, clap::Subcommand)]
pub enum RecoveryCommand {
    /// Shows in which state every request of a lane is, and what would be done about those that are not finished.
    ///
    /// It asks the chains, and reads the store of this host's relay if the config has one, also while that relay runs. Nothing is changed.
    Plan(plan::PlanArguments),
    /// Has the running relay look at its lanes at once, and waits until it has. Exit code 1 when a look failed or was stopped, or a lane
    /// cannot be read on.
    Run(WorkerArguments),
    /// Shows how the recovery workers of the running relay stand.
    Status(StatusArguments),
    /// Lets the workers look from time to time, until the relay restarts: then `recovery.enabled` of its config decides.
    Start(WorkerArguments),
    /// Lets them rest, also from a look that `run` asked for, until the relay restarts: then `recovery.enabled` of its config decides. What was read is kept.
    Stop(WorkerArguments),
}

/// Which relay and lane.
#[derive(Debug, clap::Args)]
pub struct WorkerArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this lane, as `polyspan status` names it.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
}

/// Arguments of `polyspan recovery status`.
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    #[command(flatten)]
    worker: WorkerArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `polyspan recovery`.
///
/// Errors: the configuration; of all but the plan, no relay of it runs here, or it refuses.
pub async fn run(command: RecoveryCommand) -> Result<ExitCode> {
    match command {
        RecoveryCommand::Plan(arguments) => plan::run(arguments).await,
        RecoveryCommand::Run(arguments) => control::look(arguments).await,
        RecoveryCommand::Status(arguments) => control::status(arguments).await,
        RecoveryCommand::Start(arguments) => control::switch(arguments, true).await,
        RecoveryCommand::Stop(arguments) => control::switch(arguments, false).await,
    }
}
