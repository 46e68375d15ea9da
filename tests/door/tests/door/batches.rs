//! Batches as staff live with them.

use domain::{
    permission::{Permission, Permissions},
    role::{Role, RoleId},
    settings::Settings,
    time,
};
use door::{
    Got, Office, Person,
    codes::{BATCHES, CODES, JOBS, text_of},
};
use rig::world::Setup;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Deadline;

async fn open(change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    change(&mut settings);
    Office::with(Setup { codes: 0, files: true, settings: Some(settings), ..Setup::default() }).await
}

async fn create(office: &Office, by: &Person, form: Value) -> Got {
    office.ask("POST", BATCHES).by(by).json(&form).send().await
}

/// The field and the code of the first thing that is wrong.
fn wrong(got: &Got) -> (&str, &str) {
    (text_of(&got.body, "/errors/0/field"), text_of(&got.body, "/errors/0/code"))
}

async fn numbers(office: &Office, by: &Person, query: &str) -> Vec<u64> {
    let got = office.ask("GET", &format!("{BATCHES}{query}")).by(by).send().await.expect(200);
    let items = got.body["items"].as_array().expect("a list");
    items.iter().map(|item| item["number"].as_u64().expect("a number")).collect()
}

// proves: BAT-01, BAT-03, BAT-04, BAT-05
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_made_found_changed_and_keeps_what_its_codes_pay() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let form = json!({
        "name": "may day", "amount": 500, "total_codes": 30, "description": "Kigali",
        "expires_at": "2026-12-31T23:59:59+02:00", "assigned_to": first.id,
    });
    let made = create(&office, &first, form).await.expect(201);
    let id = text_of(&made.body, "/batch/id").to_owned();
    assert_eq!(made.header("location"), format!("{BATCHES}/{id}"));
    assert_eq!(made.body["batch"]["name"], "BATCH_MAY_DAY");
    assert_eq!(made.body["batch"]["number"], 2, "the world has one already");
    assert_eq!(made.body["batch"]["state"], "generating");
    assert_eq!(made.body["batch"]["coming"], 30);
    assert_eq!(made.body["batch"]["expires_at"], "2026-12-31T21:59:59Z");
    assert_eq!(made.body["job"]["state"], "queued");
    assert_eq!(office.work(text_of(&made.body, "/job/id")).await, "done");

    let got = office.batch(&first, &id).await;
    assert_eq!(
        (&got.body["state"], &got.body["codes"], &got.body["sheets"]),
        (&json!("active"), &json!(30), &json!(3))
    );
    let figures = office.ask("GET", &format!("{BATCHES}/{id}/stats")).by(&first).send().await.expect(200);
    assert_eq!(figures.body["figures"]["active"], 30);
    assert_eq!(figures.body["figures"]["outstanding_amount"], 15_000);

    // Found by each filter, and only by those that fit.
    create(&office, &first, json!({ "name": "June", "amount": 1 })).await.expect(201);
    assert_eq!(numbers(&office, &first, "").await, [3, 2, 1]);
    assert_eq!(numbers(&office, &first, "?sort=oldest&limit=2").await, [1, 2]);
    assert_eq!(numbers(&office, &first, "?text=kigali").await, [2]);
    assert_eq!(numbers(&office, &first, "?text=june").await, [3]);
    assert_eq!(numbers(&office, &first, "?assigned_to=me").await, [2]);
    assert_eq!(numbers(&office, &first, "?state=blocked").await, [0u64; 0]);
    assert_eq!(numbers(&office, &first, "?expires_to=2026-12-31T22:00:00Z&state=active&text=may").await, [2]);
    assert_eq!(numbers(&office, &first, "?created_to=2026-11-01T00:00:00Z").await, [0u64; 0]);

    // Name, description, date; never what its codes pay.
    let path = format!("{BATCHES}/{id}");
    let put = |tag: &str, form: Value| office.ask("PUT", &path).by(&first).if_match(tag).json(&form).send();
    let tag = got.etag();
    assert_eq!(wrong(&put(&tag, json!({ "amount": 600 })).await.expect(422)), ("amount", "fixed"));
    assert_eq!(wrong(&put(&tag, json!({ "currency": "EUR" })).await.expect(422)), ("currency", "fixed"));
    assert_eq!(wrong(&put(&tag, json!({ "name": "june" })).await.expect(422)), ("name", "taken"));
    assert_eq!(
        wrong(&put(&tag, json!({ "expires_at": "2020-01-01T00:00:00Z" })).await.expect(422)),
        ("expires_at", "past")
    );
    let changed =
        put(&tag, json!({ "name": "May-Day 2", "expires_at": "2027-01-31T00:00:00+02:00" })).await.expect(200);
    assert_eq!(changed.body["name"], "BATCH_MAY-DAY_2");
    put(&tag, json!({ "description": "late" })).await.expect(412);
    // The name that it had is free.
    create(&office, &first, json!({ "name": "May day", "amount": 1 })).await.expect(201);
    // Without codes what they pay may still change.
    let empty = create(&office, &first, json!({ "name": "Empty", "amount": 1 })).await.expect(201);
    let path = format!("{BATCHES}/{}", text_of(&empty.body, "/batch/id"));
    let put = office.ask("PUT", &path).by(&first).if_match(&empty.etag()).json(&json!({ "amount": 2 }));
    assert_eq!(put.send().await.expect(200).body["amount"], 2);
}

