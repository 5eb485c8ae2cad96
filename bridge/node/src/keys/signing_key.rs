//! A key that signs, wherever it is.

use alloy::consensus::SignableTransaction;
use alloy::primitives::{Address, B256, Signature, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use polyspan_types::{
    BridgeId, ChainId, Checkpoint, CheckpointDomain, Classify, Epoch, ErrorClass, RequestNonce, Root,
};

use super::{HardwareError, HardwareKey, RemoteError, RemoteSigner};

/// A key that signs. Clones share it.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// In this process.
    Local(PrivateKeySigner),
    /// At a remote signer, which is asked for each signature.
    Remote(RemoteSigner),
    /// In hardware, which is asked for each signature.
    Hardware(HardwareKey),
}

/// Something that was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key of this process.
    #[error("key cannot sign: {0}")]
    Local(#[from] alloy::signers::Error),
    /// The remote signer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The hardware.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
}

impl SigningKey {
    /// Address of the key.
    pub fn address(&self) -> Address {
        match self {
            Self::Local(key) => key.address(),
            Self::Remote(signer) => signer.address(),
            Self::Hardware(key) => key.address(),
        }
    }

    /// Whether a signature exists outside of this process as soon as it is made.
    pub const fn is_remote(&self) -> bool {
        !matches!(self, Self::Local(_))
    }

    /// Where the key is, for people; `None` in this process.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Local(_) => None,
            Self::Remote(signer) => Some(format!("the remote signer {}", signer.name())),
            Self::Hardware(key) => Some(key.name().to_owned()),
        }
    }

    /// Signs the hash of `preimage`: that of typed data, or an unsigned transaction. Signers that hash by themselves get the bytes. The
    /// signature is proved to be of [`SigningKey::address`] and canonical, and is waited for until the deadline of the settings.
    ///
    /// Errors: the signer does not answer, refuses, or answers anything else.
    pub async fn sign_preimage(&self, preimage: &[u8]) -> Result<Signature, SignError> {
        match self {
            Self::Local(key) => Ok(key.sign_hash_sync(&keccak256(preimage))?),
            Self::Remote(signer) => Ok(signer.sign_preimage(preimage).await?),
            Self::Hardware(key) => Ok(key.sign_preimage(preimage).await?),
        }
    }

    /// Signs a transaction, as [`SigningKey::sign_preimage`].
    ///
    /// Errors: as [`SigningKey::sign_preimage`].
    pub async fn sign_transaction<T>(&self, transaction: &T) -> Result<Signature, SignError>
    where
        T: SignableTransaction<Signature> + Sync,
    {
        self.sign_preimage(&transaction.encoded_for_signing()).await
    }

    /// Has something signed that no contract counts: a checkpoint of no lane, for the zero address on `chain`. A Ledger, where a
    /// person would have to confirm it, shows its address only.
    ///
    /// Errors: as [`SigningKey::sign_preimage`].
    pub async fn try_out(&self, chain: ChainId) -> Result<(), SignError> {
        let nothing = Checkpoint {
            bridge_id: BridgeId(B256::ZERO),
            epoch: Epoch::new(0),
            nonce: RequestNonce::ZERO,
            root: Root(B256::ZERO),
        };
        let domain = CheckpointDomain::new(chain, Address::ZERO);
        match self {
            Self::Hardware(key) if key.is_confirmed_by_hand() => Ok(key.connect().await?),
            _ => self.sign(&nothing, &domain).await.map(drop),
        }
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
            Self::Hardware(error) => error.reason(),
        }
    }
}

/// A signer that is away is asked again. One that refuses has its rules. For the rest a person corrects a setting.
impl Classify for SignError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Local(_) => ErrorClass::Halt,
            Self::Remote(error) => match error {
                RemoteError::Unreachable { .. } | RemoteError::Timeout { .. } => ErrorClass::RETRY,
                RemoteError::Refused { .. } => ErrorClass::Skip,
                RemoteError::NoKey { .. }
                | RemoteError::WrongAnswer { .. }
                | RemoteError::WrongKey { .. } => ErrorClass::Halt,
            },
            Self::Hardware(error) => match error {
                HardwareError::Unreachable { .. } | HardwareError::Timeout { .. } => ErrorClass::RETRY,
                HardwareError::Refused { .. } => ErrorClass::Skip,
                HardwareError::NotBuilt(_)
                | HardwareError::WrongAnswer { .. }
                | HardwareError::WrongKey { .. } => ErrorClass::Halt,
            },
        }
    }
}
