//! Jobs: who may take one, what a lease holds, how one ends, and which codes belong to which chunk.

use crate::sample;

use domain::{
    batch::{Act, Origin, Run, RunState, STRIP_CODES},
    change::OPEN_MS,
    code::CodeText,
    id::{JobId, UserId},
    job::{
        FIRST_DUE_MS, Format, HALF_CODES, Job, JobProblem, JobState, LEASE_MS, MAX_CLAIMS, Notice, ROUTED_FOR_MS, Seed,
        Selection, SheetRange, Step, Work, halves, strip_range,
    },
    permission::Permission,
    time::{SECOND_MS, plus},
};
use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sample::noon;
use std::collections::HashSet;

fn user() -> UserId {
    UserId::drawn(noon(), [1; 10])
}

fn seed() -> Seed {
    Seed::new([7; 32])
}

fn job() -> Job {
    let work = Work::Generate { batch_id: "b".to_owned(), run_id: "r".to_owned(), seed: Some(seed()), redraw: 0 };
    Job::new(JobId::drawn(noon(), [2; 10]), work, user(), 200, noon())
}

fn claimed(job: &Job, token: &str, now: Timestamp) -> Job {
    let Step::Claim(claimed) = job.step(token, now) else { panic!("somebody has it, or nobody may") };
    *claimed
}

// proves: TXN-04
#[test]
fn a_job_is_held_by_one_worker_until_its_lease_ends() {
    let first = claimed(&job(), "one", noon());
    assert_eq!(
        (first.state, first.lease.as_deref(), first.claims, first.version),
        (JobState::Running, Some("one"), 1, 2)
    );
    assert_eq!(first.started_at, Some(noon()));
    let until = plus(noon(), LEASE_MS);
    assert_eq!(first.step("two", plus(until, -1)), Step::Held { until });
    assert_eq!(first.step("one", plus(until, -1)), Step::Held { until }, "not even for a resend of the same nudge");
    let second = claimed(&first, "two", until);
    assert_eq!((second.lease.as_deref(), second.claims, second.started_at), (Some("two"), 2, Some(noon())));
}

// proves: TXN-04
#[test]
fn a_job_that_is_over_or_waits_for_a_person_rests() {
    let waiting = Job { state: JobState::Waiting, ..job() };
    assert_eq!(waiting.step("one", plus(noon(), OPEN_MS - 1)), Step::Rest);
    assert_eq!(waiting.due_at(), Some(plus(noon(), OPEN_MS)), "when nobody can agree any more it is put away");
    assert_eq!(waiting.step("one", plus(noon(), OPEN_MS)), Step::Cancel);
    for state in [JobState::Done, JobState::Failed, JobState::Cancelled] {
        let job = Job { state, ..job() };
        assert_eq!(job.step("one", plus(noon(), LEASE_MS)), Step::Rest);
        assert_eq!((job.due_at(), job.routed(plus(noon(), LEASE_MS))), (None, None), "{}", state.name());
    }
}

// proves: TXN-04
#[test]
fn a_wish_to_cancel_is_seen_by_whoever_comes_next_and_never_by_two() {
    let running = claimed(&job(), "one", noon());
    let wished = running.cancelled_by(&user(), noon()).expect("it isn't over");
    assert_eq!(wished.version, running.version + 1, "so the worker's next write meets it");
    assert!(matches!(wished.step("two", noon()), Step::Held { .. }), "its worker still may stop it itself");
    assert_eq!(wished.step("two", plus(noon(), LEASE_MS)), Step::Cancel);
    assert_eq!(job().cancelled_by(&user(), noon()).expect("it isn't over").step("one", noon()), Step::Cancel);
    for over in [running.finished(Vec::new(), noon()), running.stopped(noon())] {
        assert_eq!(over.cancelled_by(&user(), noon()), None);
    }
}

// proves: TXN-04
#[test]
fn workers_that_come_nowhere_end_the_job_and_progress_counts_anew() {
    let mut taken = job();
    for nth in 0..MAX_CLAIMS {
        taken = claimed(&taken, "t", plus(noon(), i64::from(nth) * LEASE_MS));
    }
    let now = plus(noon(), 10 * LEASE_MS);
    assert_eq!(taken.step("t", now), Step::GiveUp);
    assert_eq!(taken.advanced(96, 0, now).claims, 0);
    let later = plus(now, LEASE_MS);
    assert!(matches!(taken.advanced(96, 0, now).step("t", later), Step::Claim(_)));
    assert!(matches!(taken.alive(5, 10, now).step("t", later), Step::Claim(_)), "reading on is progress too");
}

