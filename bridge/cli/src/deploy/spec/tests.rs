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
    assert_eq!(caps, [100_000, 150_000, 300_000]);
    assert!(
        EXAMPLE
            .contains("# Default: 100000 for native, 150000 for erc20, 300000 for erc721\ngas_cap = 150000")
    );
    let implied =
        load(&EXAMPLE.replace("gas_cap = 150000\n", "").replace("development = false\n", "")).unwrap();
    assert!(!implied.development);
    assert_eq!(implied.pairs[1].gas_cap, 150_000);
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
    let one_key = EXAMPLE.replacen(
        "    { keystore = \"governor-2.json\", passphrase_file = \"governor-2.pass\" },\n",
        "",
        1,
    );
    let error = load(&one_key).unwrap_err().to_string();
    assert!(error.contains("main.governor_keys: 1 keys cannot reach the governor_threshold of 2"), "{error}");
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
