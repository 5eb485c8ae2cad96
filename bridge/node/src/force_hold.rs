//! Agrees with other relays to force-hold a request that cannot be handled at all, on this relay's own evidence.
//!
//! ```text
//! destination ─▶ trial of the next request alone ─▶ evidence ─▶ store ─▶ sign ─▶ store ─▶ [coordinator] ─▶ count ─▶ board ─▶ submit
//! ```

mod evidence;
mod signatures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Signature;
use polyspan_chain::{HandleTrial, HeadView, Trial, handle_calldata};
use polyspan_coordination::Coordinator;
use polyspan_store::{ForceHold, StoreError};
use polyspan_types::{
    Epoch, HoldAction, HoldDecision, Leaf, OperatorId, RequestNonce, SignedDecision, Threshold, ValueTransfer,
};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

pub use evidence::{Evidence, LONGEST_GAP, SPACING, TRIALS};
use signatures::{enough, valid_signatures};

use crate::attest::CHECKPOINT_INTERVAL;
use crate::error::LaneError;
use crate::keys::AttesterKey;
use crate::lane::{ApprovedView, DestinationView, Lane};
use crate::step::{Step, or_pending};
use crate::submitter::greatest_gas;

/// How long the coordinator may take to show what others decided, and how often it is asked while anything is to be decided.
const HEAR_WITHIN: Duration = Duration::from_millis(500);
const HEAR_AGAIN: Duration = Duration::from_secs(1);

/// How far below the newest block the final one may be for its state to be asked for. Unit: blocks. Source: nodes keep about 128 states.
const STATES_KEPT: u64 = 64;

/// What this relay knows of the lane's next request, when it fails alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForceHoldView {
    /// Blocks at which it failed.
    pub trials: u64,
    /// In words; `None` while nothing fails.
    pub text: Option<String>,
    /// What can be submitted: this relay's own evidence is complete, and a threshold has signed.
    pub agreed: Option<Arc<AgreedForceHold>>,
}

/// A force-hold that this relay would submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedForceHold {
    /// The request.
    pub nonce: RequestNonce,
    /// What it asks for.
    pub transfer: ValueTransfer,
    /// A threshold of signatures.
    pub signatures: Vec<Signature>,
    /// How it was tried last: it is tried once more before anything is sent.
    pub trial: HandleTrial,
}

/// Gathers evidence about one lane, and decides and counts.
pub struct ForceHolder {
    lane: Arc<Lane>,
    coordinator: Arc<dyn Coordinator>,
    /// `None` for a relay that only submits.
    signer: Option<AttesterKey>,
    heads: watch::Receiver<HeadView>,
    destination: watch::Receiver<Option<DestinationView>>,
    approved: watch::Receiver<Arc<ApprovedView>>,
    evidence: Evidence,
    /// The request that the evidence is about, as it was tried last.
    subject: Option<Subject>,
    /// The own decision about the lane's next request.
    own: Option<SignedDecision>,
    /// For which request and epoch the store was asked for a decision of an earlier process.
    recalled: Option<(RequestNonce, Epoch)>,
    /// What the coordinator has of this relay; the outer `None` while an earlier process may have left something.
    published: Option<Option<SignedDecision>>,
    /// Of which incarnation of the coordinator: another one has lost everything.
    incarnation: u64,
}

/// The lane's next request.
#[derive(Debug, Clone)]
struct Subject {
    nonce: RequestNonce,
    transfer: ValueTransfer,
    leaf: Leaf,
    trial: HandleTrial,
}

impl ForceHolder {
    /// Follows `lane`; decides with `signer`, if there is one.
    pub fn new(
        lane: Arc<Lane>,
        coordinator: Arc<dyn Coordinator>,
        signer: Option<AttesterKey>,
        heads: watch::Receiver<HeadView>,
    ) -> Self {
        Self {
            heads,
            destination: lane.board.destination.subscribe(),
            approved: lane.board.approved.subscribe(),
            incarnation: coordinator.incarnation(),
            lane,
            coordinator,
            signer,
            evidence: Evidence::default(),
            subject: None,
            own: None,
            recalled: None,
            published: None,
        }
    }

    /// Tries the next request, if that is due. What an endpoint cannot answer is asked again at a later block.
    async fn try_next(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        if !self.evidence.is_due(view.block.height) {
            return Ok(());
        }
        let Some(subject) = self.next_subject(view).await? else { return Ok(()) };
        let id = &self.lane.info.id;
        let tried = self.lane.destination.try_handle(&subject.trial, view.block.hash).await;
        let trial = tried.unwrap_or_else(|failed| Trial::Unclear(failed.to_string()));
        let before = self.evidence.trials();
        self.evidence.observe(view.block, &trial);
        let (nonce, block) = (subject.nonce, view.block);
        match &trial {
            Trial::Succeeds if before > 0 || self.own.is_some() => {
                info!(lane = %id, %nonce, %block, "force-hold evidence withdrawn: the request can be handled");
                self.own = None;
            }
            Trial::Succeeds => {}
            Trial::Fails(why) => {
                let trials = self.evidence.trials();
                warn!(lane = %id, %nonce, %block, trials, of = TRIALS, reason = why, "request alone cannot be handled");
            }
            Trial::Unclear(why) => {
                debug!(lane = %id, %nonce, %block, reason = why, "trial of the next request says nothing")
            }
        }
        self.subject = Some(subject);
        Ok(())
    }

