//! How long a transfer takes, roughly: from what both chains did lately.

use std::time::Duration;

use polyspan_chain::Chain;
use polyspan_types::BlockHeight;

/// Newest blocks whose pace counts. Unit: blocks.
const LOOKED_AT: u64 = 20;

/// How fast a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    /// Between two blocks. Unit: seconds.
    block: u64,
    /// Between a block and its finality. Unit: seconds.
    finality: u64,
}

/// The time from the request to its payment; `None` when a chain does not answer.
pub(super) async fn rough(source: &Chain, destination: &Chain) -> Option<Duration> {
    let (source, destination) = futures::join!(pace(source), pace(destination));
    Some(estimate(source?, destination?))
}

/// `about 20 s`, `about 3 min`: nobody knows it better.
pub(super) fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..90 => format!("about {} s", (seconds / 5 + 1) * 5),
        seconds @ 90..5400 => format!("about {} min", seconds.div_ceil(60)),
        seconds => format!("about {} h", seconds.div_ceil(3600)),
    }
}

/// A block for the request, its finality, and two blocks until it is paid.
fn estimate(source: Pace, destination: Pace) -> Duration {
    let seconds =
        source.block.saturating_add(source.finality).saturating_add(destination.block.saturating_mul(2));
    Duration::from_secs(seconds)
}

async fn pace(chain: &Chain) -> Option<Pace> {
    let head = chain.head().await.ok()?;
    let newest = head.latest.height.get();
    let blocks = newest.min(LOOKED_AT);
    let made = async |height: u64| chain.block_time(BlockHeight::new(height)).await.ok().flatten();
    let age = async |height: u64| Some(head.timestamp.saturating_sub(made(height).await?));
    let block = age(newest.saturating_sub(blocks)).await?.checked_div(blocks).unwrap_or_default();
    Some(Pace { block, finality: age(head.final_block.height.get()).await? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_counts_finality_and_the_blocks_of_both_chains() {
        let slow = Pace { block: 12, finality: 768 };
        let fast = Pace { block: 1, finality: 0 };
        assert_eq!(estimate(slow, fast), Duration::from_secs(782));
        assert_eq!(estimate(fast, slow), Duration::from_secs(25));
        let endless = Pace { block: u64::MAX, finality: u64::MAX };
        assert_eq!(estimate(endless, endless), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn it_is_shown_as_roughly_as_it_is_known() {
        let of = |seconds| shown(Duration::from_secs(seconds));
        assert_eq!((of(0), of(12)), ("about 5 s".to_owned(), "about 15 s".to_owned()));
        assert_eq!((of(782), of(7300)), ("about 14 min".to_owned(), "about 3 h".to_owned()));
    }
}
