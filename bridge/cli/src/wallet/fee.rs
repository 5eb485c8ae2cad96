//! What a person's transaction pays for gas.

use std::fmt;
use std::str::FromStr;

use polyspan_chain::FeeMarket;

use crate::token::{format_amount, parse_amount};

/// Decimals of a gwei in wei.
const GWEI_DECIMALS: u8 = 9;

/// A price of gas, written in gwei. Unit: wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GasPrice(pub u128);

/// What a transaction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// With a base fee (EIP-1559).
    Eip1559 { max_fee: u128, tip: u128 },
    /// Without.
    Legacy { gas_price: u128 },
}

/// Gas costs more than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooDear {
    now: GasPrice,
    max: GasPrice,
}

impl FromStr for GasPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wei = parse_amount(text, GWEI_DECIMALS)
            .map_err(|_| format!("`{text}` is not a number of gwei; write 2.5"))?;
        let wei = u128::try_from(wei).map_err(|_| format!("`{text}` gwei is more than any chain takes"))?;
        Ok(Self(wei))
    }
}

impl fmt::Display for GasPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gwei", format_amount(alloy::primitives::U256::from(self.0), GWEI_DECIMALS))
    }
}

impl fmt::Display for TooDear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gas costs {} now, more than --max-fee allows ({}); wait, or allow more",
            self.now, self.max
        )
    }
}

/// The price by the market. `max` is the most that is paid: above what is usual, the tip rises in proportion, so that a transaction
/// that waits is replaced.
///
/// Errors: gas costs more than `max`.
pub fn price(market: &FeeMarket, max: Option<GasPrice>) -> Result<Price, TooDear> {
    let (now, usual) = match *market {
        // Six full blocks in a row double the base fee.
        FeeMarket::Eip1559 { base_fee, priority } => {
            (base_fee.saturating_add(priority), base_fee.saturating_mul(2).saturating_add(priority))
        }
        FeeMarket::Legacy { gas_price } => (gas_price, gas_price),
    };
    let max_fee = max.map_or(usual, |max| max.0);
    if max_fee < now {
        return Err(TooDear { now: GasPrice(now), max: GasPrice(max_fee) });
    }
    Ok(match *market {
        FeeMarket::Legacy { .. } => Price::Legacy { gas_price: max_fee },
        FeeMarket::Eip1559 { priority, .. } => {
            let raised = priority.saturating_mul(max_fee).checked_div(usual).unwrap_or(priority);
            Price::Eip1559 { max_fee, tip: raised.max(priority).min(max_fee) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: FeeMarket = FeeMarket::Eip1559 { base_fee: 100, priority: 10 };

    #[test]
    fn a_cap_below_the_market_is_refused_and_one_above_raises_the_tip() {
        assert_eq!(price(&MARKET, None), Ok(Price::Eip1559 { max_fee: 210, tip: 10 }));
        assert_eq!(price(&MARKET, Some(GasPrice(110))), Ok(Price::Eip1559 { max_fee: 110, tip: 10 }));
        assert_eq!(price(&MARKET, Some(GasPrice(420))), Ok(Price::Eip1559 { max_fee: 420, tip: 20 }));
        let refused = price(&MARKET, Some(GasPrice(109))).unwrap_err();
        assert_eq!(refused, TooDear { now: GasPrice(110), max: GasPrice(109) });
        let legacy = FeeMarket::Legacy { gas_price: 50 };
        assert_eq!(price(&legacy, Some(GasPrice(60))), Ok(Price::Legacy { gas_price: 60 }));
        assert!(price(&legacy, Some(GasPrice(49))).is_err());
        let free = FeeMarket::Legacy { gas_price: 0 };
        assert_eq!(price(&free, None), Ok(Price::Legacy { gas_price: 0 }));
    }

    #[test]
    fn a_price_is_written_in_gwei() {
        assert_eq!("2.5".parse(), Ok(GasPrice(2_500_000_000)));
        assert_eq!(GasPrice(2_500_000_000).to_string(), "2.5 gwei");
        assert!("two".parse::<GasPrice>().unwrap_err().contains("gwei"));
    }
}
