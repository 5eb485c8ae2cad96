//! One transfer's story, in plain sentences.

use alloy::primitives::{Address, B256};
use polyspan_chain::HandleCall;
use polyspan_store::{ForceHold, Purpose};
use polyspan_types::{HoldEnd, Leaf, OutcomeResult, Payload, Request, Root, TransferState};
use serde::Serialize;

use crate::asset::Amount;
use crate::hold_steps::{HoldStory, explained};
use crate::judgement::Judgement;

/// Everything that is known of one transfer.
#[derive(Debug, Serialize)]
pub struct Story {
    /// Its name.
    pub transfer: String,
    /// Where it is; `null` when it could not be seen.
    pub state: Option<TransferState>,
    /// The chains at both ends.
    pub source_chain: String,
    /// Where it is paid.
    pub destination_chain: String,
    /// The deposit.
    pub request: Option<RequestStory>,
    /// Whether its block is final.
    #[serde(rename = "final")]
    pub is_final: Option<bool>,
    /// Votes that cover it and that are not forgotten yet.
    pub attestations: Vec<AttestationStory>,
    /// How many are needed, of how many operators.
    pub threshold: Option<(u8, usize)>,
    /// Nonce of the lowest approved checkpoint that covers it.
    pub approved_by_checkpoint: Option<u64>,
    /// Who approved it, proven from the transaction that handled it.
    pub approval: Option<AttestationStory>,
    /// What the transaction that handled it says.
    pub call: Option<CallStory>,
    /// What the relay of this host sent.
    pub submissions: Vec<SubmissionStory>,
    /// What the relay of this host decided about it, because it cannot be handled.
    pub force_holds: Vec<ForceHold>,
    /// How the destination handled it.
    pub outcome: Option<OutcomeStory>,
    /// The hold that is open.
    pub hold: Option<HoldStory>,
    /// How its hold ended.
    pub ending: Option<EndingStory>,
    /// Relays that halted the lane.
    pub halted: Vec<(String, String)>,
    /// What relays say that the lane waits for, if it is this one that the lane has come to.
    pub relays_say: Vec<(String, String)>,
    /// What it waits for now.
    pub waiting_for: Option<String>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

/// The deposit.
#[derive(Debug, Serialize)]
pub struct RequestStory {
    /// The request as the source recorded it.
    #[serde(flatten)]
    pub request: Request,
    /// What is moved, for people.
    pub what: String,
    /// How much, for programs.
    pub amount: Amount,
    /// Its payload, if it can be read.
    pub decoded: Option<Payload>,
    /// What the payload holds, for people.
    pub holds: Option<String>,
    /// The transfer that it pays back, if it is a refund.
    pub refund_of: Option<String>,
}

/// Votes for one checkpoint.
#[derive(Debug, Serialize)]
pub struct AttestationStory {
    /// Requests that the checkpoint covers.
    pub checkpoint: u64,
    /// Hash over them.
    pub root: Root,
    /// Who signed it.
    pub signers: Vec<Signer>,
}

/// Who signed.
#[derive(Debug, Serialize)]
pub struct Signer {
    /// Name of its relay, if it is known.
    pub relay: Option<String>,
    /// Its address.
    pub operator: Address,
}

/// One entry of a relay's journal.
#[derive(Debug, Serialize)]
pub struct SubmissionStory {
    /// Who paid for it.
    pub submitter: Address,
    /// What it does.
    pub purpose: Purpose,
    /// All transactions of it: the later ones replaced the earlier.
    pub tx_hashes: Vec<B256>,
    /// What became of it.
    pub outcome: String,
}

/// What the calldata of the transaction says that handled it.
#[derive(Debug, Serialize)]
pub struct CallStory {
    /// Number of the first transfer in it.
    pub first: u64,
    /// Number behind the last one.
    pub end: u64,
    /// Leaves of requests behind them, up to the signed checkpoint.
    pub tail: usize,
    /// Signatures of a form that the contract counts.
    pub signatures: usize,
    /// The entry of this request, for people.
    pub entry: Option<String>,
    /// Whether the entry is what was requested; `null` when the request was not seen.
    pub as_requested: Option<bool>,
}

impl CallStory {
    /// Of a call, with the entry of this request and what it moves in words.
    pub fn of(call: &HandleCall, entry: Option<(&Request, String)>, request: Option<&Request>) -> Self {
        let leaf = entry.as_ref().map(|(entry, _)| Leaf::of(entry));
        Self {
            first: call.first.get(),
            end: call.end().get(),
            tail: call.tail.len(),
            signatures: call.signatures.len(),
            entry: entry.map(|(entry, what)| {
                let transfer = &entry.transfer;
                format!(
                    "{what} from {} (block {}) to {}, refunds to {}, {} bytes of payload",
                    transfer.from,
                    transfer.source_block,
                    transfer.to,
                    transfer.refund_to,
                    transfer.payload.len()
                )
            }),
            as_requested: leaf.zip(request.map(Leaf::of)).map(|(entry, request)| entry == request),
        }
    }

