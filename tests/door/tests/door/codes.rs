//! Codes as staff find, see and change them.

use domain::settings::Settings;
use door::{
    Got, Office, Person,
    codes::{BATCHES, CODES, text_of},
};
use rig::world::Setup;
use serde_json::{Value, json};

async fn open(change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    change(&mut settings);
    Office::with(Setup { codes: 0, files: true, settings: Some(settings), ..Setup::default() }).await
}

async fn get(office: &Office, by: &Person, path: &str) -> Got {
    office.ask("GET", &format!("{CODES}{path}")).by(by).send().await
}

/// All pages of a list: the ids, and how many pages there were.
async fn all(office: &Office, by: &Person, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    let mut cursor = String::new();
    loop {
        let got = get(office, by, &format!("?{query}{cursor}")).await.expect(200);
        let items = got.body["items"].as_array().expect("a list");
        ids.extend(items.iter().map(|item| text_of(item, "/id").to_owned()));
        pages += 1;
        match got.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, pages),
        }
    }
}

/// How often each code was revealed, by the log.
async fn revealed(office: &Office) -> Vec<String> {
    let entries = office.world.rows().await.audit;
    let mut found: Vec<String> =
        entries.iter().filter(|entry| entry.action == "code.revealed").map(|entry| entry.entity.clone()).collect();
    found.sort();
    found
}

// proves: COD-08, COD-13
#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_listed_once_in_the_order_of_print() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let batch = office.batch_of(&first, "Listed", 500, 250).await;
    let form = json!({ "batch_id": batch, "count": 30 });
    let more = office.ask("POST", &format!("{CODES}/generate")).by(&first).json(&form).send().await.expect(202);
    assert_eq!(more.header("location"), format!("/api/v1/admin/jobs/{}", text_of(&more.body, "/job/id")));
    office.work(text_of(&more.body, "/job/id")).await;
    let other = office.batch_of(&first, "Second", 700, 5).await;
    let codes: Vec<String> = office.codes_of(&batch).await.into_iter().map(|(id, _)| id).collect();
    let others: Vec<String> = office.codes_of(&other).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!((codes.len(), others.len()), (280, 5));
    for limit in [1, 7, 96, 97, 200] {
        if limit > 1 {
            let (found, _) = all(&office, &first, &format!("batch_id={batch}&limit={limit}")).await;
            assert_eq!(found, codes, "{limit}");
        }
        let (found, _) = all(&office, &first, &format!("batch_id={other}&limit={limit}")).await;
        assert_eq!(found, others, "{limit}");
    }
    // Through all batches, newest first.
    let (found, pages) = all(&office, &first, "limit=100").await;
    assert_eq!(found, [others.clone(), codes.clone()].concat());
    assert!(pages >= 3);
    // Sheets: the first run has 21 of them, the last one with ten codes; the next run begins a new one.
    let (found, _) = all(&office, &first, &format!("batch_id={batch}&sheet_from=21&sheet_to=22")).await;
    assert_eq!(found, codes[240..262]);
    let (found, _) = all(&office, &first, &format!("batch_id={batch}&sheet_from=24&sheet_to=24")).await;
    assert_eq!(found, codes[274..280]);
    let got = get(&office, &first, &format!("/{}", codes[262])).await.expect(200);
    assert_eq!((&got.body["sheet"], &got.body["slot"]), (&json!(23), &json!(1)));
    assert_eq!((&got.body["batch_number"], &got.body["batch_name"]), (&json!(2), &json!("BATCH_LISTED")));

    // By state: pages may be empty and go on.
    let block = office.ask("PUT", &format!("{CODES}/{}/disable", codes[200])).by(&first);
    block.json(&json!({ "reason": "stolen" })).send().await.expect(200);
    let (found, _) = all(&office, &first, &format!("batch_id={batch}&state=blocked")).await;
    assert_eq!(found, [codes[200].clone()]);
    let (found, _) = all(&office, &first, "state=redeemed").await;
    assert!(found.is_empty());
    // Sheets and parts of a code are a batch's.
    for query in ["sheet_from=1", "text=ABCD"] {
        let got = get(&office, &first, &format!("?{query}")).await.expect(422);
        assert_eq!(text_of(&got.body, "/errors/0/field"), "batch_id");
    }
    let got = get(&office, &first, &format!("?batch_id={batch}&sheet_from=3&sheet_to=2")).await.expect(422);
    assert_eq!(text_of(&got.body, "/errors/0/field"), "sheet_from");
    get(&office, &first, "?batch_id=nowhere").await.expect(404);
}

