//! What a token's own logs show about a payout that it answered unclearly.

use alloy::primitives::B256;
use anyhow::{Context, Result};
use polyspan_chain::PaidToken;
use polyspan_types::{HoldAction, Payment};

use super::seen::Seen;
use crate::network::Network;

/// Whether the value has moved, in words: the payments to the recipient in the transaction that put the request on hold.
pub(super) async fn of_payment(network: &Network, seen: &Seen) -> String {
    match payments(network, seen).await {
        Ok((tx_hash, paid)) => verdict(seen.action, tx_hash, &paid),
        Err(error) => format!(
            "the token's logs could not be read ({error:#}); find out from another endpoint whether it moved the value before anybody signs"
        ),
    }
}

fn verdict(action: HoldAction, tx_hash: B256, paid: &[Payment]) -> String {
    if paid.is_empty() {
        return format!(
            "the token's logs of transaction {tx_hash} show no payment to the recipient; compare its balance as well, since a token can \
             move value without a log"
        );
    }
    let paid: Vec<_> = paid.iter().map(ToString::to_string).collect();
    format!(
        "warning: the token's logs of transaction {tx_hash} show {}; unless that belongs to another transfer, the recipient has the value: \
         leave it on hold, and do not sign the {action}",
        paid.join(", ")
    )
}

async fn payments(network: &Network, seen: &Seen) -> Result<(B256, Vec<Payment>)> {
    let (side, transfer) = (&seen.info.destination, &seen.request.transfer);
    let steps = seen.steps.as_ref().context("it is not on hold")?;
    let mut pairs = seen.destination.state.pairs.iter();
    let pair = pairs.find(|pair| pair.is_of(transfer.kind, transfer.token));
    let pair = pair.context("the destination has no pair for it any more")?;
    let token = PaidToken { token: pair.token, kind: pair.kind, mints: pair.mints };
    let (chain, block) = (network.chain(side), steps.hold.held_at);
    let handled = chain.handled(side.bridge, block, block).await?.outcome(seen.request.nonce);
    let handled = handled.with_context(|| format!("block {block} shows no hold"))?;
    let payouts = chain.payouts(side.bridge, &[token], block, block).await?;
    let of_it = payouts
        .into_iter()
        .filter(|payout| payout.tx_hash == handled.tx_hash && payout.paid.to == transfer.to);
    Ok((handled.tx_hash, of_it.map(|payout| payout.paid).collect()))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};

    use super::*;

    #[test]
    fn a_payment_in_the_logs_is_a_warning_and_its_absence_no_proof() {
        let tx_hash = B256::repeat_byte(9);
        let none = verdict(HoldAction::Release, tx_hash, &[]);
        assert!(none.contains("show no payment") && none.contains("without a log"), "{none}");
        let amount = U256::from(5);
        let (token, to) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let paid = verdict(HoldAction::Refund, tx_hash, &[Payment { token, to, id: U256::ZERO, amount }]);
        assert!(paid.starts_with("warning") && paid.contains("5 smallest units of 0x0101"), "{paid}");
        assert!(paid.ends_with("do not sign the refund"), "{paid}");
    }
}
