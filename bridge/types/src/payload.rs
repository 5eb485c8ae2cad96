//! What a request's payload says, byte for byte as the contracts lay it out. Relays carry it as it is; only people read it.

use alloy::primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{Kind, ValueTransfer};

/// Longest extra data that a source accepts. Unit: bytes. Source: DESIGN section 2.
pub const EXTRA_DATA_LIMIT: usize = 1024;

/// Longest token URI that a source accepts. Unit: bytes. Source: DESIGN section 2.
pub const URI_LIMIT: usize = 512;

/// Most ids of an ERC-1155 in one request. Source: DESIGN section 2.
pub const IDS_LIMIT: usize = 16;

/// A decoded payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What belongs to the asset class.
    #[serde(flatten)]
    pub content: Content,
    /// User's data for the recipient.
    pub extra_data: Bytes,
}

/// What belongs to an asset class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Of the native currency and an ERC-20: nothing, the value says it all.
    Fungible,
    /// Of an ERC-721: its URI; raw, since a token may give anything.
    Uri(Bytes),
    /// Of an ERC-1155: ids and how much of each.
    Items(Vec<Item>),
}

/// Some of one id of an ERC-1155.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The id.
    pub id: U256,
    /// How much of it.
    pub amount: u128,
}

/// A payload that is not one of its request's kind. The destination holds such a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The asset class is not known here, so the payload can mean anything.
    #[error("asset class {0} is not known to this version")]
    UnknownKind(u8),
    /// It ends before what it announces.
    #[error("it has {found} bytes, at least {needed} are needed")]
    TooShort {
        /// Unit: bytes.
        needed: usize,
        /// Unit: bytes.
        found: usize,
    },
    /// The URI is longer than a payout can carry.
    #[error("its URI has {0} bytes, at most {URI_LIMIT} are allowed")]
    UriTooLong(usize),
    /// No ids, or more than a payout can carry.
    #[error("it has {0} ids, 1 to {IDS_LIMIT} are allowed")]
    Ids(usize),
    /// The amounts do not add up to the request's value.
    #[error("its amounts add up to {sum}, the request says {value}")]
    Sum {
        /// Of the payload.
        sum: U256,
        /// Of the request.
        value: U256,
    },
}

impl Payload {
    /// Reads the payload of a request or refund.
    ///
    /// Errors: it is not one of the request's kind.
    pub fn decode(transfer: &ValueTransfer) -> Result<Self, PayloadError> {
        let bytes = &transfer.payload;
        let unknown = PayloadError::UnknownKind(transfer.kind.number() & !crate::RequestKind::REFUND);
        let (content, end) = match transfer.kind.asset().ok_or(unknown)? {
            Kind::Native | Kind::Erc20 => (Content::Fungible, 0),
            Kind::Erc721 => uri(bytes)?,
            Kind::Erc1155 => items(bytes, transfer.value)?,
        };
        Ok(Self { content, extra_data: bytes.slice(end..) })
    }

    /// The bytes of this payload. A URI or a list of ids that is too long for its length field is cut there; a source
    /// refuses shorter ones already.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::new();
        match &self.content {
            Content::Fungible => {}
            Content::Uri(uri) => {
                let length = u16::try_from(uri.len()).unwrap_or(u16::MAX);
                bytes.extend(length.to_be_bytes());
                bytes.extend(uri.iter().take(usize::from(length)));
            }
            Content::Items(items) => {
                let count = u8::try_from(items.len()).unwrap_or(u8::MAX);
                bytes.push(count);
                for item in items.iter().take(usize::from(count)) {
                    bytes.extend(item.id.to_be_bytes::<32>());
                    bytes.extend(item.amount.to_be_bytes());
                }
            }
        }
        bytes.extend(&self.extra_data);
        bytes.into()
    }
}

/// `uint16 length ‖ uri`, and where the rest begins.
fn uri(bytes: &Bytes) -> Result<(Content, usize), PayloadError> {
    let length = usize::from(u16::from_be_bytes(array(bytes, 0)?));
    if length > URI_LIMIT {
        return Err(PayloadError::UriTooLong(length));
    }
    let end = 2 + length;
    if bytes.len() < end {
        return Err(PayloadError::TooShort { needed: end, found: bytes.len() });
    }
    Ok((Content::Uri(bytes.slice(2..end)), end))
}

