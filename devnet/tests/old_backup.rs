//! A relay whose database is an old copy, or is damaged, is useful again, and signs no second root.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Output;

use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::{Direction, Kind, RequestNonce};

const RELAY: &str = "relay-1";
const OTHER: &str = "relay-2";
const LANE: Direction = Direction::MainToService;

/// Requests that wait when the old copy is put back.
const BACKLOG: usize = 250;

/// Unit: bytes. Source: what SQLite uses unless it is told otherwise.
const PAGE: usize = 4_096;

/// Pages in which the file says what tables there are: without those nothing in it can be repaired.
const TABLES: usize = 24;

/// Pages that are overwritten.
const DAMAGED: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_an_old_or_a_repaired_database_is_useful_before_a_backlog_and_signs_no_second_root() {
    let mut network = TestNetwork::running(2, |spec| spec.threshold = 2).await.unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
    // Its newest rows are in its log.
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    let backup = network.spec.directory.join("backup.sqlite");
    network.relay(RELAY).unwrap().back_up_store(&backup).unwrap();
    network.start_relay(RELAY).unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();

    let known = signed_alone(&mut network).await;
    let waiting = request(&network, BACKLOG).await;
    network.relay(RELAY).unwrap().restore_store(&backup).unwrap();
    useful_again(&mut network, known..=waiting).await;

    let known = signed_alone(&mut network).await;
    let waiting = request(&network, 1).await;
    damage(&network.relay(RELAY).unwrap().store);
    let repaired = repair(&network).await;
    assert!(String::from_utf8_lossy(&repaired.stderr).contains("damage:"), "{repaired:?}");
    assert!(String::from_utf8_lossy(&repaired.stdout).contains("the damaged file is"), "{repaired:?}");
    let again = repair(&network).await;
    assert!(String::from_utf8_lossy(&again.stdout).contains("is whole"), "{again:?}");
    useful_again(&mut network, known..=waiting).await;
}

/// The other relay goes away, and this one signs what nobody pays now, before it stops. The newest nonce that it has signed.
async fn signed_alone(network: &mut TestNetwork) -> RequestNonce {
    network.relay_mut(OTHER).unwrap().kill().await.unwrap();
    let signed = request(network, 10).await;
    signs(network, signed).await;
    network.relay_mut(RELAY).unwrap().stop().await.unwrap();
    signed
}

/// It signs the next request, above what it may have signed before, and with the other relay everything is paid.
async fn useful_again(network: &mut TestNetwork, floors: RangeInclusive<RequestNonce>) {
    network.start_relay(RELAY).unwrap();
    network.relay(RELAY).unwrap().wait_ready(PATIENCE).await.unwrap();
    let next = request(network, 1).await;
    signs(network, next).await;
    let floor = floor(network).await;
    assert!(floors.contains(&floor), "it knows that it has forgotten something: {floor}, {floors:?}");
    expect_single_roots(network).await.unwrap();

    network.start_relay(OTHER).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(network).await.unwrap();
}

/// Makes requests and waits until they are final; the nonce behind them.
async fn request(network: &TestNetwork, count: usize) -> RequestNonce {
    let goal = network.progress(0, LANE).await.unwrap().requested.plus(count as u64);
    let traffic = Traffic::new(network, 0, 0).unwrap();
    for _ in 0..count {
        traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
    }
    let made = || async { Ok(network.progress(0, LANE).await?.requested == goal) };
    eventually_true("the requests are made", PATIENCE, made).await.unwrap();
    network.main.wait_blocks(3).await.unwrap();
    goal
}

/// Waits until the relay has signed the checkpoint of `nonce`.
async fn signs(network: &TestNetwork, nonce: RequestNonce) {
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let signed = || async {
        let store = Store::open_read_only(&network.relay(RELAY)?.store).await?;
        let signed = store.signed_root(lane, nonce).await?;
        store.close().await;
        Ok(signed.is_some())
    };
    eventually_true("the relay signs", PATIENCE, signed).await.unwrap();
}

async fn floor(network: &TestNetwork) -> RequestNonce {
    let store = Store::open_read_only(&network.relay(RELAY).unwrap().store).await.unwrap();
    let lane = network.bridges[0].deployment.lane(LANE).bridge_id;
    let floor = store.sign_floor(lane).await.unwrap().floor().unwrap();
    store.close().await;
    floor
}

/// The real `polyspan store repair`, as the runbook says it.
async fn repair(network: &TestNetwork) -> Output {
    let config = &network.relay(RELAY).unwrap().config;
    let mut command = tokio::process::Command::new(&network.binaries.polyspan);
    command.args(["store", "repair", "--config"]).arg(config).output().await.unwrap()
}

/// Overwrites pages among the requests: in the middle of the file, behind what says what tables there are.
fn damage(store: &Path) {
    let mut bytes = std::fs::read(store).unwrap();
    // How long it is depends on when handled requests were compacted.
    let first = (bytes.len() / PAGE / 2).max(TABLES);
    assert!((first + DAMAGED) * PAGE < bytes.len(), "{}", bytes.len());
    bytes[first * PAGE..(first + DAMAGED) * PAGE].fill(0xA5);
    std::fs::write(store, bytes).unwrap();
}
