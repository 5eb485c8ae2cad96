//! What a lying operator makes of the requests. Pure.

use alloy::primitives::{Address, B256, U256};
use clap::ValueEnum;
use polyspan_types::{Request, RequestNonce};

/// The ways of lying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Every request that is not handled moves a thousand times as much.
    WrongAmount,
    /// Every request that is not handled goes to the liar.
    WrongRecipient,
    /// One more request than there are, in favour of the liar.
    InventedRequest,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::WrongAmount, Self::WrongRecipient, Self::InventedRequest];

    /// The word used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongAmount => "wrong-amount",
            Self::WrongRecipient => "wrong-recipient",
            Self::InventedRequest => "invented-request",
        }
    }
}

/// The requests as the liar tells them. What is handled stays: a root over other history could never be paid.
pub(super) fn falsify(
    fault: Fault,
    mut requests: Vec<Request>,
    handled: usize,
    liar: Address,
) -> Vec<Request> {
    match fault {
        Fault::WrongAmount => {
            for request in requests.iter_mut().skip(handled) {
                request.transfer.value = request.transfer.value.saturating_mul(U256::from(1000));
            }
        }
        Fault::WrongRecipient => {
            for request in requests.iter_mut().skip(handled) {
                request.transfer.to = liar;
            }
        }
        Fault::InventedRequest => {
            if let Some(mut invented) = requests.last().cloned() {
                invented.nonce = RequestNonce::new(requests.len() as u64);
                invented.transfer.to = liar;
                invented.tx_hash = B256::ZERO;
                requests.push(invented);
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use polyspan_types::{BlockHeight, Kind, Leaf, ValueTransfer};

    use super::*;

    fn requests() -> Vec<Request> {
        let request = |nonce| Request {
            nonce: RequestNonce::new(nonce),
            transfer: ValueTransfer {
                kind: Kind::Erc20.into(),
                source_block: BlockHeight::new(3),
                token: Address::repeat_byte(1),
                from: Address::repeat_byte(2),
                to: Address::repeat_byte(3),
                refund_to: Address::repeat_byte(2),
                value: U256::from(5),
                payload: Default::default(),
            },
            tx_hash: B256::repeat_byte(9),
        };
        (0..3).map(request).collect()
    }

    #[test]
    fn every_lie_changes_a_leaf_above_what_is_handled_and_none_below() {
        let honest = requests();
        for fault in Fault::ALL {
            let told = falsify(fault, honest.clone(), 2, Address::repeat_byte(7));
            assert_eq!(told[..2], honest[..2], "{}", fault.as_str());
            let changed = told.len() > honest.len() || Leaf::of(&told[2]) != Leaf::of(&honest[2]);
            assert!(changed, "{}", fault.as_str());
        }
    }

    #[test]
    fn the_words_are_those_of_the_command_line() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_str(fault.as_str(), false), Ok(fault));
        }
    }
}
