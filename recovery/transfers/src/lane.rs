//! One lane, read along both of its ends.

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::{Address, U256};
use polyspan_types::{
    BridgeId, HandledLogs, HandledRange, HeldRequest, HoldEnd, HoldEnding, LaneId, Leaf, Payment, Request,
    RequestNonce, Root,
};

use crate::owed::{asked, instead, take};
use crate::{
    Difference, DifferenceKind, Judged, LaneFigures, NativeProof, Owed, PairTerms, Promise, pays_back,
};

/// What does not change while a lane is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneTerms {
    /// The lane.
    pub lane: LaneId,
    /// Its id in `root(0)`.
    pub bridge_id: BridgeId,
    /// Its pairs.
    pub pairs: Vec<PairTerms>,
}

/// What both contracts say at the blocks up to which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneCut {
    /// Requests that the source counts.
    pub request_nonce: RequestNonce,
    /// Its root over them.
    pub request_root: Root,
    /// First request that the destination has not handled. Not above `request_nonce`.
    pub handle_nonce: RequestNonce,
    /// Its root up to there.
    pub handle_root: Root,
    /// Requests on hold there.
    pub held_count: u64,
    /// Where the value of holds lies that governors have written off; zero when there were none.
    pub claims: Address,
}

/// The audit of one lane: requests in, then what was handled of them, each in the order of the blocks.
#[derive(Debug)]
pub struct LaneAudit {
    terms: LaneTerms,
    cut: LaneCut,
    /// Over all requests so far.
    root: Root,
    /// Token of the newest request.
    token: Option<Address>,
    /// Read and not yet handled; those that stay in flight are only summed up.
    waiting: VecDeque<Request>,
    /// Whether requests are hashed and not kept: something differs, and only the roots are still of interest.
    proving: bool,
    /// Whether the source's own logs were found to differ.
    source_differs: bool,
    /// Open holds.
    holds: BTreeMap<RequestNonce, Request>,
    figures: LaneFigures,
}

impl LaneAudit {
    /// Begins before the first request.
    ///
    /// Errors: the destination has handled more than the source has, or its root over nothing is another.
    pub fn begin(terms: LaneTerms, cut: LaneCut) -> Judged<Self> {
        let sums = vec![U256::ZERO; terms.pairs.len()];
        let figures = LaneFigures { in_flight: sums.clone(), held: sums, ..LaneFigures::default() };
        let root = Root::zero(terms.bridge_id);
        let (waiting, holds) = (VecDeque::new(), BTreeMap::new());
        let audit = Self {
            terms,
            cut,
            root,
            token: None,
            waiting,
            proving: false,
            source_differs: false,
            holds,
            figures,
        };
        if cut.handle_nonce > cut.request_nonce {
            let found = format!(
                "the destination has handled {} requests, the source has {}",
                cut.handle_nonce, cut.request_nonce
            );
            return Err(audit.difference(DifferenceKind::NeverRequested, cut.request_nonce, None, found));
        }
        audit.check_handle_root()?;
        Ok(audit)
    }

    /// Requests read so far.
    pub const fn requested(&self) -> RequestNonce {
        self.figures.requested
    }

    /// Requests found handled so far.
    pub const fn handled(&self) -> RequestNonce {
        self.figures.handled
    }

    /// Takes the next requests of the source. `endings` are ends of holds of the other lane in the same blocks; they may be left
    /// out when no request is a refund.
    ///
    /// Errors: a nonce that is not the next one, a refund of nothing, a root that is not the destination's.
    pub fn request(&mut self, requests: Vec<Request>, endings: &[HoldEnding]) -> Judged {
        let judged = self.chain(requests, endings);
        self.source_differs |= judged.is_err();
        judged
    }

    /// After a difference: whether the requests that it is about are still to be proved. What the source's logs say is worth
    /// nothing before they hash to the roots, so the caller goes on with [`LaneAudit::request`] up to the source's end, and then
    /// asks [`LaneAudit::proved`]; a difference found there comes first. No request is kept any more.
    pub fn go_on_proving(&mut self) -> bool {
        self.proving = true;
        self.waiting.clear();
        !self.source_differs
    }

