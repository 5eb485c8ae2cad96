//! What can be seen of one lane from outside: both ends, and what the relays say.

use polyspan_chain::{At, BridgeState, Chain, ChainError, Head};
use polyspan_coordination::{Coordinator, LaneReport, MemberId, MemberView};
use polyspan_node::config::LaneInfo;
use polyspan_node::tally::Tally;
use polyspan_types::{BlockHeight, CheckpointDomain, MemberSet, RequestNonce, Root};

use crate::at_final;
use crate::network::Network;

/// One lane now. What could not be read is there as the reason.
#[derive(Debug)]
pub struct LaneView {
    /// Its names and ends.
    pub info: LaneInfo,
    /// Where requests are made.
    pub source: Result<SourceView, String>,
    /// Where they are paid.
    pub destination: Result<DestinationView, String>,
    /// What relays say of it.
    pub relays: Result<RelaysView, String>,
}

/// The source side.
#[derive(Debug, Clone)]
pub struct SourceView {
    /// Requests made.
    pub requested: RequestNonce,
    /// The source's root over them.
    pub request_root: Root,
    /// Requests in final blocks, or why nobody can tell. To be shown only: where the final block is far behind it is counted from
    /// logs, and one that endpoints leave out makes it greater.
    pub final_nonce: Result<RequestNonce, String>,
    /// The final block.
    pub final_block: BlockHeight,
    /// No requests are taken now.
    pub paused: bool,
}

/// The destination side.
#[derive(Debug, Clone)]
pub struct DestinationView {
    /// First nonce not handled.
    pub handled: RequestNonce,
    /// Requests on hold.
    pub held: u64,
    /// Nothing is paid now.
    pub paused: bool,
    /// Who may sign.
    pub operators: MemberSet,
    /// Everything about the contract.
    pub state: BridgeState,
    /// The chain's newest block.
    pub head: Head,
}

/// The relays' side.
#[derive(Debug)]
pub struct RelaysView {
    /// Verified votes; `None` while the operators are unknown.
    pub tally: Option<Tally>,
    /// Who submits.
    pub leader: Option<MemberId>,
    /// What each living relay says of the lane.
    pub reports: Vec<(MemberId, LaneReport)>,
}

impl LaneView {
    /// Reads both ends and the coordinator, at the same time.
    pub async fn fetch(network: &Network, info: LaneInfo, members: &[MemberView]) -> Self {
        let (source, destination) = tokio::join!(
            fetch_source(network.chain(&info.source), &info),
            fetch_destination(network.chain(&info.destination), &info)
        );
        let (source, destination) = (source.map_err(text), destination.map_err(text));
        let relays = match &network.coordinator {
            Ok(coordinator) => {
                fetch_relays(coordinator.as_ref(), &info, destination.as_ref().ok(), members).await
            }
            Err(reason) => Err(reason.clone()),
        };
        Self { info, source, destination, relays }
    }
}

fn text(error: ChainError) -> String {
    error.to_string()
}

async fn fetch_source(chain: &Chain, info: &LaneInfo) -> Result<SourceView, ChainError> {
    let head = chain.head().await?;
    let bridge = info.source.bridge;
    let newest = chain.lane_state(bridge, At::Latest).await?;
    let final_nonce = if head.final_block.height < info.source.deployment_block {
        // The bridge itself is not final yet, and reads as an address without code.
        Ok(RequestNonce::ZERO)
    } else {
        match at_final::state(chain, &info.source, &head).await? {
            Some(state) => Ok(state.request_nonce),
            None => at_final::requested_by_logs(chain, &info.source, &head).await.map_err(text),
        }
    };
    Ok(SourceView {
        requested: newest.request_nonce,
        request_root: newest.request_root,
        final_nonce,
        final_block: head.final_block.height,
        paused: newest.paused,
    })
}

async fn fetch_destination(chain: &Chain, info: &LaneInfo) -> Result<DestinationView, ChainError> {
    let head = chain.head().await?;
    let state: BridgeState = chain.bridge_state(info.destination.bridge, At::Latest).await?;
    Ok(DestinationView {
        handled: state.handle_nonce,
        held: state.held_count,
        paused: state.paused,
        operators: state.operators.clone(),
        state,
        head,
    })
}

async fn fetch_relays(
    coordinator: &dyn Coordinator,
    info: &LaneInfo,
    destination: Option<&DestinationView>,
    members: &[MemberView],
) -> Result<RelaysView, String> {
    let leader = coordinator.leader(info.bridge_id).await.map_err(|error| error.to_string())?;
    let tally = match destination {
        Some(view) => {
            let attestations = coordinator.attestations(info.bridge_id, view.handled).await;
            let domain = CheckpointDomain::new(info.destination.chain_id, info.destination.bridge);
            let mine = attestations.map_err(|error| error.to_string())?.into_iter();
            // Signed for another lane of the same contract, it proves nothing here.
            let mine = mine.filter(|attestation| attestation.checkpoint.bridge_id == info.bridge_id);
            Some(Tally::over(mine, &view.operators, &domain))
        }
        None => None,
    };
    let reports = members.iter().filter(|view| view.alive).flat_map(|view| {
        let own = view.report.lanes.iter().filter(|report| report.lane == info.id);
        own.map(|report| (view.member.id.clone(), report.clone()))
    });
    Ok(RelaysView { tally, leader: leader.map(|(id, _)| id), reports: reports.collect() })
}

#[cfg(test)]
mod tests {
    use polyspan_chain::testing::Reply;

    use super::*;
    use crate::lane_fixture::{LaneFixture, World};

    async fn source(depth: u64) -> (LaneFixture, SourceView) {
        let world = World { blocks: vec![10, 500, 990], head: 1000, states_kept: 128 };
        let fixture = LaneFixture::with_depth(world, depth).await;
        let view = fetch_source(&fixture.chain, &fixture.info).await.unwrap();
        (fixture, view)
    }

    #[tokio::test]
    async fn a_source_whose_final_block_has_no_state_any_more_is_seen_as_well() {
        for (depth, final_nonce) in [(140, 2), (600, 1), (995, 0), (1000, 0)] {
            let (_, view) = source(depth).await;
            assert_eq!(view.final_nonce, Ok(RequestNonce::new(final_nonce)), "{depth}");
            assert_eq!(view.requested, RequestNonce::new(3));
            assert_eq!(view.final_block.get(), 1000 - depth);
        }
    }

    #[tokio::test]
    async fn a_near_final_block_is_asked_for_its_state_and_no_logs_are_read() {
        for depth in [0, 5, 100] {
            let (fixture, view) = source(depth).await;
            assert_eq!(view.final_nonce, Ok(RequestNonce::new(if depth > 10 { 2 } else { 3 })));
            assert_eq!(fixture.count("eth_getLogs"), 0);
        }
    }

    #[tokio::test]
    async fn a_source_without_logs_hides_nothing_but_what_is_final() {
        let (fixture, _) = source(140).await;
        fixture.answer_first(|method, _| {
            (method == "eth_getLogs").then(|| Reply::error(-32000, "logs are not kept here"))
        });
        let view = fetch_source(&fixture.chain, &fixture.info).await.unwrap();
        assert_eq!(view.requested, RequestNonce::new(3));
        assert!(view.final_nonce.unwrap_err().contains("logs are not kept here"));
    }
}
