//! A chain connection against a real anvil.

use std::time::Duration;

use crate::common::{CHAIN_ID, PATIENCE, chain, settings, sign};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256, keccak256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, development_key, eventually};
use polyspan_chain::{At, Chain, ChainError, FeeMarket, HeadFollower, SendOutcome};
use polyspan_types::{AccountNonce, BlockHeight, Classify, ErrorClass};
use tokio_util::sync::CancellationToken;

const GWEI: u128 = 1_000_000_000;

async fn anvil() -> AnvilProcess {
    AnvilProcess::start(&AnvilOptions::default()).await.expect("anvil")
}

async fn anvil_with(arguments: &[&str]) -> AnvilProcess {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    AnvilProcess::start(&AnvilOptions { arguments, ..Default::default() }).await.expect("anvil")
}

fn chain_with_finality(anvil: &AnvilProcess, rule: &str) -> Chain {
    let mut settings = settings(anvil.http_url());
    settings.finality = rule.parse().expect("a rule");
    Chain::new(settings).expect("settings that are valid")
}

#[tokio::test]
async fn every_finality_rule_gives_its_final_block() {
    let anvil = anvil().await;
    let fresh = chain(anvil.http_url()).head().await.unwrap();
    assert_eq!((fresh.latest.height, fresh.final_block), (BlockHeight::ZERO, fresh.latest));

    anvil.mine(10).await;
    for (rule, final_height) in
        [("finalized", 8), ("safe", 9), ("depth 0", 10), ("depth 3", 7), ("depth 99", 0)]
    {
        let head = chain_with_finality(&anvil, rule).head().await.unwrap();
        assert_eq!(head.latest.height.get(), 10, "{rule}");
        assert_eq!(head.final_block.height.get(), final_height, "{rule}");
        assert_eq!(head.gas_limit, 30_000_000);
        let same = chain(anvil.http_url()).block_ref(head.final_block.height).await.unwrap();
        assert_eq!(same, Some(head.final_block), "{rule}");
    }
}

#[tokio::test]
async fn a_reorg_changes_hashes_above_its_fork_only() {
    let anvil = anvil().await;
    let chain = chain(anvil.http_url());
    anvil.mine(10).await;
    let at = |height| chain.block_ref(BlockHeight::new(height));
    let (kept, changed) = (at(5).await.unwrap(), at(9).await.unwrap());
    anvil.reorg(3).await;
    assert_eq!(at(5).await.unwrap(), kept);
    assert_ne!(at(9).await.unwrap(), changed);
    assert_eq!(at(99).await.unwrap(), None);
}

