//! Coordination for the relays of one host: a folder with one SQLite file per member.
//!
//! Each relay writes its own file only and reads the others', so a relay that is frozen inside a statement holds no lock
//! that anybody else needs. See `docs/adr/0007-embedded-coordination.md`.
//!
//! ```text
//! EmbeddedCoordinator ──bounded queue──▶ thread: Folder ── own file (writes)
//!      └─ follow: asks the same thread every `poll`   └─── a thread per peer ── its file (reads)
//! ```

mod contents;
mod file;
mod folder;
mod follow;
mod generation;
mod name;
mod own;
mod peer;
mod positions;
mod presence;
mod reader;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision, Term};
use prometheus::Registry;

use crate::metrics::{CoordinationMetrics, State};
use crate::{
    CoordinationError, Coordinator, KeyProof, KeyView, Leadership, Member, MemberId, MemberView, Report,
};
use folder::{Access, Clocks, Folder};
use worker::Worker;

/// Times of an embedded coordinator. The same on all relays of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// A member without a sign of life for so long counts as gone. Default: 3 s, so that a lane has a new leader within the
    /// 5 s of DESIGN section 12.
    pub lease: Duration,
    /// How often others' files are looked at. Default: 100 ms.
    pub poll: Duration,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self { lease: Duration::from_secs(3), poll: Duration::from_millis(100) }
    }
}

/// A relay's connection to the folder; it ends with its last use, and that looks to others like a crash.
#[derive(Debug)]
pub struct EmbeddedCoordinator {
    worker: Worker,
    metrics: CoordinationMetrics,
    poll: Duration,
    losses: Arc<AtomicU64>,
}

impl EmbeddedCoordinator {
    /// Connects a relay to the folder `directory`, which is made (mode 0700) if there is none.
    ///
    /// Errors: the folder cannot be made or read.
    pub fn open(directory: &Path, settings: EmbeddedSettings) -> Result<Self, CoordinationError> {
        Self::start(directory, settings, Access::Member)
    }

    /// Connects somebody who only looks. It changes nothing, and every call that writes is refused. Who is alive is told at
    /// the first look from the members' own stamps, later from their heartbeats.
    ///
    /// Errors: there is no such folder, or it cannot be read.
    pub fn open_observer(directory: &Path, settings: EmbeddedSettings) -> Result<Self, CoordinationError> {
        Self::start(directory, settings, Access::Observer)
    }

    fn start(
        directory: &Path,
        settings: EmbeddedSettings,
        access: Access,
    ) -> Result<Self, CoordinationError> {
        let metrics = CoordinationMetrics::build();
        metrics.show_state(State::Embedded);
        let folder = Folder::open(directory, settings, access, Clocks::system(), metrics.clone())?;
        let losses = folder.losses();
        Ok(Self { worker: Worker::spawn(folder)?, metrics, poll: settings.poll, losses })
    }

    /// Shows the coordinator's metrics in `registry`.
    ///
    /// Errors: the names are taken there already.
    pub fn register_metrics(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.metrics.register(registry)
    }

    async fn call<T, W>(&self, work: W) -> Result<T, CoordinationError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Folder) -> Result<T, CoordinationError> + Send + 'static,
    {
        self.worker.call(work).await.inspect_err(|error| self.metrics.count(error))
    }
}

#[async_trait]
impl Coordinator for EmbeddedCoordinator {
    async fn join(&self, member: &Member) -> Result<(), CoordinationError> {
        let member = member.clone();
        self.call(move |folder| folder.join(member)).await
    }

    async fn report(&self, report: &Report) -> Result<(), CoordinationError> {
        let report = report.clone();
        self.call(move |folder| folder.report(report)).await
    }

    async fn key_view(&self) -> Result<KeyView, CoordinationError> {
        self.call(Folder::key_view).await
    }

    async fn prove_key(&self, proof: &KeyProof) -> Result<(), CoordinationError> {
        let proof = proof.clone();
        self.call(move |folder| folder.prove_key(&proof)).await
    }

    async fn members(&self) -> Result<Vec<MemberView>, CoordinationError> {
        self.call(Folder::members).await
    }

    async fn campaign(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        self.call(move |folder| folder.campaign(lane)).await
    }

    async fn challenge(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        self.call(move |folder| folder.challenge(lane)).await
    }

    async fn leader(&self, lane: BridgeId) -> Result<Option<(MemberId, Term)>, CoordinationError> {
        self.call(move |folder| folder.leader(lane)).await
    }

    async fn resign(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        self.call(move |folder| folder.resign(lane)).await
    }

    async fn publish(&self, attestation: &Attestation) -> Result<(), CoordinationError> {
        let attestation = attestation.clone();
        self.call(move |folder| folder.publish(&attestation)).await
    }

    fn follow(&self, lane: BridgeId) -> BoxStream<'static, Result<Attestation, CoordinationError>> {
        follow::stream(self.worker.downgrade(), lane, self.poll)
    }

    async fn attestations(
        &self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, CoordinationError> {
        self.call(move |folder| folder.attestations(lane, above)).await
    }

    async fn prune(&self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError> {
        self.call(move |folder| folder.prune(lane, below)).await
    }

    async fn keep_only(&self, lane: BridgeId, kept: &[Attestation]) -> Result<(), CoordinationError> {
        let kept = kept.to_vec();
        self.call(move |folder| folder.keep_only(lane, &kept)).await
    }

    async fn publish_decision(&self, decision: &SignedDecision) -> Result<(), CoordinationError> {
        let decision = *decision;
        self.call(move |folder| folder.publish_decision(&decision)).await
    }

    async fn withdraw_decision(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        self.call(move |folder| folder.withdraw_decision(lane)).await
    }

    async fn decisions(&self, lane: BridgeId) -> Result<Vec<SignedDecision>, CoordinationError> {
        self.call(move |folder| folder.decisions(lane)).await
    }

    fn incarnation(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    async fn leave(&self) -> Result<(), CoordinationError> {
        self.call(Folder::leave).await
    }
}

#[cfg(test)]
mod frozen_tests;
#[cfg(test)]
mod tests;
