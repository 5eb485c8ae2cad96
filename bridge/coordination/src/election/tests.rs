use proptest::prelude::*;

use super::*;

fn id(number: u8) -> MemberId {
    MemberId::try_new(format!("relay-{number}")).unwrap()
}

fn candidate(number: u8, alive: bool, term: u64, standing: bool) -> Candidate {
    Candidate { id: id(number), alive, claim: Claim { term: Term::new(term), standing } }
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let claims = proptest::collection::vec(proptest::option::of((any::<bool>(), 0..5_u64, any::<bool>())), 5);
    claims.prop_map(|claims| {
        let entry = |(number, claim): (usize, Option<(bool, u64, bool)>)| {
            claim.map(|(alive, term, standing)| candidate(number as u8, alive, term, standing))
        };
        claims.into_iter().enumerate().filter_map(entry).collect()
    })
}

#[test]
fn without_claims_the_first_term_is_claimed() {
    assert_eq!(decide(&id(1), &[]), Decision::Claim(Term::new(1)));
}

#[test]
fn of_equal_terms_the_smallest_id_leads() {
    let both = [candidate(2, true, 7, true), candidate(1, true, 7, true)];
    assert_eq!(decide(&id(1), &both), Decision::Lead(Term::new(7)));
    assert_eq!(decide(&id(2), &both), Decision::Follow(id(1), Term::new(7)));
}

#[test]
fn a_new_candidate_with_a_smaller_id_follows_the_live_leader() {
    let views = [candidate(5, true, 3, true)];
    assert_eq!(decide(&id(1), &views), Decision::Follow(id(5), Term::new(3)));
}

#[test]
fn terms_rise_over_dead_and_resigned_leaders() {
    let views = [candidate(1, false, 9, true), candidate(2, true, 4, false)];
    assert_eq!(decide(&id(2), &views), Decision::Claim(Term::new(10)));
}

#[test]
fn of_two_that_claimed_one_term_the_second_leads_with_a_higher_one_once_the_first_is_away() {
    let views = |alive, own| [candidate(1, alive, 7, true), candidate(2, true, own, true)];
    assert_eq!(decide(&id(2), &views(false, 7)), Decision::Claim(Term::new(8)));
    // It leads with that, and keeps the lane when the first one is back.
    assert_eq!(decide(&id(2), &views(false, 8)), Decision::Lead(Term::new(8)));
    assert_eq!(decide(&id(1), &views(true, 8)), Decision::Follow(id(2), Term::new(8)));
    // The other way round nothing changes: the second one would follow.
    let views = [candidate(1, true, 7, true), candidate(2, false, 7, true)];
    assert_eq!(decide(&id(1), &views), Decision::Lead(Term::new(7)));
}

#[test]
fn a_liar_with_the_last_term_blocks_nobody() {
    let views = [candidate(1, false, u64::MAX, true), candidate(2, true, u64::MAX, true)];
    assert_eq!(decide(&id(2), &views), Decision::Lead(Term::new(u64::MAX)));
}

#[test]
fn one_that_leaps_to_the_last_term_is_left_out_for_those_who_were_there_and_for_those_who_were_not() {
    let lie = candidate(0, true, u64::MAX, true);
    let true_ones = [candidate(1, true, 7, true), candidate(2, true, 6, false)];
    for seen in [0, 7] {
        let views = [lie.clone(), true_ones[0].clone(), true_ones[1].clone()];
        assert_eq!(believed(Term::new(seen), Some(&id(2)), views.to_vec()), true_ones);
        assert_eq!(believed(Term::new(seen), None, vec![lie.clone()]), [], "nobody else has a claim");
    }
    let edge = candidate(0, true, LEAP + 7, true);
    assert_eq!(believed(Term::new(7), None, vec![edge.clone()]), [edge]);
    assert_eq!(believed(Term::new(7), None, vec![candidate(0, true, LEAP + 8, true)]), []);
}

#[test]
fn a_relay_that_was_away_for_very_long_believes_most_of_the_others() {
    let far = 5 * LEAP;
    let views =
        [candidate(0, true, far, true), candidate(1, true, far - 1, true), candidate(3, false, 2, false)];
    assert_eq!(believed(Term::new(9), Some(&id(2)), views.to_vec()), views);
    let with_lie = [views.as_slice(), &[candidate(4, true, u64::MAX, true)]].concat();
    assert_eq!(believed(Term::new(9), Some(&id(2)), with_lie), views);
    // Its own claim tells it nothing new, and stays.
    let own = candidate(2, true, far * 3, true);
    assert_eq!(believed(Term::ZERO, Some(&id(2)), vec![own.clone()]), [own]);
}

