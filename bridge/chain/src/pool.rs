//! The endpoints of a chain: whom to ask, and whom to believe.
//!
//! ```text
//! question ─▶ ranks (score) ─▶ round (who is asked next) ─▶ clients ─▶ tally ─▶ verdict, or no quorum
//!                 ▲                                                      │
//!                 └──────────── answered, late, failed, contradicted ◀───┘
//! ```

pub(crate) mod answer;
mod ask;
pub(crate) mod round;
pub(crate) mod score;
pub(crate) mod tally;
pub(crate) mod weigh;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polyspan_types::BlockHeight;
use tokio::time::Instant;
use tracing::{error, info, warn};

pub(crate) use self::ask::{Answers, Question};
use self::score::{CallKind, Score, Standing, Trouble};
use crate::client::Client;
use crate::error::NoQuorum;
use crate::metrics::{ChainSeries, EndpointSeries};
use crate::{ChainError, ChainSettings, Endpoint, ReplyKind};

/// Part of the deadline after which others are asked in the place of one that is silent, and the bounds of that time.
const HEDGE_PART: u32 = 10;
const HEDGE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// All endpoints of one chain.
pub(crate) struct Pool {
    chain: String,
    quorum: usize,
    hedge: Duration,
    members: Vec<Member>,
    scores: Mutex<Vec<Score>>,
    series: ChainSeries,
}

struct Member {
    client: Arc<Client>,
    series: EndpointSeries,
    /// As people find it in their config: its place and its public part.
    name: String,
}

impl Pool {
    /// Builds the connections and contacts nobody.
    ///
    /// Errors: settings that allow no connection.
    pub(crate) fn new(settings: &ChainSettings, series: ChainSeries) -> Result<Self, ChainError> {
        settings.check()?;
        let members = settings.endpoints.iter().enumerate().map(|(index, url)| {
            let series = series.endpoint(index);
            series.usable(true);
            let client = Client::new(settings, url, series.clone())?;
            let name = format!("endpoints[{index}] ({})", client.endpoint());
            Ok(Member { client: Arc::new(client), series, name })
        });
        let members = members.collect::<Result<Vec<_>, ChainError>>()?;
        series.quorum_set(settings.quorum.get());
        series.usable(members.len());
        Ok(Self {
            chain: settings.name.clone(),
            quorum: settings.quorum.get(),
            hedge: (settings.request_timeout / HEDGE_PART).clamp(HEDGE.0, HEDGE.1),
            scores: Mutex::new(vec![Score::default(); members.len()]),
            members,
            series,
        })
    }

    pub(crate) const fn quorum(&self) -> usize {
        self.quorum
    }

    pub(crate) const fn len(&self) -> usize {
        self.members.len()
    }

    /// Nobody is there to compare with.
    pub(crate) const fn is_single(&self) -> bool {
        self.members.len() == 1
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.members.iter().map(|member| member.client.endpoint())
    }

    pub(crate) fn client(&self, index: usize) -> Arc<Client> {
        Arc::clone(&self.members[index].client)
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        &self.members[index].name
    }

    /// Blocks that a quorum takes in one question for logs.
    pub(crate) fn log_range(&self) -> u64 {
        let now = Instant::now();
        let scores = self.scores();
        let usable = |index: &usize| scores[*index].standing(CallKind::Logs, now) <= Standing::OnTrial;
        let lengths = |indexes: Vec<usize>| {
            let mut lengths: Vec<_> =
                indexes.into_iter().map(|index| self.members[index].client.log_range()).collect();
            lengths.sort_unstable_by(|one, other| other.cmp(one));
            lengths.get(self.quorum - 1).copied()
        };
        let length = lengths((0..self.len()).filter(usable).collect());
        length.or_else(|| lengths((0..self.len()).collect())).unwrap_or(1)
    }

