//! Three endpoints of one chain, some of which are wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

mod logs;
mod prices;
mod sending;

use alloy::primitives::{Address, B256};
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, Reply, ScriptedServer, eventually};
use polyspan_chain::{At, Chain, ChainError, ChainMetrics, ChainSettings, Head, HeadFollower, HeadView, Url};
use polyspan_types::{BlockHeight, Classify, ErrorClass};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::common::{PATIENCE, several};
use crate::faults::BRIDGE;

/// A chain whose three endpoints stand behind proxies that can misbehave, and its metrics.
struct Three {
    anvil: AnvilProcess,
    proxies: Vec<ScriptedServer>,
    chain: Chain,
    registry: Registry,
}

impl Three {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ChainSettings)) -> Self {
        let anvil = AnvilProcess::start(&AnvilOptions::default()).await.expect("anvil");
        let mut proxies = Vec::new();
        for _ in 0..3 {
            proxies.push(ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await);
        }
        let urls: Vec<Url> = proxies.iter().map(ScriptedServer::url).collect();
        let (chain, registry) = connect(&urls, change);
        Self { anvil, proxies, chain, registry }
    }

    /// The endpoint with this place does something else from now on.
    fn break_endpoint(&self, index: usize, script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) {
        self.proxies[index].set(script);
    }

    fn heal(&self, index: usize) {
        self.proxies[index].set(|_, _| Reply::forward());
    }

    fn metric(&self, line: &str) -> Option<String> {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        text.lines().find_map(|found| found.strip_prefix(line)).map(|value| value.trim().to_owned())
    }
}

fn connect(urls: &[Url], change: impl FnOnce(&mut ChainSettings)) -> (Chain, Registry) {
    let registry = Registry::new();
    let metrics = ChainMetrics::register(&registry).unwrap();
    let mut settings = several(urls);
    change(&mut settings);
    (Chain::with_metrics(settings, &metrics).unwrap(), registry)
}

fn dead(_: &str, _: &Value) -> Reply {
    Reply::Http { status: 502, body: "no upstream".to_owned() }
}

fn hanging(_: &str, _: &Value) -> Reply {
    Reply::Hang
}

fn height(head: &Head) -> (u64, u64) {
    (head.latest.height.get(), head.final_block.height.get())
}

/// Whether there is code somewhere at a block: a question that a quorum answers.
async fn code_at(chain: &Chain, head: &Head) -> Result<bool, ChainError> {
    chain.has_code(Address::repeat_byte(5), At::Hash(head.final_block.hash)).await
}

#[track_caller]
fn remark(chain: &Chain, words: &[&str]) {
    let remark = chain.remark().unwrap_or_default();
    for word in words {
        assert!(remark.contains(word), "{word} is missing in `{remark}`");
    }
}

#[tokio::test]
async fn while_all_is_well_only_a_quorum_is_asked_and_heads_cost_what_one_endpoint_costs() {
    let three = Three::new().await;
    three.anvil.mine(10).await;
    let head = three.chain.head().await.unwrap();
    assert_eq!(height(&head), (10, 8));
    for _ in 0..5 {
        assert!(!code_at(&three.chain, &head).await.unwrap());
    }
    let asked = |method: &str| three.proxies.iter().map(|proxy| proxy.count(method)).collect::<Vec<_>>();
    // A quorum confirms the first newest and final block by their numbers, and those that follow by their parents.
    assert_eq!(asked("eth_getBlockByNumber"), [4, 4, 2]);
    three.anvil.mine(1).await;
    assert_eq!(height(&three.chain.head().await.unwrap()), (11, 9));
    assert_eq!(asked("eth_getBlockByNumber"), [6, 6, 4]);
    assert_eq!(asked("eth_getCode"), [5, 5, 0]);
    assert_eq!(three.chain.remark(), None);
    assert_eq!(three.metric("polyspan_chain_endpoints_usable{chain=\"main\"}").unwrap(), "3");
    assert_eq!(three.metric("polyspan_chain_endpoint_quorum{chain=\"main\"}").unwrap(), "2");
}

/// Answers as a node that has not gone beyond `newest`, which it also calls final.
fn stopped_at(newest: Value) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    let top = u64::from_str_radix(newest["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    move |method, params| match (method, params[0].as_str()) {
        ("eth_getBlockByNumber", Some("latest" | "finalized")) => Reply::Result(newest.clone()),
        ("eth_getBlockByNumber", Some(number)) => {
            let number = u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap();
            if number > top { Reply::Result(Value::Null) } else { Reply::forward() }
        }
        ("eth_getCode" | "eth_call", _) => Reply::error(-32000, "header not found"),
        _ => Reply::forward(),
    }
}

