//! Signing and sending plain transactions, past every relay.

use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::eips::{BlockId, Encodable2718};
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use anyhow::{Context, Result, bail};

use crate::chain::ChainAccess;
use crate::eventually::eventually;

/// Unit: gas. Enough for every call of the devnet that has no limit of its own.
const GAS_LIMIT: u64 = 1_000_000;

/// Unit: gas.
const DEPLOYMENT_GAS: u64 = 10_000_000;

/// Unit: wei per gas.
const PRIORITY_FEE: u128 = 1_000_000_000;

/// In which a node counts a transaction that it took: one that it refuses for longer is refused for itself.
const COUNTED_WITHIN: Duration = Duration::from_secs(1);

/// A transaction that calls `contract`.
pub fn call_of<C: SolCall>(contract: Address, call: &C) -> TransactionRequest {
    TransactionRequest::default().with_to(contract).with_input(call.abi_encode())
}

/// Signs and sends `transaction` with the account's next nonce, pending transactions counted. What the transaction
/// leaves open is filled: gas limit 1 M, and twice the present gas price.
///
/// Errors: the node does not answer, or refuses it.
pub async fn send(
    chain: &ChainAccess,
    signer: &PrivateKeySigner,
    transaction: TransactionRequest,
) -> Result<B256> {
    let nonce = next_nonce(chain, signer).await?;
    send_from(chain, signer, transaction, nonce).await
}

/// As [`send`], with this nonce or, if it is taken, with one after it: geth counts a transaction a moment after it took it, and gives
/// who sends several in a row the same nonce twice.
///
/// Errors: as [`send`].
pub async fn send_from(
    chain: &ChainAccess,
    signer: &PrivateKeySigner,
    transaction: TransactionRequest,
    mut nonce: u64,
) -> Result<B256> {
    loop {
        let signed = sign_with(chain, signer, transaction.clone(), nonce).await?;
        let refusal = match send_raw(chain, &signed.encoded_2718().into()).await {
            Ok(hash) => return Ok(hash),
            Err(refusal) if is_from_node(&refusal) => refusal,
            Err(unanswered) => return Err(unanswered),
        };
        let later = || async { Ok(Some(next_nonce(chain, signer).await?).filter(|next| *next > nonce)) };
        let Ok(next) = eventually("the nonce is taken", COUNTED_WITHIN, later).await else {
            return Err(refusal);
        };
        nonce = next;
    }
}

/// The node has read the transaction: without an answer it may have taken it, and another one would do the same again.
fn is_from_node(error: &anyhow::Error) -> bool {
    error.downcast_ref::<TransportError>().is_some_and(TransportError::is_error_resp)
}

async fn next_nonce(chain: &ChainAccess, signer: &PrivateKeySigner) -> Result<u64> {
    let nonce = chain.provider.get_transaction_count(signer.address()).pending().await;
    nonce.context("cannot read an account's nonce")
}

/// As [`send`], without sending.
///
/// Errors: the node does not answer.
pub async fn sign(
    chain: &ChainAccess,
    signer: &PrivateKeySigner,
    transaction: TransactionRequest,
) -> Result<TxEnvelope> {
    sign_with(chain, signer, transaction, next_nonce(chain, signer).await?).await
}

async fn sign_with(
    chain: &ChainAccess,
    signer: &PrivateKeySigner,
    mut transaction: TransactionRequest,
    nonce: u64,
) -> Result<TxEnvelope> {
    let price = chain.provider.get_gas_price().await.context("cannot read the gas price")?;
    let priority = if price == 0 { 0 } else { PRIORITY_FEE };
    transaction.set_chain_id(chain.chain_id);
    transaction.set_nonce(nonce);
    transaction.gas.get_or_insert(GAS_LIMIT);
    transaction.set_max_priority_fee_per_gas(priority);
    transaction.set_max_fee_per_gas(price * 2 + priority);
    let wallet = EthereumWallet::from(signer.clone());
    transaction.build(&wallet).await.context("cannot sign a transaction")
}

