//! What counts of answers that right endpoints give in different sizes: prices, estimates, gas limits. Pure.
//!
//! Nothing here leads to a signature. It keeps one endpoint from deciding what a relay pays, or that it sends nothing.

use crate::ChainError;
use crate::pool::Answers;

/// Two sizes say the same when the larger one is that much above the smaller at the most. Unit: percent. Endpoints are a block
/// apart, and a base fee moves by an eighth per block (EIP-1559); estimates of different nodes differ by a few percent.
const TOLERANCE_PERCENT: u128 = 25;

/// What answers come to so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Weighed<T> {
    /// Enough endpoints say it.
    Settled(T),
    /// The most that say the same are so many.
    Open(usize),
}

/// The size in the middle when `quorum` of `values` say the same. These are more than half of all that were asked, so the
/// middle one is among them.
pub(crate) fn sizes(values: &[u128], quorum: usize) -> Weighed<u128> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let same = |from: usize| {
        let most = sorted[from].saturating_add(sorted[from].saturating_mul(TOLERANCE_PERCENT) / 100);
        sorted[from..].iter().filter(|value| **value <= most).count()
    };
    let most = (0..sorted.len()).map(same).max().unwrap_or(0);
    match sorted.get(sorted.len() / 2) {
        Some(middle) if most >= quorum => Weighed::Settled(*middle),
        _ => Weighed::Open(most),
    }
}

/// The size in the middle of `values`, whether they say the same or not; of two the smaller. `None` without any.
pub(crate) fn middle(values: &[u128]) -> Option<u128> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// As [`sizes`] of something that nodes may not tell: settled as well when `quorum` of them do not.
pub(crate) fn told(values: &[Option<u128>], quorum: usize) -> Weighed<Option<u128>> {
    let said: Vec<u128> = values.iter().flatten().copied().collect();
    let silent = values.len() - said.len();
    match sizes(&said, quorum) {
        _ if silent >= quorum => Weighed::Settled(None),
        Weighed::Settled(size) => Weighed::Settled(Some(size)),
        Weighed::Open(most) => Weighed::Open(most.max(silent)),
    }
}

/// An estimate of gas. That the call cannot be made counts only when `quorum` say so for the same kind of reason.
pub(crate) fn estimate(answers: &Answers<u128>, quorum: usize) -> Weighed<Result<u128, ChainError>> {
    let gas = sizes(&amounts(answers), quorum);
    let refusals = || answers.iter().filter_map(|(_, answer)| answer.as_ref().err());
    let same = |error: &ChainError| refusals().filter(|other| is_same_refusal(error, other)).count();
    let refused = refusals().map(|error| (same(error), error)).max_by_key(|(count, _)| *count);
    match (gas, refused) {
        (Weighed::Settled(gas), _) => Weighed::Settled(Ok(gas)),
        (Weighed::Open(_), Some((count, error))) if count >= quorum => {
            Weighed::Settled(Err(usual_reason(answers, error)))
        }
        (Weighed::Open(most), refused) => Weighed::Open(refused.map_or(most, |(count, _)| most.max(count))),
    }
}

/// What is taken when all were asked and none of it is settled: gas, if anyone can execute the call, else a revert.
pub(crate) fn best_estimate(answers: &Answers<u128>) -> Option<Result<u128, ChainError>> {
    let reverted = |answer: &&ChainError| matches!(answer, ChainError::Reverted(_));
    let revert = || answers.iter().filter_map(|(_, answer)| answer.as_ref().err()).find(reverted);
    middle(&amounts(answers)).map(Ok).or_else(|| revert().map(|error| Err(error.clone())))
}

/// The amounts among answers.
pub(crate) fn amounts(answers: &Answers<u128>) -> Vec<u128> {
    answers.iter().filter_map(|(_, answer)| answer.as_ref().ok().copied()).collect()
}

fn is_same_refusal(one: &ChainError, other: &ChainError) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other) && one.reply_kind() == other.reply_kind()
}

