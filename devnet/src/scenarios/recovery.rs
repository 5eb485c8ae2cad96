//! What waited while parts were down is recovered.

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::scenario::{
    Check, Expectation, Fault, Length, Load, Meeting, Pick, Scenario, Shape, Side, Step, When, expect, then,
};

/// Some nodes go down, each a relay with its endpoint, and come back; both lanes go on.
const SOME_DOWN_AND_UP: [Step; 4] = [
    then(When::Now, Fault::Stop(Pick::Lot)),
    then(When::Seconds(2), Fault::Start(Pick::Same)),
    expect(Check::Moves(MainToService)),
    expect(Check::Moves(ServiceToMain)),
];

const A_FEW_TIMES: [[Step; 4]; 3] = [SOME_DOWN_AND_UP; 3];

const MANY_TIMES: [[Step; 4]; 20] = [SOME_DOWN_AND_UP; 20];

/// Four relays for each lane that meet through three members of etcd.
const WITH_ETCD: Shape = Shape { meeting: Meeting::Etcd(3), ..Shape::FOUR };

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "SENs and ENs at random",
        shows: "Any of the SENs and ENs stop and start together, with etcd between them and traffic both ways.",
        network: WITH_ETCD,
        traffic: Load::STEADY,
        steps: A_FEW_TIMES.as_flattened(),
        expectation: Expectation { outage_goal_s: None },
        length: Length::Short,
    },
    Scenario {
        name: "SENs and ENs at random, many times",
        shows: "As above, twenty times in a row.",
        network: WITH_ETCD,
        traffic: Load::STEADY,
        steps: MANY_TIMES.as_flattened(),
        expectation: Expectation { outage_goal_s: None },
        length: Length::Long,
    },
    Scenario {
        name: "operators change during a recovery",
        shows: "All relays were down; while they catch up, an operator of each lane is dismissed, which kills every vote.",
        network: Shape::FOUR,
        traffic: Load { per_second: 30, at_least: 300 },
        steps: &[
            then(When::Handled(10), Fault::Kill(Pick::Relays)),
            then(When::Seconds(8), Fault::Start(Pick::Same)),
            then(When::Now, Fault::Dismiss(Pick::Relay("main-bridge-4"), Side::Service)),
            then(When::Now, Fault::Kill(Pick::Same)),
            then(When::Now, Fault::Dismiss(Pick::Relay("sub-bridge-2"), Side::Main)),
            then(When::Now, Fault::Kill(Pick::Same)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: None },
        length: Length::Short,
    },
];
