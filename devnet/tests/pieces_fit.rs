//! Submissions are cut to what a transaction can have at the worst, by the relay's own gas budget, and to what nodes take.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::consensus::Transaction;
use alloy::network::TransactionResponse;
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use polyspan_contracts::Bridge::handleCall;
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::testing::{LONG_PATIENCE, TestNetwork};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::{Direction, unpack};

const LANE: Direction = Direction::MainToService;
const RELAY: &str = "relay-1";

/// What waits when the relay starts.
const WAITING: usize = 120;

/// The least gas with which one payout of an ERC-20 cannot run short: its cap, and that it ends on hold. Unit: gas. Source:
/// `bridge/node/src/submit/gas.rs`.
const WORST: u64 = 160_000;

/// EIP-7825. Unit: gas.
const TRANSACTION: u64 = 1 << 24;
/// What the relay is told to use. Unit: gas.
const BUDGET: u64 = 3_000_000;
/// What the node takes. Unit: bytes.
const NODE: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submissions_fit_by_their_worst_case_by_the_budget_and_by_what_a_node_takes() {
    let mut network = TestNetwork::seasoned(1, |_| {}).await.unwrap();
    let receipts = receipts_asked_for(&network);

    let sent = work_off(&mut network).await;
    let mut all = sent.len() as u64;
    assert!(sent.iter().all(|piece| piece.gas <= TRANSACTION), "{sent:?}");

    let config = network.relay(RELAY).unwrap().config.clone();
    let text = std::fs::read_to_string(&config).unwrap();
    let budget = format!("[relay.submission]\nmax_gas = {BUDGET}\n");
    std::fs::write(&config, text.replacen("[relay.submission]\n", &budget, 1)).unwrap();
    let sent = work_off(&mut network).await;
    all += sent.len() as u64;
    assert!(sent.iter().all(|piece| piece.gas <= BUDGET), "{sent:?}");

    std::fs::write(&config, text).unwrap();
    let endpoint = network.relay(RELAY).unwrap().source_endpoint(LANE.opposite());
    endpoint.set(Faults { max_transaction: Some(NODE), ..Faults::default() });
    let sent = work_off(&mut network).await;
    assert!(sent.iter().all(|piece| piece.bytes <= NODE), "{sent:?}");
    // Halved until it is taken, by a bound of the bytes: how far below what is taken that ends is chance.
    assert!(sent.len() < WAITING / 5, "cut to far less than what the node takes: {sent:?}");
    all += sent.len() as u64;
    // A block that a busy machine misses is told of by receipts.
    let receipts = receipts_asked_for(&network) - receipts;
    assert!(receipts < all, "one question tells of all submissions of a block: {receipts} receipts of {all}");
    network.expect_complete().await.unwrap();
}

fn receipts_asked_for(network: &TestNetwork) -> u64 {
    let endpoint = network.relay(RELAY).unwrap().source_endpoint(LANE.opposite());
    endpoint.calls_by_method().get("eth_getTransactionReceipt").copied().unwrap_or_default()
}

/// A `handle` that got into a block.
#[derive(Debug)]
struct Piece {
    transfers: u64,
    gas: u64,
    bytes: usize,
}

/// Lets requests pile up, starts the relay, and stops it when all are handled. Each submission has the gas of its worst case, and
/// none reverts.
async fn work_off(network: &mut TestNetwork) -> Vec<Piece> {
    Traffic::new(network, 0, 0).unwrap().backlog(LANE, WAITING).await.unwrap();
    let before = network.service.provider.get_block_number().await.unwrap();
    network.start_relays().unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.relay_mut(RELAY).unwrap().stop().await.unwrap();
    let pieces = submissions(network, before + 1).await;
    let all: u64 = pieces.iter().map(|piece| piece.transfers).sum();
    assert_eq!(all, WAITING as u64, "{pieces:?}");
    assert!(pieces.iter().all(|piece| piece.gas >= piece.transfers * WORST), "{pieces:?}");
    pieces
}

async fn submissions(network: &TestNetwork, from: u64) -> Vec<Piece> {
    let (provider, submitter) = (&network.service.provider, submitter(network));
    let newest = provider.get_block_number().await.unwrap();
    let mut pieces = Vec::new();
    for block in from..=newest {
        let block = provider.get_block_by_number(block.into()).full().await.unwrap().unwrap();
        for transaction in block.transactions.txns().filter(|transaction| transaction.from() == submitter) {
            let call = handleCall::abi_decode(transaction.input()).unwrap();
            let receipt = provider.get_transaction_receipt(transaction.tx_hash()).await.unwrap().unwrap();
            assert!(receipt.status(), "{receipt:?}");
            let transfers = unpack(&call.transfers).unwrap().len() as u64;
            pieces.push(Piece { transfers, gas: transaction.gas_limit(), bytes: transaction.input().len() });
        }
    }
    pieces
}

fn submitter(network: &TestNetwork) -> Address {
    let keys = &network.relay(RELAY).unwrap().submitters;
    keys.iter().find(|(chain, _)| chain == "service").unwrap().1.address()
}
