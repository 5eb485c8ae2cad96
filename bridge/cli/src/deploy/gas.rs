//! What payouts of a new bridge may use: what a chain counts and costs, and what the file says about it. Pure.

use polyspan_chain::{
    ChainLimits, GREATEST_GAS_CAPS, default_gas_cap, default_greatest_gas_cap, default_item_bound,
    least_gas_cap, needed_gas_cap,
};

use super::spec::{End, PairSpec, SideSpec};

/// What one chain was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainGas {
    /// What it counts beside gas.
    pub limits: ChainLimits,
    /// What a new storage slot costs. Unit: gas.
    pub slot_gas: u64,
}

/// What a pair gets: the same bound on both ends, and a gas cap for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairGas {
    /// Unit: bytes of a URI, or ids.
    pub item_bound: u16,
    /// Main, then service. Unit: gas.
    pub gas_caps: [u32; 2],
}

/// The greatest gas cap of an end, as the file says or as its chain's prices ask for. Unit: gas.
pub fn greatest_gas_cap(side: &SideSpec, chain: ChainGas) -> u32 {
    side.greatest_gas_cap.unwrap_or_else(|| default_greatest_gas_cap(chain.slot_gas))
}

/// Whether handles of an end call no recipient with code, as the file says or as its chain demands.
///
/// Errors: the file says what the chain does not bear.
pub fn defers_calls(end: End, side: &SideSpec, chain: ChainGas) -> Result<bool, String> {
    let demanded = chain.limits.defers_calls();
    if demanded && side.defer_calls == Some(false) {
        return Err(format!(
            "{}.defer_calls: chain {} counts computation cost beside gas, so a recipient that is called in a handle could stop the lane; \
             remove it",
            end.as_str(),
            side.chain
        ));
    }
    Ok(side.defer_calls.unwrap_or(demanded))
}

/// The bound and the gas caps of a pair.
///
/// Errors: each end that cannot pay what the file asks for.
pub fn pair_gas(pair: &PairSpec, chains: [ChainGas; 2], greatest: [u32; 2]) -> Result<PairGas, Vec<String>> {
    let fitting = End::ALL.map(|end| {
        let most = greatest[end as usize];
        let most = pair.gas_cap.map_or(most, |cap| cap.min(most));
        default_item_bound(pair.kind_of(end), most, chains[end as usize].slot_gas)
    });
    let item_bound = pair.item_bound.unwrap_or(fitting[0].min(fitting[1]));
    let mut problems = Vec::new();
    let gas_caps = End::ALL.map(|end| {
        let (kind, most) = (pair.kind_of(end), greatest[end as usize]);
        let default = default_gas_cap(kind, item_bound, chains[end as usize].slot_gas);
        let cap = pair.gas_cap.unwrap_or(default.min(most));
        let least = least_gas_cap(kind, item_bound);
        if cap < least || cap > most {
            problems.push(format!(
                "pair {}: a gas cap of {cap} on the {} chain is out of range: {kind} with an item bound of {item_bound} needs {least}, and \
                 the greatest gas cap there is {most}; change gas_cap, item_bound or greatest_gas_cap (at most {})",
                pair.name,
                end.as_str(),
                GREATEST_GAS_CAPS.end()
            ));
        }
        cap
    });
    if problems.is_empty() { Ok(PairGas { item_bound, gas_caps }) } else { Err(problems) }
}

/// What a person should know of a gas cap that is enough for the contract and not for the chain's prices.
pub fn remark(pair: &PairSpec, end: End, gas: PairGas, chain: ChainGas) -> Option<String> {
    let needed = needed_gas_cap(pair.kind_of(end), gas.item_bound, chain.slot_gas);
    let cap = gas.gas_caps[end as usize];
    (cap < needed).then(|| {
        format!(
            "pair {}: honest payouts on the {} chain may need {needed} gas, since a new storage slot costs {} there, and its gas cap is {cap}",
            pair.name,
            end.as_str(),
            chain.slot_gas
        )
    })
}

#[cfg(test)]
mod tests {
    use polyspan_chain::SLOT_GAS;

    use super::*;
    use crate::deploy::spec::testing::example;

    const GAS: ChainGas = ChainGas { limits: ChainLimits::GasOnly, slot_gas: SLOT_GAS };
    const KAIA: ChainGas = ChainGas { limits: ChainLimits::Kaia, slot_gas: SLOT_GAS };

    fn main(change: impl FnOnce(&mut SideSpec)) -> SideSpec {
        let mut side = example().main;
        change(&mut side);
        side
    }

    #[test]
    fn the_greatest_gas_cap_follows_the_price_of_a_slot_unless_the_file_names_it() {
        let dearer = ChainGas { slot_gas: 2 * SLOT_GAS, ..GAS };
        let greatest = |chain| greatest_gas_cap(&main(|_| ()), chain);
        assert_eq!([GAS, KAIA, dearer].map(greatest), [2_000_000, 2_000_000, 4_000_000]);
        assert_eq!(greatest_gas_cap(&main(|side| side.greatest_gas_cap = Some(700_000)), dearer), 700_000);
    }

    #[test]
    fn a_kaia_chain_demands_that_calls_are_deferred_and_others_may_have_it() {
        let deferred = |chain, asked| defers_calls(End::Main, &main(|side| side.defer_calls = asked), chain);
        assert_eq!([None, Some(true)].map(|asked| deferred(KAIA, asked)), [Ok(true), Ok(true)]);
        let error = deferred(KAIA, Some(false)).unwrap_err();
        assert!(error.starts_with("main.defer_calls: chain main counts computation cost"), "{error}");
        assert_eq!(
            [None, Some(true), Some(false)].map(|asked| deferred(GAS, asked)),
            [Ok(false), Ok(true), Ok(false)]
        );
    }

    #[test]
    fn bounds_are_the_same_on_both_ends_and_fit_the_smaller_one() {
        let gas = |index: usize| pair_gas(&example_pair(index), [GAS, GAS], [2_000_000, 200_000]).unwrap();
        assert_eq!(gas(0), PairGas { item_bound: 0, gas_caps: [100_000; 2] });
        assert_eq!(gas(1), PairGas { item_bound: 0, gas_caps: [150_000; 2] });
        assert_eq!(gas(2), PairGas { item_bound: 64, gas_caps: [198_400; 2] });
        assert_eq!(gas(3), PairGas { item_bound: 2, gas_caps: [200_000; 2] });
        let mut wide = example_pair(3);
        wide.item_bound = Some(3);
        let problems = pair_gas(&wide, [GAS, GAS], [2_000_000, 200_000]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains("on the service chain") && problems[0].contains("needs 245000"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_gas_cap_of_the_file_that_a_dearer_chain_makes_too_small_is_remarked() {
        let dearer = ChainGas { slot_gas: 10 * SLOT_GAS, ..GAS };
        let greatest = [15_000_000; 2];
        let mut pair = example_pair(1);
        let told = |pair: &PairSpec| {
            let gas = pair_gas(pair, [GAS, dearer], greatest).unwrap();
            End::ALL.map(|end| remark(pair, end, gas, [GAS, dearer][end as usize]))
        };
        assert_eq!(told(&pair), [None, None]);
        pair.gas_cap = Some(150_000);
        let [main, service] = told(&pair);
        assert_eq!(main, None);
        assert!(service.is_some_and(|text| text.contains("may need 298900 gas")));
    }

    fn example_pair(index: usize) -> PairSpec {
        let mut pair = example().pairs[index].clone();
        (pair.gas_cap, pair.item_bound) = (None, None);
        pair
    }
}