    /// The lane's next request, with a proof that a threshold gave and that is short; `None` while there is none.
    async fn next_subject(&self, view: &DestinationView) -> Result<Option<Subject>, LaneError> {
        let (nonce, end) = (view.handled, view.handled.next());
        let approved = Arc::clone(&self.approved.borrow());
        // A long tail would need gas of its own.
        let near = approved.checkpoints.iter().find(|approved| {
            let covered = approved.checkpoint.nonce;
            covered >= end && covered.since(end) < CHECKPOINT_INTERVAL
        });
        let Some(proof) = near else { return Ok(None) };
        let Some(head) = self.heads.borrow().head else { return Ok(None) };
        let (store, info) = (&self.lane.store, &self.lane.info);
        let Some(stored) = store.request(info.bridge_id, nonce).await? else { return Ok(None) };
        let tail = store.leaves(info.bridge_id, end, proof.checkpoint.nonce).await?;
        if tail.len() as u64 != proof.checkpoint.nonce.since(end) {
            return Ok(None);
        }
        let request = stored.request;
        let calldata = handle_calldata(nonce, &[&request.transfer], &tail, &proof.signatures)
            .map_err(|error| LaneError::Unpackable { first: nonce, error })?;
        let gas = greatest_gas(Some(head.gas_limit));
        let trial = HandleTrial { bridge: info.destination.bridge, nonce, calldata, gas };
        let leaf = Leaf::of(&request);
        Ok(Some(Subject { nonce, transfer: request.transfer, leaf, trial }))
    }

