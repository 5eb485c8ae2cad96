//! Jobs among keys whose answers a test gives.

use alloy::primitives::{Address, B256, Bytes};
use polyspan_chain::BridgeRevert;
use polyspan_monitoring::Health;
use polyspan_store::Purpose;
use polyspan_types::{BlockHeight, BridgeId, ChainId, RequestNonce};
use prometheus::Registry;

use super::super::board::Seat;
use super::super::choice::Standing;
use super::super::metrics::SubmitterMetrics;
use super::*;
use crate::config::{LaneInfo, Side};

/// The keys of a chain as tests hold them: where jobs arrive, and the line on the board.
type Keys = Vec<(mpsc::Receiver<Order>, Seat)>;

fn pool(keys: usize) -> (SubmitterHandle, Keys) {
    let metrics = SubmitterMetrics::register(&Registry::new()).unwrap();
    let addresses = vec![Address::ZERO; keys];
    let board = Board::new("service", &addresses, Health::new().part("submitter service"), metrics);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..keys).map(|_| mpsc::channel(4)).unzip();
    let seats = receivers.into_iter().enumerate().map(|(key, jobs)| (jobs, board.seat(key))).collect();
    (SubmitterHandle::new(senders, board), seats)
}

fn job() -> Job {
    let side = |chain: &str| Side {
        chain: chain.to_owned(),
        chain_id: ChainId::new(1),
        bridge: Address::ZERO,
        deployment_block: BlockHeight::ZERO,
        parts: None,
    };
    Job {
        lane: LaneInfo {
            id: "kr/main-to-service".parse().unwrap(),
            bridge_id: BridgeId(B256::ZERO),
            source: side("main"),
            destination: side("service"),
        },
        purpose: Purpose::Handle,
        first: RequestNonce::ZERO,
        count: 1,
        checkpoint: RequestNonce::new(1),
        to: Address::ZERO,
        calldata: Bytes::new(),
        worst_gas: 0,
        presumed: None,
    }
}

/// Any result that says which key gave it.
fn told(by: u64) -> JobResult {
    JobResult::Refused(BridgeRevert::AlreadyHandled { handle_nonce: RequestNonce::new(by) })
}

async fn refuse(keys: &mut Keys, key: usize, result: JobResult) {
    let (_, answer) = keys[key].0.recv().await.unwrap();
    drop(answer.send(KeyAnswer::Refused(result)));
}

/// Says that the next job of this key is sent, and gives the way to tell what becomes of it.
async fn take(keys: &mut Keys, key: usize) -> oneshot::Sender<JobResult> {
    let (_, answer) = keys[key].0.recv().await.unwrap();
    let (tell, result) = oneshot::channel();
    drop(answer.send(KeyAnswer::Sent(result)));
    tell
}

#[tokio::test]
async fn a_job_goes_to_the_first_key_and_its_result_comes_back() {
    let (handle, mut keys) = pool(2);
    let work = async { drop(take(&mut keys, 0).await.send(told(1))) };
    let (result, ()) = tokio::join!(handle.submit(job()), work);
    assert_eq!(result, told(1));
    assert!(keys[1].0.try_recv().is_err());
}

#[tokio::test]
async fn a_job_goes_on_where_a_key_cannot_pay_and_while_one_is_stuck() {
    let (handle, mut keys) = pool(3);
    let work = async {
        let (_, unpaid) = keys[0].0.recv().await.unwrap();
        keys[0].1.stands(Standing::Unfunded, Some("fund it".to_owned()));
        drop(unpaid.send(KeyAnswer::Unable));
        // It is sent, and then no block takes it.
        let stuck = take(&mut keys, 1).await;
        keys[1].1.stands(Standing::Stuck, Some("nonce 7".to_owned()));
        drop(take(&mut keys, 2).await.send(told(3)));
        assert!(stuck.is_closed(), "nobody waits for it any more");
    };
    let (result, ()) = tokio::join!(handle.submit(job()), work);
    assert_eq!(result, told(3));
}

#[tokio::test]
async fn whoever_sends_several_is_told_when_their_key_is_left_behind() {
    let (handle, mut keys) = pool(2);
    let work = async { (take(&mut keys, 0).await, take(&mut keys, 0).await) };
    let sending =
        async { (handle.send(job(), None).await.unwrap(), handle.send(job(), Some(0)).await.unwrap()) };
    let ((first, second), (tell_first, _kept)) = tokio::join!(sending, work);
    assert_eq!((first.key(), handle.key()), (0, Some(0)));
    drop(tell_first.send(told(1)));
    assert_eq!(first.result().await, told(1));
    keys[0].1.stands(Standing::Stuck, Some("nonce 7".to_owned()));
    assert_eq!(second.result().await, JobResult::LeftBehind);
    assert_eq!(handle.key(), Some(1));
    let (sent, ()) = tokio::join!(handle.send(job(), None), refuse(&mut keys, 1, told(2)));
    assert_eq!(sent.unwrap_err(), told(2));
    // What follows others stays with their key, or waits.
    assert_eq!(handle.send(job(), Some(0)).await.unwrap_err(), JobResult::Busy);
    let unable = async {
        let (_, unpaid) = keys[1].0.recv().await.unwrap();
        drop(unpaid.send(KeyAnswer::Unable));
    };
    let (sent, ()) = tokio::join!(handle.send(job(), Some(1)), unable);
    assert_eq!(sent.unwrap_err(), JobResult::Busy);
}

#[tokio::test]
async fn what_was_told_counts_although_its_key_got_stuck_since() {
    let (handle, mut keys) = pool(2);
    let (sent, tell) = tokio::join!(handle.send(job(), None), take(&mut keys, 0));
    drop(tell.send(told(1)));
    keys[0].1.stands(Standing::Stuck, Some("nonce 7".to_owned()));
    assert_eq!(sent.unwrap().result().await, told(1));
}

#[tokio::test]
async fn with_no_key_left_the_lane_is_told_what_ails_each() {
    let (handle, mut keys) = pool(2);
    let work = async {
        for (key, reason) in [(0, "fund a"), (1, "fund b")] {
            let (_, unpaid) = keys[key].0.recv().await.unwrap();
            keys[key].1.stands(Standing::Unfunded, Some(reason.to_owned()));
            drop(unpaid.send(KeyAnswer::Unable));
        }
    };
    let (result, ()) = tokio::join!(handle.submit(job()), work);
    assert_eq!(result, JobResult::Failed("submitter key 1: fund a; submitter key 2: fund b".to_owned()));
}

#[tokio::test]
async fn a_stuck_key_without_a_spare_is_waited_for_until_one_can() {
    let (handle, mut keys) = pool(2);
    keys[1].1.stands(Standing::Unfunded, Some("fund b".to_owned()));
    let work = async {
        let stuck = take(&mut keys, 0).await;
        keys[0].1.stands(Standing::Stuck, Some("nonce 7".to_owned()));
        tokio::task::yield_now().await;
        assert!(!stuck.is_closed());
        keys[1].1.stands(Standing::Able, None);
        drop(take(&mut keys, 1).await.send(told(2)));
    };
    let (result, ()) = tokio::join!(handle.submit(job()), work);
    assert_eq!(result, told(2));
}
