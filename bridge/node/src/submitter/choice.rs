//! Which of a chain's submitter keys takes a job: pure.

use std::collections::BTreeSet;

/// Whether a key can get a transaction into a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    #[default]
    Able,
    /// It cannot pay.
    Unfunded,
    /// It is elsewhere, and gives no signatures.
    Silent,
    /// One of its transactions does not get into a block, and every later one waits behind it.
    Stuck,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Able, Self::Unfunded, Self::Silent, Self::Stuck];

    /// Label of the metrics: a closed set.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Able => "able",
            Self::Unfunded => "unfunded",
            Self::Silent => "silent",
            Self::Stuck => "stuck",
        }
    }
}

/// The key that takes a job which `passed` some already: the first that is able. When none is, one that cannot pay is
/// asked all the same, since it may have been funded a moment ago; its refusal is the answer then.
pub fn choose(standings: &[Standing], passed: &BTreeSet<usize>) -> Option<usize> {
    first(standings, passed, Standing::Able).or_else(|| {
        let fresh = passed.is_empty() && !standings.is_empty();
        fresh.then(|| first(standings, passed, Standing::Unfunded).unwrap_or(0))
    })
}

/// Whether a job that waits for the key `used` goes on with another one: a transaction that is stuck costs nothing, and
/// should it be mined later it pays what was approved or reverts.
pub fn moves_on(standings: &[Standing], used: usize, passed: &BTreeSet<usize>) -> bool {
    // What a silent key has signed is mined all the same.
    let stands =
        standings.get(used).is_some_and(|standing| matches!(standing, Standing::Unfunded | Standing::Stuck));
    stands && first(standings, passed, Standing::Able).is_some()
}

fn first(standings: &[Standing], passed: &BTreeSet<usize>, wanted: Standing) -> Option<usize> {
    let mut keys = standings.iter().enumerate();
    keys.find(|(key, standing)| **standing == wanted && !passed.contains(key)).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use Standing::{Able, Silent, Stuck, Unfunded};

    use super::*;

    fn chosen(standings: &[Standing], passed: &[usize]) -> Option<usize> {
        choose(standings, &passed.iter().copied().collect())
    }

    #[test]
    fn the_first_key_that_can_takes_the_job() {
        assert_eq!(chosen(&[Able, Able], &[]), Some(0));
        assert_eq!(chosen(&[Unfunded, Able, Able], &[]), Some(1));
        assert_eq!(chosen(&[Stuck, Unfunded, Able], &[]), Some(2));
        assert_eq!(chosen(&[Silent, Able], &[]), Some(1));
        assert_eq!(chosen(&[Able, Stuck], &[]), Some(0), "the first again as soon as it can");
    }

    #[test]
    fn a_job_that_passed_a_key_does_not_come_back_to_it() {
        assert_eq!(chosen(&[Able, Able], &[0]), Some(1));
        assert_eq!(chosen(&[Able, Stuck], &[0]), None);
        assert_eq!(chosen(&[Able], &[0]), None);
    }

    #[test]
    fn where_no_key_can_one_without_funds_is_tried_and_a_stuck_one_only_alone() {
        assert_eq!(chosen(&[Stuck, Unfunded], &[]), Some(1));
        assert_eq!(chosen(&[Unfunded], &[]), Some(0));
        assert_eq!(chosen(&[Silent, Unfunded], &[]), Some(1));
        assert_eq!(chosen(&[Silent], &[]), Some(0), "it answers why it does not sign");
        assert_eq!(chosen(&[Stuck, Stuck], &[]), Some(0), "it answers what it waits for");
        assert_eq!(chosen(&[Unfunded, Unfunded], &[0]), None, "each is not asked in vain");
        assert_eq!(chosen(&[], &[]), None);
    }

    #[test]
    fn a_waiting_job_moves_on_only_when_another_key_can() {
        let moves = |standings: &[Standing], used, passed: &[usize]| {
            moves_on(standings, used, &passed.iter().copied().collect())
        };
        assert!(moves(&[Stuck, Able], 0, &[]));
        assert!(!moves(&[Silent, Able], 0, &[]), "what it has signed needs it no more");
        assert!(moves(&[Able, Stuck], 1, &[]), "back to the first");
        assert!(!moves(&[Able, Able], 0, &[]));
        assert!(!moves(&[Stuck, Unfunded], 0, &[]));
        assert!(!moves(&[Stuck], 0, &[]));
        assert!(!moves(&[Able, Stuck], 1, &[0]), "it was there before");
    }
}
