//! Whether what a request costs on its source is in proportion to what its payout can cost on the destination.

use alloy::primitives::U256;
use alloy::primitives::utils::format_ether;
use futures::future::try_join;
use polyspan_chain::{BridgeState, Chain, PairState};
use polyspan_types::{Kind, LaneId};

use super::{Finding, Severity};
use crate::config::Deployment;

/// A destination is dearer when its payouts cost more than this many times (over the second number) what they would on the source,
/// whatever the fee is. Source: a base fee moves by an eighth with each block, so two prices of one and the same chain are up to a
/// quarter apart after two blocks, and what is told has to stay told at the next look.
const DEARER: (u128, u128) = (3, 2);

/// One end of a lane: its outbound lane, its chain and its bridge.
pub(super) type LaneEnd<'a> = (LaneId, &'a Chain, BridgeState);

/// What is compared for one pair of a lane. Unit of all: wei of the chain that it is paid on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Costs {
    /// Gas price times gas cap on the source.
    source: u128,
    /// Gas price times gas cap on the destination: what the gas of one payout can cost.
    destination: u128,
    /// What a request costs.
    fee: Fee,
}

/// The fee of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fee {
    /// There is none.
    None,
    /// In the source's native currency. Unit: wei.
    Native(u128),
    /// In the token, whose worth is not known here.
    Token,
}

impl Costs {
    /// Whether the destination is clearly dearer: pure, and native currencies are compared one to one, since nothing here knows
    /// what they are worth.
    const fn is_dearer_there(&self) -> bool {
        let (times, over) = DEARER;
        self.destination.saturating_mul(over) > self.source.saturating_mul(times)
    }
}

/// The pairs of the lane from `source` to `destination` whose requests may cost the submitters more than they bring. Gas
/// prices that cannot be read now are no finding of their own: what ails the endpoint is said already.
pub(super) async fn check(
    deployment: &Deployment,
    source: &LaneEnd<'_>,
    destination: &LaneEnd<'_>,
) -> Vec<Finding> {
    let ((lane, source_chain, source_state), (_, chain, state)) = (source, destination);
    let Ok((source_fees, fees)) = try_join(source_chain.fees(), chain.fees()).await else {
        return Vec::new();
    };
    let (source_price, price) = (source_fees.current_price(), fees.current_price());
    let findings = source_state.pairs.iter().filter_map(|from| {
        let to = state.pairs.iter().find(|to| to.token == from.counterpart_token)?;
        let of = |price: u128, pair: &PairState| price.saturating_mul(u128::from(pair.gas_cap));
        let costs = Costs { source: of(source_price, from), destination: of(price, to), fee: fee(from) };
        let name = name(deployment, lane, from);
        let uncovered = uncovered(costs)?;
        let what = format!("pair {name}: {}", uncovered.told(costs, source_chain.name(), chain.name()));
        Some(Finding::new(Severity::Warning, format!("lane {lane}"), what, uncovered.cure()))
    });
    findings.collect()
}

fn fee(pair: &PairState) -> Fee {
    match pair.limits.fee {
        0 => Fee::None,
        fee if pair.limits.fee_in_native || pair.kind == Kind::Native => Fee::Native(fee),
        _ => Fee::Token,
    }
}

/// The name of a pair in the deployment file, or else its token.
fn name(deployment: &Deployment, lane: &LaneId, pair: &PairState) -> String {
    let named = deployment.pairs.iter().find(|known| known.tokens(lane.direction).0 == pair.token);
    named.map_or_else(|| pair.token.to_string(), |known| known.name.clone())
}

/// Why a fee is not known to cover a payout on a dearer chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uncovered {
    /// There is none.
    NoFee,
    /// It is less than the gas. Unit: wei.
    TooLittle(u128),
    /// It is paid in the token.
    InToken,
}

/// Pure: a lane to a chain that is dearer needs a fee that covers the gas cap, and all of them are judged alike.
fn uncovered(costs: Costs) -> Option<Uncovered> {
    if !costs.is_dearer_there() {
        return None;
    }
    match costs.fee {
        Fee::None => Some(Uncovered::NoFee),
        Fee::Native(fee) => (fee < costs.destination).then_some(Uncovered::TooLittle(fee)),
        Fee::Token => Some(Uncovered::InToken),
    }
}

