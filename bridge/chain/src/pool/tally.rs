//! Counting equal answers. Pure.

use crate::pool::answer::Answer;

/// Answers by what they say, and who gave them.
#[derive(Debug)]
pub(crate) struct Tally<T> {
    quorum: usize,
    groups: Vec<(T, Vec<usize>)>,
}

/// The answer of a quorum.
#[derive(Debug)]
pub(crate) struct Verdict<T> {
    pub(crate) answer: T,
    /// Who gave it.
    pub(crate) by: Vec<usize>,
    /// Who said something that cannot be true beside it.
    pub(crate) liars: Vec<usize>,
}

impl<T: Answer> Tally<T> {
    pub(crate) const fn new(quorum: usize) -> Self {
        Self { quorum, groups: Vec::new() }
    }

    /// Counts one endpoint's answer.
    pub(crate) fn add(&mut self, index: usize, answer: T) {
        match self.groups.iter_mut().find(|(said, _)| said.is_same(&answer)) {
            Some((_, by)) => by.push(index),
            None => self.groups.push((answer, vec![index])),
        }
    }

    /// Endpoints behind the answer that most of them gave.
    pub(crate) fn most(&self) -> usize {
        self.groups.iter().map(|(_, by)| by.len()).max().unwrap_or(0)
    }

    /// Whether a quorum agrees.
    pub(crate) fn is_decided(&self) -> bool {
        self.most() >= self.quorum
    }

    /// What everyone said, in words.
    pub(crate) fn told(&self) -> Vec<(usize, String)> {
        let each = |(said, by): &(T, Vec<usize>)| {
            let words = said.told();
            by.iter().map(|index| (*index, words.clone())).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(each).collect()
    }

    /// The answer that a quorum gave. At most one can have it, since a quorum is more than half.
    pub(crate) fn verdict(mut self) -> Option<Verdict<T>> {
        let at = self.groups.iter().position(|(_, by)| by.len() >= self.quorum)?;
        let (answer, by) = self.groups.swap_remove(at);
        let lies = self.groups.iter().filter(|(said, _)| said.cannot_stand_beside(&answer));
        let liars = lies.flat_map(|(_, by)| by.clone()).collect();
        Some(Verdict { answer, by, liars })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_decides_and_names_the_odd_one() {
        let mut tally = Tally::new(2);
        tally.add(2, true);
        assert!(!tally.is_decided());
        tally.add(0, false);
        assert_eq!(tally.told(), [(2, "yes".to_owned()), (0, "no".to_owned())]);
        tally.add(1, false);
        let verdict = tally.verdict().unwrap();
        assert_eq!((verdict.answer, verdict.by, verdict.liars), (false, vec![0, 1], vec![2]));
    }

    #[test]
    fn fewer_than_a_quorum_decide_nothing() {
        let mut tally = Tally::new(3);
        for (index, answer) in [true, true, false, false].into_iter().enumerate() {
            tally.add(index, answer);
        }
        assert_eq!(tally.most(), 2);
        assert!(tally.verdict().is_none());
    }
}
