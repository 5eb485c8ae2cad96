//! Passphrases.

use std::fmt;
use std::path::Path;

use super::{KeyError, require_private};

/// A passphrase that no log line can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    /// Takes a passphrase that a person typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads the first line of a private file.
    ///
    /// Errors: the file is missing, readable by others, or empty.
    pub fn load(file: &Path) -> Result<Self, KeyError> {
        require_private(file)?;
        let text = crate::files::read_text(file).map_err(|error| KeyError::io(file, error))?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            Err(KeyError::EmptyPassphrase(file.to_owned()))
        } else {
            Ok(Self(line.to_owned()))
        }
    }

    /// The passphrase itself, for the key derivation only.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text itself, for a login; it must not be shown.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}
