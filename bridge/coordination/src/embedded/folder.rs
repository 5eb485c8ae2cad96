//! The folder as one relay sees it: its own file, everybody else's, and what follows from them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use polyspan_types::{Attestation, BridgeId, RequestNonce, SignedDecision, Term};

use super::EmbeddedSettings;
use super::contents::{self, Contents};
use super::name::FileName;
use super::own::OwnFile;
use super::peer::{Look, Peer};
use super::positions::{News, Position, Positions};
use crate::election::{Candidate, Decision, believed, challenge, decide, highest_term, leader};
use crate::metrics::CoordinationMetrics;
use crate::{Claim, CoordinationError, KeyProof, KeyView, Leadership, Member, MemberId, MemberView, Report};

/// How long a look waits for the readers of others' files. Far above their usual time; a reader that SQLite makes wait for a
/// frozen writer is not asked again until it is back, so this is paid once per freeze.
const LOOK_PATIENCE: Duration = Duration::from_millis(50);

/// As [`LOOK_PATIENCE`], while there are files that were never read: a CLI looks only once.
const FIRST_LOOK_PATIENCE: Duration = Duration::from_millis(500);

/// Members whose files are read at the most, the first ones by name. Unit: members. Source: a thread and up to about 1 MiB each; one
/// host has tens of relays at the most.
const MEMBERS: usize = 64;

/// What the connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Member,
    Observer,
}

/// Where time comes from.
pub(super) struct Clocks {
    pub(super) monotonic: Box<dyn Fn() -> Duration + Send>,
    /// Unit: milliseconds since 1970.
    pub(super) wall_ms: Box<dyn Fn() -> u64 + Send>,
}

impl Clocks {
    pub(super) fn system() -> Self {
        let start = Instant::now();
        let wall_ms = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Self { monotonic: Box::new(move || start.elapsed()), wall_ms: Box::new(wall_ms) }
    }
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clocks")
    }
}

/// State of one connection.
#[derive(Debug)]
pub(super) struct Folder {
    directory: PathBuf,
    settings: EmbeddedSettings,
    access: Access,
    clocks: Clocks,
    metrics: CoordinationMetrics,
    own: Option<OwnFile>,
    peers: BTreeMap<MemberId, Peer>,
    looked_at: Option<Duration>,
    /// There are more members than are read.
    crowded: bool,
    skipped: Vec<CoordinationError>,
    losses: Arc<AtomicU64>,
    /// The highest term of each lane that was believed.
    highest: BTreeMap<BridgeId, Term>,
}

