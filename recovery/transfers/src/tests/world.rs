//! A lane with whatever went over it. Every test spoils one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::Chunks;

use alloy::primitives::{Address, B256, Bytes, U256};
use polyspan_types::{
    BlockHeight, BridgeId, HandledLogs, HandledRange, HeldRequest, HoldEnd, HoldEnding, HoldReason, Kind,
    Leaf, Payment, Request, RequestKind, RequestNonce, Root, ValueTransfer,
};
use proptest::prelude::*;

use crate::{Judged, LaneAudit, LaneCut, LaneFigures, LaneTerms, NativeProof, PairTerms};

/// Token of the source, and what the destination makes for it.
pub(super) const TOKEN: Address = Address::repeat_byte(0xa1);
pub(super) const MINTED: Address = Address::repeat_byte(0xa2);
const USER: Address = Address::repeat_byte(1);
const TO: Address = Address::repeat_byte(0xcc);
const REFUND_TO: Address = Address::repeat_byte(0xdd);
/// Where what was written off lies.
const CLAIMS: Address = Address::repeat_byte(0xcc);
const BRIDGE_ID: BridgeId = BridgeId(B256::repeat_byte(0xb0));

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Paid,
    Held,
    Released,
    Refunded,
    WrittenOff,
    InFlight,
}

/// Any fates; those in flight come last.
pub(super) fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let handled =
        prop::sample::select(vec![Fate::Paid, Fate::Held, Fate::Released, Fate::Refunded, Fate::WrittenOff]);
    (prop::collection::vec(handled, 0..40), 0..5usize).prop_map(|(mut fates, in_flight)| {
        fates.extend(std::iter::repeat_n(Fate::InFlight, in_flight));
        fates
    })
}

/// Everything that both chains say of a lane. Request `n` moves `100 + n`.
pub(super) struct World {
    pub(super) pairs: Vec<PairTerms>,
    pub(super) cut: LaneCut,
    pub(super) requests: Vec<Request>,
    /// One entry for each read of the destination.
    pub(super) handled: Vec<HandledLogs>,
    /// Refunds, as requests of the other lane.
    pub(super) back: Vec<Request>,
    pub(super) payouts: BTreeMap<B256, Vec<Payment>>,
    pub(super) traced: bool,
    /// Without traces: accounts whose balance proves what they were paid.
    pub(super) rose: BTreeSet<Address>,
    piece: usize,
}

impl World {
    /// Handles `piece` requests at once; what ends, ends right after the read in which it was held.
    pub(super) fn new(fates: &[Fate], piece: usize) -> Self {
        let requests: Vec<Request> = (0..).zip(fates).map(|(nonce, _)| request(nonce)).collect();
        let handled = fates.iter().filter(|fate| **fate != Fate::InFlight).count();
        let cut = LaneCut {
            request_nonce: RequestNonce::new(requests.len() as u64),
            request_root: root(&requests),
            handle_nonce: RequestNonce::new(handled as u64),
            handle_root: root(&requests[..handled]),
            held_count: fates.iter().filter(|fate| **fate == Fate::Held).count() as u64,
            claims: CLAIMS,
        };
        let pairs = vec![PairTerms { source: TOKEN, destination: MINTED, kind: Kind::Erc20 }];
        let mut world = Self {
            pairs,
            cut,
            requests,
            handled: Vec::new(),
            back: Vec::new(),
            payouts: BTreeMap::new(),
            traced: true,
            rose: BTreeSet::new(),
            piece,
        };
        let mut first = 0;
        while first < handled {
            let end = (first + piece).min(handled);
            world.handle(first, &fates[first..end]);
            first = end;
        }
        world
    }

    /// Reads everything in pieces, as an audit does.
    pub(super) fn judge(&self) -> Judged<LaneFigures> {
        let lane = "kr/main-to-service".parse().unwrap();
        let terms = LaneTerms { lane, bridge_id: BRIDGE_ID, pairs: self.pairs.clone() };
        let mut audit = LaneAudit::begin(terms, self.cut)?;
        let mut pieces = self.requests.chunks(self.piece);
        if let Err(found) = self.compare(&mut audit, &mut pieces) {
            if audit.go_on_proving() {
                pieces.try_for_each(|piece| audit.request(piece.to_vec(), &[]))?;
                audit.proved()?;
            }
            return Err(found);
        }
        audit.finish()
    }

    fn compare(&self, audit: &mut LaneAudit, pieces: &mut Chunks<'_, Request>) -> Judged {
        for logs in &self.handled {
            while !audit.has_requests_of(logs)? {
                let Some(piece) = pieces.next() else { break };
                audit.request(piece.to_vec(), &[])?;
            }
            for promise in audit.handle(logs, &self.back)? {
                let paid = self.payouts.get(&promise.tx_hash).cloned().unwrap_or_default();
                let native = match self.traced {
                    true => NativeProof::Trace,
                    false => NativeProof::Balances(&self.rose),
                };
                audit.settle(&promise, paid, native)?;
            }
        }
        pieces.try_for_each(|piece| audit.request(piece.to_vec(), &[]))
    }

    pub(super) fn pieces(&self) -> usize {
        self.handled.len()
    }

    pub(super) fn root_at(&self, nonce: usize) -> Root {
        root(&self.requests[..nonce])
    }

    /// Both contracts saw the requests as they are now.
    pub(super) fn restate(&mut self) {
        self.cut.request_root = root(&self.requests);
        self.cut.handle_root = self.root_at(usize::try_from(self.cut.handle_nonce.get()).unwrap());
    }

