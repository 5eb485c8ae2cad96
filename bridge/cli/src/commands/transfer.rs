//! `polyspan transfer`

mod checks;
mod follow;
mod request;

use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use anyhow::Result;
use polyspan_node::config::Config;
use polyspan_types::{Kind, LaneId, TransferId};

use crate::args::{ConfigFile, KeyArguments, address, duration};
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::Wallet;
use request::Asset;

/// Arguments of `polyspan transfer`.
#[derive(Debug, clap::Args)]
pub struct TransferArguments {
    /// What is moved.
    #[command(subcommand)]
    asset: AssetArguments,
}

/// What is moved.
#[derive(Debug, clap::Subcommand)]
enum AssetArguments {
    /// The native currency of the source chain.
    Native {
        /// How much, such as 1.5.
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// An ERC-20 token.
    Erc20 {
        /// Name of its pair, or its address on the source chain.
        #[arg(long, value_name = "PAIR|ADDR")]
        token: String,
        /// How much, such as 1.5, in whole tokens.
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// An ERC-721 token.
    Erc721 {
        /// Name of its pair, or its address on the source chain.
        #[arg(long, value_name = "PAIR|ADDR")]
        token: String,
        /// Its id.
        #[arg(long)]
        id: alloy::primitives::U256,
        #[command(flatten)]
        common: CommonArguments,
    },
}

/// What every transfer needs.
#[derive(Debug, clap::Args)]
struct CommonArguments {
    /// The lane, such as kr/main-to-service.
    #[arg(long)]
    lane: LaneId,
    /// Recipient on the destination chain.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    to: Address,
    /// Who is paid back on the source chain if the transfer cannot be paid. Default: the sender.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    refund_to: Option<Address>,
    /// Data for the recipient, at most 1024 bytes of hex.
    #[arg(long, value_name = "HEX", default_value = "0x")]
    extra_data: Bytes,
    #[command(flatten)]
    key: KeyArguments,
    /// Wait until it is paid or held; exit code 0 only when paid.
    #[arg(long)]
    wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    file: ConfigFile,
}

/// Requests a transfer, and waits for it when asked to. Exit code 1 when it is held or not paid in time.
///
/// Errors: everything that the request would be refused for, all together, before anything is sent.
pub async fn run(arguments: TransferArguments) -> Result<ExitCode> {
    let (asset, common) = match arguments.asset {
        AssetArguments::Native { amount, common } => {
            (Asset { kind: Kind::Native, token: None, value: amount }, common)
        }
        AssetArguments::Erc20 { token, amount, common } => {
            (Asset { kind: Kind::Erc20, token: Some(token), value: amount }, common)
        }
        AssetArguments::Erc721 { token, id, common } => {
            (Asset { kind: Kind::Erc721, token: Some(token), value: id.to_string() }, common)
        }
    };
    let network = Network::open(Config::load(&common.file.config)?)?;
    let info = network.lane(&common.lane)?;
    let signer = unlock::unlock(&common.key)?;
    let wallet = Wallet::new(network.chain(&info.source).clone(), signer);
    let plan = request::plan(&network, &info, &wallet, asset, &common).await?;
    let start = network.chain(&info.destination).head().await.ok().map(|head| head.latest.height);
    let requested = request::send(&wallet, &info, &plan).await?;
    let id = TransferId { lane: info.id.clone(), nonce: requested.request.nonce };
    output::result(format!("request transaction: {}", requested.request.tx_hash));
    output::result(format!("transfer: {id}"));
    if !common.wait {
        return Ok(ExitCode::SUCCESS);
    }
    follow::follow(&network, info, &id, requested.request, start, common.timeout).await
}
