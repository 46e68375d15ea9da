//! Programs' keys, made to reach further than they were given for.

use domain::settings::Settings;
use door::{Got, Office, PASSWORD, Person};
use rig::world::Setup;
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";
const KEYS: &str = "/api/v1/auth/keys";

async fn made(office: &Office, owner: &Person, scope: &[&str], days: u32) -> Got {
    let form = json!({ "name": "till", "scope": scope, "days": days });
    office.ask("POST", KEYS).by(owner).json(&form).send().await
}

async fn key(office: &Office, owner: &Person, scope: &[&str]) -> String {
    made(office, owner, scope, 30).await.expect(201).body["token"].as_str().expect("a token").to_owned()
}

async fn reads_users(office: &Office, token: &str) -> Got {
    office.ask("GET", USERS).bearer(token).send().await
}

async fn updated(office: &Office, by: &Person, whom: &Person, form: &Value) {
    let path = format!("{USERS}/{}", whom.id);
    let tag = office.ask("GET", &path).by(by).send().await.expect(200).etag();
    office.ask("PUT", &path).by(by).if_match(&tag).json(form).send().await.expect(200);
}

// proves: API-06
#[tokio::test]
async fn a_key_is_cut_to_its_scope_and_its_scope_to_its_owner() {
    let office = Office::open().await;
    let first = office.first().await;
    let agent = office.person(&["support-agent"], true).await;
    let got = made(&office, &agent, &["users.read", "users.delete"], 30).await.expect(422);
    assert_eq!(
        (&got.body["errors"][0]["field"], &got.body["errors"][0]["code"]),
        (&json!("scope"), &json!("not_held"))
    );
    made(&office, &agent, &["everything"], 30).await.expect(422);
    made(&office, &agent, &[], 30).await.expect(422);
    made(&office, &agent, &["users.read"], 367).await.expect(422);
    made(&office, &agent, &["users.read"], 0).await.expect(422);

    let token = key(&office, &first, &["users.read", "users.roles.assign", "users.create"]).await;
    reads_users(&office, &token).await.expect(200);
    let got = office.ask("GET", "/api/v1/admin/audit-logs").bearer(&token).send().await;
    assert_eq!((got.status, got.code()), (403, "permission_missing"), "the owner may, the key may not");
    // It gives nobody what is not in its scope, though its owner could.
    let viewer = office.placed(&[]).await;
    let form = json!({ "roles": ["viewer"] });
    let got = office.ask("POST", &format!("{USERS}/{}/roles", viewer.id)).bearer(&token).json(&form).send().await;
    assert_eq!((got.status, got.code()), (403, "more_than_held"));
    let form = json!({ "email": "new@example.rw", "first_name": "A", "last_name": "B", "roles": ["administrator"] });
    let got = office.ask("POST", USERS).bearer(&token).json(&form).send().await;
    assert_eq!((got.status, got.code()), (403, "more_than_held"));
    // Nor does it decide on what its owner asked for: it is no second person.
    office.person(&["super-administrator"], true).await;
    let form = json!({ "roles": ["viewer"] });
    let asked = office.ask("POST", &format!("{USERS}/{}/roles", viewer.id)).by(&first).json(&form).send().await;
    let id = asked.expect(202).body["id"].as_str().expect("an id").to_owned();
    let approve = format!("{USERS}/role-requests/{id}/approve");
    let got = office.ask("POST", &approve).bearer(&token).send().await;
    assert_eq!((got.status, got.code()), (403, "second_person"));
}

// proves: API-06, ACC-16
#[tokio::test]
async fn a_key_reaches_nothing_of_its_owners_own_account_and_makes_no_other_key() {
    let office = Office::open().await;
    let first = office.first().await;
    let token = key(&office, &first, &["users.read"]).await;
    let form = json!({ "name": "heir", "scope": ["users.read"], "days": 366 });
    let id = "0".repeat(32);
    for (method, path, body) in [
        ("GET", "/api/v1/auth/me".to_owned(), None),
        ("PUT", "/api/v1/auth/me".to_owned(), Some(json!({ "first_name": "Other" }))),
        ("POST", "/api/v1/auth/password".to_owned(), Some(json!({ "present": PASSWORD, "new": "Another-horse-8-b" }))),
        ("POST", "/api/v1/auth/mfa/enrolment".to_owned(), Some(json!({ "password": PASSWORD }))),
        ("PUT", "/api/v1/auth/mfa/enrolment".to_owned(), Some(json!({ "code": "000000" }))),
        ("POST", "/api/v1/auth/mfa/removal".to_owned(), Some(json!({ "password": PASSWORD, "code": "000000" }))),
        ("POST", "/api/v1/auth/mfa/recovery-codes".to_owned(), Some(json!({ "password": PASSWORD, "code": "000000" }))),
        ("GET", "/api/v1/auth/sessions".to_owned(), None),
        ("DELETE", format!("/api/v1/auth/sessions/{}", first.session), None),
        ("GET", KEYS.to_owned(), None),
        ("POST", KEYS.to_owned(), Some(form)),
        ("DELETE", format!("{KEYS}/{id}"), None),
        ("POST", "/api/v1/auth/logout".to_owned(), None),
    ] {
        let mut asking = office.ask(method, &path).bearer(&token).if_match("\"x\"");
        if let Some(body) = &body {
            asking = asking.json(body);
        }
        let got = asking.send().await;
        assert_eq!((got.status, got.code()), (403, "needs_session"), "{method} {path}");
    }
    office.ask("GET", "/api/v1/auth/me").by(&first).send().await.expect(200);
}

