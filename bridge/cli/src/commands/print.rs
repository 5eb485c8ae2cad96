//! `polyspan example`, `polyspan completions` and `polyspan man`: text that this program carries.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::output;

/// Arguments of `polyspan example`.
#[derive(Debug, clap::Args)]
pub struct ExampleArguments {
    /// Which file.
    #[arg(value_name = "FILE")]
    file: Example,
}

/// The files.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Example {
    /// The configuration of a relay.
    Relay,
    /// What is deployed: chains, operators, governors, pairs.
    Deploy,
    /// The configuration of somebody who only transfers and looks.
    User,
}

/// Arguments of `polyspan completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArguments {
    /// Which shell.
    shell: Shell,
}

/// Arguments of `polyspan man`.
#[derive(Debug, clap::Args)]
pub struct ManArguments {
    /// Write a page for each command into this folder, which must be there.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints an example.
///
/// Errors: none that a caller could cause.
pub fn example(arguments: &ExampleArguments) -> Result<ExitCode> {
    output::verbatim(
        match arguments.file {
            Example::Relay => include_str!("../../../node/polyspan.example.toml"),
            Example::Deploy => include_str!("../../deploy.example.toml"),
            Example::User => include_str!("../../user.example.toml"),
        }
        .trim_end(),
    );
    Ok(Exit::Fine.into())
}

/// Prints completions.
///
/// Errors: none that a caller could cause.
pub fn completions(arguments: &CompletionsArguments) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "polyspan", &mut script);
    output::verbatim(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Fine.into())
}

/// Prints a page or writes all.
///
/// Errors: the folder.
pub fn man(arguments: &ManArguments) -> Result<ExitCode> {
    let command = Arguments::command();
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        output::verbatim(String::from_utf8_lossy(&page).trim_end());
        return Ok(Exit::Fine.into());
    };
    clap_mangen::generate_to(command, folder)
        .map_err(|error| BadInput::new(format!("--out: cannot write into {}: {error}", folder.display())))?;
    output::result(format!("pages are in {}; read one with: man -l {0}/polyspan.1", folder.display()));
    Ok(Exit::Fine.into())
}
