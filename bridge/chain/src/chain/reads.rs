//! Reading contracts and their events.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use polyspan_types::{AccountNonce, BlockHeight, HandledLogs, Payment, Payout, Request, RequestNonce, Vote};

use super::Chain;
use crate::client::Client;
use crate::client::logs::{ConfigurationLog, PaidToken};
use crate::pool::Question;
use crate::pool::score::CallKind;
use crate::{
    At, BridgeState, ChainError, Claim, HandleTrial, Hold, LaneState, NoTrace, Parts, Presumed, Trial,
};

impl Chain {
    /// Everything about the bridge contract at `bridge`, by a quorum.
    ///
    /// Errors: [`ChainError::NoCode`], [`ChainError::NotABridge`], [`ChainError::NoQuorum`], or the endpoint's own.
    pub async fn bridge_state(&self, bridge: Address, at: At) -> Result<BridgeState, ChainError> {
        let (at, question) = self.state("the state of a bridge", at).await?;
        self.pool().agreed(question, |client| async move { client.bridge_state(bridge, at).await }).await
    }

    /// The part of the bridge's state that changes with every transfer, by a quorum.
    ///
    /// Errors: as [`Chain::bridge_state`].
    pub async fn lane_state(&self, bridge: Address, at: At) -> Result<LaneState, ChainError> {
        let (at, question) = self.state("the state of a lane", at).await?;
        let ask = async || {
            self.pool().agreed(question, |client| async move { client.lane_state(bridge, at).await }).await
        };
        let At::Hash(hash) = at else { return ask().await };
        let cell = self.known_lanes().cell((bridge, hash));
        cell.get_or_try_init(ask).await.copied()
    }

    /// The holds with `first <= nonce < first + count`, in nonce order, by a quorum.
    ///
    /// Errors: as [`Chain::bridge_state`].
    pub async fn holds(
        &self,
        bridge: Address,
        first: RequestNonce,
        count: u64,
        at: At,
    ) -> Result<Vec<Hold>, ChainError> {
        let (at, question) = self.state("the holds of a bridge", at).await?;
        self.pool()
            .agreed(question, |client| async move { client.holds(bridge, first, count, at).await })
            .await
    }

    /// Where the parts of the bridge are, by a quorum.
    ///
    /// Errors: as [`Chain::bridge_state`].
    pub async fn bridge_parts(&self, bridge: Address, at: At) -> Result<Parts, ChainError> {
        let (at, question) = self.state("the parts of a bridge", at).await?;
        self.pool().agreed(question, |client| async move { client.bridge_parts(bridge, at).await }).await
    }

    /// Hash of the code at the address, by a quorum; `None` when there is none.
    pub async fn code_hash(&self, address: Address, at: At) -> Result<Option<B256>, ChainError> {
        let (at, question) = self.state("the code at an address", at).await?;
        self.pool().agreed(question, |client| async move { client.code_hash(address, at).await }).await
    }

