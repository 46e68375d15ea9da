//! What is written when a code is redeemed, and what an attempt costs when it is not.

use crate::sample;

use domain::{
    audit::Class,
    customer::{Customer, RECENT, Window},
    identity::RedemptionId,
    payout::State,
    phone::Network,
    redemption::{Commit, Decision, Origins, Refusal, charged, decide},
    time::{HOUR_MS, MINUTE_MS, SECOND_MS, plus},
};
use jiff::civil::date;
use sample::{ENVIRONMENT, Moment, code_text, every_refusal, minutes, noon};

const ORIGINS: Origins<'_> = Origins { environment: ENVIRONMENT, session: "ATUid_1", address: Some("192.0.2.1") };

fn redeem(moment: &Moment) -> Commit {
    let facts = moment.facts();
    let Ok(Decision::Redeem { code, payee }) = decide(&facts) else { panic!("redeemable") };
    Commit::new(&facts, code, payee, ORIGINS)
}

fn refused(moment: &Moment, refusal: &Refusal) -> Option<Customer> {
    charged(&moment.facts(), refusal, "ATUid_1", "the words")
}

// proves: PAY-02
#[test]
fn a_redemption_writes_code_customer_and_payout_one_version_further() {
    let mut moment = Moment::redeemable();
    moment.customer.version = 7;
    moment.code().generation = 2;
    let commit = redeem(&moment);
    let id = RedemptionId::of(ENVIRONMENT, &code_text(sample::PRINTED), 2);
    assert_eq!(commit.code.version, 4);
    assert_eq!(commit.customer.version, 8);
    assert_eq!(commit.payout.version, 1);
    assert_eq!((&commit.redemption.id, &commit.payout.id), (&id, &id));
    let claim = commit.code.claim.expect("claimed");
    assert_eq!((claim.redemption, claim.customer, claim.at), (id, moment.customer.id.clone(), noon()));
    assert_eq!(commit.redemption.generation, 2);
    assert_eq!(commit.payout.generation, 2);
    assert_eq!(commit.redemption.actor, "ussd");
    assert_eq!(commit.redemption.session, "ATUid_1");
    assert_eq!(redeem(&moment).payout, commit.payout, "made again it comes out the same");
}

// proves: PAY-02
#[test]
fn the_payout_is_for_the_callers_own_number_and_the_codes_amount() {
    let mut moment = Moment::redeemable();
    moment.code().money = sample::francs(12_000);
    let payout = redeem(&moment).payout;
    assert_eq!(payout.payee, moment.customer.phone);
    assert_eq!(payout.money.to_string(), "12,000 RWF");
    assert_eq!(payout.state, State::Queued { due_at: plus(noon(), 90 * SECOND_MS) });
    assert!(payout.attempts.is_empty() && payout.lease_until.is_none() && payout.claims == 0);
    assert_eq!(payout.shown_at(), Some(plus(noon(), 90 * SECOND_MS)));
}

// proves: USD-11
#[test]
fn the_payout_is_for_the_named_number_and_the_entry_shows_it_masked() {
    let mut moment = Moment::redeemable();
    moment.network = Network::Airtel;
    moment.named = Some(sample::phone("0789654321"));
    let commit = redeem(&moment);
    assert_eq!(Some(&commit.payout.payee), moment.named.as_ref());
    assert_eq!(commit.customer.phone, moment.customer.phone, "the customer stays who called");
    let payee = commit.audit.changes.iter().find(|change| change.field == "payee").expect("in the log");
    assert_eq!(payee.after.as_deref(), Some("07*****321"));
    assert!(!serde_json::to_string(&commit.audit).expect("an entry is JSON").contains("789654321"));
}

#[test]
fn a_payout_that_needs_a_second_person_begins_with_waiting_for_one() {
    let mut moment = Moment::redeemable();
    moment.settings.payouts.approve_above = Some(4_999);
    let commit = redeem(&moment);
    assert_eq!(commit.payout.state, State::AwaitingApproval { due_at: plus(noon(), 24 * HOUR_MS) });
    let entry = commit.audit.changes.iter().find(|change| change.field == "payout").expect("in the log");
    assert_eq!(entry.after.as_deref(), Some("awaiting_approval"));
    moment.settings.payouts.approve_above = Some(5_000);
    assert_eq!(redeem(&moment).payout.state.name(), "queued", "above the mark only");
    moment.settings.payouts.approve_all = true;
    assert_eq!(redeem(&moment).payout.state.name(), "awaiting_approval");
}