// proves: TXN-04
#[test]
fn every_chunk_moves_the_job_on_by_one_and_begins_the_lease_anew() {
    let running = claimed(&job(), "one", noon());
    let later = plus(noon(), SECOND_MS);
    let mut redrawn = running.clone();
    if let Work::Generate { redraw, .. } = &mut redrawn.work {
        *redraw = 3;
    }
    let after = redrawn.advanced(96, 2, later);
    assert_eq!((after.done, after.failed, after.checkpoint, after.version), (96, 2, 1, running.version + 1));
    assert_eq!(after.lease_until, Some(plus(later, LEASE_MS)));
    assert!(matches!(after.work, Work::Generate { redraw: 0, .. }), "the next chunk is drawn for the first time");
    assert_eq!(after.percent(), Some(48));
    assert_eq!(after.rate(), Some(96.0));
}

// proves: TXN-04
#[test]
fn a_job_that_nobody_works_on_is_found_again() {
    let queued = job();
    assert_eq!(queued.due_at(), Some(plus(noon(), FIRST_DUE_MS)));
    assert_eq!(queued.routed(plus(noon(), FIRST_DUE_MS - 1)), None);
    let routed = queued.routed(plus(noon(), FIRST_DUE_MS)).expect("it is due");
    assert_eq!(routed.due_at(), Some(plus(noon(), FIRST_DUE_MS + ROUTED_FOR_MS)));
    let running = claimed(&queued, "one", noon());
    assert_eq!(running.due_at(), Some(plus(noon(), LEASE_MS)));
    let released = running.released(noon());
    assert_eq!((released.lease.clone(), released.due_at()), (None, Some(plus(noon(), FIRST_DUE_MS))));
    assert!(matches!(released.step("two", noon()), Step::Claim(_)), "the next worker need not wait");
}

// proves: COD-01, TXN-04
#[test]
fn a_job_that_is_over_holds_no_lease_and_nothing_to_draw_codes_from() {
    let running = claimed(&job(), "one", noon());
    let problem = JobProblem::new("why", "because");
    let ends = [
        (running.finished(Vec::new(), noon()), JobState::Done),
        (running.gave_up(problem, Vec::new(), noon()), JobState::Failed),
        (running.stopped(noon()), JobState::Cancelled),
    ];
    for (over, state) in ends {
        assert_eq!(
            (over.state, over.lease.clone(), over.lease_until, over.ended_at),
            (state, None, None, Some(noon()))
        );
        assert!(matches!(over.work, Work::Generate { seed: None, .. }));
        assert_eq!(Notice::of(&over).state, state);
    }
    assert_eq!(format!("{:?}", seed()), "Seed", "and no log shows one");
}

// proves: COD-04, COD-09
#[test]
fn the_owner_is_told_in_words() {
    let running = claimed(&job(), "one", noon());
    let text = |job: &Job| Notice::of(job).text;
    assert_eq!(text(&running.advanced(200, 0, noon()).finished(Vec::new(), noon())), "200 codes made");
    assert_eq!(text(&running.stopped(noon())), "cancelled; none of its codes can be redeemed");
    let problem = JobProblem::new("bad_lines", "3 of 10 lines are bad; nothing was imported");
    assert_eq!(text(&running.gave_up(problem.clone(), Vec::new(), noon())), problem.text);
    let selection = Selection::Batch { batch_id: "b".to_owned(), sheets: None, state: None };
    let work = Work::ChangeCodes { act: Act::Block, reason: String::new(), selection };
    let bulk = Job { work, ..running }.advanced(5, 4, noon()).finished(Vec::new(), noon());
    assert_eq!(text(&bulk), "block: 1 code changed, 4 not possible");
}

// proves: COD-09, ACC-01
#[test]
fn each_kind_of_work_names_what_its_owner_must_hold() {
    let of = |act| {
        let selection = Selection::Codes { codes: Vec::new() };
        Work::ChangeCodes { act, reason: String::new(), selection }.permissions()
    };
    assert_eq!(of(Act::Report), [Permission::PromoCodesBulkOperations, Permission::PromoCodesFraudReport]);
    for act in [Act::Block, Act::Unblock, Act::Delete] {
        assert_eq!(of(act), [Permission::PromoCodesBulkOperations, Permission::PromoCodesStatusChange]);
    }
    assert_eq!(job().work.permissions(), [Permission::PromoCodesGenerate]);
    let export = Work::Export { batch_id: "b".to_owned(), format: Format::Csv, qr: false, sheets: None };
    assert_eq!(export.permissions(), [Permission::PromoCodesDownload]);
}