    /// Balance in the chain's currency, as much as a quorum says at least: one endpoint alone empties no account. Unit: wei.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        let ask = move |client: Arc<Client>| async move { client.balance(account).await };
        if self.pool().is_single() {
            return self.pool().single(ask).await;
        }
        self.reached_by_quorum("a balance", ask).await
    }

    /// Balance in the chain's currency at a block, the same from a quorum. Unit: wei.
    ///
    /// Errors: [`ChainError::NoQuorum`], or the endpoint's own: many forget the state of old blocks.
    pub async fn balance_at(&self, account: Address, at: At) -> Result<U256, ChainError> {
        let (at, question) = self.state("a balance at a block", at).await?;
        self.pool().agreed(question, |client| async move { client.balance_at(account, at).await }).await
    }

    /// Transactions of the account in blocks up to `at`: the account nonce of its next one. At the newest block it is the
    /// one that a quorum has reached: neither held back by one that lags, nor driven up by one that lies.
    pub async fn account_nonce(&self, account: Address, at: At) -> Result<AccountNonce, ChainError> {
        let ask = move |client: Arc<Client>| async move { client.account_nonce(account, at).await };
        if let (At::Latest, false) = (at, self.pool().is_single()) {
            return self.reached_by_quorum("an account's nonce", ask).await;
        }
        let (_, question) = self.state("an account's nonce", at).await?;
        self.pool().agreed(question, ask).await
    }

    /// The highest value that a quorum has reached, each endpoint saying one.
    async fn reached_by_quorum<T, F>(
        &self,
        what: &'static str,
        ask: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, ChainError>
    where
        T: Copy + Ord + std::fmt::Display,
        F: Future<Output = Result<T, ChainError>> + Send,
    {
        let (pool, kind) = (self.pool(), CallKind::State);
        let answers = pool.survey_current(kind, ask).await;
        let (mut values, mut failures) = (Vec::new(), Vec::new());
        for (index, answer) in answers {
            match answer {
                Ok(value) => values.push((value, index)),
                Err(failed) => failures.push((index, failed)),
            }
        }
        values.sort_unstable_by(|one: &(T, usize), other| other.cmp(one));
        let answered: Vec<usize> = values.iter().map(|(_, index)| *index).collect();
        pool.answered(&answered, kind, false);
        let reached = values.get(pool.quorum() - 1).map(|(value, _)| *value);
        reached.ok_or_else(|| {
            let told = values.into_iter().map(|(value, index)| (index, value.to_string())).collect();
            pool.no_quorum(what, told, failures)
        })
    }

    /// Whether there is a contract at the address, by a quorum.
    pub async fn has_code(&self, address: Address, at: At) -> Result<bool, ChainError> {
        let (at, question) = self.state("code at an address", at).await?;
        self.pool().agreed(question, |client| async move { client.has_code(address, at).await }).await
    }

    /// Executes a transaction without sending it and returns what it returns: by a quorum at a hash, by the best endpoint
    /// at the newest block.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason.
    pub async fn call(&self, transaction: &TransactionRequest, at: At) -> Result<Bytes, ChainError> {
        let ask = |client: Arc<Client>| {
            let transaction = transaction.clone();
            async move { client.call(&transaction, at).await }
        };
        match at {
            At::Latest => self.pool().single(ask).await,
            At::Hash(_) => {
                let (_, question) = self.state("the result of a call", at).await?;
                self.pool().agreed(question, ask).await
            }
        }
    }

    /// Executes a transaction at the newest block, with what is `presumed` in place, without sending it. What one endpoint calls a
    /// revert is a revert only if no other can execute it.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason; of an endpoint that does not know state overrides the reason is
    /// that of the state as it is.
    pub async fn simulate(
        &self,
        transaction: &TransactionRequest,
        presumed: &Presumed,
    ) -> Result<(), ChainError> {
        let ask = |client: Arc<Client>| {
            let (transaction, presumed) = (transaction.clone(), *presumed);
            async move { client.simulate(&transaction, &presumed).await }
        };
        self.pool().first(Result::is_ok, ask).await
    }

    /// Whether a request alone can be handled at the block with this hash, by a quorum: each endpoint executes it by itself.
    ///
    /// Errors: [`ChainError::NoQuorum`], or the endpoint's own.
    pub async fn try_handle(&self, trial: &HandleTrial, block: B256) -> Result<Trial, ChainError> {
        let (at, question) = self.state("whether a request can be handled", At::Hash(block)).await?;
        let ask = |client: Arc<Client>| {
            let trial = trial.clone();
            async move { client.try_handle(&trial, at).await }
        };
        self.pool().agreed(question, ask).await
    }

    /// The requests that the bridge took in blocks `from..=to`, by nonce, the same from a quorum.
    ///
    /// What is missing cannot be seen here: the caller compares nonces and root with the source's.
    ///
    /// Errors: [`ChainError::RangeRefused`]: ask for the shorter [`Chain::next_range`];
    /// [`ChainError::BadAnswer`] for a log of another contract, event or block, one that was removed by a reorg, a nonce
    /// that comes twice, or nonces that are not in the order of their blocks; [`ChainError::NoQuorum`].
    pub async fn requests(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Request>, ChainError> {
        let question = logs("the requests of a bridge", from, to);
        self.pool().agreed(question, |client| async move { client.requests(bridge, from, to).await }).await
    }

    /// The requests that the bridge took in blocks `from..=to` as each endpoint tells them, of those that answer. Nobody compares
    /// them: for requests whose root is known, which tells the true ones.
    ///
    /// Errors: an endpoint wants fewer blocks at a time: only then is it heard as well.
    pub async fn requests_of_each(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Vec<Request>>, ChainError> {
        let pool = self.pool();
        let asked = pool.all_but_waiting().into_iter().map(|index| {
            let client = pool.client(index);
            async move { client.requests(bridge, from, to).await }
        });
        let mut told = Vec::new();
        for answer in futures::future::join_all(asked).await {
            match answer {
                Ok(requests) => told.push(requests),
                Err(refused @ ChainError::RangeRefused { .. }) if from < to => return Err(refused),
                Err(_) => {}
            }
        }
        Ok(told)
    }

    /// What the bridge did in blocks `from..=to` with requests of its counterpart, the same from a quorum.
    ///
    /// A range that is missing shows in the numbers of those beside it; a hold or an end that is missing shows in the
    /// contract's count of holds. Both are for the caller to compare.
    ///
    /// Errors: as [`Chain::requests`]; also ranges that overlap, or a hold outside of what its transaction handled.
    pub async fn handled(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<HandledLogs, ChainError> {
        let question = logs("what a bridge handled", from, to);
        self.pool().agreed(question, |client| async move { client.handled(bridge, from, to).await }).await
    }

    /// What the tokens say that the bridge paid out or made in blocks `from..=to`, the same from a quorum. A log that does not
    /// say so by its standard pays nothing. The native currency has no logs: see [`Chain::native_payouts`].
    ///
    /// Errors: as [`Chain::requests`].
    pub async fn payouts(
        &self,
        bridge: Address,
        tokens: &[PaidToken],
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Payout>, ChainError> {
        let question = logs("what a bridge paid out", from, to);
        let ask = |client: Arc<Client>| {
            let tokens = tokens.to_vec();
            async move { client.payouts(bridge, &tokens, from, to).await }
        };
        self.pool().agreed(question, ask).await
    }

    /// Native currency that the bridge sent in a transaction, by the trace of the best endpoint that gives one; why not, when
    /// none does.
    ///
    /// Errors: the endpoint's own.
    pub async fn native_payouts(
        &self,
        bridge: Address,
        tx_hash: B256,
    ) -> Result<Result<Vec<Payment>, NoTrace>, ChainError> {
        let ask = |client: Arc<Client>| async move { client.native_payouts(bridge, tx_hash).await };
        self.pool().first(|answer| matches!(answer, Ok(Ok(_))), ask).await
    }

    /// What happened to configurations of the bridge in blocks `from..=to`, in the order of the blocks, the same from a
    /// quorum.
    ///
    /// Errors: as [`Chain::requests`].
    pub async fn configurations(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<ConfigurationLog>, ChainError> {
        let question = logs("the configurations of a bridge", from, to);
        self.pool()
            .agreed(question, |client| async move { client.configurations(bridge, from, to).await })
            .await
    }

    /// What the claims of a bridge recorded in blocks `from..=to`, by nonce, the same from a quorum.
    ///
    /// Errors: as [`Chain::requests`].
    pub async fn claims(
        &self,
        claims: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Claim>, ChainError> {
        let question = logs("the claims of a bridge", from, to);
        self.pool().agreed(question, |client| async move { client.claims(claims, from, to).await }).await
    }

    /// Whether a claim was recorded and is not taken, by a quorum.
    ///
    /// Errors: as [`Chain::bridge_state`].
    pub async fn claim_is_open(&self, claims: Address, claim: &Claim, at: At) -> Result<bool, ChainError> {
        let (at, question) = self.state("a claim", at).await?;
        let ask = |client: Arc<Client>| {
            let claim = claim.clone();
            async move { client.claim_is_open(claims, &claim, at).await }
        };
        self.pool().agreed(question, ask).await
    }

    /// The votes that the bridge recorded in blocks `from..=to`, in no order, the same from a quorum.
    ///
    /// What is missing cannot be seen: a vote that endpoints leave out costs time and gas, nothing else.
    ///
    /// Errors: as [`Chain::requests`].
    pub async fn votes(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Vote>, ChainError> {
        let question = logs("the votes of operators", from, to);
        let ask = |client: Arc<Client>| async move {
            let mut votes = client.votes(bridge, from, to).await?;
            // Equal votes in another order are the same answer.
            votes.sort_unstable_by_key(|vote| (vote.block, vote.nonce, vote.operator, vote.digest));
            Ok(votes)
        };
        self.pool().agreed(question, ask).await
    }

    /// A question for state. Endpoints are rarely at the same newest block: of several, the newest that a quorum has is
    /// read by its hash.
    async fn state(&self, what: &'static str, at: At) -> Result<(At, Question), ChainError> {
        let (at, height) = match at {
            At::Latest if self.pool().is_single() => (at, None),
            At::Latest => {
                let newest = self.newest().await?;
                (At::Hash(newest.hash), Some(newest.height))
            }
            At::Hash(hash) => {
                let head = self.last_head();
                let blocks = head.into_iter().flat_map(|head| [head.latest, head.final_block]);
                (at, blocks.into_iter().find(|block| block.hash == hash).map(|block| block.height))
            }
        };
        Ok((at, Question::new(what, CallKind::State, height)))
    }
}

fn logs(what: &'static str, from: BlockHeight, to: BlockHeight) -> Question {
    let blocks = to.since(from).saturating_add(1);
    Question { blocks, ..Question::new(what, CallKind::Logs, Some(to)) }
}
