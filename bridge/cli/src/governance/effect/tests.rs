use polyspan_chain::{DelayLimit, OutflowLimit};
use polyspan_contracts::Bridge;

use super::*;
use crate::governance::limits::unlimited;
use crate::governance::testing::{DELAY, TOKEN, held, state};

const A: Address = Address::repeat_byte(1);
const B: Address = Address::repeat_byte(2);
const C: Address = Address::repeat_byte(3);

fn bridge() -> BridgeState {
    state(&[A, B, C])
}

#[track_caller]
fn assert_waits(setter: Setter, waits: bool) {
    let expected = if waits { Effect::Waits } else { Effect::AtOnce };
    assert_eq!(effect(&bridge(), &setter), expected, "{setter:?}");
}

fn operators(members: &[Address], threshold: u8) -> Setter {
    Setter::SetOperators(Bridge::setOperatorsCall { members: members.to_vec(), threshold })
}

#[test]
fn fewer_members_or_a_higher_threshold_do_not_wait() {
    assert_waits(operators(&[A, B], 2), false);
    assert_waits(operators(&[B, A], 2), false);
    assert_waits(operators(&[A, B], 1), true);
    assert_waits(operators(&[A, C], 2), true);
    assert_waits(operators(&[A, B, C], 2), true);
    let governors = |members: &[Address], threshold| {
        Setter::SetGovernors(Bridge::setGovernorsCall { members: members.to_vec(), threshold })
    };
    assert_waits(governors(&[A, B], 2), false);
    assert_waits(governors(&[A, B, C], 3), false);
    assert_waits(governors(&[A, Address::repeat_byte(4)], 2), true);
}

#[test]
fn what_takes_away_does_not_wait_and_what_gives_back_does() {
    let lock = |locked| Setter::SetPairLocked(Bridge::setPairLockedCall { token: TOKEN, locked });
    assert_waits(lock(true), false);
    assert_waits(lock(false), true);
    let stop = |stopped| Setter::SetRequestsStopped(Bridge::setRequestsStoppedCall { stopped });
    // Requests are how users leave.
    assert_waits(stop(true), true);
    assert_waits(stop(false), true);
    let refund =
        |refund_delay| Setter::SetRefundDelay(Bridge::setRefundDelayCall { refundDelay: refund_delay });
    assert_waits(refund(100), false);
    assert_waits(refund(101), false);
    assert_waits(refund(99), true);
    let delay = |delay| Setter::SetGovernanceDelay(Bridge::setGovernanceDelayCall { governanceDelay: delay });
    assert_waits(delay(DELAY), false);
    assert_waits(delay(DELAY - 1), true);
    assert_waits(Setter::Unpause(Bridge::unpauseCall {}), false);
}

#[test]
fn everything_else_waits() {
    let zero = Address::ZERO;
    let deregister = Bridge::deregisterPairCall { token: TOKEN, inboundNonce: 0, outboundNonce: 0 };
    assert_waits(Setter::DeregisterPair(deregister), true);
    assert_waits(Setter::SetGreatestGasCap(Bridge::setGreatestGasCapCall { gasCap: 100_000 }), true);
    let write_off = Bridge::writeOffCall { nonce: 0, transfer: polyspan_chain::encode_transfer(&held()) };
    assert_waits(Setter::WriteOff(write_off), true);
    assert_waits(Setter::SetPairGasCap(Bridge::setPairGasCapCall { token: TOKEN, gasCap: 100_000 }), true);
    assert_waits(Setter::SetFeeReceiver(Bridge::setFeeReceiverCall { feeReceiver: zero }), true);
    assert_waits(Setter::SetPredecessor(Bridge::setPredecessorCall { predecessor: zero }), true);
    let hand_over = Bridge::handOverCall { token: TOKEN, successor: A, inboundNonce: 0 };
    assert_waits(Setter::HandOver(hand_over), true);
}

