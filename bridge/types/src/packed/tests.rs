//! The packed form: what is written is shortest and comes back, and what is malformed is refused where it is.

use alloy::primitives::hex;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);
const TOKEN: Address = Address::repeat_byte(0x70);

/// 5 of a token from Alice to herself, requested in block 256.
fn transfer() -> ValueTransfer {
    ValueTransfer {
        kind: RequestKind::new(1),
        source_block: BlockHeight::new(256),
        token: TOKEN,
        from: ALICE,
        to: ALICE,
        refund_to: ALICE,
        value: U256::from(5),
        payload: Bytes::new(),
    }
}

fn packed(transfers: &[ValueTransfer]) -> Bytes {
    pack(&transfers.iter().collect::<Vec<_>>()).unwrap()
}

/// Accounts out of a few, so that fields repeat, or any.
fn account() -> impl Strategy<Value = Address> {
    prop_oneof![
        3 => (0u8..3).prop_map(Address::repeat_byte),
        1 => any::<[u8; 20]>().prop_map(Address::new),
    ]
}

/// Numbers of every length.
fn value() -> impl Strategy<Value = U256> {
    (any::<[u8; 32]>(), 0usize..=256)
        .prop_map(|(bytes, shift)| U256::from_be_bytes(bytes).checked_shr(shift).unwrap_or_default())
}

prop_compose! {
    /// A transfer whose source block is still the distance from the previous one.
    fn any_transfer()(
        kind in prop_oneof![0u8..4, any::<u8>()],
        delta in prop_oneof![Just(0), 0u64..300, 0..=u64::MAX / 8],
        (token, from, to, refund_to) in (account(), account(), account(), account()),
        value in value(),
        payload in prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..300)],
    ) -> ValueTransfer {
        let (kind, source_block) = (RequestKind::new(kind), BlockHeight::new(delta));
        ValueTransfer { kind, source_block, token, from, to, refund_to, value, payload: payload.into() }
    }
}

