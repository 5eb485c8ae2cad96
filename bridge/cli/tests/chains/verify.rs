//! An audit of a bridge over which everything went, and of one whose chains were tampered with.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::{SolCall, SolConstructor, SolValue};
use polyspan_chain::testing::{AnvilProcess, Reply, ScriptedServer, development_key};
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::FeeToken;
use polyspan_node::config::Deployment;
use serde_json::{Value, json};

use super::holds::{BACK, FORTH, HELD, REFUND_DELAY, end, held, send, until_state};
use super::network::{Network, USER, assert_bad_input, create, text};
use super::{TO, transfer, user_key};

/// Where OpenZeppelin's ERC-20 keeps its balances.
const BALANCES: U256 = U256::ZERO;
/// Storage of a bridge in which its roots are looked for. Unit: slots.
const ROOT_SLOTS: u64 = 200;

/// Moves some KRT; waits for its end if asked to.
fn move_token(network: &Network, amount: &'static str, lane: &'static str, to: &str, wait: bool) -> String {
    let key = user_key();
    let mut arguments = transfer(&["erc20", "--token", "KRT", "--amount", amount], lane, to, &key);
    if wait {
        arguments.extend(["--wait", "--timeout", "60s"]);
    }
    let output = network.polyspan(&arguments);
    text(&output.stdout) + &text(&output.stderr)
}

