//! The file that operators pass around: what is to be done about one request, and the signatures so far.
//!
//! What counts is the request. The words beside it are for a quick look and are never trusted: whoever signs compares the request
//! with what the chain itself says.

#[cfg(test)]
mod tests;

use polyspan_node::config::form::of_syntax;
use std::path::Path;

use alloy::primitives::{Address, Bytes, Signature};
use polyspan_node::config::LaneInfo;
use polyspan_types::{
    BridgeId, ChainId, CheckpointDomain, Epoch, HoldAction, HoldDecision, LaneId, Leaf, MemberSet, Request,
    RequestNonce,
};
use serde::{Deserialize, Serialize};

use crate::failure::BadInput;
use crate::handover;

/// Form of the file that this program writes and reads.
pub const VERSION: u32 = 1;

/// A decision about one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Form of the file.
    pub version: u32,
    /// What is decided.
    pub action: HoldAction,
    /// The lane.
    pub lane: LaneId,
    /// Its id: part of what is signed.
    pub bridge_id: BridgeId,
    /// The destination's chain: part of what is signed.
    pub chain_id: ChainId,
    /// The destination's contract: part of what is signed.
    pub bridge: Address,
    /// Epoch of the operators who sign.
    pub epoch: Epoch,
    /// What is asked, in words.
    pub text: String,
    /// The request: its nonce and leaf are part of what is signed.
    pub request: Request,
    /// The signatures so far.
    #[serde(default, rename = "signature", skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureEntry>,
}

/// One operator's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureEntry {
    /// Whose it says to be.
    pub operator: Address,
    /// EIP-712: 65 bytes, or the 64 of ERC-2098.
    pub signature: Bytes,
}

/// The signatures that count, one for each operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operators who have signed, with their signatures, in the operators' order.
    pub signed: Vec<(Address, Signature)>,
    /// Operators who have not.
    pub missing: Vec<Address>,
    /// Signatures that do not count, and why.
    pub refused: Vec<String>,
}

impl Decision {
    /// A decision of the operators of `epoch` to do `action` with `request`. Nobody has signed it.
    pub fn new(action: HoldAction, info: &LaneInfo, epoch: Epoch, request: Request, text: String) -> Self {
        Self {
            version: VERSION,
            action,
            lane: info.id.clone(),
            bridge_id: info.bridge_id,
            chain_id: info.destination.chain_id,
            bridge: info.destination.bridge,
            epoch,
            text,
            request,
            signatures: Vec::new(),
        }
    }

    /// The request's number.
    pub const fn nonce(&self) -> RequestNonce {
        self.request.nonce
    }

    /// What is signed.
    pub fn signed(&self) -> HoldDecision {
        HoldDecision {
            action: self.action,
            bridge_id: self.bridge_id,
            epoch: self.epoch,
            nonce: self.request.nonce,
            leaf: Leaf::of(&self.request),
        }
    }

    /// Under which domain it is signed.
    pub fn domain(&self) -> CheckpointDomain {
        CheckpointDomain::new(self.chain_id, self.bridge)
    }

    /// Whether it is about this lane of the config, and about these contracts.
    ///
    /// Errors: it is not, in words.
    pub fn check_lane(&self, info: &LaneInfo) -> Result<(), String> {
        let side = &info.destination;
        let own = (info.bridge_id, side.chain_id, side.bridge);
        if (self.bridge_id, self.chain_id, self.bridge) == own {
            return Ok(());
        }
        Err(format!(
            "it is about bridge {} on chain {} (lane id {}), and lane {} of this config ends at {} on chain {} (lane id {}); one of both \
             is not the bridge that is meant",
            self.bridge, self.chain_id, self.bridge_id, info.id, side.bridge, side.chain_id, info.bridge_id
        ))
    }

    /// Adds a signature; the same operator's former one goes.
    pub fn add_signature(&mut self, operator: Address, signature: &Signature) {
        self.signatures.retain(|entry| entry.operator != operator);
        let signature = Bytes::copy_from_slice(&signature.as_bytes());
        self.signatures.push(SignatureEntry { operator, signature });
    }

    /// Takes the signatures of a copy over.
    ///
    /// Errors: it is no copy of the same decision.
    pub fn merge(&mut self, copy: &Self) -> Result<(), String> {
        if (self.signed(), self.chain_id, self.bridge) != (copy.signed(), copy.chain_id, copy.bridge) {
            return Err("is another decision; give copies of one only".to_owned());
        }
        for entry in &copy.signatures {
            if !self.signatures.contains(entry) {
                self.signatures.push(entry.clone());
            }
        }
        Ok(())
    }

