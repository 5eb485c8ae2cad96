//! Endpoints that limit, hide or do not have logs.

use alloy::primitives::B256;
use alloy::sol_types::SolEvent;
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_chain::{Chain, ChainError, Url};
use polyspan_contracts::Bridge::HandleValueTransfer;
use polyspan_types::BlockHeight;
use serde_json::json;

use super::{connect, remark};
use crate::faults::{BRIDGE, block, log, with_chain_id};

/// Three scripted endpoints that differ in how they serve logs; each has every block and one request in each.
async fn logs_served_by(limits: [u64; 3], hiding: Option<usize>) -> (Vec<ScriptedServer>, Chain) {
    let mut servers = Vec::new();
    for (index, limit) in limits.into_iter().enumerate() {
        let script = with_chain_id(move |method, params| match method {
            "eth_getBlockByNumber" => Reply::Result(block(200)),
            "eth_getLogs" => {
                let bound = |key: &str| {
                    let text = params[0][key].as_str().unwrap();
                    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
                };
                let (from, to) = (bound("fromBlock"), bound("toBlock"));
                if to - from >= limit {
                    return Reply::error(-32602, "block range is too wide");
                }
                let shown = (from..=to).filter(|block| hiding != Some(index) || block % 5 != 0);
                Reply::Result(shown.map(|block| log(block, block)).collect())
            }
            _ => Reply::Hang,
        });
        servers.push(ScriptedServer::start(script).await);
    }
    let urls: Vec<Url> = servers.iter().map(ScriptedServer::url).collect();
    let (chain, _) = connect(&urls, |_| {});
    (servers, chain)
}

/// Reads blocks 0 to 199 as a caller does; returns the ranges that were refused.
async fn read_all(chain: &Chain) -> usize {
    let (mut next, last) = (BlockHeight::ZERO, BlockHeight::new(199));
    let (mut nonces, mut refused) = (Vec::new(), 0);
    while let Some((from, to)) = chain.next_range(next, last) {
        match chain.requests(BRIDGE, from, to).await {
            Ok(found) => {
                nonces.extend(found.iter().map(|request| request.nonce.get()));
                next = to.next();
            }
            Err(ChainError::RangeRefused { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(nonces, (0..200).collect::<Vec<_>>());
    refused
}

#[tokio::test]
async fn one_that_refuses_ranges_makes_nobody_else_read_short_ones() {
    let (servers, chain) = logs_served_by([5, 1000, 1000], None).await;
    assert_eq!(read_all(&chain).await, 0);
    assert_eq!(chain.next_range(BlockHeight::ZERO, BlockHeight::new(999)).unwrap().1.get(), 63);
    let refused = servers[0].count("eth_getLogs");
    assert!(refused <= 2, "asked {refused} times for more than it serves");
    assert_eq!(servers[1].count("eth_getLogs"), 4);

    let (_servers, chain) = logs_served_by([5, 5, 1000], None).await;
    assert!(read_all(&chain).await > 0);
    assert!(chain.next_range(BlockHeight::ZERO, BlockHeight::new(999)).unwrap().1.get() < 5);
    assert_eq!(chain.remark(), None, "a limit is no fault");
}

#[tokio::test]
async fn a_hidden_log_is_outvoted() {
    let (servers, chain) = logs_served_by([1000, 1000, 1000], Some(0)).await;
    assert_eq!(read_all(&chain).await, 0);
    assert_eq!(servers[0].count("eth_getLogs"), 1, "avoided after its first lie");
    remark(&chain, &["endpoints[0]", "contradicts the others"]);
}

#[tokio::test]
async fn one_that_answers_heads_and_no_logs_is_avoided_for_logs_only() {
    let (servers, chain) = logs_served_by([1000, 1000, 1000], None).await;
    servers[1].set(with_chain_id(|method, _| match method {
        "eth_getBlockByNumber" => Reply::Result(block(200)),
        _ => Reply::error(-32000, "index is corrupt"),
    }));
    chain.head().await.unwrap();
    assert_eq!(read_all(&chain).await, 0);
    assert_eq!(servers[1].count("eth_getLogs"), 1);
    remark(&chain, &["endpoints[1]", "fails to serve logs"]);
    let heads = servers[1].count("eth_getBlockByNumber");
    chain.head().await.unwrap();
    assert!(servers[1].count("eth_getBlockByNumber") > heads);
}

#[tokio::test]
async fn too_few_that_serve_logs_is_no_quorum_and_says_who_said_what() {
    let (servers, chain) = logs_served_by([1000, 1000, 1000], Some(0)).await;
    servers[2].set(with_chain_id(|_, _| Reply::error(-32000, "index is corrupt")));
    let error = chain.requests(BRIDGE, BlockHeight::new(4), BlockHeight::new(6)).await.unwrap_err();
    assert!(matches!(error, ChainError::NoQuorum(_)), "{error}");
    for words in ["2 requests from nonce 4", "3 requests from nonce 4", "endpoints[2]", "index is corrupt"] {
        assert!(error.to_string().contains(words), "{words} is missing in: {error}");
    }
    assert!(!chain.remark().unwrap_or_default().contains("contradicts"), "nobody knows who is right");
}

#[tokio::test]
async fn what_a_quorum_shows_in_a_new_block_counts_and_other_forks_are_no_lies() {
    // By endpoint: the transactions in its block. The second is on another fork, the third makes one up.
    let shown: [&[u8]; 3] = [&[1, 2], &[2], &[1, 2, 9]];
    let mut servers = Vec::new();
    for transactions in shown {
        let script = with_chain_id(move |method, _| match method {
            "eth_getBlockByNumber" => Reply::Result(block(200)),
            "eth_getLogs" => Reply::Result(transactions.iter().map(|hash| handled(*hash)).collect()),
            _ => Reply::Hang,
        });
        servers.push(ScriptedServer::start(script).await);
    }
    let urls: Vec<Url> = servers.iter().map(ScriptedServer::url).collect();
    let (chain, _) = connect(&urls, |_| {});
    chain.head().await.unwrap();
    let found = chain.handled_by(BRIDGE, BlockHeight::new(200)).await;
    assert!(found.contains(&B256::repeat_byte(2)), "{found:?}");
    assert!(!found.contains(&B256::repeat_byte(9)), "{found:?}");
    assert_eq!(chain.remark(), None, "nobody is avoided");

    servers[0].set(with_chain_id(|_, _| Reply::error(-32000, "no logs here")));
    servers[1].set(with_chain_id(|_, _| Reply::error(-32000, "no logs here")));
    assert_eq!(chain.handled_by(BRIDGE, BlockHeight::new(200)).await, Default::default());
    assert_eq!(chain.remark(), None, "nor who cannot tell yet");
    let asked = servers[2].count("eth_getLogs");
    assert_eq!(chain.handled_by(BRIDGE, BlockHeight::new(201)).await, Default::default());
    assert_eq!(servers[2].count("eth_getLogs"), asked, "nobody has shown that block");
}

/// The log of a `handle` in block 200.
fn handled(transaction: u8) -> serde_json::Value {
    let first = u64::from(transaction);
    let data = HandleValueTransfer { first, handleNonce: first + 1 }.encode_log_data();
    json!({
        "address": BRIDGE, "topics": data.topics(), "data": data.data,
        "blockNumber": "0xc8", "transactionHash": B256::repeat_byte(transaction), "removed": false,
    })
}
