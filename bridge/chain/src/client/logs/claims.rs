//! What a bridge's claims recorded: the value of holds that governors have written off.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolEvent;
use polyspan_types::{BlockHeight, RequestNonce};

use super::{LOGS, PlacedLog, decode};
use crate::ChainError;
use crate::abi::{self, ClaimRecorded};
use crate::client::Client;

/// What somebody can take out of a bridge's claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Number of the request whose hold was written off.
    pub nonce: RequestNonce,
    /// Who may take it: the request's recipient.
    pub claimant: Address,
    /// Token on this chain; zero for the native currency.
    pub token: Address,
    /// Number of its asset class on this chain.
    pub kind: u8,
    /// As the request has it.
    pub value: U256,
    /// As the request has it.
    pub payload: Bytes,
}

impl Claim {
    /// As the contract takes it.
    pub(crate) fn encode(&self) -> abi::Claim {
        abi::Claim {
            claimant: self.claimant,
            token: self.token,
            kind: self.kind,
            value: self.value,
            payload: self.payload.clone(),
        }
    }
}

impl Client {
    /// What the claims recorded in blocks `from..=to`.
    ///
    /// Errors: as [`Client::requests`].
    pub(crate) async fn claims(
        &self,
        claims: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Claim>, ChainError> {
        let logs = self.logs(claims, &[ClaimRecorded::SIGNATURE_HASH], from, to).await?;
        let found = logs.iter().map(claim).collect::<Result<Vec<_>, _>>();
        let mut found = found.map_err(|what| self.bad_answer(LOGS, what))?;
        found.sort_by_key(|claim| claim.nonce);
        Ok(found)
    }
}

fn claim(placed: &PlacedLog) -> Result<Claim, String> {
    let event = decode::<ClaimRecorded>(placed)?;
    let abi::Claim { claimant, token, kind, value, payload } = event.claim;
    Ok(Claim { nonce: RequestNonce::new(event.nonce), claimant, token, kind, value, payload })
}
