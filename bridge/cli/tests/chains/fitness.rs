//! Chains that cannot carry a bridge, and nodes that offer less than they could.

use std::fs;

use polyspan_chain::SLOT_GAS;
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, Mining, Reply, ScriptedServer};
use polyspan_contracts::Bridge;
use polyspan_node::config::Deployment;
use polyspan_node::preflight::DeploymentSize;
use serde_json::{Value, json};

use super::network::{KEPT_STATES, Network, assert_bad_input, text};

const DEPLOY: [&str; 5] = ["deploy", "--spec", "spec.toml", "--out", "kr.deployment.toml"];

async fn main_chain(gas_limit: u64, arguments: &[&str]) -> AnvilProcess {
    let options = AnvilOptions {
        mining: Mining::EveryTransaction,
        gas_limit,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        ..AnvilOptions::default()
    };
    AnvilProcess::start(&options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_cannot_carry_a_bridge_is_refused_before_anything_is_sent() {
    let network = Network::start().await;
    let old = ["does not execute MCOPY (EIP-5656, of Cancun), TLOAD and TSTORE", "activate Cancun"];
    let small = ["takes no contract of", "let the chain take code of 24576 bytes"];
    let narrow = ["the largest contract of the bridge takes up to", "raise the gas limit of its blocks"];
    for (gas_limit, arguments, words) in [
        (30_000_000, &["--hardfork", "shanghai"][..], &old[..]),
        (30_000_000, &["--code-size-limit", "15000"], &small),
        (3_000_000, &[], &narrow),
    ] {
        let chain = main_chain(gas_limit, arguments).await;
        let spec = network.spec().replace(network.main.http_url().as_str(), chain.http_url().as_str());
        fs::write(network.path("spec.toml"), spec).unwrap();
        let output = network.polyspan(&DEPLOY);
        assert_bad_input(&output, &["nothing was deployed", "chain main: "]);
        assert_bad_input(&output, words);
        for chain in [&chain, &network.service] {
            assert_eq!(chain.rpc("eth_blockNumber", json!([])).await, json!("0x0"));
        }
        assert!(!network.path("kr.deployment.toml.partial").exists());
    }
    // More pairs than one configuration has room for; they need not exist to be counted.
    let many: String = (0..70)
        .map(|index| {
            format!(
                "[[pair]]\nname = \"P{index}\"\nkind = \"erc20\"\nmints = \"none\"\nmain_token = \"0x{0:040x}\"\nservice_token = \"0x{0:040x}\"\n",
                0x0050_0000 + index
            )
        })
        .collect();
    fs::write(network.path("spec.toml"), network.spec() + &many).unwrap();
    assert_bad_input(
        &network.polyspan(&DEPLOY),
        &["configuration 0 takes up to", "with 72 pairs", "leave pairs out"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gas_that_a_deployment_is_said_to_take_is_what_it_takes() {
    let network = Network::start().await;
    network.deploy();
    let size = DeploymentSize { members: 2, pairs: 2 };
    let (said, configuration) = (size.creation_gas(SLOT_GAS), size.configuration_gas(SLOT_GAS));
    let bridge = Deployment::load(&network.path("kr.deployment.toml")).unwrap().main.bridge;
    let selector =
        alloy::hex::encode_prefixed(<Bridge::configureCall as alloy::sol_types::SolCall>::SELECTOR);
    let number =
        |value: &Value| u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let newest = number(&network.main.rpc("eth_blockNumber", json!([])).await);
    let (mut largest, mut configured) = (0, 0);
    for height in 1..=newest {
        let block = network.main.rpc("eth_getBlockByNumber", json!([format!("{height:#x}"), true])).await;
        for transaction in block["transactions"].as_array().unwrap() {
            let receipt = network.main.rpc("eth_getTransactionReceipt", json!([transaction["hash"]])).await;
            let gas = number(&receipt["gasUsed"]);
            if transaction["to"].is_null() {
                largest = gas.max(largest);
            } else if transaction["input"].as_str().unwrap().starts_with(&selector)
                && transaction["to"].as_str().unwrap().eq_ignore_ascii_case(&bridge.to_string())
            {
                configured = gas;
            }
        }
    }
    assert!(largest <= said && largest > said * 9 / 10, "{largest} of {said}");
    assert!(configured > 0 && configured <= configuration, "{configured} of {configuration}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nodes_do_not_offer_is_told_with_its_cure_by_deploy_and_by_the_check() {
    let network = Network::start().await;
    let front = ScriptedServer::before(network.main.http_url(), |method, _| match method {
        "debug_traceCall" | "trace_transaction" => {
            Reply::error(-32601, format!("the method {method} does not exist/is not available"))
        }
        _ => Reply::forward(),
    })
    .await;
    let through = |text: &str| text.replace(network.main.http_url().as_str(), front.url().as_str());
    fs::write(network.path("spec.toml"), through(&network.spec())).unwrap();
    let output = network.polyspan(&DEPLOY);
    let told = text(&output.stderr);
    let note = "note: chain main: there are no traces: no endpoint offers trace_transaction or debug_traceTransaction";
    assert!(output.status.success() && told.contains(note), "{told}");
    assert!(!told.contains("chain service: there are no traces"), "{told}");

    fs::write(network.path("polyspan.toml"), through(&network.config(""))).unwrap();
    let check = || network.polyspan(&["config", "check"]);
    let checked = text(&check().stdout);
    assert!(
        checked.contains(note) && checked.contains("--http.api") && checked.contains("0 problems"),
        "{checked}"
    );

    // A final block so far away that its state is gone; relays do without it.
    network.main.mine(2 * KEPT_STATES).await;
    let newest = network.main.rpc("eth_blockNumber", json!([])).await;
    let newest = u64::from_str_radix(newest.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let last = newest - KEPT_STATES - 30;
    let block = network.main.rpc("eth_getBlockByNumber", json!([format!("{last:#x}"), false])).await;
    let hash = block["hash"].clone();
    front.set(move |method, params| match method {
        "eth_getBalance" if params[1]["blockHash"] == hash => {
            Reply::error(-32000, "historical state 0x5b3f is not available")
        }
        _ => Reply::forward(),
    });
    let far = network.config("").replacen("depth 0", &format!("depth {}", newest - last), 1);
    fs::write(network.path("polyspan.toml"), through(&far)).unwrap();
    let checked = text(&check().stdout);
    let words = format!("warning: chain main: the state of its final block {last}, ");
    assert!(checked.contains(&words) && checked.contains("0 problems"), "{words} in {checked}");

    // A node that keeps hardly any state.
    front.set(|method, params| match method {
        "eth_getBalance" if params[1].is_object() => Reply::error(-32000, "missing trie node 5b3f (path )"),
        _ => Reply::forward(),
    });
    fs::write(network.path("polyspan.toml"), through(&network.config(""))).unwrap();
    let words =
        format!("problem: chain main: the state of block {}, 16 below the newest, is gone", newest - 16);
    assert_bad_input(&check(), &[&words, "keep the states of their newest hundred blocks"]);
}
