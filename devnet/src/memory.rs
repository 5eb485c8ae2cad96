//! Memory of processes, as the kernel counts it.

use std::fs;

use anyhow::{Context, Result};

/// The most that a running process has ever had in memory. Unit: MiB.
///
/// Errors: it has ended.
pub fn peak_mib(process: u32) -> Result<f64> {
    of(process, "VmHWM:")
}

fn of(process: u32, name: &str) -> Result<f64> {
    let file = format!("/proc/{process}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}: has it ended?"))?;
    kib(&text, name).map(|kib| kib / 1024.0).with_context(|| format!("{file} has no line {name}"))
}

fn kib(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_by_its_name() {
        let status = "Name:\ta\nVmPeak:\t  9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!((kib(status, "VmHWM:"), kib(status, "VmSwap:")), (Some(2048.0), None));
        assert!(peak_mib(std::process::id()).unwrap() > 1.0);
    }
}
