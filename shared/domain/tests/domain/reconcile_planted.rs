//! A ledger in which differences of every kind are planted: all are found, and nothing else.
#![expect(clippy::print_stdout, reason = "the time of a large run is to be read")]

use crate::{
    reconcile_ledger::{COURSES, Course, Ledger, NAMINGS, Naming, found, statement},
    sample::cases,
};
use domain::reconcile::{Kind, Reconciliation, Source, Verdict, reconcile};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{collections::HashSet, time::Instant};

type Plan = Vec<(Course, Vec<Kind>)>;

fn sources() -> impl Strategy<Value = (Source, Naming)> {
    let statements = prop::sample::select(&NAMINGS[..]).prop_map(|naming| (statement(), naming));
    prop_oneof![1 => Just((Source::Asked, Naming::Everything)), 4 => statements]
}

fn plan(most_kinds: usize) -> impl Strategy<Value = Plan> {
    let kinds = prop::sample::subsequence(&Kind::ALL[..], 0..=most_kinds);
    prop::collection::vec((prop::sample::select(&COURSES[..]), kinds), 0..24)
}

fn ledger(source: Source, naming: Naming, plan: &Plan) -> Ledger {
    let mut ledger = Ledger::new(source, naming);
    for (number, (course, kinds)) in (1..).zip(plan) {
        ledger.payout(number, *course, kinds);
    }
    ledger.planted.sort();
    ledger
}

fn shuffle<T>(records: &mut [T], seed: u64) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    for at in (1..records.len()).rev() {
        let other = usize::try_from(chance.next_u64() % (at as u64 + 1)).expect("a place");
        records.swap(at, other);
    }
}

fn compare(ledger: &Ledger) -> Reconciliation {
    reconcile(&ledger.period(), &ledger.ours, &ledger.theirs)
}

proptest! {
    #![proptest_config(cases(512))]

    // proves: REC-01
    #[test]
    fn a_ledger_that_says_what_we_say_differs_in_nothing((source, naming) in sources(), plan in plan(0)) {
        let ledger = ledger(source, naming, &plan);
        let found = compare(&ledger);
        prop_assert_eq!(&found.differences, &[]);
        let expected = if found.open.is_empty() { Verdict::Agrees } else { Verdict::Incomplete };
        prop_assert_eq!(found.verdict(), expected, "{:?}", found.breaks());
    }

    // proves: REC-01, REC-02
    #[test]
    fn every_planted_difference_in_any_mix_is_found_once_and_nothing_else(
        (source, naming) in sources(), plan in plan(8)
    ) {
        let ledger = ledger(source, naming, &plan);
        let result = compare(&ledger);
        prop_assert_eq!(found(&result), ledger.planted.clone());
        let ids: HashSet<&str> = result.differences.iter().map(|difference| difference.id.as_str()).collect();
        prop_assert_eq!(ids.len(), result.differences.len(), "each has an id of its own");
        prop_assert_eq!(result.verdict() == Verdict::Differs, !ledger.planted.is_empty());
    }

    // proves: REC-01
    #[test]
    fn the_order_of_records_changes_nothing((source, naming) in sources(), plan in plan(8), seed in any::<u64>()) {
        let mut ledger = ledger(source, naming, &plan);
        let before = compare(&ledger);
        shuffle(&mut ledger.ours, seed);
        shuffle(&mut ledger.theirs, !seed);
        prop_assert_eq!(compare(&ledger), before);
    }

    // proves: REC-01
    #[test]
    fn a_statement_copied_into_itself_changes_nothing_but_the_repeats(plan in plan(8), naming in prop::sample::select(&NAMINGS[..3])) {
        let mut ledger = ledger(statement(), naming, &plan);
        let once = compare(&ledger);
        let lines = ledger.theirs.len();
        for at in 0..lines {
            let mut copy = ledger.theirs[at].clone();
            copy.line += 10_000;
            ledger.theirs.push(copy);
        }
        let twice = compare(&ledger);
        prop_assert_eq!(twice.repeats.len(), lines);
        prop_assert_eq!(Reconciliation { repeats: Vec::new(), ..twice }, once);
    }
}

// proves: REC-01, REC-02
#[test]
fn a_hundred_thousand_payouts_are_reconciled_and_every_planted_difference_is_found() {
    for (source, naming) in [(Source::Asked, Naming::Everything), (statement(), Naming::Everything)] {
        let payout = |number: usize| {
            let (nth, rest) = (number / 331, number % 331);
            let (kind, course) = (Kind::ALL[nth % Kind::ALL.len()], COURSES[nth / Kind::ALL.len() % COURSES.len()]);
            match rest {
                0 => (course, vec![kind]),
                1..=30 => (course, Vec::new()),
                _ => (Course::Paid, Vec::new()),
            }
        };
        let plan: Plan = (0..100_000).map(payout).collect();
        let mut ledger = ledger(source, naming, &plan);
        shuffle(&mut ledger.ours, 1);
        shuffle(&mut ledger.theirs, 2);
        let started = Instant::now();
        let result = compare(&ledger);
        println!(
            "{} references against {} records of MoMo's in {:?}: {} differences, {} open ({source:?})",
            ledger.ours.len(),
            ledger.theirs.len(),
            started.elapsed(),
            result.differences.len(),
            result.open.len(),
        );
        assert_eq!(found(&result), ledger.planted);
        for kind in Kind::ALL {
            assert!(result.count(kind) > 0, "{kind:?} is planted and found in {source:?}");
        }
    }
}
