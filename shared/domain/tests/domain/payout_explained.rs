//! What is said of a payout, what is offered to do about it, and figures of many.

use crate::sample::{code, customer, minutes, noon, phone};
use domain::{
    identity::RedemptionId,
    payout::{
        ByHand, Hold, Payout, Question, State,
        figures::{ATTENTION_GAUGES, UNKNOWN_GAUGES, float_hours, percentile},
    },
    settings::PayoutPolicy,
    time::HOUR_MS,
};

fn payout() -> Payout {
    let code = code();
    let id = RedemptionId::of("test", &code.text, code.generation);
    let customer = customer();
    Payout::new(&code, id, customer.id, customer.phone, &PayoutPolicy::default(), noon())
}

fn every_state() -> Vec<State> {
    let due_at = noon();
    let held = [
        Hold::Unknown,
        Hold::Mismatch,
        Hold::Config,
        Hold::Poison,
        Hold::ByHand,
        Hold::Limit,
        Hold::Totals,
        Hold::Account,
    ];
    let mut states = vec![
        State::Queued { due_at },
        State::Sending { due_at },
        State::Submitted { due_at },
        State::Retrying { due_at },
        State::AwaitingApproval { due_at },
        State::Paid { at: due_at },
        State::Refused { at: due_at, reason: "PAYEE_NOT_FOUND".to_owned() },
        State::Cancelled { at: due_at, why: "a mistake".to_owned() },
        State::Settled { at: due_at, receipt: "R-1".to_owned() },
    ];
    states.extend(held.map(|why| State::Held { why, due_at }));
    states
}

fn somebody(number: u8) -> domain::id::UserId {
    domain::id::UserId::drawn(noon(), [number; 10])
}

// proves: PAY-11
#[test]
fn what_happens_next_is_said_of_every_state_and_names_neither_number_nor_code() {
    let mut said = Vec::new();
    for state in every_state() {
        let mut payout = Payout { state: state.clone(), ..payout() };
        let words = payout.next_step();
        assert!(words.ends_with('.') && words.len() > 30, "{state:?}: {words}");
        assert!(!words.contains(payout.payee.e164()) && !words.contains(payout.code.as_str()), "{words}");
        payout.hands.barred = Some("the customer asked".to_owned());
        assert_eq!(payout.next_step() != words, !state.is_end(), "{state:?}");
        said.push(words);
    }
    let before = said.len();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), before, "each has words of its own");
    let settling = payout().settle(&somebody(1), "R-1", "cash", noon()).expect("it was never sent");
    assert!(settling.next_step().contains("paid by other means"));
}

// proves: PAY-07, PAY-08
#[test]
fn what_is_offered_is_exactly_what_is_possible() {
    let (me, other, now) = (somebody(1), somebody(2), minutes(1));
    use ByHand::{Approve, Cancel, Hold as Held, Refuse, Release, Resolve, Retry, Reverse, Urgent};
    let fresh = payout();
    assert_eq!(fresh.possible(&me, now), [Cancel, Held, Resolve, Reverse, Urgent]);
    let held = fresh.hold(&me, "wait", now).expect("it can be held");
    assert_eq!(held.possible(&me, now), [Cancel, Release, Resolve, Reverse, Urgent]);
    let settling = fresh.settle(&me, "R-1", "cash", now).expect("it was never sent");
    assert_eq!(settling.possible(&me, now), [Cancel, Urgent]);
    assert_eq!(settling.possible(&other, now), [Approve, Cancel, Refuse, Urgent]);
    let reversed = fresh.reverse(&me, now).expect("it was never sent");
    assert!(reversed.is_reversed());
    assert_eq!(reversed.possible(&other, now), []);
    let refused = Payout { state: State::Refused { at: now, reason: "x".to_owned() }, ..payout() };
    assert!(refused.possible(&me, now).contains(&Retry));
    let paid = Payout { state: State::Paid { at: now }, ..payout() };
    assert!(paid.possible(&me, now).is_empty());
    let unknown = Payout { state: State::Held { why: Hold::Unknown, due_at: minutes(60) }, ..payout() };
    let asked = unknown.ask_again(now).expect("nobody knows");
    assert_eq!((asked.due_at(), &asked.hands), (Some(now), &unknown.hands));
    assert!(held.ask_again(now).is_err());
}

