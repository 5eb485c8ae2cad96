use alloy::primitives::{B256, U256};
use alloy::signers::SignerSync;
use polyspan_chain::testing::development_key;
use polyspan_types::testing::{assert_own_words, wrong_values};
use polyspan_types::{BlockHeight, RequestKind, Threshold, ValueTransfer};

use super::*;

fn decision() -> Decision {
    let transfer = ValueTransfer {
        kind: RequestKind::new(1),
        source_block: BlockHeight::new(9),
        token: Address::repeat_byte(1),
        from: Address::repeat_byte(2),
        to: Address::repeat_byte(3),
        refund_to: Address::repeat_byte(4),
        value: U256::MAX,
        payload: Bytes::from(vec![5; 40]),
    };
    Decision {
        version: VERSION,
        action: HoldAction::ForceHold,
        lane: "kr/main-to-service".parse().unwrap(),
        bridge_id: BridgeId(B256::repeat_byte(7)),
        chain_id: ChainId::new(31_002),
        bridge: Address::repeat_byte(8),
        epoch: Epoch::new(2),
        text: "5 of a token to somebody".to_owned(),
        request: Request { nonce: RequestNonce::new(42), transfer, tx_hash: B256::repeat_byte(6) },
        signatures: Vec::new(),
    }
}

fn operators(keys: &[usize]) -> MemberSet {
    let members: Vec<_> = keys.iter().map(|key| development_key(*key).address()).collect();
    let threshold = Threshold::try_new(2, members.len()).unwrap();
    MemberSet { members, threshold, epoch: Epoch::new(2) }
}

fn signed_by(keys: &[usize]) -> Decision {
    let mut decision = decision();
    let digest = decision.signed().digest(&decision.domain());
    for key in keys {
        let key = development_key(*key);
        decision.add_signature(key.address(), &key.sign_hash_sync(&digest).unwrap());
    }
    decision
}

#[test]
fn a_wrong_value_is_named_in_own_words() {
    for wrong in wrong_values(&signed_by(&[1]).to_text().unwrap()) {
        if let Err(told) = Decision::parse(&wrong, HoldAction::ForceHold) {
            assert_own_words(&told);
            assert!(!told.contains("is not TOML"), "{told} of {wrong}");
        }
    }
}

#[test]
fn a_file_comes_back_as_it_was_and_explains_itself() {
    for action in HoldAction::ALL {
        let decision = Decision { action, ..signed_by(&[1, 2]) };
        let text = decision.to_text().unwrap();
        assert_eq!(Decision::parse(&text, action), Ok(decision));
        assert!(text.starts_with("# A decision"), "{text}");
        for word in [format!("action = \"{action}\""), format!("polyspan {action} sign FILE")] {
            assert!(text.contains(&word), "`{word}` in {text}");
        }
    }
}

#[test]
fn what_is_no_decision_is_refused_with_its_cure() {
    let refused = |from: &str, to: &str| {
        let text = decision().to_text().unwrap();
        assert!(text.contains(from), "{text}");
        Decision::parse(&text.replace(from, to), HoldAction::ForceHold).unwrap_err()
    };
    assert!(refused("version = 1", "version = 2").contains("version 2 of the file is not known here"));
    assert!(refused("version = 1", "").contains("force-hold prepare"));
    assert!(refused("epoch = 2", "epoch = 2\nepock = 2").contains("unknown key"));
    let other = refused("\"force-hold\"", "\"refund\"");
    assert!(other.contains("it decides a refund, not a force-hold"), "{other}");
    assert!(other.contains("with `polyspan refund`"), "{other}");
}

#[test]
fn one_signature_of_each_operator_counts_and_all_others_are_told() {
    let mut decision = signed_by(&[1, 2, 5]);
    decision.signatures.push(decision.signatures[0].clone());
    decision
        .signatures
        .push(SignatureEntry { operator: Address::repeat_byte(9), ..decision.signatures[0].clone() });
    decision
        .signatures
        .push(SignatureEntry { operator: Address::repeat_byte(9), signature: Bytes::from(vec![1; 3]) });
    let operators = operators(&[3, 1, 2]);
    let tally = decision.tally(&operators);
    let signers: Vec<_> = tally.signed.iter().map(|(signer, _)| *signer).collect();
    assert_eq!(signers, [development_key(1).address(), development_key(2).address()]);
    assert_eq!(tally.missing, [development_key(3).address()]);
    assert_eq!(tally.refused.len(), 3, "{:?}", tally.refused);
    assert!(tally.refused[0].contains("is no operator"), "{:?}", tally.refused);
    assert_eq!(tally.needed(&operators).len(), 2);
}

#[test]
fn copies_of_one_decision_are_merged_and_others_are_not() {
    let mut own = signed_by(&[1]);
    let copy = Decision { text: "other words".to_owned(), ..signed_by(&[1, 2]) };
    own.merge(&copy).unwrap();
    assert_eq!(own.signatures, signed_by(&[1, 2]).signatures);
    let mut other = signed_by(&[3]);
    other.request.transfer.value = U256::ONE;
    own.merge(&other).unwrap_err();
    own.merge(&Decision { epoch: Epoch::new(3), ..signed_by(&[3]) }).unwrap_err();
    own.merge(&Decision { bridge: Address::ZERO, ..signed_by(&[3]) }).unwrap_err();
    own.merge(&Decision { action: HoldAction::Release, ..signed_by(&[3]) }).unwrap_err();
    assert_eq!(own.signatures.len(), 2);
}

#[test]
fn a_signature_counts_for_one_action_only() {
    let release = Decision { action: HoldAction::Release, ..signed_by(&[1, 2]) };
    let tally = release.tally(&operators(&[1, 2, 3]));
    assert_eq!((tally.signed.len(), tally.refused.len()), (0, 2), "{:?}", tally.refused);
}