impl Uncovered {
    /// What was compared, in words.
    fn told(self, costs: Costs, source: &str, destination: &str) -> String {
        let ether = |wei: u128| {
            let text = format_ether(U256::from(wei));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let (there, here) = (ether(costs.destination), ether(costs.source));
        let request = match self {
            Self::NoFee => "has no fee".to_owned(),
            Self::TooLittle(fee) => format!("costs {} of its native currency", ether(fee)),
            Self::InToken => {
                "pays its fee in the token, whose worth is not known here, so that it cannot be compared"
                    .to_owned()
            }
        };
        format!(
            "a request on chain {source} {request}, and gas cap × gas price of its payout is {there} of the native currency of chain {destination}, on chain {source} it would be {here} (both currencies taken as equal)"
        )
    }

    /// What to do.
    const fn cure(self) -> &'static str {
        match self {
            Self::NoFee => "have the governors set a fee for the pair",
            Self::TooLittle(_) => "have the governors raise the fee of the pair",
            Self::InToken => "compare what the fee is worth with that by hand",
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use polyspan_chain::PairLimits;
    use polyspan_chain::testing::pair;

    use super::*;

    fn costs(source: u128, destination: u128, fee: Fee) -> Costs {
        Costs { source, destination, fee }
    }

    #[test]
    fn every_lane_to_a_dearer_chain_needs_a_fee_that_covers_the_gas() {
        let twice = |fee| uncovered(costs(50, 100, fee));
        assert_eq!(twice(Fee::None), Some(Uncovered::NoFee));
        assert_eq!(twice(Fee::Native(99)), Some(Uncovered::TooLittle(99)));
        assert_eq!(twice(Fee::Token), Some(Uncovered::InToken));
        assert_eq!(twice(Fee::Native(100)), None);
        assert_eq!(uncovered(costs(0, 1, Fee::None)), Some(Uncovered::NoFee));
    }

    #[test]
    fn chains_that_cost_about_the_same_need_none_and_no_fee_is_judged_otherwise_than_another() {
        for fee in [Fee::None, Fee::Native(1), Fee::Token] {
            for (source, destination) in [(50, 50), (50, 75), (100, 50), (0, 0), (u128::MAX, u128::MAX)] {
                assert_eq!(
                    uncovered(costs(source, destination, fee)),
                    None,
                    "{source} {destination} {fee:?}"
                );
            }
            assert!(uncovered(costs(50, 76, fee)).is_some(), "{fee:?}");
        }
    }

    #[test]
    fn what_was_compared_is_told_and_what_cannot_be_as_well() {
        let cost = 2_000_000_000_000_000;
        let told = |fee| {
            let costs = costs(cost / 4, cost, fee);
            let found = uncovered(costs).unwrap();
            (found.told(costs, "service", "main"), found.cure())
        };
        let (text, cure) = told(Fee::Native(cost / 2));
        assert!(text.starts_with("a request on chain service costs 0.001 of its native currency"), "{text}");
        assert!(text.contains("is 0.002 of the native currency of chain main"), "{text}");
        assert!(text.contains("on chain service it would be 0.0005 (both"), "{text}");
        assert!(cure.contains("raise the fee"), "{cure}");
        assert!(told(Fee::None).0.starts_with("a request on chain service has no fee, and"), "{text}");
        let (text, cure) = told(Fee::Token);
        assert!(text.contains("in the token, whose worth is not known here"), "{text}");
        assert!(cure.contains("by hand"), "{cure}");
    }

    #[test]
    fn a_fee_is_in_the_token_or_in_native_currency() {
        let fee_of = |kind, amount, fee_in_native| {
            let limits = PairLimits { fee: amount, fee_in_native, ..PairLimits::default() };
            fee(&PairState { limits, ..pair(kind, Address::ZERO, Address::ZERO) })
        };
        assert_eq!(fee_of(Kind::Erc20, 7, false), Fee::Token);
        assert_eq!(fee_of(Kind::Erc20, 7, true), Fee::Native(7));
        assert_eq!(fee_of(Kind::Native, 7, false), Fee::Native(7));
        assert_eq!(fee_of(Kind::Native, 0, true), Fee::None);
    }
}
