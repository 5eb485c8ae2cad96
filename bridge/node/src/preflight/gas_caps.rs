//! Whether the gas caps of the pairs are enough at what their chain charges for storage now.

use polyspan_chain::{BridgeState, ChainError, PairState, needed_gas_cap};

use super::{Finding, Severity};
use crate::config::{Deployment, Pair};

/// Pairs of one bridge whose honest payouts may not fit their gas cap, or that nothing is known of them.
pub(super) fn check(
    thing: &str,
    deployment: &Deployment,
    slot_gas: &Result<u64, ChainError>,
    state: &BridgeState,
) -> Vec<Finding> {
    match slot_gas {
        Ok(slot_gas) => {
            let greatest = state.greatest_gas_cap;
            state
                .pairs
                .iter()
                .filter_map(|pair| judge(thing, deployment, greatest, pair, *slot_gas))
                .collect()
        }
        Err(error) => vec![unprobed(thing, error)],
    }
}

fn unprobed(thing: &str, error: &ChainError) -> Finding {
    Finding::new(
        Severity::Warning,
        thing,
        format!(
            "what a new storage slot costs cannot be probed, so nobody knows whether the gas caps of the pairs are enough: {error}"
        ),
        "name an endpoint that executes a contract creation without sending it (eth_call)",
    )
}

/// Pure: one pair where a new slot costs `slot_gas`, of a bridge with this greatest gas cap.
fn judge(
    thing: &str,
    deployment: &Deployment,
    greatest: u32,
    pair: &PairState,
    slot_gas: u64,
) -> Option<Finding> {
    let needed = needed_gas_cap(pair.kind, pair.item_bound, slot_gas);
    if pair.gas_cap >= needed {
        return None;
    }
    let (here, there) = (pair.token, pair.counterpart_token);
    let is_it = |known: &&Pair| {
        let tokens = (known.main_token, known.service_token);
        tokens == (here, there) || tokens == (there, here)
    };
    let named = deployment.pairs.iter().find(is_it);
    let name = named.map_or_else(|| pair.token.to_string(), |known| known.name.clone());
    let bound = if pair.item_bound == 0 {
        String::new()
    } else {
        format!(" with an item bound of {}", pair.item_bound)
    };
    let what = format!(
        "pair {name}: a new storage slot costs {slot_gas} gas now, so an honest payout of {}{bound} may need {needed} gas, and its gas cap \
         is {}: payouts may be held",
        pair.kind, pair.gas_cap
    );
    let cure = if needed <= greatest {
        format!(
            "have the governors raise it: polyspan governance propose set-gas-cap --pair {name} --gas-cap {needed}"
        )
    } else {
        format!(
            "have the governors raise the greatest gas cap ({greatest}) first: polyspan governance propose set-greatest-gas-cap, then set-gas-cap"
        )
    };
    Some(Finding::new(Severity::Warning, thing, what, &cure))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use polyspan_chain::SLOT_GAS;
    use polyspan_chain::testing::pair;
    use polyspan_types::{BlockHeight, ChainId, Kind};

    use super::*;
    use crate::config::Side;

    fn judged(item_bound: u16, gas_cap: u32, greatest: u32, slot_gas: u64) -> Option<String> {
        let side = |chain: &str, id: u64| Side {
            chain: chain.to_owned(),
            chain_id: ChainId::new(id),
            bridge: Address::repeat_byte(1),
            deployment_block: BlockHeight::ZERO,
            parts: None,
        };
        let (main, service) = (side("main", 1), side("service", 2));
        let name = "kr".parse().unwrap();
        let deployment = Deployment { name, salt: B256::ZERO, main, service, pairs: Vec::new() };
        let token = Address::repeat_byte(7);
        let pair = PairState { item_bound, gas_cap, ..pair(Kind::Erc1155, token, token) };
        let finding = judge("bridge kr on main", &deployment, greatest, &pair, slot_gas)?;
        assert_eq!(finding.severity, Severity::Warning);
        Some(finding.message)
    }

    #[test]
    fn a_gas_cap_below_what_storage_costs_is_a_warning_with_the_change_that_helps() {
        assert_eq!(judged(2, 200_000, 2_000_000, SLOT_GAS), None);
        // Two slots cost 100 000 more each.
        let dearer = SLOT_GAS + 100_000;
        let told = judged(2, 200_000, 2_000_000, dearer).unwrap();
        assert!(
            told.contains("with an item bound of 2 may need 400000 gas, and its gas cap is 200000"),
            "{told}"
        );
        assert!(told.contains("set-gas-cap --pair 0x0707") && told.ends_with("--gas-cap 400000"), "{told}");
        let told = judged(2, 200_000, 300_000, dearer).unwrap();
        assert!(told.contains("raise the greatest gas cap (300000) first"), "{told}");
        assert_eq!(judged(2, 400_000, 400_000, dearer), None);
    }
}
