//! From a change to the call that makes it, on one chain.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use alloy::primitives::{Address, U256};
use polyspan_chain::{
    BridgeState, GREATEST_GAS_CAPS, PairState, default_gas_cap, default_item_bound, encode_transfer,
    item_bounds, least_gas_cap,
};
use polyspan_contracts::Bridge;
use polyspan_types::{Kind, Request, Threshold};

use super::{
    Change, DeregisterArguments, HandOverArguments, LimitArguments, MembersArguments, MigrateArguments,
    RegisterArguments,
};
use crate::deploy::spec::{End, MAX_MEMBERS};
use crate::failure::BadInput;
use crate::governance::limits::encoded;
use crate::governance::setter::Setter;
use crate::token::parse_amount;

/// What a change is made for: one end of a bridge, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Which end.
    pub end: End,
    /// Name of the chain.
    pub chain: &'a str,
    /// Names of the chain's tokens.
    pub names: &'a [(Address, String)],
    /// The bridge.
    pub state: &'a BridgeState,
    /// Its counterpart, if it was read.
    pub counterpart: Option<&'a BridgeState>,
    /// Decimals of the pair that is to be registered.
    pub decimals: u8,
    /// What a new storage slot costs on this chain and on the counterpart's, for the pair that is to be registered. Unit: gas.
    pub slot_gas: (u64, u64),
    /// The request whose hold is to be written off.
    pub held: Option<&'a Request>,
}