// proves: API-06, ACC-10, ACC-17
#[tokio::test]
async fn a_key_ends_with_its_time_its_revocation_and_whatever_happens_to_its_owner() {
    let office = Office::open().await;
    let mut first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    for what in ["time", "revoked", "deactivated", "demoted", "denied", "reset", "no app", "deleted"] {
        office.sign_in(&mut first).await;
        let mut second = second.clone();
        office.sign_in(&mut second).await;
        let owner = office.person(&["support-agent"], true).await;
        let got = made(&office, &owner, &["users.read"], 1).await.expect(201);
        let token = got.body["token"].as_str().expect("a token").to_owned();
        reads_users(&office, &token).await.expect(200);
        let mut status = 401;
        let approve = async |asked: Got| {
            let id = asked.expect(202).body["id"].as_str().expect("an id").to_owned();
            let path = format!("{USERS}/role-requests/{id}/approve");
            office.ask("POST", &path).by(&second).send().await.expect(200);
        };
        match what {
            "time" => office.wait(24 * 60),
            "revoked" => {
                let path = format!("{KEYS}/{}", got.body["id"].as_str().expect("an id"));
                office.ask("DELETE", &path).by(&owner).send().await.expect(204);
                office.ask("DELETE", &path).by(&owner).send().await.expect(204);
            }
            "deactivated" => {
                updated(&office, &first, &owner, &json!({ "active": false })).await;
                assert!([401, 403].contains(&reads_users(&office, &token).await.status));
                // Who comes back makes a new one.
                updated(&office, &first, &owner, &json!({ "active": true })).await;
            }
            "demoted" => {
                let path = format!("{USERS}/{}/roles?roles=support-agent", owner.id);
                approve(office.ask("DELETE", &path).by(&first).send().await).await;
                status = 403;
            }
            "denied" => {
                let form = json!({ "grants": [], "denials": ["users.read"] });
                let path = format!("{USERS}/{}/permissions", owner.id);
                approve(office.ask("PUT", &path).by(&first).json(&form).send().await).await;
                status = 403;
            }
            "reset" => updated(&office, &first, &owner, &json!({ "reset_password": true })).await,
            "no app" => updated(&office, &first, &owner, &json!({ "reset_mfa": true })).await,
            _ => {
                let path = format!("{USERS}/{}", owner.id);
                let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
                office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
                status = 403;
            }
        }
        let got = reads_users(&office, &token).await;
        assert!(got.status == status || (what == "deleted" && got.status == 401), "{what}: {}", got.text);
    }
}

// proves: ACC-05, API-06
#[tokio::test]
async fn a_key_is_no_way_around_the_demand_for_an_app() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    // Whose permissions demand an app and who has none makes no key.
    let without = office.person(&["support-agent"], false).await;
    let got = made(&office, &without, &["users.read"], 30).await;
    assert_eq!((got.status, got.code()), (403, "mfa_missing"));
    // A key from before the demand is confined with its owner, even for what needs no app by itself.
    let owner = office.person(&["viewer"], false).await;
    let token = key(&office, &owner, &["reports.read"]).await;
    let path = format!("{USERS}/{}/roles", owner.id);
    let asked = office.ask("POST", &path).by(&first).json(&json!({ "roles": ["support-agent"] })).send().await;
    let id = asked.expect(202).body["id"].as_str().expect("an id").to_owned();
    office.ask("POST", &format!("{USERS}/role-requests/{id}/approve")).by(&second).send().await.expect(200);
    let got = reads_users(&office, &token).await;
    assert_eq!((got.status, got.code()), (403, "mfa_missing"));
    // With the app the key is what it was, and no more.
    let mut owner = owner;
    office.set_up_app(&mut owner).await;
    let got = reads_users(&office, &token).await;
    assert_eq!((got.status, got.code()), (403, "permission_missing"));
    // Without it again, so is the key.
    let form = json!({ "password": PASSWORD, "code": office.code(&owner) });
    office.ask("POST", "/api/v1/auth/mfa/removal").by(&owner).json(&form).send().await.expect(204);
    let got = reads_users(&office, &token).await;
    assert_eq!((got.status, got.code()), (403, "mfa_missing"));
}

