//! What a restored table has forgotten, and what MoMo has under a reference that isn't ours.

use crate::{course::Course, people::user_id, sample::report};
use domain::{
    alert::Kind,
    identity::RedemptionId,
    payout::{Hold, NotNow, Payout, ReportedTransfer, State, StatusAnswer, Step, TransferAnswer},
    time::{DAY_MS, MINUTE_MS},
};

// proves: PAY-07, PAY-10
#[test]
fn what_momo_has_as_another_transfer_is_looked_up_for_a_day_and_then_cancelled_or_settled() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Exists);
    let other = ReportedTransfer { external_id: "another".to_owned(), ..report(&course.row) };
    course.asks(1, |_| StatusAnswer::Successful(other.clone()));
    let mismatch = |row: &Payout| matches!(row.state, State::Held { why: Hold::Mismatch, .. });
    assert!(mismatch(&course.row), "{:?}", course.row.state);
    let (one, two) = (user_id(1), user_id(2));
    assert_eq!(course.row.cancel(&one, "", course.now).err(), Some(NotNow::Mismatch));
    assert_eq!(course.row.settle(&one, "R-1", "", course.now).err(), Some(NotNow::Mismatch));
    course.wait(DAY_MS);
    let cancelled = course.row.cancel(&one, "its code was paid to somebody else", course.now).expect("a day");
    // Its reference is still asked about, and what is not ours changes nothing.
    course.row = cancelled;
    course.now = course.row.due_at().expect("it is asked about once more");
    course.asks(1, |_| StatusAnswer::Successful(other.clone()));
    assert_eq!(course.row.state.name(), "cancelled");
    // And who says that it was paid by other means still needs a second person.
    let settled = course.row.settle(&one, "R-1", "in cash", course.now).expect("it is cancelled");
    assert_eq!(settled.approve(&one, course.now).err(), Some(NotNow::SecondPerson));
    settled.approve(&two, course.now).expect("somebody else");
}

// proves: PAY-02
#[test]
fn a_restored_table_sends_no_reference_that_was_left_behind_without_the_provider_having_it() {
    let mut course = Course::new();
    let copy = course.row.clone();
    course.is_refused_at_the_door();
    course.is_retried();
    let Step::Send(retried) = course.asks(3, |_| StatusAnswer::NotFound) else { panic!("{:?}", course.step()) };
    let paid = retried.attempt().expect("it is sent").reference.clone();
    // The table is put back to before all of this: what it sends first is what MoMo has paid.
    course.row = copy;
    course.wait(DAY_MS);
    let Step::Send(restored) = course.step() else { panic!("{:?}", course.step()) };
    assert_eq!(restored.attempt().expect("it is sent").reference, paid);
}

// proves: PAY-02
#[test]
fn a_restored_table_whose_send_is_refused_at_the_door_asks_before_anybody_is_told() {
    let mut course = Course::new();
    // It was paid before the table was put back, and this request is judged before its reference is looked up.
    course.sends(&TransferAnswer::Invalid("400".to_owned()));
    let paid = StatusAnswer::Successful(report(&course.row));
    course.asks(2, |_| paid.clone());
    assert!(matches!(course.row.state, State::Paid { .. }), "{:?}", course.row.state);
}

// proves: PAY-02, PAY-10
#[test]
fn what_momo_took_for_anothers_once_and_calls_ours_since_is_not_given_up() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let garbled = StatusAnswer::Pending(ReportedTransfer { external_id: String::new(), ..report(&course.row) });
    course.asks(1, |_| garbled.clone());
    assert!(matches!(course.row.state, State::Held { why: Hold::Mismatch, .. }));
    course.wait(DAY_MS);
    let ours = StatusAnswer::Pending(report(&course.row));
    course.asks(1, |_| ours.clone());
    course.wait(DAY_MS);
    assert_eq!(course.row.settle(&user_id(1), "R-1", "", course.now).err(), Some(NotNow::Mismatch));
}

