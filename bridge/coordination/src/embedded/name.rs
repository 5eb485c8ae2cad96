//! Names of member files: `<id>.<generation>.member`.
//!
//! A member starts a new generation at every join, so it never opens for writing what somebody else may have open. Readers
//! take the highest generation.

use std::path::{Path, PathBuf};

use crate::MemberId;

/// Whose file, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) id: MemberId,
    pub(super) generation: u64,
}

impl FileName {
    /// `None` for a file that is none of ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (id, generation) = name.strip_suffix(".member")?.split_once('.')?;
        Some(Self { id: id.parse().ok()?, generation: generation.parse().ok()? })
    }

    pub(super) fn path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.{}.member", self.id, self.generation))
    }

    /// Where the file is built before others may see it.
    pub(super) fn hidden_path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.{}.new", self.id, self.generation))
    }

    /// Where the process that is this member holds its lock.
    pub(super) fn lock_path(id: &MemberId, directory: &Path) -> PathBuf {
        directory.join(format!("{id}.lock"))
    }
}

/// `path` with `suffix` after its whole name: SQLite's companions of a file.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_member_files_are_taken() {
        let name = FileName::parse("relay-1.12.member").unwrap();
        assert_eq!((name.id.as_str(), name.generation), ("relay-1", 12));
        assert_eq!(
            FileName::parse(name.path(Path::new("d")).file_name().unwrap().to_str().unwrap()),
            Some(name)
        );
        for other in
            ["relay.member", "relay.1.member-wal", "relay.1.new", "Relay.1.member", "a.b.1.member", ".lock"]
        {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
