//! Reading and driving the real bridge contract.

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes, Signature, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolStruct};
use polyspan_chain::testing::{AnvilOptions, AnvilProcess, Mining, development_key};
use polyspan_chain::{
    At, BridgeRevert, BridgeState, Chain, ChainError, HandleCall, HandleTrial, PairLimits, Part, Parts,
    Presumed, SLOT_GAS, Trial, handle_calldata, pause_calldata, refund_calldata, release_calldata,
};
use polyspan_contracts::{Bridge, BridgeToken};
use polyspan_types::{
    BlockHeight, BridgeId, Checkpoint, CheckpointDomain, HoldEnd, HoldReason, Kind, Leaf, Outcome,
    OutcomeResult, Request, RequestNonce, Root, Threshold, ValueTransfer,
};

use crate::common::{CHAIN_ID, chain};

mod signed {
    alloy::sol! {
        struct Configuration { uint64 epoch; uint64 configurationNonce; uint64 deadline; bytes[] calls; }
        struct Pause { uint64 pauseNonce; }
    }
}

const COUNTERPART_CHAIN: u64 = 31002;
const COUNTERPART: Address = Address::repeat_byte(0xc0);
/// Unit: blocks.
const REFUND_DELAY: u64 = 3;
const ALICE: Address = Address::repeat_byte(0xa1);

/// An anvil with a wired bridge that moves the native currency.
struct Fixture {
    /// Ends with the fixture.
    _anvil: AnvilProcess,
    chain: Chain,
    provider: DynProvider,
    bridge: Address,
    operators: Vec<PrivateKeySigner>,
}

impl Fixture {
    /// Deploys, not wired yet.
    async fn deploy() -> Self {
        let options = AnvilOptions { mining: Mining::EveryTransaction, ..Default::default() };
        let anvil = AnvilProcess::start(&options).await.expect("anvil");
        let wallet = EthereumWallet::from(development_key(0));
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(anvil.http_url()).erased();
        let operators: Vec<_> = (1..5).map(development_key).collect();
        let members: Vec<_> = operators.iter().map(PrivateKeySigner::address).collect();
        let parts = deploy_parts(&provider).await;
        let construction = Bridge::Construction {
            operators: members.clone(),
            operatorThreshold: 3,
            governors: members,
            governorThreshold: 3,
            governanceDelay: 3600,
            refundDelay: REFUND_DELAY,
            greatestGasCap: 2_000_000,
            defersCalls: false,
            development: false,
        };
        let deployed = Bridge::deploy(provider.clone(), parts.into(), construction).await;
        let bridge = deployed.expect("deployed");
        let chain = chain(anvil.http_url());
        Self { chain, bridge: *bridge.address(), _anvil: anvil, provider, operators }
    }

    /// Applies configuration vote 0.
    async fn wire(&self) {
        let native = Bridge::PairConfiguration {
            kind: Kind::Native.number(),
            mints: false,
            decimals: 18,
            itemBound: 0,
            gasCap: 100_000,
            token: Address::ZERO,
            counterpartToken: Address::repeat_byte(0x77),
        };
        let calls: Vec<Bytes> = vec![
            Bridge::wireCall {
                counterpartChainId: COUNTERPART_CHAIN,
                counterpart: COUNTERPART,
                counterpartDeploymentBlock: 5,
                salt: B256::repeat_byte(1),
            }
            .abi_encode()
            .into(),
            Bridge::registerPairCall { pair: native }.abi_encode().into(),
        ];
        let configuration = signed::Configuration {
            epoch: self.state().await.governors.epoch.get(),
            configurationNonce: 0,
            deadline: u64::MAX,
            calls: calls.clone(),
        };
        let digest = configuration.eip712_signing_hash(self.domain().eip712());
        let signatures = self.sign(digest).iter().map(|signature| signature.as_bytes().into()).collect();
        let configure =
            Bridge::configureCall { configurationNonce: 0, deadline: u64::MAX, calls, signatures };
        self.send(configure.abi_encode().into(), 0).await;
    }

    fn domain(&self) -> CheckpointDomain {
        CheckpointDomain::new(self.chain.id(), self.bridge)
    }

