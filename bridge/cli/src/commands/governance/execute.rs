//! `polyspan governance execute`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use polyspan_chain::ChainError;
use polyspan_contracts::Bridge;
use polyspan_node::keys::SigningKey;
use polyspan_types::{Classify, ErrorClass};
use serde::Serialize;
use tokio::time::Instant;

use super::look;
use super::reach::{Ends, ReachArguments, Site, Snapshot};
use super::sign::next;
use crate::args::{FeeArguments, KeyArguments, duration};
use crate::deploy::spec::End;
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::governance::proposal::{Proposal, Section};
use crate::governance::step::{SUSPENDED, Step};
use crate::governance::vote::Tally;
use crate::governance::words::{moment, span};
use crate::output;
use crate::unlock;
use crate::wallet::{Call, Wallet};

/// Time between two looks while a delay runs.
const POLL: Duration = Duration::from_secs(1);

/// Arguments of `polyspan governance execute`.
#[derive(Debug, clap::Args)]
pub struct ExecuteArguments {
    /// The proposal; copies that were signed apart are given together.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    gas: FeeArguments,
    /// On which chain.
    #[arg(long, value_name = "CHAIN", value_enum, default_value_t = Ends::Both)]
    chain: Ends,
    /// Wait for the delay, and execute then.
    #[arg(long)]
    wait: bool,
    /// How long to wait. Default: as long as it takes.
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait")]
    timeout: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

/// Who pays for the transactions, and how much at most.
struct Payer {
    signer: SigningKey,
    gas: FeeArguments,
}

/// How far one chain is.
#[derive(Debug, Clone, Serialize)]
struct Report {
    chain: String,
    /// Transactions that were sent now.
    sent: Vec<String>,
    state: State,
    text: String,
}

/// Where a configuration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Executed or taken back.
    Done,
    /// Voted; the public delay runs.
    Waiting,
    /// Signatures are missing.
    Missing,
    /// It cannot go on.
    Stuck,
    /// The chain or a transaction failed; try again.
    Failed,
}

/// Merges the votes, and does on each chain what can be done now. Exit code 1 when something is missing or cannot go on.
///
/// Errors: the files, the key, or a chain that does not answer at first.
pub async fn run(arguments: ExecuteArguments) -> Result<ExitCode> {
    let proposal = merged(&arguments.files)?;
    let sites = arguments.reach.open(Some(&proposal))?;
    let ends: Vec<End> = arguments.chain.iter().filter(|end| proposal.section(*end).is_some()).collect();
    if ends.is_empty() {
        return Err(BadInput::new("--chain: the proposal has no part for that chain").into());
    }
    let mut snapshots = [None, None];
    for end in &ends {
        snapshots[*end as usize] = Some(sites.get(*end)?.look().await?);
    }
    if !arguments.json {
        look::print(&look::describe(&proposal, Some(&sites), &snapshots)?);
    }
    let payer = Payer { signer: unlock::unlock(&arguments.key).await?, gas: arguments.gas };
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let mut sent: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    let (mut bar, mut waited) = (None, [false; 2]);
    let reports = loop {
        let mut reports = Vec::new();
        for end in &ends {
            let Some(section) = proposal.section(*end) else { continue };
            let sent = &mut sent[*end as usize];
            let done = advance(&proposal, section, sites.get(*end)?, &payer, sent).await;
            // What goes wrong on one chain does not keep the other from going on, nor what was sent from being told.
            let report = done.unwrap_or_else(|error| Report {
                chain: section.chain.clone(),
                sent: sent.clone(),
                // A delay of days outlasts many a lost connection.
                state: if waited[*end as usize] && heals(&error) { State::Waiting } else { State::Failed },
                text: format!("{error:#}"),
            });
            waited[*end as usize] = report.state == State::Waiting;
            reports.push(report);
        }
        let waiting = reports.iter().find(|report| report.state == State::Waiting);
        let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        match waiting.filter(|_| arguments.wait && !over) {
            None => break reports,
            Some(report) => show(bar.get_or_insert_with(spinner), report),
        }
        tokio::time::sleep(POLL).await;
    };
    bar.iter().for_each(ProgressBar::finish_and_clear);
    if arguments.json {
        output::json(&reports)?;
    } else {
        for report in &reports {
            output::result(format!("chain {}: {}", report.chain, report.text));
        }
    }
    let fine = |report: &Report| match report.state {
        State::Done => true,
        State::Waiting => !arguments.wait,
        State::Missing | State::Stuck | State::Failed => false,
    };
    Ok(if reports.iter().all(fine) { Exit::Fine } else { Exit::Bad }.into())
}

/// Whether the endpoint may answer later.
fn heals(error: &anyhow::Error) -> bool {
    let class = error.chain().find_map(|cause| Some(cause.downcast_ref::<ChainError>()?.class()));
    matches!(class, Some(ErrorClass::Retry { .. }))
}

