//! Whether what a destination says that it handled is what was requested: plain functions of what was seen. While it is not, nothing
//! that it handled since the last comparison is called paid.

use polyspan_store::{Store, StoreError};
use polyspan_types::{Leaf, Request, RequestNonce, Root};

use crate::lane_view::{DestinationView, LaneView, SourceView};

/// What came of comparing the roots of both ends of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Handled requests of which nobody needs to doubt that they are what was requested.
    pub compared: RequestNonce,
    /// What speaks against those above.
    pub dispute: Option<String>,
}

/// Compares what both ends and the store of this host's relay have. `compared` is how far that relay came.
pub async fn compare(view: &LaneView, store: Option<&Store>, compared: RequestNonce) -> Comparison {
    let Ok(destination) = &view.destination else { return Comparison { compared, dispute: None } };
    let source = view.source.as_ref().ok();
    let own = match store {
        // A store that cannot be read compares nothing; its reader notes why.
        Some(store) => own_root(store, view, destination.handled).await.ok().flatten(),
        None => None,
    };
    let handled = (destination.handled, destination.state.handle_root);
    of_all(handled, source.map(|source| (source.requested, source.request_root)), own, compared)
}

/// The root of the store's requests that the source has confirmed, if it has so many.
async fn own_root(store: &Store, view: &LaneView, handled: RequestNonce) -> Result<Option<Root>, StoreError> {
    let lane = view.info.bridge_id;
    match store.source_position(lane).await?.verified_next >= handled {
        true => store.root_at(lane, handled).await,
        false => Ok(None),
    }
}

/// By the root of the destination, of the source over all requests, and of the store over those that are handled.
fn of_all(
    (handled, found): (RequestNonce, Root),
    source: Option<(RequestNonce, Root)>,
    own: Option<Root>,
    compared: RequestNonce,
) -> Comparison {
    let by_store = own.and_then(|own| of_roots(handled, own, found));
    let by_source = source.and_then(|source| of_counts(source, (handled, found)));
    let dispute = by_store.or(by_source);
    let is_same = own.is_some() || source.is_some_and(|(requested, _)| requested == handled);
    Comparison { compared: if dispute.is_none() && is_same { handled } else { compared }, dispute }
}

/// What speaks against the destination by its own state and that of the source.
pub fn of_ends(source: &SourceView, destination: &DestinationView) -> Option<String> {
    of_counts((source.requested, source.request_root), (destination.handled, destination.state.handle_root))
}

/// The same by how many requests each end has, and its root over them.
pub fn of_counts(
    (requested, request_root): (RequestNonce, Root),
    (handled, handle_root): (RequestNonce, Root),
) -> Option<String> {
    if handled > requested {
        return Some(format!(
            "the destination has handled {handled} requests and the source has {requested}: something was handled that nobody requested, or \
             the source's endpoint lags"
        ));
    }
    (handled == requested).then_some(())?;
    of_roots(handled, request_root, handle_root)
}

/// What speaks against the destination by the root over `handled` requests.
pub fn of_roots(handled: RequestNonce, own: Root, found: Root) -> Option<String> {
    (own != found).then(|| {
        format!(
            "the destination's root over {handled} requests is {found}, the requests hash to {own}: something was handled that nobody requested"
        )
    })
}

/// What speaks against the call that handled a request: it names another transfer under the same number.
pub fn of_call(request: &Request, handled: &Request) -> Option<String> {
    (Leaf::of(request) != Leaf::of(handled)).then(|| {
        format!(
            "what the destination handled under number {} is another transfer: to {}, and not to {} as requested",
            request.nonce, handled.transfer.to, request.transfer.to
        )
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    const OWN: Root = Root(B256::repeat_byte(1));
    const OTHER: Root = Root(B256::repeat_byte(2));

    #[test]
    fn what_nothing_speaks_against_is_compared_only_where_there_is_a_root_to_compare_with() {
        let nonce = RequestNonce::new;
        let of = |found, source: Option<(u64, Root)>, own| {
            let source = source.map(|(requested, root)| (nonce(requested), root));
            let Comparison { compared, dispute } = of_all((nonce(5), found), source, own, nonce(2));
            (compared.get(), dispute.is_some())
        };
        assert_eq!(of(OWN, Some((5, OWN)), None), (5, false));
        assert_eq!(of(OWN, Some((9, OTHER)), Some(OWN)), (5, false), "the source has gone on");
        assert_eq!(of(OWN, None, Some(OWN)), (5, false), "the source is silent");
        assert_eq!(of(OWN, Some((9, OTHER)), None), (2, false), "there is nothing to compare with");
        assert_eq!(of(OWN, None, None), (2, false));
        assert_eq!(of(OTHER, Some((5, OWN)), None), (2, true));
        assert_eq!(of(OTHER, Some((9, OTHER)), Some(OWN)), (2, true));
        assert_eq!(of(OWN, Some((4, OWN)), Some(OWN)), (2, true), "more is handled than requested");
    }
}
