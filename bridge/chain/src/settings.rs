//! What a chain connection is built from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use alloy::transports::http::reqwest::Url;
use polyspan_types::{ChainId, Finality};

use crate::{Endpoint, Quorum, QuorumError};

/// One chain of the configuration, already parsed.
#[derive(Debug, Clone)]
pub struct ChainSettings {
    /// Name in config, metrics and logs.
    pub name: String,
    /// EIP-155 id that every endpoint must answer with.
    pub chain_id: ChainId,
    /// JSON-RPC endpoints, `http`, `https`, `ws` or `wss`, each of another node; the preferred ones first.
    pub endpoints: Vec<Url>,
    /// How many of them must give the same answer.
    pub quorum: Quorum,
    /// When a block counts as final.
    pub finality: Finality,
    /// Time between two looks at the head.
    pub poll_interval: Duration,
    /// Deadline of every single JSON-RPC request, connecting included.
    pub request_timeout: Duration,
    /// Most blocks that one log request asks for; less when the endpoint refuses.
    pub max_log_range: u64,
}

impl ChainSettings {
    /// Proves that a connection can be built.
    ///
    /// Errors: the first thing that makes it impossible.
    pub fn check(&self) -> Result<(), SettingsError> {
        let chain = || self.name.clone();
        if self.endpoints.is_empty() {
            return Err(SettingsError::NoEndpoint { chain: chain() });
        }
        for endpoint in &self.endpoints {
            if !matches!(endpoint.scheme(), "http" | "https" | "ws" | "wss") {
                let scheme = endpoint.scheme().to_owned();
                return Err(SettingsError::Scheme { chain: chain(), scheme });
            }
            if endpoint.host_str().is_none_or(str::is_empty) {
                return Err(SettingsError::NoHost { chain: chain() });
            }
        }
        if let Some((_, twice)) = same_node(&self.endpoints) {
            let endpoint = Endpoint::new(&self.endpoints[twice]).to_string();
            return Err(SettingsError::SameNode { chain: chain(), endpoint });
        }
        Quorum::try_new(self.quorum.get() as u64, self.endpoints.len())
            .map_err(|reason| SettingsError::Quorum { chain: chain(), reason })?;
        for (setting, zero) in [
            ("chain_id", self.chain_id.get() == 0),
            ("poll_interval", self.poll_interval.is_zero()),
            ("request_timeout", self.request_timeout.is_zero()),
            ("max_log_range", self.max_log_range == 0),
        ] {
            if zero {
                return Err(SettingsError::Zero { chain: chain(), setting });
            }
        }
        Ok(())
    }
}

/// The first two endpoints that have one host and port, by their places: one node, whatever scheme, path or name is used.
pub fn same_node(endpoints: &[Url]) -> Option<(usize, usize)> {
    let node = |url: &Url| (url.host_str().map(one_name), url.port_or_known_default());
    (0..endpoints.len()).find_map(|later| {
        let earlier =
            endpoints[..later].iter().position(|earlier| node(earlier) == node(&endpoints[later]))?;
        Some((earlier, later))
    })
}

/// The one name of a host that has several. Names that only a resolver knows stay as they are.
fn one_name(host: &str) -> String {
    const LOOPBACK: &str = "localhost";
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address.map(|address| address.to_canonical()) {
        // Whoever connects to no address reaches this host.
        Ok(address)
            if address == Ipv4Addr::LOCALHOST
                || address == Ipv6Addr::LOCALHOST
                || address.is_unspecified() =>
        {
            LOOPBACK.to_owned()
        }
        Ok(address) => address.to_string(),
        Err(_) if host.ends_with(".localhost") => LOOPBACK.to_owned(),
        Err(_) => host,
    }
}