// proves: BAT-01, COD-12
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_does_not_fit_names_every_bad_field_and_makes_nothing() {
    let office = open(|settings| {
        settings.codes.amount_max = 1_000;
        settings.codes.per_batch = 100;
        settings.codes.batches_per_user = Some(1);
        settings.codes.assign_to_creator = true;
    })
    .await;
    let first = office.first().await;
    let nobody = office.placed(&["batch-manager"]).await;
    let good = json!({ "name": "Good", "amount": 500 });
    let with = |field: &str, value: Value| {
        let mut form = good.clone();
        form[field] = value;
        form
    };
    for (field, value, code) in [
        ("name", json!("é"), "malformed"),
        ("name", json!("BATCH_"), "malformed"),
        ("amount", json!(1_001), "out_of_bounds"),
        ("currency", json!("EUR"), "unknown"),
        ("total_codes", json!(101), "too_many"),
        ("expires_at", json!("2026-11-20T11:00:00+02:00"), "too_soon"),
        ("expires_at", json!("2026-11-19T10:00:00+02:00"), "past"),
        ("expires_at", json!("2036-11-20T10:00:00+02:00"), "too_far"),
        ("expires_at", json!("2026-12-31T10:00:00"), "malformed"),
        ("assigned_to", json!("0".repeat(32)), "unsuitable"),
        ("assigned_to", json!(nobody.id), "unsuitable"),
    ] {
        let got = create(&office, &first, with(field, value.clone())).await.expect(422);
        assert_eq!(wrong(&got), (field, code), "{value}: {}", got.text);
    }
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(-5)),
        ("amount", json!(1.5)),
        ("amount", json!("500")),
        ("amount", json!(1e300)),
        ("total_codes", json!(-1)),
        ("total_codes", json!(100_001)),
    ] {
        let got = create(&office, &first, with(field, value.clone())).await.expect(422);
        assert_eq!(wrong(&got).0, field, "{value}: {}", got.text);
    }
    let two = json!({ "name": "Two", "amount": 5_000, "currency": "EUR" });
    let got = create(&office, &first, two).await.expect(422);
    assert_eq!(got.body["errors"].as_array().expect("a list").len(), 2, "{}", got.text);
    assert_eq!(numbers(&office, &first, "").await, [1], "nothing was made");

    // Without an assignee it is its maker's; a year is the default; one is all that this user may make.
    let made = create(&office, &first, good.clone()).await.expect(201);
    assert_eq!(made.body["batch"]["assigned_to"], first.id.as_str());
    assert_eq!(made.body["batch"]["expires_at"], "2027-11-20T08:00:30Z");
    let got = create(&office, &first, json!({ "name": "Second", "amount": 500 })).await.expect(409);
    assert_eq!(got.code(), "too_many_batches");
}

// proves: BAT-02
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_want_one_name_at_one_time_one_gets_it_and_the_others_are_told_so() {
    let office = Arc::new(open(|settings| settings.security.limits.api_per_minute = 1_000).await);
    let first = office.first().await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (office, first) = (Arc::clone(&office), first.clone());
        let name = if number % 2 == 0 { "One name" } else { "batch_ONE NAME" };
        all.spawn(async move {
            let form = json!({ "name": name, "amount": 100, "total_codes": 2 });
            office.ask("POST", BATCHES).by(&first).json(&form).send().await
        });
    }
    let (mut made, mut taken) = (0, 0);
    for got in all.join_all().await {
        match got.status {
            201 => made += 1,
            422 => {
                assert_eq!(wrong(&got), ("name", "taken"), "{}", got.text);
                taken += 1;
            }
            _ => panic!("{}", got.text),
        }
    }
    assert_eq!((made, taken), (1, 49));
    assert_eq!(numbers(&office, &first, "").await, [2, 1]);
    let rows = office.world.rows().await;
    assert_eq!((rows.jobs.len(), rows.issued.values().sum::<i64>()), (1, 200), "the others have left nothing");
}

