//! A remote signer: another process that holds a key and signs what it is asked to.
//!
//! Nothing that it answers is believed: a signature counts when it recovers to the configured address over the digest that
//! this process computes by itself, and has the one form that contracts count.

mod error;
mod http;
mod settings;
#[cfg(test)]
mod tests;
mod typed_data;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::hex;
use alloy::primitives::{Address, B256, Signature, keccak256};
use polyspan_types::{Checkpoint, CheckpointDomain, HoldDecision, Pause, Presence};
use serde::Deserialize;
use serde_json::{Value, json};

pub use error::RemoteError;
use http::{Http, Tried};
pub use settings::{
    ClientIdentity, CredentialsFile, RemoteProtocol, RemoteSignerSettings, SignerUrlError, signer_url,
};

use super::KeyError;

/// Method that signs typed data, with the data as a JSON object.
const SIGN_TYPED_DATA: &str = "eth_signTypedData_v4";

/// Bytes of a signature: r, s, v.
const SIGNATURE_SIZE: usize = 65;

/// The way to one key of a remote signer. Clones share it.
#[derive(Debug, Clone)]
pub struct RemoteSigner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    protocol: RemoteProtocol,
    address: Address,
    http: Http,
    /// Name of the key at a Web3Signer, once it was found there.
    identifier: Mutex<Option<String>>,
}

/// A JSON-RPC answer.
#[derive(Debug, Deserialize)]
struct RpcAnswer {
    #[serde(default)]
    result: Value,
    error: Option<RpcFailure>,
}

#[derive(Debug, Deserialize)]
struct RpcFailure {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl RemoteSigner {
    /// Reads the files that the settings name. Asks nothing yet.
    ///
    /// Errors: a file that is missing, readable by others, or not what it should be.
    pub fn build(settings: &RemoteSignerSettings) -> Result<Self, KeyError> {
        Ok(Self(Arc::new(Inner {
            protocol: settings.protocol,
            address: settings.address,
            http: Http::build(settings)?,
            identifier: Mutex::new(None),
        })))
    }

    /// Address of the key.
    pub fn address(&self) -> Address {
        self.0.address
    }

    /// The signer without its secrets: scheme, host and port.
    pub fn name(&self) -> &str {
        self.0.http.name()
    }

    /// Has a checkpoint signed, within the deadline of the settings.
    ///
    /// Errors: no answer, a refusal, or an answer that is not the signature asked for.
    pub async fn sign(
        &self,
        checkpoint: &Checkpoint,
        domain: &CheckpointDomain,
    ) -> Result<Signature, RemoteError> {
        self.ask(typed_data::checkpoint(checkpoint, domain), &checkpoint.preimage(domain)).await
    }

    /// Has a decision about one request signed, as [`RemoteSigner::sign`] does a checkpoint.
    ///
    /// Errors: as [`RemoteSigner::sign`].
    pub async fn sign_decision(
        &self,
        decision: &HoldDecision,
        domain: &CheckpointDomain,
    ) -> Result<Signature, RemoteError> {
        self.ask(typed_data::decision(decision, domain), &decision.preimage(domain)).await
    }

    /// Has a pause signed, as [`RemoteSigner::sign`] does a checkpoint.
    ///
    /// Errors: as [`RemoteSigner::sign`].
    pub async fn sign_pause(
        &self,
        pause: Pause,
        domain: &CheckpointDomain,
    ) -> Result<Signature, RemoteError> {
        self.ask(typed_data::pause(pause, domain), &pause.preimage(domain)).await
    }

    /// Has a presence signed, as [`RemoteSigner::sign`] does a checkpoint.
    ///
    /// Errors: as [`RemoteSigner::sign`].
    pub async fn sign_presence(&self, presence: &Presence) -> Result<Signature, RemoteError> {
        self.ask(typed_data::presence(presence), &presence.preimage()).await
    }

    /// Has the hash of these bytes signed, as [`RemoteSigner::sign`] does a checkpoint: those of an unsigned transaction, for one.
    ///
    /// Errors: as [`RemoteSigner::sign`]; a signer that signs typed data only refuses it.
    pub async fn sign_preimage(&self, preimage: &[u8]) -> Result<Signature, RemoteError> {
        if self.0.protocol == RemoteProtocol::TypedData {
            return Err(self.0.http.refused(format!("{SIGN_TYPED_DATA} is for what operators sign")));
        }
        self.in_time(self.web3signer(preimage), preimage).await
    }

