//! The key that signs checkpoints, in this process or elsewhere.

use alloy::primitives::{Address, Signature};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use futures::FutureExt;
use futures::future::BoxFuture;
use polyspan_coordination::{PresenceSigner, SigningFailure};
use polyspan_types::{Checkpoint, CheckpointDomain, HoldDecision, Pause, Presence};

use super::{KeyError, KeyFile, RemoteError, RemoteSigner, RemoteSignerSettings};

/// Where the attester key is. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttesterEntry {
    /// In a keystore of this host.
    Keystore(KeyFile),
    /// At a remote signer.
    Remote(RemoteSignerSettings),
}

impl AttesterEntry {
    /// Opens the key, or makes ready to ask for its signatures. Asks nothing yet.
    ///
    /// Errors: a file.
    pub fn open(&self) -> Result<AttesterKey, KeyError> {
        Ok(match self {
            Self::Keystore(key) => AttesterKey::Local(key.unlock()?),
            Self::Remote(settings) => AttesterKey::Remote(RemoteSigner::build(settings)?),
        })
    }
}

/// A key that signs checkpoints. Clones share it.
#[derive(Debug, Clone)]
pub enum AttesterKey {
    /// In this process.
    Local(PrivateKeySigner),
    /// At a remote signer, which is asked for each signature.
    Remote(RemoteSigner),
}

/// Something that was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key of this process.
    #[error("attester key cannot sign: {0}")]
    Local(#[from] alloy::signers::Error),
    /// The remote signer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl AttesterKey {
    /// Address of the key.
    pub fn address(&self) -> Address {
        match self {
            Self::Local(key) => key.address(),
            Self::Remote(signer) => signer.address(),
        }
    }

    /// Whether a signature exists outside of this process as soon as it is made.
    pub const fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Signs a checkpoint. A signature of a remote signer is proved to be of [`AttesterKey::address`], over this very
    /// checkpoint and canonical, and is waited for until the signer's deadline at the most.
    ///
    /// Errors: the signer does not answer, refuses, or answers anything else.
    pub async fn sign(
        &self,
        checkpoint: &Checkpoint,
        domain: &CheckpointDomain,
    ) -> Result<Signature, SignError> {
        match self {
            Self::Local(key) => Ok(key.sign_hash_sync(&checkpoint.digest(domain))?),
            Self::Remote(signer) => Ok(signer.sign(checkpoint, domain).await?),
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
            Self::Local(key) => Ok(key.sign_hash_sync(&decision.digest(domain))?),
            Self::Remote(signer) => Ok(signer.sign_decision(decision, domain).await?),
        }
    }

    /// Signs a pause, proved as [`AttesterKey::sign`] proves a checkpoint.
    ///
    /// Errors: as [`AttesterKey::sign`].
    pub async fn sign_pause(&self, pause: Pause, domain: &CheckpointDomain) -> Result<Signature, SignError> {
        match self {
            Self::Local(key) => Ok(key.sign_hash_sync(&pause.digest(domain))?),
            Self::Remote(signer) => Ok(signer.sign_pause(pause, domain).await?),
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
                Self::Local(key) => key.sign_hash_sync(&presence.digest()).map_err(SignError::from),
                Self::Remote(signer) => signer.sign_presence(presence).await.map_err(SignError::from),
            };
            signed.map_err(|error| SigningFailure(error.to_string()))
        }
        .boxed()
    }
}

impl SignError {
    /// Labels of the metric of failures: a closed set.
    pub const REASONS: [&str; 6] =
        ["local", "unreachable", "timeout", "refused", "wrong_answer", "wrong_key"];

    /// Label of the metric.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Remote(error) => error.reason(),
        }
    }
}
