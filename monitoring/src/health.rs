//! The board on which each part of a process says how it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// The board. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Condition>>>,
}

/// One part's place on the board. Clones share it; the last word of any of them counts.
#[derive(Debug, Clone)]
pub struct HealthPart {
    health: Health,
    name: Arc<str>,
}

/// The board at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// No critical part has ended: restarting the process would not help.
    pub live: bool,
    /// Every part is fine.
    pub ready: bool,
    /// One entry for each part that is not fine, by name.
    pub reasons: Vec<Reason>,
    /// One entry for each part that is fine and has something to say all the same, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

/// What a part that works says beside that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The part, as named by [`Health::part`].
    pub part: String,
    /// What it says.
    pub remark: String,
}

/// Why a part is not fine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The part, as named by [`Health::part`].
    pub part: String,
    /// What it says.
    pub reason: String,
    /// It has ended and will not come back in this process.
    pub ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Fine { remark: Option<String> },
    Failing(String),
    Ended(String),
}

impl Health {
    /// An empty board, which is live and not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part of this name. A new one is failing with the reason `starting`; a known one keeps its condition.
    pub fn part(&self, name: &str) -> HealthPart {
        self.board().entry(name.to_owned()).or_insert_with(|| Condition::Failing("starting".to_owned()));
        HealthPart { health: self.clone(), name: name.into() }
    }

    /// How everything is now.
    pub fn report(&self) -> HealthReport {
        let board = self.board();
        let (mut reasons, mut remarks) = (Vec::new(), Vec::new());
        for (part, condition) in board.iter() {
            let (reason, ended) = match condition {
                Condition::Fine { remark } => {
                    let told = |remark: &String| Remark { part: part.clone(), remark: remark.clone() };
                    remarks.extend(remark.as_ref().map(told));
                    continue;
                }
                Condition::Failing(reason) => (reason.clone(), false),
                Condition::Ended(reason) => (reason.clone(), true),
            };
            reasons.push(Reason { part: part.clone(), reason, ended });
        }
        if board.is_empty() {
            // Nobody has reported: that is no proof of being ready.
            reasons.push(Reason { part: "process".to_owned(), reason: "starting".to_owned(), ended: false });
        }
        let live = !reasons.iter().any(|reason| reason.ended);
        HealthReport { live, ready: reasons.is_empty(), reasons, remarks }
    }

    fn set(&self, name: &str, condition: Condition) {
        let mut board = self.board();
        // What has ended stays so: a late word of a straggler must not hide it.
        if !matches!(board.get(name), Some(Condition::Ended(_))) {
            board.insert(name.to_owned(), condition);
        }
    }

    fn board(&self) -> MutexGuard<'_, BTreeMap<String, Condition>> {
        // A map of texts is whole after any panic, so poison says nothing here.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthPart {
    /// This part works.
    pub fn ok(&self) {
        self.ok_with(None);
    }

    /// This part works, and says something that a person should know.
    pub fn ok_with(&self, remark: Option<String>) {
        self.health.set(&self.name, Condition::Fine { remark });
    }

    /// This part does not work now and may come back by itself.
    pub fn failing(&self, reason: impl Into<String>) {
        self.health.set(&self.name, Condition::Failing(reason.into()));
    }

    /// This critical part has ended and will not come back in this process: `/livez` fails from now on.
    pub fn ended(&self, reason: impl Into<String>) {
        self.health.set(&self.name, Condition::Ended(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(part: &str, reason: &str) -> Reason {
        Reason { part: part.to_owned(), reason: reason.to_owned(), ended: false }
    }

    #[test]
    fn an_empty_board_is_live_and_not_ready() {
        let report = Health::new().report();
        assert!(report.live && !report.ready);
        assert_eq!(report.reasons, [reason("process", "starting")]);
    }

    #[test]
    fn ready_means_that_every_part_said_so() {
        let health = Health::new();
        let (chain, store) = (health.part("chain main"), health.part("store"));
        store.ok();
        assert_eq!(health.report().reasons, [reason("chain main", "starting")]);
        chain.ok();
        assert!(health.report().ready);
        chain.failing("endpoint does not answer");
        assert_eq!(health.report().reasons, [reason("chain main", "endpoint does not answer")]);
        assert!(health.report().live);
    }

    #[test]
    fn a_remark_keeps_nobody_from_being_ready_and_goes_when_it_is_not_repeated() {
        let health = Health::new();
        let chain = health.part("chain main");
        chain.ok_with(Some("one endpoint lags".to_owned()));
        let report = health.report();
        assert!(report.ready);
        let remark = Remark { part: "chain main".to_owned(), remark: "one endpoint lags".to_owned() };
        assert_eq!(report.remarks, [remark]);
        chain.ok();
        assert!(health.report().remarks.is_empty());
    }

    #[test]
    fn asking_for_a_known_part_does_not_reset_it() {
        let health = Health::new();
        health.part("store").ok();
        drop(health.part("store"));
        assert!(health.report().ready);
    }

    #[test]
    fn an_ended_part_stays_ended() {
        let health = Health::new();
        let part = health.part("submit");
        part.ended("the journal is not writable");
        part.ok();
        let report = health.report();
        assert!(!report.live && !report.ready);
        assert_eq!(
            report.reasons,
            [Reason { ended: true, ..reason("submit", "the journal is not writable") }]
        );
    }
}
