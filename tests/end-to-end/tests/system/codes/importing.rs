//! Codes from a file: all of it or nothing, whatever is in it.

use super::{assert_whole, world};
use domain::{
    batch::{Batch, BatchState},
    id::UserId,
    job::{Job, JobState, LEASE_MS, Work},
    settings::{CodeRules, Settings},
};
use rig::{Ended, Fault, World, world::Setup};
use std::collections::BTreeMap;
use store::Deadline;

async fn imported(world: &World, owner: &UserId, batch: &Batch, csv: &[u8], skip_bad: bool) -> Job {
    let asked = world.ask_import(owner, &batch.id, Some(csv), skip_bad).await;
    world.work_off(&asked.id).await
}

fn problem(job: &Job) -> &str {
    job.problem.as_ref().map_or("", |problem| problem.code.as_str())
}

async fn report(world: &World, job: &Job) -> String {
    let file = job.files.first().expect("a file");
    let (bytes, etag) = world.files().get(&file.key, 1 << 20).await.expect("it is there");
    assert_eq!((bytes.len() as u64, &etag), (file.bytes, &file.etag));
    String::from_utf8(bytes).expect("text")
}

fn lines(prefix: &str, count: usize) -> String {
    (0..count).fold("Code\n".to_owned(), |csv, n| csv + &format!("{prefix}{n:05}\n"))
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_becomes_codes_that_redeem_with_what_stood_beside_them() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 700).await;
    let csv = "\u{feff}Shop;code;Note\r\nKigali;abcd-1234;\"a;b\"\r\nHuye;efgh 5678;\r\n";
    let job = imported(&world, &owner, &batch, csv.as_bytes(), false).await;
    assert_eq!((job.state, job.done, job.files.len()), (JobState::Done, 2, 0), "{:?}", job.problem);
    let rows = world.rows().await;
    let code = rows.codes.iter().find(|code| code.text.as_str() == "ABCD1234").expect("it is there");
    let beside = BTreeMap::from([("Shop".to_owned(), "Kigali".to_owned()), ("Note".to_owned(), "a;b".to_owned())]);
    assert_eq!((code.money.amount, &code.metadata), (700, &beside));
    let answered = world.hop("s", "+250788000001", "abcd1234").await;
    assert!(answered.body.starts_with("END Murakoze!"), "{}", answered.body);
    assert_whole(&world).await;
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_line_keeps_the_whole_file_out_and_the_report_names_it() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let taken = world.codes[0].printed();
    let csv = format!("{}=cmd()\nX00003\n{taken}\n", lines("X", 1_000));
    let job = imported(&world, &owner, &batch, csv.as_bytes(), false).await;
    assert_eq!((job.state, problem(&job)), (JobState::Failed, "bad_lines"));
    assert_eq!(
        job.problem.as_ref().map(|problem| problem.text.as_str()),
        Some("3 of 1,003 lines are bad; nothing was imported")
    );
    let report = report(&world, &job).await;
    let rows: Vec<&str> = report.lines().collect();
    assert_eq!(rows.len(), 4, "{report}");
    assert!(rows[1].starts_with("1002,'=cmd()"), "{report}");
    assert!(rows[2].starts_with("1003,X00003,") && rows[2].contains("line 5"), "{report}");
    assert!(rows[3].starts_with(&format!("1004,{taken},")), "{report}");
    assert_eq!(world.rows().await.codes.len(), 1, "nothing was imported");
    assert_whole(&world).await;
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_good_lines_alone_are_imported_where_that_was_asked_for() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let taken = world.codes[0].printed();
    let csv = format!("{}!!\n{taken}\n", lines("X", 150));
    let job = imported(&world, &owner, &batch, csv.as_bytes(), true).await;
    assert_eq!((job.state, job.done, job.asked), (JobState::Done, 150, 150));
    assert_eq!(report(&world, &job).await.lines().count(), 3);
    let none = imported(&world, &owner, &batch, format!("Code\n{taken}\n").as_bytes(), true).await;
    assert_eq!((none.state, problem(&none)), (JobState::Failed, "bad_lines"), "nothing good is nothing to import");
    assert_eq!(world.batch(&batch.id).await.codes, 150);
    assert_whole(&world).await;
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_file_that_is_none_is_one_clear_error_and_nothing_half_done() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let twice: String = (0..2_000).fold("Code\n".to_owned(), |csv, _| csv + "SAME1234\n");
    let many = lines("Y", 100_001);
    let files: [(&str, &[u8], &str); 9] = [
        ("empty", b"", "bad_file"),
        ("no rows", b"Code\n", "bad_file"),
        ("a zip", b"PK\x03\x04\x14\x00\x00\x00", "bad_file"),
        ("binary", b"Code\nAB\x00CD\n", "bad_file"),
        ("no header", b"7K3M-9A26-CE11-XH05\n", "bad_file"),
        ("not UTF-8", b"Code\nABCD\xff\n", "bad_file"),
        ("a code of tomorrow", b"Code\n7K3M-9A26-CE11-XH21\n", "bad_lines"),
        ("one code 2,000 times", twice.as_bytes(), "bad_lines"),
        ("too many rows", many.as_bytes(), "bad_file"),
    ];
    for (what, bytes, code) in files {
        let job = imported(&world, &owner, &batch, bytes, false).await;
        assert_eq!((job.state, problem(&job)), (JobState::Failed, code), "{what}: {:?}", job.problem);
    }
    let huge = vec![b'A'; (32 << 20) + 1];
    let job = imported(&world, &owner, &batch, &huge, false).await;
    assert_eq!((job.state, problem(&job)), (JobState::Failed, "bad_file"), "{:?}", job.problem);
    let asked = world.ask_import(&owner, &batch.id, None, false).await;
    let job = world.work_off(&asked.id).await;
    assert_eq!((job.state, problem(&job)), (JobState::Failed, "no_upload"));
    assert_eq!(world.rows().await.codes.len(), 1);
    assert_whole(&world).await;
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_import_that_fails_leaves_its_batch_in_use() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let generating = Batch { state: BatchState::Generating, version: 2, ..batch.clone() };
    world.save_batch(Some(&batch), &generating).await;
    let job = imported(&world, &owner, &batch, b"", false).await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(world.batch(&batch.id).await.state, BatchState::Active);
    assert_whole(&world).await;
}