/// Settings from which no connection can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Nothing to connect to.
    #[error("chain {chain} has no endpoint; set endpoints = [\"http://HOST:PORT\"]")]
    NoEndpoint {
        /// Name of the chain.
        chain: String,
    },
    /// Two endpoints that are one: its word would count twice.
    #[error("chain {chain} has the endpoint {endpoint} twice (same host and port); list each node once")]
    SameNode {
        /// Name of the chain.
        chain: String,
        /// The second of the two.
        endpoint: String,
    },
    /// A quorum that does not fit the number of endpoints.
    #[error("chain {chain}: {reason}")]
    Quorum {
        /// Name of the chain.
        chain: String,
        /// What is wrong with it.
        reason: QuorumError,
    },
    /// A scheme that is no JSON-RPC transport.
    #[error("chain {chain} has an endpoint with scheme `{scheme}`; use http, https, ws or wss")]
    Scheme {
        /// Name of the chain.
        chain: String,
        /// What was given.
        scheme: String,
    },
    /// A URL that names no host.
    #[error("chain {chain} has an endpoint without a host; write it as http://HOST:PORT")]
    NoHost {
        /// Name of the chain.
        chain: String,
    },
    /// A number or duration that must not be zero.
    #[error("chain {chain} has {setting} = 0; set it to more than zero")]
    Zero {
        /// Name of the chain.
        chain: String,
        /// Key in the configuration.
        setting: &'static str,
    },
    /// The HTTP client could not be made (TLS set-up).
    #[error("chain {chain}: cannot make an HTTP client: {reason}")]
    Client {
        /// Name of the chain.
        chain: String,
        /// What the client library says.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoints: &[&str]) -> ChainSettings {
        ChainSettings {
            name: "main".to_owned(),
            chain_id: ChainId::new(31001),
            endpoints: endpoints.iter().map(|url| url.parse().unwrap()).collect(),
            quorum: Quorum::majority(endpoints.len()),
            finality: "finalized".parse().unwrap(),
            poll_interval: Duration::from_millis(500),
            request_timeout: Duration::from_secs(5),
            max_log_range: 5000,
        }
    }

    #[test]
    fn endpoints_of_known_schemes_on_different_nodes_are_taken() {
        for url in ["http://127.0.0.1:8545", "https://a.example/k", "ws://a.example", "wss://a.example"] {
            assert_eq!(settings(&[url]).check(), Ok(()));
        }
        assert_eq!(settings(&["http://a.example", "http://b.example", "ws://a.example:1"]).check(), Ok(()));
        assert!(matches!(settings(&[]).check(), Err(SettingsError::NoEndpoint { .. })));
        assert!(matches!(settings(&["ftp://a.example"]).check(), Err(SettingsError::Scheme { .. })));
        let twice = settings(&["https://a.example/one", "http://b.example", "wss://A.example:443/two"]);
        let error = twice.check().unwrap_err().to_string();
        assert!(error.contains("wss://a.example:443 twice") && !error.contains("two"), "{error}");
    }

    #[test]
    fn one_host_with_several_names_is_one_node() {
        for other in [
            "localhost",
            "LOCALHOST.",
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "a.localhost",
            "127.1",
        ] {
            let twice = settings(&["http://127.0.0.1:8545", &format!("ws://{other}:8545")]);
            assert!(matches!(twice.check(), Err(SettingsError::SameNode { .. })), "{other}");
        }
        assert_eq!(
            settings(&["http://127.0.0.1:8545", "http://localhost:8546", "http://127.0.0.2:8545"]).check(),
            Ok(())
        );
    }

    #[test]
    fn a_quorum_fits_its_endpoints() {
        let mut three = settings(&["http://a.example", "http://b.example", "http://c.example"]);
        assert_eq!(three.check(), Ok(()));
        three.quorum = Quorum::majority(1);
        assert!(matches!(three.check(), Err(SettingsError::Quorum { .. })));
    }

    #[test]
    fn zeros_are_refused_by_the_name_of_their_key() {
        let mut zero = settings(&["http://a.example"]);
        zero.max_log_range = 0;
        assert_eq!(
            zero.check().unwrap_err().to_string(),
            "chain main has max_log_range = 0; set it to more than zero"
        );
    }
}
