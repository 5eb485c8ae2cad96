//! The exit codes of every command, in one place.

use std::process::ExitCode;

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing is wrong.
    Fine = 0,
    /// A person is needed: something is halted, held, refused, different or failed.
    Bad = 1,
    /// Arguments, files, keys, or what they point to must be corrected. The same as clap's.
    Input = 2,
    /// It could not be seen or is not finished, and that may heal by itself: ask again.
    Unreadable = 3,
    /// Ctrl-C ended it, as shells have it: 128 and the number of SIGINT.
    Interrupted = 130,
}

/// What `--help` says of them.
pub const HELP: &str = "Exit codes:
  0    done, or nothing is wrong
  1    a person is needed: halted, held, refused, different or failed
  2    arguments, files or keys must be corrected
  3    could not be seen or is not finished; may heal, ask again
  130  interrupted by Ctrl-C";

impl Exit {
    /// The worse of two for who must act: what is bad, then what must be corrected, then what could not be seen.
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Fine => 0,
            Self::Unreadable => 1,
            Self::Input => 2,
            Self::Bad => 3,
            Self::Interrupted => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_code() {
        for exit in [Exit::Fine, Exit::Bad, Exit::Input, Exit::Unreadable, Exit::Interrupted] {
            let start = format!("  {:<5}", exit as u8);
            assert!(HELP.lines().any(|line| line.starts_with(&start)), "{exit:?}");
        }
    }

    #[test]
    fn what_is_bad_counts_more_than_what_could_not_be_seen() {
        assert_eq!(Exit::Unreadable.worst(Exit::Bad), Exit::Bad);
        assert_eq!(Exit::Bad.worst(Exit::Unreadable), Exit::Bad);
        assert_eq!(Exit::Fine.worst(Exit::Unreadable), Exit::Unreadable);
    }
}
