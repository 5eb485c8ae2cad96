//! What benchmarks drive chains with, and what they read of them: requests as fast as a source takes them, payouts by a
//! script without relays, and when blocks arrived.

pub(super) mod blocks;
pub(super) mod script;
pub(super) mod source;

use std::collections::BTreeMap;

use crate::relay::Relay;

/// Room for more than this machine can do: what limits is the work, not the size of a block. Unit: gas.
pub const BLOCK_GAS_LIMIT: u64 = 300_000_000;

/// Calls that came in at each endpoint of a relay, by method.
pub(super) fn calls(relay: &Relay) -> Vec<BTreeMap<String, u64>> {
    relay.endpoints().into_iter().map(crate::endpoint_proxy::EndpointProxy::calls_by_method).collect()
}

/// Calls of one endpoint between two looks.
pub(super) fn difference(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    after
        .iter()
        .map(|(method, calls)| (method.clone(), calls - before.get(method).copied().unwrap_or_default()))
        .collect()
}
