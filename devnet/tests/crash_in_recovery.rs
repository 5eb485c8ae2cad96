//! A relay that recovers dies at every named point of a recovery, comes back, and recovers all the same.
//!
//! ```text
//! two relays, threshold 2 ─▶ a backlog, signed by one of them, alone ─▶ for each point: it loses something, dies there,
//! recovers ─▶ the other one comes back ─▶ everything is paid, once
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use anyhow::{Result, bail};
use polyspan_devnet::endpoint_proxy::Faults;
use polyspan_devnet::eventually::eventually_true;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_store::Store;
use polyspan_types::crash::CRASH_VARIABLE;
use polyspan_types::{BridgeId, CrashPoint, Direction, Kind, RequestNonce};
use rusqlite::{Connection, params};

const RELAY: &str = "relay-1";

/// The lane in which requests get lost, and in which more are made.
const LANE: Direction = Direction::MainToService;

/// Blocks that the relay's endpoints serve at a time: what it reads again are many ranges.
const SERVED: u64 = 2;

/// What the relay loses before it dies.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// Requests between others, none of which is handled.
    Hole,
    /// A hole, and while it was down more was requested, in several blocks.
    HoleAndBacklog,
    /// A hole, and all it keeps of what is handled is so many transfers of each lane.
    HoleAndHistory(u64),
    /// Its whole store.
    Everything,
}

use CrashPoint::{
    AfterAdopting, AfterBeginningLane, AfterCompacting, AfterDecidingFloor, AfterFillingHole,
    AfterStoringRequests, AfterTakingInSigned, BeforeAdopting, BeforeBeginningLane, BeforeCompacting,
    BeforeDecidingFloor, BeforeFillingHole, BeforeStoringRequests, BeforeTakingInSigned,
};

