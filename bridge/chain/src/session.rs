//! A connection that has proven to serve the right chain.
//!
//! Connecting is lazy and done once for all callers that wait for it. A session that breaks is dropped; the next call
//! opens another and proves the chain id again. An answer that came over a connection whose chain id is not proven yet is
//! kept back until it is: HTTP clients reconnect silently, and a restarted endpoint may be another chain's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RpcRecv;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde_json::Value;
use tokio::time::Instant;

use self::opener::Opener;
use crate::metrics::ChainSeries;
use crate::{Backoff, ChainError, ChainSettings, Endpoint, SettingsError};

mod opener;
mod translate;

/// Shortest and longest wait between two attempts to connect.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

type Opening = Shared<BoxFuture<'static, Result<RpcClient, ChainError>>>;

/// The way to one endpoint.
pub(crate) struct Session {
    opener: Arc<Opener>,
    state: Mutex<State>,
}

struct State {
    /// Numbers the openings, so that a late failure of an old one does not end its successor.
    generation: u64,
    opening: Option<Opening>,
    /// The last attempt failed: nobody connects before this time.
    failed: Option<(Instant, ChainError)>,
    backoff: Backoff,
}

impl Session {
    pub(crate) fn new(settings: &ChainSettings, series: ChainSeries) -> Result<Self, SettingsError> {
        let state = State {
            generation: 0,
            opening: None,
            failed: None,
            backoff: Backoff::new(RECONNECT.0, RECONNECT.1),
        };
        Ok(Self { opener: Arc::new(Opener::new(settings, series)?), state: Mutex::new(state) })
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
            _ => self.opener.prove_new_connections(&client).await,
        };
        self.keep(generation, proven.and(answer))
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
        if result.as_ref().is_err_and(ChainError::breaks_session) {
            let mut state = self.lock();
            if state.generation == generation {
                state.opening = None;
                state.failed = None;
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every step under the lock leaves a usable state, so a panic elsewhere is no reason to stop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
