//! The config files of a network: one for its users, one for each relay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use polyspan_types::Direction;
use serde::Serialize;

use crate::endpoint_proxy::EndpointProxy;
use crate::relay::Relay;
use crate::spec::NetworkSpec;

/// Time between two looks of a relay at a chain.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Time between two looks of a relay at what to do.
const TICK: Duration = Duration::from_millis(250);

/// The main chain and the service chain, as configs name them.
pub const CHAIN_NAMES: [&str; 2] = ["main", "service"];

/// A file as the relay and the commands read it.
#[derive(Debug, Serialize)]
struct ConfigFile {
    network: &'static str,
    chain: Vec<ChainTable>,
    bridge: Vec<BridgeTable>,
    coordination: CoordinationTable,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<RelayTable>,
}

#[derive(Debug, Serialize)]
struct ChainTable {
    name: &'static str,
    chain_id: u64,
    endpoints: Vec<String>,
    finality: String,
    poll_interval: String,
    request_timeout: &'static str,
    max_log_range: u64,
    max_fee_per_gas: &'static str,
    replace_after: u64,
}

#[derive(Debug, Serialize)]
struct BridgeTable {
    deployment: PathBuf,
}

#[derive(Debug, Serialize)]
struct CoordinationTable {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<String>,
    lease: String,
}

#[derive(Debug, Serialize)]
struct RelayTable {
    name: String,
    roles: Vec<&'static str>,
    store: PathBuf,
    listen: String,
    tick: String,
    accept_development: bool,
    attester: AttesterTable,
    submitter: Vec<SubmitterTable>,
    submission: SubmissionTable,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AttesterTable {
    Keystore(KeyTable),
    Remote { remote: &'static str, url: String, address: String, timeout: &'static str },
}

#[derive(Debug, Serialize)]
struct KeyTable {
    keystore: PathBuf,
    passphrase_file: PathBuf,
}

#[derive(Debug, Serialize)]
struct SubmitterTable {
    chain: String,
    keystore: PathBuf,
    passphrase_file: PathBuf,
}

#[derive(Debug, Serialize)]
struct SubmissionTable {
    max_transfers: u64,
}

/// The config of people: it reads the chains directly and has no `[relay]`. `etcd` are client URLs of its members.
///
/// Errors: the disk refuses.
pub fn write_users(
    spec: &NetworkSpec,
    endpoints: [String; 2],
    etcd: Option<Vec<String>>,
    file: &Path,
    deployments: &[PathBuf],
) -> Result<()> {
    let endpoints = endpoints.map(|endpoint| vec![endpoint]);
    write(file, &shared(spec, endpoints, etcd, deployments, None))
}

/// The config of one relay: it reads the chains through its own proxies.
///
/// Errors: the disk refuses.
pub fn write_relay(
    spec: &NetworkSpec,
    relay: &Relay,
    etcd: Option<Vec<String>>,
    deployments: &[PathBuf],
) -> Result<()> {
    let url = |proxy: &EndpointProxy| if spec.websocket { proxy.websocket_url() } else { proxy.url() };
    let endpoints =
        Direction::ALL.map(|direction| relay.source_endpoints(direction).into_iter().map(url).collect());
    let table = RelayTable {
        name: relay.spec.name.clone(),
        roles: relay.spec.roles(),
        store: relay.store.clone(),
        listen: relay.listen.clone(),
        tick: text(TICK),
        accept_development: spec.development,
        attester: attester(relay),
        submitter: relay
            .submitters
            .iter()
            .map(|(chain, key)| SubmitterTable {
                chain: chain.clone(),
                keystore: key.keystore.clone(),
                passphrase_file: key.passphrase_file.clone(),
            })
            .collect(),
        submission: SubmissionTable { max_transfers: spec.max_transfers },
    };
    write(&relay.config, &shared(spec, endpoints, etcd, deployments, Some(table)))
}

fn attester(relay: &Relay) -> AttesterTable {
    let key = &relay.attester;
    match &relay.signer {
        Some(url) => AttesterTable::Remote {
            remote: "eth_signTypedData_v4",
            url: url.to_string(),
            address: key.address().to_string(),
            timeout: "2s",
        },
        None => AttesterTable::Keystore(KeyTable {
            keystore: key.keystore.clone(),
            passphrase_file: key.passphrase_file.clone(),
        }),
    }
}

fn shared(
    spec: &NetworkSpec,
    endpoints: [Vec<String>; 2],
    etcd: Option<Vec<String>>,
    deployments: &[PathBuf],
    relay: Option<RelayTable>,
) -> ConfigFile {
    let name = relay.as_ref().map_or("", |relay| relay.name.as_str());
    let chain =
        CHAIN_NAMES.into_iter().zip(spec.chain_ids).zip(endpoints).map(|((name, chain_id), endpoints)| {
            ChainTable {
                name,
                chain_id,
                endpoints,
                finality: spec.nodes.finality(spec.finality).to_string(),
                poll_interval: text(POLL_INTERVAL),
                request_timeout: "3s",
                max_log_range: 5_000,
                max_fee_per_gas: spec.max_fee_per_gas,
                replace_after: 5,
            }
        });
    ConfigFile {
        network: "devnet",
        chain: chain.collect(),
        bridge: deployments.iter().map(|deployment| BridgeTable { deployment: deployment.clone() }).collect(),
        coordination: coordination(spec, etcd, name),
        relay,
    }
}

/// Where the relays of a network meet: one place, or two.
pub fn meetings(spec: &NetworkSpec) -> Vec<PathBuf> {
    let place = |name| spec.directory.join(name);
    if spec.halves {
        vec![place("coordination"), place("coordination-2")]
    } else {
        vec![place("coordination")]
    }
}

/// Where one relay meets others.
fn meeting_of(spec: &NetworkSpec, relay: &str) -> PathBuf {
    let mut places = meetings(spec);
    let number = spec.relays().iter().position(|other| other.name == relay).unwrap_or_default();
    places.swap_remove(number % places.len())
}

fn coordination(spec: &NetworkSpec, etcd: Option<Vec<String>>, relay: &str) -> CoordinationTable {
    let lease = text(spec.lease);
    match etcd {
        Some(endpoints) => CoordinationTable { kind: "etcd", directory: None, endpoints, lease },
        None => {
            let directory = Some(meeting_of(spec, relay));
            CoordinationTable { kind: "embedded", directory, endpoints: Vec::new(), lease }
        }
    }
}

fn text(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

fn write(file: &Path, config: &ConfigFile) -> Result<()> {
    let text = toml::to_string(config).context("a config has a TOML form")?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
