//! A bridge for the tests of everything here.

use alloy::primitives::{Address, B256, Bytes, U256};
use polyspan_chain::{BridgeState, PairState};
use polyspan_types::{
    BlockHeight, BridgeId, ChainId, Epoch, Kind, MemberSet, RequestNonce, Root, Threshold, ValueTransfer,
};

/// The bridge's own address.
pub const BRIDGE: Address = Address::repeat_byte(0xb1);
/// Token of its ERC-20 pair, of six decimals, locked here.
pub const TOKEN: Address = Address::repeat_byte(7);
/// The counterpart of [`TOKEN`].
pub const COUNTERPART_TOKEN: Address = Address::repeat_byte(8);

/// Two days. Unit: seconds.
pub const DELAY: u32 = 2 * 86_400;

/// Members with a threshold, of epoch 1.
pub fn members(threshold: u8, members: &[Address]) -> MemberSet {
    let threshold = Threshold::try_new_development(threshold, members.len()).unwrap();
    MemberSet { epoch: Epoch::new(1), threshold, members: members.to_vec() }
}

/// A pair without limits.
pub fn pair(kind: Kind, token: Address, counterpart_token: Address, decimals: u8) -> PairState {
    let gas_cap = 150_000;
    PairState { decimals, gas_cap, ..polyspan_chain::testing::pair(kind, token, counterpart_token) }
}

/// A request of five smallest units of the counterpart's token.
pub fn held() -> ValueTransfer {
    ValueTransfer {
        kind: Kind::Erc20.into(),
        source_block: BlockHeight::new(7),
        token: COUNTERPART_TOKEN,
        from: Address::repeat_byte(0xa1),
        to: Address::repeat_byte(0xa2),
        refund_to: Address::repeat_byte(0xa1),
        value: U256::from(5),
        payload: Bytes::new(),
    }
}

/// A wired bridge on chain 31001: operators 0x01… and 0x02…, both needed; `governors` of whom two are needed (or the only one); a native pair
/// and that of [`TOKEN`]; configuration 1 is next.
pub fn state(governors: &[Address]) -> BridgeState {
    BridgeState {
        wired: true,
        paused: false,
        requests_stopped: false,
        development: false,
        greatest_gas_cap: 2_000_000,
        defers_calls: false,
        chain_id: ChainId::new(31001),
        deployment_block: BlockHeight::ZERO,
        counterpart_chain_id: ChainId::new(31002),
        counterpart_deployment_block: BlockHeight::ZERO,
        counterpart: Address::repeat_byte(0xb2),
        outbound_bridge_id: BridgeId(B256::repeat_byte(1)),
        inbound_bridge_id: BridgeId(B256::repeat_byte(2)),
        request_nonce: RequestNonce::ZERO,
        request_root: Root(B256::ZERO),
        handle_nonce: RequestNonce::ZERO,
        handle_root: Root(B256::ZERO),
        recovery_block: BlockHeight::ZERO,
        held_count: 0,
        pause_nonce: 0,
        configuration_nonce: 1,
        refund_delay: 100,
        governance_delay: DELAY,
        fee_receiver: Address::ZERO,
        predecessor: Address::ZERO,
        claims: Address::ZERO,
        operators: members(2, &[Address::repeat_byte(1), Address::repeat_byte(2)]),
        governors: members(governors.len().min(2) as u8, governors),
        pairs: vec![
            pair(Kind::Native, Address::ZERO, Address::ZERO, 18),
            pair(Kind::Erc20, TOKEN, COUNTERPART_TOKEN, 6),
        ],
        pending: Vec::new(),
    }
}
