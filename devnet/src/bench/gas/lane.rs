//! A lane operated by hand: signatures, votes and payouts, with the gas of each.

use alloy::network::TransactionBuilder;
use alloy::primitives::{B256, Bytes};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_node::config::LaneInfo;
use polyspan_types::{Checkpoint, CheckpointDomain, Direction, Epoch, Leaf, Request, RequestNonce, Root};

use crate::account::{self, call_of};
use crate::bridge_view::{packed, transfer_of};
use crate::chain::ChainAccess;
use crate::network::Network;

/// Unit: gas. Half of a block: the largest batch fits.
const HANDLE_GAS: u64 = 30_000_000;

/// One lane of the first bridge.
pub(super) struct HandLane<'a> {
    network: &'a Network,
    direction: Direction,
    info: LaneInfo,
    /// Everything requested so far.
    requests: Vec<Request>,
    /// How many of them are handled.
    handled: usize,
    last: Option<TransactionRequest>,
}

impl<'a> HandLane<'a> {
    pub(super) fn new(network: &'a Network, direction: Direction) -> Result<Self> {
        let info = network.bridge(0)?.deployment.lane(direction);
        Ok(Self { network, direction, info, requests: Vec::new(), handled: 0, last: None })
    }

    pub(super) fn source(&self) -> &'a ChainAccess {
        self.network.source_chain(self.direction)
    }

    pub(super) fn destination(&self) -> &'a ChainAccess {
        self.network.destination_chain(self.direction)
    }

    /// Who pays for what is sent to the destination.
    pub(super) const fn submitter(&self) -> &'a PrivateKeySigner {
        &self.network.deployer.signer
    }

    /// Waits for requests that were sent, and returns the gas of each.
    pub(super) async fn requested(&mut self, sent: &[B256]) -> Result<Vec<u64>> {
        let mut gas = Vec::new();
        for hash in sent {
            gas.push(account::succeeded(self.source(), *hash).await?.gas_used);
        }
        let before = self.requests.len();
        self.look().await?;
        if self.requests.len() != before + sent.len() {
            bail!("{} requests were made and {} are in the logs", sent.len(), self.requests.len() - before);
        }
        Ok(gas)
    }

    /// Reads which requests there are.
    pub(super) async fn look(&mut self) -> Result<()> {
        self.requests = self.network.source(0, self.direction)?.requests().await?;
        Ok(())
    }

    /// Handles everything requested with as many signatures as are needed; returns the gas.
    pub(super) async fn handle(&mut self) -> Result<u64> {
        self.handle_signed_by(0..usize::from(self.network.spec.threshold)).await
    }

    /// Handles everything requested with the signatures of these operators; returns the gas.
    pub(super) async fn handle_signed_by(&mut self, operators: std::ops::Range<usize>) -> Result<u64> {
        let checkpoint = self.checkpoint().await?;
        let signatures = operators.map(|operator| self.signature(operator, &checkpoint));
        let call = Bridge::handleCall {
            first: self.handled as u64,
            transfers: packed(&self.requests[self.handled..])?,
            tail: Vec::new(),
            signatures: signatures.collect::<Result<Vec<Bytes>>>()?,
        };
        let call = call_of(self.info.destination.bridge, &call).with_gas_limit(HANDLE_GAS);
        let receipt = account::execute(self.destination(), self.submitter(), call.clone()).await?;
        self.handled = self.requests.len();
        self.last = Some(call);
        Ok(receipt.gas_used)
    }

    /// Records one operator's vote for everything requested; returns the gas.
    pub(super) async fn vote(&self, operator: usize) -> Result<u64> {
        let checkpoint = self.checkpoint().await?;
        let signature = self.signature(operator, &checkpoint)?;
        let checkpoint = Bridge::Checkpoint {
            bridgeId: checkpoint.bridge_id.0,
            epoch: checkpoint.epoch.get(),
            nonce: checkpoint.nonce.get(),
            root: checkpoint.root.0,
        };
        let call = call_of(self.info.destination.bridge, &Bridge::voteCall { checkpoint, signature });
        Ok(account::execute(self.destination(), self.submitter(), call).await?.gas_used)
    }

    /// Gas of the last payment when it is sent a second time.
    pub(super) async fn duplicate(&self) -> Result<u64> {
        let call = self.last.clone().context("nothing was paid yet")?.with_gas_limit(1_000_000);
        let hash = account::send(self.destination(), self.submitter(), call).await?;
        let receipt = account::receipt(self.destination(), hash).await?;
        if receipt.status() {
            bail!("a request was paid twice");
        }
        Ok(receipt.gas_used)
    }

    /// Pays the request with this number, which is on hold; returns the gas.
    pub(super) async fn release(&self, nonce: u64) -> Result<u64> {
        let transfer = self.held(nonce)?;
        let call = Bridge::releaseCall { nonce, transfer, signatures: Vec::new() };
        self.end_hold(call_of(self.info.destination.bridge, &call)).await
    }

    /// Sends the request with this number, which is on hold, back; returns the gas.
    pub(super) async fn refund(&self, nonce: u64) -> Result<u64> {
        let transfer = self.held(nonce)?;
        let call = Bridge::refundCall { nonce, transfer, signatures: Vec::new() };
        self.end_hold(call_of(self.info.destination.bridge, &call)).await
    }

    /// Number of the newest request.
    pub(super) fn newest(&self) -> Result<u64> {
        Ok(self.requests.last().context("nothing was requested yet")?.nonce.get())
    }

    fn held(&self, nonce: u64) -> Result<Bridge::ValueTransfer> {
        let request = self.requests.iter().find(|request| request.nonce.get() == nonce);
        Ok(transfer_of(request.context("no such request")?))
    }

    async fn end_hold(&self, call: TransactionRequest) -> Result<u64> {
        Ok(account::execute(self.destination(), self.submitter(), call).await?.gas_used)
    }

    /// The checkpoint over everything requested.
    async fn checkpoint(&self) -> Result<Checkpoint> {
        let bridge_id = self.info.bridge_id;
        let state = self.network.destination(0, self.direction)?.state().await?;
        let zero = Root::zero(bridge_id);
        let root = self.requests.iter().fold(zero, |root, request| root.then(Leaf::of(request)));
        let nonce = RequestNonce::new(self.requests.len() as u64);
        Ok(Checkpoint { bridge_id, epoch: Epoch::new(state.operators.epoch), nonce, root })
    }

    /// In the compact form, as relays send it.
    fn signature(&self, operator: usize, checkpoint: &Checkpoint) -> Result<Bytes> {
        let mut operators =
            self.network.relays.iter().filter(|relay| relay.spec.directions.contains(&self.direction));
        let relay = operators.nth(operator).context("the lane has fewer operators")?;
        let destination = &self.info.destination;
        let digest = checkpoint.digest(&CheckpointDomain::new(destination.chain_id, destination.bridge));
        Ok(relay.attester.signer.sign_hash_sync(&digest)?.as_erc2098().to_vec().into())
    }
}
