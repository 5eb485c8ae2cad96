//! Opens the coordinator that a configuration names.

use std::sync::Arc;

use polyspan_coordination::{
    CoordinationError, Coordinator, EmbeddedCoordinator, EmbeddedSettings, EtcdCoordinator, Member,
    PresenceSigner, enter,
};
use prometheus::Registry;
use tracing::warn;

use crate::config::{CoordinationEntry, MeetingPlace};
use crate::keys::KeyError;

/// A coordinator that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum MeetingError {
    /// Its settings, or the relay is refused.
    #[error(transparent)]
    Coordination(#[from] CoordinationError),
    /// A file with a certificate or a password.
    #[error(transparent)]
    File(#[from] KeyError),
    /// Two metrics of one name: a fault of this program.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
}

/// Opens it for a relay that becomes `member`, and shows its metrics in `registry`. With etcd the relay starts whether that can be reached or not.
/// `signer` has the member's attester key, if it has one.
///
/// Errors: settings that cannot be used, or another process is this member or has its key, and proves it.
pub async fn join(
    entry: &CoordinationEntry,
    member: &Member,
    signer: Option<&dyn PresenceSigner>,
    registry: Option<&Registry>,
) -> Result<Arc<dyn Coordinator>, MeetingError> {
    match &entry.place {
        MeetingPlace::Embedded(directory) => {
            let coordinator = EmbeddedCoordinator::open(directory, embedded(entry))?;
            registry.map(|registry| coordinator.register_metrics(registry)).transpose()?;
            enter(&coordinator, member, signer, entry.lease).await?;
            Ok(Arc::new(coordinator))
        }
        MeetingPlace::Etcd(etcd) => {
            let coordinator = EtcdCoordinator::open(&etcd.settings(entry.lease)?).await?;
            registry.map(|registry| coordinator.register_metrics(registry)).transpose()?;
            match enter(&coordinator, member, signer, entry.lease).await {
                Err(
                    error @ (CoordinationError::AlreadyRunning { .. } | CoordinationError::KeyInUse { .. }),
                ) => {
                    return Err(error.into());
                }
                Err(error) => {
                    warn!(%error, "the relay starts without the others and joins them by itself later");
                }
                Ok(()) => {}
            }
            Ok(Arc::new(coordinator))
        }
    }
}

/// Opens it for somebody who only looks.
///
/// Errors: settings that cannot be used; the directory cannot be read.
pub async fn observe(entry: &CoordinationEntry) -> Result<Arc<dyn Coordinator>, MeetingError> {
    Ok(match &entry.place {
        MeetingPlace::Embedded(directory) => {
            Arc::new(EmbeddedCoordinator::open_observer(directory, embedded(entry))?)
        }
        MeetingPlace::Etcd(etcd) => {
            Arc::new(EtcdCoordinator::open_observer(&etcd.settings(entry.lease)?).await?)
        }
    })
}

fn embedded(entry: &CoordinationEntry) -> EmbeddedSettings {
    EmbeddedSettings { lease: entry.lease, ..EmbeddedSettings::default() }
}
