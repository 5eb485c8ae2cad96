//! Transfers of every kind, with fees and in every way.

use std::fs;

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use polyspan_chain::testing::{AnvilProcess, development_key};
use polyspan_contracts::testing::{TestMultiToken, TestNFT, TestPaymentToken};
use polyspan_node::config::Deployment;
use serde_json::{Value, json};

use super::network::{Network, USER, assert_bad_input, call, create, text};

const TO: &str = "0x00000000000000000000000000000000000abcde";

/// A bridge with a pair of each kind: PAY charges in its token, ART in the native currency.
async fn bridge() -> Network {
    let network = Network::start().await;
    let (main, user) = (&network.main, development_key(USER).address());
    let names = TestPaymentToken::constructorCall { name_: "PAY".into(), symbol_: "PAY".into() };
    let pay = create(main, &TestPaymentToken::BYTECODE, &names.abi_encode()).await;
    call(main, pay, &TestPaymentToken::mintCall { to: user, amount: ether(100) }).await;
    let art = TestNFT::constructorCall { name_: "ART".into(), symbol_: "ART".into() };
    let art = create(main, &TestNFT::BYTECODE, &art.abi_encode()).await;
    for id in [1, 2, 3] {
        call(main, art, &TestNFT::mintCall { to: user, id: U256::from(id) }).await;
    }
    let uri = TestMultiToken::constructorCall { uri_: String::new() };
    let items = create(main, &TestMultiToken::BYTECODE, &uri.abi_encode()).await;
    for id in [7, 9] {
        call(main, items, &TestMultiToken::mintCall { to: user, id: U256::from(id), amount: U256::from(50) })
            .await;
    }
    let pair = |name: &str, kind: &str, token: Address, more: &str| {
        format!(
            "[[pair]]\nname = \"{name}\"\nkind = \"{kind}\"\nmints = \"service\"\nmain_token = \"{token}\"\n{more}\n"
        )
    };
    let deploy =
        |name: &str, more: &str| format!("deploy = {{ name = \"{name}\", symbol = \"{name}\"{more} }}");
    let pairs = [
        pair(
            "PAY",
            "erc20",
            pay,
            &format!(
                "{}\nlimits = {{ minimum = \"1\", maximum = \"20\", delay_above = \"15\", delay_blocks = 9 }}\nmain_limits = {{ fee = \"0.5\" }}",
                deploy("PAY", ", decimals = 18")
            ),
        ),
        pair("ART", "erc721", art, &format!("{}\nmain_limits = {{ fee = \"0.1\" }}", deploy("ART", ""))),
        pair("ITEMS", "erc1155", items, "deploy = { uri = \"ipfs://{id}\" }"),
    ];
    let spec =
        network.spec().replace("[main]\n", &format!("[main]\nfee_receiver = \"{TO}\"\nrefund_delay = 7\n"));
    network.deploy_spec(&format!("{spec}{}", pairs.concat()));
    network
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// `polyspan transfer … --lane kr/main-to-service`, as the user.
fn arguments<'a>(what: &[&'a str]) -> Vec<&'a str> {
    let common =
        ["--lane", "kr/main-to-service", "--to", TO, "--key", "key-5.json", "--passphrase-file", "pass"];
    [&["transfer"], what, &common[..], &["--yes"]].concat()
}

#[track_caller]
fn sent(network: &Network, what: &[&str]) -> Value {
    serde_json::from_str(&network.told(&arguments(&[what, &["--json"]].concat()))).unwrap()
}

