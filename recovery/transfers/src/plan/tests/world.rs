//! Lanes as they can be: requests in blocks, a destination that is behind, and a store that is behind or full of holes.

use std::collections::BTreeSet;

use polyspan_types::{BlockHeight, RequestNonce};
use proptest::prelude::*;

use crate::{DestinationFacts, LaneFacts, NonceRange, NonceSet, SourceFacts, StoreFacts};

/// Where the source's bridge was deployed.
const DEPLOYED: u64 = 10;

#[derive(Debug, Clone)]
pub struct World {
    /// Block of each request, in order; several can share one.
    blocks: Vec<u64>,
    final_block: u64,
    handled: u64,
    final_handled: u64,
    previous: Option<u64>,
    /// The store has begun at this many requests; `None` for an empty one.
    base: Option<u64>,
    /// The last block that the store has read.
    cursor: Option<u64>,
    /// Of what it has read, what it has lost.
    holes: BTreeSet<u64>,
    held: BTreeSet<u64>,
    attested: u64,
    approved: u64,
    submitted: (u64, u64),
}

fn nonce(value: u64) -> RequestNonce {
    RequestNonce::new(value)
}

fn set(nonces: impl IntoIterator<Item = u64>) -> NonceSet {
    nonces.into_iter().map(nonce).collect()
}

impl World {
    /// Requests in blocks up to this one.
    fn up_to(&self, block: u64) -> u64 {
        self.blocks.partition_point(|height| *height <= block) as u64
    }

    fn requested(&self) -> u64 {
        self.blocks.len() as u64
    }

    fn final_nonce(&self) -> u64 {
        self.up_to(self.final_block)
    }

    /// `recoveryBlockNumber` after so many requests.
    fn recovery_block(&self, handled: u64) -> u64 {
        handled.checked_sub(1).map_or(DEPLOYED, |last| self.block(last))
    }

    /// The first nonce that the store has not read.
    fn next(&self) -> u64 {
        let read = self.cursor.map_or(0, |cursor| self.up_to(cursor));
        self.base.map_or(0, |base| base.max(read))
    }

    fn stored(&self) -> impl Iterator<Item = u64> {
        let base = self.base.unwrap_or_default();
        (base..self.next()).filter(|nonce| !self.holes.contains(nonce))
    }

    pub fn block(&self, nonce: u64) -> u64 {
        self.blocks[usize::try_from(nonce).unwrap()]
    }

    pub fn is_standing(&self) -> bool {
        self.final_nonce() > self.handled && self.previous.is_none_or(|previous| previous == self.handled)
    }

    /// Final, not handled, not stored; and what a store needs to come up to the destination.
    pub fn missing(&self) -> NonceSet {
        let stored: BTreeSet<_> = self.stored().collect();
        let from = match self.base {
            Some(_) => self.handled.min(self.next()),
            None => self.final_handled,
        };
        set((from..self.final_nonce()).filter(|nonce| !stored.contains(nonce)))
    }

    pub fn unseen(&self) -> NonceSet {
        let stored: BTreeSet<_> = self.stored().collect();
        set((self.handled..self.final_nonce()).filter(|nonce| !stored.contains(nonce)))
    }

    pub fn held(&self) -> NonceSet {
        set(self.held.iter().copied().filter(|nonce| *nonce < self.handled))
    }

    /// As it is once all is handled and nothing is on hold.
    pub fn even(mut self) -> Self {
        self.final_block = self.blocks.last().copied().unwrap_or(DEPLOYED);
        (self.handled, self.final_handled) = (self.requested(), self.requested());
        self.held.clear();
        self
    }

    /// As it is once the store has read everything and lost nothing.
    pub fn complete(mut self) -> Self {
        self.base = self.base.or(Some(self.final_handled));
        self.cursor = Some(self.final_block);
        self.holes.clear();
        self
    }

    pub fn facts(&self) -> LaneFacts {
        let begin = self.base.map(|base| self.recovery_block(base));
        let read_from = begin.map(|begin| self.cursor.map_or(begin, |cursor| begin.max(cursor + 1)));
        LaneFacts {
            source: Some(SourceFacts {
                requested: nonce(self.requested()),
                final_nonce: nonce(self.final_nonce()),
                final_block: BlockHeight::new(self.final_block),
                paused: false,
            }),
            destination: Some(DestinationFacts {
                handled: nonce(self.handled),
                final_handled: nonce(self.final_handled),
                recovery_block: BlockHeight::new(self.recovery_block(self.final_handled)),
                paused: false,
                held: self.held(),
            }),
            store: Some(StoreFacts {
                read_from: read_from.map(BlockHeight::new),
                next: nonce(self.next()),
                verified: nonce(self.next()),
                stored: set(self.stored()),
                told: NonceRange::new(nonce(self.base.unwrap_or_default()), nonce(self.final_handled)),
                submitted: [NonceRange::new(nonce(self.submitted.0), nonce(self.submitted.1))]
                    .into_iter()
                    .collect(),
                ..StoreFacts::default()
            }),
            attested: nonce(self.attested),
            approved: nonce(self.approved),
            previous: self.previous.map(nonce),
            halted: None,
            compared: nonce(self.handled),
            dispute: None,
        }
    }
}

