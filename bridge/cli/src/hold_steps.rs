//! What can happen next to a request on hold, and by whom: plain functions of what was seen.

use polyspan_chain::Hold;
use polyspan_node::holds::Readiness;
use polyspan_types::{BlockHeight, HoldAction, HoldReason, TransferId};
use serde::Serialize;

/// A hold with everything that decides what happens next.
#[derive(Debug, Clone, Copy)]
pub struct HoldSteps {
    /// The hold.
    pub hold: Hold,
    /// What its pair allows, whoever releases it; `None` when the request could not be seen.
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
        if self.hold.reason.needs_operators() {
            return format!("{} (`polyspan release prepare`)", Readiness::Operators);
        }
        self.readiness.unwrap_or(Readiness::Ready).to_string()
    }

    /// Why transfer `id` is never refunded; `None` when it can be.
    pub fn refund_of_refund(&self, id: &TransferId) -> Option<String> {
        let step = if self.hold.reason.needs_operators() { "release prepare" } else { "release" };
        (self.is_refund == Some(true))
            .then(|| format!("{id} cannot be refunded: {}; use `polyspan {step} {id}`", self.refund()))
    }

    /// Why a release would fail now even with signatures, as far as its pair shows.
    pub fn obstacle(&self) -> Option<String> {
        match self.readiness? {
            Readiness::Ready | Readiness::Operators | Readiness::People | Readiness::RequestUnknown => None,
            Readiness::NoPair => Some("the destination has no pair for its token".to_owned()),
            Readiness::NotBefore(block) => Some(format!("this amount is not paid before block {block}")),
            Readiness::Escrow { has, needs } => {
                Some(format!("it needs {needs} smallest units, the bridge has {has}"))
            }
            Readiness::Outflow { level, needs, limit } => Some(format!(
                "it needs {needs} smallest units, and {level} of the outflow limit of {} are used",
                limit.capacity
            )),
        }
    }

    /// Why a threshold of operators has nothing to decide about transfer `id`, and which command does it without them;
    /// `None` when the hold takes their signatures.
    pub fn needs_no_decision(&self, action: HoldAction, id: &TransferId) -> Option<String> {
        let plain = |command: HoldAction| format!("`polyspan {command} {id} --key KEYSTORE`");
        let reason = self.hold.reason;
        match action {
            HoldAction::ForceHold => None,
            HoldAction::Release if reason.needs_operators() => None,
            HoldAction::Release => Some(format!(
                "{id} is on hold by reason of `{reason}`, and its release needs no signatures: {}; {}",
                plain(action),
                self.release()
            )),
            HoldAction::Refund => {
                if let Some(refusal) = self.refund_of_refund(id) {
                    return Some(refusal);
                }
                let due = self.refundable_from().filter(|block| *block <= self.head)?;
                Some(format!(
                    "since block {due} anyone can refund {id}, without signatures: {}",
                    plain(action)
                ))
            }
        }
    }

    /// How it can go back.
    pub fn refund(&self) -> String {
        if self.is_refund == Some(true) {
            return "being a refund itself, it can only be released".to_owned();
        }
        match self.refundable_from() {
            None if self.is_for_others() => {
                "only a threshold of operators can refund it (`polyspan refund prepare`)".to_owned()
            }
            None => format!(
                "anyone can refund it {} blocks after relays could have released it, a threshold of operators before that \
                 (`polyspan refund prepare`)",
                self.refund_delay
            ),
            Some(block) if block <= self.head => "anyone can refund it now (`polyspan refund`)".to_owned(),
            Some(block) => format!(
                "anyone can refund it from block {block} on (in {} blocks), a threshold of operators before that \
                 (`polyspan refund prepare`)",
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
        HoldReason::CallDeferred => {
            "the recipient is a contract, and this chain pays contracts one at a time; relays do so at once"
        }
        HoldReason::Unknown(_) => "the bridge gives a reason that this version does not know",
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U256};
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
    fn operators_decide_only_what_takes_a_threshold_and_else_the_plain_command_is_named() {
        let id: TransferId = "kr/main-to-service:5".parse().unwrap();
        let (release, refund) = (HoldAction::Release, HoldAction::Refund);
        let answer = |action, steps: HoldSteps| steps.needs_no_decision(action, &id);
        let early = steps(HoldReason::PayoutFailed);
        let due = HoldSteps { head: BlockHeight::new(150), ..early };
        let plain = answer(release, early).unwrap();
        assert!(plain.contains("`polyspan release kr/main-to-service:5 --key KEYSTORE`"), "{plain}");
        assert_eq!(answer(refund, early), None);
        let plain = answer(refund, due).unwrap();
        assert!(plain.contains("since block 150 anyone can refund"), "{plain}");
        assert!(plain.contains("`polyspan refund kr/main-to-service:5 --key KEYSTORE`"), "{plain}");

        let forced = HoldSteps { hold: steps(HoldReason::Forced).hold, ..due };
        assert_eq!(answer(release, forced), None);
        assert!(answer(refund, forced).is_some());
        let unclear = HoldSteps { hold: steps(HoldReason::AnswerUnclear).hold, ..due };
        assert_eq!((answer(release, unclear), answer(refund, unclear)), (None, None));

        let refused = answer(refund, HoldSteps { is_refund: Some(true), ..early }).unwrap();
        assert!(refused.contains("it can only be released; use `polyspan release kr/"), "{refused}");
        let refused = answer(refund, HoldSteps { is_refund: Some(true), ..unclear }).unwrap();
        assert!(refused.contains("use `polyspan release prepare kr/"), "{refused}");
    }

    #[test]
    fn a_signed_release_still_needs_what_its_pair_needs() {
        let forced = steps(HoldReason::Forced);
        assert_eq!(forced.obstacle(), None);
        let poor = Readiness::Escrow { has: U256::from(3), needs: U256::from(5) };
        let poor = HoldSteps { readiness: Some(poor), ..forced };
        assert_eq!(poor.obstacle().unwrap(), "it needs 5 smallest units, the bridge has 3");
        assert!(poor.release().contains("threshold of operators"), "{}", poor.release());
        let unpaired = HoldSteps { readiness: Some(Readiness::NoPair), ..forced };
        assert!(unpaired.obstacle().unwrap().contains("no pair"));
    }

    #[test]
    fn every_reason_is_explained() {
        for number in 0..=u8::MAX {
            assert!(!explained(HoldReason::from_number(number)).is_empty());
        }
    }
}
