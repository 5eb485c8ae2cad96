//! The most gas that a submission can take: a pure function of its transfers and the destination's pairs.

use polyspan_chain::PairState;
use polyspan_types::{Content, Payload, ValueTransfer};

/// Everything of a transaction that does not depend on its transfers: intrinsic gas, signatures, storing nonce and root.
/// Unit: gas. Source: `devnet bench gas`, a single transfer takes 92 214 in all; doubled.
const CALL_GAS: u64 = 200_000;

/// What a transfer takes beside the gas cap of its payout, when it ends on hold. Unit: gas. Source: `Payouts.sol`, all slots
/// cold, all written ones new:
/// - before the call about 45 000: token, pair, recipient, limits and bucket 12 600 read, bucket 20 000 and pair 2 900
///   written; leaf, payload and their copies in memory;
/// - the call itself 36 600 at most, for which the contract asks for 40 000;
/// - the hold about 77 000: sum, leaf and place 66 300, count 5 000, both counters put back, event, the leaf once more.
const TRANSFER_GAS: u64 = 40_000 + 140_000;

/// What each id of an ERC-1155 takes beside that: the hold counts what it is owed of the id, in a new slot. Unit: gas. Source:
/// EIP-2929, a new slot that was not read before.
const ID_GAS: u64 = 22_100;

/// Calldata beside execution. Unit: gas per byte. Source: EIP-2028, 16 per non-zero byte.
const BYTE_GAS: u64 = 16;

/// Calldata at the floor price, which a transaction pays in the place of calldata and execution where that is more. Unit: gas per byte.
/// Source: EIP-7623, 40 per non-zero byte.
const FLOOR_BYTE_GAS: u64 = 40;

/// Gas with which `handle` cannot run short, whatever tokens and recipients do.
///
/// A payout's cap counts in full and by 64/63, which is what the contract demands to be left. An unknown token is held and
/// has no cap.
pub fn worst_gas<'a>(
    transfers: impl IntoIterator<Item = &'a ValueTransfer>,
    pairs: &[PairState],
    calldata_bytes: usize,
) -> u64 {
    let transfers = transfers.into_iter().map(|transfer| worst_transfer_gas(transfer, pairs));
    with_calldata(transfers.fold(CALL_GAS, u64::saturating_add), calldata_bytes)
}

/// What a call takes whose execution takes `gas`, with so many bytes of calldata at the most.
pub(super) fn with_calldata(gas: u64, bytes: usize) -> u64 {
    let of_bytes = |price: u64| u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(price);
    gas.saturating_add(of_bytes(BYTE_GAS)).max(CALL_GAS.saturating_add(of_bytes(FLOOR_BYTE_GAS)))
}

/// The part of [`worst_gas`] that is one transfer's, without its calldata. Unit: gas.
pub(super) fn worst_transfer_gas(transfer: &ValueTransfer, pairs: &[PairState]) -> u64 {
    let pair = pairs.iter().find(|pair| pair.is_of(transfer.kind, transfer.token));
    let cap = pair.map_or(0, |pair| u64::from(pair.gas_cap) * 64 / 63);
    (TRANSFER_GAS + ids(transfer) * ID_GAS).saturating_add(cap)
}

/// Ids that a transfer names, at most 16. What does not decode is held before its ids are read.
fn ids(transfer: &ValueTransfer) -> u64 {
    match Payload::decode(transfer).map(|payload| payload.content) {
        Ok(Content::Items(items)) => items.len() as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes, U256};
    use polyspan_chain::testing::pair;
    use polyspan_types::{BlockHeight, Kind};

    use super::*;

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
    fn every_cap_counts_in_full() {
        let pair = PairState {
            gas_cap: 63_000,
            ..pair(Kind::Erc20, Address::repeat_byte(2), Address::repeat_byte(1))
        };
        let (known, unknown) = (transfer(1), transfer(7));
        assert_eq!(worst_gas([], &[], 0), CALL_GAS);
        assert_eq!(worst_gas([&unknown], std::slice::from_ref(&pair), 10), CALL_GAS + 160 + TRANSFER_GAS);
        assert_eq!(
            worst_gas([&known, &known], std::slice::from_ref(&pair), 0),
            CALL_GAS + 2 * (TRANSFER_GAS + 64_000)
        );
        // A refund names the token of this chain.
        let refund = |token| ValueTransfer { kind: known.kind.refund(), ..transfer(token) };
        assert_eq!(worst_gas([&refund(2)], std::slice::from_ref(&pair), 0), CALL_GAS + TRANSFER_GAS + 64_000);
        assert_eq!(worst_gas([&refund(1)], &[pair], 0), CALL_GAS + TRANSFER_GAS);
    }

    #[test]
    fn calldata_counts_beside_execution_or_alone_whichever_is_more() {
        assert_eq!(with_calldata(CALL_GAS + 1_000_000, 1_000), CALL_GAS + 1_016_000);
        assert_eq!(with_calldata(CALL_GAS + 1_000, 1_000), CALL_GAS + 40_000, "EIP-7623");
    }

    #[test]
    fn each_id_counts_by_the_slot_that_its_hold_writes() {
        let item = |id: u8| [[0; 31].as_slice(), &[id], &[0; 15], &[1]].concat();
        let named = |ids: u8| -> Bytes {
            [vec![ids]].into_iter().chain((0..ids).map(item)).flatten().collect::<Vec<u8>>().into()
        };
        let batch = |payload: Bytes| ValueTransfer {
            kind: Kind::Erc1155.into(),
            value: U256::from(payload.first().copied().unwrap_or_default()),
            payload,
            ..transfer(1)
        };
        let gas = |payload| worst_gas([&batch(payload)], &[], 0) - CALL_GAS - TRANSFER_GAS;
        assert_eq!([1, 16].map(|ids| gas(named(ids))), [ID_GAS, 16 * ID_GAS]);
        // What is held unread owes no id.
        assert_eq!([gas(named(17)), gas(Bytes::new()), gas(named(3).slice(..80))], [0; 3]);
    }
}