/// Of refusals of one kind, the one that most endpoints give word for word: contracts revert for many reasons.
fn usual_reason(answers: &Answers<u128>, of: &ChainError) -> ChainError {
    let alike: Vec<&ChainError> = answers
        .iter()
        .filter_map(|(_, answer)| answer.as_ref().err())
        .filter(|other| is_same_refusal(of, other))
        .collect();
    // Of several as frequent ones the first: `max_by_key` takes the last.
    let usual = alike.iter().rev().max_by_key(|error| alike.iter().filter(|other| other == error).count());
    usual.map_or_else(|| of.clone(), |error| (*error).clone())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{BridgeRevert, NodeRefusal, ReplyKind};

    fn refused(kind: ReplyKind) -> Result<u128, ChainError> {
        Err(ChainError::Refused(Box::new(NodeRefusal {
            endpoint: "http://host".to_owned(),
            method: "eth_estimateGas",
            code: -32000,
            message: "no".to_owned(),
            kind,
            revert_data: None,
        })))
    }

    fn reverted(message: &str) -> Result<u128, ChainError> {
        Err(ChainError::Reverted(BridgeRevert::decode(&Bytes::new(), message)))
    }

    fn of(answers: &[Result<u128, ChainError>]) -> Answers<u128> {
        answers.iter().cloned().enumerate().collect()
    }

    #[test]
    fn sizes_are_settled_once_a_quorum_says_nearly_the_same() {
        assert_eq!(sizes(&[100, 110], 2), Weighed::Settled(110));
        assert_eq!(sizes(&[100, 126], 2), Weighed::Open(1));
        assert_eq!(sizes(&[100, 1, 126], 2), Weighed::Open(1));
        assert_eq!(sizes(&[100, u128::MAX, 101], 2), Weighed::Settled(101));
        assert_eq!(sizes(&[0, 100, 101], 2), Weighed::Settled(100));
        assert_eq!(sizes(&[0, 0, 7], 2), Weighed::Settled(0));
        assert_eq!(sizes(&[], 2), Weighed::Open(0));
        assert_eq!(sizes(&[7], 1), Weighed::Settled(7));
        assert_eq!((middle(&[9, 1, 5]), middle(&[9, 5]), middle(&[])), (Some(5), Some(5), None));
    }

    #[test]
    fn what_one_does_not_tell_is_told_by_the_others() {
        assert_eq!(told(&[None, Some(7), Some(7)], 2), Weighed::Settled(Some(7)));
        assert_eq!(told(&[None, None, Some(7)], 2), Weighed::Settled(None));
        assert_eq!(told(&[None, Some(7)], 2), Weighed::Open(1));
    }

    #[test]
    fn one_endpoint_says_neither_how_much_gas_nor_that_it_cannot_be() {
        let lies = [
            Ok(u128::MAX),
            Ok(0),
            reverted("no"),
            refused(ReplyKind::OutOfGas),
            refused(ReplyKind::InsufficientFunds),
        ];
        for lie in lies {
            assert_eq!(estimate(&of(&[lie.clone(), Ok(100)]), 2), Weighed::Open(1), "{lie:?}");
            let all = estimate(&of(&[lie.clone(), Ok(100), Ok(104)]), 2);
            assert!(matches!(all, Weighed::Settled(Ok(100 | 104))), "{all:?}");
            assert_eq!(best_estimate(&of(&[Ok(100), lie.clone()])).map(|gas| gas.is_ok()), Some(true));
        }
    }

    #[test]
    fn a_quorum_that_cannot_execute_a_call_is_believed_for_one_kind_of_reason() {
        let answers = of(&[reverted("one"), Ok(100), reverted("two")]);
        assert_eq!(estimate(&answers, 2), Weighed::Settled(reverted("one")));
        let answers = of(&[reverted("lie"), reverted("true"), reverted("true")]);
        assert_eq!(estimate(&answers, 2), Weighed::Settled(reverted("true")));
        let answers = of(&[refused(ReplyKind::OutOfGas), refused(ReplyKind::InsufficientFunds)]);
        assert_eq!(estimate(&answers, 2), Weighed::Open(1));
        assert_eq!(best_estimate(&answers), None);
        let answers = of(&[refused(ReplyKind::OutOfGas), reverted("true")]);
        assert_eq!(best_estimate(&answers), Some(reverted("true")));
    }

    proptest! {
        #[test]
        fn a_minority_moves_a_settled_size_by_no_more_than_the_tolerance(
            honest in 1u128..1_000_000, drift in prop::collection::vec(0u128..20, 5),
            lies in prop::collection::vec(any::<u128>(), 2), endpoints in 3usize..6, heard in 0usize..6
        ) {
            let quorum = endpoints / 2 + 1;
            let liars = endpoints - quorum;
            let mut values: Vec<u128> = lies.into_iter().take(liars).collect();
            values.extend(drift.iter().take(quorum).map(|percent| honest + honest * percent / 100));
            values.rotate_left(heard % endpoints);
            let all = sizes(&values, quorum);
            prop_assert!(matches!(all, Weighed::Settled(_)), "all were asked and the honest ones agree");
            for known in quorum..=endpoints {
                if let Weighed::Settled(size) = sizes(&values[..known], quorum) {
                    prop_assert!(size <= (honest + honest * 19 / 100) * 125 / 100 + 1);
                    prop_assert!(size * 125 / 100 + 1 >= honest);
                }
            }
        }
    }
}
