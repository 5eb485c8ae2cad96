//! What gas caps a bridge takes, what a payout needs, and what a chain allows: pure functions of prices and bounds.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use polyspan_types::{IDS_LIMIT, Kind, URI_LIMIT};

/// What a bridge takes as its greatest gas cap. Unit: gas. Source: `contracts/src/bridge/GasCaps.sol`.
pub const GREATEST_GAS_CAPS: RangeInclusive<u32> = 100_000..=15_000_000;

/// The greatest gas cap of a new bridge where a new slot costs [`SLOT_GAS`]. Unit: gas.
pub const DEFAULT_GREATEST_GAS_CAP: u32 = 2_000_000;

/// What a new storage slot that was not read before costs. Unit: gas. Source: EIP-2929 with EIP-2200.
pub const SLOT_GAS: u64 = 22_100;

/// A probed price this much above [`SLOT_GAS`] is the same price: nodes estimate gas with an error of 1.5 % of the whole. Unit: gas.
const SLOT_GAS_ERROR: u64 = 1_500;

/// What a URI takes for each of its words, and for its length. Unit: gas. Source: `contracts/src/bridge/GasCaps.sol`.
const URI_WORD_GAS: u32 = 22_800;

/// Unit: bytes.
const WORD: u16 = 32;

/// What the contract asks for at the least. Unit: gas. Source: `contracts/src/bridge/GasCaps.sol`.
pub const fn least_gas_cap(kind: Kind, item_bound: u16) -> u32 {
    match kind {
        Kind::Native | Kind::Erc20 => 100_000,
        Kind::Erc721 if item_bound == 0 => 130_000,
        Kind::Erc721 => 130_000 + URI_WORD_GAS * (1 + item_bound.div_ceil(WORD) as u32),
        Kind::Erc1155 => 110_000 + 45_000 * item_bound as u32,
    }
}

/// Item bounds that the contract takes. Unit: bytes of a URI, ids. Source: as above.
pub fn item_bounds(kind: Kind) -> RangeInclusive<u16> {
    let most = |limit: usize| u16::try_from(limit).unwrap_or(u16::MAX);
    match kind {
        Kind::Native | Kind::Erc20 => 0..=0,
        Kind::Erc721 => 0..=most(URI_LIMIT),
        Kind::Erc1155 => 1..=most(IDS_LIMIT),
    }
}

/// The greatest item bound with which a payout fits into `greatest`, where a new slot costs `slot_gas`; the least one when none does.
pub fn default_item_bound(kind: Kind, greatest: u32, slot_gas: u64) -> u16 {
    let (least, most) = item_bounds(kind).into_inner();
    (least..=most).rev().find(|bound| needed_gas_cap(kind, *bound, slot_gas) <= greatest).unwrap_or(least)
}

/// Gas with which an honest payout is paid where a new slot costs `slot_gas`. Not below [`least_gas_cap`], which is for a slot of
/// [`SLOT_GAS`]. Unit: gas.
pub fn needed_gas_cap(kind: Kind, item_bound: u16, slot_gas: u64) -> u32 {
    raised(least_gas_cap(kind, item_bound), new_slots(kind, item_bound), slot_gas)
}

/// The gas cap of a pair for which none is named: as [`needed_gas_cap`], with room for an ERC-20 that does more. Unit: gas.
pub fn default_gas_cap(kind: Kind, item_bound: u16, slot_gas: u64) -> u32 {
    match kind {
        Kind::Erc20 => raised(150_000, 2, slot_gas),
        _ => needed_gas_cap(kind, item_bound, slot_gas),
    }
}

/// The greatest gas cap of a new bridge where a new slot costs `slot_gas`: in proportion to that price, and never below the
/// default of today. Unit: gas.
pub fn default_greatest_gas_cap(slot_gas: u64) -> u32 {
    let most = u64::from(*GREATEST_GAS_CAPS.end());
    let cap = u64::from(DEFAULT_GREATEST_GAS_CAP).saturating_mul(paid(slot_gas)) / SLOT_GAS;
    u32::try_from(cap.min(most)).unwrap_or(*GREATEST_GAS_CAPS.end())
}

/// New slots of a payout: a new balance; an owner too, and a URI with its length; for each id a balance.
const fn new_slots(kind: Kind, item_bound: u16) -> u64 {
    match kind {
        Kind::Native | Kind::Erc20 => 1,
        Kind::Erc721 if item_bound == 0 => 2,
        Kind::Erc721 => 3 + item_bound.div_ceil(WORD) as u64,
        Kind::Erc1155 => item_bound as u64,
    }
}

