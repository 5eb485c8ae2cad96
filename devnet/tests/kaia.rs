//! The core of the end-to-end tests and the faults of nodes, on Kaia's own nodes: four that make the blocks of each chain, and an EN and an SEN for
//! each relay. Those that take minutes are in `kaia_long.rs`.

use polyspan_devnet::chain::NodeKind::Kaia;
use polyspan_devnet::testing::{demonstrate, play};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_transfer_is_paid_on_kaia_while_operators_are_killed() {
    demonstrate(Kaia).await;
}

/// The SEN of a relay ends in order, and its relay with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sen_is_down_with_its_relay() {
    play("node failure", Kaia).await;
}
