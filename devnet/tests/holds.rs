//! What was put on hold is paid once its reason is gone, by relays that nobody tells to; or it goes back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::time::Duration;

use alloy::primitives::{Address, U256};
use polyspan_contracts::testing::{HostileRecipient, TestMultiToken, TestNFT, TestToken};
use polyspan_devnet::account::{self, call_of};
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::tokens::{HOSTILE_PAIRS, LimitsSpec, PairSpec, WHOLE};
use polyspan_devnet::traffic::{Ask, Asset, Traffic};
use polyspan_devnet::{NetworkSpec, eventually_true};
use polyspan_node::config::Minter;
use polyspan_types::{Direction, HandledLogs, HoldEnd, HoldReason, Kind, RequestNonce};

const LANE: Direction = Direction::MainToService;

/// Numbers of what hostile contracts do. Source: `contracts/test/contracts/Hostile.sol`.
const HONEST: u8 = 0;
const REVERTS: u8 = 1;
const RETURNS_FALSE: u8 = 3;

/// Blocks for which something that must not happen is watched: longer than a relay rests after a failed release.
const WATCHED_BLOCKS: u64 = 15;

/// Unit: blocks.
const REFUND_DELAY: u64 = 8;

/// Unit: blocks.
const DELAY: u32 = 6;

/// Between two requests of a lane that is never idle for long. Unit: time.
const BETWEEN: Duration = Duration::from_millis(200);

/// Requests for a contract that refuses.
const REFUSED: usize = 8;

/// Large amounts wait.
const SLOW: PairSpec = PairSpec {
    limits: LimitsSpec { delay_above: Some("10"), delay_blocks: Some(DELAY), ..LimitsSpec::NONE },
    ..PairSpec::new("slow", Kind::Erc20, Minter::Service)
};

