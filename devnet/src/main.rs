//! `devnet`: local networks of real parts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, Subcommand, ValueEnum};
use polyspan_devnet::chain::{Layer, NodeKind};
use polyspan_devnet::misbehave::{self, Fault};
use polyspan_devnet::signals::asked_to_end;
use polyspan_devnet::spec::{Coordination, NetworkSpec, Place, Topology};
use polyspan_devnet::tokens::PAYMENT_PAIR;
use polyspan_devnet::{
    bench, binaries, demo, hostile_etcd, migration, record_replies, scenario, scenarios, screen, up,
};
use polyspan_monitoring::logs;
use tracing_subscriber::EnvFilter;

/// Local networks of real parts: two chains, deployed bridges, relays as processes.
#[derive(Parser)]
#[command(name = "devnet", version)]
struct Arguments {
    /// Directory of the run; it must be empty or missing. Default: `.devnet/<command>-<number>` in the project.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a network, print how to use it, and serve until Ctrl-C.
    Up {
        /// Relays of each lane, 1 to 16.
        #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
        relays: usize,
        /// Operators that must agree. Default: more than half of the relays, 3 for 4.
        #[arg(long)]
        threshold: Option<u8>,
        /// Bridges between the two chains, 1 to 8.
        #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=8))]
        bridges: usize,
        /// Each part in a network namespace with an address of its own. Needs root.
        #[arg(long)]
        namespaces: bool,
        #[command(flatten)]
        parts: Parts,
    },
    /// Transfers in both directions while operators are killed; ends with 0 only if everything adds up.
    Demo {
        /// Transfers on both lanes together, at least 60.
        #[arg(long, default_value_t = 60)]
        transfers: usize,
        #[command(flatten)]
        parts: Parts,
    },
    /// Measure against the goals of the design.
    Bench {
        /// What to measure.
        what: Bench,
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
        /// Operators that must agree; half of them or fewer needs the development flag, which is set. Not for gas.
        #[arg(long, default_value_t = 3, value_parser = RangedU64ValueParser::<u8>::new().range(1..=4))]
        threshold: u8,
        /// Most transfers in one submission of a relay. Not for gas.
        #[arg(long, default_value_t = 128, value_parser = RangedU64ValueParser::<u64>::new().range(1..=1024))]
        max_transfers: u64,
        /// Kills, and as many freezes, of the failover benchmark.
        #[arg(long, default_value_t = 10)]
        rounds: usize,
        /// Requests of each backlog of the recovery benchmark, one after the other. Default: 10000,100000. Requests of each burst of the
        /// kaia benchmark, of which the largest is its backlog, too. Default: 1000,3000.
        #[arg(long, value_delimiter = ',', value_parser = RangedU64ValueParser::<u64>::new().range(1..=1_000_000))]
        requests: Vec<u64>,
        /// Finished transfers behind the relay of the start benchmark, at least 1000.
        #[arg(long, default_value_t = 1_000_000, value_parser = RangedU64ValueParser::<u64>::new().range(1_000..=100_000_000))]
        transfers: u64,
        #[command(flatten)]
        parts: Parts,
    },
    /// Play scenarios: faults under traffic, judged from the chains alone.
    Scenario {
        #[command(subcommand)]
        what: ScenarioCommand,
    },
    /// What only nodes of Kaia can show.
    Kaia {
        #[command(subcommand)]
        what: KaiaCommand,
    },
    /// Record what a node answers where it refuses something, for the tests of the rules that read such answers.
    RecordReplies {
        /// What the node is.
        #[arg(long, value_enum)]
        nodes: NodeKind,
    },
    /// Be somebody with all rights in etcd who deletes, replays, reorders, forges and floods keys.
    HostileEtcd {
        /// Client URL of a member; several times for several.
        #[arg(long = "endpoint", value_name = "URL", required = true)]
        endpoints: Vec<String>,
        /// Below which all keys lie.
        #[arg(long, default_value = "/polyspan")]
        prefix: String,
        /// Decides what is done.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Be an operator that lies, in place of the relay of this config.
    Misbehave {
        /// Config of the relay.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Which lie.
        #[arg(long)]
        fault: Fault,
        /// Config of another relay whose attester key was stolen; several times for several.
        #[arg(long = "stolen", value_name = "FILE")]
        stolen: Vec<PathBuf>,
    },
}

#[derive(Subcommand)]
enum KaiaCommand {
    /// Rehearse docs/migrating-from-kaia.md: the bridge of the nodes is drained, closed and replaced, with its liquidity; ends with 0 only if
    /// everything adds up.
    Migrate {
        /// Requests on each lane of the old bridge before it is stopped, and as many while it is down.
        #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<u64>::new().range(1..=1_000))]
        requests: u64,
    },
}

#[derive(Subcommand)]
enum ScenarioCommand {
    /// Names, and what each shows.
    List,
    /// Play one, or all; ends with 0 only if everything holds. Needs root: each part has a network namespace.
    Run {
        /// Name of the scenario.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// All of them, one after the other.
        #[arg(long)]
        all: bool,
        /// Print one JSON object for each.
        #[arg(long)]
        json: bool,
        /// On this host's loopback, without root. Scenarios that cut the network cannot be played.
        #[arg(long)]
        loopback: bool,
        /// Decides what a scenario leaves to chance, as an earlier run has shown it. Default: another one each time.
        #[arg(long)]
        seed: Option<u64>,
        #[command(flatten)]
        parts: Parts,
    },
}

/// Which programs a network is made of.
#[derive(clap::Args)]
struct Parts {
    /// What the nodes of both chains are.
    #[arg(long, value_enum, default_value_t = NodeKind::Anvil)]
    nodes: NodeKind,
    /// What joins the relays.
    #[arg(long, value_enum, default_value_t = Kind::Embedded)]
    coordination: Kind,
    /// Members of the etcd cluster, 1 to 7.
    #[arg(long, default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=7))]
    etcd_members: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A directory.
    Embedded,
    /// A cluster of etcd processes.
    Etcd,
}

impl Parts {
    /// Errors: one of them is not installed. Before anything is made.
    fn checked(&self) -> Result<(NodeKind, Coordination)> {
        match self.nodes {
            NodeKind::Anvil => drop(binaries::anvil()?),
            NodeKind::Hardhat => drop(binaries::hardhat()?),
            NodeKind::Geth | NodeKind::GethArchive => drop(binaries::geth()?),
            NodeKind::Kaia => {
                binaries::kaia(Layer::Main)?;
                binaries::kaia(Layer::Service)?;
            }
        }
        let coordination = match self.coordination {
            Kind::Embedded => Coordination::Embedded,
            Kind::Etcd => {
                binaries::etcd()?;
                Coordination::Etcd { members: self.etcd_members }
            }
        };
        Ok((self.nodes, coordination))
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Bench {
    /// Gas of requests and payouts.
    Gas,
    /// Time without a payout when the leader of a lane dies or freezes.
    Failover,
    /// Transfers a second beside what the chains can do, and what each transfer costs.
    Throughput,
    /// How fast a lane catches up after all relays were down, and whether the other lane notices.
    Recovery,
    /// Time to the first attestation, and memory, of a relay with a long past.
    Start,
    /// The bridge that is built into Kaia's nodes and this one, on the same nodes; always on those of Kaia.
    Kaia,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // The library writes colours into files and pipes as well.
        .with_ansi(logs::colours())
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,polyspan_devnet=info")),
        )
        .init();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    screen::error(format!("error: {error:#}"));
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let dir = arguments.dir;
    match arguments.command {
        Command::Up { relays, threshold, bridges, namespaces, parts } => {
            let (nodes, coordination) = parts.checked()?;
            let place = if namespaces { Place::Namespaces } else { Place::Loopback };
            let spec = up_spec(&Run::choose(dir, "up")?.directory, relays, threshold, bridges)?;
            up::run(NetworkSpec { nodes, coordination, place, ..spec }).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo { transfers, parts } => {
            let (nodes, coordination) = parts.checked()?;
            let run = Run::choose(dir, "demo")?;
            let transfers = transfers.max(60);
            let spec = NetworkSpec { nodes, coordination, ..NetworkSpec::full(&run.directory) };
            let verdict = unless_asked_to_end(demo::run(spec, transfers)).await?;
            if verdict.is_good() {
                run.clean();
            } else {
                screen::line(format!("logs and databases: {}", run.directory.display()));
            }
            screen::line(verdict.line());
            Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Bench { what, json, threshold, max_transfers, rounds, requests, transfers, parts } => {
            let parts = match what {
                Bench::Kaia => Parts { nodes: NodeKind::Kaia, ..parts },
                _ => parts,
            };
            let (nodes, coordination) = parts.checked()?;
            let run = Run::choose(dir, "bench")?;
            let or =
                |default: [u64; 2]| if requests.is_empty() { default.to_vec() } else { requests.clone() };
            let full = NetworkSpec::full(&run.directory);
            let development = usize::from(threshold) * 2 <= full.relays().len() / 2;
            let spec = NetworkSpec { nodes, threshold, development, max_transfers, coordination, ..full };
            if matches!(what, Bench::Gas | Bench::Start) && nodes != NodeKind::Anvil {
                bail!(
                    "this bench writes code or storage by itself, which only anvil allows; leave --nodes out"
                );
            }
            let report = unless_asked_to_end(async {
                match what {
                    Bench::Gas => bench::gas::run(NetworkSpec::full(&run.directory)).await,
                    Bench::Failover => bench::failover::run(spec, rounds).await,
                    Bench::Throughput => bench::throughput::run(spec).await,
                    Bench::Recovery => bench::recovery::run(spec, &or(bench::recovery::BACKLOGS)).await,
                    Bench::Start => bench::start::run(spec, transfers).await,
                    Bench::Kaia => bench::kaia::run(spec, &or(bench::kaia::BURSTS)).await,
                }
            })
            .await?;
            run.clean();
            if json {
                screen::line(serde_json::to_string(&report).context("a report has a JSON form")?);
            } else {
                screen::line(format!("{}: {}", report.bench, report.setting));
                screen::line(report.table());
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Scenario { what: ScenarioCommand::List } => {
            for scenario in scenarios::all() {
                screen::line(format!("{}\n    {}", scenario.name, scenario.shows));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Scenario { what: ScenarioCommand::Run { name, all: _, json, loopback, seed, parts } } => {
            let (nodes, coordination) = parts.checked()?;
            let chosen: Vec<_> = match name {
                Some(name) => vec![scenarios::find(&name)?],
                None => scenarios::all().filter(|scenario| is_playable(scenario, nodes)).collect(),
            };
            let place = if loopback { Place::Loopback } else { Place::Namespaces };
            unless_asked_to_end(play(dir, &chosen, (nodes, place, coordination), seed, json)).await
        }
        Command::Kaia { what: KaiaCommand::Migrate { requests } } => {
            binaries::kaia(Layer::Main)?;
            binaries::kaia(Layer::Service)?;
            let run = Run::choose(dir, "migrate")?;
            let spec = NetworkSpec { nodes: NodeKind::Kaia, ..NetworkSpec::full(&run.directory) };
            unless_asked_to_end(migration::run(spec, requests)).await?;
            run.clean();
            screen::line("migration: everything adds up");
            Ok(ExitCode::SUCCESS)
        }
        Command::RecordReplies { nodes } => {
            let run = Run::choose(dir, "record-replies")?;
            let file = unless_asked_to_end(record_replies::run(nodes, &run.directory)).await?;
            run.clean();
            screen::line(format!("written: {}", file.display()));
            Ok(ExitCode::SUCCESS)
        }
        Command::HostileEtcd { endpoints, prefix, seed } => {
            unless_asked_to_end(hostile_etcd::run(&endpoints, &prefix, seed)).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Misbehave { config, fault, stolen } => {
            unless_asked_to_end(misbehave::run(&config, fault, &stolen)).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says which scenarios are left out, and why.
fn is_playable(scenario: &scenario::Scenario, nodes: NodeKind) -> bool {
    let missing = scenario.missing_on(nodes);
    if let Some(missing) = missing {
        screen::error(format!("{}: left out, as {nodes} {missing}", scenario.name));
    }
    missing.is_none()
}

/// Plays scenarios one after the other. The files of those that went well are removed.
async fn play(
    dir: Option<PathBuf>,
    chosen: &[&'static scenario::Scenario],
    (nodes, place, coordination): (NodeKind, Place, Coordination),
    seed: Option<u64>,
    json: bool,
) -> Result<ExitCode> {
    let mut all_good = true;
    for scenario in chosen {
        let own = dir.as_ref().map(|dir| dir.join(scenario.name.replace([' ', ','], "-")));
        let run = Run::choose(own, "scenario")?;
        let seed = seed.unwrap_or_else(rand::random);
        let options =
            scenario::Options { directory: run.directory.clone(), nodes, place, coordination, seed };
        let outcome = scenario::run(scenario, &options)
            .await
            .with_context(|| format!("{}; logs and databases: {}", scenario.name, run.directory.display()))?;
        if json {
            screen::line(serde_json::to_string(&outcome).context("an outcome has a JSON form")?);
        } else {
            screen::line(&outcome);
        }
        if outcome.is_good() {
            run.clean();
        } else {
            screen::error(format!("logs and databases: {}", run.directory.display()));
        }
        all_good &= outcome.is_good();
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that was started ends with the dropped work.
async fn unless_asked_to_end<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        asked = asked_to_end() => {
            asked?;
            bail!("interrupted; everything that was started is ended")
        }
    }
}

fn up_spec(directory: &Path, relays: usize, threshold: Option<u8>, bridges: usize) -> Result<NetworkSpec> {
    let majority = u8::try_from(relays / 2 + 1).context("few relays")?;
    Ok(NetworkSpec {
        topology: Topology::Split(relays),
        threshold: threshold.unwrap_or(majority),
        bridges,
        more_pairs: vec![PAYMENT_PAIR],
        ..NetworkSpec::full(directory)
    })
}

/// The directory of this run.
struct Run {
    directory: PathBuf,
    /// Made here, so it may be removed when all went well.
    own: bool,
}

impl Run {
    fn choose(asked: Option<PathBuf>, command: &str) -> Result<Self> {
        // Before anything is made: a missing tool leaves no empty directory behind.
        binaries::Binaries::locate()?;
        if let Some(directory) = asked {
            return Ok(Self {
                directory: std::path::absolute(directory).context("--dir is no path")?,
                own: false,
            });
        }
        let parent = binaries::project_root().join(".devnet");
        std::fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
        for number in 1..10_000 {
            let directory = parent.join(format!("{command}-{number}"));
            // Making it is the claim: of two at once, one gets it.
            if std::fs::create_dir(&directory).is_ok() {
                return Ok(Self { directory, own: true });
            }
        }
        bail!("{} is full; remove old runs", parent.display())
    }

    fn clean(&self) {
        if self.own
            && let Err(error) = std::fs::remove_dir_all(&self.directory)
        {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot remove");
        }
    }
}
