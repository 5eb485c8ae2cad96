//! Pairs that go.

use super::board::Person;
use super::network::{GOVERNOR, Network, assert_bad_input, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_goes_when_both_sides_are_locked_and_nothing_of_it_is_on_its_way() {
    let network = Network::start().await;
    network.deploy_spec(&format!("development = true\ngovernance_delay = \"0s\"\n{}", network.spec()));
    let governor = Person::new(&network, GOVERNOR);
    let remove = |file: &str, more: &[&str]| {
        governor.governance(&[&["propose", "--out", file, "deregister-pair", "--pair", "KRT"], more].concat())
    };
    assert_bad_input(
        &remove("early.toml", &[]),
        &["on chain main: --inbound-nonce: the counterpart's side of the pair is not locked"],
    );
    for (file, nonce, reason) in [
        ("used.toml", "0", "BridgePairInUse"),
        ("other.toml", "5", "BridgeLaneNotDrained { handleNonce: 0, expected: 5 }"),
    ] {
        let remark = text(&remove(file, &["--inbound-nonce", nonce]).stderr);
        assert!(remark.contains(&format!("as it is now: {reason}")), "{remark}");
    }
    let executed = |file: &str| {
        governor.sign(file);
        governor.assert_executes(&[file], &[], 0, &["was executed; transaction 0x"]);
    };
    governor.told(&["propose", "--out", "lock.toml", "lock-pair", "--pair", "KRT"]);
    executed("lock.toml");
    let removal = remove("remove.toml", &[]);
    let told = text(&removal.stdout);
    assert!(told.contains("once at least 0 requests of the counterpart are handled"), "{told}");
    assert!(!text(&removal.stderr).contains("would fail"), "{removal:?}");
    executed("remove.toml");
    assert_bad_input(&remove("again.toml", &[]), &["KRT is not registered with the bridge"]);
}
