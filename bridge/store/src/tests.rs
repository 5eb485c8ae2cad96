//! The store against the real SQLite, in temporary folders.

mod base;
mod compaction;
mod disk;
mod evidence;
mod fill;
mod fixture;
mod floor;
mod force_holds;
mod opening;
mod plans;
mod protection;
mod repair;
mod rows;
mod survey;

use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, Signature, U256};
use polyspan_types::{
    AccountNonce, Attestation, BlockHeight, BlockRef, BridgeId, ChainId, Checkpoint, Epoch, HandledLogs,
    HandledRange, HeldRequest, HoldAction, HoldDecision, HoldReason, Leaf, Request, RequestKind,
    RequestNonce, Root, ValueTransfer,
};

use crate::{
    Attempt, Base, Conflict, Evidence, ForceHold, Purpose, Statement, Store, StoreSettings, Submission,
    SubmissionOutcome,
};

/// What the tests' clock says. Unit: milliseconds since 1970.
const NOW_MS: u64 = 1_700_000_000_000;

async fn open(path: &Path) -> Store {
    let settings = StoreSettings { clock: Arc::new(|| NOW_MS), ..StoreSettings::default() };
    let store = Store::open_with(path, settings).await.unwrap();
    for number in 1..=2 {
        store.begin_lane(lane(number), zero_base(lane(number)), Vec::new()).await.unwrap();
        store.decide_floor(lane(number), RequestNonce::ZERO).await.unwrap();
    }
    store
}

/// Opens it as a relay does, and does nothing more.
async fn open_bare(path: &Path) -> Store {
    Store::open(path).await.unwrap()
}

fn zero_base(lane: BridgeId) -> Base {
    Base { nonce: RequestNonce::ZERO, root: Root::zero(lane), source_block: None, begun: None }
}

/// As the source has all that is stored then.
async fn confirm(
    store: &Store,
    lane: BridgeId,
    requests: Vec<Request>,
    cursor: BlockRef,
) -> Result<crate::SourcePosition, crate::StoreError> {
    let held = store.source_position(lane).await?.after(&requests);
    store.append_confirmed(lane, requests, cursor, held).await
}

fn lane(number: u8) -> BridgeId {
    BridgeId(B256::repeat_byte(number))
}

fn nonce(number: u64) -> RequestNonce {
    RequestNonce::new(number)
}

fn block(height: u64) -> BlockRef {
    BlockRef { height: BlockHeight::new(height), hash: B256::left_padding_from(&height.to_be_bytes()) }
}

fn request(number: u64) -> Request {
    let transfer = ValueTransfer {
        kind: RequestKind::new(1),
        source_block: BlockHeight::new(100 + number),
        token: Address::repeat_byte(1),
        from: Address::repeat_byte(2),
        to: Address::repeat_byte(3),
        refund_to: Address::repeat_byte(4),
        value: U256::from(number) + (U256::from(1) << 255),
        payload: Bytes::from(vec![5; (number % 7) as usize]),
    };
    Request { nonce: nonce(number), transfer, tx_hash: B256::repeat_byte(6) }
}

fn requests(first: u64, count: u64) -> Vec<Request> {
    (first..first + count).map(request).collect()
}

/// Operator 1 signed root 1, and `operator` root 2 for the same nonce.
fn conflict(number: u64, operator: u8) -> Conflict {
    let statement = |root: u8, operator: u8, signature| Statement {
        checkpoint: attestation(number, 1, root).checkpoint,
        operator: Address::repeat_byte(operator),
        signature,
    };
    let signature = Signature::new(U256::from(3), U256::from(4), true);
    Conflict { first: statement(1, 1, None), second: statement(2, operator, Some(signature)) }
}

fn attestation(number: u64, epoch: u64, root: u8) -> Attestation {
    let checkpoint = Checkpoint {
        bridge_id: lane(1),
        epoch: Epoch::new(epoch),
        nonce: nonce(number),
        root: Root(B256::repeat_byte(root)),
    };
    let signature = Signature::new(U256::from(number) + U256::from(1), U256::from(epoch + 1), root % 2 == 1);
    Attestation { checkpoint, operator: Address::repeat_byte(8), signature }
}

/// A signed decision about a request of lane 1.
fn force_hold(number: u64) -> ForceHold {
    ForceHold {
        decision: HoldDecision {
            action: HoldAction::ForceHold,
            bridge_id: lane(1),
            epoch: Epoch::new(1),
            nonce: nonce(number),
            leaf: Leaf::of(&request(number)),
        },
        operator: Address::repeat_byte(8),
        blocks: (BlockHeight::new(70), BlockHeight::new(90)),
        trials: 6,
        reason: "reverted: why".to_owned(),
        signature: Some(Signature::new(U256::from(number + 1), U256::from(2), true)),
        stored_at_ms: NOW_MS,
    }
}

/// One call that handled `first` up to `end` in the block at `height`.
fn range(first: u64, end: u64, height: u64) -> HandledRange {
    HandledRange {
        first: nonce(first),
        end: nonce(end),
        block: BlockHeight::new(height),
        tx_hash: B256::repeat_byte(0x44),
    }
}

fn held(number: u64, reason: HoldReason, height: u64) -> HeldRequest {
    HeldRequest {
        nonce: nonce(number),
        reason,
        leaf: Leaf::of(&request(number)),
        block: BlockHeight::new(height),
        tx_hash: B256::repeat_byte(0x44),
    }
}

fn logs(ranges: &[HandledRange], held: &[HeldRequest]) -> HandledLogs {
    HandledLogs { ranges: ranges.to_vec(), held: held.to_vec(), endings: Vec::new() }
}

const CHAIN: ChainId = ChainId::new(31_002);

const SUBMITTER: Address = Address::repeat_byte(9);

fn attempt(number: u8) -> Attempt {
    Attempt {
        tx_hash: B256::repeat_byte(number),
        raw: Bytes::from(vec![number; 40]),
        max_fee_per_gas: u128::MAX - u128::from(number),
        sent_at_ms: NOW_MS + u64::from(number),
    }
}

fn submission(account_nonce: u64, first: u64, count: u64) -> Submission {
    Submission {
        chain: CHAIN,
        submitter: SUBMITTER,
        account_nonce: AccountNonce::new(account_nonce),
        lane: lane(1),
        purpose: Purpose::Handle,
        first: nonce(first),
        count,
        checkpoint: nonce(first + count),
        attempts: vec![attempt(1)],
        outcome: SubmissionOutcome::Pending,
        created_at_ms: NOW_MS,
    }
}
