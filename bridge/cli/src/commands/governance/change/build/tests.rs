use clap::Parser;

use polyspan_chain::SLOT_GAS;

use super::*;
use crate::governance::testing::{COUNTERPART_TOKEN, TOKEN, state};

const A: &str = "0x0101010101010101010101010101010101010101";
const B: &str = "0x0202020202020202020202020202020202020202";

#[derive(Debug, Parser)]
struct Typed {
    #[command(subcommand)]
    change: Change,
}

/// The call of a change as it is typed, on the main chain of a bridge that `change` may alter.
fn built(line: &str, end: End, change: impl FnOnce(&mut BridgeState)) -> Result<Setter, String> {
    built_where(line, end, (SLOT_GAS, SLOT_GAS), change)
}

/// As [`built`], where new storage slots cost so much here and there.
fn built_where(
    line: &str,
    end: End,
    slot_gas: (u64, u64),
    change: impl FnOnce(&mut BridgeState),
) -> Result<Setter, String> {
    let typed = Typed::try_parse_from(std::iter::once("x").chain(line.split_whitespace()));
    let typed = typed.map_err(|error| error.to_string())?;
    let mut state = state(&[Address::repeat_byte(1)]);
    change(&mut state);
    let names = [(TOKEN, "KRT".to_owned())];
    let counterpart = state.clone();
    let ground = Ground {
        end,
        chain: "main",
        names: &names,
        state: &state,
        counterpart: Some(&counterpart),
        decimals: 6,
        slot_gas,
        held: None,
    };
    ground.setter(&typed.change).map_err(|error| error.to_string())
}

/// As [`built`], while the other chain cannot be reached.
fn without_counterpart(line: &str, change: impl FnOnce(&mut BridgeState)) -> Result<Setter, String> {
    let typed = Typed::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
    let mut state = state(&[Address::repeat_byte(1)]);
    change(&mut state);
    let names = [(TOKEN, "KRT".to_owned())];
    let ground = Ground {
        end: End::Main,
        chain: "main",
        names: &names,
        state: &state,
        counterpart: None,
        decimals: 6,
        slot_gas: (SLOT_GAS, SLOT_GAS),
        held: None,
    };
    ground.setter(&typed.change).map_err(|error| error.to_string())
}

fn main(line: &str) -> Result<Setter, String> {
    built(line, End::Main, |_| ())
}

