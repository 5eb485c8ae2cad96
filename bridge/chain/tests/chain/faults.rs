//! Endpoints that fail, lie or talk nonsense.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{CHAIN_ID, PATIENCE, chain, settings};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolEvent;
use polyspan_chain::testing::{Reply, ScriptedServer, eventually};
use polyspan_chain::{At, Chain, ChainError, FeeMarket, Url};
use polyspan_contracts::Bridge::RequestValueTransfer;
use polyspan_types::testing::assert_own_words;
use polyspan_types::{BlockHeight, Classify, ErrorClass};
use serde_json::{Value, json};

pub const BRIDGE: Address = Address::repeat_byte(0xb7);

/// A server with the right chain id that answers everything else by `script`.
async fn server(script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> (ScriptedServer, Chain) {
    let server = ScriptedServer::start(with_chain_id(script)).await;
    let chain = chain(server.url());
    (server, chain)
}

pub fn with_chain_id(
    script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    move |method, params| match method {
        "eth_chainId" => Reply::Result(json!(format!("{CHAIN_ID:#x}"))),
        _ => script(method, params),
    }
}

pub fn block(height: u64) -> Value {
    json!({
        "number": format!("{height:#x}"), "hash": B256::with_last_byte(height as u8), "timestamp": "0x10",
        "gasLimit": "0x1c9c380", "baseFeePerGas": "0x7",
    })
}

pub fn log(nonce: u64, height: u64) -> Value {
    let event = RequestValueTransfer {
        requestNonce: nonce,
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        kind: 0,
        token: Address::ZERO,
        refundTo: Address::repeat_byte(3),
        value: U256::from(1000 + nonce),
        payload: Bytes::new(),
    };
    let data = event.encode_log_data();
    json!({
        "address": BRIDGE, "topics": data.topics(), "data": data.data,
        "blockNumber": format!("{height:#x}"), "transactionHash": B256::repeat_byte(9), "removed": false,
    })
}

async fn requests(chain: &Chain, from: u64, to: u64) -> Result<Vec<u64>, ChainError> {
    let requests = chain.requests(BRIDGE, BlockHeight::new(from), BlockHeight::new(to)).await?;
    Ok(requests.iter().map(|request| request.nonce.get()).collect())
}

#[tokio::test]
async fn nothing_is_asked_of_a_wrong_chain_and_it_is_asked_again_once_right() {
    let id = Arc::new(AtomicU64::new(5));
    let current = Arc::clone(&id);
    let server = ScriptedServer::start(move |method, _| match method {
        "eth_chainId" => Reply::Result(json!(format!("{:#x}", current.load(Ordering::SeqCst)))),
        _ => Reply::Result(block(4)),
    })
    .await;
    let chain = chain(server.url());
    let error = chain.head().await.unwrap_err();
    assert!(error.to_string().contains("serves chain 5, not 31001"), "{error}");
    assert!(matches!(error.class(), ErrorClass::Retry { after } if !after.is_zero()));
    assert_eq!(server.count("eth_getBlockByNumber"), 0);
    id.store(CHAIN_ID, Ordering::SeqCst);
    eventually(PATIENCE, "a head", async || chain.head().await.ok()).await;
}

#[tokio::test]
async fn the_chain_id_is_proven_once_for_each_connection_and_not_for_each_request() {
    let (server, _) = server(|_, _| Reply::Result(json!("0x1"))).await;
    let mut settings = settings(server.url());
    // So long that no proof is due again.
    settings.poll_interval = PATIENCE;
    let chain = Chain::new(settings).unwrap();
    for _ in 0..20 {
        chain.balance(BRIDGE).await.unwrap();
    }
    assert_eq!((server.count("eth_chainId"), server.count("eth_getBalance")), (1, 20));
    // Many requests at once need more connections; each proves its chain id, which may take one more connection.
    futures::future::try_join_all((0..20).map(|_| chain.balance(BRIDGE))).await.unwrap();
    chain.balance(BRIDGE).await.unwrap();
    let proofs = server.count("eth_chainId");
    assert!(proofs <= 42, "{proofs}");
    for _ in 0..20 {
        chain.balance(BRIDGE).await.unwrap();
    }
    assert_eq!(server.count("eth_chainId"), proofs);
}

#[tokio::test]
async fn a_dead_endpoint_is_not_hammered_by_its_callers() {
    let server =
        ScriptedServer::start(|_, _| Reply::Http { status: 503, body: "no upstream".to_owned() }).await;
    let chain = chain(server.url());
    for _ in 0..50 {
        let error = chain.head().await.unwrap_err();
        assert!(
            matches!(&error, ChainError::Unreachable { reason, .. } if reason.contains("503")),
            "{error}"
        );
    }
    assert!(server.count("eth_chainId") < 10, "{}", server.count("eth_chainId"));
}

#[tokio::test]
async fn every_request_ends_at_its_deadline() {
    let server = ScriptedServer::start(with_chain_id(|_, _| Reply::Hang)).await;
    let mut quick = settings(server.url());
    quick.request_timeout = Duration::from_millis(200);
    let chain = Chain::new(quick).unwrap();
    let error = tokio::time::timeout(PATIENCE, chain.head()).await.expect("an end").unwrap_err();
    let ChainError::Timeout { endpoint, method, after } = &error else { panic!("{error}") };
    assert_eq!(*endpoint, chain.endpoints().next().unwrap().to_string());
    assert_eq!((*method, after.as_millis()), ("eth_getBlockByNumber", 200));
    assert_eq!(error.class(), ErrorClass::RETRY);
}

#[tokio::test]
async fn answers_that_make_no_sense_name_endpoint_and_method() {
    let nonsense = [
        Reply::Result(json!("nonsense")),
        Reply::Result(json!({ "number": "0x1" })),
        Reply::Result(Value::Null),
        Reply::Http { status: 200, body: "<html>captive portal</html>".to_owned() },
        Reply::Http { status: 200, body: "[".repeat(100_000) },
        Reply::Http { status: 200, body: String::new() },
    ];
    for reply in nonsense {
        let reply = std::sync::Mutex::new(Some(reply));
        let (server, chain) = server(move |_, _| reply.lock().unwrap().take().unwrap_or(Reply::Hang)).await;
        let error = chain.gas_limit().await.unwrap_err();
        let ChainError::BadAnswer { endpoint, method, .. } = &error else { panic!("{error:?}") };
        assert_eq!(format!("{endpoint}/"), server.url().to_string());
        assert_eq!(*method, "eth_getBlockByNumber");
        assert!(matches!(error.class(), ErrorClass::Retry { .. }));
        assert!(error.to_string().len() < 600, "{error}");
        assert_own_words(&error.to_string());
    }
}

#[tokio::test]
async fn an_answer_without_reason_is_neither_read_nor_repeated_in_whole() {
    let long = "f".repeat(4 << 20);
    let (server, chain) = server(move |_, _| Reply::Result(json!(long))).await;
    let error = chain.head().await.unwrap_err();
    let port = server.url().port().unwrap();
    let told =
        format!("endpoint http://127.0.0.1:{port} answers eth_getBlockByNumber with more than 2097152 bytes");
    assert!(error.to_string().contains(&told), "{error}");
    assert!(matches!(error.class(), ErrorClass::Retry { .. }));
    // One that is short enough and no block: the library tells the value that it met.
    server.set(with_chain_id(|_, _| Reply::Result(json!({ "number": "f".repeat(1 << 20) }))));
    let error = chain.head().await.unwrap_err();
    assert!(matches!(error, ChainError::BadAnswer { .. }), "{error:?}");
    assert!(error.to_string().len() < 1_000 && format!("{error:?}").len() < 1_000, "{error}");
}

#[tokio::test]
async fn logs_that_are_too_long_are_asked_for_in_shorter_ranges() {
    let number =
        |value: &Value| u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let long = json!("f".repeat(17 << 20));
    let (server, chain) = server(move |_, params| {
        let blocks = number(&params[0]["toBlock"]) - number(&params[0]["fromBlock"]) + 1;
        if blocks > 20 { Reply::Result(long.clone()) } else { Reply::Result(json!([])) }
    })
    .await;
    let (mut lengths, last) = (Vec::new(), BlockHeight::new(99));
    let mut next = BlockHeight::new(0);
    while let Some((from, to)) = chain.next_range(next, last) {
        lengths.push(to.since(from) + 1);
        match chain.requests(BRIDGE, from, to).await {
            Ok(_) => next = to.next(),
            Err(ChainError::RangeRefused { reason, .. }) => {
                assert!(reason.contains("16777216 bytes"), "{reason}")
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(lengths, [64, 32, 16, 16, 16, 16, 16, 16, 4]);
    assert_eq!(server.count("eth_getLogs"), lengths.len());
}

#[tokio::test]
async fn another_block_than_the_one_asked_for_is_a_wrong_answer() {
    let (_server, chain) = server(|_, _| Reply::Result(block(4))).await;
    let error = chain.block_ref(BlockHeight::new(5)).await.unwrap_err();
    assert!(error.to_string().contains("block 4 instead of 5"), "{error}");
}

#[tokio::test]
async fn quotas_are_told_apart_and_carry_their_wait() {
    let (_server, chain) = server(|_, _| Reply::error(-32005, "daily request count exceeded")).await;
    let error = chain.head().await.unwrap_err();
    assert!(matches!(error, ChainError::RateLimited { .. }), "{error:?}");
    assert!(matches!(error.class(), ErrorClass::Retry { after } if after >= Duration::from_secs(1)));
    let (_server, chain) = self::server(|_, _| Reply::Http { status: 429, body: String::new() }).await;
    assert!(matches!(chain.head().await.unwrap_err(), ChainError::RateLimited { .. }));
}

#[tokio::test]
async fn secrets_of_an_endpoint_are_in_no_error() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    for scheme in ["http", "ws"] {
        let url: Url =
            format!("{scheme}://operator:passw0rd@127.0.0.1:{port}/v3/0123456789abcdef?token=topsecret")
                .parse()
                .unwrap();
        let error = chain(url).head().await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(matches!(error, ChainError::Unreachable { .. }), "{text}");
        assert!(text.contains(&format!("{scheme}://127.0.0.1:{port}")), "{text}");
        for secret in ["operator", "passw0rd", "0123456789abcdef", "topsecret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let (server, _) = server(|_, _| Reply::error(-32000, "project 0123456789abcdef is suspended")).await;
    let url = format!("{}v3/0123456789abcdef", server.url()).parse().unwrap();
    let text = chain(url).head().await.unwrap_err().to_string();
    assert!(text.contains("is suspended") && !text.contains("0123456789abcdef"), "{text}");
}

#[tokio::test]
async fn logs_come_sorted_by_nonce() {
    let (server, chain) = server(|_, _| Reply::Result(json!([log(2, 12), log(0, 10), log(1, 10)]))).await;
    assert_eq!(requests(&chain, 10, 20).await.unwrap(), [0, 1, 2]);
    let (_, filter) = server.calls().pop().unwrap();
    assert_eq!((&filter[0]["fromBlock"], &filter[0]["toBlock"]), (&json!("0xa"), &json!("0x14")));
    assert_eq!(filter[0]["topics"], json!([[RequestValueTransfer::SIGNATURE_HASH]]));
}

#[tokio::test]
async fn logs_that_were_not_asked_for_are_wrong_answers() {
    let changed = |key: &str, value: Value| {
        let mut log = log(0, 12);
        log[key] = value;
        vec![log]
    };
    let mut other_event = log(0, 12);
    other_event["topics"][0] = json!(B256::repeat_byte(7));
    let mut few_topics = log(0, 12);
    few_topics["topics"] = json!([RequestValueTransfer::SIGNATURE_HASH]);
    let cases = [
        (changed("address", json!(Address::repeat_byte(1))), "instead of"),
        (vec![other_event], "another event"),
        (changed("topics", json!([])), "another event"),
        (vec![few_topics], "does not decode"),
        (changed("data", json!("0x1234")), "does not decode"),
        (changed("blockNumber", Value::Null), "pending"),
        (changed("transactionHash", Value::Null), "pending"),
        (changed("blockNumber", json!("0x9")), "block 9, outside 10 to 20"),
        (changed("blockNumber", json!("0x15")), "block 21, outside 10 to 20"),
        (changed("removed", json!(true)), "reorg"),
        (vec![log(3, 12), log(3, 12)], "nonce 3 twice"),
        (vec![log(4, 12), log(3, 13)], "before nonce 3"),
    ];
    for (logs, what) in cases {
        let (_server, chain) = server(move |_, _| Reply::Result(json!(logs))).await;
        let error = requests(&chain, 10, 20).await.unwrap_err();
        assert!(matches!(&error, ChainError::BadAnswer { method: "eth_getLogs", .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error} does not contain {what}");
    }
}

#[tokio::test]
async fn ranges_shrink_until_the_endpoint_takes_them_and_nothing_is_left_out() {
    let (server, chain) = server(|_, params| {
        let height = |key: &str| {
            let text = params[0][key].as_str().unwrap();
            u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
        };
        let (from, to) = (height("fromBlock"), height("toBlock"));
        if to - from >= 10 {
            return Reply::error(-32602, "block range is too wide");
        }
        Reply::Result(json!((from..=to).map(|block| log(block, block)).collect::<Vec<_>>()))
    })
    .await;
    let (mut next, last) = (BlockHeight::new(0), BlockHeight::new(299));
    let (mut nonces, mut refused) = (Vec::new(), 0);
    while let Some((from, to)) = chain.next_range(next, last) {
        match requests(&chain, from.get(), to.get()).await {
            Ok(found) => {
                nonces.extend(found);
                next = to.next();
            }
            Err(error) => {
                assert!(matches!(error, ChainError::RangeRefused { .. }), "{error}");
                assert_eq!(error.class(), ErrorClass::RETRY);
                refused += 1;
            }
        }
    }
    assert_eq!(nonces, (0..300).collect::<Vec<_>>());
    assert!(refused < 10, "{refused} of {} requests were refused", server.count("eth_getLogs"));
}

#[tokio::test]
async fn a_log_request_that_takes_too_long_twice_in_a_row_is_shortened() {
    let server = ScriptedServer::start(with_chain_id(|_, _| Reply::Hang)).await;
    let mut quick = settings(server.url());
    quick.request_timeout = Duration::from_millis(100);
    let chain = Chain::new(quick).unwrap();
    let (from, to) = chain.next_range(BlockHeight::ZERO, BlockHeight::new(1000)).unwrap();
    for expected in [63, 31] {
        assert!(matches!(requests(&chain, from.get(), to.get()).await, Err(ChainError::Timeout { .. })));
        let (_, next) = chain.next_range(BlockHeight::ZERO, BlockHeight::new(1000)).unwrap();
        assert_eq!((to.get(), next.get()), (63, expected));
    }
}

#[tokio::test]
async fn a_node_without_a_tip_method_still_has_fees() {
    let (_server, chain) = server(|method, _| match method {
        "eth_getBlockByNumber" => Reply::Result(block(4)),
        "eth_gasPrice" => Reply::Result(json!("0x9")),
        _ => Reply::error(-32601, "the method does not exist/is not available"),
    })
    .await;
    assert_eq!(chain.fees().await.unwrap(), FeeMarket::Eip1559 { base_fee: 7, priority: 2 });
}

/// As Kaia 1.0.3 answers: it must not pass for a chain of which only the first block is final.
#[tokio::test]
async fn a_node_that_knows_no_tag_for_a_final_block_is_told_apart_with_its_cure() {
    let (_server, chain) = server(|method, params| match method {
        "eth_getBlockByNumber" if params[0] == "finalized" => {
            Reply::error(-32602, "invalid argument 0: hex string without 0x prefix")
        }
        _ => Reply::Result(block(4)),
    })
    .await;
    let error = chain.head().await.unwrap_err();
    assert!(matches!(error, ChainError::TagUnknown { .. }), "{error}");
    assert!(error.to_string().contains("`finalized`") && error.to_string().contains("depth 0"), "{error}");
}

#[tokio::test]
async fn a_state_that_is_gone_is_told_apart_with_its_block_and_cure() {
    let (_server, chain) = server(|method, _| match method {
        "eth_getBlockByNumber" => Reply::Result(block(4)),
        _ => Reply::error(-32000, "missing trie node 5b3f (path ) state 0x5b3f is not available"),
    })
    .await;
    let old = B256::repeat_byte(7);
    let error = chain.lane_state(Address::repeat_byte(1), At::Hash(old)).await.unwrap_err();
    assert!(
        error.is_state_gone() && matches!(error, ChainError::StateGone { block, .. } if block == old),
        "{error}"
    );
    let said = error.to_string();
    assert!(said.contains(&old.to_string()) && said.contains("gcmode archive"), "{said}");
}

#[tokio::test]
async fn another_hash_than_that_of_the_sent_transaction_is_a_wrong_answer() {
    let (_server, chain) = server(|_, _| Reply::Result(json!(B256::repeat_byte(1)))).await;
    let error = chain.send_raw(&Bytes::from_static(b"raw")).await.unwrap_err();
    assert!(matches!(error, ChainError::BadAnswer { method: "eth_sendRawTransaction", .. }), "{error}");
}

#[tokio::test]
async fn another_transaction_than_the_one_asked_for_is_a_wrong_answer() {
    let (wanted, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let (server, chain) =
        server(move |_, _| Reply::Result(json!({ "hash": other, "to": BRIDGE, "input": "0x12" }))).await;
    let error = chain.transaction(wanted).await.unwrap_err();
    assert!(matches!(error, ChainError::BadAnswer { method: "eth_getTransactionByHash", .. }), "{error}");
    let waiting = chain.transaction(other).await.unwrap().expect("a transaction in no block");
    assert_eq!((waiting.to, waiting.block), (Some(BRIDGE), None));
    server.set(with_chain_id(|_, _| Reply::Result(Value::Null)));
    assert_eq!(chain.transaction(wanted).await.unwrap(), None);
}

#[tokio::test]
async fn an_address_without_code_is_told_apart_from_another_contract() {
    let (server, chain) = server(|method, _| match method {
        "eth_call" => Reply::Result(json!("0x")),
        _ => Reply::Result(json!("0x")),
    })
    .await;
    let error = chain.lane_state(BRIDGE, At::Latest).await.unwrap_err();
    assert_eq!(error, ChainError::NoCode { chain: "main".to_owned(), address: BRIDGE });
    server.set(with_chain_id(|method, _| match method {
        "eth_call" => Reply::error(3, "execution reverted"),
        _ => Reply::Result(json!("0x60")),
    }));
    let error = chain.lane_state(BRIDGE, At::Latest).await.unwrap_err();
    assert!(matches!(error, ChainError::NotABridge { .. }), "{error}");
    assert!(error.to_string().contains("laneState()"), "{error}");
}
