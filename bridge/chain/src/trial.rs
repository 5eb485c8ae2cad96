//! Whether one request alone can be handled at a block: executed there and not sent. See `docs/adr/0025-relays-force-hold.md`.

use std::fmt;

use alloy::primitives::{Address, Bytes, U256, address};
use alloy::rpc::types::TransactionRequest;
use polyspan_types::RequestNonce;

use crate::pool::answer::Answer;
use crate::{BridgeRevert, ChainError, ReplyKind};

/// The account that a trial is executed for: the last 20 bytes of `keccak256("polyspan force-hold trial")`. Nobody has its key, so it
/// never has code, and all relays execute the same.
pub const TRIAL_ACCOUNT: Address = address!("411E304c38F3f4F996b06A8C3315B35Bbb6eceD4");

/// Gas of the control. Unit: gas. Source: `handle` of one transfer with a tail of 31 leaves, 30 signatures and the longest payload gets
/// to its payout with less than 300 000 (`devnet bench gas`); a payout that no transaction has room for demands much more.
const CONTROL_GAS: u64 = 400_000;

/// Init code that returns the gas it was given: GAS, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
pub(crate) const GAS_PROBE: [u8; 9] = [0x5a, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3];

/// What a transaction with the probe uses before it reads the gas. Unit: gas. Source: 53 000 for a creation, its code, rounded up.
pub(crate) const PROBE_OVERHEAD: u64 = 100_000;

/// A `handle` of one request, to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleTrial {
    /// The destination bridge.
    pub bridge: Address,
    /// The request.
    pub nonce: RequestNonce,
    /// The `handle` call of that request alone.
    pub calldata: Bytes,
    /// The greatest gas that a transaction can have on the chain. Unit: gas.
    pub gas: u64,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// The request can be handled.
    Succeeds,
    /// The request alone makes the call fail with the greatest gas. Why, in words.
    Fails(String),
    /// The call fails, and that is not proved to be for the request. Why, in words.
    Unclear(String),
}

/// What one execution came to.
pub(crate) type Executed = Result<Bytes, ChainError>;

impl HandleTrial {
    /// The call itself.
    pub(crate) fn call(&self) -> TransactionRequest {
        self.with_gas(self.gas)
    }

    /// The same call with so little gas that the contract refuses to begin the payout, if the payout is what the gas is for.
    pub(crate) fn control(&self) -> TransactionRequest {
        self.with_gas(self.gas.min(CONTROL_GAS))
    }

    /// A call that returns how much gas the node really gives.
    pub(crate) fn probe(&self) -> TransactionRequest {
        TransactionRequest::default()
            .from(TRIAL_ACCOUNT)
            .input(Bytes::from_static(&GAS_PROBE).into())
            .gas_limit(self.gas)
    }

    fn with_gas(&self, gas: u64) -> TransactionRequest {
        TransactionRequest::default()
            .from(TRIAL_ACCOUNT)
            .to(self.bridge)
            .input(self.calldata.clone().into())
            .gas_limit(gas)
    }

    /// What the call's own result says without further questions; `None` when it failed in a way that needs a probe and, unless the
    /// contract itself names the request, a control.
    ///
    /// Errors: the endpoint could not be asked.
    pub(crate) fn settled(&self, call: &Executed) -> Result<Option<Trial>, ChainError> {
        match call {
            Ok(_) => Ok(Some(Trial::Succeeds)),
            Err(ChainError::Reverted(_)) => Ok(None),
            Err(error) => match error.reply_kind() {
                Some(ReplyKind::OutOfGas) => Ok(None),
                Some(ReplyKind::GasLimitTooHigh | ReplyKind::InsufficientFunds | ReplyKind::CallTooSlow) => {
                    Ok(Some(Trial::Unclear(error.to_string())))
                }
                _ => Err(error.clone()),
            },
        }
    }

    /// Whether the contract itself says that it got as far as this request's payout and had too little gas for it.
    pub(crate) fn names_request(&self, executed: &Executed) -> bool {
        matches!(executed, Err(ChainError::Reverted(BridgeRevert::InsufficientGas { nonce, .. })) if *nonce == self.nonce)
    }

    /// Whether the node gave all the gas that it was asked to give.
    pub(crate) fn gives_gas(&self, probe: &Executed) -> bool {
        let given = probe.as_ref().ok().and_then(|word| U256::try_from_be_slice(word));
        given.is_some_and(|given| {
            given <= U256::from(self.gas) && given >= U256::from(self.gas.saturating_sub(PROBE_OVERHEAD))
        })
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeds => f.write_str("can be handled"),
            Self::Fails(why) => write!(f, "cannot be handled: {why}"),
            Self::Unclear(why) => write!(f, "not known: {why}"),
        }
    }
}

