//! What a request moves, for people.

use alloy::primitives::{Address, Bytes, U256};
use polyspan_types::text::is_deceptive;
use polyspan_types::{Content, Item, Kind, Payload, ValueTransfer};
use serde::Serialize;

use crate::token::{NATIVE_DECIMALS, format_amount};

/// An amount for programs: text, since readers of JSON round large numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// In whole tokens, such as 1.5; `null` when the token does not tell its decimals.
    whole: Option<String>,
    /// In the smallest unit.
    raw: String,
}

impl Amount {
    /// Of a token with these decimals.
    pub fn new(raw: U256, decimals: Option<u8>) -> Self {
        Self { whole: decimals.map(|decimals| format_amount(raw, decimals)), raw: raw.to_string() }
    }

    /// For people: in whole tokens where that is known.
    pub fn shown(&self) -> &str {
        self.whole.as_deref().unwrap_or(&self.raw)
    }

    /// What a request moves. An ERC-721 is one; of an ERC-1155 all units together.
    pub fn of(transfer: &ValueTransfer, decimals: Option<u8>) -> Self {
        match transfer.kind.asset() {
            Some(Kind::Native) => Self::new(transfer.value, Some(NATIVE_DECIMALS)),
            Some(Kind::Erc721) => Self::new(U256::from(1), Some(0)),
            Some(Kind::Erc1155) => Self::new(transfer.value, Some(0)),
            Some(Kind::Erc20) | None => Self::new(transfer.value, decimals),
        }
    }
}

/// What is moved: `1.5 KRT (0x…)`. `name` is that of its pair.
pub fn what(transfer: &ValueTransfer, name: Option<&str>, decimals: Option<u8>) -> String {
    let (token, value) = (&named(name, transfer.token), transfer.value);
    match (transfer.kind.asset(), Payload::decode(transfer).map(|payload| payload.content)) {
        (Some(Kind::Native), _) => {
            format!("{} of the native currency", format_amount(value, NATIVE_DECIMALS))
        }
        (Some(Kind::Erc721), _) => format!("token {value} of {token}"),
        (Some(Kind::Erc1155), Ok(Content::Items(items))) => format!("{} of {token}", listed(&items)),
        (Some(Kind::Erc20), _) => fungible(value, decimals, token),
        _ => format!("{value} of {token} ({})", transfer.kind),
    }
}

/// What the payload holds beside that; `None` when it holds nothing.
pub fn payload(transfer: &ValueTransfer) -> Option<String> {
    let payload = match Payload::decode(transfer) {
        Ok(payload) => payload,
        Err(error) => {
            return Some(format!(
                "a payload of {} bytes that cannot be read: {error}",
                transfer.payload.len()
            ));
        }
    };
    let mut parts = Vec::new();
    if let Content::Uri(uri) = &payload.content
        && !uri.is_empty()
    {
        parts.push(format!("the URI {}", printable(uri)));
    }
    if !payload.extra_data.is_empty() {
        parts.push(format!("{} bytes of data for the recipient", payload.extra_data.len()));
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn named(name: Option<&str>, token: Address) -> String {
    name.map_or_else(|| token.to_string(), |name| format!("{name} ({token})"))
}

fn fungible(value: U256, decimals: Option<u8>, token: &str) -> String {
    match decimals {
        Some(decimals) => format!("{} {token}", format_amount(value, decimals)),
        None => format!("{value} smallest units of {token}"),
    }
}

fn listed(items: &[Item]) -> String {
    let words: Vec<_> = items.iter().map(|item| format!("{} of id {}", item.amount, item.id)).collect();
    words.join(", ")
}

/// Text of a stranger, without what a terminal would act on.
fn printable(text: &Bytes) -> String {
    String::from_utf8_lossy(text).chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use polyspan_types::{BlockHeight, RequestKind};

    use super::*;

    fn transfer(kind: impl Into<RequestKind>, value: u64, payload: Bytes) -> ValueTransfer {
        ValueTransfer {
            kind: kind.into(),
            source_block: BlockHeight::ZERO,
            token: Address::repeat_byte(1),
            from: Address::ZERO,
            to: Address::ZERO,
            refund_to: Address::ZERO,
            value: U256::from(value),
            payload,
        }
    }

    #[test]
    fn amounts_are_told_in_the_tokens_unit() {
        let erc20 = transfer(Kind::Erc20, 1_500_000, Bytes::new());
        assert!(what(&erc20, Some("KRT"), Some(6)).starts_with("1.5 KRT (0x01"));
        assert!(what(&erc20, None, None).starts_with("1500000 smallest units of 0x01"));
        let nft = transfer(Kind::Erc721, 7, Bytes::from_static(&[0, 0]));
        assert!(what(&nft, Some("ART"), None).starts_with("token 7 of ART"));
        let refund = transfer(RequestKind::from(Kind::Erc20).refund(), 1_500_000, Bytes::new());
        assert!(what(&refund, Some("KRT"), Some(6)).starts_with("1.5 KRT (0x01"));
    }

    #[test]
    fn ids_are_told_with_their_amounts_and_what_is_unknown_by_its_number() {
        let item = |id: u64, amount| Item { id: U256::from(id), amount };
        let content = Content::Items(vec![item(7, 2), item(9, 3)]);
        let bytes = Payload { content, extra_data: Bytes::new() }.encode();
        let multi = transfer(Kind::Erc1155, 5, bytes);
        assert!(what(&multi, Some("LOOT"), None).starts_with("2 of id 7, 3 of id 9 of LOOT"));
        assert_eq!(payload(&multi), None);
        let unknown = transfer(RequestKind::new(9), 5, Bytes::from_static(b"?"));
        assert!(what(&unknown, None, None).ends_with("(kind-9)"));
        assert!(payload(&unknown).unwrap().contains("asset class 9 is not known"));
    }

    #[test]
    fn a_uri_is_shown_without_what_a_terminal_would_act_on() {
        let uri = Content::Uri(Bytes::from_static(b"ipfs://\x1b[2J\xff"));
        let bytes = Payload { content: uri, extra_data: Bytes::from_static(b"abc") }.encode();
        let told = payload(&transfer(Kind::Erc721, 7, bytes)).unwrap();
        assert!(told.starts_with("the URI ipfs://\u{fffd}[2J\u{fffd} and 3 bytes of data"), "{told}");
        let broken = transfer(Kind::Erc721, 7, Bytes::from_static(&[0, 9]));
        assert!(payload(&broken).unwrap().contains("a payload of 2 bytes that cannot be read"));
    }
}
