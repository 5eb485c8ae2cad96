//! Files as operators write them, right and wrong.

mod keys;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use polyspan_store::Retention;
use tempfile::TempDir;

use super::raw::{
    RawBridge, RawChain, RawConfig, RawCoordination, RawHistory, RawKey, RawRecovery, RawRelay,
    RawSubmission, RawSubmitter, RawTls,
};
use super::*;

const EXAMPLE: &str = include_str!("../../polyspan.example.toml");

const DEPLOYMENT: &str = r#"
name = "kr"
salt = "0x0101010101010101010101010101010101010101010101010101010101010101"

[main]
chain = "main"
chain_id = 31001
bridge = "0x1111111111111111111111111111111111111111"
deployment_block = 7

[service]
chain = "service"
chain_id = 31002
bridge = "0x2222222222222222222222222222222222222222"
deployment_block = 8

[[pair]]
name = "native"
kind = "native"
main_token = "0x0000000000000000000000000000000000000000"
service_token = "0x0000000000000000000000000000000000000000"
mints = "none"

[[pair]]
name = "KRT"
kind = "erc20"
main_token = "0x3333333333333333333333333333333333333333"
service_token = "0x4444444444444444444444444444444444444444"
mints = "service"
"#;

/// A folder with the files that the example names.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("kr.deployment.toml", DEPLOYMENT);
        for name in ["attester", "submitter"] {
            folder.write(&format!("{name}.json"), "{}");
            folder.write(&format!("{name}.pass"), "secret");
        }
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    fn load(&self, text: &str) -> Result<Config, ConfigErrors> {
        Config::load_with(&self.write("polyspan.toml", text), &Overrides::none())
    }

    fn load_with(&self, text: &str, overrides: Overrides) -> Result<Config, ConfigErrors> {
        Config::load_with(&self.write("polyspan.toml", text), &overrides)
    }

    /// The problems of a file that must be wrong, one per line.
    fn problems(&self, text: &str) -> Vec<String> {
        self.load(text).unwrap_err().problems.iter().map(ToString::to_string).collect()
    }
}

/// The example with one text replaced.
fn example_with(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example has `{from}`");
    EXAMPLE.replacen(from, to, 1)
}

#[track_caller]
fn assert_one_problem(text: &str, path: &str, message: &str) {
    let problems = Folder::new().problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with(&format!("{path}: ")), "{problems:#?}");
    assert!(problems[0].contains(message), "{problems:#?}");
}

#[test]
fn the_example_is_a_valid_configuration() {
    let config = Folder::new().load(EXAMPLE).unwrap();
    let relay = config.relay.as_ref().unwrap();
    assert_eq!(relay.roles.names(), ["main-bridge"]);
    assert_eq!(config.chains[1].max_fee_per_gas, 500_000_000_000);
    assert_eq!(config.lanes().len(), 2);
    let lane = config.lane(&"kr/service-to-main".parse().unwrap()).unwrap();
    assert_eq!(lane.source.chain, "service");
    assert_eq!(lane.destination.deployment_block.get(), 7);
}

#[test]
fn defaults_shown_in_the_example_are_the_real_ones() {
    let folder = Folder::new();
    let shown = folder.load(EXAMPLE).unwrap();
    let mut without = EXAMPLE.to_owned();
    let mut dropped = 0;
    let (mut default, mut next) = (None, String::new());
    for line in EXAMPLE.lines() {
        if let Some(text) = line.strip_prefix("# Default: ") {
            // The value ends at the first full stop, or blank, outside of quotation marks.
            let end = if let Some(quoted) = text.strip_prefix('"') {
                quoted.find('"').unwrap() + 2
            } else {
                text.find(['.', ' ']).unwrap_or(text.len())
            };
            default = Some(text[..end].to_owned());
        } else if !line.starts_with('#')
            && let Some((key, value)) = line.split_once(" = ")
            && let Some(default) = default.take()
        {
            // `own_node` must be set for the rest to be accepted: the example shows the value to use.
            if key == "own_node" {
                assert_eq!(default, "false");
                continue;
            }
            assert_eq!(value, default, "the example shows the default of {key}");
            next = without.replacen(&format!("\n{line}\n"), "\n", 1);
            assert_ne!(next, without);
            without.clone_from(&next);
            dropped += 1;
        }
    }
    assert!(dropped >= 13, "only {dropped} defaults found");
    let mut implied = folder.load(&next).unwrap();
    implied.file.clone_from(&shown.file);
    assert_eq!(implied, shown);
}

