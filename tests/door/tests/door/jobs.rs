//! The centre of jobs, exports and their links, uploads.

use domain::{id::JobId, settings::Settings};
use door::{
    Got, Office, Person,
    codes::{BATCHES, CODES, JOBS, text_of},
};
use rig::world::Setup;
use serde_json::{Value, json};
use std::sync::Arc;

async fn open(change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    change(&mut settings);
    Office::with(Setup { codes: 0, files: true, settings: Some(settings), ..Setup::default() }).await
}

async fn get(office: &Office, by: &Person, path: &str) -> Got {
    office.ask("GET", path).by(by).send().await
}

async fn post(office: &Office, by: &Person, path: &str, form: &Value) -> Got {
    office.ask("POST", path).by(by).json(form).send().await
}

async fn links(office: &Office) -> usize {
    let entries = office.world.rows().await.audit;
    entries.iter().filter(|entry| entry.action == "job.file.downloaded").count()
}

// proves: API-07, COD-07, BAT-11
#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_made_once_for_a_question_and_shown_from_then_on() {
    let office = Arc::new(open(|settings| settings.security.limits.downloads_per_hour = 7).await);
    let first = office.first().await;
    let viewer = office.person(&["viewer"], false).await;
    let batch = office.batch_of(&first, "Export", 500, 30).await;
    let path = format!("{CODES}/download?batch_id={batch}");
    get(&office, &viewer, &path).await.expect(403);
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (office, first) = (Arc::clone(&office), first.clone());
        let route = if number % 2 == 0 { "download" } else { "export" };
        let path = format!("{CODES}/{route}?batch_id={batch}&format=csv");
        asked.spawn(async move { get(&office, &first, &path).await.expect(202) });
    }
    let mut jobs: Vec<String> = asked.join_all().await.iter().map(|got| text_of(&got.body, "/id").to_owned()).collect();
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "one job for one question");
    let job = jobs.swap_remove(0);
    // Others' questions, and other questions, are others.
    let second = office.person(&["campaign-manager"], true).await;
    assert_ne!(text_of(&get(&office, &second, &path).await.expect(202).body, "/id"), job);
    let sheets = get(&office, &first, &format!("{path}&sheet_from=1&sheet_to=2")).await.expect(202);
    assert_eq!(sheets.body["asked"], 24);
    get(&office, &first, &format!("{path}&sheet_from=3&sheet_to=4")).await.expect(422);

    assert_eq!(office.work(&job).await, "done");
    assert_eq!(links(&office).await, 0);
    let got = get(&office, &first, &path).await.expect(200);
    assert_eq!(got.body["job"]["id"], job.as_str());
    let file = &got.body["files"][0];
    assert!(text_of(file, "/name").starts_with("BATCH_EXPORT-20261120-"), "{file}");
    assert!(text_of(file, "/url").contains("X-Amz-Expires=600"), "{file}");
    assert_eq!(text_of(file, "/sha256").len(), 64);
    assert_eq!(links(&office).await, 1);
    // By its job, too.
    let link = format!("{JOBS}/{job}/files/0");
    assert_eq!(get(&office, &first, &link).await.expect(200).body["name"], file["name"]);
    get(&office, &first, &format!("{JOBS}/{job}/files/1")).await.expect(404);
    get(&office, &second, &link).await.expect(404);

    // Codes that came later make it another question; starting afresh is a POST.
    let form = json!({ "batch_id": batch, "count": 1 });
    let more = post(&office, &first, &format!("{CODES}/generate"), &form).await.expect(202);
    office.work(text_of(&more.body, "/job/id")).await;
    let coming = get(&office, &first, &path).await.expect(202);
    assert_ne!(text_of(&coming.body, "/id"), job);
    let afresh = office.ask("POST", &format!("{CODES}/export?batch_id={batch}")).by(&first).send().await.expect(202);
    let newest = text_of(&afresh.body, "/job/id").to_owned();
    assert_ne!(newest, text_of(&coming.body, "/id"));
    assert_eq!(text_of(&get(&office, &first, &path).await.expect(202).body, "/id"), newest);
    office.work(&newest).await;

    // What lies there is not what was verified: no link.
    let id = JobId::parse(&newest).expect("an id");
    let key = office.world.job(&id).await.files[0].key.clone();
    let mut upload = office.world.files().upload(key, "other.csv", "text/csv");
    upload.write(b"code\r\nother\r\n".to_vec()).await.expect("the bucket takes it");
    upload.finish().await.expect("the bucket has it");
    assert_eq!(get(&office, &first, &path).await.expect(409).code(), "file_changed");
    assert_eq!(get(&office, &first, &format!("{JOBS}/{newest}/files/0")).await.expect(409).code(), "file_changed");
    // Six of the hour are used: three exports that were begun by asking, two links and the POST.
    get(&office, &first, &link).await.expect(200);
    let got = get(&office, &first, &link).await.expect(429);
    assert_ne!(got.header("retry-after"), "");
    assert_eq!(links(&office).await, 3);
}

