//! A node that shows a chain as it once was: restored from a backup, or syncing.

use super::node::{NodeFixture, handle};
use super::*;

/// Blocks that the node is behind.
const BEHIND: u64 = 900;

impl NodeFixture {
    /// The node falls back to what it was `BEHIND` blocks ago, when none of the account's later transactions was mined.
    async fn fall_back(&mut self) {
        self.world(|world| (world.count, world.handled, world.balance) = (2, 0, 1));
        self.head(1_001 - BEHIND).await;
    }
}

#[tokio::test]
async fn a_node_that_is_behind_is_sent_nothing_and_no_gap_is_filled_for_it() {
    let mut fixture = NodeFixture::new().await;
    fixture.world(|world| world.count = 7);
    assert!(matches!(fixture.take(0, 8).await, KeyAnswer::Sent(_)));
    fixture.world(|world| (world.count, world.success) = (8, Some(true)));
    fixture.head(1_001).await;
    fixture.submitter.follow_pending().await;
    fixture.submitter.look_at_funds().await;
    let (sent, free) = (fixture.asked("eth_sendRawTransaction"), fixture.submitter.funds.balance());
    fixture.fall_back().await;
    for _ in 0..45 {
        fixture.submitter.follow_pending().await;
    }
    fixture.submitter.funds.forget();
    fixture.submitter.look_at_funds().await;
    let result = fixture.refusal(8, 8).await;
    assert!(matches!(&result, JobResult::Failed(text) if text.contains("900 blocks behind")), "{result}");
    assert_eq!(fixture.asked("eth_sendRawTransaction"), sent);
    assert_eq!(fixture.submitter.pending.len(), 1, "no gap");
    assert_eq!(fixture.submitter.funds.balance(), free, "what it had once is not what it has");
    // Once it has caught up, the next account nonce is the one that is next.
    fixture.world(|world| (world.count, world.balance) = (8, 1_000_000_000));
    fixture.head(1_002).await;
    assert!(matches!(fixture.take(8, 8).await, KeyAnswer::Sent(_)));
    assert_eq!(fixture.submitter.pending.last().unwrap().submission.account_nonce.get(), 8);
}

#[tokio::test]
async fn a_node_that_fell_back_since_the_last_head_does_not_give_used_account_nonces_back() {
    let mut fixture = NodeFixture::new().await;
    assert_eq!(fixture.submitter.look_at_account_nonce().await.unwrap().get(), 7);
    fixture.world(|world| world.count = 2);
    assert_eq!(fixture.submitter.look_at_account_nonce().await.unwrap().get(), 7);
    assert!(matches!(fixture.take(0, 8).await, KeyAnswer::Sent(_)));
    fixture.submitter.follow_pending().await;
    let nonces: Vec<_> =
        fixture.submitter.pending.iter().map(|pending| pending.submission.account_nonce.get()).collect();
    assert_eq!(nonces, [7], "no gap is filled below it");
    // A chain that went on without it is another thing: a reorganisation gave the account nonce back.
    fixture.world(|world| world.count = 6);
    fixture.head(1_010).await;
    assert_eq!(fixture.submitter.look_at_account_nonce().await.unwrap().get(), 6);
}

#[tokio::test]
async fn what_an_earlier_process_saw_final_is_known_before_anything_is_sent() {
    let mut fixture = NodeFixture::new().await;
    let block = BlockRef { height: BlockHeight::new(1_000), hash: B256::repeat_byte(3) };
    let account = fixture.submitter.signer.address();
    let submission = Submission {
        submitter: account,
        chain: fixture.submitter.chain.id(),
        ..open(1, Purpose::Handle, 6, 1)
    };
    fixture.submitter.store.record_submission(&submission).await.unwrap();
    let outcome = SubmissionOutcome::Final { block, success: true };
    let (chain, nonce) = (submission.chain, submission.account_nonce);
    fixture.submitter.store.record_receipt(chain, account, nonce, outcome).await.unwrap();
    // It starts beside a node that is behind.
    fixture.restart_at(1_001 - BEHIND, 2).await;
    fixture.submitter.load_used().await.unwrap();
    assert_eq!(fixture.submitter.look_at_account_nonce().await.unwrap().get(), 7);
    fixture.head(1_001 - BEHIND).await;
    let KeyAnswer::Refused(result) = fixture.take_job(handle(7, 1)).await else { panic!() };
    assert!(result.to_string().contains("behind"), "{result}");
    // A pause waits for nothing.
    let pause = Job { purpose: Purpose::Pause, count: 0, ..handle(7, 0) };
    assert!(matches!(fixture.take_job(pause).await, KeyAnswer::Sent(_)));
}
