//! The example file, loaded, for the tests of everything that deploys.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use polyspan_node::config::ConfigErrors;
use tempfile::TempDir;

use super::DeploySpec;

/// The file that people start from.
pub const EXAMPLE: &str = include_str!("../../../deploy.example.toml");

/// A spec with that text, beside the keys that the example names.
pub fn load(text: &str) -> Result<DeploySpec, ConfigErrors> {
    let folder = TempDir::new().unwrap();
    for name in ["deployer.json", "deployer.pass"].into_iter().chain([
        "governor-1.json",
        "governor-1.pass",
        "governor-2.json",
        "governor-2.pass",
    ]) {
        fs::write(folder.path().join(name), "x").unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let file = folder.path().join("spec.toml");
    fs::write(&file, text).unwrap();
    DeploySpec::load(&file)
}

/// What the example describes.
pub fn example() -> DeploySpec {
    load(EXAMPLE).unwrap()
}
