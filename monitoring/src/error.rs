//! What can go wrong before anything can be watched.

use std::io;
use std::net::SocketAddr;

use polyspan_types::{Classify, ErrorClass};

/// The monitoring address cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody listens there already.
    #[error(
        "cannot listen on {0}: the address is in use; stop the other process or give relay.listen another port"
    )]
    AddressInUse(SocketAddr),
    /// No interface of this host has the address.
    #[error(
        "cannot listen on {0}: this host does not have that address; use one of its own, 127.0.0.1 or 0.0.0.0, in \
         relay.listen"
    )]
    AddressNotAvailable(SocketAddr),
    /// The system forbids it, as for ports below 1024.
    #[error(
        "cannot listen on {0}: this user may not use that port; use one of 1024 or above in relay.listen, or allow it"
    )]
    NotPermitted(SocketAddr),
    /// Anything else that the system says.
    #[error("cannot listen on {address}: {source}; check relay.listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ServeError {
    /// Names the address and the cure for an error of the system.
    pub(crate) fn listening(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse(address),
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable(address),
            io::ErrorKind::PermissionDenied => Self::NotPermitted(address),
            _ => Self::Listen { address, source },
        }
    }
}

impl Classify for ServeError {
    fn class(&self) -> ErrorClass {
        // A relay that cannot be watched does not start: nobody would see it fail.
        ErrorClass::Halt
    }
}

/// Logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "`{filter}` (from {origin}) is not a log filter; write for example `info` or `info,polyspan_chain=debug`"
    )]
    Filter {
        /// Where the text came from.
        origin: &'static str,
        /// The text.
        filter: String,
    },
    /// Another part of the process did it before.
    #[error("logs are already set up in this process")]
    AlreadySetUp,
}

impl Classify for LogError {
    fn class(&self) -> ErrorClass {
        ErrorClass::Halt
    }
}