    fn sentence(&self) -> String {
        let count = self.end.saturating_sub(self.first);
        let entry = match (&self.entry, self.as_requested) {
            (None, _) => String::new(),
            (Some(entry), Some(false)) => format!("; this one is NOT what was requested: {entry}"),
            (Some(entry), Some(true)) => format!("; this one, as it was requested: {entry}"),
            (Some(entry), None) => format!("; this one: {entry}"),
        };
        format!(
            "That transaction's calldata has {count} transfers ({} to {}), a tail of {} leaves and {} signatures{entry}.",
            self.first,
            self.end.saturating_sub(1),
            self.tail,
            self.signatures
        )
    }
}

/// How a hold ended.
#[derive(Debug, Serialize)]
pub struct EndingStory {
    /// Released or refunded.
    #[serde(flatten)]
    pub end: HoldEnd,
    /// Block of the destination.
    pub block: u64,
    /// Transaction of the destination.
    pub tx_hash: B256,
    /// The request of the other lane that pays it back.
    pub refund: Option<RefundStory>,
    /// Where its value lies when it was written off.
    pub claim: Option<ClaimStory>,
}

/// What was written off.
#[derive(Debug, Serialize)]
pub struct ClaimStory {
    /// The contract that keeps it.
    pub claims: Address,
    /// Who can take it.
    pub claimant: Address,
    /// Whether it is still there; `null` when that could not be seen.
    pub open: Option<bool>,
}

/// The way back of a refunded transfer.
#[derive(Debug, Serialize)]
pub struct RefundStory {
    /// Its name.
    pub transfer: String,
    /// Where it is; `null` when it could not be seen.
    pub state: Option<TransferState>,
    /// What it waits for now.
    pub waiting_for: Option<String>,
}

/// How the destination handled it.
#[derive(Debug, Serialize)]
pub struct OutcomeStory {
    /// Paid or held.
    pub result: OutcomeResult,
    /// Block of the destination, if the log was found.
    pub block: Option<u64>,
    /// Transaction of the destination, if the log was found.
    pub tx_hash: Option<B256>,
    /// Why that may not be what was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispute: Option<String>,
}

impl Story {
    /// Takes over the verdict.
    pub fn judged(mut self, judgement: Judgement) -> Self {
        self.state = judgement.state;
        self.waiting_for = judgement.waiting_for;
        self
    }

