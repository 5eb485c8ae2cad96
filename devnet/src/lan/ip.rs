//! The program `ip` of iproute2.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Network namespaces can be made here.
///
/// Errors: what is missing, with the cure.
pub(super) fn may_be_used() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("a network of namespaces needs root: run this as root, or use the loopback network instead");
    }
    ip("-V").map(drop)
}

/// Runs `ip` with these words, and returns what it prints.
///
/// Errors: it is missing or fails; its words are in the text.
pub(super) fn ip(words: &str) -> Result<String> {
    run(words.split(' '), words)
}

/// The same within a namespace.
///
/// Errors: as [`ip`].
pub(super) fn ip_in(namespace: &str, words: &str) -> Result<String> {
    run(["-n", namespace].into_iter().chain(words.split(' ')), words)
}

fn run<'a>(words: impl Iterator<Item = &'a str>, shown: &str) -> Result<String> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .context("cannot start `ip`; install iproute2 (Debian: apt-get install iproute2)")?;
    if !output.status.success() {
        bail!("`ip {shown}` fails: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
