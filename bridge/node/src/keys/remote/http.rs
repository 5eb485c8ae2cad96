//! One HTTP client for one signer: TLS, credentials, deadline, and a bound on what is read.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::Address;
use polyspan_types::text::is_deceptive;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response};
use serde_json::Value;
use url::Url;

use super::{ClientIdentity, CredentialsFile, RemoteError, RemoteSignerSettings};
use crate::files::read_bytes;
use crate::keys::{KeyError, NamedBy, Passphrase};

/// Longest answer that is read: a list of some thousand keys. Unit: bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// How much of a signer's words is repeated. Unit: characters.
const WORDS_LIMIT: usize = 200;

/// The way to a signer.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    name: String,
    timeout: Duration,
    credentials: Option<Credentials>,
    named_by: NamedBy,
}

/// What each request says of this relay. Its `Debug` shows nothing.
#[derive(Debug)]
struct Credentials {
    header: HeaderValue,
    /// Whatever must not be repeated should the signer echo it.
    secrets: Vec<Passphrase>,
}

/// What came of a request that was answered.
#[derive(Debug)]
pub(super) enum Tried {
    /// Success, with its body.
    Answered(String),
    /// Any other status.
    Refused {
        /// HTTP status.
        status: u16,
        /// Status and body, in words.
        said: String,
    },
}

impl Tried {
    /// The body, or the refusal in words.
    pub(super) fn body(self) -> Result<String, String> {
        match self {
            Self::Answered(text) => Ok(text),
            Self::Refused { said, .. } => Err(said),
        }
    }
}

