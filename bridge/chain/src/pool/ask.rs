//! Ways to ask several endpoints one thing.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use polyspan_types::BlockHeight;
use tokio::time::Instant;

use super::Pool;
use super::answer::Answer;
use super::round::Round;
use super::score::{CallKind, Standing};
use super::tally::Tally;
use super::weigh::{self, Weighed};
use crate::ChainError;
use crate::client::Client;

/// A question to a quorum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// In the words of an error: "fewer than 2 of 3 endpoints agree on …".
    pub(crate) what: &'static str,
    pub(crate) kind: CallKind,
    /// Block that whoever answers must have; `None` when it is not known here.
    pub(crate) block: Option<BlockHeight>,
    /// Blocks that a question for logs covers; 0 for others.
    pub(crate) blocks: u64,
}

impl Question {
    pub(crate) const fn new(what: &'static str, kind: CallKind, block: Option<BlockHeight>) -> Self {
        Self { what, kind, block, blocks: 0 }
    }
}

/// What each of several endpoints said, by its place.
pub(crate) type Answers<T> = Vec<(usize, Result<T, ChainError>)>;

impl Pool {
    /// The same answer from a quorum.
    ///
    /// Errors: [`ChainError::NoQuorum`] with who said what; with a single endpoint, its own.
    pub(crate) async fn agreed<T, F>(
        &self,
        question: Question,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, ChainError>
    where
        T: Answer,
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let order = self.ranked(question);
        if order.is_empty() {
            return Err(self.no_quorum(question.what, Vec::new(), Vec::new()));
        }
        let mut round = Round::new(self.quorum, order);
        let mut tally = Tally::<Result<T, ChainError>>::new(self.quorum);
        let mut failures = Vec::new();
        let mut open = FuturesUnordered::new();
        let mut hedge_at = Instant::now() + self.hedge;
        loop {
            for index in round.launch(tally.most()) {
                let answer = ask(self.client(index));
                open.push(async move { (index, answer.await) });
            }
            tokio::select! {
                answer = open.next() => match answer {
                    None => return Err(self.no_quorum(question.what, tally.told(), failures)),
                    Some((index, Err(failed))) if !failed.is_answer() => {
                        round.ended(index);
                        self.failed(index, question.kind, &failed);
                        failures.push((index, failed));
                    }
                    Some((index, answer)) => {
                        round.ended(index);
                        tally.add(index, answer);
                    }
                },
                () = tokio::time::sleep_until(hedge_at), if !self.is_single() => {
                    round.hedge();
                    hedge_at = Instant::now() + self.hedge;
                }
            }
            if tally.is_decided() {
                break;
            }
        }
        self.late(round.late(), question.kind);
        let Some(verdict) = tally.verdict() else {
            return Err(self.no_quorum(question.what, Vec::new(), failures));
        };
        self.answered(&verdict.by, question.kind, true);
        self.contradicted(&verdict.liars, question.block);
        verdict.answer
    }

