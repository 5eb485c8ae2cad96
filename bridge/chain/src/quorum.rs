//! How many endpoints must give the same answer.

use std::fmt;

/// A number of endpoints that is more than half of them: two such sets always share one, so two answers that contradict
/// each other cannot both have a quorum while at most a minority lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quorum(usize);

impl Quorum {
    /// The smallest majority of `endpoints`.
    pub const fn majority(endpoints: usize) -> Self {
        Self(endpoints / 2 + 1)
    }

    /// `quorum` of `endpoints`.
    ///
    /// Errors: it is half of them or less, or more than there are.
    pub const fn try_new(quorum: u64, endpoints: usize) -> Result<Self, QuorumError> {
        let count = endpoints as u64;
        if quorum <= count / 2 {
            return Err(QuorumError::HalfOrLess { quorum, endpoints, least: endpoints / 2 + 1 });
        }
        if quorum > count {
            return Err(QuorumError::MoreThanThereAre { quorum, endpoints });
        }
        Ok(Self(quorum as usize))
    }

    /// As a number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no quorum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Two answers that contradict each other could both have it.
    #[error("quorum {quorum} is not more than half of {endpoints} endpoints; use {least} or more")]
    HalfOrLess {
        /// What was given.
        quorum: u64,
        /// Endpoints of the chain.
        endpoints: usize,
        /// The smallest majority.
        least: usize,
    },
    /// It can never be reached.
    #[error("quorum {quorum} exceeds {endpoints} endpoints; list more endpoints or lower it")]
    MoreThanThereAre {
        /// What was given.
        quorum: u64,
        /// Endpoints of the chain.
        endpoints: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_half_and_no_more_than_all_is_a_quorum() {
        for endpoints in 1..9 {
            let majority = Quorum::majority(endpoints);
            assert!(2 * majority.get() > endpoints && 2 * (majority.get() - 1) <= endpoints);
            for quorum in 0..12 {
                let allowed = 2 * quorum > endpoints && quorum <= endpoints;
                assert_eq!(
                    Quorum::try_new(quorum as u64, endpoints).is_ok(),
                    allowed,
                    "{quorum} of {endpoints}"
                );
            }
        }
        let error = Quorum::try_new(1, 3).unwrap_err();
        assert_eq!(error.to_string(), "quorum 1 is not more than half of 3 endpoints; use 2 or more");
    }
}
