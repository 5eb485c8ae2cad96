//! The `[relay]` section.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use polyspan_store::Retention;
use serde::Deserialize;

use super::{Signs, check_key, located, span};
use crate::config::form::{Raw, of_value};
use crate::config::problems::{Problems, join};
use crate::config::raw::{RawHistory, RawKey, RawRelay, RawSubmission, RawSubmitter};
use crate::config::units::Span;
use crate::config::{KeyEntry, LogFormat, RelayEntry, Roles, SubmissionEntry, SubmitterEntry};

const LISTEN: &str = "127.0.0.1:9101";
const TICK: Duration = Duration::from_millis(250);
/// Source: `devnet bench gas`: beyond it a transfer costs no less to speak of.
const MAX_TRANSFERS: u64 = 128;
/// Source: `submission.max_transfers` is a piece of calldata; 1024 small transfers are about 400 KiB, and nodes refuse
/// transactions above 128 KiB to 512 KiB.
const MOST_TRANSFERS: u64 = 1_024;
/// Unit: gas. Source: EIP-7825; chains without it take more.
const MAX_GAS: u64 = 1 << 24;
/// Unit: gas. Source: below it not even one transfer and its signatures fit; above it no chain has blocks.
const GAS_BUDGETS: std::ops::RangeInclusive<u64> = 1_000_000..=10_000_000_000;
/// Source: what nodes keep of one account at the most, such as go-ethereum's `txpool.accountqueue`, default 64. A lane begins with 16
/// and uses more only while the chain takes more.
const MAX_IN_FLIGHT: u64 = 64;
/// Source: `devnet bench recovery`: beyond it a lane is no faster, and each binds what it may cost.
const MOST_IN_FLIGHT: u64 = 512;
/// Source: `devnet/tests/drained_submitter.rs`: 176 625 gas each with a gas cap of 100 000, so a day and key costs 2.8 million.
const FAILED_RELEASES: u64 = 16;
/// Keys that this section had once: each chain has its own.
const MOVED_TO_CHAIN: [&str; 3] = ["max_fee_per_gas", "replace_after", "takeover_after"];

/// Unit: transfers of a lane. Source: `devnet bench start`: about 40 MiB, and weeks of a busy bridge.
const KEEP: u64 = 100_000;
/// Source: operators look a transfer of yesterday up, and a slip of the unit would leave nothing to look at.
const SHORTEST_AGE: Duration = Duration::from_secs(86_400);

pub(super) fn check(raw: RawRelay, folder: &Path, problems: &mut Problems) -> Option<RelayEntry> {
    problems.unknown("relay", &raw.unknown, RawRelay::KEYS);
    let name = problems.required("relay.name", raw.name, "name this relay, such as \"main-bridge-1\"");
    let name = name.filter(|name| check_name(name, problems));
    let roles = problems.required("relay.roles", raw.roles, "list \"main-bridge\", \"sub-bridge\" or both");
    let roles = roles.and_then(|names| problems.ok("relay.roles", Roles::try_new(&names)));
    let store = problems.optional("relay.store", raw.store);
    let listen = listen(problems.or("relay.listen", raw.listen, LISTEN.to_owned()), problems);
    let tick = span("relay.tick", raw.tick, TICK, Duration::from_secs(60), problems);
    let accept_development = problems.or("relay.accept_development", raw.accept_development, false);
    let auto_pause = problems.or("relay.auto_pause", raw.auto_pause, true);
    let log_format = problems.optional("relay.log_format", raw.log_format);
    let log_format = log_format.and_then(|text| problems.ok("relay.log_format", text.parse::<LogFormat>()));
    let attester = problems.required("relay.attester", raw.attester, "set the key that signs for its roles");
    let attester = attester.and_then(|raw| {
        problems.unknown("relay.attester", &raw.unknown, RawKey::KEYS);
        check_key("relay.attester", raw, Signs::Checkpoints, folder, problems)
    });
    let submitters = submitters(raw.submitter, folder, problems);
    let submission =
        submission(problems.or("relay.submission", raw.submission, RawSubmission::default()), problems);
    let history = history(problems.or("relay.history", raw.history, RawHistory::default()), problems);
    let name = name?;
    Some(RelayEntry {
        store: located(folder, store.unwrap_or_else(|| format!("{name}.sqlite"))),
        name,
        roles: roles?,
        listen: listen?,
        tick,
        accept_development,
        auto_pause,
        log_format: log_format.unwrap_or_default(),
        attester: Some(attester?),
        submitters,
        submission,
        history,
    })
}

