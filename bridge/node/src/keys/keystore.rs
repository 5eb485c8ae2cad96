//! Reading and writing keystore v3 files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use alloy::signers::k256::elliptic_curve::rand_core::{OsRng, RngCore};
use alloy::signers::local::{LocalSignerError, PrivateKeySigner};
use serde_json::Value;

use super::{KeyError, Passphrase};

/// Bytes of scrypt for each unit of `n` times `r`. Source: RFC 7914.
const SCRYPT_BYTES: u64 = 128;

/// Most memory of a derivation. Unit: bytes. Source: four times what other wallets use (`n` = 262 144, `r` = 8).
const DERIVATION_MEMORY: u64 = 1 << 30;

/// Most lanes of scrypt, which are worked through one after the other. Source: wallets use 1 to 8.
const LANES: u64 = 16;

/// Most rounds of PBKDF2. Source: forty times what wallets use.
const ROUNDS: u64 = 10_000_000;

/// Opens a keystore.
///
/// Errors: missing, no keystore, or another passphrase. Permissions are the caller's business.
pub fn decrypt_keystore(file: &Path, passphrase: &Passphrase) -> Result<PrivateKeySigner, KeyError> {
    let text = crate::files::read_text(file).map_err(|error| KeyError::io(file, error))?;
    let malformed = |reason: &str| KeyError::Malformed { file: file.to_owned(), reason: reason.to_owned() };
    check_form(&text).map_err(|reason| malformed(&reason))?;
    PrivateKeySigner::decrypt_keystore(file, passphrase.expose()).map_err(|error| match error {
        LocalSignerError::EcdsaError(_) => malformed("it holds no secp256k1 key"),
        // The library's variants are private to it; a form that passed the check above fails by its MAC only.
        other if other.to_string().contains("Mac Mismatch") => {
            KeyError::WrongPassphrase { keystore: file.to_owned(), passphrase_file: None }
        }
        // Its words name the types of the library, and nothing that a person has written.
        _ => malformed("it lacks a part, or a part is not what it should be"),
    })
}

/// Writes a key that can be opened with `passphrase`: mode 0600, with its address, never over another file.
///
/// Errors: the file exists, or the file system refuses.
pub fn create_keystore(file: &Path, key: &PrivateKeySigner, passphrase: &Passphrase) -> Result<(), KeyError> {
    // The library writes with the process's umask and overwrites; what it writes is moved by us.
    let scratch = Scratch::create(file)?;
    let name = Some("key");
    PrivateKeySigner::encrypt_keystore(&scratch.0, &mut OsRng, key.to_bytes(), passphrase.expose(), name)
        .map_err(|error| KeyError::Io { file: file.to_owned(), error: std::io::Error::other(error) })?;
    let written = scratch.0.join("key");
    let text = fs::read_to_string(&written).map_err(|error| KeyError::io(&written, error))?;
    let mut json: Value = serde_json::from_str(&text).expect("the library wrote JSON");
    json["address"] = Value::String(alloy::hex::encode(key.address()));
    write_private(file, json.to_string().as_bytes())
}

/// Creates a private file, durable when this returns.
fn write_private(file: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let io = |error| KeyError::io(file, error);
    let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(io)?;
    handle.write_all(bytes).and_then(|()| handle.sync_all()).map_err(io)
}

/// What the library would panic on, or not understand.
fn check_form(text: &str) -> Result<(), String> {
    let json: Value = serde_json::from_str(text).map_err(|_| "it is no JSON".to_owned())?;
    if json["version"].as_u64() != Some(3) {
        return Err("its version is not 3".to_owned());
    }
    let crypto = &json["crypto"];
    check_derivation(crypto)?;
    let hex_bytes = |value: &Value| value.as_str().map_or(0, |text| text.len() / 2);
    if crypto["kdfparams"]["dklen"].as_u64() != Some(32) {
        return Err("its derived key has not 32 bytes".to_owned());
    }
    if crypto["cipher"].as_str() != Some("aes-128-ctr") || hex_bytes(&crypto["cipherparams"]["iv"]) != 16 {
        return Err("its cipher is not aes-128-ctr with 16 bytes of iv".to_owned());
    }
    if hex_bytes(&crypto["ciphertext"]) != 32 {
        return Err("its ciphertext has not 32 bytes".to_owned());
    }
    Ok(())
}

/// What a passphrase is turned into a key with. What would take minutes, or more memory than a host has, is refused.
fn check_derivation(crypto: &Value) -> Result<(), String> {
    let parameters = &crypto["kdfparams"];
    let number = |name: &str| {
        let given = parameters[name].as_u64().filter(|given| *given > 0);
        given.ok_or_else(|| format!("kdfparams.{name} is not a number above zero"))
    };
    match crypto["kdf"].as_str() {
        Some("scrypt") => {
            let (n, r, p) = (number("n")?, number("r")?, number("p")?);
            let memory = n.saturating_mul(r).saturating_mul(SCRYPT_BYTES);
            if memory > DERIVATION_MEMORY || p > LANES {
                return Err("its scrypt parameters take more than 1 GiB of memory".to_owned());
            }
        }
        Some("pbkdf2") => {
            if number("c")? > ROUNDS {
                return Err(format!("its pbkdf2 takes more than {ROUNDS} rounds"));
            }
        }
        _ => return Err("its kdf is neither scrypt nor pbkdf2".to_owned()),
    }
    if parameters["salt"].as_str().is_none() {
        return Err("kdfparams.salt is missing".to_owned());
    }
    Ok(())
}

/// A private directory beside the target, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn create(beside: &Path) -> Result<Self, KeyError> {
        if beside.exists() {
            return Err(KeyError::Exists(beside.to_owned()));
        }
        let mut path = beside.as_os_str().to_owned();
        path.push(format!(".{:016x}.new", OsRng.next_u64()));
        let path = PathBuf::from(path);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => KeyError::NoFolder(beside.to_owned()),
            _ => KeyError::io(&path, error),
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Only an encrypted key lies in it; a leftover is untidy, not dangerous.
        let _ = fs::remove_dir_all(&self.0);
    }
}
