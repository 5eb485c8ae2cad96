//! Whether a chain and its nodes can carry a bridge: found out before anything is deployed, and by `config check`. See
//! `docs/adr/0040-what-a-chain-must-offer.md`.

use polyspan_chain::{Ability, Chain, ChainError, Opcode, dearer_slot, largest_code, largest_creation};
use polyspan_types::BlockHeight;

use super::{Finding, Severity};
use crate::destination::BELOW_NEWEST;
use crate::submit::worst_alone;
use crate::submitter::greatest_gas;

/// What a bridge will need, or needs already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// What is yet to be deployed; `None` for a bridge that is there.
    pub deployment: Option<DeploymentSize>,
    /// The greatest gas cap that a pair can have. Unit: gas.
    pub greatest_gas_cap: u32,
    /// Operators that sign.
    pub signatures: usize,
    /// What a new storage slot costs. Unit: gas.
    pub slot_gas: u64,
}

/// How large a bridge is when it is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentSize {
    /// Operators and governors together.
    pub members: usize,
    /// Pairs.
    pub pairs: usize,
}

impl DeploymentSize {
    /// The largest creation, which is that of a part where there are few members. Unit: gas. Source of all figures here: measured on
    /// anvil (`bridge/cli/tests/chains/fitness.rs` holds them against receipts), 4 364 376 for the largest part, 4 159 000 for a
    /// bridge without members and 45 800 for each member, in two new slots.
    pub fn creation_gas(self, slot_gas: u64) -> u64 {
        let members = self.members as u64;
        4_450_000 + members * 47_000 + dearer_slot(slot_gas) * (40 + 2 * members)
    }

    /// Configuration 0. Unit: gas. Measured: 432 600 with a native pair, 6 700 for each governor, 234 300 for a pair with all its limits.
    pub fn configuration_gas(self, slot_gas: u64) -> u64 {
        let (members, pairs) = (self.members as u64, self.pairs as u64);
        500_000 + members * 7_000 + pairs * 250_000 + dearer_slot(slot_gas) * (10 + 10 * pairs)
    }
}

/// What was found of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    chain: String,
    opcodes: [Ability; Opcode::ALL.len()],
    contract_size: Ability,
    /// Gas limit of a block; 0 where nodes do not tell. Unit: gas.
    block_gas: u64,
    call_gas: Ability,
    newest: BlockHeight,
    near_state: (BlockHeight, Ability),
    final_state: (BlockHeight, Ability),
    traces: Ability,
}

/// Looks at one chain, and sends nothing.
///
/// Errors: it does not answer.
pub async fn fitness(chain: &Chain, needs: Needs) -> Result<Vec<Finding>, ChainError> {
    Ok(judge(&fetch(chain, needs).await?, needs))
}

async fn fetch(chain: &Chain, needs: Needs) -> Result<Found, ChainError> {
    let opcodes = chain.opcodes().await?;
    let contract_size = chain.contract_size().await?;
    let head = chain.head().await?;
    let (newest, last) = (head.latest.height, head.final_block.height);
    let near = newest.minus(BELOW_NEWEST);
    let worst = worst_alone(needs.greatest_gas_cap, needs.signatures, needs.slot_gas);
    let call_gas = chain.call_gas(worst.min(greatest_gas(Some(head.gas_limit)))).await;
    Ok(Found {
        chain: chain.name().to_owned(),
        opcodes,
        contract_size,
        block_gas: head.gas_limit,
        call_gas,
        newest,
        near_state: (near, chain.state_at(near).await?),
        final_state: (last, chain.state_at(last).await?),
        traces: chain.traces().await?,
    })
}

/// Pure: what a person has to know, each with its cure.
fn judge(found: &Found, needs: Needs) -> Vec<Finding> {
    let mut findings = code(found);
    findings.extend(room(found, needs));
    findings.extend(states(found, needs));
    findings.extend(traces(found));
    findings
}

