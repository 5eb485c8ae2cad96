//! A key in a file that is no relay's config, under the keys that `relay.attester` has.

use std::path::Path;

use serde::Deserialize;

use super::ConfigErrors;
use super::checks::{self, Signs};
use super::form::of_value;
use super::problems::Problems;
use super::raw::RawKey;
use crate::keys::KeyEntry;

/// A section that says where a key is which signs transactions and configurations.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct KeySection(RawKey);

impl KeySection {
    /// Reads a file that is such a section as a whole.
    ///
    /// Errors: every problem of the file and of those that it names, each with its TOML path.
    pub fn load(file: &Path) -> Result<KeyEntry, ConfigErrors> {
        let mut problems = Problems::default();
        let folder = file.parent().unwrap_or(Path::new(""));
        let key = checks::read(file, &mut problems).and_then(|table| {
            let section = Self::deserialize(table).map_err(|error| of_value(error.message()));
            let section = problems.ok("", section)?;
            section.check("", folder, &mut problems)
        });
        match key {
            Some(key) if problems.is_empty() => Ok(key),
            _ => Err(problems.into_errors(file, |_| None)),
        }
    }

    /// Checks the section at `path` of a file in `folder`.
    pub fn check(self, path: &str, folder: &Path, problems: &mut Problems) -> Option<KeyEntry> {
        problems.unknown(path, &self.0.unknown, RawKey::KEYS);
        checks::check_key(path, self.0, Signs::Transactions, folder, problems)
    }
}
