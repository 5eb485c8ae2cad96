//! Changes as they are typed, and the calls that make them.

mod build;

use std::time::Duration;

use alloy::primitives::{Address, U256};
use polyspan_node::config::Minter;
use polyspan_types::{Kind, TransferId};

use crate::args::{address, duration, number, token_id};
use crate::governance::limits::LimitWords;

pub use build::Ground;

/// One change of a bridge.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Change {
    /// Replaces all operators. Nobody new and no lower threshold takes effect at once.
    SetOperators(MembersArguments),
    /// Replaces all governors, and cancels everything that waits. Nobody new and no lower threshold takes effect at once.
    SetGovernors(MembersArguments),
    /// Registers a pair of tokens. Waits.
    RegisterPair(RegisterArguments),
    /// Removes a pair that is locked, of which nothing is left and nothing is on its way. Waits.
    DeregisterPair(DeregisterArguments),
    /// Refuses requests of a pair; payouts go on. At once.
    LockPair(PairArguments),
    /// Accepts requests of a pair again. Waits.
    UnlockPair(PairArguments),
    /// Sets what one payout of a pair may use. Waits.
    SetGasCap {
        #[command(flatten)]
        pair: PairArguments,
        /// Gas of one payout.
        #[arg(long, value_name = "GAS", value_parser = number::<u32>)]
        gas_cap: u32,
    },
    /// Sets what no pair's gas cap can be above, for a chain whose gas prices have changed. Waits.
    SetGreatestGasCap {
        /// From 100000 to 15000000.
        #[arg(long, value_name = "GAS", value_parser = number::<u32>)]
        gas_cap: u32,
    },
    /// Sets what a pair allows; what is not named stays. At once when nothing becomes wider and no fee rises.
    SetLimits(LimitArguments),
    /// Names who receives the fees. Waits.
    SetFeeReceiver {
        /// The account, or `nobody`.
        #[arg(long, value_name = "ADDR", value_parser = account)]
        to: Address,
    },
    /// Sets how long a hold waits before anyone may refund it. Longer takes effect at once.
    SetRefundDelay {
        /// Blocks of the chain: 1 to 2592000.
        #[arg(long, value_name = "COUNT", value_parser = number::<u64>)]
        blocks: u64,
    },
    /// Sets how long loosening changes wait. Longer takes effect at once.
    SetGovernanceDelay {
        /// From 1h to 30days.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        delay: Duration,
    },
    /// Ends a pause. At once.
    Unpause,
    /// Refuses all requests, before a migration. Waits, since a request is how users leave.
    StopRequests,
    /// Accepts requests again. Waits.
    ResumeRequests,
    /// Names the bridge whose value this one may take over. Waits.
    SetPredecessor {
        /// The former bridge, or `nobody`.
        #[arg(long, value_name = "ADDR", value_parser = account)]
        from: Address,
    },
    /// Moves value that is owed to nobody into the successor. Requests must be stopped on both chains, and have been for as
    /// long as changes wait. Waits.
    Migrate(MigrateArguments),
    /// Makes the successor the one who mints and burns a pair's token, once nothing of it is left. Requests must be stopped on
    /// both chains. Waits.
    HandOver(HandOverArguments),
    /// Ends a hold that neither a release nor a refund can end: its value goes into the bridge's claims, where its recipient can take
    /// it (`polyspan claim`). Waits. On the chain that holds it.
    WriteOff {
        /// The transfer on hold, such as kr/main-to-service:42.
        #[arg(value_name = "TRANSFER")]
        transfer: TransferId,
    },
}

/// Members and how many of them are needed.
#[derive(Debug, Clone, clap::Args)]
pub struct MembersArguments {
    /// All of them, separated by commas.
    #[arg(long, value_name = "ADDR,...", value_delimiter = ',', value_parser = address, required = true)]
    pub members: Vec<Address>,
    /// How many of them: more than half.
    #[arg(long, value_parser = number::<u8>)]
    pub threshold: u8,
}

/// A pair that is registered.
#[derive(Debug, Clone, clap::Args)]
pub struct PairArguments {
    /// Name of the pair, `native`, or the address of its token on either chain.
    #[arg(long, value_name = "PAIR|ADDR")]
    pub pair: String,
}

/// A pair that is to go.
#[derive(Debug, Clone, clap::Args)]
pub struct DeregisterArguments {
    #[command(flatten)]
    pub pair: PairArguments,
    /// How many requests of the counterpart this side has to have handled at least. Default: what the counterpart has, if its
    /// side of the pair is locked.
    #[arg(long, value_name = "NONCE", value_parser = number::<u64>)]
    pub inbound_nonce: Option<u64>,
    /// How many requests of this side the counterpart has handled, as far as governors have seen it. Default: what it has handled now.
    #[arg(long, value_name = "NONCE", value_parser = number::<u64>)]
    pub outbound_nonce: Option<u64>,
}