impl Found {
    fn finding(&self, severity: Severity, what: String, cure: &str) -> Finding {
        Finding::new(severity, format!("chain {}", self.chain), what, cure)
    }
}

/// What contracts need: instructions and size.
fn code(found: &Found) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut missing, mut why) = (Vec::new(), None);
    for (opcode, ability) in Opcode::ALL.into_iter().zip(&found.opcodes) {
        match ability {
            Ability::Present => {}
            Ability::Missing(reason) => {
                missing.push(opcode.to_string());
                why = why.or(Some(reason));
            }
            Ability::Unknown(reason) => findings.push(found.finding(
                Severity::Warning,
                format!("whether it executes {opcode} cannot be probed ({reason})"),
                "name an endpoint that executes a creation by eth_call, or make sure that the chain is at Cancun or later",
            )),
        }
    }
    if let Some(why) = why {
        findings.push(found.finding(
            Severity::Problem,
            format!(
                "it does not execute {} ({why}), which the contracts of a bridge consist of",
                missing.join(", ")
            ),
            "activate Cancun in the rules of the chain, or use a chain that is at Cancun or later (ADR 0008)",
        ));
    }
    match &found.contract_size {
        Ability::Present => {}
        Ability::Missing(why) => findings.push(found.finding(
            Severity::Problem,
            format!(
                "it takes no contract of {} bytes made by a creation of {} bytes ({why}), which those of a bridge can have",
                largest_code(),
                largest_creation()
            ),
            "let the chain take code of 24576 bytes (EIP-170) and creations of 49152 (EIP-3860), as Ethereum does",
        )),
        Ability::Unknown(why) => findings.push(found.finding(
            Severity::Warning,
            format!("whether it takes contracts of {} bytes cannot be probed ({why})", largest_code()),
            "make sure that it takes code of 24576 bytes (EIP-170)",
        )),
    }
    findings
}

/// What transactions and calls need: gas.
fn room(found: &Found, needs: Needs) -> Vec<Finding> {
    let room = greatest_gas(Some(found.block_gas));
    let limit =
        format!("a transaction can have {room} there (gas limit of a block {}, EIP-7825)", found.block_gas);
    let mut findings = Vec::new();
    if let Some(size) = needs.deployment {
        let (creation, configuration) =
            (size.creation_gas(needs.slot_gas), size.configuration_gas(needs.slot_gas));
        if creation > room {
            findings.push(found.finding(
                Severity::Problem,
                format!("the largest contract of the bridge takes up to {creation} gas to deploy, and {limit}"),
                "raise the gas limit of its blocks, or name fewer operators and governors where they are many",
            ));
        }
        if configuration > room {
            let pairs = size.pairs;
            findings.push(found.finding(
                Severity::Problem,
                format!("configuration 0 takes up to {configuration} gas with {pairs} pairs, and {limit}"),
                "raise the gas limit of its blocks, or leave pairs out and have governors register them later (governance propose register-pair)",
            ));
        }
    }
    let worst = worst_alone(needs.greatest_gas_cap, needs.signatures, needs.slot_gas);
    if worst > room {
        let less = ((worst - room) * 63).div_ceil(64) + 1;
        let most = u64::from(needs.greatest_gas_cap).saturating_sub(less);
        let (severity, cure) = match needs.deployment {
            Some(_) => (
                Severity::Problem,
                format!("set greatest_gas_cap to {most} at the most, or raise the gas limit of its blocks"),
            ),
            None => (
                Severity::Warning,
                format!(
                    "raise the gas limit of its blocks, or have the governors lower the greatest gas cap to {most} (governance propose set-greatest-gas-cap)"
                ),
            ),
        };
        let what = format!(
            "one payout that uses the greatest gas cap of {} needs a transaction of {worst} gas, and {limit}: a hostile recipient could \
             stop a lane until its request is held by force",
            needs.greatest_gas_cap
        );
        findings.push(found.finding(severity, what, &cure));
    } else if let Ability::Missing(why) = &found.call_gas {
        findings.push(found.finding(
            Severity::Warning,
            format!("its nodes give calls less gas than a submission can take, {worst} ({why}), and relays decide by calls"),
            "raise the node's limit of gas for calls (geth: --rpc.gascap 50000000; 0 is none)",
        ));
    }
    findings
}

