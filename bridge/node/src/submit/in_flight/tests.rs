//! A lane gets its pace back, whatever was reported and shown, in whatever order.

use proptest::prelude::*;

use super::super::capacity::INITIAL;
use super::*;

const COUNT: u64 = 4;

fn piece(first: u64, count: u64) -> Piece {
    let first = RequestNonce::new(first);
    Piece { first, count, checkpoint: first.plus(count) }
}

fn nonce(number: u64) -> RequestNonce {
    RequestNonce::new(number)
}

const BLOCK: BlockHeight = BlockHeight::ZERO;

#[test]
fn pieces_follow_each_other_until_as_many_wait_as_may() {
    let (mut flight, now) = (InFlight::new(2), Instant::now());
    assert!(flight.is_empty() && flight.end(nonce(3)) == nonce(3));
    flight.push(piece(3, 4), nonce(3), BLOCK);
    assert!(flight.has_room(nonce(3)));
    flight.push(piece(7, 2), nonce(3), BLOCK);
    assert_eq!(flight.end(nonce(3)), nonce(9));
    assert!(!flight.has_room(nonce(3)));
    // One that is in a block makes room, and the next one still begins behind it.
    flight.mined(piece(3, 4), now);
    assert!(flight.has_room(nonce(3)));
    assert_eq!(flight.end(nonce(3)), nonce(9));
    assert_eq!((flight.handled_end(nonce(6)), flight.handled_end(nonce(8))), (None, Some(nonce(7))));
    flight.observe(nonce(7), BLOCK, now);
    assert_eq!(flight.handled_end(nonce(9)), Some(nonce(9)), "seen before it was reported");
    flight.mined(piece(7, 2), now);
    flight.observe(nonce(9), BLOCK, now);
    assert!(flight.is_empty());
}

#[test]
fn behind_a_failure_nothing_is_sent_until_all_is_settled() {
    let (mut flight, now) = (InFlight::new(9), Instant::now());
    for first in [0, 4, 8] {
        flight.push(piece(first, 4), nonce(0), BLOCK);
    }
    flight.mined(piece(0, 4), now);
    assert!(!flight.failed(piece(4, 4)), "nothing before it has failed");
    assert!(!flight.has_room(nonce(0)));
    flight.observe(nonce(4), BLOCK, now);
    assert!(!flight.has_room(nonce(4)), "the third still needs a block");
    assert_eq!(flight.limit(nonce(4)), (1, Limit::Unsettled));
    assert!(flight.failed(piece(8, 4)), "it had to fail as well");
    assert!(flight.is_empty() && flight.has_room(nonce(4)));
    assert_eq!(flight.end(nonce(4)), nonce(4), "the contract's state decides");
}

/// What `devnet bench recovery` once showed: another relay handled the first piece, the fifteen behind it went through, and the
/// destination showed each further piece as handled before the submitter reported it. The lane stayed at one piece a block.
#[test]
fn a_view_that_is_ahead_of_the_submitter_does_not_keep_a_lane_slow() {
    let (mut flight, now) = (InFlight::new(16), Instant::now());
    for place in 0..16 {
        flight.push(piece(place * COUNT, COUNT), nonce(0), BLOCK);
    }
    flight.failed(piece(0, COUNT));
    for place in 1..16 {
        flight.mined(piece(place * COUNT, COUNT), now);
    }
    let mut handled = nonce(16 * COUNT);
    flight.observe(handled, BLOCK, now);
    for _ in 0..4 {
        let next = Piece { first: handled, count: COUNT, checkpoint: handled.plus(COUNT) };
        assert!(flight.has_room(handled));
        flight.push(next, handled, BLOCK);
        handled = next.end();
        flight.observe(handled, BLOCK, now);
        assert!(flight.has_room(handled), "what is handled needs no block");
        flight.push(Piece { first: handled, count: COUNT, checkpoint: handled.plus(COUNT) }, handled, BLOCK);
        flight.mined(next, now);
        let second = Piece { first: handled, count: COUNT, checkpoint: handled.plus(COUNT) };
        handled = second.end();
        flight.observe(handled, BLOCK, now);
        flight.mined(second, now);
        flight.observe(handled, BLOCK, now);
    }
    assert_eq!(flight.limit(handled), (16, Limit::Configured));
}

#[test]
fn what_the_destination_does_not_show_is_not_waited_for_without_end() {
    let (mut flight, now) = (InFlight::new(16), Instant::now());
    let zero = nonce(0);
    flight.push(piece(0, 4), zero, BLOCK);
    flight.mined(piece(0, 4), now);
    flight.observe(zero, BLOCK, now);
    assert!(!flight.is_empty());
    flight.observe(zero, BLOCK, now + PATIENCE);
    assert!(flight.is_empty());
    // Behind one that is not reported it is kept: what follows has to begin behind it.
    flight.push(piece(0, 4), zero, BLOCK);
    flight.push(piece(4, 4), zero, BLOCK);
    flight.mined(piece(4, 4), now);
    flight.observe(zero, BLOCK, now + 2 * PATIENCE);
    assert_eq!(flight.end(zero), nonce(8));
    flight.mined(piece(0, 4), now);
    flight.observe(zero, BLOCK, now + 2 * PATIENCE);
    assert!(flight.is_empty());
    // What needs a block is followed by the submitter, however long that takes.
    flight.push(piece(0, 4), zero, BLOCK);
    flight.observe(zero, BLOCK, now + 100 * PATIENCE);
    assert!(!flight.is_empty());
}

