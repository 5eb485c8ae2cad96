use super::*;
use crate::governance::limits::unlimited;
use polyspan_chain::encode_transfer;

use crate::governance::testing::{COUNTERPART_TOKEN, TOKEN, held, state};

const A: Address = Address::repeat_byte(1);
const B: Address = Address::repeat_byte(2);
const C: Address = Address::repeat_byte(3);

#[track_caller]
fn assert_told(setter: Setter, known: &str, unknown: &str) {
    let state = state(&[A, B, C]);
    let names = [(TOKEN, "KRT".to_owned())];
    let knowing = Knowledge { names: &names, state: Some(&state), past: false };
    assert_eq!(knowing.tell(&setter), known);
    assert_eq!(Knowledge::default().tell(&setter), unknown);
}

#[test]
fn members_are_told_with_who_comes_and_who_goes() {
    let setter = Setter::SetGovernors(Bridge::setGovernorsCall {
        members: vec![A, B, Address::repeat_byte(4)],
        threshold: 2,
    });
    let text = Knowledge { names: &[], state: Some(&state(&[A, B, C])), past: false }.tell(&setter);
    assert!(text.starts_with("replace the governors by 0x0101"), "{text}");
    assert!(
        text.contains("0x0404040404040404040404040404040404040404 (new) with threshold 2 (was 2 of 3)"),
        "{text}"
    );
    assert!(text.ends_with(&format!("no longer {C}")), "{text}");
}

#[test]
fn limits_are_told_in_whole_tokens_and_only_what_changes() {
    let limits =
        PairLimits { maximum: 1_500_000, outflowCapacity: 86_400, outflowPerSecond: 1, ..unlimited() };
    let setter = Setter::SetPairLimits(Bridge::setPairLimitsCall { token: TOKEN, limits });
    assert_told(
        setter,
        &format!(
            "limits of KRT ({TOKEN}): maximum 1.5 (was none), outflow capacity 0.0864 (was none), outflow per second \
             0.000001 (was 0)"
        ),
        &format!(
            "limits of {TOKEN}: minimum 0, maximum 1500000 smallest units, fee none, outflow capacity 86400 smallest units, \
             outflow per second 1 smallest units, delay above none, delay blocks 0"
        ),
    );
    let same = Setter::SetPairLimits(Bridge::setPairLimitsCall { token: TOKEN, limits: unlimited() });
    let text = Knowledge { names: &[], state: Some(&state(&[A])), past: false }.tell(&same);
    assert!(text.starts_with("leave the limits of"), "{text}");
}

#[test]
fn plain_values_are_told_with_what_was_before() {
    assert_told(
        Setter::SetGovernanceDelay(Bridge::setGovernanceDelayCall { governanceDelay: 86_400 }),
        "let loosening configurations wait 1day (was 2days)",
        "let loosening configurations wait 1day",
    );
    assert_told(
        Setter::SetPairLocked(Bridge::setPairLockedCall { token: Address::ZERO, locked: true }),
        "refuse requests of the native currency",
        "refuse requests of the native currency",
    );
    assert_told(
        Setter::SetFeeReceiver(Bridge::setFeeReceiverCall { feeReceiver: A }),
        &format!("send fees to {A} (was nobody)"),
        &format!("send fees to {A}"),
    );
}

#[test]
fn what_leaves_is_told_with_what_has_to_be_handled_before() {
    assert_told(
        Setter::HandOver(Bridge::handOverCall { token: TOKEN, successor: A, inboundNonce: 42 }),
        &format!(
            "make {A} the one who mints and burns KRT ({TOKEN}), once at least 42 requests of the counterpart are handled"
        ),
        &format!(
            "make {A} the one who mints and burns {TOKEN}, once at least 42 requests of the counterpart are handled"
        ),
    );
    let removed = Setter::DeregisterPair(Bridge::deregisterPairCall {
        token: TOKEN,
        inboundNonce: 0,
        outboundNonce: 9,
    });
    let text = Knowledge::default().tell(&removed);
    let end = "once at least 0 requests of the counterpart are handled; the counterpart has handled 9 of this side's";
    assert!(text.ends_with(end), "{text}");
    let transfer = encode_transfer(&held());
    let to = held().to;
    assert_told(
        Setter::WriteOff(Bridge::writeOffCall { nonce: 4, transfer }),
        &format!(
            "write off the hold of request 4: put 0.000005 of KRT ({TOKEN}) into the bridge's claims, where {to} can take it"
        ),
        &format!(
            "write off the hold of request 4: put 5 smallest units of {COUNTERPART_TOKEN} into the bridge's claims, where {to} can take it"
        ),
    );
    assert_told(
        Setter::SetGreatestGasCap(Bridge::setGreatestGasCapCall { gasCap: 3_000_000 }),
        "let no payout of any pair use more than 3000000 gas (was 2000000)",
        "let no payout of any pair use more than 3000000 gas",
    );
}

#[test]
fn what_was_changed_long_ago_is_not_compared_with_now() {
    let state = state(&[A]);
    let past = Knowledge { names: &[], state: Some(&state), past: true };
    let limits = PairLimits { maximum: 1_500_000, ..unlimited() };
    let text = past.tell(&Setter::SetPairLimits(Bridge::setPairLimitsCall { token: TOKEN, limits }));
    assert!(text.contains("maximum 1.5, fee none") && !text.contains("was"), "{text}");
    let delay = Setter::SetRefundDelay(Bridge::setRefundDelayCall { refundDelay: 9 });
    assert_eq!(past.tell(&delay), "let holds wait 9 blocks before anyone may refund them");
}

#[test]
fn a_time_beyond_all_calendars_is_never() {
    assert_eq!(moment(0), "1970-01-01T00:00:00Z");
    assert_eq!(moment(u64::MAX), "never");
    assert_eq!(span(90_061), "1day 1h 1m 1s");
}
