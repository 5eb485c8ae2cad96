//! An operator that lies: it signs and publishes checkpoints over requests that nobody made, and tries to be paid for
//! them with whatever signatures it finds.
//!
//! It takes the place of an honest relay: same config, same attester key, same name among the others.

mod lie;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Bytes, Signature};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_coordination::{Coordinator, Member, Report};
use polyspan_node::config::{Config, KeyEntry, LaneInfo, RelayEntry};
use polyspan_node::keys::AttesterKey;
use polyspan_node::meeting;
use polyspan_types::{Attestation, Checkpoint, CheckpointDomain, Epoch, Leaf, Request, RequestNonce, Root};

use crate::account::{self, call_of};
use crate::bridge_view::{BridgeView, packed};
use crate::chain::ChainAccess;

pub use lie::Fault;

/// Time between two lies.
const TICK: Duration = Duration::from_millis(250);

/// Unit: gas.
const ATTACK_GAS: u64 = 3_000_000;

/// The lying operator.
struct Liar {
    fault: Fault,
    relay: RelayEntry,
    signer: PrivateKeySigner,
    /// Attester keys of others, which sign the lie as well.
    stolen: Vec<PrivateKeySigner>,
    coordinator: Arc<dyn Coordinator>,
    lanes: Vec<LiedLane>,
    /// Lane and nonce of what was published.
    told: HashSet<(polyspan_types::BridgeId, RequestNonce, Root)>,
}

/// A lane with direct access to both of its ends.
struct LiedLane {
    info: LaneInfo,
    source: ChainAccess,
    destination: ChainAccess,
    /// Pays for attacks on the destination.
    submitter: Option<PrivateKeySigner>,
}

