//! Whether a call tightens (takes effect at once) or loosens (waits the public delay): the contract's own rule, as a plain
//! function of its state. The contract decides; this tells people beforehand.

#[cfg(test)]
mod tests;

use alloy::primitives::Address;
use polyspan_chain::BridgeState;
use polyspan_contracts::Bridge::PairLimits;
use polyspan_types::MemberSet;

use super::limits::{UNLIMITED, encoded};
use super::setter::Setter;

/// When a call takes effect once it is voted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It tightens.
    AtOnce,
    /// It loosens.
    Waits,
}

/// What one call does to a bridge in this state.
pub fn effect(state: &BridgeState, setter: &Setter) -> Effect {
    // Number 0 opens the bridge, and a bridge without delay has nothing to wait for.
    if state.configuration_nonce == 0 || state.governance_delay == 0 || tightens(state, setter) {
        Effect::AtOnce
    } else {
        Effect::Waits
    }
}

/// What a whole configuration does: if one of its calls loosens, all of them wait.
pub fn whole<'a>(state: &BridgeState, setters: impl IntoIterator<Item = &'a Setter>) -> Effect {
    match setters.into_iter().any(|setter| effect(state, setter) == Effect::Waits) {
        true => Effect::Waits,
        false => Effect::AtOnce,
    }
}

fn tightens(state: &BridgeState, setter: &Setter) -> bool {
    match setter {
        Setter::SetOperators(call) => shrinks(&state.operators, &call.members, call.threshold),
        Setter::SetGovernors(call) => shrinks(&state.governors, &call.members, call.threshold),
        Setter::SetPairLocked(call) => call.locked,
        Setter::SetRefundDelay(call) => call.refundDelay >= state.refund_delay,
        Setter::SetGovernanceDelay(call) => call.governanceDelay >= state.governance_delay,
        Setter::SetPairLimits(call) => state
            .pairs
            .iter()
            .find(|pair| pair.token == call.token)
            .is_some_and(|pair| narrows(&encoded(&pair.limits), &call.limits)),
        Setter::Unpause(_) => true,
        Setter::Wire(_)
        | Setter::RegisterPair(_)
        | Setter::DeregisterPair(_)
        | Setter::SetPairGasCap(_)
        | Setter::SetGreatestGasCap(_)
        | Setter::SetRequestsStopped(_)
        | Setter::SetFeeReceiver(_)
        | Setter::SetPredecessor(_)
        | Setter::Migrate(_)
        | Setter::HandOver(_)
        | Setter::WriteOff(_) => false,
    }
}

/// Nobody is new, and the threshold is not lower.
fn shrinks(set: &MemberSet, members: &[Address], threshold: u8) -> bool {
    threshold >= set.threshold.get() && members.iter().all(|member| set.contains(*member))
}

/// No limit becomes wider, and the fee is no worse: gone, or not higher and in the same currency. Where there is no bucket or
/// no delay yet, any is narrower.
const fn narrows(now: &PairLimits, then: &PairLimits) -> bool {
    let bucket = now.outflowCapacity == UNLIMITED
        || (then.outflowCapacity <= now.outflowCapacity && then.outflowPerSecond <= now.outflowPerSecond);
    let delay = now.delayAbove == UNLIMITED
        || (then.delayAbove <= now.delayAbove && then.delayBlocks >= now.delayBlocks);
    let fee = then.fee == 0 || (then.fee <= now.fee && then.feeInNative == now.feeInNative);
    bucket && delay && fee && then.minimum >= now.minimum && then.maximum <= now.maximum
}
