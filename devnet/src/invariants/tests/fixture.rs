//! A bridge over which everything has gone that can go over one.
//!
//! Main to service, in this order: 0 paid; 1 held and released; 2 native, paid; 3 held and refunded; 4 an ERC-1155,
//! paid; 5 in flight. Service to main: 0 is the refund of 3, paid. Every test spoils one thing.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, Bytes, U256};
use polyspan_node::config::{Deployment, Minter, Pair, Side};
use polyspan_types::{
    BlockHeight, ChainId, Direction, HandledLogs, HandledRange, HeldRequest, HoldEnd, HoldEnding, HoldReason,
    Kind, Leaf, Request, RequestKind, RequestNonce, ValueTransfer,
};

use crate::invariants::conservation::{Counters, PairWitness};
use crate::invariants::lane::roots;
use crate::invariants::witness::{EndState, SideWitness};
use crate::invariants::{Audit, judge};
use crate::moves::{Move, Payment};

pub(super) const MAIN_BRIDGE: Address = Address::repeat_byte(0xb1);
pub(super) const SERVICE_BRIDGE: Address = Address::repeat_byte(0xb2);
pub(super) const MAIN_USD: Address = Address::repeat_byte(0xa1);
pub(super) const SERVICE_USD: Address = Address::repeat_byte(0xa2);
const MAIN_ITEMS: Address = Address::repeat_byte(0xa3);
pub(super) const SERVICE_ITEMS: Address = Address::repeat_byte(0xa4);
const USER: Address = Address::repeat_byte(1);
pub(super) const TO: Address = Address::repeat_byte(0xcc);
pub(super) const REFUND_TO: Address = Address::repeat_byte(0xdd);
/// Index of the main and the service side.
pub(super) const MAIN: usize = 0;
pub(super) const SERVICE: usize = 1;
/// Index of a pair.
pub(super) const USD: usize = 0;
/// Transactions: of the requests, of the two handles, the release and the refund on service, of the handle on main.
pub(super) const ASKED: B256 = B256::repeat_byte(0x10);
pub(super) const FIRST: B256 = B256::repeat_byte(0x21);
pub(super) const SECOND: B256 = B256::repeat_byte(0x22);
pub(super) const RELEASED: B256 = B256::repeat_byte(0x23);
pub(super) const REFUNDED: B256 = B256::repeat_byte(0x24);
pub(super) const PAID_BACK: B256 = B256::repeat_byte(0x31);
/// A transaction of somebody else.
pub(super) const STRANGE: B256 = B256::repeat_byte(0x77);

pub(super) struct World {
    pub(super) sides: [SideWitness; 2],
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self { sides: [main(), service()] };
        for side in [MAIN, SERVICE] {
            let end = world.sides[side].handled.ranges.last().unwrap().end.get();
            world.set_state(side, end);
        }
        world
    }

    pub(super) fn judge(&self) -> Audit {
        judge(&deployment(), &self.sides)
    }

    /// Everything that is wrong here contains one of these words; each occurs.
    #[track_caller]
    pub(super) fn assert_wrong(&self, words: &[&str]) {
        let problems = self.judge().problems;
        for word in words {
            assert!(problems.iter().any(|problem| problem.contains(word)), "no `{word}` in {problems:#?}");
        }
        for problem in &problems {
            assert!(words.iter().any(|word| problem.contains(word)), "not expected: {problem}");
        }
    }

    /// The state that its contract would have after these logs, `handled` requests of the other side included.
    pub(super) fn set_state(&mut self, side: usize, handled: u64) {
        let deployment = deployment();
        let (out, into) = match side {
            MAIN => (Direction::MainToService, Direction::ServiceToMain),
            _ => (Direction::ServiceToMain, Direction::MainToService),
        };
        let made = &self.sides[side].requests;
        let others = &self.sides[1 - side].requests;
        let handled_root = roots(&deployment.lane(into), others)[usize::try_from(handled).unwrap()];
        self.sides[side].state = EndState {
            request_nonce: made.len() as u64,
            request_root: *roots(&deployment.lane(out), made).last().unwrap(),
            handle_nonce: handled,
            handle_root: handled_root,
            held_count: self.sides[side].state.held_count,
            claims: self.sides[side].state.claims,
        };
    }

    /// What moved on a side, in this transaction.
    pub(super) fn moved(&mut self, side: usize, tx_hash: B256) -> Vec<&mut Move> {
        self.sides[side].moves.iter_mut().filter(|one| one.tx_hash == tx_hash).collect()
    }
}

pub(super) fn usd(tx_hash: B256, from: Address, token: Address, to: Address, amount: u64) -> Move {
    let paid = Payment { kind: Kind::Erc20, token, to, id: U256::ZERO, amount: U256::from(amount) };
    Move { tx_hash, from, paid }
}

pub(super) fn native(tx_hash: B256, from: Address, to: Address, amount: u64) -> Move {
    let paid =
        Payment { kind: Kind::Native, token: Address::ZERO, to, id: U256::ZERO, amount: U256::from(amount) };
    Move { tx_hash, from, paid }
}

fn item(id: u64, amount: u64) -> Move {
    let paid = Payment {
        kind: Kind::Erc1155,
        token: SERVICE_ITEMS,
        to: TO,
        id: U256::from(id),
        amount: U256::from(amount),
    };
    Move { tx_hash: SECOND, from: Address::ZERO, paid }
}

