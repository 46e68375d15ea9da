//! Around the rules of place and hour, and what registering gives away.

use domain::settings::Settings;
use door::{Got, Office, PASSWORD, Person};
use rig::world::Setup;
use serde_json::{Value, json};

const SECURITY: &str = "/api/v1/admin/settings/security";
/// Where requests come from unless they say otherwise.
const HERE: [u8; 4] = [198, 51, 100, 7];
const DENIED: [u8; 4] = [203, 0, 113, 9];

async fn open(change: impl FnOnce(&mut Settings)) -> Office {
    let mut settings = Settings { version: 1, ..Settings::default() };
    change(&mut settings);
    Office::with(Setup { codes: 0, settings: Some(settings), ..Setup::default() }).await
}

async fn settings(office: &Office, by: &Person, change: impl FnOnce(&mut Value)) -> Got {
    let mut got = office.ask("GET", SECURITY).by(by).send().await.expect(200);
    let tag = got.etag();
    change(&mut got.body);
    office.ask("PUT", SECURITY).by(by).if_match(&tag).json(&got.body).send().await
}

/// How often it was noted that somebody was kept out, by the entity that was asked for.
async fn kept_out(office: &Office, entity: &str) -> usize {
    let entries = office.world.rows().await.audit;
    let noted = entries.iter().filter(|entry| entry.action == "access.kept_out" && entry.entity.starts_with(entity));
    noted.inspect(|entry| assert_eq!(entry.address.as_deref(), Some("203.0.113.9"), "{entry:?}")).count()
}

// proves: ACC-15
#[tokio::test]
async fn from_a_denied_address_no_door_opens_and_each_refusal_is_on_record() {
    let office = open(|settings| {
        settings.security.access.deny_addresses = vec!["203.0.113.0/24".parse().expect("a network")];
        settings.security.registration.enabled = true;
    })
    .await;
    let first = office.first().await;
    let person = office.person(&["support-agent"], true).await;
    let form = json!({ "name": "till", "scope": ["users.read"], "days": 1 });
    let key = office.ask("POST", "/api/v1/auth/keys").by(&person).json(&form).send().await.expect(201);
    let key = key.body["token"].as_str().expect("a token").to_owned();
    let reset = office.placed(&["viewer"]).await;
    let path = format!("/api/v1/admin/users/{}", reset.id);
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    let form = json!({ "reset_password": true, "email": "moved@example.rw" });
    office.ask("PUT", &path).by(&first).if_match(&tag).json(&form).send().await.expect(200);
    let link = office.world.letter_link(&reset.email).await;
    let confirmation = office.world.letter_link("moved@example.rw").await;

    let login = |email: &str| json!({ "email": email, "password": PASSWORD });
    let apply = json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B", "password": PASSWORD });
    let asked = [
        ("POST", "/api/v1/auth/login", None, Some(login(&person.email)), "account:", 1),
        ("POST", "/api/v1/auth/login", None, Some(login("nobody@example.rw")), "account:", 2),
        ("POST", "/api/v1/auth/register", None, Some(apply), "account:", 3),
        ("POST", "/api/v1/auth/refresh", None, Some(json!({ "refresh_token": person.refresh })), "session:", 1),
        ("GET", "/api/v1/auth/me", Some(&person.token), None, "user:", 1),
        ("GET", "/api/v1/admin/users", Some(&person.token), None, "user:", 2),
        ("GET", "/api/v1/admin/users", Some(&key), None, "user:", 3),
        ("POST", "/api/v1/auth/logout", Some(&person.token), None, "user:", 4),
        (
            "POST",
            "/api/v1/auth/password/link",
            None,
            Some(json!({ "token": link, "password": "Another-horse-8-battery" })),
            "user:",
            5,
        ),
        ("POST", "/api/v1/auth/email/confirm", None, Some(json!({ "token": confirmation })), "user:", 6),
    ];
    for said in [None, Some("198.51.100.7")] {
        for (method, path, token, body, entity, count) in &asked {
            let mut asking = office.ask(method, path).from(DENIED);
            if let Some(token) = token {
                asking = asking.bearer(token);
            }
            if let Some(body) = body {
                asking = asking.json(body);
            }
            if let Some(address) = said {
                for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cloudfront-viewer-address"] {
                    asking = asking.header(name, address);
                }
            }
            let got = asking.send().await;
            assert_eq!((got.status, got.code()), (403, "address_refused"), "{method} {path}: {}", got.text);
            if said.is_none() {
                assert_eq!(kept_out(&office, entity).await, *count, "{method} {path}");
            }
        }
    }
    // Nothing was done on the way: here they all work. What is said of another address harms nobody either.
    office.ask("GET", "/api/v1/auth/me").by(&person).header("x-forwarded-for", "203.0.113.9").send().await.expect(200);
    for (method, path, token, body, _, _) in asked {
        let mut asking = office.ask(method, path).from(HERE);
        if let Some(token) = token {
            asking = asking.bearer(token);
        }
        if let Some(body) = &body {
            asking = asking.json(body);
        }
        let got = asking.send().await;
        let unknown = body.is_some_and(|body| body["email"] == "nobody@example.rw");
        assert!(got.status < 300 || (unknown && got.status == 401), "{method} {path}: {}", got.text);
    }
}