/// Lies until it is stopped, with the attester keys of the relays of these configs beside its own.
///
/// Errors: a config is no relay's, or nothing of the first can be reached at the start.
pub async fn run(config: &Path, fault: Fault, stolen: &[PathBuf]) -> Result<()> {
    let mut liar = Liar::build(config, fault).await?;
    for config in stolen {
        liar.stolen.push(attester(&load(config)?.0, config)?);
    }
    loop {
        if let Err(error) = liar.coordinator.report(&Report::default()).await {
            tracing::warn!(%error, "the others do not hear of this liar now");
        }
        for index in 0..liar.lanes.len() {
            // A liar that stumbles over a chain that is down goes on lying later.
            if let Err(error) = liar.lie(index).await {
                tracing::warn!(error = format!("{error:#}"), "could not lie");
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

impl Liar {
    async fn build(file: &Path, fault: Fault) -> Result<Self> {
        let (relay, config) = load(file)?;
        let place =
            config.coordination.clone().context("no [coordination]: a lying operator meets others")?;
        let signer = attester(&relay, file)?;
        let mut lanes = Vec::new();
        for info in config.lanes() {
            if relay.roles.attests(info.id.direction) {
                lanes.push(LiedLane {
                    source: access(&config, &info.source.chain).await?,
                    destination: access(&config, &info.destination.chain).await?,
                    submitter: submitter(&relay, &info.destination.chain)?,
                    info,
                });
            }
        }
        let key = AttesterKey::Local(signer.clone());
        let coordinator = meeting::join(&place, &member(&relay, &signer)?, Some(&key), None).await?;
        Ok(Self { fault, relay, signer, stolen: Vec::new(), coordinator, lanes, told: HashSet::new() })
    }

    /// Publishes a wrong root for every nonce that is not handled, and tries to be paid for it.
    async fn lie(&mut self, index: usize) -> Result<()> {
        let lane = &self.lanes[index];
        let source = BridgeView::new(&lane.source, &lane.info.source);
        let destination = BridgeView::new(&lane.destination, &lane.info.destination);
        let state = destination.state().await?;
        let handled = usize::try_from(state.handleNonce).context("a nonce beyond memory")?;
        let true_requests = source.requests().await?;
        let requests = lie::falsify(self.fault, true_requests.clone(), handled, self.signer.address());
        let domain = CheckpointDomain::new(lane.info.destination.chain_id, lane.info.destination.bridge);
        let mut root = Root::zero(lane.info.bridge_id);
        for (position, request) in requests.iter().enumerate() {
            root = root.then(Leaf::of(request));
            let nonce = RequestNonce::new(position as u64 + 1);
            // To sign what is true would be a vote for it.
            let is_lie = requests[..=position] != true_requests[..(position + 1).min(true_requests.len())];
            if !is_lie || !self.told.insert((lane.info.bridge_id, nonce, root)) {
                continue;
            }
            let epoch = Epoch::new(state.operators.epoch);
            let checkpoint = Checkpoint { bridge_id: lane.info.bridge_id, epoch, nonce, root };
            let signature = self.signer.sign_hash_sync(&checkpoint.digest(&domain))?;
            let attestation = Attestation { checkpoint, operator: self.signer.address(), signature };
            self.coordinator.publish(&attestation).await?;
            tracing::info!(lane = %lane.info.id, %nonce, relay = self.relay.name, "lied");
            self.attack(lane, &requests[handled..=position], handled, &attestation, &domain).await?;
        }
        Ok(())
    }

    /// Sends the lie to the contract with every signature at hand, the own one three times over.
    async fn attack(
        &self,
        lane: &LiedLane,
        requests: &[Request],
        first: usize,
        own: &Attestation,
        domain: &CheckpointDomain,
    ) -> Result<()> {
        let Some(submitter) = &lane.submitter else { return Ok(()) };
        let nonce = own.checkpoint.nonce;
        let others = self.coordinator.attestations(lane.info.bridge_id, nonce.minus(1)).await?;
        let others = others.iter().filter(|other| other.checkpoint.nonce == nonce);
        let digest = own.checkpoint.digest(domain);
        let mut signatures: Vec<Bytes> = self
            .stolen
            .iter()
            .map(|key| Ok(bytes_of(&key.sign_hash_sync(&digest)?)))
            .collect::<Result<_>>()?;
        signatures.extend([own; 3].into_iter().chain(others).map(|one| bytes_of(&one.signature)));
        let call = Bridge::handleCall {
            first: first as u64,
            transfers: packed(requests)?,
            tail: Vec::new(),
            signatures,
        };
        let transaction = call_of(lane.info.destination.bridge, &call).with_gas_limit(ATTACK_GAS);
        account::send(&lane.destination, submitter, transaction).await?;
        Ok(())
    }
}

fn bytes_of(signature: &Signature) -> Bytes {
    signature.as_bytes().to_vec().into()
}

/// The relay of a config, with all of it.
fn load(file: &Path) -> Result<(RelayEntry, Config)> {
    let config = Config::load(file).with_context(|| format!("cannot use {}", file.display()))?;
    let relay = config.relay.clone();
    let relay =
        relay.with_context(|| format!("{} has no [relay]: a lying operator needs one", file.display()))?;
    Ok((relay, config))
}

/// Its attester key, from the keystore.
fn attester(relay: &RelayEntry, file: &Path) -> Result<PrivateKeySigner> {
    let Some(KeyEntry::Keystore(key)) = &relay.attester else {
        bail!("{} has no keystore of an attester: a lying operator signs by itself", file.display());
    };
    Ok(key.unlock()?)
}

fn member(relay: &RelayEntry, signer: &PrivateKeySigner) -> Result<Member> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(Member {
        id: relay.name.parse()?,
        operator: Some(signer.address()),
        roles: relay.roles.names(),
        api: relay.listen.to_string(),
        started_at_ms: u64::try_from(now.as_millis()).context("the clock is far beyond its range")?,
    })
}

fn submitter(relay: &RelayEntry, chain: &str) -> Result<Option<PrivateKeySigner>> {
    let entry = relay.submitters.iter().find(|entry| entry.chain == chain);
    let opened = entry.map(|entry| match &entry.key {
        KeyEntry::Keystore(key) => key.unlock().context("cannot open a submitter key"),
        _ => bail!("the submitter key on {chain} is not in a keystore: a lying operator signs by itself"),
    });
    opened.transpose()
}

async fn access(config: &Config, name: &str) -> Result<ChainAccess> {
    let chain = config.chain(name).with_context(|| format!("no chain is called {name}"))?;
    let endpoint = chain.endpoints.first().with_context(|| format!("chain {name} has no endpoint"))?;
    let access = ChainAccess::connect(name, endpoint.clone()).await?;
    if access.chain_id != chain.chain_id.get() {
        bail!("{endpoint} answers as chain {} and not as {}", access.chain_id, chain.chain_id);
    }
    Ok(access)
}
