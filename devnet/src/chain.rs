//! The chains of a network: real nodes, each with direct access past every proxy and relay.
//!
//! [`Chain`] is what the rest of the devnet knows. What a kind of node cannot do is an error that names the kind.

mod access;
pub mod anvil;
mod geth;
mod hardhat;
mod kaia;
mod kind;
mod site;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result, bail};
use reqwest::Url;

use crate::binaries;
use crate::eventually::eventually;
use crate::host::Host;
use crate::process::{ChildProcess, Warden};
use anvil::{Anvil, AnvilSpec};
use geth::{GcMode, Geth};
use hardhat::Hardhat;
use kaia::Kaia;
pub(crate) use kaia::{BridgePart, MainBridge};
use site::Site;

pub use access::ChainAccess;
pub use kind::NodeKind;

/// A port may be taken between the look and its use.
const ATTEMPTS: usize = 3;

/// Which of the two chains of a bridge it is. Source: `DESIGN.md`, section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The main chain, whose endpoint nodes are ENs.
    Main,
    /// The service chain, whose endpoint nodes are SENs.
    Service,
}

/// A chain of a network.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    /// Name in configs.
    pub name: String,
    /// Which of the two it is.
    pub layer: Layer,
    /// EIP-155 id.
    pub chain_id: u64,
    /// What its node is.
    pub kind: NodeKind,
    /// Transactions cost nothing, as on many private chains.
    pub free_gas: bool,
    /// Unit: gas.
    pub block_gas_limit: u64,
    /// Where it runs.
    pub host: Host,
    /// What it has outlives its process: it can be ended and started again.
    pub durable: bool,
    /// How far the block that the node calls final is behind its newest; never any block with `None`. Decided by the node itself but on geth.
    /// Unit: blocks.
    pub finality_distance: Option<u64>,
}

impl ChainSpec {
    /// A chain that belongs to no network, on this host's loopback.
    pub fn alone(name: &str, kind: NodeKind, finality_distance: Option<u64>) -> Self {
        Self {
            name: name.to_owned(),
            layer: Layer::Main,
            chain_id: 31_337,
            kind,
            free_gas: false,
            block_gas_limit: anvil::BLOCK_GAS_LIMIT,
            host: Host::loopback(),
            durable: false,
            finality_distance,
        }
    }
}

/// A running chain; it dereferences to the access that any chain gives.
#[derive(Debug)]
pub struct Chain {
    node: Node,
}

/// A node that has the state of every block.
#[derive(Debug)]
pub struct Archive {
    /// How to talk to it.
    pub access: ChainAccess,
    _process: Option<ChildProcess>,
}

#[derive(Debug)]
enum Node {
    Anvil(Anvil),
    Hardhat(Hardhat),
    Geth(Geth),
    Kaia(Kaia),
}

impl Chain {
    /// Starts a chain with 1 s blocks, and compares its chain id before anything else is asked of it. What it writes lies in `folder`.
    ///
    /// Errors: its programs are not installed, it ends at once, or somebody else's node answers on every port tried.
    pub async fn start(spec: &ChainSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        in_some_attempts(&spec.name, || Self::try_start(spec, warden, folder)).await
    }

    async fn try_start(spec: &ChainSpec, warden: &Warden, folder: &Path) -> Result<Self> {
        let site = || Site::new(&spec.name, spec.chain_id, &spec.host, warden, folder);
        let node = match spec.kind {
            NodeKind::Anvil => {
                Node::Anvil(Anvil::try_start(&binaries::anvil()?, &anvil_spec(spec), warden, folder).await?)
            }
            NodeKind::Hardhat => {
                Node::Hardhat(Hardhat::try_start(&binaries::hardhat()?, spec, site()?).await?)
            }
            NodeKind::Geth => {
                Node::Geth(Geth::try_start(&binaries::geth()?, GcMode::Full, spec, site()?).await?)
            }
            NodeKind::GethArchive => {
                Node::Geth(Geth::try_start(&binaries::geth()?, GcMode::Archive, spec, site()?).await?)
            }
            NodeKind::Kaia => Node::Kaia(Kaia::try_start(binaries::kaia(spec.layer)?, spec, site()?).await?),
        };
        Ok(Self { node })
    }