/// Signs a transaction that leaves nothing open; encoded as nodes take it.
///
/// Errors: something is open.
pub async fn sign_complete(signer: &PrivateKeySigner, transaction: TransactionRequest) -> Result<Bytes> {
    let wallet = EthereumWallet::from(signer.clone());
    let signed: TxEnvelope = transaction.build(&wallet).await.context("cannot sign a transaction")?;
    Ok(signed.encoded_2718().into())
}

/// Sends a signed transaction.
///
/// Errors: the node refuses it.
pub async fn send_raw(chain: &ChainAccess, raw: &Bytes) -> Result<B256> {
    let sent = chain.provider.send_raw_transaction(raw).await;
    Ok(*sent.with_context(|| format!("{} refuses a transaction", chain.name))?.tx_hash())
}

/// Waits for the receipt of a transaction, whether it succeeded or not.
///
/// Errors: it is in no block within a minute.
pub async fn receipt(chain: &ChainAccess, hash: B256) -> Result<TransactionReceipt> {
    let look = || async { Ok(chain.provider.get_transaction_receipt(hash).await?) };
    eventually(&format!("transaction {hash} is in a block of {}", chain.name), Duration::from_secs(60), look)
        .await
}

/// Sends a transaction and waits until it succeeded.
///
/// Errors: as [`send`] and [`receipt`], or it reverted.
pub async fn execute(
    chain: &ChainAccess,
    signer: &PrivateKeySigner,
    transaction: TransactionRequest,
) -> Result<TransactionReceipt> {
    let hash = send(chain, signer, transaction).await?;
    succeeded(chain, hash).await
}

/// Waits until a transaction succeeded.
///
/// Errors: as [`receipt`], or it reverted.
pub async fn succeeded(chain: &ChainAccess, hash: B256) -> Result<TransactionReceipt> {
    let receipt = receipt(chain, hash).await?;
    if !receipt.status() {
        bail!("transaction {hash} reverted on {}", chain.name);
    }
    Ok(receipt)
}

/// Sends a deployment without waiting for it.
///
/// Errors: as [`send`].
pub async fn send_deployment(chain: &ChainAccess, signer: &PrivateKeySigner, code: Bytes) -> Result<B256> {
    send(chain, signer, TransactionRequest::default().with_deploy_code(code).with_gas_limit(DEPLOYMENT_GAS))
        .await
}

/// Deploys a contract and waits for its address.
///
/// Errors: as [`execute`].
pub async fn deploy(chain: &ChainAccess, signer: &PrivateKeySigner, code: Bytes) -> Result<Address> {
    let hash = send_deployment(chain, signer, code).await?;
    succeeded(chain, hash).await?.contract_address.context("a deployment has an address")
}

/// Calls a function of `contract` without a transaction, as of the newest block.
///
/// Errors: it reverts, or answers something else.
pub async fn read<C: SolCall>(chain: &ChainAccess, contract: Address, call: &C) -> Result<C::Return> {
    // Named, since anvil answers from its pending block otherwise: what is in no block yet has not happened.
    read_at(chain, contract, call, BlockId::latest()).await
}

/// As [`read`], as of this block.
///
/// Errors: it reverts, or answers something else.
pub async fn read_at<C: SolCall>(
    chain: &ChainAccess,
    contract: Address,
    call: &C,
    block: BlockId,
) -> Result<C::Return> {
    let answer = chain.provider.call(call_of(contract, call)).block(block).await;
    let answer = answer.with_context(|| format!("{} of {contract} on {} fails", C::SIGNATURE, chain.name))?;
    C::abi_decode_returns(&answer)
        .with_context(|| format!("{contract} does not answer as {} does", C::SIGNATURE))
}

/// Balance in the chain's own currency. Unit: wei.
///
/// Errors: the node does not answer.
pub async fn native_balance(chain: &ChainAccess, account: Address) -> Result<U256> {
    chain.provider.get_balance(account).await.context("cannot read a balance")
}