    /// Signatures of three of the four operators.
    fn sign(&self, digest: B256) -> Vec<Signature> {
        self.operators[..3].iter().map(|key| key.sign_hash_sync(&digest).expect("a signature")).collect()
    }

    async fn state(&self) -> BridgeState {
        self.chain.bridge_state(self.bridge, At::Latest).await.expect("a state")
    }

    fn transaction(&self, input: Bytes, value: u64) -> TransactionRequest {
        TransactionRequest::default()
            .from(development_key(0).address())
            .to(self.bridge)
            .input(input.into())
            .value(U256::from(value))
    }

    async fn send(&self, input: Bytes, value: u64) -> B256 {
        let pending = self.provider.send_transaction(self.transaction(input, value)).await.expect("accepted");
        let receipt = pending.get_receipt().await.expect("a receipt");
        assert!(receipt.status());
        receipt.transaction_hash
    }

    async fn request(&self, value: u64, extra_data: &'static [u8]) -> B256 {
        let call = Bridge::requestNativeTransferCall {
            amount: U256::from(value),
            to: ALICE,
            refundTo: Address::repeat_byte(0xa2),
            extraData: Bytes::from_static(extra_data),
        };
        self.send(call.abi_encode().into(), value).await
    }

    async fn requests(&self) -> Vec<Request> {
        let latest = self.chain.head().await.expect("a head").latest.height;
        self.chain.requests(self.bridge, BlockHeight::ZERO, latest).await.expect("requests")
    }

    /// Calldata that pays `transfers` from nonce 0 on, signed by three operators.
    async fn handle(&self, transfers: &[ValueTransfer]) -> Bytes {
        self.handle_from(0, transfers).await
    }

    /// As [`Fixture::handle`], without the first `skipped` of them.
    async fn handle_from(&self, skipped: usize, transfers: &[ValueTransfer]) -> Bytes {
        let state = self.state().await;
        let (bridge_id, epoch) = (state.inbound_bridge_id, state.operators.epoch);
        let nonce = RequestNonce::new(transfers.len() as u64);
        let checkpoint = Checkpoint { bridge_id, epoch, nonce, root: root_over(bridge_id, transfers) };
        let signatures = self.sign(checkpoint.digest(&self.domain()));
        let transfers = transfers.iter().skip(skipped).collect::<Vec<_>>();
        handle_calldata(RequestNonce::new(skipped as u64), &transfers, &[], &signatures).expect("packed")
    }

    async fn revert(&self, input: Bytes, value: u64) -> BridgeRevert {
        let transaction = self.transaction(input, value);
        let estimated = self.chain.estimate_gas(&transaction).await.expect_err("a revert");
        let called = self.chain.call(&transaction, At::Latest).await.expect_err("a revert");
        assert_eq!(estimated, called);
        let ChainError::Reverted(revert) = called else { panic!("{called}") };
        revert
    }
}

/// Creates the parts of a bridge.
async fn deploy_parts(provider: &DynProvider) -> Parts {
    let mut created = Vec::new();
    for part in Part::ALL {
        let transaction = TransactionRequest::default()
            .from(development_key(0).address())
            .with_deploy_code(part.creation_code());
        let pending = provider.send_transaction(transaction).await.expect("accepted");
        let receipt = pending.get_receipt().await.expect("a receipt");
        created.push(receipt.contract_address.expect("a contract"));
    }
    let [collectibles, endings, governance, views] = created[..] else { panic!("four parts") };
    Parts { collectibles, endings, governance, views }
}

/// The lane's root after these, from its first request on.
fn root_over(bridge_id: BridgeId, transfers: &[ValueTransfer]) -> Root {
    (0..).zip(transfers).fold(Root::zero(bridge_id), |root, (nonce, transfer)| {
        let (nonce, transfer) = (RequestNonce::new(nonce), transfer.clone());
        root.then(Leaf::of(&Request { nonce, transfer, tx_hash: B256::ZERO }))
    })
}

