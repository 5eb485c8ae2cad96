//! What a destination had handled at its final block.

use polyspan_chain::{Chain, ChainError, Head, LaneState};
use polyspan_node::config::{LaneInfo, Side};
use polyspan_store::Store;
use polyspan_types::{BlockHeight, RequestNonce};

use crate::at_final;
use crate::search::{Enough, backwards};

/// Ranges of the source's logs that are read for one request, newest first. What lies farther back is not worth the wait.
const RANGES: u64 = 16;

/// As much of it as can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HandledAtFinal {
    /// `handleNonce`, or why nobody can tell.
    pub(super) handled: Result<RequestNonce, String>,
    /// Source block of the last request handled.
    pub(super) recovery_block: Option<BlockHeight>,
}

impl HandledAtFinal {
    /// What of it is not known, in words.
    pub(super) fn unknown(&self, chain: &str) -> Option<String> {
        match (&self.handled, self.recovery_block) {
            (Err(reason), _) => Some(format!("what chain {chain} has handled in final blocks: {reason}")),
            (Ok(_), None) => Some(format!(
                "the source's block of the last request that chain {chain} has handled in a final block: what is to be read again begins at the \
                 bridge's deployment instead"
            )),
            (Ok(_), Some(_)) => None,
        }
    }
}

/// From the contract at the final block, or from what was handled since.
///
/// Errors: the state of a final block that is near cannot be read.
pub(super) async fn fetch(
    source: &Chain,
    chain: &Chain,
    info: &LaneInfo,
    head: &Head,
    store: Option<&Store>,
) -> Result<HandledAtFinal, ChainError> {
    let side = &info.destination;
    let begin = info.source.deployment_block;
    if head.final_block.height < side.deployment_block {
        // The bridge itself is not final yet, and reads as an address without code.
        return Ok(HandledAtFinal { handled: Ok(RequestNonce::ZERO), recovery_block: Some(begin) });
    }
    if let Some(state) = at_final::state(chain, side, head).await? {
        return Ok(HandledAtFinal {
            handled: Ok(state.handle_nonce),
            recovery_block: Some(state.recovery_block),
        });
    }
    let (handled, newest) = match at_final::handled_by_logs(chain, side, head).await {
        Ok(found) => found,
        Err(error) => return Ok(HandledAtFinal { handled: Err(error.to_string()), recovery_block: None }),
    };
    let recovery_block = match recovery_block(handled, &newest, begin) {
        Recovery::At(block) => Some(block),
        Recovery::OfRequest(nonce) => match stored(store, info, nonce).await {
            Some(block) => Some(block),
            // It only makes the reading longer.
            None => logged(source, &info.source, nonce).await.unwrap_or_default(),
        },
    };
    Ok(HandledAtFinal { handled: Ok(handled), recovery_block })
}

/// Where the recovery block of a final block is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// Here.
    At(BlockHeight),
    /// It is the block of this request.
    OfRequest(RequestNonce),
}

fn recovery_block(handled: RequestNonce, newest: &LaneState, begin: BlockHeight) -> Recovery {
    if handled == RequestNonce::ZERO {
        return Recovery::At(begin);
    }
    // Nothing was handled in between.
    if handled == newest.handle_nonce {
        return Recovery::At(newest.recovery_block);
    }
    Recovery::OfRequest(handled.minus(1))
}

/// As this host's relay has it.
async fn stored(store: Option<&Store>, info: &LaneInfo, nonce: RequestNonce) -> Option<BlockHeight> {
    let request = store?.request(info.bridge_id, nonce).await.ok()??;
    Some(request.request.transfer.source_block)
}

/// As the newest logs of the source have it.
async fn logged(chain: &Chain, side: &Side, nonce: RequestNonce) -> Result<Option<BlockHeight>, ChainError> {
    let (mut found, mut left) = (None, RANGES);
    backwards(chain, side.deployment_block, async |from, to| {
        let requests = chain.requests(side.bridge, from, to).await?;
        let it = requests.iter().find(|request| request.nonce == nonce);
        found = it.map(|request| request.transfer.source_block);
        left -= 1;
        // Those before it lie further back.
        let is_passed = requests.first().is_some_and(|request| request.nonce < nonce);
        let is_over = found.is_some() || is_passed || left == 0;
        Ok(if is_over { Enough::Yes } else { Enough::No })
    })
    .await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use polyspan_chain::testing::Reply;

    use super::*;
    use crate::lane_fixture::{LaneFixture, World};

    async fn fixture() -> LaneFixture {
        LaneFixture::start(World { blocks: vec![10, 500, 990], head: 1000, states_kept: 128 }).await
    }

    async fn at(fixture: &LaneFixture, final_height: u64) -> (Result<u64, String>, Option<u64>) {
        let (chain, head) = (&fixture.chain, fixture.head(final_height));
        let known = fetch(chain, chain, &fixture.info, &head, None).await.unwrap();
        (known.handled.map(RequestNonce::get), known.recovery_block.map(BlockHeight::get))
    }

    #[tokio::test]
    async fn a_far_final_block_tells_by_logs_what_was_handled_and_where_to_read_again() {
        let fixture = fixture().await;
        for (final_height, handled, recovery) in [(0, 0, 1), (5, 0, 1), (10, 1, 10), (600, 2, 500)] {
            assert_eq!(at(&fixture, final_height).await, (Ok(handled), Some(recovery)));
        }
    }

    #[tokio::test]
    async fn a_near_final_block_is_asked_itself() {
        let fixture = fixture().await;
        assert_eq!(at(&fixture, 950).await, (Ok(2), Some(500)));
        assert_eq!(fixture.count("eth_getLogs"), 0);
    }

    #[tokio::test]
    async fn without_logs_nothing_is_known_and_no_error_is_made_of_it() {
        let fixture = fixture().await;
        fixture.answer_first(|method, _| {
            (method == "eth_getLogs").then(|| Reply::error(-32000, "logs are not kept here"))
        });
        let (handled, recovery) = at(&fixture, 600).await;
        assert!(handled.unwrap_err().contains("logs are not kept here"));
        assert_eq!(recovery, None);
        let near = at(&fixture, 950).await;
        assert_eq!(near, (Ok(2), Some(500)));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let known =
            HandledAtFinal { handled: Ok(RequestNonce::new(2)), recovery_block: Some(BlockHeight::ZERO) };
        assert_eq!(known.unknown("main"), None);
        let told = HandledAtFinal { recovery_block: None, ..known.clone() }.unknown("main").unwrap();
        assert!(told.contains("the bridge's deployment instead"), "{told}");
        let told = HandledAtFinal { handled: Err("no logs".to_owned()), ..known }.unknown("main").unwrap();
        assert_eq!(told, "what chain main has handled in final blocks: no logs");
    }

    #[test]
    fn the_newest_recovery_block_counts_only_when_nothing_was_handled_since() {
        let begin = BlockHeight::new(1);
        let newest = LaneState {
            paused: false,
            operator_epoch: polyspan_types::Epoch::new(1),
            request_nonce: RequestNonce::ZERO,
            request_root: polyspan_types::Root(Default::default()),
            handle_nonce: RequestNonce::new(9),
            handle_root: polyspan_types::Root(Default::default()),
            recovery_block: BlockHeight::new(70),
            held_count: 0,
        };
        let of = |handled| recovery_block(RequestNonce::new(handled), &newest, begin);
        assert_eq!(of(9), Recovery::At(BlockHeight::new(70)));
        assert_eq!(of(8), Recovery::OfRequest(RequestNonce::new(7)));
        assert_eq!(of(0), Recovery::At(begin));
    }
}
