//! Where a key is: of an attester, a submitter or a governor.

use alloy::primitives::Address;

use super::{
    HardwareKey, HardwareSettings, KeyError, KeyFile, RemoteSigner, RemoteSignerSettings, SigningKey,
};

/// Where a key is. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEntry {
    /// In a keystore of this host.
    Keystore(KeyFile),
    /// At a remote signer.
    Remote(RemoteSignerSettings),
    /// In hardware that never gives it away: a key management service, or a Ledger.
    Hardware(HardwareSettings),
}

/// Where a key is named, so that an error can say what to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedBy {
    /// A section of a TOML file, such as `relay.attester`; empty for the file as a whole.
    Section(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl KeyEntry {
    /// Opens the key, or makes ready to ask for its signatures. Asks nothing yet.
    ///
    /// Errors: a file.
    pub fn open(&self) -> Result<SigningKey, KeyError> {
        Ok(match self {
            Self::Keystore(key) => SigningKey::Local(key.unlock()?),
            Self::Remote(settings) => SigningKey::Remote(RemoteSigner::build(settings)?),
            Self::Hardware(settings) => SigningKey::Hardware(HardwareKey::build(settings)),
        })
    }

    /// Whether both are certainly one key: the same file, or the same address. Two files may hold one key all the same.
    pub fn is_same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Keystore(key), Self::Keystore(other)) => key.keystore == other.keystore,
            _ => self.address().is_some() && self.address() == other.address(),
        }
    }

    /// The key of its section that tells it from others.
    pub const fn told_apart_by(&self) -> &'static str {
        match self {
            Self::Keystore(_) => "keystore",
            Self::Remote(_) | Self::Hardware(_) => "address",
        }
    }

    const fn address(&self) -> Option<Address> {
        match self {
            Self::Keystore(_) => None,
            Self::Remote(settings) => Some(settings.address),
            Self::Hardware(settings) => Some(settings.address),
        }
    }
}

impl NamedBy {
    /// What a person corrects: the key of the section, or the flag.
    pub(super) fn setting(&self, key: &str) -> String {
        match self {
            Self::Section(section) => crate::config::form::join(section, key),
            Self::Flag(flag) => (*flag).to_owned(),
        }
    }
}
