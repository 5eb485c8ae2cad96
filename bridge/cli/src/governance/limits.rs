//! Limits of a pair as people write them: whole tokens, `none` for no limit, a period in place of a rate.

use std::time::Duration;

use polyspan_chain::{OutflowLimit, PairLimits as Known};
use polyspan_contracts::Bridge::PairLimits;
use polyspan_types::Kind;

use crate::token::{NATIVE_DECIMALS, parse_amount};

/// Greatest value of a limit: no such limit.
pub const UNLIMITED: u128 = u128::MAX;

/// Longest delay of a payout. Unit: blocks. Source: `contracts/src/bridge/Pairs.sol`.
const MAX_DELAY_BLOCKS: u32 = 2_592_000;

/// The limits of a pair that was just registered.
pub const fn unlimited() -> PairLimits {
    PairLimits {
        minimum: 0,
        maximum: UNLIMITED,
        fee: 0,
        feeInNative: false,
        outflowCapacity: UNLIMITED,
        outflowPerSecond: 0,
        delayAbove: UNLIMITED,
        delayBlocks: 0,
    }
}

/// A pair's limits as the contract takes them.
pub fn encoded(limits: &Known) -> PairLimits {
    let none = OutflowLimit { capacity: UNLIMITED, per_second: 0 };
    let OutflowLimit { capacity, per_second } = limits.outflow.unwrap_or(none);
    PairLimits {
        minimum: limits.minimum,
        maximum: limits.maximum.unwrap_or(UNLIMITED),
        fee: limits.fee,
        feeInNative: limits.fee_in_native,
        outflowCapacity: capacity,
        outflowPerSecond: per_second,
        delayAbove: limits.delay.map_or(UNLIMITED, |delay| delay.above),
        delayBlocks: limits.delay.map_or(0, |delay| delay.blocks),
    }
}

/// What is said about limits. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitWords {
    /// Least amount of a request.
    pub minimum: Option<String>,
    /// Greatest amount of a request.
    pub maximum: Option<String>,
    /// What a request costs.
    pub fee: Option<String>,
    /// Whether the fee is in the native currency.
    pub fee_in_native: Option<bool>,
    /// Greatest net outflow at once.
    pub outflow_capacity: Option<String>,
    /// Time in which so much may flow out again.
    pub outflow_period: Option<Duration>,
    /// Larger payouts are held first.
    pub delay_above: Option<String>,
    /// How long. Unit: blocks.
    pub delay_blocks: Option<u32>,
}

