//! The recovery worker of a lane: looks whether it stands still, and makes sure that nothing is missing in the store.
//!
//! ```text
//! interval, start, command ─▶ look (pure) ─▶ what the store has ─┬─ a hole ─▶ refilter.rs ─▶ store (fill_hole)
//!                                                                   ├─ not read yet ─▶ wakes `watch`, and follows it
//!                                                                   └─ everything ─▶ says what the lane waits for
//! ```
//!
//! It signs nothing, submits nothing and moves no cursor: what it puts into the store goes the way of every request.

mod hole;
mod metrics;
mod refilter;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use polyspan_chain::{At, Head, HeadView, LaneState};
use polyspan_coordination::RecoveryReport;
use polyspan_recovery::{Look, look};
use polyspan_types::RequestNonce;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use crate::config::RecoveryEntry;
use crate::error::LaneError;
use crate::finality;
use crate::lane::{Lane, SourceView};
use crate::step::{Step, or_pending};
pub use metrics::RecoveryMetrics;
use refilter::{Refilter, SourceEnd};

/// What a look came to: labels of a metric, a closed set.
pub const OUTCOMES: [&str; 7] = ["even", "moving", "complete", "followed", "blocked", "refilled", "failed"];

/// How often a worker that follows the watch looks for trouble of the destination, and one that was asked for blocks. Unit: time.
const FOLLOWS: Duration = Duration::from_secs(1);

/// How long whoever asks for a look waits for the first block of a chain. Unit: time. Source: a chain that answers shows one within its
/// first few questions.
const HEADLESS: Duration = Duration::from_secs(10);

/// What people ask of a lane's worker. They hold until the relay restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orders {
    /// Look by itself.
    pub enabled: bool,
    /// How often a single look was asked for.
    pub asked: u64,
    /// How many of them nobody waits for any more.
    pub stopped: u64,
}

impl Orders {
    /// As the configuration has it, before anybody asked for something.
    pub const fn configured(enabled: bool) -> Self {
        Self { enabled, asked: 0, stopped: 0 }
    }

    /// Rest, also from what was asked for.
    pub const fn stop(&mut self) {
        (self.enabled, self.stopped) = (false, self.asked);
    }

    /// Whether a look was asked for that is neither among the first `done` nor stopped.
    const fn wants_look(self, done: u64) -> bool {
        self.asked > done && self.asked > self.stopped
    }
}

/// Looks at one lane.
pub(crate) struct RecoveryWorker {
    lane: Arc<Lane>,
    interval: Duration,
    heads: [watch::Receiver<HeadView>; 2],
    orders: watch::Receiver<Orders>,
    source: watch::Receiver<SourceView>,
    /// `handleNonce` at the last look.
    previous: Option<RequestNonce>,
    /// When the next look is due; at once at the start.
    due_at: Option<Instant>,
    /// Single looks that are over.
    done: u64,
    /// Requests that a refilter fills at once.
    piece: usize,
    work: Work,
}

/// What a look is busy with.
enum Work {
    /// No look is going on.
    Nothing,
    /// The source is read again.
    Refilter(Box<Refilter>),
    /// `watch` reads up to this nonce.
    Follow { requested: RequestNonce, outcome: &'static str },
}

impl RecoveryWorker {
    /// Looks at `lane` every `entry.interval`, with the heads of its source and destination.
    pub(crate) fn new(
        lane: Arc<Lane>,
        entry: RecoveryEntry,
        source: watch::Receiver<HeadView>,
        destination: watch::Receiver<HeadView>,
    ) -> Self {
        let shown = lane.board.recovery.borrow().clone();
        Self {
            interval: entry.interval,
            heads: [source, destination],
            orders: lane.board.recovery_orders.subscribe(),
            source: lane.board.source.subscribe(),
            lane,
            previous: None,
            due_at: None,
            // After a panic it goes on counting where it was.
            done: shown.done,
            piece: hole::PIECE,
            work: Work::Nothing,
        }
    }

    fn is_on(&self) -> bool {
        self.orders.borrow().enabled || self.is_asked()
    }

    fn is_asked(&self) -> bool {
        self.orders.borrow().wants_look(self.done)
    }

    fn is_due(&self) -> bool {
        self.is_asked() || self.due_at.is_none_or(|at| at <= Instant::now())
    }

    fn heads(&mut self) -> Option<[Head; 2]> {
        let [source, destination] = &mut self.heads;
        Some([source.borrow_and_update().head?, destination.borrow_and_update().head?])
    }

    /// Why there is nothing to look at, once it has been waited for long enough.
    fn headless(&self) -> Option<String> {
        let info = &self.lane.info;
        [&info.source, &info.destination].into_iter().zip(&self.heads).find_map(|(side, view)| {
            let view = view.borrow();
            let error = view.error.as_deref().unwrap_or("it has no block");
            let waited = view.head.is_none() && view.since.elapsed() >= HEADLESS;
            waited.then(|| format!("no block of chain {} was seen yet: {error}", side.chain))
        })
    }

