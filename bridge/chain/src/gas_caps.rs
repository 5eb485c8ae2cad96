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
    /// Kaia: the computation cost of its opcodes and precompiled contracts, 150 000 000 for a transaction.
    Kaia,
}

impl ChainLimits {
    /// By what a node says of itself.
    pub fn of_client(version: &str) -> Self {
        let version = version.to_lowercase();
        if version.contains("klaytn") || version.contains("kaia") { Self::Kaia } else { Self::GasOnly }
    }

    /// Whether a callee can use up what a whole transaction has, however little gas it gets: a bridge on such a chain defers calls
    /// (ADR 0041).
    pub const fn defers_calls(self) -> bool {
        match self {
            Self::GasOnly => false,
            Self::Kaia => true,
        }
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
    fn a_kaia_chain_is_known_by_its_nodes_and_its_bridge_defers_calls() {
        for version in ["Klaytn/v1.12.0/linux-amd64/go1.20", "Kaia/v2.0.2", "kaia"] {
            assert_eq!(ChainLimits::of_client(version), ChainLimits::Kaia, "{version}");
        }
        assert_eq!(ChainLimits::of_client("Geth/v1.16.0"), ChainLimits::GasOnly);
        for limits in [ChainLimits::GasOnly, ChainLimits::Kaia] {
            assert_eq!(limits.to_string().parse(), Ok(limits));
        }
        assert!("klay".parse::<ChainLimits>().is_err());
        assert!(ChainLimits::Kaia.defers_calls() && !ChainLimits::GasOnly.defers_calls());
    }
}
