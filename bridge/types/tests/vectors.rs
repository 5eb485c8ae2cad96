//! The contracts and this crate compute the same hashes: both must reach the values of `contracts/test/vectors.json`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, B256, Bytes, U256};
use polyspan_types::{
    BlockHeight, BridgeId, Cancellation, ChainId, Checkpoint, CheckpointDomain, Epoch, HoldAction,
    HoldDecision, Leaf, Request, RequestKind, RequestNonce, Root, ValueTransfer, bridge_id,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../contracts/test/vectors.json")).unwrap()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn lane(vectors: &Value) -> (BridgeId, Root) {
    let lane = &vectors["lane"];
    let end = |chain: &str, bridge: &str| -> (ChainId, Address) { (read(&lane[chain]), read(&lane[bridge])) };
    let id = bridge_id(
        end("sourceChainId", "sourceBridge"),
        end("destinationChainId", "destinationBridge"),
        read(&lane["salt"]),
    );
    (id, Root::zero(id))
}

fn request(vector: &Value) -> Request {
    Request {
        nonce: read(&vector["nonce"]),
        transfer: ValueTransfer {
            kind: RequestKind::new(read(&vector["kind"])),
            source_block: BlockHeight::new(read(&vector["sourceBlock"])),
            token: read(&vector["token"]),
            from: read(&vector["from"]),
            to: read(&vector["to"]),
            refund_to: read(&vector["refundTo"]),
            value: read::<String>(&vector["value"]).parse::<U256>().unwrap(),
            payload: read::<Bytes>(&vector["extraData"]),
        },
        tx_hash: B256::ZERO,
    }
}

#[test]
fn lane_and_first_root_are_those_of_the_contracts() {
    let vectors = vectors();
    let (id, root) = lane(&vectors);
    assert_eq!(id.0, read::<B256>(&vectors["lane"]["bridgeId"]));
    assert_eq!(root.0, read::<B256>(&vectors["lane"]["root0"]));
}

#[test]
fn leaves_and_roots_are_those_of_the_contracts() {
    let vectors = vectors();
    let (_, mut root) = lane(&vectors);
    let requests = vectors["requests"].as_array().unwrap();
    assert!(requests.len() >= 3);
    for vector in requests {
        let leaf = Leaf::of(&request(vector));
        assert_eq!(leaf.0, read::<B256>(&vector["leaf"]));
        root = root.then(leaf);
        assert_eq!(root.0, read::<B256>(&vector["rootAfter"]));
    }
}

fn domain(vectors: &Value) -> CheckpointDomain {
    let domain = &vectors["domain"];
    CheckpointDomain::new(read(&domain["chainId"]), read(&domain["verifyingContract"]))
}

#[test]
fn digest_and_domain_are_those_of_the_contracts() {
    let vectors = vectors();
    let domain = domain(&vectors);
    assert_eq!(domain.eip712().separator(), read::<B256>(&vectors["domain"]["separator"]));
    let vector = &vectors["checkpoint"];
    let checkpoint = Checkpoint {
        bridge_id: BridgeId(read(&vector["bridgeId"])),
        epoch: Epoch::new(read(&vector["epoch"])),
        nonce: RequestNonce::new(read(&vector["nonce"])),
        root: Root(read(&vector["root"])),
    };
    assert_eq!(checkpoint.digest(&domain), read::<B256>(&vector["digest"]));
}

#[test]
fn decisions_about_holds_and_configurations_have_the_digests_of_the_contracts() {
    let vectors = vectors();
    let domain = domain(&vectors);
    let actions = [
        ("release", HoldAction::Release),
        ("refund", HoldAction::Refund),
        ("forceHold", HoldAction::ForceHold),
    ];
    for (key, action) in actions {
        let vector = &vectors[key];
        let decision = HoldDecision {
            action,
            bridge_id: BridgeId(read(&vector["bridgeId"])),
            epoch: Epoch::new(read(&vector["epoch"])),
            nonce: RequestNonce::new(read(&vector["nonce"])),
            leaf: Leaf(read(&vector["leaf"])),
        };
        assert_eq!(decision.digest(&domain), read::<B256>(&vector["digest"]), "{key}");
    }
    let vector = &vectors["cancellation"];
    let cancellation = Cancellation {
        epoch: Epoch::new(read(&vector["epoch"])),
        configuration_nonce: read(&vector["configurationNonce"]),
    };
    assert_eq!(cancellation.digest(&domain), read::<B256>(&vector["digest"]));
}
