//! Votes on chain, the right ones and those that must be found.

use alloy::primitives::{Address, LogData};
use alloy::rpc::types::Log;
use polyspan_contracts::Bridge::CheckpointVoted;
use polyspan_types::{Checkpoint, CheckpointDomain, Direction, Epoch, RequestNonce, Root};

use super::fixture::deployment;
use crate::invariants::single_roots::check_votes;

const OPERATOR: Address = Address::repeat_byte(7);

fn root(number: u8) -> Root {
    Root([number; 32].into())
}

/// Whether a vote for `voted` at nonce 1, under `epoch`, is taken for right when that root is 1 and the epoch of now 2.
fn is_right(voted: Root, epoch: u64, liars: &[Address]) -> bool {
    let lane = deployment().lane(Direction::MainToService);
    let domain = CheckpointDomain::new(lane.destination.chain_id, lane.destination.bridge);
    let (epoch, nonce) = (Epoch::new(epoch), RequestNonce::new(1));
    let digest = Checkpoint { bridge_id: lane.bridge_id, epoch, nonce, root: voted }.digest(&domain);
    let event = CheckpointVoted { nonce: nonce.get(), operator: OPERATOR, digest };
    let data = LogData::from(&event);
    let log =
        Log { inner: alloy::primitives::Log { address: lane.destination.bridge, data }, ..Log::default() };
    check_votes(&lane, Epoch::new(2), &[root(0), root(1)], liars, &[log]).is_ok()
}

#[test]
fn a_vote_for_another_root_is_found_whatever_the_epoch_and_forgiven_to_liars_only() {
    assert!(is_right(root(1), 1, &[]));
    assert!(is_right(root(1), 2, &[]));
    assert!(!is_right(root(1), 3, &[]), "an epoch that is still to come");
    assert!(!is_right(root(2), 2, &[]));
    assert!(!is_right(root(2), 2, &[Address::repeat_byte(8)]));
    assert!(is_right(root(2), 2, &[OPERATOR]));
}
