//! What a real node answers where it refuses something: recorded, so that the rules of `bridge/chain/src/replies.rs` are tested on it.
//!
//! Each situation is brought about on a chain of one's own. Where a node refuses nothing, nothing is recorded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account;
use crate::binaries::project_root;
use crate::chain::anvil::BLOCK_GAS_LIMIT;
use crate::chain::{Chain, ChainSpec, NodeKind};
use crate::process::Warden;
use crate::screen;
use crate::spec::FINALIZED_BEHIND;
use crate::tokens::WHOLE;

/// Blocks after which a full node has thrown the first states away. Unit: blocks. Source: geth keeps 128.
const PAST: u64 = 140;

/// How long a node may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Unit: wei per gas.
const GWEI: u128 = 1_000_000_000;

/// Init code of a contract that uses up all its gas: JUMPDEST, PUSH1 0, JUMP, put into place by the usual six instructions.
const SPINS: [u8; 16] =
    [0x60, 0x04, 0x80, 0x60, 0x0b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3, 0x5b, 0x60, 0x00, 0x56, 0x00];

/// Init code of a contract that reverts: PUSH1 0, DUP1, REVERT.
const REVERTS: [u8; 16] =
    [0x60, 0x04, 0x80, 0x60, 0x0b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3, 0x60, 0x00, 0x80, 0xfd, 0x00];

/// What a node said.
#[derive(Debug, Serialize)]
struct Record {
    node: String,
    replies: Vec<Reply>,
}

#[derive(Debug, Serialize)]
struct Reply {
    situation: &'static str,
    method: &'static str,
    code: i64,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// What the rules must make of it.
    kind: &'static str,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    code: i64,
    message: String,
    data: Option<Value>,
}

