//! What is known against an endpoint, and how long it is avoided for it. Pure.
//!
//! Nothing is held against an endpoint for ever: each avoidance ends, the endpoint is tried again, and only what it does
//! then makes the next avoidance longer.

use std::fmt;
use std::time::Duration;

use polyspan_types::BlockHeight;
use tokio::time::Instant;

use crate::{ChainError, ReplyKind};

/// Kinds of calls that an endpoint can fail at apart from each other: some nodes answer heads and no logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Newest and final block.
    Head,
    /// Contracts at a block.
    State,
    /// Events.
    Logs,
    /// What is not compared word for word: fees, estimates, sending.
    Single,
}

/// What is wrong with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Its newest block is old.
    Lags { blocks: u64 },
    /// It said other than a quorum.
    Contradicts,
    /// It serves another chain.
    WrongChain,
    /// No connection.
    Unreachable,
    /// Answers come too late or not at all.
    Silent,
    /// It wants fewer requests.
    RateLimited,
    /// It refuses calls of a kind, or answers them with nonsense.
    Fails(CallKind),
}

/// How an endpoint may be used for a kind of call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Nothing is known against it.
    Healthy,
    /// Its avoidance is over; it has not shown yet that it is right again.
    OnTrial,
    /// It is behind the others.
    Behind,
    /// Only when there are too few others.
    Avoided,
    /// Not at all: it has asked for a wait.
    Waits,
}

/// One thing held against an endpoint.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// `None` since its last good answer.
    trouble: Option<Trouble>,
    /// Failures without a long enough good time between them.
    strikes: u32,
    /// Length and end of the last avoidance.
    span: Duration,
    until: Option<Instant>,
}

/// Everything held against one endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    /// Contradictions. Apart from the rest: being reachable excuses no lie.
    lies: Mark,
    /// What concerns every call.
    reach: Mark,
    /// What concerns one kind of call.
    kinds: [Mark; 4],
    lag: Option<u64>,
    height: Option<BlockHeight>,
}

impl Mark {
    fn strike(&mut self, trouble: Trouble, (shortest, longest): (Duration, Duration), now: Instant) {
        let doublings = self.strikes.min(16);
        self.strikes = self.strikes.saturating_add(1);
        self.span = shortest.saturating_mul(1 << doublings).min(longest.max(shortest));
        self.until = Some(now + self.span);
        self.trouble = Some(trouble);
    }

    /// A good answer. A relapse counts as one until the good time was as long as the avoidance before it.
    fn good(&mut self, now: Instant) {
        self.trouble = None;
        if self.until.is_none_or(|until| now >= until + self.span) {
            self.strikes = 0;
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    fn standing(&self, now: Instant) -> Standing {
        match self.trouble {
            None => Standing::Healthy,
            Some(_) if self.is_over(now) => Standing::OnTrial,
            Some(Trouble::RateLimited) => Standing::Waits,
            Some(_) => Standing::Avoided,
        }
    }
}

impl Score {
    /// How the endpoint may be used for a kind of call.
    pub(crate) fn standing(&self, kind: CallKind, now: Instant) -> Standing {
        // Heads show whether it has caught up, so they are asked for all the same.
        let lag =
            if self.lag.is_some() && kind != CallKind::Head { Standing::Behind } else { Standing::Healthy };
        let marks = [self.lies, self.reach, self.kinds[kind as usize]];
        marks.iter().map(|mark| mark.standing(now)).fold(lag, Ord::max)
    }

    /// Whether a call of this kind can show that it is right again: what nobody compares excuses no lie.
    pub(crate) fn can_be_tried(&self, kind: CallKind) -> bool {
        kind != CallKind::Single || self.lies.trouble.is_none()
    }

    /// End of the wait that the endpoint has asked for.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.reach.until.filter(|_| self.reach.trouble == Some(Trouble::RateLimited))
    }

    /// Whether it is behind the others.
    pub(crate) const fn lags(&self) -> bool {
        self.lag.is_some()
    }

    /// Newest block that the endpoint showed.
    pub(crate) const fn height(&self) -> Option<BlockHeight> {
        self.height
    }

    /// The worst that is known against it.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let marks = [&self.lies, &self.reach].into_iter().chain(&self.kinds);
        marks.filter_map(|mark| mark.trouble).next().or(self.lag.map(|blocks| Trouble::Lags { blocks }))
    }

