//! What needs root: a store on a disk that fills up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use polyspan_devnet::invariants::expect_single_roots;
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_types::Direction;

/// Large enough for a new store, small enough to be filled at once.
const SIZE: &str = "2m";

/// A file system of its own; it is gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SIZE},mode=0700"), "polyspan-test"])
            .arg(at)
            .status()
            .unwrap();
        assert!(mounted.success(), "cannot mount a tmpfs: `make test-system` must run as root");
        Self(at.to_owned())
    }

    /// Leaves not one byte.
    fn fill(&self) {
        let mut size = 1 << 20;
        let mut number = 0;
        while size > 0 {
            let file = self.0.join(format!("ballast-{number}"));
            number += 1;
            if fs::write(&file, vec![0; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn free(&self) {
        for entry in fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("ballast-") {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: the relay may not have let go of its files yet.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_cannot_write_does_not_sign_and_goes_on_when_it_can() {
    let mut network = TestNetwork::start(1, |_| {}).await.unwrap();
    let store = network.relay("relay-1").unwrap().store.clone();
    let disk = SmallDisk::mount(&mounted_folder(&mut network, &store));
    network.start_relay("relay-1").unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    transfer(&network).await;

    disk.fill();
    let before = handled(&network).await;
    let traffic = Traffic::new(&network, 0, 0).unwrap();
    traffic.rounds(3, fresh_recipient()).await.unwrap();
    let relay = network.relay("relay-1").unwrap();
    let reason = relay
        .wait_unready(PATIENCE, |part| part.reason.contains("full") || part.reason.contains("disk"))
        .await;
    reason.unwrap();
    network.wait_blocks_of_both(4).await.unwrap();
    assert_eq!(handled(&network).await, before, "something was signed without having been stored");
    network.expect_alive().unwrap();

    disk.free();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
    network.wait_ready(PATIENCE).await.unwrap();
    network.expect_complete().await.unwrap();
    expect_single_roots(&network).await.unwrap();
    network.relay_mut("relay-1").unwrap().stop().await.unwrap();
}

/// Points the relay's config at a folder of its own for the store.
fn mounted_folder(network: &mut TestNetwork, store: &Path) -> PathBuf {
    let folder = store.with_file_name("disk");
    fs::create_dir(&folder).unwrap();
    let relay = network.relay_mut("relay-1").unwrap();
    relay.store = folder.join("relay.sqlite");
    let config = fs::read_to_string(&relay.config).unwrap();
    let (old, new) = (store.display().to_string(), relay.store.display().to_string());
    fs::write(&relay.config, config.replace(&old, &new)).unwrap();
    folder
}

async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_blocks_of_both(1).await.unwrap();
    network.wait_all_handled(PATIENCE).await.unwrap();
}

async fn handled(network: &TestNetwork) -> Vec<u64> {
    let mut handled = Vec::new();
    for direction in Direction::ALL {
        handled.push(network.progress(0, direction).await.unwrap().handled.get());
    }
    handled
}