    /// Counts by the contract's rule: the key that a signature recovers to is what matters, not what the file says of it.
    pub fn tally(&self, operators: &MemberSet) -> Tally {
        let digest = self.signed().digest(&self.domain());
        let mut tally = Tally::default();
        let mut found: Vec<(Address, Signature)> = Vec::new();
        for entry in &self.signatures {
            let signature = signature(&entry.signature);
            let signer = signature.and_then(|signature| signature.recover_address_from_prehash(&digest).ok());
            match (signer, signature) {
                (Some(signer), Some(signature)) if signer == entry.operator && operators.contains(signer) => {
                    if found.iter().all(|(known, _)| *known != signer) {
                        found.push((signer, signature));
                    }
                }
                (Some(signer), _) if signer == entry.operator => {
                    tally.refused.push(format!("{signer} is no operator of the destination now"));
                }
                _ => {
                    tally
                        .refused
                        .push(format!("the signature of {} is not over this decision", entry.operator));
                }
            }
        }
        for operator in &operators.members {
            match found.iter().find(|(signer, _)| signer == operator) {
                Some(signed) => tally.signed.push(*signed),
                None => tally.missing.push(*operator),
            }
        }
        tally
    }

    /// Reads a file with a decision to do `action`.
    ///
    /// Errors: it cannot be read, or is not such a file.
    pub fn load(file: &Path, action: HoldAction) -> Result<Self, BadInput> {
        let name = file.display();
        let text = polyspan_node::files::read_text(file).map_err(|error| {
            BadInput::new(format!(
                "{name}: cannot read it: {error}; give a file of `polyspan {action} prepare`"
            ))
        })?;
        Self::parse(&text, action).map_err(|error| BadInput::new(format!("{name}: {error}")))
    }

    /// Reads the text of a file with a decision to do `action`.
    ///
    /// Errors: it is not such a text.
    pub fn parse(text: &str, action: HoldAction) -> Result<Self, String> {
        /// The version is looked at first: a later form may have anything else.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let not_one = |error: toml::de::Error| {
            format!("no decision: {}; make one with `polyspan {action} prepare`", of_syntax(text, &error))
        };
        let Versioned { version } = toml::from_str(text).map_err(not_one)?;
        if version != VERSION {
            return Err(format!(
                "version {version} of the file is not known here, only {VERSION}; use the program that wrote it"
            ));
        }
        let decision: Self = toml::from_str(text).map_err(not_one)?;
        if decision.action != action {
            return Err(format!(
                "it decides a {0}, not a {action}; sign and submit it with `polyspan {0}`",
                decision.action
            ));
        }
        Ok(decision)
    }

    /// The text of the file.
    ///
    /// Errors: a number that TOML cannot hold.
    pub fn to_text(&self) -> Result<String, BadInput> {
        let body = toml::to_string(self)
            .map_err(|error| BadInput::new(format!("the decision cannot be written down: {error}")))?;
        Ok(format!("{}{body}", header(self.action)))
    }

    /// Writes a new file.
    ///
    /// Errors: it exists, or cannot be written.
    pub fn create(&self, file: &Path) -> Result<(), BadInput> {
        handover::create(file, &self.to_text()?)
    }

    /// Writes over the file that it was read from.
    ///
    /// Errors: it cannot be written.
    pub fn replace(&self, file: &Path) -> Result<(), BadInput> {
        handover::replace(file, &self.to_text()?)
    }
}

impl Tally {
    /// As many signatures as the call needs: more would only cost gas.
    pub fn needed(&self, operators: &MemberSet) -> Vec<Signature> {
        let needed = usize::from(operators.threshold.get());
        self.signed.iter().take(needed).map(|(_, signature)| *signature).collect()
    }
}

/// What the file is and what to do with it.
fn header(action: HoldAction) -> String {
    let what = match action {
        HoldAction::Release => "to pay one request that is on hold",
        HoldAction::Refund => "to send one request that is on hold back",
        HoldAction::ForceHold => "to put one request on hold without trying to pay it",
    };
    format!(
        "# A decision of the operators of a Polyspan bridge: {what}.\n\
         # Look at it, sign it with the config of your relay, pass it on:\n\
         #   polyspan {action} sign FILE\n\
         # Once enough have signed, anyone sends it; copies that were signed apart are given together:\n\
         #   polyspan {action} submit FILE [FILE ...] --key KEYSTORE\n\
         # The words beside the request are for people; it is compared with the chains before it is signed.\n\n"
    )
}

/// A signature that the contract counts: 64 bytes (ERC-2098) or 65, with a low s.
fn signature(bytes: &[u8]) -> Option<Signature> {
    let signature = match bytes.len() {
        64 => Signature::from_erc2098(bytes),
        _ => Signature::from_raw(bytes).ok()?,
    };
    signature.normalize_s().is_none().then_some(signature)
}
