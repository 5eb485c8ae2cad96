//! From the raw form to a valid [`Config`].

mod coordination;
mod crossings;
mod key;
mod relay;

use std::path::{Path, PathBuf};
use std::time::Duration;

use polyspan_chain::{Quorum, same_node};
use polyspan_types::{FinalTag, Finality};
use serde::Deserialize;
use url::Url;

use super::form::{Raw, of_syntax, of_value};
use super::problems::{Problems, join};
use super::raw::{RawBridge, RawChain, RawConfig, RawRecovery};
use super::units::{GasPrice, Span};
use super::{BridgeEntry, ChainEntry, Config, ConfigErrors, Deployment, Network, Overrides, RecoveryEntry};
use crate::files::read_text;
pub(super) use key::{Signs, check as check_key};

const POLL_INTERVAL: Duration = Duration::from_millis(500);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_LOG_RANGE: u64 = 5_000;
/// Unit: wei per gas. 500 gwei.
const MAX_FEE_PER_GAS: u128 = 500_000_000_000;
/// Unit: blocks. Source: a fee market raises its base fee by an eighth a block, and a submission offers twice the base fee at first: it
/// is outbid for good after six.
const REPLACE_AFTER: u64 = 6;
/// Unit: blocks. Source: what is on its way needs one or two of them to be seen by others.
const TAKEOVER_AFTER: u64 = 3;
/// Unit: blocks. Source: a day of blocks of a second and more.
const MOST_BLOCKS: u64 = 100_000;
const LEASE: Duration = Duration::from_secs(3);

/// Reads, overrides and checks; everything wrong is in the error.
pub(super) fn load(file: &Path, overrides: &Overrides) -> Result<Config, ConfigErrors> {
    let mut problems = Problems::default();
    let config = read(file, &mut problems).and_then(|mut table| {
        overrides.apply(&mut table, &mut problems);
        let raw = RawConfig::deserialize(table).map_err(|error| of_value(error.message()));
        let raw = problems.ok("", raw)?;
        check(raw, file, &mut problems)
    });
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems.into_errors(file, |path| overrides.origin(path))),
    }
}

pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<toml::Table> {
    let unreadable = |error| format!("cannot read it: {error}; give the right one with --config FILE");
    let text = problems.ok("", read_text(file).map_err(unreadable))?;
    problems.ok("", text.parse::<toml::Table>().map_err(|error| of_syntax(&text, &error)))
}

fn check(raw: RawConfig, file: &Path, problems: &mut Problems) -> Option<Config> {
    let folder = file.parent().unwrap_or(Path::new(""));
    problems.unknown("", &raw.unknown, RawConfig::KEYS);
    let network = problems.optional("network", raw.network).and_then(|text| network(&text, problems));
    let chains = check_chains(raw.chain, problems);
    let bridges = check_bridges(raw.bridge, folder, problems);
    let is_given = !matches!(raw.coordination, Raw::Missing);
    let coordination = problems
        .optional("coordination", raw.coordination)
        .and_then(|raw| coordination::check(raw, folder, problems));
    let wrong = crossings::Wrong {
        chains: chains.iter().any(Option::is_none),
        coordination: is_given && coordination.is_none(),
    };
    let relay = problems.optional("relay", raw.relay).map(|raw| relay::check(raw, folder, problems));
    let has_relay = relay.is_some();
    let config = Config {
        file: file.to_owned(),
        network: network.unwrap_or_default(),
        chains: chains.into_iter().flatten().collect(),
        bridges: bridges.into_iter().flatten().collect(),
        coordination,
        relay: relay.flatten(),
        recovery: recovery(problems.or("recovery", raw.recovery, RawRecovery::default()), problems),
    };
    crossings::check(&config, has_relay, wrong, problems);
    Some(config)
}

fn recovery(raw: RawRecovery, problems: &mut Problems) -> RecoveryEntry {
    problems.unknown("recovery", &raw.unknown, RawRecovery::KEYS);
    let implied = RecoveryEntry::default();
    let longest = Duration::from_secs(24 * 3_600);
    RecoveryEntry {
        enabled: problems.or("recovery.enabled", raw.enabled, implied.enabled),
        interval: span("recovery.interval", raw.interval, implied.interval, longest, problems),
    }
}

fn network(text: &str, problems: &mut Problems) -> Option<Network> {
    match text {
        "production" => Some(Network::Production),
        "devnet" => Some(Network::Devnet),
        other => {
            problems
                .add("network", format!("`{other}` is no kind of network; use \"production\" or \"devnet\""));
            None
        }
    }
}

fn check_chains(raw: Raw<Vec<Raw<RawChain>>>, problems: &mut Problems) -> Vec<Option<ChainEntry>> {
    let list = problems.required("chain", raw, "add a [[chain]] section for each chain").unwrap_or_default();
    list.into_iter()
        .enumerate()
        .map(|(index, raw)| chain(&format!("chain[{index}]"), raw, problems))
        .collect()
}

