//! Governors write off a hold that nothing else ends, and its recipient takes the value.

use polyspan_chain::testing::development_key;
use serde_json::json;

use super::board::Person;
use super::force_hold::{sign, standing_to, submit};
use super::holds::{FORTH, HELD, balance, ether};
use super::network::{ATTESTER, GOVERNOR, Network, USER, assert_bad_input, text};

/// The default of a deployment. Unit: seconds.
const DELAY: u64 = 2 * 86_400;
const ANYWHERE: &str = "0x000000000000000000000000000000000000beef";

fn claim(network: &Network, key: usize) -> std::process::Output {
    let key = format!("key-{key}.json");
    network.polyspan(&["claim", HELD, "--to", ANYWHERE, "--key", &key, "--passphrase-file", "pass"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_off_is_found_and_taken_by_its_recipient_alone() {
    let user = development_key(USER).address().to_string();
    let network = standing_to(&user).await;
    assert_bad_input(&claim(&network, USER), &["was not written off"]);
    network.told(&["force-hold", "prepare", "--lane", FORTH, "--out", "hold.toml"]);
    let copies = [ATTESTER, 7].map(|key| {
        let out = format!("{key}-hold.toml");
        assert!(
            sign(&network, "force-hold", "hold.toml", &out, &format!("operator-{key}.toml")).status.success()
        );
        out
    });
    let held = submit(&network, "force-hold", &copies.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(held.status.success(), "{}", text(&held.stderr));
    assert_bad_input(&claim(&network, USER), &["was not written off"]);

    let governor = Person::new(&network, GOVERNOR);
    governor.refused(
        &["propose", "--out", "none.toml", "write-off", "kr/main-to-service:1"],
        &["kr/main-to-service:1 is not on hold"],
    );
    governor.refused(
        &["propose", "--out", "none.toml", "--chain", "main", "write-off", HELD],
        &["is on hold on the service chain"],
    );
    let told = governor.told(&["propose", "--out", "off.toml", "write-off", HELD]);
    let words = format!(
        "write off the hold of request 0: put 1 of the native currency into the bridge's claims, where {user} can take it"
    );
    assert!(told.contains(&words), "{told}");
    governor.sign("off.toml");
    governor.assert_executes(&["off.toml"], &[], 0, &["voted; it can be executed from"]);
    network.service.rpc("evm_increaseTime", json!([DELAY + 1])).await;
    network.service.mine(1).await;
    governor.assert_executes(&["off.toml"], &[], 0, &["configuration 1 was executed"]);

    let explain = || text(&network.polyspan(&["explain", HELD]).stdout);
    let told = explain();
    for words in [
        "is written-off.",
        "Written off by governors in block",
        "`polyspan claim kr/main-to-service:0",
        &user,
    ] {
        assert!(told.contains(words), "`{words}` in {told}");
    }
    let audit = network.told(&["verify"]);
    assert!(audit.contains("written off"), "{audit}");
    assert_bad_input(&claim(&network, ATTESTER), &["only its recipient"]);
    let taken = claim(&network, USER);
    assert!(text(&taken.stdout).contains("claimed: "), "{}", text(&taken.stderr));
    assert_eq!(balance(&network.service, ANYWHERE).await, ether(1));
    assert_bad_input(&claim(&network, USER), &["already"]);
    assert!(explain().contains("has taken its value"), "{}", explain());
}