/// A request of the counterpart's chain that pays the native currency here.
fn inbound(token: Address, value: u64) -> ValueTransfer {
    ValueTransfer {
        kind: Kind::Erc20.into(),
        source_block: BlockHeight::new(6),
        token,
        from: ALICE,
        to: Address::repeat_byte(0xbb),
        refund_to: ALICE,
        value: U256::from(value),
        payload: Bytes::new(),
    }
}

#[tokio::test]
async fn a_bridge_is_read_before_and_after_wiring() {
    let fixture = Fixture::deploy().await;
    let state = fixture.state().await;
    assert!(!state.wired && !state.paused && !state.development);
    assert_eq!(
        (state.chain_id.get(), state.request_nonce, state.operators.threshold.get()),
        (CHAIN_ID, RequestNonce::ZERO, 3)
    );
    assert_eq!(
        state.operators.members,
        fixture.operators.iter().map(|key| key.address()).collect::<Vec<_>>()
    );

    fixture.wire().await;
    let state = fixture.state().await;
    assert!(state.wired);
    assert_eq!((state.counterpart_chain_id.get(), state.counterpart), (COUNTERPART_CHAIN, COUNTERPART));
    assert_eq!(state.recovery_block, BlockHeight::new(5));
    assert_eq!(state.request_root, Root::zero(state.outbound_bridge_id));
    assert_eq!(state.handle_root, Root::zero(state.inbound_bridge_id));
    assert_eq!((state.pairs.len(), state.pairs[0].kind, state.pairs[0].mints), (1, Kind::Native, false));
    assert_eq!((state.pairs[0].decimals, state.pairs[0].limits), (18, PairLimits::default()));
    assert_eq!((state.governance_delay, state.refund_delay), (3600, REFUND_DELAY));
    assert!(!state.requests_stopped && state.pending.is_empty() && state.claims.is_zero());
    assert_eq!(
        (state.greatest_gas_cap, state.defers_calls, state.pairs[0].item_bound),
        (2_000_000, false, 0)
    );
    let lane = fixture.chain.lane_state(fixture.bridge, At::Latest).await.unwrap();
    assert_eq!((lane.request_root, lane.handle_root), (state.request_root, state.handle_root));
    assert_eq!((lane.operator_epoch, lane.held_count), (state.operators.epoch, 0));
}

#[tokio::test]
async fn the_parts_of_a_bridge_have_the_code_of_this_version() {
    let fixture = Fixture::deploy().await;
    let parts = fixture.chain.bridge_parts(fixture.bridge, At::Latest).await.unwrap();
    for part in Part::ALL {
        let found = fixture.chain.code_hash(parts.of(part), At::Latest).await.unwrap();
        assert_eq!(part.problem(found), None, "{part}");
    }
    assert_eq!(fixture.chain.code_hash(ALICE, At::Latest).await.unwrap(), None);
    let bridge = fixture.chain.code_hash(fixture.bridge, At::Latest).await.unwrap();
    assert!(Part::Views.problem(bridge).is_some());
}

#[tokio::test]
async fn the_price_of_a_new_slot_is_measured_by_a_call() {
    let fixture = Fixture::deploy().await;
    assert_eq!(fixture.chain.slot_gas().await.unwrap(), SLOT_GAS);
    assert!(fixture.chain.client_version().await.unwrap().contains("anvil"));
}

#[tokio::test]
async fn requests_hash_to_the_root_that_the_source_keeps_at_each_block() {
    let fixture = Fixture::deploy().await;
    fixture.wire().await;
    let mut blocks = Vec::new();
    for (value, extra_data) in [(1000, b"".as_slice()), (2000, b"for you"), (3000, b"")] {
        fixture.request(value, extra_data).await;
        blocks.push(fixture.chain.head().await.unwrap().latest);
    }
    let requests = fixture.requests().await;
    assert_eq!(
        requests.iter().map(|request| request.transfer.value.to::<u64>()).collect::<Vec<_>>(),
        [1000, 2000, 3000]
    );
    let mut expected = Root::zero(fixture.state().await.outbound_bridge_id);
    for (request, block) in requests.iter().zip(&blocks) {
        expected = expected.then(Leaf::of(request));
        let lane = fixture.chain.lane_state(fixture.bridge, At::Hash(block.hash)).await.unwrap();
        assert_eq!((lane.request_nonce, lane.request_root), (request.nonce.next(), expected));
        assert_eq!(request.transfer.source_block, block.height);
    }
}

