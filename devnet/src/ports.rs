//! Free ports of this host.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// Below the ports that Linux gives to outgoing connections by itself (`ip_local_port_range`, 32768 and above by default): a relay
/// that is started again must find its port free.
const PORTS: Range<u16> = 12_000..32_768;

/// Tries before this host counts as full.
const TRIES: usize = 1_000;

/// What this process has taken. A lock on a file tells the other networks on this host, and ends with the process.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that nobody listens on, and that no other network gets as long as this process runs. Another program may take
/// it before it is used, so who uses it checks that it talks to the right one.
///
/// Errors: the host has none left, or files cannot be locked in its temporary directory.
pub fn free_port() -> Result<u16> {
    let folder = folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for _ in 0..TRIES {
        let port = rand::random_range(PORTS);
        let path = folder.join(port.to_string());
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        if file.try_lock().is_err() || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            continue;
        }
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        return Ok(port);
    }
    bail!("no free port on 127.0.0.1 in {TRIES} tries")
}

/// Of this user: files of another one could not be written.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("polyspan-ports-{}", nix::unistd::getuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_or_locked_by_another_network_is_not_given() {
        let port = free_port().unwrap();
        assert!(PORTS.contains(&port));
        // What another process would meet.
        let other = File::create(folder().join(port.to_string())).unwrap();
        assert!(other.try_lock().is_err());
        let more: Vec<_> = (0..200).map(|_| free_port().unwrap()).collect();
        assert!(!more.contains(&port));
    }
}
