//! The most gas that a submission can take: a pure function of its transfers and the destination's pairs.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use polyspan_chain::{PairState, dearer_slot};
use polyspan_types::{Content, Kind, Payload, ValueTransfer};

/// Everything of a `handle` that its transfers, signatures and leaves do not add: intrinsic gas, the roster, nonce, root and counters.
/// Unit: gas. Source, as of all figures here: the tests of `contracts/test/Gas.t.sol`, which hold them against what a bridge uses when
/// everybody uses up what is given, what is refunded at the end included; 48 000 measured.
const CALL_GAS: u64 = 100_000;

/// Unit: gas for each signature, beside its calldata. Source: 4 200 measured.
const SIGNATURE_GAS: u64 = 6_000;

/// Unit: gas for each leaf of the tail, beside its calldata. Source: 141 measured.
const LEAF_GAS: u64 = 200;

/// What a token takes once in a call, however many transfers are of it: its role, pair, limits, bucket and sum of holds, and the
/// token's account, all cold. Unit: gas. Source: 35 600 measured; where bucket and sum are new both, 20 000 more.
const TOKEN_GAS: u64 = 70_000;

/// What a transfer takes beside the gas cap of its payout, when that is used up and it ends on hold: two new slots are 44 200, what is
/// written to pair and bucket and put back 6 000, leaf and event the rest. Unit: gas. Source: 62 100 measured, of an ERC-20 with limits and
/// data for its recipient, 3 100 of whose cap were left.
const TRANSFER_GAS: u64 = 75_000;

/// What a payout of the native currency takes beside that: it carries value to a cold account, which is a new one each time where it is a
/// precompile. Unit: gas. Source: with it a transfer takes 91 800.
const NATIVE_GAS: u64 = 25_000;

/// New slots of a call, a token and a transfer: the count of holds; bucket and sum of holds; a hold. What chains charge for them beside
/// gas as Ethereum does is probed.
const CALL_SLOTS: u64 = 1;
const TOKEN_SLOTS: u64 = 2;
const TRANSFER_SLOTS: u64 = 2;

/// What each id takes beside that: the hold counts what it is owed of the id, in a new slot. Unit: gas. Source: EIP-2929, a new slot
/// that was not read before.
const ID_GAS: u64 = 22_100;

/// Ids that a transfer can have. Source: `contracts/src/bridge/GasCaps.sol`.
const MOST_IDS: u64 = polyspan_types::IDS_LIMIT as u64;

/// Leaves behind the last transfer of a piece, where checkpoints are signed as they are due. Unit: leaves. Source: `CHECKPOINT_INTERVAL`.
const MOST_TAIL: u64 = 31;

/// Calldata of one transfer with the longest payload, and the tail. Unit: bytes. Source: `size.rs`; 1 700 of payload.
const MOST_BYTES: usize = 4 + 9 * 32 + 125 + 1_700 + MOST_TAIL as usize * 32;

/// Calldata beside execution. Unit: gas per byte. Source: EIP-2028, 16 per non-zero byte.
const BYTE_GAS: u64 = 16;

/// Calldata at the floor price, which a transaction pays in the place of calldata and execution where that is more. Unit: gas per byte.
/// Source: EIP-7623, 40 per non-zero byte.
const FLOOR_BYTE_GAS: u64 = 40;

/// What the destination asks for a payout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) pairs: &'a [PairState],
    /// What a new storage slot costs. Unit: gas.
    pub(super) slot_gas: u64,
}

/// What a submission has beside its transfers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    pub(super) signatures: usize,
    /// Unit: leaves.
    pub(super) tail: usize,
}

/// Gas with which a submission cannot run short, whatever tokens and recipients do, as one transfer after the other is added.
#[derive(Debug, Clone)]
pub(super) struct WorstCase<'a> {
    terms: Terms<'a>,
    gas: u64,
    /// Each is read and written for the first time once.
    tokens: BTreeSet<(u8, Address)>,
    greatest_cap: u64,
}