// proves: RED-04, USD-12
#[test]
fn the_customer_counts_the_redemption_and_is_untold_until_told() {
    let mut moment = Moment::redeemable();
    moment.customer.redeemed_on = Some(date(2026, 11, 19));
    moment.customer.redeemed_that_day = 19;
    moment.customer.redeemed_in_all = 40;
    let commit = redeem(&moment);
    let customer = commit.customer;
    assert_eq!(customer.redeemed_on, Some(date(2026, 11, 20)));
    assert_eq!(customer.redeemed_that_day, 1, "another day begins");
    assert_eq!(customer.redeemed_in_all, 41);
    let untold = customer.untold.expect("not told yet");
    assert_eq!((untold.session.as_str(), untold.at), ("ATUid_1", noon()));
    assert_eq!(untold.redeemed.as_ref(), customer.recent.first());
    assert_eq!(untold.redeemed.expect("redeemed").redemption, commit.redemption.id);
}

// proves: RED-04
#[test]
fn the_last_five_redemptions_are_kept_newest_first_and_counted_all() {
    let mut moment = Moment::redeemable();
    for count in 0..12 {
        moment.now = minutes(2 * count);
        moment.customer = redeem(&moment).customer;
    }
    assert_eq!(moment.customer.recent.len(), RECENT);
    let times: Vec<_> = moment.customer.recent.iter().map(|redeemed| redeemed.at).collect();
    assert_eq!(times, [22, 20, 18, 16, 14].map(minutes));
    assert_eq!((moment.customer.redeemed_that_day, moment.customer.redeemed_in_all), (12, 12));
}

// proves: USD-06
#[test]
fn a_redemption_is_an_attempt_of_its_minute_hour_and_day() {
    let customer = redeem(&Moment::redeemable()).customer;
    let first = Some(Window { since: noon(), used: 1 });
    assert_eq!((customer.minute, customer.hour, customer.day), (first, first, first));
    let mut moment = Moment::redeemable();
    for second in 0..5 {
        moment.now = plus(noon(), second * SECOND_MS);
        moment.customer = redeem(&moment).customer;
    }
    assert_eq!(moment.customer.blocked_until, None, "who wins five times waits for the minute only");
    let refusal = decide(&moment.facts()).expect_err("the sixth in a minute");
    assert_eq!(refusal, Refusal::TooManyAttempts { until: minutes(1) });
}

#[test]
fn the_entry_of_a_redemption_names_who_and_what_and_holds_no_code_or_number() {
    let commit = redeem(&Moment::redeemable());
    let audit = &commit.audit;
    assert_eq!((audit.class, audit.action.as_str()), (Class::Money, "redemption.create"));
    assert_eq!(audit.actor, format!("customer:{}", commit.customer.id.as_str()));
    assert_eq!(audit.entity, format!("redemption:{}", commit.redemption.id));
    assert_eq!((audit.session.as_deref(), audit.address.as_deref()), (Some("ATUid_1"), Some("192.0.2.1")));
    let fields: Vec<&str> = audit.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["code", "amount", "batch", "payout"]);
    let written = serde_json::to_string(audit).expect("an entry is JSON");
    for secret in ["7K3M9A26CE11XH05", sample::PRINTED, "788123456"] {
        assert!(!written.contains(secret), "{written}");
        assert!(!format!("{commit:?}").contains(secret), "nor does a debug print of everything");
    }
}

/// How many attempts a refusal costs by default; a new refusal has to be given its price here.
fn price(refusal: &Refusal) -> u32 {
    match refusal {
        Refusal::Maintenance | Refusal::Paused | Refusal::TooManyAttempts { .. } => 0,
        Refusal::Malformed(_) | Refusal::Unknown => 2,
        Refusal::Expired { .. }
        | Refusal::Blocked
        | Refusal::Reported
        | Refusal::BatchNotActive
        | Refusal::AlreadyYours { .. }
        | Refusal::AlreadyTaken
        | Refusal::DayLimit { .. }
        | Refusal::LimitInAll
        | Refusal::OtherBatch
        | Refusal::AmountPerPayout
        | Refusal::AmountPerDay { .. }
        | Refusal::AmountPerMonth { .. }
        | Refusal::Cooldown { .. }
        | Refusal::NumberCannotReceive => 1,
    }
}

