//! The way to etcd: one client for each endpoint, the last good one first, no call without a deadline.
//!
//! The client library can balance over endpoints by itself, and then keeps trying a dead one for seconds. So it gets one
//! endpoint at a time here, and the choice is ours.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};
use polyspan_types::text::plain;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::settings::EtcdSettings;
use crate::CoordinationError;

/// gRPC codes: a caller's fault, or an answer, and no sign that another endpoint would say anything else.
const OUT_OF_RANGE: i32 = 11;
const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;
const INVALID_ARGUMENT: i32 = 3;
const FAILED_PRECONDITION: i32 = 9;
const NOT_FOUND: i32 = 5;

/// Most of what an endpoint says that is shown. Unit: characters.
const MOST_TEXT: usize = 500;

/// How a call failed at one endpoint.
#[derive(Debug)]
pub(super) enum CallError {
    /// Another endpoint may do better.
    Elsewhere(String),
    /// etcd says no.
    Refused(String),
    /// The revision that was asked for is gone.
    Compacted,
    /// The answer is larger than a message may be.
    TooLarge,
    /// The lease has ended.
    NoLease,
}

/// All endpoints.
pub(super) struct Endpoints {
    slots: Vec<Slot>,
    current: AtomicUsize,
    patience: Duration,
    options: ConnectOptions,
}

struct Slot {
    url: String,
    client: Mutex<Option<Client>>,
}

/// Without the options: they hold the password.
impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.slots.iter().map(|slot| &slot.url)).finish()
    }
}

impl Endpoints {
    /// Checks the settings as far as that needs no network.
    ///
    /// Errors: no endpoint, a URL or a certificate that is none.
    pub(super) async fn build(settings: &EtcdSettings) -> Result<Self, CoordinationError> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(settings.call_timeout / 2)
            // An endpoint that is cut off from the others must not pass for one that knows what is going on.
            .with_require_leader(true);
        if let Some(tls) = &settings.tls {
            let mut wanted = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.ca));
            if let Some((certificate, key)) = &tls.identity {
                wanted = wanted.identity(Identity::from_pem(certificate, key));
            }
            options = options.with_tls(wanted);
        }
        let unusable = |reason: String| CoordinationError::Etcd { reason };
        if settings.endpoints.is_empty() {
            return Err(unusable("no endpoint is given".to_owned()));
        }
        for url in &settings.endpoints {
            // Without a user nothing is sent: this only builds.
            let built = Client::connect([url], Some(options.clone())).await;
            built.map_err(|error| unusable(format!("{url}: {}", describe(&error))))?;
        }
        if let Some(credentials) = &settings.credentials {
            options =
                options.with_user(&credentials.user, &credentials.password).with_auto_token_refresh(true);
        }
        let slot = |url: &String| Slot { url: url.clone(), client: Mutex::new(None) };
        Ok(Self {
            slots: settings.endpoints.iter().map(slot).collect(),
            current: AtomicUsize::new(0),
            patience: settings.call_timeout,
            options,
        })
    }

    /// Longest time for an answer of one endpoint.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Asks the endpoints in turn, beginning with the one that answered last, until one answers.
    ///
    /// Errors: what the last one said that said anything final, or why none answered.
    pub(super) async fn call<T, F, W>(&self, work: W) -> Result<T, CallError>
    where
        W: Fn(Client) -> F,
        F: Future<Output = Result<T, Error>>,
    {
        let first = self.current.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for step in 0..self.slots.len() {
            let index = (first + step) % self.slots.len();
            let Some(slot) = self.slots.get(index) else { continue };
            match self.ask(slot, &work).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(CallError::Elsewhere(reason)) => {
                    reasons.push((index, format!("{}: {reason}", slot.url)));
                }
                Err(other) => return Err(other),
            }
        }
        // In the order of the settings: the same trouble has the same text, wherever the asking began.
        reasons.sort();
        let reasons: Vec<_> = reasons.into_iter().map(|(_, reason)| reason).collect();
        Err(CallError::Elsewhere(reasons.join("; ")))
    }

    /// Leaves the present endpoint: what hangs on it has ended.
    pub(super) fn go_on(&self) {
        let next = (self.current.load(Ordering::Relaxed) + 1) % self.slots.len();
        self.current.store(next, Ordering::Relaxed);
    }

    async fn ask<T, F, W>(&self, slot: &Slot, work: &W) -> Result<T, CallError>
    where
        W: Fn(Client) -> F,
        F: Future<Output = Result<T, Error>>,
    {
        let asked = async {
            let client = self.client(slot).await?;
            work(client).await
        };
        let answer = match timeout(self.patience, asked).await {
            Ok(answer) => answer.map_err(|error| classify(&error)),
            Err(_) => Err(CallError::Elsewhere(format!("no answer within {:?}", self.patience))),
        };
        if matches!(answer, Err(CallError::Elsewhere(_) | CallError::Refused(_)))
            && let Ok(mut client) = slot.client.try_lock()
        {
            // A new connection, and with it a new login, next time.
            *client = None;
        }
        answer
    }

    async fn client(&self, slot: &Slot) -> Result<Client, Error> {
        let mut held = slot.client.lock().await;
        if let Some(client) = &*held {
            return Ok(client.clone());
        }
        let client = Client::connect([&slot.url], Some(self.options.clone())).await?;
        *held = Some(client.clone());
        Ok(client)
    }
}

