//! What people read fits their terminal, and is coloured there and nowhere else.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::holds::{BACK, FORTH, HELD, held, send};
use super::network::{ATTESTER, Network, text};
use super::terminal::shown_at;
use super::{TO, transfer, user_key};

const COLUMNS: u16 = 80;
const RED: &str = "\u{1b}[38;5;9m";

/// Text without colours. What moves the cursor ends a line.
fn bare(text: &str) -> String {
    let text = text.replace('\r', "\n");
    let mut parts = text.split('\u{1b}');
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        bare.push_str(if part[end..].starts_with('m') { "" } else { "\n" });
        bare.push_str(part.get(end + 1..).unwrap_or_default());
    }
    bare
}

/// Each line fits. One that is a single word, such as a hash, a URL or a path, or a single command, may be longer: broken, it is of
/// no use.
#[track_caller]
fn assert_fits(what: &str, text: &str, columns: u16) {
    let is_command = |line: &str| line.starts_with("`polyspan ") && line.matches('`').count() == 2;
    let too_long = |line: &&str| {
        let is_one = line.split_whitespace().count() == 1 || is_command(line.trim());
        line.trim_end().chars().count() > usize::from(columns) && !is_one
    };
    let text = bare(text);
    let long: Vec<_> = text.lines().filter(too_long).collect();
    assert!(long.is_empty(), "{what}: {long:#?} in:\n{text}");
}