    /// Everyone who has not asked for a wait, avoided or not.
    pub(crate) fn all_but_waiting(&self) -> Vec<usize> {
        let (now, scores) = (Instant::now(), self.scores());
        let waits = |index: &usize| scores[*index].standing(CallKind::Single, now) == Standing::Waits;
        (0..self.len()).filter(|index| !waits(index)).collect()
    }

    fn standing_within(&self, worst: Standing, kind: CallKind) -> Vec<usize> {
        let (now, scores) = (Instant::now(), self.scores());
        (0..self.len()).filter(|index| scores[*index].standing(kind, now) <= worst).collect()
    }

    /// Whom to ask, best first. Somebody whose avoidance is over comes first once, to show whether it is right again:
    /// with others to fall back on that costs little.
    fn ranked(&self, question: Question) -> Vec<usize> {
        let now = Instant::now();
        let scores = self.scores();
        let standing = |index: usize| scores[index].standing(question.kind, now);
        let reaches = |index: usize| {
            let known = question.block.zip(scores[index].height());
            known.is_none_or(|(wanted, newest)| wanted <= newest)
                && question.blocks <= self.members[index].client.log_range()
        };
        let mut order: Vec<usize> =
            (0..self.len()).filter(|index| standing(*index) < Standing::Waits).collect();
        order.sort_by_key(|index| (standing(*index), !reaches(*index)));
        let tried = |index: &usize| {
            standing(*index) == Standing::OnTrial
                && reaches(*index)
                && scores[*index].can_be_tried(question.kind)
        };
        if let Some(at) = order.iter().position(tried) {
            order[..=at].rotate_right(1);
        }
        order
    }

    /// Too few agree: the error that says so.
    pub(crate) fn no_quorum(
        &self,
        what: &'static str,
        told: Vec<(usize, String)>,
        failures: Vec<(usize, ChainError)>,
    ) -> ChainError {
        if self.is_single()
            && let Some((_, failed)) = failures.first()
        {
            return failed.clone();
        }
        // A younger state may have a quorum.
        let gone = |(_, failed): &&(usize, ChainError)| failed.reply_kind() == Some(ReplyKind::StateGone);
        if let Some((_, gone)) = failures.iter().find(gone) {
            return gone.clone();
        }
        // A shorter range may have a quorum.
        let refused = |(_, failed): &&(usize, ChainError)| matches!(failed, ChainError::RangeRefused { from, to, .. } if from < to);
        if let Some((_, refused)) = failures.iter().find(refused) {
            return refused.clone();
        }
        let wrong = |(_, failed): &(usize, ChainError)| matches!(failed, ChainError::WrongChain { .. });
        if failures.len() == self.len() && failures.iter().all(wrong) {
            return failures[0].1.clone();
        }
        self.series.no_quorum();
        let (waits, after) = self.waiting();
        let too_slow = failures.iter().any(|(_, failed)| failed.is_too_slow());
        let mut said: Vec<(usize, String)> = told;
        said.extend(failures.iter().map(|(index, failed)| (*index, failed.to_string())));
        said.extend(
            waits
                .into_iter()
                .filter(|index| failures.iter().all(|(failed, _)| failed != index))
                .map(|index| (index, "asked to be left alone for a while".to_owned())),
        );
        said.sort_by_key(|(index, _)| *index);
        let said: Vec<String> =
            said.into_iter().map(|(index, words)| format!("{}: {words}", self.name(index))).collect();
        ChainError::NoQuorum(Box::new(NoQuorum {
            chain: self.chain.clone(),
            what,
            quorum: self.quorum,
            endpoints: self.len(),
            said: said.join("; "),
            too_slow,
            after,
        }))
    }