/// Transfers in the order of their blocks.
fn transfers(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<ValueTransfer>> {
    vec(any_transfer(), count).prop_map(|mut transfers| {
        let mut block = BlockHeight::ZERO;
        for transfer in &mut transfers {
            block = block.plus(transfer.source_block.get());
            transfer.source_block = block;
        }
        transfers
    })
}

proptest! {
    #[test]
    fn transfers_come_back_from_their_packed_form(transfers in transfers(0..8)) {
        prop_assert_eq!(unpack(&packed(&transfers)), Ok(transfers));
    }

    #[test]
    fn no_truncated_form_and_none_with_surplus_bytes_is_accepted(
        transfers in transfers(1..5),
        surplus in vec(any::<u8>(), 1..4),
    ) {
        let whole = packed(&transfers);
        for length in 0..whole.len() {
            let Err(MalformedTransfers { offset }) = unpack(&whole[..length]) else {
                return Err(TestCaseError::fail(format!("{length} of {} bytes are accepted", whole.len())));
            };
            prop_assert!(offset <= length);
        }
        let longer = [&whole[..], &surplus].concat();
        prop_assert_eq!(unpack(&longer), Err(MalformedTransfers { offset: whole.len() }));
    }

    #[test]
    fn whatever_bytes_are_accepted_mean_transfers_with_a_form_no_longer(
        mut bytes in vec(any::<u8>(), 0..120),
        count in 0u16..3,
    ) {
        let length = bytes.len().min(2);
        bytes[..length].copy_from_slice(&count.to_be_bytes()[..length]);
        if let Ok(transfers) = unpack(&bytes) {
            let shortest = packed(&transfers);
            prop_assert!(shortest.len() <= bytes.len());
            prop_assert_eq!(unpack(&shortest), Ok(transfers));
        }
    }
}

#[test]
fn what_the_previous_transfer_has_is_left_out() {
    let first = transfer();
    let second =
        ValueTransfer { source_block: BlockHeight::new(259), value: U256::from(0x1234), ..transfer() };
    let third = ValueTransfer { to: BOB, payload: Bytes::from_static(b"hi"), ..second.clone() };
    let fourth = ValueTransfer { from: BOB, refund_to: ALICE, value: U256::ZERO, to: BOB, ..second.clone() };
    let expected = [
        // Count.
        "0004",
        // Kind and token, delta of two bytes, `from`, value of one byte.
        "0c81 01 7070707070707070707070707070707070707070 0100 a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 05",
        // Delta of one byte, value of two.
        "0042 03 1234",
        // `to`, value, payload.
        "5002 b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0 1234 0002 6869",
        // `from`, `refundTo`.
        "2800 b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0 a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    ]
    .concat()
    .replace(' ', "");
    assert_eq!(hex::encode(packed(&[first, second, third, fourth])), expected);
}

#[test]
fn a_transfer_of_nothing_but_zeros_is_its_header() {
    let zero = ValueTransfer {
        kind: RequestKind::new(0),
        source_block: BlockHeight::ZERO,
        token: Address::ZERO,
        from: Address::ZERO,
        to: Address::ZERO,
        refund_to: Address::ZERO,
        value: U256::ZERO,
        payload: Bytes::new(),
    };
    assert_eq!(packed(std::slice::from_ref(&zero))[..], hex!("0001 0000"));
    assert_eq!(unpack(&hex!("0001 0000")), Ok(vec![zero]));
}

#[test]
fn the_longest_numbers_have_a_form() {
    let last = ValueTransfer { source_block: BlockHeight::new(u64::MAX), value: U256::MAX, ..transfer() };
    let form = packed(std::slice::from_ref(&last));
    assert_eq!(form[2..4], hex!("0e20"));
    assert_eq!(form.len(), 2 + 2 + 21 + 8 + 20 + 32);
    assert_eq!(unpack(&form), Ok(vec![last]));
}

#[test]
fn no_transfers_are_a_count_of_zero() {
    assert_eq!(packed(&[])[..], hex!("0000"));
    assert_eq!(unpack(&hex!("0000")), Ok(Vec::new()));
    assert_eq!(unpack(&hex!("0000 00")), Err(MalformedTransfers { offset: 2 }));
}

#[test]
fn a_longer_form_than_the_shortest_is_read() {
    // Kind, token and `from` of before, `to` and `refundTo` as `from`, leading zeros, and an empty payload.
    let longer = hex!(
        "0001 7cc4 00 0000000000000000000000000000000000000000 000007 0000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000 0000000000000000000000000000000000000000 00000009 0000"
    );
    let meant = unpack(&longer).unwrap();
    assert_eq!(packed(&meant)[..], hex!("0001 0041 07 09"));
}

#[test]
fn a_reserved_bit_and_lengths_out_of_range_are_malformed() {
    let first = packed(&[transfer()]);
    let offset = first.len();
    let with_header = |header: u16| {
        let mut bytes = [&first[..], &header.to_be_bytes(), &[0; 200]].concat();
        bytes[1] = 2;
        unpack(&bytes).unwrap_err().offset
    };
    assert_eq!(with_header(RESERVED), offset);
    for length in 33..=63 {
        assert_eq!(with_header(length), offset, "value of {length} bytes");
    }
    for length in 9..=15 {
        assert_eq!(with_header(length << DELTA_SHIFT), offset, "delta of {length} bytes");
    }
    // The longest that are in range only leave surplus bytes behind.
    assert_eq!(with_header(32), offset + 2 + 32);
    assert_eq!(with_header(8 << DELTA_SHIFT), offset + 2 + 8);
}

#[test]
fn a_block_beyond_64_bits_is_malformed() {
    let first = packed(&[ValueTransfer { source_block: BlockHeight::new(u64::MAX), ..transfer() }]);
    let second = |delta: u8| {
        let mut bytes = [&first[..], &hex!("0040"), &[delta]].concat();
        bytes[1] = 2;
        unpack(&bytes).map(|transfers| transfers[1].source_block)
    };
    assert_eq!(second(0), Ok(BlockHeight::new(u64::MAX)));
    assert_eq!(second(1), Err(MalformedTransfers { offset: first.len() }));
}

#[test]
fn transfers_without_a_packed_form_say_why() {
    let early = ValueTransfer { source_block: BlockHeight::new(255), ..transfer() };
    let decreases =
        PackError::BlockDecreases { index: 1, block: BlockHeight::new(255), previous: BlockHeight::new(256) };
    assert_eq!(pack(&[&transfer(), &early]), Err(decreases));
    assert!(decreases.to_string().contains("in nonce order"));

    let long = |length: usize| ValueTransfer { payload: Bytes::from(vec![1; length]), ..transfer() };
    assert_eq!(unpack(&packed(&[long(65_535)])), Ok(vec![long(65_535)]));
    let too_long = PackError::PayloadTooLong { index: 1, length: 65_536 };
    assert_eq!(pack(&[&transfer(), &long(65_536)]), Err(too_long));

    let one = transfer();
    let many = vec![&one; 65_536];
    assert_eq!(pack(&many), Err(PackError::TooMany(65_536)));
    assert_eq!(unpack(&pack(&many[1..]).unwrap()).map(|transfers| transfers.len()), Ok(65_535));
}