/// `uint8 count ‖ count × (uint256 id ‖ uint128 amount)`, and where the rest begins.
fn items(bytes: &Bytes, value: U256) -> Result<(Content, usize), PayloadError> {
    const ITEM: usize = 32 + 16;
    let [count] = array::<1>(bytes, 0)?;
    let count = usize::from(count);
    if !(1..=IDS_LIMIT).contains(&count) {
        return Err(PayloadError::Ids(count));
    }
    let item = |index: usize| -> Result<Item, PayloadError> {
        let start = 1 + index * ITEM;
        Ok(Item {
            id: U256::from_be_bytes(array::<32>(bytes, start)?),
            amount: u128::from_be_bytes(array(bytes, start + 32)?),
        })
    };
    let items = (0..count).map(item).collect::<Result<Vec<_>, _>>()?;
    // 16 amounts of 128 bits each cannot overflow.
    let sum = items.iter().fold(U256::ZERO, |sum, item| sum + U256::from(item.amount));
    if sum != value {
        return Err(PayloadError::Sum { sum, value });
    }
    Ok((Content::Items(items), 1 + count * ITEM))
}

/// `N` bytes from `start` on.
fn array<const N: usize>(bytes: &Bytes, start: usize) -> Result<[u8; N], PayloadError> {
    let part = bytes.get(start..start + N).and_then(|part| part.try_into().ok());
    part.ok_or(PayloadError::TooShort { needed: start + N, found: bytes.len() })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::{BlockHeight, RequestKind};

    fn transfer(kind: RequestKind, value: u64, payload: Bytes) -> ValueTransfer {
        ValueTransfer {
            kind,
            source_block: BlockHeight::new(1),
            token: Address::ZERO,
            from: Address::ZERO,
            to: Address::ZERO,
            refund_to: Address::ZERO,
            value: U256::from(value),
            payload,
        }
    }

    fn decode(kind: Kind, value: u64, payload: Bytes) -> Result<Payload, PayloadError> {
        Payload::decode(&transfer(kind.into(), value, payload))
    }

    #[test]
    fn payloads_come_back_from_their_bytes_also_as_refunds() {
        let items = vec![Item { id: U256::MAX, amount: 3 }, Item { id: U256::ZERO, amount: 4 }];
        let contents = [
            (Kind::Native, Content::Fungible),
            (Kind::Erc20, Content::Fungible),
            (Kind::Erc721, Content::Uri(Bytes::from_static(b"ipfs://7"))),
            (Kind::Erc721, Content::Uri(Bytes::new())),
            (Kind::Erc1155, Content::Items(items)),
        ];
        for (kind, content) in contents {
            for extra_data in [&b""[..], b"for you"] {
                let payload = Payload { content: content.clone(), extra_data: extra_data.into() };
                let bytes = payload.encode();
                assert_eq!(decode(kind, 7, bytes.clone()), Ok(payload.clone()));
                let refund = transfer(RequestKind::from(kind).refund(), 7, bytes);
                assert_eq!(Payload::decode(&refund), Ok(payload));
            }
        }
    }

    #[test]
    fn a_payload_that_is_none_says_why() {
        let short = |needed, found| Err(PayloadError::TooShort { needed, found });
        assert_eq!(decode(Kind::Erc721, 1, Bytes::new()), short(2, 0));
        assert_eq!(decode(Kind::Erc721, 1, Bytes::from_static(&[0, 3, 1])), short(5, 3));
        assert_eq!(decode(Kind::Erc721, 1, Bytes::from_static(&[2, 1])), Err(PayloadError::UriTooLong(513)));
        assert_eq!(decode(Kind::Erc1155, 1, Bytes::new()), short(1, 0));
        assert_eq!(decode(Kind::Erc1155, 1, Bytes::from_static(&[1, 9])), short(33, 2));
        assert_eq!(decode(Kind::Erc1155, 1, Bytes::from_static(&[0])), Err(PayloadError::Ids(0)));
        assert_eq!(decode(Kind::Erc1155, 1, Bytes::from(vec![17; 2000])), Err(PayloadError::Ids(17)));
        let unknown = transfer(RequestKind::new(0x89), 1, Bytes::new());
        assert_eq!(Payload::decode(&unknown), Err(PayloadError::UnknownKind(9)));
        let item = Content::Items(vec![Item { id: U256::ZERO, amount: 2 }]);
        let two = Payload { content: item, extra_data: Bytes::new() }.encode();
        let sum = PayloadError::Sum { sum: U256::from(2), value: U256::from(1) };
        assert_eq!(decode(Kind::Erc1155, 1, two), Err(sum));
        assert_eq!(sum.to_string(), "its amounts add up to 2, the request says 1");
    }

    #[test]
    fn no_bytes_make_the_decoder_panic() {
        for kind in Kind::ALL {
            for length in 0..300 {
                for first in [0u8, 1, 2, 16, 255] {
                    let mut bytes = vec![first; length];
                    bytes.iter_mut().skip(1).for_each(|byte| *byte = 0xff);
                    drop(decode(kind, 1, bytes.into()));
                }
            }
        }
    }
}
