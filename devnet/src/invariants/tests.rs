//! The judge must be able to say no.

use alloy::primitives::{Address, B256, U256};
use polyspan_contracts::Bridge::{BridgeState, MemberSet, PairConfiguration, PairState};
use polyspan_node::config::{Deployment, Minter, Pair, Side};
use polyspan_types::{
    BlockHeight, ChainId, Direction, Kind, Leaf, Request, RequestNonce, Root, ValueTransfer,
};

use super::conservation::{self, Balances};
use super::lane::{self, LaneEvents, LaneFacts};
use crate::bridge_view::Handled;

const SOURCE_TOKEN: Address = Address::repeat_byte(0xa1);
const PAID_TOKEN: Address = Address::repeat_byte(0xa2);
const TO: Address = Address::repeat_byte(0xcc);

fn deployment() -> Deployment {
    let side = |chain: &str, id, byte| Side {
        chain: chain.to_owned(),
        chain_id: ChainId::new(id),
        bridge: Address::repeat_byte(byte),
        deployment_block: BlockHeight::new(1),
    };
    Deployment {
        name: "kr".parse().unwrap(),
        salt: B256::ZERO,
        main: side("main", 1, 0xb1),
        service: side("service", 2, 0xb2),
        pairs: vec![pair()],
    }
}

fn pair() -> Pair {
    Pair {
        name: "usd".to_owned(),
        kind: Kind::Erc20,
        main_token: SOURCE_TOKEN,
        service_token: PAID_TOKEN,
        mints: Minter::Service,
    }
}

fn request(nonce: u64) -> Request {
    Request {
        nonce: RequestNonce::new(nonce),
        transfer: ValueTransfer {
            kind: Kind::Erc20.number(),
            source_block: BlockHeight::new(5),
            token: SOURCE_TOKEN,
            from: Address::repeat_byte(1),
            to: TO,
            refund_to: Address::repeat_byte(1),
            value: U256::from(10 + nonce),
            extra_data: Default::default(),
        },
        tx_hash: B256::ZERO,
    }
}

fn paid(nonce: u64) -> Handled {
    Handled {
        nonce: RequestNonce::new(nonce),
        paid: Some((TO, PAID_TOKEN, U256::from(10 + nonce))),
        held: None,
        tx_hash: B256::ZERO,
    }
}

fn state() -> BridgeState {
    let nobody = || MemberSet { epoch: 1, threshold: 1, members: Vec::new() };
    BridgeState {
        wired: true,
        paused: false,
        development: false,
        chainId: 1,
        deploymentBlock: 1,
        counterpartChainId: 2,
        counterpartDeploymentBlock: 1,
        counterpart: Address::ZERO,
        outboundBridgeId: B256::ZERO,
        inboundBridgeId: B256::ZERO,
        requestNonce: 0,
        requestRoot: B256::ZERO,
        handleNonce: 0,
        handleRoot: B256::ZERO,
        recoveryBlockNumber: 0,
        heldCount: 0,
        pauseNonce: 0,
        configurationNonce: 1,
        operators: nobody(),
        governors: nobody(),
        pairs: Vec::new(),
    }
}

/// Both ends after `requested` requests of which `handled` are handled.
fn ends(requested: u64, handled: u64) -> (BridgeState, BridgeState) {
    let id = deployment().lane(Direction::MainToService).bridge_id;
    let root =
        |count| (0..count).map(request).fold(Root::zero(id), |root, request| root.then(Leaf::of(&request))).0;
    let source = BridgeState { requestNonce: requested, requestRoot: root(requested), ..state() };
    let destination = BridgeState { handleNonce: handled, handleRoot: root(handled), ..state() };
    (source, destination)
}

fn judge(handled: Vec<Handled>, source: &BridgeState, destination: &BridgeState) -> (LaneFacts, Vec<String>) {
    let deployment = deployment();
    let seen = LaneEvents { requests: (0..3).map(request).collect(), handled };
    lane::compare(&deployment.lane(Direction::MainToService), &deployment, &seen, source, destination)
}

#[test]
fn a_lane_that_is_right_has_no_problem() {
    let (source, destination) = ends(3, 2);
    let (facts, problems) = judge(vec![paid(0), paid(1)], &source, &destination);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((facts.requested, facts.handled, facts.lost, facts.duplicated), (3, 2, 0, 0));
}

#[test]
fn lost_and_doubled_requests_are_counted() {
    let (source, destination) = ends(3, 3);
    let (facts, _) = judge(vec![paid(0), paid(2), paid(2)], &source, &destination);
    assert_eq!((facts.handled, facts.lost, facts.duplicated), (2, 1, 1));
}

#[test]
fn wrong_payments_invented_requests_and_wrong_roots_are_problems() {
    let (source, destination) = ends(3, 1);
    let wrong = Handled { paid: Some((TO, PAID_TOKEN, U256::from(999))), ..paid(0) };
    assert_eq!(judge(vec![wrong], &source, &destination).1.len(), 1);
    assert_eq!(judge(vec![paid(0), paid(7)], &source, &destination).1.len(), 1);
    let forged = BridgeState { handleRoot: B256::repeat_byte(1), ..destination };
    assert_eq!(judge(vec![paid(0)], &source, &forged).1.len(), 1);
}

#[test]
fn value_made_or_lost_is_a_problem() {
    let with = |token, escrow: u128, minted: u128| BridgeState {
        pairs: vec![PairState {
            configuration: PairConfiguration {
                kind: 1,
                mints: token == PAID_TOKEN,
                gasCap: 1,
                token,
                counterpartToken: Address::ZERO,
            },
            locked: false,
            escrow,
            minted,
            held: 0,
            seeded: 0,
        }],
        ..state()
    };
    // 30 locked, 18 minted, 12 on the way.
    let on_the_way = [(Direction::MainToService, request(2))];
    let balances = |main: u64| Balances { main: U256::from(main), service: U256::ZERO };
    let judge = |escrow, minted, balance| {
        let (main, service) = (with(SOURCE_TOKEN, escrow, 0), with(PAID_TOKEN, 0, minted));
        conservation::compare(&pair(), [&main, &service], &on_the_way, &balances(balance)).len()
    };
    assert_eq!(judge(30, 18, 30), 0);
    assert_eq!(judge(30, 18, 31), 0, "a donation is no problem");
    assert_eq!(judge(30, 19, 30), 1, "one was minted for nothing");
    assert_eq!(judge(30, 18, 29), 1, "one is missing from the escrow");
}
