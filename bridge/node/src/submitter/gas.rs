//! The gas limit of a transaction: what a chain takes for a call, beside what the contract's own figures say, and what it allows.

use alloy::rpc::types::TransactionRequest;
use polyspan_chain::{ChainError, ReplyKind};
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

/// How much dearer a call is than the EVM's prices make it at the most: some chains charge gas for data that they publish
/// elsewhere. Never below one. Unit: percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dearness(u64);

impl Default for Dearness {
    fn default() -> Self {
        Self(100)
    }
}

impl Dearness {
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
    /// The gas limit of a job that goes through in the newest state, or in the one that it presumes.
    pub(super) async fn gas_for(&mut self, job: &Job) -> Result<Result<u64, NotSent>, SubmitterError> {
        let limit = self.gas_limit();
        let call = TransactionRequest::default()
            .from(self.signer.address())
            .to(job.to)
            .input(job.calldata.clone().into());
        let shown = match &job.presumed {
            // Nothing is searched for: a search executes the call many times, and here only whether it goes through is asked.
            Some(presumed) => {
                let dearness = self.dearness.get(&job.lane.bridge_id).copied().unwrap_or_default();
                let gas = dearness.gas(job.worst_gas).min(limit);
                self.chain.simulate(&call.gas_limit(gas), presumed).await.map(|()| gas)
            }
            None => self.chain.estimate_gas(&call).await.map(|estimate| {
                if job.purpose == Purpose::Handle {
                    let dearness = Dearness::of(with_margin(estimate, u64::MAX), job.worst_gas);
                    self.dearness.insert(job.lane.bridge_id, dearness);
                }
                with_margin(estimate, limit)
            }),
        };
        let gas = match shown {
            Ok(gas) => gas,
            Err(ChainError::Reverted(revert)) => return Ok(Err(NotSent::Told(JobResult::Refused(revert)))),
            Err(failed) => match failed.reply_kind() {
                Some(ReplyKind::GasLimitTooHigh | ReplyKind::OutOfGas) => {
                    return Ok(Err(NotSent::Told(JobResult::TooLarge)));
                }
                Some(ReplyKind::CallTooSlow) => return Ok(Err(NotSent::Told(JobResult::TooSlow))),
                Some(ReplyKind::InsufficientFunds) => {
                    self.fall_short().await?;
                    return Ok(Err(NotSent::Unfunded));
                }
                _ => return Err(failed.into()),
            },
        };
        if gas > limit {
            return Ok(Err(NotSent::Told(JobResult::TooLarge)));
        }
        Ok(Ok(gas.max(job.worst_gas).min(limit)))
    }

    /// The most gas that a transaction can have on this chain now.
    fn gas_limit(&self) -> u64 {
        let of_block = self.heads.borrow().head.map(|head| head.gas_limit);
        most_gas(of_block, self.settings.max_gas.max(TRANSACTION_GAS_LIMIT))
    }
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
        assert_eq!(Dearness::default().gas(1_000), 1_000);
        assert_eq!(Dearness::of(400, 1_000).gas(2_000), 2_000);
        assert_eq!(Dearness::of(2_501, 1_000).gas(2_000), 5_020);
        assert_eq!(Dearness::of(5, 0).gas(10), 50);
    }

    #[test]
    fn a_margin_never_makes_too_large_what_fits() {
        assert_eq!(with_margin(100, 1_000), 115);
        assert_eq!([with_margin(100, 110), with_margin(100, 100)], [110, 100]);
        assert_eq!(with_margin(101, 100), 101, "what does not fit still does not");
    }
}
