//! Keeps an eye on a chain's head.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::rhythm::Rhythm;
use crate::{Backoff, Chain, ChainError, Head};

/// Longest wait after repeated failures.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// For how long a head that the chain's pace does not explain must be shown before it counts. Unit: time. Source: several polls; a
/// node that catches up, or a chain that is mined by hand, goes on after it.
const JUMP_AGE: Duration = Duration::from_secs(5);

/// What is known about a chain's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadView {
    /// The last head seen; kept while the endpoint fails. `None` before the first.
    pub head: Option<Head>,
    /// Why the last look failed; `None` when it did not.
    pub error: Option<String>,
    /// What is known against endpoints while enough others agree ([`Chain::remark`]).
    pub remark: Option<String>,
    /// Since when looks fail without a break, or succeed without one.
    pub since: Instant,
}

/// Task that polls a chain's head and publishes it.
#[derive(Debug)]
pub struct HeadFollower {
    chain: Chain,
    view: watch::Sender<HeadView>,
    backoff: Backoff,
    rhythm: Rhythm,
    /// Since when heads are shown that are further ahead than the chain's pace allows.
    jumped: Option<Instant>,
}

impl HeadFollower {
    /// Builds the task and contacts nobody.
    pub fn new(chain: Chain) -> (Self, watch::Receiver<HeadView>) {
        let starting = HeadView {
            head: None,
            error: Some("not asked yet".to_owned()),
            remark: None,
            since: Instant::now(),
        };
        let (view, receiver) = watch::channel(starting);
        let shortest = chain.settings().poll_interval.min(RETRY_MAX);
        (
            Self {
                chain,
                view,
                backoff: Backoff::new(shortest, RETRY_MAX),
                rhythm: Rhythm::default(),
                jumped: None,
            },
            receiver,
        )
    }

    /// Polls until `stop`. No failure of the endpoint ends it.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let asked = Instant::now();
            let look = tokio::select! {
                () = stop.cancelled() => return,
                look = self.chain.head() => look,
            };
            let pause = self.take(asked, look);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Publishes what was seen and returns the wait until the next look.
    fn take(&mut self, asked: Instant, look: Result<Head, ChainError>) -> Duration {
        match look {
            Ok(head) if self.is_implausible(asked, head) => {
                self.failed(&ChainError::HeadJumped {
                    chain: self.chain.name().to_owned(),
                    height: head.latest.height,
                });
                self.backoff.next(rand::random())
            }
            Ok(head) => {
                self.backoff.reset();
                self.chain.follow(head);
                let known = self.view.borrow().head;
                if known.is_none_or(|known| known.latest != head.latest) {
                    self.rhythm.saw_block(asked, head.latest.height);
                }
                self.saw(head);
                let pause = self.rhythm.pause(Instant::now(), self.chain.settings().poll_interval);
                self.chain.answer_for_head(pause);
                pause
            }
            Err(error) => {
                self.failed(&error);
                self.backoff.next(rand::random())
            }
        }
    }

    /// Whether it is further ahead than the chain can have come, and has not been shown for long. What is stored as final cannot
    /// be taken back by itself where something was signed.
    fn is_implausible(&mut self, asked: Instant, head: Head) -> bool {
        let rise = self.rhythm.last().map(|last| head.latest.height.since(last));
        let plausible = self.rhythm.plausible_rise(asked);
        if rise.zip(plausible).is_none_or(|(rise, plausible)| rise <= plausible) {
            self.jumped = None;
            return false;
        }
        let since = *self.jumped.get_or_insert(asked);
        if asked.duration_since(since) < JUMP_AGE {
            return true;
        }
        self.jumped = None;
        false
    }

    fn saw(&self, head: Head) {
        let (chain, remark) = (self.chain.name(), self.chain.remark());
        self.view.send_if_modified(|view| {
            let healed = view.error.take().is_some();
            if healed {
                info!(chain, latest = %head.latest, "endpoint answers");
                view.since = Instant::now();
            }
            let moved = view.head.replace(head) != Some(head);
            if moved {
                debug!(chain, latest = %head.latest, final_block = %head.final_block.height, "head");
            }
            let remarked = std::mem::replace(&mut view.remark, remark.clone()) != remark;
            healed || moved || remarked
        });
    }

    fn failed(&self, error: &ChainError) {
        let chain = self.chain.name();
        self.view.send_if_modified(|view| {
            let text = error.to_string();
            if view.error.is_none() || view.head.is_none() && view.error.as_ref() != Some(&text) {
                warn!(chain, %error, "endpoint fails");
            }
            if view.error.is_none() {
                view.since = Instant::now();
            }
            view.error.replace(text.clone()) != Some(text)
        });
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{BlockHeight, BlockRef, ChainId};

    use super::*;
    use crate::{ChainSettings, Quorum};

    /// A follower of a chain whose blocks came each second up to block 100, at the time that is returned.
    fn following() -> (HeadFollower, watch::Receiver<HeadView>, Instant) {
        let settings = ChainSettings {
            name: "main".to_owned(),
            chain_id: ChainId::new(31001),
            endpoints: vec!["http://127.0.0.1:1".parse().unwrap()],
            quorum: Quorum::majority(1),
            finality: "finalized".parse().unwrap(),
            poll_interval: Duration::from_millis(500),
            request_timeout: Duration::from_secs(5),
            max_log_range: 5000,
        };
        let (mut follower, view) = HeadFollower::new(Chain::new(settings).unwrap());
        let mut now = Instant::now();
        for height in 91..=100 {
            now += Duration::from_secs(1);
            follower.take(now, Ok(head(height)));
        }
        (follower, view, now)
    }

    fn head(height: u64) -> Head {
        let latest = BlockRef {
            height: BlockHeight::new(height),
            hash: B256::with_last_byte(u8::try_from(height % 256).unwrap()),
        };
        Head { latest, timestamp: height, gas_limit: 0, final_block: latest, final_parent: B256::ZERO }
    }

    fn shown(view: &watch::Receiver<HeadView>) -> u64 {
        view.borrow().head.unwrap().latest.height.get()
    }

    #[tokio::test]
    async fn a_head_that_the_time_does_not_explain_is_not_shown_and_goes_by() {
        let (mut follower, view, last) = following();
        follower.take(last + Duration::from_secs(1), Ok(head(1_000)));
        assert_eq!(shown(&view), 100);
        let error = view.borrow().error.clone().unwrap();
        assert!(error.contains("1000"), "{error}");
        follower.take(last + Duration::from_secs(3), Ok(head(1_002)));
        follower.take(last + Duration::from_secs(4), Ok(head(104)));
        assert_eq!((shown(&view), view.borrow().error.clone()), (104, None));
        // The next one is judged anew.
        follower.take(last + Duration::from_secs(8), Ok(head(1_008)));
        assert_eq!(shown(&view), 104);
    }

    #[tokio::test]
    async fn a_chain_that_really_is_so_far_is_followed_after_a_while() {
        let (mut follower, view, last) = following();
        for (seconds, expected) in [(1, 100), (4, 100), (6, 1_006)] {
            follower.take(last + Duration::from_secs(seconds), Ok(head(1_000 + seconds)));
            assert_eq!(shown(&view), expected, "after {seconds} s");
        }
        // Many blocks in a long time are no jump.
        follower.take(last + Duration::from_secs(606), Ok(head(1_606)));
        assert_eq!(shown(&view), 1_606);
    }
}
