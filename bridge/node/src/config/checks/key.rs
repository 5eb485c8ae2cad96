//! A key: in a keystore of this host, at a remote signer, or in hardware.

mod hardware;
mod signer;

use std::path::Path;

use crate::config::form::Raw;
use crate::config::problems::{Problems, join};
use crate::config::raw::RawKey;
use crate::keys::{HardwareKind, KeyEntry, KeyFile, RemoteProtocol};

use super::located;

/// Keys of a section that have a meaning with a keystore.
const OF_KEYSTORE: &[&str] = &["keystore", "passphrase_file"];

/// What a key has to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Signs {
    /// Checkpoints and what else operators sign: every kind of signer can.
    Checkpoints,
    /// Transactions and configurations, which `eth_signTypedData_v4` does not.
    Transactions,
}

/// Where the key is that `remote` speaks of.
#[derive(Debug, Clone, Copy)]
enum Remote {
    Signer(RemoteProtocol),
    Hardware(HardwareKind),
}

impl Remote {
    fn parse(text: &str) -> Result<Self, String> {
        let hardware = HardwareKind::ALL.into_iter().find(|kind| kind.word() == text).map(Self::Hardware);
        hardware.or_else(|| text.parse().ok().map(Self::Signer)).ok_or_else(|| {
            let words: Vec<String> =
                HardwareKind::ALL.iter().map(|kind| format!("\"{}\"", kind.word())).collect();
            format!(
                "`{text}` is no kind of remote signer; use \"web3signer\", \"eth_signTypedData_v4\", {}",
                words.join(", ")
            )
        })
    }

    /// Keys of its section that have a meaning.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Signer(_) => signer::KEYS,
            Self::Hardware(HardwareKind::AwsKms) => hardware::AWS_KEYS,
            Self::Hardware(HardwareKind::GcpKms) => hardware::GCP_KEYS,
            Self::Hardware(HardwareKind::Ledger) => hardware::LEDGER_KEYS,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Signer(protocol) => protocol.word(),
            Self::Hardware(kind) => kind.word(),
        }
    }
}

/// Checks the section at `path`, whose file lies in `folder`.
pub(in crate::config) fn check(
    path: &str,
    mut raw: RawKey,
    signs: Signs,
    folder: &Path,
    problems: &mut Problems,
) -> Option<KeyEntry> {
    let given = given(&raw);
    if matches!(raw.remote, Raw::Missing) {
        for key in given.into_iter().filter(|key| !OF_KEYSTORE.contains(key)) {
            let message = "it is of a remote signer; say which kind with remote, or leave it out";
            problems.add(join(path, key), message);
        }
        return key_file(path, raw.keystore, raw.passphrase_file, folder, problems).map(KeyEntry::Keystore);
    }
    let at = join(path, "remote");
    let remote = problems.optional(&at, std::mem::take(&mut raw.remote));
    let remote = remote.and_then(|text| problems.ok(&at, Remote::parse(&text)));
    for key in given {
        let foreign = remote.is_some_and(|remote| !remote.keys().contains(&key));
        if OF_KEYSTORE.contains(&key) {
            let message = "a remote signer has the key; leave this out, or leave out remote";
            problems.add(join(path, key), message);
        } else if let Some(remote) = remote.filter(|_| foreign) {
            let keys = remote.keys().join(", ");
            let message = format!("a key of \"{}\" has no such setting; it has {keys}", remote.word());
            problems.add(join(path, key), message);
        }
    }
    match remote {
        // What else is wrong with it is told all the same.
        None => {
            signer::check(path, RemoteProtocol::Web3Signer, raw, folder, problems);
            None
        }
        Some(Remote::Signer(protocol)) => {
            if protocol == RemoteProtocol::TypedData && signs == Signs::Transactions {
                let message = format!("it signs transactions, which {protocol} does not; use \"web3signer\"");
                problems.add(at, message);
            }
            signer::check(path, protocol, raw, folder, problems).map(KeyEntry::Remote)
        }
        Some(Remote::Hardware(kind)) => {
            if !kind.is_built() {
                problems.add(at, crate::keys::HardwareError::NotBuilt(kind));
            }
            hardware::check(path, kind, raw, problems).map(KeyEntry::Hardware)
        }
    }
}

fn key_file(
    path: &str,
    keystore: Raw<String>,
    passphrase_file: Raw<String>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<KeyFile> {
    let cure = "make one with `polyspan keys new --out FILE`";
    let keystore = problems.required(&join(path, "keystore"), keystore, cure);
    let cure = "name the file that holds the passphrase";
    let passphrase_file = problems.required(&join(path, "passphrase_file"), passphrase_file, cure);
    let key =
        KeyFile { keystore: located(folder, keystore?), passphrase_file: located(folder, passphrase_file?) };
    for error in key.check() {
        let field = if error.file() == key.keystore { "keystore" } else { "passphrase_file" };
        problems.add(join(path, field), error);
    }
    Some(key)
}

/// The keys of the section that are there, without `remote`.
fn given(raw: &RawKey) -> Vec<&'static str> {
    let all = [
        ("keystore", is_given(&raw.keystore)),
        ("passphrase_file", is_given(&raw.passphrase_file)),
        ("url", is_given(&raw.url)),
        ("address", is_given(&raw.address)),
        ("timeout", is_given(&raw.timeout)),
        ("ca_file", is_given(&raw.ca_file)),
        ("client_certificate", is_given(&raw.client_certificate)),
        ("client_key", is_given(&raw.client_key)),
        ("basic_auth_file", is_given(&raw.basic_auth_file)),
        ("token_file", is_given(&raw.token_file)),
        ("key", is_given(&raw.key)),
        ("region", is_given(&raw.region)),
        ("endpoint", is_given(&raw.endpoint)),
        ("path", is_given(&raw.path)),
    ];
    all.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
}

const fn is_given<T>(value: &Raw<T>) -> bool {
    !matches!(value, Raw::Missing)
}
