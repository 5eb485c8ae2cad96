//! A process enters: it joins, and makes sure that no other one has its name or its attester key.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::{KeyPresence, KeyProver, KeyStanding, KeyView, Phase, PresenceSigner};
use crate::{CoordinationError, Coordinator, Member, Report};

/// Beyond two leases: etcd ends a lease up to about a second late.
const LEASE_MARGIN: Duration = Duration::from_secs(2);

/// Longest time between two checks. A lease is renewed with each.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Becomes `member`, unless another process proves that it has the same attester key.
///
/// Waits two leases for whoever shows that name or key: a process that crashed shows them until its lease ends, one that runs signs this
/// process's number, and a stranger can do neither. After that the relay starts, if need be without its name, as it also goes
/// on running without it. Who has no key cannot tell a namesake from a stranger, and is refused.
///
/// Errors: [`CoordinationError::KeyInUse`] and [`CoordinationError::AlreadyRunning`] as said; those of [`Coordinator::join`].
pub async fn enter(
    coordinator: &dyn Coordinator,
    member: &Member,
    signer: Option<&dyn PresenceSigner>,
    lease: Duration,
) -> Result<(), CoordinationError> {
    let entered = wait_alone(coordinator, member, lease);
    match signer {
        None => entered.await,
        Some(signer) => tokio::select! {
            entered = entered => entered,
            never = KeyProver::new(coordinator, signer, lease).run(Phase::Entering) => match never {},
        },
    }
}

async fn wait_alone(
    coordinator: &dyn Coordinator,
    member: &Member,
    lease: Duration,
) -> Result<(), CoordinationError> {
    let end = Instant::now() + lease * 2 + LEASE_MARGIN;
    let mut namesake = namesake(coordinator.join(member).await)?;
    let mut logged = false;
    loop {
        // What cannot be read is not known: nobody is alone for that.
        let view = coordinator.key_view().await.ok();
        let shows_none = view.as_ref().is_none_or(|view| view.own.is_none());
        match (view.as_ref().map(KeyView::standing), &namesake) {
            (Some(KeyStanding::InUse(other)), _) => {
                // Whoever cannot leave is refused all the same.
                drop(coordinator.leave().await);
                return Err(refusal(member, &other));
            }
            (Some(KeyStanding::Alone), None) => return Ok(()),
            (_, Some(error)) if Instant::now() > end && shows_none => {
                drop(coordinator.leave().await);
                return Err(error.clone());
            }
            (standing, namesake) if Instant::now() > end => {
                log_unproved(standing.as_ref(), namesake.as_ref());
                return Ok(());
            }
            _ if !std::mem::replace(&mut logged, true) => {
                info!(
                    "another process shows this relay's name or attester key; waiting whether it proves that, or ends"
                );
            }
            _ => {}
        }
        tokio::time::sleep(TRY_AGAIN.min(lease / 4)).await;
        namesake = match coordinator.report(&Report::default()).await {
            Ok(()) => None,
            Err(CoordinationError::NotJoined) => self::namesake(coordinator.join(member).await)?,
            Err(error @ CoordinationError::AlreadyRunning { .. }) => Some(error),
            // A heartbeat that fails says nothing about the name.
            Err(_) => namesake,
        };
    }
}

/// That somebody has the name is no end yet; any other failure to join is.
fn namesake(joined: Result<(), CoordinationError>) -> Result<Option<CoordinationError>, CoordinationError> {
    match joined {
        Ok(()) => Ok(None),
        Err(error @ CoordinationError::AlreadyRunning { .. }) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

fn refusal(member: &Member, other: &KeyPresence) -> CoordinationError {
    let place = other.place();
    if other.member == member.id {
        CoordinationError::AlreadyRunning { id: member.id.clone(), place }
    } else {
        CoordinationError::KeyInUse { operator: other.operator, place }
    }
}

fn log_unproved(standing: Option<&KeyStanding>, namesake: Option<&CoordinationError>) {
    match standing {
        Some(KeyStanding::Claimed(claimant)) => warn!(
            %claimant,
            "attester key shown by another process that does not prove to have it; this relay starts"
        ),
        None => warn!(
            "coordinator not read: whether another process has this attester key is not known; this relay starts"
        ),
        Some(_) => {}
    }
    if let Some(error) = namesake {
        warn!(%error, "name taken by a process that does not prove to have this attester key; this relay starts without it");
    }
}
