//! What tokens say that left a bridge.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolEvent;
use polyspan_contracts::BridgeMultiToken::{TransferBatch, TransferSingle};
use polyspan_contracts::{BridgeNFT, BridgeToken};
use polyspan_types::{BlockHeight, Kind, Payment, Payout};

use super::{PlacedLog, decode};
use crate::ChainError;
use crate::client::Client;

/// A token whose payouts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidToken {
    /// The token; zero for the native currency, which has no logs.
    pub token: Address,
    /// Asset class.
    pub kind: Kind,
    /// Whether the bridge pays by making it.
    pub mints: bool,
}

impl Client {
    /// What the tokens say that the bridge paid out or made in blocks `from..=to`, in one order for every endpoint.
    ///
    /// Errors: as [`Client::requests`].
    pub(crate) async fn payouts(
        &self,
        bridge: Address,
        tokens: &[PaidToken],
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Payout>, ChainError> {
        // ERC-20 and ERC-721 have one signature, and name who had it first; an ERC-1155 names who moved it first.
        let moved = &[BridgeToken::Transfer::SIGNATURE_HASH][..];
        let units = &[TransferSingle::SIGNATURE_HASH, TransferBatch::SIGNATURE_HASH][..];
        let questions = [
            (moved, vec![bridge.into_word()], chosen(tokens, false, false)),
            (moved, vec![bridge.into_word(), B256::ZERO], chosen(tokens, true, false)),
            (
                units,
                vec![bridge.into_word()],
                [chosen(tokens, false, true), chosen(tokens, true, true)].concat(),
            ),
        ];
        let mut payouts = Vec::new();
        for (events, who, of) in questions {
            if of.is_empty() {
                continue;
            }
            let contracts: Vec<Address> = of.iter().map(|token| token.token).collect();
            for log in self.filtered(&contracts, &[events, &who], from, to).await? {
                let token = of.iter().find(|token| token.token == log.log.address);
                payouts.extend(token.into_iter().flat_map(|token| payouts_of(token, bridge, &log)));
            }
        }
        payouts.sort_unstable();
        Ok(payouts)
    }
}

fn chosen(tokens: &[PaidToken], mints: bool, units: bool) -> Vec<PaidToken> {
    let fits = |token: &&PaidToken| {
        !token.token.is_zero() && token.mints == mints && (token.kind == Kind::Erc1155) == units
    };
    tokens.iter().filter(fits).copied().collect()
}

/// What one log says; nothing when it is not of the token's standard, or of another payer.
fn payouts_of(token: &PaidToken, bridge: Address, placed: &PlacedLog) -> Vec<Payout> {
    let payer = |from: Address| from == bridge || (token.mints && from.is_zero());
    let payout = |to, id, amount| Payout {
        tx_hash: placed.tx_hash,
        paid: Payment { token: token.token, to, id, amount },
    };
    let first = placed.log.topics.first();
    match token.kind {
        Kind::Native => Vec::new(),
        Kind::Erc20 => decode::<BridgeToken::Transfer>(placed)
            .ok()
            .filter(|event| payer(event.from))
            .map(|event| vec![payout(event.to, U256::ZERO, event.value)])
            .unwrap_or_default(),
        Kind::Erc721 => decode::<BridgeNFT::Transfer>(placed)
            .ok()
            .filter(|event| payer(event.from))
            .map(|event| vec![payout(event.to, event.tokenId, U256::ONE)])
            .unwrap_or_default(),
        Kind::Erc1155 if first == Some(&TransferSingle::SIGNATURE_HASH) => decode::<TransferSingle>(placed)
            .ok()
            .filter(|event| payer(event.from))
            .map(|event| vec![payout(event.to, event.id, event.value)])
            .unwrap_or_default(),
        Kind::Erc1155 => decode::<TransferBatch>(placed)
            .ok()
            .filter(|event| payer(event.from))
            .map(|event| {
                let units = event.ids.into_iter().zip(event.values);
                units.map(|(id, amount)| payout(event.to, id, amount)).collect()
            })
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::WireLog;

    use super::*;

    const BRIDGE: Address = Address::repeat_byte(0xb1);
    const TOKEN: Address = Address::repeat_byte(0xa1);
    const TO: Address = Address::repeat_byte(0xcc);

    fn placed(event: &impl SolEvent) -> PlacedLog {
        let log = event.encode_log_data();
        PlacedLog {
            log: WireLog {
                address: TOKEN,
                topics: log.topics().to_vec(),
                data: log.data,
                block_number: None,
                transaction_hash: None,
                removed: false,
            },
            block: BlockHeight::new(1),
            tx_hash: B256::repeat_byte(7),
        }
    }

    fn told(kind: Kind, mints: bool, event: &impl SolEvent) -> Vec<(u64, u64)> {
        let payouts = payouts_of(&PaidToken { token: TOKEN, kind, mints }, BRIDGE, &placed(event));
        assert!(payouts.iter().all(|one| (one.paid.to, one.paid.token) == (TO, TOKEN)));
        payouts.iter().map(|one| (one.paid.id.to(), one.paid.amount.to())).collect()
    }

    #[test]
    fn each_standard_tells_its_payouts_in_its_own_way() {
        let [five, six, seven] = [5, 6, 7].map(U256::from);
        let fungible = BridgeToken::Transfer { from: BRIDGE, to: TO, value: five };
        assert_eq!(told(Kind::Erc20, false, &fungible), [(0, 5)]);
        let single = BridgeNFT::Transfer { from: BRIDGE, to: TO, tokenId: six };
        assert_eq!(told(Kind::Erc721, false, &single), [(6, 1)]);
        let units = TransferSingle { operator: BRIDGE, from: BRIDGE, to: TO, id: six, value: seven };
        assert_eq!(told(Kind::Erc1155, false, &units), [(6, 7)]);
        let (ids, values) = (vec![five, six], vec![seven, five]);
        let batch = TransferBatch { operator: BRIDGE, from: Address::ZERO, to: TO, ids, values };
        assert_eq!(told(Kind::Erc1155, true, &batch), [(5, 7), (6, 5)]);
    }

    #[test]
    fn what_others_paid_or_made_and_what_is_no_standard_is_no_payout() {
        let value = U256::from(5);
        let made = BridgeToken::Transfer { from: Address::ZERO, to: TO, value };
        assert_eq!(told(Kind::Erc20, false, &made), []);
        assert_eq!(told(Kind::Erc20, true, &made), [(0, 5)]);
        assert_eq!(told(Kind::Erc20, true, &BridgeToken::Transfer { from: TO, to: TO, value }), []);
        assert_eq!(told(Kind::Erc721, true, &made), []);
    }
}