#[tokio::test]
async fn payments_and_holds_are_outcomes_and_reverts_are_typed() {
    let fixture = Fixture::deploy().await;
    let early = fixture.handle(&[inbound(Address::repeat_byte(0x77), 1)]).await;
    assert_eq!(fixture.revert(early, 0).await, BridgeRevert::NotWired);
    fixture.wire().await;
    fixture.request(10_000, b"").await;

    let transfers = [inbound(Address::repeat_byte(0x77), 700), inbound(Address::repeat_byte(0x66), 5)];
    let handle = fixture.handle(&transfers).await;
    let few = handle_calldata(RequestNonce::ZERO, &[&transfers[0]], &[], &[]).unwrap();
    assert_eq!(fixture.revert(few, 0).await, BridgeRevert::BelowThreshold { signers: 0, threshold: 3 });
    let late = handle_calldata(RequestNonce::new(4), &[&transfers[0]], &[], &[]).unwrap();
    let gap = BridgeRevert::NonceGap { first: RequestNonce::new(4), handle_nonce: RequestNonce::ZERO };
    assert_eq!(fixture.revert(late, 0).await, gap);

    let tx_hash = fixture.send(handle.clone(), 0).await;
    let latest = fixture.chain.head().await.unwrap().latest.height;
    let logs = fixture.chain.handled(fixture.bridge, BlockHeight::ZERO, latest).await.unwrap();
    let outcome = |number| logs.outcome(RequestNonce::new(number));
    for (number, result) in [(0, OutcomeResult::Paid), (1, OutcomeResult::Held(HoldReason::UnknownToken))] {
        let nonce = RequestNonce::new(number);
        assert_eq!(outcome(number), Some(Outcome { nonce, result, block: latest, tx_hash }));
    }
    assert_eq!((logs.ranges.len(), outcome(2), logs.endings.len()), (1, None, 0));
    assert_eq!(fixture.chain.balance(Address::repeat_byte(0xbb)).await.unwrap(), U256::from(700));

    let sent = fixture.chain.transaction(tx_hash).await.unwrap().expect("the transaction");
    assert_eq!((sent.to, &sent.input), (Some(fixture.bridge), &handle));
    assert_eq!(sent.block, fixture.chain.block_ref(latest).await.unwrap());
    let call = HandleCall::decode(&sent.input).expect("a handle");
    assert_eq!((call.end().get(), call.transfers, call.signatures.len()), (2, transfers.to_vec(), 3));
    assert_eq!(fixture.chain.transaction(B256::repeat_byte(1)).await.unwrap(), None);

    let held = fixture.chain.holds(fixture.bridge, RequestNonce::ZERO, 10, At::Latest).await.unwrap();
    let leaf = Leaf::of(&Request { nonce: RequestNonce::new(1), transfer: transfers[1].clone(), tx_hash });
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].nonce.get(), held[0].reason, held[0].leaf), (1, HoldReason::UnknownToken, leaf));
    assert_eq!((held[0].held_at, logs.held[0].leaf), (latest, leaf));
    let again = BridgeRevert::AlreadyHandled { handle_nonce: RequestNonce::new(2) };
    assert_eq!(fixture.revert(handle, 0).await, again);
}

