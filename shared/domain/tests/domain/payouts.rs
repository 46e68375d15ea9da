//! What is done next with a payout: when it is sent, sent again, asked about, put off or held.

use crate::sample::{self, Around};

use domain::{
    alert,
    identity::payout_reference,
    payout::{
        Attempt, FAILED_FRESH_MS, Hold, MAX_CLAIMS, NEW_REFERENCE_AFTER_MS, Outside, Payout, RESEND_AFTER_MS,
        RESEND_WITHIN_MS, ROUTED_FOR_MS, Rail, State, Step,
    },
    settings::PayoutPolicy,
    switches::Switches,
    time::{DAY_MS, MINUTE_MS, SECOND_MS, plus},
};
use jiff::Timestamp;
use sample::{ENVIRONMENT, LEASE_MS, noon, payout, rail};

fn on() -> Switches {
    Switches::all_on("blue")
}

fn off() -> Switches {
    Switches { payouts: false, ..on() }
}

fn next(payout: &Payout, switches: &Switches, now: Timestamp) -> Step {
    Around { switches: switches.clone(), ..Around::default() }.plan(payout, now)
}

/// Sent at noon under its first reference; in `state`, and nobody's.
fn sent(state: State) -> Payout {
    let Step::Send(mut sent) = next(&payout(), &on(), noon()) else { panic!("a new payout is sent") };
    sent.lease_until = None;
    sent.claims = 0;
    sent.state = state;
    sent
}

fn attempt(payout: &mut Payout) -> &mut Attempt {
    payout.attempts.last_mut().expect("sent before")
}

fn every_state(due_at: Timestamp) -> Vec<State> {
    let mut states = vec![State::Queued { due_at }];
    loop {
        let following = match states.last().expect("starts with one") {
            State::Queued { .. } => State::Sending { due_at },
            State::Sending { .. } => State::Submitted { due_at },
            State::Submitted { .. } => State::Retrying { due_at },
            State::Retrying { .. } => State::Held { why: Hold::Unknown, due_at },
            State::Held { why: Hold::Unknown, .. } => State::Held { why: Hold::Mismatch, due_at },
            State::Held { why: Hold::Mismatch, .. } => State::Held { why: Hold::Config, due_at },
            State::Held { why: Hold::Config, .. } => State::Held { why: Hold::Poison, due_at },
            State::Held { why: Hold::Poison, .. } => State::Held { why: Hold::ByHand, due_at },
            State::Held { why: Hold::ByHand, .. } => State::Held { why: Hold::Limit, due_at },
            State::Held { why: Hold::Limit, .. } => State::Held { why: Hold::Totals, due_at },
            State::Held { why: Hold::Totals, .. } => State::Held { why: Hold::Account, due_at },
            State::Held { why: Hold::Account, .. } => State::AwaitingApproval { due_at },
            State::AwaitingApproval { .. } => State::Paid { at: due_at },
            State::Paid { .. } => State::Refused { at: due_at, reason: "PAYEE_NOT_FOUND".to_owned() },
            State::Refused { .. } => State::Cancelled { at: due_at, why: String::new() },
            State::Cancelled { .. } => State::Settled { at: due_at, receipt: "R-1".to_owned() },
            State::Settled { .. } => return states,
        };
        states.push(following);
    }
}

fn is_end(state: &State) -> bool {
    matches!(state.outside(), Outside::Completed | Outside::Failed | Outside::Cancelled)
}

// proves: PAY-02
#[test]
fn every_state_that_is_no_end_says_when_to_look_again() {
    for state in every_state(noon()) {
        assert_eq!(state.due_at().is_none(), is_end(&state), "{}", state.name());
        let later = state.clone().due(plus(noon(), 1));
        assert_eq!(later == state, is_end(&state), "ends stay as they are");
        assert_eq!(later.name(), state.name());
        let stored = serde_json::to_string(&state).expect("a state is JSON");
        assert_eq!(serde_json::from_str::<State>(&stored).ok(), Some(state));
    }
}

