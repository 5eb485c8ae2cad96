//! Whether keys open, and can pay.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use futures::future::join_all;
use polyspan_chain::{At, Chain, ChainError};

use super::{Finding, Keys, Mode, Severity, unreachable};
use crate::config::Config;
use crate::keys::{AttesterKey, KeyError};

/// Opens every key; those that do not open are findings.
pub(super) fn unlock(config: &Config, findings: &mut Vec<Finding>) -> Keys {
    let Some(relay) = &config.relay else { return Keys { attester: None, submitters: Vec::new() } };
    let mut note = |thing: String, error: KeyError| {
        findings.push(Finding::said(Severity::Problem, thing, error));
    };
    let attester = relay
        .attester
        .as_ref()
        .and_then(|entry| entry.open().map_err(|error| note("relay.attester".to_owned(), error)).ok());
    let submitters: Vec<_> = relay
        .submitters
        .iter()
        .filter_map(|submitter| {
            let thing = || format!("submitter on {}", submitter.chain);
            let key = submitter.key.open().map_err(|error| note(thing(), error)).ok()?;
            Some((submitter.chain.clone(), key))
        })
        .collect();
    let attesting = attester.as_ref().map(AttesterKey::address);
    let addresses: Vec<_> = submitters.iter().map(|(chain, key)| (chain, key.address())).collect();
    if let Some((chain, address)) = addresses.iter().find(|(_, address)| Some(*address) == attesting) {
        findings.push(Finding::new(
            Severity::Problem,
            format!("submitter on {chain}"),
            format!("{address} is the attester as well"),
            "make a key of its own, with `polyspan keys new`, that has no authority",
        ));
    }
    let mut seen = BTreeSet::new();
    for (chain, address) in addresses.iter().filter(|key| !seen.insert(*key)) {
        findings.push(Finding::new(
            Severity::Problem,
            format!("submitter on {chain}"),
            format!("two of its submitter keys are the same, {address}"),
            "remove one: two owners of one account would take each other's nonces",
        ));
    }
    Keys { attester, submitters }
}

/// Chains to which the relay's roles bring transfers while none of its keys pays there. It attests all the same.
pub(super) fn unpaid(config: &Config) -> Vec<Finding> {
    let Some(relay) = &config.relay else { return Vec::new() };
    let paid: BTreeSet<&str> = relay.submitters.iter().map(|submitter| submitter.chain.as_str()).collect();
    let mut destinations = BTreeSet::new();
    for entry in &config.bridges {
        for direction in relay.roles.directions() {
            destinations.insert(entry.deployment.lane(direction).destination.chain);
        }
    }
    let unpaid = destinations.iter().filter(|chain| !paid.contains(chain.as_str()));
    unpaid
        .map(|chain| {
            Finding::note(
                "relay.submitter",
                format!("no key pays on chain {chain}, so this relay attests lanes to it and brings nothing on there"),
                "add a [[relay.submitter]] for it, unless other relays shall do that",
            )
        })
        .collect()
}

/// Whether keys that are elsewhere give signatures: each is asked for one that no contract counts.
pub(super) async fn remote(config: &Config, keys: &Keys, mode: Mode) -> Vec<Finding> {
    // Of a chain that it knows: a signer may have rules about that.
    let Some(chain) = config.chains.first().map(|chain| chain.chain_id) else { return Vec::new() };
    let attester = keys.attester.iter().map(|key| ("relay.attester".to_owned(), key));
    let submitters = keys.submitters.iter().map(|(chain, key)| (format!("submitter on {chain}"), key));
    let tried = attester.chain(submitters).filter(|(_, key)| key.is_remote()).map(async |(thing, key)| {
        let error = key.try_out(chain).await.err()?;
        // A relay starts without it: it waits for signatures, and does everything else.
        Some(Finding::said(mode.passing(), thing, error))
    });
    join_all(tried).await.into_iter().flatten().collect()
}

/// Whether each submitter can submit: it pays for gas, and the contracts take calls from plain accounts only.
pub(super) async fn funds(keys: &Keys, chains: &BTreeMap<String, Chain>, mode: Mode) -> Vec<Finding> {
    let looked = join_all(keys.submitters.iter().map(async |(name, key)| {
        let (chain, address) = (chains.get(name)?, key.address());
        match chain.has_code(address, At::Latest).await {
            Ok(false) => {}
            Ok(true) => {
                return Some(Finding::new(
                    mode.passing(),
                    format!("submitter on {name}"),
                    format!("{address} has code, and the bridge takes submissions from plain accounts only"),
                    "take back its delegation (EIP-7702), or use another key",
                ));
            }
            Err(error) => return Some(unreachable(mode, format!("submitter on {name}"), &error)),
        }
        match can_pay(chain, address).await {
            Ok(true) => None,
            // A relay whose submitter is empty still attests: refusing to start would cost the lane a vote.
            Ok(false) => Some(Finding::new(
                mode.passing(),
                format!("submitter on {name}"),
                format!("{address} has no balance and cannot pay for gas"),
                &format!("send it some of the currency of chain {name}"),
            )),
            Err(error) => Some(unreachable(mode, format!("submitter on {name}"), &error)),
        }
    }))
    .await;
    looked.into_iter().flatten().collect()
}

async fn can_pay(chain: &Chain, account: Address) -> Result<bool, ChainError> {
    if !chain.balance(account).await?.is_zero() {
        return Ok(true);
    }
    Ok(chain.fees().await?.current_price() == 0)
}
