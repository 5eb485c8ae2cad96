//! What a request would be refused for: a plain function of what was seen.

use alloy::primitives::{Address, U256};
use polyspan_chain::BridgeState;
use polyspan_node::config::LaneInfo;
use polyspan_types::{EXTRA_DATA_LIMIT, Kind};

use crate::token::format_amount;

/// A request, and the state that decides on it.
pub(super) struct Seen<'a> {
    pub(super) info: &'a LaneInfo,
    pub(super) state: &'a BridgeState,
    pub(super) kind: Kind,
    pub(super) token: Address,
    pub(super) value: U256,
    pub(super) decimals: u8,
    pub(super) owner: Address,
    /// What the owner has: for an ERC-721, 1 or 0.
    pub(super) has: U256,
    pub(super) to: Address,
    pub(super) refund_to: Address,
    /// Unit: bytes.
    pub(super) extra_data: usize,
}

/// Everything that is wrong, each with its cure.
pub(super) fn problems(seen: &Seen<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    bridge(seen, &mut problems);
    pair(seen, &mut problems);
    value(seen, &mut problems);
    recipients(seen, &mut problems);
    if seen.extra_data > EXTRA_DATA_LIMIT {
        problems.push(format!(
            "--extra-data has {} bytes; at most {EXTRA_DATA_LIMIT} are taken",
            seen.extra_data
        ));
    }
    problems
}

fn bridge(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let (bridge, chain) = (seen.info.source.bridge, &seen.info.source.chain);
    if !seen.state.wired {
        problems.push(format!(
            "the bridge {bridge} on chain {chain} is not wired; `polyspan config check` tells more"
        ));
    }
    if seen.state.paused {
        problems.push(format!(
            "the bridge {bridge} on chain {chain} is paused; wait until its governors end the pause"
        ));
    }
}

fn pair(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let chain = &seen.info.source.chain;
    let named =
        if seen.token.is_zero() { "the native currency".to_owned() } else { format!("token {}", seen.token) };
    match seen.state.pairs.iter().find(|pair| pair.token == seen.token) {
        None => problems.push(format!(
            "{named} of chain {chain} is not registered with the bridge; use a token of a [[pair]] of the deployment, or \
             have the governors register it"
        )),
        Some(pair) if pair.kind != seen.kind => {
            problems.push(format!("{named} is registered as {}; use `polyspan transfer {}`", pair.kind, pair.kind));
        }
        Some(pair) if pair.locked => {
            problems.push(format!("the pair of {named} is locked; wait until its governors unlock it"));
        }
        Some(_) => {}
    }
}

fn value(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let owner = seen.owner;
    match seen.kind {
        Kind::Erc721 if seen.has.is_zero() => {
            problems.push(format!("--id: {owner} does not own token {} of {}", seen.value, seen.token));
        }
        Kind::Erc721 => {}
        _ if seen.value.is_zero() => problems.push("--amount: 0 moves nothing; give more".to_owned()),
        _ if seen.value > U256::from(u128::MAX) => {
            problems.push("--amount: more than a bridge counts (2^128 smallest units); give less".to_owned());
        }
        _ if seen.has < seen.value => {
            let [has, wants] = [seen.has, seen.value].map(|amount| format_amount(amount, seen.decimals));
            problems.push(format!("--amount: {owner} has {has}, which is less than {wants}"));
        }
        // Equal would leave nothing for gas.
        Kind::Native if seen.has == seen.value => {
            problems.push(format!("--amount: {owner} would have nothing left to pay for gas; give less"));
        }
        _ => {}
    }
}

