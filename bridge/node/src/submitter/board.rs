//! What is known of a chain's submitter keys, each of which writes its own line.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use polyspan_monitoring::HealthPart;
use tokio::sync::watch;
use tracing::{info, warn};

use super::choice::{Standing, choose};
use super::metrics::SubmitterMetrics;

/// One key as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyView {
    /// Who pays.
    pub address: Address,
    /// Whether it can.
    pub(super) standing: Standing,
    /// Why it cannot.
    pub reason: Option<String>,
    /// What keeps its transactions on their way from getting into a block.
    pub waits: Option<String>,
    /// What failed last.
    pub failing: Option<String>,
    /// What it had when that was read last. Unit: wei.
    pub balance: Option<U256>,
}

impl KeyView {
    /// Whether it can pay and be mined, in a word: `able`, `unfunded`, `silent` or `stuck`.
    pub const fn standing(&self) -> &'static str {
        self.standing.label()
    }
}

/// The keys of one chain, first the one that is used before its spares.
#[derive(Debug)]
pub(super) struct Board {
    chain: String,
    keys: watch::Sender<Vec<KeyView>>,
    /// What lanes on this chain wait for.
    trouble: watch::Sender<Option<String>>,
    health: HealthPart,
    metrics: SubmitterMetrics,
}

/// A key's line on the board.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    board: Arc<Board>,
    key: usize,
    /// Label of the metrics.
    label: String,
}

impl Board {
    pub(super) fn new(
        chain: &str,
        addresses: &[Address],
        health: HealthPart,
        metrics: SubmitterMetrics,
    ) -> Arc<Self> {
        let keys = addresses.iter().map(|address| KeyView { address: *address, ..KeyView::default() });
        metrics.start(chain);
        Arc::new(Self {
            chain: chain.to_owned(),
            keys: watch::Sender::new(keys.collect()),
            trouble: watch::Sender::new(None),
            health,
            metrics,
        })
    }

    pub(super) fn seat(self: &Arc<Self>, key: usize) -> Seat {
        let seat = Seat { board: Arc::clone(self), key, label: (key + 1).to_string() };
        self.metrics.standing(&self.chain, &seat.label, Standing::Able);
        seat
    }

    pub(super) fn keys(&self) -> Vec<KeyView> {
        self.keys.borrow().clone()
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.keys.borrow().iter().map(|key| key.standing).collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<Vec<KeyView>> {
        self.keys.subscribe()
    }

    pub(super) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// A job leaves one key for another.
    pub(super) fn passed(&self, key: usize) {
        let standing = self.standings().get(key).copied().unwrap_or_default();
        if standing != Standing::Able {
            self.metrics.passed(&self.chain, standing);
        }
    }

    /// Why no key takes a job.
    pub(super) fn told(&self) -> String {
        told(&self.keys.borrow())
    }

    fn change(&self, key: usize, change: impl FnOnce(&mut KeyView)) {
        self.keys.send_modify(|keys| {
            if let Some(view) = keys.get_mut(key) {
                change(view);
            }
        });
        let keys = self.keys();
        let used = choose(&standings(&keys), &Default::default()).and_then(|key| keys.get(key));
        let (waits, failing) = match used {
            Some(KeyView { standing: Standing::Able, waits, failing, .. }) => {
                (waits.clone(), failing.clone())
            }
            // Spares that can are no trouble: the metrics and the status tell of the others.
            _ => (Some(told(&keys)), Some(told(&keys))),
        };
        match failing {
            Some(text) => self.health.failing(text),
            None => self.health.ok(),
        }
        self.trouble.send_if_modified(|trouble| {
            let changed = *trouble != waits;
            *trouble = waits;
            changed
        });
    }
}

fn standings(keys: &[KeyView]) -> Vec<Standing> {
    keys.iter().map(|key| key.standing).collect()
}

/// Pure: the reasons of all keys, each with its place unless it is the only one.
fn told(keys: &[KeyView]) -> String {
    let reason = |key: &KeyView| key.reason.clone().or_else(|| key.failing.clone());
    let of = |(place, key): (usize, &KeyView)| {
        let reason = reason(key)?;
        Some(if keys.len() == 1 { reason } else { format!("submitter key {}: {reason}", place + 1) })
    };
    let reasons: Vec<String> = keys.iter().enumerate().filter_map(of).collect();
    reasons.join("; ")
}

impl Seat {
    /// It works.
    pub(super) fn ok(&self) {
        self.board.change(self.key, |view| view.failing = None);
    }