fn live(asked: u64, first_sheet: u32) -> Run {
    Run { state: RunState::Live, first_sheet, ..Run::staging("r".to_owned(), "b".to_owned(), asked, Origin::Generated) }
}

// proves: COD-13
#[test]
fn a_sheet_range_finds_the_halves_that_hold_it() {
    let runs = [live(100, 1), live(50, 10)];
    let all = halves(&runs, None);
    let shown: Vec<(usize, u64, u32, u32)> =
        all.iter().map(|half| (half.run, half.strip, half.first, half.count)).collect();
    assert_eq!(shown, [(0, 0, 0, 48), (0, 0, 48, 48), (0, 1, 96, 4), (1, 0, 0, 48), (1, 0, 48, 2)]);
    let some = |first, last| -> Vec<(usize, u32)> {
        halves(&runs, Some(SheetRange { first, last })).iter().map(|half| (half.run, half.first)).collect()
    };
    assert_eq!(some(4, 5), [(0, 0), (0, 48)]);
    assert_eq!(some(9, 9), [(0, 96)]);
    assert_eq!(some(9, 10), [(0, 96), (1, 0)]);
    assert_eq!(some(14, 14), [(1, 48)]);
    assert_eq!(some(15, 99), []);
}

proptest! {
    #![proptest_config(sample::cases(200))]

    // proves: COD-01
    #[test]
    fn strips_hold_every_code_of_a_run_once(asked in 1u64..5_000) {
        let run = live(asked, 1);
        let mut next = 0;
        for strip in 0..run.strips() {
            let (first, count) = strip_range(&run, strip);
            prop_assert_eq!(first, next);
            prop_assert!(count > 0 && count <= STRIP_CODES);
            next += count;
        }
        prop_assert_eq!(u64::from(next), asked);
        prop_assert_eq!(strip_range(&run, run.strips()).1, 0);
    }

    // proves: COD-09
    #[test]
    fn halves_hold_every_code_once_and_none_spans_two_strips(sizes in proptest::collection::vec(1u64..400, 1..6)) {
        let mut sheet = 1;
        let runs: Vec<Run> = sizes
            .iter()
            .map(|asked| {
                let run = live(*asked, sheet);
                sheet = run.last_sheet() + 1;
                run
            })
            .collect();
        let all = halves(&runs, None);
        let covered: u64 = all.iter().map(|half| u64::from(half.count)).sum();
        prop_assert_eq!(covered, sizes.iter().sum::<u64>());
        for half in &all {
            prop_assert!(half.count > 0 && half.count <= HALF_CODES);
            let last = half.first + half.count - 1;
            prop_assert_eq!(u64::from(half.first / STRIP_CODES), half.strip);
            prop_assert_eq!(u64::from(last / STRIP_CODES), half.strip);
        }
        // A run that goes live later changes no number of an earlier half.
        let fewer = halves(&runs[..runs.len() - 1], None);
        prop_assert_eq!(&all[..fewer.len()], &fewer[..]);
        // Every range of sheets is found, and nothing far from it.
        let range = SheetRange { first: sheet / 2, last: sheet / 2 };
        for half in halves(&runs, Some(range)) {
            let run = &runs[half.run];
            let (from, to) = (run.place(half.first).0, run.place(half.first + half.count - 1).0);
            prop_assert!(from <= range.last && to >= range.first);
        }
    }
}

fn drawn(chunk: u64, redraw: u32) -> Vec<CodeText> {
    let mut random = ChaCha20Rng::from_seed(seed().of_chunk(chunk, redraw));
    Seed::draw(&mut random, date(2026, 11, 20), 96)
}

// proves: COD-01
#[test]
fn a_chunk_that_is_drawn_again_is_the_same_and_no_two_chunks_are() {
    assert_eq!(drawn(3, 0), drawn(3, 0));
    let mut seen = HashSet::new();
    for chunk in 0..20 {
        for redraw in 0..3 {
            let codes = drawn(chunk, redraw);
            assert_eq!(codes.len(), 96);
            assert!(codes.iter().all(|code| code.date_part() == Some(date(2026, 11, 20))));
            for code in codes {
                assert!(seen.insert(code), "two draws share a code");
            }
        }
    }
    let other = Seed::new([8; 32]).of_chunk(3, 0);
    assert_ne!(other, seed().of_chunk(3, 0));
}