/// A key, and what is wrong with its value.
pub type LimitProblem = (&'static str, String);

impl LimitWords {
    /// These words, and for what they leave out those of `general`.
    #[must_use]
    pub fn or(self, general: &Self) -> Self {
        let text = |own: Option<String>, other: &Option<String>| own.or_else(|| other.clone());
        Self {
            minimum: text(self.minimum, &general.minimum),
            maximum: text(self.maximum, &general.maximum),
            fee: text(self.fee, &general.fee),
            fee_in_native: self.fee_in_native.or(general.fee_in_native),
            outflow_capacity: text(self.outflow_capacity, &general.outflow_capacity),
            outflow_period: self.outflow_period.or(general.outflow_period),
            delay_above: text(self.delay_above, &general.delay_above),
            delay_blocks: self.delay_blocks.or(general.delay_blocks),
        }
    }

    /// The limits that result from `base`, for a pair of this kind and these decimals on the chain in question.
    ///
    /// Errors: each value that the contract would refuse, or that nobody can have meant.
    pub fn over(&self, base: &PairLimits, kind: Kind, decimals: u8) -> Result<PairLimits, Vec<LimitProblem>> {
        let mut problems = Vec::new();
        let mut set = |key: &'static str, text: &Option<String>, decimals: u8, to: &mut u128| match text
            .as_deref()
            .map(|text| amount(text, decimals))
        {
            Some(Ok(value)) => *to = value,
            Some(Err(error)) => problems.push((key, error)),
            None => {}
        };
        let mut limits = base.clone();
        set("minimum", &self.minimum, decimals, &mut limits.minimum);
        set("maximum", &self.maximum, decimals, &mut limits.maximum);
        set("outflow_capacity", &self.outflow_capacity, decimals, &mut limits.outflowCapacity);
        set("delay_above", &self.delay_above, decimals, &mut limits.delayAbove);
        // What has no smallest units of its own to charge is charged in the native currency.
        let collectible = matches!(kind, Kind::Erc721 | Kind::Erc1155);
        let in_native = self.fee_in_native.unwrap_or(collectible || (base.feeInNative && base.fee > 0));
        set("fee", &self.fee, if in_native { NATIVE_DECIMALS } else { decimals }, &mut limits.fee);
        limits.feeInNative = in_native && limits.fee > 0;
        limits.delayBlocks = self.delay_blocks.unwrap_or(limits.delayBlocks);
        if limits.delayAbove == UNLIMITED && self.delay_blocks.is_none() {
            limits.delayBlocks = 0;
        }

        if limits.fee == UNLIMITED {
            problems.push(("fee", "`none` is no fee; write 0".to_owned()));
        } else if limits.fee > 0 && limits.feeInNative && kind == Kind::Native {
            problems
                .push(("fee_in_native", "the pair is the native currency itself; leave it out".to_owned()));
        } else if limits.fee > 0 && !limits.feeInNative && collectible {
            problems.push((
                "fee_in_native",
                format!("an {kind} can charge in the native currency only; set it to true"),
            ));
        } else if self.fee.is_none() && base.fee > 0 && base.feeInNative != limits.feeInNative {
            problems.push(("fee", "another currency needs another fee; set it too".to_owned()));
        }
        if limits.minimum == UNLIMITED {
            problems.push(("minimum", "`none` is no minimum; write 0".to_owned()));
        } else if limits.minimum > limits.maximum {
            problems.push(("minimum", "above the maximum; lower it".to_owned()));
        }
        self.outflow(&mut limits, &mut problems);
        let is_wrong = problems.iter().any(|(key, _)| matches!(*key, "maximum" | "outflow_capacity"));
        if !is_wrong && limits.maximum > limits.outflowCapacity {
            problems.push((
                "maximum",
                "above the outflow_capacity, so the refund of such a request could never be paid; set it to that or less"
                    .to_owned(),
            ));
        }
        if limits.delayAbove != UNLIMITED && limits.delayBlocks == 0 {
            problems.push(("delay_blocks", "say how many blocks payouts above delay_above wait".to_owned()));
        }
        if limits.delayBlocks > MAX_DELAY_BLOCKS {
            let problem = format!("a bridge takes at most {MAX_DELAY_BLOCKS}; lower it");
            problems.push(("delay_blocks", problem));
        }
        if problems.is_empty() { Ok(limits) } else { Err(problems) }
    }

    fn outflow(&self, limits: &mut PairLimits, problems: &mut Vec<LimitProblem>) {
        if self.outflow_capacity.is_none() && self.outflow_period.is_none() {
            return;
        }
        match (limits.outflowCapacity, self.outflow_period) {
            (UNLIMITED, None) => limits.outflowPerSecond = 0,
            (UNLIMITED, Some(_)) => {
                problems.push((
                    "outflow_period",
                    "there is no outflow_capacity; set it too, or leave this out".to_owned(),
                ));
            }
            (_, None) => problems.push((
                "outflow_period",
                "say in which time so much may flow out again, such as 1day".to_owned(),
            )),
            (_, Some(period)) if period.as_secs() == 0 => {
                problems
                    .push(("outflow_period", "less than a second limits nothing; make it longer".to_owned()));
            }
            // Rounded up: a bucket that never empties would be no rate.
            (capacity, Some(period)) => {
                limits.outflowPerSecond = capacity.div_ceil(u128::from(period.as_secs()))
            }
        }
    }
}

/// Whole tokens, or `none`. Unit of the answer: smallest units.
fn amount(text: &str, decimals: u8) -> Result<u128, String> {
    if text == "none" {
        return Ok(UNLIMITED);
    }
    let amount = parse_amount(text, decimals)?;
    u128::try_from(amount).ok().filter(|amount| *amount < UNLIMITED).ok_or_else(|| {
        format!("`{text}` is more than a bridge counts (2^128 smallest units); write `none` for no limit")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(change: impl FnOnce(&mut LimitWords)) -> LimitWords {
        let mut words = LimitWords::default();
        change(&mut words);
        words
    }

    #[track_caller]
    fn assert_refused(kind: Kind, change: impl FnOnce(&mut LimitWords), key: &str) {
        let problems = words(change).over(&unlimited(), kind, 6).unwrap_err();
        assert_eq!(problems.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [key], "{problems:?}");
    }

    #[test]
    fn whole_tokens_become_smallest_units() {
        let limits = words(|words| {
            words.minimum = Some("1.5".to_owned());
            words.maximum = Some("100".to_owned());
            words.fee = Some("0.25".to_owned());
            words.outflow_capacity = Some("100".to_owned());
            words.outflow_period = Some(Duration::from_secs(86_400));
            words.delay_above = Some("50".to_owned());
            words.delay_blocks = Some(7);
        });
        let limits = limits.over(&unlimited(), Kind::Erc20, 6).unwrap();
        assert_eq!((limits.minimum, limits.maximum, limits.fee), (1_500_000, 100_000_000, 250_000));
        assert_eq!((limits.outflowCapacity, limits.outflowPerSecond), (100_000_000, 1_158));
        assert_eq!((limits.delayAbove, limits.delayBlocks, limits.feeInNative), (50_000_000, 7, false));
        // What is not mentioned stays.
        let less = words(|words| words.maximum = Some("3".to_owned())).over(&limits, Kind::Erc20, 6).unwrap();
        assert_eq!(less, PairLimits { maximum: 3_000_000, ..limits });
    }

    #[test]
    fn a_fee_of_a_collectible_is_in_the_native_currency() {
        let limits = words(|words| words.fee = Some("0.01".to_owned()));
        let limits = limits.over(&unlimited(), Kind::Erc721, 0).unwrap();
        assert_eq!((limits.fee, limits.feeInNative), (10_000_000_000_000_000, true));
    }

    #[test]
    fn a_refund_of_the_greatest_request_fits_through_the_bucket() {
        let bucket = |maximum: Option<&str>| {
            words(|words| {
                words.maximum = maximum.map(str::to_owned);
                words.outflow_capacity = Some("100".to_owned());
                words.outflow_period = Some(Duration::from_secs(100));
            })
        };
        assert!(bucket(Some("100")).over(&unlimited(), Kind::Erc20, 6).is_ok());
        for maximum in [None, Some("none"), Some("100.000001")] {
            let problems = bucket(maximum).over(&unlimited(), Kind::Erc20, 6).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].0 == "maximum" && problems[0].1.contains("could never be paid"),
                "{problems:?}"
            );
        }
        // Each alone may have been set before.
        let base = bucket(Some("100")).over(&unlimited(), Kind::Erc20, 6).unwrap();
        let raised = words(|words| words.maximum = Some("101".to_owned()));
        assert_eq!(raised.over(&base, Kind::Erc20, 6).unwrap_err()[0].0, "maximum");
    }

    #[test]
    fn without_a_delay_there_are_no_blocks_of_it() {
        let base = PairLimits { delayAbove: 5, delayBlocks: 7, ..unlimited() };
        let none = words(|words| words.delay_above = Some("none".to_owned()));
        assert_eq!(none.over(&base, Kind::Erc20, 6).unwrap(), unlimited());
    }

    #[test]
    fn what_the_contract_would_refuse_is_refused_with_its_key() {
        let text = |text: &str| Some(text.to_owned());
        assert_refused(Kind::Erc20, |words| words.minimum = text("0.0000001"), "minimum");
        assert_refused(Kind::Erc20, |words| words.minimum = text("none"), "minimum");
        assert_refused(Kind::Erc20, |words| words.fee = text("none"), "fee");
        assert_refused(
            Kind::Erc20,
            |words| words.maximum = text("999999999999999999999999999999999"),
            "maximum",
        );
        assert_refused(
            Kind::Erc20,
            |words| (words.minimum, words.maximum) = (text("2"), text("1")),
            "minimum",
        );
        assert_refused(
            Kind::Erc20,
            |words| (words.maximum, words.outflow_capacity) = (text("1"), text("1")),
            "outflow_period",
        );
        assert_refused(
            Kind::Erc20,
            |words| words.outflow_period = Some(Duration::from_secs(1)),
            "outflow_period",
        );
        assert_refused(Kind::Erc20, |words| words.delay_above = text("1"), "delay_blocks");
        assert_refused(
            Kind::Erc20,
            |words| (words.delay_above, words.delay_blocks) = (text("1"), Some(MAX_DELAY_BLOCKS + 1)),
            "delay_blocks",
        );
        assert_refused(
            Kind::Native,
            |words| (words.fee, words.fee_in_native) = (text("1"), Some(true)),
            "fee_in_native",
        );
        assert_refused(
            Kind::Erc1155,
            |words| (words.fee, words.fee_in_native) = (text("1"), Some(false)),
            "fee_in_native",
        );
    }
}