impl Folder {
    pub(super) fn open(
        directory: &Path,
        settings: EmbeddedSettings,
        access: Access,
        clocks: Clocks,
        metrics: CoordinationMetrics,
    ) -> Result<Self, CoordinationError> {
        let refused = |error: std::io::Error| unusable(directory, &error);
        if access == Access::Member {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refused)?;
        }
        let directory = directory.canonicalize().map_err(refused)?;
        drop(member_files(&directory)?);
        Ok(Self {
            directory,
            settings,
            access,
            clocks,
            metrics,
            own: None,
            peers: BTreeMap::new(),
            looked_at: None,
            crowded: false,
            skipped: Vec::new(),
            losses: Arc::default(),
            highest: BTreeMap::new(),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// How often own attestations were lost.
    pub(super) fn losses(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.losses)
    }

    pub(super) fn join(&mut self, member: Member) -> Result<(), CoordinationError> {
        if self.access == Access::Observer {
            return Err(CoordinationError::Observer);
        }
        if self.own.as_ref().is_some_and(|own| *own.id() != member.id) {
            self.leave()?;
        }
        // Joining again, after `leave` or not, is the same as a restart; the old lock has to go first.
        self.own = None;
        self.peers.remove(&member.id);
        self.own =
            Some(OwnFile::join(&self.directory, member, (self.clocks.wall_ms)(), Arc::clone(&self.losses))?);
        self.look_now()
    }

    pub(super) fn report(&mut self, report: Report) -> Result<(), CoordinationError> {
        let now_ms = (self.clocks.wall_ms)();
        self.own()?.report(report, now_ms)
    }

    pub(super) fn key_view(&mut self) -> Result<KeyView, CoordinationError> {
        self.look()?;
        let own = self.own.as_ref().and_then(|own| own.contents().key.clone());
        let others = self.peers.values().filter_map(|peer| peer.key(self.settings.lease)).cloned();
        let view = KeyView { own, others: others.collect() };
        self.metrics.show_keys(&view);
        Ok(view)
    }

    pub(super) fn prove_key(&mut self, proof: &KeyProof) -> Result<(), CoordinationError> {
        self.own()?.prove_key(proof)
    }

    pub(super) fn members(&mut self) -> Result<Vec<MemberView>, CoordinationError> {
        self.look()?;
        let own = self.own.as_ref().map(|own| own_view(own.contents()));
        let others = self.peers.values().filter_map(|peer| peer.view(self.settings.lease));
        let mut views: Vec<_> = own.into_iter().chain(others).collect();
        views.sort_by(|a, b| a.member.id.cmp(&b.member.id));
        Ok(views)
    }

    pub(super) fn campaign(&mut self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        let own = self.own()?.id().clone();
        self.look()?;
        if matches!(decide(&own, &self.candidates(lane)), Decision::Claim(_)) {
            // Before claiming: on a view that is half a poll old a term could be claimed twice.
            self.look_now()?;
        }
        if let Decision::Claim(term) = decide(&own, &self.candidates(lane)) {
            self.own()?.claim(lane, Claim { term, standing: true })?;
            // After writing: of two that claim at once at least one sees the other now.
            self.look_now()?;
        }
        let candidates = self.candidates(lane);
        Ok(match leader(&candidates) {
            Some((id, term)) => Leadership { leader: Some(id.clone()), term, own: *id == own },
            None => Leadership { leader: None, term: highest_term(&candidates), own: false },
        })
    }

    pub(super) fn challenge(&mut self, lane: BridgeId) -> Result<Leadership, CoordinationError> {
        let own = self.own()?.id().clone();
        self.look_now()?;
        if let Some(term) = challenge(&own, &self.candidates(lane)) {
            self.own()?.claim(lane, Claim { term, standing: true })?;
        }
        self.campaign(lane)
    }

    pub(super) fn leader(&mut self, lane: BridgeId) -> Result<Option<(MemberId, Term)>, CoordinationError> {
        self.look()?;
        Ok(leader(&self.candidates(lane)).map(|(id, term)| (id.clone(), term)))
    }

    pub(super) fn resign(&mut self, lane: BridgeId) -> Result<(), CoordinationError> {
        let own = self.own()?;
        match own.contents().claims.get(&lane) {
            Some(claim) if claim.standing => own.claim(lane, Claim { standing: false, ..*claim }),
            _ => Ok(()),
        }
    }

    pub(super) fn publish(&mut self, attestation: &Attestation) -> Result<(), CoordinationError> {
        let checkpoint = &attestation.checkpoint;
        let largest = checkpoint.nonce.get().max(checkpoint.epoch.get());
        if i64::try_from(largest).is_err() {
            let reason = format!("{largest} is larger than any chain's counter");
            return Err(CoordinationError::Invalid { what: "an attestation", reason });
        }
        self.own()?.publish(attestation)
    }

    pub(super) fn prune(&mut self, lane: BridgeId, below: RequestNonce) -> Result<(), CoordinationError> {
        self.own()?.prune(lane, below)
    }

    pub(super) fn keep_only(
        &mut self,
        lane: BridgeId,
        kept: &[Attestation],
    ) -> Result<(), CoordinationError> {
        self.own()?.keep_only(lane, kept)
    }

    pub(super) fn publish_decision(&mut self, decision: &SignedDecision) -> Result<(), CoordinationError> {
        self.own()?.decide(decision.decision.bridge_id, Some(decision))
    }

    pub(super) fn withdraw_decision(&mut self, lane: BridgeId) -> Result<(), CoordinationError> {
        self.own()?.decide(lane, None)
    }

    pub(super) fn decisions(&mut self, lane: BridgeId) -> Result<Vec<SignedDecision>, CoordinationError> {
        self.look()?;
        let own = self.own.as_ref().map(OwnFile::contents);
        let others = self.peers.values().filter_map(Peer::contents);
        Ok(own
            .into_iter()
            .chain(others)
            .filter_map(|contents| contents.decisions.get(&lane))
            .copied()
            .collect())
    }

    pub(super) fn leave(&mut self) -> Result<(), CoordinationError> {
        if let Some(mut own) = self.own.take() {
            own.leave()?;
        }
        Ok(())
    }

    pub(super) fn attestations(
        &mut self,
        lane: BridgeId,
        above: RequestNonce,
    ) -> Result<Vec<Attestation>, CoordinationError> {
        self.look()?;
        let asked: Vec<_> = self.peers.values().filter_map(|peer| peer.ask_above(lane, above)).collect();
        let mut found = match &self.own {
            Some(own) => contents::above(own.connection(), lane, Some(above), contents::LEFT_OVER)
                .map_err(|e| own.unreadable(&e))?,
            None => Vec::new(),
        };
        found.extend(answers(asked, FIRST_LOOK_PATIENCE).flatten().flatten().flatten());
        Ok(found.into_iter().map(|numbered| numbered.attestation).collect())
    }

    /// What is new for a follower, whose `positions` move on.
    pub(super) fn news(
        &mut self,
        lane: BridgeId,
        positions: &mut Positions,
    ) -> Result<News, CoordinationError> {
        self.look()?;
        let mut asked = Vec::new();
        for (id, peer) in &self.peers {
            let Some(end) = peer.contents().map(Position::end_of) else { continue };
            let after = positions.after(id, end);
            if after < end.sequence
                && let Some(answer) = peer.ask_news(lane, after)
            {
                asked.push((id, end, answer));
            }
        }
        let mut news = News { skipped: self.skipped.clone(), ..News::default() };
        if let Some(own) = &self.own {
            let end = Position::end_of(own.contents());
            let after = positions.after(own.id(), end);
            if after < end.sequence {
                let found = contents::news(own.connection(), lane, after).map_err(|e| own.unreadable(&e))?;
                positions.take(own.id(), end, found, &mut news);
            }
        }
        let deadline = Instant::now() + LOOK_PATIENCE;
        for (id, end, answer) in asked {
            // Without an answer the position stays, and the next look asks again.
            if let Some(Some(found)) = answer_by(&answer, deadline) {
                positions.take(id, end, found, &mut news);
            }
        }
        Ok(news)
    }

    fn own(&mut self) -> Result<&mut OwnFile, CoordinationError> {
        match self.access {
            Access::Observer => Err(CoordinationError::Observer),
            Access::Member => self.own.as_mut().ok_or(CoordinationError::NotJoined),
        }
    }

    fn candidates(&mut self, lane: BridgeId) -> Vec<Candidate> {
        let own = self.own.as_ref().and_then(|own| {
            let claim = own.contents().claims.get(&lane)?;
            Some(Candidate { id: own.id().clone(), alive: true, claim: *claim })
        });
        let others = self.peers.iter().filter_map(|(id, peer)| {
            let claim = peer.contents()?.claims.get(&lane)?;
            Some(Candidate { id: id.clone(), alive: peer.is_alive(self.settings.lease), claim: *claim })
        });
        let candidates = own.into_iter().chain(others).collect();
        let seen = self.highest.entry(lane).or_default();
        let candidates = believed(*seen, self.own.as_ref().map(OwnFile::id), candidates);
        *seen = (*seen).max(highest_term(&candidates));
        candidates
    }

    /// Looks at the others, unless that was done less than half a poll ago.
    fn look(&mut self) -> Result<(), CoordinationError> {
        let now = (self.clocks.monotonic)();
        match self.looked_at {
            Some(last) if now.saturating_sub(last) < self.settings.poll / 2 => Ok(()),
            _ => self.look_now(),
        }
    }

    fn look_now(&mut self) -> Result<(), CoordinationError> {
        let newest = self.newest_files()?;
        self.match_peers(newest);
        let unseen = self.peers.values().any(Peer::is_unseen);
        let patience = if unseen { FIRST_LOOK_PATIENCE } else { LOOK_PATIENCE };
        let asked: Vec<_> = self.peers.values().filter_map(Peer::ask_look).collect();
        answers(asked, patience).for_each(drop);
        let look = Look {
            now: (self.clocks.monotonic)(),
            wall_ms: (self.access == Access::Observer).then(|| (self.clocks.wall_ms)()),
            lease: self.settings.lease,
        };
        self.looked_at = Some(look.now);
        for peer in self.peers.values_mut() {
            peer.take(look);
        }
        self.note_skipped(look);
        let own = usize::from(self.own.is_some());
        let alive = self.peers.values().filter(|peer| peer.is_alive(self.settings.lease)).count();
        self.metrics.show_members(own + alive, own + self.peers.len());
        Ok(())
    }

    /// The file of its highest generation of each member other than this one, for the first [`MEMBERS`].
    fn newest_files(&mut self) -> Result<BTreeMap<MemberId, FileName>, CoordinationError> {
        let mut newest: BTreeMap<MemberId, FileName> = BTreeMap::new();
        self.crowded = false;
        for file in member_files(&self.directory)? {
            let file = file?;
            if self.own.as_ref().is_some_and(|own| *own.id() == file.id) {
                continue;
            }
            match newest.get(&file.id) {
                Some(known) if known.generation >= file.generation => {}
                _ => drop(newest.insert(file.id.clone(), file)),
            }
            if newest.len() > MEMBERS {
                newest.pop_last();
                self.crowded = true;
            }
        }
        Ok(newest)
    }

    fn match_peers(&mut self, newest: BTreeMap<MemberId, FileName>) {
        self.peers.retain(|id, _| newest.contains_key(id));
        for (id, file) in newest {
            let path = file.path(&self.directory);
            match self.peers.get_mut(&id) {
                Some(peer) if *peer.name() == file => {}
                Some(peer) => peer.follow_to(file, path),
                None => drop(self.peers.insert(id, Peer::new(file, path))),
            }
        }
    }

    fn note_skipped(&mut self, look: Look) {
        let crowded = self.crowded.then(|| CoordinationError::Skipped {
            path: self.directory.clone(),
            reason: format!("it has files of more than {MEMBERS} members, and the others are not read; remove those of members that are gone"),
        });
        let troubles = self.peers.values().filter_map(|peer| peer.trouble(look));
        let skipped: Vec<_> = crowded.into_iter().chain(troubles).collect();
        for warning in skipped.iter().filter(|warning| !self.skipped.contains(warning)) {
            tracing::warn!(%warning, "a member cannot be seen");
        }
        self.metrics.skipped.set(i64::try_from(skipped.len()).unwrap_or(i64::MAX));
        self.skipped = skipped;
    }
}

/// The answers that come within `patience`, `None` for each that does not.
fn answers<T>(asked: Vec<Receiver<T>>, patience: Duration) -> impl Iterator<Item = Option<T>> {
    let deadline = Instant::now() + patience;
    asked.into_iter().map(move |answer| answer_by(&answer, deadline))
}

fn answer_by<T>(answer: &Receiver<T>, deadline: Instant) -> Option<T> {
    answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

/// Every member file in the folder, one at a time; other files are none of our business.
pub(super) fn member_files(
    directory: &Path,
) -> Result<impl Iterator<Item = Result<FileName, CoordinationError>>, CoordinationError> {
    let owned = directory.to_owned();
    let entries = std::fs::read_dir(directory).map_err(|error| unusable(directory, &error))?;
    Ok(entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(unusable(&owned, &error))),
        };
        entry.file_name().to_str().and_then(FileName::parse).map(Ok)
    }))
}

fn own_view(contents: &Contents) -> MemberView {
    MemberView {
        member: contents.member.clone(),
        report: contents.report.clone(),
        alive: true,
        last_seen_ms: contents.last_seen_ms,
    }
}

fn unusable(directory: &Path, error: &std::io::Error) -> CoordinationError {
    CoordinationError::Directory { path: directory.to_owned(), reason: error.to_string() }
}
