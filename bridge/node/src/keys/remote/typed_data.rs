//! What is signed, as the JSON that `eth_signTypedData_v4` takes.

use alloy::primitives::B256;
use polyspan_types::{Checkpoint, CheckpointDomain, HoldDecision, Pause, Presence};
use serde_json::{Value, json};

/// A checkpoint, under the names that the contract's type string has.
pub(super) fn checkpoint(checkpoint: &Checkpoint, domain: &CheckpointDomain) -> Value {
    let Checkpoint { bridge_id, epoch, nonce, root } = checkpoint;
    four_words("Checkpoint", [bridge_id.0, root.0], [epoch.get(), nonce.get()], "root", domain)
}

/// A decision about one request, as above.
pub(super) fn decision(decision: &HoldDecision, domain: &CheckpointDomain) -> Value {
    let HoldDecision { action, bridge_id, epoch, nonce, leaf } = decision;
    four_words(action.type_name(), [bridge_id.0, leaf.0], [epoch.get(), nonce.get()], "leaf", domain)
}

/// A pause, as above.
pub(super) fn pause(pause: Pause, domain: &CheckpointDomain) -> Value {
    let message = json!({ "pauseNonce": pause.pause_nonce.to_string() });
    typed_data("Pause", json!([field("pauseNonce", "uint64")]), message, domain)
}

/// A presence. Its domain has neither a chain nor a contract.
pub(super) fn presence(presence: &Presence) -> Value {
    let Presence { member, instance, answers } = presence;
    let domain = Presence::domain();
    json!({
        "types": {
            "EIP712Domain": [field("name", "string"), field("version", "string")],
            "Presence": [field("member", "string"), field("instance", "bytes32"), field("answers", "bytes32[]")],
        },
        "primaryType": "Presence",
        "domain": { "name": domain.name, "version": domain.version },
        "message": { "member": member, "instance": instance, "answers": answers },
    })
}

/// A struct of bridge id, epoch, nonce, and a hash that is called `last`.
fn four_words(
    name: &str,
    [bridge_id, hash]: [B256; 2],
    [epoch, nonce]: [u64; 2],
    last: &str,
    domain: &CheckpointDomain,
) -> Value {
    let fields = json!([
        field("bridgeId", "bytes32"),
        field("epoch", "uint64"),
        field("nonce", "uint64"),
        field(last, "bytes32"),
    ]);
    let message = json!({
        "bridgeId": bridge_id,
        "epoch": epoch.to_string(),
        "nonce": nonce.to_string(),
        last: hash,
    });
    typed_data(name, fields, message, domain)
}

/// Types, domain and message. 64-bit numbers of the message are decimal text, which every signer reads without loss.
fn typed_data(name: &str, fields: Value, message: Value, domain: &CheckpointDomain) -> Value {
    let domain = domain.eip712();
    json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"),
                field("version", "string"),
                field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            name: fields,
        },
        "primaryType": name,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            // A number, as in the examples of EIP-712: signers compare it with that of their chain.
            "chainId": domain.chain_id.map(|id| id.saturating_to::<u64>()),
            "verifyingContract": domain.verifying_contract,
        },
        "message": message,
    })
}

fn field(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}
