//! Processor time of processes, as the kernel counts it.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

/// Seconds that a running process has used so far, of user and system time.
///
/// Errors: it has ended.
pub(super) fn seconds(process: u32) -> Result<f64> {
    let file = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}: has it ended?"))?;
    let ticks = ticks(&text).with_context(|| format!("{file} has another form than expected"))?;
    Ok(ticks as f64 / ticks_per_second()?)
}

/// User and system time; the name of the program, which comes first, may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // Fields 14 and 15, of which the first two are gone.
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn ticks_per_second() -> Result<f64> {
    let output = Command::new("getconf").arg("CLK_TCK").output().context("cannot start `getconf`")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("getconf CLK_TCK prints no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_passed_over() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 120 30 0 0 20 0 5 0 1 2 3";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("7 (a"), None);
        assert!(seconds(std::process::id()).unwrap() >= 0.0);
    }
}
