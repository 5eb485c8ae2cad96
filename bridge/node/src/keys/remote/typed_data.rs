//! A checkpoint as the JSON that `eth_signTypedData_v4` takes.

use polyspan_types::{Checkpoint, CheckpointDomain};
use serde_json::{Value, json};

/// Types, domain and message, under the names that the contract's type string has.
///
/// 64-bit numbers of the message are decimal text, which every signer reads without loss.
pub(super) fn checkpoint(checkpoint: &Checkpoint, domain: &CheckpointDomain) -> Value {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let domain = domain.eip712();
    json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"),
                field("version", "string"),
                field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "Checkpoint": [
                field("bridgeId", "bytes32"),
                field("epoch", "uint64"),
                field("nonce", "uint64"),
                field("root", "bytes32"),
            ],
        },
        "primaryType": "Checkpoint",
        "domain": {
            "name": domain.name,
            "version": domain.version,
            // A number, as in the examples of EIP-712: signers compare it with that of their chain.
            "chainId": domain.chain_id.map(|id| id.saturating_to::<u64>()),
            "verifyingContract": domain.verifying_contract,
        },
        "message": {
            "bridgeId": checkpoint.bridge_id.0,
            "epoch": checkpoint.epoch.get().to_string(),
            "nonce": checkpoint.nonce.get().to_string(),
            "root": checkpoint.root.0,
        },
    })
}