/// Where a relay dies, after what.
const DEATHS: [(Loss, CrashPoint); 14] = [
    (Loss::Hole, BeforeFillingHole),
    (Loss::Hole, AfterFillingHole),
    (Loss::HoleAndBacklog, BeforeStoringRequests),
    (Loss::HoleAndBacklog, AfterStoringRequests),
    (Loss::HoleAndHistory(3), BeforeCompacting),
    (Loss::HoleAndHistory(1), AfterCompacting),
    (Loss::Everything, BeforeBeginningLane),
    (Loss::Everything, AfterBeginningLane),
    (Loss::Everything, BeforeTakingInSigned),
    (Loss::Everything, AfterTakingInSigned),
    (Loss::Everything, BeforeDecidingFloor),
    (Loss::Everything, AfterDecidingFloor),
    (Loss::Everything, BeforeAdopting),
    (Loss::Everything, AfterAdopting),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_at_any_point_of_a_recovery_recovers() {
    let never: Vec<_> =
        CrashPoint::RECOVERY.iter().filter(|point| !DEATHS.iter().any(|(_, dies)| dies == *point)).collect();
    assert!(never.is_empty(), "no recovery dies at {never:?}");

    let mut network = TestNetwork::seasoned(2, |spec| {
        spec.threshold = 2;
        spec.finality = "depth 1".parse().unwrap();
    })
    .await
    .unwrap();
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.start_relay(RELAY).unwrap();
    recovered(&network, None).await;
    signed(&network).await;
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    let few = Faults { max_log_range: Some(SERVED), ..Faults::default() };
    network.relay(RELAY).unwrap().endpoints().into_iter().for_each(|endpoint| endpoint.set(few.clone()));
    let config = std::fs::read_to_string(&network.relay(RELAY).unwrap().config).unwrap();

    for (loss, point) in DEATHS {
        lose(&network, loss, &config).await;
        if matches!(point, BeforeAdopting | AfterAdopting) {
            adopt_and_die(&network, point).await;
        } else {
            relay_dies(&mut network, point).await;
        }
        expect_single_roots(&network).await.unwrap();
        expect_whole_file(&network, point).await;

        network.start_relay(RELAY).unwrap();
        recovered(&network, kept(loss)).await;
        if matches!(point, BeforeTakingInSigned | AfterTakingInSigned) {
            taken_in(&network).await;
        }
        expect_single_roots(&network).await.unwrap();
        network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    }

    network.start_relays().unwrap();
    // Above every floor: it covers what is below.
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
    network.relay_mut(RELAY).unwrap().stop().await.unwrap();
    expect_whole_file(&network, AfterStoringRequests).await;
}

async fn lose(network: &TestNetwork, loss: Loss, config: &str) {
    match loss {
        Loss::Everything => network.relay(RELAY).unwrap().lose_store().unwrap(),
        Loss::Hole => dig(network).await,
        Loss::HoleAndBacklog => {
            let traffic = Traffic::new(network, 0, 0).unwrap();
            for _ in 0..2 {
                traffic.request(LANE, Kind::Erc20, fresh_recipient(), 1_000).await.unwrap();
                network.main.wait_blocks(1).await.unwrap();
            }
            network.main.wait_blocks(1).await.unwrap();
            dig(network).await;
        }
        Loss::HoleAndHistory(keep) => {
            let file = &network.relay(RELAY).unwrap().config;
            std::fs::write(file, format!("{config}\n[relay.history]\nkeep = {keep}\n")).unwrap();
            dig(network).await;
        }
    }
}

/// Takes two requests that are not handled out of the store, one before and one behind them staying.
async fn dig(network: &TestNetwork) {
    let first = network.progress(0, LANE).await.unwrap().handled.plus(1);
    let connection = Connection::open(&network.relay(RELAY).unwrap().store).unwrap();
    let sql = "DELETE FROM request WHERE nonce BETWEEN ?2 AND ?3 AND lane = (SELECT number FROM lane WHERE bridge_id = ?1)";
    let lane = lane(network, LANE).0;
    let (first, last) = (first.get().cast_signed(), first.next().get().cast_signed());
    assert_eq!(connection.execute(sql, params![lane.as_slice(), first, last]).unwrap(), 2);
}

async fn relay_dies(network: &mut TestNetwork, point: CrashPoint) {
    network.start_relay_with(RELAY, &[(CRASH_VARIABLE, point.name())]).unwrap();
    let process = network.relay_mut(RELAY).unwrap().process().unwrap();
    let status = tokio::time::timeout(PATIENCE / 2, process.wait()).await;
    let status = status.unwrap_or_else(|_| panic!("{point} is never reached")).unwrap();
    assert_eq!(status.signal(), Some(9), "{point}: the relay ended by itself: {status}");
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
}

/// The operator answers for everything that was requested; the command dies, and is given again.
async fn adopt_and_die(network: &TestNetwork, point: CrashPoint) {
    for direction in Direction::ALL {
        let requested = network.progress(0, direction).await.unwrap().requested.to_string();
        let lane = network.bridges[0].deployment.lane(direction).id.to_string();
        let adopt = ["attest", "adopt", "--lane", &lane, "--until", &requested];
        let died = command(network, &adopt, &[(CRASH_VARIABLE, point.name())]).await;
        assert_eq!(died.status.signal(), Some(9), "{point}: {died:?}");
        let done = command(network, &adopt, &[]).await;
        assert!(done.status.success(), "{point}: {done:?}");
    }
}

async fn expect_whole_file(network: &TestNetwork, point: CrashPoint) {
    let checked = command(network, &["store", "repair"], &[]).await;
    assert!(String::from_utf8_lossy(&checked.stdout).contains("is whole"), "{point}: {checked:?}");
}

/// The real `polyspan` with the config of the relay.
async fn command(network: &TestNetwork, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(&network.binaries.polyspan);
    command.args(arguments).arg("--config").arg(&network.relay(RELAY).unwrap().config);
    command.envs(environment.iter().copied()).output().await.unwrap()
}

fn lane(network: &TestNetwork, direction: Direction) -> BridgeId {
    network.bridges[0].deployment.lane(direction).bridge_id
}

/// Handled transfers of which the store keeps no more.
const fn kept(loss: Loss) -> Option<u64> {
    match loss {
        Loss::HoleAndHistory(keep) => Some(keep),
        Loss::Hole | Loss::HoleAndBacklog | Loss::Everything => None,
    }
}

/// Waits until the store has every request of both lanes and knows from where on its key may sign.
async fn recovered(network: &TestNetwork, keep: Option<u64>) {
    let whole = || async {
        let store = open(network).await?;
        let done = lacks(network, &store, keep).await;
        store.close().await;
        match done? {
            Some(lack) => bail!("{lack}"),
            None => Ok(true),
        }
    };
    eventually_true("the relay has recovered", PATIENCE, whole).await.unwrap();
}

async fn open(network: &TestNetwork) -> Result<Store> {
    let path = &network.relay(RELAY)?.store;
    if !path.exists() {
        bail!("no store yet");
    }
    Ok(Store::open_read_only(path).await?)
}

async fn lacks(network: &TestNetwork, store: &Store, keep: Option<u64>) -> Result<Option<String>> {
    for direction in Direction::ALL {
        let (id, progress) = (lane(network, direction), network.progress(0, direction).await?);
        let position = store.source_position(id).await?;
        let Some(base) = position.base else { return Ok(Some(format!("{direction} has not begun"))) };
        let count = store.count_requests(id, base.nonce, progress.requested).await?;
        let missing = progress.requested.since(base.nonce) - count;
        if missing > 0 || !position.is_verified() || position.next != progress.requested {
            return Ok(Some(format!("{direction} lacks {missing} requests: {position:?}")));
        }
        if store.sign_floor(id).await?.floor().is_none() {
            return Ok(Some(format!("the floor of {direction} is not decided")));
        }
        if keep.is_some_and(|keep| progress.handled.since(base.nonce) > keep) {
            return Ok(Some(format!("{direction} is not compacted: {base:?}")));
        }
    }
    Ok(None)
}

/// Waits until others can see what the relay has signed of either lane.
async fn signed(network: &TestNetwork) {
    for direction in Direction::ALL {
        let lane = network.bridges[0].deployment.lane(direction).id;
        let label = format!("lane=\"{lane}\"");
        let published = || async {
            let count = network.relay(RELAY)?.metric("polyspan_lane_attestations_total", &[&label]).await?;
            Ok(count.is_some_and(|count| count > 0.0))
        };
        eventually_true("the relay attests", PATIENCE, published).await.unwrap();
    }
}

/// Waits until the store knows something that its key had signed before: nothing else at or below the floor is signed.
async fn taken_in(network: &TestNetwork) {
    let known = || async {
        let (store, id) = (open(network).await?, lane(network, LANE));
        let floor = store.sign_floor(id).await?.floor().unwrap_or_default();
        let mut known = false;
        for nonce in network.progress(0, LANE).await?.handled.next().get()..=floor.get() {
            known |= store.signed_root(id, RequestNonce::new(nonce)).await?.is_some();
        }
        store.close().await;
        Ok(known)
    };
    eventually_true("a signature is taken in", PATIENCE, known).await.unwrap();
}