// proves: USD-06, USD-12
#[test]
fn a_guess_costs_two_attempts_a_refusal_one_and_our_own_pause_nothing() {
    let mut moment = Moment::redeemable();
    moment.customer.version = 4;
    for refusal in every_refusal() {
        let after = refused(&moment, &refusal);
        match price(&refusal) {
            0 => assert_eq!(after, None, "{}", refusal.name()),
            used => {
                let after = after.expect("charged");
                let window = Some(Window { since: noon(), used });
                assert_eq!((after.minute, after.hour, after.day), (window, window, window));
                assert_eq!(after.version, 5);
                let untold = after.untold.expect("not told yet");
                assert_eq!((untold.words.as_str(), untold.redeemed), ("the words", None));
                assert_eq!((after.redeemed_in_all, after.recent.len()), (0, 0), "nothing was redeemed");
            }
        }
    }
}

// proves: USD-06
#[test]
fn guesses_shut_a_phone_out_for_the_block_time_and_waiting_costs_nothing() {
    let mut moment = Moment::redeemable();
    moment.code = None;
    let mut guesses = 0;
    let until = loop {
        let refusal = decide(&moment.facts()).expect_err("no such code");
        if let Refusal::TooManyAttempts { until } = refusal {
            break until;
        }
        moment.customer = refused(&moment, &refusal).expect("charged");
        guesses += 1;
        moment.now = plus(moment.now, 10 * SECOND_MS);
    };
    assert_eq!(guesses, 3, "three guesses of weight two use up five attempts");
    assert_eq!(until, plus(minutes(15), 20 * SECOND_MS), "a quarter of an hour after the third");
    let shut_out = moment.customer.clone();
    while moment.now < until {
        let refusal = decide(&moment.facts()).expect_err("shut out");
        assert_eq!(refusal, Refusal::TooManyAttempts { until }, "nobody can prolong it by trying");
        assert_eq!(refused(&moment, &refusal), None);
        moment.now = plus(moment.now, MINUTE_MS);
    }
    assert_eq!(moment.customer, shut_out);
    assert_eq!(decide(&moment.facts()), Err(Refusal::Unknown));
}

// proves: USD-06
#[test]
fn the_limits_are_what_the_settings_say() {
    let mut moment = Moment::redeemable();
    moment.code = None;
    let limits = &mut moment.settings.ussd.attempts;
    (limits.per_minute, limits.per_hour, limits.per_day) = (10, 10, 10);
    (limits.failed_weight, limits.block_minutes) = (5, 60);
    moment.customer = refused(&moment, &Refusal::Unknown).expect("charged");
    assert_eq!(decide(&moment.facts()), Err(Refusal::Unknown));
    moment.customer = refused(&moment, &Refusal::Unknown).expect("charged");
    let until = plus(noon(), 24 * HOUR_MS);
    assert_eq!(decide(&moment.facts()), Err(Refusal::TooManyAttempts { until }), "the day's limit is the longest");
    assert_eq!(moment.customer.blocked_until, Some(minutes(60)));
}

// proves: USD-06
#[test]
fn a_window_begins_with_its_first_attempt_and_ends_its_length_later() {
    let mut moment = Moment::redeemable();
    let mut attempt = |at| {
        moment.now = at;
        moment.customer = refused(&moment, &Refusal::AlreadyTaken).expect("charged");
        moment.customer.clone()
    };
    attempt(noon());
    let second = attempt(plus(minutes(1), -1));
    assert_eq!(second.minute, Some(Window { since: noon(), used: 2 }));
    let third = attempt(minutes(1));
    assert_eq!(third.minute, Some(Window { since: minutes(1), used: 1 }));
    assert_eq!(third.hour, Some(Window { since: noon(), used: 3 }));
    let behind = attempt(minutes(-5));
    assert_eq!(behind.hour, Some(Window { since: noon(), used: 4 }), "a clock set back opens no second window");
}

#[test]
fn a_customer_survives_storing() {
    let customer = redeem(&Moment::redeemable()).customer;
    let stored = serde_json::to_string(&customer).expect("a customer is JSON");
    assert_eq!(serde_json::from_str::<Customer>(&stored).ok(), Some(customer));
}

#[test]
fn a_customer_of_an_older_version_has_redeemed_no_amount_and_no_batch() {
    let mut stored = serde_json::to_value(sample::customer()).expect("a customer is JSON");
    let fields = stored.as_object_mut().expect("an object");
    for newer in ["amount_that_day", "amount_that_month", "first_batch"] {
        assert!(fields.remove(newer).is_some(), "{newer}");
    }
    assert_eq!(serde_json::from_value::<Customer>(stored).ok(), Some(sample::customer()));
}