// proves: PAY-02
#[test]
fn a_new_payout_is_sent_at_once_under_its_derived_reference_and_written_down_first() {
    let new = payout();
    let Step::Send(sent) = next(&new, &on(), noon()) else { panic!("not due yet, but sent") };
    let reference = payout_reference(ENVIRONMENT, &new.code, 1);
    let attempt = sent.attempt().expect("written down");
    assert_eq!((attempt.number, attempt.sends, &attempt.reference), (1, 1, &reference));
    assert_eq!((attempt.first_sent_at, attempt.last_sent_at), (noon(), noon()));
    assert_eq!((attempt.known, attempt.rail == rail()), (false, true));
    assert_eq!(sent.state, State::Sending { due_at: plus(noon(), LEASE_MS) });
    assert_eq!((sent.lease_until, sent.claims, sent.version), (Some(plus(noon(), LEASE_MS)), 1, 2));
}

// proves: PAY-02
#[test]
fn while_the_switch_is_off_nothing_is_sent_and_everything_is_still_asked_about() {
    let due = plus(noon(), 90 * SECOND_MS);
    assert_eq!(next(&payout(), &off(), noon()), Step::Rest, "looked at again when it is due");
    let Step::Postpone(later) = next(&payout(), &off(), due) else { panic!("put off") };
    assert_eq!(later.state, State::Queued { due_at: plus(due, MINUTE_MS) });
    for state in every_state(noon()) {
        let step = next(&sent(state.clone()), &off(), noon());
        assert!(!matches!(step, Step::Send(_)), "{}", state.name());
        if matches!(
            state,
            State::Sending { .. } | State::Submitted { .. } | State::Retrying { .. } | State::Held { .. }
        ) {
            assert!(matches!(step, Step::Ask(..)), "{}", state.name());
        }
    }
}

// proves: PAY-02
#[test]
fn nothing_is_done_before_it_is_due_or_in_another_workers_hands_or_at_an_end() {
    for state in every_state(noon()) {
        let mut payout = sent(state.clone());
        if is_end(&state) {
            assert_eq!(next(&payout, &on(), plus(noon(), 400 * DAY_MS)), Step::Rest);
            continue;
        }
        if !matches!(state, State::Queued { .. }) {
            assert_eq!(next(&payout, &on(), plus(noon(), -1)), Step::Rest, "{}", state.name());
        }
        payout.lease_until = Some(plus(noon(), 1));
        assert_eq!(next(&payout, &on(), noon()), Step::Rest, "leased: {}", state.name());
        payout.lease_until = Some(noon());
        assert_ne!(next(&payout, &on(), noon()), Step::Rest, "the lease is over: {}", state.name());
    }
}

// proves: PAY-02
#[test]
fn whoever_was_sent_is_asked_about_first_and_asking_never_ends() {
    for state in
        [State::Sending { due_at: noon() }, State::Submitted { due_at: noon() }, State::Retrying { due_at: noon() }]
    {
        for days in [0, 1, 3, 365] {
            let mut payout = sent(state.clone());
            attempt(&mut payout).asks = 1_000_000;
            let now = plus(noon(), days * DAY_MS);
            let Step::Ask(claimed, _) = next(&payout, &on(), now) else { panic!("{} after {days} days", state.name()) };
            assert_eq!(claimed.attempts, payout.attempts, "asking sends nothing");
            assert_eq!(claimed.state, state.clone().due(plus(now, LEASE_MS)));
            assert_eq!((claimed.lease_until, claimed.claims), (Some(plus(now, LEASE_MS)), 1));
        }
    }
    for why in [Hold::Unknown, Hold::Mismatch, Hold::Config, Hold::Poison] {
        let held = sent(State::Held { why, due_at: noon() });
        assert!(matches!(next(&held, &on(), plus(noon(), 100 * DAY_MS)), Step::Ask(..)));
    }
}

/// A reference that a typed answer has just not known, `after_ms` after its only send.
fn not_known(after_ms: i64) -> (Payout, Timestamp) {
    let now = plus(noon(), after_ms);
    let mut payout = sent(State::Sending { due_at: now });
    attempt(&mut payout).not_found_at = Some(now);
    (payout, now)
}

