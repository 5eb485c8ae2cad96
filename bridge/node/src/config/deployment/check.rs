//! From the file's form to a [`Deployment`].

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use alloy::primitives::Address;
use polyspan_types::Kind;

use super::{Deployment, Minter, Pair, Side};
use crate::config::form::{Raw, of_syntax};
use crate::config::problems::{Problems, join};
use crate::config::raw::{RawDeployment, RawPair, RawSide};
use crate::files::read_text;

/// Reads and checks the file; what it adds to `problems` says whether the answer may be used.
pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<Deployment> {
    let unreadable =
        |error| format!("cannot read it: {error}; write it with `polyspan deploy`, or correct the path");
    let text = problems.ok("", read_text(file).map_err(unreadable))?;
    let raw = problems.ok("", toml::from_str(&text).map_err(|error| of_syntax(&text, &error)))?;
    check(raw, problems)
}

fn check(raw: RawDeployment, problems: &mut Problems) -> Option<Deployment> {
    problems.unknown("", &raw.unknown, RawDeployment::KEYS);
    let name = problems.required("name", raw.name, "set the bridge's name, such as \"kr\"");
    let salt = problems.required("salt", raw.salt, "set the salt that the bridge was wired with");
    let main = check_side("main", raw.main, problems);
    let service = check_side("service", raw.service, problems);
    let pairs = check_pairs(raw.pair, problems);
    let deployment = Deployment { name: name?, salt: salt?, main: main?, service: service?, pairs };
    if deployment.main.chain_id == deployment.service.chain_id {
        let message =
            format!("{} is the chain id of both sides; a bridge joins two chains", deployment.main.chain_id);
        problems.add("service.chain_id", message);
    }
    if deployment.main.chain == deployment.service.chain {
        problems.add("service.chain", format!("`{}` is the chain of both sides", deployment.main.chain));
    }
    Some(deployment)
}

fn check_side(path: &str, raw: Raw<RawSide>, problems: &mut Problems) -> Option<Side> {
    let raw = problems.required(path, raw, "add the section")?;
    problems.unknown(path, &raw.unknown, RawSide::KEYS);
    let chain = problems.required(&join(path, "chain"), raw.chain, "name a chain of the config");
    let chain_id = problems.required(&join(path, "chain_id"), raw.chain_id, "set the chain's id");
    let bridge =
        problems.required(&join(path, "bridge"), raw.bridge, "set the address of the bridge contract");
    let block = problems.required(
        &join(path, "deployment_block"),
        raw.deployment_block,
        "set the block in which the contract was deployed",
    );
    if bridge == Some(Address::ZERO) {
        problems.add(join(path, "bridge"), "the zero address is no contract");
    }
    let parts = problems.optional(&join(path, "parts"), raw.parts);
    Some(Side { chain: chain?, chain_id: chain_id?, bridge: bridge?, deployment_block: block?, parts })
}

fn check_pairs(raw: Raw<Vec<Raw<RawPair>>>, problems: &mut Problems) -> Vec<Pair> {
    let list = problems.or("pair", raw, Vec::new());
    let (mut names, mut main, mut service) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (index, raw) in list.into_iter().enumerate() {
        let path = format!("pair[{index}]");
        let Some(pair) = check_pair(&path, raw, problems) else { continue };
        if !names.insert(pair.name.clone()) {
            problems.add(join(&path, "name"), format!("`{}` is used twice; rename one pair", pair.name));
        }
        if !main.insert(pair.main_token) {
            problems
                .add(join(&path, "main_token"), format!("{} is in another pair already", pair.main_token));
        }
        if !service.insert(pair.service_token) {
            problems.add(
                join(&path, "service_token"),
                format!("{} is in another pair already", pair.service_token),
            );
        }
        pairs.push(pair);
    }
    pairs
}

fn check_pair(path: &str, raw: Raw<RawPair>, problems: &mut Problems) -> Option<Pair> {
    let raw = problems.optional(path, raw)?;
    problems.unknown(path, &raw.unknown, RawPair::KEYS);
    let name = problems.required(&join(path, "name"), raw.name, "name the pair for the command line");
    let kind = problems.required(&join(path, "kind"), raw.kind, "use native, erc20 or erc721");
    let kind = parsed(&join(path, "kind"), kind, problems);
    let mints = problems.required(&join(path, "mints"), raw.mints, "use \"main\", \"service\" or \"none\"");
    let mints = parsed(&join(path, "mints"), mints, problems);
    let missing_token = "set the token's address, zero for the native currency";
    let main_token = problems.required(&join(path, "main_token"), raw.main_token, missing_token);
    let service_token = problems.required(&join(path, "service_token"), raw.service_token, missing_token);
    let pair = Pair {
        name: name?,
        kind: kind?,
        main_token: main_token?,
        service_token: service_token?,
        mints: mints?,
    };
    check_tokens(path, &pair, problems);
    Some(pair)
}

/// The zero address stands for a native currency, which nobody mints.
fn check_tokens(path: &str, pair: &Pair, problems: &mut Problems) {
    let sides = [
        ("main_token", pair.main_token, Minter::Main),
        ("service_token", pair.service_token, Minter::Service),
    ];
    let zeros = sides.iter().filter(|(_, token, _)| token.is_zero()).count();
    for (key, token, minter) in sides {
        match pair.kind {
            Kind::Native if !token.is_zero() => {
                problems.add(
                    join(path, key),
                    "a native pair has the zero address on both sides; use it, or another kind",
                );
            }
            Kind::Erc20 if zeros == 2 => {
                problems.add(join(path, key), "both sides are native currencies; use kind = \"native\"");
            }
            Kind::Erc721 | Kind::Erc1155 if token.is_zero() => {
                problems
                    .add(join(path, key), "the zero address stands for a native currency, which has no ids");
            }
            _ if token.is_zero() && pair.mints == minter => {
                problems.add(
                    join(path, "mints"),
                    "no bridge can mint a native currency; name the other side, or \"none\"",
                );
            }
            _ => {}
        }
    }
}

fn parsed<T: FromStr<Err = String>>(path: &str, text: Option<String>, problems: &mut Problems) -> Option<T> {
    problems.ok(path, text?.parse())
}
