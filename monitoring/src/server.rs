//! The HTTP server: three paths, GET only, bounded in connections and time.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::Registry;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower::util::MapRequestLayer;

use crate::{Health, ServeError};

pub use connections::{Asked, Connections};

mod connections;
mod routes;
#[cfg(test)]
mod tests;

/// A bound address that answers `/metrics`, `/livez` and `/readyz` while it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
    limits: Limits,
}

/// What a stranger on this address can use up at the most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections open at once; one more closes the oldest that has asked nothing.
    connections: usize,
    /// Time for a complete request head.
    head: Duration,
    /// Life of a connection, answer included: a reader that stalls is cut off.
    connection: Duration,
    /// Time for open connections after the stop.
    drain: Duration,
    /// Pause after a failed accept, as when file descriptors run out.
    accept_pause: Duration,
}

impl Limits {
    /// Source: a few scrapers and a probe each second need a handful of connections of milliseconds.
    const DEFAULT: Self = Self {
        connections: 64,
        head: Duration::from_secs(5),
        connection: Duration::from_secs(10),
        drain: Duration::from_secs(1),
        accept_pause: Duration::from_millis(100),
    };
}

/// Longest request head. Unit: bytes. Source: hyper accepts no smaller buffer.
const HEAD_LIMIT: usize = 8192;

impl Server {
    /// Takes the address, from now on; nothing is answered before [`Server::run`]. Port 0 means any free one.
    ///
    /// Errors: the address cannot be had; the error names it and the cure.
    pub fn bind(address: SocketAddr, registry: Registry, health: Health) -> Result<Self, ServeError> {
        let failed = |source| ServeError::listening(address, source);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, routes: routes::build(registry, health), limits: Limits::DEFAULT })
    }

    /// The address that was taken, with its real port.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`; then open connections get a moment to end.
    ///
    /// Errors: the runtime cannot watch the listener. A client's errors end its connection only.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .map_err(|source| ServeError::listening(self.address, source))?;
        let mut open = Connections::new(self.limits.connections);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = open.ended() => {}
                accepted = listener.accept(), if open.can_take() => match accepted {
                    Ok((stream, _)) => {
                        let (routes, limits) = (self.routes.clone(), self.limits);
                        open.take(|asked| serve(stream, routes, limits, asked));
                    }
                    Err(error) => {
                        tracing::warn!(address = %self.address, %error, "a monitoring connection was not accepted");
                        tokio::time::sleep(self.limits.accept_pause).await;
                    }
                },
            }
        }
        drop(listener);
        let drain = async { while open.ended().await.is_some() {} };
        let drained = tokio::time::timeout(self.limits.drain, drain).await;
        if drained.is_err() {
            tracing::debug!(address = %self.address, "monitoring connections were cut off at the stop");
        }
        Ok(())
    }
}

/// One request on one connection. Not kept alive, so that an idle client holds nothing.
fn serve(stream: TcpStream, routes: Router, limits: Limits, asked: Asked) -> impl Future<Output = ()> {
    let noted = MapRequestLayer::new(move |request| {
        asked.note();
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_LIMIT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(noted.layer(routes)));
    async move {
        match tokio::time::timeout(limits.connection, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a monitoring connection ended early"),
            Err(_) => tracing::debug!("a monitoring connection took too long and was cut off"),
        }
    }
}
