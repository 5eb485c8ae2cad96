//! Where the two contracts of a bridge are: from the config, or from arguments.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::Address;
use anyhow::Result;
use polyspan_chain::{At, BridgeState, Chain, ChainError, ChainSettings, Quorum};
use polyspan_node::config::{Config, Deployment};
use polyspan_types::{BlockHeight, BridgeName, ChainId, FinalTag, Finality};
use url::Url;

use crate::deploy::run::{direction, side};
use crate::deploy::spec::End;
use crate::failure::BadInput;
use crate::governance::proposal::Proposal;
use crate::governance::words::Knowledge;
use crate::network::Network;

/// Which bridge, and where its chains are reached.
#[derive(Debug, Clone, clap::Args)]
pub struct ReachArguments {
    /// Configuration with the chains and bridges.
    #[arg(long, value_name = "FILE", default_value = "polyspan.toml", global = true)]
    config: PathBuf,
    /// The bridge of the config. Not needed if it has one only.
    #[arg(long, value_name = "NAME", global = true)]
    bridge: Option<BridgeName>,
    /// RPC endpoint of the main chain. With it, or one of the next three, no config is read.
    #[arg(long, value_name = "URL", global = true)]
    main_rpc: Option<String>,
    /// RPC endpoint of the service chain.
    #[arg(long, value_name = "URL", global = true)]
    service_rpc: Option<String>,
    /// Contract on the main chain. Not needed beside a proposal file.
    #[arg(long, value_name = "CHAIN_ID:ADDR", value_parser = spot, global = true)]
    main_bridge: Option<Spot>,
    /// Contract on the service chain.
    #[arg(long, value_name = "CHAIN_ID:ADDR", value_parser = spot, global = true)]
    service_bridge: Option<Spot>,
}

/// A contract on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    chain_id: ChainId,
    bridge: Address,
}

fn spot(text: &str) -> Result<Spot, String> {
    let (chain_id, bridge) = text.split_once(':').ok_or("write it as 31001:0x…")?;
    let chain_id =
        chain_id.parse().map_err(|_| "the chain id is no number; write it as 31001:0x…".to_owned())?;
    Ok(Spot { chain_id: ChainId::new(chain_id), bridge: crate::args::address(bridge)? })
}

/// One contract, and how it is reached.
#[derive(Debug)]
pub struct Site {
    /// Which end of the bridge.
    pub end: End,
    /// The chain.
    pub chain: Chain,
    /// The contract.
    pub bridge: Address,
    /// Names of this chain's tokens.
    pub names: Vec<(Address, String)>,
}

/// A contract at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Everything about it.
    pub state: BridgeState,
    /// Time that the next block can have. Unit: seconds since 1970.
    pub now: u64,
    /// Time of the newest block. Unit: seconds since 1970.
    pub chain_time: u64,
    /// Newest block.
    pub height: BlockHeight,
}

impl Site {
    /// Reads the contract.
    ///
    /// Errors: the endpoint, or no bridge there.
    pub async fn look(&self) -> Result<Snapshot, ChainError> {
        let head = self.chain.head().await?;
        let state = self.chain.bridge_state(self.bridge, At::Latest).await?;
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The next block is what decides. A chain at rest has an old newest block.
        let now = head.timestamp.max(clock);
        Ok(Snapshot { state, now, chain_time: head.timestamp, height: head.latest.height })
    }

    /// What words need.
    pub fn knowledge<'a>(&'a self, state: Option<&'a BridgeState>) -> Knowledge<'a> {
        Knowledge { names: &self.names, state, past: false }
    }
}

/// The contracts of a bridge that are known.
#[derive(Debug)]
pub struct Sites {
    /// Name of the bridge; absent without a config.
    pub bridge: Option<BridgeName>,
    sites: [Option<Site>; 2],
}

impl Sites {
    /// One end.
    ///
    /// Errors: nothing was said about it.
    pub fn get(&self, end: End) -> Result<&Site, BadInput> {
        self.known(end).ok_or_else(|| {
            let word = end.as_str();
            BadInput::new(format!(
                "nothing is known of the {word} chain; give --{word}-rpc URL, or --config FILE"
            ))
        })
    }

    /// One end, if anything was said about it.
    pub const fn known(&self, end: End) -> Option<&Site> {
        self.sites[end as usize].as_ref()
    }
}

impl ReachArguments {
    /// Whether no config is to be read.
    const fn is_explicit(&self) -> bool {
        self.main_rpc.is_some()
            || self.service_rpc.is_some()
            || self.main_bridge.is_some()
            || self.service_bridge.is_some()
    }

    /// Whether there is anything to go by. The default config need not exist.
    pub fn is_given(&self) -> bool {
        self.is_explicit() || self.config.exists()
    }

