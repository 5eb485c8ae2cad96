//! What a deployment has sent, in a file beside its result: one that was broken off goes on from there. See
//! `docs/adr/0040-what-a-chain-must-offer.md`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, Bytes};
use anyhow::{Context, Result};
use polyspan_node::files::read_text;
use polyspan_types::AccountNonce;
use serde::{Deserialize, Serialize};

use super::spec::{DeploySpec, End};
use super::survey::Site;
use crate::failure::BadInput;
use crate::handover::missing_folder;

/// What a reader of the file should know.
const HEAD: &str = "# A deployment that is under way or was broken off: `polyspan deploy` with the same --spec and --out goes on from here, and\n\
                    # removes this file at its end. It holds transactions that are signed and may not be sent yet: keep it to yourself.\n";

/// The file, in memory and on the disk.
#[derive(Debug)]
pub struct Progress {
    file: PathBuf,
    /// Whether the file is on the disk.
    stored: bool,
    record: Record,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Part of the bridge ids.
    salt: B256,
    /// What was asked for, by key.
    asked: BTreeMap<String, String>,
    /// What the chains were found to demand of either end, once they were looked at.
    main: Option<Chosen>,
    service: Option<Chosen>,
    #[serde(default, rename = "step")]
    steps: Vec<Step>,
}

/// What was chosen for one end by what its chain costs: it does not move while a deployment is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    greatest_gas_cap: u32,
    defers_calls: bool,
    item_bounds: Vec<u16>,
    gas_caps: Vec<u32>,
}

/// One transaction of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it does.
    pub name: String,
    /// Who sends it.
    pub sender: Address,
    /// Its account nonce: only one of its transactions is ever executed.
    pub account_nonce: AccountNonce,
    /// As they were signed, the newest one last.
    pub transactions: Vec<Bytes>,
    /// The contract that it created, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Address>,
}

