//! A lane over which anything may have gone is right; any one thing altered in it is found and named.

mod world;

use alloy::primitives::{Address, B256, U256};
use polyspan_types::{HoldEnd, Leaf, RequestNonce, Root};
use proptest::prelude::*;

use crate::{Books, Counters, DifferenceKind, Judged, Open};
use world::{Fate, MINTED, TOKEN, World};

/// What went over the lane in the plain tests: 0 and 1 paid, 2 held, 3 released, 4 refunded, 5 paid, 6 in flight.
const FATES: [Fate; 7] =
    [Fate::Paid, Fate::Paid, Fate::Held, Fate::Released, Fate::Refunded, Fate::Paid, Fate::InFlight];

fn world() -> World {
    World::new(&FATES, 3)
}

#[track_caller]
fn assert_found(world: &World, kind: DifferenceKind, nonce: u64, words: &str) {
    let found = world.judge().unwrap_err();
    assert_eq!((found.kind, found.nonce), (kind, RequestNonce::new(nonce)), "{found}");
    assert!(found.to_string().contains(words), "{found}");
}

#[test]
fn what_is_right_is_counted() {
    let figures = world().judge().unwrap();
    assert_eq!((figures.requested, figures.handled), (RequestNonce::new(7), RequestNonce::new(6)));
    assert_eq!((figures.paid, figures.released, figures.refunded, figures.on_hold), (3, 1, 1, 1));
    assert_eq!((figures.in_flight, figures.held), (vec![U256::from(106)], vec![U256::from(102)]));
    assert_eq!(World::new(&[], 1).judge().unwrap().requested, RequestNonce::ZERO);
}

#[test]
fn an_altered_request_shows_in_the_root_and_a_missing_one_in_the_numbers() {
    let mut altered = world();
    altered.requests[1].transfer.value += U256::ONE;
    assert_found(&altered, DifferenceKind::DestinationRoot, 6, "the source's logs hash to");
    let mut late = world();
    late.requests[6].transfer.to = Address::repeat_byte(9);
    assert_found(&late, DifferenceKind::SourceRoot, 7, "its logs hash to");
    let mut missing = world();
    missing.requests.remove(1);
    assert_found(&missing, DifferenceKind::RequestGap, 1, "go on with request 2");
    let mut short = world();
    short.requests.pop();
    assert_found(&short, DifferenceKind::RequestGap, 6, "have 6 requests, its state 7");
}

#[test]
fn an_altered_root_names_the_nonce_that_it_stands_at() {
    let mut destination = world();
    destination.cut.handle_root = Root(B256::ZERO);
    assert_found(&destination, DifferenceKind::DestinationRoot, 6, &format!("token {TOKEN}"));
    let mut source = world();
    source.cut.request_root = Root(B256::ZERO);
    assert_found(&source, DifferenceKind::SourceRoot, 7, "the source holds root 0x00");
    let mut unrequested = world();
    unrequested.cut.handle_nonce = RequestNonce::new(8);
    assert_found(&unrequested, DifferenceKind::NeverRequested, 7, "has handled 8 requests, the source has 7");
}

#[test]
fn a_handle_that_is_missing_or_too_much_is_named() {
    let mut gap = World::new(&FATES, 2);
    gap.leave_out(1);
    assert_found(&gap, DifferenceKind::HandleGap, 2, "go on with 4 to 6");
    let mut short = world();
    short.cut.handle_nonce = RequestNonce::new(5);
    short.cut.handle_root = short.root_at(5);
    assert_found(&short, DifferenceKind::HandleGap, 5, "its state up to 5");
    let mut long = world();
    long.cut.handle_nonce = RequestNonce::new(7);
    long.cut.handle_root = long.cut.request_root;
    assert_found(&long, DifferenceKind::HandleGap, 6, "handle up to 6, its state up to 7");
}

