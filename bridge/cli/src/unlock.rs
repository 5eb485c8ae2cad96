//! Passphrases and keys that commands take.

use std::path::Path;

use anyhow::{Context, Result};
use polyspan_node::keys::{KeyFile, Passphrase, SigningKey, decrypt_keystore, require_private};

use crate::args::KeyArguments;
use crate::failure::BadInput;

/// Opens the key of a command line, or finds out where it is.
///
/// Errors: the files, the passphrase, or the signer.
pub async fn unlock(arguments: &KeyArguments) -> Result<SigningKey> {
    let keystore = match (&arguments.signer, &arguments.key) {
        (Some(signer), _) => return signer.open().await,
        (None, Some(keystore)) => keystore.clone(),
        (None, None) => return Err(BadInput::new("give a key with --key or --signer").into()),
    };
    if let Some(passphrase_file) = arguments.passphrase_file.clone() {
        return Ok(SigningKey::Local(KeyFile { keystore, passphrase_file }.unlock()?));
    }
    require_private(&keystore)?;
    let passphrase = ask(&format!("Passphrase of {}: ", keystore.display()))?;
    Ok(SigningKey::Local(decrypt_keystore(&keystore, &passphrase)?))
}

/// The passphrase of a new key: from a file, or typed twice.
///
/// Errors: the file; or nothing, or not the same, was typed.
pub fn new_passphrase(file: Option<&Path>) -> Result<Passphrase> {
    if let Some(file) = file {
        return Ok(Passphrase::load(file)?);
    }
    let first = ask("Passphrase for the new key: ")?;
    if first.is_empty() {
        return Err(BadInput::new("an empty passphrase protects nothing; choose one").into());
    }
    if first != ask("Again: ")? {
        return Err(BadInput::new("the two passphrases differ; start again").into());
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<Passphrase> {
    secret(prompt, "--passphrase-file FILE").map(Passphrase::new)
}

/// Asks for something that is not shown.
///
/// Errors: there is no terminal.
pub fn secret(prompt: &str, instead: &str) -> Result<String> {
    rpassword::prompt_password(prompt)
        .map_err(|error| BadInput::new(format!("cannot ask without a terminal ({error}); give {instead}")))
        .context("no secret was given")
}
