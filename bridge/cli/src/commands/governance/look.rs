//! A proposal as people see it: decoded from its calldata, with what each chain says about it.

use alloy::primitives::Bytes;
use alloy::rpc::types::TransactionRequest;
use anyhow::Result;
use polyspan_chain::{At, BridgeRevert, ChainError};
use serde::Serialize;

use super::reach::{Site, Sites, Snapshot};
use crate::deploy::spec::End;
use crate::governance::effect::{Effect, effect, whole};
use crate::governance::proposal::{Intent, Proposal, Section};
use crate::governance::setter::Setter;
use crate::governance::vote::Tally;
use crate::governance::words::{Knowledge, moment, span};
use crate::output;

/// A whole proposal.
#[derive(Debug, Serialize)]
pub struct View {
    /// What is asked of the governors.
    pub intent: Intent,
    /// Short name of everything that is signed.
    pub fingerprint: String,
    /// Its parts.
    pub chains: Vec<ChainView>,
}

/// One chain's part.
#[derive(Debug, Serialize)]
pub struct ChainView {
    /// `main` or `service`.
    pub side: &'static str,
    /// Name of the chain.
    pub chain: String,
    /// Its id.
    pub chain_id: u64,
    /// The contract.
    pub bridge: String,
    /// Epoch of the governors who vote.
    pub epoch: u64,
    /// Number of the configuration.
    pub configuration_nonce: u64,
    /// In words; absent from a cancellation.
    pub deadline: Option<String>,
    /// The calls, in order.
    pub calls: Vec<CallView>,
    /// When all of it takes effect; absent while the chain was not looked at.
    pub effect: Option<String>,
    /// Governors who have signed.
    pub signed: Vec<String>,
    /// Governors who have not; empty while the chain was not looked at.
    pub missing: Vec<String>,
    /// How many are needed; absent while the chain was not looked at.
    pub threshold: Option<u8>,
    /// Signatures that do not count.
    pub refused: Vec<String>,
}

/// One call.
#[derive(Debug, Serialize)]
pub struct CallView {
    /// What it does.
    pub text: String,
    /// Whether it waits; absent while the chain was not looked at.
    pub waits: Option<bool>,
    /// What is signed.
    pub calldata: Bytes,
}

/// Describes a proposal. A chain that was not looked at (`None`) says nothing about who governs it and what waits.
///
/// Errors: calldata that no configuration may have.
pub fn describe(
    proposal: &Proposal,
    sites: Option<&Sites>,
    snapshots: &[Option<Snapshot>; 2],
) -> Result<View> {
    let chains = proposal.sections().map(|(end, section)| {
        let site = sites.and_then(|sites| sites.known(end));
        chain(proposal.intent, end, section, site, snapshots[end as usize].as_ref())
    });
    Ok(View {
        intent: proposal.intent,
        fingerprint: proposal.fingerprint(),
        chains: chains.collect::<Result<_>>()?,
    })
}

fn chain(
    intent: Intent,
    end: End,
    section: &Section,
    site: Option<&Site>,
    snapshot: Option<&Snapshot>,
) -> Result<ChainView> {
    let state = snapshot.map(|snapshot| &snapshot.state);
    let knowledge = site.map_or(Knowledge { state, ..Knowledge::default() }, |site| site.knowledge(state));
    let setters = section.setters()?;
    let calls = setters.iter().map(|setter| CallView {
        text: knowledge.tell(setter),
        waits: state.map(|state| effect(state, setter) == Effect::Waits),
        calldata: setter.encode(),
    });
    let tally = state.map(|state| Tally::count(intent, section, &state.governors));
    let listed = || section.signatures.iter().map(|entry| entry.governor.to_string()).collect();
    Ok(ChainView {
        side: end.as_str(),
        chain: section.chain.clone(),
        chain_id: section.chain_id.get(),
        bridge: section.bridge.to_string(),
        epoch: section.epoch.get(),
        configuration_nonce: section.configuration_nonce,
        deadline: (intent == Intent::Configuration).then(|| moment(section.deadline)),
        calls: calls.collect(),
        effect: snapshot
            .filter(|_| intent == Intent::Configuration)
            .map(|snapshot| taking_effect(snapshot, &setters)),
        signed: tally.as_ref().map_or_else(listed, |tally| {
            tally.signed.iter().map(|(governor, _)| governor.to_string()).collect()
        }),
        missing: tally.iter().flat_map(|tally| &tally.missing).map(ToString::to_string).collect(),
        threshold: state.map(|state| state.governors.threshold.get()),
        refused: tally.map(|tally| tally.refused).unwrap_or_default(),
    })
}

