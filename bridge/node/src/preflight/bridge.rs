//! Whether the contracts are the ones that the deployment file describes, and know each other.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use polyspan_chain::{At, BridgeState, Chain, ChainError, ChainLimits, SLOT_GAS};
use polyspan_types::{BridgeId, Direction, MembersError, Threshold};

use super::{Finding, Mode, Needs, Severity, costs, fitness, gas_caps, parts, unreachable};
use crate::config::{Config, Deployment, LaneInfo, Minter, RelayEntry, Side};

/// One contract: what the file says of it, and what it says itself.
struct End<'a> {
    /// Names the contract in findings.
    thing: String,
    side: &'a Side,
    other: &'a Side,
    state: BridgeState,
    /// The lane that starts here, and the one that ends here.
    outbound: LaneInfo,
    inbound: LaneInfo,
}

/// Everything about one bridge, as far as its chains can be read.
pub(super) async fn check(
    config: &Config,
    deployment: &Deployment,
    attester: Option<Address>,
    chains: &BTreeMap<String, Chain>,
    mode: Mode,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut states = Vec::new();
    for direction in Direction::ALL {
        let outbound = deployment.lane(direction);
        let Some(chain) = chains.get(&outbound.source.chain) else { continue };
        let (side, other) = match direction {
            Direction::MainToService => (&deployment.main, &deployment.service),
            Direction::ServiceToMain => (&deployment.service, &deployment.main),
        };
        let thing = format!("bridge {} on {}", deployment.name, side.chain);
        match chain.bridge_state(side.bridge, At::Latest).await {
            Ok(state) => {
                let inbound = deployment.lane(direction.opposite());
                let end = End { thing, side, other, state, outbound, inbound };
                findings.extend(parts::check(&end.thing, side, chain, mode).await);
                findings.extend(end.wiring());
                findings.extend(end.pairs(deployment, direction, mode));
                findings.extend(end.delays());
                if mode == Mode::Check {
                    findings.extend(end.chain(deployment, chain).await);
                }
                if let Some(relay) = &config.relay {
                    findings.extend(end.service(relay, attester));
                }
                states.push((end.outbound.id.clone(), chain, end.state));
            }
            Err(error @ ChainError::NoCode { .. }) => {
                findings.push(no_code(thing, side, chain, &error).await)
            }
            Err(error @ ChainError::NotABridge { .. }) => {
                findings.push(Finding::said(Severity::Problem, thing, error));
            }
            Err(error) => findings.push(unreachable(mode, thing, &error)),
        }
    }
    if let ([source, destination], Mode::Check) = (&states[..], mode) {
        findings.extend(costs::check(deployment, source, destination).await);
        findings.extend(costs::check(deployment, destination, source).await);
    }
    findings
}

/// A node that is still syncing has no code there either: its newest block is below the one of the deployment, or cannot be told.
async fn no_code(thing: String, side: &Side, chain: &Chain, error: &ChainError) -> Finding {
    let newest = match chain.head().await {
        Ok(head) if head.latest.height >= side.deployment_block => {
            return Finding::said(Severity::Problem, thing, error);
        }
        Ok(head) => format!("its node is at block {}", head.latest.height),
        Err(unseen) => format!("its newest block cannot be seen ({unseen})"),
    };
    let what = format!("{error}: {newest}, and the bridge was deployed in block {}", side.deployment_block);
    Finding::new(Severity::Problem, thing, what, "wait until the node has synced").elsewhere()
}

