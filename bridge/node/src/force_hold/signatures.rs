//! Which of the decisions that relays show count for a force-hold: a pure function. Nothing that is shown is believed.

use std::collections::BTreeMap;

use alloy::primitives::Signature;
use polyspan_types::{CheckpointDomain, HoldDecision, MemberSet, OperatorId, SignedDecision};

/// The signatures of current operators over exactly `decision`, one of each.
pub fn valid_signatures(
    decision: &HoldDecision,
    shown: impl IntoIterator<Item = SignedDecision>,
    domain: &CheckpointDomain,
    operators: &MemberSet,
) -> BTreeMap<OperatorId, Signature> {
    let same = shown.into_iter().filter(|signed| signed.decision == *decision);
    let valid = same.filter(|signed| signed.verify(domain, operators).is_ok());
    valid.map(|signed| (signed.operator, signed.signature)).collect()
}

/// As many of them as the contract asks for; `None` while there are fewer. More would cost gas and prove nothing.
pub fn enough(signatures: &BTreeMap<OperatorId, Signature>, operators: &MemberSet) -> Option<Vec<Signature>> {
    let needed = usize::from(operators.threshold.get());
    (signatures.len() >= needed).then(|| signatures.values().take(needed).copied().collect())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;
    use polyspan_types::{BridgeId, ChainId, Epoch, HoldAction, Leaf, RequestNonce, Threshold};

    use super::*;

    #[test]
    fn only_current_operators_over_the_very_same_decision_count_and_each_once() {
        let keys: Vec<_> =
            (1..=4).map(|byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()).collect();
        let domain = CheckpointDomain::new(ChainId::new(31_002), Address::repeat_byte(1));
        let members: Vec<_> = keys[..3].iter().map(PrivateKeySigner::address).collect();
        let operators =
            MemberSet { epoch: Epoch::new(2), threshold: Threshold::try_new(2, 3).unwrap(), members };
        let decision = HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id: BridgeId(B256::repeat_byte(1)),
            epoch: Epoch::new(2),
            nonce: RequestNonce::new(7),
            leaf: Leaf(B256::repeat_byte(3)),
        };
        let sign = |key: usize, decision: HoldDecision| SignedDecision {
            decision,
            operator: keys[key].address(),
            signature: keys[key].sign_hash_sync(&decision.digest(&domain)).unwrap(),
        };
        let count =
            |shown: Vec<SignedDecision>| valid_signatures(&decision, shown, &domain, &operators).len();
        let own = sign(0, decision);
        assert_eq!(count(vec![own, own]), 1);
        let forged = SignedDecision { operator: keys[1].address(), ..own };
        assert_eq!(count(vec![own, forged, sign(3, decision)]), 1, "forged, and of no operator");
        for other in [
            HoldDecision { leaf: Leaf(B256::ZERO), ..decision },
            HoldDecision { nonce: RequestNonce::new(8), ..decision },
            HoldDecision { epoch: Epoch::new(1), ..decision },
            HoldDecision { action: HoldAction::Refund, ..decision },
        ] {
            assert_eq!(count(vec![sign(1, other)]), 0, "{other:?}");
        }
        let all = valid_signatures(&decision, (0..3).map(|key| sign(key, decision)), &domain, &operators);
        assert_eq!(enough(&all, &operators).unwrap().len(), 2);
        let one = valid_signatures(&decision, [own], &domain, &operators);
        assert_eq!(enough(&one, &operators), None);
    }
}
