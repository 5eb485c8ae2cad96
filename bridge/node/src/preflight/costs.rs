//! Whether what a request costs on its source is in proportion to what its payout can cost on the destination.

use alloy::primitives::U256;
use alloy::primitives::utils::format_ether;
use futures::future::try_join;
use polyspan_chain::{BridgeState, Chain, PairState};
use polyspan_types::{Kind, LaneId};

use super::{Finding, Severity};
use crate::config::Deployment;

/// How many times dearer than on the source a payout may be without a fee. Unit: times.
const WITHOUT_FEE: u128 = 10;

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
        let (name, cure) = (name(deployment, lane, from), "have the governors set a fee for the pair");
        let what = uncovered(costs)?;
        let what = format!("pair {name}: {}", what.told(costs, source_chain.name(), chain.name()));
        Some(Finding::new(Severity::Warning, format!("lane {lane}"), what, cure))
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

/// Why a fee does not cover a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uncovered {
    /// There is none, to a chain that is much dearer.
    NoFee,
    /// It is less than the gas, to a chain that is dearer.
    TooLittle(u128),
}

/// Pure: native currencies are compared one to one, since nothing here knows what they are worth.
fn uncovered(costs: Costs) -> Option<Uncovered> {
    match costs.fee {
        Fee::None if costs.destination > costs.source.saturating_mul(WITHOUT_FEE) => Some(Uncovered::NoFee),
        Fee::Native(fee) if costs.destination > costs.source && fee < costs.destination => {
            Some(Uncovered::TooLittle(fee))
        }
        _ => None,
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
        match self {
            Self::NoFee => format!(
                "a request on chain {source} has no fee, and gas cap × gas price of its payout is {there} of the native currency of chain {destination}, on chain {source} it is {here} (more than {WITHOUT_FEE} times, with both currencies taken as equal)"
            ),
            Self::TooLittle(fee) => format!(
                "a request on chain {source} costs {} of its native currency, and gas cap × gas price of its payout is {there} of the native currency of chain {destination} (both currencies taken as equal)",
                ether(fee)
            ),
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
    fn a_lane_without_fee_may_be_ten_times_dearer_and_no_more() {
        assert_eq!(uncovered(costs(5, 50, Fee::None)), None);
        assert_eq!(uncovered(costs(5, 51, Fee::None)), Some(Uncovered::NoFee));
        assert_eq!(uncovered(costs(0, 1, Fee::None)), Some(Uncovered::NoFee));
        assert_eq!(uncovered(costs(0, 0, Fee::None)), None);
        assert_eq!(uncovered(costs(51, 5, Fee::None)), None);
    }

    #[test]
    fn a_native_fee_covers_the_gas_of_a_dearer_chain_or_is_named_with_it() {
        assert_eq!(uncovered(costs(5, 50, Fee::Native(50))), None);
        assert_eq!(uncovered(costs(50, 50, Fee::Native(1))), None, "the chains cost the same");
        let cost = 2_000_000_000_000_000;
        let (costs, fee) = (costs(5, cost, Fee::Native(cost / 2)), cost / 2);
        let found = uncovered(costs).unwrap();
        assert_eq!(found, Uncovered::TooLittle(fee));
        let text = found.told(costs, "service", "main");
        assert!(text.contains("a request on chain service costs 0.001 of"), "{text}");
        assert!(text.contains("is 0.002 of the native currency of chain main"), "{text}");
    }

    #[test]
    fn a_fee_in_a_token_is_not_compared() {
        let fee_of = |kind, amount, fee_in_native| {
            let limits = PairLimits { fee: amount, fee_in_native, ..PairLimits::default() };
            fee(&PairState { limits, ..pair(kind, Address::ZERO, Address::ZERO) })
        };
        assert_eq!(fee_of(Kind::Erc20, 7, false), Fee::Token);
        assert_eq!(fee_of(Kind::Erc20, 7, true), Fee::Native(7));
        assert_eq!(fee_of(Kind::Native, 7, false), Fee::Native(7));
        assert_eq!(fee_of(Kind::Native, 0, true), Fee::None);
        assert_eq!(uncovered(costs(0, 1_000, Fee::Token)), None);
    }
}
