//! `polyspan keys`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_node::keys::{KeyEntry, KeyError, create_keystore, require_private};

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
        KeysCommand::Show(key) => output::result(unlock::unlock(&key).await?.address()),
        KeysCommand::Check(file) => return check(&Config::load(&file.config)?).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for each key; exit code 2 when one cannot be used.
async fn check(config: &Config) -> Result<ExitCode> {
    let Some(relay) = &config.relay else {
        return Err(BadInput::new("the file has no [relay] section, so it names no keys").into());
    };
    let mut usable = true;
    let mut say = |who: String, key: Result<String>| match key {
        Ok(address) => output::result(format!("{who}: {address}")),
        Err(error) => {
            usable = false;
            output::result(format!("{who}: problem: {error:#}"));
        }
    };
    if let Some(attester) = &relay.attester {
        say("attester".to_owned(), tried_key(attester, config).await);
    }
    for submitter in &relay.submitters {
        say(format!("submitter on {}", submitter.chain), tried_key(&submitter.key, config).await);
    }
    Ok(if usable { Exit::Fine } else { Exit::Input }.into())
}

/// The address of a key, and where it is once it has proved that it signs.
///
/// Errors: the files, or the signer.
pub async fn tried_key(entry: &KeyEntry, config: &Config) -> Result<String> {
    let key = entry.open()?;
    let Some(place) = key.place() else { return Ok(key.address().to_string()) };
    if let Some(chain) = config.chains.first() {
        key.try_out(chain.chain_id).await?;
    }
    Ok(format!("{}, at {place}", key.address()))
}

fn write(target: &NewKey, key: impl FnOnce() -> PrivateKeySigner) -> Result<()> {
    // Before a passphrase is asked for: it would be typed for nothing.
    if target.out.exists() {
        return Err(KeyError::Exists(target.out.clone()).into());
    }
    let passphrase = unlock::new_passphrase(target.passphrase_file.as_deref())?;
    let key = key();
    create_keystore(&target.out, &key, &passphrase)?;
    output::result(key.address());
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