// proves: PAY-02
#[test]
fn a_reference_is_sent_again_only_between_ten_minutes_and_a_day_after_it_was_provably_not_known() {
    let sends_again = |after_ms| {
        let (payout, now) = not_known(after_ms);
        matches!(next(&payout, &on(), now), Step::Send(_))
    };
    assert!(!sends_again(MINUTE_MS));
    assert!(!sends_again(RESEND_AFTER_MS - 1));
    assert!(sends_again(RESEND_AFTER_MS));
    assert!(sends_again(RESEND_WITHIN_MS));
    assert!(!sends_again(RESEND_WITHIN_MS + 1));

    let (payout, now) = not_known(RESEND_AFTER_MS);
    let Step::Send(again) = next(&payout, &on(), now) else { panic!("sent again") };
    assert_eq!(again.attempts.len(), 1);
    let attempt = again.attempt().expect("the same");
    assert_eq!((attempt.sends, attempt.first_sent_at, attempt.last_sent_at), (2, noon(), now));
    assert_eq!(attempt.reference, payout.attempts[0].reference);
    assert_eq!(attempt.not_found_at, None, "that answer is used up");
    assert_eq!(again.retries(), 1);
}

/// One fact changed that forbids a send.
type Forbids = fn(&mut Payout);

// proves: PAY-02, PAY-04
#[test]
fn a_reference_that_may_be_known_is_asked_about_and_not_sent_again() {
    let forbids: [(&str, Forbids); 7] = [
        ("known before", |p| attempt(p).known = true),
        ("no typed answer", |p| attempt(p).not_found_at = None),
        ("read a minute ago", |p| attempt(p).not_found_at = Some(plus(noon(), RESEND_AFTER_MS - FAILED_FRESH_MS))),
        ("read before the last send", |p| {
            attempt(p).not_found_at = Some(plus(noon(), RESEND_AFTER_MS - 1));
            attempt(p).last_sent_at = plus(noon(), RESEND_AFTER_MS);
        }),
        ("no retries left", |p| attempt(p).sends = 4),
        ("submitted", |p| p.state = State::Submitted { due_at: noon() }),
        ("held", |p| p.state = State::Held { why: Hold::Unknown, due_at: noon() }),
    ];
    for (why, forbid) in forbids {
        let (mut payout, now) = not_known(RESEND_AFTER_MS);
        forbid(&mut payout);
        assert!(matches!(next(&payout, &on(), now), Step::Ask(..)), "{why}");
    }
    let (payout, now) = not_known(RESEND_AFTER_MS);
    assert!(matches!(next(&payout, &off(), now), Step::Postpone(_)), "switched off");
}

/// FAILED since `first_ms` after noon, last read at `read_ms`.
fn failed(first_ms: i64, read_ms: i64) -> Payout {
    let mut payout = sent(State::Retrying { due_at: noon() });
    let attempt = attempt(&mut payout);
    attempt.known = true;
    attempt.first_failed_at = Some(plus(noon(), first_ms));
    attempt.last_failed_at = Some(plus(noon(), read_ms));
    attempt.reason = Some("EXPIRED".to_owned());
    payout
}

// proves: PAY-02
#[test]
fn a_new_reference_needs_a_failed_read_within_the_minute_and_a_quarter_of_an_hour_of_it() {
    let first = 2 * MINUTE_MS;
    let quarter = first + NEW_REFERENCE_AFTER_MS;
    let renews = |read_ms, now_ms| matches!(next(&failed(first, read_ms), &on(), plus(noon(), now_ms)), Step::Send(_));
    assert!(renews(quarter, quarter));
    assert!(renews(quarter, quarter + FAILED_FRESH_MS - 1));
    assert!(!renews(quarter, quarter + FAILED_FRESH_MS), "read too long ago");
    assert!(!renews(quarter - 1, quarter - 1), "too early");
    assert!(!renews(first, quarter), "read once only, long ago");
    assert!(
        !renews(quarter - 30 * SECOND_MS, quarter),
        "what was read within the quarter of an hour may have turned since"
    );

    let payout = failed(first, quarter);
    let now = plus(noon(), quarter);
    let Step::Send(renewed) = next(&payout, &on(), now) else { panic!("a new reference") };
    assert_eq!(renewed.attempts[..1], payout.attempts[..], "the old one is kept as it was");
    let attempt = renewed.attempt().expect("the new one");
    assert_eq!((attempt.number, attempt.sends, attempt.known, attempt.first_sent_at), (2, 1, false, now));
    assert_eq!(attempt.reference, payout_reference(ENVIRONMENT, &payout.code, 2));
    assert_eq!((renewed.retries(), renewed.version), (1, payout.version + 1));
    assert!(matches!(next(&payout, &off(), now), Step::Postpone(_)), "switched off");
}

