//! Batches as files: whole and true, made by one worker at a time, and given out only while they are what was made.

use domain::{
    access::System,
    audit::Class,
    batch::{Act, CodeState},
    code::CodeText,
    id::{JobId, UploadId},
    identity::{digest, hex},
    job::{Format, Job, JobFile, JobState, MAX_CLAIMS, SheetRange, Work},
    staff::{Email, User, UserState},
    time::MINUTE_MS,
};
use files::{FilesError, UPLOAD_TYPE, upload_key};
use reqwest::{Client, StatusCode};
use rig::{Ended, Fault, Script, World, world::Setup};
use sha2::{Digest, Sha256};
use staff::First;
use std::time::Duration;
use store::{CodeChange, Deadline};
use tokio::time::Instant;

/// Past any lease.
const LATER_MS: i64 = 2 * MINUTE_MS;

fn soon() -> Deadline {
    Deadline::in_ms(5_000)
}

fn ample() -> Instant {
    Instant::now() + Duration::from_secs(900)
}

/// A world with one batch of so many codes, and somebody who may do anything with it.
async fn town(codes: usize, script: Script) -> (World, User) {
    let world = World::start(Setup { codes, files: true, script: script.clone(), ..Setup::default() }).await;
    let first = First {
        email: Email::parse("first@mbelyco.example").expect("an address"),
        first_name: "First".to_owned(),
        last_name: "Administrator".to_owned(),
        password: None,
    };
    let owner = world.functions.admin_api.desk.first_administrator(first).await.expect("nobody administers yet").0;
    (world, owner)
}

fn csv() -> Work {
    Work::Export { batch_id: "batch-1".to_owned(), format: Format::Csv, qr: false, sheets: None }
}

fn pdf(sheets: Option<SheetRange>) -> Work {
    Work::Export { batch_id: "batch-1".to_owned(), format: Format::Pdf, qr: true, sheets }
}

/// The row that the API writes.
async fn asked(world: &World, owner: &User, work: Work) -> JobId {
    let now = world.now();
    let id = JobId::drawn(now, store::chance().expect("chance"));
    let job = Job::new(id.clone(), work, owner.id.clone(), 0, now);
    let act = world.store.act(&System("test"), now, Class::Change, "job.asked", format!("job:{id}")).expect("chance");
    act.job(None, &job).expect("a row").commit(soon()).await.expect("a new row");
    id
}

async fn job(world: &World, id: &JobId) -> Job {
    world.store.job(id, soon()).await.expect("the table answers").expect("the job")
}

/// Runs a worker on a job until it ends.
async fn run(world: &World, id: &JobId) -> Job {
    world.export().run(id, ample()).await.expect("the table answers");
    job(world, id).await
}

/// The bytes of a job's only file, which is what its record says.
async fn bytes(world: &World, job: &Job) -> Vec<u8> {
    let [file] = job.files.as_slice() else { panic!("one file: {job:?}") };
    let (bytes, etag) = world.files().get(&file.key, 1 << 30).await.expect("it lies there");
    assert_eq!((bytes.len() as u64, etag), (file.bytes, file.etag.clone()));
    assert_eq!(sha256(&bytes), file.sha256);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Code and status of each row of a CSV.
fn rows(bytes: &[u8]) -> Vec<(CodeText, String)> {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut lines = text.split_terminator("\r\n");
    let columns = "code,batch number,batch name,amount,currency,status,created,expires";
    assert_eq!(lines.next(), Some(columns));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), 8, "{line}");
        assert_eq!(cells[1..5], ["1", "BATCH_TEST", "5000", "RWF"], "{line}");
        for time in &cells[6..] {
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{line}");
        }
        (CodeText::parse(cells[0]).expect("a code"), cells[5].to_owned())
    };
    lines.map(row).collect()
}

fn pages(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"), "not a whole PDF");
    text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count()
}

async fn done_to(world: &World, code: &CodeText, act: Act) {
    let (code, batch, _) = world.store.code_with_batch(code, soon()).await.expect("the table answers").expect("a code");
    let after = code.after(act, code.state(&batch, 0, world.now())).expect("possible");
    let change = CodeChange { before: &code, after: &after, act };
    let begun = world.store.act(&System("test"), world.now(), Class::Change, "test", "code:x".to_owned());
    let begun = begun.expect("chance").code(&change, &System("test"), "for a test").expect("rows");
    begun.commit(soon()).await.expect("nobody else writes it");
}