#[tokio::test]
async fn fees_are_read_on_chains_with_and_without_a_base_fee_and_may_be_zero() {
    let usual = anvil().await;
    let fees = chain(usual.http_url()).fees().await.unwrap();
    assert_eq!(fees, FeeMarket::Eip1559 { base_fee: GWEI, priority: GWEI });
    let free = anvil_with(&["--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]).await;
    let fees = chain(free.http_url()).fees().await.unwrap();
    assert!(matches!(fees, FeeMarket::Eip1559 { base_fee: 0, .. }), "{fees:?}");
    let legacy = anvil_with(&["--hardfork", "istanbul", "--gas-price", "0"]).await;
    let fees = chain(legacy.http_url()).fees().await.unwrap();
    assert_eq!(fees, FeeMarket::Legacy { gas_price: 0 });
}

fn payment(nonce: u64, max_fee: u128, value: u64) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(Address::repeat_byte(0x55))
        .with_value(U256::from(value))
        .with_nonce(nonce)
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(max_fee)
        .with_max_priority_fee_per_gas(max_fee.min(GWEI))
}

#[tokio::test]
async fn what_the_node_says_to_a_transaction_is_understood() {
    let anvil = anvil().await;
    let chain = chain(anvil.http_url());
    let signer = development_key(0);
    let send = async |transaction| chain.send_raw(&sign(transaction, &signer).await).await.unwrap();

    let genesis = chain.head().await.unwrap().latest;
    let raw = sign(payment(0, 3 * GWEI, 1), &signer).await;
    let hash = keccak256(&raw);
    assert_eq!(chain.send_raw(&raw).await.unwrap(), SendOutcome::Accepted(hash));
    assert_eq!(chain.receipt(hash).await.unwrap(), None);
    assert_eq!(chain.send_raw(&raw).await.unwrap(), SendOutcome::AlreadyKnown);
    let outcome = send(payment(0, 3 * GWEI, 2)).await;
    assert!(matches!(outcome, SendOutcome::Underpriced(_)), "no replacement: {outcome:?}");
    let outcome = send(payment(1, 1, 1)).await;
    assert!(matches!(outcome, SendOutcome::Underpriced(_)), "below the base fee: {outcome:?}");
    let huge = payment(1, 3 * GWEI, 1).with_gas_limit(40_000_000);
    assert_eq!(send(huge).await, SendOutcome::GasLimitTooHigh);
    let little = payment(1, 3 * GWEI, 1).with_gas_limit(20_000);
    let refused = send(little).await;
    assert!(matches!(&refused, SendOutcome::Refused(_)), "{refused:?}");

    assert_eq!(chain.account_nonce(signer.address(), At::Latest).await.unwrap(), AccountNonce::ZERO);
    anvil.mine(1).await;
    let receipt = chain.receipt(hash).await.unwrap().expect("a receipt");
    assert!(receipt.success);
    assert_eq!((receipt.block.height.get(), receipt.gas_used, receipt.contract), (1, 21_000, None));
    assert_eq!(Some(receipt.block), chain.block_ref(receipt.block.height).await.unwrap());
    for (at, nonce) in [(At::Latest, 1), (At::Hash(receipt.block.hash), 1), (At::Hash(genesis.hash), 0)] {
        assert_eq!(chain.account_nonce(signer.address(), at).await.unwrap(), AccountNonce::new(nonce));
    }
    assert_eq!(chain.balance(Address::repeat_byte(0x55)).await.unwrap(), U256::from(1));
    assert_eq!(send(payment(0, 5 * GWEI, 3)).await, SendOutcome::NonceTooLow);

    let poor = PrivateKeySigner::random();
    let raw = sign(payment(0, 3 * GWEI, 1), &poor).await;
    assert_eq!(chain.send_raw(&raw).await.unwrap(), SendOutcome::InsufficientFunds);
}

#[tokio::test]
async fn state_at_an_unknown_block_hash_is_a_refusal_that_may_heal() {
    let anvil = anvil().await;
    let nowhere = At::Hash(keccak256("no such block"));
    let error = chain(anvil.http_url()).call(&payment(0, GWEI, 0), nowhere).await.unwrap_err();
    assert_eq!(error.reply_kind(), Some(polyspan_chain::ReplyKind::BlockUnknown), "{error}");
    assert!(matches!(error.class(), ErrorClass::Retry { .. }));
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_refused_over_http_and_websocket() {
    let anvil =
        AnvilProcess::start(&AnvilOptions { chain_id: 31002, ..Default::default() }).await.expect("anvil");
    for url in [anvil.http_url(), anvil.ws_url()] {
        let chain = chain(url);
        for error in [chain.verify_chain_id().await.unwrap_err(), chain.head().await.unwrap_err()] {
            let ChainError::WrongChain { expected, found, .. } = error else { panic!("{error}") };
            assert_eq!((expected.get(), found.get()), (31001, 31002));
        }
    }
}

/// Restarts an anvil on the same port, as a node's restart or an endpoint's replacement looks from here.
async fn restart(anvil: AnvilProcess, chain_id: u64) -> AnvilProcess {
    let port = Some(anvil.port());
    anvil.kill();
    AnvilProcess::start(&AnvilOptions { port, chain_id, ..Default::default() }).await.expect("anvil")
}

#[tokio::test]
async fn a_connection_comes_back_with_its_node_but_not_with_a_node_of_another_chain() {
    for websocket in [true, false] {
        let mut anvil = anvil().await;
        let chain = chain(if websocket { anvil.ws_url() } else { anvil.http_url() });
        anvil.mine(3).await;
        assert_eq!(chain.head().await.unwrap().latest.height.get(), 3);

        let port = anvil.port();
        anvil.kill();
        let dead = chain.head().await.unwrap_err();
        assert!(matches!(dead, ChainError::Unreachable { .. }), "{dead}");
        let options = AnvilOptions { port: Some(port), ..Default::default() };
        anvil = AnvilProcess::start(&options).await.expect("anvil");
        let answers = async || chain.head().await.ok();
        let head = eventually(PATIENCE, "an answer of the restarted node", answers).await;
        assert_eq!(head.latest.height.get(), 0);

        anvil = restart(anvil, 31002).await;
        let wrong = async || match chain.head().await {
            Err(ChainError::WrongChain { found, .. }) => Some(found),
            // The old connection may have to fail first.
            Err(_) => None,
            Ok(head) => panic!("a node of another chain was asked for its head and gave {head:?}"),
        };
        assert_eq!(eventually(PATIENCE, "the wrong chain is noticed", wrong).await.get(), 31002);

        let _anvil = restart(anvil, CHAIN_ID).await;
        eventually(PATIENCE, "an answer of the right node", answers).await;
    }
}

/// Sends a signal to a process of this test.
fn signal(anvil: &AnvilProcess, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &anvil.process_id().to_string()]).status();
    assert!(sent.expect("a kill command").success());
}

