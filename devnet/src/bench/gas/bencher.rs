//! A lane operated by hand: requests, signatures and payouts, with the gas of each.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use anyhow::{Context, Result, bail};
use polyspan_contracts::Bridge;
use polyspan_contracts::testing::TestToken;
use polyspan_types::{
    Checkpoint, CheckpointDomain, Direction, Epoch, Kind, Leaf, Request, RequestNonce, Root,
};

use crate::account::{self, call_of};
use crate::bridge_view::transfer_of;
use crate::network::Network;
use crate::traffic::request_call;

/// Unit: gas. Half of a block: the largest batch fits.
const HANDLE_GAS: u64 = 30_000_000;

/// Unit: smallest units of the token.
const AMOUNT: u64 = 1_000_000;

/// Unit: transfers.
const LARGEST: usize = 128;

const DIRECTION: Direction = Direction::MainToService;

/// Requests and pays on main-to-service of the first bridge.
pub(super) struct Bencher<'a> {
    network: &'a Network,
    /// Batches go to the first of these, so that all but the first batch of a token finds holders.
    recipients: Vec<Address>,
    /// Everything requested so far; all of it is handled.
    requests: Vec<Request>,
    last: Option<TransactionRequest>,
}

/// Gas of one batch.
pub(super) struct Batch {
    /// The last of its requests.
    pub(super) request_gas: u64,
    /// The transaction that paid all of them.
    pub(super) handle_gas: u64,
}

impl<'a> Bencher<'a> {
    pub(super) fn new(network: &'a Network) -> Result<Self> {
        network.bridge(0)?;
        let recipients = (0..LARGEST).map(|_| Address::from(rand::random::<[u8; 20]>())).collect();
        Ok(Self { network, recipients, requests: Vec::new(), last: None })
    }

    /// Requests `size` transfers of a pair to as many accounts, which hold the token unless only the bridge can make it, and
    /// pays them in one transaction.
    pub(super) async fn transfer(&mut self, pair: &str, kind: Kind, size: usize) -> Result<Batch> {
        let deployment = &self.network.bridge(0)?.deployment;
        let pair = deployment.pair(pair).context("the devnet's pairs are deployed")?.clone();
        let (token, paid_token) = pair.tokens(DIRECTION);
        let user = &self.network.users[0].signer;
        let source = self.network.source(0, DIRECTION)?;

        let recipients = self.recipients.get(..size).context("a batch larger than the largest")?.to_vec();
        let minted = pair.mints == polyspan_node::config::Minter::Service;
        if kind == Kind::Erc20 && !minted {
            self.give(paid_token, &recipients).await?;
        }
        let mut sent = Vec::new();
        for to in &recipients {
            let bridge = source.side.bridge;
            let call =
                request_call(bridge, kind, token, U256::from(AMOUNT), *to, user.address(), Bytes::new());
            sent.push(account::send(source.chain, user, call).await?);
        }
        let mut request_gas = 0;
        for hash in sent {
            request_gas = account::succeeded(source.chain, hash).await?.gas_used;
        }
        let before = self.requests.len();
        self.requests = source.requests().await?;
        if self.requests.len() != before + size {
            bail!("{} requests were made and {size} are in the logs", self.requests.len() - before);
        }
        let call = self.handle_call(before).await?;
        let destination = self.network.destination_chain(DIRECTION);
        let receipt = account::execute(destination, &self.network.deployer.signer, call.clone()).await?;
        self.last = Some(call);
        Ok(Batch { request_gas, handle_gas: receipt.gas_used })
    }

    /// Gas of the last payment when it is sent a second time.
    pub(super) async fn duplicate(&self) -> Result<u64> {
        let call = self.last.clone().context("nothing was paid yet")?.with_gas_limit(1_000_000);
        let destination = self.network.destination_chain(DIRECTION);
        let hash = account::send(destination, &self.network.deployer.signer, call).await?;
        let receipt = account::receipt(destination, hash).await?;
        if receipt.status() {
            bail!("a request was paid twice");
        }
        Ok(receipt.gas_used)
    }

    /// A token that anyone may mint: the recipients hold some before they are paid.
    async fn give(&self, token: Address, recipients: &[Address]) -> Result<()> {
        let destination = self.network.destination_chain(DIRECTION);
        let mut sent = Vec::new();
        for to in recipients {
            let mint = call_of(token, &TestToken::mintCall { to: *to, amount: U256::from(AMOUNT) });
            sent.push(account::send(destination, &self.network.deployer.signer, mint).await?);
        }
        for hash in sent {
            account::succeeded(destination, hash).await?;
        }
        Ok(())
    }

    /// The transaction that pays everything from the request with number `first` on.
    async fn handle_call(&self, first: usize) -> Result<TransactionRequest> {
        let lane = self.network.bridge(0)?.deployment.lane(DIRECTION);
        let destination = self.network.destination(0, DIRECTION)?;
        let epoch = Epoch::new(destination.state().await?.operators.epoch);
        let root = self
            .requests
            .iter()
            .fold(Root::zero(lane.bridge_id), |root, request| root.then(Leaf::of(request)));
        let nonce = RequestNonce::new(self.requests.len() as u64);
        let checkpoint = Checkpoint { bridge_id: lane.bridge_id, epoch, nonce, root };
        let domain = CheckpointDomain::new(lane.destination.chain_id, lane.destination.bridge);
        let digest = checkpoint.digest(&domain);
        let operators = self.network.relays.iter().filter(|relay| relay.spec.directions.contains(&DIRECTION));
        // The compact form, as relays send it.
        let signatures = operators
            .take(usize::from(self.network.spec.threshold))
            .map(|relay| Ok(relay.attester.signer.sign_hash_sync(&digest)?.as_erc2098().to_vec().into()))
            .collect::<Result<Vec<Bytes>>>()?;
        let call = Bridge::handleCall {
            first: first as u64,
            transfers: self.requests[first..].iter().map(transfer_of).collect(),
            tail: Vec::new(),
            signatures,
        };
        Ok(call_of(lane.destination.bridge, &call).with_gas_limit(HANDLE_GAS))
    }
}
