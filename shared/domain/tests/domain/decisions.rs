//! Whether a code is redeemed now, and in which order the reasons against it are told.

use crate::sample;

use domain::{
    batch::{BatchState, Claim, Origin, RunState},
    code::Malformed,
    customer::{Redeemed, Window},
    identity::{CustomerId, RedemptionId},
    phone::Network,
    redemption::{Decision, Refusal, decide},
    settings::OtherNetworks,
    switches::Switches,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, plus},
};
use jiff::{Timestamp, civil::date};
use sample::{Moment, code_text, minutes, noon, phone};

fn refusal(moment: &Moment) -> Refusal {
    decide(&moment.facts()).expect_err("refused")
}

fn redeems(moment: &Moment) -> bool {
    match decide(&moment.facts()) {
        Ok(Decision::Redeem { code, payee }) => Some(code) == moment.code.as_ref() && *payee == moment.customer.phone,
        Ok(Decision::AskNumber) | Err(_) => false,
    }
}

fn claim(customer: &CustomerId) -> Claim {
    let redemption = RedemptionId::of("test", &code_text(sample::PRINTED), 1);
    Claim { redemption, customer: customer.clone(), at: noon() }
}

fn somebody_else() -> CustomerId {
    CustomerId::of(b"pepper", &phone("0788999999"))
}

fn redeemed_at(at: Timestamp) -> Redeemed {
    Redeemed { redemption: claim(&somebody_else()).redemption, amount: 5_000, at }
}

/// Makes one reason apply, and leaves the others as they are.
type Cause = fn(&mut Moment);

/// Every reason in the order in which it is told: whatever comes later is not told while an earlier one applies.
const IN_ORDER: [(&str, Cause); 18] = [
    ("maintenance", |m| m.settings.ussd.maintenance = true),
    ("paused", |m| m.switches.redemptions = false),
    ("too_many_attempts", |m| m.customer.blocked_until = Some(plus(m.now, 1))),
    ("unknown", |m| m.run().state = RunState::Staging),
    ("already_taken", |m| m.code().claim = Some(claim(&somebody_else()))),
    ("reported", |m| m.code().reported = true),
    ("blocked", |m| m.code().blocked = true),
    ("batch_not_active", |m| m.batch().state = BatchState::Blocked),
    ("expired", |m| m.batch().expires_at = m.now),
    ("number_cannot_receive", |m| {
        m.network = Network::Airtel;
        m.settings.payouts.other_networks = OtherNetworks::Refuse;
    }),
    ("limit_in_all", |m| {
        m.settings.redemption.in_all = Some(50);
        m.customer.redeemed_in_all = 50;
    }),
    ("other_batch", |m| {
        m.settings.redemption.several_batches = false;
        m.customer.first_batch = Some("batch-0".to_owned());
    }),
    ("amount_per_payout", |m| m.settings.payouts.most_per_payout = Some(4_999)),
    ("amount_per_month", |m| {
        m.settings.payouts.customer_per_month = Some(100_000);
        m.customer.redeemed_on = Some(date(2026, 11, 20));
        m.customer.amount_that_month = 95_001;
    }),
    ("day_limit", |m| {
        m.customer.redeemed_on = Some(date(2026, 11, 20));
        m.customer.redeemed_that_day = 20;
    }),
    ("amount_per_day", |m| {
        m.settings.payouts.customer_per_day = Some(100_000);
        m.customer.redeemed_on = Some(date(2026, 11, 20));
        m.customer.amount_that_day = 95_001;
    }),
    ("cooldown", |m| {
        m.settings.redemption.cooldown_minutes = 10;
        m.customer.recent = vec![redeemed_at(m.now)];
    }),
    ("", |_| {}),
];

// proves: RED-04, USD-04, USD-06
#[test]
fn reasons_are_told_in_one_order_and_limits_before_anything_about_the_code() {
    for (earlier, (name, cause)) in IN_ORDER.iter().enumerate() {
        let mut moment = Moment::redeemable();
        cause(&mut moment);
        let told = decide(&moment.facts()).map_or_else(|refusal| refusal.name(), |_| "");
        assert_eq!(told, *name);
        for (other, later) in &IN_ORDER[earlier + 1..] {
            let mut moment = Moment::redeemable();
            cause(&mut moment);
            later(&mut moment);
            // Somebody else's code that is reported says so, instead of that it is taken.
            let expected = if (*name, *other) == ("already_taken", "reported") { "reported" } else { name };
            assert_eq!(refusal_or_nothing(&moment), expected, "{name} before {other}");
        }
    }
}

