//! Governors on hosts of their own, who share files and no keys.

use std::fs;

use polyspan_chain::testing::development_key;
use serde_json::{Value, json};

use super::board::{Board, GOVERNORS, Person};
use super::network::{ATTESTER, GOVERNOR, Network, USER, assert_bad_input, text};

#[tokio::test(flavor = "multi_thread")]
async fn governors_vote_on_copies_and_what_tightens_takes_effect_at_once() {
    let board = Board::start().await;
    let [first, second, third] = &board.governors;
    let told = first.told(&["propose", "--out", "lock.toml", "lock-pair", "--pair", "KRT"]);
    assert!(
        told.contains("main: configuration 1 of bridge 0x") && told.contains("service: configuration 1"),
        "{told}"
    );
    assert!(
        told.contains("refuse requests of KRT (0x") && told.contains("tightens: takes effect at once"),
        "{told}"
    );
    assert!(told.contains("signed by nobody yet; 2 more needed"), "{told}");
    first.refused(&["propose", "--out", "lock.toml", "unpause"], &["lock.toml exists already"]);

    // Each signs a copy; neither sees the other's.
    first.give("lock.toml", third, "mine.toml");
    let signed = first.sign("lock.toml");
    assert!(
        signed.contains("1. refuse requests of KRT") && signed.contains("chain main: 1 of 2"),
        "{signed}"
    );
    third.sign("mine.toml");
    first.give("lock.toml", &board.sender, "from-first.toml");
    third.give("mine.toml", &board.sender, "from-third.toml");

    let missing = development_key(GOVERNORS[1]).address().to_string();
    board.sender.assert_executes(&["from-first.toml"], &[], 1, &["1 of 2 governors have signed", &missing]);
    let both = ["from-first.toml", "from-third.toml"];
    board.sender.assert_executes(
        &both,
        &[],
        0,
        &["chain main: configuration 1 was executed; transaction 0x"],
    );
    board.sender.assert_executes(&both, &[], 0, &["chain service: configuration 1 was executed"]);
    let refused = board.network.polyspan(&[
        "transfer",
        "erc20",
        "--token",
        "KRT",
        "--amount",
        "1",
        "--lane",
        "kr/main-to-service",
        "--to",
        "0x00000000000000000000000000000000000abcde",
        "--key",
        "key-5.json",
        "--passphrase-file",
        "pass",
        "--yes",
    ]);
    assert_bad_input(&refused, &["is locked"]);
    let late =
        second.governance(&["sign", "late.toml", "--key", "key.json", "--passphrase-file", "pass", "--yes"]);
    assert_bad_input(&late, &["late.toml: cannot read it"]);
    first.give("lock.toml", second, "late.toml");
    let late = second.sign("late.toml");
    assert!(late.contains("there is nothing left to sign"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loosens_waits_in_public_and_is_executed_once() {
    let board = Board::start().await;
    let [first, second, third] = &board.governors;
    let wide = ["propose", "--out", "wide.toml"];
    first.told(&[&wide[..], &["set-limits", "--pair", "KRT", "--fee", "0.25"]].concat());
    let receiver = "0x00000000000000000000000000000000000fee00";
    let added = first.told(&[
        "propose",
        "--add",
        "wide.toml",
        "--chain",
        "main",
        "set-fee-receiver",
        "--to",
        receiver,
    ]);
    assert!(added.contains("fee 0.25 (was none)") && added.contains("2. send fees to"), "{added}");
    assert!(added.contains("loosens: waits 1h, until"), "{added}");
    first.refused(
        &["propose", "--out", "short.toml", "--valid-for", "30m", "unlock-pair", "--pair", "KRT"],
        &["--valid-for: 30m is not longer than the delay of 1h"],
    );
    first.sign("wide.toml");
    first.refused(&["propose", "--add", "wide.toml", "unpause"], &["is signed already"]);
    first.give("wide.toml", third, "wide.toml");
    third.sign("wide.toml");
    third.give("wide.toml", &board.sender, "wide.toml");
    board.sender.assert_executes(&["wide.toml"], &[], 0, &["chain main: voted; it can be executed from 20"]);
    board.sender.assert_executes(
        &["wide.toml"],
        &[],
        0,
        &["chain service: voted; it can be executed from 20"],
    );
    board.sender.assert_executes(
        &["wide.toml"],
        &["--wait", "--timeout", "1s"],
        1,
        &["voted; it can be executed"],
    );

    let list = second.list();
    let pending = &list[0]["pending"][0];
    assert_eq!(
        (&pending["configuration"], pending["calls"].as_array().map(Vec::len)),
        (&json!(1), Some(2)),
        "{list}"
    );
    assert!(pending["calls"][1].as_str().unwrap().starts_with("send fees to 0x"), "{list}");
    let shown = second.told(&["list", "--chain", "service"]);
    assert!(
        shown.contains("scheduled: configuration 1, can be executed from") && !shown.contains("main:"),
        "{shown}"
    );

    // One who waits goes on when the time has come.
    let waiting = board.sender.execution(&["wide.toml"], &["--wait", "--json"]).spawn().unwrap();
    board.pass_delay().await;
    let done = waiting.wait_with_output().unwrap();
    let reports: Value = serde_json::from_str(&text(&done.stdout)).unwrap();
    assert_eq!((&reports[0]["state"], &reports[1]["state"]), (&json!("done"), &json!("done")), "{reports}");
    board.sender.assert_executes(&["wide.toml"], &[], 0, &["configuration 1 was executed"]);
    let list = second.list();
    assert_eq!(list[0]["pending"], json!([]));
    assert_eq!(list[0]["history"][0]["what"], "executed", "{list}");
    assert_eq!(list[0]["history"][0]["calls"].as_array().map(Vec::len), Some(2), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_can_be_taken_back() {
    let board = Board::start().await;
    let [first, _, third] = &board.governors;
    board.voted("caps.toml", &["--chain", "service", "set-gas-cap", "--pair", "KRT", "--gas-cap", "200000"]);
    board.sender.assert_executes(&["caps.toml"], &[], 0, &["voted; it can be executed from"]);
    third.refused(
        &["cancel", "--nonce", "5", "--out", "back.toml"],
        &["configuration 5 is not scheduled; 1 are"],
    );
    first.give("caps.toml", third, "caps.toml");
    let told = third.told(&["cancel", "caps.toml", "--out", "back.toml"]);
    assert!(
        told.contains("service: takes back configuration 1 of bridge 0x") && !told.contains("main:"),
        "{told}"
    );
    third.sign("back.toml");
    third.give("back.toml", &board.sender, "back.toml");
    board.sender.assert_executes(&["back.toml"], &[], 1, &["1 of 2 governors have signed"]);
    third.give("back.toml", first, "back.toml");
    first.sign("back.toml");
    first.give("back.toml", &board.sender, "back.toml");
    board.sender.assert_executes(&["back.toml"], &[], 0, &["configuration 1 was cancelled; transaction 0x"]);
    board.sender.assert_executes(&["back.toml"], &[], 0, &["configuration 1 was cancelled"]);
    board.pass_delay().await;
    board.sender.assert_executes(
        &["caps.toml"],
        &[],
        1,
        &["configuration 1 was cancelled; propose the change again"],
    );
    assert_eq!(third.list()[1]["history"][0]["what"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_judged_by_its_calldata_and_by_the_bridge_of_the_signer() {
    let board = Board::start().await;
    let [first, second, _] = &board.governors;
    first.told(&["propose", "--out", "open.toml", "--chain", "main", "resume-requests"]);
    let file = first.folder.join("open.toml");
    let original = fs::read_to_string(&file).unwrap();
    // The words say something harmless; the calldata does not.
    fs::write(&file, original.replace("accept requests again", "refuse all requests")).unwrap();
    let signed = first.sign("open.toml");
    assert!(
        signed.contains("1. accept requests again") && !signed.contains("refuse all requests"),
        "{signed}"
    );

    let bridge = original.lines().find(|line| line.starts_with("bridge = \"0x")).unwrap();
    let elsewhere = original.replace(bridge, &format!("bridge = \"0x{}\"", "12".repeat(20)));
    fs::write(second.folder.join("elsewhere.toml"), elsewhere).unwrap();
    let sign = |file: &'static str| ["sign", file, "--key", "key.json", "--passphrase-file", "pass", "--yes"];
    second.refused(&sign("elsewhere.toml"), &["do not sign it"]);
    let hidden = original.replace("calldata = \"0x", "calldata = \"0xdeadbeef");
    fs::write(second.folder.join("hidden.toml"), hidden).unwrap();
    second.refused(&sign("hidden.toml"), &["is no setter that a configuration may call"]);
    first.give("open.toml", &board.sender, "open.toml");
    let user = development_key(USER).address().to_string();
    board
        .sender
        .refused(&sign("open.toml"), &["this key cannot sign it", &user, "is no governor on chain main"]);
    first.give("open.toml", second, "open.toml");
    let unasked = ["sign", "open.toml", "--key", "key.json", "--passphrase-file", "pass"];
    second.refused(&unasked, &["cannot ask without a terminal", "--yes"]);

    // Without any config and chain: the signature is as good.
    fs::remove_file(second.folder.join("polyspan.toml")).unwrap();
    second.refused(&sign("open.toml"), &["polyspan.toml has 1 problem"]);
    let offline = second.told(&[&sign("open.toml")[..], &["--offline"]].concat());
    assert!(offline.contains("1. accept requests again"), "{offline}");
    second.give("open.toml", &board.sender, "open.toml");
    let (rpc, id) = (board.network.main.http_url().to_string(), "31001:");
    fs::remove_file(board.sender.folder.join("polyspan.toml")).unwrap();
    board.sender.assert_executes(
        &["open.toml"],
        &["--main-rpc", &rpc, "--chain", "main"],
        0,
        &["voted; it can be executed"],
    );
    let address = bridge.split('"').nth(1).unwrap();
    let spot = format!("{id}{address}");
    let list = board.sender.told(&["list", "--chain", "main", "--main-rpc", &rpc, "--main-bridge", &spot]);
    assert!(list.contains("scheduled: configuration 1"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_governors_make_the_votes_of_the_former_ones_worthless() {
    let board = Board::start().await;
    let [first, second, third] = &board.governors;
    board.voted("fees.toml", &["set-fee-receiver", "--to", "0x00000000000000000000000000000000000fee00"]);
    board.sender.assert_executes(&["fees.toml"], &[], 0, &["voted"]);
    let members = GOVERNORS[1..]
        .iter()
        .map(|key| development_key(*key).address().to_string())
        .collect::<Vec<_>>()
        .join(",");
    first.told(&["propose", "--out", "stop.toml", "--nonce", "3", "stop-requests"]);
    let told = first.told(&[
        "propose",
        "--out",
        "fewer.toml",
        "set-governors",
        "--members",
        &members,
        "--threshold",
        "2",
    ]);
    assert!(told.contains("tightens: takes effect at once") && told.contains("no longer"), "{told}");
    first.sign("fewer.toml");
    first.give("fewer.toml", third, "fewer.toml");
    third.sign("fewer.toml");
    third.give("fewer.toml", &board.sender, "fewer.toml");
    first.give("stop.toml", second, "stop.toml");
    let ahead =
        second.governance(&["sign", "stop.toml", "--key", "key.json", "--passphrase-file", "pass", "--yes"]);
    assert!(text(&ahead.stderr).contains("configurations 2 to 2 come before it"), "{}", text(&ahead.stderr));
    board.sender.assert_executes(&["fewer.toml"], &[], 0, &["configuration 2 was executed"]);
    // What they had scheduled went with them.
    board.pass_delay().await;
    board.sender.assert_executes(&["fees.toml"], &[], 1, &["configuration 1 was cancelled"]);
    second.give("stop.toml", &board.sender, "stop.toml");
    board.sender.assert_executes(
        &["stop.toml"],
        &[],
        1,
        &["was proposed for the governors of epoch 1, and those of epoch 2"],
    );
    first.give("stop.toml", third, "stop.toml");
    third.refused(
        &["sign", "stop.toml", "--key", "key.json", "--passphrase-file", "pass", "--yes"],
        &["this cannot be voted on chain main"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_wait_is_what_the_contract_lets_wait() {
    let network = Network::start().await;
    network.deploy_spec(&format!("governance_delay = \"1h\"\n{}", network.spec()));
    let governor = Person::new(&network, GOVERNOR);
    let operator = development_key(ATTESTER).address();
    let same = format!("set-operators --members {operator} --threshold 1");
    let changes = [
        (false, "lock-pair --pair KRT"),
        (true, "unlock-pair --pair KRT"),
        (false, "set-limits --pair KRT --minimum 1 --maximum 50"),
        (true, "set-limits --pair KRT --maximum 50.000001"),
        (false, "set-limits --pair KRT --maximum 49 --delay-above 10 --delay-blocks 5"),
        (true, "set-limits --pair KRT --delay-above 10 --delay-blocks 4"),
        // The first bucket limits what nothing has limited before; from then on a faster leak is wider.
        (false, "set-limits --pair KRT --outflow-capacity 49 --outflow-period 1day"),
        (true, "set-limits --pair KRT --outflow-capacity 49 --outflow-period 1h"),
        (false, "set-refund-delay --blocks 60000"),
        (true, "set-refund-delay --blocks 59999"),
        (false, "set-governance-delay --delay 2h"),
        (true, "set-governance-delay --delay 1h"),
        (false, "unpause"),
        (true, "stop-requests"),
        (false, &same),
        (true, "set-operators --members 0x1000000000000000000000000000000000000001 --threshold 1"),
    ];
    for (index, (waits, change)) in changes.into_iter().enumerate() {
        let file = format!("{index}.toml");
        let words: Vec<_> = change.split(' ').collect();
        let told =
            governor.told(&[&["propose", "--json", "--chain", "main", "--out", &file], &words[..]].concat());
        let view: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(view["chains"][0]["calls"][0]["waits"], json!(waits), "{change}: {view}");
        governor.sign(&file);
        let sent = governor.execute(&[&file], &["--json"]);
        let reports: Value = serde_json::from_str(&text(&sent.stdout)).unwrap();
        assert_eq!(reports[0]["state"], json!(if waits { "waiting" } else { "done" }), "{change}: {reports}");
    }
    assert_eq!(governor.list()[0]["pending"].as_array().map(Vec::len), Some(8));
    governor.told(&[
        "propose",
        "--chain",
        "main",
        "--out",
        "full.toml",
        "set-fee-receiver",
        "--to",
        "nobody",
    ]);
    governor.refused(
        &["sign", "full.toml", "--key", "key.json", "--passphrase-file", "pass", "--yes"],
        &["8 configurations wait already"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_bridge_can_do_without_a_delay() {
    let network = Network::start().await;
    network.deploy_spec(&format!("development = true\ngovernance_delay = \"0s\"\n{}", network.spec()));
    let governor = Person::new(&network, GOVERNOR);
    let token = network.token.to_string();
    let told = governor.told(&[
        "propose",
        "--out",
        "caps.toml",
        "set-gas-cap",
        "--pair",
        &token,
        "--gas-cap",
        "200000",
    ]);
    assert!(told.contains("takes effect at once: this bridge has no delay"), "{told}");
    governor.sign("caps.toml");
    governor.assert_executes(
        &["caps.toml"],
        &[],
        0,
        &["chain service: configuration 1 was executed; transaction 0x"],
    );
    let history = &governor.list()[0]["history"][0];
    assert!(history["calls"][0].as_str().unwrap().contains("use 200000 gas"), "{history}");
    let new = "0x000000000000000000000000000000000000c0de";
    let register = [
        "register-pair",
        "--kind",
        "erc20",
        "--main-token",
        &token,
        "--service-token",
        new,
        "--mints",
        "none",
    ];
    governor.refused(
        &[&["propose", "--out", "pair.toml"], &register[..]].concat(),
        &["does not tell its decimals"],
    );
}