    /// What operators sign about the request that this relay tried, while its evidence is complete.
    fn decision(&self, view: &DestinationView) -> Option<HoldDecision> {
        let subject = self.subject.as_ref().filter(|subject| subject.nonce == view.handled)?;
        self.evidence.is_complete().then_some(HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id: self.lane.info.bridge_id,
            epoch: view.operators.epoch,
            nonce: subject.nonce,
            leaf: subject.leaf,
        })
    }

    /// Signs the decision once, and only on evidence that still stands.
    async fn sign(&mut self, decision: HoldDecision, view: &DestinationView) -> Result<(), LaneError> {
        let Some(signer) = self.signer.clone().filter(|signer| view.operators.contains(signer.address()))
        else {
            return Ok(());
        };
        if self.own.is_some_and(|own| own.decision == decision) || !self.stands(view).await? {
            return Ok(());
        }
        let (lane, operator) = (Arc::clone(&self.lane), signer.address());
        let root = lane.store.root_at(lane.info.bridge_id, decision.nonce.next()).await?;
        let (Some(root), Some((first, last))) = (root, self.evidence.blocks()) else { return Ok(()) };
        let decided = ForceHold {
            decision,
            operator,
            blocks: (first.height, last.height),
            trials: self.evidence.trials(),
            reason: self.evidence.why().unwrap_or_default().to_owned(),
            signature: None,
            stored_at_ms: 0,
        };
        // Before the key is asked: what it signs is out of this process's hands, and a second root for this nonce is refused.
        match lane.store.claim_force_hold(&decided, root).await {
            Ok(()) => {}
            Err(refused @ (StoreError::SecondRoot { .. } | StoreError::BelowFloor { .. })) => {
                warn!(lane = %lane.info.id, nonce = %decision.nonce, error = %refused, "force-hold not signed");
                return Ok(());
            }
            Err(failed) => return Err(failed.into()),
        }
        let signature = signer
            .sign_decision(&decision, &lane.domain)
            .await
            .inspect_err(|failed| lane.metrics.signing_failed(&lane.info.id, failed))?;
        let signed = SignedDecision { decision, operator, signature };
        // Before it is published: what others have is known here after any crash.
        lane.store.record_force_hold(&signed).await?;
        lane.metrics.force_hold(&lane.info.id, "signed");
        error!(
            lane = %lane.info.id, nonce = %decision.nonce, trials = decided.trials, first = %first, last = %last,
            reason = decided.reason,
            "force-hold signed: the request cannot be handled at all; its value is held and the lane goes on once a threshold agrees"
        );
        self.own = Some(signed);
        Ok(())
    }

    /// Whether the first block of the evidence is still there, and the request does not go through at the final block either, as far
    /// as that has a state in which it is next.
    async fn stands(&mut self, view: &DestinationView) -> Result<bool, LaneError> {
        let (Some((first, _)), Some(subject)) = (self.evidence.blocks(), &self.subject) else {
            return Ok(false);
        };
        let chain = &self.lane.destination;
        if chain.block_ref(first.height).await? != Some(first) {
            self.evidence.forget();
            return Ok(false);
        }
        let Some(head) = self.heads.borrow().head else { return Ok(false) };
        let known =
            view.settled == view.handled && head.latest.height.since(head.final_block.height) <= STATES_KEPT;
        if known && let Ok(Trial::Succeeds) = chain.try_handle(&subject.trial, head.final_block.hash).await {
            self.evidence.forget();
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes in what an earlier process decided about the request that is next now. A lane that goes on costs no read of the disk.
    async fn recall(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        let now = (view.handled, view.operators.epoch);
        let is_other = |own: &SignedDecision| (own.decision.nonce, own.decision.epoch) != now;
        self.own = self.own.filter(|own| !is_other(own));
        let is_wanted = self.published.is_none() || self.evidence.is_due(view.block.height);
        let Some(signer) = self.signer.as_ref().filter(|_| is_wanted && self.recalled != Some(now)) else {
            return Ok(());
        };
        let known = self.lane.store.force_holds(self.lane.info.bridge_id, view.handled).await?;
        let own = known.iter().filter_map(ForceHold::signed);
        self.own = own.rev().find(|own| own.operator == signer.address() && !is_other(own));
        self.recalled = Some(now);
        Ok(())
    }

    /// Shows others what this relay has decided, or that it has decided nothing.
    async fn exchange(&mut self, view: &DestinationView) -> Result<(), LaneError> {
        if self.signer.is_none() {
            return Ok(());
        }
        let incarnation = self.coordinator.incarnation();
        if std::mem::replace(&mut self.incarnation, incarnation) != incarnation {
            self.published = None;
        }
        let wanted = self.own.filter(|own| own.decision.nonce == view.handled);
        if self.published == Some(wanted) {
            return Ok(());
        }
        match &wanted {
            Some(own) => self.coordinator.publish_decision(own).await?,
            None => self.coordinator.withdraw_decision(self.lane.info.bridge_id).await?,
        }
        self.published = Some(wanted);
        Ok(())
    }

    /// Signatures that count for `decision`.
    async fn count(
        &self,
        decision: &HoldDecision,
        view: &DestinationView,
    ) -> BTreeMap<OperatorId, Signature> {
        let lane = self.lane.info.bridge_id;
        let heard = match tokio::time::timeout(HEAR_WITHIN, self.coordinator.decisions(lane)).await {
            Ok(Ok(heard)) => heard,
            other => {
                debug!(lane = %self.lane.info.id, ?other, "decisions of others are not heard");
                Vec::new()
            }
        };
        valid_signatures(decision, heard.into_iter().chain(self.own), &self.lane.domain, &view.operators)
    }

    async fn show_view(&self, view: &DestinationView) {
        let shown = match (self.decision(view), &self.subject) {
            (Some(decision), Some(subject)) => {
                let signatures = self.count(&decision, view).await;
                let agreed = enough(&signatures, &view.operators).map(|signatures| {
                    Arc::new(AgreedForceHold {
                        nonce: subject.nonce,
                        transfer: subject.transfer.clone(),
                        signatures,
                        trial: subject.trial.clone(),
                    })
                });
                let text =
                    agreement(&decision, signatures.len(), view.operators.threshold, self.evidence.why());
                ForceHoldView { trials: self.evidence.trials(), text: Some(text), agreed }
            }
            _ => {
                let (trials, why) = (self.evidence.trials(), self.evidence.why());
                let text = why.map(|why| {
                    format!(
                        "relays to gather evidence that request {} cannot be handled: {trials} of {TRIALS} blocks ({why})",
                        view.handled
                    )
                });
                ForceHoldView { trials, text, agreed: None }
            }
        };
        self.lane.board.force_hold.send_if_modified(|known| {
            let changed = *known != shown;
            *known = shown;
            changed
        });
    }
}

fn agreement(decision: &HoldDecision, signed: usize, threshold: Threshold, why: Option<&str>) -> String {
    let why = why.unwrap_or_default();
    format!(
        "the force-hold of request {}, which cannot be handled ({why}): {signed} of {threshold} signed",
        decision.nonce
    )
}

impl Step for ForceHolder {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.approved.mark_unchanged();
        let Some(view) = self.destination.borrow_and_update().clone() else { return Ok(()) };
        if view.paused {
            self.lane.board.force_hold.send_replace(ForceHoldView::default());
            return Ok(());
        }
        let is_approved = self.approved.borrow().approved(view.handled) > view.handled;
        self.evidence.follow(view.handled, is_approved, view.block.height);
        self.recall(&view).await?;
        self.try_next(&view).await?;
        if let Some(decision) = self.decision(&view) {
            self.sign(decision, &view).await?;
        }
        self.show_view(&view).await;
        // Last: a coordinator that is away keeps nothing back here.
        self.exchange(&view).await
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.destination.changed() => or_pending(changed).await,
            () = tokio::time::sleep(HEAR_AGAIN), if self.evidence.is_complete() => {}
        }
    }

    /// The board has its own view.
    fn show(&self, _: Option<String>) {}
}
