//! `polyspan recovery plan`

use std::process::ExitCode;

use anyhow::Result;
use futures::future::join_all;
use polyspan_node::config::{Config, LaneInfo};
use polyspan_recovery::{LaneFacts, NonceState, Plan, plan};
use polyspan_types::{LaneId, RequestNonce};
use serde::Serialize;

use super::facts::{Seen, fetch};
use crate::args::ConfigFile;
use crate::commands::explain::open_store;
use crate::commands::status::members;
use crate::exit::Exit;
use crate::network::Network;
use crate::output::{self, Cell};

/// Arguments of `polyspan recovery plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this lane; all of the config when left out.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The plans of all lanes.
#[derive(Debug, Serialize)]
struct Plans {
    lanes: Vec<LanePlan>,
}

/// The plan of one lane. Nonces are counts: "the first `n` requests". `None` could not be seen.
#[derive(Debug, Serialize)]
struct LanePlan {
    lane: String,
    source_chain: String,
    destination_chain: String,
    requested: Option<RequestNonce>,
    #[serde(rename = "final")]
    final_nonce: Option<RequestNonce>,
    handled: Option<RequestNonce>,
    #[serde(flatten)]
    plan: Plan,
    /// What the plan does not rest on, and why.
    unseen: Vec<String>,
    /// This relay has halted the lane, the lane is paused, or what was handled is not what was requested.
    #[serde(skip)]
    stopped: bool,
}

/// Shows plans. Relays need not be alive, and a chain that does not answer hides only what it would say.
///
/// Exit code 1 when a lane is halted or paused or the roots of its ends differ, 3 when an end of one cannot be seen.
///
/// Errors: the configuration, or it has no such lane.
pub async fn run(arguments: PlanArguments) -> Result<ExitCode> {
    let network = Network::open(Config::load(&arguments.file.config)?).await?;
    let lanes = match &arguments.lane {
        Some(lane) => vec![network.lane(lane)?],
        None => network.config.lanes(),
    };
    let members = members(&network).await.unwrap_or_default();
    let store = match open_store(&network).await {
        Ok(Some(store)) => Ok(store),
        Ok(None) => Err("this config has no relay with a store, so no request is called unseen".to_owned()),
        Err(error) => Err(format!("the relay's store: {error}")),
    };
    let plans = join_all(lanes.into_iter().map(async |info| {
        let seen = fetch(&network, &info, &members, store.as_ref()).await;
        LanePlan::of(&info, seen)
    }))
    .await;
    let plans = Plans { lanes: plans };
    if arguments.json {
        output::json(&plans)?;
    } else {
        for (index, plan) in plans.lanes.iter().enumerate() {
            if index > 0 {
                output::result("");
            }
            plan.print();
        }
    }
    Ok(plans.lanes.iter().map(LanePlan::exit).fold(Exit::Fine, Exit::worst).into())
}

impl LanePlan {
    fn of(info: &LaneInfo, seen: Seen) -> Self {
        let (source, LaneFacts { destination, .. }) = (&seen.source, &seen.facts);
        Self {
            lane: info.id.to_string(),
            source_chain: info.source.chain.clone(),
            destination_chain: info.destination.chain.clone(),
            requested: source.as_ref().map(|source| source.requested),
            final_nonce: source.as_ref().and_then(|source| source.final_nonce.as_ref().ok().copied()),
            handled: destination.as_ref().map(|destination| destination.handled),
            stopped: seen.facts.halted.is_some()
                || seen.facts.dispute.is_some()
                || source.as_ref().is_some_and(|source| source.paused)
                || destination.as_ref().is_some_and(|destination| destination.paused),
            plan: plan(&seen.facts),
            unseen: seen.unseen,
        }
    }

    /// A plan without an end of the lane is none; what else is unseen is noted and changes no step's truth.
    fn exit(&self) -> Exit {
        match self.stopped {
            true => Exit::Bad,
            false if self.plan.look.is_none() => Exit::Unreadable,
            false => Exit::Fine,
        }
    }

    fn print(&self) {
        output::result(self.headline());
        if !self.plan.states.is_empty() {
            let rows = self.plan.states.iter().map(|found| {
                let is_bad = found.state == NonceState::Unproven && self.stopped;
                vec![
                    Cell::when(is_bad, found.state.to_string()),
                    found.count.to_string().into(),
                    found.nonces.to_string().into(),
                ]
            });
            output::table(&["state", "count", "nonces"], rows);
        }
        for (index, step) in self.plan.steps.iter().enumerate() {
            output::result(format!("{}. {}: {}", index + 1, step.action, step.reason));
        }
        self.unseen.iter().for_each(|what| output::result(format!("not seen: {what}")));
    }

    fn headline(&self) -> String {
        let shown =
            |count: Option<RequestNonce>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let look = self.plan.look.map_or_else(|| "cannot be judged".to_owned(), |look| look.to_string());
        format!(
            "{} (chain {} to chain {}): {} requested, {} final, {} handled: {look}",
            self.lane,
            self.source_chain,
            self.destination_chain,
            shown(self.requested),
            shown(self.final_nonce),
            shown(self.handled)
        )
    }
}
