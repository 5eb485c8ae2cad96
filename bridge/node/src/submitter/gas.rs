//! What a chain takes for a call, beside what the contract's own figures say.

/// Added to the node's estimate, since state moves between estimate and block. Unit: percent.
const MARGIN_PERCENT: u64 = 15;

/// A node's estimate with room for state that moves, as far as `limit` has room for it: what fits without a margin is tried, for
/// nothing else would ever be. An estimate above the limit stays above it. Unit: gas.
pub(super) fn with_margin(estimate: u64, limit: u64) -> u64 {
    let wanted = estimate.saturating_add(estimate.saturating_mul(MARGIN_PERCENT) / 100);
    wanted.min(limit).max(estimate)
}

/// How much dearer a call is than the EVM's prices make it at the most: some chains charge gas for data that they publish
/// elsewhere. Never below one. Unit: percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dearness(u64);

impl Default for Dearness {
    fn default() -> Self {
        Self(100)
    }
}

impl Dearness {
    /// As an estimate shows it, beside what the call takes at the most elsewhere. Unit: gas.
    pub(super) fn of(estimate: u64, worst: u64) -> Self {
        Self(estimate.saturating_mul(100).div_ceil(worst.max(1)).max(100))
    }

    /// What a call takes here at the most. Unit: gas.
    pub(super) const fn gas(self, worst: u64) -> u64 {
        worst.saturating_mul(self.0).div_ceil(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_takes_more_is_given_more_and_none_is_given_less() {
        assert_eq!(Dearness::default().gas(1_000), 1_000);
        assert_eq!(Dearness::of(400, 1_000).gas(2_000), 2_000);
        assert_eq!(Dearness::of(2_501, 1_000).gas(2_000), 5_020);
        assert_eq!(Dearness::of(5, 0).gas(10), 50);
    }

    #[test]
    fn a_margin_never_makes_too_large_what_fits() {
        assert_eq!(with_margin(100, 1_000), 115);
        assert_eq!([with_margin(100, 110), with_margin(100, 100)], [110, 100]);
        assert_eq!(with_margin(101, 100), 101, "what does not fit still does not");
    }
}
