//! Direct access to a chain, past every proxy and relay.

use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result};
use reqwest::Url;

/// A chain and how to talk to it.
#[derive(Debug, Clone)]
pub struct ChainAccess {
    /// Name in configs.
    pub name: String,
    /// EIP-155 id, as the node itself told it.
    pub chain_id: u64,
    /// Connection to the node.
    pub provider: DynProvider,
}

impl ChainAccess {
    /// Asks the node at `url` for its chain id before anything else is said to it. HTTP only.
    ///
    /// Errors: it does not answer.
    pub async fn connect(name: &str, url: Url) -> Result<Self> {
        let provider = ProviderBuilder::new().connect_http(url).erased();
        let chain_id =
            provider.get_chain_id().await.with_context(|| format!("chain {name} does not answer"))?;
        Ok(Self { name: name.to_owned(), chain_id, provider })
    }
}