fn refusal_or_nothing(moment: &Moment) -> &'static str {
    decide(&moment.facts()).map_or_else(|refusal| refusal.name(), |_| "")
}

// proves: RED-04
#[test]
fn a_good_code_of_a_live_run_redeems() {
    assert!(redeems(&Moment::redeemable()));
    let mut imported = Moment::redeemable();
    imported.typed = code_text("KARIBU2026");
    imported.code().text = imported.typed.clone();
    imported.code().origin = Origin::Imported;
    assert!(redeems(&imported));
    let mut reversed = Moment::redeemable();
    reversed.code().generation = 2;
    assert!(redeems(&reversed));
}

// proves: USD-04
#[test]
fn what_nobody_may_know_of_is_unknown() {
    let causes: [Cause; 6] = [
        |m| m.code = None,
        |m| m.run = None,
        |m| m.batch = None,
        |m| m.run().state = RunState::Staging,
        |m| m.code().deleted = true,
        |m| {
            m.code().deleted = true;
            m.code().claim = Some(claim(&m.customer.id.clone()));
        },
    ];
    for cause in causes {
        let mut moment = Moment::redeemable();
        cause(&mut moment);
        assert_eq!(refusal(&moment), Refusal::Unknown);
    }
    // A code that is being made tells no more of itself when it is blocked, reported or expired.
    for later in [4, 5, 6, 7, 8] {
        let mut moment = Moment::redeemable();
        moment.run().state = RunState::Staging;
        IN_ORDER[later].1(&mut moment);
        assert_eq!(refusal(&moment), Refusal::Unknown);
    }
}

// proves: USD-04, COD-02
#[test]
fn an_unknown_text_that_can_not_be_printed_by_us_is_malformed() {
    let cases = [
        ("7K3M-9A26-CE11-XH05", Refusal::Unknown),
        ("7K3M-9A26-CE11-XHO5", Refusal::Unknown),
        ("7K3M-9A26-CE13-XH05", Refusal::Malformed(Malformed::DatePart)),
        ("KARIBU2026", Refusal::Malformed(Malformed::Length(10))),
        ("7K3M-9A26-CE11-XH055", Refusal::Malformed(Malformed::Length(17))),
    ];
    for (typed, expected) in cases {
        let mut moment = Moment::redeemable();
        moment.typed = code_text(typed);
        moment.code = None;
        assert_eq!(refusal(&moment), expected, "{typed}");
    }
}

// proves: USD-04
#[test]
fn a_used_code_says_whether_it_was_you() {
    let mut moment = Moment::redeemable();
    let own = claim(&moment.customer.id);
    moment.code().claim = Some(own.clone());
    let yours = Refusal::AlreadyYours { redemption: own.redemption, at: own.at };
    assert_eq!(refusal(&moment), yours);
    for (_, later) in IN_ORDER.iter().skip(5) {
        later(&mut moment);
        assert_eq!(refusal(&moment), yours, "one's own result is told whatever happened to the code since");
    }
    moment.code().claim = Some(claim(&somebody_else()));
    moment.code().reported = false;
    assert_eq!(refusal(&moment), Refusal::AlreadyTaken);
}

// proves: USD-04
#[test]
fn a_code_redeems_only_while_its_batch_is_active() {
    let expired = Refusal::Expired { on: date(2027, 1, 1) };
    let cases = [
        (BatchState::Active, None),
        (BatchState::Generating, Some(Refusal::BatchNotActive)),
        (BatchState::Blocked, Some(Refusal::BatchNotActive)),
        (BatchState::Completed, Some(Refusal::BatchNotActive)),
        (BatchState::Archived, Some(Refusal::BatchNotActive)),
        (BatchState::Expired, Some(expired)),
    ];
    for (state, expected) in cases {
        let mut moment = Moment::redeemable();
        moment.batch().state = state;
        assert_eq!(decide(&moment.facts()).err(), expected, "{state:?}");
    }
}

