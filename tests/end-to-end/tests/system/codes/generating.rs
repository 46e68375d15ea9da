//! Runs that fill batches: alone, several at once, against each other and against people.

use super::{assert_whole, world};
use domain::{
    batch::{Batch, BatchState, RunState},
    job::{JobState, LEASE_MS, MAX_CLAIMS, Seed, Work},
    settings::{CodeRules, Settings},
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rig::{Ended, Fault, Script, World, world::Setup};
use std::collections::HashSet;
use store::Deadline;
use tokio::task::JoinSet;

const PHONE: &str = "+250788000001";

fn run_of(job: &domain::job::Job) -> (String, String) {
    let (batch, run) = job.work.fills().expect("it fills a run");
    (batch.to_owned(), run.to_owned())
}

// proves: COD-01, BAT-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_makes_exactly_the_codes_that_were_asked_for_and_tells_its_owner() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 1_201).await;
    let job = world.work_off(&asked.id).await;
    assert_eq!((job.state, job.done, job.percent()), (JobState::Done, 1_201, Some(100)));
    let (_, run) = run_of(&job);
    let texts = world.texts(&run).await;
    let different: HashSet<&str> = texts.iter().map(|text| text.as_str()).collect();
    assert_eq!((texts.len(), different.len()), (1_201, 1_201));
    assert!(texts.iter().all(|text| text.printed_problem().is_none() && text.date_part() == Some(world.today())));
    let batch = world.batch(&batch.id).await;
    assert_eq!((batch.codes, batch.coming, batch.sheets), (1_201, 0, 101));
    let notices = world.store.notices(&owner, None, 10, Deadline::in_ms(5_000)).await.expect("the table answers").items;
    assert_eq!(notices.iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>(), ["1201 codes made"]);
    let answered = world.hop("s", PHONE, &texts[1_200].printed()).await;
    assert!(answered.body.starts_with("END Murakoze!"), "{}", answered.body);
    assert_whole(&world).await;
}

// proves: COD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_three_times_leaves_no_code_out_and_none_redeems_before_the_run_is_live() {
    let script = Script::default();
    let world = World::start(Setup { script: script.clone(), files: true, ..Setup::default() }).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 1_000).await;
    let (_, run) = run_of(&asked);
    for kill in 1..=3 {
        let mut left = 4;
        script.draw_by(move |name| {
            left -= i32::from(name == "TransactWriteItems");
            (left < 0).then_some(if kill % 2 == 0 { Fault::DieBefore } else { Fault::DieAfter })
        });
        let worker = world.generation();
        let ended = world.run(world.works(&worker, &asked.id)).await;
        assert!(matches!(ended, Ended::Died), "it was killed");
        script.heal();
        let there = world.texts(&run).await;
        assert!(!there.is_empty() && there.len() < 1_000, "{} codes after kill {kill}", there.len());
        let answered = world.hop(&format!("s{kill}"), PHONE, &there[0].printed()).await;
        assert!(!answered.body.starts_with("END Murakoze!"), "not live: {}", answered.body);
        world.advance(LEASE_MS + 1);
    }
    let job = world.work_off(&asked.id).await;
    assert_eq!((job.state, job.done), (JobState::Done, 1_000));
    assert_whole(&world).await;
}

// proves: COD-01, COD-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_runs_at_once_fill_one_batch_sheet_behind_sheet() {
    let mut settings = Settings::default();
    settings.codes.writes_per_second = 100_000;
    let world = World::start(Setup { settings: Some(settings), ..Setup::default() }).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let mut asked = Vec::new();
    for n in 0..10 {
        asked.push(world.ask_generate(&owner, &batch.id, 50 + 30 * n).await);
    }
    let mut work = JoinSet::new();
    for job in &asked {
        // Two workers at each: a nudge can come twice.
        for _ in 0..2 {
            work.spawn(world.works(&world.generation(), &job.id));
        }
    }
    assert!(work.join_all().await.into_iter().all(|done| done), "no message comes again");
    for job in &asked {
        assert_eq!(world.job(&job.id).await.state, JobState::Done);
    }
    let batch = world.batch(&batch.id).await;
    assert_eq!((batch.codes, batch.coming), (1_850, 0));
    let runs = world.store.live_runs(&batch.id, Deadline::in_ms(5_000)).await.expect("the table answers");
    assert_eq!(runs.len(), 10);
    // The recount finds every sheet once, without a gap.
    assert_whole(&world).await;
}

// proves: COD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_that_draw_the_same_codes_end_with_different_ones() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let first = world.ask_generate_from(&owner, &batch.id, 200, Seed::new([9; 32])).await;
    let second = world.ask_generate_from(&owner, &batch.id, 200, Seed::new([9; 32])).await;
    let (one, other) = (world.generation(), world.generation());
    tokio::join!(world.works(&one, &first.id), world.works(&other, &second.id));
    let (first, second) = (world.work_off(&first.id).await, world.work_off(&second.id).await);
    let texts = [world.texts(&run_of(&first).1).await, world.texts(&run_of(&second).1).await].concat();
    let different: HashSet<&str> = texts.iter().map(|text| text.as_str()).collect();
    assert_eq!((texts.len(), different.len()), (400, 400));
    assert_whole(&world).await;
}

