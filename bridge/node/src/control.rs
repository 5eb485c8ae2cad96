//! The control socket of a relay: what people on its host ask of it, one JSON line per request and per answer.
//!
//! It lies beside the store, is its owner's only, and can weaken nothing: it looks, and lets recovery workers run or rest.
//! There is no control over HTTP.

mod client;
mod protocol;
mod server;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use client::{ControlError, ask};
pub use protocol::{Answer, Command, LaneAnswer, Request};
pub(crate) use server::ControlServer;

/// Longest path of a socket. Unit: bytes. Source: `sun_path` of unix(7) has 108, other systems less.
const LONGEST_PATH: usize = 100;

/// The socket of the relay whose database is `store`.
pub fn path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".control");
    PathBuf::from(name)
}

/// Why a socket cannot lie there; `None` when it can.
fn too_long(socket: &Path) -> Option<String> {
    let length = socket.as_os_str().len();
    (length > LONGEST_PATH).then(|| {
        format!(
            "the path of the control socket {} has {length} bytes, more than {LONGEST_PATH}; put relay.store into a folder with a shorter path",
            socket.display()
        )
    })
}