impl Ground<'_> {
    /// The call of a change.
    ///
    /// Errors: what the contract would refuse, as far as its state tells.
    pub fn setter(&self, change: &Change) -> Result<Setter, BadInput> {
        Ok(match change {
            Change::SetOperators(set) => {
                let (members, threshold) = self.members(set)?;
                Setter::SetOperators(Bridge::setOperatorsCall { members, threshold })
            }
            Change::SetGovernors(set) => {
                let (members, threshold) = self.members(set)?;
                Setter::SetGovernors(Bridge::setGovernorsCall { members, threshold })
            }
            Change::RegisterPair(pair) => self.register(pair)?,
            Change::DeregisterPair(pair) => self.deregister(pair)?,
            Change::LockPair(pair) => self.lock(&pair.pair, true)?,
            Change::UnlockPair(pair) => self.lock(&pair.pair, false)?,
            Change::SetGasCap { pair, gas_cap } => {
                let pair = self.pair(&pair.pair)?;
                self.check_gas_cap(pair.kind, pair.item_bound, *gas_cap)?;
                Setter::SetPairGasCap(Bridge::setPairGasCapCall { token: pair.token, gasCap: *gas_cap })
            }
            Change::SetGreatestGasCap { gas_cap } => self.greatest_gas_cap(*gas_cap)?,
            Change::SetLimits(limits) => self.limits(limits)?,
            Change::SetFeeReceiver { to } => {
                Setter::SetFeeReceiver(Bridge::setFeeReceiverCall { feeReceiver: *to })
            }
            Change::SetRefundDelay { blocks } => {
                Setter::SetRefundDelay(Bridge::setRefundDelayCall { refundDelay: *blocks })
            }
            Change::SetGovernanceDelay { delay } => {
                let seconds = u32::try_from(delay.as_secs())
                    .map_err(|_| BadInput::new("--delay: more than a bridge takes; use 30days at most"))?;
                Setter::SetGovernanceDelay(Bridge::setGovernanceDelayCall { governanceDelay: seconds })
            }
            Change::Unpause => Setter::Unpause(Bridge::unpauseCall {}),
            Change::StopRequests => {
                Setter::SetRequestsStopped(Bridge::setRequestsStoppedCall { stopped: true })
            }
            Change::ResumeRequests => {
                Setter::SetRequestsStopped(Bridge::setRequestsStoppedCall { stopped: false })
            }
            Change::SetPredecessor { from } => {
                Setter::SetPredecessor(Bridge::setPredecessorCall { predecessor: *from })
            }
            Change::Migrate(migrate) => self.migrate(migrate)?,
            Change::HandOver(arguments) => self.hand_over(arguments)?,
            Change::WriteOff { transfer } => {
                let Some(held) = self.held else {
                    return Err(self.wrong(format!("{transfer} was not found")));
                };
                let (nonce, transfer) = (held.nonce.get(), encode_transfer(&held.transfer));
                Setter::WriteOff(Bridge::writeOffCall { nonce, transfer })
            }
        })
    }

    fn wrong(&self, what: impl std::fmt::Display) -> BadInput {
        BadInput::new(format!("on chain {}: {what}", self.chain))
    }

    fn members(&self, set: &MembersArguments) -> Result<(Vec<Address>, u8), BadInput> {
        let (members, threshold) = (&set.members, set.threshold);
        let checked = match self.state.development {
            true => Threshold::try_new_development(threshold, members.len()),
            false => Threshold::try_new(threshold, members.len()),
        };
        checked.map_err(|error| self.wrong(format!("--threshold: {error}")))?;
        let mut seen = BTreeSet::new();
        for member in members {
            if member.is_zero() {
                return Err(self.wrong("--members: the zero address belongs to nobody; remove it"));
            }
            if !seen.insert(member) {
                return Err(self.wrong(format!("--members: {member} is listed twice; remove one")));
            }
        }
        if members.len() > MAX_MEMBERS {
            return Err(self.wrong(format!(
                "--members: {} are more than the {MAX_MEMBERS} that a bridge takes",
                members.len()
            )));
        }
        Ok((members.clone(), threshold))
    }

    /// The registered pair of that name or token.
    fn pair(&self, text: &str) -> Result<&PairState, BadInput> {
        let named = self.names.iter().find(|(_, name)| name == text).map(|(token, _)| *token);
        let token = match (named, text) {
            (Some(token), _) => token,
            (None, "native") => Address::ZERO,
            (None, text) => crate::args::address(text).map_err(|error| {
                let names: Vec<_> = self.names.iter().map(|(_, name)| name.as_str()).collect();
                BadInput::new(format!(
                    "--pair: `{text}` is no pair of the bridge ({}), and {error}",
                    names.join(", ")
                ))
            })?,
        };
        let is_of = |token_of: fn(&PairState) -> Address| {
            self.state.pairs.iter().find(|pair| token_of(pair) == token)
        };
        // The token of this chain first: two chains may have different tokens at one address.
        let found = is_of(|pair| pair.token)
            .or_else(|| if named.is_some() { None } else { is_of(|pair| pair.counterpart_token) });
        found.ok_or_else(|| {
            self.wrong(format!("--pair: {text} is not registered with the bridge; register it first"))
        })
    }

    fn lock(&self, pair: &str, locked: bool) -> Result<Setter, BadInput> {
        let pair = self.pair(pair)?;
        Ok(Setter::SetPairLocked(Bridge::setPairLockedCall { token: pair.token, locked }))
    }

    fn limits(&self, arguments: &LimitArguments) -> Result<Setter, BadInput> {
        let pair = self.pair(&arguments.pair.pair)?;
        let limits =
            arguments.words().over(&encoded(&pair.limits), pair.kind, pair.decimals).map_err(|problems| {
                let flags =
                    problems.iter().map(|(key, problem)| format!("--{}: {problem}", key.replace('_', "-")));
                BadInput::list(
                    &format!("these limits would be refused on chain {}", self.chain),
                    &flags.collect::<Vec<_>>(),
                )
            })?;
        Ok(Setter::SetPairLimits(Bridge::setPairLimitsCall { token: pair.token, limits }))
    }

    fn register(&self, arguments: &RegisterArguments) -> Result<Setter, BadInput> {
        let (token, counterpart_token) = match self.end {
            End::Main => (arguments.main_token, arguments.service_token),
            End::Service => (arguments.service_token, arguments.main_token),
        };
        let mints = self.end.mints(arguments.mints);
        let kind = if token.is_zero() { Kind::Native } else { arguments.kind };
        if arguments.kind == Kind::Native && !(token.is_zero() && counterpart_token.is_zero()) {
            return Err(BadInput::new(
                "--kind: a native pair has no tokens; use `native` for both, or another kind",
            ));
        }
        if matches!(arguments.kind, Kind::Erc721 | Kind::Erc1155)
            && (token.is_zero() || counterpart_token.is_zero())
        {
            return Err(BadInput::new(format!(
                "--kind: a native currency is no {}; name a token",
                arguments.kind
            )));
        }
        if mints && token.is_zero() {
            return Err(BadInput::new(
                "--mints: no bridge can mint a native currency; name the other side, or none",
            ));
        }
        let known = |pair: &&PairState| pair.token == token || pair.counterpart_token == counterpart_token;
        if let Some(pair) = self.state.pairs.iter().find(known) {
            return Err(
                self.wrong(format!("{} and {} are a pair already", pair.token, pair.counterpart_token))
            );
        }
        let bounds = item_bounds(kind);
        let item_bound = arguments.item_bound.unwrap_or_else(|| {
            let theirs = self.counterpart.map_or(u32::MAX, |counterpart| counterpart.greatest_gas_cap);
            let most = self.state.greatest_gas_cap.min(theirs);
            // The same on both sides, so that of the dearer one.
            let slot_gas = self.slot_gas.0.max(self.slot_gas.1);
            default_item_bound(kind, arguments.gas_cap.map_or(most, |cap| cap.min(most)), slot_gas)
        });
        if !bounds.contains(&item_bound) {
            let (least, most) = (bounds.start(), bounds.end());
            return Err(self.wrong(format!(
                "--item-bound: {item_bound} is out of range for {kind}; use {least} to {most}"
            )));
        }
        let gas_cap = arguments
            .gas_cap
            .unwrap_or(default_gas_cap(kind, item_bound, self.slot_gas.0).min(self.state.greatest_gas_cap));
        self.check_gas_cap(kind, item_bound, gas_cap)?;
        Ok(Setter::RegisterPair(Bridge::registerPairCall {
            pair: Bridge::PairConfiguration {
                kind: kind.number(),
                mints,
                decimals: self.decimals,
                itemBound: item_bound,
                gasCap: gas_cap,
                token,
                counterpartToken: counterpart_token,
            },
        }))
    }

    fn migrate(&self, arguments: &MigrateArguments) -> Result<Setter, BadInput> {
        let pair = self.pair(&arguments.pair.pair)?;
        let by_id = !pair.mints && matches!(pair.kind, Kind::Erc721 | Kind::Erc1155);
        let units = if by_id && pair.kind == Kind::Erc1155 { arguments.ids.len() } else { 0 };
        if by_id == arguments.ids.is_empty() {
            let what = if by_id {
                "name each id that is to move"
            } else {
                "only ids that this side locks are named"
            };
            return Err(self.wrong(format!("--id: {what}")));
        }
        if arguments.units.len() != units {
            return Err(
                self.wrong(format!("--units: {} are given, and {units} are needed", arguments.units.len()))
            );
        }
        let amount = match (by_id, pair.kind, arguments.amount.as_str()) {
            (true, Kind::Erc1155, _) => {
                arguments.units.iter().fold(U256::ZERO, |sum, units| sum.saturating_add(*units))
            }
            (true, ..) => U256::from(arguments.ids.len()),
            (false, _, "all") if pair.mints => pair.minted,
            (false, _, "all") => pair.escrow.saturating_sub(pair.held),
            (false, _, text) => {
                parse_amount(text, pair.decimals).map_err(|error| self.wrong(format!("--amount: {error}")))?
            }
        };
        if amount.is_zero() {
            return Err(self.wrong("--amount: there is nothing to move"));
        }
        let inbound_nonce = self.final_inbound_nonce(arguments.inbound_nonce)?;
        Ok(Setter::Migrate(Bridge::migrateCall {
            token: pair.token,
            successor: arguments.successor,
            amount,
            ids: arguments.ids.clone(),
            amounts: arguments.units.clone(),
            inboundNonce: inbound_nonce,
        }))
    }

    fn hand_over(&self, arguments: &HandOverArguments) -> Result<Setter, BadInput> {
        let pair = self.pair(&arguments.pair.pair)?;
        if !pair.mints {
            return Err(self.wrong(format!(
                "--pair: this side locks {}, so nobody mints it here; give --chain for the side that mints",
                arguments.pair.pair
            )));
        }
        let theirs = self.counterpart.and_then(|counterpart| pair_of(counterpart, pair));
        if theirs.is_some_and(|theirs| !theirs.held.is_zero()) {
            return Err(self.wrong(format!(
                "the counterpart holds requests of {}, and what it refunds could not be minted any more; end its holds first, \
                 by release, refund or write-off (see `polyspan status`)",
                arguments.pair.pair
            )));
        }
        Ok(Setter::HandOver(Bridge::handOverCall {
            token: pair.token,
            successor: arguments.successor,
            inboundNonce: self.final_inbound_nonce(arguments.inbound_nonce)?,
        }))
    }

    fn deregister(&self, arguments: &DeregisterArguments) -> Result<Setter, BadInput> {
        let pair = self.pair(&arguments.pair.pair)?;
        let inbound_nonce = self.inbound_nonce(
            arguments.inbound_nonce,
            // Where it is gone already, nothing of it is requested either.
            |counterpart| {
                counterpart.requests_stopped || pair_of(counterpart, pair).is_none_or(|theirs| theirs.locked)
            },
            "the counterpart's side of the pair is not locked, so more of it may be on its way; lock it first, or give the \
             number",
        )?;
        Ok(Setter::DeregisterPair(Bridge::deregisterPairCall {
            token: pair.token,
            inboundNonce: inbound_nonce,
            outboundNonce: self.outbound_nonce(arguments.outbound_nonce)?,
        }))
    }

    /// The number that is given, or else what the counterpart has handled.
    fn outbound_nonce(&self, given: Option<u64>) -> Result<u64, BadInput> {
        given.or(self.counterpart.map(|counterpart| counterpart.handle_nonce.get())).ok_or_else(|| {
            self.wrong("--outbound-nonce: the counterpart could not be read; give the endpoint of its chain, or the number")
        })
    }

    fn greatest_gas_cap(&self, gas_cap: u32) -> Result<Setter, BadInput> {
        if !GREATEST_GAS_CAPS.contains(&gas_cap) {
            let (least, most) = (GREATEST_GAS_CAPS.start(), GREATEST_GAS_CAPS.end());
            return Err(self.wrong(format!("--gas-cap: {gas_cap} is out of range; use {least} to {most}")));
        }
        Ok(Setter::SetGreatestGasCap(Bridge::setGreatestGasCapCall { gasCap: gas_cap }))
    }

    /// The number of the counterpart's requests, once they are stopped.
    fn final_inbound_nonce(&self, given: Option<u64>) -> Result<u64, BadInput> {
        self.inbound_nonce(
            given,
            |counterpart| counterpart.requests_stopped,
            "the counterpart's requests are not stopped, so their number is not final; stop them first, or give the number",
        )
    }

    /// The number that is given, or else that of the counterpart's requests, if nothing that matters can be added to them.
    fn inbound_nonce(
        &self,
        given: Option<u64>,
        is_final: impl Fn(&BridgeState) -> bool,
        otherwise: &str,
    ) -> Result<u64, BadInput> {
        match (given, self.counterpart) {
            (Some(nonce), _) => Ok(nonce),
            (None, Some(counterpart)) if is_final(counterpart) => Ok(counterpart.request_nonce.get()),
            (None, Some(_)) => Err(self.wrong(format!("--inbound-nonce: {otherwise}"))),
            (None, None) => Err(self.wrong(
                "--inbound-nonce: the counterpart could not be read; give the endpoint of its chain, or the number",
            )),
        }
    }

    fn check_gas_cap(&self, kind: Kind, item_bound: u16, gas_cap: u32) -> Result<(), BadInput> {
        let (least, most) = (least_gas_cap(kind, item_bound), self.state.greatest_gas_cap);
        if (least..=most).contains(&gas_cap) {
            return Ok(());
        }
        Err(self.wrong(format!(
            "--gas-cap: {gas_cap} is out of range for {kind}{}; use {least} to {most}",
            if item_bound == 0 { String::new() } else { format!(" with an item bound of {item_bound}") }
        )))
    }
}

/// The counterpart's side of a pair; `None` where it is gone.
fn pair_of<'a>(counterpart: &'a BridgeState, pair: &PairState) -> Option<&'a PairState> {
    counterpart.pairs.iter().find(|theirs| theirs.token == pair.counterpart_token)
}
