//! What can go wrong on a lane, and what happens next.

use std::time::Duration;

use crate::keys::SignError;
use polyspan_chain::ChainError;
use polyspan_coordination::CoordinationError;
use polyspan_store::StoreError;
use polyspan_types::{
    BlockHeight, BlockRef, BridgeId, Classify, ErrorClass, LaneId, Leaf, PackError, RequestNonce, Root,
};

/// Wait before a broken store or coordinator is tried again.
const PASSING_RETRY: Duration = Duration::from_secs(5);
/// Wait before a store that a person must mend is compared again.
const MENDED_RETRY: Duration = Duration::from_secs(60);

/// A failed step of one of a lane's tasks.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The chain did not answer, or not usefully.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coordinator.
    #[error(transparent)]
    Coordination(#[from] CoordinationError),
    /// The contract at the configured address belongs to another bridge.
    #[error(
        "the bridge contract on chain {chain} has bridge id {found} for lane {lane}, the deployment file says {expected}; correct the deployment file"
    )]
    OtherBridge {
        /// The lane.
        lane: LaneId,
        /// Where the contract is.
        chain: String,
        /// Computed from the deployment file.
        expected: BridgeId,
        /// What the contract says.
        found: BridgeId,
    },
    /// The bridge's thresholds may be as low as one, and the config does not accept that.
    #[error(
        "the bridge of lane {lane} on chain {chain} was deployed with the development flag; set relay.accept_development = true if nothing is at stake"
    )]
    Development {
        /// The lane.
        lane: LaneId,
        /// Where the contract is.
        chain: String,
    },
    /// The chain's final block is older than the wiring of the bridge.
    #[error(
        "the bridge on chain {chain} is not wired yet at final block {block}; waiting for the wiring to become final"
    )]
    NotWired {
        /// The chain.
        chain: String,
        /// Its final block.
        block: BlockHeight,
    },
    /// Contiguous numbers prove that the endpoint left a log out.
    #[error(
        "endpoint of chain {chain} left out the log of request {expected} (blocks {from} to {to} begin at request {found}); waiting until it serves it"
    )]
    HiddenLog {
        /// The chain.
        chain: String,
        /// The number that must come next.
        expected: RequestNonce,
        /// The number that came.
        found: RequestNonce,
        /// First block asked.
        from: BlockHeight,
        /// Last block asked.
        to: BlockHeight,
    },
    /// The destination has handled what the source does not have in a final block.
    #[error(
        "the destination has handled {handled} requests and the source has {found} at final block {block} of chain {chain}: its final block or its endpoints lag; waiting until it has them (if it never does, something was handled that nobody requested: runbook: root differs at the destination)"
    )]
    SourceBehind {
        /// The source.
        chain: String,
        /// Requests at its final block.
        found: RequestNonce,
        /// What the lane begins at.
        handled: RequestNonce,
        /// Where it was asked.
        block: BlockHeight,
    },
    /// What the logs say is not what the source contract holds.
    #[error(transparent)]
    RootMismatch(Box<RootMismatch>),
    /// The chain contradicts what it called final.
    #[error(
        "finality violated on chain {chain}: block {height} was final with hash {stored} and now has {found}; find out which is true before the lane is resumed (runbook: finality violated)"
    )]
    FinalityViolated {
        /// The chain.
        chain: String,
        /// Height of the block.
        height: BlockHeight,
        /// Hash as stored when it was final.
        stored: alloy::primitives::B256,
        /// Hash now.
        found: alloy::primitives::B256,
    },
    /// The destination paid something else than was requested.
    #[error(
        "the destination's root at nonce {nonce} is {found}, requests hash to {own}: something was handled that nobody requested (runbook: root differs at the destination)"
    )]
    DestinationRoot {
        /// The destination's handle nonce.
        nonce: RequestNonce,
        /// Our own root there.
        own: Root,
        /// The contract's.
        found: Root,
    },
    /// The destination has handled what was not requested, and the source cannot be behind.
    #[error(
        "the destination on chain {chain} has handled {handled} requests at final block {block}, and chain {source_chain}, with {requested} at its \
         own, does not have the last of them: something was handled that nobody requested (runbook: root differs at the destination)"
    )]
    HandledUnrequested {
        /// The destination.
        chain: String,
        /// Requests that it has handled.
        handled: RequestNonce,
        /// Its final block.
        block: BlockHeight,
        /// The source.
        source_chain: String,
        /// Requests at its final block.
        requested: RequestNonce,
    },
    /// Contiguous numbers prove that the endpoint left out a payment's log.
    #[error(
        "endpoint of chain {chain} left out the log of handled nonce {expected} up to block {to}; waiting until it serves it"
    )]
    HiddenOutcome {
        /// The chain.
        chain: String,
        /// The number that must come next.
        expected: RequestNonce,
        /// Last block asked.
        to: BlockHeight,
    },
    /// The contract's count of holds proves that the endpoint left out the log of one, or of its end.
    #[error(
        "endpoint of chain {chain} left out the log of a hold or of its end up to block {to}: {known} holds are known, the bridge has {expected}; waiting until it serves it"
    )]
    HiddenHold {
        /// The chain.
        chain: String,
        /// Holds of the logs that were served.
        known: u64,
        /// Holds that the contract counts.
        expected: u64,
        /// Last block asked.
        to: BlockHeight,
    },
    /// The endpoint is behind what it said before.
    #[error(
        "final block {found} of chain {chain} is below {cursor}, which was final before; waiting until the endpoint has caught up"
    )]
    Behind {
        /// The chain.
        chain: String,
        /// Its final block now.
        found: BlockHeight,
        /// Where this relay is.
        cursor: BlockHeight,
    },
    /// The block whose state should have proved what was read was replaced meanwhile, as newest blocks are now and then.
    #[error(
        "block {block} of chain {chain} was replaced while what lies below it was read; reading up to another one"
    )]
    WitnessReplaced {
        /// The chain.
        chain: String,
        /// The block.
        block: BlockRef,
    },
    /// The endpoint does not know a block that it must know.
    #[error("endpoint of chain {chain} does not know block {height}, which was final; waiting until it does")]
    MissingBlock {
        /// The chain.
        chain: String,
        /// The block.
        height: BlockHeight,
    },
    /// The store has another request than the source.
    #[error(
        "lane {lane}: the store holds another request {nonce} (leaf {own}) than the source (leaf {found}); stop the relay and read the lane anew with `polyspan store repair --lane {lane}` (runbook: the store lacks requests)"
    )]
    StoredDiffers {
        /// The lane.
        lane: LaneId,
        /// The request.
        nonce: RequestNonce,
        /// Its leaf in the store.
        own: Leaf,
        /// Its leaf on the source.
        found: Leaf,
    },
    /// Requests were read again and told wrong, by a quorum and by each endpoint, or the store holds something else.
    #[error("{wrong}")]
    ReadAgain {
        /// What is wrong.
        #[source]
        wrong: Box<Self>,
        /// The wait before they are read once more.
        after: Duration,
    },
    /// The attester key has no vote.
    #[error(
        "attester {attester} is not an operator of lane {lane} (epoch {epoch}); have the governors add it, or use the right key"
    )]
    NotOperator {
        /// The lane.
        lane: LaneId,
        /// The key's address.
        attester: alloy::primitives::Address,
        /// Epoch of the contract.
        epoch: u64,
    },
    /// Requests that no source accepts, so the store is damaged.
    #[error(
        "requests from {first} on cannot be handled: {error}; read the lane anew with `polyspan store repair`"
    )]
    Unpackable {
        /// The first of them.
        first: RequestNonce,
        /// Why.
        #[source]
        error: PackError,
    },
    /// The attester key gave no signature.
    #[error(transparent)]
    Signer(#[from] SignError),
}