// proves: BAT-03
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_made_at_one_time_have_numbers_without_gaps() {
    let office = Arc::new(open(|_| {}).await);
    let first = office.first().await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (office, first) = (Arc::clone(&office), first.clone());
        all.spawn(async move {
            let form = json!({ "name": format!("Number {number}"), "amount": 100 });
            office.ask("POST", BATCHES).by(&first).json(&form).send().await.expect(201)
        });
    }
    all.join_all().await;
    assert_eq!(numbers(&office, &first, "?sort=oldest").await, (1..=13).collect::<Vec<u64>>());
}

// proves: BAT-06, BAT-10
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_from_state_to_state_and_is_deleted_only_when_nobody_has_claimed_a_code() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let id = office.batch_of(&first, "Life", 5_000, 3).await;
    let code = office.codes_of(&id).await[0].1.clone();
    let path = format!("{BATCHES}/{id}");
    let delete = async || {
        let tag = office.batch(&first, &id).await.etag();
        office.ask("DELETE", &path).by(&first).if_match(&tag).send().await
    };
    assert_eq!(delete().await.expect(409).code(), "block_first");
    assert_eq!(office.bring(&first, &id, "active").await.expect(409).code(), "already_so");
    assert_eq!(office.bring(&first, &id, "archived").await.expect(409).code(), "no_such_move");
    assert_eq!(office.bring(&first, &id, "blocked").await.expect(200).body["state"], "blocked");
    assert_eq!(delete().await.expect(409).code(), "just_blocked");
    // Blocking acts on the next attempt.
    let screen = office.world.hop("s-1", "+250788123456", &code).await.body;
    assert!(!screen.contains("5,000"), "{screen}");
    office.bring(&first, &id, "active").await.expect(200);
    let screen = office.world.hop("s-2", "+250788123456", &code).await.body;
    assert!(screen.contains("5,000"), "{screen}");
    office.bring(&first, &id, "expired").await.expect(200);
    office.world.advance(domain::batch::IN_FLIGHT_MS);
    assert_eq!(delete().await.expect(409).code(), "codes_claimed");
    office.bring(&first, &id, "archived").await.expect(200);
    assert_eq!(numbers(&office, &first, "").await, [1], "an archived one isn't shown unasked");
    assert_eq!(numbers(&office, &first, "?state=archived").await, [2]);
    assert_eq!(office.bring(&first, &id, "unarchived").await.expect(200).body["state"], "expired");

    // One that nobody has claimed from.
    let id = office.batch_of(&first, "Short", 5_000, 3).await;
    office.bring(&first, &id, "blocked").await.expect(200);
    office.world.advance(domain::batch::IN_FLIGHT_MS);
    let tag = office.batch(&first, &id).await.etag();
    office.ask("DELETE", &format!("{BATCHES}/{id}")).by(&first).if_match(&tag).send().await.expect(204);
    assert_eq!(office.batch(&first, &id).await.body["state"], "deleted");
    assert_eq!(numbers(&office, &first, "?state=deleted").await, [3]);
    // Its name is free, its codes are taken for ever.
    create(&office, &first, json!({ "name": "Short", "amount": 1 })).await.expect(201);
    assert!(!office.codes_of(&id).await.is_empty());
}

