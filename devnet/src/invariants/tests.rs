//! The judge must be able to say no: one world in which all is right, and each test spoils one thing in it.

mod conservation;
mod fixture;
mod holds;
mod lane;
mod payments;
mod votes;

use fixture::World;

#[test]
fn a_world_in_which_all_is_right_has_no_problem() {
    let audit = World::new().judge();
    assert_eq!(audit.problems, Vec::<String>::new());
    let [forth, back] = [0, 1].map(|lane| audit.lanes[lane].facts);
    assert_eq!((forth.requested, forth.handled, forth.lost, forth.duplicated), (6, 5, 0, 0));
    assert_eq!((forth.held, forth.released, forth.refunded, forth.on_hold), (2, 1, 1, 0));
    assert_eq!((back.requested, back.handled), (1, 1));
    assert!(audit.expect_complete().is_err(), "one request is in flight");
    let text = forth.to_string();
    assert_eq!(
        text,
        "6 requested, 5 handled (2 held: 1 released, 1 refunded, 0 on hold), 0 lost, 0 duplicated"
    );
}
