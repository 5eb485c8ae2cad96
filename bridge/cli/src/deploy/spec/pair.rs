//! The `[[pair]]` sections.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use polyspan_chain::{GREATEST_GAS_CAPS, item_bounds, least_gas_cap};
use polyspan_node::config::Minter;
use polyspan_node::config::form::{Problems, Raw, join};
use polyspan_types::Kind;

use super::limits::limits;
use super::{End, NewToken, PairSpec, RawPair, RawSeed, RawToken, TokenSpec, parsed};

pub(super) fn check_all(raw: Raw<Vec<Raw<RawPair>>>, problems: &mut Problems) -> Vec<PairSpec> {
    let list = problems.or("pair", raw, Vec::new());
    let mut names = BTreeSet::new();
    let mut existing = BTreeSet::new();
    let mut pairs = Vec::new();
    for (index, raw) in list.into_iter().enumerate() {
        let path = format!("pair[{index}]");
        let Some(pair) = problems.optional(&path, raw).and_then(|raw| check(&path, raw, problems)) else {
            continue;
        };
        if !names.insert(pair.name.clone()) {
            problems.add(join(&path, "name"), format!("`{}` is used twice; rename one pair", pair.name));
        }
        for end in End::ALL {
            if let TokenSpec::Existing(token) = pair.token(end)
                && !existing.insert((end.as_str(), *token))
            {
                let key = format!("{}_token", end.as_str());
                problems.add(join(&path, &key), format!("{token} is in another pair already"));
            }
        }
        pairs.push(pair);
    }
    pairs
}

fn check(path: &str, raw: RawPair, problems: &mut Problems) -> Option<PairSpec> {
    let at = |key: &str| join(path, key);
    problems.unknown(path, &raw.unknown, RawPair::KEYS);
    let name = problems.required(&at("name"), raw.name, "name the pair for the command line");
    let kind = problems.required(&at("kind"), raw.kind, "use native, erc20, erc721 or erc1155");
    let kind = parsed::<Kind>(&at("kind"), kind, problems);
    let mints = problems.required(&at("mints"), raw.mints, "use \"main\", \"service\" or \"none\"");
    let mints = parsed::<Minter>(&at("mints"), mints, problems);
    let deploy = problems.optional(&at("deploy"), raw.deploy);
    let given = [("main_token", raw.main_token), ("service_token", raw.service_token)]
        .map(|(key, raw)| problems.optional(&at(key), raw));
    let item_bound = problems.optional(&at("item_bound"), raw.item_bound);
    let gas_cap = problems.optional(&at("gas_cap"), raw.gas_cap);
    let seed = problems.optional(&at("seed"), raw.seed);
    let limits = limits(path, [raw.limits, raw.main_limits, raw.service_limits], problems);
    let (kind, mints) = (kind?, mints?);
    let deploy = deploy
        .and_then(|raw| new_token(&at("deploy"), raw, kind, name.as_deref().unwrap_or_default(), problems));
    if deploy.is_some() && mints == Minter::None && kind != Kind::Native {
        problems.add(
            at("deploy"),
            "nobody mints this pair, so there is no token to deploy; say which side mints",
        );
    }
    let [main, service] = End::ALL.map(|end| {
        let own = deploy.clone().filter(|_| end.mints(mints));
        token(&at(&format!("{}_token", end.as_str())), given[end as usize].clone(), own, kind, problems)
    });
    let bounds = item_bounds(kind);
    if let Some(bound) = item_bound.filter(|bound| !bounds.contains(bound)) {
        let message = match bounds.end() {
            0 => format!("an {kind} pair carries no items; remove it"),
            most => format!("{bound} is out of range; use {} to {most}", bounds.start()),
        };
        problems.add(at("item_bound"), message);
    }
    // Without a bound of its own the pair gets one that its chains can pay.
    let least = least_gas_cap(kind, item_bound.unwrap_or(*bounds.start()));
    if let Some(cap) = gas_cap.filter(|cap| !(least..=*GREATEST_GAS_CAPS.end()).contains(cap)) {
        let message = format!("{cap} is out of range; use {least} to {}", GREATEST_GAS_CAPS.end());
        problems.add(at("gas_cap"), message);
    }
    let seed = seed.map_or([None, None], |raw| seeds(&at("seed"), raw, problems));
    let pair = PairSpec {
        name: name?,
        kind,
        mints,
        main: main?,
        service: service?,
        item_bound,
        gas_cap,
        seed,
        limits,
    };
    rules(path, &pair, problems);
    Some(pair)
}

