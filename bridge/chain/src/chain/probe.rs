//! What kind of chain this is: what its nodes call themselves, and what a new storage slot costs there.

use alloy::network::TransactionBuilder;
use alloy::primitives::Bytes;
use alloy::rpc::types::TransactionRequest;

use super::Chain;
use crate::ChainError;

/// Slots of the larger of two probes beyond those of the smaller: enough that the error of an estimate is small beside them.
const SLOTS: u8 = 16;

/// Gas of the instructions that stand beside the store of a slot, and of those in its place. Source: the yellow paper, JUMPDEST
/// and twice POP.
const BESIDE_A_STORE: u64 = 1;
/// As above.
const IN_ITS_PLACE: u64 = 4;

impl Chain {
    /// What the node of the best endpoint calls itself, such as `Geth/v1.16.0`.
    pub async fn client_version(&self) -> Result<String, ChainError> {
        self.pool().single(|client| async move { client.client_version().await }).await
    }

    /// What a new storage slot costs now, by two estimates that differ in nothing else: creations that store 1 and 17 slots. Exact
    /// up to the error of a node's estimate. Unit: gas.
    ///
    /// Errors: the endpoint's own.
    pub async fn slot_gas(&self) -> Result<u64, ChainError> {
        let probe = |stored| TransactionRequest::default().with_deploy_code(creation(stored));
        let (few, many) = (probe(1), probe(1 + SLOTS));
        let (few, many) =
            futures::future::try_join(self.estimate_gas(&few), self.estimate_gas(&many)).await?;
        let each = many.saturating_sub(few) / u64::from(SLOTS);
        Ok((each + IN_ITS_PLACE).saturating_sub(BESIDE_A_STORE))
    }
}

/// Code that stores 1 into the first `stored` slots of 17 and creates a contract without code. As long, and with as many bytes of
/// each price, whatever `stored` is.
fn creation(stored: u8) -> Bytes {
    // PUSH1 1, PUSH1 slot, then SSTORE, JUMPDEST or POP, POP. Slots begin at 1: a zero byte is cheaper.
    let slot = |slot: u8| {
        let end = if slot <= stored { [0x55, 0x5b] } else { [0x50, 0x50] };
        [0x60, 0x01, 0x60, slot, end[0], end[1]]
    };
    (1..=1 + SLOTS).flat_map(slot).collect::<Vec<u8>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_probes_differ_in_what_they_store_alone() {
        let (few, many) = (creation(1), creation(1 + SLOTS));
        assert_eq!(few.len(), many.len());
        assert!(few.iter().chain(&many).all(|byte| *byte != 0));
        let stores = |code: &Bytes| code.chunks(6).filter(|chunk| chunk[4] == 0x55).count();
        assert_eq!((stores(&few), stores(&many)), (1, 17));
    }
}
