//! The packed form of transfers, as `handle` takes them.
//!
//! The packed form is a count (`uint16`), then that many transfers, and nothing behind them. Every number is big-endian. A transfer
//! is a header of two bytes, then the fields that the header announces, in this order:
//!
//! | field | bytes | header bits | when it is left out |
//! |---|---|---|---|
//! | kind and token | 1 + 20 | `0x0400` | those of the previous transfer |
//! | delta of the source block | 0 to 8 | `0x03c0`: how many | 0; the source block is that of the previous transfer plus the delta |
//! | `from` | 20 | `0x0800` | that of the previous transfer |
//! | `to` | 20 | `0x1000` | `from` of this transfer |
//! | `refundTo` | 20 | `0x2000` | `from` of this transfer |
//! | value | 0 to 32 | `0x003f`: how many | 0 |
//! | payload | its length (`uint16`), then its bytes | `0x4000` | empty |
//!
//! Before the first transfer kind, token, `from` and source block are zero. Bit `0x8000` is reserved and never set.
//!
//! A reader accepts longer forms than the shortest: leading zero bytes, and fields that could be left out. The leaf hashes the fields,
//! so the form of a transfer changes neither its leaf nor its effect.

#[cfg(test)]
mod tests;

use alloy::primitives::{Address, Bytes, U256};

use crate::{BlockHeight, RequestKind, ValueTransfer};

/// Unit: bytes.
const COUNT_SIZE: usize = 2;
/// What the shortest transfer takes. Unit: bytes.
const HEADER_SIZE: usize = 2;
/// Header bits that hold the length of the value.
const VALUE_LENGTH: u16 = 0x003f;
/// Header bits that hold the length of the block delta.
const DELTA_LENGTH: u16 = 0x03c0;
/// How far these lie above the lowest bit.
const DELTA_SHIFT: u32 = DELTA_LENGTH.trailing_zeros();
/// Kind and token follow.
const KIND_AND_TOKEN: u16 = 0x0400;
/// `from` follows.
const FROM: u16 = 0x0800;
/// `to` follows.
const TO: u16 = 0x1000;
/// `refundTo` follows.
const REFUND_TO: u16 = 0x2000;
/// A payload follows.
const PAYLOAD: u16 = 0x4000;
/// Has no meaning yet.
const RESERVED: u16 = 0x8000;

/// Transfers that have no packed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The count does not fit its field.
    #[error("{0} transfers have no packed form, at most 65535 have; pack them in pieces")]
    TooMany(usize),
    /// The payload does not fit its length field. No source accepts such a request.
    #[error("the payload of transfer {index} has {length} bytes, at most 65535 can be packed")]
    PayloadTooLong {
        /// Position of the transfer.
        index: usize,
        /// Unit: bytes.
        length: usize,
    },
    /// Blocks never decrease from one request of a lane to the next.
    #[error(
        "transfer {index} is of block {block}, and the one before it of block {previous}; pack them in nonce order"
    )]
    BlockDecreases {
        /// Position of the transfer.
        index: usize,
        /// Its source block.
        block: BlockHeight,
        /// Source block of the transfer before it.
        previous: BlockHeight,
    },
}

/// Bytes that are not the packed form of any transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed transfers at byte {offset}")]
pub struct MalformedTransfers {
    /// Where the header of the malformed transfer begins; for surplus bytes where they begin; 0 for bytes that are too few for a count
    /// and as many headers.
    pub offset: usize,
}

/// What a transfer can leave out because the previous one has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Previous {
    kind: RequestKind,
    token: Address,
    from: Address,
    block: u64,
}

impl Previous {
    const START: Self =
        Self { kind: RequestKind::new(0), token: Address::ZERO, from: Address::ZERO, block: 0 };

    const fn of(transfer: &ValueTransfer) -> Self {
        let ValueTransfer { kind, token, from, source_block, .. } = *transfer;
        Self { kind, token, from, block: source_block.get() }
    }
}

/// The shortest packed form of consecutive transfers of a lane.
///
/// Errors: they have none.
pub fn pack(transfers: &[&ValueTransfer]) -> Result<Bytes, PackError> {
    let count = u16::try_from(transfers.len()).map_err(|_| PackError::TooMany(transfers.len()))?;
    let mut bytes = count.to_be_bytes().to_vec();
    let mut previous = Previous::START;
    for (index, transfer) in transfers.iter().enumerate() {
        append(&mut bytes, transfer, previous, index)?;
        previous = Previous::of(transfer);
    }
    Ok(bytes.into())
}

