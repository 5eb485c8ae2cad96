//! What the chains and keys say before anything is sent. Everything wrong is told together.

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::{At, Chain, ChainError, ChainSettings};
use polyspan_types::{FinalTag, Finality, Kind};
use std::collections::BTreeSet;
use std::time::Duration;

use super::spec::{DeploySpec, End, PairSpec, SideSpec, TokenSpec};
use crate::token::{NATIVE_DECIMALS, Token, format_amount, parse_amount};
use crate::wallet::Wallet;

/// One end, ready to be used.
#[derive(Debug)]
pub struct Site {
    /// The deployer's account.
    pub wallet: Wallet,
    /// Governors that sign: distinct, all of them members, at least a threshold.
    pub signers: Vec<PrivateKeySigner>,
    /// Liquidity by pair, in smallest units; zero for none.
    pub seeds: Vec<U256>,
}

/// Looks at both ends.
///
/// Errors: all problems.
pub async fn survey(spec: &DeploySpec) -> Result<[Site; 2], Vec<String>> {
    let (main, service) = tokio::join!(site(spec, End::Main), site(spec, End::Service));
    let mut problems: Vec<String> = Vec::new();
    let mut keep = |result: Result<(Site, Vec<Option<u8>>), Vec<String>>| {
        result.map_err(|found| problems.extend(found)).ok()
    };
    let (main, service) = (keep(main), keep(service));
    let (Some((main, main_decimals)), Some((service, service_decimals))) = (main, service) else {
        return Err(problems);
    };
    for (pair, decimals) in spec.pairs.iter().zip(main_decimals.into_iter().zip(service_decimals)) {
        if let (Some(main), Some(service)) = decimals
            && main != service
        {
            problems.push(format!(
                "pair {}: {main} decimals on main and {service} on service; a pair moves smallest units one to one, so \
                 they must be equal",
                pair.name
            ));
        }
    }
    if problems.is_empty() { Ok([main, service]) } else { Err(problems) }
}

/// One end, and the decimals of its fungible tokens by pair.
async fn site(spec: &DeploySpec, end: End) -> Result<(Site, Vec<Option<u8>>), Vec<String>> {
    let side = spec.side(end);
    let mut problems = Vec::new();
    let signers = signers(end, side, &mut problems);
    let deployer = side
        .deployer
        .unlock()
        .map_err(|error| problems.push(format!("{}.deployer: {error}", end.as_str())))
        .ok();
    let chain = match connect(side).await {
        Ok(chain) => Some(chain),
        Err(error) => {
            problems.push(format!("{}.endpoint: {error}", end.as_str()));
            None
        }
    };
    let (Some(chain), Some(deployer)) = (chain, deployer) else { return Err(problems) };
    let wallet = Wallet::new(chain, deployer);
    let tokens = match look(spec, end, &wallet, &mut problems).await {
        Ok(tokens) => tokens,
        Err(error) => {
            problems.push(format!("{}.endpoint: {error}", end.as_str()));
            return Err(problems);
        }
    };
    if problems.is_empty() {
        Ok((Site { wallet, signers, seeds: tokens.0 }, tokens.1))
    } else {
        Err(problems)
    }
}

async fn connect(side: &SideSpec) -> Result<Chain, ChainError> {
    let chain = Chain::new(ChainSettings {
        name: side.chain.clone(),
        chain_id: side.chain_id,
        endpoints: vec![side.endpoint.clone()],
        finality: Finality::Tag(FinalTag::Finalized),
        poll_interval: Duration::from_millis(500),
        request_timeout: Duration::from_secs(30),
        max_log_range: 5_000,
    })?;
    chain.verify_chain_id().await?;
    Ok(chain)
}

/// The governors' keys: a set without votes that do not count.
fn signers(end: End, side: &SideSpec, problems: &mut Vec<String>) -> Vec<PrivateKeySigner> {
    let mut known = BTreeSet::new();
    let mut signers = Vec::new();
    for (index, key) in side.governor_keys.iter().enumerate() {
        let path = format!("{}.governor_keys[{index}]", end.as_str());
        match key.unlock() {
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

/// The deployer's money and the tokens: liquidity and decimals by pair.
async fn look(
    spec: &DeploySpec,
    end: End,
    wallet: &Wallet,
    problems: &mut Vec<String>,
) -> Result<(Vec<U256>, Vec<Option<u8>>), ChainError> {
    let chain = &wallet.chain;
    let balance = chain.balance(wallet.address()).await?;
    let free = chain.fees().await?.current_price() == 0;
    let (mut seeds, mut decimals, mut native) = (Vec::new(), Vec::new(), U256::ZERO);
    for pair in &spec.pairs {
        let found = match (pair.kind_of(end), pair.token(end)) {
            (Kind::Native, _) => Some(NATIVE_DECIMALS),
            (Kind::Erc20, TokenSpec::Deploy(token)) => Some(token.decimals),
            (kind, TokenSpec::Existing(token)) => existing(end, pair, kind, *token, chain, problems).await?,
            (Kind::Erc721, TokenSpec::Deploy(_)) => None,
        };
        let amount = seed(end, pair, found.unwrap_or(0), problems);
        if pair.kind_of(end) == Kind::Native {
            native += amount;
        } else if let (TokenSpec::Existing(token), false) = (pair.token(end), amount.is_zero()) {
            let has = Token::new(chain, *token).balance(wallet.address()).await?.unwrap_or_default();
            if has < amount {
                let [has, amount] = [has, amount].map(|value| format_amount(value, found.unwrap_or(0)));
                let who = wallet.address();
                problems.push(format!(
                    "pair {}: seed.{}: {who} has {has} of the token, {amount} are needed",
                    pair.name,
                    end.as_str()
                ));
            }
        }
        seeds.push(amount);
        decimals.push(found);
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
    Ok((seeds, decimals))
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
    if kind != Kind::Erc20 {
        return Ok(None);
    }
    let decimals = Token::new(chain, token).decimals().await?;
    if decimals.is_none() {
        problems.push(format!(
            "{path}: {token} on chain {} does not tell its decimals; is it an ERC-20?",
            chain.name()
        ));
    }
    Ok(decimals)
}

fn seed(end: End, pair: &PairSpec, decimals: u8, problems: &mut Vec<String>) -> U256 {
    let Some(text) = pair.seed(end) else { return U256::ZERO };
    parse_amount(text, decimals).unwrap_or_else(|error| {
        problems.push(format!("pair {}: seed.{}: {error}", pair.name, end.as_str()));
        U256::ZERO
    })
}
