//! Tokens and recipients that do whatever they can: each is paid or put on hold, and the lane goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::{HostileRecipient, TestNFT};
use polyspan_devnet::account::{self, call_of};
use polyspan_devnet::chain::ChainAccess;
use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::tokens::HOSTILE_PAIRS;
use polyspan_devnet::traffic::{Ask, Asset, Traffic};
use polyspan_types::{Direction, HoldReason, Kind, OutcomeResult, RequestNonce};

const LANE: Direction = Direction::MainToService;

/// What becomes of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Paid,
    /// Held: the payout failed.
    Failed,
    /// Held: the token did not say whether it moved anything.
    Unclear,
    /// Any of these, as long as the lane goes on.
    Any,
}

/// What the contracts can be told to do, by the number of their enum, with what becomes of each payout.
struct Misdeed {
    number: u8,
    name: &'static str,
    token: End,
    art: End,
    recipient: End,
}

const fn misdeed(number: u8, name: &'static str, [token, art, recipient]: [End; 3]) -> Misdeed {
    Misdeed { number, name, token, art, recipient }
}

const MISDEEDS: [Misdeed; 10] = {
    use End::{Any, Failed, Paid, Unclear};
    [
        misdeed(1, "reverts", [Failed; 3]),
        misdeed(2, "burns all gas", [Failed; 3]),
        // ERC-721 has no word for success, so what it returns does not matter.
        misdeed(3, "returns false", [Unclear, Paid, Paid]),
        misdeed(4, "returns garbage", [Unclear, Paid, Paid]),
        misdeed(5, "returns one byte", [Unclear, Paid, Paid]),
        // Silence is what old tokens answer to a transfer that went well.
        misdeed(6, "returns nothing", [Paid; 3]),
        // The gas cap of an ERC-721 is about what this takes.
        misdeed(7, "returns half a megabyte", [Failed, Any, Failed]),
        misdeed(8, "reverts with half a megabyte", [Failed; 3]),
        misdeed(9, "re-enters", [Any; 3]),
        // The estimate sees an honest party, the transaction does not: the submission has gas for the worst all the same.
        misdeed(10, "burns all gas unless it is estimated", [Failed; 3]),
    ]
};

