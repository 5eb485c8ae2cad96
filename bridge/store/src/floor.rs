//! Below which nonce a store without a whole history signs nothing: plain rules, without I/O.
//!
//! A store that was lost, or restored from an old backup, does not know what its key signed before. What was signed is at most
//! the newest final request of its time, so everything above the first final nonce that is seen now is free.

use std::fmt;

use polyspan_types::RequestNonce;

/// Which nonces of a lane may be signed although the store knows no root that was signed for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignFloor {
    /// Nonces above it are free; `None` until the first final nonce is seen, and then none is.
    floor: Option<RequestNonce>,
    /// Up to here an operator answers for it that no other root was signed.
    adopted: RequestNonce,
    /// Nothing below it is ever signed again, whatever else is decided: what was signed there is forgotten on purpose.
    sealed: RequestNonce,
}

impl SignFloor {
    /// Nothing is known of what was signed before.
    pub const UNKNOWN: Self = Self { floor: None, adopted: RequestNonce::ZERO, sealed: RequestNonce::ZERO };

    /// As it was stored.
    pub(crate) const fn new(
        floor: Option<RequestNonce>,
        adopted: RequestNonce,
        sealed: RequestNonce,
    ) -> Self {
        Self { floor, adopted, sealed }
    }

    /// The nonce above which everything is free; `None` while it is not decided.
    pub const fn floor(&self) -> Option<RequestNonce> {
        self.floor
    }

    /// The nonce up to which an operator adopted what is to be signed.
    pub const fn adopted(&self) -> RequestNonce {
        self.adopted
    }

    /// The first nonce that may ever be signed again.
    pub const fn sealed(&self) -> RequestNonce {
        self.sealed
    }

    /// Whether `nonce` may be signed although no root is known that was signed for it.
    pub fn permits(&self, nonce: RequestNonce) -> bool {
        nonce >= self.sealed && (nonce <= self.adopted || self.floor.is_some_and(|floor| nonce > floor))
    }

    /// Whether an own signature for `nonce` of which no root is known proves that signatures were forgotten: at or below the floor it
    /// was reckoned with, and what was adopted there is signed by an operator's word, of which this is one more.
    pub fn is_disproved_by(&self, nonce: RequestNonce) -> bool {
        self.floor.is_some_and(|floor| nonce > floor)
    }

    /// The first final nonce is seen, and `signed` is the highest nonce of which a signature is known. Decided once.
    #[must_use]
    pub fn seen(self, final_nonce: RequestNonce, signed: RequestNonce) -> Self {
        Self { floor: Some(self.floor.unwrap_or(final_nonce.max(signed).max(self.sealed))), ..self }
    }

    /// An operator answers for everything up to `until`.
    #[must_use]
    pub fn adopt(self, until: RequestNonce) -> Self {
        Self { adopted: self.adopted.max(until), ..self }
    }

    /// Signatures turned out to be forgotten: what was decided and adopted rested on another history.
    #[must_use]
    pub const fn forgotten(self) -> Self {
        Self { sealed: self.sealed, ..Self::UNKNOWN }
    }
}

/// What a database counts of its own rows. When it finds something else, it was put together from two: a newer log that met an
/// older file brings the page with the counts, and not all others.
///
/// A root that is missing is above every root that compaction took, so that counts which are equal come with other nonces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Signed roots that are stored.
    pub roots: u64,
    /// Sum of their nonces.
    pub nonces: u64,
    /// How often a floor changed, or what goes with it.
    pub floors: u64,
}

/// How far a store has come, as the database and the lock file beside it say. The database is written first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Drawn by lot for a new store and after every restore: tells apart what went on from one backup.
    pub line: u64,
    /// Rises with every opening.
    pub run: u64,
    /// Roots that were ever signed.
    pub signed: u64,
}

impl Mark {
    /// Whether a database at this mark is older than what its lock file has seen, or is without its lock file.
    pub fn is_behind(&self, beside: Option<Self>) -> bool {
        match beside {
            Some(beside) => self.line != beside.line || self.run < beside.run || self.signed < beside.signed,
            None => self.run > 0,
        }
    }

    /// The mark of the next run: above both, and of the line `lot` when the database was `restored`.
    #[must_use]
    pub fn next_run(self, beside: Option<Self>, restored: bool, lot: u64) -> Self {
        let run = self.run.max(beside.map_or(0, |beside| beside.run)).saturating_add(1);
        Self { line: if restored { lot } else { self.line }, run, ..self }
    }

    /// What a lock file says; `None` for one that says nothing that can be read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut number = |name: &str| match (words.next(), words.next()) {
            (Some(found), Some(number)) if found == name => number.parse().ok().filter(storable),
            _ => None,
        };
        Some(Self { line: number("line")?, run: number("run")?, signed: number("signed")? })
    }
}

/// Whether a database can hold it and what comes next.
const fn storable(number: &u64) -> bool {
    *number < i64::MAX.unsigned_abs()
}

/// Of one width, so that a shorter mark leaves nothing of a longer one behind.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "line {:020} run {:020} signed {:020}", self.line, self.run, self.signed)
    }
}

#[cfg(test)]
mod tests;
