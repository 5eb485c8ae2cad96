//! Keys in hardware that never gives them away: AWS KMS, Google Cloud KMS, a Ledger.
//!
//! Each is a cargo feature, off by default. A build without it reads its settings and says which feature is missing. As with
//! [`RemoteSigner`](super::RemoteSigner), no answer is believed: a signature counts when it recovers to the configured address.

#[cfg(feature = "aws-kms")]
mod aws_kms;
mod error;
#[cfg(feature = "gcp-kms")]
mod gcp_kms;
#[cfg(feature = "ledger")]
mod ledger;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, Signature, keccak256};
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use error::Failure;
pub use error::HardwareError;
pub use settings::{
    AwsKey, DerivationPath, GcpKeyVersion, HardwareKind, HardwarePlace, HardwareSettings, PlaceError,
};

use super::NamedBy;

/// A connection to a key.
trait Connection: Send + Sync {
    /// Address of the key, as the hardware tells.
    fn address(&self) -> Address;

    /// Signs the hash of these bytes.
    fn sign<'a>(&'a self, preimage: &'a [u8]) -> BoxFuture<'a, Result<Signature, Failure>>;
}

/// The way to one key. Clones share it.
#[derive(Debug, Clone)]
pub struct HardwareKey(Arc<Inner>);

struct Inner {
    settings: HardwareSettings,
    name: String,
    /// Made when it is needed first, so that a relay starts while the service is away.
    connection: OnceCell<Box<dyn Connection>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl HardwareKey {
    /// The way to this key. Asks nothing yet.
    pub fn build(settings: &HardwareSettings) -> Self {
        Self(Arc::new(Inner {
            name: settings.place.to_string(),
            settings: settings.clone(),
            connection: OnceCell::new(),
        }))
    }

    /// Asks for the address of a key that is known by its place only.
    ///
    /// Errors: as [`HardwareKey::connect`].
    pub async fn find(
        place: HardwarePlace,
        timeout: Duration,
        named_by: NamedBy,
    ) -> Result<Self, HardwareError> {
        let address = Address::ZERO;
        let asking = Self::build(&HardwareSettings { place, address, timeout, named_by });
        let connection = asking.in_time(async { asking.reach().await }).await?;
        let settings = HardwareSettings { address: connection.address(), ..asking.0.settings.clone() };
        let found = Self::build(&settings);
        // It is new, so it is empty.
        drop(found.0.connection.set(connection));
        Ok(found)
    }

    /// Address of the key.
    pub fn address(&self) -> Address {
        self.0.settings.address
    }

    /// The service and its name of the key.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether a person confirms each signature.
    pub fn is_confirmed_by_hand(&self) -> bool {
        self.0.settings.place.kind() == HardwareKind::Ledger
    }

    /// Connects, and compares the address.
    ///
    /// Errors: the feature is not built, no answer in time, a refusal, or another key.
    pub async fn connect(&self) -> Result<(), HardwareError> {
        self.in_time(async { self.connection().await.map(drop) }).await
    }

    /// Signs the hash of these bytes, within the deadline of the settings.
    ///
    /// Errors: as [`HardwareKey::connect`], or an answer that is no signature of this key.
    pub async fn sign_preimage(&self, preimage: &[u8]) -> Result<Signature, HardwareError> {
        let asked = async {
            let connection = self.connection().await?;
            connection.sign(preimage).await.map_err(|failure| self.failed(failure))
        };
        let signature = self.in_time(asked).await?;
        if signature.normalize_s().is_some() {
            return Err(self.wrong("a signature with a high s, which no contract counts"));
        }
        match signature.recover_address_from_prehash(&keccak256(preimage)) {
            Ok(found) if found == self.address() => Ok(signature),
            Ok(found) => Err(self.wrong_key(found)),
            Err(_) => Err(self.wrong("a signature of no key")),
        }
    }

    async fn connection(&self) -> Result<&dyn Connection, HardwareError> {
        let connected = async {
            let connection = self.reach().await?;
            let found = connection.address();
            if found == self.address() { Ok(connection) } else { Err(self.wrong_key(found)) }
        };
        Ok(self.0.connection.get_or_try_init(|| connected).await?.as_ref())
    }

    async fn reach(&self) -> Result<Box<dyn Connection>, HardwareError> {
        let place = &self.0.settings.place;
        if !place.kind().is_built() {
            return Err(HardwareError::NotBuilt(place.kind()));
        }
        connect(place).await.map_err(|failure| self.failed(failure))
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, HardwareError>>,
    ) -> Result<T, HardwareError> {
        let HardwareSettings { timeout, named_by, .. } = &self.0.settings;
        tokio::time::timeout(*timeout, asked).await.unwrap_or_else(|_| {
            Err(HardwareError::Timeout {
                key: self.0.name.clone(),
                after: *timeout,
                setting: named_by.setting("timeout"),
            })
        })
    }

    fn failed(&self, failure: Failure) -> HardwareError {
        let HardwareSettings { place, named_by, .. } = &self.0.settings;
        let (key, setting) = (self.0.name.clone(), named_by.setting(place.setting()));
        match failure {
            Failure::Unreachable(reason) => HardwareError::Unreachable { key, reason },
            Failure::Refused(reason) => HardwareError::Refused { key, reason, setting },
        }
    }

    fn wrong(&self, what: &'static str) -> HardwareError {
        HardwareError::WrongAnswer { key: self.0.name.clone(), what }
    }

    fn wrong_key(&self, found: Address) -> HardwareError {
        HardwareError::WrongKey {
            key: self.0.name.clone(),
            expected: self.address(),
            found,
            setting: self.0.settings.named_by.setting("address"),
        }
    }
}

/// Boxed: the clients' futures are so deep that the compiler gives up on what waits for them.
fn connect(place: &HardwarePlace) -> BoxFuture<'_, Result<Box<dyn Connection>, Failure>> {
    match place {
        #[cfg(feature = "aws-kms")]
        HardwarePlace::AwsKms(key) => Box::pin(aws_kms::connect(key)),
        #[cfg(feature = "gcp-kms")]
        HardwarePlace::GcpKms(key) => Box::pin(gcp_kms::connect(key)),
        #[cfg(feature = "ledger")]
        HardwarePlace::Ledger(path) => Box::pin(ledger::connect(path)),
        #[cfg(not(all(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")))]
        _ => Box::pin(std::future::ready(Err(Failure::Unreachable("this build has no client".to_owned())))),
    }
}
