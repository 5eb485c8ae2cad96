//! Reading a bridge's events, range by range.

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolEvent;
use polyspan_types::{
    BlockHeight, HandledLogs, HandledRange, HeldRequest, HoldEnd, HoldEnding, HoldReason, Leaf, Request,
    RequestKind, RequestNonce, ValueTransfer,
};
use serde_json::json;

use super::{Client, hex_number};
use crate::abi::Bridge::{
    HandleValueTransfer, HoldRefunded, HoldReleased, HoldWrittenOff, RequestValueTransfer, ValueTransferHeld,
};
use crate::wire::WireLog;
use crate::{ChainError, ReplyKind};

mod claims;
mod configurations;
mod payouts;
mod votes;

pub use claims::Claim;
pub use configurations::{ConfigurationEvent, ConfigurationLog};
pub use payouts::PaidToken;

const LOGS: &str = "eth_getLogs";

impl Client {
    /// The requests that the bridge took in blocks `from..=to`, by nonce.
    ///
    /// What is missing cannot be seen here: the caller compares nonces and root with the source's.
    ///
    /// Errors: [`ChainError::RangeRefused`]: ask for a shorter one;
    /// [`ChainError::BadAnswer`] for a log of another contract, event or block, one that was removed by a reorg, a nonce
    /// that comes twice, or nonces that are not in the order of their blocks.
    pub(crate) async fn requests(
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

    /// What the bridge did in blocks `from..=to` with requests of its counterpart.
    ///
    /// A range that is missing shows in the numbers of those beside it; a hold or an end that is missing shows in the
    /// contract's count of holds. Both are for the caller to compare.
    ///
    /// Errors: as [`Client::requests`]; also ranges that overlap, or a hold outside of what its transaction handled.
    pub(crate) async fn handled(
        &self,
        bridge: Address,
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<HandledLogs, ChainError> {
        let topics = [
            HandleValueTransfer::SIGNATURE_HASH,
            ValueTransferHeld::SIGNATURE_HASH,
            HoldReleased::SIGNATURE_HASH,
            HoldRefunded::SIGNATURE_HASH,
            HoldWrittenOff::SIGNATURE_HASH,
        ];
        let logs = self.logs(bridge, &topics, from, to).await?;
        let mut found = HandledLogs::default();
        for log in &logs {
            sort_in(&mut found, log).map_err(|what| self.bad_answer(LOGS, what))?;
        }
        found.ranges = self.by_nonce(found.ranges, |range| (range.first, range.block))?;
        found.held = self.by_nonce(found.held, |held| (held.nonce, held.block))?;
        found.endings.sort_by_key(|ending| ending.nonce);
        check_handled(&found).map_err(|what| self.bad_answer(LOGS, what))?;
        Ok(found)
    }

    /// One request for logs, each of which is checked against what was asked.
    async fn logs(
        &self,
        bridge: Address,
        topics: &[B256],
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<PlacedLog>, ChainError> {
        self.filtered(&[bridge], &[topics], from, to).await
    }

    /// As [`Client::logs`], of several contracts, and also by later topics. Only the first topic is checked.
    async fn filtered(
        &self,
        contracts: &[Address],
        topics: &[&[B256]],
        from: BlockHeight,
        to: BlockHeight,
    ) -> Result<Vec<PlacedLog>, ChainError> {
        let of = match contracts {
            [one] => json!(one),
            several => json!(several),
        };
        let filter = json!([{
            "address": of,
            "topics": topics,
            "fromBlock": hex_number(from),
            "toBlock": hex_number(to),
        }]);
        let first = topics.first().copied().unwrap_or_default();
        let blocks = to.since(from).saturating_add(1);
        let answer = self.request::<Vec<WireLog>>(LOGS, filter).await;
        self.plan(blocks, &answer);
        let logs = answer.map_err(|error| match error {
            ChainError::Refused(refusal) if refusal.kind == ReplyKind::RangeTooLarge => {
                ChainError::RangeRefused { endpoint: refusal.endpoint, from, to, reason: refusal.message }
            }
            ChainError::Refused(refusal) if refusal.kind == ReplyKind::LogsPruned => {
                ChainError::LogsPruned { endpoint: refusal.endpoint, from, reason: refusal.message }
            }
            ChainError::TooLong { endpoint, limit, .. } => {
                let reason = format!("they are more than {limit} bytes");
                ChainError::RangeRefused { endpoint, from, to, reason }
            }
            other => other,
        })?;
        let placed =
            logs.into_iter().map(|log| place(log, contracts, first, from, to)).collect::<Result<Vec<_>, _>>();
        placed.map_err(|what| self.bad_answer(LOGS, what))
    }

    fn plan<T>(&self, blocks: u64, answer: &Result<T, ChainError>) {
        let mut ranges = self.ranges();
        match answer {
            Ok(_) => ranges.succeeded(blocks),
            // A node that needs too long for many blocks may manage fewer.
            Err(ChainError::Timeout { .. }) => ranges.timed_out(blocks),
            Err(ChainError::TooLong { .. }) => ranges.refused(blocks),
            Err(error) if error.reply_kind() == Some(ReplyKind::RangeTooLarge) => ranges.refused(blocks),
            Err(_) => {}
        }
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
    contracts: &[Address],
    topics: &[B256],
    from: BlockHeight,
    to: BlockHeight,
) -> Result<PlacedLog, String> {
    if log.removed {
        return Err("a log that a reorg removed".to_owned());
    }
    if !contracts.contains(&log.address) {
        let asked: Vec<String> = contracts.iter().map(ToString::to_string).collect();
        return Err(format!("a log of {} instead of {}", log.address, asked.join(" or ")));
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
            kind: RequestKind::new(event.kind),
            source_block: placed.block,
            token: event.token,
            from: event.from,
            to: event.to,
            refund_to: event.refundTo,
            value: event.value,
            payload: event.payload,
        },
        tx_hash: placed.tx_hash,
    })
}

/// Adds one log to the list that it belongs to.
fn sort_in(found: &mut HandledLogs, placed: &PlacedLog) -> Result<(), String> {
    let (block, tx_hash) = (placed.block, placed.tx_hash);
    let topic = placed.log.topics.first();
    if topic == Some(&HandleValueTransfer::SIGNATURE_HASH) {
        let event = decode::<HandleValueTransfer>(placed)?;
        let (first, end) = (RequestNonce::new(event.first), RequestNonce::new(event.handleNonce));
        found.ranges.push(HandledRange { first, end, block, tx_hash });
    } else if topic == Some(&ValueTransferHeld::SIGNATURE_HASH) {
        let event = decode::<ValueTransferHeld>(placed)?;
        found.held.push(HeldRequest {
            nonce: RequestNonce::new(event.nonce),
            reason: HoldReason::from_number(event.reason),
            leaf: Leaf(event.leaf),
            block,
            tx_hash,
        });
    } else if topic == Some(&HoldReleased::SIGNATURE_HASH) {
        let event = decode::<HoldReleased>(placed)?;
        let (nonce, end) = (RequestNonce::new(event.nonce), HoldEnd::Released { to: event.to });
        found.endings.push(HoldEnding { nonce, end, block, tx_hash });
    } else if topic == Some(&HoldWrittenOff::SIGNATURE_HASH) {
        let event = decode::<HoldWrittenOff>(placed)?;
        let nonce = RequestNonce::new(event.nonce);
        found.endings.push(HoldEnding { nonce, end: HoldEnd::WrittenOff, block, tx_hash });
    } else {
        let event = decode::<HoldRefunded>(placed)?;
        let end = HoldEnd::Refunded { request_nonce: RequestNonce::new(event.requestNonce) };
        found.endings.push(HoldEnding { nonce: RequestNonce::new(event.nonce), end, block, tx_hash });
    }
    Ok(())
}

/// What no bridge says: an empty range, ranges that overlap, a hold outside of its transaction's range, a second end.
fn check_handled(found: &HandledLogs) -> Result<(), String> {
    for range in &found.ranges {
        if range.end <= range.first {
            return Err(format!("a handled range from {} to {}", range.first, range.end));
        }
    }
    for pair in found.ranges.windows(2) {
        if pair[1].first < pair[0].end {
            return Err(format!("nonce {} handled twice", pair[1].first));
        }
    }
    for held in &found.held {
        let at = found.ranges.partition_point(|range| range.end <= held.nonce);
        let range = found.ranges.get(at).filter(|range| range.first <= held.nonce);
        if range.is_none_or(|range| range.tx_hash != held.tx_hash) {
            return Err(format!("nonce {} put on hold by a transaction that did not handle it", held.nonce));
        }
    }
    match found.endings.windows(2).find(|pair| pair[0].nonce == pair[1].nonce) {
        Some(pair) => Err(format!("the hold of nonce {} ended twice", pair[0].nonce)),
        None => Ok(()),
    }
}

fn decode<E: SolEvent>(placed: &PlacedLog) -> Result<E, String> {
    E::decode_raw_log(placed.log.topics.iter().copied(), &placed.log.data)
        .map_err(|_| format!("a log in block {} that does not decode as {}", placed.block, E::SIGNATURE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, end: u64, tx: u8) -> HandledRange {
        HandledRange {
            first: RequestNonce::new(first),
            end: RequestNonce::new(end),
            block: BlockHeight::new(1),
            tx_hash: B256::repeat_byte(tx),
        }
    }

    fn held(nonce: u64, tx: u8) -> HeldRequest {
        HeldRequest {
            nonce: RequestNonce::new(nonce),
            reason: HoldReason::Delayed,
            leaf: Leaf(B256::ZERO),
            block: BlockHeight::new(1),
            tx_hash: B256::repeat_byte(tx),
        }
    }

    #[test]
    fn what_no_bridge_says_is_refused() {
        let check = |ranges: &[HandledRange], held: &[HeldRequest]| {
            check_handled(&HandledLogs { ranges: ranges.to_vec(), held: held.to_vec(), endings: Vec::new() })
        };
        assert_eq!(check(&[range(0, 3, 1), range(3, 4, 2)], &[held(2, 1), held(3, 2)]), Ok(()));
        for (ranges, held, what) in [
            (vec![range(3, 3, 1)], vec![], "range from 3 to 3"),
            (vec![range(0, 3, 1), range(2, 4, 2)], vec![], "nonce 2 handled twice"),
            (vec![range(0, 3, 1)], vec![held(2, 2)], "nonce 2 put on hold by a transaction"),
            (vec![range(1, 3, 1)], vec![held(0, 1)], "nonce 0 put on hold by a transaction"),
            (vec![range(1, 3, 1)], vec![held(3, 1)], "nonce 3 put on hold by a transaction"),
        ] {
            let error = check(&ranges, &held).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        let end = HoldEnd::Refunded { request_nonce: RequestNonce::ZERO };
        let ending = |block| HoldEnding {
            nonce: RequestNonce::ZERO,
            end,
            block: BlockHeight::new(block),
            tx_hash: B256::ZERO,
        };
        let twice = HandledLogs { endings: vec![ending(1), ending(2)], ..HandledLogs::default() };
        assert!(check_handled(&twice).unwrap_err().contains("ended twice"));
    }
}