impl<'a> WorstCase<'a> {
    /// Of no transfer yet.
    pub(super) const fn new(terms: Terms<'a>) -> Self {
        Self { terms, gas: 0, tokens: BTreeSet::new(), greatest_cap: 0 }
    }

    /// So many new slots, beyond what they cost on Ethereum.
    const fn dearer(&self, slots: u64) -> u64 {
        dearer_slot(self.terms.slot_gas).saturating_mul(slots)
    }

    /// One more. An unknown token is held and has no cap.
    pub(super) fn add(&mut self, transfer: &ValueTransfer) {
        let pair = self.terms.pairs.iter().find(|pair| pair.is_of(transfer.kind, transfer.token));
        let cap = pair.map_or(0, |pair| u64::from(pair.gas_cap));
        let native = pair.is_some_and(|pair| pair.kind == Kind::Native);
        let mut own = TRANSFER_GAS + if native { NATIVE_GAS } else { 0 } + ids(transfer) * ID_GAS;
        let mut slots = TRANSFER_SLOTS + ids(transfer);
        if self.tokens.insert((transfer.kind.number(), transfer.token)) {
            own += TOKEN_GAS;
            slots += TOKEN_SLOTS;
        }
        self.gas = self.gas.saturating_add(own).saturating_add(self.dearer(slots)).saturating_add(cap);
        self.greatest_cap = self.greatest_cap.max(cap);
    }

    /// Of all of them, in a call with so many bytes of calldata.
    pub(super) fn gas(&self, beside: Beside, calldata_bytes: usize) -> u64 {
        let each = |count: usize, gas: u64| (count as u64).saturating_mul(gas);
        let around = CALL_GAS + each(beside.signatures, SIGNATURE_GAS) + each(beside.tail, LEAF_GAS);
        // Before a payout the contract demands that its cap is at most 63/64 of what is left.
        let kept_back = self.greatest_cap / 63;
        let all = self.gas.saturating_add(around + kept_back).saturating_add(self.dearer(CALL_SLOTS));
        with_calldata(all, calldata_bytes)
    }
}

/// As [`WorstCase`], of all transfers of a submission.
pub(super) fn worst_gas<'a>(
    transfers: impl IntoIterator<Item = &'a ValueTransfer>,
    terms: Terms<'_>,
    beside: Beside,
    calldata_bytes: usize,
) -> u64 {
    let mut worst = WorstCase::new(terms);
    for transfer in transfers {
        worst.add(transfer);
    }
    worst.gas(beside, calldata_bytes)
}

/// What `handle` of one transfer takes at the most, whatever the transfer is, where the greatest gas cap of a pair is `cap`: with so many
/// signatures, as many ids, a payload and a tail as there can be. A transaction has to have room for it. Unit: gas.
pub(crate) fn worst_alone(cap: u32, signatures: usize, slot_gas: u64) -> u64 {
    let dearer = dearer_slot(slot_gas).saturating_mul(CALL_SLOTS + TOKEN_SLOTS + TRANSFER_SLOTS + MOST_IDS);
    let around = CALL_GAS + TOKEN_GAS + TRANSFER_GAS + NATIVE_GAS + MOST_IDS * ID_GAS + MOST_TAIL * LEAF_GAS;
    let signing = (signatures as u64).saturating_mul(SIGNATURE_GAS);
    let bytes = MOST_BYTES.saturating_add(signatures.saturating_mul(super::size::SIGNATURE));
    let all = around.saturating_add(signing).saturating_add(dearer).saturating_add(u64::from(cap));
    with_calldata(all.saturating_add(u64::from(cap) / 63), bytes)
}

/// What a call takes whose execution takes `gas`, with so many bytes of calldata at the most.
pub(super) fn with_calldata(gas: u64, bytes: usize) -> u64 {
    let of_bytes = |price: u64| u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(price);
    gas.saturating_add(of_bytes(BYTE_GAS)).max(CALL_GAS.saturating_add(of_bytes(FLOOR_BYTE_GAS)))
}