    /// The sentences, one a line.
    pub fn sentences(&self) -> Vec<String> {
        let state = self.state.map_or_else(|| "state unknown".to_owned(), |state| state.to_string());
        let mut told = vec![format!("{} is {state}.", self.transfer)];
        told.extend(self.requested());
        told.extend(
            self.request
                .iter()
                .filter_map(|request| request.holds.as_ref().map(|holds| format!("With it goes {holds}."))),
        );
        told.extend(self.request.iter().filter_map(|request| {
            request.refund_of.as_ref().map(|of| format!("It pays {of} back, which was on hold."))
        }));
        told.extend(self.finality());
        told.extend(self.votes());
        told.extend(self.force_holds.iter().map(|decided| self.decided(decided)));
        told.extend(self.submissions.iter().map(submitted));
        told.extend(self.outcome.as_ref().map(|outcome| self.handled(outcome)));
        told.extend(self.call.as_ref().map(CallStory::sentence));
        told.extend(self.ending.iter().flat_map(|ending| self.ended(ending)));
        told.extend(
            self.halted.iter().map(|(relay, reason)| format!("Relay {relay} halted the lane: {reason}.")),
        );
        told.extend(
            self.relays_say
                .iter()
                .map(|(relay, what)| format!("Relay {relay} says that the lane waits for {what}.")),
        );
        told.extend(self.unseen.iter().map(|reason| format!("Not seen: {reason}.")));
        told.push(match &self.waiting_for {
            Some(what) => format!("It waits for {what}."),
            None => "It waits for nothing.".to_owned(),
        });
        told.extend(self.way_out());
        told
    }

    /// What operators can do about a hold that only they end, or about an approved request that relays have trouble with.
    fn way_out(&self) -> Option<String> {
        let on_hold = self.hold.as_ref().filter(|hold| hold.reason.needs_operators());
        if on_hold.is_some() {
            let id = &self.transfer;
            let is_refund = self.request.as_ref().is_some_and(|told| told.request.transfer.kind.is_refund());
            // A refund is never refunded.
            let refund = if is_refund {
                String::new()
            } else {
                format!(" or `polyspan refund prepare {id} --out FILE`")
            };
            return Some(format!(
                "Operators decide how it ends: `polyspan release prepare {id} --out FILE`{refund}."
            ));
        }
        let is_approved = matches!(self.state, Some(TransferState::Approved | TransferState::Submitted));
        let (lane, nonce) = self.transfer.rsplit_once(':')?;
        (is_approved && !self.relays_say.is_empty()).then(|| {
            format!(
                "If it cannot be handled at all, operators can put it on hold: \
                 `polyspan force-hold prepare --lane {lane} --nonce {nonce} --out FILE`."
            )
        })
    }

    fn requested(&self) -> Option<String> {
        let RequestStory { request, what, .. } = self.request.as_ref()?;
        let transfer = &request.transfer;
        Some(format!(
            "Requested in block {} of chain {} by {}: {what} to {} (refunds to {}), transaction {}.",
            transfer.source_block,
            self.source_chain,
            transfer.from,
            transfer.to,
            transfer.refund_to,
            request.tx_hash
        ))
    }

    fn finality(&self) -> Option<String> {
        Some(match self.is_final? {
            true => format!("Its block is final on chain {}.", self.source_chain),
            false => format!("Its block is not final on chain {} yet.", self.source_chain),
        })
    }

    fn votes(&self) -> Vec<String> {
        if let Some(approval) = &self.approval {
            let AttestationStory { checkpoint, root, .. } = approval;
            // Votes for later checkpoints are not what it was handled by.
            return vec![format!("Approved by {} (checkpoint {checkpoint}, root {root}).", approval.names())];
        }
        let mut told: Vec<_> = self.attestations.iter().map(|votes| self.attested(votes)).collect();
        told.extend(
            self.approved_by_checkpoint
                .map(|nonce| format!("Approved: checkpoint {nonce} has the threshold.")),
        );
        told
    }

    fn decided(&self, decided: &ForceHold) -> String {
        let did = if decided.signature.is_some() { "agreed" } else { "began to agree" };
        let (first, last) = decided.blocks;
        format!(
            "This relay {did} to force-hold it as {}: alone it could not be handled at {} blocks from {first} to {last} of chain {} ({}).",
            decided.operator, decided.trials, self.destination_chain, decided.reason
        )
    }

