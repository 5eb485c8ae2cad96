//! What is known of a lane.

use polyspan_types::{BlockHeight, RequestNonce};

use crate::{NonceRange, NonceSet};

/// Everything that a plan rests on. What cannot be seen is `None`.
#[derive(Debug, Clone, Default)]
pub struct LaneFacts {
    /// The source.
    pub source: Option<SourceFacts>,
    /// The destination.
    pub destination: Option<DestinationFacts>,
    /// The store of this relay; `None` where no relay has one.
    pub store: Option<StoreFacts>,
    /// Requests that a checkpoint covers which any operator signed.
    pub attested: RequestNonce,
    /// Requests that a checkpoint covers which a threshold of them signed.
    pub approved: RequestNonce,
    /// `handleNonce` at the last look; `None` when this is the first.
    pub previous: Option<RequestNonce>,
    /// Why this relay has halted the lane.
    pub halted: Option<String>,
    /// Handled requests over which the roots of both ends are known to be the same. Above it nothing is called paid.
    pub compared: RequestNonce,
    /// Why what the destination handled above that is not what was requested, if it is not.
    pub dispute: Option<String>,
}

/// The source.
#[derive(Debug, Clone, Copy)]
pub struct SourceFacts {
    /// `requestNonce` at the newest block.
    pub requested: RequestNonce,
    /// `requestNonce` at the final block.
    pub final_nonce: RequestNonce,
    /// The final block.
    pub final_block: BlockHeight,
    /// It takes no requests.
    pub paused: bool,
}

/// The destination.
#[derive(Debug, Clone)]
pub struct DestinationFacts {
    /// `handleNonce` at the newest block.
    pub handled: RequestNonce,
    /// `handleNonce` at the final block; never above the newest.
    pub final_handled: RequestNonce,
    /// `recoveryBlockNumber` at the final block: the source's block of the last request handled there.
    pub recovery_block: BlockHeight,
    /// It pays nothing.
    pub paused: bool,
    /// What is on hold.
    pub held: NonceSet,
}

/// The store.
#[derive(Debug, Clone, Default)]
pub struct StoreFacts {
    /// The source's block from which on nothing was read; `None` while the store does not know where the lane begins.
    pub read_from: Option<BlockHeight>,
    /// The first nonce after everything that was read. A request below it that is not stored is a hole.
    pub next: RequestNonce,
    /// Requests that the source's root has confirmed.
    pub verified: RequestNonce,
    /// Stored requests that are not handled; it does not matter which of the handled ones are among them.
    pub stored: NonceSet,
    /// Handled requests of which the store tells how they ended.
    pub told: NonceRange,
    /// Of those, what is on hold as far as the store knows.
    pub held: NonceSet,
    /// Of those, what was on hold and is paid.
    pub released: NonceSet,
    /// Of those, what was on hold and went back.
    pub refunded: NonceSet,
    /// Of those, what was on hold and was written off.
    pub written_off: NonceSet,
    /// What a transaction of this relay handles that is in no block yet.
    pub submitted: NonceSet,
}

impl LaneFacts {
    /// The first nonce that is not handled, as far as can be seen.
    pub(super) fn handled(&self) -> RequestNonce {
        match (&self.destination, &self.store) {
            (Some(destination), _) => destination.handled,
            (None, Some(store)) => store.told.end,
            (None, None) => RequestNonce::ZERO,
        }
    }

    /// Requests in final blocks, as far as can be seen: without the source those that were read, for only such are.
    pub(super) fn final_nonce(&self) -> RequestNonce {
        match &self.source {
            Some(source) => source.final_nonce,
            None => self.store.as_ref().map_or(RequestNonce::ZERO, |store| store.next),
        }
    }

    /// Requests that there are, as far as can be seen. An end that is behind does not hide what the other has.
    pub(super) fn requested(&self) -> RequestNonce {
        let source =
            self.source.map_or(RequestNonce::ZERO, |source| source.requested.max(source.final_nonce));
        let read = self.store.as_ref().map_or(RequestNonce::ZERO, |store| store.next);
        source.max(read).max(self.handled())
    }

    /// What must be read so that the lane can go on: final requests that are not handled and not stored. A store that is behind the
    /// destination needs what lies between as well, for its root is made of all of them.
    pub(super) fn missing(&self) -> NonceSet {
        let (Some(_), Some(destination), Some(store)) = (&self.source, &self.destination, &self.store) else {
            return NonceSet::EMPTY;
        };
        let from = match store.read_from {
            Some(_) => destination.handled.min(store.next),
            None => destination.final_handled,
        };
        store.stored.lacks(NonceRange::new(from, self.final_nonce()))
    }

    /// Where reading must begin so that it meets everything in `missing`; `None` when that cannot be told.
    pub(super) fn refilter_from(&self, missing: &NonceSet) -> Option<BlockHeight> {
        let (destination, store) = (self.destination.as_ref()?, self.store.as_ref()?);
        let is_hole = missing.first()? < store.next;
        match store.read_from {
            // The cursor has passed over no other request.
            Some(read_from) if !is_hole => Some(read_from),
            // Inclusive: the block of the last handled request may hold the next one too.
            _ => Some(destination.recovery_block),
        }
    }
}
