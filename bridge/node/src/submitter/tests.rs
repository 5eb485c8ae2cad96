//! What may be on its way together.

use alloy::primitives::{Address, B256, Bytes};
use polyspan_chain::Presumed;
use polyspan_types::{BlockRef, BridgeId, ChainId, Epoch, RequestNonce, Root, Threshold};

use super::*;
use crate::config::{LaneInfo, Side};

mod behind;
mod gas;
mod node;
mod overtaken;
mod superseded;

fn bridge_id(lane: u8) -> BridgeId {
    BridgeId(B256::with_last_byte(lane))
}

fn open(lane: u8, purpose: Purpose, first: u64, count: u64) -> Submission {
    Submission {
        chain: ChainId::new(1),
        submitter: Address::ZERO,
        account_nonce: AccountNonce::new(first),
        lane: bridge_id(lane),
        purpose,
        first: RequestNonce::new(first),
        count,
        checkpoint: RequestNonce::new(first + count),
        attempts: Vec::new(),
        outcome: SubmissionOutcome::Pending,
        created_at_ms: 0,
    }
}

fn job(first: u64, presumes: bool) -> Job {
    let side = |chain: &str| Side {
        chain: chain.to_owned(),
        chain_id: ChainId::new(1),
        bridge: Address::ZERO,
        deployment_block: BlockHeight::ZERO,
        parts: None,
    };
    let first = RequestNonce::new(first);
    let presumed = Presumed {
        bridge: Address::ZERO,
        handled: first,
        root: Root(B256::ZERO),
        epoch: Epoch::new(1),
        threshold: Threshold::try_new(1, 1).unwrap(),
    };
    Job {
        lane: LaneInfo {
            id: "kr/main-to-service".parse().unwrap(),
            bridge_id: bridge_id(1),
            source: side("main"),
            destination: side("service"),
        },
        purpose: Purpose::Handle,
        first,
        count: 4,
        checkpoint: first.plus(4),
        to: Address::ZERO,
        calldata: Bytes::new(),
        worst_gas: 0,
        presumed: presumes.then_some(presumed),
    }
}

#[test]
fn a_piece_follows_only_pieces_of_its_lane_that_end_where_it_begins() {
    let pieces = [open(1, Purpose::Handle, 0, 32), open(1, Purpose::Handle, 32, 8)];
    assert!(may_follow(pieces.iter(), &job(40, true)));
    assert!(!may_follow(pieces.iter(), &job(40, false)), "it does not know of them");
    assert!(!may_follow(pieces.iter(), &job(32, true)), "one of them is to handle that already");
    assert!(!may_follow(pieces.iter(), &job(41, true)), "nobody handles what lies between");
    let release = Job { purpose: Purpose::Release, ..job(3, false) };
    assert!(may_follow(pieces.iter(), &release), "it needs nothing of what they do");
    assert!(may_follow([].iter(), &job(7, false)) && may_follow([].iter(), &job(7, true)));
}

#[test]
fn what_is_mined_and_what_other_lanes_wait_for_keeps_nobody_waiting() {
    let block = BlockRef { height: BlockHeight::new(5), hash: B256::ZERO };
    let mined = Submission {
        outcome: SubmissionOutcome::Mined { block, success: true },
        ..open(1, Purpose::Handle, 0, 32)
    };
    let others = [mined, open(2, Purpose::Handle, 0, 8), open(2, Purpose::Release, 3, 1)];
    assert!(may_follow(others.iter(), &job(32, false)) && may_follow(others.iter(), &job(32, true)));
    let vote = [open(1, Purpose::Vote, 0, 0)];
    assert!(!may_follow(vote.iter(), &job(0, true)) && !may_follow(vote.iter(), &job(0, false)));
    let release = [open(1, Purpose::Release, 3, 1)];
    assert!(!may_follow(release.iter(), &Job { purpose: Purpose::Release, ..job(3, false) }));
    assert!(may_follow(release.iter(), &job(32, false)), "a payout waits for no release");
    let pause = Job { purpose: Purpose::Pause, ..job(0, false) };
    assert!(may_follow(vote.iter(), &pause) && may_follow(release.iter(), &pause));
}
