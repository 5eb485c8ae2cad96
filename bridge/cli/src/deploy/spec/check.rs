//! From the file's form to a [`DeploySpec`].

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::Address;
use polyspan_chain::{ChainLimits, GREATEST_GAS_CAPS};
use polyspan_node::config::ConfigErrors;
use polyspan_node::config::form::{Problems, Raw, join, of_syntax};
use polyspan_types::{FinalTag, Finality, Threshold};
use url::Url;

use super::{
    DeploySpec, GOVERNANCE_DELAY, MAX_MEMBERS, Members, REFUND_DELAY, RawSide, RawSpec, SideSpec, Span, pair,
    parsed,
};

/// Bounds of the contract; a development bridge may do without a delay. Unit: seconds. Source:
/// `contracts/src/bridge/Delays.sol`.
const GOVERNANCE_DELAYS: RangeInclusive<u32> = 3_600..=30 * 86_400;

/// Bounds of the contract. Unit: blocks. Source: as above.
const REFUND_DELAYS: RangeInclusive<u64> = 1..=2_592_000;

const DEFAULT_DELAY: Duration = Duration::from_secs(GOVERNANCE_DELAY as u64);

pub(super) fn load(file: &Path) -> Result<DeploySpec, ConfigErrors> {
    let mut problems = Problems::default();
    match read(file, &mut problems) {
        Some(spec) if problems.is_empty() => Ok(spec),
        _ => Err(problems.into_errors(file, |_| None)),
    }
}

fn read(file: &Path, problems: &mut Problems) -> Option<DeploySpec> {
    let unreadable = |error| format!("cannot read it: {error}; give the right one with --spec FILE");
    let text =
        polyspan_node::files::read_text(file).map_err(|error| problems.add("", unreadable(error))).ok()?;
    let raw: RawSpec =
        toml::from_str(&text).map_err(|error| problems.add("", of_syntax(&text, &error))).ok()?;
    let folder = file.parent().unwrap_or(Path::new(""));
    problems.unknown("", &raw.unknown, RawSpec::KEYS);
    let name = problems.required("name", raw.name, "name the bridge, such as \"kr\"");
    // Two bridges with one salt between the same contracts cannot be, but a salt of one's own keeps ids apart for ever.
    let salt = problems.optional("salt", raw.salt);
    let development = problems.or("development", raw.development, false);
    let governance_delay = problems.or("governance_delay", raw.governance_delay, Span(DEFAULT_DELAY));
    let governance_delay = delay(governance_delay, development, problems);
    let main = side("main", raw.main, development, folder, problems);
    let service = side("service", raw.service, development, folder, problems);
    let pairs = pair::check_all(raw.pair, problems);
    let (main, service) = (main?, service?);
    let spec = DeploySpec { name: name?, salt, development, governance_delay, main, service, pairs };
    if spec.main.chain_id == spec.service.chain_id {
        let message =
            format!("{} is the chain id of both sides; a bridge joins two chains", spec.main.chain_id);
        problems.add("service.chain_id", message);
    }
    if spec.main.chain == spec.service.chain {
        problems
            .add("service.chain", format!("`{}` is the chain of both sides; rename one", spec.main.chain));
    }
    Some(spec)
}

/// Unit of the answer: seconds.
fn delay(Span(delay): Span, development: bool, problems: &mut Problems) -> u32 {
    let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
    let none = development && delay.is_zero();
    if !none && !GOVERNANCE_DELAYS.contains(&seconds) {
        let span = humantime::format_duration(delay);
        problems.add(
            "governance_delay",
            format!("{span} is out of range; use 1h to 30days, or 0s for a development bridge"),
        );
    }
    seconds
}