/// The program, as in a shell that exports nothing about the terminal.
fn command(network: &Network, arguments: &[&str]) -> Command {
    let mut command = network.command(arguments);
    command.env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_read_fits_eighty_columns() {
    let (network, relay) = held().await;
    let paid = send(&network, "1", BACK);
    assert!(paid.contains("paid to"), "{paid}");
    let key = user_key();
    let asking = transfer(&["erc20", "--token", "KRT", "--amount", "1.5"], FORTH, TO, &key);
    let asking: Vec<_> = asking.into_iter().filter(|argument| *argument != "--yes").collect();
    let relay_config = ["--config", "relay.toml"];
    let own = |what: &[&'static str]| [what, &relay_config[..]].concat();
    let commands: Vec<Vec<&str>> = vec![
        vec!["status"],
        own(&["status"]),
        vec!["explain", HELD],
        own(&["explain", HELD]),
        own(&["explain", "kr/service-to-main:0"]),
        vec!["transfers"],
        vec!["transfers", "--to", TO],
        vec!["recovery", "plan"],
        own(&["recovery", "plan"]),
        own(&["recovery", "status"]),
        own(&["doctor"]),
        own(&["config", "check"]),
        own(&["keys", "check"]),
        own(&["store", "show"]),
        vec!["releases"],
        vec!["verify"],
        vec!["governance", "list"],
        vec!["refund", "prepare", HELD, "--out", "refund.toml"],
        vec!["release", HELD, "--key", "key-5.json", "--passphrase-file", "pass"],
        asking,
    ];
    let show = |network: &Network, commands: &[Vec<&str>]| {
        for arguments in commands {
            let (status, told) = shown_at(COLUMNS, command(network, arguments), "n\n");
            assert!(matches!(status.code(), Some(0..=3)), "{arguments:?}: {told}");
            assert!(told.lines().count() > 1 || told.len() > 20, "{arguments:?}: {told}");
            assert!(!told.contains("unexpected argument") && !told.contains("panicked"), "{told}");
            assert_fits(&format!("{arguments:?}"), &told, COLUMNS);
        }
    };
    show(&network, &commands);
    // With trouble to tell of: a relay that is gone, a pause, an endpoint that is silent.
    drop(relay);
    send_nothing(&network);
    assert!(network.polyspan(&own(&["pause", "--yes"])).status.success());
    let silent = fs::read_to_string(network.path("relay.toml")).unwrap();
    let silent = silent.replace(&network.service.ws_url().to_string(), "http://127.0.0.1:1");
    fs::write(network.path("silent.toml"), silent).unwrap();
    let blind: Vec<Vec<&str>> = ["status", "doctor", "transfers"]
        .map(|what| vec![what, "--config", "silent.toml"])
        .into_iter()
        .chain([vec!["explain", HELD, "--config", "silent.toml"]])
        .chain([vec!["recovery", "plan", "--config", "silent.toml"]])
        .collect();
    let readers = commands.iter().filter(|command| command.first() != Some(&"refund"));
    show(&network, &readers.cloned().collect::<Vec<_>>());
    show(&network, &blind);

    // The terminal tells its width, COLUMNS goes before that, and one that tells nothing has 80.
    let explain = ["explain", "kr/service-to-main:0"];
    let (_, narrow) = shown_at(50, command(&network, &explain), "");
    assert_fits("50 columns", &narrow, 50);
    let mut named = command(&network, &explain);
    named.env("COLUMNS", "60");
    let (_, named) = shown_at(COLUMNS, named, "");
    assert_fits("COLUMNS=60", &named, 60);
    let (_, unknown) = shown_at(0, command(&network, &explain), "");
    assert_fits("an unknown width", &unknown, COLUMNS);
    assert!(unknown.lines().any(|line| line.chars().count() > 60), "{unknown}");
    // A line is one in a pipe, where it may be searched.
    let piped = text(&command(&network, &explain).output().unwrap().stdout);
    assert!(piped.lines().any(|line| line.chars().count() > 100), "{piped}");
    assert_eq!(
        bare(&narrow).split_whitespace().collect::<Vec<_>>(),
        piped.split_whitespace().collect::<Vec<_>>()
    );
}

/// Something that waits, and a relay's config.
fn send_nothing(network: &Network) {
    let key = user_key();
    let sent = network.polyspan(&transfer(&["native", "--amount", "1"], FORTH, TO, &key));
    assert!(sent.status.success(), "{}", text(&sent.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bad_is_red_in_a_terminal_and_plain_in_a_pipe() {
    let network = Network::start().await;
    network.deploy();
    fs::write(network.path("relay.toml"), network.relay_config(ATTESTER)).unwrap();
    assert!(!shown_at(COLUMNS, command(&network, &["status"]), "").1.contains(RED), "nothing is wrong");
    assert!(network.polyspan(&["pause", "--yes", "--config", "relay.toml"]).status.success());
    let (_, shown) = shown_at(COLUMNS, command(&network, &["status"]), "");
    assert!(shown.contains(&format!("{RED}PAUSED")), "{shown:?}");
    let never = command(&network, &["status", "--color", "never"]);
    let mut without = command(&network, &["status"]);
    without.env("NO_COLOR", "1");
    for plain in [never, without] {
        let (_, shown) = shown_at(COLUMNS, plain, "");
        assert!(shown.contains("PAUSED") && !shown.contains('\u{1b}'), "{shown:?}");
    }
    let piped = |arguments: &[&str]| text(&command(&network, arguments).output().unwrap().stdout);
    let automatic = piped(&["status"]);
    assert!(automatic.contains("PAUSED") && !automatic.contains('\u{1b}'), "{automatic:?}");
    assert!(piped(&["status", "--color", "always"]).contains(&format!("{RED}PAUSED")));
    let (_, object) = shown_at(COLUMNS, command(&network, &["status", "--json"]), "");
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["lanes"][0]["paused"], json!(true), "no colours and no breaks in JSON");
}

/// The help of a command and of all below it, at a terminal.
fn assert_help_fits(words: &[String]) -> usize {
    let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let mut command = super::network::command_in(std::env::temp_dir().as_path(), &arguments);
    command.env_remove("COLUMNS");
    let (status, help) = shown_at(COLUMNS, command, "");
    assert!(status.success(), "{help}");
    assert_fits(&arguments.join(" "), &help, COLUMNS);
    let help = bare(&help);
    let below = help.split_once("\nCommands:\n").map_or("", |(_, below)| below);
    let names = below.lines().take_while(|line| line.starts_with("  "));
    let names =
        names.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help");
    1 + names.map(|name| assert_help_fits(&[words, &[name.to_owned()]].concat())).sum::<usize>()
}

#[test]
fn the_help_of_every_command_fits_eighty_columns() {
    assert!(assert_help_fits(&[]) > 60, "all commands are found");
}
