//! What the provider's answers mean, row by row.

use crate::sample::{self, Around};

use domain::{
    alert::Kind,
    payout::{
        Hold, Learned, NEW_REFERENCE_AFTER_MS, Outside, Payout, RESEND_AFTER_MS, RESEND_WITHIN_MS, ReportedTransfer,
        State, StatusAnswer, Step, TransferAnswer,
    },
    settings::PayoutPolicy,
    time::{DAY_MS, HOUR_MS, plus},
};
use jiff::Timestamp;
use sample::{minutes, noon, payout, report};

/// Sent at noon; its worker waits for the answer.
fn sending() -> Payout {
    let step = Around::default().plan(&payout(), noon());
    let Step::Send(sent) = step else { panic!("a new payout is sent") };
    sent
}

/// Known to the provider, asked about at `now` for the first time.
fn submitted() -> Payout {
    answered(&sending(), &TransferAnswer::Accepted, noon()).payout
}

fn answered(payout: &Payout, answer: &TransferAnswer, now: Timestamp) -> Learned {
    let reference = payout.attempts.last().expect("sent").reference.clone();
    payout.after_transfer(&reference, answer, &PayoutPolicy::default(), now).expect("not settled")
}

fn asked(payout: &Payout, answer: &StatusAnswer, now: Timestamp) -> Learned {
    let reference = payout.attempts.last().expect("sent").reference.clone();
    payout.after_status(&reference, answer, &PayoutPolicy::default(), now).expect("not settled")
}

/// What it comes to when MoMo doesn't know the reference that would follow: a restored table may have forgotten it.
fn looked_beyond(payout: &Payout, now: Timestamp) -> Learned {
    let policy = PayoutPolicy::default();
    let Step::Ask(claimed, next) = Around::default().plan(payout, now) else { panic!("it is looked for: {payout:?}") };
    assert!(claimed.attempts.len() == payout.attempts.len() + 1 && claimed.attempts.last().expect("one").sends == 0);
    let found = claimed.after_status(&next, &StatusAnswer::Pending(report(payout)), &policy, now).expect("not settled");
    assert!(matches!(found.payout.state, State::Retrying { .. }), "it goes on from there: {found:?}");
    let unclear = claimed.after_status(&next, &StatusAnswer::Unknown("503".to_owned()), &policy, now);
    assert_eq!(kinds(&unclear.expect("not settled")), [], "nobody is told before that is known");
    let learned = claimed.after_status(&next, &StatusAnswer::NotFound, &policy, now).expect("not settled");
    assert_eq!(learned.payout.attempts.len(), payout.attempts.len());
    learned
}

fn failed(payout: &Payout, reason: &str) -> StatusAnswer {
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    StatusAnswer::Failed(ReportedTransfer { reason, ..report(payout) })
}

fn kinds(learned: &Learned) -> Vec<Kind> {
    learned.alerts.iter().map(|alert| alert.kind).collect()
}

fn with_state(mut payout: Payout, state: State) -> Payout {
    payout.state = state;
    payout
}

// proves: PAY-02, PAY-04
#[test]
fn the_answer_to_a_send_is_taken_as_the_table_of_errors_says() {
    let unknown = ["time-out", "reset", "500 INTERNAL_PROCESSING_ERROR", "503", "not JSON", "429", "401"];
    let config = [
        "403",
        "500 NOT_ALLOWED",
        "500 NOT_ALLOWED_TARGET_ENVIRONMENT",
        "500 INVALID_CALLBACK_URL_HOST",
        "500 INVALID_CURRENCY",
    ];
    let sent = sending();
    let submitted = |due_at| State::Submitted { due_at };
    let still = |due_at| State::Sending { due_at };
    let mut cases = vec![
        (TransferAnswer::Accepted, submitted(minutes(5)), true, vec![]),
        (TransferAnswer::Exists, submitted(noon()), true, vec![]),
        // It may be judged before its reference is looked up, so that is asked about first.
        (TransferAnswer::Invalid("400".to_owned()), State::Retrying { due_at: noon() }, false, vec![]),
    ];
    cases.extend(unknown.map(|why| (TransferAnswer::Unknown(why.to_owned()), still(minutes(1)), false, vec![])));
    cases.extend(
        config.map(|why| {
            (TransferAnswer::Config(why.to_owned()), still(minutes(10)), false, vec![Kind::RailMisconfigured])
        }),
    );
    for (answer, state, known, alerts) in cases {
        let learned = answered(&sent, &answer, noon());
        assert_eq!(learned.payout.state, state, "{answer:?}");
        assert_eq!(learned.payout.attempts[0].known, known, "{answer:?}");
        assert_eq!(kinds(&learned), alerts, "{answer:?}");
        assert_eq!((learned.payout.version, learned.payout.claims, learned.payout.lease_until), (3, 0, None));
        assert!(learned.payout.attempts[0].last_answer.is_some());
    }
}