impl End<'_> {
    fn problem(&self, what: impl std::fmt::Display, cure: &str) -> Finding {
        Finding::new(Severity::Problem, &self.thing, what, cure)
    }

    /// Both ends must mean each other, under the ids that this relay computes.
    fn wiring(&self) -> Vec<Finding> {
        let state = &self.state;
        if !state.wired {
            let what = format!("{} is not wired to a counterpart", self.side.bridge);
            return vec![
                self.problem(what, "have the governors apply configuration 0, or run `polyspan deploy`")
                    .elsewhere(),
            ];
        }
        let mut findings = Vec::new();
        let counterpart = (state.counterpart_chain_id, state.counterpart);
        if counterpart != (self.other.chain_id, self.other.bridge) {
            let what = format!(
                "its counterpart is {} on chain id {}, not {} on chain id {}",
                state.counterpart, state.counterpart_chain_id, self.other.bridge, self.other.chain_id
            );
            // Every id depends on the counterpart; saying that they differ too would add nothing.
            return vec![self.problem(what, "use the deployment file of this bridge")];
        }
        let ids: [(&LaneInfo, BridgeId); 2] =
            [(&self.outbound, state.outbound_bridge_id), (&self.inbound, state.inbound_bridge_id)];
        for (lane, found) in ids.into_iter().filter(|(lane, found)| lane.bridge_id != *found) {
            let what = format!("its id of lane {} is {found}, computed is {}", lane.id, lane.bridge_id);
            findings.push(self.problem(what, "correct the salt in the deployment file"));
        }
        let blocks = [
            ("deployment_block", self.side.deployment_block, state.deployment_block),
            (
                "deployment_block of the counterpart",
                self.other.deployment_block,
                state.counterpart_deployment_block,
            ),
        ];
        for (name, given, found) in blocks.into_iter().filter(|(_, given, found)| given != found) {
            findings.push(
                self.problem(
                    format!("{name} is {found}, the file says {given}"),
                    "correct the deployment file",
                ),
            );
        }
        findings
    }

    /// What the file says of tokens must be so on the chain, or users are misled.
    fn pairs(&self, deployment: &Deployment, from: Direction, mode: Mode) -> Vec<Finding> {
        if !self.state.wired {
            return Vec::new();
        }
        let minter = if from == Direction::MainToService { Minter::Main } else { Minter::Service };
        let wrong = deployment.pairs.iter().filter_map(|pair| {
            let (token, counterpart) = pair.tokens(from);
            let what = match self.state.pairs.iter().find(|state| state.token == token) {
                None => format!("pair {}: token {token} is not registered", pair.name),
                Some(state) if state.counterpart_token != counterpart => format!(
                    "pair {}: the counterpart of {token} is {}, the file says {counterpart}",
                    pair.name, state.counterpart_token
                ),
                Some(state) if state.mints != (pair.mints == minter) => {
                    let does = if state.mints { "mints" } else { "locks" };
                    format!("pair {}: the bridge {does} {token}, the file says otherwise", pair.name)
                }
                Some(_) => return None,
            };
            Some(Finding::new(
                mode.passing(),
                &self.thing,
                what,
                "correct the deployment file, or register the pair",
            ))
        });
        wrong.collect()
    }

    /// What the chain offers, and whether the bridge fits it.
    async fn chain(&self, deployment: &Deployment, chain: &Chain) -> Vec<Finding> {
        let slot_gas = chain.slot_gas().await;
        let mut findings = gas_caps::check(&self.thing, deployment, &slot_gas, &self.state);
        // A node that does not say what it is counts gas only, as far as is known.
        if let Ok(version) = chain.client_version().await {
            let limits = ChainLimits::of_client(&version);
            findings.extend(self.calls(limits));
        }
        let needs = Needs {
            deployment: None,
            greatest_gas_cap: self.state.greatest_gas_cap,
            signatures: usize::from(self.state.operators.threshold.get()),
            slot_gas: slot_gas.unwrap_or(SLOT_GAS),
        };
        findings.extend(fitness(chain, needs).await.unwrap_or_else(|error| {
            let thing = format!("chain {}", chain.name());
            vec![unreachable(Mode::Check, thing, &error)]
        }));
        findings
    }

    /// A chain on which a recipient can make every `handle` around its payout fail.
    fn calls(&self, limits: ChainLimits) -> Option<Finding> {
        (limits.defers_calls() && !self.state.defers_calls).then(|| {
            Finding::new(
                Severity::Warning,
                &self.thing,
                "the chain counts computation cost beside gas, and this bridge calls recipients with code in a handle: one of them can stop \
                 the lane that ends here, until operators force-hold its request",
                "deploy another bridge and migrate (runbook: replace a bridge); `polyspan deploy` has bridges of such a chain defer calls",
            )
        })
    }

    /// A public delay that is none protects nobody; only a bridge with the development flag can be without.
    fn delays(&self) -> Option<Finding> {
        let state = &self.state;
        let mut words = Vec::new();
        if state.governance_delay == 0 {
            words.push("what governors vote takes effect at once (governance delay 0)");
        }
        if state.refund_delay == 0 {
            words.push("anyone can refund a hold at once (refund delay 0)");
        }
        (!words.is_empty()).then(|| {
            let flag = if state.development { "it has the development flag: " } else { "" };
            let what = format!("{flag}{}", words.join(", and "));
            Finding::note(&self.thing, what, "deploy it with delays where anything is at stake")
        })
    }

    /// Whether this relay may and can serve the lane that ends here.
    fn service(&self, relay: &RelayEntry, attester: Option<Address>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.state.development && !relay.accept_development {
            findings.push(self.problem(
                "it was deployed with the development flag, which allows thresholds of half or less",
                "deploy it without the flag, or set relay.accept_development = true where nothing is at stake",
            ));
        }
        if relay.roles.attests(self.inbound.id.direction)
            && let Some(attester) = attester
            && !self.state.operators.contains(attester)
        {
            let what = format!(
                "the attester {attester} is not one of its operators, so it cannot attest {}",
                self.inbound.id
            );
            let cure = "use the right key, correct relay.roles, or have the governors register it";
            findings.push(self.problem(what, cure).elsewhere());
        }
        for (who, set) in [("operators", &self.state.operators), ("governors", &self.state.governors)] {
            let members = set.members.len();
            match Threshold::try_new(set.threshold.get(), members) {
                Err(MembersError::ThresholdHalfOrLess { .. })
                    if self.state.development && relay.accept_development => {}
                Err(error) => {
                    findings.push(Finding::said(Severity::Problem, format!("{}: {who}", self.thing), error))
                }
                Ok(threshold) if usize::from(threshold.get()) == members => findings.push(Finding::new(
                    Severity::Warning,
                    &self.thing,
                    format!(
                        "all {members} {who} are needed, so any one of them that is down stops the bridge"
                    ),
                    "register one more, or lower the threshold",
                )),
                Ok(_) => {}
            }
        }
        findings
    }
}
