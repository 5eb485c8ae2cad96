//! Free ports of this host.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// A port of 127.0.0.1 that nobody listens on now. Another program may take it before it is used, so who uses it checks
/// that it talks to the right one.
///
/// Errors: the host has none left.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("a listener without an address")?.port())
}