// proves: COD-08, COD-14
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_has_claimed_is_masked_and_each_reveal_is_on_record() {
    let office = open(|settings| settings.codes.lookups_per_hour = 3).await;
    let first = office.first().await;
    let viewer = office.person(&["viewer"], false).await;
    let batch = office.batch_of(&first, "Masked", 5_000, 3).await;
    let codes = office.codes_of(&batch).await;
    let (id, text) = &codes[0];
    let list = format!("?batch_id={batch}");
    for by in [&first, &viewer] {
        for path in [list.clone(), format!("/{id}")] {
            let got = get(&office, by, &path).await.expect(200);
            for (_, text) in &codes {
                assert!(
                    !got.text.contains(text.as_str()) && !got.text.contains(&text.replace('-', "")),
                    "{}",
                    got.text
                );
            }
            assert!(got.text.contains(&format!("{}-****", &text[..4])) || !got.text.contains(id), "{}", got.text);
        }
    }
    assert_eq!(revealed(&office).await, Vec::<String>::new());
    let reveal = format!("/{id}?reveal=true");
    assert_eq!(get(&office, &viewer, &reveal).await.expect(403).code(), "permission_missing");
    let got = get(&office, &first, &reveal).await.expect(200);
    assert_eq!((got.body["code"].as_str(), &got.body["masked"]), (Some(text.as_str()), &json!(false)));
    assert_eq!(revealed(&office).await, [format!("code:{id}")]);
    // A search by who may download shows it too, and says so in the log.
    let got = get(&office, &first, &format!("/search?code={}", codes[1].1)).await.expect(200);
    assert_eq!(got.body["code"].as_str(), Some(codes[1].1.as_str()));
    assert_eq!(revealed(&office).await.len(), 2);

    // Parts: at least four characters, as a code is read, counted for who may not download.
    let lower = text[..6].to_lowercase();
    let part = |part: &str| format!("{list}&text={part}");
    for _ in 0..3 {
        let got = get(&office, &viewer, &part(&lower)).await.expect(200);
        assert_eq!(text_of(&got.body, "/items/0/id"), id);
        assert_eq!(got.body["items"][0]["masked"], true);
    }
    let got = get(&office, &viewer, &part(&lower)).await.expect(429);
    assert_ne!(got.header("retry-after"), "");
    get(&office, &viewer, &list).await.expect(200);
    for _ in 0..5 {
        get(&office, &first, &part(&lower)).await.expect(200);
    }
    let got = get(&office, &first, &part("AB-C")).await.expect(422);
    assert_eq!(text_of(&got.body, "/errors/0/field"), "text");

    // A claim can still be taken back: it is no secret any more once its value was delivered.
    office.world.hop("s-1", "+250788123456", text).await;
    let got = get(&office, &viewer, &format!("/{id}")).await.expect(200);
    assert_eq!((&got.body["masked"], &got.body["state"]), (&json!(true), &json!("used")));
    assert!(got.body["redemption"].is_string() && got.body["claimed_at"].is_string());
    get(&office, &first, &reveal).await.expect(200);
    assert_eq!(revealed(&office).await.len(), 3);
    // No text of a code is in the log.
    let log = format!("{:?}", office.world.rows().await.audit);
    for (_, text) in &codes {
        assert!(!log.contains(text.as_str()) && !log.contains(&text.replace('-', "")));
    }
}

