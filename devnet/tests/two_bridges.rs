//! One relay process serves two bridges.

use polyspan_devnet::testing::{PATIENCE, TestNetwork, fresh_recipient};
use polyspan_devnet::traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_relay_serves_two_bridges_in_both_directions() {
    let network = TestNetwork::running(1, |spec| spec.bridges = 2).await.unwrap();
    assert_eq!(network.relays.len(), 1);
    for bridge in 0..2 {
        Traffic::new(&network, bridge, 0).unwrap().rounds(2, fresh_recipient()).await.unwrap();
    }
    for chain in [&network.main, &network.service] {
        chain.wait_blocks(1).await.unwrap();
    }
    network.wait_all_handled(PATIENCE).await.unwrap();
    for audit in network.audit().await.unwrap() {
        audit.expect_complete().unwrap();
        assert_eq!(audit.total().requested, 16);
        assert_eq!(audit.total().held, 0);
    }
}