    /// The transaction that paid a request.
    pub(super) fn tx_of(&self, nonce: u64) -> B256 {
        let amount = U256::from(100 + nonce);
        let is_it = |paid: &Payment| paid.amount == amount;
        *self.payouts.iter().find(|(_, paid)| paid.iter().any(is_it)).unwrap().0
    }

    pub(super) fn paid_of(&mut self, nonce: u64) -> &mut Payment {
        let amount = U256::from(100 + nonce);
        self.payouts.values_mut().flatten().find(|paid| paid.amount == amount).unwrap()
    }

    pub(super) fn held_of(&mut self, nonce: u64) -> &mut HeldRequest {
        let nonce = RequestNonce::new(nonce);
        self.handled.iter_mut().flat_map(|logs| &mut logs.held).find(|held| held.nonce == nonce).unwrap()
    }

    pub(super) fn ending_of(&mut self, nonce: u64) -> &mut HoldEnding {
        let nonce = RequestNonce::new(nonce);
        self.handled.iter_mut().flat_map(|logs| &mut logs.endings).find(|end| end.nonce == nonce).unwrap()
    }

    /// Changes one field of a request.
    pub(super) fn alter_request(&mut self, at: usize, field: usize) {
        let transfer = &mut self.requests[at].transfer;
        match field {
            0 => transfer.value += U256::ONE,
            1 => transfer.to = Address::repeat_byte(9),
            2 => transfer.refund_to = Address::repeat_byte(9),
            3 => transfer.payload = Bytes::from_static(b"x"),
            4 => transfer.source_block = BlockHeight::new(77),
            _ => drop(self.requests.remove(at)),
        }
    }

    /// Changes one field of a payment, or takes it away.
    pub(super) fn alter_payment(&mut self, nonce: u64, field: usize) {
        match field {
            // Like nothing that any request asks for.
            0 => self.paid_of(nonce).amount += U256::from(1000),
            1 => self.paid_of(nonce).to = Address::repeat_byte(9),
            2 => self.paid_of(nonce).id = U256::ONE,
            _ => {
                let tx_hash = self.tx_of(nonce);
                let amount = U256::from(100 + nonce);
                self.payouts.entry(tx_hash).or_default().retain(|paid| paid.amount != amount);
            }
        }
    }

    /// Leaves out a whole read of the destination.
    pub(super) fn leave_out(&mut self, at: usize) {
        self.handled.remove(at);
    }

    fn handle(&mut self, first: usize, fates: &[Fate]) {
        let tx_hash = B256::from(U256::from(0x1000 + first));
        let mut logs = HandledLogs::default();
        let nonce = |at: usize| RequestNonce::new(at as u64);
        let block = BlockHeight::new(8);
        logs.ranges.push(HandledRange {
            first: nonce(first),
            end: nonce(first + fates.len()),
            block,
            tx_hash,
        });
        for (at, fate) in (first..).zip(fates) {
            let request = self.requests[at].clone();
            if *fate == Fate::Paid {
                self.payouts.entry(tx_hash).or_default().push(payment(&request));
                continue;
            }
            let (reason, leaf) = (HoldReason::PayoutFailed, Leaf::of(&request));
            logs.held.push(HeldRequest { nonce: request.nonce, reason, leaf, block, tx_hash });
            let ended = B256::from(U256::from(0x2000 + at));
            let end = match fate {
                Fate::Released => {
                    self.payouts.entry(ended).or_default().push(payment(&request));
                    HoldEnd::Released { to: TO }
                }
                Fate::Refunded => {
                    let request_nonce = RequestNonce::new(self.back.len() as u64);
                    self.back.push(refund(&request, request_nonce, ended));
                    HoldEnd::Refunded { request_nonce }
                }
                Fate::WrittenOff => {
                    let to_claims = Payment { to: CLAIMS, ..payment(&request) };
                    self.payouts.entry(ended).or_default().push(to_claims);
                    HoldEnd::WrittenOff
                }
                _ => continue,
            };
            logs.endings.push(HoldEnding { nonce: request.nonce, end, block, tx_hash: ended });
        }
        self.handled.push(logs);
    }
}

/// The logs that have this end of a hold.
pub(super) fn ended_in(world: &mut World, ending: HoldEnding) -> &mut HandledLogs {
    world.handled.iter_mut().find(|logs| logs.endings.contains(&ending)).unwrap()
}

fn root(requests: &[Request]) -> Root {
    requests.iter().fold(Root::zero(BRIDGE_ID), |root, request| root.then(Leaf::of(request)))
}

fn payment(request: &Request) -> Payment {
    Payment { token: MINTED, to: TO, id: U256::ZERO, amount: request.transfer.value }
}

fn refund(request: &Request, nonce: RequestNonce, tx_hash: B256) -> Request {
    let mut back = Request { nonce, tx_hash, ..request.clone() };
    back.transfer.kind = request.transfer.kind.refund();
    back.transfer.to = REFUND_TO;
    back
}

fn request(nonce: u64) -> Request {
    Request {
        nonce: RequestNonce::new(nonce),
        transfer: ValueTransfer {
            kind: RequestKind::from(Kind::Erc20),
            source_block: BlockHeight::new(5),
            token: TOKEN,
            from: USER,
            to: TO,
            refund_to: REFUND_TO,
            value: U256::from(100 + nonce),
            payload: Bytes::new(),
        },
        tx_hash: B256::repeat_byte(0x10),
    }
}