// proves: COD-08, COD-10, COD-15
#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_judged_without_changing_anything() {
    let office = open(|settings| settings.codes.lookups_per_hour = 8).await;
    let first = office.first().await;
    let clerk = office.person(&["batch-manager"], false).await;
    let batch = office.batch_of(&first, "Judged", 500, 12).await;
    let codes = office.codes_of(&batch).await;
    let text = &codes[3].1;
    // Every 0 of a printed code can have been read as an O: the date has at least one.
    let misread = text.replace('0', "O");
    assert_ne!(&misread, text);
    let validate = async |code: &str| {
        let form = json!({ "code": code });
        office.ask("POST", &format!("{CODES}/validate")).by(&first).json(&form).send().await
    };
    for (code, valid, reason, exists, corrected) in [
        (text.to_lowercase().replace('-', " "), true, json!(null), true, false),
        (misread.clone(), true, json!(null), true, true),
        ("7K3M-9A26-CE11-XH05".to_owned(), true, json!(null), false, false),
        ("7K3M-9A26-CE13-XH05".to_owned(), false, json!("date_part"), false, false),
        ("7K3M-9A26-CE11".to_owned(), false, json!("length"), false, false),
        ("7K3M-9A26-CE11-XH0é".to_owned(), false, json!("character"), false, false),
    ] {
        let got = validate(&code).await.expect(200);
        let body = &got.body;
        assert_eq!(
            (&body["valid_format"], &body["reason"], &body["exists"], &body["corrected"]),
            (&json!(valid), &reason, &json!(exists), &json!(corrected)),
            "{code}: {}",
            got.text
        );
        assert!(!got.text.contains(text.as_str()));
    }
    // Who may only search learns state and amount, masked; not the batch.
    let got = get(&office, &clerk, &format!("/search?code={misread}")).await.expect(200);
    assert_eq!(
        (&got.body["exists"], &got.body["state"], &got.body["amount"]),
        (&json!(true), &json!("active"), &json!(500))
    );
    assert_eq!(got.body["code"], format!("{}-****", &text[..4]));
    assert!(got.body["batch"].is_null() && got.body["id"].is_null());
    get(&office, &clerk, "").await.expect(403);
    let got = get(&office, &first, &format!("/search?code={text}")).await.expect(200);
    assert_eq!(got.body["batch"], batch.as_str());
    // Codes that are still being made are nobody's business.
    let form = json!({ "batch_id": batch, "count": 3 });
    office.ask("POST", &format!("{CODES}/generate")).by(&first).json(&form).send().await.expect(202);
    validate("none").await.expect(200);
    validate("none").await.expect(200);
    assert_eq!(validate("none").await.expect(429).code(), "too_many_requests");
}

