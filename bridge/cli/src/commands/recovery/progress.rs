//! How far a relay is with what it reads again, on standard error.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use polyspan_node::control::LaneAnswer;
use polyspan_types::LaneId;

use crate::output;
use crate::reading::pace;

const TEMPLATE: &str = "{spinner} {msg} {wide_bar} {human_pos}/{human_len} blocks, {prefix}";

/// A bar for each lane on a terminal; elsewhere a line when a lane begins to read.
pub(super) struct Progress {
    all: MultiProgress,
    bars: BTreeMap<LaneId, ProgressBar>,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self { all: MultiProgress::new(), bars: BTreeMap::new() }
    }

    /// Shows how far a lane is.
    pub(super) fn show(&mut self, lane: &LaneAnswer, is_over: bool) {
        let Some(reading) = lane.recovery.reading else {
            if is_over && let Some(bar) = self.bars.remove(&lane.lane) {
                bar.finish_and_clear();
            }
            return;
        };
        let blocks = reading.blocks();
        if !self.bars.contains_key(&lane.lane) {
            self.bars.insert(lane.lane.clone(), self.bar(&lane.lane, blocks));
        }
        if let Some(bar) = self.bars.get(&lane.lane) {
            bar.set_length(blocks);
            bar.set_position(reading.at.since(reading.from));
            // The relay's own figures: it may have begun before anybody looked.
            bar.set_prefix(pace(&reading));
            bar.set_message(format!("{} ({} requests)", lane.lane, reading.requests));
        }
    }

    fn bar(&self, lane: &LaneId, blocks: u64) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(blocks));
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is right"));
        if bar.is_hidden() {
            output::remark(format!("{lane}: {blocks} blocks are read"));
        } else {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar
    }

    /// Clears the bars.
    pub(super) fn end(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
