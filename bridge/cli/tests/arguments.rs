//! Bad input gets one clear message and exit code 2, without any chain.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use polyspan_types::testing::{assert_own_words, wrong_values};
use tempfile::TempDir;

fn polyspan(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_polyspan")).current_dir(folder).args(arguments).output().unwrap()
}

fn private(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Fails with 2 and these words on standard error.
#[track_caller]
fn assert_bad_input(output: &Output, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    for word in words {
        assert!(error.contains(word), "`{word}` in: {error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn a_wrong_signer_is_refused_without_showing_what_was_given() {
    let folder = TempDir::new().unwrap();
    for signer in
        ["web3signer:https://user:pa55word@signer#0x00000000000000000000000000000000000000aa", "pa55word"]
    {
        let output = polyspan(folder.path(), &["keys", "show", "--signer", signer]);
        assert_bad_input(&output, &["--signer"]);
        let all = [output.stdout, output.stderr].concat();
        assert!(!text(&all).contains("pa55word"), "{}", text(&all));
    }
}

#[test]
fn a_missing_config_is_named_by_every_command_that_needs_one() {
    let folder = TempDir::new().unwrap();
    private(folder.path(), "pass", "secret\n");
    let block = format!("0x{}", "1".repeat(64));
    let commands: [&[&str]; 8] = [
        &["relay"],
        &["status"],
        &["explain", "kr/main-to-service:1"],
        &["config", "check", "--offline"],
        &["attest", "adopt", "--until", "5"],
        &["store", "repair"],
        &["pause", "--dry-run"],
        &["lane", "resume", "--lane", "kr/main-to-service", "--accept", &block],
    ];
    for arguments in commands {
        assert_bad_input(
            &polyspan(folder.path(), arguments),
            &["polyspan.toml has 1 problem", "--config FILE"],
        );
    }
}

#[test]
fn arguments_that_name_nothing_are_refused() {
    let folder = TempDir::new().unwrap();
    let go = |arguments: &[&str]| polyspan(folder.path(), arguments);
    assert_bad_input(&go(&["explain", "kr:42"]), &["is not a lane", "BRIDGE/main-to-service"]);
    assert_bad_input(&go(&["explain", "kr/main-to-service"]), &["is not a transfer"]);
    let transfer = ["transfer", "native", "--amount", "1", "--key", "k", "--lane"];
    assert_bad_input(&go(&[&transfer[..], &["kr/up", "--to", "0x01"]].concat()), &["is not a direction"]);
    assert_bad_input(
        &go(&[&transfer[..], &["kr/main-to-service", "--to", "0x01"]].concat()),
        &["not an address"],
    );
    assert_bad_input(&go(&["transfer", "erc721", "--id", "x"]), &["--id"]);
    assert_bad_input(&go(&["teleport"]), &["teleport"]);
    // A transfer, or a step of a decision: not neither, and not both.
    let held = "kr/main-to-service:1";
    for command in ["release", "refund"] {
        assert_bad_input(&go(&[command]), &["<TRANSFER>", "--key"]);
        assert_bad_input(&go(&[command, held]), &["--key"]);
        assert_bad_input(&go(&[command, "prepare"]), &["<TRANSFER>", "--out"]);
        assert_bad_input(&go(&[command, "submit", "x.toml"]), &["--key"]);
        assert_bad_input(&go(&[command, held, "--key", "k", "sign", "x.toml"]), &["cannot be used with"]);
        let no_file = format!("give a file of `polyspan {command} prepare`");
        assert_bad_input(&go(&[command, "sign", "x.toml"]), &["x.toml: cannot read it", &no_file]);
    }
}

#[test]
fn errors_are_json_where_it_is_asked_for_and_coloured_only_where_it_is_wanted() {
    let folder = TempDir::new().unwrap();
    let commands: [&[&str]; 4] = [
        &["status", "--json"],
        &["--json", "keys", "show", "--key", "k"],
        &["explain", "kr:42", "--json"],
        &["--json"],
    ];
    for arguments in commands {
        let output = polyspan(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["exit_code"], 2, "{error}");
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert_eq!(output.stderr.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let shown = |more: &[&str]| text(&polyspan(folder.path(), &[&["status"], more].concat()).stderr);
    assert!(shown(&[]).starts_with("error: "), "no control sequences into a pipe");
    assert!(shown(&["--color", "always"]).starts_with("\u{1b}[31merror:\u{1b}[0m "));
    assert!(shown(&["--color", "never"]).starts_with("error: "));
    private(folder.path(), "pass", "secret\n");
    let made =
        polyspan(folder.path(), &["--json", "keys", "new", "--out", "k.json", "--passphrase-file", "pass"]);
    let result: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(result["address"].as_str().unwrap().starts_with("0x"), "{result}");
    assert_eq!(result["file"], "k.json", "{result}");
    // Everything that --help prints fits.
    for command in [&["--help"][..], &["transfer", "--help"], &["pause", "--help"], &["transfers", "--help"]]
    {
        let help = text(&polyspan(folder.path(), command).stdout);
        assert!(help.contains("--json") && help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn examples_completions_and_pages_are_printed() {
    let folder = TempDir::new().unwrap();
    let go = |arguments: &[&str]| {
        let output = polyspan(folder.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let trimmed = |text: &str| text.trim().to_owned();
    assert_eq!(go(&["example", "deploy"]), trimmed(include_str!("../deploy.example.toml")));
    assert_eq!(go(&["example", "relay"]), trimmed(include_str!("../../node/polyspan.example.toml")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(go(&["completions", shell]).contains("force-hold"), "{shell}");
    }
    assert!(go(&["man"]).contains(".TH polyspan 1"));
    fs::create_dir(folder.path().join("pages")).unwrap();
    go(&["man", "--out", "pages"]);
    assert!(
        fs::read_to_string(folder.path().join("pages/polyspan-transfer.1")).unwrap().contains("SYNOPSIS")
    );
    assert_bad_input(
        &polyspan(folder.path(), &["man", "--out", "nowhere"]),
        &["--out: cannot write into nowhere"],
    );
}

#[test]
fn the_config_is_found_by_its_variable_and_in_the_usual_folders() {
    let folder = TempDir::new().unwrap();
    let user = text(&polyspan(folder.path(), &["example", "user"]).stdout);
    let side = |name: &str, id: u64, byte: &str| {
        format!(
            "[{name}]\nchain = \"{name}\"\nchain_id = {id}\nbridge = \"0x{}\"\ndeployment_block = 7\n",
            byte.repeat(20)
        )
    };
    let (main, service) = (side("main", 31001, "11"), side("service", 31002, "22"));
    let deployment = format!("name = \"kr\"\nsalt = \"0x{}\"\n{main}{service}", "01".repeat(32));
    fs::write(folder.path().join("kr.deployment.toml"), deployment).unwrap();
    fs::write(folder.path().join("user.toml"), &user).unwrap();
    let check = |variable: &str, value: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_polyspan"));
        command.current_dir(folder.path()).env(variable, value).args(["config", "check", "--offline"]);
        command.output().unwrap()
    };
    // The example of a user is complete: it has chains and bridges, and no relay.
    let named = check("POLYSPAN_CONFIG", Path::new("user.toml"));
    assert!(named.status.success(), "{}", text(&named.stderr));
    let own = folder.path().join("config/polyspan");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("polyspan.toml"), "nonsense = 1\n").unwrap();
    let file = own.join("polyspan.toml").display().to_string();
    assert_bad_input(
        &check("XDG_CONFIG_HOME", &folder.path().join("config")),
        &[&file, "nonsense: unknown key"],
    );
}

#[test]
fn all_problems_of_a_config_are_told_together() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("polyspan.toml"),
        "relai = 1\n[[chain]]\nname = \"main\"\nchain_id = 1\nendpoints = []\nspeed = 3\n[[bridge]]\ndeployment = \"kr.toml\"\n",
    )
    .unwrap();
    let output = polyspan(folder.path(), &["config", "check"]);
    assert_bad_input(
        &output,
        &[
            "4 problems",
            "relai: unknown key",
            "chain[0].endpoints",
            "chain[0].speed: unknown key",
            "bridge[0].deployment",
        ],
    );
}

#[test]
fn a_key_is_made_shown_and_never_overwritten() {
    let folder = TempDir::new().unwrap();
    private(folder.path(), "pass", "secret\n");
    private(folder.path(), "wrong", "guess\n");
    let make = || polyspan(folder.path(), &["keys", "new", "--out", "key.json", "--passphrase-file", "pass"]);
    let made = make();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mode = fs::metadata(folder.path().join("key.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let show = |pass: &str| {
        polyspan(folder.path(), &["keys", "show", "--key", "key.json", "--passphrase-file", pass])
    };
    let shown = show("pass");
    assert!(text(&shown.stdout).starts_with("0x") && text(&shown.stdout).len() == 42);
    assert_eq!(text(&shown.stdout), text(&made.stdout));
    assert_bad_input(&make(), &["key.json", "not overwritten"]);
    assert_bad_input(&show("wrong"), &["wrong passphrase for key.json", "wrong"]);
    assert_bad_input(&show("nothing"), &["nothing does not exist"]);
    fs::set_permissions(folder.path().join("key.json"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_bad_input(&show("pass"), &["key.json", "chmod 600"]);
}

/// Real processes: each reads a file that is none, and says so at once.
#[test]
fn a_file_that_is_none_is_called_what_it_is() {
    let folder = TempDir::new().unwrap();
    private(folder.path(), "pass", "secret\n");
    let go = |arguments: &[&str]| polyspan(folder.path(), arguments);
    for (file, kind) in [("/dev/zero", "it is a device"), (".", "it is a directory")] {
        let key = ["--key", "k.json", "--passphrase-file", "pass"];
        for arguments in [
            &["relay", "--config", file][..],
            &["config", "check", "--config", file],
            &["deploy", "--spec", file, "--out", "o.toml"],
            &["keys", "show", "--key", file, "--passphrase-file", "pass"],
            &["keys", "new", "--out", "n.json", "--passphrase-file", file],
            &["keys", "import", "--out", "n.json", "--passphrase-file", "pass", "--private-key-file", file],
            &[&["governance", "sign", file], &key[..]].concat(),
        ] {
            let output = go(arguments);
            assert_bad_input(&output, &[kind]);
            assert!(!text(&output.stderr).contains("chmod"), "{arguments:?}");
        }
    }
    let nowhere = go(&["keys", "new", "--out", "missing/k.json", "--passphrase-file", "pass"]);
    assert_bad_input(&nowhere, &["the folder missing does not exist"]);
}

#[test]
fn no_message_is_a_parsers_own() {
    let folder = TempDir::new().unwrap();
    for config in [
        "network = ",
        "network = 5",
        "relay = 1",
        "[[chain]]\nname = true",
        "chain = 5",
        "a = 1\na = 1",
        "\u{0}",
    ] {
        fs::write(folder.path().join("polyspan.toml"), config).unwrap();
        let output = polyspan(folder.path(), &["config", "check", "--offline"]);
        assert_bad_input(&output, &["polyspan.toml has"]);
        let told = text(&output.stderr);
        for foreign in ["expected", "struct", "untagged", "invalid type", "TOML parse error"] {
            assert!(!told.contains(foreign), "{config:?}: {told}");
        }
    }
}

/// Every value of every file, and of every argument, as something that it cannot be.
#[test]
fn no_message_about_any_value_is_a_parsers_own() {
    let folder = TempDir::new().unwrap();
    private(folder.path(), "pass", "secret\n");
    let wrong = |output: &Output| {
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(!told.contains("panicked"), "{told}");
        assert_own_words(&told);
    };
    let deployment = format!(
        "name = \"kr\"\nsalt = \"0x{0}\"\n[main]\nchain = \"main\"\nchain_id = 31001\nbridge = \"{1}\"\ndeployment_block = 3\n\
         [service]\nchain = \"service\"\nchain_id = 31002\nbridge = \"{1}\"\ndeployment_block = 3\n\
         [[pair]]\nname = \"KRT\"\nkind = \"erc20\"\nmain_token = \"{1}\"\nservice_token = \"{1}\"\nmints = \"service\"\n",
        "12".repeat(32),
        "0x1000000000000000000000000000000000000001",
    );
    let user = "[[bridge]]\ndeployment = \"kr.deployment.toml\"\n".to_owned();
    for (file, right, command) in [
        (
            "polyspan.toml",
            include_str!("../../node/polyspan.example.toml"),
            &["config", "check", "--offline"][..],
        ),
        (
            "user.toml",
            include_str!("../user.example.toml"),
            &["config", "check", "--offline", "--config", "user.toml"],
        ),
        (
            "deploy.toml",
            include_str!("../deploy.example.toml"),
            &["deploy", "--spec", "deploy.toml", "--out", "o.toml"],
        ),
        ("kr.deployment.toml", &deployment, &["config", "check", "--offline", "--config", "bridge.toml"]),
    ] {
        fs::write(folder.path().join("bridge.toml"), &user).unwrap();
        for changed in wrong_values(right) {
            fs::write(folder.path().join(file), changed).unwrap();
            wrong(&polyspan(folder.path(), command));
        }
    }
    let lane = "kr/main-to-service";
    let hold = ["force-hold", "prepare", "--out", "o.toml"];
    let propose = ["governance", "propose", "--out", "o.toml"];
    let transfer = [
        "transfer",
        "erc1155",
        "--token",
        "X",
        "--key",
        "k",
        "--to",
        "0x1000000000000000000000000000000000000001",
    ];
    let pair = ["--pair", "X"];
    let arguments: [(&[&str], &[&str]); 22] = [
        (&["explain"], &[]),
        (&["transfers", "--limit"], &[]),
        (&["transfers", "--from"], &[]),
        (&["releases", "--limit"], &[]),
        (&["release", "--key", "k"], &[]),
        (&["lane", "resume", "--lane", lane, "--accept"], &[]),
        (&["lane", "resume", "--lane"], &[]),
        (&["attest", "adopt", "--until"], &[]),
        (&["pause", "--max-fee"], &[]),
        (&["pause", "--bridge"], &[]),
        (&[&hold[..], &["--lane", lane, "--nonce"]].concat(), &[]),
        (&[&transfer[..], &["--lane", lane, "--amount", "1", "--id"]].concat(), &[]),
        (&[&transfer[..], &["--lane", lane, "--amount", "1", "--id", "1", "--extra-data"]].concat(), &[]),
        (&[&transfer[..], &["--lane", lane, "--amount", "1", "--id", "1", "--timeout"]].concat(), &[]),
        (&[&propose[..], &["--nonce"]].concat(), &["unpause"]),
        (&[&propose[..], &["--valid-for"]].concat(), &["unpause"]),
        (&[&propose[..], &["set-refund-delay", "--blocks"]].concat(), &[]),
        (&[&propose[..], &["set-greatest-gas-cap", "--gas-cap"]].concat(), &[]),
        (&[&propose[..], &["set-limits"], &pair[..], &["--delay-blocks"]].concat(), &[]),
        (&[&propose[..], &["set-limits"], &pair[..], &["--fee-in-native"]].concat(), &[]),
        (&["governance", "cancel", "--out", "o.toml", "--nonce"], &[]),
        (&["governance", "list", "--blocks"], &[]),
    ];
    for (before, after) in arguments {
        for value in [
            "",
            "x",
            "-1",
            "1.5",
            "0x",
            "0xzz",
            "0x1",
            "12x",
            "5 parsecs",
            "99999999999999999999999999999999999",
        ] {
            wrong(&polyspan(folder.path(), &[before, &[value], after].concat()));
        }
    }
}

/// A wrong value is a problem where it stands, and nowhere else.
#[test]
fn one_wrong_value_is_one_problem() {
    let folder = TempDir::new().unwrap();
    let example = include_str!("../../node/polyspan.example.toml");
    let problems = |config: &str| {
        fs::write(folder.path().join("polyspan.toml"), config).unwrap();
        let output = polyspan(folder.path(), &["config", "check", "--offline"]);
        text(&output.stderr).lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = problems(example);
    for (right, wrong) in [
        ("chain_id = 31002", "chain_id = \"x\""),
        ("endpoints = [\"ws://127.0.0.1:8546\"]", "endpoints = 5"),
        ("name = \"service\"", "name = 5"),
        ("kind = \"embedded\"", "kind = \"zoo\""),
        ("directory = \"coordination\"", "directory = 5"),
        ("roles = [\"main-bridge\"]", "roles = [\"cook\"]"),
    ] {
        assert!(example.contains(right), "{right}");
        let after = problems(&example.replace(right, wrong));
        let new: Vec<_> = after.iter().filter(|problem| !before.contains(problem)).collect();
        assert_eq!(new.len(), 1, "{wrong}: {new:#?}");
    }
}

#[test]
fn a_private_key_is_imported_from_a_private_file() {
    let folder = TempDir::new().unwrap();
    private(folder.path(), "pass", "secret\n");
    // The first account of every development chain.
    private(folder.path(), "plain", "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n");
    private(folder.path(), "zero", &format!("0x{}\n", "0".repeat(64)));
    let import = |plain: &str, out: &str| {
        let arguments =
            ["keys", "import", "--passphrase-file", "pass", "--private-key-file", plain, "--out", out];
        polyspan(folder.path(), &arguments)
    };
    let imported = import("plain", "key.json");
    assert_eq!(text(&imported.stdout), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    assert_bad_input(&import("zero", "zero.json"), &["not a private key"]);
    assert_bad_input(&import("pass", "pass.json"), &["not a private key"]);
    assert!(!folder.path().join("zero.json").exists());
    fs::set_permissions(folder.path().join("plain"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_bad_input(&import("plain", "other.json"), &["plain", "chmod 600"]);
    let argument = polyspan(folder.path(), &["keys", "import", "--private-key", "0xac", "--out", "x"]);
    assert_bad_input(&argument, &["--private-key"]);
}

#[test]
fn all_problems_of_a_deploy_spec_are_told_together() {
    let folder = TempDir::new().unwrap();
    let example = include_str!("../deploy.example.toml")
        .replace("chain_id = 31002", "chain_id = 31001")
        .replacen("threshold = 3", "threshold = 2", 1)
        .replace("gas_cap = 150000", "gas_cap = 1\ngas_cup = 2")
        .replace("kind = \"erc721\"", "kind = \"erc9\"");
    fs::write(folder.path().join("spec.toml"), example).unwrap();
    let output = polyspan(folder.path(), &["deploy", "--spec", "spec.toml", "--out", "out.toml"]);
    assert_bad_input(
        &output,
        &[
            "main.threshold: threshold 2 is half of 4 members or less",
            "pair[1].gas_cap: 1 is out of range",
            "pair[1].gas_cup: unknown key",
            "pair[2].kind: `erc9`",
            "main.deployer.keystore: deployer.json does not exist",
        ],
    );
    assert!(!folder.path().join("out.toml").exists());
}

#[test]
fn a_proposal_that_is_none_is_refused_before_anything_else() {
    let folder = TempDir::new().unwrap();
    let go = |arguments: &[&str]| polyspan(folder.path(), &[&["governance"], arguments].concat());
    let key = ["--key", "k.json", "--passphrase-file", "pass"];
    assert_bad_input(&go(&["propose", "unpause"]), &["--out FILE", "--add FILE"]);
    assert_bad_input(&go(&["propose", "--out", "p.toml", "unpause"]), &["polyspan.toml has 1 problem"]);
    assert_bad_input(&go(&["propose", "--out", "p.toml", "lock-pair"]), &["--pair <PAIR|ADDR>"]);
    assert_bad_input(&go(&[&["sign", "p.toml"], &key[..]].concat()), &["p.toml: cannot read it"]);
    assert_bad_input(&go(&[&["execute"], &key[..]].concat()), &["<FILE>"]);
    assert_bad_input(&go(&["cancel", "--out", "c.toml"]), &["FILE"]);
    fs::write(folder.path().join("p.toml"), "version = 7\n").unwrap();
    assert_bad_input(
        &go(&[&["sign", "p.toml"], &key[..]].concat()),
        &["version 7 of the file is not known here"],
    );
    fs::write(folder.path().join("p.toml"), "name = 'no proposal'\n").unwrap();
    assert_bad_input(
        &go(&[&["execute", "p.toml"], &key[..]].concat()),
        &["p.toml: no proposal", "governance propose"],
    );
    let secret = ["list", "--main-rpc", "ftp://user:secret@host", "--main-bridge"];
    let output = go(&[&secret[..], &["31001:0x1000000000000000000000000000000000000001"]].concat());
    assert_bad_input(&output, &["--main-rpc: not the URL of an RPC endpoint"]);
    assert!(!text(&output.stderr).contains("secret"));
    let lonely = go(&["list", "--main-rpc", "http://127.0.0.1:1"]);
    assert_bad_input(&lonely, &["--main-rpc: give the contract too"]);
    assert_bad_input(&go(&["list", "--main-rpc", "x", "--main-bridge", "31001"]), &["write it as 31001:0x"]);
}
