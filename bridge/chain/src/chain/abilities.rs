//! What a chain and its nodes offer a bridge, found out without sending anything.

use std::sync::Arc;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use polyspan_types::BlockHeight;

use super::Chain;
use crate::abilities::{is_one, largest_code, largest_creation, sized};
use crate::client::Client;
use crate::trial::{GAS_PROBE, PROBE_OVERHEAD};
use crate::{Ability, At, ChainError, Opcode};

impl Chain {
    /// Whether the chain knows each instruction of [`Opcode::ALL`], in that order.
    ///
    /// Errors: an endpoint cannot be asked at all.
    pub async fn opcodes(&self) -> Result<[Ability; Opcode::ALL.len()], ChainError> {
        if let Some(unknown) = self.control().await? {
            return Ok([(); Opcode::ALL.len()].map(|()| unknown.clone()));
        }
        let [push0, mcopy, transient] = Opcode::ALL.map(|opcode| self.created(opcode.probe()));
        let (push0, mcopy, transient) = futures::join!(push0, mcopy, transient);
        Ok([push0, mcopy, transient].map(|answer| Ability::of(answer, is_one)))
    }

    /// Whether the chain takes contracts and creation code as large as those of a bridge.
    ///
    /// Errors: as [`Chain::opcodes`].
    pub async fn contract_size(&self) -> Result<Ability, ChainError> {
        if let Some(unknown) = self.control().await? {
            return Ok(unknown);
        }
        let answer = self.created(sized(largest_creation(), largest_code())).await;
        Ok(Ability::of(answer, |code| code.len() == largest_code()))
    }

    /// Whether a call is given so much gas, which is what relays decide by.
    pub async fn call_gas(&self, gas: u64) -> Ability {
        let probe = TransactionRequest::default().with_deploy_code(Bytes::from_static(&GAS_PROBE));
        match self.call(&probe.with_gas_limit(gas), At::Latest).await {
            Ok(word) => match U256::try_from_be_slice(&word) {
                Some(given) if given >= U256::from(gas.saturating_sub(PROBE_OVERHEAD)) => Ability::Present,
                Some(given) => Ability::Missing(format!("a call that asks for {gas} gas has {given}")),
                None => Ability::Unknown("a creation that is called returns no word".to_owned()),
            },
            Err(error) if error.is_answer() => Ability::Missing(error.to_string()),
            Err(error) => Ability::Unknown(error.to_string()),
        }
    }

    /// Whether a quorum has the state of the block at this height.
    ///
    /// Errors: as [`Chain::opcodes`].
    pub async fn state_at(&self, height: BlockHeight) -> Result<Ability, ChainError> {
        let Some(block) = self.block_ref(height).await? else {
            return Ok(Ability::Unknown(format!("there is no block {height}")));
        };
        match self.balance_at(Address::ZERO, At::Hash(block.hash)).await {
            Ok(_) => Ok(Ability::Present),
            Err(error) if error.is_state_gone() => Ok(Ability::Missing(error.to_string())),
            Err(error) => Ok(Ability::Unknown(error.to_string())),
        }
    }

    /// Whether any endpoint gives traces. How far back they go is not known.
    ///
    /// Errors: as [`Chain::opcodes`].
    pub async fn traces(&self) -> Result<Ability, ChainError> {
        let ask = |client: Arc<Client>| async move { client.traces().await };
        self.pool().first(|answer| matches!(answer, Ok(Ability::Present)), ask).await
    }

    /// What keeps probes from telling anything; `None` when nothing does.
    async fn control(&self) -> Result<Option<Ability>, ChainError> {
        match self.created(Opcode::control()).await {
            Ok(word) if is_one(&word) => Ok(None),
            Ok(_) => {
                Ok(Some(Ability::Unknown("a creation that is called does not return its code".to_owned())))
            }
            Err(error) if error.is_answer() || error.reply_kind().is_some() => {
                Ok(Some(Ability::Unknown(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }

    /// The code that a creation would leave.
    async fn created(&self, code: Bytes) -> Result<Bytes, ChainError> {
        self.call(&TransactionRequest::default().with_deploy_code(code), At::Latest).await
    }
}
