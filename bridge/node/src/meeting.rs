//! Opens the coordinator that a configuration names.

use std::sync::Arc;
use std::time::Duration;

use polyspan_coordination::{
    CoordinationError, Coordinator, EmbeddedCoordinator, EmbeddedSettings, EtcdCoordinator, Member,
};
use prometheus::Registry;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::config::{CoordinationEntry, MeetingPlace};
use crate::keys::KeyError;

/// How often a join is tried again while a predecessor's lease may still be there.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Beyond two leases: etcd ends a lease up to about a second late.
const LEASE_MARGIN: Duration = Duration::from_secs(2);

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
///
/// Errors: settings that cannot be used, or another process is this member or has its key.
pub async fn join(
    entry: &CoordinationEntry,
    member: &Member,
    registry: Option<&Registry>,
) -> Result<Arc<dyn Coordinator>, MeetingError> {
    match &entry.place {
        MeetingPlace::Embedded(directory) => {
            let coordinator = EmbeddedCoordinator::open(directory, embedded(entry))?;
            registry.map(|registry| coordinator.register_metrics(registry)).transpose()?;
            coordinator.join(member).await?;
            Ok(Arc::new(coordinator))
        }
        MeetingPlace::Etcd(etcd) => {
            let coordinator = EtcdCoordinator::open(&etcd.settings(entry.lease)?).await?;
            registry.map(|registry| coordinator.register_metrics(registry)).transpose()?;
            join_etcd(&coordinator, member, entry.lease).await?;
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

/// A process that crashed holds its name until its lease ends; a live one holds it for longer.
async fn join_etcd(
    coordinator: &EtcdCoordinator,
    member: &Member,
    lease: Duration,
) -> Result<(), CoordinationError> {
    let end = Instant::now() + lease * 2 + LEASE_MARGIN;
    let mut told = false;
    loop {
        match coordinator.join(member).await {
            Ok(()) => return Ok(()),
            Err(error @ (CoordinationError::AlreadyRunning { .. } | CoordinationError::KeyInUse { .. })) => {
                if Instant::now() > end {
                    return Err(error);
                }
                if !std::mem::replace(&mut told, true) {
                    info!(%error, "waits for the lease of an earlier process to end");
                }
            }
            Err(error) => {
                warn!(%error, "the relay starts without the others and joins them by itself later");
                return Ok(());
            }
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
