//! What the nodes of the chains may go through, and the bridge contracts on them. Nothing may be lost by it.

use polyspan_types::Direction::{MainToService, ServiceToMain};

use crate::scenario::Side::{Main, Service};
use crate::scenario::{
    Act, Check, Expectation, Fault, Length, Load, Pick, Scenario, Shape, Side, Step, When, expect, then,
};

/// Blocks may be lost that are not final.
const DEEP: Shape = Shape { finality: "depth 5", ..Shape::FOUR };

const MAIN: Pick = Pick::Chain(Main);
const SERVICE: Pick = Pick::Chain(Service);

/// The node ends in order, is away for a while, comes back, and both lanes go on.
const fn restart(chain: Pick) -> [Step; 5] {
    [
        then(When::Now, Fault::Stop(chain)),
        then(When::Seconds(3), Fault::Start(chain)),
        expect(Check::Moves(MainToService)),
        expect(Check::Moves(ServiceToMain)),
        expect(Check::Ready),
    ]
}

/// A payout, and right after it the newest blocks are gone, and that payout with them. It begins with a wait: two such
/// losses in a row would reach together what was final.
const fn undo(side: Side) -> [Step; 4] {
    let lane = side.destination_of();
    [
        Step { when: When::Seconds(3), act: Act::Expect(Check::Moves(lane)) },
        then(When::Now, Fault::RollBack(side, 3)),
        expect(Check::Moves(lane)),
        expect(Check::Ready),
    ]
}

/// A pause under traffic, and its end.
const fn pause(side: Side) -> [Step; 6] {
    [
        then(When::Handled(6), Fault::Pause(side)),
        expect(Check::HandlesNothing(side.destination_of(), 5)),
        then(When::Now, Fault::Unpause(side)),
        expect(Check::Moves(MainToService)),
        expect(Check::Moves(ServiceToMain)),
        expect(Check::Ready),
    ]
}

const RESTARTS: [[Step; 5]; 2] = [restart(MAIN), restart(SERVICE)];

const MANY_RESTARTS: [[[Step; 5]; 2]; 3] = [RESTARTS, RESTARTS, RESTARTS];

const ROLL_BACKS: [[Step; 4]; 2] = [undo(Service), undo(Main)];

const MANY_ROLL_BACKS: [[[Step; 4]; 2]; 3] = [ROLL_BACKS, ROLL_BACKS, ROLL_BACKS];

const PAUSES: [[Step; 6]; 2] = [pause(Main), pause(Service)];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "nodes of the chains restart",
        shows: "The node of each chain is ended and started again under traffic; its pool is lost each time.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: RESTARTS.as_flattened(),
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Short,
    },
    Scenario {
        name: "nodes of the chains restart repeatedly",
        shows: "Both nodes are ended and started again under traffic, three times in a row.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: MANY_RESTARTS.as_flattened().as_flattened(),
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Long,
    },
    Scenario {
        name: "nodes of the chains die",
        shows: "Nodes end without having written their newest blocks, one after the other and both at once.",
        network: DEEP,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Kill(SERVICE)),
            then(When::Seconds(2), Fault::Start(SERVICE)),
            expect(Check::Moves(MainToService)),
            then(When::Now, Fault::Kill(MAIN)),
            then(When::Seconds(2), Fault::Start(MAIN)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
            then(When::Seconds(3), Fault::Kill(MAIN)),
            then(When::Now, Fault::Kill(SERVICE)),
            then(When::Seconds(2), Fault::Start(SERVICE)),
            then(When::Seconds(2), Fault::Start(MAIN)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(20) },
        length: Length::Long,
    },
    Scenario {
        name: "nodes of the chains freeze",
        shows: "The node of each chain takes questions and answers none for a while; no relay has another one.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Freeze(SERVICE)),
            then(When::Seconds(6), Fault::Thaw(SERVICE)),
            expect(Check::Moves(MainToService)),
            then(When::Now, Fault::Freeze(MAIN)),
            then(When::Seconds(6), Fault::Thaw(MAIN)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Moves(MainToService)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Long,
    },
    Scenario {
        name: "endpoint nodes fall behind",
        shows: "The SEN, then the EN of a leader loses its peers: it answers as of old blocks, and what is sent to it reaches nobody.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Handled(6), Fault::Isolate(Pick::Leader(MainToService), Service)),
            expect(Check::Moves(MainToService)),
            then(When::Seconds(45), Fault::Rejoin(Pick::Same, Service)),
            expect(Check::Ready),
            then(When::Handled(6), Fault::Isolate(Pick::Leader(MainToService), Main)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            then(When::Seconds(45), Fault::Rejoin(Pick::Same, Main)),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(20) },
        length: Length::Long,
    },
    Scenario {
        name: "lost mempools",
        shows: "The nodes of both chains forget every second what is in no block; relays send again.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::LosePool(Main)),
            then(When::Now, Fault::LosePool(Service)),
            then(When::Handled(30), Fault::KeepPools),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: Some(15) },
        length: Length::Short,
    },
    Scenario {
        name: "payouts rolled back",
        shows: "Blocks that are not final are taken away right after a payout, on either chain: it is paid again.",
        network: DEEP,
        traffic: Load::STEADY,
        steps: ROLL_BACKS.as_flattened(),
        expectation: Expectation { outage_goal_s: Some(20) },
        length: Length::Short,
    },
    Scenario {
        name: "payouts rolled back repeatedly",
        shows: "Blocks with payouts that are not final are taken away on either chain, three times in a row.",
        network: DEEP,
        traffic: Load::STEADY,
        steps: MANY_ROLL_BACKS.as_flattened().as_flattened(),
        expectation: Expectation { outage_goal_s: Some(20) },
        length: Length::Long,
    },
    Scenario {
        name: "every trouble of a chain at once",
        shows: "Nodes die, forget and go back while the leader of a lane is killed.",
        network: DEEP,
        traffic: Load::STEADY,
        steps: &[
            then(When::Now, Fault::LosePool(Main)),
            then(When::Now, Fault::LosePool(Service)),
            then(When::Handled(6), Fault::Kill(Pick::Leader(MainToService))),
            then(When::Now, Fault::RollBack(Service, 3)),
            then(When::Handled(6), Fault::Reorg(Main, 3)),
            then(When::Now, Fault::Start(Pick::Same)),
            then(When::Handled(6), Fault::Kill(SERVICE)),
            then(When::Seconds(2), Fault::Start(SERVICE)),
            then(When::Handled(6), Fault::RollBack(Main, 3)),
            then(When::Now, Fault::Stop(MAIN)),
            then(When::Seconds(2), Fault::Start(MAIN)),
            then(When::Handled(6), Fault::Reorg(Service, 3)),
            then(When::Handled(6), Fault::KeepPools),
            expect(Check::Moves(MainToService)),
            expect(Check::Moves(ServiceToMain)),
            expect(Check::Ready),
        ],
        expectation: Expectation { outage_goal_s: None },
        length: Length::Long,
    },
    Scenario {
        name: "a side is paused",
        shows: "An operator pauses a bridge under traffic, nothing is paid there, and it goes on after the governors' vote.",
        network: Shape::FOUR,
        traffic: Load::STEADY,
        steps: PAUSES.as_flattened(),
        expectation: Expectation { outage_goal_s: None },
        length: Length::Short,
    },
];
