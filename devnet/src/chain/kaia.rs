//! A chain of Kaia nodes as operators of the ancestor run it: four nodes make the blocks by Istanbul BFT, and everybody else talks to endpoint
//! nodes, an EN of the main chain or an SEN of the service chain. Each relay has one of its own. Every block is final.

mod bridge_part;
mod genesis;
mod node;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use nix::sys::signal::Signal;
use reqwest::Url;

use super::site::Site;
use super::{ChainAccess, ChainSpec};
use crate::account;
use crate::binaries::KaiaPrograms;
use crate::eventually::eventually;
use crate::host::Host;
use crate::process::ChildProcess;
pub(crate) use bridge_part::{BridgePart, MainBridge};
use genesis::{MakerKey, genesis_of};
use node::{Launch, Node, Role};

/// Nodes that make blocks. Source: the fewest of which one may fail.
const MAKERS: usize = 4;

/// Patience for the first blocks. A proposer that its peers do not hear yet is passed over after ten seconds, and each has its turn.
const FIRST_BLOCKS: Duration = Duration::from_secs(120);

/// Patience for a node that must get all blocks.
const SYNC: Duration = Duration::from_secs(120);

/// Transactions of one account that a node keeps in its pool. Source: Kaia's default for those that can be executed at once is 16, and
/// for all of them 64; blocks come once a second.
const POOL_OF_AN_ACCOUNT: usize = 16;

/// Unit: wei per gas. Far above the least base fee of 25 gwei, at the greatest one of 750.
const MAX_FEE: u128 = 750_000_000_000;

/// Unit: gas. Source: a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

/// The name of the endpoint node through which the devnet itself reads and writes.
const OWN: &str = "devnet";

/// Running nodes of a Kaia chain.
#[derive(Debug)]
pub struct Kaia {
    pub(super) access: ChainAccess,
    pub(super) url: Url,
    pub(super) host: Host,
    pub(super) down: bool,
    /// The newest block when it was ended.
    had: u64,
    makers: Vec<Node>,
    /// By name: that of the devnet, and one for each relay.
    endpoints: BTreeMap<String, Node>,
    /// Has value from the first block on, and gives it to others.
    faucet: PrivateKeySigner,
    programs: KaiaPrograms,
    genesis: PathBuf,
    site: Site,
}

impl Kaia {
    pub(super) async fn try_start(programs: KaiaPrograms, spec: &ChainSpec, site: Site) -> Result<Self> {
        if spec.free_gas {
            bail!("this chain of Kaia has a base fee: a network without gas prices runs on anvil");
        }
        let faucet = PrivateKeySigner::random();
        let keys: Vec<MakerKey> = (0..MAKERS).map(|_| MakerKey::random()).collect();
        let genesis = site.folder.join(format!("{}.genesis.json", site.part));
        std::fs::write(&genesis, genesis_of(spec.chain_id, &keys, faucet.address()).to_string())
            .with_context(|| format!("cannot write {}", genesis.display()))?;
        let mut makers: Vec<Node> = Vec::new();
        for (number, key) in (1..).zip(keys) {
            let name = format!("cn-{number}");
            let launch = Launch::new(&programs.maker, &site, &genesis, (&name, number), Role::Maker(key))?;
            makers.push(Node::begin(launch, &uris(&makers)).await?);
        }
        let launch = Launch::new(&programs.endpoint, &site, &genesis, (OWN, MAKERS + 1), Role::Endpoint)?;
        let own = Node::begin(launch, &uris(&makers)).await?;
        let (access, url) = (own.access().await?, own.url()?);
        let chain = Self {
            access,
            url,
            host: site.host.clone(),
            down: false,
            had: 0,
            makers,
            endpoints: BTreeMap::from([(OWN.to_owned(), own)]),
            faucet,
            programs,
            genesis,
            site,
        };
        // Each node has made one, so that each reaches enough of the others.
        let height = u64::try_from(MAKERS).context("few nodes")? + 1;
        chain.wait_for_height(&chain.access, height, FIRST_BLOCKS).await?;
        Ok(chain)
    }

