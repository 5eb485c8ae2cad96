//! The first thing that is not as it should be.

use std::fmt;

use alloy::primitives::Address;
use polyspan_types::RequestNonce;
use serde::Serialize;

/// What is judged, or the first difference.
pub type Judged<T = ()> = Result<T, Box<Difference>>;

/// Something that the chains say differently, or that a bridge never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The lane, or the pair and its side.
    pub place: String,
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// The request; of a balance or sum the first request that is not part of it.
    pub nonce: RequestNonce,
    /// The token, as the request or the chain names it: zero for a native currency. `None` when no request is known.
    pub token: Option<Address>,
    /// What was found, and where.
    pub found: String,
}

/// Kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The source's logs leave a request out, or have one twice.
    RequestGap,
    /// The source's root is not that of its logs.
    SourceRoot,
    /// The destination's root is not that of the source's logs.
    DestinationRoot,
    /// The destination's logs leave a request out, have one twice, or end elsewhere than its state.
    HandleGap,
    /// A request was handled that the source does not have.
    NeverRequested,
    /// Somebody got something else than was asked.
    Payment,
    /// A transaction that paid has paid more than was asked.
    Unasked,
    /// A hold that is not of the request, or not where it was handled.
    Hold,
    /// An end of a hold that is none, or that gives it to somebody else.
    Ending,
    /// Holds by logs and by the contract's counters.
    HeldCount,
    /// What is locked and minted does not cover each other.
    Conservation,
    /// The bridge owns less than it owes.
    Balance,
}

impl DifferenceKind {
    /// What it means, and what to do.
    pub const fn means(self) -> &'static str {
        match self {
            Self::RequestGap | Self::HandleGap => {
                "an endpoint leaves logs out or has pruned them, or a contract did what none does; ask another endpoint before \
                 you believe the second"
            }
            Self::SourceRoot => {
                "an endpoint's logs are not what the source recorded, or its storage was changed; ask another endpoint, and \
                 pause if it says the same"
            }
            Self::DestinationRoot | Self::NeverRequested => {
                "the destination handled something that nobody requested, or its storage was changed; pause the bridge"
            }
            Self::Payment => {
                "a recipient did not get what was requested; look at the token before anything else"
            }
            Self::Unasked => "value left the bridge that nobody requested there; pause the bridge",
            Self::Hold | Self::Ending | Self::HeldCount => {
                "a request on hold is not accounted for; pause the bridge if another endpoint says the same"
            }
            Self::Conservation => "value was made or lost between the two sides; pause the bridge",
            Self::Balance => {
                "the bridge cannot pay everything that it owes; lock the pair and look at the token"
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, nonce {}, ", self.place, self.nonce)?;
        match self.token {
            Some(token) if token.is_zero() => f.write_str("native currency")?,
            Some(token) => write!(f, "token {token}")?,
            None => f.write_str("no request")?,
        }
        write!(f, ": {}", self.found)
    }
}