// proves: COD-09, COD-16
#[tokio::test(flavor = "multi_thread")]
async fn one_code_is_blocked_dated_and_deleted_while_nobody_has_claimed_it() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let batch = office.batch_of(&first, "Single", 5_000, 4).await;
    let codes = office.codes_of(&batch).await;
    let id = &codes[0].0;
    let status = async |id: &str, state: &str| {
        let put = office.ask("PUT", &format!("{CODES}/{id}/status")).by(&first);
        put.json(&json!({ "state": state, "reason": "A sheet was stolen." })).send().await
    };
    let before = get(&office, &first, &format!("/{id}")).await.expect(200);
    let blocked = status(id, "blocked").await.expect(200);
    assert_eq!(blocked.body["state"], "blocked");
    assert_eq!(status(id, "blocked").await.expect(409).code(), "already_so");
    let screen = office.world.hop("s-1", "+250788123456", &codes[0].1).await.body;
    assert!(!screen.contains("5,000"), "{screen}");
    office.world.advance(1_000);
    assert_eq!(status(id, "active").await.expect(200).body["state"], "active");
    let history = get(&office, &first, &format!("/{id}")).await.expect(200).body["history"].clone();
    let acts: Vec<&str> = history.as_array().expect("a list").iter().map(|entry| text_of(entry, "/action")).collect();
    assert_eq!(acts, ["code.unblock", "code.block"]);
    assert_eq!(history[0]["actor"], format!("user:{}", first.id));
    assert!(history[1]["changes"].to_string().contains("A sheet was stolen."), "{history}");

    // Its own date and metadata.
    let path = format!("{CODES}/{id}");
    let put = |tag: &str, form: Value| office.ask("PUT", &path).by(&first).if_match(tag).json(&form).send();
    put(&before.etag(), json!({ "metadata": [] })).await.expect(412);
    let tag = get(&office, &first, &format!("/{id}")).await.etag();
    let form = json!({
        "expires_at": "2027-12-31T00:00:00+02:00", "metadata": [{ "name": "shop", "value": "Kimironko" }],
    });
    let dated = put(&tag, form).await.expect(200);
    assert_eq!((&dated.body["own_date"], &dated.body["expires_at"]), (&json!(true), &json!("2027-12-30T22:00:00Z")));
    assert_eq!(dated.body["metadata"], json!([{ "name": "shop", "value": "Kimironko" }]));
    let off = put(&dated.etag(), json!({ "expires_at": "" })).await.expect(200);
    assert_eq!((&off.body["own_date"], &off.body["metadata"][0]["name"]), (&json!(false), &json!("shop")));
    for (form, field) in [
        (json!({ "expires_at": "2020-12-31T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "metadata": [{ "name": "a", "value": "1" }, { "name": "a", "value": "2" }] }), "metadata"),
        (json!({ "amount": 7 }), "amount"),
        (json!({ "code": "7K3M-9A26-CE11-XH05" }), "code"),
    ] {
        let got = put(&off.etag(), form.clone()).await.expect(422);
        assert_eq!(text_of(&got.body, "/errors/0/field"), field, "{form}");
    }
    // Somebody claims it: now it is as it is.
    office.world.hop("s-2", "+250788123456", &codes[0].1).await;
    let tag = get(&office, &first, &format!("/{id}")).await.etag();
    assert_eq!(put(&tag, json!({ "metadata": [] })).await.expect(409).code(), "not_possible");
    assert_eq!(status(id, "blocked").await.expect(409).code(), "not_possible");
    let delete = |id: &str| office.ask("DELETE", &format!("{CODES}/{id}?reason=misprint")).by(&first).send();
    assert_eq!(delete(id).await.expect(409).code(), "not_possible");
    delete(&codes[1].0).await.expect(204);
    let gone = get(&office, &first, &format!("/{}", codes[1].0)).await.expect(200);
    assert_eq!(gone.body["state"], "deleted");
    let screen = office.world.hop("s-3", "+250788123457", &codes[1].1).await.body;
    assert!(!screen.contains("5,000"), "{screen}");

    let stats = get(&office, &first, &format!("/stats?batch_id={batch}")).await.expect(200);
    let total = &stats.body["total"];
    assert_eq!((&total["codes"], &total["active"], &total["used"]), (&json!(3), &json!(2), &json!(1)), "{total}");
    assert_eq!((&total["deleted"], &total["redeemed_amount"]), (&json!(1), &json!(5_000)));
    assert_eq!(stats.body["days"][0]["day"], "2026-11-20");
    let whole = get(&office, &first, "/stats").await.expect(200);
    assert_eq!(whole.body["batches"].as_array().expect("a list").len(), 2);
    let broken = office.world.broken(false).await;
    assert!(broken.is_empty(), "{broken:?}");
    // Each act stands with its code and its reason.
    let entries = office.world.rows().await.audit;
    let acts: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.entity.starts_with("code:") && entry.actor == format!("user:{}", first.id))
        .map(|entry| entry.action.as_str())
        .collect();
    for action in ["code.block", "code.unblock", "code.delete", "code.updated"] {
        assert!(acts.contains(&action), "{acts:?}");
    }
}

// proves: BAT-05
#[tokio::test(flavor = "multi_thread")]
async fn a_new_date_reaches_every_code_and_sheets_with_the_old_one_are_outdated() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let batch = office.batch_of(&first, "Dated", 5_000, 3).await;
    let path = format!("{CODES}/download?batch_id={batch}&format=pdf&qr=true");
    let coming = office.ask("GET", &path).by(&first).send().await.expect(202);
    assert_eq!(office.work(text_of(&coming.body, "/id")).await, "done");
    let prints = async || {
        let got = office.ask("GET", &format!("{BATCHES}/{batch}/prints")).by(&first).send().await.expect(200);
        got.body["items"].clone()
    };
    let printed = prints().await;
    assert_eq!((printed.as_array().map(Vec::len), &printed[0]["outdated"]), (Some(1), &json!(false)));
    let put = async |date: &str| {
        let tag = office.batch(&first, &batch).await.etag();
        let put = office.ask("PUT", &format!("{BATCHES}/{batch}")).by(&first).if_match(&tag);
        put.json(&json!({ "expires_at": date })).send().await.expect(200).body
    };
    assert_eq!(put("2026-11-25T00:00:00+02:00").await["state"], "active");
    assert_eq!(prints().await[0]["outdated"], true);
    office.world.advance(6 * domain::time::DAY_MS);
    let mut first = first;
    office.sign_in(&mut first).await;
    let states = async |first: &Person| {
        let got = get(&office, first, &format!("?batch_id={batch}")).await.expect(200);
        let items = got.body["items"].as_array().expect("a list");
        items.iter().map(|item| text_of(item, "/state").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(&first).await, ["expired"; 3]);
    let tag = office.batch(&first, &batch).await.etag();
    let later = office.ask("PUT", &format!("{BATCHES}/{batch}")).by(&first).if_match(&tag);
    later.json(&json!({ "expires_at": "2026-12-31T00:00:00+02:00" })).send().await.expect(200);
    assert_eq!(states(&first).await, ["active"; 3]);
}
