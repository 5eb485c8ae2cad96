//! Evidence that a lane's next request cannot be handled: a pure function of what came of trials at blocks of the destination.
//! The rules and the attacks on them are in `docs/adr/0025-relays-force-hold.md`.

use polyspan_chain::Trial;
use polyspan_types::{BlockHeight, BlockRef, RequestNonce};

/// Blocks at which the request alone must have failed. Unit: blocks. Source: ADR 0025.
pub const TRIALS: u64 = 6;

/// Blocks from one trial to the next at the least, and for which a request waits before its first one. Unit: blocks. Source: ADR 0025,
/// six trials then cover 20 blocks, as many as lie between two votes of a relay.
pub const SPACING: u64 = 4;

/// Blocks from one failure to the next at the most: beyond that nobody knows what was in between. Unit: blocks. Source: ADR 0025, a
/// quarter of the states that a node keeps.
pub const LONGEST_GAP: u64 = 32;

/// What this relay has seen of a lane's next request. In memory only: a relay that starts gathers anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    nonce: RequestNonce,
    /// From which block on the next trial makes sense; `None` before the request was seen to be next.
    due: Option<BlockHeight>,
    failures: Option<Failures>,
}

/// Failures in a row, with no success between them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failures {
    first: BlockRef,
    last: BlockRef,
    count: u64,
    why: String,
}

impl Evidence {
    /// The lane's next request is `nonce`, at this block, and is approved or not. Of another one than before nothing is known, and one
    /// that is not approved is not tried.
    pub fn follow(&mut self, nonce: RequestNonce, is_approved: bool, now: BlockHeight) {
        if !is_approved && self.failures.is_none() {
            self.due = None;
            return;
        }
        if self.nonce != nonce || self.due.is_none() {
            *self = Self { nonce, due: Some(now.plus(SPACING)), failures: None };
        }
        if self.failures.as_ref().is_some_and(|failures| now > failures.last.height.plus(LONGEST_GAP)) {
            self.failures = None;
        }
    }

    /// Whether the request is to be tried at this block.
    pub fn is_due(&self, now: BlockHeight) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    /// A trial at `block` could not be made, or what came of it.
    pub fn observe(&mut self, block: BlockRef, trial: &Trial) {
        let last = self.failures.as_ref().map(|failures| failures.last.height);
        let pause = match trial {
            // Somebody else keeps the lane from going on; this costs little while it lasts.
            Trial::Succeeds => {
                self.failures = None;
                LONGEST_GAP
            }
            Trial::Unclear(_) => SPACING,
            // Before the last one, or too near: a node that lags, or one block asked about twice.
            Trial::Fails(_) if last.is_some_and(|last| block.height < last.plus(SPACING)) => SPACING,
            Trial::Fails(why) => {
                let known =
                    self.failures.take().filter(|known| block.height <= known.last.height.plus(LONGEST_GAP));
                self.failures = Some(match known {
                    Some(known) => {
                        Failures { last: block, count: known.count + 1, why: why.clone(), ..known }
                    }
                    None => Failures { first: block, last: block, count: 1, why: why.clone() },
                });
                SPACING
            }
        };
        self.due = self.due.max(Some(block.height.plus(pause)));
    }

    /// Forgets what was seen: a block of it is no more.
    pub fn forget(&mut self) {
        self.failures = None;
    }

    /// Blocks at which it failed, without a success since the first.
    pub fn trials(&self) -> u64 {
        self.failures.as_ref().map_or(0, |failures| failures.count)
    }

    /// Whether that is enough to force-hold the request.
    pub fn is_complete(&self) -> bool {
        self.trials() >= TRIALS
    }

    /// The first and the last block at which it failed.
    pub fn blocks(&self) -> Option<(BlockRef, BlockRef)> {
        self.failures.as_ref().map(|failures| (failures.first, failures.last))
    }

