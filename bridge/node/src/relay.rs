//! Composition: `build` wires everything and starts nothing, `run` starts everything in one place.

mod build;

use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::{Chain, HeadFollower, HeadView};
use polyspan_coordination::{Coordinator, KeyProver, Phase};
use polyspan_monitoring::{Health, Server};
use polyspan_store::{Retention, Store};
use polyspan_types::OperatorId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use build::BuildError;

use crate::attest::Attester;
use crate::audit::PayoutAudit;
use crate::collect::Collector;
use crate::compact::Compactor;
use crate::config::{ChainEntry, RecoveryEntry, RelayEntry};
use crate::control::ControlServer;
use crate::destination::DestinationWatch;
use crate::force_hold::ForceHolder;
use crate::keys::{AttesterKey, SigningKey};
use crate::lane::Lane;
use crate::lead::{self, Candidate};
use crate::pause::Pauser;
use crate::publish::Publisher;
use crate::recovery::RecoveryWorker;
use crate::report::Reporter;
use crate::submit::{LaneSubmission, SubmissionSettings};
use crate::submitter::{self, SubmitterHandle, SubmitterMetrics, SubmitterParts, SubmitterSettings};
use crate::supervise::{TaskEnded, TaskGroup};
use crate::votes::VoteWatch;
use crate::watch::SourceWatch;
use crate::{control, step};

/// How long tasks may take to stop. Unit: time.
const GRACE: Duration = Duration::from_secs(5);

/// One relay, built and not started.
pub struct Relay {
    entry: RelayEntry,
    lease: Duration,
    attester: Option<AttesterKey>,
    submitters: Vec<ChainKeys>,
    submitter_metrics: SubmitterMetrics,
    chains: Vec<ChainParts>,
    lanes: Vec<Arc<Lane>>,
    store: Store,
    coordinator: Arc<dyn Coordinator>,
    health: Health,
    server: Server,
    recovery: RecoveryEntry,
}

/// The submitter keys of one chain, first the one that is used before its spares.
struct ChainKeys {
    chain: ChainEntry,
    keys: Vec<SigningKey>,
}

/// A chain with the one task that follows its head.
struct ChainParts {
    chain: Chain,
    follower: HeadFollower,
    heads: watch::Receiver<HeadView>,
}

impl Relay {
    /// Where metrics and health are served.
    pub const fn address(&self) -> std::net::SocketAddr {
        self.server.local_addr()
    }

