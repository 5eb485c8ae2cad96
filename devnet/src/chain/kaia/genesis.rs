//! The first block of a Kaia chain, and the keys of the nodes that make the others.

use alloy::primitives::{Address, B256, Bytes, hex};
use alloy::rlp::{Encodable, Header};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

/// Unit: wei. Far more than a network ever uses.
const RICH: &str = "0x200000000000000000000000000000000000";

/// Bytes before the list of validators in the extra data of a block. Source: Istanbul BFT.
const VANITY: usize = 32;

/// Unit: bytes.
const SIGNATURE: usize = 65;

/// The key of a node that makes blocks.
#[derive(Debug, Clone)]
pub(super) struct MakerKey(PrivateKeySigner);

impl MakerKey {
    pub(super) fn random() -> Self {
        Self(PrivateKeySigner::random())
    }

    /// As the node reads it.
    pub(super) fn secret(&self) -> String {
        hex::encode(self.0.to_bytes())
    }

    /// Its public key, which names a node among its peers.
    pub(super) fn node_id(&self) -> String {
        let point = self.0.credential().verifying_key().to_encoded_point(false);
        // Without the byte that says that the point is not compressed.
        hex::encode(&point.as_bytes()[1..])
    }

    pub(super) const fn address(&self) -> Address {
        self.0.address()
    }
}

/// Every rule up to Kaia's own hard fork from the first block on, its public network's fees, and `makers` that take turns.
pub(super) fn genesis_of(chain_id: u64, makers: &[MakerKey], faucet: Address) -> Value {
    let zero = Address::ZERO;
    json!({
        "config": {
            "chainId": chain_id,
            "istanbulCompatibleBlock": 0,
            "londonCompatibleBlock": 0,
            "ethTxTypeCompatibleBlock": 0,
            "magmaCompatibleBlock": 0,
            "koreCompatibleBlock": 0,
            "shanghaiCompatibleBlock": 0,
            "cancunCompatibleBlock": 0,
            "kaiaCompatibleBlock": 0,
            "istanbul": { "epoch": 604_800, "policy": 0, "sub": 22 },
            "unitPrice": 25_000_000_000_u64,
            "deriveShaImpl": 2,
            "governance": {
                "governanceMode": "none",
                "governingNode": zero,
                "govParamContract": zero,
                "reward": {
                    "mintingAmount": 9_600_000_000_000_000_000_u64,
                    "ratio": "34/54/12",
                    "useGiniCoeff": false,
                    "deferredTxFee": true,
                    "stakingUpdateInterval": 60,
                    "proposerUpdateInterval": 30,
                    "minimumStake": 5_000_000,
                },
                "kip71": {
                    "lowerBoundBaseFee": 25_000_000_000_u64,
                    "upperBoundBaseFee": 750_000_000_000_u64,
                    "gasTarget": 30_000_000,
                    "maxBlockGasUsedForBaseFee": 60_000_000,
                    "baseFeeDenominator": 20,
                },
            },
        },
        "timestamp": "0x66000000",
        "extraData": extra_data(makers),
        "governanceData": null,
        "blockScore": "0x1",
        "alloc": { hex::encode(faucet): { "balance": RICH } },
        "number": "0x0",
        "gasUsed": "0x0",
        "parentHash": B256::ZERO,
    })
}

/// Who makes blocks, with the signatures of nobody.
fn extra_data(makers: &[MakerKey]) -> Bytes {
    let mut fields = Vec::new();
    makers.iter().map(MakerKey::address).collect::<Vec<_>>().encode(&mut fields);
    Bytes::from(vec![0; SIGNATURE]).encode(&mut fields);
    Vec::<Bytes>::new().encode(&mut fields);
    let mut data = vec![0; VANITY];
    Header { list: true, payload_length: fields.len() }.encode(&mut data);
    data.extend(fields);
    data.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_data_names_the_makers_and_signs_nothing() {
        let keys = [MakerKey::random(), MakerKey::random(), MakerKey::random(), MakerKey::random()];
        let data = extra_data(&keys);
        // A list of 154 bytes: 4 addresses in a list of 84, a signature of 65 zeros, and an empty list.
        assert_eq!(data[VANITY..VANITY + 4], [0xf8, 154, 0xf8, 84]);
        assert_eq!(data[VANITY + 5..VANITY + 25], *keys[0].address().as_slice());
        assert_eq!(data.last(), Some(&0xc0));
    }

    #[test]
    fn a_node_is_named_by_its_public_key() {
        assert_eq!(MakerKey::random().node_id().len(), 128);
        assert_eq!(MakerKey::random().secret().len(), 64);
    }
}
