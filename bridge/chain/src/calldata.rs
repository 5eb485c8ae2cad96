//! Calldata of what relays send to a bridge.

use alloy::primitives::{Address, Bytes, Signature};
use alloy::sol_types::SolCall;
use polyspan_types::{
    Attestation, BlockHeight, Leaf, PackError, RequestKind, RequestNonce, ValueTransfer, pack, unpack,
};

use crate::{Claim, abi};

/// What the calldata of a `handle` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleCall {
    /// Number of the first transfer.
    pub first: RequestNonce,
    /// What is paid, in nonce order.
    pub transfers: Vec<ValueTransfer>,
    /// Leaves of the requests between them and the signed checkpoint.
    pub tail: Vec<Leaf>,
    /// Signatures over the checkpoint, without those of a form that the contract does not count.
    pub signatures: Vec<Signature>,
}

impl HandleCall {
    /// Reads calldata back; `None` when it is not that of a `handle`, or its transfers are malformed.
    pub fn decode(calldata: &[u8]) -> Option<Self> {
        let call = abi::Bridge::handleCall::abi_decode(calldata).ok()?;
        Some(Self {
            first: RequestNonce::new(call.first),
            transfers: unpack(&call.transfers).ok()?,
            tail: call.tail.into_iter().map(Leaf).collect(),
            signatures: call.signatures.iter().filter_map(|bytes| signature(bytes)).collect(),
        })
    }

    /// Requests that are handled after it, counted from the lane's first.
    pub const fn end(&self) -> RequestNonce {
        self.first.plus(self.transfers.len() as u64)
    }

    /// Requests that the signed checkpoint covers.
    pub const fn checkpoint_nonce(&self) -> RequestNonce {
        self.end().plus(self.tail.len() as u64)
    }
}

/// Calldata of `handle`: pays `transfers`, the first of which is number `first`, under `signatures` over the checkpoint
/// after `tail`.
///
/// Errors: the transfers have no packed form; those of a lane, in nonce order, as a source accepts them, always have one.
pub fn handle_calldata(
    first: RequestNonce,
    transfers: &[&ValueTransfer],
    tail: &[Leaf],
    signatures: &[Signature],
) -> Result<Bytes, PackError> {
    let call = abi::Bridge::handleCall {
        first: first.get(),
        transfers: pack(transfers)?,
        tail: tail.iter().map(|leaf| leaf.0).collect(),
        signatures: signatures.iter().map(signature_bytes).collect(),
    };
    Ok(call.abi_encode().into())
}

/// Calldata of `vote`: records an operator's attestation on chain.
pub fn vote_calldata(attestation: &Attestation) -> Bytes {
    let checkpoint = &attestation.checkpoint;
    abi::Bridge::voteCall {
        checkpoint: abi::Checkpoint {
            bridgeId: checkpoint.bridge_id.0,
            epoch: checkpoint.epoch.get(),
            nonce: checkpoint.nonce.get(),
            root: checkpoint.root.0,
        },
        signature: signature_bytes(&attestation.signature),
    }
    .abi_encode()
    .into()
}

/// Calldata of `release`: pays the request on hold under `nonce`. `signatures` are empty, or a threshold of operators' over the
/// release.
pub fn release_calldata(nonce: RequestNonce, transfer: &ValueTransfer, signatures: &[Signature]) -> Bytes {
    abi::Bridge::releaseCall {
        nonce: nonce.get(),
        transfer: encode_transfer(transfer),
        signatures: signatures.iter().map(signature_bytes).collect(),
    }
    .abi_encode()
    .into()
}

/// Calldata of `refund`: sends the request on hold under `nonce` back. `signatures` are empty, or a threshold of operators'
/// over the refund.
pub fn refund_calldata(nonce: RequestNonce, transfer: &ValueTransfer, signatures: &[Signature]) -> Bytes {
    abi::Bridge::refundCall {
        nonce: nonce.get(),
        transfer: encode_transfer(transfer),
        signatures: signatures.iter().map(signature_bytes).collect(),
    }
    .abi_encode()
    .into()
}

/// Calldata of `forceHold`: puts the next request of the lane on hold without trying to pay it. `signatures` are a threshold of
/// operators' over the force-hold.
pub fn force_hold_calldata(nonce: RequestNonce, transfer: &ValueTransfer, signatures: &[Signature]) -> Bytes {
    abi::Bridge::forceHoldCall {
        nonce: nonce.get(),
        transfer: encode_transfer(transfer),
        signatures: signatures.iter().map(signature_bytes).collect(),
    }
    .abi_encode()
    .into()
}

/// Calldata of `take` of a bridge's claims: pays what was written off to `to`.
pub fn claim_calldata(claim: &Claim, to: Address) -> Bytes {
    abi::BridgeClaims::takeCall { nonce: claim.nonce.get(), claim: claim.encode(), to }.abi_encode().into()
}

/// Calldata of `pause`: `signature` is one operator's, over this `pause_nonce`.
pub fn pause_calldata(pause_nonce: u64, signature: &Signature) -> Bytes {
    abi::Bridge::pauseCall { pauseNonce: pause_nonce, signature: signature_bytes(signature) }
        .abi_encode()
        .into()
}

/// A transfer as the contract takes it.
pub fn encode_transfer(transfer: &ValueTransfer) -> polyspan_contracts::Bridge::ValueTransfer {
    abi::ValueTransfer {
        kind: transfer.kind.number(),
        sourceBlock: transfer.source_block.get(),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refundTo: transfer.refund_to,
        value: transfer.value,
        payload: transfer.payload.clone(),
    }
}

