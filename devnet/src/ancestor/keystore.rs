//! Keys of the ancestor's operators, as its nodes keep them.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Opens the keystore in this folder with the passphrase file beside it. A node of Kaia writes keystores of version 4, which hold lists of
/// keys; each key in them has the form of version 3.
///
/// Errors: a file is missing, or has another form.
pub(super) fn open(folder: &Path) -> Result<PrivateKeySigner> {
    let (mut keystore, mut passphrase) = (None, None);
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("UTC--")) {
            keystore = Some(text);
        } else {
            passphrase = Some(text);
        }
    }
    let keystore = keystore.with_context(|| format!("no keystore in {}", folder.display()))?;
    let passphrase = passphrase.with_context(|| format!("no passphrase in {}", folder.display()))?;
    let third = folder.with_extension("v3.json");
    std::fs::write(&third, third_version(&keystore)?.to_string())
        .with_context(|| format!("cannot write {}", third.display()))?;
    let signer = PrivateKeySigner::decrypt_keystore(&third, passphrase).context("cannot open a keystore")?;
    std::fs::remove_file(&third).with_context(|| format!("cannot delete {}", third.display()))?;
    Ok(signer)
}

/// The first key of a keystore of version 4, as a keystore of version 3.
fn third_version(keystore: &str) -> Result<Value> {
    let keystore: Value = serde_json::from_str(keystore).context("a keystore is no JSON")?;
    let key = keystore.pointer("/keyring/0/0").context("a keystore without a key")?;
    Ok(json!({ "version": 3, "id": keystore["id"], "address": keystore["address"], "crypto": key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_becomes_the_only_one() {
        let fourth = r#"{"version":4,"id":"i","address":"a","keyring":[[{"cipher":"c"},{"cipher":"d"}]]}"#;
        let third = json!({"version":3,"id":"i","address":"a","crypto":{"cipher":"c"}});
        assert_eq!(third_version(fourth).unwrap(), third);
        assert!(third_version(r#"{"version":4}"#).is_err());
    }
}
