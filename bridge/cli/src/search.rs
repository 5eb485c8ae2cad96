//! Finding one request or outcome among a bridge's events.

use std::future::Future;

use alloy::primitives::Address;
use polyspan_chain::{Chain, ChainError};
use polyspan_node::config::Side;
use polyspan_types::{BlockHeight, HoldEnding, Outcome, Request, RequestNonce};

/// The request with that number, looked for from `from` on; `None` if it is not there up to the newest block.
pub async fn request(
    chain: &Chain,
    bridge: Address,
    nonce: RequestNonce,
    from: BlockHeight,
) -> Result<Option<Request>, ChainError> {
    let read = async |first, last| {
        let found = chain.requests(bridge, first, last).await?;
        Ok(found.into_iter().find(|request| request.nonce == nonce))
    };
    scan_to_newest(chain, from, read).await
}

/// The lowest request of blocks `from..=to`; `None` if there is none.
pub async fn first_request(
    chain: &Chain,
    bridge: Address,
    from: BlockHeight,
    to: BlockHeight,
) -> Result<Option<RequestNonce>, ChainError> {
    let read = async |first, last| {
        let found = chain.requests(bridge, first, last).await?;
        Ok(found.iter().map(|request| request.nonce).min())
    };
    scan(chain, from, to, read).await
}

/// The lowest request that was handled in blocks `from..=to`; `None` if none was.
pub async fn first_handled(
    chain: &Chain,
    bridge: Address,
    from: BlockHeight,
    to: BlockHeight,
) -> Result<Option<RequestNonce>, ChainError> {
    let read = async |first, last| {
        let found = chain.handled(bridge, first, last).await?;
        Ok(found.ranges.iter().map(|range| range.first).min())
    };
    scan(chain, from, to, read).await
}

/// What the destination did with that number, looked for from `from` on.
pub async fn outcome(
    chain: &Chain,
    side: &Side,
    nonce: RequestNonce,
    from: BlockHeight,
) -> Result<Option<Outcome>, ChainError> {
    let read = async |first, last| Ok(chain.handled(side.bridge, first, last).await?.outcome(nonce));
    scan_to_newest(chain, from, read).await
}

/// How a hold ended, looked for from `from` on.
pub async fn ending(
    chain: &Chain,
    side: &Side,
    nonce: RequestNonce,
    from: BlockHeight,
) -> Result<Option<HoldEnding>, ChainError> {
    let read = async |first, last| Ok(chain.handled(side.bridge, first, last).await?.ending(nonce));
    scan_to_newest(chain, from, read).await
}

/// Reads the logs of a bridge back from the newest block, range after range, until `read` has enough or `oldest` is read. A range
/// that is refused is asked again, shorter.
pub async fn backwards(
    chain: &Chain,
    oldest: BlockHeight,
    mut read: impl AsyncFnMut(BlockHeight, BlockHeight) -> Result<Enough, ChainError>,
) -> Result<(), ChainError> {
    let mut newest = chain.head().await?.latest.height;
    while let Some((first, last)) = chain.next_range(oldest, newest) {
        // As many blocks as the next range has, at the other end.
        let length = last.get() - first.get();
        let from = BlockHeight::new(newest.get().saturating_sub(length)).max(oldest);
        match read(from, newest).await {
            Ok(Enough::Yes) => break,
            Ok(Enough::No) if from == oldest => break,
            Ok(Enough::No) => newest = BlockHeight::new(from.get() - 1),
            Err(ChainError::RangeRefused { .. }) if from < newest => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether older logs are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// None are.
    Yes,
    /// They are.
    No,
}

/// As [`scan`], up to the newest block.
async fn scan_to_newest<T, F>(
    chain: &Chain,
    from: BlockHeight,
    read: impl Fn(BlockHeight, BlockHeight) -> F,
) -> Result<Option<T>, ChainError>
where
    F: Future<Output = Result<Option<T>, ChainError>>,
{
    let newest = chain.head().await?.latest.height;
    scan(chain, from, newest, read).await
}

/// Reads range after range until something is found. A range that is refused is asked again, shorter.
async fn scan<T, F>(
    chain: &Chain,
    mut from: BlockHeight,
    to: BlockHeight,
    read: impl Fn(BlockHeight, BlockHeight) -> F,
) -> Result<Option<T>, ChainError>
where
    F: Future<Output = Result<Option<T>, ChainError>>,
{
    while let Some((first, last)) = chain.next_range(from, to) {
        match read(first, last).await {
            Ok(None) => from = last.next(),
            Err(ChainError::RangeRefused { .. }) if first < last => {}
            other => return other,
        }
    }
    Ok(None)
}
