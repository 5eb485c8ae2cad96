//! What the state of all lanes means for who must act.

use super::rows::LaneRow;
use crate::exit::Exit;

/// Halted or paused counts more than what could not be seen. `relays_unread`: the config says where relays meet, and it cannot be seen.
pub fn verdict(lanes: &[LaneRow], relays_unread: bool) -> Exit {
    let relays = if relays_unread { Exit::Unreadable } else { Exit::Fine };
    lanes.iter().map(of_lane).fold(relays, Exit::worst)
}

/// A hold has its own commands, and is told beside the tables.
fn of_lane(lane: &LaneRow) -> Exit {
    if !lane.halted.is_empty() || lane.paused {
        return Exit::Bad;
    }
    if lane.requested.is_none() || lane.handled.is_none() { Exit::Unreadable } else { Exit::Fine }
}

#[cfg(test)]
mod tests {
    use polyspan_types::RequestNonce;

    use super::super::rows::Halt;
    use super::*;

    fn lane() -> LaneRow {
        let seen = Some(RequestNonce::new(4));
        LaneRow { requested: seen, handled: seen, held: Some(1), ..LaneRow::default() }
    }

    #[test]
    fn halted_and_paused_and_unreadable_are_told_from_fine() {
        let halt = Halt { relay: "a".to_owned(), reason: "the root differs".to_owned() };
        let halted = LaneRow { halted: vec![halt], ..lane() };
        let paused = LaneRow { paused: true, ..lane() };
        let unseen = LaneRow { handled: None, ..lane() };
        assert_eq!(verdict(&[lane(), lane()], false), Exit::Fine);
        assert_eq!(verdict(&[lane()], true), Exit::Unreadable);
        assert_eq!(verdict(&[lane(), unseen], false), Exit::Unreadable);
        assert_eq!(verdict(&[halted, lane()], true), Exit::Bad);
        assert_eq!(verdict(&[lane(), paused], false), Exit::Bad);
    }
}
