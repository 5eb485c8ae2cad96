//! What running nodes answered where they refused something: written by `devnet record-replies --nodes KIND`, one file for each kind of
//! node, with its version. Each situation says itself what the rules must make of it.

use serde::Deserialize;
use serde_json::Value;

use super::classify;
use crate::session::words;

const RECORDS: [&str; 5] = [
    include_str!("met/anvil.json"),
    include_str!("met/geth.json"),
    include_str!("met/geth-archive.json"),
    include_str!("met/hardhat.json"),
    include_str!("met/kaia.json"),
];

#[derive(Debug, Deserialize)]
struct Record {
    node: String,
    replies: Vec<Reply>,
}

#[derive(Debug, Deserialize)]
struct Reply {
    situation: String,
    method: String,
    code: i64,
    message: String,
    #[serde(default)]
    data: Option<Value>,
    kind: String,
}

#[test]
fn every_reply_of_a_running_node_is_understood() {
    let mut wrong = Vec::new();
    for record in RECORDS {
        let Record { node, replies } = serde_json::from_str(record).unwrap();
        assert!(replies.len() >= 10, "{node} has hardly refused anything: record it again");
        for reply in replies {
            let text = words(&reply.message, reply.data.as_ref());
            let kind = format!("{:?}", classify(&reply.method, reply.code, &text));
            if kind != reply.kind {
                wrong.push(format!(
                    "{node}, {}: {text} ({}) is {kind} and not {}",
                    reply.situation, reply.code, reply.kind
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
