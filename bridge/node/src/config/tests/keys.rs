//! Keys that are elsewhere, and keys that stand in for others.

use super::*;

/// The example with a remote signer in place of the keystore.
fn remote_with(more: &str) -> String {
    let keystore = "attester = { keystore = \"attester.json\", passphrase_file = \"attester.pass\" }";
    let remote = format!(
        "attester = {{ remote = \"web3signer\", url = \"https://signer:9000\", address = \"0x00000000000000000000000000000000000000aa\"{more} }}"
    );
    example_with(keystore, &remote)
}

#[test]
fn a_remote_signer_takes_the_place_of_the_keystore() {
    let folder = Folder::new();
    for name in ["ca.pem", "relay.pem", "relay.key", "token"] {
        folder.write(name, "x");
    }
    let more = ", timeout = \"2s\", ca_file = \"ca.pem\", client_certificate = \"relay.pem\", client_key = \"relay.key\", token_file = \"token\"";
    let relay = folder.load(&remote_with(more)).unwrap().relay.unwrap();
    let Some(KeyEntry::Remote(settings)) = relay.attester else { panic!("{:?}", relay.attester) };
    assert_eq!((settings.protocol, settings.timeout), (RemoteProtocol::Web3Signer, Duration::from_secs(2)));
    assert_eq!(settings.ca_file, Some(folder.0.path().join("ca.pem")));
    let Some(KeyEntry::Remote(settings)) = folder.load(&remote_with("")).unwrap().relay.unwrap().attester
    else {
        panic!("a remote signer");
    };
    assert_eq!(settings.timeout, Duration::from_secs(5));
}

#[test]
fn every_problem_of_a_remote_signer_is_named() {
    let wrong = remote_with(
        ", keystore = \"attester.json\", timeout = \"1ms\", client_key = \"gone.key\", basic_auth_file = \"a\", token_file = \"b\"",
    );
    let wrong =
        wrong.replace("\"web3signer\", url = \"https", "\"vault\", url = \"http").replace("0x00000", "0x");
    let problems = Folder::new().problems(&wrong);
    for start in [
        "relay.attester.keystore: a remote signer has the key",
        "relay.attester.remote: `vault` is no kind of remote signer",
        "relay.attester.url: plain http to another host",
        "relay.attester.address: not an address",
        "relay.attester.timeout: 1ms is out of range",
        "relay.attester.client_certificate: missing",
        "relay.attester.token_file: a request has one kind",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(start)), "{start} in {problems:#?}");
    }
    let folder = Folder::new();
    let open = folder.write("token", "x");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let problems = folder.problems(&remote_with(", token_file = \"token\", ca_file = \"gone.pem\""));
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].starts_with("relay.attester.ca_file: ") && problems[0].contains("gone.pem"));
    assert!(problems[1].starts_with("relay.attester.token_file: ") && problems[1].contains("chmod 600"));
    let url = example_with(
        "passphrase_file = \"attester.pass\"",
        "passphrase_file = \"attester.pass\", url = \"https://x\"",
    );
    assert_one_problem(&url, "relay.attester.url", "say which kind with remote");
}

