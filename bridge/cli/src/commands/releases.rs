//! `polyspan releases`: what is on hold, and the commands that end it.

use std::process::ExitCode;

use anyhow::Result;
use polyspan_chain::{At, ChainError, Hold};
use polyspan_node::config::{Config, LaneInfo};
use polyspan_types::{HoldAction, LaneId, RequestNonce, TransferId};
use serde::Serialize;

use super::explain::{find_request, hold_steps, what};
use crate::args::{ConfigFile, count};
use crate::asset::Amount;
use crate::exit::Exit;
use crate::hold_steps::{HoldSteps, HoldStory};
use crate::lane_view::LaneView;
use crate::network::Network;
use crate::output;

/// Holds read in one call. Unit: nonces. Source: about 9 million gas, which every node allows a call.
const PAGE: u64 = 4096;

/// Arguments of `polyspan releases`.
#[derive(Debug, clap::Args)]
pub struct ReleasesArguments {
    /// Only this lane; all of the config when left out.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
    /// At most so many of each lane, the oldest ones.
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = count)]
    limit: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// The holds of all lanes.
#[derive(Debug, Default, Serialize)]
struct Holds {
    holds: Vec<OpenHold>,
    /// What could not be seen, and why.
    unseen: Vec<String>,
}

/// One hold.
#[derive(Debug, Serialize)]
struct OpenHold {
    transfer: String,
    /// What it moves; `null` when the source could not be read.
    what: Option<String>,
    /// How much, for programs.
    amount: Option<Amount>,
    #[serde(flatten)]
    story: HoldStory,
    /// Commands that can end it now, or that begin a decision of operators.
    commands: Vec<String>,
}

/// Lists what is on hold, from the chains alone.
///
/// Errors: the configuration, or it has no such lane.
pub async fn run(arguments: ReleasesArguments) -> Result<ExitCode> {
    let network = Network::of_chains(Config::load(&arguments.file.config)?)?;
    let lanes = match &arguments.lane {
        Some(lane) => vec![network.lane(lane)?],
        None => network.config.lanes(),
    };
    let mut holds = Holds::default();
    for info in lanes {
        let (lane, chain) = (info.id.clone(), info.destination.chain.clone());
        if let Err(reason) = fetch(&network, info, usize::from(arguments.limit), &mut holds).await {
            holds.unseen.push(format!("{lane}: the destination, chain {chain}: {reason}"));
        }
    }
    if arguments.json {
        output::json(&holds)?;
    } else {
        holds.print();
    }
    Ok(if holds.unseen.is_empty() { Exit::Fine } else { Exit::Unreadable }.into())
}

async fn fetch(network: &Network, info: LaneInfo, limit: usize, found: &mut Holds) -> Result<(), String> {
    let view = LaneView::fetch(network, info, &[]).await;
    let destination = view.destination.as_ref().map_err(Clone::clone)?;
    let open = oldest(network, &view.info, destination.handled, destination.held, limit).await;
    for hold in open.map_err(|error| error.to_string())? {
        let id = TransferId { lane: view.info.id.clone(), nonce: hold.nonce };
        let request = match find_request(network, &view.info, hold.nonce).await {
            Ok(request) => request,
            Err(error) => {
                found.unseen.push(format!("{id}: the source, chain {}: {error}", view.info.source.chain));
                None
            }
        };
        let steps = hold_steps(hold, request.as_ref(), destination);
        let what = match &request {
            Some(request) => Some(what(network, &view.info, &request.transfer).await),
            None => None,
        };
        let (what, amount) = what.unzip();
        let commands = commands(&steps, &id);
        found.holds.push(OpenHold { transfer: id.to_string(), what, amount, story: steps.story(), commands });
    }
    Ok(())
}

async fn oldest(
    network: &Network,
    info: &LaneInfo,
    handled: RequestNonce,
    held: u64,
    limit: usize,
) -> Result<Vec<Hold>, ChainError> {
    let (side, mut first, mut found) = (&info.destination, RequestNonce::ZERO, Vec::new());
    while first < handled && found.len() < limit && (found.len() as u64) < held {
        let count = PAGE.min(handled.since(first));
        found.extend(network.chain(side).holds(side.bridge, first, count, At::Latest).await?);
        first = first.plus(count);
    }
    found.truncate(limit);
    Ok(found)
}

/// Pure: the ways to end a hold, ready to copy.
fn commands(steps: &HoldSteps, id: &TransferId) -> Vec<String> {
    let command = |action: HoldAction| match steps.needs_no_decision(action, id) {
        None => Some(format!("polyspan {action} prepare {id} --out FILE")),
        // A refund is never refunded.
        Some(_) if action == HoldAction::Refund && steps.is_refund == Some(true) => None,
        Some(_) => Some(format!("polyspan {action} {id} --key KEYSTORE")),
    };
    [HoldAction::Release, HoldAction::Refund].into_iter().filter_map(command).collect()
}

impl Holds {
    fn print(&self) {
        if self.holds.is_empty() && self.unseen.is_empty() {
            output::result("nothing is on hold");
        }
        for OpenHold { transfer, what, story, commands, .. } in &self.holds {
            let what = what.as_deref().unwrap_or("what it moves was not seen");
            output::result(format!("{transfer}: {what}; since block {} ({})", story.held_at, story.reason));
            output::result(format!("  {}", story.next));
            commands.iter().for_each(|command| output::result(format!("  {command}")));
        }
        self.unseen.iter().for_each(|reason| output::result(format!("not seen: {reason}")));
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use polyspan_types::{BlockHeight, HoldReason, Leaf};

    use super::*;

    #[test]
    fn a_hold_names_the_command_of_whoever_can_end_it() {
        let id: TransferId = "kr/main-to-service:5".parse().unwrap();
        let of = |reason, head, is_refund| {
            let hold =
                Hold { nonce: id.nonce, reason, held_at: BlockHeight::new(100), leaf: Leaf(B256::ZERO) };
            let steps = HoldSteps {
                hold,
                readiness: None,
                is_refund: Some(is_refund),
                refund_delay: 50,
                delay_blocks: Some(0),
                head: BlockHeight::new(head),
            };
            commands(&steps, &id)
        };
        let release = "polyspan release kr/main-to-service:5 --key KEYSTORE";
        let decide = |action: &str| format!("polyspan {action} prepare kr/main-to-service:5 --out FILE");
        assert_eq!(of(HoldReason::PayoutFailed, 149, false), [release.to_owned(), decide("refund")]);
        let refund = "polyspan refund kr/main-to-service:5 --key KEYSTORE";
        assert_eq!(of(HoldReason::PayoutFailed, 150, false), [release, refund]);
        assert_eq!(of(HoldReason::AnswerUnclear, 150, false), [decide("release"), decide("refund")]);
        assert_eq!(of(HoldReason::PayoutFailed, 150, true), [release]);
    }
}
