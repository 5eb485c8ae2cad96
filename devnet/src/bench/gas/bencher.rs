//! Transfers of every sort on a lane operated by hand, with the gas of request and payout.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::ext::AnvilApi;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolValue;
use anyhow::{Context, Result};
use polyspan_contracts::testing::{TestMultiToken, TestNFT, TestToken};
use polyspan_node::config::{Minter, Pair};
use polyspan_types::{Direction, Kind};

use super::lane::HandLane;
use crate::account::{self, call_of};
use crate::network::Network;
use crate::tokens::WHOLE;
use crate::traffic::{Ask, Asset};

/// Unit: smallest units of the token, and units of an ERC-1155.
const AMOUNT: u64 = 1_000_000;

/// More than any pair of the benchmark charges. Unit: smallest units.
const FEE_LIMIT: u128 = WHOLE;

/// Unit: transfers.
const LARGEST: usize = 128;

/// The lane that is measured.
pub(super) const DIRECTION: Direction = Direction::MainToService;

/// A recipient that wants data: it answers that it supports whatever interface it is asked for, and every other function
/// with that function's selector. It does nothing else, so that what is measured is the bridge's part.
///
/// `s = word(0) >> 224; if s == supportsInterface { return 1 } else { return s << 224 }`
const RECEIVER: [u8; 33] = [
    0x5f, 0x35, 0x60, 0xe0, 0x1c, // PUSH0 CALLDATALOAD PUSH1 e0 SHR
    0x80, 0x63, 0x01, 0xff, 0xc9, 0xa7, 0x14, // DUP1 PUSH4 01ffc9a7 EQ
    0x60, 0x18, 0x57, // PUSH1 18 JUMPI
    0x60, 0xe0, 0x1b, 0x5f, 0x52, // PUSH1 e0 SHL PUSH0 MSTORE
    0x60, 0x20, 0x5f, 0xf3, // PUSH1 20 PUSH0 RETURN
    0x5b, 0x60, 0x01, 0x5f, 0x52, // JUMPDEST PUSH1 1 PUSH0 MSTORE
    0x60, 0x20, 0x5f, 0xf3, // PUSH1 20 PUSH0 RETURN
];

alloy::sol! {
    /// ERC-1363: named here because the standard has two functions of this name.
    function transferAndCall(address to, uint256 value, bytes data) returns (bool);
}

/// Requests and pays on one lane of the first bridge.
pub(super) struct Bencher<'a> {
    pub(super) lane: HandLane<'a>,
    network: &'a Network,
    /// Batches go to the first of these, so that all but the first batch of a token finds holders.
    recipients: Vec<Address>,
    /// A recipient that wants data.
    receiver: Address,
}

/// Gas of one batch.
pub(super) struct Batch {
    /// The last of its requests.
    pub(super) request_gas: u64,
    /// The transaction that paid all of them.
    pub(super) handle_gas: u64,
}

impl<'a> Bencher<'a> {
    pub(super) async fn new(network: &'a Network) -> Result<Self> {
        let lane = HandLane::new(network, DIRECTION)?;
        let random = || Address::from(rand::random::<[u8; 20]>());
        let receiver = random();
        let code = Bytes::from_static(&RECEIVER);
        lane.destination().provider.anvil_set_code(receiver, code).await.context("cannot set code")?;
        Ok(Self { lane, network, recipients: (0..LARGEST).map(|_| random()).collect(), receiver })
    }

    /// Requests `size` transfers of a pair to as many accounts, which hold the token unless only the bridge can make it, and
    /// pays them in one transaction.
    pub(super) async fn transfer(&mut self, pair: &str, size: usize) -> Result<Batch> {
        let request_gas = self.request(pair, size).await?;
        Ok(Batch { request_gas, handle_gas: self.lane.handle().await? })
    }

    /// As [`Bencher::transfer`], without paying; returns the gas of the last request.
    pub(super) async fn request(&mut self, pair: &str, size: usize) -> Result<u64> {
        let pair = self.pair(pair)?.clone();
        let recipients = self.recipients.get(..size).context("a batch larger than the largest")?.to_vec();
        self.give(&pair, &recipients).await?;
        let mut sent = Vec::new();
        for to in recipients {
            let asset = self.asset(&pair, U256::from(AMOUNT)).await?;
            let fee_limit = if pair.kind == Kind::Erc20 { U256::from(FEE_LIMIT) } else { U256::ZERO };
            sent.push(self.ask(&Ask::new(asset, to, self.user().address()).with_fee_limit(fee_limit)).await?);
        }
        last(&self.lane.requested(&sent).await?)
    }

