//! What one customer may redeem of money and of batches, judged before the claim.

use crate::sample;

use domain::{
    redemption::{Commit, Decision, Origins, Refusal, decide},
    time::{DAY_MS, HOUR_MS, plus},
};
use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use sample::{ENVIRONMENT, Moment, francs, noon};

fn redeem(moment: &mut Moment) -> Result<(), Refusal> {
    let facts = moment.facts();
    let Decision::Redeem { code, payee } = decide(&facts)? else { panic!("on MTN") };
    let origins = Origins { environment: ENVIRONMENT, session: "s1", address: None };
    moment.customer = Commit::new(&facts, code, payee, origins).customer;
    Ok(())
}

fn worth(amount: u64) -> Moment {
    let mut moment = Moment::redeemable();
    moment.code().money = francs(amount);
    moment.settings.ussd.attempts.per_minute = 1_000;
    moment.settings.ussd.attempts.per_hour = 1_000;
    moment.settings.ussd.attempts.per_day = 1_000;
    moment.settings.redemption.per_day = None;
    moment
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

// proves: RED-04
#[test]
fn a_code_of_more_than_any_payout_day_or_month_may_be_is_refused_without_a_date() {
    let set: [fn(&mut Moment, u64); 3] = [
        |m, most| m.settings.payouts.most_per_payout = Some(most),
        |m, most| m.settings.payouts.customer_per_day = Some(most),
        |m, most| m.settings.payouts.customer_per_month = Some(most),
    ];
    for set in set {
        let mut moment = worth(10_000);
        set(&mut moment, 9_999);
        assert_eq!(redeem(&mut moment), Err(Refusal::AmountPerPayout), "waiting would not help");
        set(&mut moment, 10_000);
        assert_eq!(redeem(&mut moment), Ok(()));
    }
}

// proves: RED-04
#[test]
fn a_customers_day_of_money_ends_with_the_day_in_kigali() {
    let mut moment = worth(10_000);
    moment.settings.payouts.customer_per_day = Some(25_000);
    assert_eq!((redeem(&mut moment), redeem(&mut moment)), (Ok(()), Ok(())));
    let refusal = Refusal::AmountPerDay { again_on: date(2026, 11, 21) };
    assert_eq!(redeem(&mut moment), Err(refusal.clone()));
    moment.code().money = francs(5_000);
    assert_eq!(redeem(&mut moment), Ok(()), "up to the limit itself");
    moment.code().money = francs(1);
    assert_eq!(redeem(&mut moment), Err(refusal.clone()));
    let midnight = time("2026-11-20T22:00:00Z");
    moment.now = plus(midnight, -1);
    assert_eq!(redeem(&mut moment), Err(refusal));
    moment.now = midnight;
    assert_eq!(redeem(&mut moment), Ok(()));
    assert_eq!((moment.customer.amount_that_day, moment.customer.amount_that_month), (1, 25_001));
}

// proves: RED-04
#[test]
fn a_customers_month_of_money_ends_with_the_month_and_is_told_before_the_day() {
    let mut moment = worth(10_000);
    moment.batch().expires_at = time("2030-01-01T00:00:00Z");
    moment.settings.payouts.customer_per_day = Some(20_000);
    moment.settings.payouts.customer_per_month = Some(30_000);
    for _ in 0..3 {
        assert_eq!(redeem(&mut moment), Ok(()));
        moment.now = plus(moment.now, DAY_MS);
    }
    let refusal = Refusal::AmountPerMonth { again_on: date(2026, 12, 1) };
    assert_eq!(redeem(&mut moment), Err(refusal.clone()));
    moment.customer.amount_that_day = 20_000;
    moment.customer.redeemed_on = Some(date(2026, 11, 23));
    assert_eq!(redeem(&mut moment), Err(refusal), "the one that lasts longer");
    moment.now = time("2026-11-30T22:00:00Z");
    assert_eq!(redeem(&mut moment), Ok(()), "December in Kigali");
    assert_eq!(moment.customer.amount_that_month, 10_000);
    // The same month of another year is another month, and after December comes January.
    moment.now = time("2027-12-31T10:00:00Z");
    moment.customer.redeemed_on = Some(date(2026, 12, 31));
    moment.customer.amount_that_month = 30_000;
    assert_eq!(redeem(&mut moment), Ok(()));
    moment.customer.amount_that_month = 30_000;
    assert_eq!(redeem(&mut moment), Err(Refusal::AmountPerMonth { again_on: date(2028, 1, 1) }));
}

#[test]
fn amounts_beyond_counting_stay_at_the_most() {
    let mut moment = worth(10_000);
    moment.settings.payouts.customer_per_month = Some(u64::MAX - 1);
    moment.customer.redeemed_on = Some(date(2026, 11, 20));
    moment.customer.amount_that_month = u64::MAX - 5;
    assert_eq!(redeem(&mut moment), Err(Refusal::AmountPerMonth { again_on: date(2026, 12, 1) }));
    moment.settings.payouts.customer_per_month = None;
    assert_eq!(redeem(&mut moment), Ok(()));
    assert_eq!(moment.customer.amount_that_month, u64::MAX);
}

// proves: RED-04
#[test]
fn where_one_batch_is_allowed_the_first_code_chooses_it() {
    let mut moment = worth(10_000);
    moment.settings.redemption.several_batches = false;
    assert_eq!(redeem(&mut moment), Ok(()));
    assert_eq!(moment.customer.first_batch.as_deref(), Some("batch-1"));
    assert_eq!(redeem(&mut moment), Ok(()), "more of the same");
    moment.code().batch_id = "batch-2".to_owned();
    assert_eq!(redeem(&mut moment), Err(Refusal::OtherBatch));
    moment.now = plus(moment.now, 30 * DAY_MS);
    assert_eq!(redeem(&mut moment), Err(Refusal::OtherBatch), "no waiting helps");
    moment.settings.redemption.several_batches = true;
    assert_eq!(redeem(&mut moment), Ok(()));
    assert_eq!(moment.customer.first_batch.as_deref(), Some("batch-1"), "the first one stays");
}

proptest! {
    #![proptest_config(sample::cases(256))]

    // proves: RED-04
    #[test]
    fn no_order_of_codes_and_hours_passes_a_limit(
        codes in prop::collection::vec((1..40_000u64, 0..30i64), 1..60),
        per_day in 1..60_000u64,
        more in 0..200_000u64,
    ) {
        let mut moment = worth(1);
        moment.batch().expires_at = time("2030-01-01T00:00:00Z");
        moment.settings.payouts.customer_per_day = Some(per_day);
        moment.settings.payouts.customer_per_month = Some(per_day + more);
        let mut redeemed: Vec<(Timestamp, u64)> = Vec::new();
        moment.now = noon();
        for (amount, hours) in codes {
            moment.code().money = francs(amount);
            moment.now = plus(moment.now, hours * HOUR_MS);
            if redeem(&mut moment).is_ok() {
                redeemed.push((moment.now, amount));
            }
            let today = domain::time::day(moment.now, &moment.settings.zone());
            let sum = |same: &dyn Fn(jiff::civil::Date) -> bool| -> u64 {
                let day = |at| domain::time::day(at, &moment.settings.zone());
                redeemed.iter().filter(|(at, _)| same(day(*at))).map(|(_, amount)| amount).sum()
            };
            prop_assert!(sum(&|day| day == today) <= per_day);
            prop_assert!(sum(&|day| day.first_of_month() == today.first_of_month()) <= per_day + more);
        }
    }
}
