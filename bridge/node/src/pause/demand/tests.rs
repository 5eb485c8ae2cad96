use polyspan_chain::ReplyKind;

use super::*;
use crate::sighting::testing::{FAR, FarChain};

const BRIDGE: Address = Address::repeat_byte(0xb1);

/// A demand on a chain, and what it called for at each look.
struct Fixture {
    far: FarChain,
    demand: Demand,
}

impl Fixture {
    async fn new(depth: u64) -> Self {
        Self { far: FarChain::new(depth).await, demand: Demand::default() }
    }

    /// What the demand calls for when this is the newest block.
    async fn at(&mut self, height: u64) -> &'static str {
        self.far.head_at(height).await;
        match self.demand.look(&self.far.chain, BRIDGE).await.unwrap() {
            Need::Nothing => "nothing",
            Need::Finality => "finality",
            Need::Pause(_) => "pause",
        }
    }
}

#[tokio::test]
async fn a_pause_does_not_wait_for_a_state_that_nodes_have_thrown_away() {
    let mut fixture = Fixture::new(FAR).await;
    let head = fixture.far.head_at(1_000).await;
    let at_final = fixture.far.chain.lane_state(BRIDGE, At::Hash(head.final_block.hash)).await;
    assert_eq!(at_final.unwrap_err().reply_kind(), Some(ReplyKind::StateGone));
    assert_eq!(fixture.at(1_000).await, "pause");
}

#[tokio::test]
async fn a_demand_is_met_when_the_block_that_showed_the_pause_is_final() {
    let mut fixture = Fixture::new(FAR).await;
    fixture.far.world(|world| world.paused_from = 1_001);
    assert_eq!(fixture.at(1_000).await, "pause");
    assert_eq!(fixture.at(1_002).await, "finality");
    assert_eq!(fixture.at(1_001 + FAR).await, "finality", "what was seen is the block above");
    assert_eq!(fixture.at(1_002 + FAR).await, "nothing");
}

#[tokio::test]
async fn a_block_that_was_replaced_proves_no_pause() {
    let mut fixture = Fixture::new(FAR).await;
    fixture.far.world(|world| world.paused_from = 1_000);
    assert_eq!(fixture.at(1_000).await, "finality");
    // The bridge is paused again within the branch that took its place.
    fixture.far.world(|world| (world.replaced_from, world.paused_from) = (1_000, 1_100));
    assert_eq!(fixture.at(1_000 + FAR).await, "finality");
    assert_eq!(fixture.at(1_001 + FAR).await, "finality", "seen anew");
    assert_eq!(fixture.at(1_000 + 2 * FAR).await, "finality");
    assert_eq!(fixture.at(1_001 + 2 * FAR).await, "nothing");
}

#[tokio::test]
async fn a_pause_that_a_reorganisation_took_is_sent_again() {
    let mut fixture = Fixture::new(FAR).await;
    fixture.far.world(|world| world.paused_from = 1_000);
    assert_eq!(fixture.at(1_000).await, "finality");
    fixture.far.world(|world| world.paused_from = 1_050);
    assert_eq!(fixture.at(1_010).await, "pause");
    assert_eq!(fixture.at(1_050).await, "finality");
    assert_eq!(fixture.at(1_000 + FAR).await, "finality", "what was seen first is forgotten");
    assert_eq!(fixture.at(1_050 + FAR).await, "nothing");
}

#[tokio::test]
async fn what_governors_unpause_stays_unpaused() {
    let mut fixture = Fixture::new(FAR).await;
    fixture.far.world(|world| (world.paused_from, world.unpaused_from) = (1_000, 1_020));
    assert_eq!(fixture.at(1_000).await, "finality");
    assert_eq!(fixture.at(1_020).await, "nothing");
}

#[tokio::test]
async fn a_near_final_block_tells_of_a_pause_that_was_not_seen() {
    let mut fixture = Fixture::new(10).await;
    fixture.far.world(|world| (world.paused_from, world.unpaused_from) = (980, 999));
    assert_eq!(fixture.at(1_000).await, "nothing", "governors have ended it, which is not final yet");
}

#[tokio::test]
async fn a_pause_is_final_at_once_where_every_block_is() {
    let mut fixture = Fixture::new(0).await;
    fixture.far.world(|world| world.paused_from = 1_001);
    assert_eq!(fixture.at(1_000).await, "pause");
    assert_eq!(fixture.at(1_001).await, "nothing");
}
