//! `polyspan keys`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::keys::{KeyEntry, KeyError, create_keystore, require_private};
use serde::Serialize;

use crate::args::{ConfigFile, KeyArguments};
use crate::exit::Exit;
use crate::failure::BadInput;
use crate::output;
use crate::unlock;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Makes a new key.
    New(NewKey),
    /// Writes an existing private key into a keystore.
    Import(ImportKey),
    /// Prints the address of a key, and nothing else of it.
    Show(KeyArguments),
    /// Opens every key of a relay's configuration, asks each one that is elsewhere for a signature that nothing counts, and prints
    /// the addresses.
    Check(ConfigFile),
}

/// Where a key goes.
#[derive(Debug, clap::Args)]
pub struct NewKey {
    /// Keystore v3 file to write; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File whose first line is the passphrase; asked for when left out.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// A private key, and where it goes.
#[derive(Debug, clap::Args)]
pub struct ImportKey {
    #[command(flatten)]
    target: NewKey,
    /// File whose first line is the private key in hex; asked for when left out. Never an argument: others see those.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
}

/// A key in a file, for programs.
#[derive(Debug, Serialize)]
struct KeyReport<'a> {
    address: Address,
    /// `None` of one that is in no keystore.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
}

/// A key of a configuration, for programs.
#[derive(Debug, Serialize)]
struct UsedKey {
    /// `attester` or `submitter`.
    key: &'static str,
    /// Where a submitter pays.
    chain: Option<String>,
    address: Option<Address>,
    /// Why it cannot be used.
    problem: Option<String>,
}

/// Runs `polyspan keys`.
///
/// Errors: a file, a passphrase or a key that cannot be used.
pub async fn run(command: KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::New(target) => write(&target, PrivateKeySigner::random)?,
        KeysCommand::Import(import) => {
            let key = private_key(import.private_key_file.as_deref())?;
            write(&import.target, || key)?;
        }
        KeysCommand::Show(key) => show(unlock::unlock(&key).await?.address(), key.key.as_deref())?,
        KeysCommand::Check(file) => return check(&Config::load(&file.config)?).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(address: Address, file: Option<&Path>) -> Result<()> {
    if output::is_json() {
        return output::json(&KeyReport { address, file });
    }
    output::result(address);
    Ok(())
}

/// One line for each key; exit code 2 when one cannot be used.
async fn check(config: &Config) -> Result<ExitCode> {
    let Some(relay) = &config.relay else {
        return Err(BadInput::new("the file has no [relay] section, so it names no keys").into());
    };
    let mut keys = Vec::new();
    let mut add = |key: &'static str, chain: Option<&str>, opened: Result<(Address, String)>| {
        let who = chain.map_or_else(|| key.to_owned(), |chain| format!("{key} on {chain}"));
        let (address, problem) = match opened {
            Ok((address, shown)) => {
                output::told(format!("{who}: {shown}"));
                (Some(address), None)
            }
            Err(error) => {
                output::told(format!("{who}: problem: {error:#}"));
                (None, Some(format!("{error:#}")))
            }
        };
        keys.push(UsedKey { key, chain: chain.map(str::to_owned), address, problem });
    };
    if let Some(attester) = &relay.attester {
        add("attester", None, tried_key(attester, config).await);
    }
    for submitter in &relay.submitters {
        add("submitter", Some(&submitter.chain), tried_key(&submitter.key, config).await);
    }
    output::object(&serde_json::json!({ "keys": keys }))?;
    let usable = keys.iter().all(|key| key.problem.is_none());
    Ok(if usable { Exit::Fine } else { Exit::Input }.into())
}

/// The address of a key, and with where it is for people, once it has proved that it signs.
///
/// Errors: the files, or the signer.
pub async fn tried_key(entry: &KeyEntry, config: &Config) -> Result<(Address, String)> {
    let key = entry.open()?;
    let Some(place) = key.place() else { return Ok((key.address(), key.address().to_string())) };
    if let Some(chain) = config.chains.first() {
        key.try_out(chain.chain_id).await?;
    }
    Ok((key.address(), format!("{}, at {place}", key.address())))
}

fn write(target: &NewKey, key: impl FnOnce() -> PrivateKeySigner) -> Result<()> {
    // Before a passphrase is asked for: it would be typed for nothing.
    if target.out.exists() {
        return Err(KeyError::Exists(target.out.clone()).into());
    }
    let passphrase = unlock::new_passphrase(target.passphrase_file.as_deref())?;
    let key = key();
    create_keystore(&target.out, &key, &passphrase)?;
    show(key.address(), Some(&target.out))?;
    output::remark(format!(
        "wrote {}; without its passphrase the key is lost, so keep both",
        target.out.display()
    ));
    Ok(())
}

fn private_key(file: Option<&Path>) -> Result<PrivateKeySigner> {
    let text = match file {
        Some(file) => {
            require_private(file)?;
            polyspan_node::files::read_text(file)
                .map_err(|error| KeyError::Io { file: file.to_owned(), error })?
        }
        None => unlock::secret("Private key in hex: ", "--private-key-file FILE")?,
    };
    let bytes: B256 =
        text.lines().next().unwrap_or_default().trim().parse().map_err(|_| KeyError::NotAPrivateKey)?;
    Ok(PrivateKeySigner::from_bytes(&bytes).map_err(|_| KeyError::NotAPrivateKey)?)
}
