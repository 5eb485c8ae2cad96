//! A signed checkpoint: one operator's vote.

use alloy::primitives::{B256, Signature};
use serde::{Deserialize, Serialize};

use crate::{Checkpoint, CheckpointDomain, MemberSet, OperatorId};

/// A checkpoint with an operator's signature over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Who says to have signed it. Trust it only after [`Attestation::verify`].
    pub operator: OperatorId,
    /// r, s, v over the checkpoint's digest.
    pub signature: Signature,
}

impl Attestation {
    /// Proves that a current operator of the destination signed this checkpoint under the current epoch.
    ///
    /// Errors: another epoch, not an operator, or the signature is of somebody else or malleable.
    pub fn verify(&self, domain: &CheckpointDomain, operators: &MemberSet) -> Result<(), AttestationError> {
        if self.checkpoint.epoch != operators.epoch {
            return Err(AttestationError::Epoch {
                signed: self.checkpoint.epoch.get(),
                current: operators.epoch.get(),
            });
        }
        if !operators.contains(self.operator) {
            return Err(AttestationError::NotOperator(self.operator));
        }
        // The contract counts no signature with a high s; accepting one here would plan a submission that reverts.
        let canonical = self.signature.normalize_s().is_none();
        let digest: B256 = self.checkpoint.digest(domain);
        match self.signature.recover_address_from_prehash(&digest) {
            Ok(signer) if signer == self.operator && canonical => Ok(()),
            _ => Err(AttestationError::Signature(self.operator)),
        }
    }
}

/// An attestation that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Signed for another operator set.
    #[error("signed for epoch {signed}, the destination is at {current}")]
    Epoch {
        /// Epoch in the checkpoint.
        signed: u64,
        /// Epoch of the contract.
        current: u64,
    },
    /// The signer has no vote.
    #[error("{0} is not an operator of the destination")]
    NotOperator(OperatorId),
    /// The signature proves nothing.
    #[error("the signature is not that of {0}")]
    Signature(OperatorId),
}