/// When a configuration takes effect that is voted now.
pub fn taking_effect(snapshot: &Snapshot, setters: &[Setter]) -> String {
    let state = &snapshot.state;
    match whole(state, setters) {
        Effect::AtOnce if state.governance_delay == 0 => {
            "takes effect at once: this bridge has no delay".to_owned()
        }
        Effect::AtOnce => "tightens: takes effect at once".to_owned(),
        Effect::Waits => {
            let delay = u64::from(state.governance_delay);
            format!(
                "loosens: waits {}, until {} if it is voted now",
                span(delay),
                moment(snapshot.now.saturating_add(delay))
            )
        }
    }
}

/// Prints it.
pub fn print(view: &View) {
    output::told(format!("proposal {}", view.fingerprint));
    for chain in &view.chains {
        let what = match view.intent {
            Intent::Configuration => format!("configuration {}", chain.configuration_nonce),
            Intent::Cancellation => format!("takes back configuration {}", chain.configuration_nonce),
        };
        output::told(format!(
            "{}: {what} of bridge {} on chain {} (id {}), by the governors of epoch {}",
            chain.side, chain.bridge, chain.chain, chain.chain_id, chain.epoch
        ));
        for (index, call) in chain.calls.iter().enumerate() {
            let waits = match call.waits {
                Some(true) => " [waits]",
                Some(false) => " [at once]",
                None => "",
            };
            output::told(format!("  {}. {}{waits}", index + 1, call.text));
        }
        chain.effect.iter().for_each(|effect| output::told(format!("  {effect}")));
        chain
            .deadline
            .iter()
            .for_each(|deadline| output::told(format!("  to be sent and executed before {deadline}")));
        output::told(format!("  {}", votes(chain)));
        chain.refused.iter().for_each(|refused| output::told(format!("  does not count: {refused}")));
    }
}

/// `signed by 0x…; 1 more of 0x…, 0x… needed`
fn votes(chain: &ChainView) -> String {
    let signed = match chain.signed.as_slice() {
        [] => "signed by nobody yet".to_owned(),
        signed => format!("signed by {}", signed.join(", ")),
    };
    let Some(threshold) = chain.threshold else { return signed };
    match usize::from(threshold).saturating_sub(chain.signed.len()) {
        0 => format!("{signed}; that is enough"),
        more => format!("{signed}; {more} more needed of {}", chain.missing.join(", ")),
    }
}

/// What each call would be refused for if it were executed now. Calls about a pair that an earlier call registers cannot
/// be judged alone.
///
/// Errors: the endpoint.
pub async fn rehearse(
    site: &Site,
    snapshot: &Snapshot,
    setters: &[Setter],
) -> Result<Vec<String>, ChainError> {
    let mut remarks = Vec::new();
    // Nothing that moves value is executed before.
    let executable_at = snapshot.now.saturating_add(u64::from(snapshot.state.governance_delay));
    let mut registered = Vec::new();
    for (index, setter) in setters.iter().enumerate() {
        if let Setter::RegisterPair(call) = setter {
            registered.push(call.pair.token);
        } else if about(setter).is_some_and(|token| registered.contains(&token)) {
            continue;
        }
        // The bridge calls itself, so this is what its setters see.
        let call =
            TransactionRequest::default().from(site.bridge).to(site.bridge).input(setter.encode().into());
        match site.chain.call(&call, At::Latest).await {
            Ok(_) => {}
            Err(ChainError::Reverted(BridgeRevert::StoppedTooLately { movable_at })) => {
                if movable_at > executable_at {
                    remarks.push(format!(
                        "call {} cannot be executed on chain {} before {}: value moves once requests were stopped for the delay",
                        index + 1,
                        site.chain.name(),
                        moment(movable_at)
                    ));
                }
            }
            Err(ChainError::Reverted(reason)) => {
                remarks.push(format!(
                    "call {} would fail on chain {} as it is now: {reason}",
                    index + 1,
                    site.chain.name()
                ));
            }
            // Some nodes refuse calls in a contract's name; the rehearsal is for convenience.
            Err(ChainError::Refused(_)) => return Ok(remarks),
            Err(error) => return Err(error),
        }
    }
    Ok(remarks)
}

const fn about(setter: &Setter) -> Option<alloy::primitives::Address> {
    match setter {
        Setter::SetPairLocked(call) => Some(call.token),
        Setter::SetPairGasCap(call) => Some(call.token),
        Setter::SetPairLimits(call) => Some(call.token),
        _ => None,
    }
}
