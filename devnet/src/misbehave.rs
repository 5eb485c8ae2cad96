//! An operator that lies: it signs and publishes checkpoints over requests that nobody made, and tries to be paid for
//! them with whatever signatures it finds.
//!
//! It takes the place of an honest relay: same config, same attester key, same name among the others.

mod lie;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::Bytes;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_coordination::{Coordinator, Member, Report};
use polyspan_node::config::{AttesterEntry, Config, LaneInfo, RelayEntry};
use polyspan_node::meeting;
use polyspan_types::{Attestation, Checkpoint, CheckpointDomain, Epoch, Leaf, Request, RequestNonce, Root};

use crate::account::{self, call_of};
use crate::bridge_view::{BridgeView, packed};
use crate::chain_access::ChainAccess;

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

/// Lies until it is stopped.
///
/// Errors: the config is no relay's, or nothing of it can be reached at the start.
pub async fn run(config: &Path, fault: Fault) -> Result<()> {
    let mut liar = Liar::build(config, fault).await?;
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
        let config = Config::load(file).with_context(|| format!("cannot use {}", file.display()))?;
        let (Some(relay), Some(place)) = (config.relay.clone(), config.coordination.clone()) else {
            bail!("{} has no [relay]: a lying operator needs the config of one", file.display());
        };
        let Some(AttesterEntry::Keystore(key)) = &relay.attester else {
            bail!("{} has no keystore of an attester: a lying operator signs by itself", file.display());
        };
        let signer = key.unlock()?;
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
        let coordinator = meeting::join(&place, &member(&relay, &signer)?, None).await?;
        Ok(Self { fault, relay, signer, coordinator, lanes, told: HashSet::new() })
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
            self.attack(lane, &requests[handled..=position], handled, &attestation).await?;
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
    ) -> Result<()> {
        let Some(submitter) = &lane.submitter else { return Ok(()) };
        let nonce = own.checkpoint.nonce;
        let others = self.coordinator.attestations(lane.info.bridge_id, nonce.minus(1)).await?;
        let others = others.iter().filter(|other| other.checkpoint.nonce == nonce);
        let signatures: Vec<Bytes> =
            [own; 3].into_iter().chain(others).map(|one| one.signature.as_bytes().to_vec().into()).collect();
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
    entry.map(|entry| entry.key.unlock().context("cannot open a submitter key")).transpose()
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
