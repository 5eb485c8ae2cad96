//! What strangers can make a relay keep, measured as the kernel counts it: a hostile etcd, a flood of votes by one operator, endpoints that
//! answer too much, and clients that are silent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Address, B256, Signature, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use etcd_client::{Client, PutOptions, Txn, TxnOp};

use futures::{StreamExt, TryStreamExt, stream};
use polyspan_coordination::{KeyPresence, KeyProof};
use polyspan_devnet::endpoint_proxy::{Excess, Faults};
use polyspan_devnet::testing::{LONG_PATIENCE, PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;
use polyspan_devnet::{Coordination, eventually_true, memory};
use polyspan_node::config::LaneInfo;
use polyspan_types::{
    Attestation, BridgeId, Checkpoint, CheckpointDomain, Epoch, HoldAction, HoldDecision, Leaf, RequestNonce,
    Root, SignedDecision,
};
use tokio::net::{TcpStream, UnixStream};

/// The most that a relay may have had in memory. Unit: MiB.
const PEAK: f64 = 150.0;

/// Operations of one transaction. Source: etcd's limit.
const BATCH: usize = 128;

const PREFIX: &str = "/polyspan/relays";

type Pair = (String, Vec<u8>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_etcd_hostile_endpoints_and_silent_clients_leave_a_relay_small_and_working() {
    let mut network = TestNetwork::start(3, |spec| {
        spec.coordination = Coordination::Etcd { members: 1 };
        spec.endpoints_per_relay = 3;
    })
    .await
    .unwrap();
    // The third operator is the dishonest one.
    let honest = ["relay-1", "relay-2"];
    honest.iter().for_each(|relay| network.start_relay(relay).unwrap());
    // A store that is new signs nothing that was requested before it.
    for relay in honest {
        network.relay(relay).unwrap().wait_ready(PATIENCE).await.unwrap();
    }
    transfer(&network).await;

    for excess in [Excess::LongError, Excess::LongResult, Excess::Endless] {
        network.relays[0].main_endpoint.set(Faults::excess(excess));
        network.relays[0].service_endpoint.set(Faults::excess(excess));
        transfer(&network).await;
    }
    expect_small(&network, "hostile endpoints");
    network.relays[0].endpoints().into_iter().for_each(|endpoint| endpoint.clear());

    // Another process, with a peak of its own.
    network.relays[0].stop().await.unwrap();
    fill_etcd(&network).await;
    network.start_relay("relay-1").unwrap();
    wait_followed(&network, true).await;
    // What it holds is read at once, while what was known is still there.
    network.etcd_mut().unwrap().kill_member(0).await.unwrap();
    wait_followed(&network, false).await;
    network.etcd_mut().unwrap().start_member(0).unwrap();
    network.etcd_mut().unwrap().wait_ready(PATIENCE).await.unwrap();
    wait_followed(&network, true).await;
    transfer(&network).await;
    expect_small(&network, "a hostile etcd");

    let relay = &network.relays[0];
    let (mut silent, mut asking) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        silent.push(TcpStream::connect(&relay.listen).await.unwrap());
    }
    let live = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let answer = live.get(format!("http://{}/livez", relay.listen)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let socket = format!("{}.control", relay.store.display());
    for _ in 0..80 {
        asking.push(UnixStream::connect(&socket).await.unwrap());
    }
    let mut command = tokio::process::Command::new(&network.binaries.polyspan);
    command.args(["recovery", "status", "--config"]).arg(&relay.config);
    let status = command.output().await.unwrap();
    assert!(status.status.success(), "{status:?}");
    expect_small(&network, "silent clients");
}

async fn transfer(network: &TestNetwork) {
    Traffic::new(network, 0, 0).unwrap().rounds(1, fresh_recipient()).await.unwrap();
    network.wait_all_handled(LONG_PATIENCE).await.unwrap();
}

async fn wait_followed(network: &TestNetwork, followed: bool) {
    let relay = &network.relays[0];
    let state = || async {
        let state = relay.metric("polyspan_coordination_state", &["state=\"etcd\""]).await?;
        Ok(state == Some(f64::from(u8::from(followed))))
    };
    // Beside other work an etcd this full is read in a minute or more.
    eventually_true("the relay tells whether it follows etcd", 3 * LONG_PATIENCE, state).await.unwrap();
}

#[expect(clippy::print_stderr, reason = "the figure is what the test is for")]
fn expect_small(network: &TestNetwork, after: &str) {
    let process = network.relays[0].process_id().unwrap();
    let peak = memory::peak_mib(process).unwrap();
    eprintln!("after {after}: {peak:.0} MiB at the most");
    assert!(peak <= PEAK, "after {after}: {peak} MiB");
}

/// Everything that the relays keep, up to its bound and beyond.
async fn fill_etcd(network: &TestNetwork) {
    let endpoint = network.etcd.as_ref().unwrap().endpoints();
    let client = Client::connect(endpoint, None).await.unwrap();
    let mut pairs = Vec::new();
    let lanes = network.bridges[0].deployment.lanes();
    for lane in &lanes {
        pairs.extend(votes_of_an_operator(lane, &network.relays[2].attester.signer));
    }
    for number in 0..20 {
        pairs.extend(claims_and_decisions(format!("a-{number:03}")));
    }
    for number in 0..10 {
        let lane = |half: u8| B256::repeat_byte(0xA0 + 2 * number + half);
        pairs.extend((0..2).flat_map(|half| junk_votes(format!("b-{number:03}"), BridgeId(lane(half)))));
    }
    put(&client, pairs, BATCH, 0).await;
    // Those before them sort first: these take what is left of the 128 members.
    let lease = client.clone().lease_grant(3_600, None).await.unwrap().id();
    let keys = (0..100).flat_map(|number| key_presences(&format!("b-{number:03}")));
    put(&client, keys.collect(), BATCH, lease).await;
    // Each takes most of a message.
    put(&client, (0..40).map(|number| long_report(&format!("c-{number:03}"))).collect(), 1, 0).await;
}

async fn put(client: &Client, pairs: Vec<Pair>, batch: usize, lease: i64) {
    let batches: Vec<Vec<Pair>> = pairs.chunks(batch).map(<[Pair]>::to_vec).collect();
    let done = stream::iter(batches).map(|batch| {
        let mut client = client.clone();
        async move {
            let options = (lease != 0).then(|| PutOptions::new().with_lease(lease));
            let puts: Vec<_> =
                batch.into_iter().map(|(key, value)| TxnOp::put(key, value, options.clone())).collect();
            client.txn(Txn::new().and_then(puts)).await.map(drop)
        }
    });
    done.buffer_unordered(4).try_collect::<Vec<()>>().await.unwrap();
}

/// Rightly signed, by an operator that the destination has, for requests that nobody has made.
fn votes_of_an_operator(lane: &LaneInfo, signer: &PrivateKeySigner) -> Vec<Pair> {
    let domain = CheckpointDomain::new(lane.destination.chain_id, lane.destination.bridge);
    let votes = (0..2_048_u64).flat_map(|number| {
        [1, 2].map(|root| {
            let checkpoint = Checkpoint {
                bridge_id: lane.bridge_id,
                epoch: Epoch::new(1),
                nonce: RequestNonce::new(1_000 + number),
                root: Root(B256::repeat_byte(root)),
            };
            let signature = signer.sign_hash_sync(&checkpoint.digest(&domain)).unwrap();
            Attestation { checkpoint, operator: signer.address(), signature }
        })
    });
    votes.map(|vote| published("relay-3", &vote)).collect()
}

fn junk_votes(member: String, lane: BridgeId) -> impl Iterator<Item = Pair> {
    (0..4_096_u64).map(move |nonce| {
        let checkpoint = Checkpoint {
            bridge_id: lane,
            epoch: Epoch::new(1),
            nonce: RequestNonce::new(nonce),
            root: Root(B256::repeat_byte(1)),
        };
        let signature = Signature::new(U256::from(1), U256::from(1), false);
        published(&member, &Attestation { checkpoint, operator: Address::repeat_byte(9), signature })
    })
}

fn published(member: &str, vote: &Attestation) -> Pair {
    let Checkpoint { bridge_id, epoch, nonce, root } = vote.checkpoint;
    let [lane, root] = [bridge_id.0, root.0].map(alloy::hex::encode);
    let operator = alloy::hex::encode(vote.operator);
    let key = format!(
        "{PREFIX}/{member}/attestation/{lane}/{:016x}/{:016x}/{operator}/{root}",
        nonce.get(),
        epoch.get()
    );
    (key, serde_json::to_vec(vote).unwrap())
}

fn claims_and_decisions(member: String) -> impl Iterator<Item = Pair> {
    (0..1_024_u64).flat_map(move |number| {
        let lane = B256::from(U256::from(number));
        let decision = SignedDecision {
            decision: HoldDecision {
                action: HoldAction::ForceHold,
                bridge_id: BridgeId(lane),
                epoch: Epoch::new(1),
                nonce: RequestNonce::new(number),
                leaf: Leaf(B256::repeat_byte(1)),
            },
            operator: Address::repeat_byte(9),
            signature: Signature::new(U256::from(1), U256::from(1), false),
        };
        let lane = alloy::hex::encode(lane);
        [
            (format!("{PREFIX}/{member}/claim/{lane}"), br#"{"term":1,"standing":true}"#.to_vec()),
            (format!("{PREFIX}/{member}/decision/{lane}"), serde_json::to_vec(&decision).unwrap()),
        ]
    })
}

/// As many processes as one member may have, and more; each with as many answers as one signature has.
fn key_presences(member: &str) -> Vec<Pair> {
    let of_process = |number: u64| {
        let instance = B256::from(U256::from(number + 1));
        let answers = vec![B256::repeat_byte(1); 32];
        let signature = Signature::new(U256::from(1), U256::from(1), false);
        let unsigned =
            KeyPresence::new(member.parse().unwrap(), Address::repeat_byte(9), instance, "http://it");
        let presence = KeyPresence { proof: Some(KeyProof { answers, signature }), ..unsigned };
        let key = format!("{PREFIX}/{member}/key/{}", alloy::hex::encode(instance));
        (key, serde_json::to_vec(&presence).unwrap())
    };
    (0..12).map(of_process).collect()
}

/// As many parts as a report of the greatest length has room for: each takes more memory than it has letters.
fn long_report(member: &str) -> Pair {
    let chains = vec![r#"{"chain":"","head":0,"final_height":0}"#; 6_500].join(",");
    let value = format!(
        r#"{{"member":{{"id":"{member}","operator":null,"roles":[],"api":"","started_at_ms":0}},"report":{{"chains":[{chains}]}},"last_seen_ms":0}}"#
    );
    (format!("{PREFIX}/{member}/member"), value.into_bytes())
}