/// A lane with endless approved work, a chain, other relays, and everything that can come in any order.
struct World {
    flight: InFlight,
    now: Instant,
    block: u64,
    /// What the contract has handled, and what this relay was last shown of it.
    handled: u64,
    shown: u64,
    /// Sent and not executed yet, in the order of their account nonces.
    pool: VecDeque<Piece>,
    /// Executed and not reported, with whether it did what it should.
    unreported: Vec<(Piece, bool)>,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The lane sends as long as it may.
    Send,
    /// A block takes so many of the transactions that wait.
    Block(usize),
    /// The submitter reports one of the outcomes that it knows.
    Report(usize),
    /// The destination's view is up to date.
    Show,
    /// Another relay handles so many requests.
    Others(u64),
    /// A block takes a transaction, and it reverts although it should not have.
    Revert,
    /// A node forgets one of the transactions, and will never take it.
    Drop(usize),
    /// A reorg takes back so many requests that were handled.
    Reorg(u64),
    /// Time goes on.
    Wait,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Send),
        4 => (0usize..40).prop_map(Event::Block),
        8 => (0usize..8).prop_map(Event::Report),
        6 => Just(Event::Show),
        1 => (1u64..40).prop_map(Event::Others),
        1 => Just(Event::Revert),
        1 => (0usize..8).prop_map(Event::Drop),
        1 => (1u64..20).prop_map(Event::Reorg),
        1 => Just(Event::Wait),
    ]
}

impl World {
    fn new(most: usize) -> Self {
        let flight = InFlight::new(most);
        let (pool, unreported) = (VecDeque::new(), Vec::new());
        Self { flight, now: Instant::now(), block: 0, handled: 0, shown: 0, pool, unreported }
    }

    fn send(&mut self) {
        while self.flight.has_room(nonce(self.shown)) {
            let first = self.flight.end(nonce(self.shown));
            let next = Piece { first, count: COUNT, checkpoint: first.plus(COUNT) };
            self.flight.push(next, nonce(self.shown), BlockHeight::new(self.block));
            self.pool.push_back(next);
        }
    }

    /// As the contract does it: what is handled is skipped, a gap reverts, and so does what is wholly handled.
    fn execute(&mut self, piece: Piece) {
        let done = piece.first.get() <= self.handled && self.handled < piece.end().get();
        if done {
            self.handled = piece.end().get();
        }
        self.unreported.push((piece, done));
    }

    fn report(&mut self, place: usize) {
        if self.unreported.is_empty() {
            return;
        }
        let (piece, done) = self.unreported.remove(place % self.unreported.len());
        match done {
            true => self.flight.mined(piece, self.now),
            false => {
                self.flight.failed(piece);
            }
        }
    }

    fn show(&mut self) {
        self.shown = self.handled;
        self.flight.observe(nonce(self.shown), BlockHeight::new(self.block), self.now);
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Send => self.send(),
            Event::Block(most) => {
                self.block += 1;
                for _ in 0..most {
                    let Some(piece) = self.pool.pop_front() else { break };
                    self.execute(piece);
                }
            }
            Event::Report(place) => self.report(place),
            Event::Show => self.show(),
            Event::Others(count) => self.handled += count,
            Event::Revert => {
                let reverted = self.pool.pop_front();
                self.unreported.extend(reverted.map(|piece| (piece, false)));
            }
            Event::Drop(place) if place < self.pool.len() => {
                let dropped = self.pool.remove(place);
                self.unreported.extend(dropped.map(|piece| (piece, false)));
            }
            Event::Drop(_) => {}
            Event::Reorg(count) => self.handled = self.handled.saturating_sub(count),
            Event::Wait => self.now += PATIENCE,
        }
    }

    /// A block that takes everything, after which all is reported and shown.
    fn calm_round(&mut self) {
        self.send();
        self.apply(Event::Block(usize::MAX));
        while !self.unreported.is_empty() {
            self.report(0);
        }
        // What a reorg took back is given up with patience.
        self.now += PATIENCE;
        self.show();
    }
}

proptest! {
    #[test]
    fn a_lane_gets_its_pace_back_after_anything(
        most in 1usize..64, events in proptest::collection::vec(event(), 0..200),
    ) {
        let mut world = World::new(most);
        for event in events {
            world.apply(event);
            let (handled, flight) = (nonce(world.shown), &world.flight);
            let (limit, reason) = flight.limit(handled);
            prop_assert!((1..=most).contains(&limit) || reason == Limit::Unsettled);
            // Below its limit a lane with work sends, unless what is behind a failure is not settled, and says so.
            prop_assert_eq!(
                flight.has_room(handled), reason != Limit::Unsettled && flight.waiting(handled) < limit
            );
            if reason == Limit::Unsettled {
                prop_assert!(!world.pool.is_empty() || !world.unreported.is_empty(), "nothing is left to settle it");
            }
        }
        // One round settles what was left; then each round doubles it.
        let rounds = 2 + most.min(INITIAL).ilog2() as usize;
        (0..=rounds).for_each(|_| world.calm_round());
        let (limit, reason) = world.flight.limit(nonce(world.shown));
        prop_assert!(limit >= most.min(INITIAL), "{limit} of {most}: {reason}");
        let before = world.handled;
        world.calm_round();
        prop_assert_eq!(world.handled - before, limit as u64 * COUNT, "the whole depth is used");
    }

    #[test]
    fn the_depth_follows_a_chain_that_takes_more(most in 16usize..300) {
        let mut world = World::new(most);
        (0..6).for_each(|_| world.calm_round());
        prop_assert_eq!(world.flight.limit(nonce(world.shown)), (most, Limit::Configured));
    }
}
