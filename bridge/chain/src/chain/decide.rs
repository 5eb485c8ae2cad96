//! Whether a transaction would go through, by one execution with the gas that it is to have.

use std::sync::Arc;

use alloy::primitives::Address;
use alloy::rpc::types::TransactionRequest;
use polyspan_types::{BlockHeight, RequestNonce};

use super::Chain;
use crate::client::Client;
use crate::pool::Answers;
use crate::pool::score::CallKind;
use crate::pool::weigh;
use crate::{At, ChainError};

impl Chain {
    /// Whether the transaction goes through in the newest block with the gas that it has, without sending it: a quorum says so. That it
    /// reverts or cannot be made counts only when a quorum says so; otherwise what another endpoint says: one that lags executes it in the
    /// past. A node executes it once, where it searches for an estimate.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason; one that [`ChainError::is_too_slow`] when nodes do not get through it.
    pub async fn try_transaction(&self, transaction: &TransactionRequest) -> Result<(), ChainError> {
        let ask = |client: Arc<Client>| {
            let transaction = transaction.clone();
            // All that go through are equal: the weight of an answer is that it is one.
            async move { client.call(&transaction, At::Latest).await.map(|_| 0u128) }
        };
        let quorum = self.pool().quorum();
        let weigh = |answers: &Answers<u128>| weigh::estimate(answers, quorum);
        let tried =
            self.pool().weighed("whether a transaction goes through", ask, weigh, weigh::best_estimate);
        tried.await?.map(drop)
    }

    /// First nonce that the bridge will not have handled once what is pending is in a block, as far as a quorum of those shows it that have
    /// shown `block`. `None` where nodes show nothing that is pending. A hint, which costs no endpoint its standing.
    pub async fn pending_handled(&self, bridge: Address, block: BlockHeight) -> Option<RequestNonce> {
        let ask = |client: Arc<Client>| async move { client.pending_handled(bridge).await };
        let mut shown = self.pool().glance(CallKind::State, block, ask).await;
        shown.sort_unstable_by(|one, other| other.cmp(one));
        shown.get(self.pool().quorum() - 1).copied()
    }
}