fn refused_at(reason: &str, at: jiff::Timestamp) -> State {
    let reason = if reason.is_empty() { "no reason given" } else { reason };
    State::Refused { at, reason: reason.to_owned() }
}

// proves: PAY-02
#[test]
fn a_second_reference_that_is_paid_too_calls_a_person_once() {
    let policy = PayoutPolicy::default();
    let mut payout = submitted();
    let mut second = payout.attempts[0].clone();
    second.number = 2;
    second.reference = "22222222-2222-4222-8222-222222222222".to_owned();
    payout.attempts.push(second.clone());
    let paid = asked(&payout, &StatusAnswer::Successful(report(&payout)), noon()).payout;
    assert!(matches!(paid.state, State::Paid { .. }));
    let first = paid.attempts[0].reference.clone();
    let answer = StatusAnswer::Successful(report(&payout));
    assert_eq!(paid.after_status(&second.reference, &answer, &policy, noon()), None, "the one that settled it");
    let twice = paid.after_status(&first, &answer, &policy, noon()).expect("news");
    assert_eq!((kinds(&twice), twice.payout.state.clone()), (vec![Kind::SuspectedDoublePayment], paid.state.clone()));
    assert_eq!(twice.payout.after_status(&first, &answer, &policy, noon()), None, "told once");
}

// proves: PAY-02, PAY-04
#[test]
fn a_refusal_of_a_second_send_proves_nothing_about_the_first() {
    for (sends, known) in [(2, false), (1, true), (3, true)] {
        let mut payout = sending();
        payout.attempts[0].sends = sends;
        payout.attempts[0].known = known;
        let learned = answered(&payout, &TransferAnswer::Invalid("400".to_owned()), noon());
        assert_eq!(learned.payout.state.outside(), Outside::Processing);
        assert_eq!(kinds(&learned), []);
    }
}

// proves: PAY-04
#[test]
fn a_failed_is_taken_as_the_table_of_errors_says() {
    let payee = ["PAYEE_NOT_FOUND", "PAYEE_NOT_ALLOWED_TO_RECEIVE", "PAYEE_LIMIT_REACHED"];
    let later = [
        "NOT_ENOUGH_FUNDS",
        "PAYER_LIMIT_REACHED",
        "EXPIRED",
        "APPROVAL_REJECTED",
        "PAYMENT_NOT_APPROVED",
        "TRANSACTION_CANCELED",
        "COULD_NOT_PERFORM_TRANSACTION",
    ];
    let config = ["NOT_ALLOWED", "SENDER_ACCOUNT_NOT_ACTIVE"];
    let review = ["INTERNAL_PROCESSING_ERROR", "SERVICE_UNAVAILABLE", "PAYER_NOT_FOUND", "SOMETHING_NEW", ""];
    let payout = submitted();
    for reason in payee.iter().chain(&review) {
        let learned = asked(&payout, &failed(&payout, reason), noon());
        let quarter = plus(noon(), NEW_REFERENCE_AFTER_MS);
        assert_eq!(learned.payout.state, State::Retrying { due_at: quarter }, "it may still turn");
        assert_eq!(kinds(&learned), []);
        let early = asked(&learned.payout, &failed(&payout, reason), plus(quarter, -1));
        assert_eq!((early.payout.state.outside(), kinds(&early)), (Outside::Processing, vec![]));
        let read = asked(&learned.payout, &failed(&payout, reason), quarter);
        let sure = looked_beyond(&read.payout, quarter);
        assert_eq!(sure.payout.state, refused_at(reason, quarter));
        assert_eq!((kinds(&read), kinds(&sure)), (vec![], vec![Kind::PayoutRefused]));
        let turned = asked(&learned.payout, &StatusAnswer::Successful(report(&payout)), quarter);
        assert_eq!((turned.payout.state.outside(), kinds(&turned)), (Outside::Completed, vec![]));
    }
    for reason in later {
        let learned = asked(&payout, &failed(&payout, reason), noon());
        assert_eq!(learned.payout.state, State::Retrying { due_at: plus(noon(), NEW_REFERENCE_AFTER_MS) }, "{reason}");
        assert_eq!(kinds(&learned), []);
        assert_eq!(learned.payout.attempts[0].first_failed_at, Some(noon()));
    }
    for reason in config {
        let learned = asked(&payout, &failed(&payout, reason), noon());
        let quarter = plus(noon(), NEW_REFERENCE_AFTER_MS);
        assert_eq!(learned.payout.state, State::Held { why: Hold::Config, due_at: quarter }, "{reason}");
        assert_eq!(kinds(&learned), [Kind::RailMisconfigured]);
        let again = asked(&learned.payout, &failed(&payout, reason), plus(noon(), DAY_MS));
        assert_eq!(kinds(&again), [], "told once");
    }
}

