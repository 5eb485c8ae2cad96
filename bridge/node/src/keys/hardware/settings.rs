//! Which key of which hardware.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use alloy::primitives::Address;
use url::Url;

use crate::keys::NamedBy;

/// Longest name of a key that is taken. Unit: bytes. Source: `KeyId` of AWS KMS has 2048 at the most.
const NAME_LIMIT: usize = 2_048;

/// Most steps of a derivation path. Source: the Ethereum app of Ledger, `MAX_BIP32_PATH`.
const PATH_LIMIT: usize = 10;

/// A key in hardware. Holds no secret: the credentials of a service are found as its own tools find them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareSettings {
    /// Which key.
    pub place: HardwarePlace,
    /// Address of the key.
    pub address: Address,
    /// Deadline of one signature. Default: 5 s; 2 min where a person confirms it.
    pub timeout: Duration,
    /// Where it is named.
    pub named_by: NamedBy,
}

/// Which key of which hardware. `Display` is what logs show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HardwarePlace {
    /// AWS KMS.
    AwsKms(AwsKey),
    /// Google Cloud KMS.
    GcpKms(GcpKeyVersion),
    /// A Ledger on this host.
    Ledger(DerivationPath),
}

/// Kinds of hardware. The words of config files, of `--signer`, and of the cargo features are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardwareKind {
    /// AWS KMS.
    AwsKms,
    /// Google Cloud KMS.
    GcpKms,
    /// Ledger.
    Ledger,
}

/// A key of AWS KMS: asymmetric, `ECC_SECG_P256K1`, for `SIGN_VERIFY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKey {
    /// Its id, ARN or alias.
    pub id: String,
    /// Default: that of its ARN, else that of the environment.
    pub region: Option<String>,
    /// Default: that of the region.
    pub endpoint: Option<Url>,
}

/// A version of a key of Google Cloud KMS: `ASYMMETRIC_SIGN`, `EC_SIGN_SECP256K1_SHA256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcpKeyVersion {
    /// Id of the project.
    pub project: String,
    /// Such as `global`.
    pub location: String,
    /// Its key ring.
    pub ring: String,
    /// Its name.
    pub key: String,
    /// Its version: a service does not follow a rotation, which would change the address.
    pub version: u64,
}

/// A path of BIP-32, such as `m/44'/60'/0'/0/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivationPath(String);

/// A name that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Of AWS KMS.
    #[error("not a key of AWS KMS; write its id, its ARN, or alias/NAME")]
    Aws,
    /// Of Google Cloud KMS.
    #[error(
        "not a key version of Google Cloud KMS; write projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V"
    )]
    Gcp,
    /// Of a Ledger.
    #[error("not a derivation path; write it as m/44'/60'/0'/0/0")]
    Path,
}

impl HardwareKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AwsKms, Self::GcpKms, Self::Ledger];

    /// Its word in config files.
    pub const fn word(self) -> &'static str {
        self.feature()
    }

    /// The cargo feature that brings its client.
    pub const fn feature(self) -> &'static str {
        match self {
            Self::AwsKms => "aws-kms",
            Self::GcpKms => "gcp-kms",
            Self::Ledger => "ledger",
        }
    }

    /// Whether this build has its client.
    pub const fn is_built(self) -> bool {
        match self {
            Self::AwsKms => cfg!(feature = "aws-kms"),
            Self::GcpKms => cfg!(feature = "gcp-kms"),
            Self::Ledger => cfg!(feature = "ledger"),
        }
    }

    /// How long a signature may take when nothing else is said.
    pub const fn default_timeout(self) -> Duration {
        match self {
            Self::AwsKms | Self::GcpKms => Duration::from_secs(5),
            // A person reads the display and presses a button.
            Self::Ledger => Duration::from_secs(120),
        }
    }
}

impl fmt::Display for HardwareKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsKms => "AWS KMS",
            Self::GcpKms => "Google Cloud KMS",
            Self::Ledger => "Ledger",
        })
    }
}

impl HardwarePlace {
    /// What it is.
    pub const fn kind(&self) -> HardwareKind {
        match self {
            Self::AwsKms(_) => HardwareKind::AwsKms,
            Self::GcpKms(_) => HardwareKind::GcpKms,
            Self::Ledger(_) => HardwareKind::Ledger,
        }
    }

    /// The key of a section that names it.
    pub(super) const fn setting(&self) -> &'static str {
        match self {
            Self::AwsKms(_) | Self::GcpKms(_) => "key",
            Self::Ledger(_) => "path",
        }
    }
}

impl fmt::Display for HardwarePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsKms(key) => write!(f, "AWS KMS key {}", key.id),
            Self::GcpKms(key) => write!(f, "Google Cloud KMS key {key}"),
            Self::Ledger(path) => write!(f, "Ledger key {path}"),
        }
    }
}

impl FromStr for AwsKey {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "-_/:.".contains(c);
        if text.is_empty() || text.len() > NAME_LIMIT || !text.chars().all(fine) {
            return Err(PlaceError::Aws);
        }
        // arn:aws:kms:REGION:ACCOUNT:key/ID
        let region = match text.strip_prefix("arn:").map(|rest| rest.split(':').collect::<Vec<_>>()) {
            None => None,
            Some(parts) => match parts[..] {
                [_, "kms", region, _, key] if !region.is_empty() && !key.is_empty() => {
                    Some(region.to_owned())
                }
                _ => return Err(PlaceError::Aws),
            },
        };
        Ok(Self { id: text.to_owned(), region, endpoint: None })
    }
}

impl FromStr for GcpKeyVersion {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let [
            "projects",
            project,
            "locations",
            location,
            "keyRings",
            ring,
            "cryptoKeys",
            key,
            "cryptoKeyVersions",
            version,
        ] = parts[..]
        else {
            return Err(PlaceError::Gcp);
        };
        // A project of a domain has a colon: example.org:project.
        let fine = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        let names = [project, location, ring, key];
        if text.len() > NAME_LIMIT || names.iter().any(|name| name.is_empty() || !name.chars().all(fine)) {
            return Err(PlaceError::Gcp);
        }
        let version = version.parse().map_err(|_| PlaceError::Gcp)?;
        let [project, location, ring, key] = names.map(str::to_owned);
        Ok(Self { project, location, ring, key, version })
    }
}

impl fmt::Display for GcpKeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, location, ring, key, version } = self;
        write!(
            f,
            "projects/{project}/locations/{location}/keyRings/{ring}/cryptoKeys/{key}/cryptoKeyVersions/{version}"
        )
    }
}

impl DerivationPath {
    /// The path as Ledger's client takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first account of Ledger's own wallet.
impl Default for DerivationPath {
    fn default() -> Self {
        Self("m/44'/60'/0'/0/0".to_owned())
    }
}

impl FromStr for DerivationPath {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps: Vec<&str> = text.strip_prefix("m/").ok_or(PlaceError::Path)?.split('/').collect();
        // The highest bit says that a step is hardened.
        let fine = |step: &str| {
            let digits = step.strip_suffix('\'').unwrap_or(step);
            digits.chars().all(|c| c.is_ascii_digit()) && digits.parse::<u32>().is_ok_and(|n| n < 1 << 31)
        };
        if steps.len() <= PATH_LIMIT && steps.into_iter().all(fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PlaceError::Path)
        }
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
