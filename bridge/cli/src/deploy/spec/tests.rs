use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const EXAMPLE: &str = include_str!("../../../deploy.example.toml");

fn load(text: &str) -> Result<DeploySpec, ConfigErrors> {
    let folder = TempDir::new().unwrap();
    for name in ["deployer.json", "deployer.pass"].into_iter().chain([
        "governor-1.json",
        "governor-1.pass",
        "governor-2.json",
        "governor-2.pass",
    ]) {
        fs::write(folder.path().join(name), "x").unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let file = folder.path().join("spec.toml");
    fs::write(&file, text).unwrap();
    DeploySpec::load(&file)
}

#[track_caller]
fn assert_one_problem(from: &str, to: &str, expected: &str) {
    assert!(EXAMPLE.contains(from), "the example has `{from}`");
    let error = load(&EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string();
    assert!(error.contains("has 1 problem:") && error.contains(expected), "{error}");
}

#[test]
fn the_example_is_valid_and_its_defaults_are_the_real_ones() {
    let spec = load(EXAMPLE).unwrap();
    assert!(!spec.development);
    let caps: Vec<_> = spec.pairs.iter().map(|pair| pair.gas_cap).collect();
    assert_eq!(caps, [100_000, 150_000, 600_000, 1_200_000]);
    let default = "# held. Default: 100000 for native, 150000 for erc20, 600000 for erc721, 1200000 for erc1155\ngas_cap = 150000";
    assert!(EXAMPLE.contains(default));
    assert!(EXAMPLE.contains("Default: \"2days\"\ngovernance_delay = \"2days\""));
    assert!(EXAMPLE.contains("Default: 50400, a week of 12-second blocks.\nrefund_delay = 50400"));
    let implied = [
        "gas_cap = 150000\n",
        "development = false\n",
        "governance_delay = \"2days\"\n",
        "refund_delay = 50400\n",
    ]
    .iter()
    .fold(EXAMPLE.to_owned(), |text, line| text.replace(line, ""));
    let implied = load(&implied).unwrap();
    assert!(!implied.development);
    assert_eq!(implied.pairs[1].gas_cap, 150_000);
    assert_eq!((implied.governance_delay, implied.governance_delay), (spec.governance_delay, 172_800));
    assert_eq!((implied.main.refund_delay, spec.main.refund_delay), (50_400, 50_400));
    assert_eq!(implied.service.refund_delay, 50_400);
    assert_eq!((spec.service.fee_receiver, spec.main.fee_receiver.is_zero()), (Address::ZERO, false));
    assert_ne!(implied.salt, spec.salt, "a salt is random");
    assert!(matches!(spec.pairs[1].token(End::Service), TokenSpec::Deploy(token) if token.decimals == 18));
}

#[test]
fn what_the_contract_would_refuse_is_refused_here() {
    assert_one_problem("threshold = 3", "threshold = 5", "main.threshold: threshold 5 exceeds 4 members");
    assert_one_problem(
        "0x1000000000000000000000000000000000000002",
        "0x1000000000000000000000000000000000000001",
        "listed twice",
    );
    assert_one_problem(
        "chain_id = 31002",
        "chain_id = 31001",
        "service.chain_id: 31001 is the chain id of both sides",
    );
    assert_one_problem("name = \"KRT\"", "name = \"native\"", "pair[1].name: `native` is used twice");
    assert_one_problem(
        "seed = { main = \"1000\", service = \"1000\" }\n\n",
        "deploy = { name = \"a\", symbol = \"b\" }\n\n",
        "pair[0].deploy",
    );
    assert_one_problem(
        "decimals = 18",
        "decimalls = 18, decimals = 18",
        "pair[1].deploy.decimalls: unknown key",
    );
    assert_one_problem(
        "gas_cap = 150000",
        "seed = { service = \"1\" }",
        "pair[1].seed.service: only a side that locks",
    );
    assert_one_problem("refund_delay = 50400", "refund_delay = 0", "main.refund_delay: 0 is out of range");
    assert_one_problem(
        "governance_delay = \"2days\"",
        "governance_delay = \"59m\"",
        "governance_delay: 59m is out of range; use 1h to 30days",
    );
    assert_one_problem(
        "governance_delay = \"2days\"",
        "governance_delay = \"0s\"",
        "governance_delay: 0s is out of range",
    );
    assert_one_problem("fee = \"0.5\"", "fee = 0.5", "pair[1].main_limits.fee");
    assert_one_problem(
        "delay_blocks = 1800",
        "delay_block = 1800",
        "pair[1].service_limits.delay_block: unknown key",
    );
    assert_one_problem(
        "uri = ",
        "symbol = \"I\", uri = ",
        "pair[3].deploy.symbol: an erc1155 has a `uri` and nothing else",
    );
    assert_one_problem(
        "symbol = \"pART\"",
        "symbol = \"pART\", uri = \"x\"",
        "pair[2].deploy.uri: only an erc1155",
    );
    let one_key = EXAMPLE.replacen(
        "    { keystore = \"governor-2.json\", passphrase_file = \"governor-2.pass\" },\n",
        "",
        1,
    );
    let error = load(&one_key).unwrap_err().to_string();
    assert!(error.contains("main.governor_keys: 1 keys cannot reach the governor_threshold of 2"), "{error}");
}

#[test]
fn more_members_than_a_bridge_can_be_created_with_are_refused_with_the_cure() {
    let most = crate::deploy::creation::most_members();
    let with = |operators: usize| {
        let members = |range: std::ops::Range<usize>| {
            range.map(|number| format!("\"0x{number:040x}\"")).collect::<Vec<_>>().join(", ")
        };
        let (start, end) = (EXAMPLE.find("operators = [").unwrap(), EXAMPLE.find("threshold = 3").unwrap());
        let own = format!("operators = [{}]\n", members(1..operators + 1));
        let text = EXAMPLE[..start].to_owned() + &own + &EXAMPLE[end..];
        load(&text.replacen("threshold = 3", &format!("threshold = {operators}"), 1))
    };
    // The example has three governors.
    assert!(with(most - 3).is_ok(), "{:?}", with(most - 3).err());
    let error = with(most - 2).unwrap_err().to_string();
    assert!(error.contains("has 1 problem:") && error.contains("main.operators: "), "{error}");
    assert!(error.contains(&format!("more than the {most} with which")), "{error}");
    assert!(error.contains("add the others by governance"), "{error}");
}

#[test]
fn a_token_may_stand_for_a_native_currency() {
    let first = EXAMPLE.find("[[pair]]").unwrap();
    let second = EXAMPLE.find("[[pair]]\nname = \"KRT\"").unwrap();
    let wrapped = EXAMPLE[..first].to_owned() + &EXAMPLE[second..];
    let wrapped = wrapped
        .replace("main_token = \"0x4000000000000000000000000000000000000001\"", "main_token = \"native\"");
    let spec = load(&wrapped).unwrap();
    assert_eq!(End::ALL.map(|end| spec.pairs[0].kind_of(end)), [Kind::Native, Kind::Erc20]);
}

#[test]
fn limits_of_one_side_go_before_those_of_both() {
    let spec = load(EXAMPLE).unwrap();
    let [main, service] = End::ALL.map(|end| spec.pairs[1].limits(end).clone());
    assert_eq!((main.minimum.as_deref(), service.minimum.as_deref()), (Some("1"), Some("1")));
    assert_eq!((main.fee.as_deref(), service.fee), (Some("0.5"), None));
    assert_eq!((main.delay_blocks, service.delay_blocks), (None, Some(1_800)));
    assert_eq!(service.outflow_period, Some(Duration::from_secs(86_400)));
    assert_eq!(spec.pairs[0].limits(End::Main), &LimitWords::default());
}

#[test]
fn a_development_bridge_may_do_without_a_delay() {
    let text = EXAMPLE
        .replace("development = false", "development = true")
        .replace("delay = \"2days\"", "delay = \"0s\"");
    assert_eq!(load(&text).unwrap().governance_delay, 0);
}
