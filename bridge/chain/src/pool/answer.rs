//! When two endpoints have said the same.

use std::fmt::Debug;

use alloy::primitives::{B256, Bytes, U256};
use polyspan_types::{AccountNonce, HandledLogs, Payout, Request, Vote};

use crate::block::Block;
use crate::{BridgeState, ChainError, Claim, ConfigurationLog, Hold, LaneState, Parts, Receipt};

/// What an endpoint can answer, comparable with another endpoint's.
pub(crate) trait Answer: Debug + Send {
    /// Both say the same.
    fn is_same(&self, other: &Self) -> bool;

    /// This cannot be true beside an answer that a quorum gave. Not knowing something yet is no contradiction.
    fn cannot_stand_beside(&self, agreed: &Self) -> bool {
        !self.is_same(agreed)
    }

    /// In a few words, for people who compare.
    fn told(&self) -> String;
}

/// Equal when all that was read is equal.
macro_rules! equal_by_value {
    ($($answer:ty, $said:ident => $told:expr;)*) => {
        $(impl Answer for $answer {
            fn is_same(&self, other: &Self) -> bool {
                self == other
            }

            fn told(&self) -> String {
                let $said = self;
                $told
            }
        })*
    };
}

equal_by_value! {
    bool, said => if *said { "yes".to_owned() } else { "no".to_owned() };
    B256, said => said.to_string();
    U256, said => said.to_string();
    Vec<Payout>, said => format!("{} payments", said.len());
    AccountNonce, said => said.to_string();
    Bytes, said => format!("{} bytes {}", said.len(), shortened(said));
    LaneState, said => format!(
        "{} requests with root {}, {} handled with root {}, {} held, epoch {}, paused {}",
        said.request_nonce, said.request_root, said.handle_nonce, said.handle_root, said.held_count, said.operator_epoch,
        said.paused
    );
    BridgeState, said => format!(
        "{} requests with root {}, {} handled with root {}, {} pairs, operators {:?}",
        said.request_nonce, said.request_root, said.handle_nonce, said.handle_root, said.pairs.len(), said.operators
    );
    Parts, said => format!(
        "collectibles {}, endings {}, governance {}, views {}", said.collectibles, said.endings, said.governance, said.views
    );
    Option<B256>, said => said.map_or_else(|| "no code".to_owned(), |hash| format!("code with hash {hash}"));
    Vec<Hold>, said => format!("{} holds", said.len());
    Vec<Request>, said => match said.as_slice() {
        [] => "no requests".to_owned(),
        [first, ..] => format!("{} requests from nonce {}", said.len(), first.nonce),
    };
    HandledLogs, said => format!(
        "{} handled ranges, {} holds, {} ends of holds", said.ranges.len(), said.held.len(), said.endings.len()
    );
    Vec<Claim>, said => format!("{} claims", said.len());
    Vec<ConfigurationLog>, said => format!("{} changes of configuration", said.len());
}

/// First bytes of something long.
fn shortened(bytes: &[u8]) -> String {
    alloy::primitives::hex::encode_prefixed(&bytes[..bytes.len().min(16)])
}

impl Answer for Option<Block> {
    fn is_same(&self, other: &Self) -> bool {
        // The hash covers the timestamp, but nobody recomputes it here. Some nodes tell no gas limit.
        let essence = |block: &Self| block.map(|block| (block.reference, block.timestamp));
        essence(self) == essence(other)
    }

    /// One that does not have the block yet is behind; with another hash it is on another chain.
    fn cannot_stand_beside(&self, agreed: &Self) -> bool {
        self.is_some() && agreed.is_some() && !self.is_same(agreed)
    }

    fn told(&self) -> String {
        self.map_or_else(|| "no such block".to_owned(), |block| format!("block {}", block.reference))
    }
}

impl Answer for Vec<Vote> {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn cannot_stand_beside(&self, _: &Self) -> bool {
        // They are read up to the newest block, of which each node may see another one.
        false
    }

    fn told(&self) -> String {
        format!("{} votes", self.len())
    }
}

impl Answer for Option<Receipt> {
    /// Nodes differ in whether they tell the price of gas.
    fn is_same(&self, other: &Self) -> bool {
        let essence = |receipt: &Self| receipt.map(|receipt| (receipt.block, receipt.success));
        essence(self) == essence(other)
    }

    fn cannot_stand_beside(&self, _: &Self) -> bool {
        // Above finality each node may see another block.
        false
    }

    fn told(&self) -> String {
        self.map_or_else(
            || "no receipt".to_owned(),
            |receipt| format!("a receipt of block {}", receipt.block),
        )
    }
}

/// A refusal that comes from the contract is an answer like any other. Its words are the node's own.
impl<T: Answer> Answer for Result<T, ChainError> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Ok(one), Ok(other)) => one.is_same(other),
            (Err(one), Err(other)) => std::mem::discriminant(one) == std::mem::discriminant(other),
            _ => false,
        }
    }

    fn cannot_stand_beside(&self, agreed: &Self) -> bool {
        match (self, agreed) {
            (Ok(one), Ok(agreed)) => one.cannot_stand_beside(agreed),
            _ => !self.is_same(agreed),
        }
    }

    fn told(&self) -> String {
        match self {
            Ok(answer) => answer.told(),
            Err(refusal) => refusal.to_string(),
        }
    }
}
