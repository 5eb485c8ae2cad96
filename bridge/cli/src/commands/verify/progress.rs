//! How far an audit is, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use polyspan_types::{LaneId, RequestNonce};

use crate::output;

/// A bar on a terminal; elsewhere one line for each lane.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(lane: &LaneId, requests: RequestNonce) -> Self {
        let bar = ProgressBar::new(requests.get());
        let template = "{spinner} {msg} {wide_bar} {human_pos}/{human_len} requests, {per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is right"));
        bar.set_message(lane.to_string());
        if bar.is_hidden() {
            output::remark(format!("{lane}: {requests} requests"));
        } else {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self(bar)
    }

    /// So many requests were read.
    pub(super) fn reached(&self, requests: RequestNonce) {
        self.0.set_position(requests.get());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
