//! Limits, other origins, and what every answer carries.

use super::wrong;
use domain::settings::Settings;
use door::{Got, Office, Person};
use rig::world::Setup;
use serde_json::json;

const ME: &str = "/api/v1/auth/me";

async fn office(change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    change(&mut settings);
    Office::with(Setup { codes: 0, settings: Some(settings), ..Setup::default() }).await
}

/// What is left of the first limit, and of the second.
fn left(got: &Got) -> (u32, u32) {
    let mut left = got.header("ratelimit").split(", ").map(|item| {
        let figures = item.split(";r=").nth(1).and_then(|rest| rest.split(';').next()).expect("a rest");
        figures.parse().expect("a number")
    });
    (left.next().expect("a minute"), left.next().expect("an hour"))
}

async fn me(office: &Office, person: &Person) -> Got {
    office.ask("GET", ME).by(person).send().await
}

// proves: API-04, API-06
#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_again() {
    let office = office(|settings| {
        settings.security.limits.api_per_minute = 10;
        settings.security.limits.api_per_hour = 25;
    })
    .await;
    // No app: time stands still while they sign in.
    let person = office.person(&["viewer"], false).await;
    let other = office.person(&["viewer"], false).await;
    for call in 1..=10 {
        let got = me(&office, &person).await.expect(200);
        assert_eq!(got.header("ratelimit-policy"), "\"minute\";q=10;w=60, \"hour\";q=25;w=3600");
        assert_eq!(left(&got), (10 - call, 25 - call));
    }
    let got = me(&office, &person).await;
    assert_eq!(wrong(&got, 429, None), None);
    assert_eq!(got.code(), "too_many_requests");
    let wait: i64 = got.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait));
    assert_eq!(left(&got).0, 0);
    // Whatever the path, whoever's session; but nobody else, and not for longer than it said.
    office.ask("GET", "/api/v1/nowhere").by(&person).send().await.expect(429);
    me(&office, &other).await.expect(200);
    office.world.advance(wait * 1_000);
    for _ in 0..10 {
        me(&office, &person).await.expect(200);
    }
    office.world.advance(60_000);
    // 22 of this hour's 25 are used, those that were refused too.
    for _ in 0..3 {
        me(&office, &person).await.expect(200);
    }
    let got = me(&office, &person).await.expect(429);
    let wait: i64 = got.header("retry-after").parse().expect("seconds");
    assert!((60..=3_600).contains(&wait), "{wait}");
}

// proves: API-04, API-06
#[tokio::test]
async fn who_is_nobody_yet_is_counted_by_address_and_hears_it_on_refusals_too() {
    let office = office(|settings| settings.security.limits.api_per_minute = 10).await;
    let from = |last: u8| office.ask("GET", ME).from([192, 0, 2, last]);
    for call in 1..=10 {
        let got = from(1).send().await.expect(401);
        assert_eq!(left(&got).0, 10 - call);
    }
    assert_ne!(from(1).send().await.expect(429).header("retry-after"), "");
    from(2).send().await.expect(401);
    // A made-up token is nobody's.
    from(1).bearer("made.up.token").send().await.expect(429);
    // The address stands nowhere as it is.
    let scan = office.world.dynamodb().scan().table_name(&office.world.names.table).send().await;
    let counted: Vec<_> = scan.expect("the table can be scanned").items.unwrap_or_default();
    let counts = counted.iter().filter(|item| rig::table::text(item, "pk").starts_with("CALLS#"));
    assert!(counts.clone().count() >= 2);
    assert!(!counts.into_iter().any(|item| format!("{item:?}").contains("192.0.2.")));
}

// proves: API-06
#[tokio::test]
async fn signing_in_and_downloads_have_limits_of_their_own() {
    let office = office(|settings| {
        settings.security.limits.sign_ins_per_minute = 3;
        settings.security.limits.downloads_per_hour = 2;
    })
    .await;
    let first = office.first().await;
    for number in 0..4 {
        let form = json!({ "email": format!("guess{number}@example.rw"), "password": "guess" });
        let got = office.ask("POST", "/api/v1/auth/login").from([192, 0, 2, 3]).json(&form).send().await;
        let got = got.expect(if number < 3 { 401 } else { 429 });
        assert_eq!(got.header("retry-after").is_empty(), number < 3);
    }
    for number in 0..3 {
        let got = office.ask("GET", "/api/v1/admin/audit-logs/export?limit=1").by(&first).send().await;
        let got = got.expect(if number < 2 { 200 } else { 429 });
        assert_eq!(got.header("retry-after").is_empty(), number < 2);
    }
}

