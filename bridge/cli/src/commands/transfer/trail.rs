//! What a transfer has sent so far. Who interrupts it must know whether a payment is on its way: a repeated one is paid twice.

use std::cell::RefCell;
use std::path::Path;
use std::process::ExitCode;

use alloy::primitives::B256;
use anyhow::Result;
use polyspan_types::TransferId;
use serde::Serialize;

use super::progress::Progress;
use crate::config_file::NAME;
use crate::exit::Exit;
use crate::output;
use crate::wallet::Step;

/// The steps so far, and the line that shows them.
pub(super) struct Trail {
    /// Shows what is awaited.
    pub(super) progress: Progress,
    stage: RefCell<Stage>,
    json: bool,
    /// The source chain's name.
    chain: String,
    /// ` --config FILE`, where that is needed to follow.
    config: String,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Nothing left this process.
    NothingSent,
    /// Only approvals were sent; this is the last one.
    Approving(B256),
    /// The request is signed, and endpoints may have it.
    Signed(B256),
    /// Endpoints have the request.
    Broadcast(B256),
    /// The request is in a block.
    Requested(TransferId),
}

/// What is left to say after an interrupt.
#[derive(Debug, Serialize)]
struct Interrupted {
    state: &'static str,
    /// What of it was sent; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<String>,
    message: String,
    /// The command that shows how it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    follow: Option<String>,
}

impl Trail {
    /// Nothing is sent yet.
    pub(super) fn new(json: bool, config: &Path, chain: &str) -> Self {
        let config = match config {
            file if file == Path::new(NAME) => String::new(),
            file => format!(" --config {}", file.display()),
        };
        let (stage, chain) = (RefCell::new(Stage::NothingSent), chain.to_owned());
        Self { progress: Progress::new(), stage, json, chain, config }
    }

    /// A step of an approval.
    pub(super) fn approval(&self, step: Step) {
        let (Step::Signed(tx_hash) | Step::Broadcast(tx_hash)) = step;
        self.stage.replace(Stage::Approving(tx_hash));
        if let Step::Broadcast(_) = step {
            self.await_block("approval", tx_hash);
        }
    }

    /// A step of the request. Its hash is shown the moment that it is broadcast.
    pub(super) fn request(&self, step: Step) {
        match step {
            Step::Signed(tx_hash) => {
                self.stage.replace(Stage::Signed(tx_hash));
            }
            Step::Broadcast(tx_hash) => {
                self.stage.replace(Stage::Broadcast(tx_hash));
                let line = format!("request transaction: {tx_hash}");
                // With --json, standard output is for one object at the end.
                self.progress.aside(|| if self.json { output::remark(line) } else { output::result(line) });
                self.await_block("request", tx_hash);
            }
        }
    }

    /// The request is in a block, under this name.
    pub(super) fn requested(&self, id: TransferId) {
        self.stage.replace(Stage::Requested(id));
    }

    /// Says what is on its way and how to follow it.
    ///
    /// Errors: none that a caller could cause.
    pub(super) fn interrupted(&self) -> Result<ExitCode> {
        self.progress.clear();
        let interrupted = interrupted(&self.stage.borrow(), &self.config);
        if self.json {
            output::json(&interrupted)?;
        } else {
            output::remark(format!("interrupted: {}", interrupted.message));
            interrupted.follow.iter().for_each(|follow| output::remark(format!("follow it with `{follow}`")));
        }
        Ok(Exit::Interrupted.into())
    }

    /// An error, with how to follow what was broadcast before it.
    pub(super) fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        match &*self.stage.borrow() {
            Stage::Broadcast(tx_hash) => error.context(format!(
                "the request was broadcast; follow it with `{}`",
                follow(tx_hash, &self.config)
            )),
            _ => error,
        }
    }

    fn await_block(&self, what: &str, tx_hash: B256) {
        let start: String = tx_hash.to_string().chars().take(10).collect();
        self.progress.show(&format!("{what} {start}… waits for a block of chain {}", self.chain));
    }
}

fn follow(what: impl std::fmt::Display, config: &str) -> String {
    format!("polyspan explain {what}{config}")
}

fn interrupted(stage: &Stage, config: &str) -> Interrupted {
    let of = |message: &str| Interrupted {
        state: "interrupted",
        request_transaction: None,
        transfer: None,
        message: message.to_owned(),
        follow: None,
    };
    match stage {
        Stage::NothingSent => of("nothing was sent"),
        Stage::Approving(tx_hash) => of(&format!(
            "the bridge was approved by {tx_hash}, and the transfer was not requested; it can be started again"
        )),
        Stage::Signed(tx_hash) | Stage::Broadcast(tx_hash) => Interrupted {
            request_transaction: Some(tx_hash.to_string()),
            follow: Some(follow(tx_hash, config)),
            ..of(&format!(
                "the request was broadcast as {tx_hash} and may still get into a block; do not send it again"
            ))
        },
        Stage::Requested(id) => Interrupted {
            transfer: Some(id.to_string()),
            follow: Some(follow(id, config)),
            ..of(&format!("transfer {id} is requested and goes on without this command"))
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_says_whether_a_payment_is_on_its_way() {
        let hash = B256::repeat_byte(7);
        assert_eq!(interrupted(&Stage::NothingSent, "").follow, None);
        let approving = interrupted(&Stage::Approving(hash), "");
        assert!(approving.message.contains("can be started again") && approving.follow.is_none());
        for stage in [Stage::Signed(hash), Stage::Broadcast(hash)] {
            let on_its_way = interrupted(&stage, " --config other.toml");
            assert!(on_its_way.message.contains("do not send it again"));
            assert_eq!(on_its_way.follow, Some(format!("polyspan explain {hash} --config other.toml")));
        }
        let id: TransferId = "kr/main-to-service:4".parse().unwrap();
        let requested = interrupted(&Stage::Requested(id), "");
        assert_eq!(requested.follow.as_deref(), Some("polyspan explain kr/main-to-service:4"));
    }
}
