//! How long the failure of a job says something about the key that it was for. Pure.

use std::time::{Duration, Instant};

/// A failure that is older says nothing: a lane that still wants something asks again every few seconds. Source: the
/// longest wait between two tries of a lane task (8 s), a few times.
const COUNTS_FOR: Duration = Duration::from_secs(30);

/// The last job that failed, if none went well since.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    at: Option<Instant>,
}

impl Complaint {
    /// A job fails now.
    pub(super) const fn begin(&mut self, now: Instant) {
        self.at = Some(now);
    }

    /// A job went well.
    pub(super) const fn end(&mut self) {
        self.at = None;
    }

    /// Whether there is one that has become too old. It is told once.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.at.take_if(|at| now.saturating_duration_since(*at) >= COUNTS_FOR).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_of_a_job_that_nobody_asks_for_again_is_forgotten() {
        let start = Instant::now();
        let mut complaint = Complaint::default();
        assert!(!complaint.is_over(start + COUNTS_FOR), "nothing failed");
        complaint.begin(start);
        assert!(!complaint.is_over(start + COUNTS_FOR / 2));
        complaint.begin(start + COUNTS_FOR / 2);
        assert!(!complaint.is_over(start + COUNTS_FOR), "it failed again");
        assert!(complaint.is_over(start + 2 * COUNTS_FOR));
        assert!(!complaint.is_over(start + 2 * COUNTS_FOR), "it was forgotten");
        complaint.begin(start);
        complaint.end();
        assert!(!complaint.is_over(start + COUNTS_FOR));
    }
}