pub(super) fn deployment() -> Deployment {
    let side = |chain: &str, id, bridge| Side {
        chain: chain.to_owned(),
        chain_id: ChainId::new(id),
        bridge,
        deployment_block: BlockHeight::new(1),
        parts: None,
    };
    let pair = |name: &str, kind, main_token, service_token, mints| Pair {
        name: name.to_owned(),
        kind,
        main_token,
        service_token,
        mints,
    };
    Deployment {
        name: "kr".parse().unwrap(),
        salt: B256::ZERO,
        main: side("main", 1, MAIN_BRIDGE),
        service: side("service", 2, SERVICE_BRIDGE),
        pairs: vec![
            pair("usd", Kind::Erc20, MAIN_USD, SERVICE_USD, Minter::Service),
            pair("coin", Kind::Native, Address::ZERO, Address::ZERO, Minter::None),
            pair("items", Kind::Erc1155, MAIN_ITEMS, SERVICE_ITEMS, Minter::Service),
        ],
    }
}

pub(super) fn request(nonce: u64, kind: RequestKind, token: Address, value: u64) -> Request {
    Request {
        nonce: RequestNonce::new(nonce),
        transfer: ValueTransfer {
            kind,
            source_block: BlockHeight::new(5),
            token,
            from: USER,
            to: TO,
            refund_to: REFUND_TO,
            value: U256::from(value),
            payload: Bytes::new(),
        },
        tx_hash: ASKED,
    }
}

/// Two of id 7 and three of id 8.
fn items(nonce: u64) -> Request {
    let mut payload = vec![2];
    for (id, amount) in [(7_u64, 2_u128), (8, 3)] {
        payload.extend(U256::from(id).to_be_bytes::<32>());
        payload.extend(amount.to_be_bytes());
    }
    let mut request = request(nonce, Kind::Erc1155.into(), MAIN_ITEMS, 5);
    request.transfer.payload = payload.into();
    request
}

pub(super) fn refund_of_three() -> Request {
    let mut back = request(0, RequestKind::from(Kind::Erc20).refund(), MAIN_USD, 13);
    back.transfer.to = REFUND_TO;
    back.tx_hash = REFUNDED;
    back
}

fn main() -> SideWitness {
    let asked = |nonce, value| request(nonce, Kind::Erc20.into(), MAIN_USD, value);
    SideWitness {
        requests: vec![
            asked(0, 10),
            asked(1, 11),
            request(2, Kind::Native.into(), Address::ZERO, 20),
            asked(3, 13),
            items(4),
            asked(5, 15),
        ],
        handled: HandledLogs { ranges: vec![range(0, 1, PAID_BACK)], ..HandledLogs::default() },
        moves: vec![usd(PAID_BACK, MAIN_BRIDGE, MAIN_USD, REFUND_TO, 13)],
        other_transactions: BTreeSet::from([ASKED]),
        pairs: vec![locked(36, 0), locked(120, 100), locked(5, 0)],
        ..SideWitness::default()
    }
}

fn service() -> SideWitness {
    let ending = |nonce, tx_hash, end| HoldEnding {
        nonce: RequestNonce::new(nonce),
        end,
        block: BlockHeight::new(9),
        tx_hash,
    };
    let requests = main().requests;
    SideWitness {
        requests: vec![refund_of_three()],
        handled: HandledLogs {
            ranges: vec![range(0, 4, FIRST), range(4, 5, SECOND)],
            held: vec![held(&requests[1]), held(&requests[3])],
            endings: vec![
                ending(1, RELEASED, HoldEnd::Released { to: TO }),
                ending(3, REFUNDED, HoldEnd::Refunded { request_nonce: RequestNonce::ZERO }),
            ],
        },
        moves: vec![
            usd(FIRST, Address::ZERO, SERVICE_USD, TO, 10),
            native(FIRST, SERVICE_BRIDGE, TO, 20),
            item(7, 2),
            item(8, 3),
            usd(RELEASED, Address::ZERO, SERVICE_USD, TO, 11),
        ],
        other_transactions: BTreeSet::from([REFUNDED]),
        pairs: vec![minted(21), locked(80, 100), minted(5)],
        ..SideWitness::default()
    }
}

pub(super) fn range(first: u64, end: u64, tx_hash: B256) -> HandledRange {
    let (first, end) = (RequestNonce::new(first), RequestNonce::new(end));
    HandledRange { first, end, block: BlockHeight::new(8), tx_hash }
}

pub(super) fn held(request: &Request) -> HeldRequest {
    HeldRequest {
        nonce: request.nonce,
        reason: HoldReason::PayoutFailed,
        leaf: Leaf::of(request),
        block: BlockHeight::new(8),
        tx_hash: FIRST,
    }
}

/// A side that keeps a token, some of it seeded.
fn locked(escrow: u64, seeded: u64) -> PairWitness {
    let counters = Counters { escrow: U256::from(escrow), seeded: U256::from(seeded), ..Counters::default() };
    PairWitness { counters: Some(counters), balance: U256::from(escrow), supply: U256::from(1_000_000) }
}

/// A side that makes a token.
fn minted(amount: u64) -> PairWitness {
    let counters = Counters { minted: U256::from(amount), ..Counters::default() };
    PairWitness { counters: Some(counters), balance: U256::ZERO, supply: U256::from(amount) }
}