// proves: COD-05, COD-07, AUD-02
#[tokio::test]
async fn the_csv_has_every_code_with_its_state_in_the_order_of_print() {
    let (world, owner) = town(205, Script::default()).await;
    let codes = world.codes.clone();
    done_to(&world, &codes[3], Act::Block).await;
    done_to(&world, &codes[100], Act::Delete).await;
    done_to(&world, &codes[204], Act::Report).await;
    assert!(world.hop("s1", "+250788000001", codes[7].as_str()).await.body.starts_with("END"));

    let id = asked(&world, &owner, csv()).await;
    let done = run(&world, &id).await;
    assert_eq!((done.state, done.done, done.percent()), (JobState::Done, 204, Some(100)), "{:?}", done.problem);
    let read = rows(&bytes(&world, &done).await);
    let mut expected: Vec<(CodeText, String)> = codes.iter().map(|code| (code.clone(), "active".to_owned())).collect();
    for (at, state) in [(3, CodeState::Blocked), (7, CodeState::Used), (204, CodeState::Reported)] {
        expected[at].1 = state.name().to_owned();
    }
    // One that was deleted is in no export.
    expected.remove(100);
    assert_eq!(read, expected);
    // Named after the batch and the moment in Kigali.
    assert_eq!(done.files[0].name, "BATCH_TEST-20261120-100000.csv");

    let rows = world.rows().await;
    let entry = rows.audit.iter().find(|entry| entry.action == "job.done").expect("an entry");
    assert_eq!(entry.actor, format!("user:{}", owner.id));
    assert_eq!(entry.agent, Some(format!("job:{id}")));
    let all = serde_json::to_string(&rows.audit).expect("JSON");
    assert!(!codes.iter().any(|code| all.contains(code.as_str())), "a code stands in the log");
    let notices = world.store.notices(&owner.id, None, 10, soon()).await.expect("the table answers").items;
    assert_eq!(notices.len(), 1);
    assert_eq!((notices[0].state, notices[0].text.as_str()), (JobState::Done, "204 codes exported as CSV"));
}

// proves: COD-06, COD-13, BAT-05
#[tokio::test]
async fn the_sheets_of_a_batch_are_printed_whole_or_by_range_and_each_printing_is_recorded() {
    let (world, owner) = town(30, Script::default()).await;
    let whole = run(&world, &asked(&world, &owner, pdf(None)).await).await;
    assert_eq!(whole.state, JobState::Done, "{:?}", whole.problem);
    assert_eq!(pages(&bytes(&world, &whole).await), 3);
    world.advance(MINUTE_MS);
    let some = SheetRange { first: 2, last: 9 };
    let some = run(&world, &asked(&world, &owner, pdf(Some(some))).await).await;
    assert_eq!((some.state, some.done), (JobState::Done, 18), "{:?}", some.problem);
    assert_eq!(pages(&bytes(&world, &some).await), 2);
    let prints = world.store.prints("batch-1", soon()).await.expect("the table answers");
    let sheets: Vec<(u32, u32)> = prints.iter().map(|print| (print.sheets.first, print.sheets.last)).collect();
    assert_eq!(sheets, [(1, 3), (2, 3)]);
    let batch = world.store.batch("batch-1", soon()).await.expect("the table answers").expect("the batch");
    assert!(prints.iter().all(|print| print.expires_at == batch.expires_at && print.by == owner.id));

    let none = SheetRange { first: 4, last: 9 };
    let none = run(&world, &asked(&world, &owner, pdf(Some(none))).await).await;
    assert_eq!(none.problem.map(|problem| problem.code).as_deref(), Some("no_codes"));
    let prints = world.store.prints("batch-1", soon()).await.expect("the table answers");
    assert_eq!(prints.len(), 2, "nothing was printed");
}

// proves: COD-03, COD-07
#[tokio::test]
async fn a_worker_that_dies_or_stalls_at_any_call_is_followed_by_one_good_file() {
    let calls = {
        let (world, owner) = town(101, Script::default()).await;
        let id = asked(&world, &owner, csv()).await;
        let before = world.script.calls().len();
        run(&world, &id).await;
        before..world.script.calls().len()
    };
    assert!(calls.len() > 8, "it makes calls: {calls:?}");
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer, Fault::Stall] {
        for call in calls.clone() {
            let (world, owner) = town(101, Script::plan([(call, fault)])).await;
            let id = asked(&world, &owner, csv()).await;
            let first = world.export();
            let ended = world.run(async { first.run(&id, ample()).await }).await;
            if !matches!(ended, Ended::Answered(Ok(()))) || !job(&world, &id).await.state.is_over() {
                world.advance(LATER_MS);
                run(&world, &id).await;
            }
            let done = job(&world, &id).await;
            assert_eq!(done.state, JobState::Done, "{fault:?} at {call}: {:?}", done.problem);
            if let Ended::Stalled(zombie) = ended {
                world.script.resume.notify_waiters();
                world.script.resume.notify_one();
                drop(zombie.await);
                assert_eq!(job(&world, &id).await, done, "{fault:?} at {call}: the zombie changed it");
            }
            let read: Vec<CodeText> = rows(&bytes(&world, &done).await).into_iter().map(|(code, _)| code).collect();
            assert_eq!(read, world.codes, "{fault:?} at {call}");
            let audit = world.rows().await.audit;
            assert_eq!(audit.iter().filter(|entry| entry.action == "job.done").count(), 1, "{fault:?} at {call}");
        }
    }
}

