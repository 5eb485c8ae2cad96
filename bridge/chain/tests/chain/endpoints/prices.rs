//! Prices, estimates and gas limits, about which one of three endpoints lies and tells the truth about all else.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::rpc::types::TransactionRequest;
use polyspan_chain::testing::{Reply, development_key, eventually};
use polyspan_chain::{At, ChainError, FeeMarket, ReplyKind};
use serde_json::{Value, json};

use super::{Three, dead};
use crate::common::PATIENCE;

const HUGE: &str = "0xffffffffffffffffffffff";

/// Blocks for which a tip is good.
const TIP_BLOCKS: u64 = 8;

/// One of three says this of every block.
fn of_blocks(field: &'static str, lie: Value) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    move |method, _| match method {
        "eth_getBlockByNumber" => {
            let lie = lie.clone();
            Reply::Forward(Box::new(move |mut block| {
                if !block.is_null() {
                    block[field] = lie;
                }
                block
            }))
        }
        _ => Reply::forward(),
    }
}

/// One of three answers this to one method.
fn to_method(name: &'static str, lie: Value) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    move |method, _| if method == name { Reply::Result(lie.clone()) } else { Reply::forward() }
}

fn refusing(code: i64, words: &'static str) -> impl Fn(&str, &Value) -> Reply + Send + Sync + 'static {
    move |method, _| match method {
        "eth_estimateGas" | "eth_call" => Reply::error(code, words),
        _ => Reply::forward(),
    }
}

fn payment() -> TransactionRequest {
    TransactionRequest::default()
        .with_from(development_key(0).address())
        .with_to(Address::repeat_byte(0x55))
        .with_value(U256::from(1))
}

fn asked(three: &Three, method: &str) -> Vec<usize> {
    three.proxies.iter().map(|proxy| proxy.count(method)).collect()
}

#[tokio::test]
async fn one_endpoint_sets_neither_the_base_fee_nor_the_tip_nor_that_there_is_none() {
    for liar in 0..3 {
        let three = Three::new().await;
        three.anvil.mine(3).await;
        let truth = crate::common::chain(three.anvil.http_url());
        let right = truth.fees().await.unwrap();
        let FeeMarket::Eip1559 { base_fee, priority } = right else { panic!("{right:?}") };
        assert!(base_fee > 0 && priority > 0);
        for lie in [json!(HUGE), json!("0x0"), Value::Null] {
            three.break_endpoint(liar, of_blocks("baseFeePerGas", lie.clone()));
            three.anvil.mine(1).await;
            let right = truth.fees().await.unwrap();
            assert_eq!(three.chain.fees().await.unwrap(), right, "endpoint {liar} says {lie}");
            three.break_endpoint(liar, to_method("eth_maxPriorityFeePerGas", json!(HUGE)));
            three.anvil.mine(TIP_BLOCKS).await;
            let right = truth.fees().await.unwrap();
            assert_eq!(three.chain.fees().await.unwrap(), right, "endpoint {liar} demands a tip");
            three.break_endpoint(liar, to_method("eth_maxPriorityFeePerGas", json!("0x0")));
            three.anvil.mine(TIP_BLOCKS).await;
            let right = truth.fees().await.unwrap();
            assert_eq!(three.chain.fees().await.unwrap(), right, "endpoint {liar} offers nothing");
        }
    }
}

#[tokio::test]
async fn one_endpoint_sets_no_gas_limit() {
    for liar in 0..3 {
        let three = Three::new().await;
        for lie in [json!("0x1"), json!(HUGE), Value::Null] {
            three.break_endpoint(liar, of_blocks("gasLimit", lie.clone()));
            three.anvil.mine(1).await;
            assert_eq!(three.chain.head().await.unwrap().gas_limit, 30_000_000, "{liar} says {lie}");
            if !lie.is_null() {
                assert_eq!(three.chain.gas_limit().await.unwrap(), 30_000_000, "{liar} says {lie}");
            }
        }
    }
}

#[tokio::test]
async fn one_endpoint_says_neither_how_much_gas_a_call_takes_nor_that_it_takes_too_much() {
    let three = Three::new().await;
    for liar in 0..3 {
        for lie in [HUGE, "0x7fffffffffffffff", "0x1"] {
            three.break_endpoint(liar, to_method("eth_estimateGas", json!(lie)));
            let gas = async || three.chain.estimate_gas(&payment()).await.ok();
            assert_eq!(eventually(PATIENCE, "an estimate", gas).await, 21_000, "{liar} says {lie}");
        }
        for (code, words) in [
            (3, "execution reverted"),
            (-32000, "out of gas"),
            (-32000, "gas required exceeds allowance (30000000)"),
            (-32000, "insufficient funds for gas * price + value"),
            (-32000, "exceeds block gas limit"),
        ] {
            three.break_endpoint(liar, refusing(code, words));
            assert_eq!(three.chain.estimate_gas(&payment()).await.unwrap(), 21_000, "{liar}: {words}");
        }
        three.heal(liar);
    }
}

#[tokio::test]
async fn what_two_of_three_say_against_a_call_is_believed() {
    let three = Three::new().await;
    for index in [0, 2] {
        three.break_endpoint(index, refusing(-32000, "gas required exceeds allowance (30000000)"));
    }
    let error = three.chain.estimate_gas(&payment()).await.unwrap_err();
    assert_eq!(error.reply_kind(), Some(ReplyKind::OutOfGas), "{error}");
    // With the third unreachable, the one that can execute the call is believed, and never the other's refusal.
    three.heal(0);
    three.break_endpoint(1, dead);
    assert_eq!(three.chain.estimate_gas(&payment()).await.unwrap(), 21_000);
    three.break_endpoint(0, dead);
    let error = three.chain.estimate_gas(&payment()).await.unwrap_err();
    assert!(matches!(error, ChainError::NoQuorum(_)), "{error}");
}

#[tokio::test]
async fn that_a_transaction_goes_through_or_does_not_is_what_a_quorum_says() {
    let three = Three::new().await;
    let tried = async || three.chain.try_transaction(&payment().with_gas_limit(21_000)).await;
    tried().await.unwrap();
    assert_eq!(asked(&three, "eth_call"), [1, 1, 0]);
    for liar in 0..3 {
        for (code, words) in [(3, "execution reverted"), (-32000, "out of gas")] {
            three.break_endpoint(liar, refusing(code, words));
            tried().await.unwrap();
        }
        three.heal(liar);
    }
    for index in [0, 2] {
        three.break_endpoint(index, refusing(3, "execution reverted"));
    }
    assert!(matches!(tried().await, Err(ChainError::Reverted(_))));
    // One that does not get through it is no revert, and tells that less may be.
    for index in [0, 2] {
        three.break_endpoint(index, refusing(-32000, "execution aborted (timeout = 5s)"));
    }
    let error = tried().await.unwrap_err();
    assert!(error.is_too_slow() && matches!(error, ChainError::NoQuorum(_)), "{error}");
}

#[tokio::test]
async fn tips_cost_one_call_in_eight_blocks_and_estimates_one_to_each_of_a_quorum() {
    let three = Three::new().await;
    three.anvil.mine(3).await;
    for _ in 0..5 {
        three.chain.fees().await.unwrap();
        assert_eq!(three.chain.estimate_gas(&payment()).await.unwrap(), 21_000);
    }
    assert_eq!(asked(&three, "eth_maxPriorityFeePerGas"), [1, 1, 0]);
    assert_eq!(asked(&three, "eth_gasPrice"), [0, 0, 0]);
    assert_eq!(asked(&three, "eth_estimateGas"), [5, 5, 0]);
    for (blocks, calls) in [(TIP_BLOCKS - 1, 1), (1, 2)] {
        three.anvil.mine(blocks).await;
        three.chain.fees().await.unwrap();
        assert_eq!(asked(&three, "eth_maxPriorityFeePerGas"), [calls, calls, 0]);
    }
}

/// Three endpoints, the first of which lags.
async fn with_a_laggard() -> Three {
    let three = Three::new().await;
    three.anvil.rpc("anvil_setBlockTimestampInterval", json!([1])).await;
    three.anvil.mine(5).await;
    let newest = three.anvil.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    three.break_endpoint(0, super::stopped_at(newest));
    three.anvil.mine(40).await;
    three.chain.head().await.unwrap();
    super::remark(&three.chain, &["endpoints[0]", "lags by 40 blocks"]);
    three
}

#[tokio::test]
async fn an_endpoint_that_lags_is_not_asked_for_nonces_balances_and_fees() {
    let three = with_a_laggard().await;
    let account = development_key(0).address();
    let sizes = ["eth_getTransactionCount", "eth_getBalance", "eth_maxPriorityFeePerGas"];
    three.chain.account_nonce(account, At::Latest).await.unwrap();
    three.chain.balance(account).await.unwrap();
    three.chain.fees().await.unwrap();
    for method in sizes {
        assert_eq!(asked(&three, method), [0, 1, 1], "{method}");
    }
    // Also where the others differ, so that a third one would settle it.
    three.break_endpoint(1, to_method("eth_maxPriorityFeePerGas", json!(HUGE)));
    three.anvil.mine(TIP_BLOCKS).await;
    three.chain.fees().await.unwrap();
    assert_eq!(asked(&three, "eth_maxPriorityFeePerGas")[0], 0);
    // With too few others it is.
    three.break_endpoint(1, dead);
    three.chain.account_nonce(account, At::Latest).await.unwrap();
    three.anvil.mine(TIP_BLOCKS).await;
    three.chain.fees().await.unwrap();
    for method in [sizes[0], sizes[2]] {
        assert!(asked(&three, method)[0] > 0, "{method}");
    }
}
