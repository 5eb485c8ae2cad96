//! Whom to ask next, so that a quorum costs few calls and one that hangs costs little time. Pure.

use std::collections::VecDeque;

/// One question to a quorum: as many endpoints as are needed are asked, and another one for each that fails, is late or
/// says something else.
#[derive(Debug)]
pub(crate) struct Round {
    needed: usize,
    /// Not asked yet, best first.
    order: VecDeque<usize>,
    open: Vec<Open>,
}

/// An endpoint whose answer is awaited.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: usize,
    late: bool,
}

impl Round {
    /// Asks `needed` of those in `order`, the best of which come first.
    pub(crate) fn new(needed: usize, order: Vec<usize>) -> Self {
        Self { needed, order: order.into(), open: Vec::new() }
    }

    /// Others may be asked as well, after all so far.
    pub(crate) fn add(&mut self, order: Vec<usize>) {
        self.order.extend(order);
    }

    /// Who is asked now, when the largest number of equal answers so far is `most`.
    pub(crate) fn launch(&mut self, most: usize) -> Vec<usize> {
        let mut launched = Vec::new();
        while most + self.open.iter().filter(|open| !open.late).count() < self.needed {
            let Some(index) = self.order.pop_front() else { break };
            self.open.push(Open { index, late: false });
            launched.push(index);
        }
        launched
    }

    /// Takes note that the endpoint answered or failed.
    pub(crate) fn ended(&mut self, index: usize) {
        self.open.retain(|open| open.index != index);
    }

    /// Whoever is still open is not counted on any more.
    pub(crate) fn hedge(&mut self) {
        for open in &mut self.open {
            open.late = true;
        }
    }

    /// Those that were given up before they answered.
    pub(crate) fn late(&self) -> impl Iterator<Item = usize> + '_ {
        self.open.iter().filter(|open| open.late).map(|open| open.index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_more_than_needed_is_asked_while_all_goes_well() {
        let mut round = Round::new(2, vec![0, 1, 2]);
        assert_eq!(round.launch(0), [0, 1]);
        round.ended(0);
        assert!(round.launch(1).is_empty());
        round.ended(1);
        assert!(round.launch(2).is_empty());
    }

    #[test]
    fn a_failure_a_contradiction_and_a_late_one_bring_in_the_next() {
        let mut round = Round::new(2, vec![0, 1, 2, 3, 4]);
        assert_eq!(round.launch(0), [0, 1]);
        round.ended(0);
        assert_eq!(round.launch(0), [2], "0 failed");
        round.hedge();
        assert_eq!(round.launch(0), [3, 4], "1 and 2 are late");
        round.ended(1);
        assert!(round.launch(1).is_empty());
        assert_eq!(round.late().collect::<Vec<_>>(), [2]);
    }

    proptest! {
        #[test]
        fn a_quorum_of_honest_endpoints_is_found_whatever_the_others_do(
            honest in prop::collection::vec(any::<bool>(), 1..8), extra in 0usize..3, late in any::<bool>()
        ) {
            let needed = (honest.len() / 2 + 1 + extra).min(honest.len());
            let mut round = Round::new(needed, (0..honest.len()).collect());
            let (mut good, mut asked) = (0, 0);
            let mut open = Vec::new();
            loop {
                let launched = round.launch(good);
                asked += launched.len();
                open.extend(launched);
                if good >= needed {
                    break;
                }
                let Some(index) = open.pop() else { break };
                if late {
                    round.hedge();
                }
                round.ended(index);
                good += usize::from(honest[index]);
            }
            let there_are = honest.iter().filter(|honest| **honest).count();
            prop_assert_eq!(good >= needed, there_are >= needed);
            prop_assert!(asked <= honest.len());
            if !late && honest.iter().all(|honest| *honest) {
                prop_assert_eq!(asked, needed);
            }
        }
    }
}
