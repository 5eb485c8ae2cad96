//! What is wrong with a file, gathered so that it is mended once.

use std::fmt;
use std::path::{Path, PathBuf};

use super::form::Raw;

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file that was read.
    pub file: PathBuf,
    /// At least one problem.
    pub problems: Vec<ConfigProblem>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// TOML path of the key, such as `relay.listen` or `chain[1].finality`; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.problems.len() == 1 { "problem" } else { "problems" };
        write!(f, "{} has {} {noun}:", self.file.display(), self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {}", problem.to_string().replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects problems while a file is checked.
#[derive(Debug, Default)]
pub struct Problems(Vec<ConfigProblem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, message: impl ToString) {
        self.0.push(ConfigProblem { path: path.into(), message: message.to_string() });
    }

    /// The value, or its error as a problem.
    pub fn ok<T>(&mut self, path: &str, result: Result<T, impl ToString>) -> Option<T> {
        result.map_err(|error| self.add(path, error)).ok()
    }

    /// A value that may be left out.
    pub fn optional<T>(&mut self, path: &str, value: Raw<T>) -> Option<T> {
        match value {
            Raw::Missing => None,
            Raw::Given(value) => Some(value),
            Raw::Wrong(message) => {
                self.add(path, message);
                None
            }
        }
    }

    /// A value without which nothing works; `cure` says what to write.
    pub fn required<T>(&mut self, path: &str, value: Raw<T>, cure: &str) -> Option<T> {
        if matches!(value, Raw::Missing) {
            self.add(path, format!("missing; {cure}"));
        }
        self.optional(path, value)
    }

    /// A value with a default.
    pub fn or<T>(&mut self, path: &str, value: Raw<T>, default: T) -> T {
        self.optional(path, value).unwrap_or(default)
    }

    /// Keys that mean nothing: mostly spelling mistakes, which would otherwise silently leave a default in force.
    pub fn unknown(&mut self, section: &str, unknown: &toml::Table, known: &[&str]) {
        for key in unknown.keys() {
            let path = join(section, key);
            self.add(path, format!("unknown key; the keys here are {}", known.join(", ")));
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the problems of a part that was checked on its own.
    pub fn absorb(&mut self, prefix: &str, other: Vec<ConfigProblem>) {
        for problem in other {
            self.add(prefix, problem);
        }
    }

    /// Marks what came from the environment or a flag, since the file then looks innocent.
    pub fn into_errors(self, file: &Path, origin: impl Fn(&str) -> Option<String>) -> ConfigErrors {
        let mark = |mut problem: ConfigProblem| {
            if let Some(origin) = origin(&problem.path) {
                problem.path = format!("{} (from {origin})", problem.path);
            }
            problem
        };
        ConfigErrors { file: file.to_owned(), problems: self.0.into_iter().map(mark).collect() }
    }
}

/// `section.key`, or `key` at the top.
pub fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}