    /// Direct access, past every proxy.
    pub const fn access(&self) -> &ChainAccess {
        match &self.node {
            Node::Anvil(anvil) => &anvil.access,
            Node::Hardhat(hardhat) => &hardhat.access,
            Node::Geth(geth) => &geth.access,
            Node::Kaia(kaia) => &kaia.access,
        }
    }

    /// HTTP endpoint; WebSocket is on the same port.
    pub const fn url(&self) -> &Url {
        match &self.node {
            Node::Anvil(anvil) => &anvil.url,
            Node::Hardhat(hardhat) => &hardhat.url,
            Node::Geth(geth) => &geth.url,
            Node::Kaia(kaia) => &kaia.url,
        }
    }

    /// Where it runs.
    pub const fn host(&self) -> &Host {
        match &self.node {
            Node::Anvil(anvil) => &anvil.host,
            Node::Hardhat(hardhat) => &hardhat.host,
            Node::Geth(geth) => geth.host(),
            Node::Kaia(kaia) => &kaia.host,
        }
    }

    /// The processes of its nodes; those of before while the chain is down.
    pub fn processes(&self) -> Vec<&ChildProcess> {
        match &self.node {
            Node::Anvil(anvil) => vec![&anvil.process],
            Node::Hardhat(hardhat) => vec![&hardhat.process],
            Node::Geth(geth) => vec![&geth.process],
            Node::Kaia(kaia) => kaia.processes().collect(),
        }
    }

    /// Those that were not ended on purpose, to be acted upon.
    pub fn running_mut(&mut self) -> Vec<&mut ChildProcess> {
        if self.is_down() {
            return Vec::new();
        }
        match &mut self.node {
            Node::Anvil(anvil) => vec![&mut anvil.process],
            Node::Hardhat(hardhat) => vec![&mut hardhat.process],
            Node::Geth(geth) => vec![&mut geth.process],
            Node::Kaia(kaia) => kaia.running_mut().collect(),
        }
    }

    /// Stops every node in the middle of whatever it does.
    ///
    /// Errors: the host refuses.
    pub fn freeze(&mut self) -> Result<()> {
        self.running_mut().into_iter().try_for_each(ChildProcess::freeze)
    }

    /// Lets them go on.
    ///
    /// Errors: the host refuses.
    pub fn thaw(&mut self) -> Result<()> {
        self.running_mut().into_iter().try_for_each(ChildProcess::thaw)
    }

    /// An endpoint node for each of these relays, in their order: one of its own where the chain has such nodes, else the chain's node.
    ///
    /// Errors: one cannot be started.
    pub async fn endpoint_nodes(&mut self, relays: &[String]) -> Result<Vec<Url>> {
        match &mut self.node {
            Node::Kaia(kaia) => kaia.add_endpoint_nodes(relays).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => Ok(vec![self.url().clone(); relays.len()]),
        }
    }

    /// Ends the endpoint nodes of these relays in order, all at once, where relays have nodes of their own.
    ///
    /// Errors: a relay has none, or one cannot be ended.
    pub async fn stop_endpoint_nodes(&mut self, relays: &[String]) -> Result<()> {
        match &mut self.node {
            Node::Kaia(kaia) => kaia.stop_endpoint_nodes(relays).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => Ok(()),
        }
    }

    /// Starts them again.
    ///
    /// Errors: as [`Chain::stop_endpoint_nodes`].
    pub async fn start_endpoint_nodes(&mut self, relays: &[String]) -> Result<()> {
        match &mut self.node {
            Node::Kaia(kaia) => kaia.start_endpoint_nodes(relays).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => Ok(()),
        }
    }

