//! The audit log as its readers find it.

use door::{Got, Office, Person};
use rig::world::Setup;
use serde_json::json;

const LOG: &str = "/api/v1/admin/audit-logs";

async fn search(office: &Office, by: &Person, query: &str) -> Got {
    office.ask("GET", &format!("{LOG}?{query}")).by(by).send().await.expect(200)
}

fn actions(got: &Got) -> Vec<String> {
    let items = got.body["items"].as_array().expect("a list");
    items.iter().map(|entry| entry["action"].as_str().expect("a text").to_owned()).collect()
}

// proves: AUD-03, AUD-06
#[tokio::test]
async fn entries_are_found_by_actor_entity_action_class_session_date_and_text() {
    let office = Office::open().await;
    let first = office.first().await;
    office.wait(130);
    let mut first = first;
    office.sign_in(&mut first).await;
    let form = json!({ "email": "clerk@example.rw", "first_name": "Solange", "last_name": "Uwase" });
    let made = office.ask("POST", "/api/v1/admin/users").by(&first).json(&form).send().await.expect(201);
    let clerk = made.body["user"]["id"].as_str().expect("an id").to_owned();

    let got = search(&office, &first, &format!("actor=user:{}&action=user.created", first.id)).await;
    assert_eq!(actions(&got), ["user.created"]);
    assert_eq!(got.body["items"][0]["permission"], "users.create");
    assert_eq!(got.body["items"][0]["session"], json!(first.session));
    let got = search(&office, &first, &format!("entity=user:{clerk}")).await;
    assert_eq!(actions(&got), ["user.created"]);
    let fields: Vec<&str> = got.body["items"][0]["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["field"].as_str())
        .collect();
    assert!(fields.contains(&"first_name") && fields.contains(&"email"), "{fields:?}");
    let got = search(&office, &first, "text=solange").await;
    assert_eq!(actions(&got), ["user.created"]);
    let got = search(&office, &first, "class=authentication&action=sign_in.").await;
    assert!(actions(&got).len() >= 3, "{:?}", actions(&got));
    assert!(actions(&got).iter().all(|action| action.starts_with("sign_in.")));
    let got = search(&office, &first, &format!("session={}&action=user.", first.session)).await;
    assert_eq!(actions(&got), ["user.created"]);
    // Two hours earlier there was no clerk, but there was a first administrator.
    let before = domain::time::plus(office.world.now(), -60 * domain::time::MINUTE_MS);
    let got = search(&office, &first, &format!("to={before}&action=user.")).await;
    assert_eq!(actions(&got), ["user.first_administrator"]);
    let got = search(&office, &first, &format!("from={before}&action=user.")).await;
    assert_eq!(actions(&got), ["user.created"]);
}

// proves: AUD-03, API-04
#[tokio::test]
async fn pages_of_the_log_follow_each_other_without_gap_or_repeat() {
    let office = Office::open().await;
    let first = office.first().await;
    for n in 0..23 {
        // A few in each of several hours.
        if n % 5 == 0 {
            office.wait(70);
        }
        office.placed(&["viewer"]).await;
    }
    let mut reader = first;
    office.sign_in(&mut reader).await;
    let from = domain::time::plus(office.world.now(), -10 * domain::time::HOUR_MS);
    for filter in ["action=user.placed", "action=user.placed&class=system"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let got = search(&office, &reader, &format!("{filter}&from={from}&limit=4{cursor}")).await;
            let items = got.body["items"].as_array().expect("a list");
            seen.extend(
                items.iter().map(|e| (e["at"].as_str().map(str::to_owned), e["id"].as_str().map(str::to_owned))),
            );
            match got.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(seen.len() <= 40, "it never ends");
        }
        assert_eq!(seen.len(), 23, "{filter}");
        let mut sorted = seen.clone();
        sorted.sort_by(|a, b| b.0.cmp(&a.0));
        assert_eq!(seen.iter().map(|s| &s.0).collect::<Vec<_>>(), sorted.iter().map(|s| &s.0).collect::<Vec<_>>());
        sorted.dedup();
        assert_eq!(sorted.len(), 23, "none twice");
    }
}

// proves: AUD-03
#[tokio::test]
async fn an_export_is_csv_that_no_spreadsheet_runs_and_is_on_record() {
    let office = Office::open().await;
    let first = office.first().await;
    let form = json!({ "email": "clerk@example.rw", "first_name": "=HYPERLINK(1)", "last_name": "Uwase, \"A\"" });
    office.ask("POST", "/api/v1/admin/users").by(&first).json(&form).send().await.expect(201);
    let got = office.ask("GET", &format!("{LOG}/export?action=user.")).by(&first).send().await.expect(200);
    assert!(got.header("content-type").starts_with("text/csv"), "{:?}", got.headers);
    let lines: Vec<&str> = got.text.lines().collect();
    assert!(lines[0].starts_with("at,class,severity,action,"), "{}", lines[0]);
    assert!(lines[1].contains("user.created") && lines[1].contains("\"\"A\"\""), "{}", lines[1]);
    assert!(!got.text.contains("\n=") && !got.text.contains(",="), "{}", got.text);
    let got = search(&office, &first, "action=audit.exported").await;
    assert_eq!(actions(&got), ["audit.exported"]);
}

// proves: AUD-02
#[tokio::test]
async fn a_verification_of_hours_without_a_seal_does_not_call_the_log_whole() {
    let office = Office::with(Setup { codes: 0, files: true, ..Setup::default() }).await;
    let first = office.first().await;
    // The hour that runs, the hours around it, and a day before there was a log.
    for (from, to) in [("2026112008", "2026112008"), ("2026112000", "2026112023"), ("2020010100", "2020010123")] {
        let path = format!("{LOG}/verify?from={from}&to={to}");
        let got = office.ask("GET", &path).by(&first).send().await.expect(200);
        assert_eq!((&got.body["whole"], &got.body["hours"]), (&json!(false), &json!(0)), "{}", got.text);
        assert_eq!(got.body["unsealed_from"], json!(from), "{}", got.text);
    }
}
