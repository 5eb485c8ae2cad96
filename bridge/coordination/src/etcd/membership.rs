//! Being a member: the lease, the presence under it, and what the others read about this relay.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use tokio::time::Instant;
use tracing::{info, warn};

use super::connection::Connection;
use super::endpoints::CallError;
use super::own::{OwnLease, resigned};
use super::shared::Link;
use super::values::{MemberValue, Presence, Value};
use crate::{CoordinationError, Member, Report};

/// How long a join waits for the mirror to show it.
const JOIN_PATIENCE: Duration = Duration::from_secs(5);

/// An unchanged report is written again after so long, for the time in it that people read.
const REWRITE: Duration = Duration::from_secs(10);

/// What stands where the own presence should.
enum Found {
    Nothing,
    Own,
    Other(Presence),
}

impl Connection {
    /// Becomes `member`. When etcd cannot be reached the membership stays wanted, and [`Connection::report`] completes it.
    pub(super) async fn join(&self, member: &Member) -> Result<(), CoordinationError> {
        let _one = self.membership.lock().await;
        if self.own().id().is_some_and(|id| *id != member.id) {
            self.leave_now().await?;
        }
        self.own().become_member(member.clone());
        let joined = self.join_now(member).await;
        // Anybody may have put a presence there. Who has a key stays, to see who else has it, and goes on without its name.
        if matches!(joined, Err(CoordinationError::AlreadyRunning { .. })) && member.operator.is_none() {
            self.revoke().await;
            self.own().be_nobody();
        }
        joined
    }

    async fn join_now(&self, member: &Member) -> Result<(), CoordinationError> {
        self.shared.followed(JOIN_PATIENCE).await?;
        let shown = self.show_key().await?;
        let revision = self.enter(member).await?.max(shown);
        if !self.shared.caught_up(revision, JOIN_PATIENCE).await {
            return Err(CoordinationError::Unreachable {
                reason: "it does not show what was written".to_owned(),
            });
        }
        self.put_claims_down(member).await?;
        self.write_about(member, &Report::default()).await
    }

    /// Renews the lease, and makes good whatever of this member etcd has lost.
    pub(super) async fn report(&self, report: &Report) -> Result<(), CoordinationError> {
        let member = self.own().member()?.clone();
        let _one = self.membership.lock().await;
        self.renew().await?;
        self.show_key().await?;
        let present = self.own().present;
        if !present || !matches!(self.look(&member).await?, Found::Own) {
            self.own().present = false;
            let revision = self.enter(&member).await?;
            info!(relay = %member.id, "joined etcd");
            self.shared.caught_up(revision, JOIN_PATIENCE).await;
        }
        if !self.own().entered {
            self.put_claims_down(&member).await?;
        }
        let known =
            self.own().reported.as_ref().is_some_and(|(known, at)| known == report && at.elapsed() < REWRITE);
        if !known {
            self.write_about(&member, report).await?;
        }
        Ok(())
    }

    /// Puts the own claims down and lets the lease go.
    pub(super) async fn leave_now(&self) -> Result<(), CoordinationError> {
        let Ok(member) = self.own().member().cloned() else { return Ok(()) };
        // The claims of a name that this process does not have are somebody else's.
        let left = if self.own().present { self.put_claims_down(&member).await } else { Ok(()) };
        self.revoke().await;
        self.own().be_nobody();
        left
    }

    /// Puts the own presence under a lease. Returns the revision at which it is there.
    async fn enter(&self, member: &Member) -> Result<i64, CoordinationError> {
        let lease = self.lease().await?;
        let presence = Presence {
            instance: self.instance.clone(),
            operator: member.operator,
            api: member.api.chars().take(200).collect(),
        };
        let (key, value) = (self.shared.layout.presence(&member.id), presence.to_bytes()?);
        let mut guard = Compare::create_revision(key.as_str(), CompareOp::Equal, 0);
        for _ in 0..2 {
            let put = TxnOp::put(key.as_str(), value.clone(), Some(PutOptions::new().with_lease(lease.id)));
            let transaction = Txn::new().when([guard.clone()]).and_then([put]);
            let answer = self.call(|mut client| {
                let transaction = transaction.clone();
                async move { client.txn(transaction).await }
            });
            let answer = match answer.await {
                Err(CallError::NoLease) => {
                    // It ended meanwhile; the next report begins with a new one.
                    self.own().lease = None;
                    return Err(CallError::NoLease.into());
                }
                other => other?,
            };
            if answer.succeeded() {
                let mut own = self.own();
                own.present = true;
                // An etcd that lost the presence may have lost the rest.
                own.reported = None;
                return Ok(answer.header().map_or(0, etcd_client::ResponseHeader::revision));
            }
            match self.look(member).await? {
                Found::Other(other) => return Err(self.already_running(member, &other)),
                // Our own, under an older lease, or gone meanwhile: once more.
                Found::Own => guard = Compare::version(key.as_str(), CompareOp::Greater, 0),
                Found::Nothing => guard = Compare::create_revision(key.as_str(), CompareOp::Equal, 0),
            }
        }
        Err(CoordinationError::Unreachable { reason: format!("{key} changes all the time") })
    }

