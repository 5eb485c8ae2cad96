//! The file that governors pass around: what is to be changed on one or both chains, and the signatures so far.
//!
//! What counts is the calldata. The words beside it are for a quick look and are never trusted: `sign` and `execute` decode
//! again.

#[cfg(test)]
mod tests;

use polyspan_node::config::form::of_syntax;
use std::path::Path;

use alloy::primitives::{Address, B256, Bytes, hex, keccak256};
use anyhow::Result;
use polyspan_types::{BridgeName, ChainId, Epoch};
use serde::{Deserialize, Serialize};

use super::setter::Setter;
use super::vote;
use crate::deploy::spec::End;
use crate::failure::BadInput;
use crate::handover;

/// Form of the file that this program writes and reads.
pub const VERSION: u32 = 1;

const HEADER: &str = "# A vote of the governors of a Polyspan bridge. Look at it, sign it, pass it on:\n\
                      #   polyspan governance sign FILE --key KEYSTORE\n\
                      # Once enough have signed, anyone sends it; copies that were signed apart are given together:\n\
                      #   polyspan governance execute FILE [FILE ...] --key KEYSTORE\n\
                      # Only the calldata is signed. The words beside it are for people; both commands decode it anew.\n\n";

/// A vote on both chains or one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Form of the file.
    pub version: u32,
    /// What is asked of the governors.
    pub intent: Intent,
    /// The bridge's name where it was made; absent when it was made without a config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<BridgeName>,
    /// The main chain's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<Section>,
    /// The service chain's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Section>,
}

/// What is asked of the governors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// To make changes.
    Configuration,
    /// To take back scheduled changes.
    Cancellation,
}

/// One chain's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The chain's name where the proposal was made.
    pub chain: String,
    /// Its id: part of what is signed.
    pub chain_id: ChainId,
    /// The contract: part of what is signed.
    pub bridge: Address,
    /// Epoch of the governors who vote.
    pub epoch: Epoch,
    /// Number of the configuration.
    pub configuration_nonce: u64,
    /// Last timestamp at which it may be voted and executed; 0 for a cancellation, which needs none. Unit: seconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deadline: u64,
    /// The deadline in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub deadline_text: String,
    /// The calls, in order of execution; none in a cancellation.
    #[serde(default, rename = "call", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallEntry>,
    /// The votes so far.
    #[serde(default, rename = "signature", skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureEntry>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallEntry {
    /// What it does, in words.
    pub text: String,
    /// What is signed and executed.
    pub calldata: Bytes,
}

/// One vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureEntry {
    /// Whose it says to be.
    pub governor: Address,
    /// EIP-712: 65 bytes, or the 64 of ERC-2098.
    pub signature: Bytes,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Section {
    /// What is signed of the calls.
    pub fn calldata(&self) -> Vec<Bytes> {
        self.calls.iter().map(|call| call.calldata.clone()).collect()
    }

    /// The calls as the calldata says.
    ///
    /// Errors: one of them is no call that a configuration may make.
    pub fn setters(&self) -> Result<Vec<Setter>, BadInput> {
        let decode = |(index, call): (usize, &CallEntry)| {
            Setter::decode(&call.calldata).map_err(|error| {
                BadInput::new(format!("call {} on chain {}: {error}", index + 1, self.chain))
            })
        };
        self.calls.iter().enumerate().map(decode).collect()
    }

    /// Adds a vote; the same governor's former one goes.
    pub fn add_signature(&mut self, governor: Address, signature: Bytes) {
        self.signatures.retain(|entry| entry.governor != governor);
        self.signatures.push(SignatureEntry { governor, signature });
    }

    /// The same without votes and words: what copies of one proposal have in common.
    fn substance(&self) -> Self {
        let calls = self.calls.iter().map(|call| CallEntry { text: String::new(), ..call.clone() });
        Self {
            chain: String::new(),
            deadline_text: String::new(),
            calls: calls.collect(),
            signatures: Vec::new(),
            ..self.clone()
        }
    }
}

impl Proposal {
    /// A proposal without anything in it.
    pub const fn new(intent: Intent, bridge: Option<BridgeName>) -> Self {
        Self { version: VERSION, intent, bridge, main: None, service: None }
    }

    /// One chain's part.
    pub const fn section(&self, end: End) -> Option<&Section> {
        match end {
            End::Main => self.main.as_ref(),
            End::Service => self.service.as_ref(),
        }
    }

