//! Who approved a payment: a plain function of its transaction and the state around it.

#[cfg(test)]
mod tests;

use polyspan_chain::HandleCall;
use polyspan_types::{BridgeId, Checkpoint, CheckpointDomain, MemberSet, OperatorId, Root};

/// A checkpoint with a threshold of operators who provably signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// What they signed.
    pub checkpoint: Checkpoint,
    /// They, in the order of their signatures.
    pub signers: Vec<OperatorId>,
}

impl Approval {
    /// Recovers the signers of a `handle` of lane `bridge_id`, when `root` is over the requests up to `call.end()` and
    /// `operators` were the operators then.
    ///
    /// `None` when fewer of them than the threshold have signed what follows: then root, operators or call are not those
    /// of a payment that was made. A wrong root cannot pass, since it recovers to addresses of nobody.
    pub fn prove(
        call: &HandleCall,
        root: Root,
        bridge_id: BridgeId,
        domain: &CheckpointDomain,
        operators: &MemberSet,
    ) -> Option<Self> {
        let root = call.tail.iter().fold(root, |root, leaf| root.then(*leaf));
        let (epoch, nonce) = (operators.epoch, call.checkpoint_nonce());
        let checkpoint = Checkpoint { bridge_id, epoch, nonce, root };
        let digest = checkpoint.digest(domain);
        let mut signers: Vec<OperatorId> = Vec::new();
        for signature in &call.signatures {
            let Ok(signer) = signature.recover_address_from_prehash(&digest) else { continue };
            if operators.contains(signer) && !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        operators.threshold.is_reached_by(signers.len()).then_some(Self { checkpoint, signers })
    }
}
