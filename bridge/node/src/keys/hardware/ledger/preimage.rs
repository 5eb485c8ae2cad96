//! Bytes to sign in the form that the client of Ledger takes them.

use alloy::consensus::{SignableTransaction, Transaction, TxLegacy, Typed2718};
use alloy::eips::eip2930::AccessList;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{B256, Bytes, ChainId, Signature, TxKind, U256};
use bytes::BufMut;

/// A transaction of which the client only sees what is signed; all else is that of an empty one.
#[derive(Debug)]
pub(super) struct Preimage {
    bytes: Vec<u8>,
    empty: TxLegacy,
}

impl Preimage {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_owned(), empty: TxLegacy::default() }
    }
}

impl SignableTransaction<Signature> for Preimage {
    /// The chain is among the bytes already.
    fn set_chain_id(&mut self, _: ChainId) {}

    fn encode_for_signing(&self, out: &mut dyn BufMut) {
        out.put_slice(&self.bytes);
    }

    fn payload_len_for_signature(&self) -> usize {
        self.bytes.len()
    }
}

impl Typed2718 for Preimage {
    fn ty(&self) -> u8 {
        self.empty.ty()
    }
}

impl Transaction for Preimage {
    fn chain_id(&self) -> Option<ChainId> {
        self.empty.chain_id()
    }

    fn nonce(&self) -> u64 {
        self.empty.nonce()
    }

    fn gas_limit(&self) -> u64 {
        self.empty.gas_limit()
    }

    fn gas_price(&self) -> Option<u128> {
        self.empty.gas_price()
    }

    fn max_fee_per_gas(&self) -> u128 {
        self.empty.max_fee_per_gas()
    }

    fn max_priority_fee_per_gas(&self) -> Option<u128> {
        self.empty.max_priority_fee_per_gas()
    }

    fn max_fee_per_blob_gas(&self) -> Option<u128> {
        self.empty.max_fee_per_blob_gas()
    }

    fn priority_fee_or_price(&self) -> u128 {
        self.empty.priority_fee_or_price()
    }

    fn effective_gas_price(&self, base_fee: Option<u64>) -> u128 {
        self.empty.effective_gas_price(base_fee)
    }

    fn is_dynamic_fee(&self) -> bool {
        self.empty.is_dynamic_fee()
    }

    fn kind(&self) -> TxKind {
        self.empty.kind()
    }

    fn is_create(&self) -> bool {
        self.empty.is_create()
    }

    fn value(&self) -> U256 {
        self.empty.value()
    }

    fn input(&self) -> &Bytes {
        self.empty.input()
    }

    fn access_list(&self) -> Option<&AccessList> {
        self.empty.access_list()
    }

    fn blob_versioned_hashes(&self) -> Option<&[B256]> {
        self.empty.blob_versioned_hashes()
    }

    fn authorization_list(&self) -> Option<&[SignedAuthorization]> {
        self.empty.authorization_list()
    }
}
