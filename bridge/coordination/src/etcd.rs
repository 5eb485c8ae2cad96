//! Coordination for relays on any number of hosts: an etcd cluster, in which each member writes under a prefix of its own.
//!
//! Nothing that is read from etcd is trusted, and nothing that etcd does stops a relay: see `docs/adr/0015-etcd.md`.
//!
//! ```text
//! EtcdCoordinator ── calls ──▶ Endpoints ──▶ etcd          one endpoint at a time, each call with a deadline
//!      │ reads                                 │ everything, then a watch
//!      └────────▶ Mirror (bounded) ◀── Watcher ┘           its task ends with the coordinator
//! ```

mod connection;
mod endpoints;
mod follow;
mod layout;
mod listing;
mod membership;
mod mirror;
mod own;
mod settings;
mod shared;
mod values;
mod watcher;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision, Term};
use prometheus::Registry;
use tokio::task::JoinHandle;

use crate::metrics::{CoordinationMetrics, State};
use crate::{
    CoordinationError, Coordinator, KeyProof, KeyView, Leadership, Member, MemberId, MemberView, Report,
};
use connection::{Access, Connection};
use endpoints::Endpoints;
use layout::Layout;
use mirror::Limits;
use shared::{Link, Shared};
use watcher::Watcher;

pub use settings::{EtcdCredentials, EtcdSettings, EtcdTls};

/// A relay's connection to etcd; it ends with its last use, and that looks to others like a crash.
#[derive(Debug)]
pub struct EtcdCoordinator {
    connection: Connection,
    /// As the thread of the embedded one: there for exactly as long as the connection is.
    watcher: JoinHandle<()>,
}

impl EtcdCoordinator {
    /// Connects a relay. Nothing is awaited from the network: an etcd that is away is followed when it comes.
    ///
    /// A [`Coordinator::join`] that fails because etcd is away stays wanted, and the next reports complete it.
    ///
    /// Errors: settings that cannot be used. Panics: outside of a tokio runtime.
    pub async fn open(settings: &EtcdSettings) -> Result<Self, CoordinationError> {
        Self::start(settings, Access::Member).await
    }

    /// Connects somebody who only looks. It changes nothing, and every call that writes is refused.
    ///
    /// Errors: as [`EtcdCoordinator::open`].
    pub async fn open_observer(settings: &EtcdSettings) -> Result<Self, CoordinationError> {
        Self::start(settings, Access::Observer).await
    }

    async fn start(settings: &EtcdSettings, access: Access) -> Result<Self, CoordinationError> {
        Self::start_with(settings, access, Limits::default()).await
    }

    async fn start_with(
        settings: &EtcdSettings,
        access: Access,
        limits: Limits,
    ) -> Result<Self, CoordinationError> {
        let endpoints = Endpoints::build(settings).await?;
        let metrics = CoordinationMetrics::build();
        metrics.show_state(State::Unreachable);
        let shared = Arc::new(Shared::new(endpoints, Layout::new(&settings.prefix), limits, metrics));
        let watcher = tokio::spawn(Watcher::new(Arc::clone(&shared)).run());
        Ok(Self { connection: Connection::new(shared, settings.lease, access), watcher })
    }

    /// Shows the coordinator's metrics in `registry`.
    ///
    /// Errors: the names are taken there already.
    pub fn register_metrics(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.connection.shared.metrics.register(registry)
    }

    /// Why etcd cannot be followed now; `None` while it is, or while that is not known yet.
    pub fn trouble(&self) -> Option<CoordinationError> {
        match self.connection.shared.link() {
            Link::Lost(error) => Some(error),
            Link::Connecting | Link::Following => None,
        }
    }

    async fn counted<T>(
        &self,
        call: impl Future<Output = Result<T, CoordinationError>> + Send,
    ) -> Result<T, CoordinationError> {
        call.await.inspect_err(|error| self.connection.shared.metrics.count(error))
    }

    fn member_call(&self) -> Result<&Connection, CoordinationError> {
        self.connection.may_write().map(|()| &self.connection)
    }
}

impl Drop for EtcdCoordinator {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

#[async_trait]
impl Coordinator for EtcdCoordinator {
    async fn join(&self, member: &Member) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.join(member).await }).await
    }

    async fn report(&self, report: &Report) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.report(report).await }).await
    }

    async fn key_view(&self) -> Result<KeyView, CoordinationError> {
        self.counted(self.connection.key_view()).await
    }

    async fn prove_key(&self, proof: &KeyProof) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.prove_key(proof).await }).await
    }

    async fn members(&self) -> Result<Vec<MemberView>, CoordinationError> {
        self.counted(self.connection.members()).await
    }

    async fn campaign(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        self.counted(async { self.member_call()?.campaign(lane).await }).await
    }

    async fn challenge(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        self.counted(async { self.member_call()?.challenge(lane).await }).await
    }

    async fn leader(&self, lane: BridgeId) -> Result<Option<(MemberId, Term)>, CoordinationError> {
        self.counted(self.connection.leader(lane)).await
    }

    async fn resign(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.resign(lane).await }).await
    }

    async fn publish(&self, attestation: &Attestation) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.publish(attestation).await }).await
    }

    fn follow(&self, lane: BridgeId) -> BoxStream<'static, Result<Attestation, CoordinationError>> {
        follow::stream(&self.connection.shared, lane)
    }

    async fn attestations(
        &self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, CoordinationError> {
        self.counted(self.connection.attestations(lane, above)).await
    }

    async fn prune(&self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.prune(lane, below).await }).await
    }

    async fn keep_only(&self, lane: BridgeId, kept: &[Attestation]) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.keep_only(lane, kept).await }).await
    }

    async fn publish_decision(&self, decision: &SignedDecision) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.publish_decision(decision).await }).await
    }

    async fn withdraw_decision(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        self.counted(async { self.member_call()?.withdraw_decision(lane).await }).await
    }

    async fn decisions(&self, lane: BridgeId) -> Result<Vec<SignedDecision>, CoordinationError> {
        self.counted(self.connection.decisions(lane)).await
    }

    fn incarnation(&self) -> u64 {
        self.connection.shared.incarnation()
    }

    async fn leave(&self) -> Result<(), CoordinationError> {
        self.counted(self.connection.leave()).await
    }
}

#[cfg(test)]
mod tests;
