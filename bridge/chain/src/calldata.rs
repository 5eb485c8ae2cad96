//! Calldata of what relays send to a bridge.

use alloy::primitives::{Bytes, Signature};
use alloy::sol_types::SolCall;
use polyspan_types::{BlockHeight, Leaf, RequestNonce, ValueTransfer};

use crate::abi;

/// Calldata of `handle`: pays `transfers`, the first of which is number `first`, under `signatures` over the checkpoint
/// after `tail`.
pub fn handle_calldata(
    first: RequestNonce,
    transfers: &[&ValueTransfer],
    tail: &[Leaf],
    signatures: &[Signature],
) -> Bytes {
    abi::Bridge::handleCall {
        first: first.get(),
        transfers: transfers.iter().map(|transfer| encode_transfer(transfer)).collect(),
        tail: tail.iter().map(|leaf| leaf.0).collect(),
        signatures: signatures.iter().map(signature_bytes).collect(),
    }
    .abi_encode()
    .into()
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
        kind: transfer.kind,
        sourceBlock: transfer.source_block.get(),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refundTo: transfer.refund_to,
        value: transfer.value,
        extraData: transfer.extra_data.clone(),
    }
}

/// A transfer as a contract's calldata has it.
pub fn decode_transfer(transfer: polyspan_contracts::Bridge::ValueTransfer) -> ValueTransfer {
    ValueTransfer {
        kind: transfer.kind,
        source_block: BlockHeight::new(transfer.sourceBlock),
        token: transfer.token,
        from: transfer.from,
        to: transfer.to,
        refund_to: transfer.refundTo,
        value: transfer.value,
        extra_data: transfer.extraData,
    }
}

/// ERC-2098: 64 bytes, a word of calldata less than r, s and v. Only for a low s, as every signature has that
/// [`polyspan_types::Attestation::verify`] let pass.
fn signature_bytes(signature: &Signature) -> Bytes {
    Bytes::copy_from_slice(&signature.as_erc2098())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};

    use super::*;

    #[test]
    fn a_handle_call_reads_back_as_it_was_written() {
        let transfer = ValueTransfer {
            kind: 1,
            source_block: BlockHeight::new(77),
            token: Address::repeat_byte(1),
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            refund_to: Address::repeat_byte(4),
            value: U256::from(5),
            extra_data: Bytes::from_static(b"hello"),
        };
        let signature = Signature::new(U256::from(6), U256::from(7), true);
        let calldata = handle_calldata(
            RequestNonce::new(9),
            &[&transfer, &transfer],
            &[Leaf(B256::repeat_byte(8))],
            &[signature],
        );
        let call = abi::Bridge::handleCall::abi_decode(&calldata).unwrap();
        assert_eq!(call.first, 9);
        assert_eq!(
            call.transfers.into_iter().map(decode_transfer).collect::<Vec<_>>(),
            [transfer.clone(), transfer]
        );
        assert_eq!(call.tail, [B256::repeat_byte(8)]);
        assert_eq!(Signature::from_erc2098(&call.signatures[0]), signature);
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
