//! What people read of a call: names for tokens, whole tokens for amounts, and what is there now beside what comes.

#[cfg(test)]
mod tests;

use std::time::{Duration, UNIX_EPOCH};

use alloy::primitives::{Address, U256};
use polyspan_chain::{BridgeState, PairState, decode_transfer};
use polyspan_contracts::Bridge;
use polyspan_contracts::Bridge::PairLimits;
use polyspan_types::{Kind, MemberSet};

use super::limits::{UNLIMITED, encoded};
use super::setter::Setter;
use crate::token::format_amount;

/// What is known of a bridge beside the calldata. All of it may be missing: then the raw values are shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knowledge<'a> {
    /// Names of tokens of this chain.
    pub names: &'a [(Address, String)],
    /// The bridge now.
    pub state: Option<&'a BridgeState>,
    /// The calls were made in the past: what is there now is not what they changed.
    pub past: bool,
}

/// A point in time: `2026-11-21T16:00:00Z`.
pub fn moment(seconds: u64) -> String {
    // The formatter ends at the year 9999.
    if seconds > 253_402_300_799 {
        return "never".to_owned();
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

/// A length of time: `2days`.
pub fn span(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

impl<'a> Knowledge<'a> {
    /// What a call does.
    pub fn tell(&self, setter: &Setter) -> String {
        match setter {
            Setter::Wire(call) => {
                format!("wire to the bridge {} on chain {}", call.counterpart, call.counterpartChainId)
            }
            Setter::SetOperators(call) => {
                let now = self.present().map(|state| &state.operators);
                format!("replace the operators by {}", members(&call.members, call.threshold, now))
            }
            Setter::SetGovernors(call) => {
                let now = self.present().map(|state| &state.governors);
                format!("replace the governors by {}", members(&call.members, call.threshold, now))
            }
            Setter::RegisterPair(call) => register(&call.pair),
            Setter::DeregisterPair(call) => {
                format!(
                    "remove the pair of {}, {}; the counterpart has handled {} of this side's",
                    self.token(call.token),
                    drained(call.inboundNonce),
                    call.outboundNonce
                )
            }
            Setter::SetPairLocked(call) if call.locked => {
                format!("refuse requests of {}", self.token(call.token))
            }
            Setter::SetPairLocked(call) => format!("accept requests of {} again", self.token(call.token)),
            Setter::SetPairGasCap(call) => {
                let now =
                    self.present().and_then(|_| self.pair(call.token)).map(|pair| pair.gas_cap.to_string());
                format!("let a payout of {} use {} gas{}", self.token(call.token), call.gasCap, was(now))
            }
            Setter::SetGreatestGasCap(call) => {
                let now = self.present().map(|state| state.greatest_gas_cap.to_string());
                format!("let no payout of any pair use more than {} gas{}", call.gasCap, was(now))
            }
            Setter::SetPairLimits(call) => self.limits(call),
            Setter::SetFeeReceiver(call) => {
                let now = self.present().map(|state| account(state.fee_receiver));
                format!("send fees to {}{}", account(call.feeReceiver), was(now))
            }
            Setter::SetRefundDelay(call) => {
                let now = self.present().map(|state| state.refund_delay.to_string());
                format!(
                    "let holds wait {} blocks before anyone may refund them{}",
                    call.refundDelay,
                    was(now)
                )
            }
            Setter::SetGovernanceDelay(call) => {
                let now = self.present().map(|state| span(u64::from(state.governance_delay)));
                let then = span(u64::from(call.governanceDelay));
                format!("let loosening configurations wait {then}{}", was(now))
            }
            Setter::Unpause(_) => {
                "end the pause, and make worthless every pause signature given so far".to_owned()
            }
            Setter::SetRequestsStopped(call) if call.stopped => "refuse all requests".to_owned(),
            Setter::SetRequestsStopped(_) => "accept requests again".to_owned(),
            Setter::SetPredecessor(call) => {
                let now = self.present().map(|state| account(state.predecessor));
                format!("take over value from {}{}", account(call.predecessor), was(now))
            }
            Setter::Migrate(call) => self.migrate(call),
            Setter::HandOver(call) => format!(
                "make {} the one who mints and burns {}, {}",
                call.successor,
                self.token(call.token),
                drained(call.inboundNonce)
            ),
            Setter::WriteOff(call) => self.write_off(call),
        }
    }

    fn write_off(&self, call: &Bridge::writeOffCall) -> String {
        let held = decode_transfer(call.transfer.clone());
        let pair =
            self.state.and_then(|state| state.pairs.iter().find(|pair| pair.is_of(held.kind, held.token)));
        let what = match pair.map(|pair| (pair.kind, pair.token)) {
            Some((Kind::Erc721, token)) => format!("token {} of {}", held.value, self.token(token)),
            Some((Kind::Erc1155, token)) => format!("{} units of {}", held.value, self.token(token)),
            Some((_, token)) => format!("{} of {}", self.amount(token, held.value), self.token(token)),
            None => format!("{} smallest units of {}", held.value, held.token),
        };
        format!(
            "write off the hold of request {}: put {what} into the bridge's claims, where {} can take it",
            call.nonce, held.to
        )
    }

    fn migrate(&self, call: &Bridge::migrateCall) -> String {
        let ids: Vec<_> = call.ids.iter().map(ToString::to_string).collect();
        let ids = if ids.is_empty() { String::new() } else { format!(" (ids {})", ids.join(", ")) };
        format!(
            "move {}{ids} of {} to {}, {}",
            self.amount(call.token, call.amount),
            self.token(call.token),
            call.successor,
            drained(call.inboundNonce)
        )
    }

    /// All limits when nothing is known of the present ones, else those that change.
    fn limits(&self, call: &Bridge::setPairLimitsCall) -> String {
        let pair = self.present().and_then(|_| self.pair(call.token));
        let now = pair.map(|pair| self.limit_words(call.token, &encoded(&pair.limits)));
        let then = self.limit_words(call.token, &call.limits);
        let changes: Vec<_> = then
            .iter()
            .enumerate()
            .filter_map(|(index, (what, value))| match now.as_ref().map(|now| &now[index].1) {
                Some(present) if present == value => None,
                Some(present) => Some(format!("{what} {value} (was {present})")),
                None => Some(format!("{what} {value}")),
            })
            .collect();
        let token = self.token(call.token);
        match changes.as_slice() {
            [] => format!("leave the limits of {token} as they are"),
            changes => format!("limits of {token}: {}", changes.join(", ")),
        }
    }

    fn limit_words(&self, token: Address, limits: &PairLimits) -> [(&'static str, String); 7] {
        let amount = |value: u128| match value {
            UNLIMITED => "none".to_owned(),
            value => self.amount(token, U256::from(value)),
        };
        let fee = match (limits.fee, limits.feeInNative) {
            (0, _) => "none".to_owned(),
            (fee, true) => format!("{} of the native currency", format_amount(U256::from(fee), 18)),
            (fee, false) => amount(fee),
        };
        [
            ("minimum", self.amount(token, U256::from(limits.minimum))),
            ("maximum", amount(limits.maximum)),
            ("fee", fee),
            ("outflow capacity", amount(limits.outflowCapacity)),
            ("outflow per second", self.amount(token, U256::from(limits.outflowPerSecond))),
            ("delay above", amount(limits.delayAbove)),
            ("delay blocks", limits.delayBlocks.to_string()),
        ]
    }

    /// What a call changes.
    const fn present(&self) -> Option<&'a BridgeState> {
        if self.past { None } else { self.state }
    }

    fn pair(&self, token: Address) -> Option<&PairState> {
        self.state?.pairs.iter().find(|pair| pair.token == token)
    }

    /// A token by its pair's name and its address: the name alone could be anybody's.
    pub fn token(&self, token: Address) -> String {
        let name = self.names.iter().find(|(known, _)| *known == token).map(|(_, name)| name);
        match (token.is_zero(), name) {
            (true, _) => "the native currency".to_owned(),
            (false, Some(name)) => format!("{name} ({token})"),
            (false, None) => token.to_string(),
        }
    }

    fn amount(&self, token: Address, amount: U256) -> String {
        match self.pair(token) {
            Some(pair) => format_amount(amount, pair.decimals),
            None if amount.is_zero() => "0".to_owned(),
            None => format!("{amount} smallest units"),
        }
    }
}

/// What the contract asks for before value or a minter leaves.
fn drained(inbound_nonce: u64) -> String {
    format!("once at least {inbound_nonce} requests of the counterpart are handled")
}

fn was(now: Option<String>) -> String {
    now.map_or_else(String::new, |now| format!(" (was {now})"))
}

fn account(address: Address) -> String {
    if address.is_zero() { "nobody".to_owned() } else { address.to_string() }
}

fn members(members: &[Address], threshold: u8, now: Option<&MemberSet>) -> String {
    let list: Vec<_> = members
        .iter()
        .map(|member| match now {
            Some(now) if !now.contains(*member) => format!("{member} (new)"),
            _ => member.to_string(),
        })
        .collect();
    let mut text = format!("{} with threshold {threshold}", list.join(", "));
    if let Some(now) = now {
        text += &format!(" (was {} of {})", now.threshold, now.members.len());
        let gone: Vec<_> =
            now.members.iter().filter(|member| !members.contains(member)).map(ToString::to_string).collect();
        if !gone.is_empty() {
            text += &format!("; no longer {}", gone.join(", "));
        }
    }
    text
}

fn register(pair: &Bridge::PairConfiguration) -> String {
    let kind = Kind::from_number(pair.kind)
        .map_or_else(|| format!("unknown kind {}", pair.kind), |kind| kind.to_string());
    let side =
        |token: Address| if token.is_zero() { "the native currency".to_owned() } else { token.to_string() };
    let decimals = if pair.decimals == 0 { String::new() } else { format!(", {} decimals", pair.decimals) };
    let bound = match Kind::from_number(pair.kind) {
        Some(Kind::Erc721) => format!(", URIs of {} bytes at most", pair.itemBound),
        Some(Kind::Erc1155) => format!(", {} ids at most", pair.itemBound),
        _ => String::new(),
    };
    format!(
        "register the {kind} pair of {} here, which this side {}, and {} on the counterpart's chain{decimals}{bound}, {} gas a payout",
        side(pair.token),
        if pair.mints { "mints" } else { "locks" },
        side(pair.counterpartToken),
        pair.gasCap
    )
}
