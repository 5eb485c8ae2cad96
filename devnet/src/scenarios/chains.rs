//! What chains, their endpoints and the ways to them may do.

use std::time::Duration;

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::link::Weather;
use crate::scenario::{
    Check, Expectation, Fault, Length, Load, Meeting, Members, Pick, Scenario, Shape, Side, When, expect,
    then,
};

/// Another continent, on a bad day.
const BAD: Weather =
    Weather { delay: Duration::from_millis(80), jitter: Duration::from_millis(60), loss: 0.03 };

/// Hardly a network at all.
const AWFUL: Weather =
    Weather { delay: Duration::from_millis(150), jitter: Duration::from_millis(200), loss: 0.15 };

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "all relays cut from one chain",
        shows: "No relay reaches the main chain: both lanes wait, and go on by themselves when it is back.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Cut(Pick::Relays, Pick::Chain(Side::Main))),
            // Requests that were read and signed before may still be paid on the other chain.
            then(When::Seconds(6), Fault::CutOneWay(Pick::Chain(Side::Main), Pick::Relays)),
            expect(Check::Stands(ServiceToMain, 4)),
            expect(Check::Stands(MainToService, 2)),
            then(When::Now, Fault::Heal),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: None },
        length: Length::Short,
    },
    Scenario {
        name: "leader cut from everything",
        shows: "The leader of a lane lives, and reaches neither a chain nor etcd; another one goes on.",
        network: Shape { meeting: Meeting::Etcd(3), ..Shape::FOUR },
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Cut(Pick::Leader(MainToService), Pick::Chain(Side::Main))),
            then(When::Now, Fault::Cut(Pick::Same, Pick::Chain(Side::Service))),
            then(When::Now, Fault::Cut(Pick::Same, Pick::Etcd(Members::All))),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Heal),
            expect(Check::OneLeader(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
    Scenario {
        name: "leader cut from one chain",
        shows: "The leader of a lane, whose lease stays alive, reaches the chain of the requests no more, then not that of the payouts.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Cut(Pick::Leader(MainToService), Pick::Chain(Side::Main))),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Heal),
            expect(Check::OneLeader(MainToService)),
            expect(Check::Ready),
            then(When::Now, Fault::Cut(Pick::Leader(MainToService), Pick::Chain(Side::Service))),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Heal),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
    Scenario {
        name: "leader without funds",
        shows: "The leader of a lane cannot pay for a transaction any more; another one goes on.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Unfund(Pick::Leader(MainToService))),
            // What was sent before it could still pay.
            then(When::Seconds(3), Fault::Unfund(Pick::Same)),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Fund(Pick::Same)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
    Scenario {
        name: "slow and lossy network",
        shows: "Links between relays, chains and etcd are slow and lose packets and connections: transfers take longer.",
        network: Shape { links: true, meeting: Meeting::Etcd(3), ..Shape::FOUR },
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Weather(BAD)),
            then(When::Handled(40), Fault::Weather(AWFUL)),
            then(When::Handled(20), Fault::Weather(Weather::GOOD)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Short,
    },
    Scenario {
        name: "a liar among three endpoints",
        shows: "One of three endpoints of each relay serves a consistent fork with a request that nobody made.",
        network: Shape { endpoints: 3, ..Shape::FOUR },
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Fork(Pick::Relays, Side::Main)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Handled(12), Fault::EndFork),
            then(When::Now, Fault::Fork(Pick::Relays, Side::Service)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Handled(12), Fault::EndFork),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(8) },
        length: Length::Short,
    },
    Scenario {
        name: "reorg above finality",
        shows: "Blocks that are not final are replaced on either chain: nothing of them was signed, nothing is lost.",
        network: Shape { finality: "depth 5", ..Shape::FOUR },
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Reorg(Side::Main, 3)),
            expect(Check::Moves(MainToService)),
            then(When::Handled(6), Fault::Reorg(Side::Service, 3)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Moves(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Short,
    },
];
