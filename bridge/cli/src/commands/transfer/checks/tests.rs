use alloy::primitives::B256;
use polyspan_chain::{DelayLimit, OutflowLimit};
use polyspan_node::config::{Deployment, Side};
use polyspan_types::{BlockHeight, ChainId, Direction};

use super::*;
use crate::governance::testing::{COUNTERPART_TOKEN, TOKEN, state};

fn side(chain: &str, id: u64, byte: u8) -> Side {
    Side {
        chain: chain.to_owned(),
        chain_id: ChainId::new(id),
        bridge: Address::repeat_byte(byte),
        deployment_block: BlockHeight::ZERO,
        parts: None,
    }
}

fn lane() -> LaneInfo {
    let name = "kr".parse().unwrap();
    let (main, service) = (side("main", 1, 0x11), side("service", 2, 0x12));
    Deployment { name, salt: B256::ZERO, main, service, pairs: Vec::new() }.lane(Direction::MainToService)
}

/// A request of five smallest units, and both of its ends.
struct Case {
    state: BridgeState,
    destination: BridgeState,
    goods: Goods,
    fee: Fee,
    has: Vec<U256>,
    native: U256,
    can_permit: bool,
    declares_erc1363: bool,
    to: Address,
    refund_to: Address,
    extra_data: usize,
}

impl Case {
    fn new() -> Self {
        let mut destination = state(&[Address::repeat_byte(9)]);
        let pair = &mut destination.pairs[1];
        (pair.token, pair.counterpart_token, pair.escrow) = (COUNTERPART_TOKEN, TOKEN, U256::from(5));
        let goods = Goods {
            kind: Kind::Erc20,
            token: TOKEN,
            decimals: 0,
            ids: Vec::new(),
            amounts: vec![U256::from(5)],
            way: Way::Approval,
        };
        Self {
            state: state(&[Address::repeat_byte(9)]),
            destination,
            goods,
            fee: Fee { now: U256::ZERO, limit: U256::ZERO, in_native: false, decimals: 0 },
            has: vec![U256::from(5)],
            native: U256::from(5),
            can_permit: false,
            declares_erc1363: false,
            to: Address::repeat_byte(4),
            refund_to: Address::repeat_byte(3),
            extra_data: 0,
        }
    }

    fn by_id(&mut self, kind: Kind, ids: &[u64]) {
        self.state.pairs[1].kind = kind;
        self.goods.kind = kind;
        self.goods.ids = ids.iter().map(|id| U256::from(*id)).collect();
        self.goods.amounts = vec![U256::from(3); ids.len()];
        self.has = vec![U256::from(5); ids.len()];
        self.fee.in_native = true;
    }

    fn seen<T>(&self, ask: impl FnOnce(&Seen<'_>) -> T) -> T {
        let costs = Costs::of(&self.goods, &self.fee);
        ask(&Seen {
            info: &lane(),
            state: &self.state,
            destination: Some(&self.destination),
            goods: &self.goods,
            fee: &self.fee,
            costs: &costs,
            owner: Address::repeat_byte(3),
            has: self.has.clone(),
            native: self.native,
            can_permit: self.can_permit,
            declares_erc1363: self.declares_erc1363,
            to: self.to,
            refund_to: self.refund_to,
            extra_data: self.extra_data,
        })
    }
}

/// The problems after a change to a request that has none.
#[track_caller]
fn assert_refused(change: impl FnOnce(&mut Case), words: &str) {
    let mut case = Case::new();
    assert_eq!(case.seen(problems), Vec::<String>::new());
    change(&mut case);
    let problems = case.seen(problems);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(words), "{problems:?}");
}

#[track_caller]
fn assert_accepted(change: impl FnOnce(&mut Case)) {
    let mut case = Case::new();
    change(&mut case);
    assert_eq!(case.seen(problems), Vec::<String>::new());
}

#[track_caller]
fn assert_warned(change: impl FnOnce(&mut Case), words: &str) {
    let mut case = Case::new();
    assert_eq!(case.seen(warnings), Vec::<String>::new());
    change(&mut case);
    let warnings = case.seen(warnings);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(words), "{warnings:?}");
}

#[test]
fn each_refusal_names_its_cause() {
    assert_refused(|case| case.goods.amounts = vec![U256::ZERO], "--amount: 0");
    assert_refused(|case| case.has = vec![U256::from(4)], "has 4, which is less than 5");
    assert_refused(|case| case.goods.token = Address::repeat_byte(6), "is not registered");
    assert_refused(
        |case| {
            case.goods.kind = Kind::Erc721;
            case.goods.ids = vec![U256::from(1)];
        },
        "is registered as erc20",
    );
    assert_refused(|case| case.to = Address::ZERO, "--to: the zero address");
    assert_refused(|case| case.to = Address::repeat_byte(0x11), "is the bridge itself");
    assert_refused(|case| case.to = Address::repeat_byte(0x12), "is the bridge itself");
    assert_refused(|case| case.to = COUNTERPART_TOKEN, "is a token");
    assert_refused(|case| case.refund_to = TOKEN, "--refund-to");
    assert_refused(|case| case.extra_data = 1025, "--extra-data");
    assert_refused(|case| case.state.paused = true, "is paused");
    assert_refused(|case| case.state.requests_stopped = true, "takes no requests any more");
    assert_refused(|case| case.state.pairs[1].locked = true, "is locked");
}