fn chain(path: &str, raw: Raw<RawChain>, problems: &mut Problems) -> Option<ChainEntry> {
    let raw = problems.optional(path, raw)?;
    let at = |key| join(path, key);
    problems.unknown(path, &raw.unknown, RawChain::KEYS);
    let name = problems.required(&at("name"), raw.name, "name the chain as the deployments do");
    let chain_id = problems.required(&at("chain_id"), raw.chain_id, "set the chain's EIP-155 id");
    let urls =
        problems.required(&at("endpoints"), raw.endpoints, "list the URLs of the chain's RPC endpoints");
    let endpoints = urls.map(|urls| endpoints(&at("endpoints"), &urls, problems));
    let quorum = quorum(&at("quorum"), raw.quorum, endpoints.as_ref().map_or(0, Vec::len), problems);
    let own_node = problems.or(&at("own_node"), raw.own_node, false);
    let finality = problems.or(&at("finality"), raw.finality, Finality::Tag(FinalTag::Finalized));
    let seconds = Duration::from_secs;
    let poll_interval = span(&at("poll_interval"), raw.poll_interval, POLL_INTERVAL, seconds(60), problems);
    let request_timeout =
        span(&at("request_timeout"), raw.request_timeout, REQUEST_TIMEOUT, seconds(300), problems);
    let max_log_range = problems.or(&at("max_log_range"), raw.max_log_range, MAX_LOG_RANGE);
    if max_log_range == 0 {
        problems.add(at("max_log_range"), "0 blocks at a time never get anywhere; use 1 or more");
    }
    let GasPrice(max_fee_per_gas) =
        problems.or(&at("max_fee_per_gas"), raw.max_fee_per_gas, GasPrice(MAX_FEE_PER_GAS));
    let GasPrice(min_priority_fee) = problems.or(&at("min_priority_fee"), raw.min_priority_fee, GasPrice(0));
    if min_priority_fee > max_fee_per_gas {
        problems.add(
            at("min_priority_fee"),
            "above max_fee_per_gas, so nothing could be sent; lower it or raise the cap",
        );
    }
    let replace_after = blocks(&at("replace_after"), raw.replace_after, REPLACE_AFTER, 1, problems);
    let takeover_after = blocks(&at("takeover_after"), raw.takeover_after, TAKEOVER_AFTER, 3, problems);
    if name.as_deref() == Some("") {
        problems.add(at("name"), "empty; name the chain as the deployments do");
    }
    Some(ChainEntry {
        name: name?,
        chain_id: chain_id?,
        endpoints: endpoints?,
        quorum,
        own_node,
        finality,
        poll_interval,
        request_timeout,
        max_log_range,
        max_fee_per_gas,
        min_priority_fee,
        replace_after,
        takeover_after: u32::try_from(takeover_after).unwrap_or(u32::MAX),
    })
}

/// A number of blocks, at least `least`.
fn blocks(path: &str, raw: Raw<u64>, default: u64, least: u64, problems: &mut Problems) -> u64 {
    let given = problems.or(path, raw, default);
    if !(least..=MOST_BLOCKS).contains(&given) {
        problems.add(path, format!("{given} blocks are out of range; use {least} to {MOST_BLOCKS}"));
    }
    given
}

fn endpoints(path: &str, urls: &[String], problems: &mut Problems) -> Vec<Url> {
    if urls.is_empty() {
        problems.add(path, "no endpoint is listed; give the URL of at least one RPC endpoint");
    }
    let mut parsed = Vec::new();
    for (index, text) in urls.iter().enumerate() {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host() => {
                parsed.push(url)
            }
            // The text is not repeated: it may carry a secret.
            _ => problems.add(
                format!("{path}[{index}]"),
                "not the URL of an RPC endpoint; write it as http://, https://, ws:// or wss:// and a host",
            ),
        }
    }
    if parsed.len() == urls.len()
        && let Some((earlier, later)) = same_node(&parsed)
    {
        let message = format!(
            "the same host and port as endpoints[{earlier}], so its word would count twice; list each node once"
        );
        problems.add(format!("{path}[{later}]"), message);
    }
    parsed
}

/// How many of `endpoints` must agree. Without a key, and in the place of a wrong one, it is the smallest majority.
fn quorum(path: &str, raw: Raw<u64>, endpoints: usize, problems: &mut Problems) -> Quorum {
    let majority = Quorum::majority(endpoints);
    // A list that is wrong itself has been told.
    let Some(given) = problems.optional(path, raw).filter(|_| endpoints > 0) else { return majority };
    problems.ok(path, Quorum::try_new(given, endpoints)).unwrap_or(majority)
}

fn check_bridges(
    raw: Raw<Vec<Raw<RawBridge>>>,
    folder: &Path,
    problems: &mut Problems,
) -> Vec<Option<BridgeEntry>> {
    let cure = "add a [[bridge]] section that names the file written by `polyspan deploy`";
    let list = problems.required("bridge", raw, cure).unwrap_or_default();
    let one = |(index, raw)| bridge(&format!("bridge[{index}]"), raw, folder, problems);
    list.into_iter().enumerate().map(one).collect()
}

fn bridge(path: &str, raw: Raw<RawBridge>, folder: &Path, problems: &mut Problems) -> Option<BridgeEntry> {
    let raw = problems.optional(path, raw)?;
    problems.unknown(path, &raw.unknown, RawBridge::KEYS);
    let path = join(path, "deployment");
    let file = problems.required(&path, raw.deployment, "name the file written by `polyspan deploy`")?;
    let file = folder.join(file);
    match Deployment::load(&file) {
        Ok(deployment) => Some(BridgeEntry { deployment }),
        Err(errors) => {
            problems.absorb(&format!("{path} ({})", file.display()), errors.problems);
            None
        }
    }
}

/// A duration between 10 ms and `longest`: outside of that every value seen was a slip of the unit.
fn span(
    path: &str,
    raw: Raw<Span>,
    default: Duration,
    longest: Duration,
    problems: &mut Problems,
) -> Duration {
    let shortest = Duration::from_millis(10);
    let Some(Span(duration)) = problems.optional(path, raw) else { return default };
    if duration < shortest || duration > longest {
        let [given, shortest, longest] = [duration, shortest, longest].map(humantime::format_duration);
        problems.add(path, format!("{given} is out of range; use {shortest} to {longest}"));
    }
    duration
}

/// Relative paths are relative to the file that names them.
fn located(folder: &Path, path: String) -> PathBuf {
    folder.join(path)
}
