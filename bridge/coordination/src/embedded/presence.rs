//! Whether a member is alive, as one observer sees it: pure.
//!
//! Only changes of the heartbeat count, timed by the observer's own monotonic clock. So clock jumps do nothing, and a
//! process that was frozen itself does not take the others for dead when it comes back.

use std::time::Duration;

/// Signs of life of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    heartbeat: u64,
    silent_for: Duration,
    looked_at: Duration,
}

impl Presence {
    /// First look at a heartbeat that is `age` old.
    pub(super) const fn first(heartbeat: u64, now: Duration, age: Duration) -> Self {
        Self { heartbeat, silent_for: age, looked_at: now }
    }

    /// Another look. Of a time without looks at most half a `lease` counts as silence: who did not listen cannot tell.
    pub(super) fn look(&mut self, heartbeat: u64, now: Duration, lease: Duration) {
        if heartbeat == self.heartbeat {
            let unheard = now.saturating_sub(self.looked_at).min(lease / 2);
            self.silent_for = self.silent_for.saturating_add(unheard);
        } else {
            self.heartbeat = heartbeat;
            self.silent_for = Duration::ZERO;
        }
        self.looked_at = now;
    }

    pub(super) fn is_alive(&self, lease: Duration) -> bool {
        self.silent_for < lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_member_is_gone_after_a_lease_of_silence_and_back_with_one_heartbeat() {
        let mut presence = Presence::first(1, at(0), Duration::ZERO);
        for second in 1..3 {
            presence.look(1, at(second), LEASE);
            assert!(presence.is_alive(LEASE));
        }
        presence.look(1, at(3), LEASE);
        assert!(!presence.is_alive(LEASE));
        presence.look(2, at(4), LEASE);
        assert!(presence.is_alive(LEASE));
    }

    #[test]
    fn an_observer_that_was_frozen_takes_nobody_for_dead() {
        let mut presence = Presence::first(1, at(0), Duration::ZERO);
        presence.look(1, at(3600), LEASE);
        assert!(presence.is_alive(LEASE));
        presence.look(1, at(3602), LEASE);
        assert!(!presence.is_alive(LEASE));
    }
}
