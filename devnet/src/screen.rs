//! The only place that writes to the terminal.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints one line. A closed pipe at the other end is not our failure: there is nobody left to tell.
pub fn line(text: impl Display) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints one line to standard error.
pub fn error(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
