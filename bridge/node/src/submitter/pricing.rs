//! What a transaction offers to pay: pure functions of the market, the cap and the attempt before.

use polyspan_chain::{Demand, FeeMarket};

/// Smallest raise that nodes accept for a replacement is 10 %; a little more, so that rounding never makes it less.
/// Unit: percent. Source: go-ethereum `txpool.pricebump`, default 10.
const BUMP_PERCENT: u128 = 12;

/// Fee fields of one attempt. Unit: wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// EIP-1559 fees.
    Dynamic {
        /// `maxFeePerGas`
        max_fee: u128,
        /// `maxPriorityFeePerGas`
        priority: u128,
    },
    /// One price, on chains without EIP-1559.
    Legacy {
        /// `gasPrice`
        gas_price: u128,
    },
}

impl Price {
    /// Most that one gas can cost.
    pub const fn highest(self) -> u128 {
        match self {
            Self::Dynamic { max_fee, .. } => max_fee,
            Self::Legacy { gas_price } => gas_price,
        }
    }

    /// This price, with no part below that of `other`. Prices of different kinds are not compared.
    pub fn at_least(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Dynamic { max_fee, priority },
                Self::Dynamic { max_fee: other_max, priority: other_priority },
            ) => Self::Dynamic { max_fee: max_fee.max(other_max), priority: priority.max(other_priority) },
            (Self::Legacy { gas_price }, Self::Legacy { gas_price: other }) => {
                Self::Legacy { gas_price: gas_price.max(other) }
            }
            (price, _) => price,
        }
    }

    /// What goes to the block's producer; all of it for a legacy price.
    pub const fn priority(self) -> u128 {
        match self {
            Self::Dynamic { priority, .. } => priority,
            Self::Legacy { gas_price } => gas_price,
        }
    }
}

/// Price of a first attempt; `None` when the market is above `cap`.
///
/// Twice the base fee survives five full blocks in a row, each of which raises it by an eighth.
pub fn first_price(market: &FeeMarket, cap: u128) -> Option<Price> {
    let price = match *market {
        FeeMarket::Eip1559 { base_fee, priority } => {
            if base_fee.saturating_add(priority) > cap {
                return None;
            }
            let max_fee = base_fee.saturating_mul(2).saturating_add(priority).min(cap);
            Price::Dynamic { max_fee, priority }
        }
        FeeMarket::Legacy { gas_price } => Price::Legacy { gas_price },
    };
    (price.highest() <= cap).then_some(price)
}

/// Price of an attempt that replaces `previous`; `None` when the cap leaves no room for the raise that nodes demand of
/// both fee fields.
pub fn replacement_price(market: &FeeMarket, previous: Price, cap: u128) -> Option<Price> {
    let (least, least_priority) = (raised(previous.highest()), raised(previous.priority()));
    if least > cap {
        return None;
    }
    Some(match *market {
        FeeMarket::Eip1559 { base_fee, priority } => {
            let priority = priority.max(least_priority).min(cap);
            let wanted = base_fee.saturating_mul(2).saturating_add(priority);
            let max_fee = wanted.max(least).min(cap);
            Price::Dynamic { max_fee, priority: priority.min(max_fee) }
        }
        FeeMarket::Legacy { gas_price } => Price::Legacy { gas_price: gas_price.max(least).min(cap) },
    })
}

/// Price in the place of `previous`, which no node has taken, so that no raise is owed: that of the market, and no less than what the
/// nodes demand. `None` when that is above `cap`.
pub fn demanded_price(market: &FeeMarket, demand: Demand, cap: u128) -> Option<Price> {
    let least = demand.max_fee.unwrap_or(0);
    if least > cap {
        return None;
    }
    let market = market.with_least_priority(demand.priority_fee.unwrap_or(0));
    Some(match first_price(&market, cap)? {
        Price::Dynamic { max_fee, priority } => {
            // As much above the demand as above the base fee: both may rise until it is mined.
            Price::Dynamic { max_fee: max_fee.max(least.saturating_mul(2).min(cap)), priority }
        }
        Price::Legacy { gas_price } => {
            Price::Legacy { gas_price: gas_price.max(least).max(demand.priority_fee.unwrap_or(0)) }
        }
    })
    .filter(|price| price.highest() <= cap)
}