    /// Whether all requests were read and hash to the source's root.
    ///
    /// Errors: what is not so.
    pub fn proved(&self) -> Judged {
        let LaneCut { request_nonce, request_root, .. } = self.cut;
        let requested = self.figures.requested;
        if requested != request_nonce {
            let found = format!("the source's logs have {requested} requests, its state {request_nonce}");
            let first = requested.min(request_nonce);
            return Err(self.difference(DifferenceKind::RequestGap, first, self.token, found));
        }
        if self.root != request_root {
            let found = format!("the source holds root {request_root}, its logs hash to {}", self.root);
            return Err(self.difference(DifferenceKind::SourceRoot, requested, self.token, found));
        }
        Ok(())
    }

    fn chain(&mut self, requests: Vec<Request>, endings: &[HoldEnding]) -> Judged {
        for request in requests {
            let (nonce, next) = (request.nonce, self.figures.requested);
            let token = Some(request.transfer.token);
            if nonce != next {
                let found = format!(
                    "the source's logs go on with request {nonce} in block {}",
                    request.transfer.source_block
                );
                return Err(self.difference(DifferenceKind::RequestGap, next.min(nonce), token, found));
            }
            if request.transfer.kind.is_refund() {
                let is_it = |ending: &&HoldEnding| {
                    ending.end == HoldEnd::Refunded { request_nonce: nonce }
                        && ending.tx_hash == request.tx_hash
                };
                let holds = endings.iter().filter(is_it).count();
                if holds != 1 {
                    let found = format!("transaction {} refunds {holds} holds by it", request.tx_hash);
                    return Err(self.difference(DifferenceKind::Ending, nonce, token, found));
                }
            }
            self.root = self.root.then(Leaf::of(&request));
            self.token = token;
            self.figures.requested = next.next();
            self.check_handle_root()?;
            if self.proving {
                continue;
            }
            if nonce < self.cut.handle_nonce {
                self.waiting.push_back(request);
            } else {
                add(&self.terms.pairs, &mut self.figures.in_flight, &request);
            }
        }
        Ok(())
    }

    /// Whether the requests that these logs handle were all read; `false` asks for more of the source.
    ///
    /// Errors: they handle more than the destination's state says.
    pub fn has_requests_of(&self, logs: &HandledLogs) -> Judged<bool> {
        let end = logs.ranges.last().map_or(RequestNonce::ZERO, |range| range.end);
        if end > self.cut.handle_nonce {
            let found = format!(
                "the destination's logs handle up to {end}, its state up to {}",
                self.cut.handle_nonce
            );
            return Err(self.difference(DifferenceKind::HandleGap, self.cut.handle_nonce, self.token, found));
        }
        Ok(end <= self.figures.requested)
    }

    /// Takes what the destination did in its next blocks, and tells what it says that it paid. `back` are requests of the other
    /// lane in the same blocks; they may be left out when nothing was refunded.
    ///
    /// Errors: a range that does not follow, a request that was not read, a hold or an end of one that is none.
    pub fn handle(&mut self, logs: &HandledLogs, back: &[Request]) -> Judged<Vec<Promise>> {
        let mut promises = Vec::new();
        let mut held = logs.held.iter().peekable();
        for range in &logs.ranges {
            promises.push(self.range(range, &mut held)?);
        }
        if let Some(stray) = held.next() {
            let found = format!("{} puts it on hold and does not handle it", stray.tx_hash);
            return Err(self.difference(DifferenceKind::Hold, stray.nonce, None, found));
        }
        for ending in &logs.endings {
            promises.extend(self.end(ending, back)?);
        }
        Ok(promises)
    }

