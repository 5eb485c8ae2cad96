//! Tokens and recipients that do whatever they can: each is paid or put on hold, and the lane goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::{HostileRecipient, TestNFT};
use polyspan_devnet::account::{self, call_of};
use polyspan_devnet::chain_access::ChainAccess;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::{Traffic, request_call};
use polyspan_types::{Direction, HoldReason, Kind};

const LANE: Direction = Direction::MainToService;

/// What the contracts can be told to do, by the number of their enum, with what becomes of each payout: `Some(true)` is
/// held, `Some(false)` is paid, `None` is either, as long as the lane goes on.
struct Misdeed {
    number: u8,
    name: &'static str,
    token: Option<bool>,
    art: Option<bool>,
    recipient: Option<bool>,
}

const MISDEEDS: [Misdeed; 10] = [
    Misdeed { number: 1, name: "reverts", token: Some(true), art: Some(true), recipient: Some(true) },
    Misdeed { number: 2, name: "burns all gas", token: Some(true), art: Some(true), recipient: Some(true) },
    Misdeed { number: 3, name: "returns false", token: Some(true), art: Some(false), recipient: Some(false) },
    Misdeed {
        number: 4,
        name: "returns garbage",
        token: Some(true),
        art: Some(false),
        recipient: Some(false),
    },
    Misdeed {
        number: 5,
        name: "returns one byte",
        token: Some(true),
        art: Some(false),
        recipient: Some(false),
    },
    // ERC-721 has no word for success, so what it returns does not matter. Silence is what old tokens answer to a
    // transfer that went well.
    Misdeed {
        number: 6,
        name: "returns nothing",
        token: Some(false),
        art: Some(false),
        recipient: Some(false),
    },
    Misdeed {
        number: 7,
        name: "returns half a megabyte",
        token: Some(true),
        art: Some(true),
        recipient: Some(true),
    },
    Misdeed {
        number: 8,
        name: "reverts with half a megabyte",
        token: Some(true),
        art: Some(true),
        recipient: Some(true),
    },
    Misdeed { number: 9, name: "re-enters", token: None, art: None, recipient: None },
    // The estimate sees an honest party, the transaction does not: the submission has gas for the worst all the same.
    Misdeed {
        number: 10,
        name: "burns all gas unless it is estimated",
        token: Some(true),
        art: Some(true),
        recipient: Some(true),
    },
];