// proves: API-06
#[tokio::test]
async fn a_made_up_key_opens_nothing_and_uses_up_nobodys_allowance_but_its_places() {
    let mut settings = Settings::default();
    settings.security.limits.api_per_minute = 30;
    let office = Office::with(Setup { codes: 0, settings: Some(settings), ..Setup::default() }).await;
    let owner = office.person(&["administrator"], true).await;
    let other = office.person(&["administrator"], true).await;
    office.wait(1);
    let token = key(&office, &owner, &["users.read"]).await;
    let parts: Vec<_> = token.strip_prefix("mbk_").expect("ours").split('.').collect();
    let [user, id, secret] = parts[..] else { panic!("three parts") };
    for forged in [
        format!("mbk_{}.{id}.{secret}", other.id),
        format!("mbk_{user}.{}.{secret}", "0".repeat(32)),
        format!("mbk_{user}.{id}.{}", "0".repeat(32)),
        format!("mbk_{user}.{id}."),
        format!("mbk_{user}.{id}"),
        format!("mbk_{user}.{id}.{secret}.x"),
        format!("mbk_{user}.{id}.{}", secret.to_uppercase()),
        format!("mbk_{user}.{}.{secret}", owner.session),
        "mbk_".to_owned(),
    ] {
        let got = office.ask("GET", USERS).from([192, 0, 2, 1]).bearer(&forged).send().await;
        assert_eq!((got.status, got.code()), (401, "no_session"), "{forged}");
    }
    // A stranger names the owner over and over: the stranger's place is what is used up.
    let forged = format!("mbk_{user}.{id}.{}", "0".repeat(32));
    for number in 0..40 {
        let got = office.ask("GET", USERS).from([192, 0, 2, 2]).bearer(&forged).send().await;
        assert_eq!(got.status, if number < 30 { 401 } else { 429 }, "{number}");
    }
    // And with another id each time there is no new allowance.
    let invented = format!("mbk_{:032x}.{id}.{secret}", 7);
    office.ask("GET", USERS).from([192, 0, 2, 2]).bearer(&invented).send().await.expect(429);
    reads_users(&office, &token).await.expect(200);
    reads_users(&office, &owner.token).await.expect(200);
}

// proves: API-06
#[tokio::test]
async fn other_peoples_keys_are_nobodys_business() {
    let office = Office::open().await;
    let owner = office.person(&["viewer"], false).await;
    let other = office.person(&["viewer"], false).await;
    let got = made(&office, &owner, &["reports.read"], 30).await.expect(201);
    let path = format!("{KEYS}/{}", got.body["id"].as_str().expect("an id"));
    office.ask("DELETE", &path).by(&other).send().await.expect(404);
    let list = office.ask("GET", KEYS).by(&other).send().await.expect(200);
    assert_eq!(list.body["items"], json!([]));
    let list = office.ask("GET", KEYS).by(&owner).send().await.expect(200);
    assert_eq!(list.body["items"][0]["revoked_at"], Value::Null);
    let token = got.body["token"].as_str().expect("a token");
    assert!(!list.text.contains(token.rsplit('.').next().expect("a secret")), "shown once");
    let path = format!("/api/v1/auth/sessions/{}", owner.session);
    office.ask("DELETE", &path).by(&other).send().await.expect(404);
    office.ask("GET", "/api/v1/auth/me").by(&owner).send().await.expect(200);
}

// proves: API-06
#[tokio::test]
async fn no_key_hides_behind_many_others() {
    let mut settings = Settings::default();
    settings.security.limits.api_per_minute = 10_000;
    settings.security.limits.api_per_hour = 10_000;
    let office = Office::with(Setup { codes: 0, settings: Some(settings), ..Setup::default() }).await;
    let owner = office.person(&["viewer"], false).await;
    let token = key(&office, &owner, &["reports.read"]).await;
    // Whoever holds a stolen session would make the list too long to show it.
    for _ in 0..101 {
        let got = made(&office, &owner, &["reports.read"], 1).await.expect(201);
        let path = format!("{KEYS}/{}", got.body["id"].as_str().expect("an id"));
        office.ask("DELETE", &path).by(&owner).send().await.expect(204);
    }
    let list = office.ask("GET", KEYS).by(&owner).send().await.expect(200);
    let shown = &list.body["items"][0];
    assert!(token.contains(shown["id"].as_str().expect("an id")), "the one that opens comes first: {shown}");
    for _ in 0..19 {
        made(&office, &owner, &["reports.read"], 1).await.expect(201);
    }
    let got = made(&office, &owner, &["reports.read"], 1).await;
    assert_eq!((got.status, got.code()), (409, "too_many_keys"));
}