    fn attested(&self, attestation: &AttestationStory) -> String {
        let needed =
            self.threshold.map_or_else(String::new, |(threshold, _)| format!(" of {threshold} needed"));
        format!(
            "Attested by {}{needed}: {}; checkpoint {}, root {}.",
            attestation.signers.len(),
            attestation.names(),
            attestation.checkpoint,
            attestation.root
        )
    }

    fn ended(&self, ending: &EndingStory) -> Vec<String> {
        let place = format!(
            " in block {} of chain {}, transaction {}",
            ending.block, self.destination_chain, ending.tx_hash
        );
        match (ending.end, &ending.refund) {
            (HoldEnd::WrittenOff, _) => vec![self.written_off(&place, ending.claim.as_ref())],
            (HoldEnd::Released { to }, _) => vec![format!("Released{place}: {to} has it.")],
            (HoldEnd::Refunded { request_nonce }, None) => {
                vec![format!("Refunded{place}, as request {request_nonce} of the other lane.")]
            }
            (HoldEnd::Refunded { .. }, Some(refund)) => {
                let RefundStory { transfer, state, waiting_for } = refund;
                let state = state.map_or_else(|| "not seen".to_owned(), |state| state.to_string());
                let waits =
                    waiting_for.as_ref().map_or_else(String::new, |what| format!("; it waits for {what}"));
                vec![format!("Refunded{place}, as {transfer}."), format!("{transfer} is {state}{waits}.")]
            }
        }
    }

    fn written_off(&self, place: &str, claim: Option<&ClaimStory>) -> String {
        let Some(ClaimStory { claims, claimant, open }) = claim else {
            return format!(
                "Written off by governors{place}: its recipient can take its value from the bridge's claims."
            );
        };
        match open {
            Some(false) => {
                format!(
                    "Written off by governors{place}: {claimant} has taken its value from the bridge's claims at {claims}."
                )
            }
            _ => format!(
                "Written off by governors{place}: its value lies in the bridge's claims at {claims}, where {claimant} can take it: \
                 `polyspan claim {} --to ADDRESS`.",
                self.transfer
            ),
        }
    }

