//! Live progress: bars on a terminal, plain lines elsewhere.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use polyspan_types::Direction;

use crate::network::LaneProgress;
use crate::screen;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(3);

/// What is shown of both lanes.
pub(super) struct Progress {
    total: u64,
    seen: [(u64, u64); 2],
    printed: (Instant, [(u64, u64); 2]),
    bars: Option<(MultiProgress, [ProgressBar; 2])>,
}

impl Progress {
    /// Lanes of `total` transfers each.
    pub(super) fn new(total: u64) -> Self {
        let bars = (std::io::stdout().is_terminal() && std::io::stderr().is_terminal()).then(|| {
            let all = MultiProgress::new();
            let style = ProgressStyle::with_template("{prefix:>16} [{bar:40}] {pos}/{len} handled, {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            let bars = Direction::ALL.map(|direction| {
                all.add(ProgressBar::new(total).with_style(style.clone()).with_prefix(direction.as_str()))
            });
            (all, bars)
        });
        Self { total, seen: [(0, 0); 2], printed: (Instant::now(), [(0, 0); 2]), bars }
    }

    /// A line above the bars.
    pub(super) fn say(&self, text: impl Display) {
        match &self.bars {
            Some((all, _)) => all.suspend(|| screen::line(text)),
            None => screen::line(text),
        }
    }

    /// A lane is there now.
    pub(super) fn show(&mut self, direction: Direction, lane: LaneProgress) {
        let index = usize::from(direction == Direction::ServiceToMain);
        self.seen[index] = (lane.requested.get(), lane.handled.get());
        match &self.bars {
            Some((_, bars)) => {
                bars[index].set_position(lane.handled.get());
                bars[index].set_message(format!("{} requested", lane.requested));
            }
            // One line for both lanes, after the second was looked at.
            None if index == 1 && self.seen != self.printed.1 && self.printed.0.elapsed() >= PLAIN_EVERY => {
                let [main, service] =
                    self.seen.map(|(asked, done)| format!("{done} handled of {asked} requested"));
                screen::line(format!(
                    "          main-to-service: {main}; service-to-main: {service} (of {} each)",
                    self.total
                ));
                self.printed = (Instant::now(), self.seen);
            }
            None => {}
        }
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        if let Some((_, bars)) = &self.bars {
            for bar in bars {
                bar.finish_and_clear();
            }
        }
    }
}