    /// Serves until `stop`, then resigns, leaves and closes the store.
    ///
    /// Errors: a critical task ended by itself; everything else was stopped.
    pub async fn run(self, stop: CancellationToken) -> Result<(), TaskEnded> {
        let mut group = TaskGroup::new(stop.clone(), self.health.clone());
        let heads: Vec<_> =
            self.chains.iter().map(|parts| (parts.chain.name().to_owned(), parts.heads.clone())).collect();
        let (store, store_stop) = (self.store.clone(), stop.clone());
        group.critical("store", async move {
            tokio::select! {
                () = store_stop.cancelled() => Ok(()),
                ended = store.ended() => Err(ended),
            }
        });
        for parts in self.chains {
            let name = format!("head {}", parts.chain.name());
            let part = self.health.part(&format!("chain {}", parts.chain.name()));
            let (mut shown, shown_stop) = (parts.heads.clone(), stop.clone());
            group.critical(name, infallible(parts.follower.run(stop.clone())));
            group.critical(
                format!("health of chain {}", parts.chain.name()),
                infallible(async move { show_chain(&mut shown, &part, shown_stop).await }),
            );
        }
        let head_of =
            |chain: &str| heads.iter().find(|(name, _)| name == chain).map(|(_, heads)| heads.clone());
        let mut submitters: Vec<(ChainEntry, SubmitterHandle)> = Vec::new();
        for ChainKeys { chain: settings, keys } in self.submitters {
            let name = settings.name.clone();
            let lane = self.lanes.iter().find(|lane| lane.info.destination.chain == name);
            let (Some(lane), Some(heads)) = (lane, head_of(&name)) else { continue };
            let parts = SubmitterParts {
                chain: lane.destination.clone(),
                store: self.store.clone(),
                settings: SubmitterSettings {
                    max_fee_per_gas: settings.max_fee_per_gas,
                    min_priority_fee: settings.min_priority_fee,
                    replace_after: settings.replace_after,
                    failed_releases_per_day: self.entry.submission.failed_releases_per_day,
                    max_gas: self.entry.submission.max_gas,
                },
                heads,
                health: self.health.part(&format!("submitter {name}")),
                metrics: self.submitter_metrics.clone(),
            };
            let (tasks, handle) = submitter::submitters(&parts, keys);
            for (spare, task) in tasks.into_iter().enumerate() {
                let title = match spare {
                    0 => format!("submitter {name}"),
                    spare => format!("submitter {name} spare {spare}"),
                };
                group.critical(title, task.run(stop.clone()));
            }
            submitters.push((settings, handle));
        }
        for lane in &self.lanes {
            let (Some(source), Some(destination)) =
                (head_of(&lane.info.source.chain), head_of(&lane.info.destination.chain))
            else {
                continue;
            };
            let spawn = LaneTasks { lane, coordinator: &self.coordinator, stop: &stop };
            spawn.watches(&mut group, source.clone(), destination.clone());
            spawn.audit(&mut group, source.clone(), destination.clone());
            spawn.recovery(&mut group, self.recovery, source, destination.clone());
            if !self.entry.history.keeps_everything() {
                spawn.compaction(&mut group, self.entry.history);
            }
            let attester =
                self.attester.as_ref().filter(|_| self.entry.roles.attests(lane.info.id.direction));
            if let Some(signer) = attester {
                spawn.attester(&mut group, signer.clone());
            }
            let submitter = submitters.iter().find(|(chain, _)| chain.name == lane.info.destination.chain);
            if attester.is_some() || submitter.is_some() {
                spawn.force_holds(&mut group, attester.cloned(), destination.clone());
            }
            if let (Some(signer), Some((_, handle))) = (attester, submitter)
                && self.entry.auto_pause
            {
                spawn.pauser(&mut group, signer.clone(), handle.clone());
            }
            if let Some((chain, handle)) = submitter {
                let operator = attester.map(AttesterKey::address);
                spawn.submission(&mut group, handle.clone(), (&self.entry, chain), operator);
            }
        }
        let reporter = Reporter::new(
            self.lanes.clone(),
            heads.clone(),
            submitters.iter().map(|(chain, handle)| (chain.name.clone(), handle.clone())).collect(),
            Arc::clone(&self.coordinator),
            self.lease / 3,
            self.health.part("coordination"),
        );
        group.critical("report", infallible(reporter.run(stop.clone())));
        if let Some(key) = self.attester.clone() {
            let (coordinator, lease, stop) = (Arc::clone(&self.coordinator), self.lease, stop.clone());
            let prove = async move {
                let prover = KeyProver::new(&*coordinator, &key, lease);
                tokio::select! {
                    () = stop.cancelled() => {}
                    never = prover.run(Phase::Running) => match never {},
                }
            };
            group.critical("presence", infallible(prove));
        }
        let (lanes, socket, control_stop) =
            (self.lanes.clone(), control::path(&self.entry.store), stop.clone());
        let part = self.health.part("control");
        group.restarting("control", part.clone(), move || {
            ControlServer::new(lanes.clone(), socket.clone(), part.clone()).run(control_stop.clone())
        });
        // Last: what it answers before every part is on the board would call a relay ready that has not begun.
        group.critical("server", self.server.run(stop.clone()));
        info!(relay = self.entry.name, lanes = self.lanes.len(), roles = %self.entry.roles, "relay runs");

        let ended = group.run(GRACE).await;
        for lane in &self.lanes {
            if lane.board.leadership.borrow().own
                && let Err(error) = self.coordinator.resign(lane.info.bridge_id).await
            {
                warn!(lane = %lane.info.id, %error, "could not resign; the lease runs out by itself");
            }
        }
        if let Err(error) = self.coordinator.leave().await {
            warn!(%error, "could not leave the coordinator; the lease runs out by itself");
        }
        self.store.close().await;
        info!(relay = self.entry.name, "relay stopped");
        ended
    }
}

/// Starts the tasks of one lane.
struct LaneTasks<'a> {
    lane: &'a Arc<Lane>,
    coordinator: &'a Arc<dyn Coordinator>,
    stop: &'a CancellationToken,
}