proptest! {
    #[test]
    fn a_minority_that_lies_neither_hides_the_others_nor_raises_a_term_beyond_a_leap(
        honest in proptest::collection::vec(0..200_u64, 2..5), lies in proptest::collection::vec(any::<u64>(), 0..4),
        seen in 0..200_u64,
    ) {
        let lies = &lies[..lies.len().min(honest.len() - 1)];
        let views: Vec<_> = honest.iter().chain(lies).enumerate()
            .map(|(number, term)| candidate(number as u8, true, *term, true)).collect();
        let found = believed(Term::new(seen), None, views.clone());
        prop_assert!(views[..honest.len()].iter().all(|one| found.contains(one)));
        prop_assert!(highest_term(&found) <= Term::new(seen + LEAP));
        let Decision::Follow(_, term) = decide(&id(99), &found) else { panic!("somebody stands") };
        prop_assert_eq!(challenge(&id(99), &found), Some(term.next()));
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(views in candidates(), seed in any::<u64>()) {
        let mut shuffled = views.clone();
        let half = (seed as usize) % shuffled.len().max(1);
        shuffled.rotate_left(half);
        shuffled.reverse();
        prop_assert_eq!(leader(&views), leader(&shuffled));
    }

    #[test]
    fn with_one_view_at_most_one_leads_and_the_others_follow_it(views in candidates()) {
        let found = leader(&views);
        for number in 0..5 {
            let own = id(number);
            match decide(&own, &views) {
                Decision::Lead(term) => {
                    prop_assert_eq!(found, Some((&own, term)));
                    let back: Vec<_> = views.iter().map(|view| Candidate { alive: true, ..view.clone() }).collect();
                    prop_assert_eq!(leader(&back), found);
                }
                Decision::Follow(followed, term) => {
                    prop_assert_ne!(&followed, &own);
                    prop_assert_eq!(found, Some((&followed, term)));
                }
                Decision::Claim(_) => {
                    // Nobody leads, or it does until somebody is back.
                    let somebody_is_away = views.iter().any(|other| !other.alive && other.claim.standing);
                    let leads_until_then = |(leader, _): (&MemberId, Term)| *leader == own && somebody_is_away;
                    prop_assert!(found.is_none_or(leads_until_then));
                }
            }
        }
    }

    #[test]
    fn a_leader_is_alive_and_stands_and_no_live_one_has_a_higher_term(views in candidates()) {
        if let Some((id, term)) = leader(&views) {
            let chosen = views.iter().find(|candidate| candidate.id == *id).unwrap();
            prop_assert!(chosen.alive && chosen.claim.standing && chosen.claim.term == term);
            let live = views.iter().filter(|candidate| candidate.alive && candidate.claim.standing);
            prop_assert!(live.map(|candidate| candidate.claim.term).max() == Some(term));
        }
    }

    #[test]
    fn a_claim_is_above_everything_ever_claimed(views in candidates()) {
        if let Decision::Claim(term) = decide(&id(9), &views) {
            prop_assert!(views.iter().all(|candidate| candidate.claim.term < term));
        }
    }

    /// Relays tick, freeze, come back and resign in any order, each deciding on a view that may be one step old. Whatever
    /// happened, once the live ones tick with true views there is exactly one leader, and nobody's term ever fell.
    #[test]
    fn any_history_ends_with_one_leader(
        steps in proptest::collection::vec((0..4_usize, 0..4_u8, any::<bool>()), 0..60),
        survivor in 0..4_usize,
    ) {
        let mut world = World::default();
        for (relay, action, stale) in steps {
            world.step(relay, action, stale);
        }
        world.frozen[survivor] = false;
        for _ in 0..2 {
            for relay in 0..4 {
                world.tick(relay, false);
            }
        }
        let leads = (0..4).filter(|relay| {
            !world.frozen[*relay] && matches!(decide(&id(*relay as u8), &world.views(*relay)), Decision::Lead(_))
        });
        prop_assert_eq!(leads.count(), 1);
        prop_assert!(!world.fell);
    }
}

#[derive(Default)]
struct World {
    claims: [Option<Claim>; 4],
    before: [Option<Claim>; 4],
    frozen: [bool; 4],
    fell: bool,
}

impl World {
    fn step(&mut self, relay: usize, action: u8, stale: bool) {
        match action {
            0 => self.frozen[relay] = true,
            1 => self.frozen[relay] = false,
            2 if !self.frozen[relay] => {
                if let Some(claim) = &mut self.claims[relay] {
                    claim.standing = false;
                }
            }
            _ => self.tick(relay, stale),
        }
    }

    fn tick(&mut self, relay: usize, stale: bool) {
        if self.frozen[relay] {
            return;
        }
        let claims = if stale { self.before } else { self.claims };
        let mut views = self.views_of(relay, &claims);
        // A relay always knows its own claim.
        views.retain(|candidate| candidate.id != id(relay as u8));
        views.extend(self.claims[relay].map(|claim| Candidate { id: id(relay as u8), alive: true, claim }));
        if let Decision::Claim(term) = decide(&id(relay as u8), &views) {
            self.fell |= self.claims[relay].is_some_and(|old| old.term >= term);
            self.before = self.claims;
            self.claims[relay] = Some(Claim { term, standing: true });
        }
    }

    fn views(&self, relay: usize) -> Vec<Candidate> {
        self.views_of(relay, &self.claims)
    }

    fn views_of(&self, relay: usize, claims: &[Option<Claim>; 4]) -> Vec<Candidate> {
        let view = |(number, claim): (usize, &Option<Claim>)| {
            let alive = number == relay || !self.frozen[number];
            claim.map(|claim| Candidate { id: id(number as u8), alive, claim })
        };
        claims.iter().enumerate().filter_map(view).collect()
    }
}
