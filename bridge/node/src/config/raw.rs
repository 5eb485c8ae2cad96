//! The form of the files as written: nothing outside of this folder sees it.

use alloy::primitives::{Address, B256};
use polyspan_chain::Parts;
use polyspan_types::{BlockHeight, BridgeName, ChainId, Finality};

use super::form::Raw;
use super::units::{GasPrice, Span};
use crate::toml_section as section;

section! {
    /// The whole file.
    RawConfig {
        network: String,
        chain: Vec<Raw<RawChain>>,
        bridge: Vec<Raw<RawBridge>>,
        coordination: RawCoordination,
        relay: RawRelay,
        recovery: RawRecovery,
    }
}

section! {
    /// `[[chain]]`
    RawChain {
        name: String,
        chain_id: ChainId,
        endpoints: Vec<String>,
        quorum: u64,
        own_node: bool,
        finality: Finality,
        poll_interval: Span,
        request_timeout: Span,
        max_log_range: u64,
        max_fee_per_gas: GasPrice,
        min_priority_fee: GasPrice,
        replace_after: u64,
        takeover_after: u64,
    }
}

section! {
    /// `[[bridge]]`
    RawBridge { deployment: String }
}

section! {
    /// `[coordination]`
    RawCoordination {
        kind: String,
        directory: String,
        lease: Span,
        endpoints: Vec<String>,
        prefix: String,
        tls: RawTls,
        user: String,
        password_file: String,
    }
}

section! {
    /// `tls` of `[coordination]`
    RawTls { ca: String, certificate: String, key: String }
}

section! {
    /// `[relay]`
    RawRelay {
        name: String,
        roles: Vec<String>,
        store: String,
        listen: String,
        tick: Span,
        accept_development: bool,
        auto_pause: bool,
        log_format: String,
        attester: RawKey,
        submitter: Vec<Raw<RawSubmitter>>,
        submission: RawSubmission,
        history: RawHistory,
    }
}

section! {
    /// A key: two files, a remote signer, or hardware.
    RawKey {
        keystore: String,
        passphrase_file: String,
        remote: String,
        url: String,
        address: String,
        timeout: Span,
        ca_file: String,
        client_certificate: String,
        client_key: String,
        basic_auth_file: String,
        token_file: String,
        key: String,
        region: String,
        endpoint: String,
        path: String,
    }
}

section! {
    /// `[[relay.submitter]]`: what is unknown here is a [`RawKey`].
    RawSubmitter { chain: String }
}

section! {
    /// `[relay.submission]`
    RawSubmission {
        max_transfers: u64,
        max_gas: u64,
        max_in_flight: u64,
        failed_releases_per_day: u64,
    }
}

section! {
    /// `[recovery]`
    RawRecovery { enabled: bool, interval: Span }
}

section! {
    /// `[relay.history]`
    RawHistory { keep: u64, max_age: Span }
}

section! {
    /// A deployment file.
    RawDeployment {
        name: BridgeName,
        salt: B256,
        main: RawSide,
        service: RawSide,
        pair: Vec<Raw<RawPair>>,
    }
}

section! {
    /// One end of a deployment.
    RawSide {
        chain: String,
        chain_id: ChainId,
        bridge: Address,
        deployment_block: BlockHeight,
        parts: Parts,
    }
}

section! {
    /// `[[pair]]` of a deployment.
    RawPair {
        name: String,
        kind: String,
        main_token: Address,
        service_token: Address,
        mints: String,
    }
}