#[test]
fn a_history_without_bounds_is_kept_and_one_of_hours_is_refused() {
    let folder = Folder::new();
    let relay = folder.load(EXAMPLE).unwrap().relay.unwrap();
    assert_eq!(relay.history, Retention { keep: Some(100_000), max_age: None });
    let text = example_with("keep = 100000", "keep = 0");
    assert!(folder.load(&text).unwrap().relay.unwrap().history.keeps_everything());
    let days = Duration::from_secs(30 * 86_400);
    let text = example_with("max_age = \"0s\"", "max_age = \"30days\"");
    assert_eq!(folder.load(&text).unwrap().relay.unwrap().history.max_age, Some(days));
    let refused =
        folder.load(&example_with("max_age = \"0s\"", "max_age = \"12h\"")).unwrap_err().to_string();
    assert!(refused.contains("relay.history.max_age") && refused.contains("1day or more"), "{refused}");
}

#[test]
fn the_example_explains_every_key() {
    let sections = [
        RawConfig::KEYS,
        RawChain::KEYS,
        RawBridge::KEYS,
        RawCoordination::KEYS,
        RawTls::KEYS,
        RawRelay::KEYS,
        RawSubmitter::KEYS,
        RawSubmission::KEYS,
        RawKey::KEYS,
        RawHistory::KEYS,
        RawRecovery::KEYS,
    ];
    let headers =
        ["chain", "bridge", "coordination", "relay", "submitter", "submission", "history", "recovery"];
    for key in sections.into_iter().flatten().filter(|key| !headers.contains(*key) || **key == "chain") {
        let lines: Vec<_> = EXAMPLE.lines().collect();
        let explained = lines.windows(2).any(|pair| {
            pair[0].starts_with("# ")
                && (pair[1].trim_start_matches("# ").starts_with(&format!("{key} = "))
                    || pair[1].contains(&format!("{key} = \"")))
        });
        assert!(explained, "`{key}` is not explained");
    }
}

/// The example with the part for etcd in force, and a folder with its files.
fn etcd_example() -> (Folder, String) {
    let folder = Folder::new();
    for name in ["etcd-ca.pem", "etcd.pem", "etcd.key", "etcd.pass"] {
        folder.write(name, "secret");
    }
    let mut text = example_with("kind = \"embedded\"", "kind = \"etcd\"");
    text = text.replacen("directory = \"coordination\"\n", "", 1);
    for key in ["endpoints", "prefix", "tls", "user", "password_file"] {
        let commented = format!("\n# {key} = ");
        assert!(text.contains(&commented), "{key}");
        text = text.replacen(&commented, &format!("\n{key} = "), 1);
    }
    (folder, text)
}

#[test]
fn the_part_of_the_example_for_etcd_is_valid_and_shows_its_default() {
    let (folder, text) = etcd_example();
    let config = folder.load(&text).unwrap();
    let place = config.coordination.unwrap().place;
    let MeetingPlace::Etcd(etcd) = &place else { panic!("{place:?}") };
    assert_eq!(etcd.endpoints.len(), 3);
    let without = text.replacen("prefix = \"/polyspan/relays\"\n", "", 1);
    assert_eq!(folder.load(&without).unwrap().coordination.unwrap().place, place);
    let settings = etcd.settings(Duration::from_secs(3)).unwrap();
    assert_eq!(settings.endpoints[0], "https://etcd-1:2379");
    assert!(!format!("{settings:?}").contains("secret"));
}