#[tokio::test]
async fn an_endpoint_that_lags_holds_nothing_back_and_is_not_asked_for_what_it_cannot_know() {
    let three = Three::new().await;
    three.anvil.rpc("anvil_setBlockTimestampInterval", json!([1])).await;
    three.anvil.mine(20).await;
    let newest = three.anvil.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    three.break_endpoint(0, stopped_at(newest));
    three.anvil.mine(40).await;
    let head = three.chain.head().await.unwrap();
    assert_eq!(height(&head), (60, 58));
    remark(&three.chain, &["2 of 3", "endpoints[0] (http://127.0.0.1:", "lags by 40 blocks"]);
    assert!(!code_at(&three.chain, &head).await.unwrap());
    assert_eq!(three.proxies[0].count("eth_getCode"), 0);
    assert_eq!(
        three.metric("polyspan_chain_endpoint_lag_blocks{chain=\"main\",endpoint=\"0\"}").unwrap(),
        "40"
    );
    three.heal(0);
    three.chain.head().await.unwrap();
    assert_eq!(three.chain.remark(), None);
}

/// A chain with the same id whose blocks are others, `blocks` of them.
async fn forked_chain(blocks: u64) -> AnvilProcess {
    let arguments = ["--timestamp", "1700000000"].map(str::to_owned).to_vec();
    let options = AnvilOptions { arguments, ..AnvilOptions::default() };
    let fork = AnvilProcess::start(&options).await.expect("anvil");
    fork.mine(blocks).await;
    fork
}

#[tokio::test]
async fn one_that_serves_a_consistent_fork_is_outvoted_named_and_avoided() {
    let anvil = AnvilProcess::start(&AnvilOptions::default()).await.expect("anvil");
    // Also one that runs ahead changes nothing: heights count for as much as a quorum has reached.
    for ahead in [0, 90] {
        let fork = forked_chain(10 + ahead).await;
        let honest = [
            ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await,
            ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await,
        ];
        let liar = ScriptedServer::before(fork.http_url(), |_, _| Reply::forward()).await;
        let (chain, registry) = connect(&[liar.url(), honest[0].url(), honest[1].url()], |_| {});
        let now = anvil.rpc("eth_blockNumber", json!([])).await;
        if now == "0x0" {
            anvil.mine(10).await;
        }
        let head = chain.head().await.unwrap();
        let truth = crate::common::chain(anvil.http_url());
        assert_eq!(head, truth.head().await.unwrap());
        remark(&chain, &["2 of 3", "endpoints[0]", "contradicts the others"]);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let line = "polyspan_chain_endpoint_disagreements_total{chain=\"main\",endpoint=\"0\"} 1";
        assert!(text.contains(line), "{text}");
        let asked = liar.calls().len();
        for _ in 0..5 {
            let head = chain.head().await.unwrap();
            assert!(!code_at(&chain, &head).await.unwrap());
            assert_eq!(chain.block_ref(head.final_block.height).await.unwrap(), Some(head.final_block));
        }
        assert_eq!(liar.calls().len(), asked, "the liar is asked again too early");
    }
}

#[tokio::test]
async fn a_liar_and_a_dead_endpoint_leave_no_quorum_whatever_is_asked() {
    let anvil = AnvilProcess::start(&AnvilOptions::default()).await.expect("anvil");
    anvil.mine(10).await;
    let fork = forked_chain(10).await;
    let honest = ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await;
    let liar = ScriptedServer::before(fork.http_url(), |_, _| Reply::forward()).await;
    let gone = ScriptedServer::start(dead).await;
    let (chain, _) = connect(&[liar.url(), honest.url(), gone.url()], |_| {});
    let at = |head: &AnvilProcess| head.http_url();
    let (truth, lie) = (crate::common::chain(at(&anvil)), crate::common::chain(at(&fork)));
    let heads = [truth.head().await.unwrap(), lie.head().await.unwrap()];
    assert_ne!(heads[0].final_block, heads[1].final_block);
    for _ in 0..4 {
        let error = chain.head().await.unwrap_err();
        let ChainError::NoQuorum(told) = &error else { panic!("{error}") };
        assert_eq!((told.quorum, told.endpoints), (2, 3));
        for head in heads {
            assert!(told.said.contains(&head.final_block.hash.to_string()), "{error}");
            assert!(matches!(code_at(&chain, &head).await, Err(ChainError::NoQuorum(_))));
        }
        assert!(told.said.contains("endpoints[2]") && told.said.contains("502"), "{error}");
        assert!(matches!(error.class(), ErrorClass::Retry { .. }));
        let block = chain.block_ref(BlockHeight::new(5)).await;
        assert!(matches!(block, Err(ChainError::NoQuorum(_))), "{block:?}");
    }
    // A second right one settles it.
    let second = ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await;
    let (chain, _) = connect(&[liar.url(), honest.url(), second.url()], |_| {});
    assert_eq!(chain.head().await.unwrap(), heads[0]);
}

