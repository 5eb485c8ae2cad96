//! When the reason for which a submission does not go through is logged: pure.

use std::time::{Duration, Instant};

/// Time after which a warning is logged again while its reason lasts. Unit: time. Source: seldom enough for a log, and often enough for
/// who opens it in the middle of an outage.
const REPEATED_AFTER: Duration = Duration::from_secs(60);

/// What was logged last, until it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Warning(Option<(String, Instant)>);

impl Warning {
    /// Whether `reason` is to be logged: at once when it is another one than before, and again while it lasts.
    pub(super) fn is_due(&mut self, reason: &str, now: Instant) -> bool {
        let known = self.0.as_ref().is_some_and(|(logged, since)| {
            logged == reason && now.saturating_duration_since(*since) < REPEATED_AFTER
        });
        if !known {
            self.0 = Some((reason.to_owned(), now));
        }
        !known
    }

    /// Nothing is in the way any more.
    pub(super) fn is_over(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_logged_when_it_is_news_and_once_a_minute_while_it_lasts() {
        let (mut warning, start) = (Warning::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let logged: Vec<u64> = (0..=180).filter(|second| warning.is_due("too slow", at(*second))).collect();
        assert_eq!(logged, [0, 60, 120, 180]);
        assert!(warning.is_due("too large", at(181)) && !warning.is_due("too large", at(182)));
        warning.is_over();
        assert!(warning.is_due("too large", at(183)));
    }
}