/// `polyspan verify --json`, expected to find something; what it found.
#[track_caller]
fn difference(network: &Network, place: &str, kind: &str, nonce: u64, token: Address) -> String {
    let output = network.polyspan(&["verify", "--json"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&told).unwrap();
    let found = &report["difference"];
    assert_eq!((&found["place"], &found["kind"]), (&json!(place), &json!(kind)), "{told}");
    let named: Address = found["token"].as_str().unwrap().parse().unwrap();
    assert_eq!((&found["nonce"], named), (&json!(nonce), token), "{told}");
    found["found"].as_str().unwrap().to_owned()
}

async fn storage(chain: &AnvilProcess, of: Address, slot: B256) -> B256 {
    let answer = chain.rpc("eth_getStorageAt", json!([of, U256::from_be_bytes(slot.0), "latest"])).await;
    answer.as_str().unwrap().parse().unwrap()
}

async fn write(chain: &AnvilProcess, of: Address, slot: B256, value: B256) {
    chain.rpc("anvil_setStorageAt", json!([of, U256::from_be_bytes(slot.0), value])).await;
    chain.mine(1).await;
}

/// Where a bridge keeps the root of what it handled.
async fn root_slot(chain: &AnvilProcess, bridge: Address) -> B256 {
    let data = alloy::hex::encode_prefixed(Bridge::laneStateCall {}.abi_encode());
    let answer = chain.rpc("eth_call", json!([{ "to": bridge, "data": data }, "latest"])).await;
    let bytes = alloy::hex::decode(answer.as_str().unwrap()).unwrap();
    let root = Bridge::laneStateCall::abi_decode_returns(&bytes).unwrap().handleRoot;
    for slot in (0..ROOT_SLOTS).map(|slot| B256::from(U256::from(slot))) {
        if storage(chain, bridge, slot).await == root {
            return slot;
        }
    }
    panic!("no slot of the bridge holds its root");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_passes_what_is_right_and_names_nonce_and_token_of_what_is_not() {
    let (network, relay) = held().await;
    network.service.mine(REFUND_DELAY).await;
    let refunded = end(&network, "refund", HELD);
    assert!(refunded.status.success(), "{}", text(&refunded.stderr));
    until_state(&network, "kr/service-to-main:0", "paid").await;
    let held = send(&network, "11", FORTH);
    assert!(held.contains("insufficient escrow"), "{held}");
    assert!(send(&network, "1", BACK).contains("paid to"));
    until_state(&network, "kr/main-to-service:1", "released").await;
    let user = development_key(USER).address().to_string();
    assert!(move_token(&network, "5", FORTH, &user, true).contains("paid to"));
    assert!(move_token(&network, "1.5", BACK, TO, true).contains("paid to"));

    // While the bridge is running, and with a hold.
    let held = send(&network, "12", FORTH);
    assert!(held.contains("insufficient escrow"), "{held}");
    let told = network.told(&["verify"]);
    assert!(told.ends_with("no difference") && !told.contains("not checked"), "{told}");
    // A chain that is not read as far as what was handled of it is behind, which is no verdict.
    std::fs::write(network.path("late.toml"), network.config("").replacen("depth 0", "depth 1", 1)).unwrap();
    let late = network.polyspan(&["verify", "--config", "late.toml"]);
    assert_eq!(late.status.code(), Some(3), "no verdict is no difference, and may heal");
    let said = text(&late.stderr);
    assert!(said.contains("no verdict: chain main is final up to block"), "{said}");
    assert!(said.contains("use endpoints of main"), "{said}");
    drop(relay);
    // Two on their way.
    move_token(&network, "2", FORTH, &user, false);
    move_token(&network, "1", BACK, TO, false);
    let report: Value = serde_json::from_str(&network.told(&["verify", "--bridge", "kr", "--json"])).unwrap();
    let lanes = &report["bridges"][0]["lanes"];
    let counts = |lane: usize| {
        ["requested", "paid", "released", "refunded", "on_hold", "in_flight", "unchecked"]
            .map(|name| lanes[lane][name].as_u64().unwrap())
    };
    assert_eq!((counts(0), counts(1)), ([5, 1, 1, 1, 1, 1, 0], [4, 3, 0, 0, 0, 1, 0]), "{report}");
    let pair = &report["bridges"][0]["pairs"][1];
    assert_eq!(pair["escrow"], json!({ "whole": "5.5", "raw": "5500000" }), "{report}");
    assert_eq!(pair["minted"], json!({ "whole": "2.5", "raw": "2500000" }), "{report}");
    assert_eq!(report["difference"], Value::Null);
    assert_bad_input(&network.polyspan(&["verify", "--bridge", "xx"]), &["has no bridge `xx`; it has kr"]);

    // Read block by block, it is the same.
    let narrow = network.config("").replace("own_node", "max_log_range = 1\nown_node");
    std::fs::write(network.path("narrow.toml"), narrow).unwrap();
    let told = network.told(&["verify", "--config", "narrow.toml", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), report);

    let deployment = Deployment::load(&network.path("kr.deployment.toml")).unwrap();
    let token = deployment.pair("KRT").unwrap().main_token;
    let main_bridge = deployment.main.bridge;
    let slot = keccak256((main_bridge, BALANCES).abi_encode());
    let balance = storage(&network.main, token, slot).await;
    write(&network.main, token, slot, B256::from(U256::from(5_499_999))).await;
    let found = difference(&network, "pair KRT on chain main", "balance", 3, token);
    assert_eq!(found, "the bridge owns 5499999 and owes 5500000");
    write(&network.main, token, slot, balance).await;

    let bridge = deployment.service.bridge;
    let slot = root_slot(&network.service, bridge).await;
    let root = storage(&network.service, bridge, slot).await;
    write(&network.service, bridge, slot, B256::repeat_byte(0xee)).await;
    let found = difference(&network, "kr/main-to-service", "destination-root", 4, Address::ZERO);
    assert!(found.contains("holds root 0xeeee") && found.contains(&root.to_string()), "{found}");
    write(&network.service, bridge, slot, root).await;
    network.told(&["verify"]);

    // A tenth of every transfer is lost from here on.
    let fee = FeeToken::constructorCall { fee_: U256::from(10) };
    let fee = create(&network.main, &FeeToken::BYTECODE, &fee.abi_encode()).await;
    let code = network.main.rpc("eth_getCode", json!([fee, "latest"])).await;
    network.main.rpc("anvil_setCode", json!([token, code])).await;
    let relay = network.start_relay().await;
    until_state(&network, "kr/service-to-main:3", "paid").await;
    drop(relay);
    let found = difference(&network, BACK, "payment", 3, token);
    assert!(found.contains("asks for 1000000 smallest") && found.contains("pays 900000 smallest"), "{found}");
    let told = text(&network.polyspan(&["verify"]).stdout);
    assert!(told.contains("difference: kr/service-to-main, nonce 3, token 0x"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_without_a_verdict_says_so() {
    let network = Network::start().await;
    network.deploy();
    assert!(network.told(&["verify"]).ends_with("no difference"));
    let Network { main, folder, .. } = network;
    main.kill();
    let output = super::network::command_in(folder.path(), &["verify"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no verdict"));
}

/// A node that answers both forms of traces with this.
fn without_traces(code: i64, words: &'static str) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    move |method, _| match method {
        "trace_transaction" => {
            Reply::error(-32601, "the method trace_transaction does not exist/is not available")
        }
        "debug_traceTransaction" => Reply::error(code, words),
        _ => Reply::forward(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn native_payments_without_traces_are_checked_by_balances_and_say_why_where_they_cannot_be() {
    let network = Network::start().await;
    network.deploy();
    let relay = network.start_relay().await;
    for amount in ["1", "2"] {
        let key = user_key();
        let mut arguments = transfer(&["native", "--amount", amount], FORTH, TO, &key);
        arguments.extend(["--wait", "--timeout", "60s"]);
        network.told(&arguments);
    }
    drop(relay);
    let front = ScriptedServer::before(network.service.http_url(), |_, _| Reply::forward()).await;
    let config = network.config("").replace(network.service.ws_url().as_str(), front.url().as_str());
    std::fs::write(network.path("front.toml"), config).unwrap();
    let verify = |more: &[&str]| {
        let arguments = [&["verify", "--config", "front.toml"], more].concat();
        network.told(&arguments)
    };
    let lane = |of: &str| {
        let report: Value = serde_json::from_str(&verify(&["--json"])).unwrap();
        report["bridges"][0]["lanes"][0][of].clone()
    };
    let told = verify(&[]);
    assert!(told.contains(&format!("payments of {FORTH} checked: 2 by traces")), "{told}");

    // A full node without the methods, or one that traces and does not find the transaction: its states prove it.
    for words in
        ["the method debug_traceTransaction does not exist/is not available", "transaction not found"]
    {
        front.set(without_traces(-32000, words));
        let told = verify(&[]);
        let checked = format!("payments of {FORTH} checked: 2 by balances before and after");
        assert!(told.contains(&checked) && !told.contains("not checked"), "{words}: {told}");
        assert!(told.ends_with("no difference"), "{told}");
    }
    assert_eq!((lane("by_balances"), lane("unchecked"), lane("untraced")), (json!(2), json!(0), json!([])));

    // The states are gone as well. Each reason has its cure.
    for (words, why, cure) in [
        ("the method debug_traceTransaction does not exist/is not available", "no-method", "--http.api"),
        ("required historical state unavailable (reexec=128)", "too-old", "--gcmode archive"),
        ("transaction not found", "not-indexed", "--history.transactions 0"),
        (
            "ReferenceError: callTracer is not defined at <eval>:1:1(0)",
            "no-tracer",
            "use a node with `trace_transaction`",
        ),
        ("no", "refused", "read the log of the node"),
    ] {
        let traces = without_traces(-32000, words);
        let to = TO.to_lowercase();
        front.set(move |method, params| match method {
            "eth_getBalance"
                if params[0].as_str().is_some_and(|account| account.eq_ignore_ascii_case(&to)) =>
            {
                Reply::error(-32000, "missing trie node 5b3f (path )")
            }
            _ => traces(method, params),
        });
        let told = verify(&[]);
        let note = format!(
            "not checked one by one: 2 payments of {FORTH} in native currency (requests 0-1): on chain service "
        );
        assert!(told.contains(&note) && told.contains(cure), "{words}: {told}");
        assert!(told.contains(&format!("payments of {FORTH} checked: 2 not")), "{told}");
        let untraced = lane("untraced");
        assert_eq!(
            (&untraced[0]["why"], &untraced[0]["requests"]),
            (&json!(why), &json!([{ "first": 0, "end": 2 }]))
        );
        assert_eq!(lane("unchecked"), json!(2));
    }

    // A balance that rose by something else proves nothing, and is no difference either.
    let traces = without_traces(-32000, "transaction not found");
    let to = TO.to_lowercase();
    front.set(move |method, params| match method {
        "eth_getBalance" if params[0].as_str().is_some_and(|account| account.eq_ignore_ascii_case(&to)) => {
            Reply::Forward(Box::new(|balance| match balance.as_str() {
                Some("0x0") => balance,
                _ => json!("0x1bc16d674ec80001"),
            }))
        }
        _ => traces(method, params),
    });
    assert_eq!(lane("untraced")[0]["why"], json!("not-indexed"));
    assert_eq!(lane("by_balances"), json!(0));
}