// proves: ACC-15
#[tokio::test]
async fn nobody_locks_themself_out_by_a_rule() {
    let office = Office::open().await;
    let first = office.first().await;
    let before = office.ask("GET", SECURITY).by(&first).send().await.expect(200);
    // It is 10:00 in Kigali.
    let hours = |from: u16, to: u16| json!({ "enabled": true, "timezone": "Africa/Kigali", "allowed": [{ "from_minute": from, "to_minute": to }] });
    for (field, value) in [
        ("deny_addresses", json!(["198.51.100.0/24"])),
        ("deny_addresses", json!(["0.0.0.0/0"])),
        ("allow_addresses", json!(["192.0.2.0/24"])),
        ("allow_countries", json!(["RW"])),
        ("hours", hours(660, 720)),
        ("hours", hours(0, 600)),
    ] {
        let got = settings(&office, &first, |form| form["access"][field] = value.clone()).await.expect(422);
        assert_eq!(got.body["errors"][0]["code"], "locks_you_out", "{field} {value}: {}", got.text);
    }
    // And no rule is taken that could keep nobody out: without CloudFront no request has a country.
    let got = settings(&office, &first, |form| form["access"]["deny_countries"] = json!(["KP"])).await.expect(422);
    assert_eq!(got.body["errors"][0]["code"], "unknown_here");
    let after = office.ask("GET", SECURITY).by(&first).send().await.expect(200);
    assert_eq!((after.etag(), &after.body), (before.etag(), &before.body), "nothing was written");
    let got = settings(&office, &first, |form| form["access"]["allow_addresses"] = json!(["198.51.100.7"])).await;
    got.expect(200);
    office.ask("GET", SECURITY).by(&first).send().await.expect(200);
}

// proves: ACC-15, SET-05
#[tokio::test]
async fn an_hour_that_ends_ends_for_who_is_in_as_well() {
    let office = Office::open().await;
    let first = office.first().await;
    let mut person = office.person(&["viewer"], false).await;
    let allowed = json!([{ "from_minute": 540, "to_minute": 720 }]);
    let hours = json!({ "enabled": true, "timezone": "Africa/Kigali", "allowed": allowed });
    settings(&office, &first, |form| form["access"]["hours"] = hours).await.expect(200);
    office.wait(119);
    office.sign_in(&mut person).await;
    office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(200);
    office.wait(1);
    let got = office.ask("GET", "/api/v1/auth/me").by(&person).send().await;
    assert_eq!((got.status, got.code()), (403, "hour_refused"));
    let form = json!({ "email": person.email, "password": PASSWORD });
    let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await;
    assert_eq!((got.status, got.code()), (403, "hour_refused"));
}

