//! Where a part of the network runs: this host's loopback, or a network namespace with an address of its own.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};
use tokio::process::Command;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::ports::free_port;

/// A place for processes and sockets. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Host {
    address: Ipv4Addr,
    namespace: Option<Arc<Namespace>>,
}

/// A network namespace, and a thread of ours that lives in it.
#[derive(Debug)]
struct Namespace {
    name: String,
    /// Sockets that its tasks open belong to the namespace.
    inside: Handle,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<()>,
}

impl Host {
    /// This host itself, by 127.0.0.1.
    pub const fn loopback() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, namespace: None }
    }

    /// The network namespace of that name, which has this address.
    ///
    /// Errors: there is no such namespace, or this program may not enter it.
    pub(crate) fn namespace(name: &str, address: Ipv4Addr) -> Result<Self> {
        let (inside, end) = enter(name)?;
        Ok(Self {
            address,
            namespace: Some(Arc::new(Namespace { name: name.to_owned(), inside, _end: end })),
        })
    }

    /// The address under which all other parts reach what runs here.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// A place for a listener: `wanted` where the whole address belongs to this part, else any free port.
    ///
    /// Errors: no port is free.
    pub fn socket(&self, wanted: u16) -> Result<SocketAddr> {
        let port = if self.namespace.is_some() { wanted } else { free_port()? };
        Ok(SocketAddr::from((self.address, port)))
    }

    /// A command that starts `program` here. Its process id is that of the program.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                // `ip` becomes the program: it starts no second process.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &namespace.name]).arg(program);
                command
            }
        }
    }

    /// Runs tasks of this program here: the sockets that they open are this place's.
    ///
    /// Panics: outside of a tokio runtime.
    pub fn runtime(&self) -> Handle {
        self.namespace.as_ref().map_or_else(Handle::current, |namespace| namespace.inside.clone())
    }

    /// Name of its namespace; `None` for this host itself.
    pub(crate) fn namespace_name(&self) -> Option<&str> {
        self.namespace.as_ref().map(|namespace| namespace.name.as_str())
    }
}

/// The file that stands for a namespace.
fn file_of(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

/// Starts a thread with a runtime in the namespace. A thread of its own: entering changes the thread that does it.
fn enter(name: &str) -> Result<(Handle, oneshot::Sender<()>)> {
    let namespace = File::open(file_of(name)).with_context(|| format!("no namespace is called {name}"))?;
    let (end, ended) = oneshot::channel::<()>();
    let (tell, told) = mpsc::sync_channel(1);
    let live = move || {
        let runtime = setns(&namespace, CloneFlags::CLONE_NEWNET)
            .context("cannot enter a network namespace")
            .and_then(|()| Builder::new_current_thread().enable_all().build().context("no runtime"));
        match runtime {
            Ok(runtime) => {
                drop(tell.send(Ok(runtime.handle().clone())));
                drop(runtime.block_on(ended));
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(live).context("cannot start a thread")?;
    let inside = told.recv().context("the thread of a namespace ended at once")??;
    Ok((inside, end))
}