#[tokio::test]
async fn what_follows_a_transaction_on_its_way_is_simulated_as_if_that_was_mined() {
    let fixture = Fixture::deploy().await;
    fixture.wire().await;
    fixture.request(10_000, b"").await;
    let transfers = [1, 2, 3].map(|value| inbound(Address::repeat_byte(0x77), value));
    let state = fixture.state().await;
    let after = |count: usize| Presumed {
        bridge: fixture.bridge,
        handled: RequestNonce::new(count as u64),
        root: root_over(state.inbound_bridge_id, &transfers[..count]),
        epoch: state.operators.epoch,
        threshold: state.operators.threshold,
    };
    let next = fixture.handle_from(2, &transfers).await;
    let simulated = async |presumed: Presumed| {
        fixture.chain.simulate(&fixture.transaction(next.clone(), 0), &presumed).await
    };
    let gap = BridgeRevert::NonceGap { first: RequestNonce::new(2), handle_nonce: RequestNonce::ZERO };
    assert_eq!(fixture.revert(next.clone(), 0).await, gap);
    assert_eq!(simulated(after(2)).await, Ok(()));
    // Each of the presumed values is one that the bridge looks at.
    let refused = |revert| Err(ChainError::Reverted(revert));
    let below = BridgeRevert::BelowThreshold { signers: 0, threshold: 3 };
    assert_eq!(simulated(Presumed { root: after(1).root, ..after(2) }).await, refused(below.clone()));
    assert_eq!(simulated(Presumed { epoch: after(2).epoch.next(), ..after(2) }).await, refused(below));
    let four = Presumed { threshold: Threshold::try_new(4, 4).unwrap(), ..after(2) };
    assert_eq!(simulated(four).await, refused(BridgeRevert::BelowThreshold { signers: 3, threshold: 4 }));
    let handled = BridgeRevert::AlreadyHandled { handle_nonce: RequestNonce::new(3) };
    assert_eq!(simulated(after(3)).await, refused(handled));

    // The same values are where the contract itself puts them.
    fixture.send(fixture.handle(&transfers[..2]).await, 0).await;
    assert_eq!(simulated(after(2)).await, Ok(()));
    fixture.send(next.clone(), 0).await;
    assert_eq!(fixture.state().await.handle_root, after(3).root);
}

#[tokio::test]
async fn a_trial_fails_for_the_request_only_when_its_payout_has_no_room() {
    let fixture = Fixture::deploy().await;
    fixture.wire().await;
    fixture.request(10_000, b"").await;
    let transfers = [inbound(Address::repeat_byte(0x77), 700), inbound(Address::repeat_byte(0x77), 5)];
    let block = fixture.chain.head().await.unwrap().latest;
    let tried = async |nonce: u64, calldata: Bytes, gas: u64| {
        let nonce = RequestNonce::new(nonce);
        let trial = HandleTrial { bridge: fixture.bridge, nonce, calldata, gas };
        fixture.chain.try_handle(&trial, block.hash).await
    };
    let alone = fixture.handle(&transfers[..1]).await;
    assert_eq!(tried(0, alone.clone(), 30_000_000).await, Ok(Trial::Succeeds));
    // The pair's cap of 100 000 needs more than this leaves.
    let Ok(Trial::Fails(why)) = tried(0, alone.clone(), 150_000).await else { panic!("it has no room") };
    assert!(why.contains("too little gas for nonce 0"), "{why}");
    // The contract names another request than the one that is tried.
    let unclear = |tried: Result<Trial, ChainError>| matches!(tried, Ok(Trial::Unclear(_)));
    assert!(unclear(tried(1, alone.clone(), 150_000).await));
    // It runs out of gas before it gets anywhere.
    assert!(unclear(tried(0, alone.clone(), 60_000).await));
    // What reverts for another reason says nothing about the request: too few signatures, a gap, nonsense.
    let few = handle_calldata(RequestNonce::ZERO, &[&transfers[0]], &[], &[]).unwrap();
    let later = fixture.handle_from(1, &transfers).await;
    for (nonce, calldata) in [(0, few), (1, later), (0, Bytes::from_static(b"nonsense"))] {
        assert!(unclear(tried(nonce, calldata, 30_000_000).await));
    }
    // A block that the node does not have.
    let trial =
        HandleTrial { bridge: fixture.bridge, nonce: RequestNonce::ZERO, calldata: alone, gas: 150_000 };
    fixture.chain.try_handle(&trial, B256::repeat_byte(7)).await.unwrap_err();
}