#[test]
fn submitters_of_one_chain_are_a_key_and_its_spares() {
    let folder = Folder::new();
    folder.write("spare.json", "{}");
    let spare = "[[relay.submitter]]\nchain = \"service\"\nkeystore = \"spare.json\"\npassphrase_file = \"submitter.pass\"\n\n[relay.submission]";
    let relay = folder.load(&example_with("[relay.submission]", spare)).unwrap().relay.unwrap();
    let file = |entry: &SubmitterEntry| match &entry.key {
        KeyEntry::Keystore(key) => key.keystore.file_name().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    let files: Vec<_> = relay.submitters.iter().map(file).collect();
    assert_eq!(files, ["submitter.json", "spare.json"], "in the order of the file");
    let twice = example_with("[relay.submission]", &spare.replace("spare.json", "submitter.json"));
    assert_one_problem(&twice, "relay.submitter[1].keystore", "a spare is another key");
}

#[test]
fn a_submitter_key_may_be_at_a_web3signer_and_nowhere_twice() {
    let files = "keystore = \"submitter.json\"\n# The file with its passphrase.\npassphrase_file = \"submitter.pass\"\n";
    let own = "address = \"0x00000000000000000000000000000000000000bb\"\n";
    let remote = format!("remote = \"web3signer\"\nurl = \"https://signer:9000\"\n{own}");
    let text = example_with(files, &remote);
    let relay = Folder::new().load(&text).unwrap().relay.unwrap();
    let KeyEntry::Remote(settings) = &relay.submitters[0].key else { panic!("{:?}", relay.submitters) };
    assert_eq!((settings.protocol, settings.timeout), (RemoteProtocol::Web3Signer, Duration::from_secs(5)));

    let typed = text.replace("remote = \"web3signer\"\nurl", "remote = \"eth_signTypedData_v4\"\nurl");
    assert_one_problem(&typed, "relay.submitter[0].remote", "use \"web3signer\"");
    let twice = text.replace(
        "[relay.submission]",
        &format!("[[relay.submitter]]\nchain = \"service\"\n{remote}\n[relay.submission]"),
    );
    assert_one_problem(&twice, "relay.submitter[1].address", "a spare is another key");
    let unknown = text.replace(own, &format!("{own}adress = \"0x\"\n"));
    assert_one_problem(&unknown, "relay.submitter[0].adress", "the keys here are chain, keystore");
    let attester = "attester = { keystore = \"attester.json\", passphrase_file = \"attester.pass\" }";
    let same = text.replace(
        attester,
        "attester = { remote = \"web3signer\", url = \"https://other\", address = \"0x00000000000000000000000000000000000000bb\" }",
    );
    assert_one_problem(&same, "relay.submitter[0].address", "attester's key");
}

#[test]
fn every_problem_of_a_key_in_hardware_is_named() {
    let of = |remote: &str| {
        let keystore = "attester = { keystore = \"attester.json\", passphrase_file = \"attester.pass\" }";
        let own = "address = \"0x00000000000000000000000000000000000000aa\"";
        Folder::new().problems(&example_with(keystore, &format!("attester = {{ {remote}, {own} }}")))
    };
    for (remote, expected) in [
        ("remote = \"aws-kms\", key = \"a key\"", "relay.attester.key: not a key of AWS KMS"),
        ("remote = \"aws-kms\"", "relay.attester.key: missing"),
        (
            "remote = \"aws-kms\", key = \"alias/a\", endpoint = \"http://10.0.0.1\"",
            "relay.attester.endpoint: plain http",
        ),
        (
            "remote = \"aws-kms\", key = \"alias/a\", url = \"https://x\"",
            "relay.attester.url: a key of \"aws-kms\" has no such setting",
        ),
        ("remote = \"gcp-kms\", key = \"projects/p\"", "relay.attester.key: not a key version"),
        ("remote = \"ledger\", path = \"44/60\"", "relay.attester.path: not a derivation path"),
        ("remote = \"ledger\", timeout = \"1h\"", "relay.attester.timeout: 1h is out of range"),
        (
            "remote = \"hsm\", url = \"https://x\"",
            "relay.attester.remote: `hsm` is no kind of remote signer; use \"web3signer\"",
        ),
    ] {
        let problems = of(remote);
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected} in {problems:#?}");
    }
}

#[cfg(not(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")))]
#[test]
fn a_key_whose_client_is_not_built_is_one_problem_that_names_the_feature() {
    let keystore = "attester = { keystore = \"attester.json\", passphrase_file = \"attester.pass\" }";
    let gcp = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    for (kind, key) in
        [("aws-kms", "key = \"alias/a\", "), ("gcp-kms", &format!("key = \"{gcp}\", ")), ("ledger", "")]
    {
        let own = "address = \"0x00000000000000000000000000000000000000aa\"";
        let text = example_with(keystore, &format!("attester = {{ remote = \"{kind}\", {key}{own} }}"));
        assert_one_problem(&text, "relay.attester.remote", &format!("--features {kind}`"));
    }
}
