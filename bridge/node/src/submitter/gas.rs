//! The gas limit of a transaction: what a chain takes for a call, beside what the contract's own figures say, and what it allows.

use alloy::rpc::types::TransactionRequest;
use polyspan_chain::{BridgeRevert, ChainError, ReplyKind};
use polyspan_store::Purpose;

use super::{Job, JobResult, NotSent, Submitter, SubmitterError};

/// Largest gas limit of a transaction. Unit: gas. Source: EIP-7825.
const TRANSACTION_GAS_LIMIT: u64 = 1 << 24;

/// Added to the node's estimate, since state moves between estimate and block. Unit: percent.
const MARGIN_PERCENT: u64 = 15;

/// A node's estimate with room for state that moves, as far as `limit` has room for it: what fits without a margin is tried, for
/// nothing else would ever be. An estimate above the limit stays above it. Unit: gas.
pub(super) fn with_margin(estimate: u64, limit: u64) -> u64 {
    let wanted = estimate.saturating_add(estimate.saturating_mul(MARGIN_PERCENT) / 100);
    wanted.min(limit).max(estimate)
}

/// How much more gas a call takes than the EVM's prices make it at the most: some chains charge gas for calldata that they publish
/// elsewhere. Never below one. Unit: percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GasMultiplier(u64);

impl Default for GasMultiplier {
    fn default() -> Self {
        Self(100)
    }
}

impl GasMultiplier {
    /// As an estimate shows it, beside what the call takes at the most elsewhere. Unit: gas.
    pub(super) fn of(estimate: u64, worst: u64) -> Self {
        Self(estimate.saturating_mul(100).div_ceil(worst.max(1)).max(100))
    }

    /// What a call takes here at the most. Unit: gas.
    pub(super) const fn gas(self, worst: u64) -> u64 {
        worst.saturating_mul(self.0).div_ceil(100)
    }
}

impl Submitter {
    /// The gas limit of a job that goes through in the newest state, or in the one that it presumes: that of its worst case. One call with
    /// it decides, since a node searches for an estimate by executing the call many times.
    pub(super) async fn gas_for(&mut self, job: &Job) -> Result<Result<u64, NotSent>, SubmitterError> {
        let limit = self.gas_limit();
        let call = TransactionRequest::default()
            .from(self.signer.address())
            .to(job.to)
            .input(job.calldata.clone().into());
        if may_be_estimated(job) && self.doubted.remove(&job.lane.bridge_id) {
            return self.estimated(job, &call, limit).await;
        }
        let gas = self.multiplier(job).gas(job.worst_gas).min(limit);
        let with_gas = call.clone().gas_limit(gas);
        let tried = match &job.presumed {
            Some(presumed) => self.chain.simulate(&with_gas, presumed).await,
            None => self.chain.try_transaction(&with_gas).await,
        };
        match tried {
            Ok(()) => Ok(Ok(gas)),
            Err(failed) if may_be_estimated(job) && may_lack_gas(&failed) => {
                self.estimated(job, &call, limit).await
            }
            Err(failed) => Ok(Err(self.not_sent(failed).await?)),
        }
    }

    /// The gas limit of a single transfer, or of what handles none, that its worst case was not enough for.
    async fn estimated(
        &mut self,
        job: &Job,
        call: &TransactionRequest,
        limit: u64,
    ) -> Result<Result<u64, NotSent>, SubmitterError> {
        let estimate = match self.chain.estimate_gas(call).await {
            Ok(estimate) => estimate,
            Err(failed) => return Ok(Err(self.not_sent(failed).await?)),
        };
        if job.purpose == Purpose::Handle {
            let multiplier = GasMultiplier::of(with_margin(estimate, u64::MAX), job.worst_gas);
            self.multipliers.insert(job.lane.bridge_id, multiplier);
        }
        let gas = with_margin(estimate, limit);
        if gas > limit {
            return Ok(Err(NotSent::Told(JobResult::TooLarge)));
        }
        Ok(Ok(gas.max(job.worst_gas).min(limit)))
    }

    fn multiplier(&self, job: &Job) -> GasMultiplier {
        let known = self.multipliers.get(&job.lane.bridge_id).filter(|_| job.purpose == Purpose::Handle);
        known.copied().unwrap_or_default()
    }

    /// What it means that a job does not go through.
    async fn not_sent(&mut self, failed: ChainError) -> Result<NotSent, SubmitterError> {
        if failed.is_too_slow() {
            return Ok(NotSent::Told(JobResult::TooSlow));
        }
        match (failed.reply_kind(), failed) {
            (_, ChainError::Reverted(revert)) => Ok(NotSent::Told(JobResult::Refused(revert))),
            (Some(ReplyKind::GasLimitTooHigh | ReplyKind::OutOfGas), _) => {
                Ok(NotSent::Told(JobResult::TooLarge))
            }
            (Some(ReplyKind::InsufficientFunds), _) => {
                self.fall_short().await?;
                Ok(NotSent::Unfunded)
            }
            (_, failed) => Err(failed.into()),
        }
    }

    /// The most gas that a transaction can have on this chain now.
    fn gas_limit(&self) -> u64 {
        let of_block = self.heads.borrow().head.map(|head| head.gas_limit);
        most_gas(of_block, self.settings.max_gas.max(TRANSACTION_GAS_LIMIT))
    }
}

/// Pure: whether a node may be asked for an estimate: never of several transfers, of which fewer are tried instead.
pub(super) const fn may_be_estimated(job: &Job) -> bool {
    job.count <= 1 && job.presumed.is_none()
}

/// Pure: whether more gas than that of the worst case can help, as on a chain that charges for more than execution. What the contract
/// gives as its reason is believed.
fn may_lack_gas(failed: &ChainError) -> bool {
    use BridgeRevert::{InsufficientGas, Other};
    matches!(failed, ChainError::Reverted(InsufficientGas { .. } | Other(_)))
        || failed.reply_kind() == Some(ReplyKind::OutOfGas)
}

/// Pure: the most gas that a transaction can have in blocks with this limit.
pub(crate) fn greatest_gas(of_block: Option<u64>) -> u64 {
    most_gas(of_block, TRANSACTION_GAS_LIMIT)
}

/// Pure: as much of `most` as a block has room for. A chain whose blocks tell no limit gives `None` or 0, and has that of
/// EIP-7825.
fn most_gas(of_block: Option<u64>, most: u64) -> u64 {
    of_block.filter(|limit| *limit > 0).map_or(TRANSACTION_GAS_LIMIT, |limit| limit.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_takes_more_is_given_more_and_none_is_given_less() {
        assert_eq!(GasMultiplier::default().gas(1_000), 1_000);
        assert_eq!(GasMultiplier::of(400, 1_000).gas(2_000), 2_000);
        assert_eq!(GasMultiplier::of(2_501, 1_000).gas(2_000), 5_020);
        assert_eq!(GasMultiplier::of(5, 0).gas(10), 50);
    }

    #[test]
    fn a_margin_never_makes_too_large_what_fits() {
        assert_eq!(with_margin(100, 1_000), 115);
        assert_eq!([with_margin(100, 110), with_margin(100, 100)], [110, 100]);
        assert_eq!(with_margin(101, 100), 101, "what does not fit still does not");
    }
}