// proves: PAY-04
#[test]
fn a_failed_that_may_be_tried_again_is_refused_when_the_retries_are_used_up() {
    let mut payout = submitted();
    payout.attempts[0].sends = 4;
    let learned = asked(&payout, &failed(&payout, "NOT_ENOUGH_FUNDS"), noon());
    let quarter = plus(noon(), NEW_REFERENCE_AFTER_MS);
    let sure = asked(&learned.payout, &failed(&payout, "NOT_ENOUGH_FUNDS"), quarter);
    let sure = looked_beyond(&sure.payout, quarter);
    assert_eq!(sure.payout.state, refused_at("NOT_ENOUGH_FUNDS", quarter));
    assert_eq!(kinds(&sure), [Kind::PayoutRefused]);
}

// proves: PAY-02
#[test]
fn a_success_is_paid_with_the_providers_own_id() {
    let payout = submitted();
    let mine = ReportedTransfer {
        transaction: Some("77012".to_owned()),
        amount: "5000.00".to_owned(),
        payee: "+250788123456".to_owned(),
        ..report(&payout)
    };
    let learned = asked(&payout, &StatusAnswer::Successful(mine), minutes(3));
    assert_eq!(learned.payout.state, State::Paid { at: minutes(3) });
    assert_eq!(learned.payout.attempts[0].transaction.as_deref(), Some("77012"));
    assert_eq!(kinds(&learned), []);
    let reference = &payout.attempts[0].reference;
    let policy = PayoutPolicy::default();
    assert_eq!(learned.payout.after_transfer(reference, &TransferAnswer::Accepted, &policy, noon()), None, "settled");
    assert_eq!(learned.payout.after_status(reference, &StatusAnswer::NotFound, &policy, noon()), None);
    assert_eq!(
        payout.after_status("another", &StatusAnswer::NotFound, &policy, noon()),
        None,
        "not a reference of ours"
    );
}

// proves: PAY-02, PAY-04
#[test]
fn an_answer_that_proves_nothing_never_ends_a_payout_however_often_it_comes() {
    let pending = StatusAnswer::Pending(report(&payout()));
    let nothing = [pending, StatusAnswer::Unknown("503".to_owned()), StatusAnswer::NotFound];
    for answer in &nothing {
        for start in [sending(), submitted()] {
            let (mut payout, mut now, mut alerts) = (start, noon(), 0);
            for _ in 0..100 {
                now = plus(now, HOUR_MS / 2).max(payout.state.due_at().expect("never an end"));
                let learned = asked(&payout, answer, now);
                alerts += learned.alerts.len();
                payout = learned.payout;
                assert!(matches!(payout.state.outside(), Outside::Processing | Outside::Held), "{answer:?}");
                let waits = payout.state.due_at().expect("asked again").as_millisecond() - now.as_millisecond();
                assert!((0..=HOUR_MS).contains(&waits), "{waits}");
            }
            assert!(matches!(payout.state, State::Held { why: Hold::Unknown, .. }), "{answer:?}");
            assert_eq!(alerts, 1, "a person is told once");
        }
    }
}

// proves: PAY-04
#[test]
fn asking_grows_rarer_from_a_minute_to_an_hour() {
    for answer in [StatusAnswer::Pending(report(&payout())), StatusAnswer::Unknown("503".to_owned())] {
        let mut payout = submitted();
        for wait in [1, 5, 15, 30, 60, 60, 60] {
            payout = asked(&payout, &answer, noon()).payout;
            assert_eq!(payout.state, State::Submitted { due_at: minutes(wait) });
        }
    }
}