// proves: BAT-06
#[tokio::test(flavor = "multi_thread")]
async fn many_batches_are_changed_with_a_result_for_each() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(office.batch_of(&first, &format!("Many {number}"), 500, 0).await);
    }
    office.bring(&first, &ids[1], "blocked").await.expect(200);
    let bulk = async |by: &Person, ids: &[String], action: &str| {
        let form = json!({ "ids": ids, "action": action });
        office.ask("POST", &format!("{BATCHES}/bulk")).by(by).json(&form).send().await
    };
    let mut wanted = ids.clone();
    wanted.push("nowhere".to_owned());
    wanted.push(ids[0].clone());
    let got = bulk(&first, &wanted, "block").await.expect(200);
    let results: Vec<(bool, &str)> = got.body["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["done"].as_bool().expect("a truth"), item["code"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(results, [(true, ""), (false, "already_so"), (true, ""), (false, "not_found")]);
    for id in &ids {
        assert_eq!(office.batch(&first, id).await.body["state"], "blocked");
    }
    let manager = custom(&office, &[Permission::BatchesRead, Permission::BatchesStatusChange], false).await;
    assert_eq!(bulk(&manager, &ids, "delete").await.expect(403).code(), "permission_missing");
    bulk(&manager, &ids, "unblock").await.expect(200);
    bulk(&first, &ids, "block").await.expect(200);
    office.world.advance(domain::batch::IN_FLIGHT_MS);
    bulk(&first, &ids, "delete").await.expect(200);
    for id in &ids {
        assert_eq!(office.batch(&first, id).await.body["state"], "deleted");
    }
}

/// Somebody with a role of their own.
async fn custom(office: &Office, permissions: &[Permission], assigned_only: bool) -> Person {
    let (roles, _, _) = office.world.store.governance(Deadline::in_ms(5_000)).await.expect("the table answers");
    let id = format!("custom-{}", roles.version());
    let role = Role {
        id: RoleId::parse(&id).expect("an id"),
        name: format!("Role {id}"),
        description: String::new(),
        permissions: Permissions::of(permissions),
        predefined: false,
        assigned_only,
        version: 0,
    };
    let with = roles.with(role).expect("a good role");
    let by = domain::access::System("test");
    let now = office.world.now();
    let act = office.world.store.act(&by, now, domain::audit::Class::System, "role.placed", format!("role:{id}"));
    let act = act.and_then(|act| act.roles(&roles, &with)).expect("a row");
    act.commit(Deadline::in_ms(5_000)).await.expect("the table takes it");
    office.person(&[&id], false).await
}

// proves: BAT-08
#[tokio::test(flavor = "multi_thread")]
async fn who_sees_only_what_is_assigned_sees_nothing_else_anywhere() {
    let office = open(|_| {}).await;
    let first = office.first().await;
    let all: Vec<Permission> = Permission::ALL.into_iter().filter(|permission| !permission.demands_mfa()).collect();
    let clerk = custom(&office, &all, true).await;
    let mine = office.batch_of(&first, "Mine", 500, 3).await;
    let other = office.batch_of(&first, "Other", 500, 3).await;
    let assign = office.ask("POST", &format!("{BATCHES}/{mine}/assign")).by(&first);
    assign.json(&json!({ "user": clerk.id })).send().await.expect(200);
    assert_eq!(numbers(&office, &clerk, "").await, [2]);
    office.batch(&clerk, &mine).await;
    let (own_code, own_text) = office.codes_of(&mine).await.swap_remove(0);
    let (code, text) = office.codes_of(&other).await.swap_remove(0);
    office.ask("GET", &format!("{CODES}/{own_code}")).by(&clerk).send().await.expect(200);
    let tag = office.batch(&first, &other).await.etag();
    for (method, path, body) in [
        ("GET", format!("{BATCHES}/{other}"), None),
        ("GET", format!("{BATCHES}/{other}/stats"), None),
        ("GET", format!("{BATCHES}/{other}/prints"), None),
        ("PUT", format!("{BATCHES}/{other}"), Some(json!({ "description": "x" }))),
        ("PUT", format!("{BATCHES}/{other}/status"), Some(json!({ "state": "blocked" }))),
        ("DELETE", format!("{BATCHES}/{other}"), None),
        ("POST", format!("{BATCHES}/{other}/assign"), Some(json!({ "user": clerk.id }))),
        ("GET", format!("{CODES}?batch_id={other}"), None),
        ("GET", format!("{CODES}/stats?batch_id={other}"), None),
        ("GET", format!("{CODES}/{code}"), None),
        ("PUT", format!("{CODES}/{code}"), Some(json!({ "metadata": [] }))),
        ("PUT", format!("{CODES}/{code}/disable"), Some(json!({ "reason": "x" }))),
        ("DELETE", format!("{CODES}/{code}"), None),
        ("POST", format!("{CODES}/generate"), Some(json!({ "batch_id": other, "count": 1 }))),
        ("POST", format!("{CODES}/import"), Some(json!({ "batch_id": other, "upload": "0".repeat(32) }))),
        ("POST", format!("{CODES}/bulk"), Some(json!({ "act": "block", "reason": "x", "batch_id": other }))),
        ("GET", format!("{CODES}/download?batch_id={other}"), None),
        ("POST", format!("{CODES}/export?batch_id={other}"), None),
    ] {
        let mut asking = office.ask(method, &path).by(&clerk).if_match(&tag);
        if let Some(body) = body {
            asking = asking.json(&body);
        }
        let got = asking.send().await;
        assert_eq!((got.status, got.code()), (404, "not_found"), "{method} {path}: {}", got.text);
    }
    // Lists and questions know of their own only.
    let list = office.ask("GET", CODES).by(&clerk).send().await.expect(200);
    let batches: Vec<&str> =
        list.body["items"].as_array().expect("a list").iter().map(|item| text_of(item, "/batch")).collect();
    assert_eq!(batches, [mine.as_str(); 3]);
    let figures = office.ask("GET", &format!("{CODES}/stats")).by(&clerk).send().await.expect(200);
    assert_eq!(figures.body["total"]["codes"], 3);
    for (text, exists) in [(own_text, true), (text, false)] {
        let got = office.ask("GET", &format!("{CODES}/search?code={text}")).by(&clerk).send().await.expect(200);
        assert_eq!(got.body["exists"], exists);
        let form = json!({ "code": text });
        let got = office.ask("POST", &format!("{CODES}/validate")).by(&clerk).json(&form).send().await.expect(200);
        assert_eq!(got.body["exists"], exists);
    }
    let csv = office.ask("GET", &format!("{BATCHES}/download")).by(&clerk).send().await.expect(200);
    assert!(csv.text.contains("BATCH_MINE") && !csv.text.contains("BATCH_OTHER"), "{}", csv.text);
    // What they make is theirs.
    let made = create(&office, &clerk, json!({ "name": "New", "amount": 1 })).await.expect(201);
    assert_eq!(made.body["batch"]["assigned_to"], clerk.id.as_str());
}

