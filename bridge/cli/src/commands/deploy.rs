//! `polyspan deploy`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use polyspan_chain::Part;
use polyspan_node::config::{Deployment, Pair};

use crate::args::FeeArguments;
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

/// Deploys, wires and verifies a bridge, and writes its addresses.
///
/// Errors: all problems of the file, keys and chains before anything is sent; then the step that failed, with what was
/// done before it.
pub async fn run(arguments: DeployArguments) -> Result<ExitCode> {
    let DeployArguments { spec: file, out, gas } = arguments;
    let spec = DeploySpec::load(&file)?;
    let target = reserve(&out)?;
    let sites = match survey::survey(&spec, gas).await {
        Ok(sites) => sites,
        Err(problems) => {
            target.give_up();
            return Err(BadInput::list("nothing was deployed; correct first", &problems).into());
        }
    };
    let deployment = execute::run(&spec, &sites).await.inspect_err(|_| target.give_up())?;
    target.write(&deployment)?;
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

/// The file to write, made before anything is sent: addresses that cannot be written down would be lost.
struct Target<'a> {
    path: &'a Path,
    file: std::fs::File,
}

fn reserve(path: &Path) -> Result<Target<'_>, BadInput> {
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BadInput::new(format!(
            "{} exists already and is not overwritten; choose another name",
            path.display()
        )),
        std::io::ErrorKind::NotFound => crate::handover::missing_folder(path),
        _ => BadInput::new(format!("--out: cannot write {}: {error}", path.display())),
    };
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(refused)?;
    Ok(Target { path, file })
}

impl Target<'_> {
    fn give_up(&self) {
        // Empty, and ours: a leftover would only stand in the way of the next try.
        let _ = std::fs::remove_file(self.path);
    }

    fn write(mut self, deployment: &Deployment) -> Result<()> {
        let text = deployment.to_toml();
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.with_context(|| format!("cannot write {}; what it should hold:\n{text}", self.path.display()))
    }
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
