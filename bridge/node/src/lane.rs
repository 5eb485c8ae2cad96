//! One lane as a relay serves it: both of its ends, and the board on which its tasks tell each other what they see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Signature;
use polyspan_chain::Chain;
use polyspan_coordination::{HandledBy, Leadership, ReadingReport, RecoveryReport};
use polyspan_monitoring::Health;
use polyspan_store::{OpenHold, Store, StoreError};
use polyspan_types::{
    Attestation, BlockRef, Checkpoint, CheckpointDomain, MemberSet, OperatorId, RequestNonce, Root, Term,
    Vote,
};
use tokio::sync::watch;
use tracing::error;

use crate::config::{LaneInfo, Side};
use crate::error::LaneError;
use crate::force_hold::ForceHoldView;
use crate::metrics::RelayMetrics;
use crate::recovery::Orders;
use crate::submit::{FlowView, Way};
use crate::tally::VotedCheckpoint;
use crate::turn::OpenVote;

/// A lane with its connections. Shared by all tasks of the lane.
#[derive(Debug)]
pub struct Lane {
    /// Names, addresses and the bridge id.
    pub info: LaneInfo,
    /// Where users request.
    pub source: Chain,
    /// Where requests are paid.
    pub destination: Chain,
    /// The relay's durable state.
    pub store: Store,
    /// What checkpoints of this lane are signed under.
    pub domain: CheckpointDomain,
    /// What the tasks see.
    pub board: Board,
    /// The relay's metric families.
    pub metrics: RelayMetrics,
    /// Named parts that must be well for the relay to be ready.
    pub health: Health,
    /// Whether a bridge with the development flag is served.
    pub accept_development: bool,
}

/// What the tasks of a lane tell each other: each view has one writer and any number of readers.
#[derive(Debug)]
pub struct Board {
    /// Written by `watch`.
    pub source: watch::Sender<SourceView>,
    /// Written by `watch`: the range of which it reads the requests now.
    pub reading: watch::Sender<Option<ReadingReport>>,
    /// Written by `destination`; `None` until first read.
    pub destination: watch::Sender<Option<DestinationView>>,
    /// Written by `destination`: the store knows where the lane begins.
    pub begun: watch::Sender<bool>,
    /// Written by `destination`: the newest final block up to which the contract has confirmed what is stored.
    pub proved: watch::Sender<Option<BlockRef>>,
    /// Written by `destination`: the oldest transfer of which everything is stored.
    pub oldest_stored: watch::Sender<Option<RequestNonce>>,
    /// Written by `destination`: why its view does not advance.
    pub destination_trouble: watch::Sender<Option<String>>,
    /// Written by `attest`: why this relay does not sign.
    pub attest_trouble: watch::Sender<Option<String>>,
    /// Written by `attest`: own attestations of requests that are not handled, by nonce.
    pub signed: watch::Sender<Arc<BTreeMap<RequestNonce, Attestation>>>,
    /// Written by `votes`: what the destination has recorded for requests that are not handled.
    pub votes: watch::Sender<Arc<BTreeSet<Vote>>>,
    /// Written by `submit`: how often the contract has not counted what `votes` shows.
    pub votes_doubted: watch::Sender<u64>,
    /// Written by `collect`.
    pub approved: watch::Sender<Arc<ApprovedView>>,
    /// Written by `lead`.
    pub leadership: watch::Sender<Leadership>,
    /// Written by `submit`: this relay made the lane's last progress although another one leads it.
    pub took_over: watch::Sender<bool>,
    /// Written by `submit`: transfers that this process got handled, by the way they went.
    pub handled_by: watch::Sender<HandledBy>,
    /// Written by `submit`: why nothing is being sent although something is approved.
    pub submission: watch::Sender<Option<String>>,
    /// Written by `submit`: how many submissions wait for a block, and what limits them.
    pub flow: watch::Sender<FlowView>,
    /// Written by `submit` while it leads: what happens next to the oldest hold.
    pub release: watch::Sender<Option<String>>,
    /// Written by `force-hold`: what is known of a next request that fails alone.
    pub force_hold: watch::Sender<ForceHoldView>,
    /// Written by `recovery`: what its last look came to.
    pub recovery: watch::Sender<RecoveryReport>,
    /// Written by `recovery`: how often it has asked `watch` to read on.
    pub woken: watch::Sender<u64>,
    /// Written by `control`: what people ask of `recovery`.
    pub recovery_orders: watch::Sender<Orders>,
    /// Written by `audit`: what the destination has handled that the source does not show yet.
    pub unexplained: watch::Sender<Option<String>>,
    /// Whether the halt demands that the destination is paused. Written by [`Lane::halt`], and by `pause` when that is over.
    pub demands_pause: watch::Sender<bool>,
    /// Why the lane is halted. Written by [`Lane::halt`] only, and never taken back while the process runs.
    pub halted: watch::Sender<Option<String>>,
}