    /// Waits until the endpoint nodes of these relays have the newest block of now.
    ///
    /// Errors: as [`Chain::stop_endpoint_nodes`], or one does not get it in time.
    pub async fn wait_endpoint_nodes(&self, relays: &[String]) -> Result<()> {
        match &self.node {
            Node::Kaia(kaia) => kaia.wait_endpoint_nodes(relays).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => Ok(()),
        }
    }

    /// Has the endpoint nodes of these relays start again without a peer: from then on they fall behind.
    ///
    /// Errors: as [`Chain::stop_endpoint_nodes`], or relays have no nodes of their own.
    pub async fn isolate_endpoint_nodes(&mut self, relays: &[String]) -> Result<()> {
        match &mut self.node {
            Node::Kaia(kaia) => kaia.isolate_endpoint_nodes(relays).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => {
                bail!("the relays of chain {} have no nodes of their own", self.name)
            }
        }
    }

    /// Has the endpoint nodes of relays start again with these parts in the bridge that is built into Kaia's nodes, all at once.
    ///
    /// Errors: no node of Kaia is called so, or one cannot be ended or started.
    pub(crate) async fn take_parts(&mut self, parts: BTreeMap<String, BridgePart>) -> Result<()> {
        match &mut self.node {
            Node::Kaia(kaia) => kaia.take_parts(parts).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => {
                bail!("only nodes of Kaia have a bridge of their own")
            }
        }
    }

    /// How to talk to the endpoint node of a relay.
    ///
    /// Errors: it has none of that name, or the node does not answer.
    pub(crate) async fn endpoint_access(&self, relay: &str) -> Result<ChainAccess> {
        match &self.node {
            Node::Kaia(kaia) => kaia.endpoint_access(relay).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Geth(_) => Ok(self.access().clone()),
        }
    }

    /// Whether it was ended on purpose and not started again.
    pub const fn is_down(&self) -> bool {
        match &self.node {
            Node::Anvil(anvil) => anvil.is_down(),
            Node::Hardhat(_) => false,
            Node::Geth(geth) => geth.down,
            Node::Kaia(kaia) => kaia.down,
        }
    }

    /// Ends the node in order: it keeps its blocks, and forgets the transactions that are in none.
    ///
    /// Errors: the chain is not durable, or its node cannot be ended or has written nothing.
    pub async fn stop(&mut self) -> Result<()> {
        match &mut self.node {
            Node::Anvil(anvil) => anvil.stop().await,
            Node::Hardhat(_) => bail!("a Hardhat node keeps nothing when it ends"),
            Node::Geth(geth) => geth.stop().await,
            Node::Kaia(kaia) => kaia.stop().await,
        }
    }

    /// Ends the node without a warning; an anvil has lost its newest `unwritten` blocks then, a geth or a Kaia node gets back what it has lost.
    ///
    /// anvil writes when it is asked to end, or all that it has at every interval, which costs more than the blocks themselves. So it loses
    /// the blocks in the moment before it is asked: those that look see the same.
    ///
    /// Errors: as [`Chain::stop`].
    pub async fn crash(&mut self, unwritten: u64) -> Result<()> {
        match &mut self.node {
            Node::Anvil(anvil) => {
                anvil.roll_back(unwritten).await?;
                anvil.stop().await
            }
            Node::Hardhat(_) => bail!("a Hardhat node keeps nothing when it ends"),
            Node::Geth(geth) => geth.kill().await,
            Node::Kaia(kaia) => kaia.kill().await,
        }
    }

    /// Starts it again at the same address, with the blocks that it kept.
    ///
    /// Errors: it runs, or cannot be started.
    pub async fn start_again(&mut self) -> Result<()> {
        match &mut self.node {
            Node::Anvil(anvil) => anvil.start_again().await,
            Node::Hardhat(_) => bail!("a Hardhat node keeps nothing when it ends"),
            Node::Geth(geth) => geth.start_again().await,
            Node::Kaia(kaia) => kaia.start_again().await,
        }
    }

