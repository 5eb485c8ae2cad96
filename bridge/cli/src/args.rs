//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use clap::{ColorChoice, Parser, Subcommand};

use crate::config_file::default_config;
use crate::signer::{SignerArgument, SignerParser};
use crate::wallet::GasPrice;
use crate::{commands, exit};

/// Moves value between chains, and shows how it goes.
#[derive(Debug, Parser)]
#[command(name = "polyspan", version, max_term_width = 80, after_help = exit::HELP)]
pub struct Arguments {
    /// Print JSON: results on standard output, remarks and errors as one object a line on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours; NO_COLOR is kept by `auto`.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a relay until it is interrupted.
    Relay(commands::relay::RelayArguments),
    /// Requests a transfer.
    Transfer(commands::transfer::TransferArguments),
    /// Lists transfers by who requested them or who gets them.
    Transfers(commands::transfers::TransfersArguments),
    /// Shows lanes and relays.
    Status(commands::status::StatusArguments),
    /// Tells the story of one transfer or transaction, and what it waits for.
    Explain(commands::explain::ExplainArguments),
    /// Pays a transfer that is on hold, if its reason is gone. Relays do so by themselves.
    ///
    /// What is on hold because operators put it there, or because the token's answer was unclear, is paid only by a threshold of
    /// operators: they prepare, sign and submit a decision.
    Release(commands::holds::HoldArguments),
    /// Sends a transfer that is on hold back, once the bridge's refund delay is over.
    ///
    /// Before that, and always where the token's answer was unclear, it takes a threshold of operators: they prepare, sign and
    /// submit a decision.
    Refund(commands::holds::HoldArguments),
    /// Lists what is on hold, why, and the commands that release or refund it: by anyone, or by a threshold of operators.
    #[command(visible_alias = "holds")]
    Releases(commands::releases::ReleasesArguments),
    /// Takes what governors have written off: for the recipient of a transfer whose hold nothing else could end.
    Claim(commands::claim::ClaimArguments),
    /// Puts a request that cannot be handled at all on hold, by a threshold of operators.
    ///
    /// It pays nothing and takes nothing: the value stays where it is, until operators release it or it is refunded.
    #[command(subcommand)]
    ForceHold(commands::decide::DecideCommand<commands::decide::PrepareNext>),
    /// Pauses a bridge at once, by the signature of one operator. Only governors end the pause.
    ///
    /// The attester key of the config signs, and a submitter key pays. No request is taken and nothing is paid while the bridge is paused;
    /// nothing is lost.
    Pause(commands::pause::PauseArguments),
    /// Audits bridges from the first request on, from the chains alone. Exit code 1 with the first difference.
    Verify(commands::verify::VerifyArguments),
    /// Makes, imports and shows keys.
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Looks at a configuration.
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Deploys and wires a bridge.
    Deploy(commands::deploy::DeployArguments),
    /// Proposes, signs and executes what governors change.
    #[command(subcommand)]
    Governance(commands::governance::GovernanceCommand),
    /// Adopts what a new or restored store may sign.
    #[command(subcommand)]
    Attest(commands::attest::AttestCommand),
    /// Ends the halt of a lane.
    #[command(subcommand)]
    Lane(commands::lane::LaneCommand),
    /// Finishes what an outage left behind: shows and drives the recovery workers of the running relay.
    #[command(subcommand)]
    Recovery(commands::recovery::RecoveryCommand),
    /// Checks and mends the store of a relay.
    #[command(subcommand)]
    Store(commands::store::StoreCommand),
    /// Looks at what a relay needs on this host: store, lock, disk, clock, endpoints, signer. The relay may run or not.
    Doctor(commands::doctor::DoctorArguments),
    /// Prints an example file that explains each of its keys.
    Example(commands::print::ExampleArguments),
    /// Prints what a shell needs to complete commands and options.
    Completions(commands::print::CompletionsArguments),
    /// Prints the manual page, or writes one for each command.
    Man(commands::print::ManArguments),
}

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigFile {
    /// Configuration with the chains and bridges. Default: the first of ./polyspan.toml, polyspan/polyspan.toml in $XDG_CONFIG_HOME or
    /// ~/.config, and /etc/polyspan/polyspan.toml.
    #[arg(
        long,
        value_name = "FILE",
        env = "POLYSPAN_CONFIG",
        hide_env_values = true,
        default_value_os_t = default_config(),
        hide_default_value = true
    )]
    pub config: PathBuf,
}

