//! One request, and the transaction that makes it.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::rpc::types::TransactionRequest;
use polyspan_contracts::Bridge;

use crate::account::call_of;

/// What a request moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asset {
    /// The chain's own currency. Unit: wei.
    Native(U256),
    /// An approved amount of an ERC-20.
    Erc20 {
        /// The token.
        token: Address,
        /// Unit: the token's smallest unit.
        amount: U256,
    },
    /// An approved ERC-721 token.
    Erc721 {
        /// The token.
        token: Address,
        /// Its id.
        id: U256,
    },
    /// Approved units of ids of an ERC-1155.
    Erc1155 {
        /// The token.
        token: Address,
        /// The ids; they rise.
        ids: Vec<U256>,
        /// Units of each.
        amounts: Vec<U256>,
    },
}

/// What a user asks a bridge for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What is moved.
    pub asset: Asset,
    /// Recipient on the other chain.
    pub to: Address,
    /// Who is paid back on this chain should it come to that.
    pub refund_to: Address,
    /// Greatest fee that the user allows. Unit: the token's smallest unit for an ERC-20, else wei.
    pub fee_limit: U256,
    /// For the recipient.
    pub extra_data: Bytes,
}

impl Ask {
    /// A request without data, for which no fee is paid.
    pub const fn new(asset: Asset, to: Address, refund_to: Address) -> Self {
        Self { asset, to, refund_to, fee_limit: U256::ZERO, extra_data: Bytes::new() }
    }

    /// The same with a greatest fee.
    #[must_use]
    pub fn with_fee_limit(self, fee_limit: U256) -> Self {
        Self { fee_limit, ..self }
    }

    /// The same with data for the recipient.
    #[must_use]
    pub fn with_extra_data(self, extra_data: Bytes) -> Self {
        Self { extra_data, ..self }
    }

    /// The transaction that asks `bridge`.
    pub fn call(&self, bridge: Address) -> TransactionRequest {
        let (to, refund_to, data) = (self.to, self.refund_to, self.extra_data.clone());
        match self.asset.clone() {
            Asset::Native(amount) => {
                let call =
                    Bridge::requestNativeTransferCall { amount, to, refundTo: refund_to, extraData: data };
                call_of(bridge, &call).with_value(amount + self.fee_limit)
            }
            Asset::Erc20 { token, amount } => {
                let call = Bridge::requestERC20TransferCall {
                    token,
                    amount,
                    to,
                    refundTo: refund_to,
                    feeLimit: self.fee_limit,
                    extraData: data,
                };
                call_of(bridge, &call)
            }
            Asset::Erc721 { token, id } => {
                let call =
                    Bridge::requestERC721TransferCall { token, id, to, refundTo: refund_to, extraData: data };
                call_of(bridge, &call).with_value(self.fee_limit)
            }
            Asset::Erc1155 { token, ids, amounts } => {
                let call = Bridge::requestERC1155TransferCall {
                    token,
                    ids,
                    amounts,
                    to,
                    refundTo: refund_to,
                    extraData: data,
                };
                call_of(bridge, &call).with_value(self.fee_limit)
            }
        }
    }
}
