//! What may become of the etcd through which relays meet. It costs time and gas, and nothing else.

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::scenario::{
    Check, Expectation, Fault, Length, Load, Meeting, Members, Pick, Scenario, Shape, Step, When, expect,
    then,
};

/// Four and four relays that meet through three members of etcd.
const ETCD: Shape = Shape { meeting: Meeting::Etcd(3), ..Shape::FOUR };

const BOTH_MOVE: [Step; 4] = [
    expect(Check::Moves(MainToService)),
    expect(Check::Moves(ServiceToMain)),
    expect(Check::Moves(MainToService)),
    expect(Check::Moves(ServiceToMain)),
];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "majority of etcd lost",
        shows: "Two of three members are gone: relays go on by votes on the chain, and meet again when one is back.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Kill(Pick::Etcd(Members::Majority))),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            BOTH_MOVE[2],
            BOTH_MOVE[3],
            expect(Check::Votes(MainToService)),
            expect(Check::Votes(ServiceToMain)),
            then(When::Now, Fault::Start(Pick::Etcd(Members::Majority))),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(30) },
        length: Length::Short,
    },
    Scenario {
        name: "all etcd lost",
        shows: "No member is left: relays go on by votes on the chain.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Kill(Pick::Etcd(Members::All))),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            BOTH_MOVE[2],
            BOTH_MOVE[3],
            expect(Check::Votes(MainToService)),
            expect(Check::Votes(ServiceToMain)),
            then(When::Now, Fault::Start(Pick::Etcd(Members::All))),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(30) },
        length: Length::Short,
    },
    Scenario {
        name: "etcd wiped under traffic",
        shows: "Etcd loses everything and comes back empty: relays publish again.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(10), Fault::WipeEtcd),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            BOTH_MOVE[2],
            BOTH_MOVE[3],
            then(When::Now, Fault::WipeEtcd),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Short,
    },
    Scenario {
        name: "hostile etcd",
        shows: "Somebody with all rights deletes, replays, reorders, forges and floods keys: nothing wrong is paid.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::HostileEtcd),
            then(When::Seconds(15), Fault::Kill(Pick::Relay("main-bridge-2"))),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            then(When::Now, Fault::Start(Pick::Relay("main-bridge-2"))),
            BOTH_MOVE[2],
            BOTH_MOVE[3],
            then(When::Now, Fault::EndHostility),
            expect(Check::Moves(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(30) },
        length: Length::Short,
    },
    Scenario {
        name: "half of the relays cut from etcd",
        shows: "Every second relay reaches no member; votes on the chain join the halves.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::Cut(Pick::Half, Pick::Etcd(Members::All))),
            BOTH_MOVE[0],
            BOTH_MOVE[1],
            BOTH_MOVE[2],
            BOTH_MOVE[3],
            then(When::Now, Fault::Heal),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(30) },
        length: Length::Short,
    },
    Scenario {
        name: "leader cut from etcd",
        shows: "The leader of a lane reaches both chains and no member of etcd; another one goes on.",
        network: ETCD,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Cut(Pick::Leader(MainToService), Pick::Etcd(Members::All))),
            BOTH_MOVE[0],
            expect(Check::AnotherLeads(MainToService)),
            then(When::Handled(10), Fault::Heal),
            expect(Check::OneLeader(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(10) },
        length: Length::Short,
    },
];