// proves: TXN-04, COD-03
#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_own_jobs_and_who_watches_the_system_sees_all() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let manager = office.person(&["campaign-manager"], true).await;
    let watch = office.person(&["system-administrator"], true).await;
    let viewer = office.person(&["viewer"], false).await;
    let batch = office.batch_of(&first, "Jobs", 500, 0).await;
    let form = json!({ "batch_id": batch, "count": 12 });
    let got = post(&office, &manager, &format!("{CODES}/generate"), &form).await.expect(202);
    let job = text_of(&got.body, "/job/id").to_owned();
    let path = format!("{JOBS}/{job}");
    let list = async |by: &Person, query: &str| {
        let got = get(&office, by, &format!("{JOBS}{query}")).await.expect(200);
        got.body["items"].as_array().expect("a list").len()
    };
    assert_eq!([list(&manager, "").await, list(&watch, "").await, list(&viewer, "").await], [1, 1, 0]);
    assert_eq!([list(&manager, "?state=queued").await, list(&manager, "?state=done").await], [1, 0]);
    assert_eq!([list(&manager, "?kind=generate").await, list(&manager, "?kind=export").await], [1, 0]);
    assert_eq!([list(&manager, "?batch_id=x").await, list(&manager, &format!("?batch_id={batch}")).await], [0, 1]);
    get(&office, &viewer, &path).await.expect(404);
    let queued = get(&office, &manager, &path).await.expect(200);
    assert_eq!((&queued.body["percent"], &queued.body["asked"]), (&json!(0), &json!(12)));
    let polled = office.ask("GET", &path).by(&manager).header("if-none-match", &queued.etag()).send().await;
    assert_eq!(polled.status, 304);
    office.work(&job).await;
    let polled = office.ask("GET", &path).by(&manager).header("if-none-match", &queued.etag()).send().await.expect(200);
    assert_eq!((&polled.body["state"], &polled.body["percent"]), (&json!("done"), &json!(100)));
    assert_eq!(get(&office, &watch, &path).await.expect(200).body["owner"], manager.id.as_str());
    let notices = get(&office, &manager, "/api/v1/admin/notices").await.expect(200);
    assert_eq!(notices.body["items"][0]["text"], "12 codes made");
    assert_eq!(get(&office, &watch, "/api/v1/admin/notices").await.expect(200).body["items"], json!([]));
    for by in [&manager, &watch] {
        assert_eq!(post(&office, by, &format!("{path}/cancel"), &json!({})).await.expect(409).code(), "job_over");
    }
    assert_eq!(post(&office, &manager, &format!("{path}/retry"), &json!({})).await.expect(409).code(), "not_retryable");
    // A program of its owner's does the same by its key.
    let form = json!({ "name": "press", "scope": ["promo-codes.generate"], "days": 1 });
    let key = post(&office, &manager, "/api/v1/auth/keys", &form).await.expect(201);
    let key = text_of(&key.body, "/token");
    office.ask("GET", &path).bearer(key).send().await.expect(200);
    office.ask("GET", JOBS).bearer(key).send().await.expect(200);
}

// proves: TXN-04, COD-03
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_leaves_nothing_and_can_be_asked_for_again() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let form = json!({ "name": "Stopped", "amount": 500, "total_codes": 24 });
    let got = post(&office, &first, &format!("{BATCHES}/generate"), &form).await.expect(202);
    let (batch, job) = (text_of(&got.body, "/batch/id").to_owned(), text_of(&got.body, "/job/id").to_owned());
    let path = format!("{JOBS}/{job}");
    let cancelled = post(&office, &first, &format!("{path}/cancel"), &json!({})).await.expect(202);
    assert_eq!((&cancelled.body["state"], &cancelled.body["cancel_asked"]), (&json!("queued"), &json!(true)));
    // Once more is no other wish.
    post(&office, &first, &format!("{path}/cancel"), &json!({})).await.expect(202);
    assert_eq!(office.work(&job).await, "cancelled");
    let got = office.batch(&first, &batch).await;
    assert_eq!((&got.body["state"], &got.body["codes"], &got.body["coming"]), (&json!("active"), &json!(0), &json!(0)));
    assert_eq!(office.world.rows().await.issued.values().sum::<i64>(), 0);
    let again = post(&office, &first, &format!("{path}/retry"), &json!({})).await.expect(202);
    let anew = text_of(&again.body, "/job/id");
    assert_ne!(anew, job);
    assert_eq!(office.work(anew).await, "done");
    assert_eq!(office.batch(&first, &batch).await.body["codes"], 24);
    assert_eq!(office.world.rows().await.issued.values().sum::<i64>(), 12_000);
    let broken = office.world.broken(false).await;
    assert!(broken.is_empty(), "{broken:?}");
}

