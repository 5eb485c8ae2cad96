//! What the chains and keys say before anything is sent. Everything wrong is told together.

use alloy::primitives::{Address, FixedBytes, U256};
use polyspan_chain::{
    At, Chain, ChainError, ChainLimits, ChainSettings, DEFAULT_GREATEST_GAS_CAP, Part, Quorum, SLOT_GAS,
};
use polyspan_contracts::Bridge::PairLimits;
use polyspan_node::keys::{KeyEntry, SigningKey};
use polyspan_node::preflight::{DeploymentSize, Needs, Severity, fitness, part_problem};
use polyspan_types::Kind;
use std::collections::BTreeSet;
use std::time::Duration;

use super::gas::{ChainGas, defers_calls, greatest_gas_cap, pair_gas, remark};
use super::progress::Progress;
use super::seed::seed_name;
use super::spec::{DeploySpec, End, PairSpec, SideSpec, TokenSpec};
use crate::args::FeeArguments;
use crate::governance::limits::unlimited;
use crate::output;
use crate::token::{ERC721, ERC1155, NATIVE_DECIMALS, Token, format_amount, parse_amount};
use crate::wallet::Wallet;

/// One end, ready to be used.
#[derive(Debug)]
pub struct Site {
    /// The deployer's account.
    pub wallet: Wallet,
    /// Governors that sign: distinct, all of them members, at least a threshold.
    pub signers: Vec<SigningKey>,
    /// Liquidity by pair, in smallest units; zero for none.
    pub seeds: Vec<U256>,
    /// Decimals by pair: the same on both ends; 0 for tokens by id.
    pub decimals: Vec<u8>,
    /// What the pairs allow.
    pub limits: Vec<PairLimits>,
    /// What the chain was found to be.
    pub gas: ChainGas,
    /// The greatest gas cap. Unit: gas.
    pub greatest_gas_cap: u32,
    /// Whether handles call no recipient with code.
    pub defers_calls: bool,
    /// Item bounds by pair: the same on both ends.
    pub item_bounds: Vec<u16>,
    /// Gas caps by pair. Unit: gas.
    pub gas_caps: Vec<u32>,
}

/// What the chain says of one pair's end.
struct Found {
    seed: U256,
    /// `None` when a token does not tell; that is a problem already.
    decimals: Option<u8>,
    limits: PairLimits,
}

