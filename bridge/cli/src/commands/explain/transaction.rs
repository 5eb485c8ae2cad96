//! The transfers of one transaction: that of a request, of a payment, or of the end of a hold.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::B256;
use anyhow::Result;
use polyspan_chain::{Chain, ChainError, Receipt};
use polyspan_node::config::{LaneInfo, Side};
use polyspan_types::{HandledLogs, Request, RequestNonce, TransferId};
use serde::Serialize;

use crate::network::Network;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A transfer by its name.
    Transfer(TransferId),
    /// The transfers of a transaction of either chain.
    Transaction(B256),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("0x") {
            let wrong = || format!("`{text}` is not a transaction hash; write 0x and 64 hex digits");
            return text.parse().map(Self::Transaction).map_err(|_| wrong());
        }
        let transfer = text.parse::<TransferId>();
        transfer.map(Self::Transfer).map_err(|error| format!("{error}, or give the hash of a transaction"))
    }
}

/// What the chains know of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    transaction: B256,
    #[serde(flatten)]
    pub(super) state: State,
    /// The transfers that it requested, handled, or whose holds it ended.
    transfers: Vec<String>,
    #[serde(skip)]
    pub(super) ids: Vec<TransferId>,
    /// Chains that did not answer, and why.
    unseen: Vec<String>,
}

/// Where a transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(super) enum State {
    /// In a block.
    Mined { chain: String, block: u64 },
    /// In a block, without effect.
    Reverted { chain: String, block: u64 },
    /// In the pool of an endpoint.
    Pending { chain: String },
    /// No chain that answers knows it.
    Unknown,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.transaction;
        match &self.state {
            State::Mined { chain, block } if self.ids.is_empty() => {
                write!(
                    f,
                    "{hash} is in block {block} of chain {chain}, and is no transfer of a bridge of this config."
                )
            }
            State::Mined { chain, block } => {
                write!(
                    f,
                    "{hash} is in block {block} of chain {chain} and concerns {} transfers:",
                    self.ids.len()
                )?;
                self.transfers.iter().try_for_each(|transfer| write!(f, "\n  {transfer}"))
            }
            State::Reverted { chain, block } => {
                write!(
                    f,
                    "{hash} reverted in block {block} of chain {chain}: it cost gas and did nothing else."
                )
            }
            State::Pending { chain } => write!(
                f,
                "{hash} waits for a block of chain {chain}.\nDo not send it again: it may still get into one."
            ),
            State::Unknown => {
                write!(
                    f,
                    "No chain of the config knows {hash} now. If it was just sent, ask again in a minute."
                )?;
                self.unseen.iter().try_for_each(|reason| write!(f, "\nNot seen: {reason}."))
            }
        }
    }
}

/// Looks for a transaction on every chain of the config.
pub(super) async fn find(network: &Network, hash: B256) -> Found {
    let lanes = network.config.lanes();
    let mut unseen = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for side in lanes.iter().map(|lane| &lane.source) {
        if names.contains(&side.chain.as_str()) {
            continue;
        }
        names.push(&side.chain);
        match on_chain(network, &lanes, side, hash).await {
            Ok(Some((state, ids))) => return Found::new(hash, state, ids, Vec::new()),
            Ok(None) => {}
            Err(error) => unseen.push(format!("chain {}: {error}", side.chain)),
        }
    }
    Found::new(hash, State::Unknown, Vec::new(), unseen)
}

impl Found {
    fn new(transaction: B256, state: State, ids: Vec<TransferId>, unseen: Vec<String>) -> Self {
        let transfers = ids.iter().map(ToString::to_string).collect();
        Self { transaction, state, transfers, ids, unseen }
    }
}

async fn on_chain(
    network: &Network,
    lanes: &[LaneInfo],
    side: &Side,
    hash: B256,
) -> Result<Option<(State, Vec<TransferId>)>, ChainError> {
    let chain = network.chain(side);
    let name = side.chain.clone();
    let Some(receipt) = chain.receipt(hash).await? else {
        let pending = chain.transaction(hash).await?.is_some();
        return Ok(pending.then(|| (State::Pending { chain: name }, Vec::new())));
    };
    let block = receipt.block.height.get();
    if !receipt.success {
        return Ok(Some((State::Reverted { chain: name, block }, Vec::new())));
    }
    let mut ids = Vec::new();
    for lane in lanes {
        let nonces = nonces(chain, lane, &side.chain, hash, &receipt).await?;
        ids.extend(nonces.into_iter().map(|nonce| TransferId { lane: lane.id.clone(), nonce }));
    }
    Ok(Some((State::Mined { chain: name, block }, ids)))
}

async fn nonces(
    chain: &Chain,
    lane: &LaneInfo,
    name: &str,
    hash: B256,
    receipt: &Receipt,
) -> Result<Vec<RequestNonce>, ChainError> {
    let block = receipt.block.height;
    if lane.source.chain == name {
        return Ok(requested(&chain.requests(lane.source.bridge, block, block).await?, hash));
    }
    if lane.destination.chain == name {
        return Ok(handled(&chain.handled(lane.destination.bridge, block, block).await?, hash));
    }
    Ok(Vec::new())
}

fn requested(requests: &[Request], hash: B256) -> Vec<RequestNonce> {
    requests.iter().filter(|request| request.tx_hash == hash).map(|request| request.nonce).collect()
}

fn handled(logs: &HandledLogs, hash: B256) -> Vec<RequestNonce> {
    let ranges = logs.ranges.iter().filter(|range| range.tx_hash == hash);
    let paid = ranges.flat_map(|range| (range.first.get()..range.end.get()).map(RequestNonce::new));
    let ended = logs.endings.iter().filter(|ending| ending.tx_hash == hash).map(|ending| ending.nonce);
    paid.chain(ended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_transfer_or_a_transaction() {
        let hash = B256::repeat_byte(7);
        assert_eq!(hash.to_string().parse(), Ok(Subject::Transaction(hash)));
        let id: TransferId = "kr/main-to-service:4".parse().unwrap();
        assert_eq!("kr/main-to-service:4".parse(), Ok(Subject::Transfer(id)));
        assert!("0x12".parse::<Subject>().unwrap_err().contains("64 hex digits"));
        assert!("kr:4".parse::<Subject>().unwrap_err().contains("is not a lane"));
    }
}
