//! `polyspan config`

use std::process::ExitCode;

use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::preflight::{self, Finding, Mode, Severity};

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
    for finding in &findings {
        output::result(format!("{}: {finding}", finding.severity));
    }
    output::result(verdict(&config, &findings, arguments.offline));
    let problem = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if problem { Exit::Input } else { Exit::Fine }.into())
}

fn verdict(config: &Config, findings: &[Finding], offline: bool) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let number = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let looked = if offline { " (offline: chains and keys were not looked at)" } else { "" };
    format!(
        "{}: {}, {}; {}, {}{looked}",
        config.file.display(),
        number(config.chains.len(), "chain"),
        number(config.bridges.len(), "bridge"),
        number(count(Severity::Problem), "problem"),
        number(count(Severity::Warning), "warning"),
    )
}
