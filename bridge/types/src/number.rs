//! Numbers that must not be mixed up: each counts another thing, so each is a type of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The first value.
            pub const ZERO: Self = Self(0);

            /// Wraps a plain number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The plain number, for the rim (ABI, SQL, metrics).
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The next value; saturates at the end of the range, which no counter here reaches.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// This value plus `count`, saturating.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                Self(self.0.saturating_add(count))
            }

            /// This value minus `count`, never below zero.
            #[must_use]
            pub const fn minus(self, count: u64) -> Self {
                Self(self.0.saturating_sub(count))
            }

            /// How far this value is above `other`; zero when it is not.
            pub const fn since(self, other: Self) -> u64 {
                self.0.saturating_sub(other.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

counted! {
    /// Number of a request within its lane, or a count of requests from the first ("the first `n` requests").
    RequestNonce
}
counted! {
    /// Transaction counter of an account. Not a [`RequestNonce`].
    AccountNonce
}
counted! {
    /// Height of a block.
    BlockHeight
}
counted! {
    /// Blocks on top of a block.
    Confirmations
}
counted! {
    /// Version of a member set; rises with every change, and what was signed for an older one is dead.
    Epoch
}
counted! {
    /// Version of a leadership; a newer leader has a higher term.
    Term
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_through_text_and_json() {
        let nonce = RequestNonce::new(42);
        assert_eq!(nonce.to_string().parse::<RequestNonce>().unwrap(), nonce);
        assert_eq!(serde_json::from_str::<RequestNonce>("42").unwrap(), nonce);
        assert_eq!(serde_json::to_string(&nonce).unwrap(), "42");
    }

    #[test]
    fn differences_never_wrap() {
        assert_eq!(BlockHeight::new(3).since(BlockHeight::new(5)), 0);
        assert_eq!(BlockHeight::new(3).minus(5), BlockHeight::ZERO);
        assert_eq!(RequestNonce::new(u64::MAX).next(), RequestNonce::new(u64::MAX));
    }
}
