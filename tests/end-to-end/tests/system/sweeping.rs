//! What moves by itself: batches whose date has passed or whose codes are all settled, jobs whose message was lost.

use domain::{
    access::System,
    audit::Class,
    batch::{Batch, BatchState, COMPLETE_AFTER_MS},
    id::{JobId, UserId},
    job::{FIRST_DUE_MS, Format, Job, JobState, LEASE_MS, ROUTED_FOR_MS, Step, Work},
    settings::Settings,
    time::{HOUR_MS, MINUTE_MS, between},
};
use rig::{Fault, Script, World, world::Setup};
use serde_json::{Value, json};
use service::nudge::JobNudge;
use store::Deadline;

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

async fn sweep(world: &World) -> Value {
    world.functions.sweeper.sweep().await.expect("a whole sweep")
}

async fn batch(world: &World) -> Batch {
    world.store.batch("batch-1", soon()).await.expect("the table answers").expect("the batch")
}

async fn entries(world: &World, action: &str) -> usize {
    let audit = world.rows().await.audit;
    let found = audit.iter().filter(|entry| entry.action == action && entry.actor == "system:sweeper");
    found.count()
}

// proves: BAT-07, BAT-10, AUD-02
#[tokio::test]
async fn a_batch_expires_within_a_minute_of_its_date_and_is_complete_a_month_later() {
    let world = World::start(Setup { codes: 3, ..Setup::default() }).await;
    let expires_at = batch(&world).await.expires_at;
    world.advance(between(world.now(), expires_at) - 1);
    sweep(&world).await;
    assert_eq!(batch(&world).await.state, BatchState::Active, "not yet");
    // Sweeps come every minute, at whatever second.
    world.advance(MINUTE_MS);
    assert_eq!(sweep(&world).await["batches"], 1);
    let expired = batch(&world).await;
    assert_eq!((expired.state, expired.expired_by_hand), (BatchState::Expired, false));
    assert_eq!(entries(&world, "batch.expired").await, 1);
    sweep(&world).await;
    assert_eq!(batch(&world).await, expired, "nothing follows at once");
    let words = world.hop("s1", "+250788000001", world.codes[0].as_str()).await.body;
    assert!(words.starts_with("END"), "{words}");
    assert!(world.payout(&world.codes[0]).await.is_none(), "an expired code pays nothing");

    // It could be revived until then.
    world.advance(HOUR_MS);
    sweep(&world).await;
    assert_eq!(batch(&world).await.state, BatchState::Expired);
    world.advance(COMPLETE_AFTER_MS);
    sweep(&world).await;
    let complete = batch(&world).await;
    assert_eq!((complete.state, complete.look_at), (BatchState::Completed, None));
    assert_eq!(entries(&world, "batch.completed").await, 1);
}

// proves: BAT-07, COD-12
#[tokio::test]
async fn hours_of_grace_put_the_end_off() {
    let mut settings = Settings::default();
    settings.redemption.grace_hours = 5;
    settings.version = 1;
    let world = World::start(Setup { codes: 1, settings: Some(settings), ..Setup::default() }).await;
    world.advance(between(world.now(), batch(&world).await.expires_at));
    for _ in 0..5 {
        sweep(&world).await;
        assert_eq!(batch(&world).await.state, BatchState::Active);
        world.advance(HOUR_MS);
    }
    sweep(&world).await;
    assert_eq!(batch(&world).await.state, BatchState::Expired);
}

// proves: BAT-07
#[tokio::test]
async fn a_batch_is_complete_when_its_last_payout_is_settled() {
    let world = World::start(Setup { codes: 2, ..Setup::default() }).await;
    for (session, code) in world.codes.clone().iter().enumerate() {
        let phone = format!("+25078800000{session}");
        let words = world.hop(&format!("s{session}"), &phone, code.as_str()).await.body;
        assert!(words.starts_with("END"), "{words}");
    }
    world.advance(2 * HOUR_MS);
    sweep(&world).await;
    assert_eq!(batch(&world).await.state, BatchState::Active, "two payouts are open");
    let mut rounds = 0;
    while !world.at_rest().await {
        rounds += 1;
        assert!(rounds < 50, "payouts settle");
        for message in world.messages().await {
            world.work(message).await;
        }
        world.simulator.settle_due();
        world.advance(10 * MINUTE_MS);
        sweep(&world).await;
    }
    // It is looked at by the hour.
    world.advance(HOUR_MS);
    sweep(&world).await;
    let complete = batch(&world).await;
    assert_eq!((complete.state, complete.look_at), (BatchState::Completed, None));
    assert!(world.now() < complete.expires_at, "long before its date");
    assert_eq!(entries(&world, "batch.completed").await, 1);
}