#[track_caller]
fn assert_refused(line: &str, words: &str) {
    let error = main(line).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_pair_is_named_by_name_or_by_either_token() {
    let locked = |token| Setter::SetPairLocked(Bridge::setPairLockedCall { token, locked: true });
    assert_eq!(main("lock-pair --pair KRT"), Ok(locked(TOKEN)));
    assert_eq!(main(&format!("lock-pair --pair {TOKEN}")), Ok(locked(TOKEN)));
    assert_eq!(main(&format!("lock-pair --pair {COUNTERPART_TOKEN}")), Ok(locked(TOKEN)));
    assert_eq!(main("lock-pair --pair native"), Ok(locked(Address::ZERO)));
    assert_refused("lock-pair --pair MOON", "`MOON` is no pair of the bridge (KRT)");
    assert_refused(&format!("lock-pair --pair {A}"), "is not registered");
}

#[test]
fn members_follow_the_rules_of_the_contract() {
    let set = main(&format!("set-operators --members {A},{B} --threshold 2")).unwrap();
    assert!(matches!(set, Setter::SetOperators(call) if call.members.len() == 2 && call.threshold == 2));
    assert_refused(&format!("set-operators --members {A},{B} --threshold 1"), "half of 2 members or less");
    assert_refused(&format!("set-governors --members {A},{A} --threshold 2"), "listed twice");
    assert_refused(&format!("set-governors --members {} --threshold 1", Address::ZERO), "zero address");
    assert_refused("set-governors --members 0x12 --threshold 1", "not an address");
    let development = built(&format!("set-operators --members {A},{B} --threshold 1"), End::Main, |state| {
        state.development = true
    });
    assert!(development.is_ok());
}

#[test]
fn limits_that_are_not_named_stay() {
    let limited = |state: &mut BridgeState| state.pairs[1].limits.minimum = 5;
    let set = built("set-limits --pair KRT --maximum 2.5 --fee 0.1", End::Main, limited).unwrap();
    let Setter::SetPairLimits(call) = set else { panic!("{set:?}") };
    assert_eq!((call.limits.minimum, call.limits.maximum, call.limits.fee), (5, 2_500_000, 100_000));
    assert_refused("set-limits --pair KRT --outflow-capacity 5", "--outflow-period: say in which time");
}

#[test]
fn a_new_pair_is_registered_from_both_ends() {
    let line = format!("register-pair --kind erc20 --main-token {A} --service-token {B} --mints service");
    let pair = |end| match built(&line, end, |_| ()) {
        Ok(Setter::RegisterPair(call)) => call.pair,
        other => panic!("{other:?}"),
    };
    let (main, service) = (pair(End::Main), pair(End::Service));
    assert_eq!((main.mints, service.mints), (false, true));
    assert_eq!((main.token, main.counterpartToken), (service.counterpartToken, service.token));
    assert_eq!((main.gasCap, main.decimals, main.kind), (150_000, 6, 1));
    let native = "register-pair --kind erc20 --main-token native --service-token";
    assert_refused(&format!("{native} {A} --mints main"), "no bridge can mint a native currency");
    assert_refused(&format!("{native} {A} --mints service"), "are a pair already");
    assert_refused(
        &format!("register-pair --kind erc721 --main-token native --service-token {A} --mints service"),
        "is no erc721",
    );
}

#[test]
fn a_gas_cap_is_within_the_bounds_of_its_kind() {
    let set = main("set-gas-cap --pair KRT --gas-cap 100000").unwrap();
    assert!(matches!(set, Setter::SetPairGasCap(call) if call.gasCap == 100_000));
    assert_refused("set-gas-cap --pair KRT --gas-cap 99999", "--gas-cap: 99999 is out of range for erc20");
    assert_refused("set-gas-cap --pair native --gas-cap 2000001", "use 100000 to 2000000");
    let register = format!("register-pair --main-token {A} --service-token {B} --mints service --gas-cap");
    assert_refused(&format!("{register} 129999 --kind erc721"), "use 130000 to 2000000");
    assert_refused(&format!("{register} 517599 --kind erc721 --item-bound 512"), "use 517600 to 2000000");
    assert_refused(&format!("{register} 154999 --kind erc1155"), "with an item bound of 1; use 155000 to");
    assert_refused(
        &format!("{register} 900000 --kind erc1155 --item-bound 17"),
        "--item-bound: 17 is out of range",
    );
    let bound = |line: &str| match main(&format!("{register} {line}")).unwrap() {
        Setter::RegisterPair(call) => (call.pair.itemBound, call.pair.gasCap),
        other => panic!("{other:?}"),
    };
    // As much as the gas cap pays for.
    assert_eq!(bound("200000 --kind erc721"), (64, 200_000));
    assert_eq!(bound("2000000 --kind erc1155"), (16, 2_000_000));
    let line = format!("register-pair --kind erc721 --main-token {A} --service-token {B} --mints service");
    let small = built(&line, End::Main, |state| state.greatest_gas_cap = 200_000).unwrap();
    assert!(
        matches!(small, Setter::RegisterPair(call) if (call.pair.itemBound, call.pair.gasCap) == (64, 198_400))
    );
}

#[test]
fn a_pair_has_the_gas_that_its_chain_charges_for_storage_now() {
    let registered = |kind: &str, slot_gas| {
        let line =
            format!("register-pair --kind {kind} --main-token {A} --service-token {B} --mints service");
        match built_where(&line, End::Main, slot_gas, |state| state.greatest_gas_cap = 2_000_000).unwrap() {
            Setter::RegisterPair(call) => (call.pair.itemBound, call.pair.gasCap),
            other => panic!("{other:?}"),
        }
    };
    let dear = 6 * SLOT_GAS;
    assert_eq!(registered("erc20", (SLOT_GAS, dear)), (0, 150_000));
    assert_eq!(registered("erc20", (dear, SLOT_GAS)), (0, default_gas_cap(Kind::Erc20, 0, dear)));
    assert!(default_gas_cap(Kind::Erc20, 0, dear) > 150_000);
    // As many ids as the dearer side pays for, on both of them.
    let (ids, _) = registered("erc1155", (dear, SLOT_GAS));
    assert!(ids < 16);
    assert_eq!(registered("erc1155", (SLOT_GAS, dear)).0, ids);
}

#[test]
fn the_greatest_gas_cap_is_within_the_bounds_of_a_bridge() {
    let set = main("set-greatest-gas-cap --gas-cap 3000000").unwrap();
    assert!(matches!(set, Setter::SetGreatestGasCap(call) if call.gasCap == 3_000_000));
    assert_refused("set-greatest-gas-cap --gas-cap 99999", "use 100000 to 15000000");
}

#[test]
fn what_leaves_names_how_many_requests_were_handled() {
    let counted = |state: &mut BridgeState| {
        state.request_nonce = polyspan_types::RequestNonce::new(42);
        // The counterpart's pair of this pair: here a copy of the same state.
        state.pairs[1].counterpart_token = TOKEN;
        state.pairs[1].mints = true;
    };
    let locked = |state: &mut BridgeState| {
        counted(state);
        state.pairs[1].locked = true;
    };
    let stopped = |state: &mut BridgeState| {
        counted(state);
        state.requests_stopped = true;
    };
    let remove = "deregister-pair --pair KRT";
    let nonce = |set: Result<Setter, String>| match set.unwrap() {
        Setter::DeregisterPair(call) => call.inboundNonce,
        Setter::HandOver(call) => call.inboundNonce,
        other => panic!("{other:?}"),
    };
    assert_eq!(nonce(built(remove, End::Main, locked)), 42);
    assert_eq!(nonce(built(remove, End::Main, stopped)), 42);
    // Gone from the counterpart, which the default fixture knows under another token.
    assert_eq!(nonce(built(remove, End::Main, |_| ())), 0);
    let error = built(remove, End::Main, counted).unwrap_err();
    assert!(error.contains("the counterpart's side of the pair is not locked"), "{error}");
    assert_eq!(nonce(built(&format!("{remove} --inbound-nonce 7"), End::Main, counted)), 7);

    let hand_over = format!("hand-over --pair KRT --successor {A}");
    assert_eq!(nonce(built(&hand_over, End::Main, stopped)), 42);
    let error = built(&hand_over, End::Main, locked).unwrap_err();
    assert!(error.contains("requests are not stopped"), "{error}");
    assert_eq!(nonce(built(&format!("{hand_over} --inbound-nonce 7"), End::Main, counted)), 7);
    assert_refused(&hand_over, "this side locks KRT, so nobody mints it here");
}

#[test]
fn a_token_is_not_handed_over_while_the_counterpart_can_refund_it() {
    let line = format!("hand-over --pair KRT --successor {A}");
    let holding = |held: u64| {
        built(&line, End::Main, |state| {
            state.requests_stopped = true;
            // The counterpart's pair of this pair: here a copy of the same state.
            state.pairs[1].counterpart_token = TOKEN;
            state.pairs[1].mints = true;
            state.pairs[1].held = U256::from(held);
        })
    };
    let error = holding(1).unwrap_err();
    assert!(error.contains("the counterpart holds requests of KRT"), "{error}");
    holding(0).unwrap();
}

#[test]
fn what_migrates_by_default_is_all_that_nobody_is_owed() {
    let line = format!("migrate --pair KRT --successor {A}");
    let drained = |state: &mut BridgeState| {
        state.requests_stopped = true;
        state.request_nonce = polyspan_types::RequestNonce::new(42);
        state.pairs[1].escrow = U256::from(100);
        state.pairs[1].held = U256::from(30);
    };
    let Ok(Setter::Migrate(call)) = built(&line, End::Main, drained) else { panic!("not built") };
    assert_eq!((call.amount, call.inboundNonce, call.ids.len()), (U256::from(70), 42, 0));
    assert_refused(&line, "there is nothing to move");
    let open = |state: &mut BridgeState| state.pairs[1].escrow = U256::from(100);
    let error = built(&line, End::Main, open).unwrap_err();
    assert!(error.contains("requests are not stopped"), "{error}");
    let error = built(&format!("{line} --id 5 --inbound-nonce 1"), End::Main, open).unwrap_err();
    assert!(error.contains("--id: only ids that this side locks"), "{error}");
    let error = without_counterpart(&line, |state| state.pairs[1].escrow = U256::from(100)).unwrap_err();
    assert!(error.contains("--inbound-nonce: the counterpart could not be read"), "{error}");
    let many = |state: &mut BridgeState| state.pairs[1].kind = Kind::Erc1155;
    let by_id = format!("{line} --inbound-nonce 1 --id 5 --id 6 --units 2 --units 3");
    let Ok(Setter::Migrate(call)) = built(&by_id, End::Main, many) else { panic!("not built") };
    assert_eq!(call.amount, U256::from(5));
}