    /// Begins a look.
    async fn begin(&mut self) -> Result<(), LaneError> {
        let Some([source_head, destination_head]) = self.heads() else {
            // Whoever asked hears of it. A look by interval has nothing else to do than to wait.
            if self.is_asked()
                && let Some(reason) = self.headless()
            {
                self.tell("blocked", Some(reason));
            }
            return Ok(());
        };
        let lane = Arc::clone(&self.lane);
        let info = &lane.info;
        let is_there = source_head.final_block.height >= info.source.deployment_block
            && destination_head.latest.height >= info.destination.deployment_block;
        if !is_there {
            // The contracts themselves are not final: there is nothing to finish.
            self.end("even", None);
            return Ok(());
        }
        let Some(source) = self.source_end(source_head).await? else {
            self.wait_for_watch();
            return Ok(());
        };
        // Both are read at each head by the lane's watches, so that these cost nothing.
        let destination = lane
            .destination
            .lane_state(info.destination.bridge, At::Hash(destination_head.latest.hash))
            .await?;
        // Whoever asks for a look wants the store compared, whatever moved since the last one.
        let asked = self.is_asked();
        let previous = self.previous.replace(destination.handle_nonce).filter(|_| !asked);
        match look(previous, source.requested, destination.handle_nonce) {
            Look::Even => self.end("even", None),
            Look::Moving => self.end("moving", None),
            Look::Standing => self.compare(source, destination).await?,
        }
        Ok(())
    }

    /// What the source holds; `None` where only the watch can say what of it is final, and has not yet.
    async fn source_end(&mut self, head: Head) -> Result<Option<SourceEnd>, LaneError> {
        let (chain, bridge) = (&self.lane.source, self.lane.info.source.bridge);
        if let Some(state) = finality::state_at_final(chain, bridge, head, &mut false).await? {
            let requested = state.request_nonce;
            return Ok(Some(SourceEnd { block: head.final_block, state, requested }));
        }
        let state = chain.lane_state(bridge, At::Hash(head.latest.hash)).await?;
        let view = self.source.borrow_and_update();
        let is_read = view.final_block.is_some_and(|read| read.height >= head.final_block.height);
        Ok(is_read.then_some(SourceEnd { block: head.latest, state, requested: view.verified }))
    }

    /// The watch has to read up to the final block first.
    fn wait_for_watch(&mut self) {
        let view = self.source.borrow_and_update().clone();
        let reason = view.waiting_for.or_else(|| self.lane.board.destination_trouble.borrow().clone());
        match reason {
            Some(reason) => self.end("blocked", Some(reason)),
            None => self.due_at = Some(Instant::now() + FOLLOWS),
        }
    }

    /// The lane stands still: what does the store lack?
    async fn compare(&mut self, source: SourceEnd, destination: LaneState) -> Result<(), LaneError> {
        let (store, id) = (&self.lane.store, self.lane.info.bridge_id);
        let position = store.source_position(id).await?;
        let requested = source.requested;
        let Some(base) = position.base else {
            // The lane begins first, and is read then.
            self.follow(requested, false);
            return Ok(());
        };
        let first = destination.handle_nonce.max(base.nonce);
        let end = position.next.max(position.verified_next);
        let whole = store.count_requests(id, first, end).await? == end.since(first);
        // A contiguous store whose root is the source's has every leaf of it: to refilter could find nothing else.
        // Where the source holds more than is final, the watch has proved what is.
        let differs = requested <= position.next
            && requested == source.state.request_nonce
            && store.root_at(id, requested).await?.is_some_and(|own| own != source.state.request_root);
        if whole && !differs {
            self.follow(requested, false);
            return Ok(());
        }
        info!(
            lane = %self.lane.info.id, from = %destination.recovery_block, to = %source.block.height,
            "the lane stands still and the store lacks requests; the source is read again"
        );
        let refilter = Refilter::new(&self.lane, source, destination, end, self.piece);
        self.work = Work::Refilter(Box::new(refilter));
        Ok(())
    }

    /// What was not read yet is read by `watch`; this look is over when it has, or says why it cannot.
    fn follow(&mut self, requested: RequestNonce, refilled: bool) {
        let unread = self.source.borrow_and_update().verified < requested;
        if unread {
            self.lane.board.woken.send_modify(|times| *times += 1);
        }
        let outcome = match (refilled, unread) {
            (true, _) => "refilled",
            (false, true) => "followed",
            (false, false) => "complete",
        };
        self.work = Work::Follow { requested, outcome };
    }