impl LaneError {
    /// Whether what a quorum told of the source's requests is proved to be incomplete or wrong, so that each endpoint is worth asking.
    pub(crate) const fn doubts_quorum(&self) -> bool {
        matches!(
            self,
            Self::HiddenLog { .. } | Self::RootMismatch(_) | Self::Store(StoreError::HoleDiffers { .. })
        )
    }

    /// Whether the store is not as what was read again expects it, so that both have to be compared anew.
    pub(crate) fn is_of_the_store(&self) -> bool {
        match self {
            Self::ReadAgain { wrong, .. } => wrong.is_of_the_store(),
            other => matches!(
                other,
                Self::StoredDiffers { .. }
                    | Self::Store(StoreError::HoleDiffers { .. } | StoreError::NonceOverlap { .. })
            ),
        }
    }

    /// Whether value may be leaving the destination that nobody requested, so that it is to be paused.
    pub(crate) const fn demands_pause(&self) -> bool {
        matches!(self, Self::DestinationRoot { .. } | Self::HandledUnrequested { .. })
    }

    /// Whether the destination's logs turned out to be incomplete: what was stored of them has to be read again.
    pub(crate) const fn is_hidden_outcome(&self) -> bool {
        matches!(
            self,
            Self::HiddenOutcome { .. }
                | Self::HiddenHold { .. }
                | Self::Store(StoreError::UnknownHold { .. })
        )
    }
}