    fn handled(&self, outcome: &OutcomeStory) -> String {
        let place = match (outcome.block, outcome.tx_hash) {
            (Some(block), Some(tx_hash)) => {
                format!(" in block {block} of chain {}, transaction {tx_hash}", self.destination_chain)
            }
            _ => format!(" on chain {}", self.destination_chain),
        };
        if let Some(dispute) = &outcome.dispute {
            return format!("NOT KNOWN TO BE PAID AS REQUESTED: handled{place}, and {dispute}.");
        }
        match outcome.result {
            OutcomeResult::Paid => format!("Paid{place}."),
            OutcomeResult::Held(reason) => format!("Put on hold{place}: {} ({reason}).", explained(reason)),
        }
    }
}

impl AttestationStory {
    /// The signers, with the names of their relays as far as they are known.
    fn names(&self) -> String {
        let name = |signer: &Signer| match &signer.relay {
            Some(relay) => format!("{relay} ({})", signer.operator),
            None => signer.operator.to_string(),
        };
        self.signers.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

fn submitted(submission: &SubmissionStory) -> String {
    let hashes: Vec<_> = submission.tx_hashes.iter().map(ToString::to_string).collect();
    let sent = match hashes.len() {
        0 => "no transaction yet".to_owned(),
        1 => format!("transaction {}", hashes[0]),
        count => format!("{count} transactions, each replacing the one before: {}", hashes.join(", ")),
    };
    let did = match submission.purpose {
        Purpose::Handle => "Submitted",
        Purpose::Release => "Release submitted",
        Purpose::Vote => "Vote submitted",
        Purpose::ForceHold => "Force-hold submitted",
        Purpose::Pause => "Pause submitted",
    };
    format!("{did} by this relay from {}: {sent}; {}.", submission.submitter, submission.outcome)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256};
    use polyspan_types::{BlockHeight, HoldReason, Kind, RequestNonce, ValueTransfer};

    use super::*;

    fn story() -> Story {
        Story {
            transfer: "kr/main-to-service:42".to_owned(),
            state: None,
            source_chain: "main".to_owned(),
            destination_chain: "service".to_owned(),
            request: None,
            is_final: Some(true),
            attestations: vec![AttestationStory {
                checkpoint: 43,
                root: Root(B256::ZERO),
                signers: vec![Signer { relay: Some("main-bridge-1".to_owned()), operator: Address::ZERO }],
            }],
            threshold: Some((3, 4)),
            approved_by_checkpoint: None,
            approval: None,
            call: None,
            submissions: Vec::new(),
            force_holds: Vec::new(),
            outcome: None,
            hold: None,
            ending: None,
            halted: Vec::new(),
            relays_say: Vec::new(),
            waiting_for: None,
            unseen: Vec::new(),
        }
    }

    #[test]
    fn trouble_with_an_approved_transfer_leads_to_the_decision_of_operators() {
        let say = |state| {
            let trouble = "the destination would revert: why".to_owned();
            let story = Story { relays_say: vec![("both-1".to_owned(), trouble)], ..story() };
            story.judged(Judgement { state: Some(state), waiting_for: None }).sentences().join("\n")
        };
        let text = say(TransferState::Approved);
        assert!(
            text.contains("Relay both-1 says that the lane waits for the destination would revert: why."),
            "{text}"
        );
        assert!(
            text.contains("`polyspan force-hold prepare --lane kr/main-to-service --nonce 42 --out FILE`"),
            "{text}"
        );
        assert!(!say(TransferState::Attested).contains("force-hold"));
        let calm = Judgement { state: Some(TransferState::Approved), waiting_for: None };
        assert!(!story().judged(calm).sentences().join("\n").contains("force-hold"));
    }

    #[test]
    fn a_hold_that_only_operators_end_leads_to_their_decision() {
        let hold =
            |reason| HoldStory { nonce: 42, reason, held_at: 7, refundable_from: None, next: String::new() };
        let text = |reason| Story { hold: Some(hold(reason)), ..story() }.sentences().join("\n");
        let unclear = text(HoldReason::AnswerUnclear);
        for action in ["release", "refund"] {
            let command = format!("`polyspan {action} prepare kr/main-to-service:42 --out FILE`");
            assert!(unclear.contains(&command), "{unclear}");
        }
        assert!(!text(HoldReason::PayoutFailed).contains("prepare"));
    }

    #[test]
    fn a_waiting_transfer_says_for_what() {
        let judgement = Judgement {
            state: Some(TransferState::Attested),
            waiting_for: Some("1 of 3 attested".to_owned()),
        };
        let text = story().judged(judgement).sentences().join("\n");
        assert!(text.starts_with("kr/main-to-service:42 is attested."), "{text}");
        assert!(text.contains("Attested by 1 of 3 needed: main-bridge-1 (0x000"), "{text}");
        assert!(text.ends_with("It waits for 1 of 3 attested."), "{text}");
    }

    #[test]
    fn a_handled_transfer_says_who_approved_it_and_not_who_votes_now() {
        let signers = vec![
            Signer { relay: Some("main-bridge-2".to_owned()), operator: Address::ZERO },
            Signer { relay: None, operator: Address::repeat_byte(1) },
        ];
        let approval = AttestationStory { checkpoint: 64, root: Root(B256::ZERO), signers };
        let text = Story { approval: Some(approval), ..story() }.sentences().join("\n");
        assert!(text.contains("Approved by main-bridge-2 (0x0000"), "{text}");
        assert!(text.contains(", 0x0101") && text.contains(" (checkpoint 64, root 0x00"), "{text}");
        assert!(!text.contains("Attested"), "{text}");
    }

    #[test]
    fn a_hold_is_explained() {
        let result = OutcomeResult::Held(HoldReason::PayoutFailed);
        let place = (Some(7), Some(B256::ZERO));
        let outcome = Some(OutcomeStory { result, block: place.0, tx_hash: place.1, dispute: None });
        let text = Story { outcome, ..story() }.sentences().join("\n");
        assert!(text.contains("Put on hold in block 7 of chain service"), "{text}");
        assert!(text.contains("refused it"), "{text}");
    }

    #[test]
    fn a_refund_is_followed_to_the_other_lane() {
        let end = HoldEnd::Refunded { request_nonce: RequestNonce::new(7) };
        let refund = RefundStory {
            transfer: "kr/service-to-main:7".to_owned(),
            state: Some(TransferState::Final),
            waiting_for: Some("2 of 3 attested (4 operators)".to_owned()),
        };
        let ending = EndingStory { end, block: 9, tx_hash: B256::ZERO, refund: Some(refund), claim: None };
        let told = Story { ending: Some(ending), ..story() };
        let text = told.sentences().join("\n");
        assert!(text.contains("Refunded in block 9 of chain service, transaction 0x0000"), "{text}");
        assert!(text.contains("kr/service-to-main:7 is final; it waits for 2 of 3 attested"), "{text}");
        let json = serde_json::to_value(told.ending).unwrap();
        assert_eq!(json["refunded"]["request_nonce"], 7, "{json}");
        let released = EndingStory {
            end: HoldEnd::Released { to: Address::repeat_byte(7) },
            block: 9,
            tx_hash: B256::ZERO,
            refund: None,
            claim: None,
        };
        let text = Story { ending: Some(released), ..story() }.sentences().join("\n");
        assert!(text.contains("Released in block 9 of chain service"), "{text}");
    }

    #[test]
    fn the_value_of_a_written_off_hold_is_found() {
        let told = |claim: Option<ClaimStory>| {
            let ending =
                EndingStory { end: HoldEnd::WrittenOff, block: 9, tx_hash: B256::ZERO, refund: None, claim };
            Story { ending: Some(ending), ..story() }.sentences().join("\n")
        };
        let claim = |open| {
            let (claims, claimant) = (Address::repeat_byte(7), Address::repeat_byte(8));
            Some(ClaimStory { claims, claimant, open })
        };
        assert!(told(None).contains("Written off by governors in block 9"));
        let text = told(claim(Some(true)));
        assert!(text.contains("at 0x0707") && text.contains("where 0x0808"), "{text}");
        assert!(text.contains("`polyspan claim kr/main-to-service:42 --to ADDRESS`"), "{text}");
        assert!(told(claim(Some(false))).contains("has taken its value"));
    }

    #[test]
    fn the_call_that_handled_it_is_told_with_its_entry() {
        let transfer = ValueTransfer {
            kind: Kind::Native.into(),
            source_block: BlockHeight::new(7),
            token: Address::ZERO,
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            refund_to: Address::repeat_byte(3),
            value: U256::from(5),
            payload: Bytes::new(),
        };
        let request =
            Request { nonce: RequestNonce::new(42), transfer: transfer.clone(), tx_hash: B256::ZERO };
        let mut other = request.clone();
        other.transfer.value = U256::from(6);
        let call = HandleCall {
            first: RequestNonce::new(41),
            transfers: vec![transfer; 3],
            tail: vec![Leaf(B256::ZERO); 2],
            signatures: Vec::new(),
        };
        let told = |asked: Option<&Request>| {
            let call = CallStory::of(&call, Some((&request, "5 coins".to_owned())), asked);
            Story { call: Some(call), ..story() }.sentences().join("\n")
        };
        let text = told(Some(&request));
        let counts = "calldata has 3 transfers (41 to 43), a tail of 2 leaves and 0 signatures";
        assert!(
            text.contains(&format!("{counts}; this one, as it was requested: 5 coins from 0x0101")),
            "{text}"
        );
        assert!(told(None).contains(&format!("{counts}; this one: 5 coins")));
        assert!(told(Some(&other)).contains("NOT what was requested"));
    }
}