prop_compose! {
    /// A lane that can be. The store is never ahead of the source's final block.
    pub fn world()(gaps in proptest::collection::vec(0u64..4, 0..40))(
        final_after in 0u64..140,
        handled in 0..=gaps.len() as u64,
        final_share in 0u64..=4,
        base_share in proptest::option::weighted(0.8, 0u64..=4),
        cursor_share in proptest::option::weighted(0.8, 0u64..=4),
        is_first in any::<bool>(),
        moved in 0u64..3,
        holes in proptest::collection::btree_set(0u64..40, 0..6),
        held in proptest::collection::btree_set(0u64..40, 0..6),
        attested in 0u64..50,
        approved in 0u64..50,
        submitted in (0u64..40, 0u64..40),
        gaps in Just(gaps),
    ) -> World {
        let blocks: Vec<u64> = gaps.iter().scan(DEPLOYED, |block, gap| { *block += gap; Some(*block) }).collect();
        let mut world = World {
            final_block: DEPLOYED + final_after, blocks, handled: 0, final_handled: 0, previous: None, base: None, cursor: None,
            holes, held, attested, approved, submitted,
        };
        world.handled = handled.min(world.final_nonce());
        world.final_handled = world.handled * final_share / 4;
        world.previous = (!is_first).then(|| world.handled.saturating_sub(moved));
        world.base = base_share.map(|share| world.final_handled * share / 4);
        world.cursor = cursor_share.filter(|_| world.base.is_some()).and_then(|share| {
            let begin = world.recovery_block(world.base.unwrap_or_default());
            let ahead = world.final_block.checked_sub(begin)?;
            Some(begin + ahead * share / 4)
        });
        world
    }
}

fn any_set() -> impl Strategy<Value = NonceSet> {
    proptest::collection::vec((0u64..60, 0u64..60), 0..6).prop_map(|ranges| {
        ranges.into_iter().map(|(first, end)| NonceRange::new(nonce(first), nonce(end))).collect()
    })
}

prop_compose! {
    fn any_source()(requested in 0u64..60, final_nonce in 0u64..60, height in 0u64..90, paused in any::<bool>()) -> SourceFacts {
        SourceFacts {
            requested: nonce(requested), final_nonce: nonce(final_nonce), final_block: BlockHeight::new(height), paused,
        }
    }
}

prop_compose! {
    fn any_destination()(
        handled in 0u64..60, final_handled in 0u64..60, block in 0u64..90, paused in any::<bool>(), held in any_set(),
    ) -> DestinationFacts {
        DestinationFacts {
            handled: nonce(handled), final_handled: nonce(final_handled), recovery_block: BlockHeight::new(block), paused, held,
        }
    }
}

prop_compose! {
    fn any_store()(
        read_from in proptest::option::of(0u64..90), next in 0u64..60, verified in 0u64..60, told in (0u64..60, 0u64..60),
        stored in any_set(), held in any_set(), released in any_set(), refunded in any_set(), written_off in any_set(),
        submitted in any_set(),
    ) -> StoreFacts {
        StoreFacts {
            read_from: read_from.map(BlockHeight::new), next: nonce(next), verified: nonce(verified),
            told: NonceRange::new(nonce(told.0), nonce(told.1)), stored, held, released, refunded, written_off,
            submitted,
        }
    }
}

prop_compose! {
    /// Facts that need not fit together: ends at different moments, an endpoint that is behind, a damaged store.
    pub fn anything()(
        source in proptest::option::of(any_source()), destination in proptest::option::of(any_destination()),
        store in proptest::option::of(any_store()), attested in 0u64..60, approved in 0u64..60,
        previous in proptest::option::of(0u64..60), halted in any::<bool>(), compared in 0u64..60, dispute in any::<bool>(),
    ) -> LaneFacts {
        LaneFacts {
            source, destination, store, attested: nonce(attested), approved: nonce(approved), previous: previous.map(nonce),
            halted: halted.then(|| "why".to_owned()), compared: nonce(compared), dispute: dispute.then(|| "why".to_owned()),
        }
    }
}
