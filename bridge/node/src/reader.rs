//! Reads the logs of a range of blocks in pieces: several asked at the same time, handed out in order, with bounded memory.
//!
//! ```text
//! ranges.rs (what to ask next, pure) ─▶ Chain, up to 4 at a time ─▶ pieces in the order of their blocks
//!        ▲                                    │
//!        └── refused: shorter, failed: again ─┘
//! ```

mod among;
mod ranges;

use std::panic::resume_unwind;

use alloy::primitives::Address;
use among::among;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use polyspan_chain::{Chain, ChainError};
use polyspan_types::{BlockHeight, Classify, ErrorClass, HandledLogs, Request, RequestNonce};
use ranges::Ranges;
use tokio_util::task::AbortOnDropHandle;

/// Failures one after the other after which the reading ends. Unit: calls. Source: as many as are asked at the same time, so that
/// one deaf moment of an endpoint is not yet the end, and an endpoint that times out now and then is no trouble at all.
const FAILURES: u32 = 4;

/// First and last block of a piece.
pub(crate) type BlockRange = (BlockHeight, BlockHeight);

type Fetch<T> =
    Box<dyn Fn(BlockRange) -> BoxFuture<'static, (BlockRange, Result<T, ChainError>)> + Send + Sync>;

/// What a piece weighs: the number of logs in it.
pub(crate) trait Logs {
    fn count(&self) -> u64;
}

impl Logs for Vec<Request> {
    fn count(&self) -> u64 {
        self.len() as u64
    }
}

impl Logs for HandledLogs {
    fn count(&self) -> u64 {
        (self.ranges.len() + self.held.len() + self.endings.len()) as u64
    }
}

/// A range that is being read.
pub(crate) struct RangeReader<T> {
    chain: Chain,
    ranges: Ranges<T>,
    fetch: Fetch<T>,
    /// Each in a task of its own: an answer takes up room of its endpoint until it is read, which must not wait for whoever handles
    /// the piece before and perhaps asks the same endpoint for something.
    open: FuturesUnordered<AbortOnDropHandle<(BlockRange, Result<T, ChainError>)>>,
    failures: u32,
}

impl RangeReader<Vec<Request>> {
    /// Reads the requests that `bridge` took in `range`, about `expected` of them.
    pub(crate) fn requests(chain: &Chain, bridge: Address, range: BlockRange, expected: u64) -> Self {
        let asked = chain.clone();
        Self::new(chain, range, expected, move |(first, to)| {
            let chain = asked.clone();
            Box::pin(async move { ((first, to), chain.requests(bridge, first, to).await) })
        })
    }
}

impl RangeReader<Vec<Request>> {
    /// As [`RangeReader::requests`], of these numbers and from whatever any endpoint tells. Nobody has agreed on that: it is for
    /// requests of which the caller knows the root.
    pub(crate) fn requests_among(
        chain: &Chain,
        bridge: Address,
        range: BlockRange,
        expected: u64,
        nonces: std::ops::Range<RequestNonce>,
    ) -> Self {
        let asked = chain.clone();
        Self::new(chain, range, expected, move |(first, to)| {
            let (chain, nonces) = (asked.clone(), nonces.clone());
            Box::pin(async move {
                let found = match chain.requests_of_each(bridge, first, to).await {
                    // Nobody answers: the quorum's error tells why.
                    Ok(told) if told.is_empty() => chain.requests(bridge, first, to).await,
                    told => told.map(|told| among(nonces, told)),
                };
                ((first, to), found)
            })
        })
    }
}

impl RangeReader<HandledLogs> {
    /// Reads what `bridge` handled in `range`, at most about `expected` requests.
    pub(crate) fn handled(chain: &Chain, bridge: Address, range: BlockRange, expected: u64) -> Self {
        let asked = chain.clone();
        Self::new(chain, range, expected, move |(first, to)| {
            let chain = asked.clone();
            Box::pin(async move { ((first, to), chain.handled(bridge, first, to).await) })
        })
    }
}

impl<T: Logs + Send + 'static> RangeReader<T> {
    fn new(
        chain: &Chain,
        (first, to): BlockRange,
        expected: u64,
        fetch: impl Fn(BlockRange) -> BoxFuture<'static, (BlockRange, Result<T, ChainError>)>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            chain: chain.clone(),
            ranges: Ranges::new(first, to, expected),
            fetch: Box::new(fetch),
            open: FuturesUnordered::new(),
            failures: 0,
        }
    }

    /// The next piece; `None` after the last one. Pieces follow each other without a gap. Cancel-safe.
    ///
    /// Errors: one block is too much for the endpoints, they ask for a wait, or too many calls failed in a row. What was handed out
    /// before stays right.
    pub(crate) async fn next(&mut self) -> Result<Option<(BlockRange, T)>, ChainError> {
        loop {
            if let Some(piece) = self.ranges.take() {
                return Ok(Some(piece));
            }
            while let Some((first, to)) = self.ranges.due()
                && let Some(range) = self.chain.next_range(first, to)
            {
                self.ranges.asked(range);
                self.open.push(AbortOnDropHandle::new(tokio::spawn((self.fetch)(range))));
            }
            let Some(read) = self.open.next().await else { return Ok(None) };
            let (range, answer) = match read {
                Ok(read) => read,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    // The runtime ends, and with it whoever waits here.
                    Err(_) => return std::future::pending().await,
                },
            };
            match answer {
                Ok(logs) => {
                    self.failures = 0;
                    let count = logs.count();
                    self.ranges.answered(range, logs, count);
                }
                Err(error) => self.failed(range, error)?,
            }
        }
    }

    /// The range is asked again, a shorter one if it was too long.
    fn failed(&mut self, range: BlockRange, error: ChainError) -> Result<(), ChainError> {
        let refused = matches!(error, ChainError::RangeRefused { .. });
        self.ranges.failed(range, refused);
        let can_shrink = refused && range.0 < range.1;
        self.failures += u32::from(!can_shrink);
        let may_repeat = matches!(error.class(), ErrorClass::Retry { after } if after.is_zero());
        let goes_on = can_shrink || (!refused && may_repeat && self.failures < FAILURES);
        if goes_on { Ok(()) } else { Err(error) }
    }
}