/// A key: in a keystore with a passphrase, or elsewhere.
#[derive(Debug, Clone, clap::Args)]
pub struct KeyArguments {
    /// Keystore v3 file.
    #[arg(long, value_name = "FILE", visible_alias = "keystore", required_unless_present = "signer")]
    pub key: Option<PathBuf>,
    /// File whose first line is the passphrase; asked for when left out.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub passphrase_file: Option<PathBuf>,
    /// A key that is in no keystore: web3signer:URL#ADDRESS, aws-kms:KEY, gcp-kms:KEY, ledger, ledger:PATH or file:FILE.
    ///
    /// KEY is the id, ARN or alias of a key of AWS KMS, or the resource name of a key version of Google Cloud KMS; both and ledger
    /// need a build with the feature of that name, and take #ADDRESS to make sure which key it is. FILE is TOML with the keys that
    /// relay.attester has in `polyspan example relay`, for credentials and TLS.
    #[arg(long, value_name = "SIGNER", value_parser = SignerParser, conflicts_with_all = ["key", "passphrase_file"])]
    pub signer: Option<SignerArgument>,
}

/// What the transactions of a command pay.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct FeeArguments {
    /// Most that is paid for gas, in gwei. Default: twice the base fee, and the tip.
    ///
    /// Give more to have a transaction that waits replaced by the same one at a higher price.
    #[arg(long, value_name = "GWEI")]
    pub max_fee: Option<GasPrice>,
}

/// An address in hex. Mixed case must be a right checksum: it was put there to catch slips.
pub fn address(text: &str) -> Result<Address, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mixed =
        digits.chars().any(|c| c.is_ascii_uppercase()) && digits.chars().any(|c| c.is_ascii_lowercase());
    if mixed && text.starts_with("0x") {
        return Address::parse_checksummed(text, None)
            .map_err(|_| "the checksum is wrong: check the address, or write it in lower case".to_owned());
    }
    text.parse().map_err(|_| "not an address; write 0x and 40 hex digits".to_owned())
}

/// A duration: `90s`, `5m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "not a duration; write it as 90s or 5m".to_owned())
}

/// A whole number.
pub fn number<T: FromStr>(text: &str) -> Result<T, String> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| {
        if digits { "too large" } else { "not a whole number; write digits, such as 42" }.to_owned()
    })
}

/// How many are shown: at least one.
pub fn count(text: &str) -> Result<u16, String> {
    number(text)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("write a number from 1 to {}", u16::MAX))
}

/// Id of a token: digits, or hex behind 0x.
pub fn token_id(text: &str) -> Result<U256, String> {
    let id = match text.strip_prefix("0x") {
        Some(digits) if digits.chars().all(|c| c.is_ascii_hexdigit()) => {
            U256::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => number(text).ok(),
    };
    id.filter(|_| text != "0x")
        .ok_or_else(|| "not the id of a token; write digits, or 0x and hex digits, below 2^256".to_owned())
}

/// Hash of a block or transaction.
pub fn hash(text: &str) -> Result<B256, String> {
    text.parse().map_err(|_| "not a hash; write 0x and 64 hex digits".to_owned())
}

/// Bytes in hex.
pub fn bytes(text: &str) -> Result<Bytes, String> {
    text.parse().map_err(|_| "not bytes in hex; write 0x and an even number of hex digits".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_mixed_case_address_must_have_a_right_checksum() {
        let right = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045";
        assert!(address(right).is_ok() && address(&right.to_lowercase()).is_ok());
        assert!(address(&right.replace("dA6", "Da6")).unwrap_err().contains("checksum"));
        assert!(address("0x12").is_err());
    }
}