async fn asked(world: &World, work: Work) -> Job {
    let now = world.now();
    let owner = UserId::drawn(now, [1; 10]);
    let job = Job::new(JobId::drawn(now, store::chance().expect("chance")), work, owner, 0, now);
    let act = world.store.act(&System("test"), now, Class::Change, "job.asked", format!("job:{}", job.id));
    let act = act.expect("chance").job(None, &job).expect("a row");
    act.commit(soon()).await.expect("a new row");
    job
}

fn export() -> Work {
    Work::Export { batch_id: "batch-1".to_owned(), format: Format::Csv, qr: false, sheets: None }
}

fn import() -> Work {
    Work::Import {
        batch_id: "batch-1".to_owned(),
        run_id: "run-9".to_owned(),
        upload: "uploads/x/y.csv".to_owned(),
        file_name: "y.csv".to_owned(),
        skip_bad: false,
        checked: None,
    }
}

// proves: COD-03, COD-07, TXN-04
#[tokio::test]
async fn a_job_whose_message_was_lost_or_whose_worker_died_is_nudged_on_its_own_queue_once() {
    let world = World::start(Setup::default()).await;
    let (export, import) = (asked(&world, export()).await, asked(&world, import()).await);
    sweep(&world).await;
    assert_eq!(world.nudged_jobs().await, (Vec::new(), Vec::new()), "their messages may be on the way");
    world.advance(FIRST_DUE_MS);
    assert_eq!(sweep(&world).await["jobs"], 2);
    let nudge = |job: &Job| vec![JobNudge { job: job.id.clone() }];
    assert_eq!(world.nudged_jobs().await, (nudge(&import), nudge(&export)));
    world.advance(MINUTE_MS);
    assert_eq!(sweep(&world).await["jobs"], 0, "a worker has two minutes to take it");
    world.advance(ROUTED_FOR_MS);
    assert_eq!(sweep(&world).await["jobs"], 2, "and then it is nudged again");
    world.nudged_jobs().await;

    let row = world.store.job(&export.id, soon()).await.expect("the table answers").expect("the job");
    let Step::Claim(claimed) = row.step("a worker", world.now()) else { panic!("{row:?}") };
    world.store.save_job(&row, &claimed, soon()).await.expect("nobody else writes it");
    world.advance(ROUTED_FOR_MS.max(LEASE_MS));
    sweep(&world).await;
    assert_eq!(world.nudged_jobs().await.1, nudge(&export), "its worker died");

    let row = world.store.job(&export.id, soon()).await.expect("the table answers").expect("the job");
    let over = row.stopped(world.now());
    assert_eq!(over.state, JobState::Cancelled);
    world.store.save_job(&row, &over, soon()).await.expect("nobody else writes it");
    world.advance(HOUR_MS);
    sweep(&world).await;
    assert!(world.nudged_jobs().await.1.is_empty(), "what is over is never due");
}

// proves: BAT-07, TXN-04
#[tokio::test]
async fn what_one_sweep_could_not_do_the_next_one_does() {
    let calls = {
        let world = World::start(Setup::default()).await;
        asked(&world, export()).await;
        world.advance(between(world.now(), batch(&world).await.expires_at));
        let before = world.script.calls().len();
        assert_eq!(sweep(&world).await, json!({ "routed": 0, "passed": 0, "jobs": 1, "batches": 1 }));
        before..world.script.calls().len()
    };
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer] {
        for call in calls.clone() {
            let script = Script::plan([(call, fault)]);
            let world = World::start(Setup { script, ..Setup::default() }).await;
            let job = asked(&world, export()).await;
            world.advance(between(world.now(), batch(&world).await.expires_at));
            drop(world.run(world.functions.sweeper.sweep()).await);
            world.advance(2 * ROUTED_FOR_MS);
            sweep(&world).await;
            assert_eq!(batch(&world).await.state, BatchState::Expired, "{fault:?} at {call}");
            assert_eq!(entries(&world, "batch.expired").await, 1, "{fault:?} at {call}");
            let (_, nudges) = world.nudged_jobs().await;
            assert!(nudges.contains(&JobNudge { job: job.id }), "{fault:?} at {call}");
        }
    }
}
