//! What is moved, as typed and as it counts, and what it costs.

use alloy::primitives::{Address, U256};
use polyspan_chain::PairLimits;
use polyspan_types::Kind;

use crate::failure::BadInput;
use crate::token::{NATIVE_DECIMALS, format_amount, parse_amount};

/// What is to be moved, as typed.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) kind: Kind,
    pub(super) token: Option<String>,
    /// Of an ERC-721 or ERC-1155.
    pub(super) ids: Vec<U256>,
    /// In whole units: one, or one for each id.
    pub(super) amounts: Vec<String>,
    pub(super) way: Way,
}

/// How the bridge gets the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// An approval, then the request.
    Approval,
    /// A signed permit within the request.
    Permit,
    /// The token itself calls the bridge.
    OneStep,
}

/// What is moved, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goods {
    pub(super) kind: Kind,
    /// Zero for the native currency.
    pub(super) token: Address,
    pub(super) decimals: u8,
    /// Of an ERC-721 or ERC-1155.
    pub(super) ids: Vec<U256>,
    /// One, or one for each id.
    pub(super) amounts: Vec<U256>,
    pub(super) way: Way,
}

impl Asset {
    /// In smallest units.
    ///
    /// Errors: no amount, or not one for each id.
    pub(super) fn goods(self, token: Address, decimals: u8) -> Result<Goods, BadInput> {
        let Self { kind, ids, amounts, way, .. } = self;
        if kind == Kind::Erc1155 && ids.len() != amounts.len() {
            let (ids, amounts) = (ids.len(), amounts.len());
            return Err(BadInput::new(format!(
                "--amount: {amounts} are given for {ids} ids; give one for each --id"
            )));
        }
        let parse = |text: &String| {
            parse_amount(text, decimals).map_err(|error| BadInput::new(format!("--amount: {error}")))
        };
        let amounts = amounts.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Goods { kind, token, decimals, ids, amounts, way })
    }
}

impl Goods {
    /// What counts against limits and counters.
    pub(super) fn amount(&self) -> U256 {
        self.amounts.iter().fold(U256::ZERO, |sum, amount| sum.saturating_add(*amount))
    }

    /// In whole units.
    pub(super) fn shown(&self, amount: U256) -> String {
        format_amount(amount, self.decimals)
    }
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fee {
    /// What the pair asks now.
    pub(super) now: U256,
    /// What the sender allows.
    pub(super) limit: U256,
    /// Whether it is paid in the native currency.
    pub(super) in_native: bool,
    pub(super) decimals: u8,
}

impl Fee {
    /// The fee of a pair, and the typed limit: by default exactly the fee.
    ///
    /// Errors: the limit is no amount.
    pub(super) fn of(
        limits: Option<&PairLimits>,
        goods: &Goods,
        limit: Option<&str>,
    ) -> Result<Self, BadInput> {
        let now = limits.map_or(U256::ZERO, |limits| U256::from(limits.fee));
        let in_native =
            goods.kind != Kind::Erc20 || limits.is_some_and(|limits| limits.fee_in_native && limits.fee > 0);
        let decimals = if in_native { NATIVE_DECIMALS } else { goods.decimals };
        let limit = match limit.map(|text| parse_amount(text, decimals)) {
            Some(Ok(limit)) => limit,
            Some(Err(error)) => return Err(BadInput::new(format!("--fee-limit: {error}"))),
            None => now,
        };
        Ok(Self { now, limit, in_native, decimals })
    }

    /// In whole units.
    pub(super) fn shown(&self, amount: U256) -> String {
        let currency = if self.in_native { " of the native currency" } else { " of the token" };
        format!("{}{currency}", format_amount(amount, self.decimals))
    }
}

/// What a request takes from its sender, at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Costs {
    /// Sent with the transaction. What is not needed comes back. Unit: wei.
    pub(super) native: U256,
    /// To be approved, permitted or sent. Unit: the token's smallest unit; nothing for a token by id.
    pub(super) token: U256,
}

impl Costs {
    pub(super) fn of(goods: &Goods, fee: &Fee) -> Self {
        let fungible = match goods.kind {
            Kind::Native | Kind::Erc20 => goods.amount(),
            Kind::Erc721 | Kind::Erc1155 => U256::ZERO,
        };
        // A token that calls the bridge brings no native currency with it.
        let sent = |value: U256| if goods.way == Way::OneStep { U256::ZERO } else { value };
        match (goods.kind, fee.in_native) {
            (Kind::Native, _) => Self { native: fungible.saturating_add(fee.limit), token: U256::ZERO },
            (_, true) => Self { native: sent(fee.limit), token: fungible },
            (_, false) => Self { native: U256::ZERO, token: fungible.saturating_add(fee.limit) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goods(kind: Kind, way: Way) -> Goods {
        let token = Address::repeat_byte(7);
        Goods { kind, token, decimals: 6, ids: Vec::new(), amounts: vec![U256::from(100)], way }
    }

    fn fee(limit: u64, in_native: bool) -> Fee {
        Fee { now: U256::from(limit), limit: U256::from(limit), in_native, decimals: 0 }
    }

    #[track_caller]
    fn assert_costs(goods: &Goods, fee: &Fee, native: u64, token: u64) {
        assert_eq!(Costs::of(goods, fee), Costs { native: U256::from(native), token: U256::from(token) });
    }

    #[test]
    fn a_fee_is_paid_on_top_in_its_own_currency() {
        assert_costs(&goods(Kind::Native, Way::Approval), &fee(7, true), 107, 0);
        assert_costs(&goods(Kind::Erc20, Way::Approval), &fee(7, false), 0, 107);
        assert_costs(&goods(Kind::Erc20, Way::Permit), &fee(7, true), 7, 100);
        assert_costs(&goods(Kind::Erc20, Way::OneStep), &fee(7, false), 0, 107);
        assert_costs(&goods(Kind::Erc721, Way::Approval), &fee(7, true), 7, 0);
        assert_costs(&goods(Kind::Erc721, Way::OneStep), &fee(7, true), 0, 0);
        assert_costs(&goods(Kind::Erc1155, Way::Approval), &fee(0, true), 0, 0);
    }

    #[test]
    fn the_limit_is_the_fee_of_now_unless_it_is_given() {
        let limits = PairLimits {
            minimum: 0,
            maximum: None,
            fee: 250_000,
            fee_in_native: false,
            outflow: None,
            delay: None,
        };
        let token = goods(Kind::Erc20, Way::Approval);
        assert_eq!(Fee::of(Some(&limits), &token, None).unwrap().limit, U256::from(250_000));
        let given = Fee::of(Some(&limits), &token, Some("1.5")).unwrap();
        assert_eq!(
            (given.limit, given.shown(given.now)),
            (U256::from(1_500_000), "0.25 of the token".to_owned())
        );
        assert!(Fee::of(Some(&limits), &token, Some("1.0000001")).is_err());
        let native = PairLimits { fee_in_native: true, ..limits };
        assert_eq!(Fee::of(Some(&native), &token, Some("1")).unwrap().decimals, 18);
        assert!(!Fee::of(None, &token, None).unwrap().in_native);
    }
}