impl From<CallError> for CoordinationError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Elsewhere(reason) => Self::Unreachable { reason },
            CallError::Refused(reason) => Self::Refused { reason },
            CallError::Compacted => {
                Self::Unreachable { reason: "its history was compacted meanwhile".to_owned() }
            }
            CallError::TooLarge => Self::Unreachable { reason: "an answer is too large".to_owned() },
            CallError::NoLease => Self::Unreachable { reason: "the lease has ended".to_owned() },
        }
    }
}

/// Sorts what the client library says; its texts are looked at here and nowhere else.
pub(super) fn classify(error: &Error) -> CallError {
    match error {
        Error::GRpcStatus(status) => {
            let text = status.message();
            match i32::from(status.code()) {
                OUT_OF_RANGE if text.contains("compacted") => CallError::Compacted,
                OUT_OF_RANGE if text.contains("too large") => CallError::TooLarge,
                NOT_FOUND if text.contains("lease not found") => CallError::NoLease,
                // Each member learns of a change of roles by itself.
                INVALID_ARGUMENT if text.contains("auth store is old") => {
                    CallError::Elsewhere(text.to_owned())
                }
                PERMISSION_DENIED | UNAUTHENTICATED | INVALID_ARGUMENT | FAILED_PRECONDITION => {
                    CallError::Refused(text.to_owned())
                }
                _ => CallError::Elsewhere(describe(error)),
            }
        }
        Error::LeaseKeepAliveError(text) if text.contains("lease not found") => CallError::NoLease,
        _ => CallError::Elsewhere(describe(error)),
    }
}

/// The error with its causes, as far as it can be shown: the top one alone is often `transport error`, and whoever answers chooses
/// the words.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = match error {
        Error::GRpcStatus(status) => {
            text = status.message().to_owned();
            status.source()
        }
        Error::TransportError(error) => error.source(),
        _ => None,
    };
    while let Some(known) = cause {
        let more = known.to_string();
        if more != "transport error" && !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = known.source();
    }
    plain(&text.chars().take(MOST_TEXT).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_says_is_shown_in_part_and_acts_on_no_terminal() {
        let said = format!("\u{1b}[2J\u{202e}{}", "x".repeat(1 << 20));
        let CallError::Elsewhere(shown) = classify(&Error::WatchError(said)) else {
            panic!("not seen as said")
        };
        assert!(shown.len() < 2 * MOST_TEXT, "{} bytes", shown.len());
        assert!(shown.contains("\\u{1b}[2J\\u{202e}xxx"), "{shown}");
    }
}
