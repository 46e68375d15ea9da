//! Codes that come back to life are judged by the ceiling of all money as new ones are (BAT-09).

use domain::{settings::Settings, time::DAY_MS};
use door::{
    Got, Office, Person,
    codes::{BATCHES, CODES, text_of},
};
use rig::world::Setup;
use serde_json::{Value, json};

const CEILING: u64 = 10_000;

async fn open() -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    settings.codes.ceiling_in_all = Some(CEILING);
    Office::with(Setup { codes: 0, files: true, settings: Some(settings), ..Setup::default() }).await
}

async fn dated(office: &Office, by: &Person, batch: &str, date: &str) -> Got {
    let tag = office.batch(by, batch).await.etag();
    let put = office.ask("PUT", &format!("{BATCHES}/{batch}")).by(by).if_match(&tag);
    put.json(&json!({ "expires_at": date })).send().await
}

/// The state of the job that makes codes of `amount` in a new batch.
async fn asked(office: &Office, by: &Person, name: &str, amount: u64) -> Value {
    let form = json!({ "name": name, "amount": amount, "total_codes": 1 });
    office.ask("POST", BATCHES).by(by).json(&form).send().await.expect(201).body["job"]["state"].clone()
}

// proves: BAT-05, BAT-09
#[tokio::test(flavor = "multi_thread")]
async fn a_later_date_brings_nothing_back_beyond_the_ceiling() {
    let office = open().await;
    let first = office.first().await;
    let old = office.batch_of(&first, "Old", 1_000, 6).await;
    office.bring(&first, &old, "expired").await.expect(200);
    let new = office.batch_of(&first, "New", 1_000, 6).await;
    let got = dated(&office, &first, &old, "2027-06-30T00:00:00Z").await.expect(422);
    assert_eq!(
        (text_of(&got.body, "/errors/0/field"), text_of(&got.body, "/errors/0/code")),
        ("expires_at", "ceiling")
    );
    assert_eq!(office.batch(&first, &old).await.body["state"], "expired");

    office.bring(&first, &new, "expired").await.expect(200);
    dated(&office, &first, &old, "2027-06-30T00:00:00Z").await.expect(200);
    assert_eq!(office.batch(&first, &old).await.body["state"], "active");
    dated(&office, &first, &new, "2027-06-30T00:00:00Z").await.expect(422);
}

// proves: BAT-09, COD-16
#[tokio::test(flavor = "multi_thread")]
async fn a_code_with_a_date_beyond_its_batchs_stays_in_the_sum() {
    let office = open().await;
    let mut first = office.first().await;
    let form = json!({ "name": "Short", "amount": 1_000, "total_codes": 2, "expires_at": "2026-11-22T00:00:00Z" });
    let made = office.ask("POST", BATCHES).by(&first).json(&form).send().await.expect(201);
    assert_eq!(office.work(text_of(&made.body, "/job/id")).await, "done");
    let batch = text_of(&made.body, "/batch/id");
    let (id, _) = office.codes_of(batch).await.swap_remove(0);
    let path = format!("{CODES}/{id}");
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    let put = office.ask("PUT", &path).by(&first).if_match(&tag);
    put.json(&json!({ "expires_at": "2027-06-30T00:00:00Z" })).send().await.expect(200);

    office.world.advance(3 * DAY_MS);
    office.sign_in(&mut first).await;
    office.world.functions.sweeper.sweep().await.expect("a sweep");
    assert_eq!(office.batch(&first, batch).await.body["state"], "expired");
    let figures = office.ask("GET", &format!("{BATCHES}/{batch}/stats")).by(&first).send().await.expect(200);
    assert_eq!(figures.body["figures"]["active"], 1, "the one with a date of its own");
    assert_eq!(asked(&office, &first, "Too much", CEILING - 999).await, "waiting");
    // What waits counts too, until somebody decides.
    let jobs = office.ask("GET", "/api/v1/admin/jobs?state=waiting").by(&first).send().await.expect(200);
    let cancel = format!("/api/v1/admin/jobs/{}/cancel", text_of(&jobs.body, "/items/0/id"));
    office.ask("POST", &cancel).by(&first).send().await.expect(202);
    assert_eq!(asked(&office, &first, "Just enough", CEILING - 1_000).await, "queued");
}
