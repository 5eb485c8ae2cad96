//! A key in hardware: AWS KMS, Google Cloud KMS, a Ledger.

use std::time::Duration;

use super::signer::address;
use crate::config::checks::span;
use crate::config::problems::{Problems, join};
use crate::config::raw::RawKey;
use crate::keys::{
    AwsKey, DerivationPath, GcpKeyVersion, HardwareKind, HardwarePlace, HardwareSettings, NamedBy, signer_url,
};

pub(super) const AWS_KEYS: &[&str] = &["key", "region", "endpoint", "address", "timeout"];
pub(super) const GCP_KEYS: &[&str] = &["key", "address", "timeout"];
pub(super) const LEDGER_KEYS: &[&str] = &["path", "address", "timeout"];

/// Nobody takes longer to confirm a signature.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) fn check(
    path: &str,
    kind: HardwareKind,
    raw: RawKey,
    problems: &mut Problems,
) -> Option<HardwareSettings> {
    let at = |key: &str| join(path, key);
    let address = address(path, raw.address, problems);
    let timeout = span(&at("timeout"), raw.timeout, kind.default_timeout(), LONGEST, problems);
    let place = match kind {
        HardwareKind::AwsKms => {
            let endpoint = problems.optional(&at("endpoint"), raw.endpoint);
            let endpoint = endpoint.and_then(|text| problems.ok(&at("endpoint"), signer_url(&text)));
            let region = problems.optional(&at("region"), raw.region);
            let id = problems.required(&at("key"), raw.key, "set the id, the ARN or the alias of the key");
            let key = id.and_then(|text| problems.ok(&at("key"), text.parse::<AwsKey>()));
            key.map(|key| HardwarePlace::AwsKms(AwsKey { region: region.or(key.region), endpoint, ..key }))
        }
        HardwareKind::GcpKms => {
            let name = problems.required(&at("key"), raw.key, "set the resource name of the key's version");
            let key = name.and_then(|text| problems.ok(&at("key"), text.parse::<GcpKeyVersion>()));
            key.map(HardwarePlace::GcpKms)
        }
        HardwareKind::Ledger => {
            let path = match problems.optional(&at("path"), raw.path) {
                None => Some(DerivationPath::default()),
                Some(text) => problems.ok(&at("path"), text.parse::<DerivationPath>()),
            };
            path.map(HardwarePlace::Ledger)
        }
    };
    let named_by = NamedBy::Section(path.to_owned());
    Some(HardwareSettings { place: place?, address: address?, timeout, named_by })
}
