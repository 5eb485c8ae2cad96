//! A connection that has proven to serve the right chain.
//!
//! Connecting is lazy and done once for all callers that wait for it. A session that breaks is dropped; the next call
//! opens another and proves the chain id again. An answer that came over a connection whose chain id is not proven yet is
//! kept back until it is: HTTP clients reconnect silently, and a restarted endpoint may be another chain's. Behind one
//! connection may be a balancer of a provider with many nodes, so the proof is made again from time to time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RpcRecv;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde_json::Value;
use tokio::time::Instant;

use self::opener::Opener;
use crate::metrics::EndpointSeries;
use crate::{Backoff, ChainError, ChainSettings, Endpoint, SettingsError, Url};

mod budget;
mod http;
mod opener;
mod translate;

#[cfg(test)]
pub(crate) use translate::words;

/// Shortest and longest wait between two attempts to connect.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

type Opening = Shared<BoxFuture<'static, Result<RpcClient, ChainError>>>;

/// The way to one endpoint.
pub(crate) struct Session {
    opener: Arc<Opener>,
    state: Mutex<State>,
    /// Silence after which a connection that others are waiting for is given up.
    patience: Duration,
}

struct State {
    /// Numbers the openings, so that a late failure of an old one does not end its successor.
    generation: u64,
    opening: Option<Opening>,
    /// The last attempt failed: nobody connects before this time.
    failed: Option<(Instant, ChainError)>,
    backoff: Backoff,
    /// When the endpoint answered last, or the session was opened.
    answered: Instant,
}

impl Session {
    pub(crate) fn new(
        settings: &ChainSettings,
        url: &Url,
        series: EndpointSeries,
    ) -> Result<Self, SettingsError> {
        let state = State {
            generation: 0,
            opening: None,
            failed: None,
            backoff: Backoff::new(RECONNECT.0, RECONNECT.1),
            answered: Instant::now(),
        };
        let opener = Arc::new(Opener::new(settings, url, series)?);
        Ok(Self { opener, state: Mutex::new(state), patience: settings.request_timeout })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.opener.endpoint()
    }

    /// One JSON-RPC request within its deadline.
    pub(crate) async fn request<R: RpcRecv>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, ChainError> {
        let (generation, client) = self.client().await?;
        let answer = self.opener.request(&client, method, params).await;
        let proven = match &answer {
            Err(error) if error.breaks_session() => Ok(()),
            _ => self.opener.prove_when_due(&client).await,
        };
        self.keep(generation, proven.and(answer))
    }

    /// A caller gave a request up because others answered before. A connection that has been silent for a whole deadline
    /// is dropped: nobody may be left who waits until it fails by itself.
    pub(crate) fn doubt(&self) {
        let mut state = self.lock();
        if state.answered.elapsed() >= self.patience {
            state.opening = None;
        }
    }

    /// Asks for the chain id again, on the session that exists or a new one.
    pub(crate) async fn verify(&self) -> Result<(), ChainError> {
        let (generation, client) = self.client().await?;
        let proven = self.opener.prove_chain_id(&client).await;
        self.keep(generation, proven)
    }

    async fn client(&self) -> Result<(u64, RpcClient), ChainError> {
        let (generation, opening) = self.opening()?;
        match opening.await {
            Ok(client) => {
                let mut state = self.lock();
                if state.generation == generation {
                    state.backoff.reset();
                }
                Ok((generation, client))
            }
            Err(error) => {
                self.opening_failed(generation, &error);
                Err(error)
            }
        }
    }

    /// The opening that is under way or done, or a new one unless it is too early for that.
    fn opening(&self) -> Result<(u64, Opening), ChainError> {
        let mut state = self.lock();
        if let Some(opening) = &state.opening {
            return Ok((state.generation, opening.clone()));
        }
        if let Some((not_before, error)) = &state.failed
            && Instant::now() < *not_before
        {
            return Err(error.clone());
        }
        let opener = Arc::clone(&self.opener);
        let opening = async move { opener.open().await }.boxed().shared();
        state.generation += 1;
        state.opening = Some(opening.clone());
        state.answered = Instant::now();
        Ok((state.generation, opening))
    }

    /// Called by everyone who waited; only the first report of an opening counts.
    fn opening_failed(&self, generation: u64, error: &ChainError) {
        let mut state = self.lock();
        if state.generation == generation && state.opening.take().is_some() {
            let wait = state.backoff.next(rand::random());
            state.failed = Some((Instant::now() + wait, error.clone()));
        }
    }

    /// Drops the session if the result says that it is broken.
    fn keep<R>(&self, generation: u64, result: Result<R, ChainError>) -> Result<R, ChainError> {
        let mut state = self.lock();
        if result.as_ref().is_err_and(ChainError::breaks_session) {
            if state.generation == generation {
                state.opening = None;
                state.failed = None;
            }
        } else {
            state.answered = Instant::now();
        }
        drop(state);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every step under the lock leaves a usable state, so a panic elsewhere is no reason to stop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