/// A gas cap that is enough at [`SLOT_GAS`], with what so many slots cost more than that.
fn raised(cap: u32, slots: u64, slot_gas: u64) -> u32 {
    let more = slots.saturating_mul(dearer_slot(slot_gas));
    cap.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// What a new slot costs more than [`SLOT_GAS`], without what may be the error of an estimate. Unit: gas.
pub const fn dearer_slot(slot_gas: u64) -> u64 {
    paid(slot_gas) - SLOT_GAS
}

/// A probed price without what may be the error of an estimate, and not below the price of today.
const fn paid(slot_gas: u64) -> u64 {
    if slot_gas <= SLOT_GAS + SLOT_GAS_ERROR { SLOT_GAS } else { slot_gas }
}

/// What a chain counts beside gas in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainLimits {
    /// Nothing.
    GasOnly,
    /// Kaia: the computation cost of its opcodes.
    Kaia,
}

impl ChainLimits {
    /// Most that a transaction of a Kaia chain may take. Unit: computation cost. Source: Kaia, `params/computation_cost_params.go`.
    pub const KAIA_LIMIT: u64 = 150_000_000;
    /// What a callee can take for each gas by opcodes; precompiled contracts take without bound (ADR 0041). Unit: computation cost per
    /// gas. Source: by that table, `PREVRANDAO` 1 024 times in each of many calls of itself,
    /// (1 024 × 1 498 + 5 000) / (1 024 × 2 + 100 + 20), which is 711.
    const KAIA_PER_GAS: u64 = 712;
    /// What `handle` itself takes around one payout, with room. Unit: computation cost. Measured: 1.33 million for four payouts of native
    /// currency with three signatures (`kaia_estimateComputationCost` of Kaia 1.0.3; `docs/migrating-from-kaia.md`).
    const KAIA_HANDLE: u64 = 5_000_000;
    /// The greatest gas cap of a new bridge on a Kaia chain. Unit: gas.
    const KAIA_GREATEST: u32 = 200_000;

    /// By what a node says of itself.
    pub fn of_client(version: &str) -> Self {
        let version = version.to_lowercase();
        if version.contains("klaytn") || version.contains("kaia") { Self::Kaia } else { Self::GasOnly }
    }

    /// What one payout with this gas cap and the `handle` around it can take at most; `None` where only gas counts. Unit:
    /// computation cost.
    pub fn worst_cost(self, gas_cap: u32) -> Option<u64> {
        match self {
            Self::GasOnly => None,
            // A call leaves a 64th of the gas to its caller, so as much more than the cap has to be there.
            Self::Kaia => Some(u64::from(gas_cap) * Self::KAIA_PER_GAS * 64 / 63 + Self::KAIA_HANDLE),
        }
    }

    /// Why a bridge on this chain cannot have this greatest gas cap: the sum, in words.
    pub fn problem(self, gas_cap: u32) -> Option<String> {
        let worst = self.worst_cost(gas_cap).filter(|worst| *worst > Self::KAIA_LIMIT)?;
        Some(format!(
            "{gas_cap} gas × {} computation cost per gas × 64/63 + {} for handle itself = {worst}, and a transaction of a Kaia chain may \
             take {}: a hostile recipient could stop the lane; use {} or less",
            Self::KAIA_PER_GAS,
            Self::KAIA_HANDLE,
            Self::KAIA_LIMIT,
            Self::most(),
        ))
    }

    /// The greatest gas cap of a new bridge where a new slot costs `slot_gas`, and whether it is fixed for ever: a limit that is not
    /// in gas does not move when gas is priced anew. Unit: gas.
    pub fn greatest_gas_cap(self, slot_gas: u64) -> (u32, bool) {
        match self {
            Self::GasOnly => (default_greatest_gas_cap(slot_gas), false),
            Self::Kaia => (Self::KAIA_GREATEST.min(Self::most()), true),
        }
    }

    /// The greatest gas cap that fits the limit of Kaia. Unit: gas.
    fn most() -> u32 {
        let room = (Self::KAIA_LIMIT - Self::KAIA_HANDLE) * 63 / (64 * Self::KAIA_PER_GAS);
        u32::try_from(room).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for ChainLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GasOnly => "gas",
            Self::Kaia => "kaia",
        })
    }
}

