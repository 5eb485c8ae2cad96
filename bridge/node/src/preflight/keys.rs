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
            let key = submitter.key.unlock().map_err(|error| note(thing(), error)).ok()?;
            Some((submitter.chain.clone(), key.address()))
        })
        .collect();
    let attesting = attester.as_ref().map(AttesterKey::address);
    if let Some((chain, address)) = submitters.iter().find(|(_, address)| Some(*address) == attesting) {
        findings.push(Finding::new(
            Severity::Problem,
            format!("submitter on {chain}"),
            format!("{address} is the attester as well"),
            "make a key of its own, with `polyspan keys new`, that has no authority",
        ));
    }
    let mut seen = BTreeSet::new();
    for (chain, address) in submitters.iter().filter(|key| !seen.insert(*key)) {
        findings.push(Finding::new(
            Severity::Problem,
            format!("submitter on {chain}"),
            format!("two of its keystores hold the same key, {address}"),
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

/// Whether a remote signer gives signatures of the attester: it is asked for one that no contract counts.
pub(super) async fn remote(config: &Config, keys: &Keys, mode: Mode) -> Option<Finding> {
    let Some(AttesterKey::Remote(signer)) = &keys.attester else { return None };
    // Of a chain that it knows: a signer may have rules about that.
    let chain = config.chains.first()?.chain_id;
    let error = signer.try_out(chain).await.err()?;
    // A relay starts without it: it waits for signatures on its lanes, and does everything else.
    Some(Finding::said(mode.passing(), "relay.attester", error))
}

/// Whether each submitter can submit: it pays for gas, and the contracts take calls from plain accounts only.
pub(super) async fn funds(keys: &Keys, chains: &BTreeMap<String, Chain>, mode: Mode) -> Vec<Finding> {
    let looked = join_all(keys.submitters.iter().map(async |(name, address)| {
        let chain = chains.get(name)?;
        match chain.has_code(*address, At::Latest).await {
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
        match can_pay(chain, *address).await {
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
