//! Another member: what its file says, and whether it is alive.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use polyspan_types::{BridgeId, RequestNonce};

use super::contents::{self, Contents, Numbered};
use super::name::FileName;
use super::presence::Presence;
use super::reader::{Failure, ReaderThread};
use crate::{CoordinationError, MemberView, SeenKey};

/// What is known of another member.
#[derive(Debug)]
pub(super) struct Peer {
    name: FileName,
    path: PathBuf,
    reader: Option<ReaderThread>,
    contents: Option<Arc<Contents>>,
    /// Of `contents`; its signature is verified when it changes.
    key: Option<SeenKey>,
    presence: Option<Presence>,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    since: Duration,
    failure: Failure,
}

/// The times that a look needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Monotonic.
    pub(super) now: Duration,
    /// Wall clock, for those who may estimate an age from it; `None` to presume that a member first seen is alive.
    pub(super) wall_ms: Option<u64>,
    pub(super) lease: Duration,
}

impl Peer {
    pub(super) fn new(name: FileName, path: PathBuf) -> Self {
        let reader = ReaderThread::spawn(&name.id, &path);
        Self { name, path, reader, contents: None, key: None, presence: None, trouble: None }
    }

    pub(super) fn name(&self) -> &FileName {
        &self.name
    }

    /// Goes on with a newer file of the same member; what is known stays until that one is read.
    pub(super) fn follow_to(&mut self, name: FileName, path: PathBuf) {
        self.reader = ReaderThread::spawn(&name.id, &path);
        self.name = name;
        self.path = path;
        self.trouble = None;
    }

    pub(super) fn contents(&self) -> Option<&Contents> {
        self.contents.as_deref()
    }

    /// Whether nothing is known of the file yet.
    pub(super) fn is_unseen(&self) -> bool {
        self.contents.is_none() && self.trouble.is_none()
    }

    /// Asks for a look at the file; the answer comes when it is done.
    pub(super) fn ask_look(&self) -> Option<Receiver<()>> {
        self.reader.as_ref()?.look()
    }

    /// Asks for attestations of a lane after number `after`.
    pub(super) fn ask_news(&self, lane: BridgeId, after: u64) -> Option<Receiver<Option<Vec<Numbered>>>> {
        self.reader.as_ref()?.read(move |connection| contents::news(connection, lane, after))
    }

    /// Asks for attestations of a lane above a nonce.
    pub(super) fn ask_above(
        &self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Option<Receiver<Option<Vec<Numbered>>>> {
        self.reader
            .as_ref()?
            .read(move |connection| contents::above(connection, lane, Some(above), contents::OF_LANE))
    }

    /// Takes over what the reader has seen by now. If that is nothing new, silence grows.
    pub(super) fn take(&mut self, look: Look) {
        let seen = match &self.reader {
            Some(reader) => reader.seen(),
            None => return self.reader = ReaderThread::spawn(&self.name.id, &self.path),
        };
        self.contents = seen.contents.or_else(|| self.contents.take());
        let since = self.trouble.as_ref().map_or(look.now, |trouble| trouble.since);
        self.trouble = seen.failure.map(|failure| Trouble { since, failure });
        let Some(contents) = &self.contents else { return };
        if self.key.as_ref().map(SeenKey::presence) != contents.key.as_ref() {
            self.key = contents.key.clone().map(SeenKey::of);
        }
        match &mut self.presence {
            Some(presence) => presence.look(contents.heartbeat, look.now, look.lease),
            None => {
                let age = look.wall_ms.map_or(0, |now| now.saturating_sub(contents.last_seen_ms));
                self.presence =
                    Some(Presence::first(contents.heartbeat, look.now, Duration::from_millis(age)));
            }
        }
    }

    pub(super) fn is_alive(&self, lease: Duration) -> bool {
        let present = self.contents.as_ref().is_some_and(|contents| contents.present);
        present && self.presence.is_some_and(|presence| presence.is_alive(lease))
    }

    /// What it shows of its attester key while it is alive.
    pub(super) fn key(&self, lease: Duration) -> Option<&SeenKey> {
        self.key.as_ref().filter(|_| self.is_alive(lease))
    }

    pub(super) fn view(&self, lease: Duration) -> Option<MemberView> {
        self.contents.as_ref().map(|contents| MemberView {
            member: contents.member.clone(),
            report: contents.report.clone(),
            alive: self.is_alive(lease),
            last_seen_ms: contents.last_seen_ms,
        })
    }

    /// Why the file is skipped; trouble that may pass by itself is named only once it has lasted a lease.
    pub(super) fn trouble(&self, look: Look) -> Option<CoordinationError> {
        let Trouble { since, failure } = self.trouble.as_ref()?;
        let lasting = !failure.passing || look.now.saturating_sub(*since) >= look.lease;
        lasting
            .then(|| CoordinationError::Skipped { path: self.path.clone(), reason: failure.reason.clone() })
    }
}