// proves: PAY-02
#[test]
fn before_a_third_reference_the_first_is_asked_again_and_then_the_second() {
    let quarter = NEW_REFERENCE_AFTER_MS;
    let now = plus(noon(), quarter);
    let mut payout = failed(0, quarter);
    let mut second = payout.attempts[0].clone();
    second.number = 2;
    second.reference = "22222222-2222-4222-8222-222222222222".to_owned();
    payout.attempts.push(second.clone());
    let first = payout.attempts[0].reference.clone();
    assert!(matches!(next(&payout, &on(), now), Step::Send(_)), "both have surely failed");
    payout.attempts[0].last_failed_at = Some(plus(now, -FAILED_FRESH_MS));
    let Step::Ask(_, asked) = next(&payout, &on(), now) else { panic!("the first may have turned") };
    assert_eq!(asked, first);
    payout.attempts[0].last_failed_at = Some(now);
    payout.attempts[1].last_failed_at = Some(plus(now, -FAILED_FRESH_MS));
    let Step::Ask(_, asked) = next(&payout, &on(), now) else { panic!("the second may have turned") };
    assert_eq!(asked, second.reference);
    payout.attempts[1].last_failed_at = Some(now);
    payout.attempts[1].reason = Some("PAYEE_NOT_FOUND".to_owned());
    assert!(matches!(next(&payout, &on(), now), Step::Ask(..)), "another reference would not help");
}

// proves: PAY-02, PAY-04
#[test]
fn a_new_reference_is_made_only_while_waiting_for_one_and_while_retries_are_left() {
    let quarter = NEW_REFERENCE_AFTER_MS;
    let now = plus(noon(), quarter);
    for state in every_state(noon()) {
        let mut payout = failed(0, quarter);
        payout.state = state.clone();
        let renews = matches!(next(&payout, &on(), now), Step::Send(_));
        // Nothing returns to queued: a queued payout has no attempt.
        if !matches!(state, State::Queued { .. }) {
            assert_eq!(renews, matches!(state, State::Retrying { .. }), "{}", state.name());
        }
    }
    for (sends, retries, sends_more) in [(1, 1, true), (2, 1, false), (3, 3, true), (4, 3, false), (1, 0, false)] {
        let mut payout = failed(0, quarter);
        attempt(&mut payout).sends = sends;
        let policy = PayoutPolicy { retries, ..PayoutPolicy::default() };
        let step = Around { policy: policy.clone(), ..Around::default() }.plan(&payout, now);
        assert_eq!(matches!(step, Step::Send(_)), sends_more, "{sends} sends, {retries} retries");
    }
}

// proves: PAY-02
#[test]
fn another_account_neither_sends_nor_asks() {
    let other = Rail::mtn_momo("https://momo.example", "mtnrwanda", "api-user-2");
    for mut payout in
        [not_known(RESEND_AFTER_MS).0, failed(0, NEW_REFERENCE_AFTER_MS), sent(State::Submitted { due_at: noon() })]
    {
        payout.state = payout.state.due(noon());
        let now = plus(noon(), NEW_REFERENCE_AFTER_MS);
        let step = Around { rail: other.clone(), ..Around::default() }.plan(&payout, now);
        let Step::Hold(held, kind) = step else { panic!("held") };
        assert_eq!(held.state, State::Held { why: Hold::Config, due_at: plus(now, DAY_MS) });
        assert_eq!((kind, held.version), (alert::Kind::RailMisconfigured, payout.version + 1));
        assert_eq!(held.attempts, payout.attempts);
        assert!(matches!(next(&held, &on(), plus(now, DAY_MS)), Step::Ask(..)), "the old account is back");
    }
}