    /// One transfer with data to a recipient that wants them.
    pub(super) async fn transfer_with_data(&mut self, pair: &str) -> Result<Batch> {
        let pair = self.pair(pair)?.clone();
        self.give(&pair, &[self.receiver]).await?;
        let asset = self.asset(&pair, U256::from(AMOUNT)).await?;
        let ask = Ask::new(asset, self.receiver, self.user().address())
            .with_extra_data(Bytes::from_static(&[0xda; 32]));
        let sent = self.ask(&ask).await?;
        let request_gas = last(&self.lane.requested(&[sent]).await?)?;
        Ok(Batch { request_gas, handle_gas: self.lane.handle().await? })
    }

    /// One transfer requested by sending the token to the bridge (ERC-1363).
    pub(super) async fn transfer_in_one_step(&mut self, pair: &str) -> Result<Batch> {
        let (token, _) = self.pair(pair)?.tokens(DIRECTION);
        let bridge = self.network.source(0, DIRECTION)?.side.bridge;
        let data = (self.recipients[0], self.user().address(), U256::ZERO, Bytes::new()).abi_encode_params();
        let call = transferAndCallCall { to: bridge, value: U256::from(AMOUNT), data: data.into() };
        let sent = account::send(self.lane.source(), self.user(), call_of(token, &call)).await?;
        let request_gas = last(&self.lane.requested(&[sent]).await?)?;
        Ok(Batch { request_gas, handle_gas: self.lane.handle().await? })
    }

    /// One transfer of an amount that its pair holds first; returns its number.
    pub(super) async fn transfer_to_hold(&mut self, pair: &str, amount: u128) -> Result<u64> {
        let pair = self.pair(pair)?.clone();
        let asset = self.asset(&pair, U256::from(amount)).await?;
        let ask =
            Ask::new(asset, self.recipients[0], self.user().address()).with_fee_limit(U256::from(FEE_LIMIT));
        let sent = self.ask(&ask).await?;
        self.lane.requested(&[sent]).await?;
        self.lane.handle().await?;
        self.lane.newest()
    }

    fn user(&self) -> &'a PrivateKeySigner {
        &self.network.users[0].signer
    }

    fn pair(&self, name: &str) -> Result<&'a Pair> {
        self.network.bridge(0)?.deployment.pair(name).with_context(|| format!("no pair is called {name}"))
    }

    async fn ask(&self, ask: &Ask) -> Result<B256> {
        let bridge = self.network.source(0, DIRECTION)?.side.bridge;
        account::send(self.lane.source(), self.user(), ask.call(bridge)).await
    }

    /// Something of a pair that the user has; what has ids is made first.
    async fn asset(&self, pair: &Pair, amount: U256) -> Result<Asset> {
        let (token, _) = pair.tokens(DIRECTION);
        let (to, id) = (self.user().address(), U256::from(rand::random::<u64>()));
        let (asset, mint) = match pair.kinds(DIRECTION).0 {
            Kind::Native => return Ok(Asset::Native(amount)),
            Kind::Erc20 => return Ok(Asset::Erc20 { token, amount }),
            Kind::Erc721 => (Asset::Erc721 { token, id }, call_of(token, &TestNFT::mintCall { to, id })),
            Kind::Erc1155 => (
                Asset::Erc1155 { token, ids: vec![id], amounts: vec![amount] },
                call_of(token, &TestMultiToken::mintCall { to, id, amount }),
            ),
        };
        account::send(self.lane.source(), self.user(), mint).await?;
        Ok(asset)
    }

    /// Gives recipients some of an ERC-20 that anyone may mint, before they are paid.
    async fn give(&self, pair: &Pair, recipients: &[Address]) -> Result<()> {
        if pair.kind != Kind::Erc20 || pair.mints == Minter::Service {
            return Ok(());
        }
        let (_, token) = pair.tokens(DIRECTION);
        let mut sent = Vec::new();
        for to in recipients {
            let mint = call_of(token, &TestToken::mintCall { to: *to, amount: U256::from(AMOUNT) });
            sent.push(account::send(self.lane.destination(), self.lane.submitter(), mint).await?);
        }
        for hash in sent {
            account::succeeded(self.lane.destination(), hash).await?;
        }
        Ok(())
    }
}

fn last(gas: &[u64]) -> Result<u64> {
    gas.last().copied().context("at least one request was made")
}