fn recipients(seen: &Seen<'_>, problems: &mut Vec<String>) {
    let LaneInfo { source, destination, .. } = seen.info;
    let is_source_token = |address: Address| seen.state.pairs.iter().any(|pair| pair.token == address);
    let is_token = |address: Address| {
        is_source_token(address) || seen.state.pairs.iter().any(|pair| pair.counterpart_token == address)
    };
    let to = seen.to;
    if to.is_zero() {
        problems.push("--to: the zero address belongs to nobody".to_owned());
    } else if to == source.bridge || to == destination.bridge {
        problems.push(format!("--to: {to} is the bridge itself; give the recipient's address"));
    } else if is_token(to) {
        problems.push(format!("--to: {to} is a token of the bridge; give the recipient's address"));
    }
    let refund_to = seen.refund_to;
    if refund_to.is_zero() || refund_to == source.bridge || is_source_token(refund_to) {
        problems.push(format!("--refund-to: {refund_to} cannot be paid back; give an address of a person"));
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_chain::PairState;
    use polyspan_node::config::{Deployment, LaneInfo, Side};
    use polyspan_types::{BlockHeight, ChainId, Direction, Epoch, MemberSet, RequestNonce, Root, Threshold};

    use super::*;

    const TOKEN: Address = Address::repeat_byte(7);

    fn side(chain: &str, id: u64, byte: u8) -> Side {
        Side {
            chain: chain.to_owned(),
            chain_id: ChainId::new(id),
            bridge: Address::repeat_byte(byte),
            deployment_block: BlockHeight::ZERO,
        }
    }

    fn lane() -> LaneInfo {
        let name = "kr".parse().unwrap();
        let (main, service) = (side("main", 1, 1), side("service", 2, 2));
        Deployment { name, salt: B256::ZERO, main, service, pairs: Vec::new() }.lane(Direction::MainToService)
    }

    fn state(info: &LaneInfo) -> BridgeState {
        let members = MemberSet {
            epoch: Epoch::ZERO,
            threshold: Threshold::try_new(1, 1).unwrap(),
            members: vec![Address::repeat_byte(9)],
        };
        let pair = |kind, token, counterpart_token| PairState {
            kind,
            mints: false,
            gas_cap: 100_000,
            token,
            counterpart_token,
            locked: false,
            escrow: U256::ZERO,
            minted: U256::ZERO,
            held: U256::ZERO,
            seeded: U256::ZERO,
        };
        BridgeState {
            wired: true,
            paused: false,
            development: false,
            chain_id: info.source.chain_id,
            deployment_block: BlockHeight::ZERO,
            counterpart_chain_id: info.destination.chain_id,
            counterpart_deployment_block: BlockHeight::ZERO,
            counterpart: info.destination.bridge,
            outbound_bridge_id: info.bridge_id,
            inbound_bridge_id: info.bridge_id,
            request_nonce: RequestNonce::ZERO,
            request_root: Root(B256::ZERO),
            handle_nonce: RequestNonce::ZERO,
            handle_root: Root(B256::ZERO),
            recovery_block: BlockHeight::ZERO,
            held_count: 0,
            pause_nonce: 0,
            configuration_nonce: 1,
            operators: members.clone(),
            governors: members,
            pairs: vec![
                pair(Kind::Native, Address::ZERO, Address::ZERO),
                pair(Kind::Erc20, TOKEN, Address::repeat_byte(8)),
            ],
        }
    }

    /// The problems after a change to a request that has none.
    #[track_caller]
    fn assert_refused(change: impl FnOnce(&mut Seen<'_>), words: &str) {
        let info = lane();
        let state = state(&info);
        let mut seen = Seen {
            info: &info,
            state: &state,
            kind: Kind::Erc20,
            token: TOKEN,
            value: U256::from(5),
            decimals: 0,
            owner: Address::repeat_byte(3),
            has: U256::from(5),
            to: Address::repeat_byte(4),
            refund_to: Address::repeat_byte(3),
            extra_data: 0,
        };
        assert_eq!(problems(&seen), Vec::<String>::new());
        change(&mut seen);
        let problems = problems(&seen);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(words), "{problems:?}");
    }

    #[test]
    fn each_refusal_names_its_cause() {
        assert_refused(|seen| seen.value = U256::ZERO, "--amount: 0");
        assert_refused(|seen| seen.has = U256::from(4), "has 4, which is less than 5");
        assert_refused(|seen| seen.token = Address::repeat_byte(6), "is not registered");
        assert_refused(|seen| seen.kind = Kind::Erc721, "is registered as erc20");
        assert_refused(|seen| seen.to = Address::ZERO, "--to: the zero address");
        assert_refused(|seen| seen.to = Address::repeat_byte(1), "is the bridge itself");
        assert_refused(|seen| seen.to = Address::repeat_byte(2), "is the bridge itself");
        assert_refused(|seen| seen.to = Address::repeat_byte(8), "is a token");
        assert_refused(|seen| seen.refund_to = TOKEN, "--refund-to");
        assert_refused(|seen| seen.extra_data = 1025, "--extra-data");
        assert_refused(
            |seen| (seen.kind, seen.token) = (Kind::Native, Address::ZERO),
            "nothing left to pay for gas",
        );
    }
}
