//! What the attester key signs.

use alloy::primitives::Signature;
use futures::FutureExt;
use futures::future::BoxFuture;
use polyspan_coordination::{PresenceSigner, SigningFailure};
use polyspan_types::{Checkpoint, CheckpointDomain, HoldDecision, Pause, Presence};

use super::{SignError, SigningKey};

/// The key that signs checkpoints.
pub type AttesterKey = SigningKey;

impl AttesterKey {
    /// Signs a checkpoint. A signature of a remote signer is proved to be of [`SigningKey::address`], over this very
    /// checkpoint and canonical, and is waited for until the signer's deadline at the most.
    ///
    /// Errors: the signer does not answer, refuses, or answers anything else.
    pub async fn sign(
        &self,
        checkpoint: &Checkpoint,
        domain: &CheckpointDomain,
    ) -> Result<Signature, SignError> {
        match self {
            Self::Remote(signer) => Ok(signer.sign(checkpoint, domain).await?),
            Self::Local(_) | Self::Hardware(_) => self.sign_preimage(&checkpoint.preimage(domain)).await,
        }
    }

    /// Signs a decision about one request, proved as [`AttesterKey::sign`] proves a checkpoint. It is of a type of its own, and so
    /// never counts for a checkpoint.
    ///
    /// Errors: as [`AttesterKey::sign`].
    pub async fn sign_decision(
        &self,
        decision: &HoldDecision,
        domain: &CheckpointDomain,
    ) -> Result<Signature, SignError> {
        match self {
            Self::Remote(signer) => Ok(signer.sign_decision(decision, domain).await?),
            Self::Local(_) | Self::Hardware(_) => self.sign_preimage(&decision.preimage(domain)).await,
        }
    }

    /// Signs a pause, proved as [`AttesterKey::sign`] proves a checkpoint.
    ///
    /// Errors: as [`AttesterKey::sign`].
    pub async fn sign_pause(&self, pause: Pause, domain: &CheckpointDomain) -> Result<Signature, SignError> {
        match self {
            Self::Remote(signer) => Ok(signer.sign_pause(pause, domain).await?),
            Self::Local(_) | Self::Hardware(_) => self.sign_preimage(&pause.preimage(domain)).await,
        }
    }
}

impl PresenceSigner for AttesterKey {
    fn sign_presence<'a>(
        &'a self,
        presence: &'a Presence,
    ) -> BoxFuture<'a, Result<Signature, SigningFailure>> {
        async {
            let signed = match self {
                Self::Remote(signer) => signer.sign_presence(presence).await.map_err(SignError::from),
                Self::Local(_) | Self::Hardware(_) => self.sign_preimage(&presence.preimage()).await,
            };
            signed.map_err(|error| SigningFailure(error.to_string()))
        }
        .boxed()
    }
}
