//! Whether what a destination says that it handled is what was requested: plain functions of what was seen. While it is not, nothing
//! that it handled since the last comparison is called paid.

use polyspan_types::{Leaf, Request, RequestNonce, Root};

use crate::lane_view::{DestinationView, SourceView};

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
