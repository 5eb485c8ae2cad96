//! Conservation: what both contracts count of a pair, what is on its way or on hold, and what they own.

use alloy::primitives::{Address, U256};
use polyspan_types::RequestNonce;

use crate::{Difference, DifferenceKind, Judged};

/// What one side's contract counts of a pair, at one block. Unit: the token's smallest unit; pieces of an ERC-721, units of
/// an ERC-1155.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// The side, for people.
    pub chain: String,
    /// The token here.
    pub token: Address,
    /// Whether this side mints.
    pub mints: bool,
    /// What it keeps for the other side.
    pub escrow: U256,
    /// Minted minus burnt.
    pub minted: U256,
    /// Sum of its holds.
    pub held: U256,
    /// Put in without a request.
    pub seeded: U256,
    /// Handed over by a former bridge.
    pub adopted: U256,
    /// Fees that wait for their receiver.
    pub fees: U256,
    /// What it owns of the token; `None` when that cannot be read.
    pub balance: Option<U256>,
    /// First request that it has not handled.
    pub handle_nonce: RequestNonce,
}

/// What the logs say of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// On its way, of both lanes.
    pub in_flight: U256,
    /// On hold on the main chain.
    pub held_main: U256,
    /// On hold on the service chain.
    pub held_service: U256,
}

/// Both sides of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Its name.
    pub pair: String,
    /// The main chain's side.
    pub main: Counters,
    /// The service chain's side.
    pub service: Counters,
    /// What the logs say.
    pub open: Open,
    /// Whether value was taken out to a successor, which leaves the two sides apart until both are moved.
    pub migrating: bool,
}

impl Books {
    /// Compares everything. A balance above what is owed is a donation and no difference.
    ///
    /// Errors: the first difference: holds, then balances, then conservation.
    pub fn judge(&self) -> Judged {
        let Open { in_flight, held_main, held_service } = self.open;
        for (side, held) in [(&self.main, held_main), (&self.service, held_service)] {
            if side.held != held {
                let found = format!("the contract counts {} on hold, its logs say {held}", side.held);
                return Err(self.difference(side, DifferenceKind::HeldCount, found));
            }
        }
        for side in [&self.main, &self.service] {
            let owed = side.escrow.saturating_add(side.fees);
            if let Some(balance) = side.balance.filter(|balance| *balance < owed) {
                let found = format!("the bridge owns {balance} and owes {owed}");
                return Err(self.difference(side, DifferenceKind::Balance, found));
            }
        }
        let (main, service) = (&self.main, &self.service);
        let (claims, escrow, side, whose) = match (main.mints, service.mints) {
            (_, true) => (service.minted, main.escrow, main, "minted"),
            (true, false) => (main.minted, service.escrow, service, "minted"),
            (false, false) => {
                let given = [main.seeded, service.seeded, main.adopted, service.adopted];
                let given = given.into_iter().fold(U256::ZERO, U256::saturating_add);
                (given, main.escrow.saturating_add(service.escrow), main, "seeded")
            }
        };
        let held = held_main.saturating_add(held_service);
        let sum = claims.saturating_add(in_flight).saturating_add(held);
        if self.migrating || sum == escrow {
            return Ok(());
        }
        let found = format!(
            "escrow is {escrow}, and the claims on it are {sum}: {claims} {whose}, {in_flight} in flight, {held} on hold"
        );
        Err(self.difference(side, DifferenceKind::Conservation, found))
    }

    fn difference(&self, side: &Counters, kind: DifferenceKind, found: String) -> Box<Difference> {
        Box::new(Difference {
            place: format!("pair {} on chain {}", self.pair, side.chain),
            kind,
            nonce: side.handle_nonce,
            token: Some(side.token),
            found,
        })
    }
}