/// A token that gets another minter.
#[derive(Debug, Clone, clap::Args)]
pub struct HandOverArguments {
    #[command(flatten)]
    pub pair: PairArguments,
    /// The new bridge of this chain.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub successor: Address,
    /// The counterpart's final number of requests. Default: what it has, if its requests are stopped.
    #[arg(long, value_name = "NONCE", value_parser = number::<u64>)]
    pub inbound_nonce: Option<u64>,
}

/// A pair that is not registered yet.
#[derive(Debug, Clone, clap::Args)]
pub struct RegisterArguments {
    /// native, erc20, erc721 or erc1155.
    #[arg(long)]
    pub kind: Kind,
    /// Token on the main chain, or `native`.
    #[arg(long, value_name = "ADDR", value_parser = token)]
    pub main_token: Address,
    /// Token on the service chain, or `native`.
    #[arg(long, value_name = "ADDR", value_parser = token)]
    pub service_token: Address,
    /// The side that mints: main, service or none.
    #[arg(long)]
    pub mints: Minter,
    /// What one request may carry: bytes of an erc721's URI (0 to 512), ids of an erc1155 (1 to 16). Default: the most that fits the
    /// greatest gas caps of both chains.
    #[arg(long, value_name = "COUNT", value_parser = number::<u16>)]
    pub item_bound: Option<u16>,
    /// Gas of one payout. Default: 100000 for native, 150000 for erc20; for tokens by id what the contract asks for with the item
    /// bound.
    #[arg(long, value_name = "GAS", value_parser = number::<u32>)]
    pub gas_cap: Option<u32>,
}

/// Limits, in whole tokens.
#[derive(Debug, Clone, clap::Args)]
pub struct LimitArguments {
    #[command(flatten)]
    pub pair: PairArguments,
    /// Least amount of a request.
    #[arg(long, value_name = "AMOUNT")]
    minimum: Option<String>,
    /// Greatest amount of a request, or `none`.
    #[arg(long, value_name = "AMOUNT")]
    maximum: Option<String>,
    /// What a request costs.
    #[arg(long, value_name = "AMOUNT")]
    fee: Option<String>,
    /// Whether the fee is in the native currency. Default: as it is; true for an erc721 or erc1155.
    #[arg(long, value_name = "BOOL")]
    fee_in_native: Option<bool>,
    /// Greatest net outflow at once, or `none`.
    #[arg(long, value_name = "AMOUNT")]
    outflow_capacity: Option<String>,
    /// Time in which so much may flow out again.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    outflow_period: Option<Duration>,
    /// Larger payouts are held first, or `none`.
    #[arg(long, value_name = "AMOUNT")]
    delay_above: Option<String>,
    /// How many blocks they are held.
    #[arg(long, value_name = "COUNT", value_parser = number::<u32>)]
    delay_blocks: Option<u32>,
}

impl LimitArguments {
    /// What was typed.
    fn words(&self) -> LimitWords {
        LimitWords {
            minimum: self.minimum.clone(),
            maximum: self.maximum.clone(),
            fee: self.fee.clone(),
            fee_in_native: self.fee_in_native,
            outflow_capacity: self.outflow_capacity.clone(),
            outflow_period: self.outflow_period,
            delay_above: self.delay_above.clone(),
            delay_blocks: self.delay_blocks,
        }
    }
}

/// Value to move to the successor.
#[derive(Debug, Clone, clap::Args)]
pub struct MigrateArguments {
    #[command(flatten)]
    pub pair: PairArguments,
    /// The new bridge of this chain.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    successor: Address,
    /// How much, in whole tokens, or `all`. Not for ids that this side locks.
    #[arg(long, default_value = "all")]
    amount: String,
    /// Id of a token that this side locks; may be repeated.
    #[arg(long = "id", value_name = "ID", value_parser = token_id)]
    ids: Vec<U256>,
    /// Units of each id of an erc1155, in the same order.
    #[arg(long = "units", value_name = "COUNT", value_parser = number::<U256>)]
    units: Vec<U256>,
    /// The counterpart's final number of requests. Default: what it has, if its requests are stopped.
    #[arg(long, value_name = "NONCE", value_parser = number::<u64>)]
    inbound_nonce: Option<u64>,
}

fn account(text: &str) -> Result<Address, String> {
    match text {
        "nobody" => Ok(Address::ZERO),
        text => address(text).map_err(|error| format!("{error}, or `nobody`")),
    }
}

fn token(text: &str) -> Result<Address, String> {
    match text {
        "native" => Ok(Address::ZERO),
        text => address(text).map_err(|error| format!("{error}, or `native`")),
    }
}
