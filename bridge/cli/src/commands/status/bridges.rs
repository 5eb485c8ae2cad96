//! The contracts and their pairs: what they allow, and what governors are about to change.

use alloy::primitives::{Address, U256};
use polyspan_chain::{BridgeState, PairState, PendingConfiguration};
use polyspan_node::config::{Deployment, Side};
use polyspan_types::{Direction, Kind};
use serde::Serialize;

use crate::asset::Amount;
use crate::governance::step::SUSPENDED;
use crate::output::Cell;
use crate::token::NATIVE_DECIMALS;

/// One contract.
#[derive(Debug, Serialize)]
pub struct BridgeRow {
    bridge: String,
    chain: String,
    contract: Address,
    paused: bool,
    requests_stopped: bool,
    development: bool,
    /// Unit: blocks of the chain.
    refund_delay: u64,
    /// Unit: seconds.
    governance_delay: u32,
    fee_receiver: Option<Address>,
    /// Unit: gas.
    greatest_gas_cap: u32,
    /// Whether a handle holds what may call a recipient with code.
    defers_calls: bool,
    pending: Vec<PendingRow>,
    pairs: Vec<PairRow>,
}

/// A configuration that waits.
#[derive(Debug, Serialize)]
struct PendingRow {
    configuration_nonce: u64,
    /// Absent while a pause has suspended it. Unit: seconds since 1970.
    executable_at: Option<u64>,
    /// Unit: seconds since 1970.
    deadline: u64,
    /// Whether anyone can execute it now, by the chain's clock.
    executable: bool,
}

/// One pair of a contract. `None` stands for no such limit.
#[derive(Debug, Serialize)]
struct PairRow {
    pair: String,
    kind: Kind,
    mints: bool,
    locked: bool,
    minimum: Amount,
    maximum: Option<Amount>,
    outflow: Amount,
    outflow_capacity: Option<Amount>,
    outflow_per_second: Option<Amount>,
    delay_above: Option<Amount>,
    delay_blocks: Option<u32>,
    fee: Amount,
    fee_in_native: bool,
    /// Fees that wait for the fee receiver.
    fees: Amount,
    held: Amount,
}

impl BridgeRow {
    /// What a contract's state comes to. `from` is the direction of the lane that starts here, `now` the time of its chain's
    /// newest block.
    pub fn of(deployment: &Deployment, from: Direction, side: &Side, state: &BridgeState, now: u64) -> Self {
        let pairs = state.pairs.iter().map(|pair| PairRow::of(name(deployment, from, pair), pair));
        Self {
            bridge: deployment.name.to_string(),
            chain: side.chain.clone(),
            contract: side.bridge,
            paused: state.paused,
            requests_stopped: state.requests_stopped,
            development: state.development,
            refund_delay: state.refund_delay,
            governance_delay: state.governance_delay,
            greatest_gas_cap: state.greatest_gas_cap,
            defers_calls: state.defers_calls,
            fee_receiver: (!state.fee_receiver.is_zero()).then_some(state.fee_receiver),
            pending: state.pending.iter().map(|pending| PendingRow::of(pending, now)).collect(),
            pairs: pairs.collect(),
        }
    }

    /// Names of the columns of the pairs.
    pub const HEAD: &[&str] = &[
        "contract",
        "pair",
        "kind",
        "requests",
        "outflow used",
        "delayed above",
        "fee",
        "fees kept",
        "held",
    ];

    /// The pairs' cells in the table.
    pub fn cells(&self) -> Vec<Vec<Cell>> {
        let contract = format!("{} on {}", self.bridge, self.chain);
        self.pairs.iter().map(|pair| pair.cells(contract.clone(), self.requests_stopped)).collect()
    }