/// What reading needs: states.
fn states(found: &Found, needs: Needs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let deploys = needs.deployment.is_some();
    if let (height, Ability::Missing(why)) = &found.near_state {
        findings.push(found.finding(
            if deploys { Severity::Warning } else { Severity::Problem },
            format!(
                "the state of block {height}, {} below the newest, is gone ({why}), and relays begin a lane at such a block",
                found.newest.since(*height)
            ),
            "have its nodes keep the states of their newest hundred blocks at the least (geth: 128 without any flag)",
        ));
    }
    match &found.final_state {
        // Nothing is final yet, or the node knows no final block: relays are given a depth then.
        (height, _) if *height == BlockHeight::ZERO => {}
        (height, Ability::Missing(why)) => findings.push(found.finding(
            Severity::Warning,
            format!(
                "the state of its final block {height}, {} below the newest, is gone ({why}): relays do without it, and read logs up to the \
                 newest block when they start; `verify` compares balances at a block that is not final",
                found.newest.since(*height)
            ),
            "nothing has to be done; for a verdict at a final block use nodes that keep more states (geth: --gcmode archive; ADR 0038)",
        )),
        _ => {}
    }
    findings
}

/// What `verify` needs beside: traces.
fn traces(found: &Found) -> Option<Finding> {
    let Ability::Missing(why) = &found.traces else { return None };
    Some(found.finding(
        Severity::Note,
        format!("there are no traces: {why}; `verify` checks payments of native currency by balances then, where it can"),
        "turn on `debug` or `trace` at one endpoint (geth: --http.api eth,net,web3,debug), of an archive for old payments",
    ))
}

#[cfg(test)]
mod tests {
    use polyspan_chain::SLOT_GAS;

    use super::*;

    const SIZE: DeploymentSize = DeploymentSize { members: 7, pairs: 2 };
    const NEW: Needs =
        Needs { deployment: Some(SIZE), greatest_gas_cap: 2_000_000, signatures: 3, slot_gas: SLOT_GAS };
    const OLD: Needs = Needs { deployment: None, ..NEW };

    fn good() -> Found {
        Found {
            chain: "main".to_owned(),
            opcodes: [Ability::Present, Ability::Present, Ability::Present],
            contract_size: Ability::Present,
            block_gas: 30_000_000,
            call_gas: Ability::Present,
            newest: BlockHeight::new(1_000),
            near_state: (BlockHeight::new(984), Ability::Present),
            final_state: (BlockHeight::new(900), Ability::Present),
            traces: Ability::Present,
        }
    }

    fn missing() -> Ability {
        Ability::Missing("why".to_owned())
    }

