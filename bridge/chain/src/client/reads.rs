//! Reading contracts.

use alloy::primitives::{Address, B256, Bytes, U64, U256, keccak256};
use alloy::rpc::json_rpc::RpcRecv;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use polyspan_types::{AccountNonce, RequestNonce};
use serde_json::{Value, json};

use super::Client;
use crate::abi::{Bridge, BridgeClaims};
use crate::{
    At, BridgeRevert, BridgeState, ChainError, Claim, HandleTrial, Hold, LaneState, Parts, Presumed,
    ReplyKind, Trial,
};

const CALL: &str = "eth_call";

impl Client {
    /// Everything about the bridge contract at `bridge`.
    ///
    /// Errors: [`ChainError::NoCode`], [`ChainError::NotABridge`], or the endpoint's own.
    pub(crate) async fn bridge_state(&self, bridge: Address, at: At) -> Result<BridgeState, ChainError> {
        let state = self.read(bridge, &Bridge::stateCall {}, at).await?;
        let state = BridgeState::try_from(state).map_err(|what| self.bad_answer(CALL, what))?;
        if state.chain_id != self.chain_id {
            let what = format!("a bridge that says to be on chain {}, not {}", state.chain_id, self.chain_id);
            return Err(self.bad_answer(CALL, what));
        }
        Ok(state)
    }

    /// The part of the bridge's state that changes with every transfer.
    ///
    /// Errors: as [`Client::bridge_state`].
    pub(crate) async fn lane_state(&self, bridge: Address, at: At) -> Result<LaneState, ChainError> {
        Ok(self.read(bridge, &Bridge::laneStateCall {}, at).await?.into())
    }

    /// First nonce that the bridge will not have handled once what this node has pending is in a block. Nodes differ in what they show.
    ///
    /// Errors: the endpoint's own.
    pub(crate) async fn pending_handled(&self, bridge: Address) -> Result<RequestNonce, ChainError> {
        let call = Bridge::laneStateCall {};
        let transaction = TransactionRequest::default().to(bridge).input(call.abi_encode().into());
        let answer: Bytes = self.request(CALL, json!([transaction, "pending"])).await?;
        let state = Bridge::laneStateCall::abi_decode_returns(&answer)
            .map_err(|_| self.bad_answer(CALL, "what is no state of a lane"))?;
        Ok(LaneState::from(state).handle_nonce)
    }

    /// The holds with `first <= nonce < first + count`, in nonce order.
    ///
    /// Errors: as [`Client::bridge_state`].
    pub(crate) async fn holds(
        &self,
        bridge: Address,
        first: RequestNonce,
        count: u64,
        at: At,
    ) -> Result<Vec<Hold>, ChainError> {
        let holds = self.read(bridge, &Bridge::holdsCall { first: first.get(), count }, at).await?;
        Ok(holds.into_iter().map(Hold::from).collect())
    }

    /// Where the parts of the bridge are.
    ///
    /// Errors: as [`Client::bridge_state`].
    pub(crate) async fn bridge_parts(&self, bridge: Address, at: At) -> Result<Parts, ChainError> {
        Ok(self.read(bridge, &Bridge::partsCall {}, at).await?.into())
    }

    /// Whether a claim was recorded and is not taken.
    ///
    /// Errors: as [`Client::bridge_state`].
    pub(crate) async fn claim_is_open(
        &self,
        claims: Address,
        claim: &Claim,
        at: At,
    ) -> Result<bool, ChainError> {
        let call = BridgeClaims::isOpenCall { nonce: claim.nonce.get(), claim: claim.encode() };
        self.read(claims, &call, at).await
    }

    /// Hash of the code at the address; `None` when there is none.
    pub(crate) async fn code_hash(&self, address: Address, at: At) -> Result<Option<B256>, ChainError> {
        let code: Bytes = self.state("eth_getCode", json!(address), at).await?;
        Ok((!code.is_empty()).then(|| keccak256(code)))
    }

    /// What the node calls itself.
    pub(crate) async fn client_version(&self) -> Result<String, ChainError> {
        self.request("web3_clientVersion", json!([])).await
    }

