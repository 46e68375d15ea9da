//! Nothing that has surely failed, or can't be asked about any more, stays where nobody can conclude it.

use crate::{
    course::Course,
    people::user_id,
    sample::{noon, report},
};
use domain::{
    gate::{Balance, Call, Gate, Pass, Pause, PauseWhy},
    payout::{Hold, NotNow, Payout, Rail, State, StatusAnswer, Step, TransferAnswer},
    settings::PayoutPolicy,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, plus},
    totals::Totals,
};

// proves: PAY-07, PAY-10
#[test]
fn what_fails_while_a_settlement_waits_is_refused_and_the_settlement_can_be_agreed_to() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(DAY_MS + HOUR_MS);
    let pending = StatusAnswer::Pending(report(&course.row));
    course.asks(1, |_| pending.clone());
    assert!(matches!(course.row.state, State::Held { why: Hold::Unknown, .. }), "{:?}", course.row.state);
    course.row = course.row.settle(&user_id(1), "R-1", "in cash", course.now).expect("a day has passed");
    course.fails("NOT_ENOUGH_FUNDS");
    assert!(matches!(course.row.state, State::Refused { .. }), "{:?}", course.row.state);
    let settled = course.row.approve(&user_id(2), course.now).expect("it was paid in cash");
    assert!(matches!(settled.state, State::Settled { .. }));
    // And nobody sends it meanwhile.
    assert_eq!(course.row.retry(&user_id(3), None, course.now).err(), Some(NotNow::SettlementWaits));
}

// proves: PAY-07
#[test]
fn a_payout_that_waits_to_be_sent_again_and_is_held_ends_refused_and_a_retry_lets_it_go() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("EXPIRED"));
    course.asks(1, |_| failed.clone());
    assert!(matches!(course.row.state, State::Retrying { .. }));
    course.row = course.row.hold(&user_id(1), "a doubt", course.now).expect("nothing is under way");
    course.fails("EXPIRED");
    assert!(matches!(course.row.state, State::Refused { .. }), "{:?}", course.row.state);
    course.row = course.row.retry(&user_id(1), None, course.now).expect("it has failed");
    course.wait(2 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("EXPIRED"));
    assert!(matches!(course.asks(6, |_| failed.clone()), Step::Send(_)));
}

// proves: PAY-07, PAY-10
#[test]
fn what_our_account_has_failed_twice_can_be_cancelled_or_settled() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("SENDER_ACCOUNT_NOT_ACTIVE"));
    course.asks(1, |_| failed.clone());
    assert!(matches!(course.row.state, State::Held { why: Hold::Config, .. }));
    assert_eq!(course.row.cancel(&user_id(1), "", course.now).err(), Some(NotNow::PerhapsSent));
    course.fails("SENDER_ACCOUNT_NOT_ACTIVE");
    assert!(matches!(course.row.state, State::Held { why: Hold::Config, .. }));
    course.row.cancel(&user_id(1), "paid in cash", course.now).expect("it has failed for good");
    course.row.settle(&user_id(1), "R-1", "in cash", course.now).expect("it has failed for good");
}