    /// A step failed, and may go well the next time.
    pub(super) fn failing(&self, text: impl Into<String>) {
        self.board.change(self.key, |view| view.failing = Some(text.into()));
    }

    /// What keeps its transactions from getting into a block, `None` for nothing.
    pub(super) fn waits(&self, text: Option<String>) {
        let known = self.board.keys.borrow().get(self.key).and_then(|view| view.waits.clone());
        if let Some(text) = text.as_ref().filter(|text| known.as_ref() != Some(text)) {
            warn!(chain = self.board.chain, key = self.label, reason = text, "submissions wait");
        }
        self.board.change(self.key, |view| {
            view.waits.clone_from(&text);
            view.failing = text;
        });
    }

    /// Whether it can have anything mined, and why not.
    pub(super) fn stands(&self, standing: Standing, reason: Option<String>) {
        let (before, address) = match self.board.keys.borrow().get(self.key) {
            Some(view) => (view.standing, view.address),
            None => return,
        };
        if before != standing {
            self.board.metrics.standing(&self.board.chain, &self.label, standing);
            let (chain, key) = (&self.board.chain, &self.label);
            match &reason {
                Some(reason) => {
                    warn!(chain, key, submitter = %address, reason, "submitter key is {}", standing.label());
                }
                None => info!(chain, key, submitter = %address, "submitter key is able again"),
            }
        }
        self.board.change(self.key, |view| {
            view.standing = standing;
            view.reason = reason;
        });
    }

    pub(super) fn balance(&self, balance: U256) {
        self.board.metrics.balance(&self.board.chain, &self.label, balance);
        self.board.change(self.key, |view| view.balance = Some(balance));
    }

    pub(super) fn release_budget(&self, left: u64) {
        self.board.metrics.release_budget(&self.board.chain, &self.label, left);
    }

    pub(super) fn pending(&self, pending: usize) {
        self.board.metrics.pending(&self.board.chain, &self.label, pending);
    }
}

#[cfg(test)]
mod tests {
    use polyspan_monitoring::Health;
    use prometheus::Registry;

    use super::*;

    fn board(health: &Health, keys: usize) -> Arc<Board> {
        let metrics = SubmitterMetrics::register(&Registry::new()).unwrap();
        let addresses: Vec<_> = (1..=keys).map(|key| Address::with_last_byte(key as u8)).collect();
        let board = Board::new("service", &addresses, health.part("submitter service"), metrics);
        (0..keys).for_each(|key| board.seat(key).ok());
        board
    }

    #[test]
    fn a_chain_with_a_spare_that_can_is_well() {
        let health = Health::new();
        let board = board(&health, 2);
        board.seat(0).stands(Standing::Stuck, Some("nonce 7 waits".to_owned()));
        board.seat(0).waits(Some("nonce 7 waits".to_owned()));
        assert!(health.report().ready);
        assert_eq!(*board.trouble().borrow(), None);
        board.seat(1).stands(Standing::Unfunded, Some("fund it".to_owned()));
        assert_eq!(
            health.report().reasons[0].reason,
            "submitter key 1: nonce 7 waits; submitter key 2: fund it"
        );
        assert!(board.trouble().borrow().is_some());
        board.seat(1).stands(Standing::Able, None);
        assert!(health.report().ready);
    }

    #[test]
    fn the_only_key_speaks_for_itself() {
        let health = Health::new();
        let board = board(&health, 1);
        board.seat(0).stands(Standing::Unfunded, Some("fund it".to_owned()));
        assert_eq!(board.told(), "fund it");
        assert_eq!(health.report().reasons[0].reason, "fund it");
    }
}
