//! What a transaction says that it paid.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, U256};
use polyspan_types::{BlockHeight, Content, Kind, Payload, Payment, Request, RequestNonce};

use crate::PairTerms;

/// What one transaction of the destination says that it paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block: BlockHeight,
    /// Each request, in order.
    pub owed: Vec<Owed>,
}

/// How payments of native currency are known, which leave no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeProof<'a> {
    /// By the trace of the transaction.
    Trace,
    /// There is no trace. The balance of these accounts rose in that block by exactly what was promised to them there.
    Balances(&'a BTreeSet<Address>),
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
        self.natives().next().is_some()
    }

    /// Payments of native currency, each with its request.
    pub fn natives<'a>(&'a self) -> impl Iterator<Item = (RequestNonce, &'a Payment)> {
        let payments = |owed: &'a Owed| owed.payments.iter().flatten().map(|payment| (owed.nonce, payment));
        self.owed.iter().flat_map(payments).filter(|(_, payment)| payment.token.is_zero())
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
