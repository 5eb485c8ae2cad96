//! Key files of everybody in a network: operators, governors, submitters, users.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use alloy::signers::k256::elliptic_curve::rand_core::OsRng;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};

/// Passphrase of every key of a devnet. These keys are worth nothing: the files have the form that real ones have.
const PASSPHRASE: &str = "devnet";

/// A key with its files: keystore v3 and passphrase, both mode 0600.
#[derive(Debug, Clone)]
pub struct Key {
    /// What it is called.
    pub name: String,
    /// The key itself.
    pub signer: PrivateKeySigner,
    /// Keystore file.
    pub keystore: PathBuf,
    /// Passphrase file.
    pub passphrase_file: PathBuf,
}

impl Key {
    /// Address of the key.
    pub const fn address(&self) -> Address {
        self.signer.address()
    }
}

/// Folder of key files, mode 0700.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    folder: PathBuf,
    passphrase_file: PathBuf,
}

impl KeyFolder {
    /// Makes the folder and the passphrase file that all its keys share.
    ///
    /// Errors: the disk refuses.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let passphrase_file = folder.join("passphrase");
        fs::write(&passphrase_file, PASSPHRASE)
            .with_context(|| format!("cannot write {}", passphrase_file.display()))?;
        make_private(&passphrase_file)?;
        Ok(Self { folder: folder.to_owned(), passphrase_file })
    }

    /// Makes a random key and its keystore `NAME.json`. The key derivation is the library's default of 2^13 rounds:
    /// some tens of milliseconds.
    ///
    /// Errors: the disk refuses.
    pub fn make(&self, name: &str) -> Result<Key> {
        self.keep(name, PrivateKeySigner::random())
    }

    /// Makes the keystore `NAME.json` of a key that exists.
    ///
    /// Errors: the disk refuses.
    pub fn keep(&self, name: &str, signer: PrivateKeySigner) -> Result<Key> {
        let file = format!("{name}.json");
        PrivateKeySigner::encrypt_keystore(
            &self.folder,
            &mut OsRng,
            signer.to_bytes(),
            PASSPHRASE,
            Some(&file),
        )
        .with_context(|| format!("cannot write the keystore {file}"))?;
        let keystore = self.folder.join(file);
        make_private(&keystore)?;
        Ok(Key { name: name.to_owned(), signer, keystore, passphrase_file: self.passphrase_file.clone() })
    }

    /// Keys `STEM-1` to `STEM-count`.
    ///
    /// Errors: as [`KeyFolder::make`].
    pub fn make_many(&self, stem: &str, count: usize) -> Result<Vec<Key>> {
        (1..=count).map(|number| self.make(&format!("{stem}-{number}"))).collect()
    }
}

fn make_private(file: &Path) -> Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot make {} private", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_can_be_opened_again_and_is_private() {
        let place = tempfile::tempdir().unwrap();
        let key = KeyFolder::create(&place.path().join("keys")).unwrap().make("operator-1").unwrap();
        let passphrase = fs::read_to_string(&key.passphrase_file).unwrap();
        let opened = PrivateKeySigner::decrypt_keystore(&key.keystore, passphrase).unwrap();
        assert_eq!(opened.address(), key.address());
        for file in [&key.keystore, &key.passphrase_file] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