    /// As [`Chain::mine`], for very many blocks: 100 000 take two seconds, and not minutes. A node that keeps no states makes them,
    /// so that the node is ended and started twice, and afterwards nothing can be read as of a block before these.
    ///
    /// Errors: the chain is not durable, is down, or its node cannot be ended or started, or is no anvil.
    pub async fn mine_without_states(&mut self, count: u64) -> Result<()> {
        match &mut self.node {
            Node::Anvil(anvil) => anvil.mine_without_states(count).await,
            Node::Hardhat(_) | Node::Geth(_) | Node::Kaia(_) => {
                bail!("only anvil makes blocks without states")
            }
        }
    }

    /// Gives accounts these balances. Unit: wei.
    ///
    /// Errors: the node does not answer, or is a geth or a Kaia node and shall take value away.
    pub async fn fund(&self, balances: &[(Address, U256)]) -> Result<()> {
        match &self.node {
            Node::Geth(geth) => return geth.fund(balances).await,
            Node::Kaia(kaia) => return kaia.fund(balances).await,
            Node::Anvil(anvil) => {
                for (account, wei) in balances {
                    anvil.set_balance(*account, *wei).await?;
                }
            }
            Node::Hardhat(hardhat) => {
                for (account, wei) in balances {
                    hardhat.set_balance(*account, *wei).await?;
                }
            }
        }
        Ok(())
    }

    /// Gives one account this balance. Unit: wei.
    ///
    /// Errors: as [`Chain::fund`].
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<()> {
        self.fund(&[(account, wei)]).await
    }

    /// A node of this chain that has the state of every block, to judge by: its own, or one that was started for that and has all
    /// blocks of now.
    ///
    /// Errors: it cannot be started.
    pub async fn archive(&self) -> Result<Archive> {
        Ok(match &self.node {
            Node::Geth(geth) if !geth.is_archive() => {
                let (process, access) = geth.archive().await?;
                Archive { access, _process: Some(process) }
            }
            Node::Kaia(kaia) => {
                let (process, access) = kaia.archive().await?;
                Archive { access, _process: Some(process) }
            }
            _ => Archive { access: self.access().clone(), _process: None },
        })
    }

    /// Height of the newest block.
    ///
    /// Errors: the node does not answer.
    pub async fn height(&self) -> Result<u64> {
        self.provider.get_block_number().await.context("cannot read the height")
    }

    /// Waits until `count` more blocks are there.
    ///
    /// Errors: the chain is stalled.
    pub async fn wait_blocks(&self, count: u64) -> Result<()> {
        let target = self.height().await? + count;
        let patience = Duration::from_secs(10 + 3 * count);
        let reached = || async { Ok((self.height().await? >= target).then_some(())) };
        eventually(&format!("block {target} of {}", self.name), patience, reached).await
    }

