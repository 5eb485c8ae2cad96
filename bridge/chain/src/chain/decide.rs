//! Whether a transaction would go through, by one execution with the gas that it is to have.

use std::sync::Arc;

use alloy::rpc::types::TransactionRequest;

use super::Chain;
use crate::client::Client;
use crate::pool::Answers;
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
}
