//! Where relays meet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use polyspan_coordination::{EtcdCredentials, EtcdSettings, EtcdTls};
use url::Url;

use crate::keys::{KeyError, Passphrase, require_private};

/// Where the relays of a bridge meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoordinationEntry {
    /// What joins them.
    pub place: MeetingPlace,
    /// A relay silent for so long counts as gone. Default: 3 s.
    pub lease: Duration,
}

/// What joins relays. Default: embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeetingPlace {
    /// A directory with one file per relay: for the relays of one host.
    Embedded(PathBuf),
    /// An etcd cluster.
    Etcd(EtcdEntry),
}

/// How an etcd cluster is reached. Secrets are named, not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdEntry {
    /// Client URLs of the members.
    pub endpoints: Vec<Url>,
    /// Under which all keys lie. Default: `/polyspan/relays`.
    pub prefix: String,
    /// Certificates; always there with https endpoints.
    pub tls: Option<TlsEntry>,
    /// Who logs in.
    pub login: Option<LoginEntry>,
}

/// Certificate files, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsEntry {
    /// Of the authority of the members.
    pub ca: PathBuf,
    /// The relay's own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A user of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginEntry {
    /// Its name.
    pub user: String,
    /// File whose first line is the password.
    pub password_file: PathBuf,
}

impl EtcdEntry {
    /// Reads the files that it names.
    ///
    /// Errors: one is missing, or a secret may be read by others.
    pub fn settings(&self, lease: Duration) -> Result<EtcdSettings, KeyError> {
        let tls = self.tls.as_ref().map(TlsEntry::load).transpose()?;
        let credentials = self.login.as_ref().map(LoginEntry::load).transpose()?;
        // The library takes the text before the path; a URL without one shows a slash.
        let endpoints = self.endpoints.iter().map(|url| url.as_str().trim_end_matches('/').to_owned());
        let settings = EtcdSettings::new(endpoints.collect());
        Ok(EtcdSettings { prefix: self.prefix.clone(), lease, tls, credentials, ..settings })
    }
}

impl TlsEntry {
    fn load(&self) -> Result<EtcdTls, KeyError> {
        let identity = match &self.identity {
            Some((certificate, key)) => {
                require_private(key)?;
                Some((read(certificate)?, read(key)?))
            }
            None => None,
        };
        Ok(EtcdTls { ca: read(&self.ca)?, identity })
    }
}

impl LoginEntry {
    fn load(&self) -> Result<EtcdCredentials, KeyError> {
        let password = Passphrase::load(&self.password_file)?.reveal().to_owned();
        Ok(EtcdCredentials { user: self.user.clone(), password })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, KeyError> {
    crate::files::read_bytes(file).map_err(|error| KeyError::Io { file: file.to_owned(), error })
}
