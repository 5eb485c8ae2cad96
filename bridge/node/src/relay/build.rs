//! From a valid config to a relay that only has to be started.

use std::collections::BTreeMap;
use std::sync::Arc;

use polyspan_chain::{Chain, ChainError, ChainMetrics, HeadFollower};
use polyspan_coordination::{CoordinationError, Member, MemberId, ParseMemberIdError, PresenceSigner};
use polyspan_monitoring::{BuildInfo, Health, ServeError, Server, build_info};
use polyspan_store::{Store, StoreError};
use polyspan_types::CheckpointDomain;
use prometheus::Registry;
use tracing::{error, info, warn};

use super::{ChainKeys, ChainParts, Relay};
use crate::config::Config;
use crate::keys::{AttesterKey, KeyError};
use crate::lane::{Board, Lane};
use crate::meeting::{self, MeetingError};
use crate::metrics::RelayMetrics;
use crate::preflight::{self, Finding, Mode, Severity};
use crate::recovery::Orders;
use crate::submitter::SubmitterMetrics;

/// A relay that cannot be built. Each names the thing and the cure.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The file is one for users.
    #[error(
        "{file} has no [relay] section; add one (see polyspan.example.toml) or use the commands for users"
    )]
    NoRelay {
        /// The config file.
        file: String,
    },
    /// No place to meet the other relays.
    #[error(
        "{file} has no [coordination] section; set coordination.directory to a folder shared by the relays of this host, or kind = \"etcd\" and endpoints"
    )]
    NoCoordination {
        /// The config file.
        file: String,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A chain's settings.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coordinator.
    #[error(transparent)]
    Coordination(#[from] MeetingError),
    /// The relay's name.
    #[error("relay.name")]
    Name(#[from] ParseMemberIdError),
    /// The listening address.
    #[error("relay.listen")]
    Serve(#[from] ServeError),
    /// Two metrics of one name: a fault of this program.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    /// What the chains say does not fit the config. All problems together.
    #[error("{}", preflight_text(.0))]
    Preflight(Vec<Finding>),
}

impl BuildError {
    /// Whether the same relay can start later although nobody corrects anything of its own: another process holds what it needs, the
    /// host is not ready, a node is syncing, or governors have yet to decide.
    pub fn heals_by_itself(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error, StoreError::InUse { .. } | StoreError::CannotWrite { .. }),
            Self::Coordination(MeetingError::Coordination(error)) => matches!(
                error,
                CoordinationError::AlreadyRunning { .. }
                    | CoordinationError::KeyInUse { .. }
                    | CoordinationError::CannotWrite { .. }
                    | CoordinationError::Unreachable { .. }
            ),
            Self::Serve(error) => {
                matches!(error, ServeError::AddressInUse(_) | ServeError::AddressNotAvailable(_))
            }
            Self::Preflight(problems) => problems.iter().all(|problem| problem.ends_elsewhere),
            _ => false,
        }
    }
}

fn preflight_text(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl Relay {
    /// Opens keys and store, joins the coordinator, and checks against the chains whatever can be reached. Starts nothing.
    ///
    /// Errors: everything that must end before this relay can serve ([`BuildError::heals_by_itself`]). An endpoint that is down is none
    /// of it.
    pub async fn build(config: &Config) -> Result<Self, BuildError> {
        let file = || config.file.display().to_string();
        let entry = config.relay.clone().ok_or_else(|| BuildError::NoRelay { file: file() })?;
        let coordination =
            config.coordination.clone().ok_or_else(|| BuildError::NoCoordination { file: file() })?;
        // First, so that everything wrong with keys and chains is said at once.
        check_chains(config).await?;
        let attester = entry.attester.as_ref().map(|key| key.open()).transpose()?;
        let mut submitters: Vec<ChainKeys> = Vec::new();
        for entry in &entry.submitters {
            let key = entry.key.open()?;
            // A key of a chain that is not configured is a problem of the file.
            let Some(chain) = config.chains.iter().find(|chain| chain.name == entry.chain) else { continue };
            match submitters.iter_mut().find(|known| known.chain.name == chain.name) {
                Some(known) => known.keys.push(key),
                None => submitters.push(ChainKeys { chain: chain.clone(), keys: vec![key] }),
            }
        }

        let registry = Registry::new();
        build_info(&registry, BuildInfo::new(env!("CARGO_PKG_VERSION")))?;
        let health = Health::new();
        let server = Server::bind(entry.listen, registry.clone(), health.clone())?;
        let store = Store::open(&entry.store).await?;
        if let Some(found) = store.found_at_start() {
            error!(reason = found, "store was damaged and is repaired");
            health.part("store files").ok_with(Some(found.to_owned()));
        }
        store.register_metrics(&registry)?;
        let chains = build_chains(config, &ChainMetrics::register(&registry)?)?;
        let lanes = build_lanes(config, &chains, &store, &health, RelayMetrics::register(&registry)?).await?;

        let member = Member {
            id: MemberId::try_new(entry.name.clone())?,
            operator: attester.as_ref().map(AttesterKey::address),
            roles: entry.roles.names(),
            api: server.local_addr().to_string(),
            started_at_ms: crate::clock::now_ms(),
        };
        let signer = attester.as_ref().map(|key| -> &dyn PresenceSigner { key });
        let coordinator = meeting::join(&coordination, &member, signer, Some(&registry)).await?;
        Ok(Self {
            entry,
            lease: coordination.lease,
            attester,
            submitters,
            submitter_metrics: SubmitterMetrics::register(&registry)?,
            chains: chains.into_values().collect(),
            lanes,
            store,
            coordinator,
            health,
            server,
            recovery: config.recovery,
        })
    }
}

/// Problems end the start, the rest is said and the relay starts: a chain that cannot be reached is waited for.
async fn check_chains(config: &Config) -> Result<(), BuildError> {
    let findings = preflight::check(config, Mode::Start).await;
    let (problems, others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Problem);
    for finding in others {
        match finding.severity {
            Severity::Note => info!("{finding}"),
            _ => warn!("{finding}"),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(BuildError::Preflight(problems)) }
}

fn build_chains(config: &Config, metrics: &ChainMetrics) -> Result<BTreeMap<String, ChainParts>, ChainError> {
    let mut chains = BTreeMap::new();
    for entry in &config.chains {
        let chain = Chain::with_metrics(entry.settings(), metrics)?;
        let (follower, heads) = HeadFollower::new(chain.clone());
        chains.insert(entry.name.clone(), ChainParts { chain, follower, heads });
    }
    Ok(chains)
}

async fn build_lanes(
    config: &Config,
    chains: &BTreeMap<String, ChainParts>,
    store: &Store,
    health: &Health,
    metrics: RelayMetrics,
) -> Result<Vec<Arc<Lane>>, StoreError> {
    let mut lanes = Vec::new();
    for info in config.lanes() {
        let of = |name: &str| chains.get(name).map(|parts| parts.chain.clone());
        // The config has proved that both names resolve.
        let (Some(source), Some(destination)) = (of(&info.source.chain), of(&info.destination.chain)) else {
            continue;
        };
        let lane = Lane {
            domain: CheckpointDomain::new(info.destination.chain_id, info.destination.bridge),
            source,
            destination,
            store: store.clone(),
            board: Board::new(),
            metrics: metrics.clone(),
            health: health.clone(),
            accept_development: config.relay.as_ref().is_some_and(|relay| relay.accept_development),
            info,
        };
        metrics.start(&lane.info.id);
        lane.board.recovery_orders.send_replace(Orders::configured(config.recovery.enabled));
        lane.load_halt().await?;
        lanes.push(Arc::new(lane));
    }
    Ok(lanes)
}
