//! What can happen next to a request on hold, and by whom: plain functions of what was seen.

use polyspan_chain::Hold;
use polyspan_node::holds::Readiness;
use polyspan_types::{BlockHeight, HoldReason};
use serde::Serialize;

/// A hold with everything that decides what happens next.
#[derive(Debug, Clone, Copy)]
pub struct HoldSteps {
    /// The hold.
    pub hold: Hold,
    /// What stands between it and its payment; `None` when the request could not be seen.
    pub readiness: Option<Readiness>,
    /// Whether the request is itself a refund; `None` when it could not be seen.
    pub is_refund: Option<bool>,
    /// Unit: blocks of the destination.
    pub refund_delay: u64,
    /// How long the hold's pair makes large amounts wait; `None` when the request could not be seen. Unit: blocks of the
    /// destination.
    pub delay_blocks: Option<u64>,
    /// Newest block of the destination.
    pub head: BlockHeight,
}

/// A hold, for the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldStory {
    /// The request's number in its lane.
    pub nonce: u64,
    /// Why it was put on hold.
    pub reason: HoldReason,
    /// Block of the destination in which it was.
    pub held_at: u64,
    /// Block of the destination from which on anyone can refund it; `null` when only operators can, or nobody, or when it could
    /// not be told.
    pub refundable_from: Option<u64>,
    /// What can happen next, and by whom.
    pub next: String,
}

impl HoldSteps {
    /// The block from which on anyone can refund it; `None` when only operators can, or nobody, or when it cannot be told.
    ///
    /// What only waits is first to be paid: there the refund delay runs from where a release is possible.
    pub fn refundable_from(&self) -> Option<BlockHeight> {
        let waits = if self.hold.reason == HoldReason::Delayed { self.delay_blocks? } else { 0 };
        (!self.is_for_others()).then(|| self.hold.held_at.plus(waits).plus(self.refund_delay))
    }

    /// Whether only operators can refund it, or nobody.
    fn is_for_others(&self) -> bool {
        self.is_refund == Some(true) || self.hold.reason == HoldReason::AnswerUnclear
    }

    /// How it can be paid after all.
    pub fn release(&self) -> String {
        match self.readiness {
            Some(readiness) => readiness.to_string(),
            None if self.hold.reason.needs_operators() => Readiness::Operators.to_string(),
            None => Readiness::Ready.to_string(),
        }
    }

    /// How it can go back.
    pub fn refund(&self) -> String {
        if self.is_refund == Some(true) {
            return "being a refund itself, it can only be released".to_owned();
        }
        match self.refundable_from() {
            None if self.is_for_others() => "only a threshold of operators can refund it".to_owned(),
            None => format!(
                "anyone can refund it {} blocks after relays could have released it, a threshold of operators before that",
                self.refund_delay
            ),
            Some(block) if block <= self.head => "anyone can refund it now (`polyspan refund`)".to_owned(),
            Some(block) => format!(
                "anyone can refund it from block {block} on (in {} blocks), a threshold of operators before that",
                block.since(self.head)
            ),
        }
    }

    /// Both, for the JSON.
    pub fn story(&self) -> HoldStory {
        HoldStory {
            nonce: self.hold.nonce.get(),
            reason: self.hold.reason,
            held_at: self.hold.held_at.get(),
            refundable_from: self.refundable_from().map(BlockHeight::get),
            next: format!("{}; {}", self.release(), self.refund()),
        }
    }
}

/// A hold reason for somebody who waits for money.
pub fn explained(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::UnknownKind => "the destination does not know this class of asset",
        HoldReason::UnknownToken => "the destination has no pair for the token",
        HoldReason::KindMismatch => "the destination's token is of another class",
        HoldReason::InvalidRecipient => "the recipient is zero, the bridge itself or a token",
        HoldReason::InvalidValue => "the amount is zero or too large",
        HoldReason::InsufficientEscrow => "the destination's bridge holds too little of the token",
        HoldReason::PayoutFailed => {
            "the recipient or the token refused it, used up its gas, or gave a wrong answer"
        }
        HoldReason::UndecodablePayload => "its payload is not one of its class of asset",
        HoldReason::OutflowLimited => "more has left the pair lately than its outflow limit allows",
        HoldReason::Delayed => "amounts of this size wait for a number of blocks first",
        HoldReason::Forced => "a threshold of operators put it on hold",
        HoldReason::AnswerUnclear => "the token's answer does not tell whether it was paid",
        HoldReason::Unknown(_) => "the bridge gives a reason that this version does not know",
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{Leaf, RequestNonce};

    use super::*;

    fn steps(reason: HoldReason) -> HoldSteps {
        let (nonce, held_at) = (RequestNonce::new(5), BlockHeight::new(100));
        HoldSteps {
            hold: Hold { nonce, reason, held_at, leaf: Leaf(B256::ZERO) },
            readiness: Some(Readiness::Ready),
            is_refund: Some(false),
            refund_delay: 50,
            delay_blocks: Some(30),
            head: BlockHeight::new(140),
        }
    }

    #[test]
    fn anyone_refunds_after_the_delay() {
        let early = steps(HoldReason::PayoutFailed);
        assert!(early.refund().contains("from block 150 on (in 10 blocks)"), "{}", early.refund());
        let due = HoldSteps { head: BlockHeight::new(150), ..early };
        assert!(due.refund().contains("anyone can refund it now"), "{}", due.refund());
        assert_eq!(due.story().refundable_from, Some(150));
        assert!(due.story().next.contains("tries to release it"), "{}", due.story().next);
    }

    #[test]
    fn what_waits_for_its_block_is_refunded_no_sooner_than_it_could_be_released() {
        let delayed = steps(HoldReason::Delayed);
        assert_eq!(delayed.story().refundable_from, Some(180));
        assert!(delayed.refund().contains("from block 180 on (in 40 blocks)"), "{}", delayed.refund());
        let unseen = HoldSteps { delay_blocks: None, is_refund: None, ..delayed };
        assert_eq!(unseen.story().refundable_from, None);
        assert!(
            unseen.refund().contains("50 blocks after relays could have released it"),
            "{}",
            unseen.refund()
        );
        // The pair's delay is no matter of other holds.
        let refused = HoldSteps { delay_blocks: None, ..steps(HoldReason::PayoutFailed) };
        assert_eq!(refused.story().refundable_from, Some(150));
    }

    #[test]
    fn nobody_refunds_a_refund_and_only_operators_what_is_unclear() {
        let refund = HoldSteps { is_refund: Some(true), ..steps(HoldReason::PayoutFailed) };
        assert_eq!(
            (refund.story().refundable_from, refund.refund().contains("only be released")),
            (None, true)
        );
        let unclear = HoldSteps { readiness: None, ..steps(HoldReason::AnswerUnclear) };
        assert!(unclear.release().contains("threshold of operators"), "{}", unclear.release());
        assert!(unclear.refund().contains("threshold of operators"), "{}", unclear.refund());
        assert_eq!(unclear.story().refundable_from, None);
    }

    #[test]
    fn every_reason_is_explained() {
        for number in 0..=u8::MAX {
            assert!(!explained(HoldReason::from_number(number)).is_empty());
        }
    }
}