    /// Starts an endpoint node for each of these names, with all blocks of now.
    pub(super) async fn add_endpoint_nodes(&mut self, names: &[String]) -> Result<Vec<Url>> {
        let makers = uris(&self.makers);
        // Beside those that make blocks there are that of the devnet and the archive.
        let numbered = names.iter().zip(MAKERS + 3..);
        let added = try_join_all(numbered.map(async |(name, number)| -> Result<(String, Node)> {
            let launch = self.launch(name, number, Role::Endpoint)?;
            Ok((name.clone(), Node::begin(launch, &makers).await?))
        }))
        .await?;
        let urls = added.iter().map(|(_, node)| node.url()).collect::<Result<_>>()?;
        self.endpoints.extend(added);
        self.wait_endpoint_nodes(names).await?;
        Ok(urls)
    }

    fn launch(&self, name: &str, number: usize, role: Role) -> Result<Launch> {
        Launch::new(&self.programs.endpoint, &self.site, &self.genesis, (name, number), role)
    }

    /// Ends endpoint nodes in order, all at once.
    pub(super) async fn stop_endpoint_nodes(&mut self, names: &[String]) -> Result<()> {
        try_join_all(self.named(names)?.into_iter().map(Node::stop)).await?;
        Ok(())
    }

    /// Starts them again at their addresses, with the blocks that they have.
    pub(super) async fn start_endpoint_nodes(&mut self, names: &[String]) -> Result<()> {
        let makers = uris(&self.makers);
        try_join_all(self.named(names)?.into_iter().map(|node| node.start(&makers))).await?;
        Ok(())
    }

    /// Waits until endpoint nodes have the newest block of now.
    pub(super) async fn wait_endpoint_nodes(&self, names: &[String]) -> Result<()> {
        let height = self.access.provider.get_block_number().await.context("cannot read the height")?;
        for name in names {
            self.wait_for_height(&self.endpoint_access(name).await?, height, SYNC).await?;
        }
        Ok(())
    }

    /// Has endpoint nodes start again without a peer: they answer as of the blocks that they have, and what is sent to them reaches nobody.
    pub(super) async fn isolate_endpoint_nodes(&mut self, names: &[String]) -> Result<()> {
        self.stop_endpoint_nodes(names).await?;
        try_join_all(self.named(names)?.into_iter().map(|node| node.start(&[]))).await?;
        Ok(())
    }

    /// Has endpoint nodes start again with these parts in the bridge of the nodes, all at once.
    pub(super) async fn take_parts(&mut self, mut parts: BTreeMap<String, BridgePart>) -> Result<()> {
        let makers = uris(&self.makers);
        let taking = self
            .endpoints
            .iter_mut()
            .filter_map(|(name, node)| parts.remove(name).map(|part| node.take_part(part, &makers)));
        try_join_all(taking.collect::<Vec<_>>()).await?;
        match parts.first_key_value() {
            Some((name, _)) => bail!("no endpoint node is called {name}"),
            None => Ok(()),
        }
    }

    /// How to talk to the endpoint node of this name.
    pub(super) async fn endpoint_access(&self, name: &str) -> Result<ChainAccess> {
        self.endpoints.get(name).with_context(|| format!("no endpoint node is called {name}"))?.access().await
    }

    /// The endpoint nodes of these names.
    fn named(&mut self, names: &[String]) -> Result<Vec<&mut Node>> {
        if let Some(name) = names.iter().find(|name| !self.endpoints.contains_key(*name)) {
            bail!("no endpoint node is called {name}");
        }
        let named = self.endpoints.iter_mut().filter(|(name, _)| names.contains(name));
        Ok(named.map(|(_, node)| node).collect())
    }

    /// Every process, running or not.
    pub(super) fn processes(&self) -> impl Iterator<Item = &ChildProcess> {
        self.makers.iter().chain(self.endpoints.values()).map(|node| &node.process)
    }

    /// As [`Kaia::processes`], those that were not ended on purpose.
    pub(super) fn running_mut(&mut self) -> impl Iterator<Item = &mut ChildProcess> {
        let nodes = self.makers.iter_mut().chain(self.endpoints.values_mut());
        nodes.filter(|node| !node.down).map(|node| &mut node.process)
    }