// proves: USD-04
#[test]
fn a_code_expires_in_the_very_millisecond_and_grace_in_its_own() {
    for grace_hours in [0, 1, 48] {
        let mut moment = Moment::redeemable();
        moment.settings.redemption.grace_hours = grace_hours;
        let ends = plus(moment.batch().expires_at, i64::from(grace_hours) * HOUR_MS);
        moment.now = plus(ends, -1);
        assert!(redeems(&moment), "{grace_hours} hours of grace");
        moment.now = ends;
        // 22:00 UTC is midnight in Kigali: the day is told in Kigali's calendar.
        assert_eq!(refusal(&moment), Refusal::Expired { on: date(2027, 1, 1) });
    }
    let mut forever = Moment::redeemable();
    forever.settings.redemption.grace_hours = u32::MAX;
    forever.now = plus(forever.now, 300 * 365 * DAY_MS);
    assert!(redeems(&forever), "no overflow");
}

// proves: USD-04, USD-11
#[test]
fn only_mtn_numbers_can_receive() {
    for network in [Network::Airtel, Network::Ktrn] {
        let mut moment = Moment::redeemable();
        moment.network = network;
        moment.settings.payouts.other_networks = OtherNetworks::Refuse;
        assert_eq!(refusal(&moment), Refusal::NumberCannotReceive);
        moment.named = Some(phone("0789654321"));
        assert_eq!(refusal(&moment), Refusal::NumberCannotReceive, "whatever is named");
    }
}

// proves: USD-11
#[test]
fn another_network_is_asked_for_a_number_or_paid_by_the_second_rail_as_the_settings_say() {
    let payee = |network, setting, named: Option<&str>| {
        let mut moment = Moment::redeemable();
        moment.network = network;
        moment.settings.payouts.other_networks = setting;
        moment.named = named.map(phone);
        match decide(&moment.facts()).expect("nothing speaks against it") {
            Decision::Redeem { payee, .. } => Some(payee.local()),
            Decision::AskNumber => None,
        }
    };
    let own = Some("0788123456".to_owned());
    for network in [Network::Airtel, Network::Ktrn] {
        assert_eq!(payee(network, OtherNetworks::AskNumber, None), None);
        assert_eq!(payee(network, OtherNetworks::AskNumber, Some("0789654321")), Some("0789654321".to_owned()));
        assert_eq!(payee(network, OtherNetworks::AskNumber, Some("0722654321")), None, "no number of MTN's");
        assert_eq!(payee(network, OtherNetworks::SecondRail, None), own);
        let changed = payee(network, OtherNetworks::SecondRail, Some("0789654321"));
        assert_eq!(changed, Some("0789654321".to_owned()), "named before the setting changed");
    }
    for setting in [OtherNetworks::AskNumber, OtherNetworks::SecondRail, OtherNetworks::Refuse] {
        assert_eq!(payee(Network::Mtn, setting, None), own);
        assert_eq!(payee(Network::Mtn, setting, Some("0789654321")), own, "on MTN nobody else is paid");
    }
}

// proves: USD-11
#[test]
fn a_number_is_asked_for_only_when_nothing_else_speaks_against_the_code() {
    for (name, cause) in IN_ORDER.iter().filter(|(name, _)| !["", "number_cannot_receive"].contains(name)) {
        let mut moment = Moment::redeemable();
        moment.network = Network::Airtel;
        cause(&mut moment);
        assert_eq!(refusal_or_nothing(&moment), *name);
    }
}

// proves: RED-04
#[test]
fn the_limit_of_a_day_ends_with_the_day_in_kigali() {
    let mut moment = Moment::redeemable();
    moment.settings.redemption.per_day = Some(2);
    moment.customer.redeemed_on = Some(date(2026, 11, 20));
    moment.customer.redeemed_that_day = 1;
    assert!(redeems(&moment));
    moment.customer.redeemed_that_day = 2;
    assert_eq!(refusal(&moment), Refusal::DayLimit { again_on: date(2026, 11, 21) });
    let midnight: Timestamp = "2026-11-20T22:00:00Z".parse().expect("a time");
    moment.now = plus(midnight, -1);
    assert_eq!(refusal(&moment), Refusal::DayLimit { again_on: date(2026, 11, 21) });
    moment.now = midnight;
    assert!(redeems(&moment));
    moment.settings.redemption.per_day = Some(0);
    assert_eq!(refusal(&moment), Refusal::DayLimit { again_on: date(2026, 11, 22) });
    moment.settings.redemption.per_day = None;
    moment.customer.redeemed_on = Some(date(2026, 11, 21));
    moment.customer.redeemed_that_day = 10_000;
    assert!(redeems(&moment), "no limit is set");
}