// proves: COD-04
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_put_to_a_link_and_imported_by_its_owner_only() {
    let office = open(|settings| settings.security.limits.uploads_per_hour = 2).await;
    let first = office.first().await;
    let other = office.person(&["campaign-manager"], true).await;
    let csv = b"Code,Shop\r\nABCD-1234,Kimironko\r\nEFGH5678,Remera\r\n";
    let uploads = "/api/v1/admin/uploads";
    let form = json!({ "bytes": csv.len(), "file_name": "shops.csv" });
    let got = post(&office, &first, uploads, &form).await.expect(201);
    assert!(text_of(&got.body, "/url").contains("X-Amz-Signature="));
    assert_eq!(got.body["method"], "PUT");
    let upload = text_of(&got.body, "/upload").to_owned();
    office.world.upload(&format!("uploads/{}/{upload}.csv", first.id), csv).await;
    // Somebody else who names it names a file of their own, and there is none.
    let form = json!({ "name": "Theirs", "amount": 500, "upload": upload, "file_name": "shops.csv" });
    let got = post(&office, &other, &format!("{BATCHES}/import"), &form).await.expect(202);
    assert_eq!(office.work(text_of(&got.body, "/job/id")).await, "failed");
    let failed = get(&office, &other, got.header("location")).await.expect(200);
    assert_eq!(failed.body["problem"]["code"], "no_upload");

    let form = json!({ "name": "Imported", "amount": 500, "upload": upload, "file_name": "shops.csv" });
    let got = post(&office, &first, &format!("{BATCHES}/import"), &form).await.expect(202);
    assert_eq!(office.work(text_of(&got.body, "/job/id")).await, "done");
    let batch = text_of(&got.body, "/batch/id").to_owned();
    let list = get(&office, &first, &format!("{CODES}?batch_id={batch}")).await.expect(200);
    assert_eq!(list.body["items"][0]["origin"], "imported");
    assert_eq!(list.body["items"][1]["metadata"], json!([{ "name": "Shop", "value": "Remera" }]));
    // The same again: every code is there already, and the report says so line by line.
    let form = json!({ "batch_id": batch, "upload": upload });
    let got = post(&office, &first, &format!("{CODES}/import"), &form).await.expect(202);
    let job = text_of(&got.body, "/job/id").to_owned();
    assert_eq!(office.work(&job).await, "failed");
    get(&office, &first, &format!("{JOBS}/{job}/files/0")).await.expect(200);
    get(&office, &other, &format!("{JOBS}/{job}/files/0")).await.expect(404);
    assert_eq!(office.batch(&first, &batch).await.body["codes"], 2);

    let form = json!({ "bytes": 5 });
    post(&office, &first, uploads, &form).await.expect(201);
    let got = post(&office, &first, uploads, &form).await.expect(429);
    assert_ne!(got.header("retry-after"), "");
    for bytes in [json!(0), json!(33_554_433u64), json!(1.5)] {
        let got = post(&office, &first, uploads, &json!({ "bytes": bytes })).await.expect(422);
        assert_eq!(text_of(&got.body, "/errors/0/field"), "bytes");
    }
    // A blocked batch takes none.
    office.bring(&first, &batch, "blocked").await.expect(200);
    for (path, form) in [
        ("import", json!({ "batch_id": batch, "upload": upload })),
        ("generate", json!({ "batch_id": batch, "count": 1 })),
    ] {
        assert_eq!(post(&office, &first, &format!("{CODES}/{path}"), &form).await.expect(409).code(), "no_such_move");
    }
}