#[track_caller]
fn assert_refused(network: &Network, what: &[&str], words: &[&str]) {
    assert_bad_input(&network.polyspan(&arguments(what)), words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fungible_token_is_requested_by_approval_by_permit_and_in_one_step() {
    let network = bridge().await;
    let pay = ["erc20", "--token", "PAY", "--amount"];
    let go =
        |amount: &'static str, more: &[&'static str]| sent(&network, &[&pay[..], &[amount], more].concat());
    assert_eq!(go("2", &[])["fee"], "0.5 of the token");
    assert_eq!(go("3", &["--permit"])["transfer"], "kr/main-to-service:1");
    assert_eq!(go("4", &["--one-step", "--fee-limit", "2"])["transfer"], "kr/main-to-service:2");
    assert_eq!(go("5", &["--fee-limit", "1", "--extra-data", "0x1234"])["transfer"], "kr/main-to-service:3");
    let warned = go("16", &[]);
    assert!(
        warned["remarks"][0].as_str().unwrap().contains("are held on chain service for 9 blocks"),
        "{warned}"
    );
    let explained = network.told_blind(&["explain", "kr/main-to-service:2"]);
    assert!(explained.contains("4 PAY"), "{explained}");
    // 30 went over, 2.5 were fees, and nothing of the unused limits stayed.
    let pay = Deployment::load(&network.path("kr.deployment.toml")).unwrap().pair("PAY").unwrap().main_token;
    let left = balance(
        &network.main,
        pay,
        &TestPaymentToken::balanceOfCall { account: development_key(USER).address() },
    )
    .await;
    assert_eq!(left, ether(100) - ether(30) - ether(5) / U256::from(2));
}

/// The number that a call of a token returns.
async fn balance(chain: &AnvilProcess, token: Address, call: &impl SolCall) -> U256 {
    let data = alloy::hex::encode_prefixed(call.abi_encode());
    let answer = chain.rpc("eth_call", json!([{ "to": token, "data": data }, "latest"])).await;
    answer.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_limits_and_tokens_do_not_allow_is_not_sent() {
    let network = bridge().await;
    let pay = |amount: &'static str, more: &[&'static str], words: &[&str]| {
        assert_refused(&network, &[&["erc20", "--token", "PAY", "--amount", amount], more].concat(), words);
    };
    pay("0.5", &[], &["0.5 is less than the pair's minimum of 1"]);
    pay("20.5", &[], &["20.5 is more than the pair's maximum of 20"]);
    pay("2", &["--fee-limit", "0.4"], &["--fee-limit: the fee is 0.5 of the token, and 0.4"]);
    pay("2", &["--permit", "--one-step"], &["cannot be used with"]);
    assert_refused(
        &network,
        &["erc20", "--token", "KRT", "--amount", "1", "--permit"],
        &["knows no permits"],
    );
    assert_refused(
        &network,
        &["erc20", "--token", "KRT", "--amount", "1", "--one-step"],
        &["does not declare ERC-1363"],
    );
    assert_refused(
        &network,
        &["erc721", "--token", "ART", "--id", "1", "--one-step"],
        &["a token cannot bring"],
    );
    assert_refused(&network, &["erc721", "--token", "ART", "--id", "99"], &["does not own token 99"]);
    let items = ["erc1155", "--token", "ITEMS", "--id", "7"];
    assert_refused(&network, &[&items[..], &["--amount", "51"]].concat(), &["has 50 of id 7"]);
    assert_refused(
        &network,
        &[&items[..], &["--amount", "1", "--amount", "2"]].concat(),
        &["2 are given for 1 ids"],
    );
    let warned = network.polyspan(&arguments(&["native", "--amount", "11"]));
    assert!(
        text(&warned.stderr).contains("has 10.5 of the token, which is less than 11"),
        "{}",
        text(&warned.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_kind_of_token_is_called_what_it_is() {
    let network = bridge().await;
    let deployment = Deployment::load(&network.path("kr.deployment.toml")).unwrap();
    let token = |pair: &str| deployment.pair(pair).unwrap().main_token.to_string();
    let refused = |what: &[&str], words: &[&str]| {
        let output = network.polyspan(&arguments(what));
        assert_bad_input(&output, words);
        // Nothing is said of what such a token does not answer.
        assert_eq!(text(&output.stderr).lines().count(), 2, "{}", text(&output.stderr));
    };
    let erc20 =
        |token: &str, words: &str| refused(&["erc20", "--token", token, "--amount", "1.5"], &[token, words]);
    erc20(&token("ART"), "is registered as ERC-721, not as ERC-20; use `polyspan transfer erc721`");
    erc20(&token("ITEMS"), "is registered as ERC-1155, not as ERC-20; use `polyspan transfer erc1155`");
    refused(&["erc721", "--token", "KRT", "--id", "7"], &["is registered as ERC-20, not as ERC-721"]);
    refused(&["erc1155", "--token", "ART", "--id", "7", "--amount", "1"], &["is registered as ERC-721"]);
    let nobody = Address::repeat_byte(0x77).to_string();
    erc20(&nobody, "is an account without code, and is not registered with the bridge");
    let other = TestNFT::constructorCall { name_: "X".into(), symbol_: "X".into() };
    let other = create(&network.main, &TestNFT::BYTECODE, &other.abi_encode()).await.to_string();
    erc20(&other, "is an ERC-721, and is not registered with the bridge");
    erc20(&deployment.main.bridge.to_string(), "a contract of no kind of token that is known");
    // What lies at the address of a pair is another kind than the bridge has it as.
    let code = network.main.rpc("eth_getCode", json!([token("ART"), "latest"])).await;
    network.main.rpc("anvil_setCode", json!([token("PAY"), code])).await;
    erc20(&token("PAY"), "is an ERC-721, and its pair is registered as ERC-20");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_by_id_go_over_and_come_back() {
    let network = bridge().await;
    let relay = network.start_relay().await;
    let wait = |what: &[&str]| {
        let told = sent(&network, &[what, &["--wait", "--timeout", "60s"]].concat());
        assert_eq!(
            told["end"]["state"],
            "paid",
            "{told}\n{}",
            fs::read_to_string(network.path("relay.log")).unwrap()
        );
        told
    };
    assert_eq!(wait(&["erc721", "--token", "ART", "--id", "2"])["fee"], "0.1 of the native currency");
    let user = development_key(USER).address().to_string();
    let items = ["erc1155", "--token", "ITEMS", "--id", "7", "--amount", "5", "--id", "9", "--amount", "6"];
    wait(&items);
    // To the user's own address, and back from there in one step.
    let own = network.polyspan(&[
        "transfer",
        "erc1155",
        "--token",
        "ITEMS",
        "--id",
        "9",
        "--amount",
        "4",
        "--lane",
        "kr/main-to-service",
        "--to",
        &user,
        "--key",
        "key-5.json",
        "--passphrase-file",
        "pass",
        "--one-step",
        "--yes",
        "--wait",
    ]);
    assert!(own.status.success(), "{}{}", text(&own.stdout), text(&own.stderr));
    let back = network.polyspan(&[
        "transfer",
        "erc1155",
        "--token",
        "ITEMS",
        "--id",
        "9",
        "--amount",
        "3",
        "--lane",
        "kr/service-to-main",
        "--to",
        TO,
        "--key",
        "key-5.json",
        "--passphrase-file",
        "pass",
        "--one-step",
        "--yes",
        "--wait",
        "--json",
    ]);
    let told: Value = serde_json::from_str(&text(&back.stdout)).unwrap();
    assert_eq!(
        (&told["end"]["state"], &told["transfer"]),
        (&json!("paid"), &json!("kr/service-to-main:0")),
        "{told}"
    );
    drop(relay);
    // Each kind is found in the tokens' logs as it was asked for; nobody tells what a bridge has of all ids together.
    let audit = network.told(&["verify"]);
    assert!(audit.ends_with("no difference") && audit.contains("not checked: the balance of"), "{audit}");
    assert!(!audit.contains("one by one"), "{audit}");
    let deployment = Deployment::load(&network.path("kr.deployment.toml")).unwrap();
    let token = deployment.pair("ITEMS").unwrap().main_token;
    let units = TestMultiToken::balanceOfCall { account: TO.parse().unwrap(), id: U256::from(9) };
    assert_eq!(balance(&network.main, token, &units).await, U256::from(3));
}
