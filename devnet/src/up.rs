//! A network that stays up until it is told to end.

mod pieces;

use std::time::Duration;

use anyhow::Result;

use crate::network::Network;
use crate::screen;
use crate::signals::asked_to_end;
use crate::spec::NetworkSpec;

/// Patience for all relays to be ready.
const READY: Duration = Duration::from_secs(60);

/// Time between two looks at all parts.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Starts a network, prints how to use it, and serves until Ctrl-C or SIGTERM; then everything is ended.
///
/// Errors: a part cannot be started, or ends by itself: then the error says which, with the last lines of its log, and
/// all other parts are ended.
pub async fn run(spec: NetworkSpec) -> Result<()> {
    let mut network = tokio::select! {
        started = start(spec) => started?,
        asked = asked_to_end() => return asked,
    };
    for line in manual(&network) {
        screen::line(line);
    }
    let watched = tokio::select! {
        ended = watch(&mut network) => ended,
        asked = asked_to_end() => asked.map(|()| screen::line("stopping")),
    };
    let stopped = network.stop().await;
    watched.and(stopped)
}

async fn start(spec: NetworkSpec) -> Result<Network> {
    let mut network = Network::start(spec).await?;
    network.start_relays()?;
    network.wait_ready(READY).await?;
    pieces::give(&network).await?;
    Ok(network)
}

async fn watch(network: &mut Network) -> Result<()> {
    loop {
        network.expect_alive()?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How to use a running network.
fn manual(network: &Network) -> Vec<String> {
    let config = network.config.display();
    let polyspan = network.binaries.polyspan.display();
    let mut lines = vec![
        format!("devnet is up in {}", network.spec.directory.display()),
        format!("  main chain     {}  (chain id {})", network.main.url(), network.main.chain_id),
        format!("  service chain  {}  (chain id {})", network.service.url(), network.service.chain_id),
        String::new(),
        "metrics and health of the relays (/metrics, /livez, /readyz):".to_owned(),
    ];
    for relay in &network.relays {
        lines.push(format!(
            "  {:14} http://{}/metrics  log {}",
            relay.spec.name,
            relay.listen,
            relay.log.display()
        ));
    }
    if let Some(etcd) = &network.etcd {
        lines.push(String::new());
        lines.push(format!("etcd joins the relays: {}", etcd.endpoints().join(" ")));
    }
    lines.push(String::new());
    lines.push("look at it:".to_owned());
    lines.push(format!("  {polyspan} status --config {config}"));
    if let (Some(user), Some(bridge)) = (network.users.first(), network.bridges.first()) {
        let (name, address) = (&bridge.deployment.name, user.address());
        lines.push(String::new());
        lines.push(format!("transfer with the funded key of {} ({address}):", user.name));
        lines.push(format!(
            "  {polyspan} transfer native --config {config} --lane {name}/main-to-service --to {address} \
             --amount 0.5 --key {} --passphrase-file {} --yes --wait",
            user.keystore.display(),
            user.passphrase_file.display(),
        ));
        let (ids, units) = (pieces::IDS, pieces::UNITS);
        lines.push("or in the place of `native` and `--amount 0.5`:".to_owned());
        lines.push("  erc20 --token usd --amount 20".to_owned());
        lines.push(format!("  erc721 --token art --id 1                  (it has pieces 1 to {ids})"));
        lines.push(format!("  erc1155 --token items --id 1 --amount 5    ({units} of each id, 1 to {ids})"));
        lines.push(format!("and the other way, with --lane {name}/service-to-main and eur, cards or parts."));
        lines.push(String::new());
        lines.push(format!(
            "sign as a governor with {}, and so on (the passphrase is the same):",
            network.governors.first().map_or_else(String::new, |key| key.keystore.display().to_string())
        ));
        lines.push(format!("  {polyspan} governance propose --config {config} --help"));
    }
    for bridge in &network.bridges {
        let deployment = &bridge.deployment;
        let pairs: Vec<String> =
            deployment.pairs.iter().map(|pair| format!("{} ({})", pair.name, pair.kind)).collect();
        lines.push(String::new());
        lines.push(format!(
            "bridge {}: {} on main, {} on service",
            deployment.name, deployment.main.bridge, deployment.service.bridge
        ));
        lines.push(format!("  its pairs, for --token: {}", pairs.join(", ")));
    }
    lines.push(String::new());
    lines.push("Ctrl-C ends everything.".to_owned());
    lines
}
