use std::net::TcpListener;
use std::time::Duration;

use polyspan_types::{ChainId, Finality};

use super::*;
use crate::config::{ChainEntry, Network};

/// A chain behind a port on which nobody listens.
fn config() -> Config {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let chain = ChainEntry {
        name: "main".to_owned(),
        chain_id: ChainId::new(31001),
        endpoints: vec![format!("http://127.0.0.1:{port}").parse().unwrap()],
        own_node: true,
        finality: "depth 0".parse::<Finality>().unwrap(),
        poll_interval: Duration::from_millis(50),
        request_timeout: Duration::from_secs(2),
        max_log_range: 100,
    };
    Config {
        file: "polyspan.toml".into(),
        network: Network::Production,
        chains: vec![chain],
        bridges: Vec::new(),
        coordination: None,
        relay: None,
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_waited_out_by_a_relay_and_a_problem_for_a_person() {
    for (mode, severity) in [(Mode::Start, Severity::Warning), (Mode::Check, Severity::Problem)] {
        let findings = check(&config(), mode).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].severity, findings[0].thing.as_str()), (severity, "chain main"));
        assert!(findings[0].message.contains("; "), "it names a cure: {}", findings[0]);
    }
}