    /// One line about the contract, and one for each configuration that waits.
    pub fn lines(&self) -> Vec<String> {
        let delay = humantime::format_duration(std::time::Duration::from_secs(self.governance_delay.into()));
        let mut line = format!(
            "{} on {}: anyone can refund a hold after {} blocks; what loosens waits {delay}; the greatest gas cap is {}",
            self.bridge, self.chain, self.refund_delay, self.greatest_gas_cap
        );
        if self.defers_calls {
            line.push_str("; recipients with code are called in releases only");
        }
        if self.requests_stopped {
            line.push_str("; REQUESTS ARE STOPPED");
        }
        if self.development {
            line.push_str("; it has the development flag");
        }
        let pending = self.pending.iter().map(|pending| pending.line(&self.bridge, &self.chain));
        std::iter::once(line).chain(pending).collect()
    }
}

impl PendingRow {
    fn of(pending: &PendingConfiguration, now: u64) -> Self {
        Self {
            configuration_nonce: pending.configuration_nonce,
            executable_at: pending.executable_at,
            deadline: pending.deadline,
            executable: pending.executable_at.is_some_and(|at| (at..=pending.deadline).contains(&now)),
        }
    }

    fn line(&self, bridge: &str, chain: &str) -> String {
        let Some(from) = self.executable_at else {
            return format!("{bridge} on {chain}: configuration {} is {SUSPENDED}", self.configuration_nonce);
        };
        let when = if self.executable { ", which is now" } else { "" };
        format!(
            "{bridge} on {chain}: configuration {} waits; anyone can execute it from {} to {}{when}",
            self.configuration_nonce,
            time(from),
            time(self.deadline)
        )
    }
}

impl PairRow {
    fn of(pair: String, state: &PairState) -> Self {
        let limits = &state.limits;
        let amount = |amount: U256| Amount::new(amount, Some(state.decimals));
        let small = |value: u128| amount(U256::from(value));
        let in_native = limits.fee_in_native || state.kind == Kind::Native;
        let fee_decimals = if in_native { NATIVE_DECIMALS } else { state.decimals };
        Self {
            pair,
            kind: state.kind,
            mints: state.mints,
            locked: state.locked,
            minimum: small(limits.minimum),
            maximum: limits.maximum.map(small),
            outflow: amount(state.outflow),
            outflow_capacity: limits.outflow.map(|outflow| small(outflow.capacity)),
            outflow_per_second: limits.outflow.map(|outflow| small(outflow.per_second)),
            delay_above: limits.delay.map(|delay| small(delay.above)),
            delay_blocks: limits.delay.map(|delay| delay.blocks),
            fee: Amount::new(U256::from(limits.fee), Some(fee_decimals)),
            fee_in_native: in_native,
            fees: amount(state.fees),
            held: amount(state.held),
        }
    }

    fn cells(&self, contract: String, stopped: bool) -> Vec<Cell> {
        let maximum = self.maximum.as_ref().map(Amount::shown);
        let requests = match (stopped, self.locked, self.minimum.shown(), maximum) {
            (true, ..) => "STOPPED".to_owned(),
            (false, true, ..) => "LOCKED".to_owned(),
            (false, false, "0", None) => "any".to_owned(),
            (false, false, minimum, None) => format!("from {minimum}"),
            (false, false, minimum, Some(maximum)) => format!("{minimum} to {maximum}"),
        };
        let outflow = match (&self.outflow_capacity, &self.outflow_per_second) {
            (Some(capacity), Some(leak)) => {
                format!(
                    "{} of {}, {}/s leak",
                    short(self.outflow.shown()),
                    capacity.shown(),
                    short(leak.shown())
                )
            }
            _ => "no limit".to_owned(),
        };
        let delay = match (&self.delay_above, self.delay_blocks) {
            (Some(above), Some(blocks)) => format!("{} ({blocks} blocks)", above.shown()),
            _ => "–".to_owned(),
        };
        let fee = match (self.fee.shown(), self.fee_in_native) {
            ("0", _) => "–".to_owned(),
            (fee, true) => format!("{fee} native"),
            (fee, false) => fee.to_owned(),
        };
        let kind = format!("{}, {}", self.kind, if self.mints { "mints" } else { "locks" });
        let cells = [outflow, delay, fee, self.fees.shown().to_owned(), self.held.shown().to_owned()];
        let mut row: Vec<Cell> = [contract, self.pair.clone(), kind].map(Cell::from).into();
        row.push(Cell::when(stopped || self.locked, requests));
        row.extend(cells.map(Cell::from));
        row
    }
}