#[tokio::test]
async fn with_two_of_three_down_it_waits_and_goes_on_with_the_second() {
    let three = Three::new().await;
    three.anvil.mine(5).await;
    let head = three.chain.head().await.unwrap();
    three.break_endpoint(0, dead);
    three.break_endpoint(2, dead);
    for _ in 0..3 {
        let error = three.chain.head().await.unwrap_err();
        assert!(matches!(error, ChainError::NoQuorum(_)), "{error}");
        let error = code_at(&three.chain, &head).await.unwrap_err();
        assert!(error.to_string().contains("fewer than 2 of 3 endpoints of chain main agree"), "{error}");
    }
    remark(&three.chain, &["1 of 3 endpoint is good", "cannot be reached"]);
    three.heal(2);
    eventually(PATIENCE, "a head of two", async || three.chain.head().await.ok()).await;
    assert!(!code_at(&three.chain, &head).await.unwrap());
    assert!(three.metric("polyspan_chain_no_quorum_total{chain=\"main\"}").unwrap() != "0");
}

#[tokio::test]
async fn one_that_hangs_costs_no_deadline() {
    let three = Three::with(|settings| settings.request_timeout = PATIENCE * 10).await;
    three.anvil.mine(5).await;
    three.chain.head().await.unwrap();
    three.break_endpoint(0, hanging);
    let all = tokio::time::timeout(PATIENCE, async {
        for _ in 0..10 {
            let head = three.chain.head().await.unwrap();
            assert!(!code_at(&three.chain, &head).await.unwrap());
            three.chain.fees().await.unwrap();
        }
    });
    all.await.expect("answers of the others");
    remark(&three.chain, &["endpoints[0]", "does not answer in time"]);
    three.heal(0);
    let healed = async || {
        let head = three.chain.head().await.ok()?;
        code_at(&three.chain, &head).await.ok()?;
        three.chain.fees().await.ok()?;
        three.chain.remark().is_none().then_some(())
    };
    eventually(PATIENCE, "it is trusted again", healed).await;
}

#[tokio::test]
async fn the_wait_that_an_endpoint_asks_for_is_kept_while_the_others_go_on() {
    let three = Three::new().await;
    three.anvil.mine(5).await;
    three.break_endpoint(1, |_, _| Reply::Http { status: 429, body: "too many requests".to_owned() });
    let head = three.chain.head().await.unwrap();
    let asked = three.proxies[1].calls().len();
    for _ in 0..10 {
        three.chain.head().await.unwrap();
        assert!(!code_at(&three.chain, &head).await.unwrap());
    }
    assert_eq!(three.proxies[1].calls().len(), asked);
    remark(&three.chain, &["endpoints[1]", "limits the rate"]);
    // With another one down there is nobody left to ask in its place, and still it is left alone.
    three.break_endpoint(2, dead);
    let error = eventually(PATIENCE, "no quorum", async || three.chain.head().await.err()).await;
    assert!(error.to_string().contains("endpoints[1]"), "{error}");
    three.heal(1);
    eventually(PATIENCE, "a head of two", async || three.chain.head().await.ok()).await;
}

#[tokio::test]
async fn an_endpoint_that_becomes_another_chain_while_it_runs_leaves_until_it_is_right_again() {
    let three = Three::new().await;
    three.anvil.mine(5).await;
    three.chain.head().await.unwrap();
    // The connection stays, only the chain behind it is another: its blocks would even fit.
    three.break_endpoint(0, |method, _| match method {
        "eth_chainId" => Reply::Result(json!("0x1")),
        _ => Reply::forward(),
    });
    let noticed = async || {
        three.chain.head().await.unwrap();
        three.chain.remark().filter(|remark| remark.contains("serves another chain"))
    };
    eventually(PATIENCE, "the other chain is noticed", noticed).await;
    let asked = three.proxies[0].count("eth_getBlockByNumber");
    let (before, mut proofs) = (three.proxies[0].count("eth_chainId"), 0);
    while proofs < 1 {
        let head = three.chain.head().await.unwrap();
        assert!(!code_at(&three.chain, &head).await.unwrap());
        tokio::task::yield_now().await;
        proofs = three.proxies[0].count("eth_chainId") - before;
    }
    assert_eq!(
        three.proxies[0].count("eth_getBlockByNumber"),
        asked,
        "it is asked for nothing but its chain id"
    );
    three.heal(0);
    let back = async || {
        three.chain.head().await.unwrap();
        three.chain.remark().is_none().then_some(())
    };
    eventually(PATIENCE * 2, "it is right again", back).await;
}