impl FromStr for ChainLimits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::GasOnly, Self::Kaia].into_iter().find(|limits| limits.to_string() == text);
        known.ok_or_else(|| format!("`{text}` names no limits; use \"kaia\" or \"gas\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_gas_cap_follows_kind_and_bound_as_in_the_contract() {
        let least =
            |kind, bounds: &[u16]| bounds.iter().map(|bound| least_gas_cap(kind, *bound)).collect::<Vec<_>>();
        assert_eq!(least(Kind::Native, &[0]), [100_000]);
        assert_eq!(least(Kind::Erc721, &[0, 1, 32, 33, 512]), [130_000, 175_600, 175_600, 198_400, 517_600]);
        assert_eq!(least(Kind::Erc1155, &[1, 16]), [155_000, 830_000]);
    }

    #[test]
    fn what_a_payout_needs_rises_with_the_price_of_a_slot_and_not_with_the_error_of_an_estimate() {
        for kind in Kind::ALL {
            let bound = *item_bounds(kind).end();
            let needed = |slot_gas| needed_gas_cap(kind, bound, slot_gas);
            assert_eq!(needed(SLOT_GAS), least_gas_cap(kind, bound));
            assert_eq!(needed(SLOT_GAS + SLOT_GAS_ERROR), needed(5_000));
            assert!(needed(2 * SLOT_GAS) > needed(SLOT_GAS), "{kind}");
            assert!(default_gas_cap(kind, bound, 2 * SLOT_GAS) >= needed(2 * SLOT_GAS), "{kind}");
        }
        assert_eq!(needed_gas_cap(Kind::Erc1155, 16, SLOT_GAS + 10_000), 830_000 + 160_000);
        assert_eq!(needed_gas_cap(Kind::Erc721, 64, SLOT_GAS + 10_000), 198_400 + 50_000);
        assert_eq!(needed_gas_cap(Kind::Erc20, 0, u64::MAX), u32::MAX);
    }

    #[test]
    fn the_default_bound_is_the_greatest_that_fits() {
        let bound = |kind, greatest| default_item_bound(kind, greatest, SLOT_GAS);
        assert_eq!(bound(Kind::Erc721, DEFAULT_GREATEST_GAS_CAP), 512);
        assert_eq!(bound(Kind::Erc1155, DEFAULT_GREATEST_GAS_CAP), 16);
        assert_eq!((bound(Kind::Erc721, 200_000), bound(Kind::Erc1155, 200_000)), (64, 2));
        assert_eq!((bound(Kind::Erc721, 1), bound(Kind::Erc1155, 1), bound(Kind::Erc20, 1)), (0, 1, 0));
        assert_eq!(default_item_bound(Kind::Erc1155, DEFAULT_GREATEST_GAS_CAP, 4 * SLOT_GAS), 16);
    }

    #[test]
    fn the_greatest_gas_cap_follows_the_price_of_a_slot_up_to_what_a_bridge_takes() {
        assert_eq!(default_greatest_gas_cap(20_000), DEFAULT_GREATEST_GAS_CAP);
        assert_eq!(default_greatest_gas_cap(3 * SLOT_GAS), 6_000_000);
        assert_eq!(default_greatest_gas_cap(u64::MAX), 15_000_000);
    }

    #[test]
    fn a_kaia_chain_is_known_by_its_nodes_and_its_bridge_fits_its_limit() {
        for version in ["Klaytn/v1.12.0/linux-amd64/go1.20", "Kaia/v2.0.2", "kaia"] {
            assert_eq!(ChainLimits::of_client(version), ChainLimits::Kaia, "{version}");
        }
        assert_eq!(ChainLimits::of_client("Geth/v1.16.0"), ChainLimits::GasOnly);
        for limits in [ChainLimits::GasOnly, ChainLimits::Kaia] {
            assert_eq!(limits.to_string().parse(), Ok(limits));
        }
        assert!("klay".parse::<ChainLimits>().is_err());
        // A limit that does not follow gas prices is fixed, whatever a slot costs.
        assert_eq!(ChainLimits::Kaia.greatest_gas_cap(10 * SLOT_GAS), (200_000, true));
        assert_eq!(ChainLimits::GasOnly.greatest_gas_cap(SLOT_GAS), (2_000_000, false));
    }

    #[test]
    fn what_does_not_fit_the_limit_of_kaia_is_refused_with_the_sum() {
        let most = ChainLimits::most();
        assert_eq!(most, 200_469);
        assert_eq!(ChainLimits::Kaia.problem(most), None);
        assert!(ChainLimits::Kaia.worst_cost(most).is_some_and(|worst| worst <= ChainLimits::KAIA_LIMIT));
        assert!(ChainLimits::Kaia.problem(most + 1).is_some());
        let problem = ChainLimits::Kaia.problem(300_000).unwrap();
        for part in ["300000 gas × 712", "5000000 for handle", "= 221990476", "150000000", "200469 or less"]
        {
            assert!(problem.contains(part), "{part}: {problem}");
        }
        assert_eq!(ChainLimits::GasOnly.problem(u32::MAX), None);
    }
}
