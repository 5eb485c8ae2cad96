//! Requests that are made by sending a token to its bridge, in one transaction and without an approval.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolValue};
use polyspan_contracts::testing::{TestMultiToken, TestNFT, TestToken};
use polyspan_devnet::account::{self, call_of, execute};
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::tokens::PAYMENT_PAIR;
use polyspan_types::Direction;

alloy::sol! {
    /// ERC-1363.
    function transferAndCall(address to, uint256 value, bytes data) returns (bool);
}

mod erc721 {
    alloy::sol! {
        function safeTransferFrom(address from, address to, uint256 tokenId, bytes data);
    }
}

mod erc1155 {
    alloy::sol! {
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_asset_goes_over_in_one_step_and_back() {
    let network = TestNetwork::running(1, |spec| spec.more_pairs = vec![PAYMENT_PAIR]).await.unwrap();
    let (user, to) = (network.users[0].address(), fresh_recipient());
    let (id, amount) = (U256::from(77), U256::from(900));
    let bridge = network.bridges[0].deployment.main.bridge;
    let [pay, art, items] =
        ["pay", "art", "items"].map(|name| token(&network, name, Direction::MainToService));
    on_main(&network, call_of(art, &TestNFT::mintCall { to: user, id })).await;
    on_main(&network, call_of(items, &TestMultiToken::mintCall { to: user, id, amount })).await;

    // Coins go to the sender's own address.
    let coins = TransactionRequest::default().with_to(bridge).with_value(U256::from(5));
    on_main(&network, coins).await;
    let data = arguments(user);
    on_main(&network, call_of(pay, &transferAndCallCall { to: bridge, value: amount, data })).await;
    let data = arguments(to);
    let nft = erc721::safeTransferFromCall { from: user, to: bridge, tokenId: id, data: data.clone() };
    on_main(&network, call_of(art, &nft)).await;
    let units = erc1155::safeTransferFromCall { from: user, to: bridge, id, value: amount, data };
    on_main(&network, call_of(items, &units)).await;
    network.wait_handled(0, Direction::MainToService, 4, PATIENCE).await.unwrap();

    let [pay, art, items] =
        ["pay", "art", "items"].map(|name| token(&network, name, Direction::ServiceToMain));
    assert_eq!(read(&network, pay, TestToken::balanceOfCall { account: user }).await, amount);
    assert_eq!(read(&network, art, TestNFT::ownerOfCall { tokenId: id }).await, to);
    assert_eq!(read(&network, items, TestMultiToken::balanceOfCall { account: to, id }).await, amount);

    // What the bridge made goes back in the same way.
    let back = transferAndCallCall {
        to: network.bridges[0].deployment.service.bridge,
        value: U256::from(400),
        data: arguments(to),
    };
    execute(&network.service, &network.users[0].signer, call_of(pay, &back)).await.unwrap();
    network.wait_handled(0, Direction::ServiceToMain, 1, PATIENCE).await.unwrap();
    let pay = token(&network, "pay", Direction::MainToService);
    let call = TestToken::balanceOfCall { account: to };
    assert_eq!(account::read(&network.main, pay, &call).await.unwrap(), U256::from(400));
    let audit = network.audit().await.unwrap().remove(0);
    audit.expect_settled().unwrap();
    assert_eq!((audit.total().requested, audit.total().held), (5, 0));
}

/// What tells a bridge whom a token is for: recipient, whom to pay back, no fee, no data.
fn arguments(to: Address) -> Bytes {
    (to, to, U256::ZERO, Bytes::new()).abi_encode_params().into()
}

/// The source token of a pair.
fn token(network: &TestNetwork, pair: &str, direction: Direction) -> Address {
    network.bridges[0].deployment.pair(pair).unwrap().tokens(direction).0
}

async fn on_main(network: &TestNetwork, transaction: TransactionRequest) {
    execute(&network.main, &network.users[0].signer, transaction).await.unwrap();
}

async fn read<C: SolCall>(network: &TestNetwork, contract: Address, call: C) -> C::Return {
    account::read(&network.service, contract, &call).await.unwrap()
}