/// An import whose worker dies once the run has been begun, before a strip is stored.
async fn half_done(world: &World, owner: &UserId, batch: &Batch, csv: &[u8], strips: i32) -> Job {
    let asked = world.ask_import(owner, &batch.id, Some(csv), false).await;
    // The claim, the run, the budget, then strips.
    let mut left = 3 + strips;
    world.script.draw_by(move |name| {
        left -= i32::from(name == "TransactWriteItems");
        (left == 0).then_some(Fault::DieAfter)
    });
    let worker = world.generation();
    assert!(matches!(world.run(world.works(&worker, &asked.id)).await, Ended::Died));
    world.script.heal();
    world.advance(LEASE_MS + 1);
    world.job(&asked.id).await
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_replaced_after_it_was_checked_is_not_imported() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let job = half_done(&world, &owner, &batch, lines("X", 200).as_bytes(), 1).await;
    let Work::Import { upload, checked: Some(checked), .. } = &job.work else { panic!("it was checked") };
    assert_eq!((checked.codes, checked.bad, job.checkpoint), (200, 0, 1));
    world.upload(upload, lines("Z", 200).as_bytes()).await;
    let job = world.work_off(&job.id).await;
    assert_eq!((job.state, problem(&job)), (JobState::Failed, "replaced"));
    assert_eq!(world.batch(&batch.id).await.coming, 0);
    let answered = world.hop("s", "+250788000001", "X00001").await;
    assert!(!answered.body.starts_with("END Murakoze!"), "{}", answered.body);
    assert_whole(&world).await;
}

