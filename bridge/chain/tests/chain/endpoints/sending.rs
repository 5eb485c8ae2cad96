//! Transactions through several endpoints.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::rpc::types::TransactionRequest;
use polyspan_chain::testing::{
    AnvilOptions, AnvilProcess, Reply, ScriptedServer, development_key, eventually,
};
use polyspan_chain::{At, ChainError, SendOutcome};
use polyspan_types::{AccountNonce, Classify, ErrorClass};
use serde_json::{Value, json};

use super::{Three, connect, dead};
use crate::common::{CHAIN_ID, PATIENCE, sign};

fn payment(nonce: u64) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(Address::repeat_byte(0x55))
        .with_value(U256::from(1))
        .with_nonce(nonce)
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(3_000_000_000)
        .with_max_priority_fee_per_gas(1_000_000_000)
}

#[tokio::test]
async fn a_transaction_goes_to_all_and_one_that_takes_it_is_enough() {
    let three = Three::new().await;
    let signer = development_key(0);
    let refuse = |message: &'static str| {
        move |method: &str, _: &Value| match method {
            "eth_sendRawTransaction" => Reply::error(-32000, message),
            _ => Reply::forward(),
        }
    };
    three.break_endpoint(0, refuse("transaction type is not allowed here"));
    three.break_endpoint(1, dead);
    let raw = sign(payment(0), &signer).await;
    assert_eq!(three.chain.send_raw(&raw).await.unwrap(), SendOutcome::Accepted(keccak256(&raw)));
    let asked: Vec<_> = three.proxies.iter().map(|proxy| proxy.count("eth_sendRawTransaction")).collect();
    assert_eq!((asked[0], asked[2]), (1, 1));
    // That nobody will ever take it is not believed while some cannot be asked.
    three.break_endpoint(2, dead);
    let raw = sign(payment(1), &signer).await;
    let error = three.chain.send_raw(&raw).await.unwrap_err();
    assert!(matches!(error.class(), ErrorClass::Retry { .. }), "{error}");
    three.break_endpoint(2, refuse("transaction type is not allowed here"));
    let outcome = async || three.chain.send_raw(&raw).await.ok();
    let outcome = eventually(PATIENCE, "two refusals", outcome).await;
    assert!(matches!(outcome, SendOutcome::Refused(_)), "{outcome:?}");
}

#[tokio::test]
async fn receipts_and_account_nonces_are_those_that_a_quorum_has() {
    let three = Three::new().await;
    let signer = development_key(0);
    let raw = sign(payment(0), &signer).await;
    three.chain.send_raw(&raw).await.unwrap();
    three.anvil.mine(1).await;
    let nonce = async || three.chain.account_nonce(signer.address(), At::Latest).await.unwrap();
    // One that lags.
    three.break_endpoint(0, |method, _| match method {
        "eth_getTransactionCount" => Reply::Result(json!("0x0")),
        "eth_getTransactionReceipt" => Reply::Result(Value::Null),
        _ => Reply::forward(),
    });
    assert_eq!(nonce().await, AccountNonce::new(1));
    assert!(three.chain.receipt(keccak256(&raw)).await.unwrap().unwrap().success);
    // One that lies.
    three.break_endpoint(0, |method, _| match method {
        "eth_getTransactionCount" => Reply::Result(json!("0x999")),
        "eth_getTransactionReceipt" => Reply::Forward(Box::new(|_| {
            json!({
                "transactionHash": B256::repeat_byte(3), "blockNumber": "0x1", "blockHash": B256::ZERO,
                "status": "0x1", "gasUsed": "0x1",
            })
        })),
        _ => Reply::forward(),
    });
    assert_eq!(nonce().await, AccountNonce::new(1));
    assert_eq!(three.chain.receipt(B256::repeat_byte(3)).await.unwrap(), None);
}

#[tokio::test]
async fn a_revert_that_only_a_lagging_endpoint_sees_is_none() {
    let three = Three::new().await;
    three.break_endpoint(0, |method, _| match method {
        "eth_estimateGas" => Reply::error(3, "execution reverted"),
        _ => Reply::forward(),
    });
    let call = payment(0).with_from(development_key(0).address());
    assert_eq!(three.chain.estimate_gas(&call).await.unwrap(), 21_000);
    for index in [1, 2] {
        three.break_endpoint(index, |method, _| match method {
            "eth_estimateGas" => Reply::error(3, "execution reverted"),
            _ => Reply::forward(),
        });
    }
    assert!(matches!(three.chain.estimate_gas(&call).await, Err(ChainError::Reverted(_))));
}

#[tokio::test]
async fn nodes_that_restart_with_their_state_and_without_their_pool_are_picked_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json").display().to_string();
    let arguments: Vec<String> = ["--state", &state, "--state-interval", "1"].map(str::to_owned).to_vec();
    let options = AnvilOptions { arguments, ..AnvilOptions::default() };
    let anvil = AnvilProcess::start(&options).await.expect("anvil");
    let options = AnvilOptions { port: Some(anvil.port()), ..options };
    let other = ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await;
    let third = ScriptedServer::before(anvil.http_url(), |_, _| Reply::forward()).await;
    let (chain, _) = connect(&[anvil.ws_url(), other.url(), third.url()], |_| {});
    let signer = development_key(0);
    let mined = sign(payment(0), &signer).await;
    chain.send_raw(&mined).await.unwrap();
    anvil.mine(6).await;
    let head = chain.head().await.unwrap();
    let lost = sign(payment(1), &signer).await;
    assert!(matches!(chain.send_raw(&lost).await.unwrap(), SendOutcome::Accepted(_)));
    // What is on the disk is what the node had at the last interval.
    let saved = async || {
        let text = std::fs::read_to_string(&state).ok()?;
        let state: Value = serde_json::from_str(&text).ok()?;
        (state["best_block_number"].as_u64() == Some(6)).then_some(())
    };
    eventually(PATIENCE, "the state is saved", saved).await;
    anvil.kill();
    let error = chain.head().await.unwrap_err();
    assert!(matches!(error, ChainError::NoQuorum(_)), "{error}");

    let anvil = AnvilProcess::start(&options).await.expect("anvil");
    let again = async || chain.head().await.ok();
    assert_eq!(eventually(PATIENCE, "a head of the restarted node", again).await, head);
    let nonce = async || chain.account_nonce(signer.address(), At::Latest).await.ok();
    let nonce = eventually(PATIENCE, "an account nonce", nonce).await;
    assert_eq!(nonce, AccountNonce::new(1), "nothing of before is remembered here");
    assert!(chain.receipt(keccak256(&mined)).await.unwrap().unwrap().success);
    assert!(matches!(chain.send_raw(&lost).await.unwrap(), SendOutcome::Accepted(_)), "the pool was lost");
    anvil.mine(1).await;
    assert!(chain.receipt(keccak256(&lost)).await.unwrap().is_some());
}