// proves: PAY-08
#[test]
fn a_limit_that_was_waived_waits_for_the_second_person_whatever_is_held_and_released_meanwhile() {
    let (me, now) = (somebody(1), minutes(1));
    let over = Payout { state: State::Held { why: Hold::Limit, due_at: minutes(60) }, ..payout() };
    let waiting = over.release(&me, now).expect("it is held");
    let waits = |payout: &Payout| matches!(payout.state, State::AwaitingApproval { .. });
    assert!(waits(&waiting));
    let held = waiting.hold(&me, "wait", now).expect("it can be held");
    let again = held.release(&me, now).expect("it is held");
    assert!(waits(&again), "{:?}", again.state);
    let settling = again.settle(&me, "R-1", "cash", now).expect("it was never sent");
    let unsettled = settling.disapprove(&somebody(2), "no receipt", now).expect("a second person");
    let again = unsettled.release(&me, now).expect("it is held");
    assert!(waits(&again), "{:?}", again.state);
    assert!(again.approve(&me, now).is_err());
    let approved = again.approve(&somebody(2), now).expect("a second person");
    let held = approved.hold(&me, "wait", now).expect("it can be held");
    assert!(matches!(held.release(&me, now).expect("it is held").state, State::Queued { .. }));
}

// proves: RED-07
#[test]
fn a_reason_that_is_our_own_word_is_not_taken_for_a_redemption_that_was_taken_back() {
    let cancelled = payout().cancel(&somebody(1), "reversed", noon()).expect("it was never sent");
    assert!(!cancelled.is_reversed());
    assert!(cancelled.settle(&somebody(1), "R-1", "cash", noon()).is_ok());
}

// proves: PAY-11
#[test]
fn gauges_that_wait_for_a_person_are_those_whose_states_do() {
    for state in every_state() {
        assert_eq!(ATTENTION_GAUGES.contains(&state.gauge()), state.needs_attention(), "{state:?}");
    }
    assert!(UNKNOWN_GAUGES.iter().all(|gauge| ATTENTION_GAUGES.contains(gauge)));
}

// proves: PAY-11
#[test]
fn percentiles_are_values_that_so_many_do_not_exceed() {
    assert_eq!(percentile(&mut [], 50), None);
    assert_eq!([0, 50, 100].map(|percent| percentile(&mut [7], percent)), [Some(7); 3]);
    let mut hundred: Vec<i64> = (1..=100).rev().collect();
    assert_eq!([0, 50, 95, 99, 100].map(|percent| percentile(&mut hundred, percent)), [1, 50, 95, 99, 100].map(Some));
    assert_eq!([50, 95, 99].map(|percent| percentile(&mut [40, 10, 30, 20], percent)), [20, 40, 40].map(Some));
    assert_eq!(percentile(&mut [1, 2], 200), Some(2));
}

// proves: PAY-11
#[test]
fn the_float_lasts_as_long_as_it_would_at_the_rate_of_today() {
    assert_eq!(float_hours(1_000, 500, 5 * HOUR_MS), Some(10));
    assert_eq!(float_hours(999, 500, 5 * HOUR_MS), Some(9));
    assert_eq!(float_hours(0, 500, HOUR_MS), Some(0));
    assert_eq!(
        (float_hours(1_000, 0, HOUR_MS), float_hours(1_000, -5, HOUR_MS), float_hours(1, 1, 0)),
        (None, None, None)
    );
    assert_eq!(float_hours(u64::MAX, 1, i64::MAX), None, "beyond all bounds");
}

// proves: PAY-11
#[test]
fn a_question_is_read_as_what_it_can_only_be() {
    let code = code().text;
    let id = payout().id;
    let reference = "0123abcd-0000-4000-8000-00000000cdef";
    for (text, meant) in [
        (id.as_str().to_owned(), Question::Redemption(id.clone())),
        (format!(" {} ", id.as_str().to_uppercase()), Question::Redemption(id.clone())),
        (reference.to_owned(), Question::Reference(reference.to_owned())),
        (reference.to_uppercase(), Question::Reference(reference.to_owned())),
        ("0788 123 456".to_owned(), Question::Phone(phone("0788123456"))),
        ("+250788123456".to_owned(), Question::Phone(phone("0788123456"))),
        (code.printed().to_lowercase(), Question::Code(code)),
    ] {
        assert_eq!(Question::read(&text), Some(meant), "{text}");
    }
    for nothing in ["", "  ", "a", "\u{0}", "é€", "%"] {
        assert_eq!(Question::read(nothing), None, "{nothing:?}");
    }
    assert!(Question::is_short_form(&id.short()) && !Question::is_short_form(id.as_str()));
    assert!(!Question::is_short_form("7K3M9A26"));
}