#[tokio::test]
async fn a_frozen_node_costs_its_callers_a_deadline_and_no_more() {
    let anvil = anvil().await;
    for url in [anvil.http_url(), anvil.ws_url()] {
        let mut settings = settings(url);
        settings.request_timeout = Duration::from_millis(500);
        let chain = Chain::new(settings).unwrap();
        eventually(PATIENCE, "a first head", async || chain.head().await.ok()).await;
        signal(&anvil, "-STOP");
        // A signal takes effect a little later than it is sent, so the first calls may still be answered.
        let failure = async || tokio::time::timeout(PATIENCE, chain.head()).await.expect("an end").err();
        for _ in 0..2 {
            let error = eventually(PATIENCE, "a failure", failure).await;
            assert!(matches!(error, ChainError::Timeout { .. }), "{error}");
        }
        signal(&anvil, "-CONT");
        eventually(PATIENCE, "a head of the thawed node", async || chain.head().await.ok()).await;
    }
}

#[tokio::test]
async fn the_head_follower_keeps_its_last_head_while_the_node_is_dead_and_goes_on_afterwards() {
    let anvil = anvil().await;
    let (follower, mut view) = HeadFollower::new(chain(anvil.http_url()));
    assert_eq!(view.borrow().head, None);
    let stop = CancellationToken::new();
    let running = tokio::spawn(follower.run(stop.clone()));

    anvil.mine(4).await;
    let patience = tokio::time::timeout(PATIENCE, async {
        let at = |height| {
            move |view: &polyspan_chain::HeadView| {
                view.head.is_some_and(|head| head.latest.height.get() == height) && view.error.is_none()
            }
        };
        view.wait_for(at(4)).await.unwrap();
        let port = Some(anvil.port());
        anvil.kill();
        let failing = view.wait_for(|view| view.error.is_some()).await.unwrap().clone();
        assert_eq!(failing.head.map(|head| head.latest.height.get()), Some(4));
        let anvil = AnvilProcess::start(&AnvilOptions { port, ..Default::default() }).await.expect("anvil");
        anvil.mine(6).await;
        view.wait_for(at(6)).await.unwrap();
    });
    patience.await.expect("the follower follows");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("the follower stops").unwrap();
}