/// The hostile parties on the service chain.
struct Villains {
    token: Address,
    art: Address,
    recipient: Address,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_token_or_recipient_does_stops_the_lane() {
    let change = |spec: &mut polyspan_devnet::NetworkSpec| {
        spec.hostile_pairs = true;
        spec.finality = "depth 1".parse().unwrap();
    };
    let network = TestNetwork::running(1, change).await.unwrap();
    let villains = prepare(&network).await;
    let mut nonce = 0;
    for (index, misdeed) in MISDEEDS.iter().enumerate() {
        instruct(&network, &villains, misdeed.number).await;
        ask_for_all(&network, &villains, U256::from(index + 1)).await;
        network.wait_handled(0, LANE, nonce + 4, PATIENCE).await.unwrap();
        let held = held_since(&network, nonce).await;
        for (offset, expected) in
            [(0, misdeed.token), (1, misdeed.art), (2, misdeed.recipient), (3, Some(false))]
        {
            let is = held[offset];
            assert!(
                expected.is_none_or(|wanted| wanted == is),
                "{}: payout {offset} held: {is}",
                misdeed.name
            );
        }
        nonce += 4;
    }
    a_token_that_lost_its_code_is_held(&network, &villains, nonce).await;
    network.expect_complete().await.unwrap();
}

/// The user has hostile tokens on the service chain; half of them go to the main chain, so that they can come back.
async fn prepare(network: &TestNetwork) -> Villains {
    let deployment = &network.bridges[0].deployment;
    let token = deployment.pair("hostile").unwrap().service_token;
    let art = deployment.pair("hostile-art").unwrap().service_token;
    let user = &network.users[0].signer;
    let (chain, bridge) = (&network.service, deployment.service.bridge);
    let there = |kind, token, value| {
        request_call(bridge, kind, token, value, user.address(), user.address(), Bytes::new())
    };
    let mut sent =
        vec![account::send(chain, user, there(Kind::Erc20, token, U256::from(1_000_000))).await.unwrap()];
    for id in 1..=MISDEEDS.len() as u64 + 1 {
        let id = U256::from(id);
        let mint = call_of(art, &TestNFT::mintCall { to: user.address(), id });
        sent.push(account::send(chain, user, mint).await.unwrap());
        sent.push(account::send(chain, user, there(Kind::Erc721, art, id)).await.unwrap());
    }
    let code = HostileRecipient::BYTECODE.clone();
    let recipient = account::deploy(chain, user, code).await.unwrap();
    for hash in sent {
        account::succeeded(chain, hash).await.unwrap();
    }
    network.wait_all_handled(PATIENCE).await.unwrap();
    Villains { token, art, recipient }
}

/// All three do this from now on. Who re-enters asks the bridge for a transfer of its own in the middle of a payout.
async fn instruct(network: &TestNetwork, villains: &Villains, misdeed: u8) {
    let bridge = network.bridges[0].deployment.service.bridge;
    let again =
        Bridge::handleCall { first: 0, transfers: Vec::new(), tail: Vec::new(), signatures: Vec::new() };
    let payload: Bytes = again.abi_encode().into();
    let order = |who: Address| -> TransactionRequest {
        if misdeed == 9 {
            call_of(who, &HostileRecipient::setReentryCall { target_: bridge, payload_: payload.clone() })
        } else {
            call_of(who, &HostileRecipient::setBehaviourCall { behaviour_: misdeed })
        }
    };
    let mut sent = Vec::new();
    for who in [villains.token, villains.art, villains.recipient] {
        sent.push(account::send(&network.service, &network.users[0].signer, order(who)).await.unwrap());
    }
    for hash in sent {
        account::succeeded(&network.service, hash).await.unwrap();
    }
}

/// A hostile token, a hostile ERC-721, coins for the hostile recipient, and an honest transfer behind them.
async fn ask_for_all(network: &TestNetwork, villains: &Villains, id: U256) {
    let deployment = &network.bridges[0].deployment;
    let (bridge, user) = (deployment.main.bridge, &network.users[0].signer);
    let main_token = |name: &str| deployment.pair(name).unwrap().main_token;
    for (kind, token, value, to) in [
        (Kind::Erc20, main_token("hostile"), U256::from(100), fresh_recipient()),
        (Kind::Erc721, main_token("hostile-art"), id, fresh_recipient()),
        (Kind::Native, Address::ZERO, U256::from(100), villains.recipient),
    ] {
        let call = request_call(bridge, kind, token, value, to, user.address(), Bytes::new());
        account::send(&network.main, user, call).await.unwrap();
    }
    let honest = Traffic::new(network, 0, 0).unwrap();
    honest.request(LANE, Kind::Erc20, fresh_recipient(), 100).await.unwrap();
}

/// Whether each of the four requests from `nonce` on was held.
async fn held_since(network: &TestNetwork, nonce: u64) -> Vec<bool> {
    let handled = network.destination(0, LANE).unwrap().handled().await.unwrap();
    let since = handled.iter().filter(|one| one.nonce.get() >= nonce);
    let mut held: Vec<_> = since.map(|one| (one.nonce, one.held)).collect();
    held.sort_by_key(|(nonce, _)| *nonce);
    for (nonce, reason) in &held {
        assert!(reason.is_none_or(|reason| reason == HoldReason::PayoutFailed), "{nonce}: {reason:?}");
    }
    held.into_iter().map(|(_, reason)| reason.is_some()).collect()
}

async fn a_token_that_lost_its_code_is_held(network: &TestNetwork, villains: &Villains, nonce: u64) {
    instruct(network, villains, 0).await;
    let chain: &ChainAccess = &network.service;
    let code = alloy::providers::Provider::get_code_at(&chain.provider, villains.token).await.unwrap();
    chain.provider.anvil_set_code(villains.token, Bytes::new()).await.unwrap();
    ask_for_all(network, villains, U256::from(MISDEEDS.len() + 1)).await;
    network.wait_handled(0, LANE, nonce + 4, PATIENCE).await.unwrap();
    assert_eq!(held_since(network, nonce).await, [true, false, false, false]);
    chain.provider.anvil_set_code(villains.token, code).await.unwrap();
}