/// The ceilings, and the form that passes the one that is meant.
async fn beyond(office: &Office, by: &Person, form: Value) -> (String, String, String) {
    let got = office.ask("POST", &format!("{BATCHES}/generate")).by(by).json(&form).send().await.expect(202);
    assert_eq!(got.body["job"]["state"], "waiting", "{}", got.text);
    let text = |pointer: &str| text_of(&got.body, pointer).to_owned();
    (text("/batch/id"), text("/job/id"), text("/change/id"))
}

// proves: BAT-09
#[tokio::test(flavor = "multi_thread")]
async fn codes_beyond_a_ceiling_wait_for_a_second_person() {
    let office = open(|settings| {
        settings.codes.ceiling_per_batch = Some(10_000);
        settings.codes.ceiling_per_month = Some(25_000);
        settings.codes.ceiling_in_all = Some(40_000);
    })
    .await;
    let first = office.first().await;
    let finance = office.person(&["financial-administrator"], true).await;
    let viewer = office.person(&["viewer"], false).await;
    let within = office.batch_of(&first, "Within", 1_000, 10).await;
    // One more for the same batch passes its ceiling.
    let form = json!({ "batch_id": within, "count": 1 });
    let got = office.ask("POST", &format!("{CODES}/generate")).by(&first).json(&form).send().await.expect(202);
    assert_eq!(got.body["job"]["state"], "waiting");
    let cancel = format!("{JOBS}/{}/cancel", text_of(&got.body, "/job/id"));
    assert_eq!(office.ask("POST", &cancel).by(&first).send().await.expect(202).body["state"], "cancelled");
    assert_eq!(office.batch(&first, &within).await.body["coming"], 0);

    let (batch, job, change) =
        beyond(&office, &first, json!({ "name": "Beyond", "amount": 1_001, "total_codes": 10 })).await;
    assert_eq!(office.work(&job).await, "waiting", "no worker takes it");
    let approve = format!("{CODES}/approvals/{change}/approve");
    assert_eq!(office.ask("POST", &approve).by(&first).send().await.expect(403).code(), "second_person");
    assert_eq!(office.ask("POST", &approve).by(&viewer).send().await.expect(403).code(), "permission_missing");
    // Who decides on roles doesn't decide on money by that.
    let elsewhere = format!("/api/v1/admin/users/role-requests/{change}/approve");
    let second = office.person(&["super-administrator"], true).await;
    assert_eq!(office.ask("POST", &elsewhere).by(&second).send().await.expect(409).code(), "about_codes");
    let list = office.ask("GET", &format!("{CODES}/approvals?standing=open")).by(&finance).send().await.expect(200);
    assert_eq!(text_of(&list.body, "/items/0/id"), change);
    assert_eq!(list.body["items"][0]["fields"][2]["after"], "10010");
    let requests = office.ask("GET", "/api/v1/admin/users/role-requests").by(&second).send().await.expect(200);
    assert_eq!(requests.body["items"], json!([]));

    let decided = office.ask("POST", &approve).by(&finance).send().await.expect(200);
    assert_eq!(decided.body["standing"], "approved");
    assert_eq!(office.ask("POST", &approve).by(&second).send().await.expect(409).code(), "decided_already");
    assert_eq!(office.work(&job).await, "done");
    assert_eq!(office.batch(&first, &batch).await.body["codes"], 10);

    // 20,010 of the month are used: 5,000 more pass it, though the batch stays below its own ceiling.
    let (batch, job, change) =
        beyond(&office, &first, json!({ "name": "Month", "amount": 500, "total_codes": 10 })).await;
    let refuse = office.ask("POST", &format!("{CODES}/approvals/{change}/refuse")).by(&finance);
    refuse.json(&json!({ "reason": "Not this month." })).send().await.expect(200);
    assert_eq!(office.world.job(&domain::id::JobId::parse(&job).expect("an id")).await.state.name(), "cancelled");
    assert_eq!(office.batch(&first, &batch).await.body["state"], "active");
    assert_eq!(office.world.rows().await.issued.values().sum::<i64>(), 20_010, "what was refused counts no longer");

    // In another month the sum in all counts: 20,010 are open.
    office.world.advance(20 * time::DAY_MS);
    let mut first = first;
    office.sign_in(&mut first).await;
    office.batch_of(&first, "December", 999, 10).await;
    let form = json!({ "name": "Full", "amount": 1_000, "total_codes": 10 });
    let got = office.ask("POST", &format!("{BATCHES}/generate")).by(&first).json(&form).send().await.expect(202);
    assert_eq!(got.body["job"]["state"], "queued", "30,000 and 10,000: {}", got.text);
    let form = json!({ "name": "One more", "amount": 100, "total_codes": 1 });
    let got = office.ask("POST", &format!("{BATCHES}/generate")).by(&first).json(&form).send().await.expect(202);
    assert_eq!(got.body["job"]["state"], "waiting");
    let broken = office.world.broken(false).await;
    assert!(broken.is_empty(), "{broken:?}");
}

