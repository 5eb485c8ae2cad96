//! What decides whether a job is sent, and with how much gas.

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;

use super::node::{NodeFixture, Tried, handle};
use super::*;

/// Gas limits of what was sent, in order.
fn sent(fixture: &NodeFixture) -> Vec<u64> {
    let calls = fixture.server.calls();
    let sent = calls.iter().filter(|(method, _)| method == "eth_sendRawTransaction");
    let gas = sent.map(|(_, params)| {
        let raw: Bytes = params[0].as_str().unwrap().parse().unwrap();
        TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap().gas_limit()
    });
    gas.collect()
}

#[tokio::test]
async fn a_call_with_the_gas_of_the_worst_case_decides_and_nothing_is_estimated() {
    let mut fixture = NodeFixture::new().await;
    assert!(matches!(fixture.take(0, 128).await, KeyAnswer::Sent(_)));
    assert_eq!(sent(&fixture), [200_000]);
    let calls = fixture.server.calls();
    let tried = calls.iter().filter(|(method, params)| {
        method == "eth_call" && params[0]["gas"] == "0x30d40" && params[1] == "latest"
    });
    assert_eq!((tried.count(), fixture.asked("eth_estimateGas")), (1, 0));
}

#[tokio::test]
async fn what_lacks_gas_is_cut_and_only_a_single_transfer_is_estimated() {
    let mut fixture = NodeFixture::new().await;
    fixture.world(|world| (world.tried, world.estimate) = (Tried::OutOfGas, 400_000));
    assert_eq!(fixture.refusal(0, 2).await, JobResult::TooLarge);
    assert_eq!(fixture.asked("eth_estimateGas"), 0);
    assert!(matches!(fixture.take(0, 1).await, KeyAnswer::Sent(_)));
    assert_eq!((fixture.asked("eth_estimateGas"), sent(&fixture)), (1, vec![460_000]));
    // What follows is tried with as much more at once.
    fixture.submitter.pending.clear();
    fixture.world(|world| world.tried = Tried::Passes);
    assert!(matches!(fixture.take(1, 100).await, KeyAnswer::Sent(_)));
    assert_eq!((fixture.asked("eth_estimateGas"), sent(&fixture)), (1, vec![460_000, 460_000]));
}

#[tokio::test]
async fn a_single_transfer_that_passes_its_call_and_fails_all_the_same_is_estimated_next() {
    let mut fixture = NodeFixture::new().await;
    fixture.world(|world| world.estimate = 400_000);
    // A node that takes no less gas than it charges for publishing.
    fixture.world(|world| world.refuses = Some("intrinsic gas too low"));
    assert!(matches!(fixture.refusal(0, 2).await, JobResult::NotTaken(_)));
    assert!(matches!(fixture.refusal(0, 1).await, JobResult::NotTaken(_)));
    assert_eq!(fixture.asked("eth_estimateGas"), 0);
    fixture.world(|world| world.refuses = None);
    assert!(matches!(fixture.take(0, 1).await, KeyAnswer::Sent(_)));
    assert_eq!((fixture.asked("eth_estimateGas"), sent(&fixture).pop()), (1, Some(460_000)));
    // One that takes it, so that it reverts in a block.
    fixture.world(|world| (world.count, world.success) = (8, Some(false)));
    fixture.head(1_001).await;
    fixture.submitter.follow_pending().await;
    fixture.world(|world| world.success = None);
    assert!(matches!(fixture.take(0, 1).await, KeyAnswer::Sent(_)));
    assert_eq!(fixture.asked("eth_estimateGas"), 2);
}

#[tokio::test]
async fn a_piece_that_no_node_gets_through_in_time_is_too_slow_by_the_nodes_deadline_and_by_ours() {
    let mut fixture = NodeFixture::new().await;
    for tried in [Tried::TimesOut, Tried::Hangs] {
        fixture.world(|world| world.tried = tried);
        for job in [handle(0, 128), Job { presumed: super::job(0, true).presumed, ..handle(0, 128) }] {
            let presumes = job.presumed.is_some();
            let KeyAnswer::Refused(result) = fixture.take_job(job).await else { panic!() };
            assert_eq!(result, JobResult::TooSlow, "{tried:?} {presumes}");
        }
    }
    let words = JobResult::TooSlow.to_string();
    for named in ["request_timeout", "--rpc.evmtimeout", "relay.submission.max_transfers"] {
        assert!(words.contains(named), "{words}");
    }
}
