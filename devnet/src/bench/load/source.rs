//! Requests as fast as a source takes them: signed before, so that signing costs nothing while it is measured.

use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::eips::Encodable2718;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use futures::StreamExt;
use polyspan_types::{Direction, Kind};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::ChainAccess;
use crate::network::Network;
use crate::tokens::pair_for;
use crate::traffic::{Ask, Asset};

/// Transactions in one call.
const BATCH: usize = 200;

/// Transactions that wait for a block of one second: more than one block takes.
pub(in crate::bench) const WAITING: u64 = 4_000;

/// Unit: gas.
const GAS: u64 = 200_000;

/// More than any block of the run asks for. Unit: wei per gas.
const PRICE: u128 = 1_000_000_000_000;

/// Prepared requests.
pub(in crate::bench) struct Source {
    chain: ChainAccess,
    user: Address,
    first: u64,
    signed: Vec<Bytes>,
}

/// Requests that are being sent.
pub(in crate::bench) struct Driven {
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Source {
    /// Signs `count` requests of the first user.
    ///
    /// Errors: the chain does not answer.
    pub(in crate::bench) async fn prepare(
        network: &Network,
        direction: Direction,
        count: u64,
    ) -> Result<Self> {
        let chain = network.source_chain(direction).access().clone();
        let signer = network.users.first().context("no user")?.signer.clone();
        let deployment = &network.bridge(0)?.deployment;
        let name = pair_for(direction, Kind::Erc20);
        let pair = deployment.pair(name).with_context(|| format!("no pair is called {name}"))?;
        let (token, _) = pair.tokens(direction);
        let bridge = deployment.lane(direction).source.bridge;
        let user = signer.address();
        let first = chain.provider.get_transaction_count(user).pending().await?;
        let chain_id = chain.chain_id;
        let signed = tokio::task::spawn_blocking(move || {
            let request = |nonce| {
                let asset = Asset::Erc20 { token, amount: U256::from(1_000) };
                // The same recipient each time, who has the token already after the first.
                let ask = Ask::new(asset, Address::repeat_byte(0x77), user);
                sign(&signer, ask.call(bridge).with_nonce(nonce).with_chain_id(chain_id).with_gas_limit(GAS))
            };
            (first..first + count).map(request).collect::<Result<Vec<Bytes>>>()
        });
        Ok(Self { chain, user, first, signed: signed.await.context("signing broke off")?? })
    }

    /// Sends them, as many as keep the source's pool full.
    pub(in crate::bench) fn drive(self) -> Driven {
        let stop = CancellationToken::new();
        let task = tokio::spawn(self.run(stop.clone()));
        Driven { stop, task }
    }

    async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut sent = 0;
        while !stop.is_cancelled() && sent < self.signed.len() {
            let mined = self.chain.provider.get_transaction_count(self.user).latest().await?;
            let waiting = self.first + sent as u64 - mined;
            if waiting >= WAITING {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let end = (sent + BATCH).min(self.signed.len());
            send_all(&self.chain, &self.signed[sent..end]).await?;
            sent = end;
        }
        Ok(())
    }
}

impl Driven {
    /// Waits until all of them are sent.
    ///
    /// Errors: the chain refused a request.
    pub(in crate::bench) async fn finished(self) -> Result<()> {
        self.task.await.context("the load broke off")?
    }

    /// Ends it.
    ///
    /// Errors: the chain refused a request, or had taken all of them before.
    pub(in crate::bench) async fn stop(self) -> Result<()> {
        let ran_out = self.task.is_finished();
        self.stop.cancel();
        self.task.await.context("the load broke off")??;
        if ran_out {
            bail!("all prepared requests were sent before this was to end, so the source was not saturated");
        }
        Ok(())
    }
}

/// Signs a transaction in which everything but the price is said.
pub(in crate::bench) fn sign(
    signer: &PrivateKeySigner,
    transaction: alloy::rpc::types::TransactionRequest,
) -> Result<Bytes> {
    let transaction = transaction.with_max_fee_per_gas(PRICE).with_max_priority_fee_per_gas(1_000_000_000);
    let unsigned = transaction.build_1559().context("a transaction that lacks something")?;
    let signature = signer.sign_hash_sync(&unsigned.signature_hash()).context("cannot sign")?;
    Ok(unsigned.into_signed(signature).encoded_2718().into())
}

/// Sends signed transactions, in their order as far as the node keeps it; it holds back what comes too early.
pub(in crate::bench) async fn send_all(chain: &ChainAccess, signed: &[Bytes]) -> Result<()> {
    let send = |raw: &Bytes| {
        let (provider, raw) = (chain.provider.clone(), raw.clone());
        async move { provider.send_raw_transaction(&raw).await.map(drop) }
    };
    let mut sending = futures::stream::iter(signed.iter().map(send)).buffered(16);
    while let Some(sent) = sending.next().await {
        sent.with_context(|| format!("{} refuses a transaction", chain.name))?;
    }
    Ok(())
}
