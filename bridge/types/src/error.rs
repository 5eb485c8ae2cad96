//! The one question every error answers: what happens next.

use std::time::Duration;

/// What the caller of a failed step does. Only the supervisor and the lane loops act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same step may work later.
    Retry {
        /// Shortest wait that makes sense; the loop's backoff may be longer.
        after: Duration,
    },
    /// This item cannot be done; the next one can.
    Skip,
    /// A person must look; the lane or task stops with this error shown everywhere.
    Halt,
}

impl ErrorClass {
    /// Retry without a wait of the error's own.
    pub const RETRY: Self = Self::Retry { after: Duration::ZERO };
}

/// An error that knows its class.
pub trait Classify {
    /// What happens next.
    fn class(&self) -> ErrorClass;
}
