//! How many transfers fit into one submission, by the worst that they can take: pure.

use std::time::{Duration, Instant};

use polyspan_types::ValueTransfer;

use super::gas::{Beside, Terms, WorstCase};

/// Most calldata of a submission. Unit: bytes. Source: geth and its kin refuse a transaction above 128 KiB (`txMaxSize`); what
/// is left is for its envelope.
pub(super) const MAX_CALLDATA: usize = 126 * 1024;
/// What the arguments of `handle` take beside transfers, tail and signatures. Unit: bytes. Source: selector, `first`, three offsets
/// and four lengths, each of a word, and the padding of the transfers.
const ARGUMENTS: usize = 4 + 9 * 32;
/// A signature among the arguments. Unit: bytes. Source: offset, length, and 65 bytes in three words.
pub(super) const SIGNATURE: usize = 5 * 32;
/// A leaf of the tail. Unit: bytes.
const LEAF: usize = 32;
/// What a packed transfer takes without its payload, when nothing can be left out. Unit: bytes. Source: `packed.rs`, header 2, kind
/// and token 21, block 8, three addresses 60, value 32, length of the payload 2.
const PACKED: usize = 125;

/// For how long a size that the chain refused is not tried again. Unit: time. Source: caps of nodes and of blocks change by the
/// hour at most, and a refusal costs a call.
const REMEMBERED: Duration = Duration::from_secs(600);

/// How large a submission may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Unit: gas.
    pub(super) gas: u64,
    /// Calldata. Unit: bytes.
    pub(super) bytes: usize,
}

/// What the chain takes, by config and by what it refused lately.
#[derive(Debug, Clone, Copy)]
pub(super) struct SizeLimit {
    max_gas: u64,
    refused: Option<(Size, Instant)>,
}

impl SizeLimit {
    /// No submission of several transfers takes more than `max_gas`.
    pub(super) const fn new(max_gas: u64) -> Self {
        Self { max_gas, refused: None }
    }

    /// The limit now, on a chain whose blocks have `block_gas`; 0 where they tell no limit.
    pub(super) fn at(&self, block_gas: u64, now: Instant) -> Size {
        let of_block = if block_gas == 0 { u64::MAX } else { block_gas };
        let limit = Size { gas: self.max_gas.min(of_block), bytes: MAX_CALLDATA };
        match self.refused {
            // Half of it: the reply says that it was too large, and not by how much.
            Some((size, since)) if now.saturating_duration_since(since) < REMEMBERED => {
                Size { gas: limit.gas.min(size.gas / 2), bytes: limit.bytes.min(size.bytes / 2) }
            }
            _ => limit,
        }
    }

    /// The chain or a node refused a submission of this size, or it may have run short of gas.
    pub(super) fn refused(&mut self, size: Size, now: Instant) {
        self.refused = Some((size, now));
    }
}

