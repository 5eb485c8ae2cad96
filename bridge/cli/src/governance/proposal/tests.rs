use polyspan_types::testing::{assert_own_words, wrong_values};
use tempfile::TempDir;

use super::*;
use crate::governance::testing::{BRIDGE, TOKEN};

fn section() -> Section {
    let call = polyspan_contracts::Bridge::setPairLockedCall { token: TOKEN, locked: true };
    Section {
        chain: "main".to_owned(),
        chain_id: ChainId::new(31001),
        bridge: BRIDGE,
        epoch: Epoch::new(1),
        configuration_nonce: 1,
        deadline: 1_800_000_000,
        deadline_text: "2027-01-15T08:00:00Z".to_owned(),
        calls: vec![CallEntry {
            text: "refuse requests".to_owned(),
            calldata: Setter::SetPairLocked(call).encode(),
        }],
        signatures: Vec::new(),
    }
}

fn proposal() -> Proposal {
    let bridge = Some("kr".parse().unwrap());
    Proposal { main: Some(section()), ..Proposal::new(Intent::Configuration, bridge) }
}

fn signed(byte: u8) -> Proposal {
    let mut proposal = proposal();
    let section = proposal.main.as_mut().unwrap();
    section.add_signature(Address::repeat_byte(byte), Bytes::from(vec![byte; 65]));
    proposal
}

#[test]
fn a_file_comes_back_as_it_was_and_explains_itself() {
    let text = signed(1).to_text().unwrap();
    assert_eq!(Proposal::parse(&text), Ok(signed(1)));
    assert!(text.starts_with("# A vote") && text.contains("[[main.call]]"), "{text}");
    assert!(text.contains("text = \"refuse requests\""), "{text}");
    let endless = Proposal { main: Some(Section { deadline: u64::MAX, ..section() }), ..proposal() };
    assert_eq!(Proposal::parse(&endless.to_text().unwrap()), Ok(endless));
}

#[test]
fn a_wrong_value_is_named_in_own_words() {
    for wrong in wrong_values(&signed(1).to_text().unwrap()) {
        if let Err(told) = Proposal::parse(&wrong) {
            assert_own_words(&told);
            assert!(!told.contains("is not TOML"), "{told} of {wrong}");
        }
    }
}

#[test]
fn what_is_no_proposal_is_refused_with_its_cure() {
    let refused =
        |from: &str, to: &str| Proposal::parse(&proposal().to_text().unwrap().replace(from, to)).unwrap_err();
    assert!(refused("version = 1", "version = 2").contains("version 2 of the file is not known here"));
    assert!(refused("version = 1", "").contains("governance propose"));
    assert!(refused("epoch = 1", "epoch = 1\nepock = 2").contains("unknown key"));
    assert!(refused("\"configuration\"", "\"cancellation\"").contains("do not fit its intent"));
    assert!(
        Proposal::parse("version = 1\nintent = \"configuration\"\n")
            .unwrap_err()
            .contains("asks for nothing")
    );
}

#[test]
fn words_in_a_file_do_not_hide_what_the_calldata_says() {
    let mut proposal = proposal();
    proposal.main.as_mut().unwrap().calls[0].text = "nothing at all".to_owned();
    let setters = proposal.main.as_ref().unwrap().setters().unwrap();
    assert!(matches!(&setters[..], [Setter::SetPairLocked(call)] if call.locked && call.token == TOKEN));
    assert_eq!(proposal.fingerprint(), self::proposal().fingerprint());
}

#[test]
fn copies_bring_their_votes_together() {
    let mut merged = signed(1);
    merged.merge(&signed(2)).unwrap();
    merged.merge(&signed(2)).unwrap();
    let governors: Vec<_> = merged.main.unwrap().signatures.iter().map(|entry| entry.governor).collect();
    assert_eq!(governors, [Address::repeat_byte(1), Address::repeat_byte(2)]);
}

#[test]
fn a_copy_with_other_words_is_the_same_and_one_with_another_number_is_not() {
    let mut copy = signed(2);
    let section = copy.main.as_mut().unwrap();
    section.chain = "elsewhere".to_owned();
    section.calls[0].text = String::new();
    signed(1).merge(&copy).unwrap();
    copy.main.as_mut().unwrap().configuration_nonce = 2;
    let error = signed(1).merge(&copy).unwrap_err();
    assert!(error.contains("is another proposal") && error.contains(&copy.fingerprint()), "{error}");
}

#[test]
fn a_new_vote_of_a_governor_replaces_the_former_one() {
    let mut section = section();
    let governor = Address::repeat_byte(1);
    section.add_signature(governor, Bytes::from(vec![1; 65]));
    section.add_signature(governor, Bytes::from(vec![2; 65]));
    assert_eq!(section.signatures, [SignatureEntry { governor, signature: Bytes::from(vec![2; 65]) }]);
}

#[test]
fn files_are_replaced_as_a_whole_and_never_made_over_another() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("proposal.toml");
    proposal().create(&file).unwrap();
    assert!(proposal().create(&file).unwrap_err().to_string().contains("not overwritten"));
    signed(1).replace(&file).unwrap();
    assert_eq!(Proposal::load(&file).unwrap(), signed(1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