fn limits(change: impl FnOnce(&mut PairLimits)) -> Setter {
    let mut limits = PairLimits { outflowCapacity: 100, outflowPerSecond: 5, fee: 10, ..unlimited() };
    change(&mut limits);
    Setter::SetPairLimits(Bridge::setPairLimitsCall { token: TOKEN, limits })
}

#[test]
fn a_limit_waits_when_anything_becomes_wider() {
    let mut bridge = bridge();
    bridge.pairs[1].limits.outflow = Some(OutflowLimit { capacity: 100, per_second: 5 });
    bridge.pairs[1].limits.fee = 10;
    let waits = |change: fn(&mut PairLimits)| effect(&bridge, &limits(change)) == Effect::Waits;
    assert!(!waits(|_| ()));
    assert!(!waits(|limits| limits.minimum = 3));
    assert!(!waits(|limits| limits.maximum = 3));
    assert!(!waits(|limits| (limits.delayAbove, limits.delayBlocks) = (3, 3)));
    assert!(!waits(|limits| limits.outflowCapacity = 99));
    assert!(waits(|limits| limits.outflowCapacity = 101));
    assert!(waits(|limits| limits.outflowPerSecond = 6));
    assert!(!waits(|limits| limits.fee = 9));
    assert!(waits(|limits| limits.fee = 11));
    assert!(waits(|limits| limits.feeInNative = true));
    assert!(!waits(|limits| (limits.fee, limits.feeInNative) = (0, true)));
    assert!(waits(|limits| (limits.outflowCapacity, limits.outflowPerSecond) = (u128::MAX, 0)));
    let elsewhere = Bridge::setPairLimitsCall { token: A, limits: unlimited() };
    assert_eq!(effect(&bridge, &Setter::SetPairLimits(elsewhere)), Effect::Waits);
}

#[test]
fn a_first_bucket_or_delay_does_not_wait_and_a_wider_one_does() {
    let mut bridge = bridge();
    let set = |bridge: &BridgeState, limits: PairLimits| {
        let call = Bridge::setPairLimitsCall { token: TOKEN, limits };
        effect(bridge, &Setter::SetPairLimits(call)) == Effect::Waits
    };
    let bucket = PairLimits { outflowCapacity: 100, outflowPerSecond: 5, ..unlimited() };
    let delay = PairLimits { delayAbove: 50, delayBlocks: 7, ..unlimited() };
    assert!(!set(&bridge, bucket.clone()));
    assert!(!set(&bridge, delay.clone()));
    bridge.pairs[1].limits.delay = Some(DelayLimit { above: 50, blocks: 7 });
    assert!(!set(&bridge, PairLimits { outflowCapacity: 100, outflowPerSecond: 5, ..delay.clone() }));
    assert!(set(&bridge, bucket), "the delay goes");
    assert!(set(&bridge, PairLimits { delayBlocks: 6, ..delay.clone() }));
    assert!(set(&bridge, PairLimits { delayAbove: 51, ..delay.clone() }));
    assert!(!set(&bridge, PairLimits { delayAbove: 49, delayBlocks: 8, ..delay }));
}

#[test]
fn one_loosening_call_makes_all_of_them_wait() {
    let (tight, loose) = (operators(&[A, B], 2), operators(&[A, B, C], 2));
    assert_eq!(whole(&bridge(), [&tight, &tight]), Effect::AtOnce);
    assert_eq!(whole(&bridge(), [&tight, &loose]), Effect::Waits);
}

#[test]
fn nothing_waits_without_a_delay_or_before_the_bridge_is_open() {
    let loose = operators(&[C], 1);
    let undelayed = BridgeState { governance_delay: 0, ..bridge() };
    assert_eq!(effect(&undelayed, &loose), Effect::AtOnce);
    let unwired = BridgeState { configuration_nonce: 0, ..bridge() };
    assert_eq!(effect(&unwired, &loose), Effect::AtOnce);
}