#[test]
fn a_payment_that_is_less_missing_elsewhere_or_twice_is_named() {
    let mut less = world();
    less.paid_of(1).amount -= U256::ONE;
    assert_found(&less, DifferenceKind::Payment, 1, "asks for 101 smallest units");
    assert_found(&less, DifferenceKind::Payment, 1, "pays 100 smallest units");
    let mut elsewhere = world();
    elsewhere.paid_of(5).to = Address::repeat_byte(9);
    assert_found(&elsewhere, DifferenceKind::Payment, 5, &format!("token {MINTED}"));
    assert_found(&elsewhere, DifferenceKind::Payment, 5, "pays the recipient nothing of it");
    let mut twice = world();
    let again = *twice.paid_of(3);
    let tx_hash = twice.tx_of(3);
    twice.payouts.entry(tx_hash).or_default().push(again);
    assert_found(&twice, DifferenceKind::Unasked, 3, "also pays 103");
}

#[test]
fn without_traces_native_currency_is_counted_as_not_looked_at() {
    let mut world = world();
    world.pairs[0].destination = Address::ZERO;
    world.pairs[0].kind = polyspan_types::Kind::Native;
    world.payouts.clear();
    assert_found(&world, DifferenceKind::Payment, 0, "native currency");
    world.traced = false;
    let counted = |world: &World| {
        let figures = world.judge().unwrap();
        [figures.by_logs, figures.by_traces, figures.by_balances, figures.unchecked]
    };
    assert_eq!(counted(&world), [0, 0, 0, 4]);
    // Balances prove what an account got.
    world.rose.insert(world.requests[0].transfer.to);
    let proved = counted(&world);
    assert_eq!((proved[0], proved[1], proved[2] + proved[3]), (0, 0, 4));
    assert!(proved[2] > 0, "{proved:?}");
    assert_eq!(counted(&self::world()), [4, 0, 0, 0], "tokens have logs");
    let mut gone = self::world();
    gone.pairs.clear();
    gone.payouts.clear();
    assert_eq!(gone.judge().unwrap().unchecked, 4);
}

#[test]
fn holds_and_their_ends_must_be_of_the_request_and_once() {
    let mut other = world();
    other.held_of(2).leaf = Leaf(B256::ZERO);
    assert_found(&other, DifferenceKind::Hold, 2, "is of another request");
    let mut elsewhere = world();
    elsewhere.held_of(2).tx_hash = B256::ZERO;
    assert_found(&elsewhere, DifferenceKind::Hold, 2, "does not handle it");
    let mut nobody = world();
    nobody.ending_of(3).end = HoldEnd::Released { to: Address::repeat_byte(9) };
    assert_found(&nobody, DifferenceKind::Ending, 3, "released it to");
    let mut refund = world();
    refund.back[0].transfer.value += U256::ONE;
    assert_found(&refund, DifferenceKind::Ending, 4, "does not pay it back");
    let mut twice = world();
    let ending = *twice.ending_of(3);
    let again = world::ended_in(&mut twice, ending);
    again.endings.push(ending);
    assert_found(&twice, DifferenceKind::Ending, 3, "is not on hold");
    let mut count = world();
    count.cut.held_count = 0;
    assert_found(
        &count,
        DifferenceKind::HeldCount,
        2,
        "1 requests are on hold on the destination, by its state 0",
    );
}

#[test]
fn a_refund_of_nothing_is_named() {
    let mut world = world();
    world.requests[0].transfer.kind = world.requests[0].transfer.kind.refund();
    world.restate();
    assert_found(&world, DifferenceKind::Ending, 0, "refunds 0 holds");
}

fn counters(chain: &str, mints: bool) -> Counters {
    Counters { chain: chain.to_owned(), token: TOKEN, mints, ..Counters::default() }
}

/// 70 of the main chain's token are locked: 40 minted, 20 in flight, 10 on hold.
fn books() -> Books {
    let [escrow, minted, ten] = [70, 40, 10].map(U256::from);
    Books {
        pair: "KRT".to_owned(),
        main: Counters { escrow, balance: Some(escrow), ..counters("main", false) },
        service: Counters { minted, held: ten, balance: Some(U256::ZERO), ..counters("service", true) },
        open: Open { in_flight: U256::from(20), held_service: ten, held_main: U256::ZERO },
        migrating: false,
    }
}

