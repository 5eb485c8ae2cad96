//! A key at a remote signer.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::Address;

use crate::config::checks::{located, span};
use crate::config::form::Raw;
use crate::config::problems::{Problems, join};
use crate::config::raw::RawKey;
use crate::keys::{
    ClientIdentity, CredentialsFile, KeyError, NamedBy, RemoteProtocol, RemoteSignerSettings, signer_url,
};

pub(super) const KEYS: &[&str] = &[
    "url",
    "address",
    "timeout",
    "ca_file",
    "client_certificate",
    "client_key",
    "basic_auth_file",
    "token_file",
];

const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn check(
    path: &str,
    protocol: RemoteProtocol,
    raw: RawKey,
    folder: &Path,
    problems: &mut Problems,
) -> Option<RemoteSignerSettings> {
    let at = |key: &str| join(path, key);
    let url = problems.required(&at("url"), raw.url, "say where the remote signer is");
    let url = url.and_then(|text| problems.ok(&at("url"), signer_url(&text)));
    let address = address(path, raw.address, problems);
    let timeout = span(&at("timeout"), raw.timeout, TIMEOUT, Duration::from_secs(60), problems);
    let file = |value: Option<String>| value.map(|path| located(folder, path));
    let ca_file = file(problems.optional(&at("ca_file"), raw.ca_file));
    let certificate = file(problems.optional(&at("client_certificate"), raw.client_certificate));
    let key = file(problems.optional(&at("client_key"), raw.client_key));
    let client_identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key }),
        (Some(_), None) => {
            problems.add(at("client_key"), "missing; name the private key of client_certificate");
            None
        }
        (None, Some(_)) => {
            problems.add(at("client_certificate"), "missing; name the certificate of client_key");
            None
        }
        (None, None) => None,
    };
    let basic = file(problems.optional(&at("basic_auth_file"), raw.basic_auth_file));
    let token = file(problems.optional(&at("token_file"), raw.token_file));
    if basic.is_some() && token.is_some() {
        problems
            .add(at("token_file"), "a request has one kind of credentials; remove basic_auth_file or this");
    }
    let credentials = token.map(CredentialsFile::Token).or(basic.map(CredentialsFile::Basic));
    let settings = RemoteSignerSettings {
        protocol,
        url: url?,
        address: address?,
        timeout,
        ca_file,
        client_identity,
        credentials,
        named_by: NamedBy::Section(path.to_owned()),
    };
    for error in settings.check() {
        problems.add(at(key_of(&settings, &error)), error);
    }
    Some(settings)
}

/// The key that names the file of an error.
fn key_of(settings: &RemoteSignerSettings, error: &KeyError) -> &'static str {
    let file = error.file();
    if settings.ca_file.as_deref() == Some(file) {
        return "ca_file";
    }
    match (&settings.client_identity, &settings.credentials) {
        (Some(identity), _) if identity.key == file => "client_key",
        (Some(identity), _) if identity.certificate == file => "client_certificate",
        (_, Some(CredentialsFile::Basic(_))) => "basic_auth_file",
        _ => "token_file",
    }
}

/// The address of the key.
pub(super) fn address(path: &str, raw: Raw<String>, problems: &mut Problems) -> Option<Address> {
    let at = join(path, "address");
    let text = problems.required(&at, raw, "set the address of the key");
    text.and_then(|text| problems.ok(&at, parse(&text)))
}

/// An address in hex. Mixed case must be a right checksum: it was put there to catch slips.
fn parse(text: &str) -> Result<Address, &'static str> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    let mixed =
        digits.chars().any(|c| c.is_ascii_uppercase()) && digits.chars().any(|c| c.is_ascii_lowercase());
    if mixed {
        return Address::parse_checksummed(text, None)
            .map_err(|_| "the checksum is wrong: check the address, or write it in lower case");
    }
    let address = (digits.len() == 40).then(|| text.parse().ok()).flatten();
    address.ok_or("not an address; write 0x and 40 hex digits")
}
