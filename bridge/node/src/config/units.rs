//! Durations and prices as people write them.

use std::time::Duration;

use alloy::primitives::utils::parse_units;
use serde::Deserialize;

/// A duration: `"500ms"`, `"12s"`, `"1m 30s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub(super) Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(|_| format!("`{text}` is not a duration; write it as \"500ms\" or \"12s\""))
    }
}

/// A price of gas: `"500 gwei"`. Unit: wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct GasPrice(pub(super) u128);

impl TryFrom<String> for GasPrice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        price(&text).map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a price of gas; write a number and wei, gwei or ether, such as \"500 gwei\""
            )
        })
    }
}

fn price(text: &str) -> Option<u128> {
    let (amount, unit) = text.trim().split_once(' ')?;
    // `parse_units` takes a sign and digit separators; a price has neither.
    let plain = amount.chars().all(|c| c.is_ascii_digit() || c == '.');
    let (unit, decimals) =
        [("wei", 0), ("gwei", 9), ("ether", 18)].into_iter().find(|(name, _)| *name == unit.trim())?;
    // It also drops digits behind the last one that counts, silently.
    let fraction = amount.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if !plain || fraction > decimals {
        return None;
    }
    parse_units(amount, unit).ok()?.get_absolute().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_a_number_and_a_unit() {
        assert_eq!(price("500 gwei"), Some(500_000_000_000));
        assert_eq!(price("0.5 gwei"), Some(500_000_000));
        assert_eq!(price("0 wei"), Some(0));
        for wrong in ["", "5", "gwei", "-1 gwei", "1 dollar", "0.5 wei", "1_0 gwei", "1 2 gwei"] {
            assert_eq!(price(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_name_their_unit() {
        assert_eq!(Span::try_from("500ms".to_owned()), Ok(Span(Duration::from_millis(500))));
        assert!(Span::try_from("500".to_owned()).unwrap_err().contains("write it as"));
    }
}
