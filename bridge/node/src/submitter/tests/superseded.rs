//! When a submission whose account nonce another transaction has is lost, on a chain whose final state is gone.

use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::Head;
use polyspan_monitoring::Health;
use polyspan_store::{Attempt, Base};
use prometheus::Registry;

use super::*;
use crate::sighting::testing::{ACCOUNT_NONCE, FAR, FarChain};

/// A submitter with one submission, which a lane waits for.
struct Fixture {
    _folder: tempfile::TempDir,
    far: FarChain,
    heads: watch::Sender<HeadView>,
    submitter: Submitter,
    result: oneshot::Receiver<JobResult>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let far = FarChain::new(FAR).await;
        let store = Store::open(&folder.path().join("store")).await.unwrap();
        let base = Base {
            nonce: RequestNonce::ZERO,
            root: Root::zero(bridge_id(1)),
            source_block: None,
            begun: None,
        };
        store.begin_lane(bridge_id(1), base, Vec::new()).await.unwrap();
        let heads = watch::Sender::new(view(far.head_at(1_000).await));
        let parts = SubmitterParts {
            chain: far.chain.clone(),
            store: store.clone(),
            settings: SubmitterSettings {
                max_fee_per_gas: 1,
                min_priority_fee: 0,
                replace_after: 1_000_000,
                failed_releases_per_day: 1,
                max_gas: 1,
            },
            heads: heads.subscribe(),
            health: Health::new().part("submitter far"),
            metrics: SubmitterMetrics::register(&Registry::new()).unwrap(),
        };
        let key = SigningKey::Local(PrivateKeySigner::random());
        let attempt =
            Attempt { tx_hash: B256::repeat_byte(9), raw: Bytes::new(), max_fee_per_gas: 1, sent_at_ms: 0 };
        let submission = Submission {
            chain: far.chain.id(),
            submitter: key.address(),
            attempts: vec![attempt],
            account_nonce: AccountNonce::new(ACCOUNT_NONCE),
            ..open(1, Purpose::Vote, 0, 0)
        };
        store.record_submission(&submission).await.unwrap();
        let (mut all, _) = submitters(&parts, vec![key]);
        let mut submitter = all.remove(0);
        let (answer, result) = oneshot::channel();
        submitter.pending = vec![Pending { answer: Some(answer), ..Pending::new(submission) }];
        Self { _folder: folder, far, heads, submitter, result }
    }

    /// Whether the submission is lost once the submitter has looked at this head.
    async fn is_lost_after(&mut self, head: Head) -> bool {
        self.heads.send_replace(view(head));
        self.submitter.follow_pending().await;
        let is_lost = matches!(self.result.try_recv(), Ok(JobResult::Lost { .. }));
        assert_eq!(self.submitter.pending.is_empty(), is_lost, "what is not lost is followed");
        is_lost
    }

    async fn is_lost_at(&mut self, height: u64) -> bool {
        let head = self.far.head_at(height).await;
        self.is_lost_after(head).await
    }
}

fn view(head: Head) -> HeadView {
    HeadView { head: Some(head), error: None, remark: None, since: tokio::time::Instant::now() }
}

#[tokio::test]
async fn a_used_account_nonce_is_lost_when_the_block_that_showed_it_is_final() {
    let mut fixture = Fixture::new().await;
    fixture.far.world(|world| world.used_from = 999);
    assert!(!fixture.is_lost_at(1_000).await);
    assert!(!fixture.is_lost_at(999 + FAR).await);
    assert!(fixture.is_lost_at(1_000 + FAR).await);
}

#[tokio::test]
async fn a_block_that_was_replaced_loses_nothing() {
    let mut fixture = Fixture::new().await;
    fixture.far.world(|world| world.used_from = 1_000);
    assert!(!fixture.is_lost_at(1_000).await);
    // Another transaction has it in the branch that took its place as well, but later.
    fixture.far.world(|world| (world.replaced_from, world.used_from) = (1_000, 1_100));
    assert!(!fixture.is_lost_at(1_000 + FAR).await);
    assert!(!fixture.is_lost_at(1_001 + FAR).await, "seen anew");
    assert!(!fixture.is_lost_at(1_000 + 2 * FAR).await);
    assert!(fixture.is_lost_at(1_001 + 2 * FAR).await);
}

#[tokio::test]
async fn an_account_nonce_that_was_given_back_is_no_sign_of_a_loss() {
    let mut fixture = Fixture::new().await;
    fixture.far.world(|world| world.used_from = 1_000);
    assert!(!fixture.is_lost_at(1_000).await);
    fixture.far.world(|world| world.used_from = 1_050);
    assert!(!fixture.is_lost_at(1_010).await);
    assert!(!fixture.is_lost_at(1_050).await);
    assert!(!fixture.is_lost_at(1_000 + FAR).await, "what was seen first is forgotten");
    assert!(fixture.is_lost_at(1_050 + FAR).await);
}

#[tokio::test]
async fn a_count_that_is_newer_than_the_head_says_nothing_of_it() {
    let mut fixture = Fixture::new().await;
    let head = fixture.far.head_at(1_000).await;
    fixture.far.world(|world| (world.head, world.used_from) = (1_001, 1_001));
    assert!(!fixture.is_lost_after(head).await);
    assert!(!fixture.is_lost_at(1_000 + FAR).await, "the block that has it is not final");
    assert!(fixture.is_lost_at(1_000 + 2 * FAR).await);
}