    /// Asks in the words of the protocol. What the signer made of either form is proved against `preimage`.
    async fn ask(&self, typed_data: Value, preimage: &[u8]) -> Result<Signature, RemoteError> {
        let asked = async {
            match self.0.protocol {
                RemoteProtocol::TypedData => self.typed_data(typed_data).await,
                RemoteProtocol::Web3Signer => self.web3signer(preimage).await,
            }
        };
        self.in_time(asked, preimage).await
    }

    async fn in_time(
        &self,
        asked: impl Future<Output = Result<String, RemoteError>>,
        preimage: &[u8],
    ) -> Result<Signature, RemoteError> {
        let http = &self.0.http;
        let text = tokio::time::timeout(http.timeout(), asked).await.map_err(|_| http.too_late())??;
        self.verified(&text, keccak256(preimage))
    }

    async fn typed_data(&self, typed_data: Value) -> Result<String, RemoteError> {
        let http = &self.0.http;
        let question = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": SIGN_TYPED_DATA,
            "params": [self.0.address, typed_data],
        });
        let text = http.post("", &question).await?.body().map_err(|refusal| http.refused(refusal))?;
        let answer: RpcAnswer =
            serde_json::from_str(&text).map_err(|_| http.wrong("something that is no JSON-RPC answer"))?;
        if let Some(RpcFailure { code, message }) = answer.error {
            return Err(http.refused(format!("{message} (code {code})")));
        }
        match answer.result {
            Value::String(signature) => Ok(signature),
            _ => Err(http.wrong("no signature")),
        }
    }

    /// `eth1` of Web3Signer hashes what it gets, without a prefix of its own.
    async fn web3signer(&self, preimage: &[u8]) -> Result<String, RemoteError> {
        let http = &self.0.http;
        let known = self.identifier().clone();
        let identifier = match known {
            Some(identifier) => identifier,
            None => self.find_key().await?,
        };
        let question = json!({ "data": hex::encode_prefixed(preimage) });
        match http.post(&format!("/api/v1/eth1/sign/{identifier}"), &question).await? {
            Tried::Answered(text) => Ok(text),
            Tried::Refused { status: 404, .. } => {
                // Its keys were loaded anew without this one.
                *self.identifier() = None;
                Err(http.no_key(self.0.address))
            }
            Tried::Refused { said, .. } => Err(http.refused(said)),
        }
    }

    /// Web3Signer names keys by their public halves; the one with our address is ours.
    async fn find_key(&self) -> Result<String, RemoteError> {
        let http = &self.0.http;
        let text =
            http.get("/api/v1/eth1/publicKeys").await?.body().map_err(|refusal| http.refused(refusal))?;
        let keys: Vec<String> =
            serde_json::from_str(&text).map_err(|_| http.wrong("something that is no list of keys"))?;
        let own = keys.into_iter().find(|key| address_of(key) == Some(self.0.address));
        let own = own.ok_or_else(|| http.no_key(self.0.address))?;
        *self.identifier() = Some(own.clone());
        Ok(own)
    }

    /// The signature, when it is what was asked for.
    fn verified(&self, text: &str, digest: B256) -> Result<Signature, RemoteError> {
        let http = &self.0.http;
        let bytes: [u8; SIGNATURE_SIZE] = hex::decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| http.wrong("something that is not 65 bytes in hex"))?;
        let signature =
            Signature::from_raw_array(&bytes).map_err(|_| http.wrong("a signature without a valid v"))?;
        if signature.normalize_s().is_some() {
            return Err(http.wrong("a signature with a high s, which no contract counts"));
        }
        match signature.recover_address_from_prehash(&digest) {
            Ok(found) if found == self.0.address => Ok(signature),
            Ok(found) => Err(http.wrong_key(self.0.address, found)),
            Err(_) => Err(http.wrong("a signature of no key")),
        }
    }

    fn identifier(&self) -> MutexGuard<'_, Option<String>> {
        // A text is whole after any panic.
        self.0.identifier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Address of a public key in hex: 64 bytes, or 65 with the mark of an uncompressed one.
fn address_of(key: &str) -> Option<Address> {
    let bytes = hex::decode(key).ok()?;
    let point = match bytes.len() {
        64 => &bytes[..],
        65 if bytes[0] == 4 => &bytes[1..],
        _ => return None,
    };
    Some(Address::from_slice(&keccak256(point)[12..]))
}
