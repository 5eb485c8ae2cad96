//! What a contract counted at the final block of its chain. Nodes keep the states of their newest blocks only, and the logs of all:
//! where the final block is far behind, the count is that of now without what the logs tell since then.

use polyspan_chain::{At, Chain, ChainError, Head, LaneState};
use polyspan_node::config::Side;
use polyspan_types::RequestNonce;

use crate::search;

/// The contract's own words at the final block; `None` where their state is not there to be asked for.
///
/// Errors: the chain cannot be read.
pub async fn state(chain: &Chain, side: &Side, head: &Head) -> Result<Option<LaneState>, ChainError> {
    if !head.has_final_state() {
        return Ok(None);
    }
    match chain.lane_state(side.bridge, At::Hash(head.final_block.hash)).await {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.is_state_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Requests that the source had at its final block, by its logs. Good to be shown, and no proof: a log that endpoints leave out
/// makes it greater.
///
/// Errors: the newest state or the logs cannot be read.
pub async fn requested_by_logs(chain: &Chain, side: &Side, head: &Head) -> Result<RequestNonce, ChainError> {
    let newest = newest(chain, side, head).await?;
    let (from, to) = (head.final_block.height.next(), head.latest.height);
    let after = search::first_request(chain, side.bridge, from, to).await?;
    Ok(count_before(after, newest.request_nonce))
}

/// Requests that the destination had handled at its final block, by its logs, and its newest state.
///
/// Errors: the newest state or the logs cannot be read.
pub async fn handled_by_logs(
    chain: &Chain,
    side: &Side,
    head: &Head,
) -> Result<(RequestNonce, LaneState), ChainError> {
    let newest = newest(chain, side, head).await?;
    let (from, to) = (head.final_block.height.next(), head.latest.height);
    let after = search::first_handled(chain, side.bridge, from, to).await?;
    Ok((count_before(after, newest.handle_nonce), newest))
}

/// At a block that is named: what came after it is in no log that is read here, and would be counted as final.
async fn newest(chain: &Chain, side: &Side, head: &Head) -> Result<LaneState, ChainError> {
    chain.lane_state(side.bridge, At::Hash(head.latest.hash)).await
}

/// How many there were before the first one `after` the final block; with none after it they are those of the `newest` block.
fn count_before(after: Option<RequestNonce>, newest: RequestNonce) -> RequestNonce {
    after.map_or(newest, |first| first.min(newest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane_fixture::{LaneFixture, World};

    #[test]
    fn the_first_log_after_the_final_block_tells_how_many_were_there_before() {
        let count = |after: Option<u64>, newest| {
            count_before(after.map(RequestNonce::new), RequestNonce::new(newest)).get()
        };
        assert_eq!(count(Some(3), 9), 3);
        assert_eq!(count(Some(0), 9), 0);
        assert_eq!(count(None, 9), 9);
        // A log beyond the count is of a block that was replaced meanwhile.
        assert_eq!(count(Some(12), 9), 9);
    }

    /// Requests in blocks 10, 500 and 990 of 1000, handled in the same blocks.
    fn world() -> World {
        World { blocks: vec![10, 500, 990], head: 1000, states_kept: 128 }
    }

    #[tokio::test]
    async fn a_final_block_that_is_far_behind_is_counted_by_logs() {
        for (final_height, count) in [(5, 0), (10, 1), (499, 1), (500, 2), (899, 2)] {
            let fixture = LaneFixture::start(world()).await;
            let (chain, side, head) = (&fixture.chain, &fixture.info.source, fixture.head(final_height));
            assert_eq!(state(chain, side, &head).await.unwrap(), None);
            assert_eq!(requested_by_logs(chain, side, &head).await.unwrap().get(), count);
            let (handled, newest) = handled_by_logs(chain, side, &head).await.unwrap();
            assert_eq!((handled.get(), newest.handle_nonce.get()), (count, 3));
        }
    }

    #[tokio::test]
    async fn a_final_block_that_is_near_is_asked_by_its_hash() {
        let fixture = LaneFixture::start(world()).await;
        let near = state(&fixture.chain, &fixture.info.source, &fixture.head(900)).await.unwrap();
        assert_eq!(near.map(|state| state.request_nonce.get()), Some(2));
    }

    #[tokio::test]
    async fn a_near_state_that_a_node_has_thrown_away_is_no_error() {
        let fixture = LaneFixture::start(World { states_kept: 8, ..world() }).await;
        let (chain, side, head) = (&fixture.chain, &fixture.info.source, fixture.head(950));
        assert_eq!(state(chain, side, &head).await.unwrap(), None);
        assert_eq!(requested_by_logs(chain, side, &head).await.unwrap().get(), 2);
    }
}
