//! A Ledger on this host, with its Ethereum app open. A person confirms each signature.

mod preimage;

use std::panic::AssertUnwindSafe;

use alloy::network::TxSigner;
use alloy::primitives::{Address, Signature};
use alloy::signers::Signer;
use alloy_signer_ledger::{HDPath, LedgerSigner};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::error::{Failure, with_causes};
use super::{Connection, DerivationPath};
use preimage::Preimage;

pub(super) async fn connect(path: &DerivationPath) -> Result<Box<dyn Connection>, Failure> {
    let asked = LedgerSigner::new(HDPath::Other(path.as_str().to_owned()), None);
    // The client panics on an answer that is too short: one of another app, or of a broken device.
    match AssertUnwindSafe(asked).catch_unwind().await {
        Ok(Ok(signer)) => Ok(Box::new(signer)),
        Ok(Err(error)) => Err(Failure::Unreachable(with_causes(&error))),
        Err(_) => Err(unreadable()),
    }
}

impl Connection for LedgerSigner {
    fn address(&self) -> Address {
        Signer::address(self)
    }

    fn sign<'a>(&'a self, preimage: &'a [u8]) -> BoxFuture<'a, Result<Signature, Failure>> {
        async move {
            // A Ledger signs no bare hash. Its client tells typed data from transactions by the first bytes.
            let mut transaction = Preimage::new(preimage);
            match AssertUnwindSafe(self.sign_transaction(&mut transaction)).catch_unwind().await {
                Ok(signed) => signed.map_err(|error| Failure::Refused(with_causes(&error))),
                Err(_) => Err(unreadable()),
            }
        }
        .boxed()
    }
}

fn unreadable() -> Failure {
    Failure::Unreachable("its answer cannot be read; open its Ethereum app".to_owned())
}