    /// Who asked for a wait, and how long it takes until enough of them may be asked again.
    fn waiting(&self) -> (Vec<usize>, Duration) {
        let now = Instant::now();
        let scores = self.scores();
        let waits =
            (0..self.len()).filter(|index| scores[*index].standing(CallKind::Single, now) == Standing::Waits);
        let waits: Vec<usize> = waits.collect();
        let mut ends: Vec<Instant> = waits.iter().filter_map(|index| scores[*index].waits_until()).collect();
        ends.sort_unstable();
        let missing = (self.quorum + waits.len()).saturating_sub(self.len());
        let end = missing.checked_sub(1).and_then(|at| ends.get(at));
        (waits, end.map_or(Duration::ZERO, |end| end.saturating_duration_since(now)))
    }

    /// Takes good answers into account.
    pub(crate) fn answered(&self, whom: &[usize], kind: CallKind, agreed: bool) {
        for index in whom {
            self.change(*index, |score, now| score.answered(kind, agreed, now));
        }
    }

    /// Takes contradictions to a quorum into account. One that does not have the block yet has not lied.
    pub(crate) fn contradicted(&self, whom: &[usize], block: Option<BlockHeight>) {
        for index in whom {
            let height = self.scores()[*index].height();
            if block.zip(height).is_some_and(|(wanted, newest)| newest < wanted) {
                continue;
            }
            self.members[*index].series.disagreed();
            self.change(*index, Score::contradicted);
        }
    }

    /// Takes an endpoint's newest block into account; `lag` when that is old.
    pub(crate) fn saw_head(&self, index: usize, height: BlockHeight, behind: u64, lag: Option<u64>) {
        self.members[index].series.head_seen(height, behind);
        self.change(index, |score, _| score.saw_head(height, lag));
    }

    fn failed(&self, index: usize, kind: CallKind, failed: &ChainError) {
        self.change(index, |score, now| score.failed(kind, failed, now));
    }

    fn late(&self, whom: impl Iterator<Item = usize>, kind: CallKind) {
        for index in whom {
            self.members[index].client.doubt();
            self.change(index, |score, now| score.late(kind, now));
        }
    }

    /// Changes a score, and tells when that is news.
    fn change(&self, index: usize, change: impl FnOnce(&mut Score, Instant)) {
        let mut scores = self.scores();
        let before = scores[index].trouble();
        change(&mut scores[index], Instant::now());
        let after = scores[index].trouble();
        let usable = scores.iter().filter(|score| score.trouble().is_none()).count();
        drop(scores);
        self.members[index].series.usable(after.is_none());
        self.series.usable(usable);
        let same = match (before, after) {
            (None, None) => true,
            (Some(before), Some(after)) => before.is_like(after),
            _ => false,
        };
        // With a single endpoint its callers tell.
        if !same && !self.is_single() {
            self.tell(index, after, usable);
        }
    }

    fn tell(&self, index: usize, trouble: Option<Trouble>, usable: usize) {
        let (chain, endpoint, quorum) = (self.chain.as_str(), self.name(index), self.quorum);
        match trouble {
            None => info!(chain, endpoint, usable, quorum, "endpoint is right again"),
            Some(trouble) if trouble.is_alarm() => {
                error!(
                    chain,
                    endpoint, usable, quorum, "endpoint {trouble}; it is avoided and tried again later"
                );
            }
            Some(trouble) => {
                warn!(chain, endpoint, usable, quorum, "endpoint {trouble}; it is avoided for a while")
            }
        }
    }

    /// What is known against endpoints, for people; `None` when that is nothing.
    pub(crate) fn remark(&self) -> Option<String> {
        let scores = self.scores();
        let troubles: Vec<String> = scores
            .iter()
            .enumerate()
            .filter_map(|(index, score)| Some(format!("{} {}", self.name(index), score.trouble()?)))
            .collect();
        let usable = self.len() - troubles.len();
        let are = if usable == 1 { "endpoint is" } else { "endpoints are" };
        (!troubles.is_empty()).then(|| {
            format!(
                "{usable} of {} {are} good, {} must agree; {}",
                self.len(),
                self.quorum,
                troubles.join("; ")
            )
        })
    }

    fn scores(&self) -> MutexGuard<'_, Vec<Score>> {
        // A score is valid after every one of its steps.
        self.scores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