/// The hostile parties on the service chain.
struct Villains {
    token: Address,
    art: Address,
    recipient: Address,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_token_or_recipient_does_stops_the_lane() {
    let change = |spec: &mut polyspan_devnet::NetworkSpec| {
        spec.more_pairs = HOSTILE_PAIRS.to_vec();
        spec.finality = "depth 1".parse().unwrap();
    };
    let network = TestNetwork::running(1, change).await.unwrap();
    let villains = prepare(&network).await;
    let mut nonce = 0;
    for (index, misdeed) in MISDEEDS.iter().enumerate() {
        instruct(&network, &villains, misdeed.number).await;
        ask_for_all(&network, &villains, U256::from(index + 1)).await;
        network.wait_handled(0, LANE, nonce + 4, PATIENCE).await.unwrap();
        let ends = ends_since(&network, nonce).await;
        let expected = [misdeed.token, misdeed.art, misdeed.recipient, End::Paid];
        for (offset, (expected, is)) in expected.into_iter().zip(ends).enumerate() {
            assert!(expected == End::Any || expected == is, "{}: payout {offset} is {is:?}", misdeed.name);
        }
        nonce += 4;
    }
    a_token_that_lost_its_code_is_held(&network, &villains, nonce).await;
    only_what_hostile_tokens_kept_is_missing(&network).await;
}

/// A token that says it has paid, or says nothing, and keeps what it has cheats its own holders. Everybody else has what
/// was asked, and everything is handled.
async fn only_what_hostile_tokens_kept_is_missing(network: &TestNetwork) {
    let audit = network.audit().await.unwrap().remove(0);
    let total = audit.total();
    assert_eq!((total.handled, total.duplicated), (total.requested, 0), "{audit}");
    let requests = network.source(0, LANE).unwrap().requests().await.unwrap();
    let deployment = &network.bridges[0].deployment;
    let hostile = ["hostile", "hostile-art"].map(|name| deployment.pair(name).unwrap().main_token);
    let kept = |problem: &String| {
        let theirs = requests.iter().filter(|request| hostile.contains(&request.transfer.token));
        theirs.into_iter().any(|request| {
            problem.starts_with(&format!("kr/main-to-service: nonce {}: ", request.nonce))
                && problem.contains("is said to be paid, and is not in")
        })
    };
    let others: Vec<_> = audit.problems.iter().filter(|problem| !kept(problem)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(!audit.problems.is_empty(), "silence was told apart from a payment");
}

/// The user has hostile tokens on the service chain; half of them go to the main chain, so that they can come back.
async fn prepare(network: &TestNetwork) -> Villains {
    let deployment = &network.bridges[0].deployment;
    let token = deployment.pair("hostile").unwrap().service_token;
    let art = deployment.pair("hostile-art").unwrap().service_token;
    let user = &network.users[0].signer;
    let (chain, bridge) = (&network.service, deployment.service.bridge);
    let there = |asset| Ask::new(asset, user.address(), user.address()).call(bridge);
    let fungible = Asset::Erc20 { token, amount: U256::from(1_000_000) };
    let mut sent = vec![account::send(chain, user, there(fungible)).await.unwrap()];
    for id in 1..=MISDEEDS.len() as u64 + 1 {
        let id = U256::from(id);
        let mint = call_of(art, &TestNFT::mintCall { to: user.address(), id });
        sent.push(account::send(chain, user, mint).await.unwrap());
        sent.push(account::send(chain, user, there(Asset::Erc721 { token: art, id })).await.unwrap());
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
    let again = Bridge::handleCall {
        first: 0,
        transfers: vec![0, 0].into(),
        tail: Vec::new(),
        signatures: Vec::new(),
    };
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
    let amount = U256::from(100);
    for (asset, to) in [
        (Asset::Erc20 { token: main_token("hostile"), amount }, fresh_recipient()),
        (Asset::Erc721 { token: main_token("hostile-art"), id }, fresh_recipient()),
        (Asset::Native(amount), villains.recipient),
    ] {
        let call = Ask::new(asset, to, user.address()).call(bridge);
        account::send(&network.main, user, call).await.unwrap();
    }
    let honest = Traffic::new(network, 0, 0).unwrap();
    honest.request(LANE, Kind::Erc20, fresh_recipient(), 100).await.unwrap();
}

/// What became of the four requests from `nonce` on when they were handled.
async fn ends_since(network: &TestNetwork, nonce: u64) -> Vec<End> {
    let handled = network.destination(0, LANE).unwrap().handled().await.unwrap();
    let end = |nonce| match handled.outcome(RequestNonce::new(nonce)).unwrap().result {
        OutcomeResult::Paid => End::Paid,
        OutcomeResult::Held(HoldReason::PayoutFailed) => End::Failed,
        OutcomeResult::Held(HoldReason::AnswerUnclear) => End::Unclear,
        OutcomeResult::Held(other) => panic!("{nonce} is held for another reason: {other}"),
    };
    (nonce..nonce + 4).map(end).collect()
}

async fn a_token_that_lost_its_code_is_held(network: &TestNetwork, villains: &Villains, nonce: u64) {
    instruct(network, villains, 0).await;
    let chain: &ChainAccess = &network.service;
    let code = alloy::providers::Provider::get_code_at(&chain.provider, villains.token).await.unwrap();
    chain.provider.anvil_set_code(villains.token, Bytes::new()).await.unwrap();
    ask_for_all(network, villains, U256::from(MISDEEDS.len() + 1)).await;
    network.wait_handled(0, LANE, nonce + 4, PATIENCE).await.unwrap();
    assert_eq!(ends_since(network, nonce).await, [End::Unclear, End::Paid, End::Paid, End::Paid]);
    chain.provider.anvil_set_code(villains.token, code).await.unwrap();
}
