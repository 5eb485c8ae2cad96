//! `polyspan deploy`

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use polyspan_chain::Part;
use polyspan_node::config::{Deployment, Pair};
use polyspan_node::files::read_text;

use crate::args::FeeArguments;
use crate::deploy::progress::Progress;
use crate::deploy::spec::DeploySpec;
use crate::deploy::{run as execute, survey};
use crate::failure::BadInput;
use crate::output;

/// Arguments of `polyspan deploy`.
#[derive(Debug, clap::Args)]
pub struct DeployArguments {
    /// What to deploy; see deploy.example.toml.
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// Deployment file to write, for the configs of relays and users; never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    gas: FeeArguments,
}

/// Deploys, wires and verifies a bridge, and writes its addresses. One that was broken off goes on where it was.
///
/// Errors: all problems of the file, keys and chains before anything is sent; then the step that failed, with what was
/// done before it.
pub async fn run(arguments: DeployArguments) -> Result<ExitCode> {
    let DeployArguments { spec: file, out, gas } = arguments;
    let spec = DeploySpec::load(&file)?;
    let _alone = alone(&file)?;
    let mut progress = Progress::open(&out, &spec)?;
    if progress.is_begun() {
        let file = progress.file().display();
        output::remark(format!("{file} is of a deployment that was broken off; it goes on"));
    }
    let deployment = match deploy(&spec, gas, &mut progress).await {
        Ok(deployment) => deployment,
        Err(error) => {
            if !progress.is_begun() {
                progress.remove();
            }
            return Err(error);
        }
    };
    write(&out, &deployment)?;
    progress.remove();
    if output::is_json() {
        output::json(&serde_json::json!({
            "file": out,
            "lanes": deployment.lanes().map(|lane| serde_json::json!({ "lane": lane.id.to_string(), "bridge_id": lane.bridge_id })),
            "deployment": deployment,
        }))?;
    } else {
        print(&deployment, &out);
    }
    Ok(ExitCode::SUCCESS)
}

async fn deploy(spec: &DeploySpec, gas: FeeArguments, progress: &mut Progress) -> Result<Deployment> {
    let head = if progress.is_begun() { "nothing more was deployed" } else { "nothing was deployed" };
    let mut sites = survey::survey(spec, gas, progress)
        .await
        .map_err(|problems| BadInput::list(&format!("{head}; correct first"), &problems))?;
    // Before anything is sent: addresses that cannot be written down would be lost.
    progress.settle(&mut sites)?;
    execute::run(spec, &sites, progress).await
}

/// Holds the spec for this process: two that deploy it at once would pay twice.
fn alone(spec: &Path) -> Result<File> {
    let file = File::open(spec).with_context(|| format!("cannot open {}", spec.display()))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let spec = spec.display();
            Err(BadInput::new(format!("another `polyspan deploy` of {spec} is running; wait until it ends"))
                .into())
        }
        // A file system without locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Writes the result. What is there already can only be a beginning of it that this command was killed in.
fn write(out: &Path, deployment: &Deployment) -> Result<()> {
    let text = deployment.to_toml();
    let lost = || format!("cannot write {}; what it should hold:\n{text}", out.display());
    match read_text(out) {
        Ok(found) if !text.starts_with(&found) => {
            let taken = BadInput::new(format!("{} exists already and is not overwritten", out.display()));
            return Err(anyhow::Error::from(taken)).with_context(lost);
        }
        _ => {}
    }
    let written = File::create(out).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(lost)
}

fn print(deployment: &Deployment, out: &Path) {
    let ends = [("main", &deployment.main), ("service", &deployment.service)].map(|(word, side)| {
        let block = side.deployment_block.to_string();
        vec![word.to_owned(), side.chain.clone(), side.chain_id.to_string(), side.bridge.to_string(), block]
    });
    output::table(&["side", "chain", "chain id", "bridge", "deployed in block"], ends);
    for side in [&deployment.main, &deployment.service] {
        if let Some(parts) = side.parts {
            let parts = Part::ALL.map(|part| format!("{part} {}", parts.of(part))).join(", ");
            output::result(format!(
                "parts on chain {}, which other bridges there can use: {parts}",
                side.chain
            ));
        }
    }
    let lanes = deployment.lanes().map(|lane| vec![lane.id.to_string(), lane.bridge_id.to_string()]);
    output::table(&["lane", "bridge id"], lanes);
    if !deployment.pairs.is_empty() {
        let row = |pair: &Pair| {
            let tokens = [pair.main_token, pair.service_token];
            let [main, service] =
                tokens.map(|token| if token.is_zero() { "native".to_owned() } else { token.to_string() });
            vec![pair.name.clone(), pair.kind.to_string(), main, service, pair.mints.to_string()]
        };
        let head = ["pair", "kind", "token on main", "token on service", "minted on"];
        output::table(&head, deployment.pairs.iter().map(row));
    }
    output::result(format!("verified; wrote {}", out.display()));
}
