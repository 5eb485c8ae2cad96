//! The key of a submitter, wherever it is, and whether it signs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::primitives::{Address, Signature};
use futures::FutureExt;
use futures::future::BoxFuture;
use polyspan_types::ChainId;
use tracing::debug;

use super::SubmitterError;
use crate::keys::SigningKey;

/// Time between two trials of a key that gave no signature. Unit: time. Source: the longest wait of a lane between two tries is 8 s.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// A key, and what it was silent about last.
#[derive(Debug)]
pub(crate) struct Signing {
    key: SigningKey,
    chain: ChainId,
    /// Why it gave no signature, until a trial goes well.
    silence: Mutex<Option<String>>,
}

impl Signing {
    pub(crate) const fn new(key: SigningKey, chain: ChainId) -> Self {
        Self { key, chain, silence: Mutex::new(None) }
    }

    pub(super) fn address(&self) -> Address {
        self.key.address()
    }

    /// Signs a transaction. While the key is known to be silent it is not asked: each question takes its whole deadline, and the
    /// transactions on their way would be looked after that much later.
    pub(super) async fn sign<T>(&self, transaction: &T) -> Result<Signature, SubmitterError>
    where
        T: SignableTransaction<Signature> + Sync,
    {
        if let Some(reason) = self.silence() {
            return Err(SubmitterError::Signer(reason));
        }
        self.key.sign_transaction(transaction).await.map_err(|error| {
            let reason = error.to_string();
            *self.lock() = Some(reason.clone());
            SubmitterError::Signer(reason)
        })
    }

    /// Why the key gives no signatures, if it does not.
    pub(super) fn silence(&self) -> Option<String> {
        self.lock().clone()
    }

    /// It has given one again.
    pub(super) fn speaks(&self) {
        *self.lock() = None;
    }

    /// Ends when the key has signed something that nothing counts.
    pub(super) fn trial(&self) -> BoxFuture<'static, ()> {
        let (key, chain) = (self.key.clone(), self.chain);
        async move {
            loop {
                tokio::time::sleep(TRY_AGAIN).await;
                match key.try_out(chain).await {
                    Ok(()) => return,
                    Err(error) => debug!(%error, "submitter key is still silent"),
                }
            }
        }
        .boxed()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // A text is whole after any panic.
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a trial; for ever where there is none.
pub(super) async fn end_of(trial: &mut Option<BoxFuture<'static, ()>>) {
    match trial {
        Some(trial) => trial.await,
        None => std::future::pending().await,
    }
}
