//! Asset classes, and the byte of a request that names one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Asset classes known to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The chain's own currency.
    Native,
    /// Fungible tokens.
    Erc20,
    /// Single tokens by id.
    Erc721,
    /// Tokens by id, with an amount of each.
    Erc1155,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Native, Self::Erc20, Self::Erc721, Self::Erc1155];

    /// Number used in the contracts.
    pub const fn number(self) -> u8 {
        match self {
            Self::Native => 0,
            Self::Erc20 => 1,
            Self::Erc721 => 2,
            Self::Erc1155 => 3,
        }
    }

    /// The kind of a contract's number; `None` for one that this version does not know.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Native),
            1 => Some(Self::Erc20),
            2 => Some(Self::Erc721),
            3 => Some(Self::Erc1155),
            _ => None,
        }
    }

    /// The word used in the CLI, config and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Erc20 => "erc20",
            Self::Erc721 => "erc721",
            Self::Erc1155 => "erc1155",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a token kind; use native, erc20, erc721 or erc1155"))
    }
}

/// The kind of a request: an asset class, perhaps one that this version does not know, and whether a hold is paid back.
///
/// In text `erc20`, `erc20-refund`, `kind-9` or `kind-9-refund`; every byte has one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestKind(u8);

impl RequestKind {
    /// The bit of a request that pays a hold back. Source: `contracts/src/libraries/Kinds.sol`.
    pub const REFUND: u8 = 0x80;

    /// The kind of a leaf's number, which can be any.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The number in the leaf.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its asset class; `None` for one that this version does not know.
    pub const fn asset(self) -> Option<Kind> {
        Kind::from_number(self.0 & !Self::REFUND)
    }

    /// Whether it pays a hold of the other lane back.
    pub const fn is_refund(self) -> bool {
        self.0 & Self::REFUND != 0
    }

    /// The kind of the request that pays a request of this kind back.
    #[must_use]
    pub const fn refund(self) -> Self {
        Self(self.0 | Self::REFUND)
    }
}

impl From<Kind> for RequestKind {
    fn from(kind: Kind) -> Self {
        Self(kind.number())
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asset() {
            Some(kind) => write!(f, "{kind}")?,
            None => write!(f, "kind-{}", self.0 & !Self::REFUND)?,
        }
        if self.is_refund() { f.write_str("-refund") } else { Ok(()) }
    }
}

impl FromStr for RequestKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, refund) = match text.strip_suffix("-refund") {
            Some(word) => (word, Self::REFUND),
            None => (text, 0),
        };
        let number = match word.strip_prefix("kind-") {
            Some(number) => number.parse().ok().filter(|number| number & Self::REFUND == 0),
            None => word.parse().ok().map(Kind::number),
        };
        number
            .map(|number| Self(number | refund))
            .ok_or_else(|| format!("`{text}` is not the kind of a request"))
    }
}

impl TryFrom<String> for RequestKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RequestKind> for String {
    fn from(kind: RequestKind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_text_of_its_own_and_comes_back_from_it() {
        for number in 0..=u8::MAX {
            let kind = RequestKind::new(number);
            assert_eq!(kind.to_string().parse::<RequestKind>().unwrap(), kind);
            assert_eq!(kind.refund().asset(), kind.asset());
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<RequestKind>(&json).unwrap().number(), number);
        }
        assert_eq!(RequestKind::from(Kind::Erc1155).refund().to_string(), "erc1155-refund");
        assert_eq!(RequestKind::new(0x89).to_string(), "kind-9-refund");
    }

    #[test]
    fn text_that_is_no_kind_is_refused() {
        for text in ["", "erc", "kind-", "kind-128", "kind-300", "erc20-", "-refund", "refund"] {
            assert!(text.parse::<RequestKind>().is_err(), "{text}");
        }
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
        }
    }
}
