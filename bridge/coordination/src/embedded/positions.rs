//! How far a follower has read, and what it gets next.

use std::collections::HashMap;

use polyspan_types::Attestation;

use super::contents::{Contents, NEWS_LIMIT, Numbered};
use crate::{CoordinationError, MemberId};

/// How far a follower has read each member's attestations.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(HashMap<MemberId, Position>);

/// A place in one member's history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    origin: [u8; 16],
    pub(super) sequence: u64,
}

/// What a follower gets at one look.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) attestations: Vec<Attestation>,
    /// The files that are skipped now.
    pub(super) skipped: Vec<CoordinationError>,
    /// Whether there is more to fetch at once.
    pub(super) more: bool,
}

impl Position {
    pub(super) fn end_of(contents: &Contents) -> Self {
        Self { origin: contents.origin, sequence: contents.sequence }
    }
}

impl Positions {
    /// Number of the last attestation taken from this history.
    pub(super) fn after(&self, id: &MemberId, end: Position) -> u64 {
        self.0.get(id).filter(|taken| taken.origin == end.origin).map_or(0, |taken| taken.sequence)
    }

    pub(super) fn take(&mut self, id: &MemberId, end: Position, found: Vec<Numbered>, news: &mut News) {
        let full = found.len() >= NEWS_LIMIT;
        let last = found.last().map_or(0, |numbered| numbered.sequence);
        // All of this lane is read: go past the numbers that other lanes use.
        let sequence = if full { last } else { last.max(end.sequence) };
        self.0.insert(id.clone(), Position { sequence, ..end });
        news.more |= full;
        news.attestations.extend(found.into_iter().map(|numbered| numbered.attestation));
    }
}
