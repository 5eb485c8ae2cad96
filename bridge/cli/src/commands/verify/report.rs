//! What an audit says.

use alloy::primitives::U256;
use polyspan_node::config::LaneInfo;
use polyspan_recovery::{Books, Difference, LaneFigures};
use polyspan_types::BridgeName;
use serde::Serialize;

use super::books::PairBooks;
use super::cut::End;
use super::natives::Untraced;
use super::walk::Walked;
use crate::asset::Amount;
use crate::output;

/// Everything that was looked at, up to the first difference.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) bridges: Vec<BridgeReport>,
    /// `null` when there is none.
    pub(super) difference: Option<DifferenceReport>,
}

/// One bridge.
#[derive(Debug, Serialize)]
pub(super) struct BridgeReport {
    bridge: String,
    pub(super) lanes: Vec<LaneReport>,
    pub(super) pairs: Vec<PairReport>,
    /// What was not looked at.
    pub(super) notes: Vec<String>,
}

/// A lane without a difference.
#[derive(Debug, Serialize)]
pub(super) struct LaneReport {
    lane: String,
    /// Blocks up to which the chains were read; the notes say which is not final.
    source_block: u64,
    destination_block: u64,
    in_flight: u64,
    /// Payments of native currency that neither a trace nor balances prove, by reason.
    untraced: Vec<Untraced>,
    #[serde(flatten)]
    figures: LaneFigures,
}

/// A pair without a difference.
#[derive(Debug, Serialize)]
pub(super) struct PairReport {
    pair: String,
    escrow: Amount,
    minted: Amount,
    in_flight: Amount,
    on_hold: Amount,
}

/// The first difference.
#[derive(Debug, Serialize)]
pub(super) struct DifferenceReport {
    #[serde(flatten)]
    difference: Difference,
    means: &'static str,
}

impl From<Difference> for DifferenceReport {
    fn from(difference: Difference) -> Self {
        Self { means: difference.kind.means(), difference }
    }
}

impl From<PairBooks> for PairReport {
    fn from(PairBooks { books, decimals }: PairBooks) -> Self {
        let Books { pair, main, service, open, .. } = books;
        let amount = |raw: U256| Amount::new(raw, decimals);
        Self {
            pair,
            escrow: amount(main.escrow.saturating_add(service.escrow)),
            minted: amount(main.minted.saturating_add(service.minted)),
            in_flight: amount(open.in_flight),
            on_hold: amount(open.held_main.saturating_add(open.held_service)),
        }
    }
}

impl BridgeReport {
    pub(super) fn new(name: &BridgeName) -> Self {
        Self { bridge: name.to_string(), lanes: Vec::new(), pairs: Vec::new(), notes: Vec::new() }
    }
}

impl LaneReport {
    const HEAD: &[&str] = &[
        "lane",
        "requested",
        "in flight",
        "paid",
        "released",
        "refunded",
        "written off",
        "on hold",
        "up to blocks",
    ];

    pub(super) fn new(info: &LaneInfo, source: &End, destination: &End, walked: &Walked) -> Self {
        let Walked { figures, untraced } = walked;
        Self {
            untraced: untraced.clone(),
            lane: info.id.to_string(),
            source_block: source.block.height.get(),
            destination_block: destination.block.height.get(),
            in_flight: figures.requested.since(figures.handled),
            figures: figures.clone(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let LaneFigures { requested, paid, released, refunded, written_off, on_hold, .. } = &self.figures;
        let mut cells = vec![self.lane.clone(), requested.to_string()];
        let counts = [self.in_flight, *paid, *released, *refunded, *written_off, *on_hold];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(format!("{}, {}", self.source_block, self.destination_block));
        cells
    }
}

impl LaneReport {
    /// How many payments were checked how; nothing where there were none.
    fn checked(&self) -> Option<String> {
        let LaneFigures { by_logs, by_traces, by_balances, unchecked, .. } = self.figures;
        let counts = [
            (by_logs, "by the logs of their tokens"),
            (by_traces, "by traces"),
            (by_balances, "by balances before and after"),
            (unchecked, "not"),
        ];
        let told: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, how)| format!("{count} {how}"))
            .collect();
        (!told.is_empty()).then(|| format!("payments of {} checked: {}", self.lane, told.join(", ")))
    }
}

impl PairReport {
    const HEAD: &[&str] = &["pair", "escrow", "minted", "in flight", "on hold"];

    fn cells(&self, bridge: &str) -> Vec<String> {
        let Self { pair, escrow, minted, in_flight, on_hold } = self;
        let mut cells = vec![format!("{bridge} {pair}")];
        cells.extend([escrow, minted, in_flight, on_hold].map(|amount| amount.shown().to_owned()));
        cells
    }
}

impl Report {
    /// Tables of what is right, notes, and the verdict.
    pub(super) fn print(&self) {
        let lanes: Vec<_> =
            self.bridges.iter().flat_map(|bridge| bridge.lanes.iter().map(LaneReport::cells)).collect();
        if !lanes.is_empty() {
            output::table(LaneReport::HEAD, lanes);
        }
        let of_pairs = |bridge: &BridgeReport| {
            bridge.pairs.iter().map(|pair| pair.cells(&bridge.bridge)).collect::<Vec<_>>()
        };
        let pairs: Vec<_> = self.bridges.iter().flat_map(of_pairs).collect();
        if !pairs.is_empty() {
            output::result("");
            output::table(PairReport::HEAD, pairs);
        }
        let lanes = self.bridges.iter().flat_map(|bridge| &bridge.lanes);
        lanes.filter_map(LaneReport::checked).for_each(output::result);
        self.bridges.iter().flat_map(|bridge| &bridge.notes).for_each(output::result);
        match &self.difference {
            None => output::result("no difference"),
            Some(DifferenceReport { difference, means }) => {
                output::result(format!("difference: {difference}"));
                output::result(format!("it means: {means} (runbook: verify)"));
            }
        }
    }
}