// proves: PAY-02, PAY-04
#[test]
fn a_reference_that_is_not_known_is_sent_again_after_ten_minutes_and_held_when_it_is_too_late_or_enough() {
    let start = sending();
    let sooner = asked(&start, &StatusAnswer::NotFound, minutes(1)).payout;
    assert_eq!(sooner.state, State::Sending { due_at: plus(noon(), RESEND_AFTER_MS) });
    assert_eq!(sooner.attempts[0].not_found_at, Some(minutes(1)));
    let now = asked(&start, &StatusAnswer::NotFound, minutes(30)).payout;
    assert_eq!(now.state, State::Sending { due_at: minutes(30) }, "due now, read just now");
    let late = asked(&start, &StatusAnswer::NotFound, plus(noon(), RESEND_WITHIN_MS + 1));
    let mut used_up = start.clone();
    used_up.attempts[0].sends = 4;
    let exhausted = asked(&used_up, &StatusAnswer::NotFound, minutes(30));
    for held in [late, exhausted] {
        assert!(matches!(held.payout.state, State::Held { why: Hold::Unknown, .. }));
        assert_eq!(kinds(&held), [Kind::PayoutUnknown]);
    }
}

// proves: PAY-04
#[test]
fn the_wait_before_a_send_grows_with_the_retries_and_the_last_one_repeats() {
    for (sends, wait) in [(1, 10), (2, 10), (3, 15), (4, 30), (5, 60)] {
        let mut payout = sending();
        payout.attempts[0].sends = sends;
        let policy = PayoutPolicy { retries: 5, ..PayoutPolicy::default() };
        let reference = payout.attempts[0].reference.clone();
        let learned = payout.after_status(&reference, &StatusAnswer::NotFound, &policy, noon()).expect("not settled");
        assert_eq!(learned.payout.state, State::Sending { due_at: minutes(wait) }, "{sends}");
        let answer = failed(&payout, "EXPIRED");
        let learned = payout.after_status(&reference, &answer, &policy, noon()).expect("not settled");
        assert_eq!(learned.payout.state, State::Retrying { due_at: minutes(wait.max(15)) }, "{sends}");
    }
}

// proves: PAY-02
#[test]
fn a_known_reference_that_is_gone_is_held_after_five_questions_and_never_sent_again() {
    let mut payout = submitted();
    for ask in 1..=5 {
        let learned = asked(&payout, &StatusAnswer::NotFound, minutes(ask));
        for later in [0, 11, 60] {
            let step = Around::default().plan(&learned.payout, minutes(ask + later));
            assert!(!matches!(step, Step::Send(_)), "{step:?}");
        }
        assert_eq!(matches!(learned.payout.state, State::Held { why: Hold::Unknown, .. }), ask == 5);
        payout = learned.payout;
    }
}

// proves: PAY-02
#[test]
fn a_transfer_that_is_not_ours_is_held_whatever_became_of_it() {
    let payout = submitted();
    let ours = report(&payout);
    let others = [
        ReportedTransfer { amount: "5000.5".to_owned(), ..ours.clone() },
        ReportedTransfer { amount: "500000".to_owned(), ..ours.clone() },
        ReportedTransfer { amount: String::new(), ..ours.clone() },
        ReportedTransfer { currency: "EUR".to_owned(), ..ours.clone() },
        ReportedTransfer { payee: "250788123457".to_owned(), ..ours.clone() },
        ReportedTransfer { payee: "0788123456".to_owned(), ..ours.clone() },
        ReportedTransfer { external_id: "another".to_owned(), ..ours.clone() },
        ReportedTransfer { amount: "9".repeat(10_000), currency: "🎨".repeat(5_000), ..ours.clone() },
    ];
    for other in others {
        for answer in [
            StatusAnswer::Pending(other.clone()),
            StatusAnswer::Successful(other.clone()),
            StatusAnswer::Failed(other.clone()),
        ] {
            let learned = asked(&payout, &answer, noon());
            assert_eq!(learned.payout.state, State::Held { why: Hold::Mismatch, due_at: plus(noon(), DAY_MS) });
            assert_eq!(kinds(&learned), [Kind::PayoutMismatch]);
            let note = &learned.alerts[0].note;
            assert!(note.chars().count() < 300 && !note.contains("788123"), "{note}");
            assert_eq!(kinds(&asked(&learned.payout, &answer, noon())), [], "told once");
        }
    }
}