    /// One chain's part, to be changed.
    pub const fn section_mut(&mut self, end: End) -> &mut Option<Section> {
        match end {
            End::Main => &mut self.main,
            End::Service => &mut self.service,
        }
    }

    /// The parts that there are.
    pub fn sections(&self) -> impl Iterator<Item = (End, &Section)> {
        End::ALL.into_iter().filter_map(|end| Some((end, self.section(end)?)))
    }

    /// Whether anybody has signed.
    pub fn is_signed(&self) -> bool {
        self.sections().any(|(_, section)| !section.signatures.is_empty())
    }

    /// A name of everything that is signed, for governors to compare by voice: 128 bits, so that nobody finds two proposals
    /// with one name.
    pub fn fingerprint(&self) -> String {
        let digests: Vec<u8> =
            self.sections().flat_map(|(_, section)| vote::digest(self.intent, section).0).collect();
        let hash: B256 = keccak256(digests);
        let words: Vec<_> = hash[..16].chunks(2).map(hex::encode).collect();
        words.join("-")
    }

    /// Takes the votes of a copy over.
    ///
    /// Errors: it is no copy of the same proposal.
    pub fn merge(&mut self, copy: &Self) -> Result<(), String> {
        let substance = |proposal: &Self| {
            (proposal.intent, End::ALL.map(|end| proposal.section(end).map(Section::substance)))
        };
        if substance(self) != substance(copy) {
            return Err(format!(
                "is another proposal ({}, not {}); give copies of one proposal only",
                copy.fingerprint(),
                self.fingerprint()
            ));
        }
        for end in End::ALL {
            if let (Some(own), Some(other)) = (self.section_mut(end), copy.section(end)) {
                for entry in &other.signatures {
                    if !own.signatures.contains(entry) {
                        own.signatures.push(entry.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a file.
    ///
    /// Errors: it cannot be read, or is not such a file.
    pub fn load(file: &Path) -> Result<Self, BadInput> {
        let name = file.display();
        let text = polyspan_node::files::read_text(file).map_err(|error| {
            BadInput::new(format!("{name}: cannot read it: {error}; give a proposal file"))
        })?;
        let proposal = Self::parse(&text).map_err(|error| BadInput::new(format!("{name}: {error}")))?;
        Ok(proposal)
    }

    /// Reads the text of a file.
    ///
    /// Errors: it is not such a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        /// The version is looked at first: a later form may have anything else.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let not_one = |error: toml::de::Error| {
            format!("no proposal: {}; make one with `polyspan governance propose`", of_syntax(text, &error))
        };
        let Versioned { version } = toml::from_str(text).map_err(not_one)?;
        if version != VERSION {
            return Err(format!(
                "version {version} of the file is not known here, only {VERSION}; use the program that wrote it"
            ));
        }
        let proposal: Self = toml::from_str(text).map_err(not_one)?;
        if proposal.sections().next().is_none() {
            return Err("it asks for nothing; propose the change again".to_owned());
        }
        for (end, section) in proposal.sections() {
            // It is shown on terminals, which can be told to show something else.
            if section.chain.chars().any(char::is_control) {
                return Err(format!(
                    "the chain's name in [{}] has characters that names do not have",
                    end.as_str()
                ));
            }
            if (proposal.intent == Intent::Configuration) == section.calls.is_empty() {
                return Err(format!(
                    "the calls of [{}] do not fit its intent; propose the change again",
                    end.as_str()
                ));
            }
        }
        Ok(proposal)
    }

    /// The text of the file.
    ///
    /// Errors: a number that TOML cannot hold.
    pub fn to_text(&self) -> Result<String, BadInput> {
        let body = toml::to_string(self).map_err(|error| {
            BadInput::new(format!("the proposal cannot be written down: {error}; use smaller numbers"))
        })?;
        Ok(format!("{HEADER}{body}"))
    }

    /// Writes a new file.
    ///
    /// Errors: it exists, or cannot be written.
    pub fn create(&self, file: &Path) -> Result<(), BadInput> {
        handover::create(file, &self.to_text()?)
    }

    /// Writes over the file that it was read from, as a whole or not at all: votes of others are in it.
    ///
    /// Errors: it cannot be written.
    pub fn replace(&self, file: &Path) -> Result<(), BadInput> {
        handover::replace(file, &self.to_text()?)
    }
}
