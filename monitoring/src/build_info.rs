//! Which build runs: so that a dashboard shows a rollout, and an alert a mixed one.

use prometheus::{IntGaugeVec, Opts, Registry};

/// What is known of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the package.
    pub version: &'static str,
    /// Commit it was built from. Default: `unknown`, unless `POLYSPAN_COMMIT` was set for the build.
    pub commit: &'static str,
    /// `release` or `debug`.
    pub profile: &'static str,
}

impl BuildInfo {
    /// This build, of a package of the given version.
    pub const fn new(version: &'static str) -> Self {
        Self {
            version,
            commit: match option_env!("POLYSPAN_COMMIT") {
                Some(commit) => commit,
                None => "unknown",
            },
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}

/// Registers `polyspan_build_info`, whose value is always 1 and whose labels tell the build.
///
/// Errors: the registry has it already.
pub fn build_info(registry: &Registry, build: BuildInfo) -> Result<(), prometheus::Error> {
    let gauge = IntGaugeVec::new(
        Opts::new("polyspan_build_info", "Build of this process; always 1."),
        &["version", "commit", "profile"],
    )?;
    gauge.with_label_values(&[build.version, build.commit, build.profile]).set(1);
    registry.register(Box::new(gauge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_is_a_metric_of_value_one() {
        let registry = Registry::new();
        build_info(&registry, BuildInfo::new("1.2.3")).unwrap();
        let families = registry.gather();
        assert_eq!(families[0].name(), "polyspan_build_info");
        let metric = &families[0].get_metric()[0];
        assert!((metric.get_gauge().get_value() - 1.0).abs() < f64::EPSILON);
        assert!(metric.get_label().iter().any(|label| label.name() == "version" && label.value() == "1.2.3"));
    }

    #[test]
    fn a_second_registration_is_an_error_and_not_a_panic() {
        let registry = Registry::new();
        build_info(&registry, BuildInfo::new("1.2.3")).unwrap();
        assert!(build_info(&registry, BuildInfo::new("1.2.3")).is_err());
    }
}
