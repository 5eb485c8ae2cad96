//! What a network shall consist of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use polyspan_types::{Direction, Finality};

use crate::chain::NodeKind;
use crate::chain::anvil::BLOCK_GAS_LIMIT;
use crate::tokens::{PAIRS, PairSpec};

/// Chain ids of a devnet that a person looks at.
pub const CHAIN_IDS: [u64; 2] = [31_001, 31_002];

/// How far the final block is behind the newest one, where the node says which it is. Unit: blocks. Source: what anvil says with one slot in
/// an epoch.
pub const FINALIZED_BEHIND: u64 = 2;

/// What a person who tries things out can wait for. Unit: blocks, of a second each.
const REFUND_DELAY: u64 = 60;

/// A network to start.
#[derive(Debug, Clone)]
pub struct NetworkSpec {
    /// Everything of this run lies here.
    pub directory: PathBuf,
    /// Ids of the main and the service chain.
    pub chain_ids: [u64; 2],
    /// What the nodes of both chains are.
    pub nodes: NodeKind,
    /// How far the block that a geth calls final is behind its newest one; never any with `None`. Unit: blocks.
    pub finality_distance: Option<u64>,
    /// Transactions cost nothing on either chain.
    pub free_gas: bool,
    /// Which relays there are. Each is an operator.
    pub topology: Topology,
    /// Operators that must agree, on each lane.
    pub threshold: u8,
    /// Bridges; each relay serves all of them.
    pub bridges: usize,
    /// Pairs of each bridge beside [`PAIRS`].
    pub more_pairs: Vec<PairSpec>,
    /// How long a hold waits before anyone may refund it. Unit: blocks.
    pub refund_delay: u64,
    /// The bridges pay contracts in releases only, as on Kaia's nodes they always do.
    pub defer_calls: bool,
    /// Users with keys and value on both chains.
    pub users: usize,
    /// How the relays know a final block.
    pub finality: Finality,
    /// Relays use WebSocket endpoints.
    pub websocket: bool,
    /// Endpoints that each relay has to each chain, of which a majority must agree. Default: 1.
    pub endpoints_per_relay: usize,
    /// Most transfers in one submission.
    pub max_transfers: u64,
    /// How long a silent relay counts as alive.
    pub lease: Duration,
    /// What joins the relays.
    pub coordination: Coordination,
    /// Spare submitter keys of each relay, for each chain on which it submits.
    pub spare_submitters: usize,
    /// Price cap of submissions, as in the config.
    pub max_fee_per_gas: &'static str,
    /// The attester keys are accounts of a node of their own, which relays ask for signatures. At most
    /// [`REMOTE_ATTESTERS`] relays.
    pub remote_attesters: bool,
    /// Where the parts run.
    pub place: Place,
    /// Bad weather can be made between each relay and what it talks to: chains, and members of etcd.
    pub links: bool,
    /// There are two meeting places that know nothing of one another, each with every second relay of a lane.
    pub halves: bool,
    /// Bridges are deployed with the development flag, and the relays accept that: any threshold above zero.
    pub development: bool,
    /// What a block of either chain has room for. Unit: gas.
    pub block_gas_limit: u64,
    /// Nodes of the chains can be ended and started again with what they had.
    pub durable_chains: bool,
}

/// What joins the relays of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordination {
    /// A directory.
    Embedded,
    /// An etcd cluster.
    Etcd {
        /// Of so many members.
        members: usize,
    },
}

/// Where the parts of a network run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On 127.0.0.1, each part with ports of its own.
    Loopback,
    /// Each part in a network namespace with an address of its own. Needs root.
    Namespaces,
}

/// Accounts of a signing node. Source: as many as anvil makes by itself.
pub const REMOTE_ATTESTERS: usize = 10;

/// Which relays a network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// So many main-bridges and so many sub-bridges, as separate processes.
    Split(usize),
    /// So many relays that are both.
    Shared(usize),
}