/// Looks at both ends.
///
/// Errors: all problems.
pub async fn survey(
    spec: &DeploySpec,
    gas: FeeArguments,
    progress: &Progress,
) -> Result<[Site; 2], Vec<String>> {
    let (main, service) =
        tokio::join!(site(spec, End::Main, gas, progress), site(spec, End::Service, gas, progress));
    let mut problems: Vec<String> = Vec::new();
    let mut keep = |result: Result<Site, Vec<String>>| result.map_err(|found| problems.extend(found)).ok();
    let (main, service) = (keep(main), keep(service));
    let (Some(mut main), Some(mut service)) = (main, service) else {
        return Err(problems);
    };
    for pair in &spec.pairs {
        let greatest = [main.greatest_gas_cap, service.greatest_gas_cap];
        match pair_gas(pair, [main.gas, service.gas], greatest) {
            Ok(gas) => {
                for (end, site) in [(End::Main, &mut main), (End::Service, &mut service)] {
                    site.item_bounds.push(gas.item_bound);
                    site.gas_caps.push(gas.gas_caps[end as usize]);
                    remark(pair, end, gas, site.gas).into_iter().for_each(output::remark);
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    for (pair, (main, service)) in spec.pairs.iter().zip(main.decimals.iter().zip(&service.decimals)) {
        if main != service {
            problems.push(format!(
                "pair {}: {main} decimals on main and {service} on service; a pair moves smallest units one to one, so \
                 they must be equal",
                pair.name
            ));
        }
    }
    if problems.is_empty() { Ok([main, service]) } else { Err(problems) }
}

async fn site(
    spec: &DeploySpec,
    end: End,
    gas: FeeArguments,
    progress: &Progress,
) -> Result<Site, Vec<String>> {
    let side = spec.side(end);
    let mut problems = Vec::new();
    let signers = signers(end, side, &mut problems).await;
    let deployer = opened(&side.deployer, side).await;
    let deployer =
        deployer.map_err(|error| problems.push(format!("{}.deployer: {error}", end.as_str()))).ok();
    let chain = match connect(side).await {
        Ok(chain) => Some(chain),
        Err(error) => {
            problems.push(format!("{}.endpoint: {error}", end.as_str()));
            None
        }
    };
    let (Some(chain), Some(deployer)) = (chain, deployer) else { return Err(problems) };
    let wallet = Wallet::new(chain, deployer).paying_at_most(gas.max_fee);
    if let Err(problem) = wallet.check_price().await {
        problems.push(format!("chain {}: {problem:#}", side.chain));
    }
    let pairs = match look(spec, end, &wallet, progress, &mut problems).await {
        Ok(pairs) => pairs,
        Err(error) => {
            problems.push(format!("{}.endpoint: {error}", end.as_str()));
            return Err(problems);
        }
    };
    let gas = chain_gas(end, side, &wallet.chain).await.map_err(|problem| problems.push(problem)).ok();
    let calls =
        gas.and_then(|gas| defers_calls(end, side, gas).map_err(|problem| problems.push(problem)).ok());
    problems.extend(fit(spec, side, &wallet.chain, gas).await);
    if let Some(parts) = side.parts {
        for part in Part::ALL {
            let path = format!("{}.parts.{part}", end.as_str());
            match part_problem(&wallet.chain, part, parts.of(part)).await {
                Ok(problem) => problems.extend(problem.map(|problem| {
                    format!("{path}: {problem}; name a part that this version of polyspan has deployed, or leave `parts` out")
                })),
                Err(error) => problems.push(format!("{path}: {error}")),
            }
        }
    }
    let (Some(gas), Some(defers_calls), true) = (gas, calls, problems.is_empty()) else {
        return Err(problems);
    };
    Ok(Site {
        greatest_gas_cap: greatest_gas_cap(side, gas),
        gas,
        defers_calls,
        item_bounds: Vec::new(),
        gas_caps: Vec::new(),
        wallet,
        signers,
        seeds: pairs.iter().map(|found| found.seed).collect(),
        decimals: pairs.iter().map(|found| found.decimals.unwrap_or_default()).collect(),
        limits: pairs.into_iter().map(|found| found.limits).collect(),
    })
}

/// Why the chain cannot carry the bridge; what is less than that is remarked.
async fn fit(spec: &DeploySpec, side: &SideSpec, chain: &Chain, gas: Option<ChainGas>) -> Vec<String> {
    let members = side.operators.members.len() + side.governors.members.len();
    let needs = Needs {
        deployment: Some(DeploymentSize { members, pairs: spec.pairs.len() }),
        greatest_gas_cap: gas.map_or(DEFAULT_GREATEST_GAS_CAP, |gas| greatest_gas_cap(side, gas)),
        signatures: usize::from(side.operators.threshold.get()),
        slot_gas: gas.map_or(SLOT_GAS, |gas| gas.slot_gas),
    };
    let findings = match fitness(chain, needs).await {
        Ok(findings) => findings,
        Err(error) => {
            return vec![format!("chain {}: what it offers cannot be found out: {error}", side.chain)];
        }
    };
    let mut problems = Vec::new();
    for finding in findings {
        match finding.severity {
            Severity::Problem => problems.push(finding.to_string()),
            severity => output::remark(format!("{severity}: {finding}")),
        }
    }
    problems
}

/// What the chain counts and costs.
///
/// Errors: it does not tell what it is, and the file does not either.
async fn chain_gas(end: End, side: &SideSpec, chain: &Chain) -> Result<ChainGas, String> {
    let limits = match side.chain_limits {
        Some(limits) => limits,
        None => {
            let version = chain.client_version().await.map_err(|error| {
                format!("{}.chain_limits: the node does not tell what it is ({error}); set it", end.as_str())
            })?;
            ChainLimits::of_client(&version)
        }
    };
    Ok(ChainGas { limits, slot_gas: slot_gas(chain).await })
}

/// What a new storage slot costs, and what it usually does where that cannot be probed, which is remarked. Unit: gas.
pub async fn slot_gas(chain: &Chain) -> u64 {
    chain.slot_gas().await.unwrap_or_else(|error| {
        output::remark(format!(
            "what a new storage slot costs on chain {} cannot be probed ({error}); taking {SLOT_GAS} gas",
            chain.name()
        ));
        SLOT_GAS
    })
}

async fn connect(side: &SideSpec) -> Result<Chain, ChainError> {
    let chain = Chain::new(ChainSettings {
        name: side.chain.clone(),
        chain_id: side.chain_id,
        endpoints: vec![side.endpoint.clone()],
        quorum: Quorum::majority(1),
        finality: side.finality,
        poll_interval: Duration::from_millis(500),
        request_timeout: Duration::from_secs(30),
        max_log_range: 5_000,
    })?;
    chain.verify_chain_id().await?;
    Ok(chain)
}

/// A key that has shown that it signs, where it is elsewhere: a deployment that stops half-way has cost its gas.
async fn opened(key: &KeyEntry, side: &SideSpec) -> Result<SigningKey, String> {
    let key = key.open().map_err(|error| error.to_string())?;
    if key.is_remote() {
        key.try_out(side.chain_id).await.map_err(|error| error.to_string())?;
    }
    Ok(key)
}

/// The governors' keys: a set without votes that do not count.
async fn signers(end: End, side: &SideSpec, problems: &mut Vec<String>) -> Vec<SigningKey> {
    let mut known = BTreeSet::new();
    let mut signers = Vec::new();
    for (index, key) in side.governor_keys.iter().enumerate() {
        let path = format!("{}.governor_keys[{index}]", end.as_str());
        match opened(key, side).await {
            Err(error) => problems.push(format!("{path}: {error}")),
            Ok(signer) if !side.governors.members.contains(&signer.address()) => {
                problems.push(format!(
                    "{path}: {} is not one of the governors; use another key",
                    signer.address()
                ));
            }
            Ok(signer) if !known.insert(signer.address()) => {
                problems.push(format!("{path}: {} is listed twice; one vote counts once", signer.address()));
            }
            Ok(signer) => signers.push(signer),
        }
    }
    signers
}

/// The deployer's money and the tokens, by pair.
async fn look(
    spec: &DeploySpec,
    end: End,
    wallet: &Wallet,
    progress: &Progress,
    problems: &mut Vec<String>,
) -> Result<Vec<Found>, ChainError> {
    let chain = &wallet.chain;
    let balance = chain.balance(wallet.address()).await?;
    let free = chain.fees().await?.current_price() == 0;
    let (mut pairs, mut native) = (Vec::new(), U256::ZERO);
    for pair in &spec.pairs {
        let found = match (pair.kind_of(end), pair.token(end)) {
            (Kind::Native, _) => Some(NATIVE_DECIMALS),
            (Kind::Erc20, TokenSpec::Deploy(token)) => Some(token.decimals),
            (kind, TokenSpec::Existing(token)) => existing(end, pair, kind, *token, chain, problems).await?,
            (Kind::Erc721 | Kind::Erc1155, TokenSpec::Deploy(_)) => Some(0),
        };
        let decimals = found.unwrap_or(0);
        let amount = seed(end, pair, decimals, problems);
        // What a deployment that was broken off has put in is not needed again.
        let is_paid = progress.step(&seed_name(&pair.name, &spec.side(end).chain)).is_some();
        if is_paid {
            // Nothing is to be paid.
        } else if pair.kind_of(end) == Kind::Native {
            native += amount;
        } else if let (TokenSpec::Existing(token), false) = (pair.token(end), amount.is_zero()) {
            let has = Token::new(chain, *token).balance(wallet.address()).await?.unwrap_or_default();
            if has < amount {
                let [has, amount] = [has, amount].map(|value| format_amount(value, decimals));
                let who = wallet.address();
                problems.push(format!(
                    "pair {}: seed.{}: {who} has {has} of the token, {amount} are needed",
                    pair.name,
                    end.as_str()
                ));
            }
        }
        // An amount in unknown units would be a second complaint about one cause.
        let limits = if found.is_some() { limits(end, pair, decimals, problems) } else { unlimited() };
        pairs.push(Found { seed: amount, decimals: found, limits });
    }
    // Exact costs are known after sending only; a deployer with nothing, or with no more than the seeds, is hopeless.
    if balance < native || (!free && balance == native) {
        problems.push(format!(
            "{}.deployer: {} has {} on chain {} and needs more than {} for gas and liquidity; send it some",
            end.as_str(),
            wallet.address(),
            format_amount(balance, NATIVE_DECIMALS),
            chain.name(),
            format_amount(native, NATIVE_DECIMALS)
        ));
    }
    Ok(pairs)
}

async fn existing(
    end: End,
    pair: &PairSpec,
    kind: Kind,
    token: Address,
    chain: &Chain,
    problems: &mut Vec<String>,
) -> Result<Option<u8>, ChainError> {
    let path = format!("pair {}: {}_token", pair.name, end.as_str());
    if !chain.has_code(token, At::Latest).await? {
        problems
            .push(format!("{path}: no contract at {token} on chain {}; correct the address", chain.name()));
        return Ok(None);
    }
    let contract = Token::new(chain, token);
    if let Some(interface) = interface(kind) {
        if !contract.declares(interface).await? {
            let chain = chain.name();
            problems.push(format!(
                "{path}: {token} on chain {chain} does not declare {kind} (ERC-165); is it one?"
            ));
        }
        return Ok(Some(0));
    }
    let decimals = contract.decimals().await?;
    if decimals.is_none() {
        problems.push(format!(
            "{path}: {token} on chain {} does not tell its decimals; is it an ERC-20?",
            chain.name()
        ));
    }
    Ok(decimals)
}

/// ERC-165 id of tokens by id.
const fn interface(kind: Kind) -> Option<FixedBytes<4>> {
    match kind {
        Kind::Native | Kind::Erc20 => None,
        Kind::Erc721 => Some(ERC721),
        Kind::Erc1155 => Some(ERC1155),
    }
}

fn limits(end: End, pair: &PairSpec, decimals: u8, problems: &mut Vec<String>) -> PairLimits {
    pair.limits(end).over(&unlimited(), pair.kind_of(end), decimals).unwrap_or_else(|found| {
        let side = end.as_str();
        let found = found
            .iter()
            .map(|(key, problem)| format!("pair {}: limits.{key} ({side}): {problem}", pair.name));
        problems.extend(found);
        unlimited()
    })
}

fn seed(end: End, pair: &PairSpec, decimals: u8, problems: &mut Vec<String>) -> U256 {
    let Some(text) = pair.seed(end) else { return U256::ZERO };
    parse_amount(text, decimals).unwrap_or_else(|error| {
        problems.push(format!("pair {}: seed.{}: {error}", pair.name, end.as_str()));
        U256::ZERO
    })
}
