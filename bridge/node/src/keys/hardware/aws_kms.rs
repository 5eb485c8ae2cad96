//! AWS KMS. Credentials and region are found as AWS's own tools find them: environment, profile, role of the host.

use alloy::primitives::{Address, Signature, keccak256};
use alloy::signers::Signer;
use alloy_signer_aws::aws_config::{BehaviorVersion, Region};
use alloy_signer_aws::aws_sdk_kms::error::SdkError;
use alloy_signer_aws::aws_sdk_kms::{self, Client};
use alloy_signer_aws::{AwsSigner, AwsSignerError};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::error::{Failure, with_causes};
use super::{AwsKey, Connection};

pub(super) async fn connect(key: &AwsKey) -> Result<Box<dyn Connection>, Failure> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &key.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &key.endpoint {
        loader = loader.endpoint_url(endpoint.as_str());
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Failure::Refused("no region is set; set region, or AWS_REGION".to_owned()));
    }
    let client = Client::from_conf(aws_sdk_kms::config::Builder::from(&config).build());
    let signer = AwsSigner::new(client, key.id.clone(), None).await.map_err(|error| failure(&error))?;
    Ok(Box::new(signer))
}

impl Connection for AwsSigner {
    fn address(&self) -> Address {
        Signer::address(self)
    }

    fn sign<'a>(&'a self, preimage: &'a [u8]) -> BoxFuture<'a, Result<Signature, Failure>> {
        async move {
            self.sign_hash(&keccak256(preimage)).await.map_err(|error| match error {
                alloy::signers::Error::Other(inner) => match inner.downcast::<AwsSignerError>() {
                    Ok(error) => failure(&error),
                    Err(other) => Failure::Refused(with_causes(other.as_ref())),
                },
                other => Failure::Refused(with_causes(&other)),
            })
        }
        .boxed()
    }
}

fn failure(error: &AwsSignerError) -> Failure {
    let text = with_causes(error);
    match error {
        AwsSignerError::Sign(error) if is_lost(error) => Failure::Unreachable(text),
        AwsSignerError::GetPublicKey(error) if is_lost(error) => Failure::Unreachable(text),
        _ => Failure::Refused(text),
    }
}

/// Whether the service said nothing.
const fn is_lost<E>(error: &SdkError<E>) -> bool {
    matches!(error, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_))
}