    async fn look(&self, member: &Member) -> Result<Found, CoordinationError> {
        let key = self.shared.layout.presence(&member.id);
        let answer = self
            .call(|mut client| {
                let key = key.clone();
                async move { client.get(key, None).await }
            })
            .await?;
        let Some(pair) = answer.kvs().first() else { return Ok(Found::Nothing) };
        let lease = self.own().lease.map(|lease| lease.id);
        Ok(match Presence::parse(pair.value()) {
            // No relay is present without a lease: what would never end was put there by somebody else.
            Some(presence) if presence.instance != self.instance && pair.lease() != 0 => {
                Found::Other(presence)
            }
            Some(presence) if presence.instance == self.instance && Some(pair.lease()) == lease => Found::Own,
            // What cannot be read, or would outlive its process, is replaced.
            _ => {
                self.delete(key, pair.mod_revision()).await?;
                Found::Nothing
            }
        })
    }

    fn already_running(&self, member: &Member, other: &Presence) -> CoordinationError {
        let key = self.shared.layout.presence(&member.id);
        let place = format!(
            "it serves at {} and holds the key {key} in etcd, which goes within {:?} of its end",
            other.api, self.lease
        );
        CoordinationError::AlreadyRunning { id: member.id.clone(), place }
    }

    /// Puts what this process shows of its attester key under its lease, unless it is there. Returns the revision at which it is.
    pub(super) async fn show_key(&self) -> Result<i64, CoordinationError> {
        let Some(presence) = self.own().key_presence(self.number) else { return Ok(0) };
        let lease = self.lease().await?;
        if self.shared.link() == Link::Following && self.shared.mirror().shows_key(&presence, lease.id) {
            return Ok(0);
        }
        let (key, value) =
            (self.shared.layout.key(&presence.member, presence.instance), presence.to_bytes()?);
        let put = self.call(|mut client| {
            let (key, value) = (key.clone(), value.clone());
            async move { client.put(key, value, Some(PutOptions::new().with_lease(lease.id))).await }
        });
        match put.await {
            Ok(answer) => Ok(answer.header().map_or(0, etcd_client::ResponseHeader::revision)),
            Err(error) => {
                if matches!(error, CallError::NoLease) {
                    // It ended meanwhile; the next report begins with a new one.
                    self.own().lease = None;
                }
                Err(error.into())
            }
        }
    }

    /// The lease, a new one if there is none.
    async fn lease(&self) -> Result<OwnLease, CoordinationError> {
        if let Some(lease) = self.own().lease {
            return Ok(lease);
        }
        let seconds = i64::try_from(self.lease.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1);
        let confirmed = Instant::now();
        let granted = self.call(|mut client| async move { client.lease_grant(seconds, None).await }).await?;
        let ttl = Duration::from_secs(u64::try_from(granted.ttl()).unwrap_or(0));
        let lease = OwnLease { id: granted.id(), ttl, confirmed };
        self.own().lease = Some(lease);
        Ok(lease)
    }

    async fn renew(&self) -> Result<(), CoordinationError> {
        let Some(lease) = self.own().lease else { return Ok(()) };
        let sent = Instant::now();
        match self.call(|mut client| async move { client.lease_keep_alive(lease.id).await.map(drop) }).await {
            Ok(()) => {
                self.own().lease = Some(OwnLease { confirmed: sent, ..lease });
                Ok(())
            }
            Err(CallError::NoLease) => {
                let mut own = self.own();
                own.lease = None;
                own.present = false;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Who leads says so itself: a claim of an earlier process must not hold the lane for one that may not campaign. The
    /// terms stay, so that they never go back.
    async fn put_claims_down(&self, member: &Member) -> Result<(), CoordinationError> {
        let claims = self.shared.mirror().claims_of(&member.id);
        for (lane, claim) in claims.into_iter().filter(|(_, claim)| claim.standing) {
            self.put(self.shared.layout.claim(&member.id, lane), resigned(claim).to_bytes()?).await?;
        }
        self.own().entered = true;
        Ok(())
    }

    async fn write_about(&self, member: &Member, report: &Report) -> Result<(), CoordinationError> {
        let about = MemberValue { member: member.clone(), report: report.clone(), last_seen_ms: now_ms() };
        self.put(self.shared.layout.member(&member.id), about.to_bytes()?).await?;
        self.own().reported = Some((report.clone(), Instant::now()));
        Ok(())
    }

    /// Ends the lease, and with it the presence; when that fails it ends by itself.
    async fn revoke(&self) {
        let Some(lease) = self.own().lease.take() else { return };
        let revoked = self.call(|mut client| async move { client.lease_revoke(lease.id).await }).await;
        if let Err(error) = revoked
            && !matches!(error, CallError::NoLease)
        {
            warn!(error = %CoordinationError::from(error), "cannot end the lease in etcd; it ends by itself");
        }
    }

    /// Deletes what was read at this revision, and nothing that came after it: another process may be here by now.
    async fn delete(&self, key: String, revision: i64) -> Result<(), CallError> {
        let as_read = Compare::mod_revision(key.as_str(), CompareOp::Equal, revision);
        let transaction = Txn::new().when([as_read]).and_then([TxnOp::delete(key, None)]);
        self.call(|mut client| {
            let transaction = transaction.clone();
            async move { client.txn(transaction).await }
        })
        .await
        .map(drop)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
