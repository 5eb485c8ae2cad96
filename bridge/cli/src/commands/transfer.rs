//! `polyspan transfer`

mod asset;
mod checks;
mod follow;
mod nature;
mod pace;
mod permit;
mod plan;
mod preview;
mod progress;
mod request;
mod told;
mod trail;

use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::{Address, Bytes, U256};
use anyhow::Result;
use polyspan_node::config::{Config, LaneInfo};
use polyspan_node::keys::SigningKey;
use polyspan_types::{Kind, LaneId, TransferId};

use crate::args::{ConfigFile, FeeArguments, KeyArguments, address, bytes, duration, token_id};
use crate::handover;
use crate::network::Network;
use crate::output;
use crate::unlock;
use crate::wallet::Wallet;
use asset::{Asset, Way};
use plan::Plan;
use told::Told;
use trail::Trail;

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
        /// Sign a permit (ERC-2612) instead of sending an approval.
        #[arg(long, conflicts_with = "one_step")]
        permit: bool,
        /// Send the token to the bridge with the request as its data (ERC-1363): one transaction and no approval.
        #[arg(long)]
        one_step: bool,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// An ERC-721 token.
    Erc721 {
        /// Name of its pair, or its address on the source chain.
        #[arg(long, value_name = "PAIR|ADDR")]
        token: String,
        /// Its id.
        #[arg(long, value_parser = token_id)]
        id: U256,
        /// Send the token to the bridge with the request as its data: one transaction and no approval.
        #[arg(long)]
        one_step: bool,
        #[command(flatten)]
        common: CommonArguments,
    },
    /// Units of up to 16 ids of an ERC-1155 token.
    Erc1155 {
        /// Name of its pair, or its address on the source chain.
        #[arg(long, value_name = "PAIR|ADDR")]
        token: String,
        /// An id; repeated for several.
        #[arg(long = "id", value_name = "ID", required = true, value_parser = token_id)]
        ids: Vec<U256>,
        /// Units of each id, in the same order.
        #[arg(long = "amount", value_name = "COUNT", required = true)]
        amounts: Vec<String>,
        /// Send the token to the bridge with the request as its data: one transaction and no approval.
        #[arg(long)]
        one_step: bool,
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
    /// Greatest fee that may be charged, in the currency of the pair's fee. Default: the fee of now.
    #[arg(long, value_name = "AMOUNT")]
    fee_limit: Option<String>,
    /// Data for the recipient, at most 1024 bytes of hex.
    #[arg(long, value_name = "HEX", default_value = "0x", value_parser = bytes)]
    extra_data: Bytes,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    gas: FeeArguments,
    /// Send without asking.
    #[arg(long)]
    yes: bool,
    /// Wait until it is paid or held; exit code 0 only when paid.
    #[arg(long)]
    wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    timeout: Duration,
    /// Print JSON: one object, at the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

impl AssetArguments {
    fn into_parts(self) -> (Asset, CommonArguments) {
        let way = |one_step| if one_step { Way::OneStep } else { Way::Approval };
        let of = |kind, token, ids, amounts, way| Asset { kind, token, ids, amounts, way };
        match self {
            Self::Native { amount, common } => {
                (of(Kind::Native, None, Vec::new(), vec![amount], Way::Approval), common)
            }
            Self::Erc20 { token, amount, permit, one_step, common } => {
                let way = if permit { Way::Permit } else { way(one_step) };
                (of(Kind::Erc20, Some(token), Vec::new(), vec![amount], way), common)
            }
            Self::Erc721 { token, id, one_step, common } => {
                (of(Kind::Erc721, Some(token), vec![id], vec!["1".to_owned()], way(one_step)), common)
            }
            Self::Erc1155 { token, ids, amounts, one_step, common } => {
                (of(Kind::Erc1155, Some(token), ids, amounts, way(one_step)), common)
            }
        }
    }
}

/// A transfer that is planned, and the key that requests it.
struct Ready {
    network: Network,
    info: LaneInfo,
    signer: SigningKey,
    wallet: Wallet,
    plan: Plan,
    /// What is moved, for people.
    what: String,
    remarks: Vec<String>,
}

/// Shows what would move, asks, requests the transfer, and waits for it when asked to. Exit code 1 when it is held, 3 when it is
/// not paid in time, 130 after an interrupt.
///
/// Errors: everything that the request would be refused for, all together, before anything is sent.
pub async fn run(arguments: TransferArguments) -> Result<ExitCode> {
    let (asset, common) = arguments.asset.into_parts();
    let ready = prepare(asset, &common).await?;
    let trail = Trail::new(common.json, &common.file.config, &ready.info.source.chain);
    let outcome = tokio::select! {
        // First, so that the interrupt is caught before anything is sent.
        biased;
        _ = tokio::signal::ctrl_c() => return trail.interrupted(),
        outcome = send(&ready, &common, &trail) => outcome,
    };
    trail.progress.clear();
    outcome.map_err(|error| trail.explained(error))
}

/// Plans the transfer, shows it, and asks for a yes.
async fn prepare(asset: Asset, common: &CommonArguments) -> Result<Ready> {
    let network = Network::open(Config::load(&common.file.config)?).await?;
    let info = network.lane(&common.lane)?;
    let signer = unlock::unlock(&common.key).await?;
    let wallet = Wallet::new(network.chain(&info.source).clone(), signer.clone());
    let wallet = wallet.paying_at_most(common.gas.max_fee);
    let (plan, remarks) = plan::plan(&network, &info, &wallet, asset, common).await?;
    let what = preview::what(&network, &info, &plan);
    if !(common.json && common.yes) {
        let time = pace::rough(network.chain(&info.source), network.chain(&info.destination)).await;
        preview::lines(&info, &plan, &what, time).iter().for_each(output::remark);
    }
    remarks.iter().for_each(|remark| output::remark(format!("note: {remark}")));
    if !common.yes {
        handover::confirm("Send it? [y/N] ", "check what would be sent", "nothing was sent")?;
    }
    Ok(Ready { network, info, signer, wallet, plan, what, remarks })
}

async fn send(ready: &Ready, common: &CommonArguments, trail: &Trail) -> Result<ExitCode> {
    let Ready { network, info, signer, wallet, plan, .. } = ready;
    let start = network.chain(&info.destination).head().await.ok().map(|head| head.latest.height);
    let request = request::send(wallet, signer, info, plan, trail).await?;
    let id = TransferId { lane: info.id.clone(), nonce: request.nonce };
    trail.requested(id.clone());
    let mut told = Told::new(&id, &request, plan, ready.what.clone(), ready.remarks.clone(), common.json);
    trail.progress.aside(|| told.requested());
    if common.wait {
        let progress = &trail.progress;
        let end =
            follow::follow(network, info.clone(), &id, &request, start, common.timeout, progress).await?;
        told.end = Some(end);
    }
    trail.progress.clear();
    told.finish()
}
