//! Reading one lane along both of its ends, range by range: what the destination handled, and of the source as much as that
//! needs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use polyspan_chain::{Chain, ChainError, NoTrace, PaidToken};
use polyspan_node::config::LaneInfo;
use polyspan_recovery::{LaneAudit, LaneFigures, LaneTerms, NativeProof, Promise};
use polyspan_types::{BlockHeight, Classify, ErrorClass, HandledLogs, HoldEnd, Payment, Payout};

use super::Stop;
use super::cut::{Cut, End};
use super::natives::{Missing, Untraced, promised, risen};
use super::progress::Progress;
use crate::network::Network;

/// How often a question that may succeed later is asked, and the longest wait in between.
const TRIES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One end of the lane, and how far it was read.
struct Reader<'a> {
    chain: &'a Chain,
    end: &'a End,
    next: BlockHeight,
}

/// One lane that is being read.
pub(super) struct Walk<'a> {
    source: Reader<'a>,
    destination: Reader<'a>,
    info: &'a LaneInfo,
    cut: &'a Cut,
    tokens: Vec<PaidToken>,
    progress: Progress,
    /// Payments of native currency that nothing proves.
    missing: Missing,
}

/// A lane that was read to its end.
pub(super) struct Walked {
    pub(super) figures: LaneFigures,
    pub(super) untraced: Vec<Untraced>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(network: &'a Network, info: &'a LaneInfo, cut: &'a Cut, progress: Progress) -> Self {
        let (source, destination) = cut.ends(info.id.direction);
        let reader =
            |end: &'a End| Reader { chain: network.chain(&end.side), end, next: end.side.deployment_block };
        Self {
            tokens: destination.tokens(),
            source: reader(source),
            destination: reader(destination),
            info,
            cut,
            progress,
            missing: Missing::default(),
        }
    }

    /// Reads everything.
    pub(super) async fn run(mut self) -> Result<Walked, Stop> {
        let direction = self.info.id.direction;
        let terms = LaneTerms {
            lane: self.info.id.clone(),
            bridge_id: self.info.bridge_id,
            pairs: self.cut.pairs(direction),
        };
        let mut audit = LaneAudit::begin(terms, self.cut.lane(direction))?;
        if let Err(stop) = self.compare(&mut audit).await {
            // A request that the source never recorded would be found to be paid wrongly.
            if matches!(stop, Stop::Differs(_)) && audit.go_on_proving() {
                while self.read_requests(&mut audit).await? {}
                audit.proved()?;
            }
            return Err(stop);
        }
        Ok(Walked { figures: audit.finish()?, untraced: self.missing.told() })
    }

    /// Reads both ends beside each other.
    async fn compare(&mut self, audit: &mut LaneAudit) -> Result<(), Stop> {
        while let Some((logs, first, last)) = self.destination.handled().await? {
            while !audit.has_requests_of(&logs)? && self.read_requests(audit).await? {}
            let refunds = logs.endings.iter().any(|ending| matches!(ending.end, HoldEnd::Refunded { .. }));
            let back = match refunds {
                true => self.destination.requests_of(first, last).await?,
                false => Vec::new(),
            };
            let promises = audit.handle(&logs, &back)?;
            self.settle(audit, promises, first, last).await?;
        }
        while self.read_requests(audit).await? {}
        Ok(())
    }

    /// Reads the next range of the source; `false` at its end.
    async fn read_requests(&mut self, audit: &mut LaneAudit) -> Result<bool, Stop> {
        let Some((requests, first, last)) = self.source.requests().await? else { return Ok(false) };
        let endings = match requests.iter().any(|request| request.transfer.kind.is_refund()) {
            true => self.source.handled_of(first, last).await?.endings,
            false => Vec::new(),
        };
        audit.request(requests, &endings)?;
        self.progress.reached(audit.requested());
        Ok(true)
    }

