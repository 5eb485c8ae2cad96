//! What the own key signed before, as far as others still have it: each is a vote that this store may have forgotten.

use std::collections::BTreeMap;

use polyspan_types::{Attestation, BridgeId, CheckpointDomain, OperatorId, RequestNonce, Root};

use crate::tally::VotedCheckpoint;

/// Pure: the roots that `own` is proved to have signed for nonces above `handled`: by its signatures among `attestations`, and by
/// its votes on chain in `voted`, which are for this relay's own roots. The domain of the signature proves the lane's destination,
/// `bridge_id` the lane.
pub fn signed_by(
    own: OperatorId,
    attestations: &[Attestation],
    voted: &[VotedCheckpoint],
    domain: &CheckpointDomain,
    bridge_id: BridgeId,
) -> BTreeMap<RequestNonce, Root> {
    let heard = attestations.iter().filter(|attestation| {
        attestation.checkpoint.bridge_id == bridge_id
            && attestation.operator == own
            && attestation.signature.recover_address_from_prehash(&attestation.checkpoint.digest(domain)).ok()
                == Some(own)
    });
    let voted = voted.iter().filter(|voted| voted.voters.contains(&own)).map(|voted| voted.checkpoint);
    heard
        .map(|attestation| attestation.checkpoint)
        .chain(voted)
        .map(|checkpoint| (checkpoint.nonce, checkpoint.root))
        .collect()
}

/// Pure: nonces for which `own` has voted on chain for something else than this relay's own root, by the `dissent` of everybody.
pub fn dissented(
    own: OperatorId,
    dissent: &[(RequestNonce, OperatorId)],
) -> impl Iterator<Item = RequestNonce> {
    dissent.iter().filter(move |(_, operator)| *operator == own).map(|(nonce, _)| *nonce)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;
    use polyspan_types::{ChainId, Checkpoint, Epoch};

    use super::*;

    const LANE: BridgeId = BridgeId(B256::repeat_byte(1));

    fn domain() -> CheckpointDomain {
        CheckpointDomain::new(ChainId::new(2), Address::repeat_byte(2))
    }

    fn signed(key: &PrivateKeySigner, bridge_id: BridgeId, nonce: u64, operator: OperatorId) -> Attestation {
        let root = Root(B256::with_last_byte(nonce as u8));
        let checkpoint =
            Checkpoint { bridge_id, epoch: Epoch::new(1), nonce: RequestNonce::new(nonce), root };
        let signature = key.sign_hash_sync(&checkpoint.digest(&domain())).unwrap();
        Attestation { checkpoint, operator, signature }
    }

    #[test]
    fn only_own_signatures_of_this_lane_are_taken_for_an_own_history() {
        let (own, other) = (PrivateKeySigner::random(), PrivateKeySigner::random());
        let heard = [
            signed(&own, LANE, 3, own.address()),
            signed(&own, BridgeId(B256::repeat_byte(9)), 4, own.address()),
            signed(&other, LANE, 5, other.address()),
            signed(&other, LANE, 6, own.address()),
        ];
        let found = signed_by(own.address(), &heard, &[], &domain(), LANE);
        assert_eq!(found.into_keys().map(|nonce| nonce.get()).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn an_own_vote_for_another_root_is_told_from_those_of_others() {
        let (own, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let dissent = vec![(RequestNonce::new(4), own), (RequestNonce::new(5), other)];
        assert_eq!(dissented(own, &dissent).collect::<Vec<_>>(), [RequestNonce::new(4)]);
    }
}
