//! What governors sign, and whose signatures count.

use alloy::primitives::{Address, B256, Bytes, Signature, keccak256};
use alloy::sol_types::SolStruct;
use polyspan_types::{Cancellation, CheckpointDomain, Epoch, MemberSet};

use super::proposal::{Intent, Section};

mod abi {
    alloy::sol! {
        /// Mirrors the contract's type string; the field names are part of it.
        struct Configuration {
            /// Epoch of the governors.
            uint64 epoch;
            /// Number of the vote.
            uint64 configurationNonce;
            /// Last valid timestamp.
            uint64 deadline;
            /// What is to be called.
            bytes[] calls;
        }
    }
}

/// What hashes to the digest of a configuration.
pub fn configuration_preimage(
    domain: &CheckpointDomain,
    epoch: Epoch,
    configuration_nonce: u64,
    deadline: u64,
    calls: &[Bytes],
) -> Vec<u8> {
    let calls = calls.to_vec();
    let configuration =
        abi::Configuration { epoch: epoch.get(), configurationNonce: configuration_nonce, deadline, calls };
    domain.preimage(configuration.eip712_hash_struct()).to_vec()
}

/// EIP-712 encoding of calls: what a bridge keeps of a scheduled configuration.
pub fn calls_hash(calls: &[Bytes]) -> B256 {
    let hashes: Vec<u8> = calls.iter().flat_map(|call| keccak256(call).0).collect();
    keccak256(hashes)
}

/// Digest that the governors of one chain sign for a section of a proposal.
pub fn digest(intent: Intent, section: &Section) -> B256 {
    keccak256(preimage(intent, section))
}

/// What hashes to it.
pub fn preimage(intent: Intent, section: &Section) -> Vec<u8> {
    let domain = CheckpointDomain::new(section.chain_id, section.bridge);
    match intent {
        Intent::Configuration => configuration_preimage(
            &domain,
            section.epoch,
            section.configuration_nonce,
            section.deadline,
            &section.calldata(),
        ),
        Intent::Cancellation => {
            let (epoch, configuration_nonce) = (section.epoch, section.configuration_nonce);
            Cancellation { epoch, configuration_nonce }.preimage(&domain).to_vec()
        }
    }
}

/// The signatures of a section that count, one for each governor, in the governors' order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Governors who have signed, with their signatures.
    pub signed: Vec<(Address, Signature)>,
    /// Governors who have not.
    pub missing: Vec<Address>,
    /// Signatures that do not count, and why.
    pub refused: Vec<String>,
}

impl Tally {
    /// Counts by the contract's rule: the key that a signature recovers to is what matters, not what the file says of it.
    pub fn count(intent: Intent, section: &Section, governors: &MemberSet) -> Self {
        let digest = digest(intent, section);
        let mut tally = Self::default();
        let mut found: Vec<(Address, Signature)> = Vec::new();
        for entry in &section.signatures {
            let signer = signature(&entry.signature).and_then(|signature| {
                Some((signature.recover_address_from_prehash(&digest).ok()?, signature))
            });
            match signer {
                Some((signer, signature)) if signer == entry.governor && governors.contains(signer) => {
                    if found.iter().all(|(known, _)| *known != signer) {
                        found.push((signer, signature));
                    }
                }
                Some((signer, _)) if signer == entry.governor => {
                    tally.refused.push(format!("{signer} is no governor of the bridge now"));
                }
                _ => tally
                    .refused
                    .push(format!("the signature of {} is not over this proposal", entry.governor)),
            }
        }
        for governor in &governors.members {
            match found.iter().find(|(signer, _)| signer == governor) {
                Some(signed) => tally.signed.push(*signed),
                None => tally.missing.push(*governor),
            }
        }
        tally
    }

    /// As many signatures as a call needs, as the contract takes them: more would only cost gas.
    pub fn signatures(&self, governors: &MemberSet) -> Vec<Bytes> {
        let needed = usize::from(governors.threshold.get());
        self.signed
            .iter()
            .take(needed)
            .map(|(_, signature)| Bytes::copy_from_slice(&signature.as_bytes()))
            .collect()
    }
}

/// A signature that the contract counts: 64 bytes (ERC-2098) or 65, with a low s.
fn signature(bytes: &[u8]) -> Option<Signature> {
    let signature = match bytes.len() {
        64 => Signature::from_erc2098(bytes),
        _ => Signature::from_raw(bytes).ok()?,
    };
    signature.normalize_s().is_none().then_some(signature)
}