/// Rules of the contract that tie the sides together.
fn rules(path: &str, pair: &PairSpec, problems: &mut Problems) {
    let natives = End::ALL.into_iter().filter(|end| pair.kind_of(*end) == Kind::Native).count();
    if pair.kind == Kind::Erc20 && natives == 2 {
        problems.add(join(path, "kind"), "both sides are native currencies; use \"native\"");
    }
    for end in End::ALL {
        let native = pair.kind_of(end) == Kind::Native;
        let by_id = matches!(pair.kind, Kind::Erc721 | Kind::Erc1155);
        if by_id && native {
            problems.add(
                join(path, "kind"),
                format!("a native currency has no ids; name an {} token", pair.kind),
            );
        }
        if native && end.mints(pair.mints) {
            problems.add(
                join(path, "mints"),
                "no bridge can mint a native currency; name the other side, or \"none\"",
            );
        }
        if pair.seed(end).is_some() && (end.mints(pair.mints) || by_id) {
            let key = format!("seed.{}", end.as_str());
            problems
                .add(join(path, &key), "only a side that locks a fungible token takes liquidity; remove it");
        }
    }
}

fn new_token(path: &str, raw: RawToken, kind: Kind, pair: &str, problems: &mut Problems) -> Option<NewToken> {
    problems.unknown(path, &raw.unknown, RawToken::KEYS);
    let mut unwanted = |key: &str, given: bool, what: &str| {
        if given {
            problems.add(join(path, key), format!("{what}; remove it"));
        }
    };
    let is_given = |raw: &Raw<String>| !matches!(raw, Raw::Missing);
    if kind == Kind::Erc1155 {
        let what = "an erc1155 has a `uri` and nothing else";
        unwanted("name", is_given(&raw.name), what);
        unwanted("symbol", is_given(&raw.symbol), what);
        unwanted("decimals", !matches!(raw.decimals, Raw::Missing), what);
        let uri =
            problems.required(&join(path, "uri"), raw.uri, "set the template of its URIs; \"\" for none");
        return Some(NewToken { name: uri?, symbol: pair.to_owned(), decimals: 0 });
    }
    unwanted("uri", is_given(&raw.uri), "only an erc1155 has a template of URIs");
    let name = problems.required(&join(path, "name"), raw.name, "give the token a name");
    let symbol = problems.required(&join(path, "symbol"), raw.symbol, "give the token a symbol");
    let at = join(path, "decimals");
    let decimals = match kind {
        Kind::Erc20 => problems.required(&at, raw.decimals, "set those of the counterpart's token"),
        _ => {
            if problems.optional(&at, raw.decimals).is_some() {
                problems.add(&at, "only an erc20 has decimals; remove it");
            }
            Some(0)
        }
    };
    if kind == Kind::Native {
        problems.add(
            path,
            "a native currency cannot be deployed; use kind = \"erc20\" for a token that stands for one",
        );
    }
    Some(NewToken { name: name?, symbol: symbol?, decimals: decimals? })
}

fn token(
    path: &str,
    given: Option<String>,
    deploy: Option<NewToken>,
    kind: Kind,
    problems: &mut Problems,
) -> Option<TokenSpec> {
    let found = match (given.as_deref(), deploy) {
        (Some(_), Some(_)) => Err("named here, and deployed by `deploy`; remove one"),
        (None, Some(token)) => Ok(TokenSpec::Deploy(token)),
        (Some("native"), None) => Ok(TokenSpec::Existing(Address::ZERO)),
        (Some(text), None) => match text.parse() {
            Ok(Address::ZERO) => {
                Err("the zero address is no token; write \"native\" for the chain's own currency")
            }
            Ok(address) => Ok(TokenSpec::Existing(address)),
            Err(_) => Err("not an address; write 0x and 40 hex digits, or \"native\""),
        },
        (None, None) if kind == Kind::Native => Ok(TokenSpec::Existing(Address::ZERO)),
        (None, None) => Err("missing; set the token's address, or `deploy` for the side that mints"),
    };
    match found {
        Ok(TokenSpec::Existing(token)) if kind == Kind::Native && !token.is_zero() => {
            problems.add(path, "a native pair has no tokens; remove it, or use another kind");
            None
        }
        Ok(token) => Some(token),
        Err(message) => {
            problems.add(path, message);
            None
        }
    }
}

fn seeds(path: &str, raw: RawSeed, problems: &mut Problems) -> [Option<String>; 2] {
    problems.unknown(path, &raw.unknown, RawSeed::KEYS);
    [problems.optional(&join(path, "main"), raw.main), problems.optional(&join(path, "service"), raw.service)]
}