// proves: COD-07, TXN-04
#[tokio::test]
async fn a_job_in_hand_is_left_alone_and_one_that_never_ends_is_given_up() {
    let (world, owner) = town(12, Script::default()).await;
    let id = asked(&world, &owner, csv()).await;
    for life in 1..=MAX_CLAIMS {
        let held = job(&world, &id).await;
        let domain::job::Step::Claim(claimed) = held.step("another", world.now()) else { panic!("life {life}") };
        world.store.save_job(&held, &claimed, soon()).await.expect("nobody else writes it");
        assert_eq!(run(&world, &id).await, *claimed, "somebody has it");
        world.advance(LATER_MS);
    }
    let over = run(&world, &id).await;
    assert_eq!(
        (over.state, over.problem.map(|problem| problem.code).as_deref()),
        (JobState::Failed, Some("keeps_failing"))
    );
    assert_eq!(run(&world, &id).await.version, over.version, "what is over stays so");
}

// proves: COD-07, TXN-04
#[tokio::test]
async fn an_export_that_is_cancelled_midway_gives_no_file() {
    for call in 3..12 {
        let (world, owner) = town(101, Script::plan([(call, Fault::Stall)])).await;
        let id = asked(&world, &owner, csv()).await;
        let worker = world.export();
        let Ended::Stalled(stalled) = world.run(async { worker.run(&id, ample()).await }).await else {
            assert!(call > 8, "call {call} was made");
            return;
        };
        let before = job(&world, &id).await;
        if before.lease.is_none() {
            continue;
        }
        let wished = before.cancelled_by(&owner.id, world.now()).expect("it runs");
        world.store.save_job(&before, &wished, soon()).await.expect("nobody else writes it");
        world.script.resume.notify_one();
        drop(stalled.await);
        let after = job(&world, &id).await;
        assert_eq!((after.state, after.files.len()), (JobState::Cancelled, 0), "call {call}: {after:?}");
    }
}

// proves: COD-07, ACC-03
#[tokio::test]
async fn whoever_loses_the_right_gets_no_file() {
    let (world, owner) = town(12, Script::default()).await;
    let id = asked(&world, &owner, csv()).await;
    let gone = User { state: UserState::Deactivated, version: owner.version + 1, ..owner.clone() };
    let act = world.store.act(&System("test"), world.now(), Class::Change, "user.deactivated", "user:x".to_owned());
    let act = act.expect("chance").user(Some(&owner), &gone).expect("rows");
    act.commit(soon()).await.expect("nobody else writes it");
    let over = run(&world, &id).await;
    assert_eq!(
        (over.state, over.problem.map(|problem| problem.code).as_deref()),
        (JobState::Failed, Some("not_permitted"))
    );
    assert!(over.files.is_empty());
}

// proves: COD-07
#[tokio::test]
async fn what_does_not_fit_one_life_is_refused_in_words() {
    let (world, owner) = town(12, Script::default()).await;
    let id = asked(&world, &owner, csv()).await;
    world.export().run(&id, Instant::now() + Duration::from_secs(30)).await.expect("the table answers");
    let over = job(&world, &id).await;
    let problem = over.problem.expect("a problem");
    assert_eq!((over.state, problem.code.as_str()), (JobState::Failed, "too_large"));
    assert!(problem.text.contains("ranges of sheets"), "{}", problem.text);
}