/// The source side as this relay sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceView {
    /// Requests made, at the newest block.
    pub requested: RequestNonce,
    /// Requests in final blocks whose root the source confirmed: all that may be signed.
    pub verified: RequestNonce,
    /// The final block up to which that holds.
    pub final_block: Option<BlockRef>,
    /// Why `verified` does not advance, if it does not.
    pub waiting_for: Option<String>,
}

/// The destination side as this relay sees it, at the newest block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationView {
    /// First nonce not handled.
    pub handled: RequestNonce,
    /// First nonce not handled at a final block: what lies below never comes back.
    pub settled: RequestNonce,
    /// Requests on hold now.
    pub held: u64,
    /// How many of them the store knows: at a final block.
    pub stored_holds: u64,
    /// The oldest of those.
    pub oldest_hold: Option<OpenHold>,
    /// Whether payouts are stopped.
    pub paused: bool,
    /// Who may sign for this lane.
    pub operators: Arc<MemberSet>,
    /// The block that was read.
    pub block: BlockRef,
    /// Its gas limit. Unit: gas.
    pub gas_limit: u64,
    /// Time between two blocks.
    pub block_interval: Duration,
}

/// A checkpoint that a threshold of current operators has signed or voted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedCheckpoint {
    /// What they signed.
    pub checkpoint: Checkpoint,
    /// What a submission carries: a threshold of signatures, or as many as complete the votes on chain. More would cost gas and
    /// prove nothing.
    pub signatures: Vec<Signature>,
}

/// What operators have signed, as far as it is not handled yet.
#[derive(Debug, Clone, Default)]
pub struct ApprovedView {
    /// Highest nonce that at least one operator attested.
    pub attested: RequestNonce,
    /// The most attestations that a checkpoint with our own root has, up to the threshold; votes on chain are not among them.
    pub attestations: usize,
    /// Checkpoints with a threshold of votes whose root is our own, by rising nonce.
    pub checkpoints: Vec<ApprovedCheckpoint>,
    /// Checkpoints with votes on chain whose root is our own, by rising nonce, with those who voted.
    pub voted: Vec<VotedCheckpoint>,
    /// Who voted on chain for something else than our own root, and for which nonce.
    pub dissent: Vec<(RequestNonce, OperatorId)>,
    /// What the lowest unhandled checkpoint still lacks: "2 of 3 operators attested nonce 42".
    pub waiting_for: Option<String>,
}

impl ApprovedView {
    /// Highest approved nonce, or `handled` when nothing above it is approved.
    pub fn approved(&self, handled: RequestNonce) -> RequestNonce {
        self.checkpoints.last().map_or(handled, |approved| approved.checkpoint.nonce.max(handled))
    }

    /// The votes on chain as `own` has to weigh them.
    pub fn open_votes(&self, own: Option<OperatorId>) -> Vec<OpenVote> {
        let votes = self.voted.iter().map(|voted| OpenVote {
            voters: voted.voters.len(),
            nonce: voted.checkpoint.nonce,
            own: own.is_some_and(|own| voted.voters.contains(&own)),
        });
        votes.collect()
    }

    /// The approved checkpoint at exactly this nonce.
    pub fn at(&self, nonce: RequestNonce) -> Option<&ApprovedCheckpoint> {
        self.checkpoints.iter().find(|approved| approved.checkpoint.nonce == nonce)
    }
}

impl Board {
    /// A board on which nothing is known yet.
    pub fn new() -> Self {
        Self {
            source: watch::Sender::new(SourceView::default()),
            reading: watch::Sender::new(None),
            destination: watch::Sender::new(None),
            begun: watch::Sender::new(false),
            proved: watch::Sender::new(None),
            oldest_stored: watch::Sender::new(None),
            destination_trouble: watch::Sender::new(None),
            attest_trouble: watch::Sender::new(None),
            signed: watch::Sender::new(Arc::default()),
            votes: watch::Sender::new(Arc::default()),
            votes_doubted: watch::Sender::new(0),
            approved: watch::Sender::new(Arc::default()),
            leadership: watch::Sender::new(nobody_leads()),
            took_over: watch::Sender::new(false),
            handled_by: watch::Sender::new(HandledBy::default()),
            submission: watch::Sender::new(None),
            flow: watch::Sender::new(FlowView::default()),
            release: watch::Sender::new(None),
            force_hold: watch::Sender::new(ForceHoldView::default()),
            recovery: watch::Sender::new(RecoveryReport::default()),
            woken: watch::Sender::new(0),
            recovery_orders: watch::Sender::new(Orders::default()),
            unexplained: watch::Sender::new(None),
            demands_pause: watch::Sender::new(false),
            halted: watch::Sender::new(None),
        }
    }
}

