//! What native currency an account sent, by the traces of a real anvil.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256, keccak256};
use alloy::rpc::types::TransactionRequest;
use polyspan_chain::NoTrace;
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, Mining, Reply, ScriptedServer, development_key};
use polyspan_types::Payment;

use crate::common::{CHAIN_ID, chain, sign};

const GWEI: u128 = 1_000_000_000;
const TO: Address = Address::repeat_byte(0xcc);

#[tokio::test]
async fn native_payments_are_told_by_either_form_of_a_trace_and_by_none_where_there_is_none() {
    let options = AnvilOptions { mining: Mining::EveryTransaction, ..Default::default() };
    let anvil = AnvilProcess::start(&options).await.expect("anvil");
    let sender = development_key(0);
    let transaction = TransactionRequest::default()
        .with_chain_id(CHAIN_ID)
        .with_nonce(0)
        .with_to(TO)
        .with_value(U256::from(5))
        .with_gas_limit(50_000)
        .with_max_fee_per_gas(3 * GWEI)
        .with_max_priority_fee_per_gas(GWEI);
    let raw = sign(transaction, &sender).await;
    let tx_hash = keccak256(&raw);
    anvil.rpc("eth_sendRawTransaction", serde_json::json!([raw])).await;

    let paid = Payment { token: Address::ZERO, to: TO, id: U256::ZERO, amount: U256::from(5) };
    let refused: [&[&str]; 3] =
        [&[], &["trace_transaction"], &["trace_transaction", "debug_traceTransaction"]];
    for (refused, expected) in
        refused.into_iter().zip([Ok(vec![paid]), Ok(vec![paid]), Err(NoTrace::NoMethod)])
    {
        let script = move |method: &str, _: &serde_json::Value| match refused.contains(&method) {
            true => Reply::error(-32601, "the method does not exist/is not available"),
            false => Reply::forward(),
        };
        let server = ScriptedServer::before(anvil.http_url(), script).await;
        let found = chain(server.url()).native_payouts(sender.address(), tx_hash).await.unwrap();
        assert_eq!(found, expected, "{refused:?}");
    }
    assert_eq!(chain(anvil.http_url()).native_payouts(TO, tx_hash).await.unwrap(), Ok(Vec::new()));
}
