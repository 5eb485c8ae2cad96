//! From one bridge to its successor, by votes alone.

use std::fs;
use std::time::Duration;

use polyspan_chain::{At, Chain, ChainSettings, Quorum};
use polyspan_node::config::{Deployment, Side};
use polyspan_types::{ChainId, FinalTag, Finality};

use super::TO;
use super::board::{Board, DELAY, Person};
use super::network::{GOVERNOR, Network, text};

#[tokio::test(flavor = "multi_thread")]
async fn value_and_minter_move_to_the_successor() {
    let network = Network::start().await;
    let development = format!("development = true\ngovernance_delay = \"0s\"\n{}", network.spec());
    network.deploy_spec(&development);
    let load = |file: &str| Deployment::load(&network.path(file)).unwrap();
    let old = load("kr.deployment.toml");
    let minted = old.pair("KRT").unwrap().service_token;
    let successor = development
        .replace("name = \"kr\"", "name = \"kr-2\"")
        .replace("seed = { main = \"10\", service = \"10.5\" }", "")
        .replace(
            "deploy = { name = \"Polyspan KRT\", symbol = \"pKRT\", decimals = 6 }",
            &format!("service_token = \"{minted}\""),
        );
    fs::write(network.path("successor.toml"), successor).unwrap();
    network.told(&["deploy", "--spec", "successor.toml", "--out", "kr-2.deployment.toml"]);
    let new = load("kr-2.deployment.toml");
    let governor = Person::new(&network, GOVERNOR);
    fs::copy(network.path("kr-2.deployment.toml"), governor.folder.join("kr-2.deployment.toml")).unwrap();
    let config = governor.folder.join("polyspan.toml");
    let both = format!("{}[[bridge]]\ndeployment = \"kr-2.deployment.toml\"\n", network.config(""));
    fs::write(config, both).unwrap();

    governor.refused(&["list"], &["has several bridges (kr, kr-2); say which: --bridge NAME"]);
    let [main, service] = [&new.main, &new.service].map(|side| side.bridge.to_string());
    let propose = |file: &str, what: &[&str]| {
        governor.told(&[&["propose", "--bridge", "kr", "--out", file], what].concat())
    };
    let add = |file: &str, what: &[&str]| {
        governor.told(&[&["propose", "--bridge", "kr", "--add", file], what].concat())
    };
    let vote = |file: &str| {
        governor.sign(file);
        governor.assert_executes(&[file], &[], 0, &["was executed; transaction 0x"]);
    };
    governor.refused(
        &[
            "propose",
            "--bridge",
            "kr",
            "--out",
            "early.toml",
            "migrate",
            "--pair",
            "native",
            "--successor",
            &main,
        ],
        &["the counterpart's requests are not stopped"],
    );
    propose("stop.toml", &["stop-requests"]);
    vote("stop.toml");
    for (end, side) in [("main", &old.main), ("service", &old.service)] {
        let file = format!("follow-{end}.toml");
        let from = side.bridge.to_string();
        governor.told(&[
            "propose",
            "--bridge",
            "kr-2",
            "--chain",
            end,
            "--out",
            &file,
            "set-predecessor",
            "--from",
            &from,
        ]);
        vote(&file);
    }
    let told =
        propose("move.toml", &["--chain", "main", "migrate", "--pair", "native", "--successor", &main]);
    assert!(told.contains("1. move 10 of the native currency to 0x"), "{told}");
    add("move.toml", &["--chain", "service", "migrate", "--pair", "native", "--successor", &service]);
    let told =
        add("move.toml", &["--chain", "service", "hand-over", "--pair", "KRT", "--successor", &service]);
    assert!(
        told.contains("2. make 0x")
            && told.contains("once at least 0 requests of the counterpart are handled"),
        "{told}"
    );
    vote("move.toml");

    let [main, service] =
        [(&new.main, 31001), (&new.service, 31002)].map(|(side, id)| adopted(&network, side, id));
    assert_eq!(
        (main.await, service.await),
        ("10000000000000000000".to_owned(), "10500000000000000000".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minter_changes_only_once_requests_were_stopped_for_the_delay() {
    let board = Board::start().await;
    // A request is how users leave, so this waits as well.
    board.voted("stop.toml", &["stop-requests"]);
    board.sender.assert_executes(&["stop.toml"], &[], 0, &["voted; it can be executed from"]);
    board.pass(DELAY / 2).await;
    let hand_over =
        ["--chain", "service", "hand-over", "--pair", "KRT", "--successor", TO, "--inbound-nonce", "0"];
    board.voted("move.toml", &hand_over);
    board.sender.assert_executes(&["move.toml"], &[], 0, &["voted; it can be executed from"]);
    board.pass(DELAY / 2 + 2).await;
    board.sender.assert_executes(&["stop.toml"], &[], 0, &["configuration 1 was executed"]);
    // Proposed now it waits long enough by itself.
    let again = ["propose", "--out", "again.toml"];
    let proposed = board.governors[0].governance(&[&again[..], &hand_over].concat());
    assert!(
        proposed.status.success() && !text(&proposed.stderr).contains("cannot be executed"),
        "{proposed:?}"
    );

    board.pass(DELAY / 2).await;
    let early = "requests were stopped less than the governance delay ago; value moves from timestamp";
    board.sender.assert_executes(&["move.toml"], &[], 1, &[early]);
    board.pass(DELAY / 2 + 2).await;
    board.sender.assert_executes(&["move.toml"], &[], 0, &["configuration 2 was executed"]);
}

/// What the native pair of a bridge has adopted.
async fn adopted(network: &Network, side: &Side, chain_id: u64) -> String {
    let process = if side.chain == "main" { &network.main } else { &network.service };
    let chain = Chain::new(ChainSettings {
        name: side.chain.clone(),
        chain_id: ChainId::new(chain_id),
        endpoints: vec![process.http_url()],
        quorum: Quorum::majority(1),
        finality: Finality::Tag(FinalTag::Finalized),
        poll_interval: Duration::from_millis(50),
        request_timeout: Duration::from_secs(10),
        max_log_range: 1_000,
    });
    let state = chain.unwrap().bridge_state(side.bridge, At::Latest).await.unwrap();
    state.pairs.iter().find(|pair| pair.token.is_zero()).unwrap().adopted.to_string()
}
