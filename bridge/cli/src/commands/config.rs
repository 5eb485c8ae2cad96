//! `polyspan config`

use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::preflight::{self, Finding, Mode, Severity};
use serde::Serialize;

use crate::args::ConfigFile;
use crate::exit::Exit;
use crate::output;

/// What to do with a configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Looks at everything that start-up looks at, and starts nothing.
    Check(CheckArguments),
}

/// Arguments of `polyspan config check`.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Contact no endpoint and open no key.
    #[arg(long)]
    offline: bool,
}

/// What was found, for programs.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    chains: usize,
    bridges: usize,
    problems: usize,
    warnings: usize,
    /// Chains and keys were not looked at.
    offline: bool,
    findings: Vec<Found>,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Found {
    /// `problem`, `warning` or `note`.
    severity: String,
    found: String,
}

/// Checks a configuration; exit code 2 when there is any problem.
///
/// Errors: the problems of the files themselves, all together.
pub async fn run(command: ConfigCommand) -> Result<ExitCode> {
    let ConfigCommand::Check(arguments) = command;
    let config = Config::load(&arguments.file.config)?;
    let mut findings = if arguments.offline {
        preflight::offline(&config)
    } else {
        preflight::check(&config, Mode::Check).await
    };
    findings.sort_by_key(|finding| finding.severity);
    let report = Report::of(&config, &findings, arguments.offline);
    if output::is_json() {
        output::json(&report)?;
    } else {
        for finding in &findings {
            let line = format!("{}: {finding}", finding.severity);
            if finding.severity == Severity::Problem { output::bad(line) } else { output::result(line) }
        }
        output::result(report.verdict());
    }
    Ok(if report.problems > 0 { Exit::Input } else { Exit::Fine }.into())
}

impl Report {
    fn of(config: &Config, findings: &[Finding], offline: bool) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let found =
            |finding: &Finding| Found { severity: finding.severity.to_string(), found: finding.to_string() };
        Self {
            file: config.file.display().to_string(),
            chains: config.chains.len(),
            bridges: config.bridges.len(),
            problems: count(Severity::Problem),
            warnings: count(Severity::Warning),
            offline,
            findings: findings.iter().map(found).collect(),
        }
    }

    fn verdict(&self) -> String {
        let number =
            |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let looked = if self.offline { " (offline: chains and keys were not looked at)" } else { "" };
        format!(
            "{}: {}, {}; {}, {}{looked}",
            self.file,
            number(self.chains, "chain"),
            number(self.bridges, "bridge"),
            number(self.problems, "problem"),
            number(self.warnings, "warning"),
        )
    }
}
