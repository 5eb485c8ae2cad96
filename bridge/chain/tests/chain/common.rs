//! What the tests of this crate share.

use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder};
use alloy::primitives::Bytes;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use polyspan_chain::{Chain, ChainSettings, Quorum, Url};
use polyspan_types::ChainId;

/// Chain id of every chain here, unless a test is about another one.
pub const CHAIN_ID: u64 = 31001;

/// Waiting for real processes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Settings for a test: quick polls, a deadline that a loaded machine keeps.
pub fn settings(url: Url) -> ChainSettings {
    ChainSettings {
        name: "main".to_owned(),
        chain_id: ChainId::new(CHAIN_ID),
        endpoints: vec![url],
        quorum: Quorum::majority(1),
        finality: "finalized".parse().expect("a rule"),
        poll_interval: Duration::from_millis(30),
        request_timeout: Duration::from_secs(5),
        max_log_range: 64,
    }
}

/// As [`settings`], with several endpoints of which a majority must agree.
pub fn several(urls: &[Url]) -> ChainSettings {
    let mut settings = settings(urls[0].clone());
    settings.endpoints = urls.to_vec();
    settings.quorum = Quorum::majority(urls.len());
    settings
}

/// A chain with [`settings`].
pub fn chain(url: Url) -> Chain {
    Chain::new(settings(url)).expect("settings that are valid")
}

/// The signed bytes of a transaction.
pub async fn sign(transaction: TransactionRequest, signer: &PrivateKeySigner) -> Bytes {
    let wallet = EthereumWallet::from(signer.clone());
    let envelope: TxEnvelope = transaction.build(&wallet).await.expect("a complete transaction");
    envelope.encoded_2718().into()
}
