//! Where a key of the command line is, in a word: `--signer`.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::Result;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use polyspan_node::config::KeySection;
use polyspan_node::keys::{
    AwsKey, DerivationPath, GcpKeyVersion, HardwareKey, HardwareKind, HardwarePlace, HardwareSettings,
    KeyEntry, NamedBy, RemoteProtocol, RemoteSignerSettings, SignError, SigningKey, signer_url,
};
use url::Url;

use crate::args::address;

/// Deadline of a remote signer. A person waits.
const TIMEOUT: Duration = Duration::from_secs(20);

const FLAG: NamedBy = NamedBy::Flag("--signer");

/// A key that is not in a keystore. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerArgument {
    /// `web3signer:URL#ADDRESS`
    Web3Signer {
        /// Where it is.
        url: Url,
        /// Which of its keys.
        address: Address,
    },
    /// `aws-kms:KEY`, `gcp-kms:KEY` or `ledger:PATH`, each with `#ADDRESS` or without.
    Hardware {
        /// Which key.
        place: HardwarePlace,
        /// What its address must be; whatever it is when left out.
        address: Option<Address>,
    },
    /// `file:FILE`, with the keys that `relay.attester` has: for credentials and TLS.
    File(PathBuf),
}

/// A value of `--signer` that is none. The value is not repeated: a URL may carry a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSigner(String);

impl fmt::Display for NoSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSigner {}

/// Reads `--signer` without ever showing what was given.
#[derive(Debug, Clone, Copy)]
pub struct SignerParser;

impl TypedValueParser for SignerParser {
    type Value = SignerArgument;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| NoSigner("not UTF-8".to_owned())).and_then(str::parse);
        parsed.map_err(|error| {
            clap::Error::raw(
                ErrorKind::ValueValidation,
                format!("invalid value for '--signer <SIGNER>': {error}\n"),
            )
            .with_cmd(command)
        })
    }
}

impl FromStr for SignerArgument {
    type Err = NoSigner;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        if kind == "file" {
            return match rest {
                "" => Err(NoSigner("file: names no file; write file:FILE".to_owned())),
                path => Ok(Self::File(path.into())),
            };
        }
        let (name, own) = match rest.rsplit_once('#') {
            Some((name, text)) => (name, Some(address(text).map_err(|error| wrong(kind, &error))?)),
            None => (rest, None),
        };
        let named = |place: HardwarePlace| Self::Hardware { place, address: own };
        match kind {
            "web3signer" => {
                let url = signer_url(name).map_err(|error| wrong(kind, &error))?;
                let address = own.ok_or_else(|| {
                    wrong(kind, &"which of its keys is not said; write web3signer:URL#ADDRESS")
                })?;
                Ok(Self::Web3Signer { url, address })
            }
            "aws-kms" => {
                name.parse::<AwsKey>().map(HardwarePlace::AwsKms).map(named).map_err(|error| wrong(kind, &error))
            }
            "gcp-kms" => name
                .parse::<GcpKeyVersion>()
                .map(HardwarePlace::GcpKms)
                .map(named)
                .map_err(|error| wrong(kind, &error)),
            "ledger" if name.is_empty() => Ok(named(HardwarePlace::Ledger(DerivationPath::default()))),
            "ledger" => name
                .parse::<DerivationPath>()
                .map(HardwarePlace::Ledger)
                .map(named)
                .map_err(|error| wrong(kind, &error)),
            _ => Err(NoSigner(
                "no kind of signer; use web3signer:URL#ADDRESS, aws-kms:KEY, gcp-kms:KEY, ledger[:PATH] or file:FILE"
                    .to_owned(),
            )),
        }
    }
}

fn wrong(kind: &str, error: &dyn fmt::Display) -> NoSigner {
    NoSigner(format!("{kind}: {error}"))
}

impl SignerArgument {
    /// Makes ready to ask for signatures, and asks for the address where only the signer knows it.
    ///
    /// Errors: the file, a build without the feature, or a signer that does not answer.
    pub async fn open(&self) -> Result<SigningKey> {
        let entry = match self {
            Self::Web3Signer { url, address } => KeyEntry::Remote(RemoteSignerSettings {
                protocol: RemoteProtocol::Web3Signer,
                url: url.clone(),
                address: *address,
                timeout: TIMEOUT,
                ca_file: None,
                client_identity: None,
                credentials: None,
                named_by: FLAG,
            }),
            Self::Hardware { place, address: None } => {
                let found =
                    HardwareKey::find(place.clone(), timeout(place), FLAG).await.map_err(SignError::from)?;
                return Ok(SigningKey::Hardware(found));
            }
            Self::Hardware { place, address: Some(address) } => {
                let key = HardwareKey::build(&HardwareSettings {
                    place: place.clone(),
                    address: *address,
                    timeout: timeout(place),
                    named_by: FLAG,
                });
                key.connect().await.map_err(SignError::from)?;
                return Ok(SigningKey::Hardware(key));
            }
            Self::File(file) => KeySection::load(file)?,
        };
        Ok(entry.open()?)
    }
}

fn timeout(place: &HardwarePlace) -> Duration {
    match place.kind() {
        HardwareKind::AwsKms | HardwareKind::GcpKms => TIMEOUT,
        HardwareKind::Ledger => HardwareKind::Ledger.default_timeout(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "0x00000000000000000000000000000000000000aa";

    #[test]
    fn each_kind_of_signer_is_understood() {
        let parse = |text: &str| text.parse::<SignerArgument>().unwrap();
        let own: Address = OWN.parse().unwrap();
        assert_eq!(
            parse(&format!("web3signer:https://signer:9000/keys#{OWN}")),
            SignerArgument::Web3Signer { url: "https://signer:9000/keys".parse().unwrap(), address: own }
        );
        let place = HardwarePlace::AwsKms("alias/governor".parse().unwrap());
        assert_eq!(parse("aws-kms:alias/governor"), SignerArgument::Hardware { place, address: None });
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234";
        let place = HardwarePlace::AwsKms(arn.parse().unwrap());
        assert_eq!(
            parse(&format!("aws-kms:{arn}#{OWN}")),
            SignerArgument::Hardware { place, address: Some(own) }
        );
        let place = HardwarePlace::Ledger(DerivationPath::default());
        assert_eq!(parse("ledger"), SignerArgument::Hardware { place, address: None });
        let place = HardwarePlace::Ledger("m/44'/60'/3'/0/0".parse().unwrap());
        assert_eq!(parse("ledger:m/44'/60'/3'/0/0"), SignerArgument::Hardware { place, address: None });
        assert_eq!(parse("file:governor.toml"), SignerArgument::File("governor.toml".into()));
    }

    #[test]
    fn a_bad_value_is_told_in_one_sentence_without_its_secrets() {
        for (text, told) in [
            ("governor.json", "no kind of signer"),
            ("kms:alias/a", "no kind of signer"),
            ("file:", "names no file"),
            ("web3signer:https://signer", "which of its keys"),
            (
                "web3signer:https://u:pa55@signer#0x00000000000000000000000000000000000000aa",
                "a user or a password",
            ),
            ("web3signer:http://10.0.0.1:9000#0x00000000000000000000000000000000000000aa", "plain http"),
            ("web3signer:https://signer#0x12", "not an address"),
            ("aws-kms:", "not a key of AWS KMS"),
            ("gcp-kms:projects/p", "cryptoKeyVersions"),
            ("ledger:44/60", "not a derivation path"),
        ] {
            let error = text.parse::<SignerArgument>().unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("pa55"), "{error}");
        }
    }
}
