//! One thing that was found.

use std::fmt;

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing starts before it is corrected.
    Problem,
    /// It works, and a person should look.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that was found, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub thing: String,
    /// What is so, and the cure.
    pub message: String,
    /// Whether it can end without anybody correcting this relay's files: a node is syncing, or governors decide it on the chain.
    #[serde(skip)]
    pub ends_elsewhere: bool,
}

impl Finding {
    /// A finding with its cure.
    pub(super) fn new(
        severity: Severity,
        thing: impl Into<String>,
        what: impl fmt::Display,
        cure: &str,
    ) -> Self {
        Self::said(severity, thing, format!("{what}; {cure}"))
    }

    /// A finding whose text names the cure already.
    pub(super) fn said(severity: Severity, thing: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { severity, thing: thing.into(), message: message.to_string(), ends_elsewhere: false }
    }

    /// The same, of something that a node or governors may end.
    pub(super) fn elsewhere(self) -> Self {
        Self { ends_elsewhere: true, ..self }
    }

    pub(super) fn note(thing: &str, what: String, cure: &str) -> Self {
        Self::new(Severity::Note, thing, what, cure)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.thing, self.message)
    }
}
