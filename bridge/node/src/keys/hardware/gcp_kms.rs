//! Google Cloud KMS. Credentials are found as Google's own tools find them: `GOOGLE_APPLICATION_CREDENTIALS`, the host's account.

use alloy::primitives::{Address, Signature, keccak256};
use alloy::signers::Signer;
use alloy_signer_gcp::gcloud_sdk::GoogleApi;
use alloy_signer_gcp::gcloud_sdk::google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient;
use alloy_signer_gcp::{GcpKeyRingRef, GcpSigner, GcpSignerError, KeySpecifier};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::error::{Failure, with_causes};
use super::{Connection, GcpKeyVersion};

/// Source: the API's reference, "Service endpoint".
const ENDPOINT: &str = "https://cloudkms.googleapis.com";

pub(super) async fn connect(key: &GcpKeyVersion) -> Result<Box<dyn Connection>, Failure> {
    let client = GoogleApi::from_function(KeyManagementServiceClient::new, ENDPOINT, None).await;
    let client = client.map_err(|error| Failure::Unreachable(with_causes(&error)))?;
    let ring = GcpKeyRingRef::new(&key.project, &key.location, &key.ring);
    let version = KeySpecifier::new(ring, &key.key, key.version);
    let signer = GcpSigner::new(client, version, None).await.map_err(|error| failure(&error))?;
    Ok(Box::new(signer))
}

impl Connection for GcpSigner {
    fn address(&self) -> Address {
        Signer::address(self)
    }

    fn sign<'a>(&'a self, preimage: &'a [u8]) -> BoxFuture<'a, Result<Signature, Failure>> {
        async move {
            self.sign_hash(&keccak256(preimage)).await.map_err(|error| match error {
                alloy::signers::Error::Other(inner) => match inner.downcast::<GcpSignerError>() {
                    Ok(error) => failure(&error),
                    Err(other) => Failure::Refused(with_causes(other.as_ref())),
                },
                other => Failure::Refused(with_causes(&other)),
            })
        }
        .boxed()
    }
}

fn failure(error: &GcpSignerError) -> Failure {
    let text = with_causes(error);
    match error {
        GcpSignerError::GoogleKmsError(_) => Failure::Unreachable(text),
        _ => Failure::Refused(text),
    }
}
