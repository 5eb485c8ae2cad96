//! The seam between relays and whatever connects them.

use async_trait::async_trait;
use futures::stream::BoxStream;
use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision, Term};
use serde::{Deserialize, Serialize};

use crate::{CoordinationError, KeyProof, KeyView, Member, MemberId, MemberView, Report};

/// Who leads a lane, as the asking relay sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leadership {
    /// The leader; `None` while nobody alive claims the lane.
    pub leader: Option<MemberId>,
    /// The leader's term; without a leader the highest term seen.
    pub term: Term,
    /// Whether the leader is this relay.
    pub own: bool,
}

/// One relay's connection to the others. All calls may be made concurrently; a call that fails has changed nothing that a
/// later one cannot repair. Dropping a connection without [`Coordinator::leave`] looks to the others like a crash.
#[async_trait]
pub trait Coordinator: Send + Sync {
    /// Makes this process known as `member`. Other calls that write need it. A relay calls [`enter`](crate::enter), which also makes sure that
    /// it is alone with its key.
    ///
    /// Errors: [`CoordinationError::AlreadyRunning`] when another process, frozen or not, is this member now; with etcd the membership
    /// of a member with a key stays wanted then, as its name may be shown by anybody.
    async fn join(&self, member: &Member) -> Result<(), CoordinationError>;

    /// Heartbeat, and what this relay says of itself. To be called at least every third of the lease.
    async fn report(&self, report: &Report) -> Result<(), CoordinationError>;

    /// What this process and the other live ones show of their attester keys, each with whether its signature is good.
    async fn key_view(&self) -> Result<KeyView, CoordinationError>;

    /// Shows what this process has signed, from now on and in the place of what it has shown before. An error only delays that: a
    /// later report shows it, or it is due again.
    async fn prove_key(&self, proof: &KeyProof) -> Result<(), CoordinationError>;

    /// Everybody who ever joined and can be read, by id, this relay included.
    async fn members(&self) -> Result<Vec<MemberView>, CoordinationError>;

    /// One step towards, or of, leadership of a lane; to be called at every tick while this relay can submit. Whoever is
    /// told `own` leads until the next call, at most for a lease.
    async fn campaign(&self, lane: BridgeId) -> Result<Leadership, CoordinationError>;

    /// Who leads a lane, without taking part.
    async fn leader(&self, lane: BridgeId) -> Result<Option<(MemberId, Term)>, CoordinationError>;

    /// Takes the lane from its leader, alive or not, with a higher term: the asking relay has just brought on a lane that stood
    /// still. Who leads already goes on.
    async fn challenge(&self, lane: BridgeId) -> Result<Leadership, CoordinationError>;

    /// Gives up the leadership of a lane, if it is ours; another candidate takes it at its next tick.
    async fn resign(&self, lane: BridgeId) -> Result<(), CoordinationError>;

    /// Hands an own attestation to all. Twice is the same as once. When this answers `Ok`, it survives a crash of this process
    /// and of the host.
    async fn publish(&self, attestation: &Attestation) -> Result<(), CoordinationError>;

    /// Everybody's attestations of a lane, own ones included: first what is there, then as it comes, each once per stream, and
    /// again only when the coordinator lost it and got it again. Two roots for one nonce are both delivered. An error is an item;
    /// the stream goes on after it, and ends only when the connection is dropped.
    fn follow(&self, lane: BridgeId) -> BoxStream<'static, Result<Attestation, CoordinationError>>;

    /// Everybody's attestations of a lane with a nonce above `above`, as they are now.
    async fn attestations(
        &self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, CoordinationError>;

    /// Forgets own attestations of a lane with a nonce of `below` or less: they are handled.
    async fn prune(&self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError>;

    /// Forgets own attestations of a lane that are not among `kept`: newer ones cover them. What followers have got stays
    /// with them.
    async fn keep_only(&self, lane: BridgeId, kept: &[Attestation]) -> Result<(), CoordinationError>;

    /// Hands an own decision about a lane's next request to all, in the place of an earlier one about that lane: a member has one at
    /// a time. As durable as [`Coordinator::publish`].
    async fn publish_decision(&self, decision: &SignedDecision) -> Result<(), CoordinationError>;

    /// Takes the own decision about a lane back, if there is one.
    async fn withdraw_decision(&self, lane: BridgeId) -> Result<(), CoordinationError>;

    /// Everybody's decisions about a lane, own ones included, as they are now: at most one of each member.
    async fn decisions(&self, lane: BridgeId) -> Result<Vec<SignedDecision>, CoordinationError>;

    /// Rises whenever the coordinator may have lost what this relay published, so that it publishes again whatever is open.
    /// Where nothing was lost that costs nothing.
    fn incarnation(&self) -> u64;

    /// Resigns everywhere and stops being a member; what was published stays. Without a membership nothing happens.
    async fn leave(&self) -> Result<(), CoordinationError>;
}