/// Appends the shortest form of one transfer.
fn append(
    bytes: &mut Vec<u8>,
    transfer: &ValueTransfer,
    previous: Previous,
    index: usize,
) -> Result<(), PackError> {
    let block = transfer.source_block;
    let delta = block.get().checked_sub(previous.block).ok_or(PackError::BlockDecreases {
        index,
        block,
        previous: BlockHeight::new(previous.block),
    })?;
    let length = transfer.payload.len();
    let payload_length = u16::try_from(length).map_err(|_| PackError::PayloadTooLong { index, length })?;
    let (delta, value) = (delta.to_be_bytes(), transfer.value.to_be_bytes::<32>());
    let (delta, value) = (significant(&delta), significant(&value));

    let new_asset = (transfer.kind, transfer.token) != (previous.kind, previous.token);
    let new_from = transfer.from != previous.from;
    let other_to = transfer.to != transfer.from;
    let other_refund_to = transfer.refund_to != transfer.from;
    let has_payload = !transfer.payload.is_empty();

    // Lengths are at most 32 and 8, by the types that they were cut from.
    let mut header = (value.len() as u16) | ((delta.len() as u16) << DELTA_SHIFT);
    for (bit, is_set) in [
        (KIND_AND_TOKEN, new_asset),
        (FROM, new_from),
        (TO, other_to),
        (REFUND_TO, other_refund_to),
        (PAYLOAD, has_payload),
    ] {
        header |= if is_set { bit } else { 0 };
    }

    bytes.extend(header.to_be_bytes());
    if new_asset {
        bytes.push(transfer.kind.number());
        bytes.extend(transfer.token);
    }
    bytes.extend(delta);
    if new_from {
        bytes.extend(transfer.from);
    }
    if other_to {
        bytes.extend(transfer.to);
    }
    if other_refund_to {
        bytes.extend(transfer.refund_to);
    }
    bytes.extend(value);
    if has_payload {
        bytes.extend(payload_length.to_be_bytes());
        bytes.extend(&transfer.payload);
    }
    Ok(())
}

/// A big-endian number without its leading zero bytes.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// Transfers from their packed form, the shortest or a longer one.
///
/// Errors: it is not the packed form of any transfers.
pub fn unpack(bytes: &[u8]) -> Result<Vec<ValueTransfer>, MalformedTransfers> {
    let mut reader = Reader { bytes, offset: 0 };
    // Before memory is taken: what is counted must have room in these bytes.
    let fits = |count: &u16| bytes.len() >= COUNT_SIZE + usize::from(*count) * HEADER_SIZE;
    let count = reader.u16().filter(fits).ok_or(MalformedTransfers { offset: 0 })?;
    let mut transfers = Vec::with_capacity(usize::from(count));
    let mut previous = Previous::START;
    for _ in 0..count {
        let offset = reader.offset;
        let transfer = reader.transfer(previous).ok_or(MalformedTransfers { offset })?;
        previous = Previous::of(&transfer);
        transfers.push(transfer);
    }
    if reader.offset < bytes.len() {
        return Err(MalformedTransfers { offset: reader.offset });
    }
    Ok(transfers)
}

/// Reads a packed form from its beginning; `None` stands for one that is malformed.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn transfer(&mut self, previous: Previous) -> Option<ValueTransfer> {
        let header = self.u16()?;
        if header & RESERVED != 0 {
            return None;
        }
        let has = |bit: u16| header & bit != 0;
        let (kind, token) = if has(KIND_AND_TOKEN) {
            let [kind] = self.array()?;
            (RequestKind::new(kind), self.address()?)
        } else {
            (previous.kind, previous.token)
        };
        let delta = self.number::<8>(usize::from((header & DELTA_LENGTH) >> DELTA_SHIFT))?;
        let block = previous.block.checked_add(u64::from_be_bytes(delta))?;
        let from = if has(FROM) { self.address()? } else { previous.from };
        let to = if has(TO) { self.address()? } else { from };
        let refund_to = if has(REFUND_TO) { self.address()? } else { from };
        let value = self.number::<32>(usize::from(header & VALUE_LENGTH))?;
        let payload = if has(PAYLOAD) {
            let length = self.u16()?;
            Bytes::copy_from_slice(self.take(usize::from(length))?)
        } else {
            Bytes::new()
        };
        Some(ValueTransfer {
            kind,
            source_block: BlockHeight::new(block),
            token,
            from,
            to,
            refund_to,
            value: U256::from_be_bytes(value),
            payload,
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.offset.checked_add(length)?;
        let part = self.bytes.get(self.offset..end)?;
        self.offset = end;
        Some(part)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn address(&mut self) -> Option<Address> {
        self.array().map(Address::new)
    }

    /// A number of `length` bytes as one of `N`; `None` when it is longer.
    fn number<const N: usize>(&mut self, length: usize) -> Option<[u8; N]> {
        let mut number = [0; N];
        let start = N.checked_sub(length)?;
        number[start..].copy_from_slice(self.take(length)?);
        Some(number)
    }
}
