//! What a transaction says that it paid.

use alloy::primitives::{B256, U256};
use polyspan_types::{Content, Kind, Payload, Payment, Request, RequestNonce};

use crate::PairTerms;

/// What one transaction of the destination says that it paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The transaction.
    pub tx_hash: B256,
    /// Each request, in order.
    pub owed: Vec<Owed>,
}

/// One request that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Its number.
    pub nonce: RequestNonce,
    /// What it asks for; `None` when its token has no pair any more.
    pub payments: Option<Vec<Payment>>,
}

impl Promise {
    /// Whether native currency is among it, which only a trace proves.
    pub fn has_native(&self) -> bool {
        let mut payments = self.owed.iter().flat_map(|owed| owed.payments.iter().flatten());
        payments.any(|payment| payment.token.is_zero())
    }
}

/// What a request asks for; `None` when its token has no pair.
///
/// A payload that does not decode asks for nothing: no bridge pays it.
pub(crate) fn asked(pairs: &[PairTerms], request: &Request) -> Option<Vec<Payment>> {
    let transfer = &request.transfer;
    let pair = pairs.iter().find(|pair| pair.is_of(transfer))?;
    let payment = |id, amount| Payment { token: pair.destination, to: transfer.to, id, amount };
    Some(match pair.kind {
        Kind::Native | Kind::Erc20 => vec![payment(U256::ZERO, transfer.value)],
        Kind::Erc721 => vec![payment(transfer.value, U256::ONE)],
        Kind::Erc1155 => match Payload::decode(transfer).map(|payload| payload.content) {
            Ok(Content::Items(items)) => {
                items.into_iter().map(|item| payment(item.id, U256::from(item.amount))).collect()
            }
            _ => Vec::new(),
        },
    })
}

/// Takes one payment out of what is left.
pub(crate) fn take(left: &mut Vec<Payment>, payment: &Payment) -> bool {
    let place = left.iter().position(|one| one == payment);
    place.map(|place| left.swap_remove(place)).is_some()
}

/// What is left for the same recipient and token, in words.
pub(crate) fn instead(left: &[Payment], payment: &Payment) -> String {
    let near = |one: &&Payment| (one.token, one.to) == (payment.token, payment.to);
    match left.iter().find(near) {
        Some(other) => format!("pays {other}"),
        None => "pays the recipient nothing of it".to_owned(),
    }
}
