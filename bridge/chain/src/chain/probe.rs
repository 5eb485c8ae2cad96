//! What kind of chain this is: what its nodes call themselves, and what a new storage slot costs there.

use std::sync::Arc;

use alloy::primitives::{Bytes, U256};
use alloy::rpc::types::TransactionRequest;

use super::Chain;
use crate::client::Client;
use crate::{At, ChainError, TRIAL_ACCOUNT};

/// Init code that stores into a slot that was not read before and returns what that took: GAS, PUSH1 1, PUSH1 1, SSTORE, GAS, SWAP1,
/// SUB, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
const SLOT_PROBE: [u8; 17] =
    [0x5a, 0x60, 0x01, 0x60, 0x01, 0x55, 0x5a, 0x90, 0x03, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3];

/// What of that is not the store: twice PUSH1, and the second GAS. Unit: gas. Source: the yellow paper.
const BESIDE_THE_STORE: u64 = 8;

/// Gas of the probe: enough where storage costs a hundred times as much as on Ethereum, and what every node gives to a call. Unit: gas.
const PROBE_GAS: u64 = 3_000_000;

impl Chain {
    /// What the node of the best endpoint calls itself, such as `Geth/v1.16.0`.
    pub async fn client_version(&self) -> Result<String, ChainError> {
        self.pool().single(|client| async move { client.client_version().await }).await
    }

    /// What a new storage slot costs now, by a call that stores into one and measures it: the middle one of what a quorum says.
    /// Unit: gas.
    ///
    /// Errors: the endpoint's own.
    pub async fn slot_gas(&self) -> Result<u64, ChainError> {
        let ask = |client: Arc<Client>| async move {
            let probe = TransactionRequest::default()
                .from(TRIAL_ACCOUNT)
                .input(Bytes::from_static(&SLOT_PROBE).into())
                .gas_limit(PROBE_GAS);
            let word = client.call(&probe, At::Latest).await?;
            let measured = U256::try_from_be_slice(&word).filter(|gas| *gas <= U256::from(PROBE_GAS));
            // A word, or it executed something else.
            let measured = measured.filter(|gas| word.len() == 32 && !gas.is_zero());
            measured.map(|gas| gas.to::<u128>()).ok_or_else(|| client.no_probe(&word))
        };
        let measured = self.pool().size("the price of a storage slot", ask).await?;
        Ok(u64::try_from(measured).unwrap_or(u64::MAX).saturating_sub(BESIDE_THE_STORE))
    }
}