#[test]
fn what_is_wrong_with_coordination_is_named() {
    let (folder, good) = etcd_example();
    fs::set_permissions(folder.0.path().join("etcd.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let cases = [
        ("kind = \"etcd\"", "kind = \"consul\"", "coordination.kind: `consul`"),
        ("kind = \"etcd\"", "kind = \"embedded\"", "coordination.endpoints: only for kind = \"etcd\""),
        ("kind = \"etcd\"", "kind = \"etcd\"\ndirectory = \"x\"", "coordination.directory: only for kind"),
        (
            "https://etcd-1:2379",
            "https://root:hunter2@etcd-1:2379",
            "coordination.endpoints[0]: a URL is shown",
        ),
        ("https://etcd-1:2379", "etcd-1:2379", "coordination.endpoints[0]: not the client URL"),
        (
            "https://etcd-1:2379",
            "https://etcd-2:2379",
            "coordination.endpoints[1]: https://etcd-2:2379/ is listed",
        ),
        ("https://etcd-1:2379", "http://etcd-1:2379", "coordination.endpoints: certificates are given"),
        ("prefix = \"/polyspan/relays\"", "prefix = \"relays/\"", "coordination.prefix: `relays/`"),
        ("tls = {", "tlss = {", "coordination.tls: missing, and an endpoint is https"),
        (", key = \"etcd.key\"", "", "coordination.tls.key: missing"),
        ("etcd-ca.pem", "nowhere.pem", "coordination.tls.ca: "),
        ("user = \"main-bridge-1\"", "", "coordination.user: missing"),
        ("\"etcd.pass\"", "\"nowhere\"", "coordination.password_file: "),
        ("kind = \"etcd\"", "kind = \"etcd\"", "coordination.tls.key: "),
    ];
    for (from, to, expected) in cases {
        assert!(good.contains(from), "{from}");
        let problems = folder.problems(&good.replacen(from, to, 1));
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected} in {problems:#?}");
        assert!(problems.iter().all(|problem| !problem.contains("hunter2")), "{problems:#?}");
    }
}

#[test]
fn a_users_file_needs_chains_and_bridges_only() {
    let end = EXAMPLE.find("# ---- coordination").unwrap();
    let text = EXAMPLE[..end].replace("own_node = true", "");
    let config = Folder::new().load(&text).unwrap();
    assert!(config.relay.is_none() && config.coordination.is_none());
}

#[test]
fn all_problems_are_reported_together_with_their_paths() {
    let text = EXAMPLE
        .replace("chain_id = 31001", "chain_id = \"many\"")
        .replace("finality = \"depth 0\"", "finality = \"soon\"\nfinalty = \"depth 0\"")
        .replace("tick = \"250ms\"", "tick = \"quick\"\ntack = 1")
        .replace("roles = [\"main-bridge\"]", "roles = []")
        .replace("max_transfers = 128", "max_transfers = 0\nspeed = 9");
    let problems = Folder::new().problems(&text);
    for start in [
        "chain[0].chain_id: ",
        "chain[1].finality: `soon` is not a finality rule",
        "chain[1].finalty: unknown key",
        "relay.tick: `quick` is not a duration",
        "relay.tack: unknown key",
        "relay.roles: no role is given",
        "relay.submission.max_transfers: 0 is out of range",
        "relay.submission.speed: unknown key",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(start)), "{start} in {problems:#?}");
    }
}

#[test]
fn a_missing_key_is_named_with_what_to_write() {
    assert_one_problem(
        &example_with("name = \"main-bridge-1\"\n", ""),
        "relay.name",
        "missing; name this relay",
    );
    let attester = "attester = { keystore = \"attester.json\", passphrase_file = \"attester.pass\" }";
    assert_one_problem(&example_with(attester, ""), "relay.attester", "missing; set the key");
}

#[test]
fn a_single_foreign_endpoint_is_refused_in_production_only() {
    let foreign = example_with("own_node = true", "own_node = false");
    assert_one_problem(&foreign, "chain[0].own_node", "run a node of your own");
    let devnet = foreign.replace("network = \"production\"", "network = \"devnet\"");
    Folder::new().load(&devnet).unwrap();
}

#[test]
fn values_out_of_range_are_refused() {
    assert_one_problem(&example_with("\"127.0.0.1:9101\"\n", "\"localhost\"\n"), "relay.listen", "IP:PORT");
    assert_one_problem(
        &example_with("= \"500 gwei\"", "= \"500\""),
        "chain[0].max_fee_per_gas",
        "price of gas",
    );
    assert_one_problem(
        &example_with("\"http://127.0.0.1:8545\"", "\"ftp://x\""),
        "chain[0].endpoints[0]",
        "http://",
    );
    assert_one_problem(&example_with("tick = \"250ms\"", "tick = \"2s\""), "relay.tick", "use 1s or less");
    assert_one_problem(
        &example_with("name = \"main-bridge-1\"", "name = \"../x\""),
        "relay.name",
        "not a relay name",
    );
    assert_one_problem(
        &example_with("poll_interval = \"500ms\"", "poll_interval = \"1ms\""),
        "chain[0].poll_interval",
        "10ms",
    );
    assert_one_problem(&endpoints("", ""), "chain[0].endpoints", "at least one");
    assert_one_problem(
        &example_with("replace_after = 6", "replace_after = 0"),
        "chain[0].replace_after",
        "use 1 to",
    );
    assert_one_problem(
        &example_with("takeover_after = 3", "takeover_after = 2"),
        "chain[0].takeover_after",
        "use 3 to",
    );
    assert_one_problem(
        &example_with("min_priority_fee = \"0 wei\"", "min_priority_fee = \"501 gwei\""),
        "chain[0].min_priority_fee",
        "above max_fee_per_gas",
    );
}

