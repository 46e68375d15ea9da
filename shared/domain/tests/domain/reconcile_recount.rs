//! Counters that went astray, and what puts them right.

use crate::{
    reconcile_ledger::DAY,
    sample::{cases, noon},
};
use domain::{
    reconcile::{APART_MS, Correction, Counters, Drift, NotYet, Place, drift_note, drifts},
    time::plus,
};
use jiff::civil::Date;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn place(batch: &str, shard: u8) -> Place {
    Place { day: DAY, batch: batch.to_owned(), shard }
}

fn tomorrow() -> Date {
    DAY.tomorrow().expect("a day")
}

fn counters(redeemed: u64, paid: u64) -> Counters {
    let mut counters = Counters::default();
    (0..redeemed).for_each(|_| counters.redeem(5_000));
    (0..paid).for_each(|_| counters.pay(5_000));
    counters
}

fn drift(counted: Counters, recounted: Counters) -> Drift {
    Drift { place: place("b", 3), at: noon(), counted, recounted }
}

fn later(drift: &Drift, milliseconds: i64) -> Drift {
    Drift { at: plus(drift.at, milliseconds), ..drift.clone() }
}

// proves: REC-04
#[test]
fn a_recount_finds_every_row_that_differs_and_no_other() {
    let counted = BTreeMap::from([
        (place("a", 0), counters(2, 1)),
        (place("a", 1), counters(3, 3)),
        (place("b", 0), counters(1, 0)),
        (place("b", 1), Counters::default()),
    ]);
    let recounted = BTreeMap::from([
        (place("a", 0), counters(2, 1)),
        (place("a", 1), counters(4, 2)),
        (place("c", 0), counters(1, 1)),
    ]);
    let found = drifts(&counted, &recounted, noon());
    let expected = [
        (place("a", 1), counters(3, 3), counters(4, 2)),
        (place("b", 0), counters(1, 0), counters(0, 0)),
        (place("c", 0), counters(0, 0), counters(1, 1)),
    ];
    assert_eq!(found, expected.map(|(place, counted, recounted)| Drift { place, at: noon(), counted, recounted }));
    assert_eq!(drifts(&counted, &counted, noon()), []);
}

// proves: REC-04
#[test]
fn a_correction_is_what_to_add_after_two_equal_recounts_of_a_day_that_is_over() {
    let first = drift(counters(3, 3), counters(4, 2));
    let second = later(&first, APART_MS);
    let step = Correction { redeemed: 1, redeemed_amount: 5_000, paid: -1, paid_amount: -5_000 };
    assert_eq!(second.correction(&first, tomorrow()), Ok(step));
    let names: Vec<&str> = step.parts().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["redeemed", "redeemed_amount", "paid", "paid_amount"], "as the table has them");
}

// proves: REC-04
#[test]
fn counters_that_may_still_move_are_left_alone() {
    let first = drift(counters(3, 3), counters(4, 2));
    let second = later(&first, APART_MS);
    let of = |second: &Drift, today: Date| second.correction(&first, today).expect_err("not now");
    assert_eq!(of(&second, DAY), NotYet::OpenDay(DAY));
    assert_eq!(of(&second, DAY.yesterday().expect("a day")), NotYet::OpenDay(DAY), "a clock that runs behind");
    assert_eq!(of(&later(&first, APART_MS - 1), tomorrow()), NotYet::TooSoon);
    assert_eq!(first.correction(&second, tomorrow()), Err(NotYet::TooSoon), "the other way round");
    assert_eq!(of(&Drift { counted: counters(3, 2), ..second.clone() }, tomorrow()), NotYet::Moved);
    assert_eq!(of(&Drift { recounted: counters(4, 3), ..second.clone() }, tomorrow()), NotYet::Moved);
    assert_eq!(of(&Drift { place: place("b", 4), ..second }, tomorrow()), NotYet::OtherRow);
    let right = drift(counters(1, 1), counters(1, 1));
    assert_eq!(later(&right, APART_MS).correction(&right, tomorrow()), Err(NotYet::Nothing));
}

// proves: REC-04
#[test]
fn a_difference_beyond_all_sense_is_for_a_person() {
    let huge = |amount: u64| Counters { redeemed_amount: amount, ..Counters::default() };
    let of = |counted: u64, recounted: u64| {
        let first = drift(huge(counted), huge(recounted));
        later(&first, APART_MS).correction(&first, tomorrow()).map(|step| step.redeemed_amount)
    };
    let most = u64::try_from(i64::MAX).expect("not negative");
    assert_eq!(of(0, most), Ok(i64::MAX));
    assert_eq!(of(most + 1, 0), Ok(i64::MIN));
    assert_eq!(of(0, most + 1), Err(NotYet::TooLarge));
    assert_eq!(of(u64::MAX, 0), Err(NotYet::TooLarge));
    let mut full = Counters { redeemed_amount: u64::MAX - 1, paid: u64::MAX, ..Counters::default() };
    full.redeem(5_000);
    full.pay(1);
    assert_eq!((full.redeemed_amount, full.paid), (u64::MAX, u64::MAX), "nor does counting wrap around");
}

// proves: REC-04
#[test]
fn the_alert_of_a_drift_names_day_batch_shard_and_both_numbers() {
    let all: Vec<Drift> = (0..7)
        .map(|shard| Drift { place: place("0190b", shard), ..drift(counters(1_000, 3), counters(1_001, 3)) })
        .collect();
    let corrected = drift_note(&all, true).expect("an alert");
    let begins = "Counters do not say what the records say. 20/11/2026, batch 0190b, shard 0: redeemed 1,000 instead of \
                  1,001, redeemed amount 5,000,000 instead of 5,005,000; 20/11/2026, batch 0190b, shard 1:";
    assert!(corrected.starts_with(begins), "{corrected}");
    assert!(corrected.contains("shard 4") && !corrected.contains("shard 5") && corrected.contains("; and 2 more."));
    assert!(corrected.ends_with("They were put right by what was missing; find out who lost it."), "{corrected}");
    let waiting = drift_note(&all, false).expect("an alert");
    assert!(waiting.contains("Nothing was changed"), "{waiting}");
    assert_eq!(drift_note(&[], true), None);
}

fn any_counters() -> impl Strategy<Value = Counters> {
    let number = 0..=1_000_000_000u64;
    (number.clone(), number.clone(), number.clone(), number).prop_map(
        |(redeemed, redeemed_amount, paid, paid_amount)| Counters { redeemed, redeemed_amount, paid, paid_amount },
    )
}

proptest! {
    #![proptest_config(cases(256))]

    // proves: REC-04
    #[test]
    fn what_is_added_makes_the_counters_say_what_the_records_say(counted in any_counters(), recounted in any_counters()) {
        let first = drift(counted, recounted);
        if let Ok(step) = later(&first, APART_MS).correction(&first, tomorrow()) {
            for (((_, before), (_, step)), (name, after)) in
                counted.parts().into_iter().zip(step.parts()).zip(recounted.parts())
            {
                prop_assert_eq!(before.checked_add_signed(step), Some(after), "{}", name);
            }
        } else {
            prop_assert_eq!(counted, recounted);
        }
    }
}
