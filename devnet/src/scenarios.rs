//! The scenarios: tables.

mod chains;
mod coordination;
mod nodes;
mod published;
mod recovery;
mod relays;

use anyhow::{Context, Result};

use crate::scenario::Scenario;

/// All of them, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [published::ALL, relays::ALL, coordination::ALL, chains::ALL, nodes::ALL, recovery::ALL]
        .into_iter()
        .flatten()
}

/// The scenario of that name.
///
/// Errors: there is none; the names are in the text.
pub fn find(name: &str) -> Result<&'static Scenario> {
    let names = || all().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    let found = all().find(|scenario| scenario.name == name);
    found.with_context(|| format!("no scenario is called {name}; there are: {}", names()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_a_sentence() {
        let mut names = BTreeSet::new();
        for scenario in all() {
            assert!(names.insert(scenario.name), "{} is there twice", scenario.name);
            assert!(scenario.shows.ends_with('.'), "{} does not say what it shows", scenario.name);
            assert!(
                scenario.network.finality.parse::<polyspan_types::Finality>().is_ok(),
                "{}",
                scenario.name
            );
        }
        assert!(find("leader kill").is_ok());
        assert!(find("no such thing").unwrap_err().to_string().contains("leader kill"));
    }
}
