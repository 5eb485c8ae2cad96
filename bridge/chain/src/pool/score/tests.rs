use proptest::prelude::*;

use super::*;

const KINDS: [CallKind; 4] = [CallKind::Head, CallKind::State, CallKind::Logs, CallKind::Single];

fn unreachable() -> ChainError {
    ChainError::Unreachable {
        endpoint: "http://a:1".to_owned(),
        method: "eth_call",
        reason: "refused".to_owned(),
    }
}

fn timeout(method: &'static str) -> ChainError {
    ChainError::Timeout { endpoint: "http://a:1".to_owned(), method, after: Duration::from_secs(5) }
}

fn limited(seconds: u64) -> ChainError {
    let (endpoint, reason) = ("http://a:1".to_owned(), "slow down".to_owned());
    ChainError::RateLimited { endpoint, method: "eth_call", reason, after: Duration::from_secs(seconds) }
}

#[test]
fn an_endpoint_that_fails_again_is_avoided_for_longer_and_always_tried_again() {
    let (mut score, mut now) = (Score::default(), Instant::now());
    let mut spans = Vec::new();
    for _ in 0..8 {
        score.failed(CallKind::State, &unreachable(), now);
        let start = now;
        while score.standing(CallKind::Logs, now) == Standing::Avoided {
            now += Duration::from_millis(500);
        }
        assert_eq!(score.standing(CallKind::Logs, now), Standing::OnTrial);
        spans.push((now - start).as_secs());
    }
    assert_eq!(spans, [1, 2, 4, 8, 16, 30, 30, 30]);
    score.answered(CallKind::Head, true, now);
    assert_eq!((score.standing(CallKind::Logs, now), score.trouble()), (Standing::Healthy, None));
}

#[test]
fn a_half_dead_endpoint_is_avoided_for_what_it_cannot_do_only() {
    let (mut score, now) = (Score::default(), Instant::now());
    score.failed(CallKind::Logs, &timeout("eth_getLogs"), now);
    score.answered(CallKind::Head, true, now);
    assert_eq!(score.standing(CallKind::Logs, now), Standing::Avoided);
    assert_eq!(score.standing(CallKind::Head, now), Standing::Healthy);
    score.failed(CallKind::Logs, &timeout("connect"), now);
    assert_eq!(score.standing(CallKind::Head, now), Standing::Avoided, "without a connection nothing works");
}

#[test]
fn true_words_do_not_excuse_a_lie_before_its_time_and_a_second_one_costs_more() {
    let (mut score, start) = (Score::default(), Instant::now());
    score.contradicted(start);
    let early = start + Duration::from_secs(29);
    score.answered(CallKind::Head, true, early);
    assert_eq!(score.standing(CallKind::Head, early), Standing::Avoided);
    let late = start + Duration::from_secs(31);
    score.answered(CallKind::Single, false, late);
    assert_eq!(score.trouble(), Some(Trouble::Contradicts), "what nobody compared proves nothing");
    score.answered(CallKind::Head, true, late);
    assert_eq!(score.trouble(), None);
    score.contradicted(late);
    assert_eq!(score.standing(CallKind::Head, late + Duration::from_secs(59)), Standing::Avoided);
    assert_eq!(score.standing(CallKind::Head, late + Duration::from_secs(60)), Standing::OnTrial);
    // After a good time as long as the avoidance it begins anew.
    let later = late + Duration::from_secs(121);
    score.answered(CallKind::Head, true, later);
    score.contradicted(later);
    assert_eq!(score.standing(CallKind::Head, later + Duration::from_secs(30)), Standing::OnTrial);
}

#[test]
fn the_wait_that_an_endpoint_asks_for_is_kept() {
    let (mut score, now) = (Score::default(), Instant::now());
    score.failed(CallKind::Head, &limited(7), now);
    let almost = now + Duration::from_millis(6_999);
    assert_eq!(score.standing(CallKind::Single, almost), Standing::Waits);
    assert_eq!(score.waits_until(), Some(now + Duration::from_secs(7)));
    assert_eq!(score.standing(CallKind::Single, now + Duration::from_secs(7)), Standing::OnTrial);
}

#[test]
fn one_that_lags_still_shows_its_head() {
    let (mut score, now) = (Score::default(), Instant::now());
    score.saw_head(BlockHeight::new(60), Some(40));
    assert_eq!(score.standing(CallKind::Head, now), Standing::Healthy);
    assert_eq!(score.standing(CallKind::Logs, now), Standing::Behind);
    assert_eq!(score.trouble().unwrap().to_string(), "lags by 40 blocks");
    score.saw_head(BlockHeight::new(100), None);
    assert_eq!(score.trouble(), None);
}

/// Any history of an endpoint.
#[derive(Debug, Clone)]
enum Event {
    Answered(usize, bool),
    Failed(usize, u8),
    Late(usize),
    Contradicted,
    Passed(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..4usize, any::<bool>()).prop_map(|(kind, agreed)| Event::Answered(kind, agreed)),
        (0..4usize, 0..4u8).prop_map(|(kind, which)| Event::Failed(kind, which)),
        (0..4usize).prop_map(Event::Late),
        Just(Event::Contradicted),
        (0..100_000u64).prop_map(Event::Passed),
    ]
}

proptest! {
    #[test]
    fn whatever_an_endpoint_did_it_is_tried_again_within_ten_minutes_and_one_good_answer_of_each_kind_clears_it(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let (mut score, mut now) = (Score::default(), Instant::now());
        for event in events {
            match event {
                Event::Answered(kind, agreed) => score.answered(KINDS[kind], agreed, now),
                Event::Failed(kind, which) => {
                    let error = match which {
                        0 => unreachable(),
                        1 => timeout("eth_call"),
                        2 => limited(60),
                        _ => ChainError::BadAnswer { endpoint: String::new(), method: "eth_call", what: String::new() },
                    };
                    score.failed(KINDS[kind], &error, now);
                }
                Event::Late(kind) => score.late(KINDS[kind], now),
                Event::Contradicted => score.contradicted(now),
                Event::Passed(millis) => now += Duration::from_millis(millis),
            }
        }
        now += Duration::from_secs(600);
        for kind in KINDS {
            prop_assert!(score.standing(kind, now) <= Standing::OnTrial);
        }
        for kind in KINDS {
            score.answered(kind, true, now);
        }
        prop_assert_eq!(score.trouble(), None);
        for kind in KINDS {
            prop_assert_eq!(score.standing(kind, now), Standing::Healthy);
        }
    }
}