/// Before the first answer of the coordinator, and after one that failed: who is not told that it leads does not lead.
pub(crate) const fn nobody_leads() -> Leadership {
    Leadership { leader: None, term: Term::ZERO, own: false }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl Lane {
    /// Refuses a development bridge unless the config accepts it.
    ///
    /// Errors: [`LaneError::Development`].
    pub fn check_development(&self, development: bool, side: &Side) -> Result<(), LaneError> {
        if development && !self.accept_development {
            return Err(LaneError::Development { lane: self.info.id.clone(), chain: side.chain.clone() });
        }
        Ok(())
    }

    /// Whether the lane is halted.
    pub fn is_halted(&self) -> bool {
        self.board.halted.borrow().is_some()
    }

    /// Stops signing and submitting on this lane until a person has looked, across restarts.
    pub async fn halt(&self, reason: &LaneError) {
        let text = reason.to_string();
        // In memory first: even when the disk cannot be written, this process signs nothing more.
        self.board.halted.send_replace(Some(text.clone()));
        self.health.part(&format!("lane {}", self.info.id)).failing(format!("halted: {text}"));
        error!(lane = %self.info.id, reason = text, "lane halted");
        let demands_pause = match self
            .store
            .halt_lane(self.info.bridge_id, &text, reason.demands_pause())
            .await
        {
            // Once for each halt, across restarts: governors may have ended the pause since.
            Ok(open) => open,
            Err(failed) => {
                error!(lane = %self.info.id, error = %failed, "the halt could not be stored; do not restart before the cause is found");
                reason.demands_pause()
            }
        };
        if demands_pause {
            self.board.demands_pause.send_replace(true);
        }
    }

    /// A submission of this relay got so many transfers handled.
    pub fn note_handled(&self, way: Way, count: u64) {
        self.metrics.handled(&self.info.id, way, count);
        self.board.handled_by.send_modify(|handled| match way {
            Way::Leader => handled.leader += count,
            Way::Rank => handled.rank += count,
            Way::Votes => handled.votes += count,
        });
    }

    /// Takes over a halt that an earlier process stored.
    pub async fn load_halt(&self) -> Result<(), StoreError> {
        let part = self.health.part(&format!("lane {}", self.info.id));
        match self.store.halted(self.info.bridge_id).await? {
            Some(halt) => {
                part.failing(format!("halted: {}", halt.reason));
                self.board.halted.send_replace(Some(halt.reason));
                self.board.demands_pause.send_replace(self.store.demands_pause(self.info.bridge_id).await?);
            }
            None => part.ok(),
        }
        Ok(())
    }

    /// The checkpoint over the first `nonce` requests, if the source has confirmed them to this relay.
    pub async fn checkpoint(
        &self,
        nonce: RequestNonce,
        operators: &MemberSet,
    ) -> Result<Option<Checkpoint>, LaneError> {
        let root: Option<Root> = self.store.confirmed_root_at(self.info.bridge_id, nonce).await?;
        Ok(root.map(|root| Checkpoint {
            bridge_id: self.info.bridge_id,
            epoch: operators.epoch,
            nonce,
            root,
        }))
    }

    /// What this lane waits for, in words, for status and log; `None` when it waits for nothing.
    pub fn waiting_for(&self) -> Option<String> {
        let destination = self.board.destination.borrow().clone();
        if destination.as_ref().is_some_and(|view| view.paused) {
            return Some("the bridge is paused".to_owned());
        }
        let unexplained = self.board.unexplained.borrow().clone();
        unexplained
            .or_else(|| self.board.source.borrow().waiting_for.clone())
            .or_else(|| self.board.destination_trouble.borrow().clone())
            .or_else(|| self.board.attest_trouble.borrow().clone())
            .or_else(|| self.board.approved.borrow().waiting_for.clone())
            .or_else(|| self.board.force_hold.borrow().text.clone())
            .or_else(|| self.board.submission.borrow().clone())
    }
}