/// One relay of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelaySpec {
    /// Its name.
    pub name: String,
    /// Lanes that it attests.
    pub directions: Vec<Direction>,
}

impl NetworkSpec {
    /// The network that people see: 4 main-bridges, 4 sub-bridges, threshold 3, one bridge, two users, the chain ids of
    /// [`CHAIN_IDS`].
    pub fn full(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            chain_ids: CHAIN_IDS,
            nodes: NodeKind::Anvil,
            finality_distance: Some(FINALIZED_BEHIND),
            free_gas: false,
            topology: Topology::Split(4),
            threshold: 3,
            bridges: 1,
            more_pairs: Vec::new(),
            refund_delay: REFUND_DELAY,
            defer_calls: false,
            users: 2,
            finality: "finalized".parse().expect("a rule of finality"),
            websocket: false,
            endpoints_per_relay: 1,
            max_transfers: 128,
            lease: Duration::from_secs(3),
            coordination: Coordination::Embedded,
            spare_submitters: 0,
            max_fee_per_gas: "500 gwei",
            remote_attesters: false,
            place: Place::Loopback,
            links: false,
            halves: false,
            development: false,
            block_gas_limit: BLOCK_GAS_LIMIT,
            durable_chains: false,
        }
    }

    /// A small one for tests: `relays` processes that are main-bridge and sub-bridge at once, all needed but a minority,
    /// chain ids that no other test has.
    pub fn small(directory: &Path, relays: usize) -> Self {
        // Two tests must not take one another's chain for their own.
        let first = 1_000_000 + u64::from(rand::random::<u32>());
        Self {
            chain_ids: [first, first + 1],
            topology: Topology::Shared(relays),
            threshold: u8::try_from(relays / 2 + 1).expect("few relays"),
            users: 1,
            ..Self::full(directory)
        }
    }

    /// The relays, in the order in which they start.
    pub fn relays(&self) -> Vec<RelaySpec> {
        let of = |stem: &str, count: usize, directions: &[Direction]| -> Vec<RelaySpec> {
            (1..=count)
                .map(|number| RelaySpec { name: format!("{stem}-{number}"), directions: directions.to_vec() })
                .collect()
        };
        match self.topology {
            Topology::Split(count) => {
                let mut relays = of("main-bridge", count, &[Direction::MainToService]);
                relays.extend(of("sub-bridge", count, &[Direction::ServiceToMain]));
                relays
            }
            Topology::Shared(count) => of("relay", count, &Direction::ALL),
        }
    }

    /// The pairs of each bridge.
    pub fn pairs(&self) -> Vec<PairSpec> {
        PAIRS.iter().chain(&self.more_pairs).copied().collect()
    }

    /// Names of the bridges: `kr`, then `kr-2`, `kr-3` …
    pub fn bridge_names(&self) -> Vec<String> {
        (1..=self.bridges)
            .map(|number| if number == 1 { "kr".to_owned() } else { format!("kr-{number}") })
            .collect()
    }
}

impl RelaySpec {
    /// Roles by the words of the config.
    pub fn roles(&self) -> Vec<&'static str> {
        self.directions
            .iter()
            .map(|direction| match direction {
                Direction::MainToService => "main-bridge",
                Direction::ServiceToMain => "sub-bridge",
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_network_has_four_relays_for_each_lane() {
        let relays = NetworkSpec::full(Path::new("/nowhere")).relays();
        for direction in Direction::ALL {
            assert_eq!(relays.iter().filter(|relay| relay.directions == [direction]).count(), 4);
        }
    }

    #[test]
    fn a_small_network_needs_more_than_half_of_its_relays() {
        let thresholds =
            [1, 2, 3, 4].map(|relays| NetworkSpec::small(Path::new("/nowhere"), relays).threshold);
        assert_eq!(thresholds, [1, 2, 2, 3]);
    }
}
