//! Waiting for a transfer, with a line that shows how it goes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use polyspan_node::config::LaneInfo;
use polyspan_types::{BlockHeight, OutcomeResult, Request, TransferId, TransferState};
use tokio::time::Instant;

use crate::commands::explain::hold;
use crate::commands::status::members;
use crate::judgement::{Facts, Judgement, judge};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;
use crate::search;

const POLL: Duration = Duration::from_millis(500);

/// Shows the transfer's states as they come. On a terminal one line changes; elsewhere each change is a line.
struct Progress {
    bar: ProgressBar,
    last: String,
}

impl Progress {
    fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, last: String::new() }
    }

    fn show(&mut self, text: String) {
        if text == self.last {
            return;
        }
        if self.bar.is_hidden() {
            output::remark(&text);
        }
        self.bar.set_message(text.clone());
        self.last = text;
    }
}

/// Waits until the transfer is paid (0) or held (1), or the time is over (1).
///
/// Errors: none of the endpoints: they are waited for as well.
pub(super) async fn follow(
    network: &Network,
    info: LaneInfo,
    id: &TransferId,
    request: Request,
    start: Option<BlockHeight>,
    timeout: Duration,
) -> Result<ExitCode> {
    let deadline = Instant::now() + timeout;
    let mut progress = Progress::start();
    loop {
        let (facts, judgement) = look(network, &info, id).await;
        progress.show(line(&facts, &judgement));
        if let Some(result) = facts.outcome() {
            progress.bar.finish_and_clear();
            return Ok(finish(network, &info, &request, result, start).await);
        }
        if Instant::now() >= deadline {
            progress.bar.finish_and_clear();
            let waiting = judgement.waiting_for.unwrap_or_else(|| "nothing that is known".to_owned());
            output::result(format!(
                "not paid within {}; it waits for {waiting}",
                humantime::format_duration(timeout)
            ));
            output::result(format!("it is not lost: `polyspan explain {id}` tells how it goes on"));
            return Ok(ExitCode::FAILURE);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn look(network: &Network, info: &LaneInfo, id: &TransferId) -> (Facts, Judgement) {
    let members = members(network).await.unwrap_or_default();
    let view = LaneView::fetch(network, info.clone(), &members).await;
    let mut facts = Facts::of(&view, id.nonce);
    if facts.handled.is_some_and(|handled| handled > id.nonce) {
        match hold(network, info, id.nonce).await {
            Ok(hold) => facts.hold = hold,
            // Paid or held cannot be told apart now: look again.
            Err(error) => {
                facts.handled = None;
                facts.blind.push(error.to_string());
            }
        }
    }
    let judgement = judge(&facts);
    (facts, judgement)
}

/// `requested → final → attested 2 of 3; waits for …`
fn line(facts: &Facts, judgement: &Judgement) -> String {
    let Some(now) = judgement.state else {
        return judgement.waiting_for.clone().unwrap_or_else(|| "looking".to_owned());
    };
    let end = if now == TransferState::Held { TransferState::Held } else { TransferState::Paid };
    let way = [
        TransferState::Requested,
        TransferState::Final,
        TransferState::Attested,
        TransferState::Approved,
        TransferState::Submitted,
        end,
    ];
    let passed = way.into_iter().filter(|state| *state <= now);
    let words = passed.map(|state| match (state, facts.votes, facts.threshold) {
        (TransferState::Attested, Some(votes), Some((threshold, _)))
            if votes > 0 && facts.outcome().is_none() =>
        {
            format!("attested {} of {threshold}", votes.min(usize::from(threshold)))
        }
        _ => state.to_string(),
    });
    let way = words.collect::<Vec<_>>().join(" → ");
    match &judgement.waiting_for {
        Some(what) if facts.outcome().is_none() => format!("{way}; waits for {what}"),
        _ => way,
    }
}

async fn finish(
    network: &Network,
    info: &LaneInfo,
    request: &Request,
    result: OutcomeResult,
    start: Option<BlockHeight>,
) -> ExitCode {
    let side = &info.destination;
    let from = start.unwrap_or(side.deployment_block);
    let found = search::outcome(network.chain(side), side, request.nonce, from).await.ok().flatten();
    let handled =
        found.map_or_else(|| "not found now, see `polyspan explain`".to_owned(), |o| o.tx_hash.to_string());
    output::result(format!("handle transaction: {handled}"));
    match result {
        OutcomeResult::Paid => {
            output::result(format!("paid to {} on chain {}", request.transfer.to, side.chain));
            ExitCode::SUCCESS
        }
        OutcomeResult::Held(reason) => {
            output::result(format!(
                "held on chain {}: {reason}; it stays on hold until release and refund come in a later version",
                side.chain
            ));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use polyspan_types::RequestNonce;

    use super::*;

    fn shown(change: impl FnOnce(&mut Facts)) -> String {
        let nonce = RequestNonce::new;
        let mut facts = Facts {
            nonce: nonce(5),
            requested: Some(nonce(6)),
            final_nonce: Some(nonce(6)),
            handled: Some(nonce(5)),
            votes: Some(2),
            threshold: Some((3, 4)),
            ..Facts::default()
        };
        change(&mut facts);
        line(&facts, &judge(&facts))
    }

    #[test]
    fn the_line_shows_the_way_so_far() {
        assert_eq!(
            shown(|_| ()),
            "requested → final → attested 2 of 3; waits for 2 of 3 attested (4 operators)"
        );
        assert!(shown(|facts| facts.final_nonce = None).starts_with("requested → final → attested 2 of 3"));
        assert!(
            shown(|facts| facts.votes = Some(4))
                .starts_with("requested → final → attested 3 of 3 → approved; waits")
        );
    }

    #[test]
    fn the_line_ends_with_the_outcome() {
        let paid = shown(|facts| facts.handled = Some(RequestNonce::new(6)));
        assert_eq!(paid, "requested → final → attested → approved → submitted → paid");
        let held = shown(|facts| {
            facts.handled = Some(RequestNonce::new(6));
            facts.hold = Some(polyspan_types::HoldReason::PayoutFailed);
        });
        assert_eq!(held, "requested → final → attested → approved → submitted → held");
    }
}
