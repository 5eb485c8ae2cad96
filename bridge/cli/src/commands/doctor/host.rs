//! The relay's own files: its store, the lock beside it, and the disk under both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use polyspan_node::config::LaneInfo;
use polyspan_store::{Store, StoreError};

use super::{Check, State};

/// Less is too little for a store that grows. Unit: MiB.
const SPACE: u64 = 1024;

pub(super) async fn checks(store: &Path, lanes: &[LaneInfo]) -> Vec<Check> {
    let locks = fs::read_to_string("/proc/locks").ok();
    vec![of_store(store, lanes).await, of_lock(store, locks.as_deref()), of_disk(store)]
}

async fn of_store(store: &Path, lanes: &[LaneInfo]) -> Check {
    let name = store.display();
    if !store.exists() {
        return Check::new(
            "store",
            State::Note,
            format!("{name} is not there yet; the first start makes it"),
        );
    }
    match read(store, lanes).await {
        Ok(kept) => {
            Check::new("store", State::Ok, format!("{name} can be read and keeps {kept} handled transfers"))
        }
        Err(error) => {
            Check::new("store", State::Bad, format!("{error}; with the relay stopped: polyspan store repair"))
        }
    }
}

/// Handled transfers of all lanes.
async fn read(store: &Path, lanes: &[LaneInfo]) -> Result<u64, StoreError> {
    let store = Store::open_read_only(store).await?;
    let mut kept = 0;
    for lane in lanes {
        kept += store.history(lane.bridge_id).await?.kept;
    }
    Ok(kept)
}

fn of_lock(store: &Path, locks: Option<&str>) -> Check {
    let path = lock_path(store);
    let name = path.display();
    let Ok(file) = fs::metadata(&path) else {
        let found =
            format!("{name} is not there: a relay with this store signs above the first final nonce only");
        let state = if store.exists() { State::Note } else { State::Ok };
        return Check::new("lock", state, found);
    };
    match locks.map(|locks| holder(locks, file.ino())) {
        Some(Some(process)) => Check::new("lock", State::Ok, format!("{name} is held by process {process}")),
        Some(None) => Check::new("lock", State::Ok, format!("{name} is free")),
        None => Check::new(
            "lock",
            State::Note,
            format!("{name} is there; this system does not tell who holds it"),
        ),
    }
}

/// Beside the database.
fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Pure: who holds a lock on the file with this inode, by `/proc/locks` (proc(5)). Asking the file itself could get in the way of a
/// relay that starts.
fn holder(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", process, file, ..] = fields.as_slice() else { return None };
        let found: u64 = file.rsplit(':').next()?.parse().ok()?;
        (found == inode).then(|| process.parse().ok()).flatten()
    })
}

fn of_disk(store: &Path) -> Check {
    let folder = match store.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = folder.display();
    if let Err(error) = access(folder, AccessFlags::W_OK | AccessFlags::X_OK) {
        return Check::new(
            "disk",
            State::Bad,
            format!("{name} cannot be written: {error}; correct its owner or mode"),
        );
    }
    match statvfs(folder) {
        Ok(disk) => {
            let free = disk.blocks_available().saturating_mul(disk.fragment_size()) >> 20;
            let state = if free < SPACE { State::Bad } else { State::Ok };
            let cure = if free < SPACE { "; make room: a relay that cannot write does not sign" } else { "" };
            Check::new("disk", state, format!("{free} MiB are free in {name}{cure}"))
        }
        Err(error) => Check::new("disk", State::Unreadable, format!("{name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_read_without_taking_it() {
        let locks = "1: POSIX  ADVISORY  WRITE 77 fe:00:4242 0 EOF\n2: FLOCK  ADVISORY  WRITE 1234 fe:00:4242 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 99 fe:00:4343 0 EOF\n";
        assert_eq!(holder(locks, 4242), Some(1234));
        assert_eq!(holder(locks, 4343), None, "who waits holds nothing");
        assert_eq!(holder("nonsense", 1), None);
    }
}