fn side(
    path: &str,
    raw: Raw<RawSide>,
    development: bool,
    folder: &Path,
    problems: &mut Problems,
) -> Option<SideSpec> {
    let raw = problems.required(path, raw, "add the section")?;
    let at = |key| join(path, key);
    problems.unknown(path, &raw.unknown, RawSide::KEYS);
    let chain = problems.required(&at("chain"), raw.chain, "name the chain as the relays' configs do");
    let chain_id = problems.required(&at("chain_id"), raw.chain_id, "set the chain's EIP-155 id");
    let endpoint =
        problems.required(&at("endpoint"), raw.endpoint, "set the URL of the chain's RPC endpoint");
    let endpoint = endpoint.and_then(|text| url(&at("endpoint"), &text, problems));
    let deployer = problems.required(&at("deployer"), raw.deployer, "set the key that pays");
    let deployer = deployer.and_then(|raw| raw.check(&at("deployer"), folder, problems));
    let operators = problems.required(&at("operators"), raw.operators, "list the attester addresses");
    let threshold =
        problems.required(&at("threshold"), raw.threshold, "set it to more than half of the operators");
    let operators = operators.zip(threshold).and_then(|(list, threshold)| {
        members(path, ["operators", "threshold"], list, threshold, development, problems)
    });
    let governors = problems.required(&at("governors"), raw.governors, "list the governors' addresses");
    let threshold = problems.required(
        &at("governor_threshold"),
        raw.governor_threshold,
        "set it to more than half of the governors",
    );
    let governors = governors.zip(threshold).and_then(|(list, threshold)| {
        members(path, ["governors", "governor_threshold"], list, threshold, development, problems)
    });
    let keys = problems.required(&at("governor_keys"), raw.governor_keys, "list keys of governors that sign");
    let given = keys.as_ref().map_or(0, Vec::len);
    let governor_keys: Vec<_> = keys
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .filter_map(|(index, raw)| {
            let path = format!("{path}.governor_keys[{index}]");
            let raw = problems.optional(&path, raw)?;
            raw.check(&path, folder, problems)
        })
        .collect();
    let governors = governors?;
    if given < usize::from(governors.threshold.get()) {
        let message = format!(
            "{given} keys cannot reach the governor_threshold of {}; add keys of governors",
            governors.threshold
        );
        problems.add(at("governor_keys"), message);
    }
    let refund_delay = problems.or(&at("refund_delay"), raw.refund_delay, REFUND_DELAY);
    if !REFUND_DELAYS.contains(&refund_delay) {
        let (least, most) = (REFUND_DELAYS.start(), REFUND_DELAYS.end());
        problems
            .add(at("refund_delay"), format!("{refund_delay} is out of range; use {least} to {most} blocks"));
    }
    let finality = problems.or(&at("finality"), raw.finality, Finality::Tag(FinalTag::Finalized));
    let fee_receiver = problems.or(&at("fee_receiver"), raw.fee_receiver, Address::ZERO);
    let parts = problems.optional(&at("parts"), raw.parts);
    let chain_limits = problems.optional(&at("chain_limits"), raw.chain_limits);
    let chain_limits = parsed::<ChainLimits>(&at("chain_limits"), chain_limits, problems);
    let greatest_gas_cap = problems.optional(&at("greatest_gas_cap"), raw.greatest_gas_cap);
    if let Some(cap) = greatest_gas_cap.filter(|cap| !GREATEST_GAS_CAPS.contains(cap)) {
        let (least, most) = (GREATEST_GAS_CAPS.start(), GREATEST_GAS_CAPS.end());
        problems.add(
            at("greatest_gas_cap"),
            format!("{cap} is out of range; use {least} to {most}, or leave it out"),
        );
    }
    let defer_calls = problems.optional(&at("defer_calls"), raw.defer_calls);
    Some(SideSpec {
        chain: chain?,
        chain_id: chain_id?,
        endpoint: endpoint?,
        finality,
        deployer: deployer?,
        operators: operators?,
        governors,
        governor_keys,
        refund_delay,
        fee_receiver,
        parts,
        chain_limits,
        greatest_gas_cap,
        defer_calls,
    })
}

fn url(path: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host());
    if url.is_none() {
        // The text is not repeated: it may carry a secret.
        problems.add(
            path,
            "not the URL of an RPC endpoint; write it as http://, https://, ws:// or wss:// and a host",
        );
    }
    url
}

/// The rules of the contract, so that nothing is sent that it refuses.
fn members(
    path: &str,
    [list, threshold_key]: [&str; 2],
    members: Vec<Address>,
    threshold: u8,
    development: bool,
    problems: &mut Problems,
) -> Option<Members> {
    let mut seen = BTreeSet::new();
    for member in &members {
        if member.is_zero() {
            problems.add(join(path, list), "the zero address belongs to nobody; remove it");
        }
        if !seen.insert(*member) {
            problems.add(join(path, list), format!("{member} is listed twice; remove one"));
        }
    }
    if members.len() > MAX_MEMBERS {
        let message =
            format!("{} members are more than the {MAX_MEMBERS} that a bridge takes", members.len());
        problems.add(join(path, list), message);
    }
    let checked = if development {
        Threshold::try_new_development(threshold, members.len())
    } else {
        Threshold::try_new(threshold, members.len())
    };
    match checked {
        Ok(threshold) => Some(Members { members, threshold }),
        Err(error) => {
            problems.add(join(path, threshold_key), error);
            None
        }
    }
}
