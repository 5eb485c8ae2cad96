//! A line that changes while something is awaited.

use std::cell::RefCell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use polyspan_types::text::plain;

use crate::output;

/// Time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// Shows what is awaited. On a terminal one line with a spinner changes; elsewhere each change is a line.
pub(super) struct Progress {
    bar: ProgressBar,
    last: RefCell<String>,
}

impl Progress {
    /// Shows nothing until there is something to show.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is right"));
        Self { bar, last: RefCell::default() }
    }

    /// Shows what is awaited from now on.
    pub(super) fn show(&self, text: &str) {
        if self.last.replace(text.to_owned()) == text {
            return;
        }
        if self.bar.is_hidden() {
            output::remark(text);
            return;
        }
        // Parts of it come from coordinators and endpoints.
        self.bar.set_message(plain(text));
        self.bar.enable_steady_tick(TICK);
    }

    /// Prints without getting in the way of the spinner.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
