//! Keys: in keystore v3 files, opened with a passphrase from a file, and at a remote signer.

mod attester;
mod error;
mod keystore;
mod passphrase;
mod remote;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;

pub use attester::{AttesterEntry, AttesterKey, SignError};
pub use error::KeyError;
pub use keystore::{create_keystore, decrypt_keystore};
pub use passphrase::Passphrase;
pub(crate) use remote::signer_url;
pub use remote::{
    ClientIdentity, CredentialsFile, RemoteError, RemoteProtocol, RemoteSigner, RemoteSignerSettings,
};

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
