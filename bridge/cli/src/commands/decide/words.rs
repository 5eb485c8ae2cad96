//! What a signer reads before signing.

use polyspan_types::{HoldAction, HoldReason, TransferId};

use super::evidence;
use super::seen::Seen;
use crate::asset;
use crate::commands::explain::what;
use crate::decision::Tally;
use crate::hold_steps::{HoldSteps, explained};
use crate::network::Network;
use crate::output;

/// What is decided, in words, from a request that was compared with the chains.
pub(super) async fn describe(network: &Network, seen: &Seen) -> String {
    let (id, transfer) = (seen.id(), &seen.request.transfer);
    let (source, destination) = (&seen.info.source.chain, &seen.info.destination.chain);
    let (what, _) = what(network, &seen.info, transfer).await;
    let refund_to = transfer.refund_to;
    let effect = match seen.action {
        HoldAction::ForceHold => format!("put {id} on hold without trying to pay it"),
        HoldAction::Release => {
            format!("pay {id}, which is on hold, to {} on chain {destination}", transfer.to)
        }
        HoldAction::Refund => format!("send {id}, which is on hold, back to {refund_to} on chain {source}"),
    };
    format!(
        "{effect}: {what} from {} to {} (refunds to {refund_to}), requested in block {} of chain {source}",
        transfer.from, transfer.to, transfer.source_block
    )
}

/// What a signer reads beside what is decided: everything that speaks against it.
pub(super) async fn notes(network: &Network, seen: &Seen) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(asset::payload(&seen.request.transfer).map(|payload| format!("with it goes {payload}")));
    if let Some(steps) = &seen.steps {
        notes.extend(remarks(seen.action, &seen.id(), steps));
        if steps.hold.reason == HoldReason::AnswerUnclear {
            notes.push(evidence::of_payment(network, seen).await);
        }
    }
    let reports = seen.reports.iter();
    notes
        .extend(reports.map(|(relay, what)| format!("relay {relay} reports that the lane waits for {what}")));
    notes
}

/// Shows which signatures do not count.
pub(super) fn show_refused(tally: &Tally) {
    tally.refused.iter().for_each(|why| output::remark(format!("note: {why}; it does not count")));
}

/// Why it takes a threshold, and what may go wrong.
fn remarks(action: HoldAction, id: &TransferId, steps: &HoldSteps) -> Vec<String> {
    let reason = steps.hold.reason;
    let mut remarks =
        vec![format!("it is on hold since block {}: {} ({reason})", steps.hold.held_at, explained(reason))];
    if reason == HoldReason::AnswerUnclear {
        remarks.push(format!(
            "warning: the token may have moved the value already; then a {action} pays {id} a second time"
        ));
    }
    match action {
        HoldAction::Release => remarks.extend(
            steps.obstacle().map(|obstacle| format!("note: a release would fail now, because {obstacle}")),
        ),
        HoldAction::Refund => {
            let due = steps.refundable_from();
            remarks.extend(due.map(|block| {
                let left = block.since(steps.head);
                format!("without signatures anyone can refund it from block {block} on (in {left} blocks)")
            }));
        }
        HoldAction::ForceHold => {}
    }
    remarks
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U256};
    use polyspan_chain::Hold;
    use polyspan_node::holds::Readiness;
    use polyspan_types::{BlockHeight, Leaf, RequestNonce};

    use super::*;

    fn read(action: HoldAction, reason: HoldReason, readiness: Readiness) -> String {
        let (nonce, held_at) = (RequestNonce::new(5), BlockHeight::new(100));
        let steps = HoldSteps {
            hold: Hold { nonce, reason, held_at, leaf: Leaf(B256::ZERO) },
            readiness: Some(readiness),
            is_refund: Some(false),
            refund_delay: 50,
            delay_blocks: Some(0),
            head: BlockHeight::new(110),
        };
        remarks(action, &"kr/main-to-service:5".parse().unwrap(), &steps).join("\n")
    }

    #[test]
    fn a_signer_reads_that_an_unclear_payout_may_be_paid_twice() {
        for action in [HoldAction::Release, HoldAction::Refund] {
            let unclear = read(action, HoldReason::AnswerUnclear, Readiness::Ready);
            assert!(unclear.contains("may have moved the value already"), "{unclear}");
            assert!(unclear.contains(&format!("then a {action} pays kr/main-to-service:5")), "{unclear}");
            assert!(!read(action, HoldReason::Forced, Readiness::Ready).contains("warning"));
        }
    }

    #[test]
    fn a_signer_reads_why_it_takes_operators_and_what_stands_against_it() {
        let refund = read(HoldAction::Refund, HoldReason::PayoutFailed, Readiness::Ready);
        assert!(refund.contains("on hold since block 100") && refund.contains("(payout failed)"), "{refund}");
        assert!(refund.contains("from block 150 on (in 40 blocks)"), "{refund}");
        let poor = Readiness::Escrow { has: U256::ZERO, needs: U256::from(7) };
        let release = read(HoldAction::Release, HoldReason::Forced, poor);
        assert!(release.contains("a threshold of operators put it on hold (forced)"), "{release}");
        assert!(release.contains("a release would fail now, because it needs 7 smallest units"), "{release}");
    }
}