/// How many of `transfers`, from the first on, fit into one submission with so many signatures, when `tail` leaves follow the last of
/// them, and the size of that. What is left out of the transfers joins the tail. At least one: a request that fits into no transaction is
/// force-held.
pub(super) fn fitting(
    transfers: &[&ValueTransfer],
    terms: Terms<'_>,
    Beside { signatures, tail }: Beside,
    limit: Size,
) -> (usize, Size) {
    let fixed = ARGUMENTS + signatures * SIGNATURE;
    let (mut worst, mut packed) = (WorstCase::new(terms), 0usize);
    let mut fits = (0, Size { gas: 0, bytes: fixed });
    for (place, transfer) in transfers.iter().enumerate() {
        worst.add(transfer);
        packed += PACKED + transfer.payload.len();
        let tail = tail.saturating_add(transfers.len() - place - 1);
        let bytes = tail.saturating_mul(LEAF).saturating_add(fixed + packed);
        let size = Size { gas: worst.gas(Beside { signatures, tail }, bytes), bytes };
        if fits.0 > 0 && (size.gas > limit.gas || size.bytes > limit.bytes) {
            break;
        }
        fits = (place + 1, size);
    }
    fits
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, Bytes, Signature, U256};
    use polyspan_chain::testing::pair;
    use polyspan_chain::{PairState, SLOT_GAS, handle_calldata};
    use polyspan_types::{BlockHeight, Kind, Leaf, RequestNonce};
    use proptest::prelude::*;

    use super::super::gas::worst_gas;
    use super::*;

    fn transfer(payload: usize) -> ValueTransfer {
        let at = Address::repeat_byte;
        ValueTransfer {
            kind: Kind::Erc20.into(),
            source_block: BlockHeight::new(1),
            token: at(1),
            from: at(8),
            to: at(9),
            refund_to: at(7),
            value: U256::MAX,
            payload: Bytes::from(vec![1; payload]),
        }
    }

    fn of(pairs: &[PairState]) -> Terms<'_> {
        Terms { pairs, slot_gas: SLOT_GAS }
    }

    fn pairs(gas_cap: u32) -> [PairState; 1] {
        [PairState { gas_cap, ..pair(Kind::Erc20, Address::repeat_byte(2), Address::repeat_byte(1)) }]
    }

    #[test]
    fn a_submission_is_cut_by_gas_by_bytes_and_never_to_nothing() {
        let small: Vec<_> = (0..128).map(|_| transfer(0)).collect();
        let small: Vec<_> = small.iter().collect();
        let all = Size { gas: u64::MAX, bytes: MAX_CALLDATA };
        let beside = |tail| Beside { signatures: 3, tail };
        assert_eq!(fitting(&small, of(&pairs(63_000)), beside(0), all).0, 128);
        let osaka = Size { gas: 1 << 24, bytes: MAX_CALLDATA };
        let [alone, behind] =
            [0, 2_048].map(|tail| fitting(&small, of(&pairs(100_000)), beside(tail), osaka).0);
        assert!((90..95).contains(&alone) && (82..87).contains(&behind), "{alone} {behind}");
        assert_eq!(fitting(&small, of(&pairs(63_000)), beside(0), Size { gas: 0, bytes: 0 }).0, 1);
        let large: Vec<_> = (0..128).map(|_| transfer(1_600)).collect();
        let large: Vec<_> = large.iter().collect();
        let (cut, _) = fitting(&large, of(&pairs(63_000)), beside(1_024), all);
        assert!((50..60).contains(&cut), "{cut}");
    }

    #[test]
    fn what_was_refused_is_halved_for_a_while() {
        let (mut limit, now) = (SizeLimit::new(1 << 24), Instant::now());
        assert_eq!(limit.at(30_000_000, now), Size { gas: 1 << 24, bytes: MAX_CALLDATA });
        assert_eq!([limit.at(1_000_000, now).gas, limit.at(0, now).gas], [1_000_000, 1 << 24]);
        limit.refused(Size { gas: 1 << 23, bytes: 50_000 }, now);
        assert_eq!(limit.at(1 << 24, now), Size { gas: 1 << 22, bytes: 25_000 });
        assert_eq!(limit.at(1 << 24, now + REMEMBERED).gas, 1 << 24);
    }

    proptest! {
        #[test]
        fn what_fits_is_within_the_limit_as_it_is_sent(
            payloads in proptest::collection::vec(0usize..1_700, 1..100), tail in 0usize..2_048,
            signatures in 1usize..64, gas_cap in 21_000u32..2_000_000, gas in 1_000_000u64..40_000_000,
        ) {
            let transfers: Vec<_> = payloads.iter().map(|payload| transfer(*payload)).collect();
            let transfers: Vec<_> = transfers.iter().collect();
            let (pairs, limit) = (pairs(gas_cap), Size { gas, bytes: MAX_CALLDATA });
            let (count, size) = fitting(&transfers, of(&pairs), Beside { signatures, tail }, limit);
            let (sent, left) = transfers.split_at(count);
            let tail = vec![Leaf(B256::repeat_byte(7)); tail + left.len()];
            let beside = Beside { signatures, tail: tail.len() };
            let signatures = vec![Signature::test_signature(); signatures];
            let calldata = handle_calldata(RequestNonce::ZERO, sent, &tail, &signatures).unwrap();
            let worst = worst_gas(sent.iter().copied(), of(&pairs), beside, calldata.len());
            prop_assert!(worst <= size.gas && calldata.len() <= size.bytes, "{worst} {}", calldata.len());
            prop_assert!(count == 1 || (worst <= gas && calldata.len() <= MAX_CALLDATA), "{worst} {}", calldata.len());
        }
    }
}