#[test]
fn books_that_balance_pass_and_a_donation_as_well() {
    assert_eq!(books().judge(), Ok(()));
    let mut donated = books();
    donated.main.balance = Some(U256::from(71));
    assert_eq!(donated.judge(), Ok(()));
    let mut turned = books();
    std::mem::swap(&mut turned.main, &mut turned.service);
    std::mem::swap(&mut turned.open.held_main, &mut turned.open.held_service);
    assert_eq!(turned.judge(), Ok(()));
    let mut locks = books();
    locks.service = Counters { held: U256::from(10), seeded: U256::from(40), ..counters("service", false) };
    assert_eq!(locks.judge(), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_counter_that_is_altered_is_found(which in 0..7usize, by in 1..50u64) {
        let (mut books, by) = (books(), U256::from(by));
        let kind = match which {
            0 => { books.main.balance = Some(U256::from(70) - by); DifferenceKind::Balance }
            1 => { books.service.minted += by; DifferenceKind::Conservation }
            2 => { books.open.in_flight += by; DifferenceKind::Conservation }
            3 => { books.service.held += by; DifferenceKind::HeldCount }
            4 => { books.main.held += by; DifferenceKind::HeldCount }
            5 => { books.main.escrow += by; DifferenceKind::Balance }
            _ => { books.main.escrow -= by; DifferenceKind::Conservation }
        };
        let found = books.judge().unwrap_err();
        prop_assert_eq!((found.kind, found.token), (kind, Some(TOKEN)));
        books.migrating = true;
        prop_assert_eq!(books.judge().is_ok(), kind == DifferenceKind::Conservation);
    }

    #[test]
    fn whatever_went_over_a_lane_is_right_however_it_is_cut(fates in world::fates(), piece in 1..9usize) {
        let world = World::new(&fates, piece);
        let figures = world.judge().map_err(|found| TestCaseError::fail(found.to_string()))?;
        let count = |fate| fates.iter().filter(|one| **one == fate).count() as u64;
        prop_assert_eq!(figures.paid, count(Fate::Paid));
        prop_assert_eq!(figures.released, count(Fate::Released));
        prop_assert_eq!(figures.refunded, count(Fate::Refunded));
        prop_assert_eq!(figures.written_off, count(Fate::WrittenOff));
        prop_assert_eq!(figures.on_hold, count(Fate::Held));
        prop_assert_eq!(figures.requested.since(figures.handled), count(Fate::InFlight));
    }

    #[test]
    fn any_request_that_is_altered_is_found(
        fates in world::fates(), piece in 1..9usize, at in any::<prop::sample::Index>(), field in 0..6usize,
    ) {
        let mut world = World::new(&fates, piece);
        prop_assume!(!world.requests.is_empty());
        let at = at.index(world.requests.len());
        world.alter_request(at, field);
        prop_assert!(world.judge().is_err());
    }

    #[test]
    fn any_payment_that_is_altered_is_named(
        fates in world::fates(), piece in 1..9usize, at in any::<prop::sample::Index>(), field in 0..4usize,
    ) {
        let mut world = World::new(&fates, piece);
        let was_paid = |fate: &Fate| matches!(fate, Fate::Paid | Fate::Released | Fate::WrittenOff);
        let paid: Vec<u64> = (0..).zip(&fates).filter(|(_, fate)| was_paid(fate)).map(|(nonce, _)| nonce).collect();
        prop_assume!(!paid.is_empty());
        let nonce = paid[at.index(paid.len())];
        world.alter_payment(nonce, field);
        let found: Judged<_> = world.judge();
        let found = found.unwrap_err();
        prop_assert_eq!((found.kind, found.nonce.get(), found.token), (DifferenceKind::Payment, nonce, Some(MINTED)));
    }

    #[test]
    fn any_handle_or_hold_that_is_left_out_is_found(fates in world::fates(), piece in 1..9usize, at in any::<prop::sample::Index>()) {
        let world = World::new(&fates, piece);
        prop_assume!(world.pieces() > 0);
        let mut altered = World::new(&fates, piece);
        altered.leave_out(at.index(world.pieces()));
        prop_assert!(altered.judge().is_err());
    }
}