impl Progress {
    /// What was done for this result before, or that nothing was.
    ///
    /// Errors: the result exists; what was done was done for another spec, or cannot be read.
    pub fn open(out: &Path, spec: &DeploySpec) -> Result<Self, BadInput> {
        let file = beside(out);
        let asked = asked(spec);
        let text = match read_text(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Self::fresh(out, file, spec, asked);
            }
            Err(error) => return Err(BadInput::new(format!("cannot read {}: {error}", file.display()))),
        };
        let record: Record = toml::from_str(&text).map_err(|error| {
            let file = file.display();
            BadInput::new(format!(
                "{file} is not what a deployment left ({error}); move it away to begin anew"
            ))
        })?;
        let changed = changes(&record.asked, &asked);
        if !changed.is_empty() {
            let head = format!(
                "{} belongs to a deployment that was broken off, and the spec has changed since; put back what it says to go on, or move \
                 that file away to deploy another bridge (what was deployed stays unused)",
                file.display()
            );
            return Err(BadInput::list(&head, &changed));
        }
        Ok(Self { file, stored: true, record })
    }

    fn fresh(
        out: &Path,
        file: PathBuf,
        spec: &DeploySpec,
        asked: BTreeMap<String, String>,
    ) -> Result<Self, BadInput> {
        if out.exists() {
            let out = out.display();
            return Err(BadInput::new(format!(
                "{out} exists already and is not overwritten; choose another name"
            )));
        }
        let salt = spec.salt.unwrap_or_else(|| B256::new(rand::random()));
        let record = Record { salt, asked, main: None, service: None, steps: Vec::new() };
        Ok(Self { file, stored: false, record })
    }

    /// Where it is kept.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Part of the bridge ids.
    pub const fn salt(&self) -> B256 {
        self.record.salt
    }

    /// Whether anything was sent.
    pub const fn is_begun(&self) -> bool {
        !self.record.steps.is_empty()
    }

    /// A step that was begun.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.record.steps.iter().find(|step| step.name == name)
    }

    /// Whether it is the newest one.
    pub fn is_last(&self, name: &str) -> bool {
        self.record.steps.last().is_some_and(|step| step.name == name)
    }

    /// Keeps what was chosen for both ends, or has them take what was chosen before.
    ///
    /// Errors: the file cannot be written.
    pub fn settle(&mut self, sites: &mut [Site; 2]) -> Result<()> {
        let [main, service] = sites;
        for (site, kept) in [(main, &mut self.record.main), (service, &mut self.record.service)] {
            match kept {
                Some(chosen) => chosen.apply(site),
                None => *kept = Some(Chosen::of(site)),
            }
        }
        self.store()
    }

    /// Before it is sent: a transaction of a step. Another account nonce begins the step anew.
    ///
    /// Errors: the file cannot be written.
    pub fn signed(&mut self, name: &str, sender: Address, nonce: AccountNonce, raw: &Bytes) -> Result<()> {
        let same = |step: &&mut Step| step.name == name;
        match self.record.steps.iter_mut().find(same) {
            Some(step) if step.account_nonce == nonce && step.sender == sender => {
                step.transactions.push(raw.clone());
            }
            found => {
                let step = Step {
                    name: name.to_owned(),
                    sender,
                    account_nonce: nonce,
                    transactions: vec![raw.clone()],
                    contract: None,
                };
                match found {
                    Some(old) => *old = step,
                    None => self.record.steps.push(step),
                }
            }
        }
        self.store()
    }

    /// What a step created.
    ///
    /// Errors: the file cannot be written.
    pub fn created(&mut self, name: &str, contract: Address) -> Result<()> {
        if let Some(step) = self.record.steps.iter_mut().find(|step| step.name == name) {
            step.contract = Some(contract);
        }
        self.store()
    }

    /// Removes the file, if it is there.
    pub fn remove(self) {
        if self.stored {
            // The deployment is over, or nothing of it was sent: a leftover only stands in the way.
            let _ = fs::remove_file(&self.file);
        }
    }

    /// As a whole or not at all, and on the disk before this returns.
    fn store(&mut self) -> Result<()> {
        let text = format!("{HEAD}{}", toml::to_string(&self.record).context("a record has a TOML form")?);
        let mut scratch = self.file.as_os_str().to_owned();
        scratch.push(".new");
        let scratch = PathBuf::from(scratch);
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&scratch)
            .and_then(|mut handle| handle.write_all(text.as_bytes()).and_then(|()| handle.sync_all()))
            .and_then(|()| fs::rename(&scratch, &self.file));
        match written {
            Ok(()) => {
                self.stored = true;
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(missing_folder(&self.file).into())
            }
            Err(error) => {
                Err(BadInput::new(format!("--out: cannot write {}: {error}", self.file.display())).into())
            }
        }
    }
}

impl Chosen {
    fn of(site: &Site) -> Self {
        Self {
            greatest_gas_cap: site.greatest_gas_cap,
            defers_calls: site.defers_calls,
            item_bounds: site.item_bounds.clone(),
            gas_caps: site.gas_caps.clone(),
        }
    }

    fn apply(&self, site: &mut Site) {
        site.greatest_gas_cap = self.greatest_gas_cap;
        site.defers_calls = self.defers_calls;
        site.item_bounds.clone_from(&self.item_bounds);
        site.gas_caps.clone_from(&self.gas_caps);
    }
}

