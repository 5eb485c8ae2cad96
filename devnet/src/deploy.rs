//! Deploying with the real `polyspan deploy`.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};
use polyspan_node::config::{Minter, Parts};
use polyspan_types::{Finality, Kind};
use serde::Serialize;
use tokio::process::Command;

use crate::binaries::Binaries;
use crate::chain::Chain;
use crate::keys::Key;
use crate::tokens::{LimitsSpec, PairTokens};

/// The shortest one that relays accept.
const GOVERNANCE_DELAY: &str = "1h";

/// One bridge to deploy.
#[derive(Debug)]
pub struct DeployJob<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its pairs, with the tokens that exist already.
    pub tokens: &'a [PairTokens],
    /// The main chain's end.
    pub main: DeploySide<'a>,
    /// The service chain's end.
    pub service: DeploySide<'a>,
    /// How the relays will know a final block.
    pub finality: Finality,
    /// Operators that must agree, on each side.
    pub threshold: u8,
    /// Who signs configuration; a majority of them is needed.
    pub governors: &'a [Key],
    /// How long a hold waits before anyone may refund it. Unit: blocks.
    pub refund_delay: u64,
    /// Contracts are paid in releases only. Else what the node demands.
    pub defer_calls: bool,
    /// Any threshold above zero is allowed.
    pub development: bool,
}

/// One end of a bridge to deploy.
#[derive(Debug)]
pub struct DeploySide<'a> {
    /// Its chain.
    pub chain: &'a Chain,
    /// Who moves value there.
    pub operators: Vec<Address>,
    /// Who pays.
    pub deployer: &'a Key,
    /// Parts of another bridge of this chain, to be used here too.
    pub parts: Option<Parts>,
}

/// The file that `polyspan deploy` reads.
#[derive(Debug, Serialize)]
struct SpecFile {
    name: String,
    development: bool,
    governance_delay: &'static str,
    main: SideTable,
    service: SideTable,
    pair: Vec<PairTable>,
}

#[derive(Debug, Serialize)]
struct SideTable {
    chain: String,
    chain_id: u64,
    endpoint: String,
    finality: String,
    operators: Vec<Address>,
    threshold: u8,
    governors: Vec<Address>,
    governor_threshold: usize,
    refund_delay: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    defer_calls: Option<bool>,
    deployer: KeyTable,
    governor_keys: Vec<KeyTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Parts>,
}

#[derive(Debug, Serialize)]
struct KeyTable {
    keystore: PathBuf,
    passphrase_file: PathBuf,
}

#[derive(Debug, Serialize)]
struct PairTable {
    name: &'static str,
    kind: Kind,
    mints: Minter,
    #[serde(skip_serializing_if = "Option::is_none")]
    main_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deploy: Option<TokenTable>,
    limits: LimitsSpec,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TokenTable {
    Named {
        name: String,
        symbol: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        decimals: Option<u8>,
    },
    Uri {
        uri: String,
    },
}

impl DeployJob<'_> {
    /// The text of the file.
    ///
    /// Errors: none that a caller could cause; it must have a TOML form.
    pub fn to_toml(&self) -> Result<String> {
        let file = SpecFile {
            name: self.name.to_owned(),
            development: self.development,
            governance_delay: GOVERNANCE_DELAY,
            main: self.side(&self.main),
            service: self.side(&self.service),
            pair: self.tokens.iter().map(pair).collect(),
        };
        toml::to_string(&file).context("a spec has a TOML form")
    }

    fn side(&self, side: &DeploySide<'_>) -> SideTable {
        let majority = self.governors.len() / 2 + 1;
        SideTable {
            chain: side.chain.name.clone(),
            chain_id: side.chain.chain_id,
            endpoint: side.chain.url().to_string(),
            finality: self.finality.to_string(),
            operators: side.operators.clone(),
            threshold: self.threshold,
            governors: self.governors.iter().map(Key::address).collect(),
            governor_threshold: majority,
            refund_delay: self.refund_delay,
            defer_calls: self.defer_calls.then_some(true),
            deployer: key(side.deployer),
            governor_keys: self.governors.iter().take(majority).map(key).collect(),
            parts: side.parts,
        }
    }
}

fn key(key: &Key) -> KeyTable {
    KeyTable { keystore: key.keystore.clone(), passphrase_file: key.passphrase_file.clone() }
}

fn pair(tokens: &PairTokens) -> PairTable {
    let spec = tokens.pair;
    let token = |side: Option<Address>| side.filter(|token| !token.is_zero()).map(|token| token.to_string());
    PairTable {
        name: spec.name,
        kind: spec.kind,
        mints: spec.mints,
        main_token: token(tokens.main),
        service_token: token(tokens.service),
        deploy: (spec.mints != Minter::None).then(|| new_token(spec.kind, spec.name)),
        limits: spec.limits,
    }
}

fn new_token(kind: Kind, name: &str) -> TokenTable {
    match kind {
        Kind::Erc1155 => TokenTable::Uri { uri: format!("https://devnet.invalid/{name}/{{id}}.json") },
        _ => TokenTable::Named {
            name: format!("Bridged {name}"),
            symbol: name.to_uppercase(),
            decimals: (kind == Kind::Erc20).then_some(18),
        },
    }
}

/// Writes the spec, runs `polyspan deploy`, and returns the deployment file that it wrote.
///
/// Errors: the program fails; its words are in the text.
pub async fn deploy(binaries: &Binaries, directory: &Path, job: &DeployJob<'_>) -> Result<PathBuf> {
    let spec = directory.join(format!("{}.deploy.toml", job.name));
    let out = directory.join(format!("{}.deployment.toml", job.name));
    std::fs::write(&spec, job.to_toml()?).with_context(|| format!("cannot write {}", spec.display()))?;
    let mut command = Command::new(&binaries.polyspan);
    command.arg("deploy").arg("--spec").arg(&spec).arg("--out").arg(&out).kill_on_drop(true);
    let output = command.output().await.context("cannot start polyspan")?;
    if !output.status.success() {
        bail!(
            "polyspan deploy ends with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(out)
}
