//! A past that never was: finished transfers in a relay's database, and both contracts at the end of them.

use alloy::primitives::{Address, B256, Bytes, Signature, U256};
use alloy::providers::Provider;
use alloy::rpc::types::BlockNumberOrTag;
use anyhow::{Context, Result};
use polyspan_node::config::LaneInfo;
use polyspan_store::{Attempt, Base, Purpose, Store, Submission, SubmissionOutcome};
use polyspan_types::{
    AccountNonce, Attestation, BlockHeight, BlockRef, Checkpoint, Direction, Epoch, HandledLogs,
    HandledRange, Kind, Request, RequestKind, RequestNonce, Root, ValueTransfer,
};

use super::storage;
use crate::chain::ChainAccess;
use crate::network::Network;

/// Transfers that are written at once.
const BATCH: u64 = 10_240;

/// Transfers of one submission of the past: as many as the config allows, since each is written by itself.
const SUBMITTED: u64 = 1_024;

/// Makes `transfers` of one lane, all of them paid, with the relay's signature over each nonce and its submissions.
///
/// Errors: a chain or the disk refuses.
pub async fn make(network: &Network, direction: Direction, transfers: u64) -> Result<()> {
    let info = network.bridge(0)?.deployment.lane(direction);
    let relay = &network.relays[0];
    let (source, destination) = (network.source_chain(direction), network.destination_chain(direction));
    let (read, paid) = (final_block(source).await?, final_block(destination).await?);
    let epoch = network.destination(0, direction)?.state().await?.operators.epoch;
    let store = Store::open(&relay.store).await?;
    let begun = BlockRef { height: info.destination.deployment_block, ..paid };
    let base = Base {
        nonce: RequestNonce::ZERO,
        root: Root::zero(info.bridge_id),
        source_block: Some(info.source.deployment_block),
        begun: Some(begun),
    };
    store.begin_lane(info.bridge_id, base, Vec::new()).await?;
    // The floor is that of the key which has signed all of it.
    store.sign_floor_of(info.bridge_id, relay.attester.address()).await?;
    store.decide_floor(info.bridge_id, RequestNonce::ZERO).await?;
    let past = Past { info: &info, read, paid, epoch: Epoch::new(epoch), operator: relay.attester.address() };
    let mut root = Root::zero(info.bridge_id);
    let mut account_nonce = 0;
    for first in (0..transfers).step_by(BATCH as usize) {
        let end = transfers.min(first + BATCH);
        let requests = past.requests(first, end);
        let roots: Vec<Root> = requests
            .iter()
            .map(|request| {
                root = root.then(polyspan_types::Leaf::of(request));
                root
            })
            .collect();
        store.append_confirmed(info.bridge_id, requests, read, (RequestNonce::new(end), root)).await?;
        let signed = (first + 1..).zip(roots).map(|(nonce, root)| past.attestation(nonce, root));
        for refused in store.record_attestations(signed.collect()).await? {
            refused?;
        }
        let logs = past.handled(first, end, network.spec.max_transfers);
        for range in &past.handled(first, end, SUBMITTED).ranges {
            let submission = past.submission(account_nonce, range);
            account_nonce += 1;
            store.record_submission(&submission).await?;
            let outcome = SubmissionOutcome::Final { block: paid, success: true };
            let (chain, submitter) = (submission.chain, submission.submitter);
            store.record_receipt(chain, submitter, submission.account_nonce, outcome).await?;
        }
        store.record_handled(info.bridge_id, logs, paid).await?;
        tracing::debug!("{end} of {transfers}");
    }
    store.close().await;
    let recovery = source.height().await?;
    storage::set_requested(&network.source(0, direction)?, transfers, root).await?;
    storage::set_handled(&network.destination(0, direction)?, transfers, root, recovery).await?;
    network.wait_blocks_of_both(4).await
}

/// What all transfers of the past have in common.
struct Past<'a> {
    info: &'a LaneInfo,
    read: BlockRef,
    paid: BlockRef,
    epoch: Epoch,
    operator: Address,
}

impl Past<'_> {
    fn requests(&self, first: u64, end: u64) -> Vec<Request> {
        (first..end).map(|number| self.request(number)).collect()
    }

    fn request(&self, number: u64) -> Request {
        let of = |byte: u8| Address::from_word(B256::from(U256::from(number) << 8 | U256::from(byte)));
        let transfer = ValueTransfer {
            kind: RequestKind::new(Kind::Erc20.number()),
            source_block: self.read.height,
            token: Address::repeat_byte(0x11),
            from: of(1),
            to: of(2),
            refund_to: of(1),
            value: U256::from(1_000 + number),
            payload: Bytes::new(),
        };
        Request { nonce: RequestNonce::new(number), transfer, tx_hash: hash(1, number) }
    }

    /// Nobody looks at the signature of what is handled.
    fn attestation(&self, nonce: u64, root: Root) -> Attestation {
        let checkpoint = Checkpoint {
            bridge_id: self.info.bridge_id,
            epoch: self.epoch,
            nonce: RequestNonce::new(nonce),
            root,
        };
        let signature = Signature::new(hash(2, nonce).into(), hash(3, nonce).into(), false);
        Attestation { checkpoint, operator: self.operator, signature }
    }

    fn handled(&self, first: u64, end: u64, piece: u64) -> HandledLogs {
        let ranges =
            (first..end).step_by(usize::try_from(piece).unwrap_or(usize::MAX)).map(|first| HandledRange {
                first: RequestNonce::new(first),
                end: RequestNonce::new(end.min(first + piece)),
                block: self.paid.height,
                tx_hash: hash(4, first),
            });
        HandledLogs { ranges: ranges.collect(), ..HandledLogs::default() }
    }

    /// Of an account that is not the relay's: its own transactions are counted by the chain.
    fn submission(&self, account_nonce: u64, range: &HandledRange) -> Submission {
        let attempt = Attempt {
            tx_hash: range.tx_hash,
            raw: Bytes::new(),
            max_fee_per_gas: 1_000_000_000,
            sent_at_ms: 1,
        };
        Submission {
            chain: self.info.destination.chain_id,
            submitter: Address::repeat_byte(0x22),
            account_nonce: AccountNonce::new(account_nonce),
            lane: self.info.bridge_id,
            purpose: Purpose::Handle,
            first: range.first,
            count: range.end.since(range.first),
            checkpoint: range.end,
            attempts: vec![attempt],
            outcome: SubmissionOutcome::Pending,
            created_at_ms: 1,
        }
    }
}

/// Different for each, and of no pattern that would be stored in less.
fn hash(what: u8, number: u64) -> B256 {
    let mut bytes = [what; 9];
    bytes[1..].copy_from_slice(&number.to_be_bytes());
    alloy::primitives::keccak256(bytes)
}

async fn final_block(chain: &ChainAccess) -> Result<BlockRef> {
    let block = chain.provider.get_block_by_number(BlockNumberOrTag::Finalized).await?;
    let block = block.with_context(|| format!("{} has no final block", chain.name))?;
    Ok(BlockRef { height: BlockHeight::new(block.header.number), hash: block.header.hash })
}