    /// Compares what a transaction says that it paid with what it really did. Native currency without a proof is counted as unchecked.
    ///
    /// Errors: somebody did not get what was asked, or got something that was not.
    pub fn settle(&mut self, promise: &Promise, mut left: Vec<Payment>, native: NativeProof<'_>) -> Judged {
        let tx_hash = promise.tx_hash;
        for owed in &promise.owed {
            let Some(payments) = &owed.payments else {
                self.figures.unchecked += 1;
                continue;
            };
            for payment in payments {
                let checked = match native {
                    NativeProof::Balances(rose) if payment.token.is_zero() => {
                        match rose.contains(&payment.to) {
                            true => self.figures.by_balances += 1,
                            false => self.figures.unchecked += 1,
                        }
                        continue;
                    }
                    NativeProof::Trace if payment.token.is_zero() => &mut self.figures.by_traces,
                    _ => &mut self.figures.by_logs,
                };
                *checked += 1;
                if !take(&mut left, payment) {
                    let found = format!(
                        "the request asks for {payment}; transaction {tx_hash} on the destination {}",
                        instead(&left, payment)
                    );
                    let token = Some(payment.token);
                    return Err(self.difference(DifferenceKind::Payment, owed.nonce, token, found));
                }
            }
        }
        let Some(payment) = left.first() else { return Ok(()) };
        let nonce = promise.owed.first().map_or(self.figures.handled, |owed| owed.nonce);
        let found = format!("transaction {tx_hash} on the destination also pays {payment}");
        Err(self.difference(DifferenceKind::Unasked, nonce, Some(payment.token), found))
    }

    /// Ends after the last block of both chains.
    ///
    /// Errors: logs that end before the states do, a root that is not the source's, another number of holds.
    pub fn finish(mut self) -> Judged<LaneFigures> {
        self.proved()?;
        let LaneCut { handle_nonce, held_count, .. } = self.cut;
        let handled = self.figures.handled;
        if handled != handle_nonce {
            let found =
                format!("the destination's logs handle up to {handled}, its state up to {handle_nonce}");
            let token = self.waiting.front().map(|request| request.transfer.token).or(self.token);
            return Err(self.difference(DifferenceKind::HandleGap, handled, token, found));
        }
        let on_hold = self.holds.len() as u64;
        if on_hold != held_count {
            let found = format!(
                "by its logs {on_hold} requests are on hold on the destination, by its state {held_count}"
            );
            let (nonce, token) = match self.holds.first_key_value() {
                Some((nonce, request)) => (*nonce, Some(request.transfer.token)),
                None => (handled, self.token),
            };
            return Err(self.difference(DifferenceKind::HeldCount, nonce, token, found));
        }
        self.figures.on_hold = on_hold;
        for request in self.holds.values() {
            add(&self.terms.pairs, &mut self.figures.held, request);
        }
        Ok(self.figures)
    }