// proves: PAY-02
#[test]
fn a_restored_table_that_forgot_a_second_reference_finds_it_before_it_ends_refused() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Exists);
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("PAYEE_NOT_FOUND"));
    let paid = StatusAnswer::Successful(report(&course.row));
    for _ in 0..2 {
        while let Step::Ask(claimed, reference) = course.step() {
            let number = claimed.attempts.iter().find(|one| one.reference == reference).expect("one of its").number;
            let answer = if number == 1 { &failed } else { &paid };
            let learned = claimed.after_status(&reference, answer, &course.around.policy, course.now);
            course.row = learned.expect("it is under way").payout;
        }
        course.wait(16 * MINUTE_MS);
    }
    assert!(matches!(course.row.state, State::Paid { .. }), "{:?}", course.row.state);
    assert_eq!((course.row.attempts.len(), course.row.attempts[1].sends), (2, 0), "it was sent before the copy");
}

// proves: PAY-02, PAY-09
#[test]
fn a_refused_payout_that_turns_out_to_be_anothers_needs_no_room_and_its_own_payment_still_calls_somebody() {
    let mut course = Course::new();
    course.is_refused_at_the_door();
    course.now = course.row.due_at().expect("it is asked about once more");
    let other = ReportedTransfer { payee: "250788999999".to_owned(), ..report(&course.row) };
    course.asks(1, |_| StatusAnswer::Successful(other.clone()));
    assert!(matches!(course.row.state, State::Held { why: Hold::Mismatch, .. }));
    assert_eq!(course.row.charged_on, None);
    course.wait(DAY_MS - 1);
    assert_eq!(course.row.settle(&user_id(1), "R-1", "", course.now).err(), Some(NotNow::Mismatch));
    course.wait(1);
    let proposed = course.row.settle(&user_id(1), "R-1", "", course.now).expect("a day after that answer");
    let settled = proposed.approve(&user_id(2), course.now).expect("somebody else");
    let reference = settled.attempts[0].reference.clone();
    let again = StatusAnswer::Successful(other);
    let learned = settled.after_status(&reference, &again, &course.around.policy, course.now);
    assert!(learned.is_none_or(|learned| learned.alerts.is_empty()), "that was known");
    let ours = StatusAnswer::Successful(report(&settled));
    let learned = settled.after_status(&reference, &ours, &course.around.policy, course.now).expect("news");
    assert_eq!(learned.alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [Kind::SuspectedDoublePayment]);
}

// proves: PAY-10
#[test]
fn what_is_anothers_is_not_given_up_while_a_reference_beside_it_may_be_paid() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    course.fails("EXPIRED");
    course.sends(&TransferAnswer::Accepted);
    let first = course.row.attempts[0].reference.clone();
    let other = StatusAnswer::Successful(ReportedTransfer { external_id: "another".to_owned(), ..report(&course.row) });
    course.row = course.row.after_status(&first, &other, &course.around.policy, course.now).expect("news").payout;
    assert!(matches!(course.row.state, State::Held { why: Hold::Mismatch, .. }));
    course.wait(2 * DAY_MS);
    assert_eq!(course.row.cancel(&user_id(1), "", course.now).err(), Some(NotNow::Mismatch));
    assert_eq!(course.row.settle(&user_id(1), "R-1", "", course.now).err(), Some(NotNow::Mismatch));
}

// proves: PAY-02, RED-08
#[test]
fn a_restored_table_that_forgot_that_a_redemption_was_taken_back_sends_what_its_code_was_paid_with() {
    let course = Course::new();
    let (before, mut after) = (course.row.clone(), course.row.clone());
    after.generation += 1;
    after.id = RedemptionId::of("test", &after.code, after.generation);
    let sent = |row: &Payout| {
        let Step::Send(claimed) = course.around.plan(row, course.now) else { panic!("it is sent: {row:?}") };
        claimed.attempt().expect("it is sent").reference.clone()
    };
    assert_eq!(sent(&before), sent(&after));
}
