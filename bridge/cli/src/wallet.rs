//! Sends a person's own transactions, one after the other.

mod fee;

use std::time::Duration;

use alloy::consensus::{SignableTransaction, Signed, Transaction as _, TxEip1559, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, bail};
use polyspan_chain::{At, Chain, ChainError, Receipt, SendOutcome};
use polyspan_node::keys::{SignError, SigningKey};
use polyspan_types::AccountNonce;
use tokio::time::Instant;

use crate::failure::BadInput;
use fee::{Price, price};

pub use fee::GasPrice;

/// How long a transaction may take to get into a block.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(250);

/// An account on one chain.
#[derive(Debug)]
pub struct Wallet {
    /// The chain.
    pub chain: Chain,
    signer: SigningKey,
    max_fee: Option<GasPrice>,
}

/// What is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// `None` deploys a contract.
    pub to: Option<Address>,
    /// Unit: wei.
    pub value: U256,
    /// Calldata, or a contract's creation code.
    pub input: Bytes,
}

impl Call {
    /// What a signed transaction does; `None` for bytes that are none.
    pub fn of(raw: &Bytes) -> Option<Self> {
        let transaction = TxEnvelope::decode_2718_exact(raw).ok()?;
        Some(Self { to: transaction.to(), value: transaction.value(), input: transaction.input().clone() })
    }
}

/// A transaction in a block.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its hash.
    pub tx_hash: B256,
    /// What became of it.
    pub receipt: Receipt,
}

/// A transaction that is signed and may not be sent.
#[derive(Debug, Clone)]
pub struct SignedCall {
    /// Its account nonce.
    pub account_nonce: AccountNonce,
    /// As nodes take it.
    pub raw: Bytes,
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
    pub const fn new(chain: Chain, signer: SigningKey) -> Self {
        Self { chain, signer, max_fee: None }
    }

    /// The same account, which pays no more than `max_fee` for gas. Default: the double of the base fee, and the tip.
    #[must_use]
    pub fn paying_at_most(self, max_fee: Option<GasPrice>) -> Self {
        Self { max_fee, ..self }
    }

    /// Its address.
    pub fn address(&self) -> Address {
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
        let SignedCall { raw, .. } = self.sign(what, &call, None).await?;
        let tx_hash = keccak256(&raw);
        // Before sending: an interrupt from here on must name the transaction.
        observe(Step::Signed(tx_hash));
        self.offer(what, &raw).await?;
        observe(Step::Broadcast(tx_hash));
        self.wait(what, &[raw]).await
    }

    /// Signs a transaction and sends nothing, with this account nonce or else with the next one.
    ///
    /// Errors: it would revert, or costs more than is allowed.
    pub async fn sign(&self, what: &str, call: &Call, nonce: Option<AccountNonce>) -> Result<SignedCall> {
        self.signed(call, nonce).await.with_context(|| format!("cannot {what}"))
    }

    /// Hands a signed transaction to the endpoints. Where none of them answers it may have arrived all the same.
    ///
    /// Errors: the chain refuses it.
    pub async fn offer(&self, what: &str, raw: &Bytes) -> Result<()> {
        match self.chain.send_raw(raw).await {
            Ok(SendOutcome::Accepted(_) | SendOutcome::AlreadyKnown) => {}
            Ok(SendOutcome::InsufficientFunds) => bail!(
                "cannot {what}: {} on chain {} cannot pay for gas and value; send it some of the chain's currency",
                self.address(),
                self.chain.name()
            ),
            Ok(SendOutcome::Underpriced(_)) => bail!("cannot {what}: {}", self.underpriced()),
            Ok(refused) => {
                bail!("cannot {what}: chain {} refused the transaction: {refused:?}", self.chain.name())
            }
            Err(error) => {
                // The receipt tells.
                tracing::debug!(%error, "sending failed");
            }
        }
        Ok(())
    }

