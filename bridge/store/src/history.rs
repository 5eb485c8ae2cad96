//! How much of what is finished is kept: plain rules, without I/O.

use std::time::Duration;

use polyspan_types::RequestNonce;

/// How many transfers of each lane are kept when they are finished, and for how long. What is beyond either goes; `None` is no
/// bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest handled transfers that are kept. Unit: transfers of a lane.
    pub keep: Option<u64>,
    /// How long after a relay has stored its request a handled transfer is kept.
    pub max_age: Option<Duration>,
}

impl Retention {
    /// Nothing goes.
    pub const EVERYTHING: Self = Self { keep: None, max_age: None };

    /// Whether nothing ever goes.
    pub const fn keeps_everything(&self) -> bool {
        self.keep.is_none() && self.max_age.is_none()
    }

    /// Whatever was stored before is too old. Unit: milliseconds since 1970.
    pub(crate) fn oldest_ms(&self, now_ms: u64) -> Option<u64> {
        self.max_age.map(|age| now_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// What decides how far a lane is compacted by one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Where the lane begins now.
    pub base: RequestNonce,
    /// First nonce that is not known to be handled for good.
    pub settled: RequestNonce,
    /// First nonce over which the source has not confirmed the own root.
    pub verified: RequestNonce,
    /// First nonce from the base on that is young enough to be kept; `None` without a bound on age.
    pub young: Option<RequestNonce>,
}

impl Cut {
    /// Where the lane shall begin, at most `window` further on. Never below where it begins, and never above what is settled and
    /// verified.
    pub fn base(&self, keep: Option<u64>, window: u64) -> RequestNonce {
        let by_age = self.young.unwrap_or(RequestNonce::ZERO);
        let wanted = self.by_count(keep).max(by_age).min(self.settled).min(self.verified);
        wanted.min(self.base.plus(window)).max(self.base)
    }

    fn by_count(&self, keep: Option<u64>) -> RequestNonce {
        keep.map_or(RequestNonce::ZERO, |keep| self.settled.minus(keep))
    }
}

/// What is stored of a lane's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneHistory {
    /// The oldest transfer of which everything is stored; `None` before the lane has begun.
    pub oldest: Option<RequestNonce>,
    /// Handled transfers from there on.
    pub kept: u64,
    /// Open holds, which are kept wherever they are.
    pub open_holds: u64,
    /// The first nonce that may ever be signed again.
    pub sealed: RequestNonce,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nonce(number: u64) -> RequestNonce {
        RequestNonce::new(number)
    }

    fn cut(base: u64, settled: u64, verified: u64, young: Option<u64>) -> Cut {
        Cut { base: nonce(base), settled: nonce(settled), verified: nonce(verified), young: young.map(nonce) }
    }

    #[test]
    fn what_is_beyond_the_count_or_the_age_goes_step_by_step() {
        assert_eq!(cut(0, 100, 100, None).base(Some(30), 1000), nonce(70));
        assert_eq!(cut(0, 100, 100, None).base(Some(30), 50), nonce(50));
        assert_eq!(cut(90, 100, 100, None).base(Some(30), 50), nonce(90), "it never moves back");
        assert_eq!(cut(0, 20, 100, None).base(Some(30), 50), nonce(0));
        assert_eq!(cut(10, 100, 100, Some(40)).base(None, 1000), nonce(40));
        assert_eq!(cut(10, 100, 100, Some(40)).base(Some(30), 1000), nonce(70));
        assert_eq!(cut(10, 100, 100, Some(90)).base(Some(30), 1000), nonce(90));
        assert_eq!(cut(10, 60, 100, Some(90)).base(None, 1000), nonce(60), "what is open stays");
        assert_eq!(cut(10, 60, 50, Some(90)).base(None, 1000), nonce(50));
    }

    proptest! {
        #[test]
        fn a_cut_never_reaches_what_is_open_or_kept(
            base in 0u64..200, settled in 0u64..200, verified in 0u64..200, young in proptest::option::of(0u64..200),
            keep in proptest::option::of(1u64..200), window in 1u64..100,
        ) {
            let cut = cut(base, settled, verified, young);
            let to = cut.base(keep, window);
            prop_assert!(to >= nonce(base) && to <= nonce(base + window));
            if to > nonce(base) {
                prop_assert!(to <= nonce(settled) && to <= nonce(verified));
                prop_assert!(keep.is_some_and(|keep| to.get() + keep <= settled) || young.is_some_and(|young| to.get() <= young));
            }
            prop_assert!(young.is_some() || cut.base(None, window) == nonce(base));
        }
    }
}