#[test]
fn keys_that_moved_to_the_chains_say_where() {
    for (key, value) in
        [("max_fee_per_gas", "\"1 gwei\""), ("replace_after", "\"10s\""), ("takeover_after", "\"3s\"")]
    {
        assert_one_problem(
            &example_with("[relay.submission]\n", &format!("[relay.submission]\n{key} = {value}\n")),
            &format!("relay.submission.{key}"),
            "moved: set it in the [[chain]] section",
        );
    }
}

/// The example with other endpoints of its first chain, and another quorum.
fn endpoints(urls: &str, quorum: &str) -> String {
    example_with("\"http://127.0.0.1:8545\"", urls).replacen("quorum = 1\n", quorum, 1).replacen(
        "own_node = true",
        "own_node = false",
        usize::from(urls.contains(',')),
    )
}

#[test]
fn several_endpoints_need_a_quorum_of_more_than_half_and_none_of_them_twice() {
    const THREE: &str = "\"http://a\", \"https://b/key\", \"ws://c:1\"";
    let quorum_of = |urls: &str, quorum: &str| {
        let chain = Folder::new().load(&endpoints(urls, quorum)).unwrap().chains.remove(0);
        (chain.endpoints.len(), chain.quorum.get())
    };
    assert_eq!(quorum_of(THREE, ""), (3, 2), "the smallest majority");
    assert_eq!(quorum_of(THREE, "quorum = 3\n"), (3, 3));
    assert_eq!(quorum_of("\"http://a\", \"http://b\"", ""), (2, 2));
    for (quorum, message) in [
        ("quorum = 1\n", "1 is not more than half of 3 endpoints; use 2 or more"),
        ("quorum = 0\n", "0 is not more than half"),
        ("quorum = 4\n", "4 exceeds 3 endpoints"),
    ] {
        assert_one_problem(&endpoints(THREE, quorum), "chain[0].quorum", message);
    }
    let twice = endpoints("\"http://a:80/one\", \"https://b\", \"ws://A/secret-two\"", "");
    assert_one_problem(&twice, "chain[0].endpoints[2]", "same host and port as endpoints[0]");
    assert!(!Folder::new().problems(&twice)[0].contains("secret"));
}

#[test]
fn a_quorum_of_all_endpoints_is_warned_of() {
    let warned = |urls: &str, quorum: &str| {
        let config = Folder::new().load(&endpoints(urls, quorum)).unwrap();
        let findings = crate::preflight::offline(&config);
        findings.iter().any(|finding| finding.message.contains("any one of them that is down stops signing"))
    };
    assert!(warned("\"http://a\", \"http://b\"", ""));
    assert!(!warned("\"http://a\", \"http://b\", \"http://c\"", ""));
    assert!(!warned("\"http://a\"", ""), "nobody is there beside it");
}

#[test]
fn sections_that_contradict_each_other_are_named() {
    assert_one_problem(&example_with("chain_id = 31001", "chain_id = 1"), "bridge[0].deployment", "31001");
    assert_one_problem(
        &example_with("name = \"main\"", "name = \"moon\""),
        "bridge[0].deployment",
        "there are: moon, service",
    );
    assert_one_problem(
        &example_with("chain = \"service\"", "chain = \"moon\""),
        "relay.submitter[0].chain",
        "`moon`",
    );
    let same = example_with("keystore = \"submitter.json\"", "keystore = \"attester.json\"");
    assert_one_problem(&same, "relay.submitter[0].keystore", "attester's key");
    let twice = example_with(
        "\n[coordination]\n",
        "\n[[bridge]]\ndeployment = \"kr.deployment.toml\"\n[coordination]\n",
    );
    let problems = Folder::new().problems(&twice);
    assert!(problems.iter().all(|problem| problem.starts_with("bridge[1].deployment: ")), "{problems:#?}");
}

