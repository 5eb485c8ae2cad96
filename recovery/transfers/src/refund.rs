//! Requests that pay a hold back.

use polyspan_types::Request;

/// Whether `back` gives whom the user named what the request took in.
pub fn pays_back(request: &Request, back: &Request) -> bool {
    let (asked, given) = (&request.transfer, &back.transfer);
    !asked.kind.is_refund()
        && given.kind == asked.kind.refund()
        && (given.to, given.refund_to) == (asked.refund_to, asked.refund_to)
        && (given.token, given.from, given.value) == (asked.token, asked.from, asked.value)
        && given.payload == asked.payload
}
