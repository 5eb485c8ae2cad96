//! Reading operators' votes.

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use polyspan_types::{BlockHeight, RequestNonce, Vote};

use super::{LOGS, PlacedLog, decode};
use crate::ChainError;
use crate::abi::Bridge::CheckpointVoted;
use crate::client::Client;

impl Client {
    /// The votes that the bridge recorded in blocks `from..=to`, in no order.
    ///
    /// Errors: as [`Client::requests`].
    pub(crate) async fn votes(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Vote>, ChainError> {
        let logs = self.logs(bridge, &[CheckpointVoted::SIGNATURE_HASH], from, to).await?;
        let votes = logs.iter().map(vote).collect::<Result<_, _>>();
        votes.map_err(|what| self.bad_answer(LOGS, what))
    }
}

fn vote(placed: &PlacedLog) -> Result<Vote, String> {
    let event = decode::<CheckpointVoted>(placed)?;
    Ok(Vote {
        nonce: RequestNonce::new(event.nonce),
        operator: event.operator,
        digest: event.digest,
        block: placed.block,
    })
}
