//! The calls that a configuration may consist of: the setters that the contract lists, and no other.

use alloy::primitives::{Bytes, hex};
use alloy::sol_types::SolCall;
use polyspan_contracts::Bridge;

macro_rules! setters {
    ($($(#[$doc:meta])* $variant:ident($call:ident)),+ $(,)?) => {
        /// One call of a configuration.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Setter {
            $($(#[$doc])* $variant(Bridge::$call),)+
        }

        impl Setter {
            /// Reads calldata. What is not exactly the encoding of one listed setter is refused: nothing can hide behind it.
            ///
            /// Errors: another function, or calldata that this program would not have written.
            pub fn decode(calldata: &Bytes) -> Result<Self, String> {
                let Some(selector) = calldata.first_chunk::<4>() else {
                    return Err("calldata without a function; propose the change again".to_owned());
                };
                $(if *selector == Bridge::$call::SELECTOR {
                    let call = Bridge::$call::abi_decode_validate(calldata)
                        .map_err(|error| format!("calldata of {} that does not decode: {error}", Bridge::$call::SIGNATURE))?;
                    let setter = Self::$variant(call);
                    if setter.encode() != *calldata {
                        return Err(format!("calldata of {} with something added; propose the change again", Bridge::$call::SIGNATURE));
                    }
                    return Ok(setter);
                })+
                Err(format!("0x{} is no setter that a configuration may call", hex::encode(selector)))
            }

            /// The calldata.
            pub fn encode(&self) -> Bytes {
                match self {
                    $(Self::$variant(call) => call.abi_encode().into(),)+
                }
            }
        }
    };
}

setters! {
    /// Names the counterpart.
    Wire(wireCall),
    /// Replaces all operators.
    SetOperators(setOperatorsCall),
    /// Replaces all governors.
    SetGovernors(setGovernorsCall),
    /// Registers a pair.
    RegisterPair(registerPairCall),
    /// Removes a pair.
    DeregisterPair(deregisterPairCall),
    /// Refuses or accepts requests of a token.
    SetPairLocked(setPairLockedCall),
    /// Sets what one payout may use.
    SetPairGasCap(setPairGasCapCall),
    /// Sets what no gas cap can be above.
    SetGreatestGasCap(setGreatestGasCapCall),
    /// Sets what a pair allows.
    SetPairLimits(setPairLimitsCall),
    /// Names who receives the fees.
    SetFeeReceiver(setFeeReceiverCall),
    /// Sets how long a hold waits.
    SetRefundDelay(setRefundDelayCall),
    /// Sets how long a loosening configuration waits.
    SetGovernanceDelay(setGovernanceDelayCall),
    /// Ends a pause.
    Unpause(unpauseCall),
    /// Refuses or accepts all requests.
    SetRequestsStopped(setRequestsStoppedCall),
    /// Names whose value may be adopted.
    SetPredecessor(setPredecessorCall),
    /// Moves value to the successor.
    Migrate(migrateCall),
    /// Makes the successor the minter.
    HandOver(handOverCall),
    /// Ends a hold that nothing else ends.
    WriteOff(writeOffCall),
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    #[test]
    fn calldata_of_a_setter_comes_back_as_it_was() {
        let token = Address::repeat_byte(7);
        let setters = [
            Setter::SetPairLocked(Bridge::setPairLockedCall { token, locked: true }),
            Setter::SetOperators(Bridge::setOperatorsCall { members: vec![token], threshold: 1 }),
            Setter::Unpause(Bridge::unpauseCall {}),
        ];
        for setter in setters {
            assert_eq!(Setter::decode(&setter.encode()), Ok(setter));
        }
    }

    #[test]
    fn nothing_hides_in_calldata() {
        let call = Setter::Unpause(Bridge::unpauseCall {}).encode();
        let longer: Bytes = [&call[..], &[0; 32]].concat().into();
        assert!(Setter::decode(&longer).unwrap_err().contains("something added"));
        assert!(Setter::decode(&call.slice(..3)).is_err());
        let fees = Bridge::withdrawFeesCall { token: Address::ZERO }.abi_encode().into();
        assert!(Setter::decode(&fees).unwrap_err().contains("no setter"));
        let locked =
            Setter::SetPairLocked(Bridge::setPairLockedCall { token: Address::ZERO, locked: true }).encode();
        assert!(Setter::decode(&locked.slice(..locked.len() - 1)).unwrap_err().contains("does not decode"));
    }
}