#[tokio::test]
async fn an_unfinal_fork_moves_the_newest_block_down_and_no_further_than_needed() {
    let three = Three::new().await;
    three.anvil.mine(10).await;
    // Each endpoint sees another newest block, as for a moment after two were made at once.
    for index in 0..3_u8 {
        let other = B256::repeat_byte(0xf0 + index);
        three.break_endpoint(usize::from(index), move |method, params| match (method, params[0].as_str()) {
            ("eth_getBlockByNumber", Some("latest" | "0xa")) => Reply::Forward(Box::new(move |mut block| {
                block["hash"] = json!(other);
                block
            })),
            _ => Reply::forward(),
        });
    }
    assert_eq!(height(&three.chain.head().await.unwrap()), (9, 8));
    assert_eq!(three.chain.remark(), None, "above finality nobody lies");
}

#[tokio::test]
async fn unfinal_blocks_that_are_rolled_back_are_followed_and_state_is_read_at_those_that_are() {
    let three = Three::new().await;
    three.anvil.mine(10).await;
    let before = three.chain.head().await.unwrap();
    three.anvil.reorg(1).await;
    three.anvil.mine(1).await;
    let after = three.chain.head().await.unwrap();
    assert_ne!(before.latest.hash, after.latest.hash);
    assert_eq!(three.chain.block_ref(before.final_block.height).await.unwrap(), Some(before.final_block));
    assert!(!three.chain.has_code(BRIDGE, At::Hash(after.latest.hash)).await.unwrap());
    let gone = three.chain.has_code(BRIDGE, At::Hash(before.latest.hash)).await;
    assert!(gone.is_err(), "{gone:?}");
}

#[tokio::test]
async fn the_newest_state_of_several_endpoints_is_that_of_a_block_that_a_quorum_has() {
    let three = Three::new().await;
    three.anvil.mine(4).await;
    assert!(!three.chain.has_code(BRIDGE, At::Latest).await.unwrap());
    let newest = three.chain.head().await.unwrap().latest.hash;
    let asked: Vec<_> = three.proxies.iter().flat_map(ScriptedServer::calls).collect();
    let codes: Vec<_> = asked.into_iter().filter(|(method, _)| method == "eth_getCode").collect();
    assert_eq!(codes.len(), 2);
    for (_, params) in codes {
        assert_eq!(params[1], json!({ "blockHash": newest }));
    }
}

#[tokio::test]
async fn every_endpoint_is_proved_at_the_start_and_a_quorum_is_enough() {
    let three = Three::new().await;
    three.chain.verify_chain_id().await.unwrap();
    three.break_endpoint(1, |_, _| Reply::Result(json!("0x7")));
    let checked = three.chain.verify_endpoints().await;
    let wrong: Vec<_> =
        checked.iter().map(|checked| matches!(checked, Err(ChainError::WrongChain { .. }))).collect();
    assert_eq!(wrong, [false, true, false]);
    three.chain.verify_chain_id().await.unwrap();
    for index in [0, 2] {
        three.break_endpoint(index, |_, _| Reply::Result(json!("0x7")));
    }
    let error =
        eventually(PATIENCE, "all are wrong", async || three.chain.verify_chain_id().await.err()).await;
    assert!(matches!(error, ChainError::WrongChain { .. }), "{error}");
}

#[tokio::test]
async fn the_head_follower_tells_what_is_known_against_endpoints_and_forgets_it() {
    let three = Three::new().await;
    three.anvil.mine(5).await;
    three.break_endpoint(2, dead);
    let (follower, mut view) = HeadFollower::new(three.chain.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(follower.run(stop.clone()));
    let told = |view: &HeadView| view.remark.as_ref().is_some_and(|remark| remark.contains("endpoints[2]"));
    let seen = tokio::time::timeout(PATIENCE, view.wait_for(told)).await.expect("a remark").unwrap().clone();
    assert_eq!((seen.error, seen.head.map(|head| height(&head))), (None, Some((5, 3))));
    three.heal(2);
    let clean = |view: &HeadView| view.remark.is_none();
    tokio::time::timeout(PATIENCE, view.wait_for(clean)).await.expect("no remark").unwrap();
    stop.cancel();
    running.await.unwrap();
}
