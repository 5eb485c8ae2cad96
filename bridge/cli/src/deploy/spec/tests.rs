use super::testing::{EXAMPLE, load};
use super::*;
use polyspan_chain::{
    SLOT_GAS, default_gas_cap, default_greatest_gas_cap, default_item_bound, least_gas_cap,
};

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
    let caps: Vec<_> = spec.pairs.iter().map(|pair| (pair.gas_cap, pair.item_bound)).collect();
    assert_eq!(caps, [(None, None), (Some(150_000), None), (None, Some(512)), (None, Some(16))]);
    let default = |kind, bound| default_gas_cap(kind, bound, SLOT_GAS);
    let told = format!(
        "Default: {} for native, {} for erc20, {} for\n# an erc721 with item_bound = 512, {} for an erc1155 with item_bound = 16;",
        default(Kind::Native, 0),
        default(Kind::Erc20, 0),
        default(Kind::Erc721, 512),
        default(Kind::Erc1155, 16)
    );
    assert!(EXAMPLE.contains(&told), "{told}");
    let (plain, one, two) =
        (least_gas_cap(Kind::Erc721, 0), least_gas_cap(Kind::Erc721, 32), least_gas_cap(Kind::Erc721, 64));
    let word = two - one;
    let least = format!(
        "(erc721: from {plain}, and with URIs from {} plus\n# {word} for each 32 bytes of item_bound;",
        one - word
    );
    assert!(EXAMPLE.contains(&least), "{least}");
    let (one, two) = (least_gas_cap(Kind::Erc1155, 1), least_gas_cap(Kind::Erc1155, 2));
    let least = format!("erc1155: from {} plus {} for each id of item_bound).", 2 * one - two, two - one);
    assert!(EXAMPLE.contains(&least), "{least}");
    let greatest = default_greatest_gas_cap(SLOT_GAS);
    assert!(EXAMPLE.contains(&format!("Default: {greatest} where a new storage slot")));
    assert!(EXAMPLE.contains(&format!("# greatest_gas_cap = {greatest}\n")));
    assert!(EXAMPLE.contains("# defer_calls = false\n") && EXAMPLE.contains("# chain_limits = \"gas\"\n"));
    let bound = |kind| default_item_bound(kind, greatest, SLOT_GAS);
    assert_eq!((bound(Kind::Erc721), bound(Kind::Erc1155)), (512, 16));
    assert!(EXAMPLE.contains("Default: \"2days\"\ngovernance_delay = \"2days\""));
    assert!(EXAMPLE.contains("Default: 50400, a week of 12-second blocks.\nrefund_delay = 50400"));
    let implied = [
        "gas_cap = 150000\n",
        "development = false\n",
        "governance_delay = \"2days\"\n",
        "refund_delay = 50400\n",
        "finality = \"finalized\"\n",
    ]
    .iter()
    .fold(EXAMPLE.to_owned(), |text, line| text.replace(line, ""));
    let implied = load(&implied).unwrap();
    assert!(!implied.development);
    assert_eq!(implied.main.finality.to_string(), "finalized");
    assert_eq!(implied.pairs[1].gas_cap, None);
    assert_eq!((implied.governance_delay, implied.governance_delay), (spec.governance_delay, 172_800));
    assert_eq!((implied.main.refund_delay, spec.main.refund_delay), (50_400, 50_400));
    assert_eq!(implied.service.refund_delay, 50_400);
    assert_eq!((spec.service.fee_receiver, spec.main.fee_receiver.is_zero()), (Address::ZERO, false));
    assert!(implied.salt.is_none(), "a salt is random");
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
    assert_one_problem(
        "\nitem_bound = 16",
        "\nitem_bound = 17",
        "pair[3].item_bound: 17 is out of range; use 1 to 16",
    );
    assert_one_problem(
        "gas_cap = 150000",
        "item_bound = 1",
        "pair[1].item_bound: an erc20 pair carries no items",
    );
    assert_one_problem(
        "gas_cap = 150000",
        "gas_cap = 99999",
        "pair[1].gas_cap: 99999 is out of range; use 100000",
    );
    assert_one_problem(
        "refund_delay = 50400",
        "greatest_gas_cap = 99999",
        "main.greatest_gas_cap: 99999 is out of range; use 100000 to 15000000",
    );
    assert_one_problem("finality = \"finalized\"", "finality = \"final\"", "main.finality");
    assert_one_problem(
        "refund_delay = 50400",
        "chain_limits = \"ether\"",
        "main.chain_limits: `ether` names no limits; use \"kaia\" or \"gas\"",
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
fn more_members_than_a_bridge_takes_are_refused() {
    let with = |operators: usize| {
        let members = (1..=operators).map(|number| format!("\"0x{number:040x}\"")).collect::<Vec<_>>();
        let (start, end) = (EXAMPLE.find("operators = [").unwrap(), EXAMPLE.find("threshold = 3").unwrap());
        let own = format!("operators = [{}]\n", members.join(", "));
        let text = EXAMPLE[..start].to_owned() + &own + &EXAMPLE[end..];
        load(&text.replacen("threshold = 3", &format!("threshold = {operators}"), 1))
    };
    assert!(with(MAX_MEMBERS).is_ok(), "{:?}", with(MAX_MEMBERS).err());
    let error = with(MAX_MEMBERS + 1).unwrap_err().to_string();
    assert!(error.contains("main.operators: 65 members are more than the 64"), "{error}");
}

#[test]
fn parts_are_named_all_or_not_at_all() {
    let spec = load(EXAMPLE).unwrap();
    assert_eq!((spec.main.parts, spec.service.parts), (None, None));
    let address = |byte: u8| Address::repeat_byte(byte).to_string();
    let parts = |views: &str| {
        let line = format!(
            "chain_id = 31001\nparts = {{ collectibles = \"{}\", endings = \"{}\", governance = \"{}\"{views} }}",
            address(1),
            address(2),
            address(3)
        );
        load(&EXAMPLE.replacen("chain_id = 31001", &line, 1))
    };
    let spec = parts(&format!(", views = \"{}\"", address(4))).unwrap();
    assert_eq!(spec.main.parts.unwrap().views, Address::repeat_byte(4));
    let error = parts("").unwrap_err().to_string();
    assert!(error.contains("main.parts: `views` is missing"), "{error}");
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
