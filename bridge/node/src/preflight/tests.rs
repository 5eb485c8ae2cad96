use std::net::TcpListener;
use std::time::Duration;

use polyspan_chain::Quorum;
use polyspan_chain::testing::{Reply, ScriptedServer};
use polyspan_types::{ChainId, Finality};

use super::*;
use crate::config::{ChainEntry, CoordinationEntry, EtcdEntry, MeetingPlace, Network};

/// A chain behind a port on which nobody listens.
fn config() -> Config {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let chain = ChainEntry {
        name: "main".to_owned(),
        chain_id: ChainId::new(31001),
        endpoints: vec![format!("http://127.0.0.1:{port}").parse().unwrap()],
        quorum: Quorum::majority(1),
        own_node: true,
        finality: "depth 0".parse::<Finality>().unwrap(),
        poll_interval: Duration::from_millis(50),
        request_timeout: Duration::from_secs(2),
        max_log_range: 100,
        max_fee_per_gas: 1,
        min_priority_fee: 0,
        replace_after: 6,
        takeover_after: 3,
    };
    Config {
        file: "polyspan.toml".into(),
        network: Network::Production,
        chains: vec![chain],
        bridges: Vec::new(),
        coordination: None,
        relay: None,
        recovery: Default::default(),
    }
}

#[tokio::test]
async fn one_endpoint_of_another_chain_stops_no_relay_and_two_do() {
    let chain_id =
        |id: u64| move |_: &str, _: &serde_json::Value| Reply::Result(serde_json::json!(format!("{id:#x}")));
    let servers = [
        ScriptedServer::start(chain_id(31001)).await,
        ScriptedServer::start(chain_id(31001)).await,
        ScriptedServer::start(chain_id(5)).await,
    ];
    let mut config = config();
    config.chains[0].endpoints = servers.iter().map(ScriptedServer::url).collect();
    config.chains[0].quorum = Quorum::majority(3);
    for (mode, severity) in [(Mode::Start, Severity::Warning), (Mode::Check, Severity::Problem)] {
        let findings = check(&config, mode).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(
            (findings[0].severity, findings[0].thing.as_str()),
            (severity, "chain main: endpoints[2]")
        );
    }
    servers[1].set(chain_id(5));
    let findings = check(&config, Mode::Start).await;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Problem), "{findings:?}");
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

/// A relay's config is not needed: reaching etcd is looked at for everybody.
fn with_etcd(url: &str) -> Config {
    let etcd = EtcdEntry {
        endpoints: vec![url.parse().unwrap()],
        prefix: "/polyspan/relays".to_owned(),
        tls: None,
        login: None,
    };
    let coordination = CoordinationEntry { place: MeetingPlace::Etcd(etcd), lease: Duration::from_secs(3) };
    Config { chains: Vec::new(), coordination: Some(coordination), ..config() }
}

#[tokio::test]
async fn an_etcd_that_does_not_answer_is_a_warning_for_a_person_and_nothing_at_a_start() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = with_etcd(&format!("http://127.0.0.1:{port}"));
    assert_eq!(check(&config, Mode::Start).await, Vec::new());
    let findings = check(&config, Mode::Check).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].severity, findings[0].thing.as_str()), (Severity::Warning, "coordination"));
    assert!(findings[0].message.contains("etcd cannot be reached"), "{}", findings[0]);
}

#[test]
fn an_etcd_that_is_open_to_all_is_warned_of_unless_it_is_on_this_host() {
    for (url, warnings) in
        [("http://10.0.0.1:2379", 2), ("http://127.0.0.1:2379", 0), ("http://localhost:2379", 0)]
    {
        let MeetingPlace::Etcd(etcd) = with_etcd(url).coordination.unwrap().place else { panic!("etcd") };
        let findings = coordination::etcd_findings(&etcd);
        let warned = findings.iter().filter(|finding| finding.severity == Severity::Warning);
        assert_eq!(warned.count(), warnings, "{findings:?}");
        assert!(findings.iter().any(|finding| finding.message.contains("three or more")), "{findings:?}");
    }
}
