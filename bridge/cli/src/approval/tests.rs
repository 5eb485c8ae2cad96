use alloy::primitives::{Address, B256, Signature};
use alloy::signers::SignerSync;
use polyspan_chain::handle_calldata;
use polyspan_chain::testing::development_key;
use polyspan_types::{ChainId, Epoch, Leaf, RequestNonce, Threshold, ValueTransfer};

use super::*;

const LANE: BridgeId = BridgeId(B256::repeat_byte(0x1a));
/// Over the requests up to the end of the transfers.
const ROOT: Root = Root(B256::repeat_byte(0x70));
const TAIL: [Leaf; 2] = [Leaf(B256::repeat_byte(0x81)), Leaf(B256::repeat_byte(0x82))];

fn domain() -> CheckpointDomain {
    CheckpointDomain::new(ChainId::new(31002), Address::repeat_byte(0xb7))
}

fn operator(index: usize) -> Address {
    development_key(index).address()
}

/// Development keys 0 to 3, of whom three are needed.
fn operators() -> MemberSet {
    MemberSet {
        epoch: Epoch::new(2),
        threshold: Threshold::try_new(3, 4).unwrap(),
        members: (0..4).map(operator).collect(),
    }
}

/// The checkpoint of [`call`], as the relays build it.
fn checkpoint() -> Checkpoint {
    let root = ROOT.then(TAIL[0]).then(TAIL[1]);
    Checkpoint { bridge_id: LANE, epoch: Epoch::new(2), nonce: RequestNonce::new(13), root }
}

fn signed(indices: &[usize]) -> Vec<Signature> {
    let digest = checkpoint().digest(&domain());
    indices.iter().map(|index| development_key(*index).sign_hash_sync(&digest).unwrap()).collect()
}

/// Pays requests 9 and 10 under a checkpoint over the first 13, signed by these development keys.
fn call(indices: &[usize]) -> HandleCall {
    let transfer = ValueTransfer {
        kind: polyspan_types::Kind::Native.into(),
        source_block: polyspan_types::BlockHeight::new(7),
        token: Address::ZERO,
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        refund_to: Address::repeat_byte(3),
        value: alloy::primitives::U256::from(5),
        payload: alloy::primitives::Bytes::new(),
    };
    let transfers = [&transfer, &transfer];
    let calldata = handle_calldata(RequestNonce::new(9), &transfers, &TAIL, &signed(indices)).unwrap();
    HandleCall::decode(&calldata).unwrap()
}

fn prove(call: &HandleCall) -> Option<Approval> {
    Approval::prove(call, ROOT, LANE, &domain(), &operators())
}

#[test]
fn the_calldata_and_the_root_tell_checkpoint_and_signers() {
    let approval = prove(&call(&[3, 0, 2])).unwrap();
    assert_eq!(approval.checkpoint, checkpoint());
    assert_eq!(approval.signers, [operator(3), operator(0), operator(2)]);
}

#[test]
fn strangers_and_repetitions_do_not_count() {
    assert_eq!(prove(&call(&[0, 1, 1, 7])), None);
    let approval = prove(&call(&[7, 0, 0, 1, 2])).unwrap();
    assert_eq!(approval.signers, [operator(0), operator(1), operator(2)]);
}

#[test]
fn nothing_is_proven_from_another_root_lane_contract_or_epoch() {
    let call = call(&[0, 1, 2]);
    let (domain, operators) = (domain(), operators());
    assert!(prove(&call).is_some());
    assert_eq!(Approval::prove(&call, Root(B256::ZERO), LANE, &domain, &operators), None);
    assert_eq!(Approval::prove(&call, ROOT, BridgeId(B256::ZERO), &domain, &operators), None);
    let elsewhere = CheckpointDomain::new(ChainId::new(31001), Address::repeat_byte(0xb7));
    assert_eq!(Approval::prove(&call, ROOT, LANE, &elsewhere, &operators), None);
    let later = MemberSet { epoch: Epoch::new(3), ..operators };
    assert_eq!(Approval::prove(&call, ROOT, LANE, &domain, &later), None);
}

#[test]
fn without_its_tail_a_checkpoint_is_another_one() {
    let mut call = call(&[0, 1, 2]);
    call.tail.pop();
    assert_eq!(prove(&call), None);
}
