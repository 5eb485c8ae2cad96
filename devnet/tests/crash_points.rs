//! A relay dies at every named point on the way of a transfer, comes back, and nothing is lost, doubled or signed twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::CrashPoint;
use polyspan_types::crash::{CRASH_VARIABLE, PANIC_VARIABLE};

const RELAY: &str = "relay-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_at_any_crash_point_loses_and_doubles_nothing() {
    let mut network =
        TestNetwork::seasoned(1, |spec| spec.finality = "depth 1".parse().unwrap()).await.unwrap();
    let mut never_reached = Vec::new();
    for point in CrashPoint::LIVE {
        // First the requests, then the relay: the point lies on the way that it has to go.
        Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
        network.start_relay_with(RELAY, &[(CRASH_VARIABLE, point.name())]).unwrap();
        match death(&mut network).await {
            Some(status) => {
                assert_eq!(status.signal(), Some(9), "{point}: the relay ended by itself: {status}")
            }
            None => never_reached.push(point.name()),
        }
        network.relay_mut(RELAY).unwrap().kill().await.unwrap();
        expect_single_roots(&network).await.unwrap();

        network.start_relay(RELAY).unwrap();
        network.wait_all_handled(LONG_PATIENCE).await.unwrap();
        expect_single_roots(&network).await.unwrap();
        network.relay_mut(RELAY).unwrap().stop().await.unwrap();
    }
    assert!(never_reached.is_empty(), "never reached: {never_reached:?}");
    a_thread_of_the_store_that_panics_ends_the_process(&mut network).await;
    network.expect_complete().await.unwrap();
}

/// A process that goes on without its store would look alive for ever.
async fn a_thread_of_the_store_that_panics_ends_the_process(network: &mut TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    let point = CrashPoint::BeforeStoringRequests.name();
    network.start_relay_with(RELAY, &[(PANIC_VARIABLE, point)]).unwrap();
    let status = death(network).await.expect("it still runs");
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    let log = std::fs::read_to_string(&network.relay(RELAY).unwrap().log).unwrap();
    assert!(log.contains("task `store` ended"), "{log}");
    network.relay_mut(RELAY).unwrap().kill().await.unwrap();
    network.start_relay(RELAY).unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
}

/// The index is mapped into memory: whoever cuts it kills the process, which cannot say why. The next one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_index_was_cut_short_is_reported_by_the_next_start() {
    let mut network = TestNetwork::running(1, |_| {}).await.unwrap();
    let store = network.relay(RELAY).unwrap().store.clone();
    let index = format!("{}-shm", store.display());
    std::fs::OpenOptions::new().write(true).open(&index).unwrap().set_len(0).unwrap();
    let died = death(&mut network).await.expect("the relay goes on without its index");
    assert_eq!(died.signal(), Some(Signal::SIGBUS as i32), "{died:?}");
    network.start_relay(RELAY).unwrap();
    let relay = network.relay(RELAY).unwrap();
    relay.wait_ready(PATIENCE).await.unwrap();
    let remarks = relay.readiness().await.unwrap().remarks;
    assert!(remarks.iter().any(|part| part.remark.contains(&index)), "{remarks:?}");
    Traffic::new(&network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
}

/// How the relay ended; `None` when it still runs after the patience of a whole transfer.
async fn death(network: &mut TestNetwork) -> Option<ExitStatus> {
    let process = network.relay_mut(RELAY).unwrap().process().unwrap();
    tokio::time::timeout(PATIENCE / 2, process.wait()).await.ok().map(Result::unwrap)
}