    /// Waits until one of these transactions, which have the same account nonce, is in a block. Only the last one is sent again.
    ///
    /// Errors: it reverted, or is in no block in time.
    pub async fn wait(&self, what: &str, raws: &[Bytes]) -> Result<Sent> {
        let sent = self.mined(raws).await.with_context(|| format!("cannot {what}"))?;
        if !sent.receipt.success {
            let Sent { tx_hash, .. } = sent;
            bail!("cannot {what}: transaction {tx_hash} on chain {} reverted", self.chain.name());
        }
        Ok(sent)
    }

    /// Whichever of these is in a block.
    ///
    /// Errors: the chain does not tell.
    pub async fn found(&self, raws: &[Bytes]) -> Result<Option<Sent>, ChainError> {
        for tx_hash in raws.iter().rev().map(keccak256) {
            if let Some(receipt) = self.chain.receipt(tx_hash).await? {
                return Ok(Some(Sent { tx_hash, receipt }));
            }
        }
        Ok(None)
    }

    fn underpriced(&self) -> String {
        format!(
            "chain {} wants a higher price for gas. If another transaction of {} waits there (one that was sent before), wait until it is \
             in a block, or give --max-fee above its price to have this one in its place: only one of the two is ever executed",
            self.chain.name(),
            self.address()
        )
    }

    async fn mined(&self, raws: &[Bytes]) -> Result<Sent> {
        let deadline = Instant::now() + PATIENCE;
        let mut last_error = None;
        while Instant::now() < deadline {
            match self.found(raws).await {
                Ok(Some(sent)) => return Ok(sent),
                Ok(None) => {
                    // A node that lost its pool gets the same bytes again.
                    if let Some(raw) = raws.last() {
                        let _ = self.chain.send_raw(raw).await;
                    }
                }
                Err(error) => last_error = Some(error),
            }
            tokio::time::sleep(POLL).await;
        }
        let reason = last_error.map_or_else(String::new, |error| format!(" ({error})"));
        bail!(
            "transaction {} is in no block of chain {} after {} s{reason}; it may still get into one: look for it before you try again",
            raws.last().map(keccak256).unwrap_or_default(),
            self.chain.name(),
            PATIENCE.as_secs()
        )
    }

    /// Whether gas costs no more than is allowed.
    ///
    /// Errors: it does, or the endpoint.
    pub async fn check_price(&self) -> Result<()> {
        self.price().await.map(drop)
    }

    async fn price(&self) -> Result<Price> {
        let market = self.chain.fees().await?;
        price(&market, self.max_fee).map_err(|dear| BadInput::new(dear.to_string()).into())
    }

    async fn signed(&self, call: &Call, nonce: Option<AccountNonce>) -> Result<SignedCall> {
        let estimate = self.simulate(call).await?;
        // State may change until the transaction runs; unused gas costs nothing.
        let gas_limit = (estimate + estimate / 4).min(self.chain.gas_limit().await?.max(estimate));
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => self.chain.account_nonce(self.address(), At::Latest).await?,
        };
        let account_nonce = nonce;
        let nonce = nonce.get();
        let chain_id = self.chain.id().get();
        let to = call.to.map_or(TxKind::Create, TxKind::Call);
        let (value, input) = (call.value, call.input.clone());
        let price = self.price().await?;
        let envelope: TxEnvelope = match price {
            Price::Eip1559 { max_fee, tip } => self
                .envelope(TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: max_fee,
                    max_priority_fee_per_gas: tip,
                    to,
                    value,
                    input,
                    ..TxEip1559::default()
                })
                .await?
                .into(),
            Price::Legacy { gas_price } => {
                let chain_id = Some(chain_id);
                self.envelope(TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input })
                    .await?
                    .into()
            }
        };
        Ok(SignedCall { account_nonce, raw: envelope.encoded_2718().into() })
    }

    async fn envelope<T>(&self, transaction: T) -> Result<Signed<T>, SignError>
    where
        T: SignableTransaction<Signature> + Sync,
    {
        let signature = self.signer.sign_transaction(&transaction).await?;
        Ok(transaction.into_signed(signature))
    }

    fn request(&self, call: &Call) -> TransactionRequest {
        let request = TransactionRequest::default()
            .from(self.address())
            .value(call.value)
            .input(call.input.clone().into());
        TransactionRequest { to: Some(call.to.map_or(TxKind::Create, TxKind::Call)), ..request }
    }
}