/// Both roots, and where the source's was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "root mismatch on chain {chain}: own root over {own_nonce} requests is {own}, the source holds {found} over {found_nonce} at block {block}; nothing is signed until the endpoint serves the true logs{}",
    if *.base_unproved { ", or the destination has handled what nobody requested (runbook: root differs at the destination)" } else { "" }
)]
pub struct RootMismatch {
    /// The chain.
    pub chain: String,
    /// Requests in the own root.
    pub own_nonce: RequestNonce,
    /// The own root.
    pub own: Root,
    /// Requests in the source's root.
    pub found_nonce: RequestNonce,
    /// The source's root.
    pub found: Root,
    /// Where it was read.
    pub block: BlockRef,
    /// Whether what the lane began at, by the destination's word, was never proved by the source.
    pub base_unproved: bool,
}

impl Classify for LaneError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Chain(error) => error.class(),
            // The chain took back what was final, seen by the store first.
            Self::Store(StoreError::CursorBack { .. }) => ErrorClass::Halt,
            // Only a person can mend it, and each try reads the source again.
            Self::Store(StoreError::HoleDiffers { .. }) | Self::StoredDiffers { .. } => {
                ErrorClass::Retry { after: MENDED_RETRY }
            }
            // A lane halts for what a chain did, and stays so. What ails the disk or the coordinator heals or is mended
            // by a person without a word to the lane, and the coordinator is not trusted to stop anything.
            Self::Store(error) => passing(error.class()),
            Self::Coordination(error) => passing(error.class()),
            Self::ReadAgain { wrong, after } => match wrong.class() {
                ErrorClass::Retry { after: own } => ErrorClass::Retry { after: own.max(*after) },
                other => other,
            },
            Self::FinalityViolated { .. }
            | Self::DestinationRoot { .. }
            | Self::HandledUnrequested { .. } => ErrorClass::Halt,
            // A node that is still syncing, or another network for a moment, shows the same; nothing is signed meanwhile.
            Self::OtherBridge { .. } | Self::Development { .. } => ErrorClass::Retry { after: PASSING_RETRY },
            Self::NotWired { .. }
            | Self::HiddenLog { .. }
            | Self::SourceBehind { .. }
            | Self::RootMismatch(_)
            | Self::HiddenOutcome { .. }
            | Self::HiddenHold { .. }
            | Self::Behind { .. }
            | Self::WitnessReplaced { .. }
            | Self::MissingBlock { .. }
            | Self::NotOperator { .. }
            | Self::Unpackable { .. }
            | Self::Signer(_) => ErrorClass::RETRY,
        }
    }
}

/// Halts of a seam that must not outlive the process are waited out.
fn passing(class: ErrorClass) -> ErrorClass {
    if class == ErrorClass::Halt { ErrorClass::Retry { after: PASSING_RETRY } } else { class }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_chain_did_halts_a_lane() {
        let closed = LaneError::from(StoreError::Closed { path: "s".into() });
        assert_eq!(closed.class(), ErrorClass::Retry { after: PASSING_RETRY });
        let (lane, at) = (BridgeId(Default::default()), |height| BlockRef {
            height: BlockHeight::new(height),
            hash: Default::default(),
        });
        let back = StoreError::CursorBack { lane, stored: at(2), refused: at(1) };
        assert_eq!(LaneError::from(back).class(), ErrorClass::Halt);
    }
}
