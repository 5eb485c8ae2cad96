use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn written(folder: &TempDir, passphrase: &str) -> (KeyFile, PrivateKeySigner) {
    let key =
        KeyFile { keystore: folder.path().join("key.json"), passphrase_file: folder.path().join("pass") };
    let signer = PrivateKeySigner::random();
    create_keystore(&key.keystore, &signer, &Passphrase::new("correct")).unwrap();
    fs::write(&key.passphrase_file, passphrase).unwrap();
    fs::set_permissions(&key.passphrase_file, fs::Permissions::from_mode(0o600)).unwrap();
    (key, signer)
}

#[test]
fn a_written_key_opens_again_and_is_private() {
    let folder = TempDir::new().unwrap();
    let (key, signer) = written(&folder, "correct\n");
    assert_eq!(fs::metadata(&key.keystore).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(key.check().is_empty());
    assert_eq!(key.unlock().unwrap().address(), signer.address());
    let text = fs::read_to_string(&key.keystore).unwrap();
    assert!(text.contains(&alloy::hex::encode(signer.address())));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
}

#[test]
fn a_wrong_passphrase_names_both_files() {
    let folder = TempDir::new().unwrap();
    let (key, _) = written(&folder, "guess");
    let error = key.unlock().unwrap_err().to_string();
    assert!(
        error.contains("wrong passphrase") && error.contains("key.json") && error.contains("pass"),
        "{error}"
    );
    assert!(!error.contains("guess"));
}

#[test]
fn a_key_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let (key, signer) = written(&folder, "correct");
    let error =
        create_keystore(&key.keystore, &PrivateKeySigner::random(), &Passphrase::new("x")).unwrap_err();
    assert!(matches!(error, KeyError::Exists(_)));
    assert_eq!(key.unlock().unwrap().address(), signer.address());
}

#[test]
fn a_folder_that_is_missing_is_what_a_new_key_lacks() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("missing/key.json");
    let error = create_keystore(&file, &PrivateKeySigner::random(), &Passphrase::new("x")).unwrap_err();
    let folder = folder.path().join("missing");
    assert!(
        error.to_string().contains(&format!("the folder {} does not exist", folder.display())),
        "{error}"
    );
}

#[test]
fn a_directory_or_a_device_is_called_that_and_nobody_is_to_change_its_mode() {
    let folder = TempDir::new().unwrap();
    for (file, kind) in [(folder.path(), "directory"), (Path::new("/dev/zero"), "device")] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = require_private(file).unwrap_err().to_string();
        assert!(error.contains(kind) && !error.contains("chmod"), "{error}");
    }
}

/// Each of them fails in the library with the names of its types, takes hours, or more memory than there is.
#[test]
fn a_keystore_with_a_strange_part_is_told_by_that_part() {
    let folder = TempDir::new().unwrap();
    let (key, _) = written(&folder, "correct");
    let good: serde_json::Value = serde_json::from_str(&fs::read_to_string(&key.keystore).unwrap()).unwrap();
    for (part, value, told) in [
        ("/crypto/kdf", serde_json::json!("argon2"), "neither scrypt nor pbkdf2"),
        ("/crypto/kdfparams/n", serde_json::json!("many"), "kdfparams.n"),
        ("/crypto/kdfparams/n", serde_json::json!(1_u64 << 40), "more than 1 GiB"),
        ("/crypto/kdfparams/salt", serde_json::json!(null), "kdfparams.salt"),
        ("/crypto/kdfparams/salt", serde_json::json!("xyz"), "not what it should be"),
        ("/crypto/mac", serde_json::json!(5), "not what it should be"),
    ] {
        let mut strange = good.clone();
        *strange.pointer_mut(part).unwrap() = value;
        fs::write(&key.keystore, strange.to_string()).unwrap();
        let error = key.unlock().unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains("Type") && !error.contains("expected"), "{error}");
    }
}

#[test]
fn files_that_others_can_read_are_not_opened() {
    let folder = TempDir::new().unwrap();
    let (key, _) = written(&folder, "correct");
    for file in [&key.keystore, &key.passphrase_file] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = key.unlock().unwrap_err();
        assert!(matches!(&error, KeyError::NotPrivate { mode: 0o640, .. }), "{error}");
        assert_eq!(error.file(), file);
        assert_eq!(key.check().len(), 1);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_file_that_is_no_keystore_is_refused_without_a_panic() {
    let folder = TempDir::new().unwrap();
    let (key, _) = written(&folder, "correct");
    let good = fs::read_to_string(&key.keystore).unwrap();
    let spoiled = ["", "{}", "[1]", "{\"version\":3}"].map(str::to_owned).into_iter().chain([
        good.replace("\"dklen\":32", "\"dklen\":8"),
        good.replace("\"iv\":\"", "\"iv\":\"zz"),
        good.replace("\"version\":3", "\"version\":1"),
        good.replace("\"ciphertext\":\"", "\"ciphertext\":\"00"),
    ]);
    for text in spoiled {
        fs::write(&key.keystore, &text).unwrap();
        let error = key.unlock().unwrap_err();
        assert!(matches!(error, KeyError::Malformed { .. }), "{text}: {error}");
    }
}

#[test]
fn an_empty_passphrase_file_is_named() {
    let folder = TempDir::new().unwrap();
    let (key, _) = written(&folder, "\n");
    assert!(matches!(key.unlock().unwrap_err(), KeyError::EmptyPassphrase(_)));
}
