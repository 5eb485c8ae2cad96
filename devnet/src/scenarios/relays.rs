//! What relays may go through.

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::scenario::{
    Check, EndpointFault, Expectation, Fault, Length, Load, Pick, Scenario, Shape, Side, Step, When, expect,
    then,
};

/// The relay of that name dies, both lanes go on, and it comes back.
const fn down_and_back(name: &'static str) -> [Step; 5] {
    [
        then(When::Now, Fault::Kill(Pick::Relay(name))),
        expect(Check::Moves(MainToService)),
        expect(Check::Moves(ServiceToMain)),
        then(When::Now, Fault::Start(Pick::Same)),
        expect(Check::Ready),
    ]
}

const EACH_DOWN: [[Step; 5]; 8] = [
    down_and_back("main-bridge-1"),
    down_and_back("main-bridge-2"),
    down_and_back("main-bridge-3"),
    down_and_back("main-bridge-4"),
    down_and_back("sub-bridge-1"),
    down_and_back("sub-bridge-2"),
    down_and_back("sub-bridge-3"),
    down_and_back("sub-bridge-4"),
];

const LEADER: Pick = Pick::Leader(MainToService);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "leader kill",
        shows: "The leader of a lane dies in the middle of its work, and another one goes on.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Kill(LEADER)),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(6), Fault::Start(Pick::Same)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(6) },
        length: Length::Short,
    },
    Scenario {
        name: "leader freeze and return",
        shows: "The leader of a lane stands still, another one goes on, and the first comes back believing that it leads.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Freeze(LEADER)),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Thaw(Pick::Same)),
            expect(Check::OneLeader(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            expect(Check::Moves(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(6) },
        length: Length::Short,
    },
    Scenario {
        name: "leader with a stuck transaction",
        shows: "What the leader of a lane sends reaches no node, though its endpoint says that it does; another one goes on.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Endpoint(LEADER, Side::Service, EndpointFault::Swallow)),
            expect(Check::Moves(MainToService)),
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Endpoint(Pick::Same, Side::Service, EndpointFault::None)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
    Scenario {
        name: "each single relay down",
        shows: "Each relay in turn dies and comes back; neither lane stops.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: EACH_DOWN.as_flattened(),
        expectation: Expectation { outage_goal_s: Some(6) },
        length: Length::Long,
    },
    Scenario {
        name: "one operator short of the threshold, then back",
        shows: "Two of four signatures move nothing, whoever asks; the third one moves everything that waited.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Kill(Pick::Relay("main-bridge-1"))),
            then(When::Now, Fault::Kill(Pick::Relay("main-bridge-2"))),
            expect(Check::Stands(MainToService, 6)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Now, Fault::Start(Pick::Same)),
            expect(Check::Moves(MainToService)),
            then(When::Now, Fault::Start(Pick::Relay("main-bridge-1"))),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: None },
        length: Length::Short,
    },
];
