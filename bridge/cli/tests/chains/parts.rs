//! Bridges of one chain share their parts, whose code is compared; gas caps follow the chain.

use std::fs;

use polyspan_chain::testing::AnvilProcess;
use polyspan_node::config::{Deployment, Part};
use serde_json::json;

use super::network::{ATTESTER, Network, assert_bad_input, text};

async fn transactions(chain: &AnvilProcess) -> u64 {
    let block = chain.rpc("eth_blockNumber", json!([])).await;
    u64::from_str_radix(block.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bridge_uses_the_parts_of_the_first_and_a_part_with_other_code_is_refused() {
    let network = Network::start().await;
    let empty = transactions(&network.main).await;
    let spec = network.spec();
    let pairs = spec.find("[[pair]]").unwrap();
    network.deploy_spec(&spec[..pairs]);
    let first = transactions(&network.main).await;
    let deployment = Deployment::load(&network.path("kr.deployment.toml")).unwrap();
    let (main, service) = (deployment.main.parts.unwrap(), deployment.service.parts.unwrap());
    let line = |parts: polyspan_node::config::Parts| {
        let parts = Part::ALL.map(|part| format!("{part} = \"{}\"", parts.of(part))).join(", ");
        format!("parts = {{ {parts} }}\nchain_id = ")
    };
    let shared = spec[..pairs]
        .replace("name = \"kr\"", "name = \"kr-2\"")
        .replacen("chain_id = ", &line(main), 1)
        .replace("chain = \"service\"\nchain_id = ", &format!("chain = \"service\"\n{}", line(service)));
    fs::write(network.path("second.toml"), &shared).unwrap();
    let told = network.told(&["deploy", "--spec", "second.toml", "--out", "kr-2.deployment.toml"]);
    assert!(told.contains(&format!("collectibles {}", main.collectibles)), "{told}");
    let second = Deployment::load(&network.path("kr-2.deployment.toml")).unwrap();
    assert_eq!((second.main.parts, second.service.parts), (Some(main), Some(service)));
    // Each transaction is a block: four less than for the first bridge.
    assert_eq!(transactions(&network.main).await - first, first - empty - 4);

    // A part whose code is another is a problem everywhere.
    network.main.rpc("anvil_setCode", json!([main.endings, "0x6000"])).await;
    let third = shared.replace("kr-2", "kr-3");
    fs::write(network.path("third.toml"), third).unwrap();
    let before = transactions(&network.main).await;
    let words =
        format!("part endings at {} on chain main: its code is not that of this version", main.endings);
    assert_bad_input(
        &network.polyspan(&["deploy", "--spec", "third.toml", "--out", "kr-3.deployment.toml"]),
        &["nothing was deployed", "main.parts.endings: ", &words],
    );
    assert_eq!(transactions(&network.main).await, before);
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    assert_bad_input(
        &network.polyspan(&["config", "check", "--config", "relay.toml"]),
        &["bridge kr on main: ", &words, "use the version of polyspan that deployed this bridge"],
    );
    assert_bad_input(&network.polyspan(&["relay", "--config", "relay.toml"]), &[&words]);
    // And so is a file that names other parts than the bridge has.
    let file = fs::read_to_string(network.path("kr.deployment.toml")).unwrap();
    let other = file.replace(&format!("{:?}", service.views), &format!("{:?}", service.endings));
    fs::write(network.path("kr.deployment.toml"), other).unwrap();
    let found =
        format!("part views: the bridge has {}, the deployment file says {}", service.views, service.endings);
    assert_bad_input(&network.polyspan(&["config", "check", "--config", "relay.toml"]), &[&found]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_on_a_chain_with_limits_of_kaia_is_not_deployed_without_deferred_calls() {
    let network = Network::start().await;
    let spec = network.spec();
    let limited =
        |more: &str| spec.replacen("chain_id = ", &format!("chain_limits = \"kaia\"\n{more}chain_id = "), 1);
    fs::write(network.path("calling.toml"), limited("defer_calls = false\n")).unwrap();
    assert_bad_input(
        &network.polyspan(&["deploy", "--spec", "calling.toml", "--out", "kr.deployment.toml"]),
        &[
            "main.defer_calls: chain main counts computation cost beside gas",
            "remove it",
            "nothing was deployed",
        ],
    );
    network.deploy_spec(&limited(""));
    let status = text(&network.polyspan(&["status"]).stdout);
    assert_eq!(status.matches("recipients with code are called in releases only").count(), 1, "{status}");
}