// proves: PAY-02
#[test]
fn an_end_is_left_for_a_late_success_only() {
    for state in [refused_at("PAYEE_NOT_FOUND", noon()), State::Cancelled { at: noon(), why: String::new() }] {
        for (known, after) in [(true, 1), (false, 1), (true, 2_000), (false, 2_000)] {
            let mut ended = with_state(submitted(), state.clone());
            ended.attempts[0].known = known;
            ended.attempts[0].asks = 10;
            let now = minutes(after);
            let nothing = [
                StatusAnswer::Pending(report(&ended)),
                StatusAnswer::Unknown("503".to_owned()),
                StatusAnswer::NotFound,
                failed(&ended, "EXPIRED"),
                failed(&ended, "NOT_ALLOWED"),
                failed(&ended, "PAYEE_NOT_FOUND"),
            ];
            for answer in nothing {
                let learned = asked(&ended, &answer, now);
                assert_eq!((&learned.payout.state, kinds(&learned)), (&state, vec![]), "{answer:?} {known} {after}");
            }
            for answer in
                [TransferAnswer::Accepted, TransferAnswer::Exists, TransferAnswer::Unknown("reset".to_owned())]
            {
                assert_eq!(answered(&ended, &answer, now).payout.state, state, "{answer:?}");
            }
            let paid = asked(&ended, &StatusAnswer::Successful(report(&ended)), now);
            assert_eq!(paid.payout.state, State::Paid { at: now });
            assert_eq!(kinds(&paid), [Kind::PaidAfterRefusal]);
        }
    }
}

// proves: PAY-02
#[test]
fn a_success_of_an_older_reference_is_paid_and_told_and_its_failure_changes_nothing() {
    let mut payout = submitted();
    let mut newer = payout.attempts[0].clone();
    newer.number = 2;
    newer.reference = "newer".to_owned();
    payout.attempts.push(newer);
    let older = payout.attempts[0].reference.clone();
    let policy = PayoutPolicy::default();
    let learn = |answer| payout.after_status(&older, &answer, &policy, minutes(1)).expect("not settled");
    let paid = learn(StatusAnswer::Successful(report(&payout)));
    assert_eq!(paid.payout.state, State::Paid { at: minutes(1) });
    assert_eq!(kinds(&paid), [Kind::PaidAfterRefusal]);
    for reason in ["EXPIRED", "PAYEE_NOT_FOUND", "NOT_ALLOWED"] {
        assert_eq!(learn(failed(&payout, reason)).payout.state, payout.state);
    }
}

#[test]
fn what_is_held_stays_held_until_something_is_proved() {
    for why in [Hold::Unknown, Hold::Mismatch, Hold::Config, Hold::Poison] {
        let held = with_state(submitted(), State::Held { why, due_at: noon() });
        for answer in
            [StatusAnswer::Pending(report(&held)), StatusAnswer::Unknown("503".to_owned()), StatusAnswer::NotFound]
        {
            let learned = asked(&held, &answer, noon());
            assert_eq!(learned.payout.state, State::Held { why, due_at: minutes(60) });
            assert_eq!(kinds(&learned), []);
        }
        let paid = asked(&held, &StatusAnswer::Successful(report(&held)), noon());
        assert_eq!((paid.payout.state.outside(), kinds(&paid)), (Outside::Completed, vec![]));
        let failed = asked(&held, &failed(&held, "PAYEE_NOT_FOUND"), noon());
        // Another transfer than ours was reported before: only a person lets that go.
        let outside = if why == Hold::Mismatch { Outside::Held } else { Outside::Processing };
        assert_eq!(failed.payout.state.outside(), outside);
    }
}

#[test]
fn an_alert_has_an_id_of_its_change_and_a_note_that_says_what_to_do() {
    let mut payout = submitted();
    let answer = failed(&payout, &"X".repeat(10_000));
    payout.attempts[0].first_failed_at = Some(plus(noon(), -NEW_REFERENCE_AFTER_MS));
    let sure = asked(&payout, &answer, noon()).payout;
    let (first, second) = (looked_beyond(&sure, noon()), looked_beyond(&sure, plus(noon(), 1)));
    assert_eq!(first.alerts[0].id, second.alerts[0].id, "the same change of the same version");
    assert_eq!(first.alerts[0].id, format!("{}-6-payout_refused", payout.id));
    assert_eq!(first.alerts[0].entity, format!("payout:{}", payout.id));
    assert!(first.alerts[0].note.len() < 300, "a provider's text is not ours to trust in length");
}

#[test]
fn a_change_of_state_is_audited_and_bookkeeping_is_not() {
    let sent = sending();
    let accepted = answered(&sent, &TransferAnswer::Accepted, noon()).payout;
    let entry = payout().audit(&sent, "disbursement").expect("queued to sending");
    assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("payout.sending", "system:disbursement"));
    assert_eq!(entry.id, format!("{}-2", sent.id));
    assert!(sent.audit(&accepted, "disbursement").is_some());
    let asked = asked(&accepted, &StatusAnswer::Unknown("503".to_owned()), noon()).payout;
    assert_eq!(accepted.audit(&asked, "disbursement"), None);
    let stored = serde_json::to_string(&entry).expect("an entry is JSON");
    assert!(!stored.contains("7K3M") && !stored.contains("788123"), "{stored}");
}
