//! Whether enough endpoints of each chain can be used.

use std::collections::BTreeMap;

use futures::future::join_all;
use polyspan_chain::{Chain, ChainError};

use super::{Finding, Mode, Severity, unreachable};
use crate::config::{ChainEntry, Config};

/// What the configuration alone tells.
pub(super) fn offline(config: &Config) -> Vec<Finding> {
    let all_needed =
        |chain: &&ChainEntry| chain.endpoints.len() > 1 && chain.quorum.get() == chain.endpoints.len();
    let chains = config.chains.iter().filter(|_| config.relay.is_some()).filter(all_needed);
    chains
        .map(|chain| {
            let count = chain.endpoints.len();
            Finding::new(
                Severity::Warning,
                format!("chain {}", chain.name),
                format!("all {count} endpoints must agree, so any one of them that is down stops signing"),
                "list one more, or lower chain.quorum",
            )
        })
        .collect()
}

/// The chains of which enough endpoints can be used, by name; everything else is a finding.
pub(super) async fn connect(
    config: &Config,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Chain> {
    let checked = join_all(config.chains.iter().map(async |entry| {
        let chain = Chain::new(entry.settings())?;
        let endpoints = chain.verify_endpoints().await;
        Ok::<_, ChainError>((chain, endpoints))
    }))
    .await;
    let mut usable = BTreeMap::new();
    for (entry, result) in config.chains.iter().zip(checked) {
        match result {
            Ok((chain, endpoints)) => {
                let right = endpoints.iter().filter(|checked| checked.is_ok()).count();
                findings.extend(endpoints_of(entry, mode, &endpoints));
                if right >= entry.quorum.get() {
                    usable.insert(entry.name.clone(), chain);
                }
            }
            Err(error) => {
                findings.push(Finding::said(Severity::Problem, format!("chain {}", entry.name), error));
            }
        }
    }
    usable
}

/// One finding for each endpoint that cannot be used. An endpoint of another chain does not heal by itself; it keeps a
/// relay from starting only when there can be no quorum without it, since one endpoint shall stop nobody.
fn endpoints_of(entry: &ChainEntry, mode: Mode, checked: &[Result<(), ChainError>]) -> Vec<Finding> {
    let wrong = |checked: &&Result<(), ChainError>| matches!(checked, Err(ChainError::WrongChain { .. }));
    let hopeless = checked.len() - checked.iter().filter(wrong).count() < entry.quorum.get();
    let thing = |index: usize| match checked.len() {
        1 => format!("chain {}", entry.name),
        _ => format!("chain {}: endpoints[{index}]", entry.name),
    };
    let finding = |(index, checked): (usize, &Result<(), ChainError>)| {
        let error = checked.as_ref().err()?;
        Some(match error {
            ChainError::WrongChain { .. } if hopeless => {
                Finding::said(Severity::Problem, thing(index), error)
            }
            ChainError::WrongChain { .. } => Finding::said(mode.passing(), thing(index), error),
            _ => unreachable(mode, thing(index), error),
        })
    };
    checked.iter().enumerate().filter_map(finding).collect()
}