    /// Finds both ends, and proves that `proposal` is about them. Contacts nobody.
    ///
    /// Errors: the config, the arguments, or a proposal for other contracts.
    pub fn open(&self, proposal: Option<&Proposal>) -> Result<Sites> {
        let sites = if self.is_explicit() { self.explicit(proposal)? } else { self.configured(proposal)? };
        for (end, section) in proposal.into_iter().flat_map(Proposal::sections) {
            let Some(site) = sites.known(end) else { continue };
            if (site.chain.id(), site.bridge) != (section.chain_id, section.bridge) {
                return Err(BadInput::new(format!(
                    "[{}] of the proposal is for {} on chain {}, and the bridge is {} on chain {}; do not sign it, and ask \
                     who wrote it",
                    end.as_str(),
                    section.bridge,
                    section.chain_id,
                    site.bridge,
                    site.chain.id()
                ))
                .into());
            }
        }
        Ok(sites)
    }

    fn explicit(&self, proposal: Option<&Proposal>) -> Result<Sites> {
        let given = [(&self.main_rpc, self.main_bridge), (&self.service_rpc, self.service_bridge)];
        let mut sites = [None, None];
        for (end, (rpc, spot)) in End::ALL.into_iter().zip(given) {
            let word = end.as_str();
            let section = proposal.and_then(|proposal| proposal.section(end));
            let named =
                spot.or(section.map(|section| Spot { chain_id: section.chain_id, bridge: section.bridge }));
            sites[end as usize] = match (rpc, named) {
                (Some(rpc), Some(spot)) => {
                    let chain = connect(word, spot.chain_id, rpc)?;
                    Some(Site { end, chain, bridge: spot.bridge, names: Vec::new() })
                }
                (None, None) => None,
                (Some(_), None) => {
                    return Err(BadInput::new(format!(
                        "--{word}-rpc: give the contract too: --{word}-bridge CHAIN_ID:ADDR"
                    ))
                    .into());
                }
                (None, Some(_)) if spot.is_none() => None,
                (None, Some(_)) => {
                    return Err(BadInput::new(format!(
                        "--{word}-bridge: give the endpoint too: --{word}-rpc URL"
                    ))
                    .into());
                }
            };
        }
        Ok(Sites { bridge: self.bridge.clone(), sites })
    }

    fn configured(&self, proposal: Option<&Proposal>) -> Result<Sites> {
        let network = Network::of_chains(Config::load(&self.config)?)?;
        let name = self.bridge.as_ref().or(proposal.and_then(|proposal| proposal.bridge.as_ref()));
        let deployment = self.deployment(&network.config, name)?;
        let sites = End::ALL.map(|end| {
            let side = side(deployment, end);
            let names =
                deployment.pairs.iter().map(|pair| (pair.tokens(direction(end)).0, pair.name.clone()));
            let chain = network.chain(side).clone();
            Some(Site { end, chain, bridge: side.bridge, names: names.collect() })
        });
        Ok(Sites { bridge: Some(deployment.name.clone()), sites })
    }

    fn deployment<'a>(
        &self,
        config: &'a Config,
        name: Option<&BridgeName>,
    ) -> Result<&'a Deployment, BadInput> {
        let known: Vec<_> = config.bridges.iter().map(|bridge| bridge.deployment.name.as_str()).collect();
        let known = known.join(", ");
        let file = self.config.display();
        match (name, config.bridges.as_slice()) {
            (Some(name), _) => config
                .bridge(name)
                .ok_or_else(|| BadInput::new(format!("{file} has no bridge {name}; it has {known}"))),
            (None, [only]) => Ok(&only.deployment),
            (None, []) => Err(BadInput::new(format!("{file} has no bridge; add a [[bridge]] section"))),
            (None, _) => {
                Err(BadInput::new(format!("{file} has several bridges ({known}); say which: --bridge NAME")))
            }
        }
    }
}

/// An endpoint given as an argument. It is not repeated in errors: it may carry a secret.
fn connect(word: &str, chain_id: ChainId, rpc: &str) -> Result<Chain> {
    let url = Url::parse(rpc)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host())
        .ok_or_else(|| {
            BadInput::new(format!(
                "--{word}-rpc: not the URL of an RPC endpoint; write it as https:// and a host"
            ))
        })?;
    Ok(Chain::new(ChainSettings {
        name: word.to_owned(),
        chain_id,
        endpoints: vec![url],
        quorum: Quorum::majority(1),
        finality: Finality::Tag(FinalTag::Finalized),
        poll_interval: Duration::from_millis(500),
        request_timeout: Duration::from_secs(30),
        max_log_range: 5_000,
    })?)
}

/// The chains that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ends {
    /// The main chain.
    Main,
    /// The service chain.
    Service,
    /// Both of them.
    Both,
}

impl Ends {
    /// Whether an end is meant.
    pub const fn has(self, end: End) -> bool {
        matches!((self, end), (Self::Both, _) | (Self::Main, End::Main) | (Self::Service, End::Service))
    }

    /// The ends that are meant.
    pub fn iter(self) -> impl Iterator<Item = End> {
        End::ALL.into_iter().filter(move |end| self.has(*end))
    }
}
