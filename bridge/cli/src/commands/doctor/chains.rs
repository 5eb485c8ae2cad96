//! The endpoints of each chain, and this host's clock against their newest blocks.

use std::time::{SystemTime, UNIX_EPOCH};

use polyspan_chain::{Chain, ChainError};

use super::{Check, State};
use crate::network::Network;

/// A block may be dated so far ahead. Unit: seconds. Source: 15 s, what Ethereum's nodes accept.
const AHEAD: u64 = 15;

/// A chain that made no block for so long is asked about. Unit: seconds.
const STALE: u64 = 600;

pub(super) async fn checks(network: &Network) -> Vec<Check> {
    let mut checks = Vec::new();
    for chain in network.chains() {
        let endpoints = chain.endpoints().map(ToString::to_string).collect::<Vec<_>>();
        let verified = chain.verify_endpoints().await;
        checks.extend(
            endpoints.iter().zip(verified).map(|(name, verified)| endpoint(chain.name(), name, verified)),
        );
        checks.push(clock(chain).await);
    }
    checks
}

fn endpoint(chain: &str, name: &str, verified: Result<(), ChainError>) -> Check {
    match verified {
        Ok(()) => Check::new("endpoint", State::Ok, format!("{name} serves chain {chain}")),
        Err(error @ ChainError::WrongChain { .. }) => Check::new("endpoint", State::Bad, error.to_string()),
        Err(error) => Check::new("endpoint", State::Unreadable, error.to_string()),
    }
}

async fn clock(chain: &Chain) -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    match chain.head().await {
        Ok(head) => compared(chain.name(), head.timestamp, now),
        Err(error) => Check::new(
            "clock",
            State::Unreadable,
            format!("chain {} has no newest block: {error}", chain.name()),
        ),
    }
}

/// Pure: a newest block of the future says that this host is late.
fn compared(chain: &str, block: u64, now: u64) -> Check {
    let (ahead, age) = (block.saturating_sub(now), now.saturating_sub(block));
    if ahead > AHEAD {
        let found =
            format!("the newest block of chain {chain} is {ahead} s ahead of this host; set the clock (NTP)");
        return Check::new("clock", State::Bad, found);
    }
    let state = if age > STALE { State::Note } else { State::Ok };
    Check::new(
        "clock",
        state,
        format!("the newest block of chain {chain} is {age} s old by this host's clock"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_late_is_told_from_a_chain_that_is_quiet() {
        assert_eq!(compared("main", 1_015, 1_000).state, State::Ok);
        assert_eq!(compared("main", 1_016, 1_000).state, State::Bad);
        assert_eq!(compared("main", 400, 1_000).state, State::Ok);
        assert_eq!(compared("main", 399, 1_000).state, State::Note);
    }
}
