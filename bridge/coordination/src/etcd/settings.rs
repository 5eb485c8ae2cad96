//! How an etcd is reached.

use std::fmt;
use std::time::Duration;

/// Settings of an etcd coordinator. Prefix and lease are the same on all relays of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdSettings {
    /// URLs of the members' client ports, `http://` or `https://`.
    pub endpoints: Vec<String>,
    /// Under which all keys lie. Default: `/polyspan/relays`.
    pub prefix: String,
    /// A member without a sign of life for so long counts as gone; etcd rounds up to whole seconds, and to its own minimum of
    /// one and a half election timeouts. Default: 3 s.
    pub lease: Duration,
    /// Longest time for one answer of one endpoint. Default: 1 s.
    pub call_timeout: Duration,
    /// Certificates; `None` for `http://`.
    pub tls: Option<EtcdTls>,
    /// User and password, when etcd asks for them.
    pub credentials: Option<EtcdCredentials>,
}

/// Certificates in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub struct EtcdTls {
    /// Of the authority that signed the members' certificates.
    pub ca: Vec<u8>,
    /// The relay's own certificate and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct EtcdCredentials {
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl EtcdSettings {
    /// Settings with the defaults, for `endpoints`.
    pub fn new(endpoints: Vec<String>) -> Self {
        Self {
            endpoints,
            prefix: Self::PREFIX.to_owned(),
            lease: Duration::from_secs(3),
            call_timeout: Self::CALL_TIMEOUT,
            tls: None,
            credentials: None,
        }
    }

    /// Default of `prefix`.
    pub const PREFIX: &'static str = "/polyspan/relays";

    /// Default of `call_timeout`. Source: ten times what a busy cluster takes, and short enough for two dead endpoints within
    /// a lease.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EtcdTls(identity: {})", self.identity.is_some())
    }
}

impl fmt::Debug for EtcdCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EtcdCredentials({}, …)", self.user)
    }
}