    /// Ends every node in order.
    pub(super) async fn stop(&mut self) -> Result<()> {
        try_join_all(self.endpoints.values_mut().chain(&mut self.makers).map(Node::stop)).await?;
        self.down = true;
        Ok(())
    }

    /// Ends all endpoint nodes and one of those that make blocks without a warning. The others have all blocks, and make more. Were every node
    /// killed, blocks that were final would be gone ([`Node::kill`]).
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.had = self.access.provider.get_block_number().await.context("cannot read the height")?;
        try_join_all(self.endpoints.values_mut().chain(self.makers.last_mut()).map(Node::kill)).await?;
        self.down = true;
        Ok(())
    }

    /// Starts what was ended, and waits until the devnet's own endpoint node has the blocks of before. Those of relays may still get theirs.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        for index in 0..self.makers.len() {
            if self.makers[index].down {
                let peers: Vec<_> = self.makers.iter().filter(|node| !node.down).map(Node::uri).collect();
                self.makers[index].start(&peers).await?;
            }
        }
        let makers = uris(&self.makers);
        let ended = self.endpoints.values_mut().filter(|node| node.down);
        try_join_all(ended.map(|node| node.start(&makers))).await?;
        self.access = self.endpoint_access(OWN).await?;
        self.wait_for_height(&self.access, self.had, SYNC).await?;
        self.down = false;
        Ok(())
    }

    /// Tops accounts up to these balances.
    pub(super) async fn fund(&self, balances: &[(Address, U256)]) -> Result<()> {
        for some in balances.chunks(POOL_OF_AN_ACCOUNT) {
            self.fund_some(some).await?;
        }
        Ok(())
    }

    async fn fund_some(&self, balances: &[(Address, U256)]) -> Result<()> {
        let provider = &self.access.provider;
        let faucet = self.faucet.address();
        let first = provider.get_transaction_count(faucet).await.context("cannot read an account's nonce")?;
        let mut sent = Vec::new();
        for ((account, wanted), nonce) in balances.iter().zip(first..) {
            let has = provider.get_balance(*account).await.context("cannot read a balance")?;
            let missing = wanted
                .checked_sub(has)
                .context("Kaia gives accounts value, and takes none: nobody has their keys")?;
            let transfer = TransactionRequest::default()
                .with_to(*account)
                .with_value(missing)
                .with_chain_id(self.access.chain_id)
                .with_nonce(nonce)
                .with_gas_limit(TRANSFER_GAS)
                .with_max_fee_per_gas(MAX_FEE)
                .with_max_priority_fee_per_gas(0);
            let raw = account::sign_complete(&self.faucet, transfer).await?;
            sent.push(account::send_raw(&self.access, &raw).await?);
        }
        for hash in sent {
            account::succeeded(&self.access, hash).await?;
        }
        Ok(())
    }

    /// Freezes those that make blocks, or lets them go on; endpoint nodes answer meanwhile, and take transactions.
    pub(super) fn pace(&self, running: bool) -> Result<()> {
        let signal = if running { Signal::SIGCONT } else { Signal::SIGSTOP };
        self.makers.iter().try_for_each(|node| node.process.signal_unless_ended(signal))
    }

    /// A node that keeps all states, with all blocks of now; it ends when it is dropped.
    pub(super) async fn archive(&self) -> Result<(ChildProcess, ChainAccess)> {
        let launch = self.launch("archive", MAKERS + 2, Role::Archive)?;
        let node = Node::begin(launch, &uris(&self.makers)).await?;
        let height = self.access.provider.get_block_number().await.context("cannot read the height")?;
        let access = node.access().await?;
        self.wait_for_height(&access, height, SYNC).await?;
        Ok((node.process, access))
    }

    async fn wait_for_height(&self, access: &ChainAccess, height: u64, patience: Duration) -> Result<()> {
        let reached = || async {
            let now = access.provider.get_block_number().await.context("cannot read the height")?;
            Ok((now >= height).then_some(()))
        };
        eventually(&format!("block {height} of {}", self.site.name), patience, reached).await
    }
}

fn uris(makers: &[Node]) -> Vec<String> {
    makers.iter().map(Node::uri).collect()
}
