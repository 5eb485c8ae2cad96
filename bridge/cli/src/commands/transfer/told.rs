//! What is said of a transfer: lines as things happen, or one JSON object at the end.

use std::process::ExitCode;

use anyhow::Result;
use polyspan_types::{Request, TransferId};
use serde::Serialize;

use super::follow::End;
use super::plan::Plan;
use crate::asset::Amount;
use crate::exit::Exit;
use crate::output;

/// One transfer.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    transfer: String,
    request_transaction: String,
    /// What is moved, for people.
    what: String,
    /// How much, for programs: of an ERC-721 one, of an ERC-1155 all units together.
    amount: Amount,
    /// Recipient on the destination chain.
    to: String,
    /// What was charged at the most, in whole units; absent without a fee.
    fee: Option<String>,
    /// The same for programs.
    fee_amount: Option<Amount>,
    /// Whether that is in the native currency, and not in the token; absent without a fee.
    fee_in_native: Option<bool>,
    remarks: Vec<String>,
    /// How it ended; absent when nobody waited.
    pub(super) end: Option<End>,
    #[serde(skip)]
    json: bool,
}

impl Told {
    pub(super) fn new(
        id: &TransferId,
        request: &Request,
        plan: &Plan,
        what: String,
        remarks: Vec<String>,
        json: bool,
    ) -> Self {
        let fee = Some(plan.fee).filter(|fee| !fee.now.is_zero());
        Self {
            transfer: id.to_string(),
            request_transaction: request.tx_hash.to_string(),
            what,
            amount: Amount::new(plan.goods.amount(), Some(plan.goods.decimals)),
            to: plan.to.to_string(),
            fee: fee.map(|fee| fee.shown(fee.now)),
            fee_amount: fee.map(|fee| Amount::new(fee.now, Some(fee.decimals))),
            fee_in_native: fee.map(|fee| fee.in_native),
            remarks,
            end: None,
            json,
        }
    }

    /// The request is in a block. Its transaction was named when it was broadcast.
    pub(super) fn requested(&self) {
        if self.json {
            return;
        }
        output::result(format!("transfer: {}", self.transfer));
        self.fee.iter().for_each(|fee| output::result(format!("fee: {fee}")));
    }

    /// Says how it ended, and is the exit code of that.
    ///
    /// Errors: none that a caller could cause.
    pub(super) fn finish(self) -> Result<ExitCode> {
        let exit = match self.end {
            None | Some(End::Paid { .. }) => Exit::Fine,
            Some(End::Waiting { .. }) => Exit::Unreadable,
            Some(End::Held { .. } | End::Refunded { .. } | End::WrittenOff { .. }) => Exit::Bad,
        };
        if self.json {
            output::json(&self)?;
        } else if let Some(end) = &self.end {
            end.lines(&self.transfer).iter().for_each(output::result);
        }
        Ok(exit.into())
    }
}