    /// Makes `count` blocks at once, without a transaction on geth; on Kaia, which makes one a second, it waits for them.
    ///
    /// Errors: the node refuses.
    pub async fn mine(&self, count: u64) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.mine(count).await,
            Node::Hardhat(hardhat) => hardhat.mine(count).await,
            Node::Geth(geth) => geth.mine(count).await,
            Node::Kaia(_) => self.wait_blocks(count).await,
        }
    }

    /// How far the block that the node calls final is behind its newest one from now on; with `None` no further block becomes final.
    ///
    /// Errors: the node is no geth.
    pub async fn finalise(&self, distance: Option<u64>) -> Result<()> {
        match &self.node {
            Node::Geth(geth) => geth.finalise(distance).await,
            Node::Anvil(_) | Node::Hardhat(_) | Node::Kaia(_) => {
                bail!("what is final is decided by the node itself")
            }
        }
    }

    /// Takes the newest `depth` blocks away, as if they had never been; new ones follow.
    ///
    /// Errors: the node refuses, or is one of Hardhat or Kaia.
    pub async fn roll_back(&self, depth: u64) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.roll_back(depth).await,
            Node::Hardhat(_) | Node::Kaia(_) => Err(no_reorganisations()),
            Node::Geth(geth) => geth.roll_back(depth).await,
        }
    }

    /// Replaces the newest `depth` blocks by others without the transactions that were in them.
    ///
    /// Errors: as [`Chain::roll_back`].
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.reorg(depth).await,
            Node::Hardhat(_) | Node::Kaia(_) => Err(no_reorganisations()),
            Node::Geth(geth) => geth.replace_blocks(depth, Vec::new()).await,
        }
    }

    /// Replaces the newest `depth` blocks by others, with these signed transactions, each in the so many-th of them. No block may be made
    /// meanwhile ([`Chain::make_no_blocks`]).
    ///
    /// Errors: as [`Chain::roll_back`].
    pub async fn replace_blocks(&self, depth: u64, transactions: Vec<(Bytes, u64)>) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.replace_blocks(depth, transactions).await,
            Node::Hardhat(_) | Node::Kaia(_) => Err(no_reorganisations()),
            Node::Geth(geth) => geth.replace_blocks(depth, transactions).await,
        }
    }

    /// No block is made from now on until [`Chain::make_blocks_again`], and none is being made.
    ///
    /// Errors: the node refuses.
    pub async fn make_no_blocks(&self) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.make_no_blocks().await,
            Node::Hardhat(hardhat) => hardhat.make_no_blocks().await,
            Node::Geth(geth) => geth.pace(false).await,
            Node::Kaia(kaia) => kaia.pace(false),
        }
    }

    /// A block every second, as from the start.
    ///
    /// Errors: the node refuses.
    pub async fn make_blocks_again(&self) -> Result<()> {
        match &self.node {
            Node::Anvil(anvil) => anvil.make_blocks_again().await,
            Node::Hardhat(hardhat) => hardhat.make_blocks_again().await,
            Node::Geth(geth) => geth.pace(true).await,
            Node::Kaia(kaia) => kaia.pace(true),
        }
    }
}

impl std::ops::Deref for Chain {
    type Target = ChainAccess;

    fn deref(&self) -> &ChainAccess {
        self.access()
    }
}

/// Starts a node on other ports when it could not get its own.
async fn in_some_attempts<T, F: Future<Output = Result<T>>>(name: &str, start: impl Fn() -> F) -> Result<T> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match start().await {
            Ok(node) => return Ok(node),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("at least one attempt")?.context(format!("cannot start the chain {name}")))
}

fn anvil_spec(spec: &ChainSpec) -> AnvilSpec {
    AnvilSpec {
        name: spec.name.clone(),
        chain_id: spec.chain_id,
        free_gas: spec.free_gas,
        accounts: 1,
        block_gas_limit: spec.block_gas_limit,
        host: spec.host.clone(),
        fork_of: None,
        durable: spec.durable,
    }
}

fn no_reorganisations() -> anyhow::Error {
    anyhow::anyhow!("nodes of Hardhat and Kaia take no blocks back")
}

/// The node of a chain of this kind forgets every transaction that is in no block.
///
/// Errors: it does not answer, or is a geth or a Kaia node: only its end makes that forget.
pub async fn lose_pool(kind: NodeKind, chain: &ChainAccess) -> Result<()> {
    match kind {
        NodeKind::Anvil => anvil::lose_pool(chain).await,
        NodeKind::Hardhat => Hardhat::lose_pool(chain).await,
        NodeKind::Geth | NodeKind::GethArchive | NodeKind::Kaia => {
            bail!("{kind} forgets its pool only when it ends")
        }
    }
}