// proves: BAT-11, BAT-04
#[tokio::test(flavor = "multi_thread")]
async fn figures_of_batches_are_downloaded_without_any_code_and_so_often_only() {
    let office = open(|settings| settings.security.limits.downloads_per_hour = 2).await;
    let first = office.first().await;
    let id = office.batch_of(&first, "Figures", 500, 3).await;
    let form = json!({ "name": "Formula", "amount": 500, "description": "=1+1" });
    create(&office, &first, form).await.expect(201);
    let path = format!("{BATCHES}/download");
    let got = office.ask("GET", &path).by(&first).send().await.expect(200);
    assert_eq!(got.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = got.text.lines().collect();
    assert_eq!(lines.len(), 4, "{}", got.text);
    assert!(lines[0].starts_with("number,name,description,state,amount,currency"));
    assert!(lines[1].starts_with("3,BATCH_FORMULA,'=1+1,active,500,RWF"), "{}", lines[1]);
    assert!(lines[2].contains(",3,3,0,0,0,0,0,0,0,0,0,0,1500,1500,0,"), "{}", lines[2]);
    for (_, text) in office.codes_of(&id).await {
        assert!(!got.text.contains(&text) && !got.text.contains(&text.replace('-', "")));
    }
    office.ask("GET", &format!("{path}?text=figures")).by(&first).send().await.expect(200);
    let got = office.ask("GET", &path).by(&first).send().await.expect(429);
    assert_ne!(got.header("retry-after"), "");
    let entries = office.world.rows().await.audit;
    let noted = entries.iter().filter(|entry| entry.action == "batches.exported");
    assert_eq!(noted.map(|entry| entry.changes[0].after.as_deref()).collect::<Vec<_>>().len(), 2);
}
