//! Rules that tie sections together.

use std::collections::BTreeSet;

use crate::config::problems::Problems;
use crate::config::{Config, Network, RelayEntry, Side, SubmitterEntry};

/// What is there and wrong. That it is not known is said once, where it is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong {
    pub(super) chains: bool,
    pub(super) coordination: bool,
}

pub(super) fn check(config: &Config, has_relay: bool, wrong: Wrong, problems: &mut Problems) {
    chains(config, has_relay, problems);
    bridges(config, wrong, problems);
    if has_relay && config.coordination.is_none() && !wrong.coordination {
        problems.add(
            "coordination",
            "a relay needs it; set [coordination] directory, or kind = \"etcd\" and endpoints",
        );
    }
    if let Some(relay) = &config.relay {
        submitters(config, relay, wrong, problems);
        timing(config, relay, problems);
    }
}

fn chains(config: &Config, has_relay: bool, problems: &mut Problems) {
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (index, chain) in config.chains.iter().enumerate() {
        if !names.insert(&chain.name) {
            problems.add(
                format!("chain[{index}].name"),
                format!("`{}` is used twice; rename one chain", chain.name),
            );
        }
        if !ids.insert(chain.chain_id) {
            let message =
                format!("{} is the id of another chain already; a chain is listed once", chain.chain_id);
            problems.add(format!("chain[{index}].chain_id"), message);
        }
        // One endpoint that lies could make the relay sign for requests that were never made.
        let single = chain.endpoints.len() == 1;
        if has_relay && single && !chain.own_node && config.network == Network::Production {
            let message = format!(
                "chain `{}` has a single endpoint that is not marked as your own node, and a relay would sign whatever \
                 it answers; list three endpoints of different providers, or run a node of your own and set own_node = true (on a test \
                 network: network = \"devnet\")",
                chain.name
            );
            problems.add(format!("chain[{index}].own_node"), message);
        }
    }
}

fn bridges(config: &Config, wrong: Wrong, problems: &mut Problems) {
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (index, bridge) in config.bridges.iter().enumerate() {
        let path = format!("bridge[{index}].deployment");
        let deployment = &bridge.deployment;
        if !names.insert(&deployment.name) {
            problems.add(
                &path,
                format!("bridge name `{}` is used twice; rename one deployment", deployment.name),
            );
        }
        if !deployment.lanes().iter().all(|lane| ids.insert(lane.bridge_id)) {
            problems.add(&path, format!("bridge `{}` is listed already; remove one", deployment.name));
        }
        for (which, end) in [("main", &deployment.main), ("service", &deployment.service)] {
            if !wrong.chains || config.chain(&end.chain).is_some() {
                side(config, &path, which, end, problems);
            }
        }
    }
}

fn side(config: &Config, path: &str, which: &str, side: &Side, problems: &mut Problems) {
    match config.chain(&side.chain) {
        None => {
            let names: Vec<_> = config.chains.iter().map(|chain| chain.name.as_str()).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!(
                "{which}.chain names `{}`, which no [[chain]] defines (there are: {known})",
                side.chain
            );
            problems.add(path, message);
        }
        Some(chain) if chain.chain_id != side.chain_id => {
            let message = format!(
                "{which} was deployed on chain id {}, and chain `{}` has chain_id {}; correct the one that is wrong",
                side.chain_id, chain.name, chain.chain_id
            );
            problems.add(path, message);
        }
        Some(_) => {}
    }
}

fn submitters(config: &Config, relay: &RelayEntry, wrong: Wrong, problems: &mut Problems) {
    for (index, submitter) in relay.submitters.iter().enumerate() {
        let at = |key: &str| format!("relay.submitter[{index}].{key}");
        if config.chain(&submitter.chain).is_none() && !wrong.chains {
            problems
                .add(at("chain"), format!("no [[chain]] is named `{}`; correct the name", submitter.chain));
        }
        let names = at(submitter.key.told_apart_by());
        let is_same =
            |other: &SubmitterEntry| other.chain == submitter.chain && other.key.is_same_key(&submitter.key);
        if relay.submitters[..index].iter().any(is_same) {
            let message =
                format!("it is a submitter on `{}` already; a spare is another key", submitter.chain);
            problems.add(names.as_str(), message);
        }
        if relay.attester.as_ref().is_some_and(|attester| attester.is_same_key(&submitter.key)) {
            let message = "this is the attester's key; make a key of its own that has no authority";
            problems.add(names, message);
        }
    }
}

fn timing(config: &Config, relay: &RelayEntry, problems: &mut Problems) {
    let Some(coordination) = &config.coordination else { return };
    // A heartbeat goes out at every tick; three may be late before the others think the relay is gone.
    if relay.tick * 3 > coordination.lease {
        let lease = humantime::format_duration(coordination.lease);
        let longest = humantime::format_duration(coordination.lease / 3);
        problems.add(
            "relay.tick",
            format!("too long for a coordination.lease of {lease}; use {longest} or less"),
        );
    }
}
