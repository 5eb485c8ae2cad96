//! Keys of attesters, submitters and governors: in keystore v3 files, opened with a passphrase from a file, at a remote signer, and
//! in hardware.

mod attester;
mod entry;
mod error;
mod hardware;
mod keystore;
mod passphrase;
mod remote;
mod signing_key;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;

pub use attester::AttesterKey;
pub use entry::{KeyEntry, NamedBy};
pub use error::KeyError;
pub use hardware::{
    AwsKey, DerivationPath, GcpKeyVersion, HardwareError, HardwareKey, HardwareKind, HardwarePlace,
    HardwareSettings, PlaceError,
};
pub use keystore::{create_keystore, decrypt_keystore};
pub use passphrase::Passphrase;
pub use remote::{
    ClientIdentity, CredentialsFile, RemoteError, RemoteProtocol, RemoteSigner, RemoteSignerSettings,
    SignerUrlError, signer_url,
};
pub use signing_key::{SignError, SigningKey};

/// Directives that a process adds to its log filter: clients of hardware log each failure as an error, which this crate reports itself as
/// what it is, and what they sign.
pub const LOG_DIRECTIVES: &str = "alloy_signer_aws=off,alloy_signer_gcp=off,alloy_signer_ledger=off";

/// Where a key and its passphrase lie. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Keystore v3 file.
    pub keystore: PathBuf,
    /// File whose first line is the passphrase.
    pub passphrase_file: PathBuf,
}

impl KeyFile {
    /// What is wrong with the files without opening the key: missing, or readable by others.
    pub fn check(&self) -> Vec<KeyError> {
        [&self.keystore, &self.passphrase_file]
            .into_iter()
            .filter_map(|file| require_private(file).err())
            .collect()
    }

    /// Opens the key. Takes about a tenth of a second of work, on purpose of the format.
    ///
    /// Errors: a file is missing, readable by others, no keystore, or the passphrase is not that of the key.
    pub fn unlock(&self) -> Result<PrivateKeySigner, KeyError> {
        require_private(&self.keystore)?;
        let passphrase = Passphrase::load(&self.passphrase_file)?;
        decrypt_keystore(&self.keystore, &passphrase).map_err(|error| match error {
            KeyError::WrongPassphrase { keystore, .. } => {
                KeyError::WrongPassphrase { keystore, passphrase_file: Some(self.passphrase_file.clone()) }
            }
            other => other,
        })
    }
}

/// Refuses a file that group or others may read or write.
///
/// Errors: it is missing or not private.
pub fn require_private(file: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;

    crate::files::expect_readable(file).map_err(|error| KeyError::io(file, error))?;
    let metadata = std::fs::metadata(file).map_err(|error| KeyError::io(file, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::NotPrivate { file: file.to_owned(), mode }) }
}
