//! The whole course of a payout by airtime, through the decisions that every payout goes through.

use crate::{
    airtime::{created, refused, taken},
    ours::{airtime, next, noon, payout, transfer_of},
    recorded::{Answer, empty, lost, page, text, unconnected},
};
use domain::{
    alert::Kind,
    payout::{Hold, Payout, State, Step},
    settings::PayoutPolicy,
    time::{HOUR_MS, between, plus},
};
use providers::MobileMoney;

struct Course {
    end: Payout,
    /// Hours from its first send to the hold.
    held_after: Option<i64>,
    alerts: Vec<Kind>,
    requests: usize,
}

/// Three days of a payout whose send is answered so.
async fn course(answer: Answer) -> Course {
    let (airtime, recorded) = airtime([answer]);
    let policy = PayoutPolicy::default();
    let (mut payout, mut now) = (payout("0788123456"), noon());
    let (mut held_after, mut alerts) = (None, Vec::new());
    while between(noon(), now) < 72 * HOUR_MS && payout.state.due_at().is_some() {
        let learned = match next(&payout, &airtime.rail(), now) {
            Step::Send(sent) => {
                let transfer = transfer_of(&sent);
                let answer = airtime.transfer(&transfer).await;
                sent.after_transfer(&transfer.reference, &answer, &policy, now)
            }
            Step::Ask(asked, reference) => {
                let answer = airtime.status(&reference).await;
                asked.after_status(&reference, &answer, &policy, now)
            }
            Step::Rest => {
                now = payout.shown_at().expect("due some time").max(plus(now, 1));
                continue;
            }
            other @ (Step::Postpone(_) | Step::Hold(..) | Step::CheckAccount) => panic!("{other:?}"),
        };
        let learned = learned.expect("not settled");
        payout = learned.payout;
        alerts.extend(learned.alerts.iter().map(|alert| alert.kind));
        if matches!(payout.state, State::Held { .. }) {
            held_after.get_or_insert(between(noon(), now) / HOUR_MS);
        }
    }
    Course { end: payout, held_after, alerts, requests: recorded.sent().len() }
}

// proves: PAY-13
#[tokio::test]
async fn airtime_is_sent_once_and_held_for_a_person_after_a_day_whatever_was_answered_but_a_refusal() {
    let duplicate = "A duplicate request was received within the last 5 minutes";
    let cases = [
        ("taken", created(&taken()), true),
        ("no answer", lost(), false),
        ("no connection", unconnected(), false),
        ("trouble", text(500, "Internal Server Error"), false),
        ("a page", page(200), false),
        ("a refusal without a word", empty(400), false),
        ("a duplicate", created(&refused(duplicate)), false),
        ("no funds", created(&refused("Insufficient Credit")), false),
        ("a wrong key", text(401, "The supplied authentication is invalid"), false),
    ];
    for (what, answer, known) in cases {
        let course = course(answer).await;
        assert_eq!(course.requests, 1, "{what}: it is sent once and asked about nowhere");
        assert!(matches!(course.end.state, State::Held { why: Hold::Unknown, .. }), "{what}: {:?}", course.end.state);
        let hours = course.held_after.expect("held");
        assert!((24..=25).contains(&hours), "{what}: held after {hours} hours");
        assert_eq!(course.alerts.iter().filter(|kind| **kind == Kind::PayoutUnknown).count(), 1, "{what}");
        let [attempt] = course.end.attempts.as_slice() else { panic!("{what}: one reference") };
        assert_eq!((attempt.sends, attempt.known), (1, known), "{what}");
    }
}

// proves: PAY-13
#[tokio::test]
async fn airtime_that_is_refused_with_proof_ends_at_once_and_a_person_is_told() {
    let course = course(created(&refused("Value Outside The Allowed Limits"))).await;
    assert!(matches!(course.end.state, State::Refused { .. }), "{:?}", course.end.state);
    assert_eq!(course.alerts, [Kind::PayoutRefused]);
    assert_eq!(course.requests, 1);
}

// proves: PAY-13
#[tokio::test]
async fn a_set_up_of_airtime_that_is_refused_is_an_alert_at_once() {
    for answer in [created(&refused("Insufficient Credit")), text(401, "no"), text(403, "no")] {
        let course = course(answer).await;
        assert_eq!(course.alerts.first(), Some(&Kind::RailMisconfigured));
    }
}