// proves: RED-04
#[test]
fn the_limit_in_all_holds_for_ever() {
    let mut moment = Moment::redeemable();
    moment.customer.redeemed_in_all = 3;
    assert!(redeems(&moment), "none is set");
    moment.settings.redemption.in_all = Some(4);
    assert!(redeems(&moment));
    moment.settings.redemption.in_all = Some(3);
    moment.now = plus(moment.now, 30 * DAY_MS);
    assert_eq!(refusal(&moment), Refusal::LimitInAll);
}

// proves: RED-04
#[test]
fn the_cooldown_counts_from_the_last_redemption_to_the_millisecond() {
    let mut moment = Moment::redeemable();
    moment.settings.redemption.cooldown_minutes = 10;
    assert!(redeems(&moment), "nothing was redeemed before");
    moment.customer.recent = vec![redeemed_at(noon()), redeemed_at(minutes(-60))];
    moment.now = plus(minutes(10), -1);
    assert_eq!(refusal(&moment), Refusal::Cooldown { until: minutes(10) });
    moment.now = minutes(10);
    assert!(redeems(&moment));
    moment.settings.redemption.cooldown_minutes = 0;
    moment.now = noon();
    assert!(redeems(&moment));
}

#[test]
fn a_clock_that_is_a_little_behind_makes_no_cooldown_where_none_is_set() {
    let mut moment = Moment::redeemable();
    moment.customer.recent = vec![redeemed_at(plus(moment.now, 5))];
    assert!(redeems(&moment));
}

// proves: USD-06
#[test]
fn a_phone_that_has_used_up_its_minute_hour_or_day_waits_for_its_end() {
    let since = minutes(-1_439);
    let cases: [(Cause, i64); 3] = [
        (|m| m.customer.minute = Some(Window { since: m.now, used: 5 }), MINUTE_MS),
        (|m| m.customer.hour = Some(Window { since: m.now, used: 30 }), HOUR_MS),
        (|m| m.customer.day = Some(Window { since: m.now, used: 100 }), DAY_MS),
    ];
    for (cause, length) in cases {
        let mut moment = Moment::redeemable();
        moment.now = since;
        cause(&mut moment);
        let until = plus(since, length);
        assert_eq!(refusal(&moment), Refusal::TooManyAttempts { until });
        moment.now = plus(until, -1);
        assert_eq!(refusal(&moment), Refusal::TooManyAttempts { until });
        moment.now = until;
        assert!(redeems(&moment));
        for window in
            [&mut moment.customer.minute, &mut moment.customer.hour, &mut moment.customer.day].into_iter().flatten()
        {
            window.used -= 1;
        }
        moment.now = since;
        assert!(redeems(&moment), "one attempt is left");
    }
}

// proves: USD-06
#[test]
fn of_several_limits_the_longest_is_told() {
    let mut moment = Moment::redeemable();
    moment.customer.minute = Some(Window { since: noon(), used: 9 });
    moment.customer.hour = Some(Window { since: noon(), used: 90 });
    moment.customer.blocked_until = Some(minutes(15));
    assert_eq!(refusal(&moment), Refusal::TooManyAttempts { until: minutes(60) });
    moment.customer.blocked_until = Some(minutes(90));
    assert_eq!(refusal(&moment), Refusal::TooManyAttempts { until: minutes(90) });
}

#[test]
fn switches_fail_closed() {
    let on = Switches::all_on("blue");
    assert_eq!(Switches::in_force(Some(on.clone()), "blue"), on);
    for row in [None, Some(Switches::all_on("green"))] {
        let off = Switches::in_force(row, "blue");
        assert!(!off.payouts && !off.redemptions && !off.sms);
        let mut moment = Moment::redeemable();
        moment.switches = off;
        assert_eq!(refusal(&moment), Refusal::Paused);
    }
}
