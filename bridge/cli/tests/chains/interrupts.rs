//! A transfer asks before it pays, and who interrupts it does not pay twice.

use serde_json::{Value, json};

use super::network::{Network, assert_bad_input};
use super::terminal::Running;
use super::{TO, transfer, user_key};

const LANE: &str = "kr/main-to-service";

/// The account's pending transactions and those in blocks.
async fn nonce(network: &Network) -> Value {
    let user = polyspan_chain::testing::development_key(super::USER).address();
    network.main.rpc("eth_getTransactionCount", json!([user, "pending"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_shows_what_moves_asks_and_survives_an_interrupt() {
    let network = Network::start().await;
    network.deploy();
    let key = user_key();
    let with_yes = transfer(&["native", "--amount", "1.5"], LANE, TO, &key);
    let asking: Vec<_> = with_yes.iter().copied().filter(|argument| *argument != "--yes").collect();
    let before = nonce(&network).await;

    // Without a terminal nobody can be asked.
    let refused = network.polyspan(&asking);
    assert_bad_input(&refused, &["1.5 of the native currency", "cannot ask without a terminal", "--yes"]);
    let shown = super::text(&refused.stderr);
    for words in ["fee         none", "on chain service", "time        about "] {
        assert!(shown.contains(words), "`{words}` in {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");

    // A no sends nothing.
    let mut no = Running::at_terminal(network.command(&asking));
    no.writes(&no.stderr, "Send it? [y/N]").await;
    no.type_line("n");
    assert_eq!(no.ended().await.code(), Some(2));
    no.writes(&no.stderr, "nothing was sent").await;
    assert_eq!(nonce(&network).await, before);

    // A yes sends it. The chain makes no block, so that it stays on its way.
    network.main.rpc("evm_setAutomine", json!([false])).await;
    let mut sent = Running::at_terminal(network.command(&asking));
    sent.writes(&sent.stderr, "Send it? [y/N]").await;
    sent.type_line("y");
    let stdout = sent.writes(&sent.stdout, "\n").await;
    let hash = stdout.trim().strip_prefix("request transaction: ").unwrap().to_owned();
    let pending = network.main.rpc("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&pending["hash"], &pending["blockNumber"]), (&json!(hash), &Value::Null));
    sent.writes(&sent.stderr, "waits for a block of chain main").await;
    sent.interrupt();
    assert_eq!(sent.ended().await.code(), Some(130));
    sent.writes(&sent.stderr, "do not send it again").await;
    sent.writes(&sent.stderr, &format!("polyspan explain {hash}")).await;

    // What the message names shows where it is.
    let explained = network.polyspan(&["explain", &hash]);
    let shown = super::text(&explained.stdout);
    assert_eq!(explained.status.code(), Some(3), "{shown}");
    assert!(
        shown.contains("waits for a block of chain main") && shown.contains("Do not send it again"),
        "{shown}"
    );
    let unknown = network.polyspan(&["explain", &format!("0x{}", "7".repeat(64)), "--json"]);
    let told: Value = serde_json::from_str(&super::text(&unknown.stdout)).unwrap();
    assert_eq!((unknown.status.code(), &told["state"]), (Some(3), &json!("unknown")), "{told}");

    // The same again is the same account nonce: no second payment can come of it.
    let mut again = Running::piped(network.command(&[&with_yes[..], &["--json"]].concat()));
    again.writes(&again.stderr, &format!("request transaction: {hash}")).await;
    again.interrupt();
    assert_eq!(again.ended().await.code(), Some(130));
    let told: Value = serde_json::from_str(&again.stdout.text()).unwrap();
    assert_eq!(
        (&told["state"], &told["request_transaction"]),
        (&json!("interrupted"), &json!(hash)),
        "{told}"
    );
    assert!(!again.stderr.text().contains('\u{1b}'), "{}", again.stderr.text());

    // Another transfer has the same account nonce: the chain refuses it, and the message names the cure.
    let other = transfer(&["native", "--amount", "2.5"], LANE, TO, &key);
    let refused = network.polyspan(&other);
    let said = super::text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for words in ["wants a higher price for gas", "--max-fee", "only one of the two is ever executed"] {
        assert!(said.contains(words), "`{words}` in {said}");
    }
    let cheap = network.polyspan(&[&other[..], &["--max-fee", "0.000000001"]].concat());
    assert_bad_input(&cheap, &["gas costs ", "more than --max-fee allows (0.000000001 gwei)"]);
    let mut instead = Running::piped(network.command(&[&other[..], &["--max-fee", "500"]].concat()));
    let stdout = instead.writes(&instead.stdout, "\n").await;
    let hash = stdout.trim().strip_prefix("request transaction: ").unwrap().to_owned();
    instead.interrupt();
    assert_eq!(instead.ended().await.code(), Some(130));

    network.main.mine(1).await;
    network.main.rpc("evm_setAutomine", json!([true])).await;
    let status: Value = serde_json::from_str(&network.told_blind(&["status", "--json"])).unwrap();
    assert_eq!(status["lanes"][0]["requested"], 1, "{status}");

    let explained = network.told_blind(&["explain", &hash]);
    assert!(explained.contains("kr/main-to-service:0 is final.") && explained.contains(&hash), "{explained}");

    // In a block, and waiting for its payment: the transfer is named.
    let mut waiting = Running::piped(network.command(&[&with_yes[..], &["--wait"]].concat()));
    waiting.writes(&waiting.stdout, "transfer: kr/main-to-service:1").await;
    waiting.writes(&waiting.stderr, "requested → ").await;
    waiting.interrupt();
    assert_eq!(waiting.ended().await.code(), Some(130));
    waiting.writes(&waiting.stderr, "follow it with `polyspan explain kr/main-to-service:1`").await;
}