/// A transfer as a contract's calldata has it.
pub fn decode_transfer(transfer: polyspan_contracts::Bridge::ValueTransfer) -> ValueTransfer {
    ValueTransfer {
        kind: RequestKind::new(transfer.kind),
        source_block: BlockHeight::new(transfer.sourceBlock),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refund_to: transfer.refundTo,
        value: transfer.value,
        payload: transfer.payload,
    }
}

/// ERC-2098: 64 bytes, a word of calldata less than r, s and v. Only for a low s, as every signature has that
/// [`polyspan_types::Attestation::verify`] let pass.
fn signature_bytes(signature: &Signature) -> Bytes {
    Bytes::copy_from_slice(&signature.as_erc2098())
}

/// A signature that the contract counts: 64 bytes, or 65 with 27 or 28 at the end; with a low s.
fn signature(bytes: &[u8]) -> Option<Signature> {
    let signature = match bytes {
        compact if compact.len() == 64 => Signature::from_erc2098(compact),
        [plain @ .., v @ (27 | 28)] if plain.len() == 64 => Signature::from_bytes_and_parity(plain, *v == 28),
        _ => return None,
    };
    signature.normalize_s().is_none().then_some(signature)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U256};

    use super::*;

    fn transfer() -> ValueTransfer {
        ValueTransfer {
            kind: RequestKind::new(0x89),
            source_block: BlockHeight::new(77),
            token: Address::repeat_byte(1),
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            refund_to: Address::repeat_byte(4),
            value: U256::from(5),
            payload: Bytes::from_static(b"hello"),
        }
    }

    #[test]
    fn a_handle_call_reads_back_as_it_was_written() {
        let transfer = transfer();
        let signature = Signature::new(U256::from(6), U256::from(7), true);
        let calldata = handle_calldata(
            RequestNonce::new(9),
            &[&transfer, &transfer],
            &[Leaf(B256::repeat_byte(8))],
            &[signature],
        )
        .unwrap();
        let call = HandleCall::decode(&calldata).unwrap();
        let expected = HandleCall {
            first: RequestNonce::new(9),
            transfers: vec![transfer.clone(), transfer],
            tail: vec![Leaf(B256::repeat_byte(8))],
            signatures: vec![signature],
        };
        assert_eq!(call, expected);
        assert_eq!((call.end().get(), call.checkpoint_nonce().get()), (11, 12));
        assert_eq!(HandleCall::decode(&calldata[..100]), None);
        assert_eq!(HandleCall::decode(&pause_calldata(1, &signature)), None);
    }

    #[test]
    fn a_handle_call_with_malformed_transfers_is_none() {
        let call = |transfers: &[u8]| {
            let call = abi::Bridge::handleCall {
                first: 0,
                transfers: Bytes::copy_from_slice(transfers),
                tail: Vec::new(),
                signatures: Vec::new(),
            };
            HandleCall::decode(&call.abi_encode())
        };
        assert_eq!(call(&[0, 0]).map(|call| call.transfers.len()), Some(0));
        for malformed in [&[][..], &[1], &[0, 0, 0], &[0xff, 0xff], &[0, 1, 0x80, 0], &[0, 1, 0, 33]] {
            assert_eq!(call(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn releases_and_refunds_carry_the_whole_request() {
        let (nonce, transfer) = (RequestNonce::new(9), transfer());
        let signature = Signature::new(U256::from(6), U256::from(7), true);
        let release = release_calldata(nonce, &transfer, &[]);
        let release = abi::Bridge::releaseCall::abi_decode(&release).unwrap();
        assert_eq!((release.nonce, release.signatures.len()), (9, 0));
        assert_eq!(decode_transfer(release.transfer), transfer);
        let refund = refund_calldata(nonce, &transfer, &[signature]);
        let refund = abi::Bridge::refundCall::abi_decode(&refund).unwrap();
        assert_eq!((refund.nonce, refund.signatures[0].len()), (9, 64));
        assert_eq!(decode_transfer(refund.transfer), transfer);
    }

    #[test]
    fn both_forms_of_a_signature_are_read_and_no_others() {
        let plain = |v: u8| {
            [&U256::from(6).to_be_bytes::<32>()[..], &U256::from(7).to_be_bytes::<32>(), &[v]].concat()
        };
        let odd = Signature::new(U256::from(6), U256::from(7), true);
        assert_eq!(signature(&plain(28)), Some(odd));
        assert_eq!(signature(&plain(27)), Some(odd.with_parity(false)));
        assert_eq!(signature(&odd.as_erc2098()), Some(odd));
        let high = Signature::new(U256::from(6), U256::MAX >> 1, false);
        let others = [
            plain(0),
            plain(1),
            plain(29),
            plain(28)[1..].to_vec()[..63].to_vec(),
            Vec::new(),
            high.as_bytes().to_vec(),
        ];
        for bytes in others {
            assert_eq!(signature(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn the_parity_is_the_highest_bit_of_s() {
        for (odd, highest) in [(false, 0), (true, 0x80)] {
            let signature = Signature::new(U256::from(6), U256::from(7), odd);
            let call = abi::Bridge::pauseCall::abi_decode(&pause_calldata(1, &signature)).unwrap();
            assert_eq!(call.signature.len(), 64);
            assert_eq!(call.signature[32], highest);
        }
    }
}