// proves: COD-07
#[tokio::test]
async fn a_file_that_was_replaced_or_removed_after_its_check_gets_no_link() {
    let (world, owner) = town(12, Script::default()).await;
    let done = run(&world, &asked(&world, &owner, csv()).await).await;
    let file = &done.files[0];
    let files = world.files();
    let link = files.link(file).await.expect("a link");
    let answer = Client::new().get(&link.url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let saved = answer.headers()["content-disposition"].to_str().expect("text").to_owned();
    assert!(saved.starts_with("attachment; filename=\"BATCH_TEST-20261120-100000.csv\""), "{saved}");
    assert_eq!(sha256(&answer.bytes().await.expect("the file")), file.sha256);

    let mut other = files.upload(file.key.clone(), &file.name, &file.content_type);
    other.write(vec![b'x'; usize::try_from(file.bytes).expect("small")]).await.expect("it takes it");
    other.finish().await.expect("another object under the same name");
    assert_eq!(files.link(file).await, Err(FilesError::Different));
    let gone = JobFile { key: format!("{}-gone", file.key), ..file.clone() };
    assert_eq!(files.link(&gone).await, Err(FilesError::Missing));
}

// proves: COD-07
#[tokio::test]
async fn a_link_ends() {
    let (world, owner) = town(1, Script::default()).await;
    let done = run(&world, &asked(&world, &owner, csv()).await).await;
    let file = &done.files[0];
    let link = world.files().presign_get(&file.key, &file.name, Duration::from_secs(1)).await.expect("a link");
    assert!(!format!("{link:?}").contains("Signature"), "a link is no text for logs");
    let client = Client::new();
    assert_eq!(client.get(&link.url).send().await.expect("an answer").status(), StatusCode::OK);
    // Only the machine's own time ends it, so this waits for that, not for a number of seconds.
    let mut every = tokio::time::interval(Duration::from_millis(50));
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            every.tick().await;
            let status = client.get(&link.url).send().await.expect("an answer").status();
            if status != StatusCode::OK {
                return status;
            }
        }
    });
    assert_eq!(ended.await.expect("it ends"), StatusCode::FORBIDDEN);
    let forged = link.url.replace("X-Amz-Expires=1", "X-Amz-Expires=600");
    assert_eq!(client.get(&forged).send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
}

// proves: COD-04
#[tokio::test]
async fn a_link_to_upload_takes_the_announced_bytes_of_csv_and_nothing_else() {
    let (world, owner) = town(1, Script::default()).await;
    let upload = UploadId::drawn(world.now(), store::chance().expect("chance"));
    let key = upload_key(&owner.id, &upload);
    let files = world.files();
    let link = files.presign_put(&key, 5, Duration::from_secs(600)).await.expect("a link");
    let put = |url: String, kind: &'static str, body: &'static str| async move {
        let call = Client::new().put(url).header("content-type", kind).body(body);
        call.send().await.expect("an answer").status()
    };
    assert!(link.headers.contains(&("content-type".to_owned(), UPLOAD_TYPE.to_owned())), "{:?}", link.headers);
    for (kind, body) in [(UPLOAD_TYPE, "Code\nX"), (UPLOAD_TYPE, "Code"), ("text/html", "Code\n")] {
        assert_eq!(put(link.url.clone(), kind, body).await, StatusCode::FORBIDDEN, "{kind} {body:?}");
    }
    assert_eq!(files.head(&key).await, Ok(None));
    let elsewhere = link.url.replace(upload.as_str(), "00000000000000000000000000000000");
    assert_eq!(put(elsewhere, UPLOAD_TYPE, "Code\n").await, StatusCode::FORBIDDEN);
    assert_eq!(put(link.url, UPLOAD_TYPE, "Code\n").await, StatusCode::OK);
    let (bytes, etag) = files.get(&key, 5).await.expect("it lies there");
    assert_eq!((bytes.as_slice(), files.head(&key).await), (&b"Code\n"[..], Ok(Some((5, etag)))));
    assert_eq!(files.get(&key, 4).await, Err(FilesError::TooLarge { most: 4 }));
    assert_eq!(files.get("uploads/nobody/x.csv", 4).await, Err(FilesError::Missing));
}

// proves: COD-07
#[tokio::test]
async fn a_file_of_many_parts_is_put_together_and_read_back() {
    let (world, _) = town(1, Script::default()).await;
    let job = JobId::drawn(world.now(), [9; 10]);
    let key = files::result_key(&job, 1, "large.bin");
    let mut upload = world.files().upload(key.clone(), "large.bin", "application/octet-stream");
    let mut whole = Vec::new();
    for number in 0..20u32 {
        let piece = digest(&["piece", &number.to_string()]).repeat(32 * 1024);
        whole.extend_from_slice(&piece);
        upload.write(piece).await.expect("it takes it");
    }
    let file = upload.finish().await.expect("whole");
    assert_eq!((file.bytes, &file.sha256), (20 << 20, &sha256(&whole)));
    assert!(world.files().get(&key, 20 << 20).await.expect("it lies there").0 == whole);

    let mut given_up = world.files().upload(files::result_key(&job, 2, "x"), "x", "application/octet-stream");
    given_up.write(whole).await.expect("it takes it");
    given_up.abort().await;
    assert_eq!(world.files().head(&files::result_key(&job, 2, "x")).await, Ok(None));
}