#[test]
fn limits_are_looked_at_before_anything_is_sent() {
    assert_refused(|case| case.state.pairs[1].limits.minimum = 6, "less than the pair's minimum of 6");
    assert_refused(|case| case.state.pairs[1].limits.maximum = Some(4), "more than the pair's maximum of 4");
    assert_accepted(|case| {
        case.state.pairs[1].limits.minimum = 5;
        case.state.pairs[1].limits.maximum = Some(5);
    });
    assert_refused(|case| case.state.pairs[1].mints = true, "more than the 0 that came over this bridge");
}

#[test]
fn a_fee_must_be_allowed_and_owned() {
    let charge = |case: &mut Case, now: u64, limit: u64, in_native: bool| {
        case.fee = Fee { now: U256::from(now), limit: U256::from(limit), in_native, decimals: 0 };
    };
    assert_refused(
        |case| charge(case, 2, 1, true),
        "--fee-limit: the fee is 2 of the native currency, and 1",
    );
    assert_refused(|case| charge(case, 1, 1, false), "which is less than 6 with the fee");
    assert_accepted(|case| {
        charge(case, 1, 1, false);
        case.has = vec![U256::from(6)];
    });
    assert_refused(|case| charge(case, 1, 6, true), "the fee: 0x0303");
    assert_refused(|case| charge(case, 5, 5, true), "nothing left to pay for gas");
}

#[test]
fn the_native_currency_pays_amount_fee_and_gas() {
    let native = |case: &mut Case, has: u64| {
        case.goods.kind = Kind::Native;
        case.goods.token = Address::ZERO;
        case.has = Vec::new();
        case.native = U256::from(has);
    };
    assert_accepted(|case| native(case, 6));
    assert_refused(|case| native(case, 5), "nothing left to pay for gas");
    assert_refused(|case| native(case, 4), "--amount: 0x0303");
}

#[test]
fn tokens_by_id_are_counted_by_id() {
    assert_accepted(|case| case.by_id(Kind::Erc1155, &[1, 2]));
    assert_refused(|case| case.by_id(Kind::Erc1155, &[1, 1]), "has 5 of id 1, which is less than 6");
    assert_refused(
        |case| {
            case.by_id(Kind::Erc1155, &[1, 2]);
            case.has[1] = U256::from(2);
        },
        "has 2 of id 2, which is less than 3",
    );
    assert_refused(|case| case.by_id(Kind::Erc1155, &(0..17).collect::<Vec<_>>()), "17 ids are more than 16");
    assert_refused(
        |case| {
            case.by_id(Kind::Erc721, &[7]);
            case.has = vec![U256::ZERO];
        },
        "does not own token 7",
    );
}

#[test]
fn a_token_is_asked_for_nothing_that_it_cannot_do() {
    assert_refused(|case| case.goods.way = Way::Permit, "knows no permits");
    assert_refused(|case| case.goods.way = Way::OneStep, "does not declare ERC-1363");
    assert_accepted(|case| (case.goods.way, case.can_permit) = (Way::Permit, true));
    assert_accepted(|case| (case.goods.way, case.declares_erc1363) = (Way::OneStep, true));
    assert_refused(
        |case| {
            (case.goods.way, case.declares_erc1363) = (Way::OneStep, true);
            case.fee = Fee { now: U256::from(1), limit: U256::from(1), in_native: true, decimals: 0 };
        },
        "which a token cannot bring",
    );
}

#[test]
fn what_might_hold_a_transfer_is_said_beforehand() {
    assert_warned(|case| case.destination.paused = true, "is paused");
    assert_warned(
        |case| case.destination.pairs[1].escrow = U256::from(4),
        "has 4 of the token, which is less than 5",
    );
    assert_warned(|case| case.destination.pairs.truncate(1), "does not know this pair");
    assert_warned(
        |case| {
            let pair = &mut case.destination.pairs[1];
            pair.limits.outflow = Some(OutflowLimit { capacity: 9, per_second: 1 });
            pair.outflow = U256::from(5);
        },
        "only 4 can flow out",
    );
    assert_warned(
        |case| case.destination.pairs[1].limits.delay = Some(DelayLimit { above: 4, blocks: 30 }),
        "amounts above 4 are held on chain service for 30 blocks",
    );
    let mut minted = Case::new();
    (minted.destination.pairs[1].mints, minted.destination.pairs[1].escrow) = (true, U256::ZERO);
    assert_eq!(minted.seen(warnings), Vec::<String>::new());
}
