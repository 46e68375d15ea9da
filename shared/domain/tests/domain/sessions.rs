//! The life of a session and the rotation of its refresh token.

use crate::people;

use domain::{
    session::{Ended, REPEAT_MS, Refresh, Session, Why},
    time::{DAY_MS, MINUTE_MS, SECOND_MS, plus},
};
use jiff::Timestamp;
use people::{cases, noon, predefined, session, user};
use proptest::prelude::*;

const DAY: u32 = 1_440;

fn begun() -> Session {
    session(&user(1, predefined(&[])))
}

fn after(seconds: i64) -> Timestamp {
    plus(noon(), seconds * SECOND_MS)
}

fn rotated(session: &Session, at: Timestamp) -> Session {
    match session.refresh(session.generation, DAY, at) {
        Refresh::Rotate(next) => next,
        other @ (Refresh::Repeat | Refresh::Reused(_) | Refresh::Over) => panic!("{other:?}"),
    }
}

// proves: ACC-02
#[test]
fn the_current_token_gives_the_next_and_prolongs_nothing() {
    let first = begun();
    let second = rotated(&first, after(600));
    assert_eq!((second.generation, second.version, second.rotated_at), (2, 2, after(600)));
    let unchanged = Session { generation: 1, version: 1, rotated_at: noon(), ..second.clone() };
    assert_eq!(unchanged, first, "user, epoch, beginning and proof stay");
    assert_eq!(second.expires_at(DAY), first.expires_at(DAY));
}

// proves: ACC-02
#[test]
fn two_tabs_that_refresh_at_once_both_go_on() {
    let second = rotated(&begun(), after(600));
    for late in [0, 1, REPEAT_MS] {
        assert_eq!(second.refresh(1, DAY, plus(after(600), late)), Refresh::Repeat);
    }
    assert_eq!(second.refresh(1, DAY, plus(after(600), -5)), Refresh::Repeat, "a clock set back is no theft");
}

// proves: ACC-02
#[test]
fn a_token_that_comes_back_later_ends_the_session() {
    let second = rotated(&begun(), after(600));
    let late = plus(after(600), REPEAT_MS + 1);
    let ended = second.end(Why::RefreshReused, late);
    assert_eq!(second.refresh(1, DAY, late), Refresh::Reused(ended.clone()));
    assert_eq!(ended.ended, Some(Ended { at: late, why: Why::RefreshReused }));
    assert_eq!(ended.version, 3);
    for generation in 0..4 {
        assert_eq!(ended.refresh(generation, DAY, late), Refresh::Over, "and nobody goes on, thief or owner");
    }
}

// proves: ACC-02
#[test]
fn an_older_token_ends_the_session_even_at_once() {
    let third = rotated(&rotated(&begun(), after(1)), after(2));
    for generation in [0, 1, 4, u32::MAX] {
        let answer = third.refresh(generation, DAY, after(2));
        assert_eq!(answer, Refresh::Reused(third.end(Why::RefreshReused, after(2))), "{generation}");
    }
    assert_eq!(third.refresh(2, DAY, after(2)), Refresh::Repeat);
}

// proves: ACC-02
#[test]
fn the_last_generation_is_not_followed_by_the_first() {
    let last = Session { generation: u32::MAX, ..begun() };
    assert_eq!(last.refresh(u32::MAX, DAY, after(1)), Refresh::Over);
    assert_eq!(last.refresh(u32::MAX - 1, DAY, after(1)), Refresh::Repeat);
    let before = Session { generation: u32::MAX - 1, ..begun() };
    assert_eq!(rotated(&before, after(1)).generation, u32::MAX);
    assert!(matches!(last.refresh(0, DAY, after(1)), Refresh::Reused(_)), "0 is no successor of the last");
}

// proves: ACC-03, ACC-04
#[test]
fn an_ended_or_expired_session_is_not_refreshed() {
    let open = begun();
    for why in [Why::SignedOut, Why::EndedByUser, Why::EndedByAdministrator, Why::RefreshReused, Why::Superseded] {
        assert_eq!(open.end(why, noon()).refresh(1, DAY, noon()), Refresh::Over, "{why:?}");
    }
    assert!(matches!(open.refresh(1, DAY, plus(noon(), DAY_MS - 1)), Refresh::Rotate(_)));
    assert_eq!(open.refresh(1, DAY, plus(noon(), DAY_MS)), Refresh::Over);
    assert_eq!(open.refresh(1, 5, plus(noon(), 5 * MINUTE_MS)), Refresh::Over, "by the setting of now");
    assert_eq!(open.refresh(0, DAY, plus(noon(), DAY_MS)), Refresh::Over, "what is over is not ended once more");
}

// proves: ACC-04
#[test]
fn a_life_longer_than_the_calendar_does_not_overflow() {
    let open = begun();
    assert!(open.open(u32::MAX, noon()));
    let at_the_end = Session { created_at: Timestamp::MAX, ..open };
    assert_eq!(at_the_end.expires_at(u32::MAX).as_millisecond(), Timestamp::MAX.as_millisecond());
}

// proves: ACC-03
#[test]
fn a_session_survives_storing() {
    let ended = begun().end(Why::EndedByAdministrator, after(5));
    let written = serde_json::to_string(&ended).expect("writes");
    assert!(written.contains(r#""why":"ended_by_administrator""#), "{written}");
    assert_eq!(serde_json::from_str::<Session>(&written).ok(), Some(ended));
}

proptest! {
    #![proptest_config(cases(500))]

    // proves: ACC-02
    #[test]
    fn whatever_is_shown_in_whatever_order_an_old_token_never_gives_a_new_one(
        steps in proptest::collection::vec((0_u32..8, 0_i64..40_000), 1..30),
    ) {
        let mut held = begun();
        let mut now = noon();
        for (generation, passes) in steps {
            now = plus(now, passes);
            match held.refresh(generation, DAY, now) {
                Refresh::Rotate(next) => {
                    prop_assert_eq!(generation, held.generation);
                    prop_assert_eq!((next.generation, next.version), (held.generation + 1, held.version + 1));
                    held = next;
                }
                Refresh::Repeat => {
                    prop_assert_eq!(generation + 1, held.generation);
                    prop_assert!(now.as_millisecond() - held.rotated_at.as_millisecond() <= REPEAT_MS);
                }
                Refresh::Reused(ended) => {
                    prop_assert!(held.ended.is_none() && generation != held.generation && !ended.open(DAY, now));
                    held = ended;
                }
                Refresh::Over => prop_assert!(held.ended.is_some()),
            }
        }
    }
}
