//! One relay's calls to etcd.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use alloy::primitives::B256;
use etcd_client::{Client, DeleteOptions, Error, Txn, TxnOp};
use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision, Term};
use tokio::sync::Mutex;

use super::endpoints::CallError;
use super::layout::VoteKey;
use super::own::{Own, resigned};
use super::shared::{Link, Shared};
use super::values::Value;
use crate::election::{Candidate, Decision, believed, challenge, decide, highest_term, leader};
use crate::{Claim, CoordinationError, KeyProof, KeyView, Leadership, MemberId, MemberView};

/// How long a call waits for the first reading of everything.
const FIRST_READING: Duration = Duration::from_secs(5);

/// How long a write waits for the mirror to show it.
const ECHO: Duration = Duration::from_millis(500);

/// Keys that one transaction deletes. Source: etcd's `--max-txn-ops` is 128.
const BATCH: usize = 100;

/// What the connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Member,
    Observer,
}

/// A relay, or somebody who looks.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Duration,
    /// Random number of this process.
    pub(super) number: B256,
    /// The same as text.
    pub(super) instance: String,
    /// One change of the membership at a time.
    pub(super) membership: Mutex<()>,
    access: Access,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, lease: Duration, access: Access) -> Self {
        let number = B256::from(rand::random::<[u8; 32]>());
        let instance = alloy::hex::encode(number);
        Self { shared, lease, number, instance, membership: Mutex::new(()), access }
    }

    pub(super) fn own(&self) -> MutexGuard<'_, Own> {
        self.shared.own()
    }

    /// Errors: this connection only looks.
    pub(super) fn may_write(&self) -> Result<(), CoordinationError> {
        if self.access == Access::Observer { Err(CoordinationError::Observer) } else { Ok(()) }
    }

    pub(super) async fn call<T, F, W>(&self, work: W) -> Result<T, CallError>
    where
        W: Fn(Client) -> F,
        F: Future<Output = Result<T, Error>>,
    {
        self.shared.endpoints.call(work).await
    }

    /// Writes a key; returns the revision at which it is there.
    pub(super) async fn put(&self, key: String, value: Vec<u8>) -> Result<i64, CoordinationError> {
        let answer = self
            .call(|mut client| {
                let (key, value) = (key.clone(), value.clone());
                async move { client.put(key, value, None).await }
            })
            .await?;
        Ok(answer.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    pub(super) async fn members(&self) -> Result<Vec<MemberView>, CoordinationError> {
        self.shared.followed(FIRST_READING).await?;
        let own = self.own_view();
        let views = self.shared.mirror().members(own.as_ref().map(|(id, alive)| (id, *alive)));
        let alive = views.iter().filter(|view| view.alive).count();
        self.shared.metrics.show_members(alive, views.len());
        Ok(views)
    }

    pub(super) async fn key_view(&self) -> Result<KeyView, CoordinationError> {
        self.shared.followed(FIRST_READING).await?;
        let own = self.own().key_presence(self.number);
        let mirror = self.shared.mirror();
        let others = mirror.keys().filter(|seen| seen.presence().instance != self.number);
        let view = KeyView { own, others: others.cloned().collect() };
        drop(mirror);
        self.shared.metrics.show_keys(&view);
        Ok(view)
    }

    pub(super) async fn prove_key(&self, proof: &KeyProof) -> Result<(), CoordinationError> {
        let _one = self.membership.lock().await;
        self.own().member()?;
        self.own().proof = Some(proof.clone());
        self.show_key().await.map(drop)
    }

    pub(super) async fn campaign(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        let own = self.own().member()?.id.clone();
        if let Link::Lost(error) = self.shared.link() {
            // What was seen last still holds for as long as the own lease does: a short trouble of etcd costs no leadership.
            let seen = self.seen(lane, &own);
            return if seen.own { Ok(seen) } else { Err(error) };
        }
        self.shared.followed(FIRST_READING).await?;
        match decide(&own, &self.candidates(lane)) {
            Decision::Claim(term) => self.claim(lane, &own, term).await,
            _ => Ok(self.seen(lane, &own)),
        }
    }

    pub(super) async fn challenge(&self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        let own = self.own().member()?.id.clone();
        self.shared.followed(FIRST_READING).await?;
        match challenge(&own, &self.candidates(lane)) {
            Some(term) => self.claim(lane, &own, term).await,
            None => Ok(self.seen(lane, &own)),
        }
    }

    /// Claims a lane with this term or a higher one. Others would not count the claim of somebody who is not there.
    async fn claim(
        &self,
        lane: BridgeId,
        own: &MemberId,
        term: Term,
    ) -> Result<Leadership, CoordinationError> {
        if !self.own().is_alive() {
            return Ok(self.seen(lane, own));
        }
        let highest = self.own().note_term(lane, Term::ZERO);
        let claim = Claim { term: term.max(highest.next()), standing: true };
        let revision = self.put(self.shared.layout.claim(own, lane), claim.to_bytes()?).await?;
        // Of two that claim at once at least one sees the other then.
        self.shared.caught_up(revision, ECHO).await;
        Ok(self.seen(lane, own))
    }

    pub(super) async fn leader(&self, lane: BridgeId) -> Result<Option<(MemberId, Term)>, CoordinationError> {
        self.shared.followed(FIRST_READING).await?;
        Ok(leader(&self.candidates(lane)).map(|(id, term)| (id.clone(), term)))
    }

    pub(super) async fn resign(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        let claim = self.shared.mirror().claims_of(&own).get(&lane).copied();
        let Some(claim) = claim.filter(|claim| claim.standing) else { return Ok(()) };
        let revision = self.put(self.shared.layout.claim(&own, lane), resigned(claim).to_bytes()?).await?;
        self.shared.caught_up(revision, ECHO).await;
        Ok(())
    }

    pub(super) async fn publish(&self, attestation: &Attestation) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        self.own().note_published(attestation.checkpoint.bridge_id, VoteKey::of(attestation));
        if self.shared.link() == Link::Following && self.shared.mirror().holds(&own, attestation) {
            return Ok(());
        }
        self.put(self.shared.layout.attestation(&own, attestation), attestation.to_bytes()?).await.map(drop)
    }

    pub(super) async fn attestations(
        &self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, CoordinationError> {
        self.shared.followed(FIRST_READING).await?;
        Ok(self.shared.mirror().above(lane, above))
    }

    pub(super) async fn prune(&self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        // Before the deletion: what is gone then is not missed.
        self.own().note_pruned(lane, below);
        let (from, end) = self.shared.layout.up_to(&own, lane, below);
        let deleted = self.call(|mut client| {
            let (from, options) = (from.clone(), DeleteOptions::new().with_range(end.as_str()));
            async move { client.delete(from, Some(options)).await }
        });
        deleted.await?;
        Ok(())
    }

    /// Of more keys than a relay takes in, those that it knows; the others follow when these have made room.
    pub(super) async fn keep_only(
        &self,
        lane: BridgeId,
        kept: &[Attestation],
    ) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        self.shared.followed(FIRST_READING).await?;
        let kept: BTreeSet<VoteKey> = kept.iter().map(VoteKey::of).collect();
        // Before the deletion, as in `prune`.
        let mut surplus = self.own().want_only(lane, |vote| kept.contains(vote));
        // The mirror has what an earlier process left, and what this one wrote a moment ago it may not have yet.
        surplus.extend(self.shared.mirror().votes_of(&own, lane));
        let surplus: Vec<_> = surplus.difference(&kept).copied().collect();
        for batch in surplus.chunks(BATCH) {
            let keys: Vec<_> = batch.iter().map(|vote| self.shared.layout.vote(&own, lane, *vote)).collect();
            let deleted = self.call(|mut client| {
                let operations: Vec<_> = keys.iter().map(|key| TxnOp::delete(key.as_str(), None)).collect();
                async move { client.txn(Txn::new().and_then(operations)).await }
            });
            deleted.await?;
        }
        Ok(())
    }

    pub(super) async fn publish_decision(&self, decision: &SignedDecision) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        let lane = decision.decision.bridge_id;
        self.own().want_decision(lane, true);
        if self.shared.link() == Link::Following
            && self.shared.mirror().decision_of(&own, lane) == Some(decision)
        {
            return Ok(());
        }
        self.put(self.shared.layout.decision(&own, lane), decision.to_bytes()?).await.map(drop)
    }

    pub(super) async fn withdraw_decision(&self, lane: BridgeId) -> Result<(), CoordinationError> {
        let own = self.own().member()?.id.clone();
        // Before the deletion, as in `prune`.
        self.own().want_decision(lane, false);
        let key = self.shared.layout.decision(&own, lane);
        let deleted = self.call(|mut client| {
            let key = key.clone();
            async move { client.delete(key, None).await }
        });
        deleted.await?;
        Ok(())
    }

    pub(super) async fn decisions(&self, lane: BridgeId) -> Result<Vec<SignedDecision>, CoordinationError> {
        self.shared.followed(FIRST_READING).await?;
        Ok(self.shared.mirror().decisions(lane))
    }

    pub(super) async fn leave(&self) -> Result<(), CoordinationError> {
        let _one = self.membership.lock().await;
        self.leave_now().await
    }

    fn own_view(&self) -> Option<(MemberId, bool)> {
        let own = self.own();
        own.id().map(|id| (id.clone(), own.is_alive()))
    }

    fn candidates(&self, lane: BridgeId) -> Vec<Candidate> {
        let own = self.own_view();
        let mirror = self.shared.mirror();
        let candidates = mirror.candidates(lane, own.as_ref().map(|(id, alive)| (id, *alive)));
        drop(mirror);
        let mut known = self.own();
        let seen = known.note_term(lane, Term::ZERO);
        let candidates = believed(seen, own.as_ref().map(|(id, _)| id), candidates);
        known.note_term(lane, highest_term(&candidates));
        candidates
    }

    fn seen(&self, lane: BridgeId, own: &MemberId) -> Leadership {
        let candidates = self.candidates(lane);
        match leader(&candidates) {
            Some((id, term)) => Leadership { leader: Some(id.clone()), term, own: id == own },
            None => Leadership { leader: None, term: highest_term(&candidates), own: false },
        }
    }
}