impl LaneTasks<'_> {
    fn spawn<T: step::Step + Send + 'static>(
        &self,
        group: &mut TaskGroup,
        name: &'static str,
        mut build: impl FnMut() -> T + Send + 'static,
    ) {
        let (lane, stop) = (Arc::clone(self.lane), self.stop.clone());
        let title = format!("{name} {}", lane.info.id);
        let part = lane.health.part(&title);
        group.restarting(title, part, move || step::run(build(), Arc::clone(&lane), name, stop.clone()));
    }

    fn watches(
        &self,
        group: &mut TaskGroup,
        source: watch::Receiver<HeadView>,
        destination: watch::Receiver<HeadView>,
    ) {
        let lane = Arc::clone(self.lane);
        self.spawn(group, "watch", move || SourceWatch::new(Arc::clone(&lane), source.clone()));
        let (lane, heads) = (Arc::clone(self.lane), destination.clone());
        self.spawn(group, "destination", move || {
            DestinationWatch::new(Arc::clone(&lane), destination.clone())
        });
        let lane = Arc::clone(self.lane);
        self.spawn(group, "votes", move || VoteWatch::new(Arc::clone(&lane), heads.clone()));
        let (lane, coordinator) = (Arc::clone(self.lane), Arc::clone(self.coordinator));
        self.spawn(group, "collect", move || Collector::new(Arc::clone(&lane), Arc::clone(&coordinator)));
    }

    /// Both outlive a halt of the lane.
    fn audit(
        &self,
        group: &mut TaskGroup,
        source: watch::Receiver<HeadView>,
        destination: watch::Receiver<HeadView>,
    ) {
        let (lane, stop) = (Arc::clone(self.lane), self.stop.clone());
        let title = format!("audit {}", lane.info.id);
        let part = lane.health.part(&title);
        group.restarting(title, part, move || {
            PayoutAudit::new(Arc::clone(&lane), source.clone(), destination.clone()).run(stop.clone())
        });
    }

    fn pauser(&self, group: &mut TaskGroup, key: AttesterKey, submitter: SubmitterHandle) {
        let (lane, stop) = (Arc::clone(self.lane), self.stop.clone());
        let title = format!("pause {}", lane.info.id);
        let part = lane.health.part(&title);
        group.restarting(title, part, move || {
            Pauser::new(Arc::clone(&lane), key.clone(), submitter.clone()).run(stop.clone())
        });
    }

    fn recovery(
        &self,
        group: &mut TaskGroup,
        entry: RecoveryEntry,
        source: watch::Receiver<HeadView>,
        destination: watch::Receiver<HeadView>,
    ) {
        let lane = Arc::clone(self.lane);
        self.spawn(group, "recovery", move || {
            RecoveryWorker::new(Arc::clone(&lane), entry, source.clone(), destination.clone())
        });
    }

    fn compaction(&self, group: &mut TaskGroup, retention: Retention) {
        let lane = Arc::clone(self.lane);
        self.spawn(group, "compact", move || Compactor::new(Arc::clone(&lane), retention));
    }

    fn attester(&self, group: &mut TaskGroup, signer: AttesterKey) {
        let (lane, coordinator) = (Arc::clone(self.lane), Arc::clone(self.coordinator));
        self.spawn(group, "attest", move || {
            Attester::new(Arc::clone(&lane), signer.clone(), Arc::clone(&coordinator))
        });
        let (lane, coordinator) = (Arc::clone(self.lane), Arc::clone(self.coordinator));
        self.spawn(group, "publish", move || Publisher::new(&lane, Arc::clone(&coordinator)));
    }

    fn force_holds(
        &self,
        group: &mut TaskGroup,
        signer: Option<AttesterKey>,
        heads: watch::Receiver<HeadView>,
    ) {
        let (lane, coordinator) = (Arc::clone(self.lane), Arc::clone(self.coordinator));
        self.spawn(group, "force-hold", move || {
            ForceHolder::new(Arc::clone(&lane), Arc::clone(&coordinator), signer.clone(), heads.clone())
        });
    }

    fn submission(
        &self,
        group: &mut TaskGroup,
        submitter: SubmitterHandle,
        (entry, chain): (&RelayEntry, &ChainEntry),
        operator: Option<OperatorId>,
    ) {
        let (lane, coordinator, tick) = (Arc::clone(self.lane), Arc::clone(self.coordinator), entry.tick);
        let (title, stop) = (format!("lead {}", lane.info.id), self.stop.clone());
        let part = lane.health.part(&title);
        group.restarting(title, part, move || {
            let candidate = Candidate::new(Arc::clone(&lane), Arc::clone(&coordinator), tick);
            lead::run(candidate, Arc::clone(&lane), Arc::clone(&coordinator), stop.clone())
        });
        let lane = Arc::clone(self.lane);
        let settings = SubmissionSettings {
            max_transfers: entry.submission.max_transfers,
            max_gas: entry.submission.max_gas,
            max_in_flight: entry.submission.max_in_flight,
            takeover_after: chain.takeover_after,
            operator,
            name: entry.name.clone(),
        };
        self.spawn(group, "submit", move || {
            LaneSubmission::new(Arc::clone(&lane), submitter.clone(), settings.clone())
        });
    }
}

async fn infallible(task: impl Future<Output = ()>) -> Result<(), std::convert::Infallible> {
    task.await;
    Ok(())
}

/// Copies what the head follower says onto the health page.
async fn show_chain(
    heads: &mut watch::Receiver<HeadView>,
    part: &polyspan_monitoring::HealthPart,
    stop: CancellationToken,
) {
    loop {
        let view = heads.borrow_and_update().clone();
        match (view.error, view.head) {
            (Some(error), _) => part.failing(error),
            (None, Some(_)) => part.ok_with(view.remark),
            (None, None) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = heads.changed() => if changed.is_err() { return },
        }
    }
}