// proves: COD-01, COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_an_import_that_was_given_up_can_be_imported_again() {
    let world = world(1).await;
    let owner = world.owner().await;
    let batch = world.empty_batch(2, 500).await;
    let csv = lines("X", 200);
    let cancelled = half_done(&world, &owner, &batch, csv.as_bytes(), 1).await;
    world.cancel(&cancelled.id, &owner).await;
    assert_eq!(world.work_off(&cancelled.id).await.state, JobState::Cancelled);
    let again = imported(&world, &owner, &batch, csv.as_bytes(), false).await;
    assert_eq!((again.state, again.done), (JobState::Done, 200), "{:?}", again.problem);
    let third = imported(&world, &owner, &batch, csv.as_bytes(), false).await;
    assert_eq!((third.state, problem(&third)), (JobState::Failed, "bad_lines"), "now they are taken");
    assert_whole(&world).await;
}

// proves: COD-01, COD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_imports_of_the_same_texts_at_once_at_most_one_goes_live() {
    for given_up_before in [false, true] {
        let world = world(1).await;
        let owner = world.owner().await;
        let batch = world.empty_batch(2, 500).await;
        let csv = lines("X", 300);
        if given_up_before {
            // Rows that both want to replace.
            let cancelled = half_done(&world, &owner, &batch, csv.as_bytes(), 3).await;
            world.cancel(&cancelled.id, &owner).await;
            world.work_off(&cancelled.id).await;
        }
        let one = half_done(&world, &owner, &batch, csv.as_bytes(), 0).await;
        let other = half_done(&world, &owner, &batch, csv.as_bytes(), 0).await;
        let workers = (world.generation(), world.generation());
        tokio::join!(world.works(&workers.0, &one.id), world.works(&workers.1, &other.id));
        let (one, other) = (world.work_off(&one.id).await, world.work_off(&other.id).await);
        let live = [&one, &other].into_iter().filter(|job| job.state == JobState::Done).count();
        assert!(live <= 1, "{one:?} {other:?}");
        for job in [one, other].iter().filter(|job| job.state != JobState::Done) {
            assert_eq!((job.state, problem(job)), (JobState::Failed, "taken"));
        }
        assert_eq!(world.batch(&batch.id).await.codes, live as u64 * 300);
        assert_whole(&world).await;
    }
}

// proves: COD-04, COD-12, BAT-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_beyond_a_bound_of_codes_or_of_money_is_not_imported() {
    type Bound = (&'static str, fn(&mut CodeRules));
    let bounds: [Bound; 4] = [
        ("too_many", |rules| rules.per_batch = 99),
        ("ceiling", |rules| rules.ceiling_per_batch = Some(100 * 500 - 1)),
        ("ceiling", |rules| rules.ceiling_per_month = Some(100 * 500 - 1)),
        // The world's own batch is one code of 5,000.
        ("ceiling", |rules| rules.ceiling_in_all = Some(100 * 500 + 5_000 - 1)),
    ];
    for (expected, bound) in bounds {
        let mut settings = Settings::default();
        bound(&mut settings.codes);
        let world = World::start(Setup { settings: Some(settings), files: true, ..Setup::default() }).await;
        let owner = world.owner().await;
        let batch = world.empty_batch(2, 500).await;
        let beyond = imported(&world, &owner, &batch, lines("X", 100).as_bytes(), false).await;
        assert_eq!((beyond.state, problem(&beyond)), (JobState::Failed, expected));
        let within = imported(&world, &owner, &batch, lines("X", 99).as_bytes(), false).await;
        assert_eq!(within.state, JobState::Done, "{expected}: {:?}", within.problem);
        let issued = world.store.issuing("2026-11", &owner, Deadline::in_ms(5_000)).await.expect("the table answers").1;
        assert_eq!(issued.amount, 99 * 500);
        assert_whole(&world).await;
    }
}
