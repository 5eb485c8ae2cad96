//! `polyspan verify`: everything that was requested against everything that was handled, from the chains alone.
//!
//! ```text
//! cut (both contracts, at final blocks where they have a state) ─▶ walk (each lane, range by range) ─▶ books (each pair) ─▶ report
//! ```

mod books;
mod cut;
mod natives;
mod progress;
mod report;
mod walk;

use std::process::ExitCode;

use anyhow::{Error, Result};
use polyspan_chain::ChainError;
use polyspan_node::config::{Config, Deployment};
use polyspan_recovery::Difference;
use polyspan_types::{BridgeName, Direction};

use crate::args::ConfigFile;
use crate::exit::Exit;
use crate::failure::{BadInput, NoVerdict};
use crate::network::Network;
use crate::output;
use cut::Cut;
use progress::Progress;
use report::{BridgeReport, LaneReport, Report};
use walk::Walk;

/// Arguments of `polyspan verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this bridge; all of the config when left out.
    #[arg(long, value_name = "NAME")]
    bridge: Option<BridgeName>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Why an audit ends early.
#[derive(Debug)]
enum Stop {
    /// With a verdict.
    Differs(Box<Difference>),
    /// Without one.
    Failed(Error),
}

impl From<Box<Difference>> for Stop {
    fn from(difference: Box<Difference>) -> Self {
        Self::Differs(difference)
    }
}

impl From<ChainError> for Stop {
    fn from(error: ChainError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Audits bridges. Exit code 1 with the first difference.
///
/// Errors: the configuration, or a chain that cannot be read: no verdict.
pub async fn run(arguments: VerifyArguments) -> Result<ExitCode> {
    audit(arguments).await.map_err(|error| error.context(NoVerdict))
}

async fn audit(arguments: VerifyArguments) -> Result<ExitCode> {
    let network = Network::of_chains(Config::load(&arguments.file.config)?)?;
    let mut report = Report::default();
    for deployment in chosen(&network, arguments.bridge.as_ref())? {
        let mut bridge = BridgeReport::new(&deployment.name);
        let judged = verify(&network, deployment, &mut bridge).await;
        report.bridges.push(bridge);
        match judged {
            Ok(()) => {}
            Err(Stop::Differs(difference)) => {
                report.difference = Some((*difference).into());
                break;
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
    if arguments.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(if report.difference.is_some() { Exit::Bad } else { Exit::Fine }.into())
}

fn chosen<'a>(network: &'a Network, name: Option<&BridgeName>) -> Result<Vec<&'a Deployment>, BadInput> {
    let Config { bridges, file, .. } = &network.config;
    let deployments = bridges.iter().map(|bridge| &bridge.deployment);
    let found: Vec<&Deployment> =
        deployments.clone().filter(|bridge| name.is_none_or(|name| bridge.name == *name)).collect();
    if found.is_empty() {
        let known: Vec<String> = deployments.map(|bridge| bridge.name.to_string()).collect();
        let asked = name.map(ToString::to_string).unwrap_or_default();
        let (file, known) = (file.display(), known.join(", "));
        return Err(BadInput::new(format!("{file} has no bridge `{asked}`; it has {known}")));
    }
    Ok(found)
}

async fn verify(network: &Network, deployment: &Deployment, report: &mut BridgeReport) -> Result<(), Stop> {
    let cut = Cut::fetch(network, deployment).await?;
    report.notes.extend(cut.notes());
    let judged = judge(network, deployment, &cut, report).await;
    if !matches!(judged, Err(Stop::Failed(_))) {
        cut.prove(network).await?;
    }
    judged
}

/// Everything between the two ends of a cut.
async fn judge(
    network: &Network,
    deployment: &Deployment,
    cut: &Cut,
    report: &mut BridgeReport,
) -> Result<(), Stop> {
    let mut figures = Vec::new();
    for direction in Direction::ALL {
        let info = deployment.lane(direction);
        let (source, destination) = cut.ends(direction);
        let progress = Progress::start(&info.id, source.state.request_nonce);
        let walk = Walk::new(network, &info, cut, progress);
        let walked = walk.run().await?;
        report.notes.extend(natives::notes(&info, &walked.figures, &walked.untraced));
        report.lanes.push(LaneReport::new(&info, source, destination, &walked));
        figures.push(walked.figures);
    }
    for pair in books::of(deployment, cut, &figures) {
        pair.books.judge()?;
        report.pairs.push(pair.into());
    }
    Ok(())
}
