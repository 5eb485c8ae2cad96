//! Values from the environment and from flags, laid over the file.

use super::problems::Problems;

/// The variables that are read, with the key that each overrides.
const VARIABLES: &[(&str, &str)] = &[
    ("POLYSPAN_COORDINATION_DIRECTORY", "coordination.directory"),
    ("POLYSPAN_COORDINATION_LEASE", "coordination.lease"),
    ("POLYSPAN_RELAY_NAME", "relay.name"),
    ("POLYSPAN_RELAY_STORE", "relay.store"),
    ("POLYSPAN_RELAY_LISTEN", "relay.listen"),
    ("POLYSPAN_RELAY_TICK", "relay.tick"),
    ("POLYSPAN_RELAY_LOG_FORMAT", "relay.log_format"),
];

/// Variables with these beginnings are ours; an unknown one is a spelling mistake.
const PREFIXES: &[&str] = &["POLYSPAN_COORDINATION_", "POLYSPAN_RELAY_"];

/// Text values that replace those of the file. Later ones win. A section that the file lacks stays absent: a user's
/// file does not become a relay's by a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    values: Vec<Override>,
    unknown: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Override {
    path: &'static str,
    value: String,
    origin: String,
}

impl Overrides {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of this process's environment.
    pub fn from_environment() -> Self {
        Self::from_variables(std::env::vars())
    }

    /// Those among `variables`.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut overrides = Self::none();
        for (name, value) in variables {
            if let Some((_, path)) = VARIABLES.iter().find(|(known, _)| *known == name) {
                overrides.values.push(Override { path, value, origin: name });
            } else if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                overrides.unknown.push(name);
            }
        }
        overrides
    }

    /// Adds a flag, which wins over everything before.
    #[must_use]
    pub fn with_flag(mut self, flag: &str, path: &'static str, value: Option<String>) -> Self {
        self.values.extend(value.map(|value| Override { path, value, origin: flag.to_owned() }));
        self
    }

    /// Lays the values over a file.
    pub(super) fn apply(&self, table: &mut toml::Table, problems: &mut Problems) {
        for name in &self.unknown {
            let known: Vec<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
            problems.add(name, format!("unknown environment variable; known are {}", known.join(", ")));
        }
        for Override { path, value, .. } in &self.values {
            let Some((section, key)) = path.split_once('.') else { continue };
            if let Some(toml::Value::Table(section)) = table.get_mut(section) {
                section.insert(key.to_owned(), toml::Value::String(value.clone()));
            }
        }
    }

    /// Where the value at `path` came from, if not from the file.
    pub(super) fn origin(&self, path: &str) -> Option<String> {
        self.values.iter().rev().find(|value| value.path == path).map(|value| value.origin.clone())
    }
}
