//! The requests among what each endpoint tells: pure.
//!
//! It is asked when what a quorum told is proved to lack some. Then no count of endpoints decides, but the root that the source
//! holds: it is the same from a quorum, and only the true requests, all of them, hash to it.

use std::collections::BTreeMap;
use std::ops::Range;

use polyspan_types::{Request, RequestNonce};

/// The requests of these numbers that any endpoint tells, each once and in order; of two that differ the one that more of them
/// tell. `told` has an entry for each endpoint.
pub(super) fn among(nonces: Range<RequestNonce>, told: Vec<Vec<Request>>) -> Vec<Request> {
    let mut variants: BTreeMap<RequestNonce, Vec<(Request, usize)>> = BTreeMap::new();
    for request in told.into_iter().flatten().filter(|request| nonces.contains(&request.nonce)) {
        let known = variants.entry(request.nonce).or_default();
        match known.iter_mut().find(|(variant, _)| *variant == request) {
            Some((_, count)) => *count += 1,
            None => known.push((request, 1)),
        }
    }
    let most = |variants: Vec<(Request, usize)>| variants.into_iter().max_by_key(|(_, count)| *count);
    variants.into_values().filter_map(most).map(|(request, _)| request).collect()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};
    use polyspan_types::{BlockHeight, Kind, ValueTransfer};

    use super::*;

    fn request(nonce: u64, value: u64) -> Request {
        let transfer = ValueTransfer {
            kind: Kind::Native.into(),
            token: Address::ZERO,
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            refund_to: Address::repeat_byte(1),
            value: U256::from(value),
            payload: Default::default(),
            source_block: BlockHeight::new(nonce),
        };
        Request { nonce: RequestNonce::new(nonce), transfer, tx_hash: B256::ZERO }
    }

    fn told(requests: &[Request]) -> Vec<(u64, u64)> {
        requests.iter().map(|request| (request.nonce.get(), request.transfer.value.to())).collect()
    }

    #[test]
    fn what_one_endpoint_has_is_found_and_what_most_tell_wins() {
        let full = vec![request(3, 10), request(4, 10), request(5, 10)];
        let hiding = vec![request(3, 10), request(5, 99)];
        let nonces = RequestNonce::new(4)..RequestNonce::new(6);
        let made_up = vec![request(6, 1)];
        let all = vec![hiding.clone(), full.clone(), hiding, full.clone(), full, made_up];
        assert_eq!(told(&among(nonces.clone(), all)), [(4, 10), (5, 10)]);
        assert!(among(nonces, vec![Vec::new(), Vec::new()]).is_empty());
    }
}