async fn preflight(office: &Office, origin: &str) -> Got {
    let asking = office.ask("OPTIONS", ME).header("origin", origin);
    asking.header("access-control-request-method", "GET").send().await
}

// proves: API-06
#[tokio::test]
async fn pages_of_other_origins_read_nothing_unless_a_setting_names_them() {
    const CONSOLE: &str = "https://console.example.rw";
    let closed = office(|_| {}).await;
    let opened = office(|settings| settings.security.cors_origins = vec![CONSOLE.to_owned()]).await;
    let person = opened.person(&["viewer"], false).await;
    for (office, origin) in [
        (&closed, CONSOLE),
        (&opened, "https://console.example.rw.evil.rw"),
        (&opened, "http://console.example.rw"),
        (&opened, "null"),
        (&opened, "*"),
    ] {
        for got in [office.ask("GET", ME).header("origin", origin).send().await, preflight(office, origin).await] {
            let told: Vec<_> = got.headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
            assert!(told.is_empty(), "{origin}: {told:?}");
        }
    }
    let got = preflight(&opened, CONSOLE).await.expect(204);
    assert_eq!(got.header("access-control-allow-origin"), CONSOLE);
    assert!(got.header("access-control-allow-headers").contains("authorization"));
    let got = opened.ask("GET", ME).by(&person).header("origin", CONSOLE).send().await.expect(200);
    assert_eq!(got.header("access-control-allow-origin"), CONSOLE);
    assert!(got.header("vary").to_lowercase().contains("origin"));
    // Refusals can be read there too, those for haste as well.
    let got = opened.ask("GET", ME).header("origin", CONSOLE).send().await.expect(401);
    assert_eq!(got.header("access-control-allow-origin"), CONSOLE);
}

// proves: API-04
#[tokio::test]
async fn every_answer_names_its_request_and_keeps_browsers_from_mischief() {
    let office = office(|settings| settings.security.limits.api_per_minute = 100).await;
    let first = office.first().await;
    let viewer = office.person(&["viewer"], false).await;
    let tag = me(&office, &first).await.etag();
    let users = "/api/v1/admin/users";
    let form = json!({ "email": "x@example.rw", "first_name": "X", "last_name": "Y" });
    let mut seen = Vec::new();
    for (status, asking) in [
        (200, office.ask("GET", ME).by(&first)),
        (201, office.ask("POST", users).by(&first).json(&form)),
        (304, office.ask("GET", ME).by(&first).header("if-none-match", &tag)),
        (400, office.ask("POST", users).by(&first).bytes("application/json", b"{".to_vec())),
        (401, office.ask("GET", ME)),
        (403, office.ask("GET", users).by(&viewer)),
        (404, office.ask("GET", "/api/v1/nowhere")),
        (404, office.ask("GET", "/")),
        (405, office.ask("PATCH", ME).by(&first)),
        (405, office.ask("DELETE", "/api/v1/openapi.json")),
        (413, office.ask("POST", users).by(&first).bytes("application/json", vec![b' '; 70_000])),
        (415, office.ask("POST", users).by(&first).bytes("text/plain", b"{}".to_vec())),
        (422, office.ask("POST", users).by(&first).json(&json!({}))),
        (428, office.ask("PUT", ME).by(&first).json(&json!({}))),
        (200, office.ask("GET", "/api/v1/health")),
        (200, office.ask("GET", "/api/v1/openapi.json")),
        (200, office.ask("GET", "/api/v1/docs")),
        (204, office.ask("POST", "/api/v1/auth/logout").by(&first)),
    ] {
        // Whoever calls doesn't choose the name.
        let got = asking.header("x-request-id", "mine").send().await.expect(status);
        let id = got.header("x-request-id").to_owned();
        assert!(!id.is_empty() && id != "mine", "{status}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_ne!(got.header("cache-control"), "");
        assert_ne!(got.header("content-security-policy"), "");
        assert_ne!(got.header("ratelimit"), "", "{status}");
        if status >= 400 {
            assert_eq!(wrong(&got, status, None), None);
            assert_eq!(got.body["request_id"], id.as_str());
        }
        seen.push(id);
    }
    // Another one each.
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}