    /// Takes a usable answer into account; `agreed` when others gave the same.
    pub(crate) fn answered(&mut self, kind: CallKind, agreed: bool, now: Instant) {
        self.reach.good(now);
        self.kinds[kind as usize].good(now);
        // A lie is not forgotten for a true word while its avoidance lasts.
        if agreed && self.lies.is_over(now) {
            self.lies.good(now);
        }
    }

    /// Takes a failure into account.
    pub(crate) fn failed(&mut self, kind: CallKind, error: &ChainError, now: Instant) {
        let seconds = Duration::from_secs;
        let fails = Trouble::Fails(kind);
        let (whole, trouble, span) = match error {
            ChainError::WrongChain { .. } => (true, Trouble::WrongChain, (seconds(5), seconds(60))),
            ChainError::Unreachable { .. } => (true, Trouble::Unreachable, (seconds(1), seconds(30))),
            ChainError::Timeout { method: "connect" | "eth_chainId", .. } => {
                (true, Trouble::Silent, (seconds(2), seconds(60)))
            }
            ChainError::Timeout { .. } => (false, Trouble::Silent, (seconds(2), seconds(60))),
            ChainError::RateLimited { after, .. } => (true, Trouble::RateLimited, (*after, seconds(60))),
            // The range planner of the endpoint takes care of it.
            ChainError::RangeRefused { from, to, .. } if from < to => return,
            // It has what is newer.
            ChainError::LogsPruned { .. } => return,
            error if error.reply_kind() == Some(ReplyKind::StateGone) => return,
            // A block behind the others, as any node is for a moment.
            error if error.reply_kind() == Some(ReplyKind::BlockUnknown) => {
                (false, fails, (Duration::from_millis(500), seconds(10)))
            }
            _ => (false, fails, (seconds(2), seconds(60))),
        };
        let mark = if whole { &mut self.reach } else { &mut self.kinds[kind as usize] };
        mark.strike(trouble, span, now);
    }

    /// Others answered long before it.
    pub(crate) fn late(&mut self, kind: CallKind, now: Instant) {
        let span = (Duration::from_secs(2), Duration::from_secs(60));
        self.kinds[kind as usize].strike(Trouble::Silent, span, now);
    }

    /// It said other than a quorum.
    pub(crate) fn contradicted(&mut self, now: Instant) {
        let span = (Duration::from_secs(30), Duration::from_secs(600));
        self.lies.strike(Trouble::Contradicts, span, now);
    }

    /// Takes its newest block into account; `lag` when that is old.
    pub(crate) const fn saw_head(&mut self, height: BlockHeight, lag: Option<u64>) {
        self.height = Some(height);
        self.lag = lag;
    }
}

impl Trouble {
    /// Whether a person must look; everything else heals or is waited for.
    pub(crate) const fn is_alarm(self) -> bool {
        matches!(self, Self::Contradicts | Self::WrongChain)
    }

    /// Whether it is the same news.
    pub(crate) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lags { blocks } => write!(f, "lags by {blocks} blocks"),
            Self::Contradicts => f.write_str("contradicts the others"),
            Self::WrongChain => f.write_str("serves another chain"),
            Self::Unreachable => f.write_str("cannot be reached"),
            Self::Silent => f.write_str("does not answer in time"),
            Self::RateLimited => f.write_str("limits the rate of requests"),
            Self::Fails(CallKind::Head) => f.write_str("fails to tell its head"),
            Self::Fails(CallKind::State) => f.write_str("fails to tell the state of contracts"),
            Self::Fails(CallKind::Logs) => f.write_str("fails to serve logs"),
            Self::Fails(CallKind::Single) => f.write_str("fails at fees, estimates or sending"),
        }
    }
}

#[cfg(test)]
mod tests;
