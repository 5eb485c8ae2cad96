//! Sends a person's own transactions, one after the other.

use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy, TypedTransaction};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use polyspan_chain::{At, Chain, ChainError, FeeMarket, Receipt, SendOutcome};
use tokio::time::Instant;

/// How long a transaction may take to get into a block.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(250);

/// An account on one chain.
#[derive(Debug)]
pub struct Wallet {
    /// The chain.
    pub chain: Chain,
    signer: PrivateKeySigner,
}

/// What is to be sent.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// `None` deploys a contract.
    pub to: Option<Address>,
    /// Unit: wei.
    pub value: U256,
    /// Calldata, or a contract's creation code.
    pub input: Bytes,
}

/// A transaction in a block.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its hash.
    pub tx_hash: B256,
    /// What became of it.
    pub receipt: Receipt,
}

/// How far a transaction is that may move value. Who is interrupted must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is signed, and endpoints are about to get it.
    Signed(B256),
    /// Endpoints have it, as far as is known: it may get into a block from now on.
    Broadcast(B256),
}

impl Wallet {
    /// The account of `signer` on `chain`.
    pub const fn new(chain: Chain, signer: PrivateKeySigner) -> Self {
        Self { chain, signer }
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.signer.address()
    }

    /// What the transaction would do, without sending it.
    ///
    /// Errors: it would revert, with the reason.
    pub async fn simulate(&self, call: &Call) -> Result<u64, ChainError> {
        self.chain.estimate_gas(&self.request(call)).await
    }

    /// Sends a transaction and waits until it is in a block. `what` names it in errors.
    ///
    /// Errors: it would revert or did, the node refuses it, or it is in no block in time.
    pub async fn send(&self, what: &str, call: Call) -> Result<Sent> {
        self.send_observed(what, call, |_| {}).await
    }

    /// As [`Wallet::send`]; `observe` sees each step before the next one begins.
    ///
    /// Errors: as [`Wallet::send`].
    pub async fn send_observed(&self, what: &str, call: Call, observe: impl Fn(Step)) -> Result<Sent> {
        let raw = self.signed(&call).await.with_context(|| format!("cannot {what}"))?;
        let tx_hash = alloy::primitives::keccak256(&raw);
        // Before sending: an interrupt from here on must name the transaction.
        observe(Step::Signed(tx_hash));
        match self.chain.send_raw(&raw).await {
            Ok(SendOutcome::Accepted(_) | SendOutcome::AlreadyKnown) => {}
            Ok(SendOutcome::InsufficientFunds) => bail!(
                "cannot {what}: {} on chain {} cannot pay for gas and value; send it some of the chain's currency",
                self.address(),
                self.chain.name()
            ),
            Ok(refused) => {
                bail!("cannot {what}: chain {} refused the transaction: {refused:?}", self.chain.name())
            }
            Err(error) => {
                // It may have arrived all the same; the receipt tells.
                tracing::debug!(%error, "sending failed");
            }
        }
        observe(Step::Broadcast(tx_hash));
        let receipt = self.wait(&raw, tx_hash).await.with_context(|| format!("cannot {what}"))?;
        if !receipt.success {
            bail!("cannot {what}: transaction {tx_hash} on chain {} reverted", self.chain.name());
        }
        Ok(Sent { tx_hash, receipt })
    }

    async fn wait(&self, raw: &Bytes, tx_hash: B256) -> Result<Receipt> {
        let deadline = Instant::now() + PATIENCE;
        let mut last_error = None;
        while Instant::now() < deadline {
            match self.chain.receipt(tx_hash).await {
                Ok(Some(receipt)) => return Ok(receipt),
                Ok(None) => {
                    // A node that lost its pool gets the same bytes again.
                    let _ = self.chain.send_raw(raw).await;
                }
                Err(error) => last_error = Some(error),
            }
            tokio::time::sleep(POLL).await;
        }
        let reason = last_error.map_or_else(String::new, |error| format!(" ({error})"));
        bail!(
            "transaction {tx_hash} is in no block of chain {} after {} s{reason}; it may still get into one: look for it \
             before you try again",
            self.chain.name(),
            PATIENCE.as_secs()
        )
    }

    async fn signed(&self, call: &Call) -> Result<Bytes> {
        let estimate = self.simulate(call).await?;
        // State may change until the transaction runs; unused gas costs nothing.
        let gas_limit = (estimate + estimate / 4).min(self.chain.gas_limit().await?.max(estimate));
        let nonce = self.chain.account_nonce(self.address(), At::Latest).await?.get();
        let chain_id = self.chain.id().get();
        let to = call.to.map_or(TxKind::Create, TxKind::Call);
        let (value, input) = (call.value, call.input.clone());
        let transaction: TypedTransaction = match self.chain.fees().await? {
            FeeMarket::Eip1559 { base_fee, priority } => TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                // Six full blocks in a row double the base fee.
                max_fee_per_gas: base_fee * 2 + priority,
                max_priority_fee_per_gas: priority,
                to,
                value,
                input,
                ..TxEip1559::default()
            }
            .into(),
            FeeMarket::Legacy { gas_price } => {
                TxLegacy { chain_id: Some(chain_id), nonce, gas_price, gas_limit, to, value, input }.into()
            }
        };
        let signature = self.signer.sign_hash_sync(&signature_hash(&transaction))?;
        let envelope: TxEnvelope = transaction.into_signed(signature).into();
        Ok(envelope.encoded_2718().into())
    }

    fn request(&self, call: &Call) -> TransactionRequest {
        let request = TransactionRequest::default()
            .from(self.address())
            .value(call.value)
            .input(call.input.clone().into());
        TransactionRequest { to: Some(call.to.map_or(TxKind::Create, TxKind::Call)), ..request }
    }
}

fn signature_hash(transaction: &TypedTransaction) -> B256 {
    match transaction {
        TypedTransaction::Legacy(transaction) => transaction.signature_hash(),
        TypedTransaction::Eip1559(transaction) => transaction.signature_hash(),
        other => unreachable!("only two types are built here, not {}", other.tx_type()),
    }
}