    fn follow_on(&mut self, requested: RequestNonce, outcome: &'static str) {
        let view = self.source.borrow_and_update().clone();
        if view.verified >= requested {
            self.end(outcome, Some(self.waits_for()));
            return;
        }
        // What has not begun is not read: the destination tells why.
        let reason = view.waiting_for.or_else(|| self.lane.board.destination_trouble.borrow().clone());
        if let Some(reason) = reason {
            self.end("blocked", Some(reason));
        }
    }

    /// What a lane of which nothing is missing waits for.
    fn waits_for(&self) -> String {
        let known = self.lane.waiting_for();
        known.unwrap_or_else(|| "what operators attest, or a submission on its way, to be handled".to_owned())
    }

    /// The look is over.
    fn end(&mut self, outcome: &'static str, waiting_for: Option<String>) {
        self.work = Work::Nothing;
        self.due_at = Some(Instant::now() + self.interval);
        self.tell(outcome, waiting_for);
    }

    fn tell(&mut self, outcome: &'static str, waiting_for: Option<String>) {
        self.lane.metrics.recovery.looked(&self.lane.info.id, outcome);
        self.done = self.orders.borrow().asked;
        self.lane.board.recovery.send_modify(|view| {
            view.looks += 1;
            view.outcome = Some(outcome.to_owned());
            view.waiting_for = waiting_for;
        });
        self.show_standing();
    }

    /// Shows where everything stands, apart from what the last look came to.
    fn show_standing(&self) {
        let orders = *self.orders.borrow();
        let reading = match &self.work {
            Work::Refilter(refilter) => Some(refilter.reading()),
            Work::Follow { .. } | Work::Nothing => *self.lane.board.reading.borrow(),
        };
        let refilled = self.lane.metrics.recovery.refilled(&self.lane.info.id);
        self.lane.board.recovery.send_if_modified(|view| {
            let standing = RecoveryReport {
                enabled: orders.enabled,
                asked: orders.asked,
                stopped: orders.stopped,
                // One that failed is over for whoever asked, and goes on here.
                done: self.done.max(view.done),
                reading,
                refilled,
                ..view.clone()
            };
            let changed = *view != standing;
            *view = standing;
            changed
        });
    }
}

impl Step for RecoveryWorker {
    async fn step(&mut self) -> Result<(), LaneError> {
        self.orders.mark_unchanged();
        if self.is_on() {
            let due = self.is_due();
            match &mut self.work {
                Work::Nothing if due => self.begin().await?,
                Work::Nothing => {}
                Work::Refilter(refilter) => {
                    let requested = refilter.requested();
                    match refilter.read_on(&self.lane).await {
                        Ok(false) => {}
                        Ok(true) => {
                            let filled = refilter.filled() > 0;
                            self.follow(requested, filled);
                        }
                        Err(error) => {
                            // What the store has, or what is handled, may have moved: the next look begins with what is so then.
                            let is_replaced = matches!(error, LaneError::WitnessReplaced { .. });
                            if error.is_of_the_store() || is_replaced {
                                self.work = Work::Nothing;
                            }
                            return Err(error);
                        }
                    }
                }
                Work::Follow { requested, outcome } => {
                    let (requested, outcome) = (*requested, *outcome);
                    self.follow_on(requested, outcome);
                }
            }
        }
        self.show_standing();
        Ok(())
    }

    async fn changed(&mut self) {
        let on = self.is_on();
        if on && matches!(self.work, Work::Refilter(_)) {
            // Other tasks first.
            tokio::task::yield_now().await;
            return;
        }
        let follows = on && matches!(self.work, Work::Follow { .. });
        if let Work::Follow { requested, .. } = &self.work
            && follows
            && self.source.borrow().verified >= *requested
        {
            return;
        }
        let idle = on && matches!(self.work, Work::Nothing);
        let waited_for = idle && self.is_asked();
        let due_at = self.due_at;
        let due = async {
            match due_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let mut reading = self.lane.board.reading.subscribe();
        let [source_head, destination_head] = &mut self.heads;
        tokio::select! {
            changed = self.orders.changed() => or_pending(changed).await,
            changed = self.source.changed(), if follows => or_pending(changed).await,
            changed = reading.changed(), if follows => or_pending(changed).await,
            changed = source_head.changed(), if idle && due_at.is_none() => or_pending(changed).await,
            changed = destination_head.changed(), if idle && due_at.is_none() => or_pending(changed).await,
            () = tokio::time::sleep(FOLLOWS), if follows || waited_for => {}
            () = due, if idle => {}
        }
    }

    fn show(&self, waiting_for: Option<String>) {
        // A look that failed is tried again after a wait, from where it was.
        let Some(reason) = waiting_for else { return };
        let asked = self.orders.borrow().asked;
        self.lane.metrics.recovery.looked(&self.lane.info.id, "failed");
        self.lane.board.recovery.send_modify(|view: &mut RecoveryReport| {
            view.looks += 1;
            view.outcome = Some("failed".to_owned());
            view.waiting_for = Some(reason);
            view.done = asked;
        });
    }
}