    /// Looks up what really went where in these blocks, and compares.
    async fn settle(
        &mut self,
        audit: &mut LaneAudit,
        promises: Vec<Promise>,
        first: BlockHeight,
        last: BlockHeight,
    ) -> Result<(), Stop> {
        if promises.is_empty() {
            return Ok(());
        }
        let payouts = self.destination.payouts(&self.tokens, first, last).await?;
        // By block: whose balance proves what was promised there.
        let mut risen: BTreeMap<BlockHeight, BTreeSet<Address>> = BTreeMap::new();
        for promise in &promises {
            let mut paid: Vec<Payment> = of_transaction(&payouts, promise.tx_hash);
            let native = match promise.has_native() {
                true => self.destination.native(promise.tx_hash).await?,
                false => Ok(Vec::new()),
            };
            match native {
                Ok(traced) => {
                    paid.extend(traced);
                    audit.settle(promise, paid, NativeProof::Trace)?;
                }
                Err(why) => {
                    let block = promise.block;
                    if let Entry::Vacant(unknown) = risen.entry(block) {
                        let sums = promised(&promises, block);
                        // Without states nothing is proved, and nothing is wrong.
                        unknown.insert(self.destination.risen(block, &sums).await.unwrap_or_default());
                    }
                    let proved = &risen[&block];
                    for (nonce, _) in promise.natives().filter(|(_, payment)| !proved.contains(&payment.to)) {
                        self.missing.add(why, nonce);
                    }
                    audit.settle(promise, paid, NativeProof::Balances(proved))?;
                }
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// What was handled in the next range; `None` at the end.
    async fn handled(&mut self) -> Result<Option<(HandledLogs, BlockHeight, BlockHeight)>, ChainError> {
        let (chain, bridge) = (self.chain, self.end.side.bridge);
        self.read(async |first, last| chain.handled(bridge, first, last).await).await
    }

    /// The requests of the next range; `None` at the end.
    async fn requests(
        &mut self,
    ) -> Result<Option<(Vec<polyspan_types::Request>, BlockHeight, BlockHeight)>, ChainError> {
        let (chain, bridge) = (self.chain, self.end.side.bridge);
        self.read(async |first, last| chain.requests(bridge, first, last).await).await
    }

    async fn read<T>(
        &mut self,
        ask: impl AsyncFn(BlockHeight, BlockHeight) -> Result<T, ChainError>,
    ) -> Result<Option<(T, BlockHeight, BlockHeight)>, ChainError> {
        while let Some((first, last)) = self.chain.next_range(self.next, self.end.block.height) {
            match patiently(async || ask(first, last).await).await {
                Ok(found) => {
                    self.next = last.next();
                    return Ok(Some((found, first, last)));
                }
                // The next range is shorter.
                Err(ChainError::RangeRefused { .. }) if first < last => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Requests made in these blocks.
    async fn requests_of(
        &self,
        first: BlockHeight,
        last: BlockHeight,
    ) -> Result<Vec<polyspan_types::Request>, ChainError> {
        let (chain, bridge) = (self.chain, self.end.side.bridge);
        let mut found = Vec::new();
        self.pieces(
            first,
            last,
            async |from, to| chain.requests(bridge, from, to).await,
            |piece| found.extend(piece),
        )
        .await?;
        Ok(found)
    }

    /// What was handled in these blocks.
    async fn handled_of(&self, first: BlockHeight, last: BlockHeight) -> Result<HandledLogs, ChainError> {
        let (chain, bridge) = (self.chain, self.end.side.bridge);
        let mut found = HandledLogs::default();
        self.pieces(
            first,
            last,
            async |from, to| chain.handled(bridge, from, to).await,
            |piece| {
                found.ranges.extend(piece.ranges);
                found.held.extend(piece.held);
                found.endings.extend(piece.endings);
            },
        )
        .await?;
        Ok(found)
    }

    /// What tokens say that was paid in these blocks, by transaction.
    async fn payouts(
        &self,
        tokens: &[PaidToken],
        first: BlockHeight,
        last: BlockHeight,
    ) -> Result<Vec<Payout>, ChainError> {
        let (chain, bridge) = (self.chain, self.end.side.bridge);
        let mut found = Vec::new();
        self.pieces(
            first,
            last,
            async |from, to| chain.payouts(bridge, tokens, from, to).await,
            |piece| found.extend(piece),
        )
        .await?;
        found.sort_unstable();
        Ok(found)
    }

    async fn native(&self, tx_hash: B256) -> Result<Result<Vec<Payment>, NoTrace>, ChainError> {
        patiently(async || self.chain.native_payouts(self.end.side.bridge, tx_hash).await).await
    }

    async fn risen(
        &self,
        block: BlockHeight,
        sums: &BTreeMap<Address, U256>,
    ) -> Result<BTreeSet<Address>, ChainError> {
        risen(self.chain, block, sums).await
    }

    /// Asks about these blocks in as many pieces as the endpoints want.
    async fn pieces<T>(
        &self,
        first: BlockHeight,
        last: BlockHeight,
        ask: impl AsyncFn(BlockHeight, BlockHeight) -> Result<T, ChainError>,
        mut keep: impl FnMut(T),
    ) -> Result<(), ChainError> {
        let mut next = first;
        while let Some((from, to)) = self.chain.next_range(next, last) {
            match patiently(async || ask(from, to).await).await {
                Ok(piece) => {
                    keep(piece);
                    next = to.next();
                }
                Err(ChainError::RangeRefused { .. }) if from < to => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Asks again what may succeed later.
///
/// Errors: what cannot, a range to be cut shorter, a state that is gone, and the last failure.
pub(super) async fn patiently<T>(ask: impl AsyncFn() -> Result<T, ChainError>) -> Result<T, ChainError> {
    for _ in 1..TRIES {
        match ask().await {
            Err(error) => match error.class() {
                _ if matches!(error, ChainError::RangeRefused { .. }) || error.is_state_gone() => {
                    return Err(error);
                }
                ErrorClass::Retry { after } => tokio::time::sleep(after.min(LONGEST_WAIT)).await,
                _ => return Err(error),
            },
            found => return found,
        }
    }
    ask().await
}

/// What one transaction paid; the payouts are sorted by transaction.
fn of_transaction(payouts: &[Payout], tx_hash: B256) -> Vec<Payment> {
    let start = payouts.partition_point(|one| one.tx_hash < tx_hash);
    let rest = payouts.get(start..).unwrap_or_default();
    rest.iter().take_while(|one| one.tx_hash == tx_hash).map(|one| one.paid).collect()
}