/// Ids that a hold of a transfer counts, at most 16. What does not decode is held before the ids of an ERC-1155 are read.
fn ids(transfer: &ValueTransfer) -> u64 {
    match Payload::decode(transfer).map(|payload| payload.content) {
        _ if transfer.kind.asset() == Some(Kind::Erc721) => 1,
        Ok(Content::Items(items)) => items.len() as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256, hex};
    use polyspan_chain::SLOT_GAS;
    use polyspan_chain::testing::pair;
    use polyspan_types::BlockHeight;

    use super::*;

    const ALONE: Beside = Beside { signatures: 0, tail: 0 };

    fn of(pairs: &[PairState]) -> Terms<'_> {
        Terms { pairs, slot_gas: SLOT_GAS }
    }

    fn transfer(token: u8) -> ValueTransfer {
        let at = Address::repeat_byte;
        ValueTransfer {
            kind: Kind::Erc20.into(),
            source_block: BlockHeight::new(1),
            token: at(token),
            from: at(8),
            to: at(9),
            refund_to: at(8),
            value: U256::from(1),
            payload: Bytes::new(),
        }
    }

    #[test]
    fn every_cap_counts_in_full_and_a_token_once() {
        let pair = PairState {
            gas_cap: 63_000,
            ..pair(Kind::Erc20, Address::repeat_byte(2), Address::repeat_byte(1))
        };
        let (known, unknown) = (transfer(1), transfer(7));
        let gas = |transfers: &[&ValueTransfer]| {
            worst_gas(transfers.iter().copied(), of(std::slice::from_ref(&pair)), ALONE, 10)
                - CALL_GAS
                - 10 * BYTE_GAS
        };
        assert_eq!(gas(&[&unknown]), TOKEN_GAS + TRANSFER_GAS);
        assert_eq!(gas(&[&known, &known]), TOKEN_GAS + 2 * (TRANSFER_GAS + 63_000) + 1_000, "EIP-150, once");
        assert_eq!(gas(&[&unknown, &transfer(6)]), 2 * (TOKEN_GAS + TRANSFER_GAS));
        // A refund names the token of this chain.
        let refund = |token| ValueTransfer { kind: known.kind.refund(), ..transfer(token) };
        assert_eq!(gas(&[&refund(2)]), TOKEN_GAS + TRANSFER_GAS + 64_000);
        assert_eq!(gas(&[&refund(1)]), TOKEN_GAS + TRANSFER_GAS);
        let native = PairState { kind: Kind::Native, ..pair.clone() };
        let more = worst_gas([&known], of(&[native]), ALONE, 0)
            - worst_gas([&known], of(std::slice::from_ref(&pair)), ALONE, 0);
        assert_eq!(more, NATIVE_GAS);
    }

    #[test]
    fn new_slots_count_as_they_cost_there() {
        let gas = |slot_gas| {
            let terms = Terms { pairs: &[], slot_gas };
            worst_gas([&transfer(1), &transfer(1), &transfer(2)], terms, ALONE, 0)
        };
        assert_eq!(gas(SLOT_GAS + 10_000) - gas(SLOT_GAS), 10_000 * (1 + 2 * 2 + 3 * 2));
        assert_eq!(
            [gas(0), gas(SLOT_GAS + 500)],
            [gas(SLOT_GAS); 2],
            "cheaper ones are left to the chain, and estimates err"
        );
    }

    #[test]
    fn the_figures_are_those_that_are_held_against_the_contract() {
        let tests = include_str!("../../../../contracts/test/Gas.t.sol").replace('_', "");
        for (name, gas) in [
            ("CALLGAS", CALL_GAS),
            ("SIGNATUREGAS", SIGNATURE_GAS),
            ("LEAFGAS", LEAF_GAS),
            ("TOKENGAS", TOKEN_GAS),
            ("TRANSFERGAS", TRANSFER_GAS),
            ("NATIVEGAS", NATIVE_GAS),
            ("IDGAS", ID_GAS),
            ("BYTEGAS", BYTE_GAS),
        ] {
            assert!(tests.contains(&format!(" {name} = {gas};")), "{name} {gas}");
        }
    }

    #[test]
    fn what_one_transfer_takes_at_the_most_covers_every_single_one() {
        let most = usize::try_from(MOST_IDS).unwrap();
        let item = |id: usize| [[0; 31].as_slice(), &[u8::try_from(id).unwrap()], &[0; 15], &[1]].concat();
        let mut payload = vec![u8::try_from(most).unwrap()];
        payload.extend((0..most).flat_map(item));
        payload.resize(1_700, 1);
        for (kind, native) in [(Kind::Erc1155, false), (Kind::Erc20, true)] {
            let pair = PairState {
                gas_cap: 2_000_000,
                kind: if native { Kind::Native } else { kind },
                ..pair(kind, Address::repeat_byte(2), Address::repeat_byte(1))
            };
            let transfer =
                ValueTransfer { kind: kind.into(), payload: payload.clone().into(), ..transfer(1) };
            let beside = Beside { signatures: 3, tail: 31 };
            let bytes = MOST_BYTES + 3 * crate::submit::size::SIGNATURE;
            for slot_gas in [SLOT_GAS, 5 * SLOT_GAS] {
                let one = worst_gas(
                    [&transfer],
                    Terms { pairs: std::slice::from_ref(&pair), slot_gas },
                    beside,
                    bytes,
                );
                let most = worst_alone(2_000_000, 3, slot_gas);
                assert!(one <= most, "{kind} {one} {most}");
            }
        }
        assert!(worst_alone(15_000_000, 3, SLOT_GAS) < 1 << 24, "the greatest cap that a bridge takes");
    }

    #[test]
    fn signatures_leaves_and_calldata_count() {
        let gas = |signatures, tail, bytes| WorstCase::new(of(&[])).gas(Beside { signatures, tail }, bytes);
        assert_eq!(gas(0, 0, 0), CALL_GAS);
        assert_eq!(gas(3, 5, 1), CALL_GAS + 3 * SIGNATURE_GAS + 5 * LEAF_GAS + BYTE_GAS);
        assert_eq!(with_calldata(CALL_GAS + 1_000_000, 1_000), CALL_GAS + 1_016_000);
        assert_eq!(with_calldata(CALL_GAS + 1_000, 1_000), CALL_GAS + 40_000, "EIP-7623: one or the other");
    }

    #[test]
    fn each_id_counts_by_the_slot_that_its_hold_writes() {
        let item = |id: u8| [[0; 31].as_slice(), &[id], &[0; 15], &[1]].concat();
        let named = |ids: u8| -> Bytes {
            [vec![ids]].into_iter().chain((0..ids).map(item)).flatten().collect::<Vec<u8>>().into()
        };
        let gas = |kind: Kind, payload: Bytes| {
            let value = U256::from(payload.first().copied().unwrap_or_default());
            let transfer = ValueTransfer { kind: kind.into(), value, payload, ..transfer(1) };
            worst_gas([&transfer], of(&[]), ALONE, 0) - CALL_GAS - TOKEN_GAS - TRANSFER_GAS
        };
        assert_eq!([1, 16].map(|ids| gas(Kind::Erc1155, named(ids))), [ID_GAS, 16 * ID_GAS]);
        // What is held unread owes no id.
        assert_eq!(
            [named(17), Bytes::new(), named(3).slice(..80)].map(|payload| gas(Kind::Erc1155, payload)),
            [0; 3]
        );
        // But for an ERC-721, whose id is its value.
        assert_eq!(
            [hex!("0000").into(), Bytes::new()].map(|payload| gas(Kind::Erc721, payload)),
            [ID_GAS; 2]
        );
    }
}