impl Http {
    pub(super) fn build(settings: &RemoteSignerSettings) -> Result<Self, KeyError> {
        let mut builder = Client::builder()
            .timeout(settings.timeout)
            // A signer has no reason to send us elsewhere, and what is asked is for it alone.
            .redirect(Policy::none())
            .no_proxy();
        if let Some(file) = &settings.ca_file {
            builder = builder.tls_certs_only(authorities(file)?);
        }
        if let Some(identity) = &settings.client_identity {
            builder = builder.identity(client_identity(identity)?);
        }
        let certificate = settings.client_identity.as_ref().map(|identity| identity.certificate.as_path());
        let blamed = certificate.or(settings.ca_file.as_deref()).unwrap_or(Path::new("the system"));
        let client = builder.build().map_err(|error| not_pem(blamed, &innermost(&error)))?;
        let load = |file| Credentials::load(file, &client, &settings.url);
        let credentials = settings.credentials.as_ref().map(load).transpose()?;
        Ok(Self {
            client,
            name: settings.url.origin().ascii_serialization(),
            url: settings.url.clone(),
            timeout: settings.timeout,
            credentials,
            named_by: settings.named_by.clone(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) async fn get(&self, path: &str) -> Result<Tried, RemoteError> {
        self.ask(self.client.get(self.at(path))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Tried, RemoteError> {
        self.ask(self.client.post(self.at(path)).json(body)).await
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Tried, RemoteError> {
        let request = match &self.credentials {
            Some(credentials) => request.header(AUTHORIZATION, &credentials.header),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let text = self.read(response).await?;
        if status.is_success() {
            return Ok(Tried::Answered(text));
        }
        let words = if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) };
        Ok(Tried::Refused { status: status.as_u16(), said: format!("HTTP {status}{words}") })
    }

    async fn read(&self, mut response: Response) -> Result<String, RemoteError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if bytes.len() + chunk.len() > ANSWER_LIMIT {
                return Err(self.wrong("more than a signer has to say"));
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| self.wrong("something that is no text"))
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if !path.is_empty() {
            url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        }
        url
    }

    fn failed(&self, error: &reqwest::Error) -> RemoteError {
        if error.is_timeout() {
            return self.too_late();
        }
        // The innermost cause names no URL, whose path may be a secret.
        RemoteError::Unreachable {
            signer: self.name.clone(),
            reason: self.words(&innermost(error)),
            setting: self.setting("url"),
        }
    }

    pub(super) fn too_late(&self) -> RemoteError {
        RemoteError::Timeout {
            signer: self.name.clone(),
            after: self.timeout,
            setting: self.setting("timeout"),
        }
    }

    pub(super) fn refused(&self, reason: impl AsRef<str>) -> RemoteError {
        RemoteError::Refused { signer: self.name.clone(), reason: self.words(reason.as_ref()) }
    }

    pub(super) fn wrong(&self, what: &str) -> RemoteError {
        RemoteError::WrongAnswer {
            signer: self.name.clone(),
            what: what.to_owned(),
            setting: self.setting("url"),
        }
    }

    pub(super) fn no_key(&self, address: Address) -> RemoteError {
        RemoteError::NoKey { signer: self.name.clone(), address, setting: self.setting("address") }
    }

    pub(super) fn wrong_key(&self, expected: Address, found: Address) -> RemoteError {
        RemoteError::WrongKey { signer: self.name.clone(), expected, found, setting: self.setting("address") }
    }

    fn setting(&self, key: &str) -> String {
        self.named_by.setting(key)
    }

    /// Somebody else's words, fit for a log line: short, on one line, and without our secrets should they be echoed.
    fn words(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.credentials.iter().flat_map(|credentials| &credentials.secrets) {
            text = text.replace(secret.reveal(), "…");
        }
        let visible = |c: char| if is_deceptive(c) { ' ' } else { c };
        text.chars().map(visible).take(WORDS_LIMIT).collect()
    }
}

impl Credentials {
    fn load(file: &CredentialsFile, client: &Client, url: &Url) -> Result<Self, KeyError> {
        let path = file.path();
        let line = Passphrase::load(path).map_err(|error| match error {
            KeyError::EmptyPassphrase(file) => credentials(&file, "it is empty"),
            other => other,
        })?;
        // A request that is never sent: the library knows how a header of credentials is written.
        let request = client.get(url.clone());
        let (request, secret) = match (file, line.reveal().split_once(':')) {
            (CredentialsFile::Token(_), _) => (request.bearer_auth(line.reveal()), line.reveal()),
            (CredentialsFile::Basic(_), Some((user, password))) => {
                (request.basic_auth(user, Some(password)), password)
            }
            (CredentialsFile::Basic(_), None) => {
                return Err(credentials(path, "it has no colon between user and password"));
            }
        };
        let request = request.build().map_err(|_| credentials(path, "it has other characters than ASCII"))?;
        let header = request.headers().get(AUTHORIZATION).cloned();
        let header = header.ok_or_else(|| credentials(path, "it makes no header"))?;
        let written = header.to_str().ok().and_then(|text| text.split_once(' ')).map(|(_, written)| written);
        let secrets = [Some(secret), written].into_iter().flatten().filter(|secret| !secret.is_empty());
        let secrets = secrets.map(Passphrase::new).collect();
        Ok(Self { header, secrets })
    }
}

fn credentials(file: &Path, reason: &'static str) -> KeyError {
    KeyError::Credentials { file: file.to_owned(), reason }
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, KeyError> {
    let text = read_bytes(file).map_err(|error| KeyError::of_file(file, error))?;
    match Certificate::from_pem_bundle(&text) {
        Ok(found) if found.is_empty() => Err(not_pem(file, "it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(not_pem(file, &innermost(&error))),
    }
}

fn client_identity(identity: &ClientIdentity) -> Result<Identity, KeyError> {
    crate::keys::require_private(&identity.key)?;
    let read = |file: &Path| read_bytes(file).map_err(|error| KeyError::of_file(file, error));
    let mut text = read(&identity.certificate)?;
    text.push(b'\n');
    text.extend(read(&identity.key)?);
    Identity::from_pem(&text).map_err(|error| not_pem(&identity.key, &innermost(&error)))
}

fn not_pem(file: &Path, reason: &str) -> KeyError {
    KeyError::NotPem { file: file.to_owned(), reason: reason.to_owned() }
}

/// The cause at the end of the chain: the outer ones repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
