//! Reading a bridge's events, range by range.

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolEvent;
use polyspan_types::{BlockHeight, Outcome, OutcomeResult, Request, RequestNonce, ValueTransfer};
use serde_json::json;

use super::{Chain, hex_number};
use crate::abi::Bridge::{HandleValueTransfer, RequestValueTransfer, ValueTransferHeld};
use crate::wire::WireLog;
use crate::{ChainError, ReplyKind, state};

const LOGS: &str = "eth_getLogs";

impl Chain {
    /// The part of `from..=to` that one log request should ask for now; `None` when the range is empty.
    pub fn next_range(&self, from: BlockHeight, to: BlockHeight) -> Option<(BlockHeight, BlockHeight)> {
        self.ranges().next_range(from, to)
    }

    /// The requests that the bridge took in blocks `from..=to`, by nonce.
    ///
    /// What is missing cannot be seen here: the caller compares nonces and root with the source's.
    ///
    /// Errors: [`ChainError::RangeRefused`]: ask for the shorter [`Chain::next_range`];
    /// [`ChainError::BadAnswer`] for a log of another contract, event or block, one that was removed by a reorg, a nonce
    /// that comes twice, or nonces that are not in the order of their blocks.
    pub async fn requests(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Request>, ChainError> {
        let topics = [RequestValueTransfer::SIGNATURE_HASH];
        let logs = self.logs(bridge, &topics, from, to).await?;
        let requests = logs.iter().map(request).collect::<Result<Vec<_>, _>>();
        let requests = requests.map_err(|what| self.bad_answer(LOGS, what))?;
        self.by_nonce(requests, |request| (request.nonce, request.transfer.source_block))
    }

    /// What the bridge did in blocks `from..=to` with requests of its counterpart, by nonce.
    ///
    /// Errors: as [`Chain::requests`].
    pub async fn outcomes(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<Outcome>, ChainError> {
        let topics = [HandleValueTransfer::SIGNATURE_HASH, ValueTransferHeld::SIGNATURE_HASH];
        let logs = self.logs(bridge, &topics, from, to).await?;
        let outcomes = logs.iter().map(outcome).collect::<Result<Vec<_>, _>>();
        let outcomes = outcomes.map_err(|what| self.bad_answer(LOGS, what))?;
        self.by_nonce(outcomes, |outcome| (outcome.nonce, outcome.block))
    }

    /// One request for logs, each of which is checked against what was asked.
    async fn logs(
        &self,
        bridge: Address,
        topics: &[B256],
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<PlacedLog>, ChainError> {
        let filter = json!([{
            "address": bridge,
            "topics": [topics],
            "fromBlock": hex_number(from),
            "toBlock": hex_number(to),
        }]);
        let blocks = to.since(from).saturating_add(1);
        let answer = self.request::<Vec<WireLog>>(LOGS, filter).await;
        self.plan(blocks, &answer);
        let logs = answer.map_err(|error| match error {
            ChainError::Refused(refusal) if refusal.kind == ReplyKind::RangeTooLarge => {
                ChainError::RangeRefused { endpoint: refusal.endpoint, from, to, reason: refusal.message }
            }
            other => other,
        })?;
        let placed =
            logs.into_iter().map(|log| place(log, bridge, topics, from, to)).collect::<Result<Vec<_>, _>>();
        placed.map_err(|what| self.bad_answer(LOGS, what))
    }

    fn plan<T>(&self, blocks: u64, answer: &Result<T, ChainError>) {
        let mut ranges = self.ranges();
        match answer {
            Ok(_) => ranges.succeeded(blocks),
            // A node that needs too long for many blocks may manage fewer.
            Err(ChainError::Timeout { .. }) => ranges.refused(blocks),
            Err(error) if error.reply_kind() == Some(ReplyKind::RangeTooLarge) => ranges.refused(blocks),
            Err(_) => {}
        }
        self.0.series.range_planned(ranges.length());
    }

    fn by_nonce<T>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> (RequestNonce, BlockHeight),
    ) -> Result<Vec<T>, ChainError> {
        items.sort_by_key(&key);
        for pair in items.windows(2) {
            let ((nonce, block), (next, next_block)) = (key(&pair[0]), key(&pair[1]));
            if nonce == next {
                return Err(self.bad_answer(LOGS, format!("nonce {nonce} twice")));
            }
            if next_block < block {
                let what =
                    format!("nonce {next} in block {next_block}, before nonce {nonce} in block {block}");
                return Err(self.bad_answer(LOGS, what));
            }
        }
        Ok(items)
    }
}

/// A log whose place in the chain is known.
struct PlacedLog {
    log: WireLog,
    block: BlockHeight,
    tx_hash: B256,
}

fn place(
    log: WireLog,
    bridge: Address,
    topics: &[B256],
    from: BlockHeight,
    to: BlockHeight,
) -> Result<PlacedLog, String> {
    if log.removed {
        return Err("a log that a reorg removed".to_owned());
    }
    if log.address != bridge {
        return Err(format!("a log of {} instead of {bridge}", log.address));
    }
    if !log.topics.first().is_some_and(|topic| topics.contains(topic)) {
        return Err("a log of another event".to_owned());
    }
    let (Some(block), Some(tx_hash)) = (log.block_number, log.transaction_hash) else {
        return Err("a log of a pending block".to_owned());
    };
    let block = BlockHeight::new(block.to());
    if block < from || block > to {
        return Err(format!("a log of block {block}, outside {from} to {to}"));
    }
    Ok(PlacedLog { log, block, tx_hash })
}

fn request(placed: &PlacedLog) -> Result<Request, String> {
    let event = decode::<RequestValueTransfer>(placed)?;
    Ok(Request {
        nonce: RequestNonce::new(event.requestNonce),
        transfer: ValueTransfer {
            kind: event.kind,
            source_block: placed.block,
            token: event.token,
            from: event.from,
            to: event.to,
            refund_to: event.refundTo,
            value: event.value,
            extra_data: event.extraData,
        },
        tx_hash: placed.tx_hash,
    })
}

fn outcome(placed: &PlacedLog) -> Result<Outcome, String> {
    let (nonce, result) = if placed.log.topics.first() == Some(&ValueTransferHeld::SIGNATURE_HASH) {
        let event = decode::<ValueTransferHeld>(placed)?;
        (event.nonce, OutcomeResult::Held(state::reason(event.reason)?))
    } else {
        (decode::<HandleValueTransfer>(placed)?.nonce, OutcomeResult::Paid)
    };
    Ok(Outcome { nonce: RequestNonce::new(nonce), result, block: placed.block, tx_hash: placed.tx_hash })
}

fn decode<E: SolEvent>(placed: &PlacedLog) -> Result<E, String> {
    E::decode_raw_log(placed.log.topics.iter().copied(), &placed.log.data)
        .map_err(|error| format!("a log in block {} that does not decode: {error}", placed.block))
}