/// The file of a result.
pub fn beside(out: &Path) -> PathBuf {
    let mut name: OsString = out.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// What decides what is deployed. Endpoints, keys and files are left out: another endpoint is a cure, and a key is what it signs.
fn asked(spec: &DeploySpec) -> BTreeMap<String, String> {
    let mut asked = BTreeMap::from([
        ("name".to_owned(), spec.name.to_string()),
        ("salt".to_owned(), spec.salt.map_or_else(|| "random".to_owned(), |salt| salt.to_string())),
        ("development".to_owned(), spec.development.to_string()),
        ("governance_delay".to_owned(), format!("{} s", spec.governance_delay)),
        ("contracts of this version".to_owned(), super::creation::version().to_string()),
    ]);
    for end in End::ALL {
        let side = spec.side(end);
        let mut add = |key: &str, value: String| asked.insert(format!("{}.{key}", end.as_str()), value);
        add("chain", side.chain.clone());
        add("chain_id", side.chain_id.to_string());
        add("operators", format!("{:?}", side.operators.members));
        add("threshold", side.operators.threshold.to_string());
        add("governors", format!("{:?}", side.governors.members));
        add("governor_threshold", side.governors.threshold.to_string());
        add("refund_delay", side.refund_delay.to_string());
        add("fee_receiver", side.fee_receiver.to_string());
        add("parts", format!("{:?}", side.parts));
        add("chain_limits", format!("{:?}", side.chain_limits));
        add("greatest_gas_cap", format!("{:?}", side.greatest_gas_cap));
        add("defer_calls", format!("{:?}", side.defer_calls));
    }
    for pair in &spec.pairs {
        asked.insert(format!("pair {}", pair.name), format!("{pair:?}"));
    }
    asked
}

/// The keys that differ, in words.
fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let told = |value: Option<&String>| value.cloned().unwrap_or_else(|| "nothing".to_owned());
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| format!("{key}: was {}, is {}", told(before.get(key)), told(now.get(key))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::spec::testing::example;

    fn raw(byte: u8) -> Bytes {
        Bytes::from(vec![byte])
    }

    const DEPLOYER: Address = Address::repeat_byte(7);

    #[test]
    fn what_was_signed_is_known_to_the_next_run_with_the_same_salt() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kr.toml");
        let mut spec = example();
        spec.salt = None;
        let mut progress = Progress::open(&out, &spec).unwrap();
        assert!(!progress.is_begun() && !progress.file().exists());
        progress.signed("one", DEPLOYER, AccountNonce::new(3), &raw(1)).unwrap();
        progress.signed("one", DEPLOYER, AccountNonce::new(3), &raw(2)).unwrap();
        progress.created("one", Address::repeat_byte(9)).unwrap();
        progress.signed("two", DEPLOYER, AccountNonce::new(4), &raw(3)).unwrap();
        progress.signed("two", DEPLOYER, AccountNonce::new(5), &raw(4)).unwrap();

        let again = Progress::open(&out, &spec).unwrap();
        assert_eq!((again.salt(), &again.record), (progress.salt(), &progress.record));
        let one = again.step("one").unwrap();
        assert_eq!(
            (one.transactions.clone(), one.contract),
            (vec![raw(1), raw(2)], Some(Address::repeat_byte(9)))
        );
        assert_eq!(
            again.step("two").unwrap().transactions,
            [raw(4)],
            "with another account nonce it is another"
        );
        assert!(again.is_last("two") && !again.is_last("one"));
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(again.file()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        again.remove();
        assert!(!progress.file().exists());
    }

    #[test]
    fn a_spec_that_has_changed_is_refused_with_what_has() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kr.toml");
        let mut spec = example();
        Progress::open(&out, &spec).unwrap().signed("one", DEPLOYER, AccountNonce::new(0), &raw(1)).unwrap();
        spec.main.endpoint = "http://elsewhere:1".parse().unwrap();
        assert!(Progress::open(&out, &spec).is_ok(), "another endpoint is a cure");
        spec.main.refund_delay += 1;
        spec.pairs.pop();
        let refused = Progress::open(&out, &spec).unwrap_err().to_string();
        for words in ["main.refund_delay: was 50400, is 50401", "pair ITEMS: was ", "put back what it says"] {
            assert!(refused.contains(words), "`{words}` in {refused}");
        }
        assert!(!refused.contains("main.operators"), "{refused}");
    }

    #[test]
    fn a_result_is_not_overwritten_and_garbage_is_not_taken_for_progress() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kr.toml");
        fs::write(&out, "x").unwrap();
        let refused = Progress::open(&out, &example()).unwrap_err().to_string();
        assert!(refused.contains("exists already and is not overwritten"), "{refused}");
        fs::remove_file(&out).unwrap();
        fs::write(beside(&out), "x").unwrap();
        let refused = Progress::open(&out, &example()).unwrap_err().to_string();
        assert!(refused.contains("is not what a deployment left"), "{refused}");
    }
}
