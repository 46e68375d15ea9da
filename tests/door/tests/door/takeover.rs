//! Nobody becomes two people: by somebody's address, password, app, keys, or by an old request.

use door::{Office, PASSWORD, Person};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";

async fn change(office: &Office, by: &Person, of: &Person, what: Value) -> door::Got {
    let path = format!("{USERS}/{}", of.id);
    let tag = office.ask("GET", &path).by(by).send().await.expect(200).etag();
    office.ask("PUT", &path).by(by).if_match(&tag).json(&what).send().await
}

fn alerts(rows: &rig::table::Rows, kind: &str) -> usize {
    rows.alerts.iter().filter(|alert| alert.kind.name() == kind).count()
}

// proves: ACC-06, ACC-11
#[tokio::test]
async fn who_may_update_users_takes_over_nobody_who_may_more() {
    let office = Office::open().await;
    let first = office.first().await;
    let cashier = office.person(&["financial-administrator"], true).await;
    let mut clerk = office.person(&["support-agent"], false).await;
    let second = office.person(&["super-administrator"], true).await;
    let grant = json!({ "grants": ["users.update"], "denials": [] });
    let path = format!("{USERS}/{}/permissions", clerk.id);
    let asked = office.ask("PUT", &path).by(&first).json(&grant).send().await.expect(202);
    let path = format!("{USERS}/role-requests/{}/approve", asked.body["id"].as_str().expect("an id"));
    office.ask("POST", &path).by(&second).send().await.expect(200);
    office.set_up_app(&mut clerk).await;
    for what in [json!({ "email": "mine@example.rw" }), json!({ "reset_password": true }), json!({ "reset_mfa": true })]
    {
        let got = change(&office, &clerk, &cashier, what).await.expect(403);
        assert_eq!(got.code(), "more_than_held");
    }
    change(&office, &clerk, &cashier, json!({ "first_name": "Rose" })).await.expect(200);
}

// proves: ACC-11, ACC-17
#[tokio::test]
async fn an_administrators_address_is_their_own_and_a_reset_raises_an_alert() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let got = change(&office, &first, &second, json!({ "email": "mine@example.rw" })).await.expect(403);
    assert_eq!(got.code(), "owners_address");
    assert_eq!(alerts(&office.world.rows().await, "sensitive_account"), 0);
    change(&office, &first, &second, json!({ "reset_password": true })).await.expect(200);
    assert_eq!(alerts(&office.world.rows().await, "sensitive_account"), 1);
    let third = office.person(&["administrator"], true).await;
    change(&office, &first, &third, json!({ "active": false })).await.expect(200);
    assert_eq!(alerts(&office.world.rows().await, "sensitive_account"), 2);
}

// proves: API-06, ACC-17
#[tokio::test]
async fn a_programs_key_ends_with_a_reset_by_somebody_else_but_not_with_a_new_password_of_its_owner() {
    let office = Office::open().await;
    let first = office.first().await;
    let owner = office.person(&["viewer"], false).await;
    let form = json!({ "name": "sheet", "scope": ["batches.read"], "days": 30 });
    let made = office.ask("POST", "/api/v1/auth/keys").by(&owner).json(&form).send().await.expect(201);
    let key = made.body["token"].as_str().expect("a token").to_owned();
    let knock = async || {
        // A key reaches no route of its scope yet: 403 is "come in, but not here", 401 is "who are you?".
        office.ask("GET", USERS).bearer(&key).send().await.status
    };
    assert_eq!(knock().await, 403);
    let new = json!({ "present": PASSWORD, "new": "Another-horse-8-battery" });
    office.ask("POST", "/api/v1/auth/password").by(&owner).json(&new).send().await.expect(204);
    assert_eq!(knock().await, 403);
    change(&office, &first, &owner, json!({ "reset_password": true })).await.expect(200);
    assert_eq!(knock().await, 401);
}

// proves: ACC-11
#[tokio::test]
async fn what_somebody_asked_for_who_was_sent_away_since_is_not_carried_out() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let asker = office.person(&["administrator"], true).await;
    let viewer = office.person(&["viewer"], false).await;
    let path = format!("{USERS}/{}/roles", viewer.id);
    let asked = office.ask("POST", &path).by(&asker).json(&json!({ "roles": ["audit-viewer"] })).send().await;
    let id = asked.expect(202).body["id"].as_str().expect("an id").to_owned();
    change(&office, &first, &asker, json!({ "active": false })).await.expect(200);
    let path = format!("{USERS}/role-requests/{id}/approve");
    let got = office.ask("POST", &path).by(&second).send().await.expect(409);
    assert_eq!(got.code(), "outdated");
}

// proves: ACC-11
#[tokio::test]
async fn nothing_can_be_denied_to_a_super_administrator() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let path = format!("{USERS}/{}/permissions", second.id);
    let form = json!({ "grants": [], "denials": ["users.roles.assign"] });
    let got = office.ask("PUT", &path).by(&first).json(&form).send().await.expect(409);
    assert_eq!(got.code(), "super_denied");
}

// proves: ACC-16, ACC-06
#[tokio::test]
async fn ones_own_profile_is_ones_own_and_a_new_address_is_taken_over_by_its_link() {
    let office = Office::open().await;
    let first = office.first().await;
    let mut person = office.person(&["viewer"], false).await;
    let me = "/api/v1/auth/me";
    let path = format!("{USERS}/{}", person.id);
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    let form = json!({ "first_name": "Aline", "phone": "0788123456", "language": "rw", "email": "New@Example.rw" });
    let got = office.ask("PUT", me).by(&person).if_match(&tag).json(&form).send().await.expect(200);
    assert_eq!(got.body["phone"], "+250788123456");
    assert_eq!((got.body["language"].as_str(), got.body["new_email"].as_str()), (Some("rw"), Some("new@example.rw")));
    assert_eq!(got.body["email"], json!(person.email), "until the link was followed");
    let stale = office.ask("PUT", me).by(&person).if_match(&tag).json(&json!({ "first_name": "B" })).send().await;
    assert_eq!(stale.expect(412).code(), "stale");
    let link = office.world.letter_link("new@example.rw").await;
    let confirm = json!({ "token": link });
    office.ask("POST", "/api/v1/auth/email/confirm").json(&confirm).send().await.expect(204);
    office.ask("POST", "/api/v1/auth/email/confirm").json(&confirm).send().await.expect(410);
    person.email = "new@example.rw".to_owned();
    office.sign_in(&mut person).await;
}