// proves: COD-09, COD-13
#[tokio::test(flavor = "multi_thread")]
async fn many_codes_are_changed_as_a_job_with_a_result_for_each() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let manager = office.person(&["campaign-manager"], true).await;
    let batch = office.batch_of(&first, "Bulk", 500, 30).await;
    let codes = office.codes_of(&batch).await;
    let bulk = format!("{CODES}/bulk");
    let viewer = office.person(&["viewer"], false).await;
    let sheet = json!({ "act": "block", "reason": "stolen", "batch_id": batch, "sheet_from": 2, "sheet_to": 2 });
    post(&office, &viewer, &bulk, &sheet).await.expect(403);
    let got = post(&office, &manager, &bulk, &sheet).await.expect(202);
    assert_eq!(got.body["job"]["asked"], 12);
    let job = text_of(&got.body, "/job/id").to_owned();
    assert_eq!(office.work(&job).await, "done");
    let figures = get(&office, &first, &format!("{BATCHES}/{batch}/stats")).await.expect(200);
    assert_eq!((&figures.body["figures"]["blocked"], &figures.body["figures"]["active"]), (&json!(12), &json!(18)));
    let done = get(&office, &manager, &format!("{JOBS}/{job}")).await.expect(200);
    assert_eq!((&done.body["done"], &done.body["failed"]), (&json!(12), &json!(0)));
    assert_eq!(done.body["files"].as_array().expect("a list").len(), 1);
    // By selection; what isn't possible is told and stops nothing.
    let form = json!({ "act": "block", "reason": "stolen", "codes": [codes[0].0, codes[12].0, "none-1"] });
    let got = post(&office, &manager, &bulk, &form).await.expect(202);
    let job = text_of(&got.body, "/job/id").to_owned();
    office.work(&job).await;
    let done = get(&office, &manager, &format!("{JOBS}/{job}")).await.expect(200);
    assert_eq!((&done.body["done"], &done.body["failed"]), (&json!(3), &json!(2)));
    // Reporting has a right of its own.
    let form = json!({ "act": "report", "reason": "seen for sale", "codes": [codes[0].0] });
    assert_eq!(post(&office, &manager, &bulk, &form).await.expect(403).code(), "permission_missing");
    post(&office, &first, &bulk, &form).await.expect(202);
    for (form, field) in [
        (json!({ "act": "block", "reason": "x" }), "codes"),
        (json!({ "act": "block", "reason": "x", "codes": ["a-1"], "batch_id": batch }), "codes"),
        (json!({ "act": "block", "reason": "x", "codes": ["a-1"], "state": "active" }), "batch_id"),
        (json!({ "act": "block", "reason": "x", "codes": ["no id"] }), "codes"),
        (json!({ "act": "block", "reason": " ", "codes": ["a-1"] }), "reason"),
        (json!({ "act": "block", "reason": "x", "batch_id": batch, "sheet_from": 3, "sheet_to": 9 }), "sheet_to"),
    ] {
        let got = post(&office, &first, &bulk, &form).await.expect(422);
        assert_eq!(text_of(&got.body, "/errors/0/field"), field, "{form}");
    }
}

// proves: COD-03, COD-07, BAT-09
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_told_of_a_job_at_once_and_of_one_that_waits_when_it_is_agreed_to() {
    let office = open(|settings| settings.codes.ceiling_per_batch = Some(10_000)).await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let told = async || {
        let (codes, files) = office.world.nudged_jobs().await;
        [codes, files].map(|nudges| nudges.into_iter().map(|nudge| nudge.job.to_string()).collect::<Vec<_>>())
    };
    let form = json!({ "name": "Told", "amount": 1_000, "total_codes": 10 });
    let got = post(&office, &first, BATCHES, &form).await.expect(201);
    let job = text_of(&got.body, "/job/id").to_owned();
    assert_eq!(told().await, [vec![job.clone()], Vec::new()]);
    office.work(&job).await;
    let batch = text_of(&got.body, "/batch/id").to_owned();
    let got = get(&office, &first, &format!("{CODES}/download?batch_id={batch}")).await.expect(202);
    assert_eq!(told().await, [Vec::new(), vec![text_of(&got.body, "/id").to_owned()]]);
    let form = json!({ "batch_id": batch, "count": 1 });
    let got = post(&office, &first, &format!("{CODES}/generate"), &form).await.expect(202);
    assert_eq!(told().await, [Vec::<String>::new(), Vec::new()]);
    let approve = format!("{CODES}/approvals/{}/approve", text_of(&got.body, "/change/id"));
    office.ask("POST", &approve).by(&second).send().await.expect(200);
    assert_eq!(told().await, [vec![text_of(&got.body, "/job/id").to_owned()], Vec::new()]);
}
