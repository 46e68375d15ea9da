//! Staff as they come, work and go, through the API.

use door::{Office, PASSWORD, Person};
use serde_json::json;

// proves: ACC-01, ACC-02, ACC-03
#[tokio::test]
async fn who_signs_in_is_known_until_they_sign_out_and_not_a_moment_longer() {
    let office = Office::open().await;
    let person = office.first().await;
    let me = office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(200);
    assert_eq!(me.body["email"], "first@example.rw");
    assert_eq!(me.body["roles"], json!(["super-administrator"]));
    office.ask("GET", "/api/v1/admin/users").by(&person).send().await.expect(200);
    office.ask("POST", "/api/v1/auth/logout").by(&person).send().await.expect(204);
    for path in ["/api/v1/auth/me", "/api/v1/admin/users"] {
        let got = office.ask("GET", path).by(&person).send().await.expect(401);
        assert_eq!(got.code(), "no_session");
    }
    let refreshed = office.ask("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": person.refresh }));
    refreshed.send().await.expect(401);
}

// proves: ACC-01
#[tokio::test]
async fn a_wrong_address_and_a_wrong_password_have_one_answer() {
    let office = Office::open().await;
    let person = office.placed(&["viewer"]).await;
    let mut answers = Vec::new();
    for (email, password) in
        [(person.email.as_str(), "wrong"), ("nobody@example.rw", PASSWORD), ("no address", PASSWORD)]
    {
        let form = json!({ "email": email, "password": password });
        let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(401);
        let mut body = got.body;
        body["request_id"] = json!(null);
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

// proves: ACC-06, ACC-11, ACC-13
#[tokio::test]
async fn a_new_account_gets_a_link_and_its_roles_by_a_second_person() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let form = json!({
        "email": "Clerk@Example.RW", "first_name": "Aline", "last_name": "Uwase", "phone": "0788123456",
        "roles": ["batch-manager"],
    });
    let made = office.ask("POST", "/api/v1/admin/users").by(&first).json(&form).send().await.expect(201);
    let id = made.body["user"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.body["user"]["email"], "clerk@example.rw");
    assert_eq!(made.body["user"]["roles"], json!([]), "the roles wait");
    let change = made.body["change"]["id"].as_str().expect("a change").to_owned();

    let approve = format!("/api/v1/admin/users/role-requests/{change}/approve");
    let own = office.ask("POST", &approve).by(&first).send().await.expect(403);
    assert_eq!(own.code(), "second_person");
    office.ask("POST", &approve).by(&second).send().await.expect(200);
    let got = office.ask("GET", &format!("/api/v1/admin/users/{id}")).by(&first).send().await.expect(200);
    assert_eq!(got.body["roles"], json!(["batch-manager"]));
    office.ask("POST", &approve).by(&second).send().await.expect(409);

    // The link came by letter: it sets the password once.
    let link = office.world.letter_link("clerk@example.rw").await;
    let set = json!({ "token": link, "password": PASSWORD });
    office.ask("POST", "/api/v1/auth/password/link").json(&set).send().await.expect(204);
    office.ask("POST", "/api/v1/auth/password/link").json(&set).send().await.expect(410);
    let mut clerk = Person { email: "clerk@example.rw".to_owned(), ..Person::default() };
    office.sign_in(&mut clerk).await;
    let me = office.ask("GET", "/api/v1/auth/me").by(&clerk).send().await.expect(200);
    assert_eq!(
        me.body["permissions"],
        json!(["promo-codes.fraud.report", "promo-codes.search", "redemptions.create.manual"])
    );
    let got = office.ask("GET", "/api/v1/admin/users").by(&clerk).send().await.expect(403);
    assert_eq!(got.code(), "permission_missing");
}

// proves: ACC-10, ACC-17
#[tokio::test]
async fn what_is_taken_from_somebody_is_gone_with_their_next_request() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let viewer = office.person(&["audit-viewer"], true).await;
    office.ask("GET", "/api/v1/admin/audit-logs").by(&viewer).send().await.expect(200);
    let path = format!("/api/v1/admin/users/{}/roles?roles=audit-viewer", viewer.id);
    let asked = office.ask("DELETE", &path).by(&first).send().await.expect(202);
    let change = asked.body["id"].as_str().expect("a change");
    office.ask("GET", "/api/v1/admin/audit-logs").by(&viewer).send().await.expect(200);
    let approve = format!("/api/v1/admin/users/role-requests/{change}/approve");
    office.ask("POST", &approve).by(&second).send().await.expect(200);
    office.ask("GET", "/api/v1/admin/audit-logs").by(&viewer).send().await.expect(403);

    let path = format!("/api/v1/admin/users/{}", viewer.id);
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    let off = office.ask("PUT", &path).by(&first).if_match(&tag).json(&json!({ "active": false })).send().await;
    let tag = off.expect(200).etag();
    office.ask("GET", "/api/v1/auth/me").by(&viewer).send().await.expect(401);
    let on = office.ask("PUT", &path).by(&first).if_match(&tag).json(&json!({ "active": true })).send().await;
    on.expect(200);
    office.ask("GET", "/api/v1/auth/me").by(&viewer).send().await.expect(401);
}