#[tokio::test]
async fn a_hold_is_released_once_its_reason_is_gone_or_refunded_after_the_delay() {
    let fixture = Fixture::deploy().await;
    fixture.wire().await;
    // More than the bridge has: both are held.
    let transfers = [inbound(Address::repeat_byte(0x77), 700), inbound(Address::repeat_byte(0x77), 800)];
    fixture.send(fixture.handle(&transfers).await, 0).await;
    let [first, second] = [RequestNonce::ZERO, RequestNonce::new(1)];
    let release = release_calldata(first, &transfers[0], &[]);
    let reason = HoldReason::InsufficientEscrow;
    assert_eq!(
        fixture.revert(release.clone(), 0).await,
        BridgeRevert::ReleaseFailed { nonce: first, reason }
    );
    fixture.request(1_000, b"").await;
    let released = fixture.send(release.clone(), 0).await;
    assert_eq!(fixture.revert(release, 0).await, BridgeRevert::NotHeld { nonce: first });

    fixture.request(1, b"").await;
    let refunded = fixture.send(refund_calldata(second, &transfers[1], &[]), 0).await;
    let latest = fixture.chain.head().await.unwrap().latest.height;
    let logs = fixture.chain.handled(fixture.bridge, BlockHeight::ZERO, latest).await.unwrap();
    assert_eq!(logs.held.iter().map(|held| held.reason).collect::<Vec<_>>(), [reason; 2]);
    let end = HoldEnd::Released { to: Address::repeat_byte(0xbb) };
    assert_eq!(logs.ending(first).map(|ending| (ending.end, ending.tx_hash)), Some((end, released)));
    let end = HoldEnd::Refunded { request_nonce: RequestNonce::new(2) };
    assert_eq!(logs.ending(second).map(|ending| (ending.end, ending.tx_hash)), Some((end, refunded)));
    // The refund is a request of the other lane, about this chain's counterpart token.
    let refund = fixture.requests().await.pop().expect("a refund");
    assert_eq!((refund.nonce.get(), refund.tx_hash), (2, refunded));
    assert_eq!(refund.transfer.kind, transfers[1].kind.refund());
    assert_eq!((refund.transfer.token, refund.transfer.value), (transfers[1].token, transfers[1].value));
    assert_eq!((refund.transfer.to, refund.transfer.refund_to), (ALICE, ALICE));
    assert_eq!(fixture.chain.lane_state(fixture.bridge, At::Latest).await.unwrap().held_count, 0);
}

#[tokio::test]
async fn a_pause_of_one_operator_is_seen() {
    let fixture = Fixture::deploy().await;
    fixture.wire().await;
    let nonce = fixture.state().await.pause_nonce;
    let digest = signed::Pause { pauseNonce: nonce }.eip712_signing_hash(fixture.domain().eip712());
    fixture.send(pause_calldata(nonce, &fixture.sign(digest)[0]), 0).await;
    assert!(fixture.chain.lane_state(fixture.bridge, At::Latest).await.unwrap().paused);
    let request = Bridge::requestNativeTransferCall {
        amount: U256::from(1),
        to: ALICE,
        refundTo: ALICE,
        extraData: Bytes::new(),
    };
    let revert = fixture.revert(request.abi_encode().into(), 1).await;
    assert_eq!(revert, BridgeRevert::Paused { pause_nonce: nonce });
}

#[tokio::test]
async fn addresses_that_are_no_bridge_are_named() {
    let fixture = Fixture::deploy().await;
    let nobody = Address::repeat_byte(0x99);
    let error = fixture.chain.bridge_state(nobody, At::Latest).await.unwrap_err();
    assert_eq!(error, ChainError::NoCode { chain: "main".to_owned(), address: nobody });
    let call = BridgeToken::deploy_builder(
        fixture.provider.clone(),
        "Token".to_owned(),
        "TKN".to_owned(),
        18,
        fixture.bridge,
    );
    let token = call.deploy().await.unwrap();
    let error = fixture.chain.bridge_state(token, At::Latest).await.unwrap_err();
    assert!(matches!(error, ChainError::NotABridge { address, .. } if address == token), "{error}");
    let unknown_pair = Bridge::requestERC20TransferCall {
        token,
        amount: U256::from(1),
        to: ALICE,
        refundTo: ALICE,
        feeLimit: U256::ZERO,
        extraData: Bytes::new(),
    };
    fixture.wire().await;
    let BridgeRevert::Other(reason) = fixture.revert(unknown_pair.abi_encode().into(), 0).await else {
        panic!("an untyped error")
    };
    assert!(reason.starts_with("BridgePairUnknown"), "{reason}");
}