#[test]
fn problems_of_a_deployment_carry_both_paths() {
    let folder = Folder::new();
    let wrong = DEPLOYMENT
        .replace("chain_id = 31002", "chain_id = 31001")
        .replace("kind = \"native\"", "kind = \"gold\"")
        .replace("mints = \"service\"", "mints = \"service\"\nmint = 1");
    folder.write("kr.deployment.toml", &wrong);
    let problems = folder.problems(EXAMPLE);
    assert!(problems.iter().all(|problem| problem.starts_with("bridge[0].deployment (")), "{problems:#?}");
    for part in ["service.chain_id: 31001", "pair[0].kind: `gold`", "pair[1].mint: unknown key"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part} in {problems:#?}");
    }
}

#[test]
fn a_deployment_round_trips_through_its_file() {
    let folder = Folder::new();
    let deployment = Deployment::load(&folder.0.path().join("kr.deployment.toml")).unwrap();
    let again = Deployment::load(&folder.write("again.toml", &deployment.to_toml())).unwrap();
    assert_eq!(again, deployment);
    assert_ne!(deployment.lanes()[0].bridge_id, deployment.lanes()[1].bridge_id);
}

#[test]
fn key_files_that_others_can_read_are_refused() {
    let folder = Folder::new();
    for name in ["attester.json", "submitter.pass"] {
        fs::set_permissions(folder.0.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::remove_file(folder.0.path().join("submitter.json")).unwrap();
    let problems = folder.problems(EXAMPLE);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].starts_with("relay.attester.keystore: ") && problems[0].contains("chmod 600"));
    assert!(
        problems[1].starts_with("relay.submitter[0].keystore: ") && problems[1].contains("does not exist")
    );
    assert!(problems[2].starts_with("relay.submitter[0].passphrase_file: "));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = Folder::new();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let environment = Overrides::from_variables([
        variable("POLYSPAN_RELAY_LISTEN", "127.0.0.1:1"),
        variable("POLYSPAN_RELAY_LOG_FORMAT", "json"),
        variable("HOME", "/"),
    ]);
    let relay = folder.load_with(EXAMPLE, environment.clone()).unwrap().relay.unwrap();
    assert_eq!((relay.listen.port(), relay.log_format), (1, LogFormat::Json));
    let flags = environment.with_flag("--listen", "relay.listen", Some("127.0.0.1:2".to_owned()));
    assert_eq!(folder.load_with(EXAMPLE, flags).unwrap().relay.unwrap().listen.port(), 2);
}

#[test]
fn a_wrong_override_is_named_by_its_origin() {
    let folder = Folder::new();
    let variables = [("POLYSPAN_RELAY_LISTEN", "here"), ("POLYSPAN_RELAY_LISTENN", "x")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let error = folder.load_with(EXAMPLE, Overrides::from_variables(variables)).unwrap_err().to_string();
    assert!(error.contains("2 problems"), "{error}");
    assert!(error.contains("relay.listen (from POLYSPAN_RELAY_LISTEN): `here`"), "{error}");
    assert!(error.contains("POLYSPAN_RELAY_LISTENN: unknown environment variable"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_one_problem() {
    let missing =
        Config::load_with(std::path::Path::new("/nonexistent/p.toml"), &Overrides::none()).unwrap_err();
    assert!(missing.to_string().contains("--config"), "{missing}");
    let broken = Folder::new().load("[relay\n").unwrap_err();
    assert_eq!(broken.problems.len(), 1);
    assert!(broken.to_string().contains("line 1"), "{broken}");
}

#[test]
fn a_fungible_token_may_stand_for_a_native_currency() {
    let folder = Folder::new();
    let zero = "0x0000000000000000000000000000000000000000";
    let own_native = "\n[[pair]]\nname = \"native\"\nkind = \"native\"\n";
    let start = DEPLOYMENT.find(own_native).unwrap();
    let without_native =
        DEPLOYMENT[..start].to_owned() + &DEPLOYMENT[DEPLOYMENT.rfind("\n[[pair]]").unwrap()..];
    let wrapped = without_native.replace("0x3333333333333333333333333333333333333333", zero);
    let deployment = Deployment::load(&folder.write("wrapped.toml", &wrapped)).unwrap();
    let kinds = deployment.pairs[0].kinds(polyspan_types::Direction::ServiceToMain);
    assert_eq!(kinds, (polyspan_types::Kind::Erc20, polyspan_types::Kind::Native));
    let minted = wrapped.replace("mints = \"service\"", "mints = \"main\"");
    let error = Deployment::load(&folder.write("minted.toml", &minted)).unwrap_err().to_string();
    assert!(error.contains("pair[0].mints: no bridge can mint a native currency"), "{error}");
}