/// The name is a file name in the coordination directory and a label of metrics.
fn check_name(name: &str, problems: &mut Problems) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let valid = (1..=64).contains(&name.len()) && name.chars().all(fine);
    if !valid {
        let message =
            format!("`{name}` is not a relay name; use 1 to 64 lower-case letters, digits and hyphens");
        problems.add("relay.name", message);
    }
    valid
}

fn listen(text: String, problems: &mut Problems) -> Option<SocketAddr> {
    let wrong = |_| format!("`{text}` is not an address to listen on; write IP:PORT, such as {LISTEN}");
    problems.ok("relay.listen", text.parse::<SocketAddr>().map_err(wrong))
}

fn submitters(
    raw: Raw<Vec<Raw<RawSubmitter>>>,
    folder: &Path,
    problems: &mut Problems,
) -> Vec<SubmitterEntry> {
    let list = problems.or("relay.submitter", raw, Vec::new());
    let mut found = Vec::new();
    for (index, raw) in list.into_iter().enumerate() {
        let path = format!("relay.submitter[{index}]");
        let Some(raw) = problems.optional(&path, raw) else { continue };
        let chain =
            problems.required(&join(&path, "chain"), raw.chain, "name the chain that this key pays on");
        let key = submitter_key(&path, raw.unknown, folder, problems);
        if let (Some(chain), Some(key)) = (chain, key) {
            found.push(SubmitterEntry { chain, key });
        }
    }
    found
}

/// Everything of the section but its chain is about the key.
fn submitter_key(
    path: &str,
    section: toml::Table,
    folder: &Path,
    problems: &mut Problems,
) -> Option<KeyEntry> {
    let raw = RawKey::deserialize(section).map_err(|error| of_value(error.message()));
    let raw = problems.ok(path, raw)?;
    let known: Vec<&str> = RawSubmitter::KEYS.iter().chain(RawKey::KEYS).copied().collect();
    problems.unknown(path, &raw.unknown, &known);
    check_key(path, raw, Signs::Transactions, folder, problems)
}

fn submission(raw: RawSubmission, problems: &mut Problems) -> SubmissionEntry {
    let mut unknown = raw.unknown;
    for key in MOVED_TO_CHAIN {
        if unknown.remove(key).is_some() {
            let unit = if key == "max_fee_per_gas" { "" } else { ", in blocks" };
            let cure = format!("moved: set it in the [[chain]] section of the chain that is paid on{unit}");
            problems.add(join("relay.submission", key), cure);
        }
    }
    problems.unknown("relay.submission", &unknown, RawSubmission::KEYS);
    let max_transfers = problems.or("relay.submission.max_transfers", raw.max_transfers, MAX_TRANSFERS);
    if !(1..=MOST_TRANSFERS).contains(&max_transfers) {
        let message = format!("{max_transfers} is out of range; use 1 to {MOST_TRANSFERS}");
        problems.add("relay.submission.max_transfers", message);
    }
    let max_gas = problems.or("relay.submission.max_gas", raw.max_gas, MAX_GAS);
    if !GAS_BUDGETS.contains(&max_gas) {
        let (least, most) = (GAS_BUDGETS.start(), GAS_BUDGETS.end());
        let message = format!("{max_gas} is out of range; use {least} to {most}");
        problems.add("relay.submission.max_gas", message);
    }
    let max_in_flight = problems.or("relay.submission.max_in_flight", raw.max_in_flight, MAX_IN_FLIGHT);
    if !(1..=MOST_IN_FLIGHT).contains(&max_in_flight) {
        let message = format!("{max_in_flight} is out of range; use 1 to {MOST_IN_FLIGHT}");
        problems.add("relay.submission.max_in_flight", message);
    }
    let max_in_flight = usize::try_from(max_in_flight.min(MOST_IN_FLIGHT)).unwrap_or(1);
    let path = "relay.submission.failed_releases_per_day";
    let failed_releases_per_day = problems.or(path, raw.failed_releases_per_day, FAILED_RELEASES);
    SubmissionEntry { max_transfers, max_gas, max_in_flight, failed_releases_per_day }
}

/// 0 is no bound, of either.
fn history(raw: RawHistory, problems: &mut Problems) -> Retention {
    problems.unknown("relay.history", &raw.unknown, RawHistory::KEYS);
    let keep = problems.or("relay.history.keep", raw.keep, KEEP);
    let Span(max_age) = problems.or("relay.history.max_age", raw.max_age, Span(Duration::ZERO));
    if !max_age.is_zero() && max_age < SHORTEST_AGE {
        let given = humantime::format_duration(max_age);
        problems.add(
            "relay.history.max_age",
            format!("{given} is out of range; use 1day or more, or 0s for no bound"),
        );
    }
    Retention { keep: (keep > 0).then_some(keep), max_age: (!max_age.is_zero()).then_some(max_age) }
}