const fn raised(fee: u128) -> u128 {
    let raise = fee.saturating_mul(BUMP_PERCENT).div_ceil(100);
    // A price of zero is raised too: the same transaction again is no replacement.
    fee.saturating_add(if raise == 0 { 1 } else { raise })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chain_with_gas_price_zero_is_paid_zero() {
        assert_eq!(
            first_price(&FeeMarket::Legacy { gas_price: 0 }, 100),
            Some(Price::Legacy { gas_price: 0 })
        );
        assert_eq!(
            first_price(&FeeMarket::Eip1559 { base_fee: 0, priority: 0 }, 0),
            Some(Price::Dynamic { max_fee: 0, priority: 0 })
        );
    }

    #[test]
    fn a_market_above_the_cap_waits() {
        assert_eq!(first_price(&FeeMarket::Eip1559 { base_fee: 90, priority: 11 }, 100), None);
        assert_eq!(first_price(&FeeMarket::Legacy { gas_price: 101 }, 100), None);
        let previous = Price::Legacy { gas_price: 95 };
        assert_eq!(replacement_price(&FeeMarket::Legacy { gas_price: 1 }, previous, 100), None);
    }

    #[test]
    fn no_part_of_a_price_falls() {
        let price = |max_fee, priority| Price::Dynamic { max_fee, priority };
        assert_eq!(price(90, 2).at_least(price(100, 1)), price(100, 2));
        assert_eq!(price(80, 1).at_least(price(100, 1)), price(100, 1));
        let legacy = |gas_price| Price::Legacy { gas_price };
        assert_eq!(legacy(7).at_least(legacy(9)), legacy(9));
        assert_eq!(legacy(7).at_least(price(9, 9)), legacy(7));
    }

    #[test]
    fn what_no_node_took_is_priced_by_what_they_demand() {
        let market = FeeMarket::Eip1559 { base_fee: 10, priority: 1 };
        let priority = Demand { max_fee: None, priority_fee: Some(25) };
        let dynamic = |max_fee, priority| Some(Price::Dynamic { max_fee, priority });
        assert_eq!(demanded_price(&market, Demand::default(), 1_000), dynamic(21, 1));
        assert_eq!(demanded_price(&market, priority, 1_000), dynamic(45, 25), "in one step");
        let base = Demand { max_fee: Some(400), priority_fee: None };
        assert_eq!(demanded_price(&market, base, 1_000), dynamic(800, 1));
        assert_eq!(demanded_price(&market, base, 500), dynamic(500, 1));
        assert_eq!(demanded_price(&market, base, 399), None, "the cap holds whatever a node demands");
        assert_eq!(demanded_price(&market, priority, 34), None);
        let fixed = FeeMarket::Legacy { gas_price: 5 };
        assert_eq!(demanded_price(&fixed, base, 500), Some(Price::Legacy { gas_price: 400 }));
        assert_eq!(demanded_price(&fixed, Demand { max_fee: None, priority_fee: Some(9) }, 8), None);
    }

    proptest! {
        #[test]
        fn both_fees_of_a_replacement_are_raised_enough_and_stay_below_the_cap(
            base_fee in 0u128..1_000, market_priority in 0u128..100,
            (previous_max, previous_priority) in (0u128..5_000).prop_flat_map(|max| (Just(max), 0..=max)),
            cap in 0u128..10_000, legacy: bool,
        ) {
            let market = if legacy {
                FeeMarket::Legacy { gas_price: base_fee }
            } else {
                FeeMarket::Eip1559 { base_fee, priority: market_priority }
            };
            let previous = Price::Dynamic { max_fee: previous_max, priority: previous_priority };
            if let Some(price) = replacement_price(&market, previous, cap) {
                prop_assert!(price.highest() <= cap);
                prop_assert!(price.highest() * 10 >= previous_max * 11);
                prop_assert!(price.priority() * 10 >= previous_priority * 11);
                prop_assert!(price.priority() <= price.highest());
            }
        }
    }
}
