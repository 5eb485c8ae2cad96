//! Whether the contracts whose code a bridge runs are those of this version.

use alloy::primitives::Address;
use polyspan_chain::{At, Chain, ChainError, Part, Parts};

use super::{Finding, Mode, Severity, unreachable};
use crate::config::Side;

/// What to do about a bridge that runs other code.
const CURE: &str = "use the version of polyspan that deployed this bridge, or deploy a bridge with this version; if neither explains it, do not trust the bridge";

/// What is wrong with the parts of a bridge; `expected` is what its deployment file says of them.
///
/// Errors: the chain does not answer.
pub async fn part_problems(
    chain: &Chain,
    bridge: Address,
    expected: Option<Parts>,
) -> Result<Vec<String>, ChainError> {
    let parts = chain.bridge_parts(bridge, At::Latest).await?;
    let mut problems = Vec::new();
    for part in Part::ALL {
        let address = parts.of(part);
        if let Some(expected) = expected.map(|expected| expected.of(part)).filter(|one| *one != address) {
            problems
                .push(format!("part {part}: the bridge has {address}, the deployment file says {expected}"));
        }
        problems.extend(part_problem(chain, part, address).await?);
    }
    Ok(problems)
}

/// What is wrong with the contract at `address` as this part of a bridge.
///
/// Errors: the chain does not answer.
pub async fn part_problem(chain: &Chain, part: Part, address: Address) -> Result<Option<String>, ChainError> {
    let problem = part.problem(chain.code_hash(address, At::Latest).await?);
    Ok(problem.map(|problem| format!("part {part} at {address} on chain {}: {problem}", chain.name())))
}

/// The parts of one end of a bridge.
pub(super) async fn check(thing: &str, side: &Side, chain: &Chain, mode: Mode) -> Vec<Finding> {
    match part_problems(chain, side.bridge, side.parts).await {
        Ok(problems) => problems
            .into_iter()
            .map(|problem| Finding::new(Severity::Problem, thing, problem, CURE))
            .collect(),
        Err(error @ ChainError::NotABridge { .. }) => vec![Finding::said(Severity::Problem, thing, error)],
        Err(error) => vec![unreachable(mode, thing, &error)],
    }
}
