//! What can be wrong with a key.

use std::io;
use std::path::{Path, PathBuf};

/// A key that cannot be used or written. Never carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such file.
    #[error("{} does not exist; correct the path, or make a key with `polyspan keys new --out FILE`", .0.display())]
    Missing(PathBuf),
    /// A file that is to be written, into a folder that is not there.
    #[error("cannot write {}: the folder {} does not exist; make it, or choose another one", .0.display(), folder_of(.0))]
    NoFolder(PathBuf),
    /// Others on this machine could read it.
    #[error("{} may be read or written by others (mode {mode:03o}); run: chmod 600 {}", file.display(), file.display())]
    NotPrivate {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key does not open.
    #[error("wrong passphrase for {}{}", keystore.display(), source_of(passphrase_file.as_deref()))]
    WrongPassphrase {
        /// The key.
        keystore: PathBuf,
        /// Where the passphrase came from; `None` when a person typed it.
        passphrase_file: Option<PathBuf>,
    },
    /// A passphrase file without a passphrase.
    #[error("{} is empty; write the passphrase into its first line", .0.display())]
    EmptyPassphrase(PathBuf),
    /// Not a keystore.
    #[error("{} is not a keystore v3 file ({reason}); give one made by `polyspan keys new` or `import`", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Not what a remote signer takes as credentials.
    #[error("{} holds no credentials ({reason}); write the token, or user:password, into its first line", file.display())]
    Credentials {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a certificate or key of TLS.
    #[error("{} is of no use for TLS ({reason}); give certificates and keys as PEM", file.display())]
    NotPem {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key is never overwritten.
    #[error("{} exists already and is not overwritten; choose another name or move it away", .0.display())]
    Exists(PathBuf),
    /// Not a private key.
    #[error("that is not a private key; give 32 bytes in hex, not zero and below the order of secp256k1")]
    NotAPrivateKey,
    /// The file system refused.
    #[error("{}: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl KeyError {
    /// The file that the problem is about; empty for a key that was typed.
    pub fn file(&self) -> &Path {
        match self {
            Self::Missing(file) | Self::NoFolder(file) => file,
            Self::EmptyPassphrase(file) | Self::Exists(file) => file,
            Self::NotPrivate { file, .. } | Self::Malformed { file, .. } | Self::Io { file, .. } => file,
            Self::Credentials { file, .. } | Self::NotPem { file, .. } => file,
            Self::WrongPassphrase { keystore, .. } => keystore,
            Self::NotAPrivateKey => Path::new(""),
        }
    }

    /// A file that a remote signer needs and that cannot be read. No key is made for it.
    pub(super) fn of_file(file: &Path, error: io::Error) -> Self {
        Self::Io { file: file.to_owned(), error }
    }

    pub(super) fn io(file: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(file.to_owned()),
            io::ErrorKind::AlreadyExists => Self::Exists(file.to_owned()),
            _ => Self::Io { file: file.to_owned(), error },
        }
    }
}

fn folder_of(file: &Path) -> std::path::Display<'_> {
    file.parent().unwrap_or(file).display()
}

fn source_of(passphrase_file: Option<&Path>) -> String {
    passphrase_file.map_or_else(String::new, |file| format!("; correct it in {}", file.display()))
}
