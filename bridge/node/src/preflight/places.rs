//! The places on the disk where a relay keeps what it has: whether they can be used as they are.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use polyspan_store::{Store, StoreError};

use super::{Finding, Severity};
use crate::files::expect_readable;

/// Whether the store would open. Nothing is made and nothing is changed.
pub(super) async fn store(path: &Path) -> Option<Finding> {
    let thing = "relay.store";
    match expect_readable(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => missing_folder(thing, path),
        Err(error) => {
            let what = format!("{}: {error}", path.display());
            Some(Finding::new(Severity::Problem, thing, what, "set relay.store to the relay's own file"))
        }
        // An empty file is what a relay that was killed in its first moment leaves.
        Ok(()) if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) => None,
        Ok(()) => match Store::open_read_only(path).await {
            Ok(store) => {
                store.close().await;
                None
            }
            // Its relay brings it up to date.
            Err(StoreError::OlderSchema { .. }) => None,
            Err(error) => Some(Finding::said(Severity::Problem, thing, error)),
        },
    }
}

/// Whether the directory of an embedded coordinator is one, and its owner's only.
pub(super) fn directory(path: &Path) -> Option<Finding> {
    let thing = "coordination.directory";
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return missing_folder(thing, path),
        Err(error) => {
            let what = format!("{}: {error}", path.display());
            return Some(Finding::new(Severity::Problem, thing, what, "correct the path or its permissions"));
        }
    };
    let shown = path.display();
    if !found.is_dir() {
        let what = format!("{shown} is not a directory");
        return Some(Finding::new(
            Severity::Problem,
            thing,
            what,
            "name a directory that the relays of this host share",
        ));
    }
    let mode = found.permissions().mode() & 0o777;
    let (severity, what) = match (mode & 0o022 != 0, mode & 0o077 != 0) {
        (true, _) => {
            (Severity::Problem, "may be written by others, who could then write in the name of any relay")
        }
        (false, true) => (Severity::Warning, "may be read by others"),
        (false, false) => return None,
    };
    let what = format!("{shown} {what} (mode {mode:03o})");
    Some(Finding::new(severity, thing, what, &format!("run: chmod 700 {shown}")))
}

/// A relay makes the folders that are missing. A path with a spelling mistake leads to a new and empty place all the same.
fn missing_folder(thing: &str, path: &Path) -> Option<Finding> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => {
            let what =
                format!("{} is in the path of {} and is not a directory", folder.display(), path.display());
            Some(Finding::new(Severity::Problem, thing, what, "correct the path"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("the folder {} does not exist", folder.display());
            let cure = "the relay makes it at its start; correct the path if there should be one already";
            Some(Finding::new(Severity::Warning, thing, what, cure))
        }
        Err(error) => {
            let what = format!("{}: {error}", folder.display());
            Some(Finding::new(Severity::Problem, thing, what, "correct the path or its permissions"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    async fn told(path: &Path) -> (Severity, String) {
        let finding = store(path).await.unwrap();
        (finding.severity, finding.message)
    }

    #[tokio::test]
    async fn a_store_that_would_not_open_is_a_problem_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("garbage"), "not a database at all, and long enough to have a header").unwrap();
        fs::write(at("empty"), "").unwrap();
        assert_eq!(told(folder.path()).await.0, Severity::Problem);
        let (severity, message) = told(&at("garbage")).await;
        assert!(severity == Severity::Problem && message.contains("not a polyspan store"), "{message}");
        let (severity, message) = told(&at("missing/relay.sqlite")).await;
        assert!(severity == Severity::Warning && message.contains("does not exist"), "{message}");
        assert_eq!(told(&at("garbage/relay.sqlite")).await.0, Severity::Problem);
        assert_eq!(told(Path::new("/dev/zero")).await.0, Severity::Problem);
        for fine in ["empty", "new"] {
            assert_eq!(store(&at(fine)).await, None, "{fine}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        Store::open(&at("new")).await.unwrap().close().await;
        assert_eq!(store(&at("new")).await, None);
    }

    #[test]
    fn a_directory_that_others_may_write_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, severity) in
            [(0o700, None), (0o750, Some(Severity::Warning)), (0o777, Some(Severity::Problem))]
        {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let finding = directory(folder.path());
            assert_eq!(finding.as_ref().map(|finding| finding.severity), severity, "{mode:o}");
            assert!(finding.is_none_or(|finding| finding.message.contains("chmod 700")));
        }
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(directory(&file).unwrap().severity, Severity::Problem);
        assert_eq!(directory(&folder.path().join("new")), None);
    }
}
