//! A slow and lossy link: a TCP forwarder that delays what it carries, and treats some of it as lost.
//!
//! The kernel cannot be asked for this everywhere (`netem` is a module), so it is done in user space. What TCP makes of
//! a lost packet is what both ends see: nothing for a retransmission timeout, twice as long for the next loss in a row,
//! and a reset when it does not end.

mod weather;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::host::Host;

use weather::Fate;
pub use weather::Weather;

/// Unit: bytes. What is delayed or lost at once.
const CHUNK: usize = 16 * 1024;

/// Unit: chunks on their way in one direction of a connection.
const IN_FLIGHT: usize = 256;

/// A running forwarder; dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    listener: JoinHandle<()>,
}

impl Link {
    /// Starts a link in good weather from a free port of `host` to `target`. `seed` decides what is lost.
    ///
    /// Errors: no port is free.
    pub async fn start(host: &Host, target: SocketAddr, seed: u64) -> Result<Self> {
        let (inside, place) = (host.runtime(), host.address());
        let bound = inside.spawn(TcpListener::bind((place, 0))).await.context("the host's runtime ended")?;
        let listener = bound.with_context(|| format!("no free port on {place}"))?;
        let address = listener.local_addr().context("a listener without an address")?;
        let (weather, watched) = watch::channel(Weather::GOOD);
        let listener = inside.spawn(accept_all(listener, target, watched, seed));
        Ok(Self { address, weather, listener })
    }

    /// Where it takes connections.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the link is like this, for connections that are open as well.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listener.abort();
        // Connections watch the sender: they end when it is gone.
    }
}

async fn accept_all(listener: TcpListener, target: SocketAddr, weather: watch::Receiver<Weather>, seed: u64) {
    for number in 0.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                drop(tokio::spawn(connection(
                    stream,
                    target,
                    weather.clone(),
                    seed.wrapping_add(2 * number),
                )));
            }
            // Out of descriptors: better a slow link than none.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Carries one connection until one end closes, a loss does not end, or the link is dropped.
async fn connection(near: TcpStream, target: SocketAddr, weather: watch::Receiver<Weather>, seed: u64) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    // Small questions and answers must not wait for one another.
    drop(near.set_nodelay(true).and(far.set_nodelay(true)));
    let mut gone = weather.clone();
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let there = carry(near_in, far_out, weather.clone(), StdRng::seed_from_u64(seed));
    let back = carry(far_in, near_out, weather, StdRng::seed_from_u64(seed.wrapping_add(1)));
    // A half that ends in order leaves the other one open; an error ends both, which is all that it can say here.
    tokio::select! {
        _ = async { tokio::try_join!(there, back) } => {}
        () = async { while gone.changed().await.is_ok() {} } => {}
    }
}

/// One direction: what comes in goes out later, in its order.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    weather: watch::Receiver<Weather>,
    mut random: StdRng,
) -> std::io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let take = async move {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(());
            }
            let fate = weather.borrow().fate(&mut random);
            let Fate::Arrives(after) = fate else {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            };
            let due = Instant::now() + after;
            if sender.send((due, chunk[..length].to_vec())).await.is_err() {
                return Ok(());
            }
        }
    };
    let give = async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(take, give).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    tokio::io::copy(&mut from, &mut to).await.unwrap_or_default()
                });
            }
        });
        address
    }

    async fn ask(link: &Link) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(link.address()).await?;
        stream.write_all(b"a question").await?;
        stream.shutdown().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn what_a_link_carries_arrives_whole_and_late() {
        let link = Link::start(&Host::loopback(), echo().await, 1).await.unwrap();
        assert_eq!(ask(&link).await.unwrap(), b"a question");
        link.set(Weather { delay: Duration::from_millis(30), ..Weather::GOOD });
        let started = Instant::now();
        assert_eq!(ask(&link).await.unwrap(), b"a question");
        assert!(started.elapsed() >= Duration::from_millis(60), "there and back is delayed twice");
    }

    #[tokio::test]
    async fn a_link_that_loses_everything_ends_the_connection() {
        let link = Link::start(&Host::loopback(), echo().await, 1).await.unwrap();
        link.set(Weather { loss: 1.0, ..Weather::GOOD });
        let answer = ask(&link).await;
        assert!(!answer.is_ok_and(|answer| answer == b"a question"));
    }
}