fn merged(files: &[PathBuf]) -> Result<Proposal, BadInput> {
    let [first, copies @ ..] = files else {
        return Err(BadInput::new("give the proposal's file"));
    };
    let mut proposal = Proposal::load(first)?;
    for file in copies {
        let copy = Proposal::load(file)?;
        proposal.merge(&copy).map_err(|error| BadInput::new(format!("{} {error}", file.display())))?;
    }
    Ok(proposal)
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is right"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// On a terminal one line changes; elsewhere it is said once, as long as it stays the same.
fn show(bar: &ProgressBar, report: &Report) {
    let text = format!("chain {}: {}", report.chain, report.text);
    if bar.is_hidden() && bar.message() != report.chain {
        output::remark(&text);
    }
    // A hidden bar remembers the chain: its text changes every second.
    bar.set_message(if bar.is_hidden() { report.chain.clone() } else { text });
}

/// Does one step after the other, until nothing more can be done now.
async fn advance(
    proposal: &Proposal,
    section: &Section,
    site: &Site,
    payer: &Payer,
    sent: &mut Vec<String>,
) -> Result<Report> {
    let wallet = Wallet::new(site.chain.clone(), payer.signer.clone()).paying_at_most(payer.gas.max_fee);
    loop {
        let snapshot = site.look().await?;
        let governors = &snapshot.state.governors;
        let tally = Tally::count(proposal.intent, section, governors);
        let report = |sent: &[String], state, text| {
            let done = sent.iter().map(|hash| format!("; transaction {hash}")).collect::<String>();
            Ok(Report {
                chain: section.chain.clone(),
                sent: sent.to_vec(),
                state,
                text: format!("{text}{done}"),
            })
        };
        let step = next(proposal, section, site, &snapshot).await?;
        let (what, input): (&str, Bytes) = match &step {
            Step::Vote => ("send the votes", configure(section, tally.signatures(governors))),
            Step::Execute => ("execute the configuration", execute(section)),
            Step::Cancel => ("cancel the configuration", cancel(section, tally.signatures(governors))),
            Step::Done(what) => return report(sent, State::Done, what.clone()),
            Step::Wait { until } => return report(sent, State::Waiting, waiting(&snapshot, *until)),
            Step::Suspended => return report(sent, State::Waiting, format!("voted; {SUSPENDED}")),
            Step::Missing => return report(sent, State::Missing, missing(&tally, &snapshot)),
            Step::Stuck(why) => return report(sent, State::Stuck, why.clone()),
        };
        let call = Call { to: Some(site.bridge), input, ..Call::default() };
        // Our clock may be ahead of the chain's.
        if step == Step::Execute
            && let Err(ChainError::Reverted(_)) = wallet.simulate(&call).await
            && let Some(until) = early(section, &snapshot)
        {
            return report(sent, State::Waiting, waiting(&snapshot, until));
        }
        match wallet.send(&format!("{what} on chain {}", section.chain), call).await {
            Ok(done) => sent.push(done.tx_hash.to_string()),
            Err(error) => {
                // Somebody else may have been faster: then there is another step now.
                let again = site.look().await?;
                if next(proposal, section, site, &again).await? == step {
                    return Err(error);
                }
            }
        }
    }
}

/// When a scheduled configuration becomes executable, if that lies ahead of the newest block.
fn early(section: &Section, snapshot: &Snapshot) -> Option<u64> {
    let pending = &snapshot.state.pending;
    let own = pending.iter().find(|pending| pending.configuration_nonce == section.configuration_nonce)?;
    own.executable_at.filter(|until| snapshot.chain_time < *until)
}

fn waiting(snapshot: &Snapshot, until: u64) -> String {
    let rest = until.saturating_sub(snapshot.now);
    format!("voted; it can be executed from {} on, in {}", moment(until), span(rest))
}

fn missing(tally: &Tally, snapshot: &Snapshot) -> String {
    let threshold = snapshot.state.governors.threshold;
    let missing: Vec<_> = tally.missing.iter().map(ToString::to_string).collect();
    format!("{} of {threshold} governors have signed; missing: {}", tally.signed.len(), missing.join(", "))
}

fn configure(section: &Section, signatures: Vec<Bytes>) -> Bytes {
    let call = Bridge::configureCall {
        configurationNonce: section.configuration_nonce,
        deadline: section.deadline,
        calls: section.calldata(),
        signatures,
    };
    call.abi_encode().into()
}

fn execute(section: &Section) -> Bytes {
    let (configuration_nonce, calls) = (section.configuration_nonce, section.calldata());
    Bridge::executeConfigurationCall { configurationNonce: configuration_nonce, calls }.abi_encode().into()
}

fn cancel(section: &Section, signatures: Vec<Bytes>) -> Bytes {
    let call =
        Bridge::cancelConfigurationCall { configurationNonce: section.configuration_nonce, signatures };
    call.abi_encode().into()
}
