//! Whether keys open, and can pay.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use futures::future::join_all;
use polyspan_chain::{At, Chain, ChainError};

use super::{Finding, Keys, Mode, Severity, unreachable};
use crate::config::{Config, KeyFile};

/// Opens every key; those that do not open are findings.
pub(super) fn unlock(config: &Config, findings: &mut Vec<Finding>) -> Keys {
    let Some(relay) = &config.relay else { return Keys { attester: None, submitters: Vec::new() } };
    let mut open = |thing: String, key: &KeyFile| match key.unlock() {
        Ok(signer) => Some(signer.address()),
        Err(error) => {
            findings.push(Finding::said(Severity::Problem, thing, error));
            None
        }
    };
    let attester = relay.attester.as_ref().and_then(|key| open("relay.attester".to_owned(), key));
    let submitters: Vec<_> = relay
        .submitters
        .iter()
        .filter_map(|submitter| {
            let address = open(format!("submitter on {}", submitter.chain), &submitter.key)?;
            Some((submitter.chain.clone(), address))
        })
        .collect();
    if let Some((chain, address)) = submitters.iter().find(|(_, address)| Some(*address) == attester) {
        findings.push(Finding::new(
            Severity::Problem,
            format!("submitter on {chain}"),
            format!("{address} is the attester as well"),
            "make a key of its own, with `polyspan keys new`, that has no authority",
        ));
    }
    Keys { attester, submitters }
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