// proves: ACC-12
#[tokio::test]
async fn registering_tells_nobody_which_addresses_are_known() {
    let office = open(|settings| settings.security.registration.per_hour = 20).await;
    let apply = async |email: &str, phone: &str| {
        let form = json!({
            "email": email, "first_name": "A", "last_name": "B", "password": PASSWORD, "phone": phone,
        });
        let mut got = office.ask("POST", "/api/v1/auth/register").json(&form).send().await;
        got.body["request_id"] = Value::Null;
        (got.status, got.body)
    };
    let (status, body) = apply("new@example.rw", "").await;
    assert_eq!((status, &body["code"]), (403, &json!("switched_off")));
    let first = office.first().await;
    let status = async || office.ask("GET", "/api/v1/admin/users/registration-status").send().await.expect(200).body;
    assert_eq!(status().await, json!({ "enabled": false }), "on or off, and nothing else");
    settings(&office, &first, |form| form["registration"]["enabled"] = json!(true)).await.expect(200);
    let known = office.placed(&["viewer"]).await;
    let off = office.placed(&["viewer"]).await;
    let path = format!("/api/v1/admin/users/{}", off.id);
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    office.ask("PUT", &path).by(&first).if_match(&tag).json(&json!({ "active": false })).send().await.expect(200);

    let fresh = apply("fresh@example.rw", "0788123456").await;
    assert_eq!(fresh.0, 202);
    for (what, email, phone) in [
        ("a user", known.email.as_str(), ""),
        ("a user in capitals", &known.email.to_uppercase(), ""),
        ("who is deactivated", &off.email, ""),
        ("who waits", "fresh@example.rw", ""),
        ("a number that is taken", "another@example.rw", "0788123456"),
        ("nobody", "nobody@example.rw", ""),
    ] {
        assert_eq!(apply(email, phone).await, fresh, "{what}");
    }
    // Nor does trying the password that one has just chosen.
    let mut answers = Vec::new();
    for email in ["fresh@example.rw", "nobody@example.rw", "another@example.rw", "unheard@example.rw"] {
        let form = json!({ "email": email, "password": PASSWORD });
        let mut got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(401);
        got.body["request_id"] = Value::Null;
        answers.push(got.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // Whoever was known before is who they were.
    let mut known = known;
    office.sign_in(&mut known).await;
    let entries = office.world.rows().await.audit;
    let count = |action: &str| entries.iter().filter(|entry| entry.action == action).count();
    assert_eq!((count("registration.off"), count("registration.asked"), count("registration.known")), (1, 2, 5));
}

// proves: ACC-12
#[tokio::test]
async fn registrations_are_limited_together_by_hour_and_day_and_each_is_logged() {
    let office = open(|settings| {
        settings.security.registration.enabled = true;
        settings.security.registration.per_hour = 2;
        settings.security.registration.per_day = 3;
    })
    .await;
    let apply = async |number: u8, password: &str| {
        let form = json!({
            "email": format!("new{number}@example.rw"), "first_name": "A", "last_name": "B", "password": password,
        });
        office.ask("POST", "/api/v1/auth/register").from([10, 1, 1, number]).json(&form).send().await
    };
    apply(1, PASSWORD).await.expect(202);
    apply(2, "weak").await.expect(422);
    apply(3, PASSWORD).await.expect(429);
    office.wait(60);
    apply(4, PASSWORD).await.expect(429);
    office.wait(60);
    let got = apply(5, PASSWORD).await.expect(429);
    assert_ne!(got.header("retry-after"), "");
    office.wait(24 * 60);
    apply(6, PASSWORD).await.expect(202);
    let entries = office.world.rows().await.audit;
    let attempts = entries.iter().filter(|entry| entry.action.starts_with("registration."));
    assert_eq!(attempts.count(), 6, "every attempt");
}