/// Little flows out at a time: one token a second.
const NARROW: PairSpec = PairSpec {
    limits: LimitsSpec {
        maximum: Some("10"),
        outflow_capacity: Some("10"),
        outflow_period: Some("10s"),
        ..LimitsSpec::NONE
    },
    ..PairSpec::new("narrow", Kind::Erc20, Minter::Service)
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_pay_what_was_held_once_token_and_recipient_behave_and_never_what_is_unclear() {
    let change = |spec: &mut NetworkSpec| {
        spec.more_pairs = HOSTILE_PAIRS.to_vec();
        spec.finality = "depth 1".parse().unwrap();
    };
    let network = TestNetwork::running(3, change).await.unwrap();
    let recipient = deploy_recipient(&network).await;
    let token = network.bridges[0].deployment.pair("hostile").unwrap().service_token;
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    // The service chain locks this token: what comes back from the main chain has to go there first.
    let there = traffic.request_of(LANE.opposite(), "hostile", traffic.user(), 1_000).await.unwrap();
    account::succeeded(&network.service, there).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();

    for who in [token, recipient] {
        instruct(&network, who, REVERTS).await;
    }
    let [first, second] = [fresh_recipient(), fresh_recipient()];
    for (pair, to, amount) in
        [("hostile", first, 100), ("coin", recipient, 200), ("hostile", second, 300), ("usd", first, 400)]
    {
        traffic.request_of(LANE, pair, to, amount).await.unwrap();
    }
    network.wait_handled(0, LANE, 4, PATIENCE).await.unwrap();
    assert_held(&network, &[0, 1, 2], HoldReason::PayoutFailed).await;

    for who in [token, recipient] {
        instruct(&network, who, HONEST).await;
    }
    until_ended(&network, 3).await;
    assert_eq!(balance(&network, token, first).await, U256::from(100));
    assert_eq!(balance(&network, token, second).await, U256::from(300));
    assert_eq!(native(&network, recipient).await, U256::from(200));
    for audit in network.audit().await.unwrap() {
        audit.expect_settled().unwrap();
        assert_eq!((audit.total().held, audit.total().released), (3, 3));
    }

    instruct(&network, token, RETURNS_FALSE).await;
    traffic.request_of(LANE, "hostile", fresh_recipient(), 50).await.unwrap();
    network.wait_handled(0, LANE, 5, PATIENCE).await.unwrap();
    assert_held(&network, &[4], HoldReason::AnswerUnclear).await;
    instruct(&network, token, HONEST).await;
    network.service.wait_blocks(WATCHED_BLOCKS).await.unwrap();
    let audit = network.audit().await.unwrap().remove(0);
    audit.expect_complete().unwrap();
    assert_eq!(audit.total().on_hold, 1, "nobody but operators may pay this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_limits_held_is_paid_in_time_and_what_the_escrow_lacked_oldest_first() {
    let network = TestNetwork::running(1, |spec| spec.more_pairs = vec![SLOW, NARROW]).await.unwrap();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    let to = fresh_recipient();
    for (pair, whole) in [("slow", 11), ("narrow", 8), ("narrow", 7), ("slow", 10)] {
        traffic.request_of(LANE, pair, to, whole * WHOLE).await.unwrap();
    }
    network.wait_handled(0, LANE, 4, PATIENCE).await.unwrap();
    assert_held(&network, &[0], HoldReason::Delayed).await;
    assert_held(&network, &[2], HoldReason::OutflowLimited).await;
    let handled = until_ended(&network, 2).await;
    let delayed = handled.held.iter().find(|held| held.nonce == RequestNonce::ZERO).unwrap();
    let released = handled.ending(RequestNonce::ZERO).unwrap();
    assert!(released.block.get() >= delayed.block.get() + u64::from(DELAY), "{released:?}");
    for (pair, whole) in [("slow", 21_u128), ("narrow", 15)] {
        let token = network.bridges[0].deployment.pair(pair).unwrap().service_token;
        assert_eq!(balance(&network, token, to).await, U256::from(whole * WHOLE), "{pair}");
    }

    // Of its 1000 coins the bridge keeps 300 after the first of these, which is too little for each of the others.
    for whole in [700, 600, 500, 400] {
        traffic.request(LANE, Kind::Native, to, whole * WHOLE).await.unwrap();
    }
    network.wait_handled(0, LANE, 8, PATIENCE).await.unwrap();
    assert_held(&network, &[5, 6, 7], HoldReason::InsufficientEscrow).await;
    let back = fresh_recipient();
    traffic.request(LANE.opposite(), Kind::Native, back, 1_300 * WHOLE).await.unwrap();
    let handled = until_ended(&network, 5).await;
    let order: Vec<u64> = handled.endings.iter().skip(2).map(|ending| ending.nonce.get()).collect();
    assert_eq!(order, [5, 6, 7], "the oldest is paid first");
    assert_eq!(native(&network, to).await, U256::from(2_200 * WHOLE));
    network.wait_all_handled(PATIENCE).await.unwrap();
    network.audit().await.unwrap()[0].expect_settled().unwrap();
}

/// Each after the other, and behind contracts that refuse: where relays looked at holds only in a pause of the traffic, or every half minute,
/// this would take longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contracts_are_paid_at_once_where_calls_are_deferred_also_while_a_lane_is_busy() {
    let network = TestNetwork::running(1, |spec| spec.defer_calls = true).await.unwrap();
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    let [refusing, contract] = [deploy_recipient(&network).await, deploy_recipient(&network).await];
    instruct(&network, refusing, REVERTS).await;
    let user = fresh_recipient();
    let mut requested = 0;
    let mut sent = async |kind, to| {
        traffic.request(LANE, kind, to, 1_000).await.unwrap();
        requested += 1;
        requested
    };
    let busy = async {
        for _ in 0..REFUSED {
            sent(Kind::Native, refusing).await;
        }
        let mut paid = 0;
        for kind in [Kind::Native, Kind::Erc721, Kind::Native, Kind::Erc721, Kind::Native, Kind::Erc20] {
            sent(kind, contract).await;
            // Nobody is called for this one, and it is not held.
            paid += usize::from(kind != Kind::Erc20);
            while handled(&network).await.endings.len() < paid {
                sent(Kind::Native, user).await;
                tokio::time::sleep(BETWEEN).await;
            }
        }
        sent(Kind::Native, user).await
    };
    let requested = tokio::time::timeout(LONG_PATIENCE, busy).await.expect("the contract is paid in time");
    network.wait_handled(0, LANE, requested, PATIENCE).await.unwrap();
    let handled = handled(&network).await;
    assert_eq!(handled.held.len(), REFUSED + 5, "{:?}", handled.held);
    assert!(handled.held.iter().all(|held| held.reason == HoldReason::CallDeferred), "{:?}", handled.held);
    assert!(
        handled.endings.iter().all(|ending| matches!(ending.end, HoldEnd::Released { .. })),
        "{handled:?}"
    );
    assert_eq!(
        (native(&network, contract).await, native(&network, refusing).await),
        (U256::from(3_000), U256::ZERO)
    );
    let audit = network.audit().await.unwrap().remove(0);
    audit.expect_complete().unwrap();
    assert_eq!(audit.total().on_hold, REFUSED as u64, "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_refunds_is_paid_back_on_the_source_by_the_relays() {
    let network = TestNetwork::running(1, |spec| spec.refund_delay = REFUND_DELAY).await.unwrap();
    let recipient = deploy_recipient(&network).await;
    instruct(&network, recipient, REVERTS).await;
    let refund_to = fresh_recipient();
    let assets = ask_for_refundable(&network, recipient, refund_to).await;
    network.wait_handled(0, LANE, 3, PATIENCE).await.unwrap();
    assert_held(&network, &[0, 1, 2], HoldReason::PayoutFailed).await;

    let early = refund(&network, 0).await;
    let told = String::from_utf8_lossy(&early.stderr).into_owned();
    assert_eq!(early.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot be refunded"), "{told}");
    network.service.wait_blocks(REFUND_DELAY).await.unwrap();
    for nonce in 0..3 {
        let done = refund(&network, nonce).await;
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
        assert!(told.contains(&format!("refunded as kr/service-to-main:{nonce}")), "{told}");
    }
    network.wait_handled(0, LANE.opposite(), 3, PATIENCE).await.unwrap();

    let main = &network.main;
    assert_eq!(account::native_balance(main, refund_to).await.unwrap(), U256::from(7 * WHOLE));
    let [art, items] = assets;
    let owner = account::read(main, art, &TestNFT::ownerOfCall { tokenId: U256::from(ID) }).await.unwrap();
    assert_eq!(owner, refund_to);
    let units = TestMultiToken::balanceOfCall { account: refund_to, id: U256::from(ID) };
    assert_eq!(account::read(main, items, &units).await.unwrap(), U256::from(5));
    let ends = handled(&network).await.endings.into_iter().map(|ending| ending.end);
    let expected = (0..3).map(|nonce| HoldEnd::Refunded { request_nonce: RequestNonce::new(nonce) });
    assert_eq!(ends.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let audit = network.audit().await.unwrap().remove(0);
    audit.expect_settled().unwrap();
    assert_eq!((audit.total().requested, audit.total().refunded), (6, 3), "{audit}");
}

/// Id of the collectibles that are refunded.
const ID: u64 = 4_711;

/// Coins, an ERC-721 and an ERC-1155 for somebody who takes none of them. Returns the two tokens on the main chain.
async fn ask_for_refundable(network: &TestNetwork, to: Address, refund_to: Address) -> [Address; 2] {
    let traffic = Traffic::new(network, 0, 0).unwrap();
    let deployment = &network.bridges[0].deployment;
    let [art, items] = ["art", "items"].map(|name| deployment.pair(name).unwrap().main_token);
    let (id, amount) = (U256::from(ID), U256::from(5));
    for (token, mint) in [
        (art, call_of(art, &TestNFT::mintCall { to: traffic.user(), id })),
        (items, call_of(items, &TestMultiToken::mintCall { to: traffic.user(), id, amount })),
    ] {
        let sent = account::send(&network.main, &network.users[0].signer, mint).await.unwrap();
        account::succeeded(&network.main, sent).await.unwrap_or_else(|error| panic!("{token}: {error}"));
    }
    for asset in [
        Asset::Native(U256::from(7 * WHOLE)),
        Asset::Erc721 { token: art, id },
        Asset::Erc1155 { token: items, ids: vec![id], amounts: vec![amount] },
    ] {
        traffic.ask(LANE, &Ask::new(asset, to, refund_to)).await.unwrap();
    }
    [art, items]
}

/// `polyspan refund`, as the user.
async fn refund(network: &TestNetwork, nonce: u64) -> std::process::Output {
    let user = &network.users[0];
    let transfer = format!("kr/{LANE}:{nonce}");
    let (key, pass) = (user.keystore.to_str().unwrap(), user.passphrase_file.to_str().unwrap());
    network.polyspan(&["refund", &transfer, "--key", key, "--passphrase-file", pass]).await.unwrap()
}

async fn deploy_recipient(network: &TestNetwork) -> Address {
    let code = HostileRecipient::BYTECODE.clone();
    account::deploy(&network.service, &network.users[0].signer, code).await.unwrap()
}

async fn instruct(network: &TestNetwork, who: Address, behaviour: u8) {
    let order = call_of(who, &HostileRecipient::setBehaviourCall { behaviour_: behaviour });
    account::execute(&network.service, &network.users[0].signer, order).await.unwrap();
}

async fn handled(network: &TestNetwork) -> HandledLogs {
    network.destination(0, LANE).unwrap().handled().await.unwrap()
}

/// These requests, and of those that follow the last of them none, were held for this reason.
async fn assert_held(network: &TestNetwork, nonces: &[u64], reason: HoldReason) {
    let handled = handled(network).await;
    let held = handled.held.iter().filter(|held| held.reason == reason);
    let held: Vec<u64> = held.map(|held| held.nonce.get()).filter(|nonce| *nonce >= nonces[0]).collect();
    assert_eq!(held, nonces, "{reason}: {:?}", handled.held);
}

/// Waits until so many holds have ended.
async fn until_ended(network: &TestNetwork, count: usize) -> HandledLogs {
    let ended = || async { Ok(handled(network).await.endings.len() >= count) };
    eventually_true(&format!("{count} holds have ended"), LONG_PATIENCE, ended).await.unwrap();
    handled(network).await
}

async fn balance(network: &TestNetwork, token: Address, account: Address) -> U256 {
    account::read(&network.service, token, &TestToken::balanceOfCall { account }).await.unwrap()
}

async fn native(network: &TestNetwork, account: Address) -> U256 {
    account::native_balance(&network.service, account).await.unwrap()
}