    fn range<'a>(
        &mut self,
        range: &HandledRange,
        held: &mut std::iter::Peekable<impl Iterator<Item = &'a HeldRequest>>,
    ) -> Judged<Promise> {
        let next = self.figures.handled;
        if range.first != next || range.end <= range.first {
            let found = format!(
                "the destination's logs go on with {} to {} in transaction {}",
                range.first, range.end, range.tx_hash
            );
            let token = self.waiting.front().map(|request| request.transfer.token);
            return Err(self.difference(DifferenceKind::HandleGap, next.min(range.first), token, found));
        }
        let mut owed = Vec::new();
        while self.figures.handled < range.end {
            let nonce = self.figures.handled;
            let Some(request) = self.waiting.pop_front() else {
                let found =
                    format!("transaction {} handles it, and the source does not have it", range.tx_hash);
                return Err(self.difference(DifferenceKind::NeverRequested, nonce, None, found));
            };
            self.figures.handled = nonce.next();
            match held.next_if(|held| held.nonce <= nonce) {
                Some(held) => self.hold(held, range, request)?,
                None => {
                    self.figures.paid += 1;
                    owed.push(Owed { nonce, payments: asked(&self.terms.pairs, &request) });
                }
            }
        }
        Ok(Promise { tx_hash: range.tx_hash, block: range.block, owed })
    }

    fn hold(&mut self, held: &HeldRequest, range: &HandledRange, request: Request) -> Judged {
        let token = Some(request.transfer.token);
        if held.nonce != request.nonce || held.tx_hash != range.tx_hash {
            let found = format!("{} puts it on hold and does not handle it", held.tx_hash);
            return Err(self.difference(DifferenceKind::Hold, held.nonce, token, found));
        }
        if held.leaf != Leaf::of(&request) {
            let found = format!("the hold in transaction {} is of another request", held.tx_hash);
            return Err(self.difference(DifferenceKind::Hold, held.nonce, token, found));
        }
        self.holds.insert(request.nonce, request);
        Ok(())
    }

    fn end(&mut self, ending: &HoldEnding, back: &[Request]) -> Judged<Option<Promise>> {
        let (nonce, tx_hash) = (ending.nonce, ending.tx_hash);
        let Some(request) = self.holds.remove(&nonce) else {
            let found = format!("transaction {tx_hash} ends its hold, and it is not on hold");
            return Err(self.difference(DifferenceKind::Ending, nonce, None, found));
        };
        let wrong =
            |found| Err(self.difference(DifferenceKind::Ending, nonce, Some(request.transfer.token), found));
        match ending.end {
            HoldEnd::Released { to } if to != request.transfer.to => {
                wrong(format!("transaction {tx_hash} released it to {to}, not to {}", request.transfer.to))
            }
            HoldEnd::Released { .. } => {
                self.figures.released += 1;
                let owed = Owed { nonce, payments: asked(&self.terms.pairs, &request) };
                Ok(Some(Promise { tx_hash, block: ending.block, owed: vec![owed] }))
            }
            HoldEnd::Refunded { request_nonce } => {
                let back = back.iter().find(|back| back.nonce == request_nonce && back.tx_hash == tx_hash);
                if !back.is_some_and(|back| pays_back(&request, back)) {
                    return wrong(format!(
                        "transaction {tx_hash} refunded it as request {request_nonce} of the other lane, which does not pay it back"
                    ));
                }
                self.figures.refunded += 1;
                Ok(None)
            }
            HoldEnd::WrittenOff => {
                self.figures.written_off += 1;
                let to_claims = |payment| Payment { to: self.cut.claims, ..payment };
                let payments = asked(&self.terms.pairs, &request)
                    .map(|payments| payments.into_iter().map(to_claims).collect());
                let owed = vec![Owed { nonce, payments }];
                Ok(Some(Promise { tx_hash, block: ending.block, owed }))
            }
        }
    }

    fn check_handle_root(&self) -> Judged {
        if self.figures.requested != self.cut.handle_nonce || self.root == self.cut.handle_root {
            return Ok(());
        }
        let LaneCut { handle_nonce, handle_root, .. } = self.cut;
        let found = format!(
            "the destination holds root {handle_root} at nonce {handle_nonce}, the source's logs hash to {}",
            self.root
        );
        Err(self.difference(DifferenceKind::DestinationRoot, handle_nonce, self.token, found))
    }

    fn difference(
        &self,
        kind: DifferenceKind,
        nonce: RequestNonce,
        token: Option<Address>,
        found: String,
    ) -> Box<Difference> {
        Box::new(Difference { place: self.terms.lane.to_string(), kind, nonce, token, found })
    }
}

/// Adds what a request moves to the sum of its pair.
fn add(pairs: &[PairTerms], sums: &mut [U256], request: &Request) {
    let place = pairs.iter().position(|pair| pair.is_of(&request.transfer));
    if let Some((pair, sum)) = place.and_then(|place| Some((pairs.get(place)?, sums.get_mut(place)?))) {
        *sum = sum.saturating_add(pair.amount(&request.transfer));
    }
}
