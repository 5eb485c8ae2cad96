//! `polyspan claim`: the recipient takes what governors have written off.

use std::process::ExitCode;

use alloy::primitives::Address;
use anyhow::{Context, Result};
use polyspan_chain::{At, Claim, claim_calldata};
use polyspan_node::config::{Config, LaneInfo};
use polyspan_types::{HoldEnd, HoldEnding, OutcomeResult, TransferId};

use super::explain::{find_claim, find_ending, find_outcome};
use crate::args::{ConfigFile, FeeArguments, KeyArguments, address};
use crate::failure::BadInput;
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::{Call, Wallet};

/// Arguments of `polyspan claim`.
#[derive(Debug, clap::Args)]
pub struct ClaimArguments {
    /// The transfer whose hold was written off, such as kr/main-to-service:42.
    #[arg(value_name = "TRANSFER")]
    transfer: TransferId,
    /// Who receives the value, on the destination chain.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    to: Address,
    /// The key of the transfer's recipient. It pays for the transaction.
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    gas: FeeArguments,
    #[command(flatten)]
    file: ConfigFile,
}

/// Takes the value of a written-off hold out of the bridge's claims.
///
/// Errors: nothing was written off, it was taken, or the key is another one; the configuration, the key, or a chain.
pub async fn run(arguments: ClaimArguments) -> Result<ExitCode> {
    let ClaimArguments { transfer: id, to, key, gas, file } = arguments;
    let network = Network::open(Config::load(&file.config)?).await?;
    let info = network.lane(&id.lane)?;
    let (claims, claim) = find(&network, &info, &id).await?;
    let side = &info.destination;
    let signer = unlock::unlock(&key).await?;
    let wallet = Wallet::new(network.chain(side).clone(), signer).paying_at_most(gas.max_fee);
    let open = wallet.chain.claim_is_open(claims, &claim, At::Latest).await?;
    if let Some(problem) = problem(&id, &claim, open, wallet.address(), to) {
        return Err(BadInput::new(problem).into());
    }
    let what = format!("claim {id}");
    let call = Call { to: Some(claims), input: claim_calldata(&claim, to), ..Call::default() };
    let sent = wallet.send(&what, call).await?;
    output::told(format!("claim transaction: {}", sent.tx_hash));
    output::told(format!("claimed: {to} has it on chain {}", side.chain));
    output::object(&serde_json::json!({
        "transfer": id.to_string(),
        "transaction": sent.tx_hash,
        "chain": side.chain,
        "to": to,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// The claim of a transfer, with the contract that keeps it.
///
/// Errors: its hold was not written off.
async fn find(network: &Network, info: &LaneInfo, id: &TransferId) -> Result<(Address, Claim)> {
    let not_written_off = || BadInput::new(format!("{id} was not written off; see `polyspan explain {id}`"));
    let outcome = find_outcome(network, info, id.nonce).await?;
    let held_at = match outcome {
        Some(outcome) if matches!(outcome.result, OutcomeResult::Held(_)) => outcome.block,
        _ => return Err(not_written_off().into()),
    };
    let ending: Option<HoldEnding> = find_ending(network, info, id.nonce, held_at).await?;
    let ending = ending.filter(|ending| ending.end == HoldEnd::WrittenOff).ok_or_else(not_written_off)?;
    let found = find_claim(network, info, &ending).await?;
    found.with_context(|| {
        format!("the claims of the bridge on chain {} do not show it", info.destination.chain)
    })
}

/// Why the claims would refuse it, or why nobody would have it.
fn problem(id: &TransferId, claim: &Claim, open: bool, key: Address, to: Address) -> Option<String> {
    let claimant = claim.claimant;
    if !open {
        return Some(format!("{id} was claimed by {claimant} already"));
    }
    if key != claimant {
        return Some(format!("only its recipient {claimant} can claim {id}, and the key is that of {key}"));
    }
    to.is_zero().then(|| "--to: the zero address belongs to nobody".to_owned())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256};
    use polyspan_types::RequestNonce;

    use super::*;

    #[test]
    fn only_the_recipient_claims_and_only_once() {
        let id: TransferId = "kr/main-to-service:5".parse().unwrap();
        let (claimant, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let claim = Claim {
            nonce: RequestNonce::new(5),
            claimant,
            token: Address::ZERO,
            kind: 1,
            value: U256::from(7),
            payload: Bytes::new(),
        };
        let at = |open, key, to| problem(&id, &claim, open, key, to);
        assert_eq!(at(true, claimant, other), None);
        assert!(at(false, claimant, other).unwrap().contains("already"));
        assert!(at(true, other, other).unwrap().contains("only its recipient 0x0101"));
        assert!(at(true, claimant, Address::ZERO).unwrap().contains("zero address"));
    }
}