// proves: PAY-07
#[test]
fn a_reference_that_was_refused_at_the_door_stands_in_nobodys_way() {
    let mut course = Course::new();
    course.is_refused_at_the_door();
    // A retry two days later: MoMo doesn't have the reference, so it is that one which is sent.
    course.wait(2 * DAY_MS);
    course.row = course.row.retry(&user_id(1), None, course.now).expect("it has failed");
    assert!(matches!(course.asks(3, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
    // Refused again, it ends again.
    course.is_refused_at_the_door();
    course.is_retried();
    course.asks(3, |_| StatusAnswer::NotFound);
    course.sends(&TransferAnswer::Accepted);
    assert_eq!((course.row.attempts.len(), course.row.attempts[0].sends), (1, 3));
    // Now it was taken, and fails for good.
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    assert!(matches!(course.row.state, State::Refused { .. }), "{:?}", course.row.state);
}

// proves: PAY-02
#[test]
fn an_answer_older_than_what_is_known_proves_nothing_but_a_payment() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let (reference, asked_at) = (course.row.attempts[0].reference.clone(), course.now);
    let failed = StatusAnswer::Failed(course.report("EXPIRED"));
    course.wait(MINUTE_MS);
    course.asks(1, |_| failed.clone());
    let known = course.row.attempts[0].clone();
    for answer in [failed, StatusAnswer::Pending(report(&course.row)), StatusAnswer::NotFound] {
        let learned = course.row.after_status(&reference, &answer, &course.around.policy, asked_at).expect("news");
        let attempt = &learned.payout.attempts[0];
        assert_eq!((attempt.first_failed_at, attempt.last_failed_at), (known.first_failed_at, known.last_failed_at));
        assert_eq!((attempt.answered_at, attempt.not_found_at), (known.answered_at, known.not_found_at));
        assert!(matches!(learned.payout.state, State::Retrying { .. }) && learned.alerts.is_empty());
    }
    let paid = StatusAnswer::Successful(report(&course.row));
    let learned = course.row.after_status(&reference, &paid, &course.around.policy, asked_at).expect("news");
    assert!(matches!(learned.payout.state, State::Paid { .. }));
}

// proves: PAY-07
#[test]
fn what_has_failed_ends_refused_although_nothing_may_be_sent_meanwhile() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.around.switches.payouts = false;
    course.around.gate.pause = Some(Pause { why: PauseWhy::Outcomes, since: course.now });
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    assert!(matches!(course.row.state, State::Refused { .. }), "{:?}", course.row.state);
}

// proves: PAY-07
#[test]
fn a_reference_that_momo_has_forgotten_since_it_failed_is_in_no_retrys_way() {
    let mut course = Course::new();
    for _ in 0..2 {
        course.sends(&TransferAnswer::Accepted);
        course.wait(5 * MINUTE_MS);
        course.fails("PAYEE_NOT_FOUND");
        course.is_retried();
        let failed = StatusAnswer::Failed(course.report("PAYEE_NOT_FOUND"));
        course.asks(4, |_| failed.clone());
    }
    // Sent a second time by now; weeks later it is retried once more, and MoMo knows of none of them.
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("PAYEE_NOT_FOUND"));
    course.asks(4, |_| failed.clone());
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    course.wait(30 * DAY_MS);
    course.is_retried();
    assert!(course.row.cancel(&user_id(1), "paid in cash", course.now).is_ok(), "nothing is on its way");
    assert!(matches!(course.asks(6, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-13
#[test]
fn what_went_by_a_rail_that_cannot_be_asked_is_not_retried() {
    let mut course = Course::new();
    course.around.rail = Rail::airtime("https://airtime.example", "production", "mbelyco");
    course.sends(&TransferAnswer::Invalid("refused".to_owned()));
    assert!(matches!(course.row.state, State::Refused { .. }), "nobody can be asked: {:?}", course.row.state);
    assert_eq!(course.row.retry(&user_id(1), None, course.now).err(), Some(NotNow::CannotBeAsked));
    course.row.settle(&user_id(1), "R-1", "in cash", course.now).expect("it is paid by other means");
}

// proves: PAY-04, PAY-07
#[test]
fn what_has_failed_is_not_held_as_unknown_because_a_later_question_proves_nothing() {
    let mut course = Course::new();
    course.is_refused_at_the_door();
    course.wait(2 * DAY_MS);
    course.is_retried();
    course.asks(1, |_| StatusAnswer::Unknown("503".to_owned()));
    assert!(matches!(course.row.state, State::Retrying { .. }), "{:?}", course.row.state);
    course.now = course.row.due_at().expect("it is asked about again");
    assert!(matches!(course.asks(2, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-04
#[test]
fn a_refusal_after_sends_that_reached_nobody_is_a_refusal() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Unsent("no connection".to_owned()));
    course.wait(11 * MINUTE_MS);
    assert!(matches!(course.asks(2, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
    course.is_refused_at_the_door();
    // After one that may have been taken it proves nothing.
    let mut course = Course::new();
    course.sends(&TransferAnswer::Unknown("time-out".to_owned()));
    course.wait(11 * MINUTE_MS);
    course.asks(2, |_| StatusAnswer::NotFound);
    course.sends(&TransferAnswer::Invalid("400".to_owned()));
    assert!(matches!(course.row.state, State::Sending { .. }), "{:?}", course.row.state);
}

// proves: PAY-09
#[test]
fn what_is_paid_while_a_retry_waits_counts_for_the_day_on_which_it_was_sent() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    let day = course.row.charged_on;
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    course.is_retried();
    assert_eq!(course.row.charged_on, None, "it needs room again");
    let paid = StatusAnswer::Successful(report(&course.row));
    course.asks(1, |_| paid.clone());
    assert_eq!((course.row.state.name(), course.row.charged_on), ("paid", day));
    // And what people have settled by other means is no part of it, until MoMo pays it, too.
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(DAY_MS + HOUR_MS);
    let pending = StatusAnswer::Pending(report(&course.row));
    course.asks(1, |_| pending.clone());
    let proposed = course.row.settle(&user_id(1), "R-1", "in cash", course.now).expect("a day has passed");
    course.row = proposed.approve(&user_id(2), course.now).expect("somebody else");
    assert_eq!((course.row.state.name(), course.row.charged_on), ("settled", None));
    let (reference, paid) = (course.row.attempts[0].reference.clone(), StatusAnswer::Successful(report(&course.row)));
    let learned = course.row.after_status(&reference, &paid, &course.around.policy, course.now).expect("news");
    assert_eq!(learned.payout.charged_on, course.row.sent_on);
}

// proves: PAY-05
#[test]
fn a_good_answer_to_a_question_closes_no_breaker_of_sends_and_trouble_of_sends_none_of_questions() {
    let policy = PayoutPolicy { breaker_after: 1, ..PayoutPolicy::default() };
    let open = |call, gate: &Gate, now| gate.troubled(call, "503", &policy, now).expect("it opens").gate;
    let both = open(Call::Ask, &open(Call::Send, &Gate::default(), noon()), noon());
    let later = plus(noon(), HOUR_MS);
    assert_eq!((both.pass(Call::Ask, later), both.pass(Call::Send, later)), (Pass::Probe, Pass::Probe));
    let asked = both.recovered(Call::Ask).expect("it closes");
    assert_eq!((asked.pass(Call::Ask, later), asked.pass(Call::Send, later)), (Pass::Free, Pass::Probe));
    // A send takes the probe and finds that nothing is taken: the next question still finds out for itself.
    let failed = open(Call::Send, &both.probing(Call::Send, later, MINUTE_MS), later);
    assert_eq!(failed.pass(Call::Ask, later), Pass::Probe);
    assert!(matches!(failed.pass(Call::Send, later), Pass::Wait(_)));
    // A transfer that is refused or known already gives the probe back: the next send looks at once.
    let probing = both.probing(Call::Send, later, MINUTE_MS);
    assert!(matches!(probing.pass(Call::Send, later), Pass::Wait(_)), "one probe at a time");
    let answered = probing.answered(later).expect("the probe is given back");
    assert_eq!((answered.pass(Call::Ask, later), answered.pass(Call::Send, later)), (Pass::Free, Pass::Probe));
    assert_eq!(Gate::default().answered(later), None);
    let sent = failed.recovered(Call::Send).expect("it closes");
    assert_eq!((sent.pass(Call::Ask, later), sent.pass(Call::Resend, later)), (Pass::Free, Pass::Free));
}

// proves: PAY-07, PAY-09
#[test]
fn a_retry_of_what_was_refused_at_the_door_waits_for_room_and_goes_on() {
    let mut course = Course::new();
    course.is_refused_at_the_door();
    course.is_retried();
    let amount = course.row.money.amount;
    course.around.policy.total_per_month = Some(amount);
    course.around.totals = serde_json::from_value::<Totals>(serde_json::json!({ "sent": amount })).expect("a month");
    let Step::Hold(held, _) = course.asks(2, |_| StatusAnswer::NotFound) else { panic!("there is no room") };
    course.row = held;
    course.around.totals = Totals::default();
    course.now = course.row.due_at().expect("the next month");
    assert!(matches!(course.asks(3, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-07
#[test]
fn what_was_refused_at_the_door_and_is_held_goes_on_when_it_is_released() {
    let mut course = Course::new();
    course.is_refused_at_the_door();
    course.is_retried();
    course.row = course.row.hold(&user_id(2), "a doubt", course.now).expect("nothing is under way");
    course.asks(3, |_| StatusAnswer::NotFound);
    course.wait(3 * DAY_MS);
    let State::Held { .. } = course.row.state else { return assert!(course.row.state.is_end(), "{:?}", course.row) };
    course.row = course.row.release(&user_id(2), course.now).expect("it is held");
    assert!(matches!(course.asks(3, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-10
#[test]
fn what_was_sent_from_an_account_that_is_gone_is_settled_by_two_people_a_day_later() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.around.rail = Rail::mtn_momo("https://momo.example", "mtnrwanda", "another-user");
    course.wait(5 * MINUTE_MS);
    let Step::Hold(held, _) = course.step() else { panic!("it can't be asked about") };
    assert_eq!(held.settle(&user_id(1), "R-1", "in cash", course.now).err(), Some(NotNow::PerhapsSent));
    course.wait(DAY_MS);
    held.settle(&user_id(1), "R-1", "in cash", course.now).expect("nobody can ask any more");
    // One that was unknown before stays so.
    let unknown = Payout { state: State::Held { why: Hold::Unknown, due_at: course.now }, ..held };
    course.row = unknown;
    let Step::Hold(held, _) = course.step() else { panic!("it can't be asked about") };
    assert!(matches!(held.state, State::Held { why: Hold::Unknown, .. }));
}

// proves: PAY-10
#[test]
fn a_pause_for_funds_keeps_nothing_back_that_is_part_of_its_reason() {
    let pause = |why| Gate { pause: Some(Pause { why, since: noon() }), ..Gate::default() };
    let cases = [
        (PauseWhy::Funds, Call::Ask, true),
        (PauseWhy::Funds, Call::Send, false),
        (PauseWhy::Funds, Call::Resend, true),
        (PauseWhy::Outcomes, Call::Ask, true),
        (PauseWhy::Outcomes, Call::Send, false),
        (PauseWhy::Outcomes, Call::Resend, false),
    ];
    for (why, call, passes) in cases {
        assert_eq!(pause(why).pass(call, noon()) == Pass::Free, passes, "{why:?} {call:?}");
    }
    // A float of 60,000 of which 15,000 are on their way, and 50,000 to be kept: the send whose answer was lost is sent
    // again.
    let policy = PayoutPolicy { balance_alert: 50_000, balance_pause: 50_000, ..PayoutPolicy::default() };
    let balance = Balance { amount: 60_000, on_its_way: 15_000, at: noon() };
    let mut course = Course::new();
    course.sends(&TransferAnswer::Unknown("time-out".to_owned()));
    course.around.gate = Gate::default().weighed(balance, &policy).gate;
    assert!(course.around.gate.pause.is_some());
    course.wait(11 * MINUTE_MS);
    assert!(matches!(course.asks(1, |_| StatusAnswer::NotFound), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-09
#[test]
fn a_retry_for_which_the_day_has_no_room_waits_for_the_next_one_and_says_so() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    assert_eq!(course.row.charged_on, None, "it has made room: {:?}", course.row.state);
    course.row = course.row.retry(&user_id(1), None, course.now).expect("it has failed");
    let amount = course.row.money.amount;
    course.around.policy.total_per_month = Some(amount);
    course.around.totals = serde_json::from_value::<Totals>(serde_json::json!({ "sent": amount })).expect("a month");
    course.wait(2 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("PAYEE_NOT_FOUND"));
    let Step::Hold(held, _) = course.asks(2, |_| failed.clone()) else { panic!("there is no room") };
    assert!(matches!(held.state, State::Held { why: Hold::Totals, .. }));
    // With the next month it is asked about and sent.
    course.row = held;
    course.around.totals = Totals::default();
    course.now = course.row.due_at().expect("the next month");
    let failed = StatusAnswer::Failed(course.report("PAYEE_NOT_FOUND"));
    assert!(matches!(course.asks(3, |_| failed.clone()), Step::Send(_)), "{:?}", course.step());
}

// proves: PAY-09
#[test]
fn what_was_refused_and_is_paid_after_all_counts_for_the_day_on_which_it_was_sent() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    let day = course.row.charged_on;
    assert!(day.is_some());
    course.wait(5 * MINUTE_MS);
    course.fails("PAYEE_NOT_FOUND");
    assert_eq!((course.row.state.name(), course.row.charged_on), ("refused", None));
    course.now = course.row.due_at().expect("it is asked about once more");
    let paid = StatusAnswer::Successful(report(&course.row));
    course.asks(1, |_| paid.clone());
    assert_eq!((course.row.state.name(), course.row.charged_on), ("paid", day));
}

// proves: PAY-07
#[test]
fn a_reference_that_turned_from_failed_to_pending_has_to_fail_for_a_quarter_of_an_hour_again() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("EXPIRED"));
    let pending = StatusAnswer::Pending(report(&course.row));
    course.asks(1, |_| failed.clone());
    course.wait(16 * MINUTE_MS);
    course.asks(1, |_| pending.clone());
    course.wait(61 * MINUTE_MS);
    let next = course.asks(1, |_| failed.clone());
    assert!(matches!(next, Step::Rest), "one FAILED alone: {next:?}");
    assert!(matches!(course.row.state, State::Retrying { .. }));
}

// proves: PAY-06
#[test]
fn while_nothing_may_be_sent_what_waits_to_be_sent_again_is_not_asked_about_each_minute() {
    let mut course = Course::new();
    course.sends(&TransferAnswer::Accepted);
    course.wait(5 * MINUTE_MS);
    let failed = StatusAnswer::Failed(course.report("NOT_ENOUGH_FUNDS"));
    course.around.gate.pause = Some(Pause { why: PauseWhy::Funds, since: course.now });
    let mut asked = 0;
    for _ in 0..120 {
        match course.step() {
            Step::Ask(claimed, reference) => {
                asked += 1;
                let learned = claimed.after_status(&reference, &failed, &course.around.policy, course.now);
                course.row = learned.expect("it is under way").payout;
            }
            Step::Postpone(later) => course.row = later,
            Step::Rest => {}
            other @ (Step::CheckAccount | Step::Send(_) | Step::Hold(..)) => panic!("nothing is sent: {other:?}"),
        }
        course.wait(MINUTE_MS);
    }
    assert!((4..=10).contains(&asked), "{asked} questions in two hours");
    course.around.gate.pause = None;
    course.wait(2 * MINUTE_MS);
    assert!(matches!(course.asks(2, |_| failed.clone()), Step::Send(_)), "{:?}", course.step());
}