// proves: PAY-02
#[test]
fn after_five_claims_without_an_outcome_a_person_looks_and_asking_goes_on() {
    let mut payout = sent(State::Submitted { due_at: noon() });
    let mut now = noon();
    for claims in 1..=MAX_CLAIMS {
        let Step::Ask(claimed, _) = next(&payout, &on(), now) else { panic!("claim {claims}") };
        assert_eq!(claimed.claims, claims);
        assert_eq!(next(&claimed, &on(), plus(now, LEASE_MS - 1)), Step::Rest);
        (payout, now) = (claimed, plus(now, LEASE_MS));
    }
    let Step::Hold(held, kind) = next(&payout, &on(), now) else { panic!("poison") };
    assert_eq!(kind, alert::Kind::PayoutPoison);
    assert_eq!(held.state, State::Held { why: Hold::Poison, due_at: plus(now, DAY_MS) });
    assert_eq!((held.claims, held.lease_until), (0, None));
    assert!(matches!(next(&held, &on(), plus(now, DAY_MS)), Step::Ask(..)));
}

#[test]
fn what_awaits_approval_or_was_held_unsent_is_only_put_off() {
    for state in [State::AwaitingApproval { due_at: noon() }, State::Held { why: Hold::Config, due_at: noon() }] {
        let mut payout = payout();
        payout.state = state.clone();
        let Step::Postpone(later) = next(&payout, &on(), noon()) else { panic!("put off") };
        assert_eq!(later.state, state.due(plus(noon(), DAY_MS)));
        assert!(later.attempts.is_empty());
    }
}

#[test]
fn the_sweeper_routes_what_is_due_and_leaves_it_alone_for_five_minutes() {
    for state in every_state(noon()) {
        let payout = sent(state.clone());
        assert_eq!(payout.routed(plus(noon(), -1)), None);
        let Some(routed) = payout.routed(noon()) else {
            assert!(is_end(&state), "{}", state.name());
            continue;
        };
        assert_eq!((routed.version, &routed.state), (payout.version + 1, &payout.state));
        assert_eq!(routed.shown_at(), Some(plus(noon(), ROUTED_FOR_MS)));
        assert_eq!(routed.routed(plus(noon(), ROUTED_FOR_MS - 1)), None);
        assert!(routed.routed(plus(noon(), ROUTED_FOR_MS)).is_some(), "the nudge was lost");
        let worked = match next(&routed, &on(), noon()) {
            Step::Send(next) | Step::Ask(next, _) | Step::Postpone(next) => next,
            Step::Rest | Step::CheckAccount | Step::Hold(..) => panic!("{} is worked on", state.name()),
        };
        assert_eq!(worked.routed_until, None, "the next write by a worker clears it");
    }
}

// proves: PAY-02
#[test]
fn a_callback_makes_a_payout_due_at_most_once_a_minute_and_changes_nothing_else() {
    for state in every_state(plus(noon(), 10 * MINUTE_MS)) {
        let mut payout = sent(state.clone());
        payout.routed_until = Some(plus(noon(), 4 * MINUTE_MS));
        let asked = matches!(state, State::Submitted { .. } | State::Held { .. });
        let Some(prompted) = payout.prompted(noon()) else {
            assert!(!asked, "{}", state.name());
            continue;
        };
        assert!(asked, "{}", state.name());
        let expected = Payout {
            state: state.due(noon()),
            prompted_at: Some(noon()),
            routed_until: None,
            version: payout.version + 1,
            ..payout
        };
        assert_eq!(prompted, expected);
        assert_eq!(prompted.prompted(noon()), None, "due already");
        let mut asked = prompted;
        asked.state = asked.state.due(plus(noon(), 5 * MINUTE_MS));
        assert_eq!(asked.prompted(plus(noon(), MINUTE_MS - 1)), None);
        assert!(asked.prompted(plus(noon(), MINUTE_MS)).is_some());
    }
}

#[test]
fn what_can_not_be_sent_now_waits_a_minute_and_keeps_its_state() {
    let new = payout();
    let later = new.put_off(noon());
    assert_eq!(later.state, State::Queued { due_at: plus(noon(), MINUTE_MS) });
    assert_eq!((later.version, later.attempts.len(), later.lease_until), (2, 0, None));
    let (waiting, now) = not_known(RESEND_AFTER_MS);
    assert_eq!(waiting.put_off(now).attempts, waiting.attempts);
}