    /// What the best endpoint says; the next one is asked when it fails or is late.
    ///
    /// Errors: that of the best one.
    pub(crate) async fn single<T, F>(&self, ask: impl Fn(Arc<Client>) -> F) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        self.first(|_| true, ask).await
    }

    /// As [`Pool::single`], until an endpoint's answer is `enough`; the first answer when none is.
    pub(crate) async fn first<T, F>(
        &self,
        enough: impl Fn(&Result<T, ChainError>) -> bool,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let kind = CallKind::Single;
        let order = self.ranked(Question::new("", kind, None));
        let mut round = Round::new(1, order);
        let (mut weak, mut failure) = (None, None);
        let mut open = FuturesUnordered::new();
        let mut hedge_at = Instant::now() + self.hedge;
        loop {
            for index in round.launch(0) {
                let answer = ask(self.client(index));
                open.push(async move { (index, answer.await) });
            }
            tokio::select! {
                answer = open.next() => match answer {
                    None => break,
                    Some((index, Err(failed))) if !failed.is_answer() => {
                        round.ended(index);
                        self.failed(index, kind, &failed);
                        failure = failure.or(Some(failed));
                    }
                    Some((index, answer)) => {
                        round.ended(index);
                        self.answered(&[index], kind, false);
                        if enough(&answer) {
                            self.late(round.late(), kind);
                            return answer;
                        }
                        weak = weak.or(Some(answer));
                    }
                },
                () = tokio::time::sleep_until(hedge_at), if !self.is_single() => {
                    round.hedge();
                    hedge_at = Instant::now() + self.hedge;
                }
            }
        }
        match (weak, failure) {
            (Some(answer), _) => answer,
            (None, Some(failed)) => Err(failed),
            (None, None) => Err(self.no_quorum("anything", Vec::new(), Vec::new())),
        }
    }

    /// What answers of different sizes come to: a quorum is asked, and another endpoint for each that fails, is late or says
    /// something else, until it is settled. Those that lag are asked only when fewer than a quorum of the others answer. `rest` decides when
    /// everyone was asked and it is not settled.
    ///
    /// Errors: [`ChainError::NoQuorum`] when fewer than a quorum answer.
    pub(crate) async fn weighed<T, R, F>(
        &self,
        what: &'static str,
        ask: impl Fn(Arc<Client>) -> F,
        weigh: impl Fn(&Answers<T>) -> Weighed<R>,
        rest: impl FnOnce(&Answers<T>) -> Option<R>,
    ) -> Result<R, ChainError>
    where
        T: std::fmt::Debug,
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let kind = CallKind::Single;
        let ranked = self.ranked(Question::new(what, kind, None));
        let (lagging, current): (Vec<_>, Vec<_>) =
            ranked.into_iter().partition(|index| self.scores()[*index].lags());
        let (mut round, mut lagging) = (Round::new(self.quorum, current), Some(lagging));
        let (mut answers, mut failures): (Answers<T>, Vec<_>) = (Vec::new(), Vec::new());
        let mut open = FuturesUnordered::new();
        let mut hedge_at = Instant::now() + self.hedge;
        let settled = loop {
            let most = match weigh(&answers) {
                Weighed::Settled(settled) => break Some(settled),
                Weighed::Open(most) => most,
            };
            for index in round.launch(most) {
                let answer = ask(self.client(index));
                open.push(async move { (index, answer.await) });
            }
            tokio::select! {
                answer = open.next() => match answer {
                    None if answers.len() < self.quorum && let Some(rest) = lagging.take() => {
                        round.add(rest);
                    }
                    None => break None,
                    Some((index, Err(failed))) if !failed.is_answer() => {
                        round.ended(index);
                        self.failed(index, kind, &failed);
                        failures.push((index, failed));
                    }
                    Some((index, answer)) => {
                        round.ended(index);
                        self.answered(&[index], kind, false);
                        answers.push((index, answer));
                    }
                },
                () = tokio::time::sleep_until(hedge_at), if !self.is_single() => {
                    round.hedge();
                    hedge_at = Instant::now() + self.hedge;
                }
            }
        };
        self.late(round.late(), kind);
        let enough = answers.len() >= self.quorum;
        let taken = settled.or_else(|| enough.then(|| rest(&answers)).flatten());
        taken.ok_or_else(|| {
            let words = |answer: &Result<T, ChainError>| match answer {
                Ok(said) => format!("{said:?}"),
                Err(refusal) => refusal.to_string(),
            };
            let told = answers.iter().map(|(index, answer)| (*index, words(answer))).collect();
            self.no_quorum(what, told, failures)
        })
    }

    /// As [`Pool::weighed`], of a size that every node tells.
    pub(crate) async fn size<F>(
        &self,
        what: &'static str,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Result<u128, ChainError>
    where
        F: Future<Output = Result<u128, ChainError>> + Send,
    {
        let weigh = |answers: &Answers<u128>| weigh::sizes(&weigh::amounts(answers), self.quorum);
        self.weighed(what, ask, weigh, |answers| weigh::middle(&weigh::amounts(answers))).await
    }

    /// What each of `whom` says. When `enough` have answered, the others have a short time left.
    async fn hear<T, F>(&self, whom: &[usize], enough: usize, ask: impl Fn(Arc<Client>) -> F) -> Answers<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let mut open: FuturesUnordered<_> = whom
            .iter()
            .map(|index| {
                let (index, answer) = (*index, ask(self.client(*index)));
                async move { (index, answer.await) }
            })
            .collect();
        let mut answers: Answers<T> = Vec::with_capacity(whom.len());
        let hedge_at = Instant::now() + self.hedge;
        let usable = |answers: &Answers<T>| {
            answers.iter().filter(|(_, said)| said.as_ref().err().is_none_or(ChainError::is_answer)).count()
        };
        while !open.is_empty() {
            tokio::select! {
                Some(answer) = open.next() => answers.push(answer),
                () = tokio::time::sleep_until(hedge_at), if usable(&answers) >= enough => break,
            }
        }
        answers
    }

    /// As [`Pool::hear`], and what they said or did not say counts for their standing.
    pub(crate) async fn gather<T, F>(
        &self,
        whom: &[usize],
        enough: usize,
        kind: CallKind,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Answers<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let answers = self.hear(whom, enough, ask).await;
        for (index, answer) in &answers {
            match answer {
                Err(failed) if !failed.is_answer() => self.failed(*index, kind, failed),
                _ => {}
            }
        }
        let heard = |index: &usize| answers.iter().any(|(answered, _)| answered == index);
        self.late(whom.iter().copied().filter(|index| !heard(index)), kind);
        answers
    }

    /// What everyone says who is not avoided, and everyone else as well when these are too few for a quorum.
    pub(crate) async fn survey<T, F>(&self, kind: CallKind, ask: impl Fn(Arc<Client>) -> F) -> Answers<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let good = self.standing_within(Standing::Behind, kind);
        let mut answers = self.gather(&good, self.quorum, kind, &ask).await;
        if answers.iter().filter(|(_, answer)| answer.is_ok()).count() < self.quorum {
            answers.extend(self.survey_rest(kind, &good, ask).await);
        }
        answers
    }

    /// As [`Pool::survey`], without those that lag: what they say is of an older block. They are asked when the others are too few.
    pub(crate) async fn survey_current<T, F>(
        &self,
        kind: CallKind,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Answers<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let good = self.standing_within(Standing::OnTrial, kind);
        let mut answers = self.gather(&good, self.quorum, kind, &ask).await;
        if answers.iter().filter(|(_, answer)| answer.is_ok()).count() < self.quorum {
            answers.extend(self.survey_rest(kind, &good, ask).await);
        }
        answers
    }

    /// What those say who have shown a block that is new, as soon as a quorum answers; less than a quorum when others fail. It changes
    /// nobody's standing: what is new is not everywhere yet, and this is for what can be asked in another way.
    pub(crate) async fn glance<T, F>(
        &self,
        kind: CallKind,
        block: BlockHeight,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Vec<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let mut whom = self.standing_within(Standing::Behind, kind);
        whom.retain(|index| self.scores()[*index].height().is_some_and(|newest| newest >= block));
        if whom.len() < self.quorum {
            return Vec::new();
        }
        let answers = self.hear(&whom, self.quorum, ask).await;
        answers.into_iter().filter_map(|(_, answer)| answer.ok()).collect()
    }

    /// What those say who may be asked and are not among `asked`.
    pub(crate) async fn survey_rest<T, F>(
        &self,
        kind: CallKind,
        asked: &[usize],
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Answers<T>
    where
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let mut rest = self.standing_within(Standing::Avoided, kind);
        rest.retain(|index| !asked.contains(index));
        self.gather(&rest, self.quorum, kind, ask).await
    }
}