/// The name of a pair in the deployment file, or else its token.
fn name(deployment: &Deployment, from: Direction, pair: &PairState) -> String {
    let named = deployment.pairs.iter().find(|known| known.tokens(from).0 == pair.token);
    named.map_or_else(|| pair.token.to_string(), |known| known.name.clone())
}

/// An amount with at most six decimals: the table is for a look, the JSON is exact.
fn short(amount: &str) -> String {
    match amount.split_once('.') {
        Some((whole, fraction)) if fraction.len() > 6 => {
            format!("{whole}.{}…", fraction.get(..6).unwrap_or(fraction))
        }
        _ => amount.to_owned(),
    }
}

/// A time for people; a number of seconds that no calendar has stays one.
fn time(seconds: u64) -> String {
    // The year 9999; beyond it a calendar says less than the number.
    const LAST: u64 = 253_402_300_799;
    if seconds > LAST {
        return format!("second {seconds}");
    }
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use polyspan_chain::testing::pair;
    use polyspan_chain::{DelayLimit, OutflowLimit, PairLimits};

    use super::*;

    const TOKEN: Address = Address::repeat_byte(1);

    fn row(pair: &PairState) -> Vec<String> {
        let cells = PairRow::of("KRT".to_owned(), pair).cells("kr on main".to_owned(), false);
        cells[3..].iter().map(|cell| cell.text().to_owned()).collect()
    }

    #[test]
    fn a_pair_without_limits_says_so() {
        let pair = pair(Kind::Erc20, TOKEN, TOKEN);
        assert_eq!(row(&pair), ["any", "no limit", "–", "–", "0", "0"]);
        assert_eq!(row(&PairState { locked: true, ..pair })[0], "LOCKED");
    }

    #[test]
    fn limits_are_told_in_whole_tokens() {
        let limits = PairLimits {
            minimum: 1_000,
            maximum: Some(9_000_000),
            fee: 500,
            fee_in_native: false,
            outflow: Some(OutflowLimit { capacity: 5_000_000, per_second: 10 }),
            delay: Some(DelayLimit { above: 2_000_000, blocks: 40 }),
        };
        let pair = PairState {
            decimals: 6,
            limits,
            outflow: U256::from(1_500_000),
            fees: U256::from(2_500),
            ..pair(Kind::Erc20, TOKEN, TOKEN)
        };
        let expected = ["0.001 to 9", "1.5 of 5, 0.00001/s leak", "2 (40 blocks)", "0.0005", "0.0025", "0"];
        assert_eq!(row(&pair), expected);
        assert_eq!(
            (short("1.1234567"), short("0.00001"), short("7")),
            ("1.123456…".into(), "0.00001".into(), "7".into())
        );
        let native = PairLimits { fee: 10_u128.pow(17), fee_in_native: true, ..limits };
        assert_eq!(row(&PairState { limits: native, ..pair })[3], "0.1 native");
    }

    #[test]
    fn a_waiting_configuration_is_told_with_its_times() {
        let pending = PendingConfiguration {
            configuration_nonce: 4,
            executable_at: Some(1_893_456_000),
            deadline: u64::MAX,
            calls_hash: Default::default(),
        };
        let line = |now| PendingRow::of(&pending, now).line("kr", "main");
        let told = line(1_893_455_999);
        assert!(told.contains("from 2030-01-01T00:00:00Z to second 18446744073709551615"), "{told}");
        assert!(!told.contains("now") && line(1_893_456_000).ends_with("which is now"));
        let suspended = PendingConfiguration { executable_at: None, ..pending };
        let row = PendingRow::of(&suspended, u64::MAX);
        assert!(!row.executable);
        assert_eq!(
            row.line("kr", "main"),
            "kr on main: configuration 4 is suspended by a pause; its delay starts again at unpause"
        );
    }
}
