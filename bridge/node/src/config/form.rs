//! Reading a TOML file so that everything wrong with it is found at once.
//!
//! A value of the wrong type does not end the reading: it is kept as [`Raw::Wrong`]. Unknown keys are kept as well. Used
//! for the config, for deployments, and for what `polyspan deploy` takes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

pub use super::problems::{Problems, join};
pub use super::words::{of_syntax, of_value};

/// One value of a file.
#[derive(Debug, Default)]
pub enum Raw<T> {
    /// Left out.
    #[default]
    Missing,
    /// There, and of the right type.
    Given(T),
    /// There, and wrong.
    Wrong(String),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        Ok(match T::deserialize(value) {
            Ok(value) => Self::Given(value),
            Err(error) => Self::Wrong(of_value(error.message())),
        })
    }
}

/// Defines the raw form of one TOML section: every field may be missing or wrong, and unknown keys are kept.
#[macro_export]
macro_rules! toml_section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $crate::config::form::Raw<$type>,)+
            /// Keys that mean nothing; each is a problem.
            #[serde(flatten)]
            pub(crate) unknown: toml::Table,
        }

        impl $name {
            pub(crate) const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }
    };
}
