//! The oldest hold of a lane, as its destination has it now.

use polyspan_chain::{At, Chain, ChainError, Hold};
use polyspan_types::RequestNonce;

use crate::commands::explain::{fetch_hold, hold_steps};
use crate::hold_steps::HoldStory;
use crate::lane_view::{DestinationView, LaneView};
use crate::network::Network;

/// Holds read in one call. Unit: nonces. Source: about 9 million gas, which every node allows a call.
const PAGE: u64 = 4096;

/// Calls that look for the oldest hold when no relay knows it.
const PAGES: u64 = 16;

/// The oldest hold of the lane; `None` when there is none, or it could not be found.
///
/// Relays know its number. Without them it is looked for from the first request on, and not for ever.
pub async fn oldest(network: &Network, view: &LaneView) -> Option<HoldStory> {
    let destination = view.destination.as_ref().ok().filter(|destination| destination.held > 0)?;
    let reports = view.relays.iter().flat_map(|relays| &relays.reports);
    let told = reports.filter_map(|(_, report)| report.oldest_hold.as_ref()).min_by_key(|hold| hold.nonce);
    let known = match told {
        Some(told) => fetch_hold(network, &view.info, told.nonce).await.ok().flatten(),
        None => None,
    };
    let hold = match known {
        Some(hold) => hold,
        None => search(network.chain(&view.info.destination), view, destination).await.ok().flatten()?,
    };
    let mut story = hold_steps(hold, None, destination).story();
    // The relay that leads knows the request, and so what stands between it and its payment.
    let next = told.filter(|told| told.nonce == hold.nonce).and_then(|told| told.next.clone());
    if let Some(next) = next {
        story.next = format!("{next}; {}", hold_steps(hold, None, destination).refund());
    }
    Some(story)
}

async fn search(
    chain: &Chain,
    view: &LaneView,
    destination: &DestinationView,
) -> Result<Option<Hold>, ChainError> {
    let mut first = RequestNonce::ZERO;
    for _ in 0..PAGES {
        if first >= destination.handled {
            break;
        }
        let count = PAGE.min(destination.handled.since(first));
        let holds = chain.holds(view.info.destination.bridge, first, count, At::Latest).await?;
        if let Some(hold) = holds.into_iter().min_by_key(|hold| hold.nonce) {
            return Ok(Some(hold));
        }
        first = first.plus(count);
    }
    Ok(None)
}