    /// Why it failed last.
    pub fn why(&self) -> Option<&str> {
        self.failures.as_ref().map(|failures| failures.why.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use proptest::prelude::*;

    use super::*;

    fn at(height: u64) -> BlockRef {
        BlockRef { height: BlockHeight::new(height), hash: B256::left_padding_from(&height.to_be_bytes()) }
    }

    fn fails() -> Trial {
        Trial::Fails("why".to_owned())
    }

    fn following(nonce: u64, height: u64) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.follow(RequestNonce::new(nonce), true, BlockHeight::new(height));
        evidence
    }

    #[test]
    fn six_failures_at_blocks_that_are_four_apart_are_enough() {
        let mut evidence = following(3, 100);
        assert!(!evidence.is_due(BlockHeight::new(103)) && evidence.is_due(BlockHeight::new(104)));
        for (trials, height) in (1..).zip((104..=124).step_by(4)) {
            assert!(!evidence.is_complete());
            evidence.observe(at(height), &fails());
            evidence.observe(at(height), &fails());
            evidence.observe(at(height + 1), &fails());
            assert_eq!(evidence.trials(), trials, "one block counts once, and its neighbours do not");
        }
        assert!(evidence.is_complete());
        assert_eq!((evidence.blocks(), evidence.why()), (Some((at(104), at(124))), Some("why")));
    }

    #[test]
    fn a_success_another_request_or_a_long_gap_begins_anew() {
        let mut complete = following(3, 100);
        for height in (104..=124).step_by(4) {
            complete.observe(at(height), &fails());
        }
        let after = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = complete.clone();
            change(&mut evidence);
            evidence.trials()
        };
        assert_eq!(after(&|evidence| evidence.observe(at(125), &Trial::Succeeds)), 0);
        // Also one that comes late, of an earlier block.
        assert_eq!(after(&|evidence| evidence.observe(at(90), &Trial::Succeeds)), 0);
        assert_eq!(after(&|evidence| evidence.observe(at(128), &Trial::Unclear(String::new()))), 6);
        assert_eq!(after(&|evidence| evidence.follow(RequestNonce::new(4), true, BlockHeight::new(125))), 0);
        assert_eq!(after(&|evidence| evidence.follow(RequestNonce::new(3), true, BlockHeight::new(156))), 6);
        assert_eq!(after(&|evidence| evidence.follow(RequestNonce::new(3), true, BlockHeight::new(157))), 0);
        assert_eq!(after(&|evidence| evidence.observe(at(157), &fails())), 1);
        assert_eq!(after(&Evidence::forget), 0);
        assert!(!following(3, 100).is_due(BlockHeight::new(100)));
        // Before it is approved it does not wait for anybody.
        let mut early = following(3, 100);
        early.follow(RequestNonce::new(3), false, BlockHeight::new(200));
        assert!(!early.is_due(BlockHeight::new(200)));
        early.follow(RequestNonce::new(3), true, BlockHeight::new(300));
        assert!(!early.is_due(BlockHeight::new(303)) && early.is_due(BlockHeight::new(304)));
        let mut succeeded = following(3, 100);
        succeeded.observe(at(104), &Trial::Succeeds);
        assert!(!succeeded.is_due(BlockHeight::new(135)) && succeeded.is_due(BlockHeight::new(136)));
    }

    /// What a relay may be shown, in any order.
    fn seen() -> impl Strategy<Value = Vec<(u64, Trial)>> {
        let trial = prop_oneof![
            12 => Just(fails()),
            1 => Just(Trial::Succeeds),
            2 => Just(Trial::Unclear("why".to_owned())),
        ];
        prop::collection::vec((0u64..200, trial), 0..60)
    }

    proptest! {
        #[test]
        fn whatever_is_seen_complete_evidence_is_six_blocks_apart_since_the_last_success(seen in seen(), sort in any::<bool>()) {
            let mut seen = seen;
            if sort {
                seen.sort_by_key(|(height, _)| *height);
            }
            let mut evidence = following(3, 0);
            for upto in 0..seen.len() {
                let (height, trial) = &seen[upto];
                evidence.observe(at(*height), trial);
                if !evidence.is_complete() {
                    continue;
                }
                let since = seen[..=upto].iter().rposition(|(_, trial)| *trial == Trial::Succeeds).map_or(0, |at| at + 1);
                let (mut heights, mut last) = (0, None);
                for (height, _) in seen[since..=upto].iter().filter(|(_, trial)| *trial == fails()) {
                    if last.is_none_or(|last: u64| *height >= last + SPACING) {
                        (heights, last) = (heights + 1, Some(*height));
                    }
                }
                prop_assert!(heights >= TRIALS, "{heights} of {evidence:?}");
                let (first, last) = evidence.blocks().unwrap();
                prop_assert!(last.height.since(first.height) >= (TRIALS - 1) * SPACING);
            }
        }

        #[test]
        fn a_request_that_always_fails_is_given_up_however_rarely_this_relay_looks(
            steps in prop::collection::vec(1u64..12, 60),
        ) {
            let mut evidence = following(3, 0);
            let mut height = 0;
            for step in steps {
                height += step;
                evidence.follow(RequestNonce::new(3), true, BlockHeight::new(height));
                if evidence.is_due(BlockHeight::new(height)) {
                    evidence.observe(at(height), &fails());
                }
            }
            prop_assert!(evidence.is_complete());
        }
    }
}