// proves: COD-01, COD-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_was_given_up_or_deleted_is_never_drawn_again() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let seed = || Seed::new([5; 32]);
    let cancelled = world.ask_generate_from(&owner, &batch.id, 96, seed()).await;
    // One strip is stored, then somebody cancels: the worker meets it at the write that would make the run live.
    let script = world.script.clone();
    let mut left = 3;
    script.draw_by(move |name| {
        left -= i32::from(name == "TransactWriteItems");
        (left == 0).then_some(Fault::DieAfter)
    });
    let worker = world.generation();
    assert!(matches!(world.run(world.works(&worker, &cancelled.id)).await, Ended::Died));
    script.heal();
    world.cancel(&cancelled.id, &owner).await;
    world.advance(LEASE_MS + 1);
    assert_eq!(world.work_off(&cancelled.id).await.state, JobState::Cancelled);
    let given_up = world.texts(&run_of(&cancelled).1).await;
    assert_eq!(given_up.len(), 96, "the codes are there and belong to nobody");
    let mut random = ChaCha20Rng::from_seed(seed().of_chunk(0, 0));
    assert_eq!(Seed::draw(&mut random, world.today(), 96), given_up);
    let again = world.ask_generate_from(&owner, &batch.id, 96, seed()).await;
    assert_eq!(world.work_off(&again.id).await.state, JobState::Done);
    let made = world.texts(&run_of(&again).1).await;
    assert!(made.iter().all(|text| !given_up.contains(text)), "a text is taken for ever");
    assert_whole(&world).await;
}

// proves: BAT-10, COD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_blocked_or_expired_meanwhile_takes_the_run_and_one_that_is_closed_gives_it_up() {
    let states = [
        (BatchState::Blocked, JobState::Done),
        (BatchState::Expired, JobState::Done),
        (BatchState::Completed, JobState::Failed),
        (BatchState::Archived, JobState::Failed),
        (BatchState::Deleted, JobState::Failed),
    ];
    let world = world(1).await;
    let owner = world.owner().await;
    for (number, (state, expected)) in (2..).zip(states) {
        let batch = world.empty_batch(number, 500).await;
        let asked = world.ask_generate(&owner, &batch.id, 100).await;
        let before = world.batch(&batch.id).await;
        world.save_batch(Some(&before), &Batch { state, version: before.version + 1, ..before.clone() }).await;
        let job = world.work_off(&asked.id).await;
        assert_eq!(job.state, expected, "{}", state.name());
        let after = world.batch(&batch.id).await;
        assert_eq!((after.state, after.coming), (state, 0));
        if expected == JobState::Failed {
            assert_eq!(job.problem.map(|problem| problem.code), Some("batch_closed".to_owned()));
        }
    }
    assert_whole(&world).await;
}

// proves: TXN-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_keeps_failing_is_given_up_and_its_run_with_it() {
    let script = Script::default();
    let world = World::start(Setup { script: script.clone(), ..Setup::default() }).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 100).await;
    for _ in 0..MAX_CLAIMS {
        let mut left = 2;
        script.draw_by(move |name| {
            left -= i32::from(name == "TransactWriteItems");
            (left == 0).then_some(Fault::DieBefore)
        });
        let worker = world.generation();
        assert!(matches!(world.run(world.works(&worker, &asked.id)).await, Ended::Died));
        world.advance(LEASE_MS + 1);
    }
    script.heal();
    let job = world.work_off(&asked.id).await;
    assert_eq!(
        (job.state, job.problem.map(|problem| problem.code)),
        (JobState::Failed, Some("keeps_failing".to_owned()))
    );
    let (batch_id, run_id) = asked.work.fills().expect("it fills a run");
    let run = world.store.run(batch_id, run_id, Deadline::in_ms(5_000)).await.expect("the table answers");
    assert_eq!(run.map(|run| run.state), Some(RunState::Discarded));
    assert_whole(&world).await;
}

// proves: TXN-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_time_is_up_hands_the_job_on_and_nothing_is_made_twice() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 300).await;
    let worker = world.generation();
    // As much time as it keeps in reserve: it may take the job and must give it back.
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    worker.run(&asked.id, until).await.expect("handing on is no failure");
    let job = world.job(&asked.id).await;
    assert_eq!((job.state, job.lease.clone()), (JobState::Running, None));
    let nudged: Vec<_> = world.nudged_jobs().await.0.into_iter().map(|nudge| nudge.job).collect();
    assert_eq!(nudged, std::slice::from_ref(&asked.id), "the next worker has been nudged");
    let done = world.work_off(&asked.id).await;
    assert_eq!((done.state, done.done), (JobState::Done, 300));
    assert_whole(&world).await;
}

// proves: COD-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_jobs_write_in_one_second_has_a_bound() {
    let rules = CodeRules { writes_per_second: 100, ..CodeRules::default() };
    let world =
        World::start(Setup { settings: Some(Settings { codes: rules, ..Settings::default() }), ..Setup::default() })
            .await;
    let deadline = || Deadline::in_ms(5_000);
    let mut taken = 0;
    // Within two seconds of the machine's clock, whatever comes of it, at most two seconds' budgets are given.
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        taken += u32::from(world.store.take_writes(40, 100, deadline()).await.expect("the table answers")) * 40;
    }
    let seconds = begun.elapsed().as_secs() as u32 + 2;
    assert!(taken >= 80 && taken <= seconds * 100, "{taken} in {seconds} seconds");
}

// proves: COD-01, TXN-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_entry_and_no_finished_job_says_what_codes_were_drawn_from() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let asked = world.ask_generate(&owner, &batch.id, 97).await;
    let job = world.work_off(&asked.id).await;
    assert!(matches!(job.work, Work::Generate { seed: None, .. }));
    let texts = world.texts(&run_of(&job).1).await;
    let rows = world.rows().await;
    for entry in &rows.audit {
        let text = serde_json::to_string(entry).expect("an entry");
        assert!(!texts.iter().any(|code| text.contains(code.as_str()) || text.contains(&code.printed())), "{text}");
    }
}