    /// Balance in the chain's currency. Unit: wei.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.request("eth_getBalance", json!([account, "latest"])).await
    }

    /// Balance in the chain's currency at a block. Unit: wei.
    pub(crate) async fn balance_at(&self, account: Address, at: At) -> Result<U256, ChainError> {
        self.state("eth_getBalance", json!(account), at).await
    }

    /// Transactions of the account in blocks up to `at`: the account nonce of its next one.
    pub(crate) async fn account_nonce(&self, account: Address, at: At) -> Result<AccountNonce, ChainError> {
        let nonce: U64 = self.state("eth_getTransactionCount", json!(account), at).await?;
        Ok(AccountNonce::new(nonce.to()))
    }

    /// Whether there is a contract at the address.
    pub(crate) async fn has_code(&self, address: Address, at: At) -> Result<bool, ChainError> {
        let code: Bytes = self.state("eth_getCode", json!(address), at).await?;
        Ok(!code.is_empty())
    }

    /// Executes a transaction without sending it and returns what it returns.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason.
    pub(crate) async fn call(&self, transaction: &TransactionRequest, at: At) -> Result<Bytes, ChainError> {
        self.state(CALL, json!(transaction), at).await.map_err(typed_revert)
    }

    /// Executes a transaction at the newest block, with what is `presumed` in place, without sending it.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason.
    pub(crate) async fn simulate(
        &self,
        transaction: &TransactionRequest,
        presumed: &Presumed,
    ) -> Result<(), ChainError> {
        let answer = self.request::<Bytes>(CALL, json!([transaction, "latest", presumed.overrides()])).await;
        answer.map(drop).map_err(typed_revert)
    }

    /// Tries to handle one request at a block. A failure counts only with a proof, by the same node at the same block, that the call
    /// had all its gas and that everything but the payout is in order.
    ///
    /// Errors: the endpoint's own: a failure to execute, and not one of the execution.
    pub(crate) async fn try_handle(&self, trial: &HandleTrial, at: At) -> Result<Trial, ChainError> {
        let call = self.call(&trial.call(), at).await;
        if let Some(settled) = trial.settled(&call)? {
            return Ok(settled);
        }
        let why = call.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let probe = executed(self.call(&trial.probe(), at).await)?;
        if !trial.gives_gas(&probe) {
            return Ok(Trial::Unclear(format!("the node does not give {} gas ({why})", trial.gas)));
        }
        if trial.names_request(&call)
            || trial.names_request(&executed(self.call(&trial.control(), at).await)?)
        {
            return Ok(Trial::Fails(why));
        }
        Ok(Trial::Unclear(format!("it does not get as far as the payout ({why})")))
    }

    /// That a call which measures something returned something else.
    pub(crate) fn no_probe(&self, answer: &Bytes) -> ChainError {
        self.bad_answer(CALL, format!("{} bytes to a call that measures gas", answer.len()))
    }

    /// Gas that the transaction would use now. Unit: gas.
    ///
    /// Errors: [`ChainError::Reverted`] with the typed reason.
    pub(crate) async fn estimate_gas(&self, transaction: &TransactionRequest) -> Result<u64, ChainError> {
        let answer = self.request::<U64>("eth_estimateGas", json!([transaction, "latest"])).await;
        Ok(answer.map_err(typed_revert)?.to())
    }

    /// Asks for something of the state at a block.
    ///
    /// Errors: [`ChainError::StateGone`], or the endpoint's own.
    async fn state<R: RpcRecv>(&self, method: &'static str, what: Value, at: At) -> Result<R, ChainError> {
        let answer = self.request(method, json!([what, at.parameter()])).await;
        answer.map_err(|error| match (error, at) {
            (ChainError::Refused(refusal), At::Hash(block)) if refusal.kind == ReplyKind::StateGone => {
                ChainError::StateGone { endpoint: refusal.endpoint, block, reason: refusal.message }
            }
            (error, _) => error,
        })
    }

    /// A read of a bridge: no code, another contract and a wrong answer are told apart.
    async fn read<C: SolCall>(&self, bridge: Address, call: &C, at: At) -> Result<C::Return, ChainError> {
        let transaction = TransactionRequest::default().to(bridge).input(call.abi_encode().into());
        let not_a_bridge = |reason: String| {
            Err(ChainError::NotABridge { chain: self.chain.clone(), address: bridge, reason })
        };
        let answer = match self.call(&transaction, at).await {
            Ok(answer) => answer,
            Err(ChainError::Reverted(revert)) => return not_a_bridge(format!("{}: {revert}", C::SIGNATURE)),
            Err(error) => return Err(error),
        };
        if answer.is_empty() {
            if self.has_code(bridge, at).await? {
                return not_a_bridge(format!("{} returns nothing", C::SIGNATURE));
            }
            return Err(ChainError::NoCode { chain: self.chain.clone(), address: bridge });
        }
        C::abi_decode_returns(&answer)
            .map_err(|_| self.bad_answer(CALL, format!("what is no answer of {}", C::SIGNATURE)))
    }
}

/// What a call came to, failed or not; an endpoint that could not be asked says nothing about the call.
fn executed(answer: Result<Bytes, ChainError>) -> Result<Result<Bytes, ChainError>, ChainError> {
    match answer {
        Err(failed) if !failed.is_answer() => Err(failed),
        answer => Ok(answer),
    }
}

/// A revert in types; every other error as it is.
pub(super) fn typed_revert(error: ChainError) -> ChainError {
    match error {
        ChainError::Refused(refusal) if refusal.kind == ReplyKind::Reverted => {
            let data = refusal.revert_data.unwrap_or_default();
            ChainError::Reverted(BridgeRevert::decode(&data, &refusal.message))
        }
        other => other,
    }
}
