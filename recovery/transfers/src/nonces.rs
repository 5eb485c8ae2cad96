//! Sets of request nonces, as ranges: as small as what they say is simple, whatever they count.

use std::fmt;

use polyspan_types::RequestNonce;
use serde::Serialize;

/// Ranges that are written out for a person; the rest is counted.
const SHOWN: usize = 8;

/// Nonces that follow each other: `first` and everything below `end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NonceRange {
    /// The lowest.
    pub first: RequestNonce,
    /// The first one above.
    pub end: RequestNonce,
}

/// Nonces in any number of ranges. They are in order, apart from each other, and none is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NonceSet(Vec<NonceRange>);

impl NonceRange {
    /// The range from `first` up to and without `end`.
    pub const fn new(first: RequestNonce, end: RequestNonce) -> Self {
        Self { first, end }
    }

    /// How many nonces it has.
    pub const fn count(&self) -> u64 {
        self.end.since(self.first)
    }

    /// Whether it has this one.
    pub fn contains(&self, nonce: RequestNonce) -> bool {
        self.first <= nonce && nonce < self.end
    }
}

impl NonceSet {
    /// Without a nonce.
    pub const EMPTY: Self = Self(Vec::new());

    /// Its ranges, lowest first.
    pub fn ranges(&self) -> &[NonceRange] {
        &self.0
    }

    /// How many nonces it has.
    pub fn count(&self) -> u64 {
        self.0.iter().map(NonceRange::count).sum()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest.
    pub fn first(&self) -> Option<RequestNonce> {
        self.0.first().map(|range| range.first)
    }

    /// Whether it has this one.
    pub fn contains(&self, nonce: RequestNonce) -> bool {
        let after = self.0.partition_point(|range| range.first <= nonce);
        after.checked_sub(1).is_some_and(|index| self.0[index].contains(nonce))
    }

    /// What of `range` it does not have.
    #[must_use]
    pub fn lacks(&self, range: NonceRange) -> Self {
        let mut missing = Vec::new();
        let mut from = range.first;
        for has in &self.0 {
            missing.push(NonceRange::new(from, has.first.min(range.end)));
            from = from.max(has.end);
        }
        missing.push(NonceRange::new(from, range.end));
        missing.into_iter().collect()
    }
}

/// Ranges in any order, empty, or over each other.
impl FromIterator<NonceRange> for NonceSet {
    fn from_iter<I: IntoIterator<Item = NonceRange>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| range.first < range.end).collect();
        ranges.sort_unstable_by_key(|range| range.first);
        let mut joined: Vec<NonceRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.first <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }
}

impl FromIterator<RequestNonce> for NonceSet {
    fn from_iter<I: IntoIterator<Item = RequestNonce>>(nonces: I) -> Self {
        nonces.into_iter().map(|nonce| NonceRange::new(nonce, nonce.next())).collect()
    }
}

/// With both ends, as people count: `7`, `7-9`.
impl fmt::Display for NonceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => self.first.fmt(f),
            _ => write!(f, "{}-{}", self.first, self.end.minus(1)),
        }
    }
}

/// The lowest ranges, and how many there are more.
impl fmt::Display for NonceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().take(SHOWN).enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{range}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more ranges"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, end: u64) -> NonceRange {
        NonceRange::new(RequestNonce::new(first), RequestNonce::new(end))
    }

    fn members(set: &NonceSet) -> Vec<u64> {
        (0..200).filter(|nonce| set.contains(RequestNonce::new(*nonce))).collect()
    }

    #[test]
    fn ranges_are_shown_with_both_ends_and_a_long_list_is_counted() {
        let set: NonceSet = [range(3, 4), range(7, 10)].into_iter().collect();
        assert_eq!(set.to_string(), "3, 7-9");
        let many: NonceSet = (0..10).map(|index| range(2 * index, 2 * index + 1)).collect();
        assert_eq!(many.to_string(), "0, 2, 4, 6, 8, 10, 12, 14 and 2 more ranges");
        assert_eq!(NonceSet::EMPTY.to_string(), "");
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"[{"first":3,"end":4},{"first":7,"end":10}]"#);
    }

    proptest! {
        #[test]
        fn a_set_has_what_its_ranges_have_whatever_their_order(
            ends in proptest::collection::vec((0u64..200, 0u64..200), 0..12), from in 0u64..200, to in 0u64..200,
        ) {
            let ranges: Vec<_> = ends.into_iter().map(|(first, end)| range(first, end)).collect();
            let has = |nonce: &u64| ranges.iter().any(|range| range.contains(RequestNonce::new(*nonce)));
            let set: NonceSet = ranges.iter().copied().collect();
            let expected: Vec<_> = (0..200).filter(has).collect();
            prop_assert_eq!(members(&set), expected.clone());
            prop_assert_eq!(set.count(), expected.len() as u64);
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].end < pair[1].first));
            let lacks: Vec<_> = (from..to).filter(|nonce| !has(nonce)).collect();
            prop_assert_eq!(members(&set.lacks(range(from, to))), lacks);
        }
    }
}
