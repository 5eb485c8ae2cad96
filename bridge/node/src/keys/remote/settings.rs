//! How a remote signer is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use alloy::primitives::Address;
use url::{Host, Url};

use crate::keys::{KeyError, NamedBy, require_private};

/// A remote signer. Secrets are in files; none is in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSignerSettings {
    /// What it speaks.
    pub protocol: RemoteProtocol,
    /// Where it is: https, or http on this host.
    pub url: Url,
    /// Address of the key.
    pub address: Address,
    /// Deadline of one signature. Default: 5 s.
    pub timeout: Duration,
    /// The only authority that may have signed its TLS certificate. Default: those of the system.
    pub ca_file: Option<PathBuf>,
    /// What this relay shows of itself in TLS.
    pub client_identity: Option<ClientIdentity>,
    /// What it says of itself in each request.
    pub credentials: Option<CredentialsFile>,
    /// Where it is named.
    pub named_by: NamedBy,
}

/// What a remote signer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteProtocol {
    /// `eth_signTypedData_v4` over JSON-RPC.
    TypedData,
    /// The HTTP API of Web3Signer.
    Web3Signer,
}

/// A TLS certificate with its key. PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key; readable by its owner only.
    pub key: PathBuf,
}

/// A file whose first line is a secret; readable by its owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsFile {
    /// `user:password`
    Basic(PathBuf),
    /// A bearer token.
    Token(PathBuf),
}

impl RemoteSignerSettings {
    /// What is wrong with the files without opening them: missing, or readable by others though they hold a secret.
    pub fn check(&self) -> Vec<KeyError> {
        let identity = self.client_identity.iter();
        let open = self.ca_file.iter().chain(identity.clone().map(|identity| &identity.certificate));
        let credentials = self.credentials.iter().map(CredentialsFile::path);
        let secret = identity.map(|identity| identity.key.as_path()).chain(credentials);
        let missing = open.filter_map(|file| match crate::files::expect_readable(file) {
            Ok(_) => None,
            Err(error) => Some(KeyError::of_file(file, error)),
        });
        missing.chain(secret.filter_map(|file| private(file).err())).collect()
    }
}

/// As [`require_private`], for a file that is no key of `polyspan keys`.
fn private(file: &Path) -> Result<(), KeyError> {
    require_private(file).map_err(|error| match error {
        KeyError::Missing(file) => KeyError::of_file(&file, std::io::ErrorKind::NotFound.into()),
        other => other,
    })
}

impl CredentialsFile {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Basic(file) | Self::Token(file) => file,
        }
    }
}

impl RemoteProtocol {
    const ALL: [Self; 2] = [Self::TypedData, Self::Web3Signer];

    /// Its word in config files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TypedData => super::SIGN_TYPED_DATA,
            Self::Web3Signer => "web3signer",
        }
    }
}

impl FromStr for RemoteProtocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.word() == text);
        found.ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}

impl fmt::Display for RemoteProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` speaks nothing known; use \"eth_signTypedData_v4\" or \"web3signer\"")]
pub struct UnknownProtocol(String);

/// A URL at which no signer is asked. The text is not repeated: it may carry a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerUrlError {
    /// No URL.
    #[error("not the URL of a remote signer; write it as https:// and a host (http:// on this host only)")]
    Malformed,
    /// With a secret in it.
    #[error("it carries a user or a password; put them into basic_auth_file")]
    Secret,
    /// Anybody on the way could change what is signed, or ask as this relay.
    #[error(
        "plain http to another host: whoever is on the way could ask for signatures as this relay; use https, or an address of this host such as 127.0.0.1"
    )]
    Plain,
}

/// Checks where a remote signer is said to be.
///
/// Errors: no URL, a secret in it, or plain http beyond this host.
pub fn signer_url(text: &str) -> Result<Url, SignerUrlError> {
    let url = Url::parse(text).map_err(|_| SignerUrlError::Malformed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SignerUrlError::Secret);
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(SignerUrlError::Malformed),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err(SignerUrlError::Plain),
        _ => Err(SignerUrlError::Malformed),
    }
}