/// Starts a chain of nodes of this kind, records what it refuses, and writes that below `bridge/chain`. Everything of the run itself lies
/// in `directory`.
///
/// Errors: the node cannot be started, or does not answer.
pub async fn run(nodes: NodeKind, directory: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let warden = Warden::start()?;
    let spec = ChainSpec::alone("recorded", nodes, Some(FINALIZED_BEHIND));
    let chain = Chain::start(&spec, &warden, directory).await?;
    let node = chain.provider.get_client_version().await.context("the node does not name its version")?;
    let mut recorder = Recorder { chain: &chain, nodes, replies: Vec::new() };
    recorder.all().await?;
    let record = Record { node, replies: recorder.replies };
    let file = project_root().join(format!("bridge/chain/src/replies/met/{nodes}.json"));
    let text = serde_json::to_string_pretty(&record).context("a record has a JSON form")?;
    std::fs::write(&file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

struct Recorder<'a> {
    chain: &'a Chain,
    nodes: NodeKind,
    replies: Vec<Reply>,
}

impl Recorder<'_> {
    async fn all(&mut self) -> Result<()> {
        let payer = PrivateKeySigner::random();
        self.chain.fund(&[(payer.address(), U256::from(1_000 * WHOLE))]).await?;
        let spins = account::deploy(self.chain, &payer, Bytes::from_static(&SPINS)).await?;
        let reverts = account::deploy(self.chain, &payer, Bytes::from_static(&REVERTS)).await?;
        self.sending(&payer).await?;
        self.calls(spins, reverts).await?;
        self.chain.mine(PAST).await?;
        let early = json!([{"to": reverts}, "0x1"]);
        self.ask("the state of an early block", "eth_call", early, "StateGone").await
    }

    async fn sending(&mut self, payer: &PrivateKeySigner) -> Result<()> {
        // Nothing is mined meanwhile: what is sent stays in the pool.
        self.chain.make_no_blocks().await?;
        let nonce = self.chain.provider.get_transaction_count(payer.address()).await?;
        // Above the base fee of each node; on a young chain it is 1 gwei, or Kaia's least one of 25.
        let price = 2 * self.chain.provider.get_gas_price().await?.max(5 * GWEI);
        let fair = TransactionRequest::default()
            .with_to(Address::repeat_byte(0x55))
            .with_value(U256::from(1))
            .with_chain_id(self.chain.chain_id)
            .with_nonce(nonce)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(price)
            .with_max_priority_fee_per_gas(GWEI);
        account::send_raw(self.chain, &account::sign_complete(payer, fair.clone()).await?).await?;
        let poor = PrivateKeySigner::random();
        // A nonce of its own for each that some node may take: the next one would be its replacement.
        let next = |place: u64| fair.clone().with_nonce(nonce + place);
        let full = 1 << 24;
        let cases = [
            ("the same transaction again", payer, next(0), "AlreadyKnown"),
            ("another one at the same price", payer, next(0).with_value(U256::from(2)), "Underpriced"),
            ("an account nonce that is used", payer, fair.clone().with_nonce(0), "NonceTooLow"),
            ("an account nonce far ahead", payer, next(5_000), "NonceTooHigh"),
            ("an account without funds", &poor, fair.clone().with_nonce(0), "InsufficientFunds"),
            ("a fee below the base fee", payer, cheap(next(1), 1, 0), "Underpriced"),
            ("a tip of nothing", payer, cheap(next(2), price, 0), "Underpriced"),
            ("too little gas for any transaction", payer, next(3).with_gas_limit(20_000), "Other"),
            ("gas above a block's", payer, next(4).with_gas_limit(BLOCK_GAS_LIMIT + 1), "GasLimitTooHigh"),
            ("gas above a transaction's", payer, next(5).with_gas_limit(full + 1), "GasLimitTooHigh"),
            ("a fee above the node's cap", payer, dear(next(6).with_gas_limit(full)), "FeeTooHigh"),
        ];
        for (situation, signer, transaction, kind) in cases {
            let raw = account::sign_complete(signer, transaction).await?;
            self.ask(situation, "eth_sendRawTransaction", json!([raw]), kind).await?;
        }
        self.chain.make_blocks_again().await
    }

    async fn calls(&mut self, spins: Address, reverts: Address) -> Result<()> {
        let nowhere = B256::repeat_byte(0x77);
        let (call, logs) = ("eth_call", "eth_getLogs");
        let beyond = json!([{"fromBlock": "0x0", "toBlock": "0xffffff"}]);
        let by_hash = |hash: B256| json!([{"to": reverts}, {"blockHash": hash, "requireCanonical": true}]);
        // Kaia begins with 10^12 gas, and gives up after five seconds.
        let endless = if self.nodes == NodeKind::Kaia { "CallTooSlow" } else { "OutOfGas" };
        let much = format!("{:#x}", BLOCK_GAS_LIMIT + 1);
        let cases = [
            ("a contract that reverts", call, json!([{"to": reverts}, "latest"]), "Reverted"),
            (
                "a contract that uses up its gas",
                call,
                json!([{"to": spins, "gas": "0x30d40"}, "latest"]),
                "OutOfGas",
            ),
            ("a contract that uses up all gas", "eth_estimateGas", json!([{"to": spins}]), endless),
            (
                "a call with the gas of more than a block",
                call,
                json!([{"to": Address::ZERO, "gas": much}, "latest"]),
                "GasLimitTooHigh",
            ),
            ("the state of an unknown block", call, by_hash(nowhere), "BlockUnknown"),
            ("the state of a block to come", call, json!([{"to": reverts}, "0xffffff"]), "BlockUnknown"),
            ("logs of blocks to come", logs, beyond, "BlockUnknown"),
            ("logs of an unknown block", logs, json!([{"blockHash": nowhere}]), "BlockUnknown"),
            ("the final block", "eth_getBlockByNumber", json!(["finalized", false]), "TagUnknown"),
            ("an unknown method", "eth_polyspan", json!([]), "MethodUnknown"),
        ];
        for (situation, method, params, kind) in cases {
            self.ask(situation, method, params, kind).await?;
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        situation: &'static str,
        method: &'static str,
        params: Value,
        kind: &'static str,
    ) -> Result<()> {
        #[derive(Deserialize)]
        struct Answer {
            error: Option<Refusal>,
        }
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = reqwest::Client::new()
            .post(self.chain.url().clone())
            .json(&request)
            .timeout(PATIENCE)
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer.json().await,
            // Some nodes bound neither the gas of an estimate nor its time.
            Err(error) if error.is_timeout() => {
                screen::line(format!("{situation}: no answer within {PATIENCE:?}"));
                return Ok(());
            }
            Err(error) => return Err(error).context("the node does not answer"),
        };
        let Answer { error } = answer.with_context(|| format!("{method} is not answered by JSON"))?;
        match error {
            None => screen::line(format!("{situation}: taken")),
            Some(Refusal { code, message, data }) => {
                screen::line(format!("{situation}: {message}"));
                self.replies.push(Reply { situation, method, code, message, data, kind });
            }
        }
        Ok(())
    }
}

fn cheap(transaction: TransactionRequest, max_fee: u128, priority: u128) -> TransactionRequest {
    transaction.with_max_fee_per_gas(max_fee).with_max_priority_fee_per_gas(priority)
}

/// Sixteen in the chain's own currency, with all the gas that a transaction can have.
fn dear(transaction: TransactionRequest) -> TransactionRequest {
    transaction.with_max_fee_per_gas(1_000 * GWEI)
}
