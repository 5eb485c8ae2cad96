//! What is counted of a lane, and what is found on the way.

use std::fmt;

use polyspan_types::RequestNonce;

/// Counts of one lane, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneFacts {
    /// Requests on the source, refunds of the other lane's holds included.
    pub requested: u64,
    /// Requests that were paid or held.
    pub handled: u64,
    /// Those of them that were ever held.
    pub held: u64,
    /// Holds that have not ended.
    pub on_hold: u64,
    /// Holds that were paid after all.
    pub released: u64,
    /// Holds that went back.
    pub refunded: u64,
    /// Holds that governors have written off.
    pub written_off: u64,
    /// Requests below the destination's nonce that were neither held nor really paid.
    pub lost: u64,
    /// Times that a request was handled, or really paid, beyond the first.
    pub duplicated: u64,
    /// First nonce that the destination has not handled. Unit: requests of all lanes that are counted here.
    pub handle_nonce: u64,
}

/// What was found of one lane.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) facts: LaneFacts,
    pub(super) problems: Vec<String>,
    /// Holds that have not ended.
    pub(super) on_hold: Vec<RequestNonce>,
}

impl LaneFacts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requested: self.requested + other.requested,
            handled: self.handled + other.handled,
            held: self.held + other.held,
            on_hold: self.on_hold + other.on_hold,
            released: self.released + other.released,
            refunded: self.refunded + other.refunded,
            written_off: self.written_off + other.written_off,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            handle_nonce: self.handle_nonce + other.handle_nonce,
        }
    }
}

impl Findings {
    pub(super) fn handled_below(&self) -> usize {
        usize::try_from(self.facts.handle_nonce).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for LaneFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requested, handled, held, on_hold, released, refunded, lost, duplicated, .. } = self;
        let written_off = match self.written_off {
            0 => String::new(),
            count => format!(", {count} written off"),
        };
        write!(f, "{requested} requested, {handled} handled (")?;
        if *held > 0 {
            write!(
                f,
                "{held} held: {released} released, {refunded} refunded{written_off}, {on_hold} on hold"
            )?;
        } else {
            f.write_str("0 held")?;
        }
        write!(f, "), {lost} lost, {duplicated} duplicated")
    }
}