    /// The one finding, of this severity, with these words.
    #[track_caller]
    fn one(found: &Found, needs: Needs, severity: Severity, words: &[&str]) {
        let findings = judge(found, needs);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].severity, findings[0].thing.as_str()), (severity, "chain main"));
        for word in words {
            assert!(findings[0].message.contains(word), "`{word}` in {}", findings[0].message);
        }
    }

    #[test]
    fn a_chain_that_offers_everything_is_not_spoken_of() {
        assert_eq!(judge(&good(), NEW), []);
        assert_eq!(judge(&good(), OLD), []);
        // Blocks of a chain may tell no limit.
        assert_eq!(judge(&Found { block_gas: 0, ..good() }, NEW), []);
    }

    #[test]
    fn an_older_chain_is_refused_once_with_all_that_it_does_not_know() {
        let opcodes = [Ability::Present, missing(), missing()];
        let words = ["MCOPY (EIP-5656, of Cancun), TLOAD and TSTORE", "activate Cancun"];
        one(&Found { opcodes, ..good() }, NEW, Severity::Problem, &words);
        let opcodes = [Ability::Present, Ability::Unknown("busy".to_owned()), Ability::Present];
        one(&Found { opcodes, ..good() }, NEW, Severity::Warning, &["MCOPY", "cannot be probed (busy)"]);
    }

    #[test]
    fn a_chain_that_takes_smaller_contracts_is_refused() {
        let found = Found { contract_size: missing(), ..good() };
        one(&found, NEW, Severity::Problem, &["takes no contract of", "EIP-170", "24576"]);
        let found = Found { contract_size: Ability::Unknown("busy".to_owned()), ..good() };
        one(&found, NEW, Severity::Warning, &["cannot be probed (busy)"]);
    }

    #[test]
    fn what_fits_into_no_block_is_refused_before_it_is_deployed() {
        let narrow = |block_gas| Found { block_gas, ..good() };
        one(
            &narrow(4_000_000),
            NEW,
            Severity::Problem,
            &["largest contract", "raise the gas limit of its blocks"],
        );
        assert_eq!(judge(&narrow(4_000_000), OLD), [], "it is there already");
        let many = Needs { deployment: Some(DeploymentSize { members: 7, pairs: 70 }), ..NEW };
        one(
            &good(),
            many,
            Severity::Problem,
            &["configuration 0 takes up to", "70 pairs", "leave pairs out"],
        );
        let wide = Needs { greatest_gas_cap: 5_000_000, ..NEW };
        let cure = ["greatest gas cap of 5000000", "set greatest_gas_cap to "];
        one(&narrow(5_000_000), wide, Severity::Problem, &cure);
        let wide = Needs { deployment: None, ..wide };
        one(
            &narrow(5_000_000),
            wide,
            Severity::Warning,
            &["have the governors lower the greatest gas cap to "],
        );
    }

    #[test]
    fn the_greatest_cap_that_is_named_as_the_cure_fits() {
        for block_gas in [3_500_000, 5_000_000, 15_500_000] {
            for signatures in [1, 30] {
                let needs = Needs { greatest_gas_cap: 15_000_000, signatures, ..OLD };
                let text = judge(&Found { block_gas, ..good() }, needs)[0].message.clone();
                let cap = text.split("lower the greatest gas cap to ").nth(1).unwrap();
                let cap: u32 = cap.split(' ').next().unwrap().parse().unwrap();
                assert!(worst_alone(cap, signatures, SLOT_GAS) <= block_gas, "{cap} of {block_gas}");
                assert!(worst_alone(cap + 50_000, signatures, SLOT_GAS) > block_gas, "{cap} of {block_gas}");
            }
        }
    }

    #[test]
    fn a_node_that_gives_calls_too_little_gas_is_a_warning_with_its_flag() {
        one(&Found { call_gas: missing(), ..good() }, NEW, Severity::Warning, &["--rpc.gascap"]);
    }

    #[test]
    fn a_state_that_is_gone_names_the_block_and_the_cure() {
        let near_state = (BlockHeight::new(984), missing());
        let words = ["state of block 984, 16 below the newest, is gone", "newest hundred blocks"];
        one(&Found { near_state: near_state.clone(), ..good() }, OLD, Severity::Problem, &words);
        one(&Found { near_state, ..good() }, NEW, Severity::Warning, &words);
        let final_state = (BlockHeight::new(860), missing());
        let words =
            ["final block 860, 140 below the newest, is gone", "relays do without it", "--gcmode archive"];
        one(&Found { final_state, ..good() }, OLD, Severity::Warning, &words);
        assert_eq!(judge(&Found { final_state: (BlockHeight::ZERO, missing()), ..good() }, NEW), []);
    }

    #[test]
    fn nodes_without_traces_are_a_note() {
        one(&Found { traces: missing(), ..good() }, OLD, Severity::Note, &["no traces: why", "--http.api"]);
        assert_eq!(judge(&Found { traces: Ability::Unknown(String::new()), ..good() }, OLD), []);
    }
}
