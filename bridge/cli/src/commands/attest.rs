//! `polyspan attest`

use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::{Config, LaneInfo};
use polyspan_types::{LaneId, RequestNonce};

use crate::args::{ConfigFile, number};
use crate::failure::BadInput;
use crate::output;

/// What to do about attestations.
#[derive(Debug, clap::Subcommand)]
pub enum AttestCommand {
    /// Lets a relay whose store is new or was restored sign below the first final nonce that it saw. The relay must be stopped.
    ///
    /// You answer for it that its key has never signed another root for any of these nonces: because it is a new key, or because
    /// everything that it signed is handled or still to be seen. Two roots for one nonce are evidence against the operator.
    Adopt(AdoptArguments),
}

/// Arguments of `polyspan attest adopt`.
#[derive(Debug, clap::Args)]
pub struct AdoptArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The lane; may be left out when the relay attests only one.
    #[arg(long, value_name = "LANE")]
    lane: Option<LaneId>,
    /// Up to this nonce, itself included.
    #[arg(long, value_name = "NONCE", value_parser = number::<RequestNonce>)]
    until: RequestNonce,
}

/// Runs `polyspan attest`.
///
/// Errors: no such lane; a store that is in use or cannot be written.
pub async fn run(command: AttestCommand) -> Result<ExitCode> {
    let AttestCommand::Adopt(AdoptArguments { file, lane, until }) = command;
    let config = Config::load(&file.config)?;
    let lane = attested_lane(&config, lane.as_ref())?;
    let store = super::store::open(&config).await?;
    let floor = store.adopt(lane.bridge_id, until).await?;
    store.close().await;
    let free = match floor.floor() {
        Some(floor) => format!("above nonce {floor}"),
        None => "above the first final nonce that it sees".to_owned(),
    };
    let adopted = floor.adopted();
    output::told(format!("{}: the relay signs up to nonce {adopted}, and {free}", lane.id));
    output::object(&serde_json::json!({
        "lane": lane.id.to_string(),
        "signs_up_to": adopted,
        // Absent while it has seen no final nonce.
        "signs_above": floor.floor(),
    }))?;
    Ok(ExitCode::SUCCESS)
}

fn attested_lane(config: &Config, asked: Option<&LaneId>) -> Result<LaneInfo, BadInput> {
    let attests =
        |lane: &LaneInfo| config.relay.as_ref().is_some_and(|relay| relay.roles.attests(lane.id.direction));
    let mut lanes: Vec<LaneInfo> = config.lanes().into_iter().filter(attests).collect();
    let known = lanes.iter().map(|lane| lane.id.to_string()).collect::<Vec<_>>().join(", ");
    if let Some(asked) = asked {
        lanes.retain(|lane| lane.id == *asked);
    }
    match (lanes.pop(), lanes.is_empty(), asked) {
        (Some(lane), true, _) => Ok(lane),
        (None, _, Some(asked)) => {
            Err(BadInput::new(format!("the relay does not attest lane {asked}; it attests {known}")))
        }
        (None, _, None) => Err(BadInput::new("the relay attests no lane; there is nothing to adopt")),
        _ => Err(BadInput::new(format!("the relay attests several lanes; name one with --lane: {known}"))),
    }
}