impl Answer for Trial {
    /// The words are the node's own.
    fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// A node that gives less gas than others knows less, and does not lie.
    fn cannot_stand_beside(&self, agreed: &Self) -> bool {
        matches!((self, agreed), (Self::Succeeds, Self::Fails(_)) | (Self::Fails(_), Self::Succeeds))
    }

    fn told(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;
    use proptest::prelude::*;

    use super::*;
    use crate::pool::tally::Tally;

    fn trial() -> HandleTrial {
        HandleTrial {
            bridge: Address::repeat_byte(1),
            nonce: RequestNonce::new(4),
            calldata: Bytes::from_static(b"call"),
            gas: 1 << 24,
        }
    }

    fn refused(kind: ReplyKind) -> Executed {
        Err(ChainError::refused("eth_call", kind))
    }

    fn too_little_gas(nonce: u64) -> Executed {
        let nonce = RequestNonce::new(nonce);
        Err(ChainError::Reverted(BridgeRevert::InsufficientGas { nonce, gas_left: 1, required: 2 }))
    }

    #[test]
    fn the_account_is_nobodys() {
        assert_eq!(TRIAL_ACCOUNT.as_slice(), &keccak256("polyspan force-hold trial")[12..]);
    }

    #[test]
    fn a_node_that_could_not_execute_the_call_says_nothing_about_the_request() {
        use ReplyKind::{BlockUnknown, MethodUnknown, Other, RateLimited};
        for kind in [BlockUnknown, RateLimited, MethodUnknown, Other] {
            assert!(trial().settled(&refused(kind)).is_err(), "{kind:?}");
        }
        for kind in [ReplyKind::GasLimitTooHigh, ReplyKind::InsufficientFunds] {
            assert!(matches!(trial().settled(&refused(kind)), Ok(Some(Trial::Unclear(_)))), "{kind:?}");
        }
        assert_eq!(trial().settled(&refused(ReplyKind::OutOfGas)), Ok(None));
        assert_eq!(trial().settled(&Ok(Bytes::new())), Ok(Some(Trial::Succeeds)));
    }

    #[test]
    fn only_the_contracts_own_word_about_this_request_names_it() {
        assert!(trial().names_request(&too_little_gas(4)));
        assert!(!trial().names_request(&too_little_gas(5)));
        for other in [BridgeRevert::NotWired, BridgeRevert::Other("why".to_owned())] {
            assert!(!trial().names_request(&Err(ChainError::Reverted(other))));
        }
        assert!(!trial().names_request(&refused(ReplyKind::OutOfGas)));
    }

    #[test]
    fn a_node_with_a_cap_of_its_own_is_noticed() {
        let gave = |gas: u64| Ok(Bytes::from(U256::from(gas).to_be_bytes::<32>()));
        assert!(trial().gives_gas(&gave((1 << 24) - 53_100)));
        assert!(!trial().gives_gas(&gave(10_000_000)));
        assert!(!trial().gives_gas(&gave(1 << 25)), "it says anything");
        assert!(!trial().gives_gas(&Ok(Bytes::new())));
        assert!(!trial().gives_gas(&refused(ReplyKind::OutOfGas)));
    }

    #[test]
    fn endpoints_agree_on_what_comes_of_it_and_not_on_the_words() {
        let [fails, too] = ["one", "two"].map(|why| Trial::Fails(why.to_owned()));
        let unclear = Trial::Unclear("a cap".to_owned());
        assert!(fails.is_same(&too) && !fails.is_same(&unclear) && !fails.is_same(&Trial::Succeeds));
        assert!(fails.cannot_stand_beside(&Trial::Succeeds) && Trial::Succeeds.cannot_stand_beside(&fails));
        assert!(!unclear.cannot_stand_beside(&fails) && !fails.cannot_stand_beside(&unclear));
    }

    fn any_trial() -> impl Strategy<Value = Trial> {
        let why = Just("why".to_owned());
        prop_oneof![Just(Trial::Succeeds), why.clone().prop_map(Trial::Fails), why.prop_map(Trial::Unclear)]
    }

    proptest! {
        #[test]
        fn fewer_endpoints_than_a_quorum_neither_make_a_failure_up_nor_hide_one(
            endpoints in 1usize..8, truth in any_trial(), lies in prop::collection::vec(any_trial(), 8),
            first in 0usize..8,
        ) {
            let quorum = endpoints / 2 + 1;
            let liars = endpoints - quorum;
            let said = |index: usize| if index < liars { lies[index].clone() } else { truth.clone() };
            let mut tally = Tally::new(quorum);
            for place in 0..endpoints {
                let index = (place + first) % endpoints;
                tally.add(index, said(index));
                // At no moment, whoever answered so far.
                if tally.is_decided() {
                    break;
                }
            }
            let verdict = tally.verdict();
            prop_assert!(verdict.is_some_and(|verdict| verdict.answer.is_same(&truth)));
        }
    }
}
