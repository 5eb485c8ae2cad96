//! Scenarios are data: a network, traffic, what happens to it over time, and what must hold. One runner plays them all.
//!
//! ```text
//! scenarios (a table) ─▶ run: network up ─▶ traffic, steps ─▶ traffic ends ─▶ all handled ─▶ audit ─▶ Outcome
//!                                            timeline: what the chains show, all the while ─────────┘
//! ```

mod act;
mod ballots;
mod chains;
mod etcd;
mod fault;
mod forks;
mod liars;
mod outcome;
mod pauses;
mod pick;
mod pump;
mod run;
mod timeline;

use crate::chain::NodeKind;

pub use act::{Act, Check, Step, When};
pub(crate) use act::{expect, then};
pub use ballots::unpause;
pub use fault::{EndpointFault, Fault};
pub use outcome::{LaneOutage, Outcome};
pub use pick::{Members, Pick, Side};
pub use pump::Pump;
pub use run::{Options, run};
pub use timeline::{Outage, Timeline};

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name, as people say it.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub shows: &'static str,
    /// The network it is played on.
    pub network: Shape,
    /// Requests that are made all the while.
    pub traffic: Load,
    /// What happens, in order.
    pub steps: &'static [Step],
    /// What must hold at the end.
    pub expectation: Expectation,
    /// Short ones are played by `make test-system`.
    pub length: Length,
}

/// What is particular about a scenario's network; the rest is that of `NetworkSpec::full`.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Main-bridges, and as many sub-bridges.
    pub relays: usize,
    /// Operators that must agree. Half of the relays or fewer need the development flag, and get it.
    pub threshold: u8,
    /// Rule of finality.
    pub finality: &'static str,
    /// What the relays meet through.
    pub meeting: Meeting,
    /// Endpoints that each relay has to each chain, of which more than half must agree.
    pub endpoints: usize,
    /// Slow and lossy links are between relays and chains, and between relays and etcd.
    pub links: bool,
    /// The relays that do not run at first.
    pub resting: Option<Pick>,
}

/// What the relays of a scenario meet through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// Whatever the run is told to use.
    Any,
    /// An etcd cluster of so many members, whatever the run is told.
    Etcd(usize),
    /// Two meeting places that know nothing of one another, each with every second relay.
    Halves,
}

/// Steady traffic.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests a second and direction.
    pub per_second: u32,
    /// Requests of each direction that are made at least, whatever the steps take.
    pub at_least: u64,
}

/// What must hold at the end. That no request is paid twice or otherwise than asked, that value is conserved and that no
/// relay signed two roots is looked at after every scenario.
#[derive(Debug, Clone, Copy)]
pub struct Expectation {
    /// The longest gap without a handled transfer that is hoped for. It is shown beside what was measured, and fails
    /// nothing: a loaded machine is no fault of the bridge. Unit: seconds.
    pub outage_goal_s: Option<u32>,
}

/// How long a scenario takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// About half a minute.
    Short,
    /// Minutes.
    Long,
}

impl Scenario {
    /// Why it cannot be played on nodes of this kind; `None` when it can.
    pub fn missing_on(&self, nodes: NodeKind) -> Option<&'static str> {
        self.steps.iter().find_map(|step| step.missing_on(nodes))
    }
}

impl Shape {
    /// Four relays for each lane, of which three are needed.
    pub const FOUR: Self = Self {
        relays: 4,
        threshold: 3,
        finality: "finalized",
        meeting: Meeting::Any,
        endpoints: 1,
        links: false,
        resting: None,
    };
}

impl Load {
    /// Enough for a gap to show.
    pub const STEADY: Self = Self { per_second: 3, at_least: 20 };
}
