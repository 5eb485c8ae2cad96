//! How much one endpoint is asked at a time, and how much of its answers a relay has in memory.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Questions to one endpoint at a time; the next ones wait, within their own deadlines. Unit: questions. Source: at 50 ms an
/// answer that is 320 a second, far more than the lanes of one chain ask.
const QUESTIONS: usize = 16;

/// Questions to one endpoint that are asked once more because nothing came, at a time, for all callers together. Unit: questions.
/// Source: half as many again as there are questions, so that an endpoint that is silent has no multiple of its load.
const REPEATS: usize = 8;

/// An answer up to this length is read beside others of its endpoint. Unit: bytes. Source: blocks, calls and most logs are shorter.
pub(super) const SHORT_ANSWER: usize = 256 << 10;

/// An answer up to this length is read beside one of each other endpoint. Unit: bytes. Source: the logs that a reader asks for at
/// once, 2 048 of about 1 KiB, are shorter.
pub(super) const LONG_ANSWER: usize = 4 << 20;

/// One answer of the whole process may be longer than [`LONG_ANSWER`] at a time.
static HUGE_ANSWERS: Semaphore = Semaphore::const_new(1);

/// What one endpoint may take up.
#[derive(Debug)]
pub(super) struct Budget {
    questions: Semaphore,
    repeats: Semaphore,
    long_answers: Semaphore,
}

/// The room that an answer has; it grows with the answer, and is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Room<'a> {
    budget: &'a Budget,
    long: Option<SemaphorePermit<'a>>,
    huge: Option<SemaphorePermit<'static>>,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self {
            questions: Semaphore::const_new(QUESTIONS),
            repeats: Semaphore::const_new(REPEATS),
            long_answers: Semaphore::const_new(1),
        }
    }

    /// Waits until one more question may be asked. `None` never comes: nobody closes the semaphore.
    pub(super) async fn question(&self) -> Option<SemaphorePermit<'_>> {
        self.questions.acquire().await.ok()
    }

    /// Whether a question may be asked once more now.
    pub(super) fn repeat(&self) -> Option<SemaphorePermit<'_>> {
        self.repeats.try_acquire().ok()
    }

    pub(super) const fn room(&self) -> Room<'_> {
        Room { budget: self, long: None, huge: None }
    }
}

impl Room<'_> {
    /// Waits until an answer of this length may be in memory.
    pub(super) async fn grow(&mut self, length: usize) {
        if length > SHORT_ANSWER && self.long.is_none() {
            self.long = self.budget.long_answers.acquire().await.ok();
        }
        if length > LONG_ANSWER && self.huge.is_none() {
            self.huge = HUGE_ANSWERS.acquire().await.ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn answers_wait_for_one_another_only_when_they_are_long() {
        let budgets = [Budget::new(), Budget::new()];
        let mut rooms = [budgets[0].room(), budgets[0].room(), budgets[1].room()];
        let grow = |room: &mut Room<'_>, length| room.grow(length).now_or_never().is_some();
        assert!(rooms.iter_mut().all(|room| grow(room, SHORT_ANSWER)), "short ones of one endpoint");
        let [first, second, other] = &mut rooms;
        assert!(grow(first, LONG_ANSWER) && grow(other, LONG_ANSWER), "one of each endpoint");
        assert!(!grow(second, SHORT_ANSWER + 1), "a second one of the endpoint");
        assert!(grow(first, LONG_ANSWER + 1));
        assert!(!grow(other, LONG_ANSWER + 1), "one of all endpoints");
    }

    #[test]
    fn questions_wait_and_repeats_are_left_out() {
        let budget = Budget::new();
        let asked: Vec<_> = (0..QUESTIONS).map(|_| budget.question().now_or_never().unwrap()).collect();
        assert!(budget.question().now_or_never().is_none());
        drop(asked);
        assert!(budget.question().now_or_never().is_some());
        let repeated: Vec<_> = std::iter::repeat_with(|| budget.repeat()).take(REPEATS).collect();
        assert!(repeated.iter().all(Option::is_some) && budget.repeat().is_none());
    }
}
