//! The cases that were published for the ancestors of this bridge.

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::misbehave;
use crate::scenario::{
    Check, EndpointFault, Expectation, Fault, Length, Load, Meeting, Pick, Scenario, Shape, Side, When,
    expect, then,
};

/// Four relays for each lane, and one signature is enough. The development flag allows it.
const ONE_OF_FOUR: Shape = Shape { threshold: 1, ..Shape::FOUR };

/// A service endpoint is what a main-bridge has of the SENs.
const SENS_OF_MAIN_BRIDGES: Pick = Pick::Lane(MainToService);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "normal transfer",
        shows: "Four and four relays transfer both ways.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[expect(Check::Moves(MainToService)), expect(Check::Moves(ServiceToMain))],
        expectation: Expectation { outage_goal_s: Some(5) },
        length: Length::Short,
    },
    Scenario {
        name: "node failure",
        shows: "The relay of one SEN is down with its node, and the threshold is still met.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Stop(Pick::Relay("sub-bridge-2"))),
            then(When::Handled(12), Fault::Start(Pick::Same)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(8) },
        length: Length::Short,
    },
    Scenario {
        name: "invalid attempt",
        shows: "What one operator of each lane makes up is not paid: other amounts, recipients and requests.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Lie(Pick::Relay("main-bridge-3"), misbehave::Fault::WrongAmount)),
            then(When::Now, Fault::Lie(Pick::Relay("sub-bridge-3"), misbehave::Fault::WrongRecipient)),
            expect(Check::ConflictSeen(MainToService)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Now, Fault::EndLies),
            then(When::Now, Fault::Lie(Pick::Relay("main-bridge-3"), misbehave::Fault::InventedRequest)),
            then(When::Handled(12), Fault::EndLies),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
    Scenario {
        name: "all SENs stopped and started repeatedly",
        shows: "Every SEN goes down, endpoint and relay together, again and again; what waited is recovered.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Stop(Pick::Lane(ServiceToMain))),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::Down)),
            expect(Check::Stands(MainToService, 4)),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::None)),
            then(When::Now, Fault::Start(Pick::Lane(ServiceToMain))),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Now, Fault::Stop(Pick::Lane(ServiceToMain))),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::Down)),
            expect(Check::Stands(MainToService, 4)),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::None)),
            then(When::Now, Fault::Start(Pick::Lane(ServiceToMain))),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Now, Fault::Stop(Pick::Lane(ServiceToMain))),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::Down)),
            expect(Check::Stands(MainToService, 4)),
            then(When::Now, Fault::Endpoint(SENS_OF_MAIN_BRIDGES, Side::Service, EndpointFault::None)),
            then(When::Now, Fault::Start(Pick::Lane(ServiceToMain))),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: None },
        length: Length::Long,
    },
    Scenario {
        name: "load",
        shows: "Four and four relays of which one is enough carry steady load both ways.",
        network: ONE_OF_FOUR,
        traffic: Load { per_second: 40, at_least: 1_000 },
        steps: &[],
        expectation: Expectation { outage_goal_s: Some(5) },
        length: Length::Long,
    },
    Scenario {
        name: "two leaders on purpose",
        shows: "Each half of the relays has a leader of its own and enough signatures: it costs gas, and nothing else.",
        network: Shape { threshold: 2, meeting: Meeting::Halves, ..Shape::FOUR },
        traffic: Load::STEADY,
        steps: &[
            expect(Check::TwoLeaders(MainToService)),
            expect(Check::TwoLeaders(ServiceToMain)),
            then(When::Handled(20), Fault::Kill(Pick::Leader(MainToService))),
            expect(Check::Moves(MainToService)),
            then(When::Now, Fault::Start(Pick::Same)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(5) },
        length: Length::Short,
    },
];
