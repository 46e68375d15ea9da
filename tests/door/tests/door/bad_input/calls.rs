//! The same call twice.

use super::{patient, wrong};
use door::{Got, Office, Person};
use rig::table::text;
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";

fn form(number: u32) -> Value {
    json!({ "email": format!("once{number}@example.rw"), "first_name": "Some", "last_name": "Body" })
}

async fn make(office: &Office, person: &Person, key: &str, body: &Value) -> Got {
    office.ask("POST", USERS).by(person).once(key).json(body).send().await
}

async fn users(office: &Office, person: &Person) -> usize {
    let got = office.ask("GET", "/api/v1/admin/users?text=once&limit=200").by(person).send().await.expect(200);
    got.body["items"].as_array().expect("a list").len()
}

// proves: RED-03
#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_twice_is_done_once_and_answered_twice_alike() {
    let office = patient().await;
    let first = office.first().await;
    let made = make(&office, &first, "k-1", &form(1)).await.expect(201);
    assert_eq!(made.header("idempotent-replayed"), "");
    let again = make(&office, &first, "k-1", &form(1)).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text, made.text);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), made.header(name), "{name}");
        assert_ne!(made.header(name), "", "{name}");
    }
    // The quoted form of a key is the same key.
    make(&office, &first, "\"k-1\"", &form(1)).await.expect(201);
    assert_eq!(users(&office, &first).await, 1);

    // Another body, path, method or version is another call.
    let got = make(&office, &first, "k-1", &form(2)).await;
    assert_eq!(wrong(&got, 422, None), None);
    assert_eq!(got.code(), "idempotency_key_reused");
    let id = made.body["user"]["id"].as_str().expect("an id");
    let path = format!("{USERS}/{id}");
    office.ask("PUT", &path).by(&first).once("k-1").if_match(&made.etag()).json(&form(1)).send().await.expect(422);
    assert_eq!(users(&office, &first).await, 1);

    // A refusal of what was asked for is an answer too: it is given again though it might do now.
    let taken = make(&office, &first, "k-2", &form(1)).await;
    assert_eq!(wrong(&taken, 422, Some("email")), None);
    office.ask("DELETE", &path).by(&first).if_match(&made.etag()).send().await.expect(204);
    let taken = make(&office, &first, "k-2", &form(1)).await.expect(422);
    assert_eq!(taken.header("idempotent-replayed"), "true");
    assert_eq!(wrong(&taken, 422, Some("email")), None);

    // After a day the key is free.
    office.wait(24 * 60);
    let mut first = first;
    office.sign_in(&mut first).await;
    let anew = make(&office, &first, "k-1", &form(3)).await.expect(201);
    assert_eq!(anew.header("idempotent-replayed"), "");
}

// proves: RED-03
#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_many_times_at_once_is_done_once() {
    let office = patient().await;
    let first = office.first().await;
    for number in 1..=5 {
        let key = format!("at-once-{number}");
        let body = form(number);
        let ask = || make(&office, &first, &key, &body);
        let got = tokio::join!(ask(), ask(), ask(), ask());
        let mut done = 0;
        for got in [got.0, got.1, got.2, got.3] {
            match got.status {
                201 if got.header("idempotent-replayed").is_empty() => done += 1,
                201 => assert_eq!(got.header("idempotent-replayed"), "true"),
                409 => {
                    assert_eq!(got.code(), "still_running");
                    assert_ne!(got.header("retry-after"), "");
                }
                _ => panic!("{}", got.text),
            }
        }
        assert_eq!(done, 1);
        assert_eq!(make(&office, &first, &key, &body).await.expect(201).header("idempotent-replayed"), "true");
    }
    assert_eq!(users(&office, &first).await, 5);
}

// proves: RED-03
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_callers_own() {
    let office = patient().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    make(&office, &first, "mine", &form(1)).await.expect(201);
    let other = make(&office, &second, "mine", &form(2)).await.expect(201);
    assert_eq!(other.header("idempotent-replayed"), "");
    // Nor does anybody see another's answer by the same call.
    let same = make(&office, &second, "mine-too", &form(1)).await;
    assert_eq!(wrong(&same, 422, Some("email")), None);
    // Who may no longer do it gets no answer of earlier days.
    office.ask("POST", "/api/v1/auth/logout").by(&first).send().await.expect(204);
    assert_eq!(make(&office, &first, "mine", &form(1)).await.status, 401);
}

/// Whether any row of the table holds this text.
async fn held(office: &Office, secret: &str) -> Vec<String> {
    let scan = office.world.dynamodb().scan().table_name(&office.world.names.table).send().await;
    let page = scan.expect("the table can be scanned");
    assert!(page.last_evaluated_key.is_none(), "one page holds all");
    let items = page.items.unwrap_or_default();
    assert!(items.iter().any(|item| text(item, "pk").starts_with("CALL#")), "the calls are kept in rows");
    let holding = items.iter().filter(|item| format!("{item:?}").contains(secret));
    holding.map(|item| text(item, "pk").to_owned()).collect()
}

// proves: RED-03, AUD-05
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_a_secret_is_given_once_and_kept_nowhere() {
    let office = patient().await;
    let first = office.first().await;
    let body = json!({ "name": "till", "scope": ["users.read"], "days": 1 });
    let ask = || office.ask("POST", "/api/v1/auth/keys").by(&first).once("one-key").json(&body);
    let made = ask().send().await.expect(201);
    let token = made.body["token"].as_str().expect("a token").to_owned();
    let again = ask().send().await.expect(409);
    assert_eq!(again.code(), "answer_not_kept");
    assert!(!again.text.contains(&token));
    let list = office.ask("GET", "/api/v1/auth/keys").by(&first).send().await.expect(200);
    assert_eq!(list.body["items"].as_array().expect("a list").len(), 1);
    assert!(!list.text.contains(token.rsplit_once('.').expect("parts").1));
    assert_eq!(held(&office, token.rsplit_once('.').expect("parts").1).await, Vec::<String>::new());

    let person = office.person(&["viewer"], false).await;
    let body = json!({ "password": door::PASSWORD });
    let ask = || office.ask("POST", "/api/v1/auth/mfa/enrolment").by(&person).once("one-app").json(&body);
    let begun = ask().send().await.expect(200);
    let secret = begun.body["secret"].as_str().expect("a secret");
    assert_eq!(ask().send().await.expect(409).code(), "answer_not_kept");
    assert_eq!(held(&office, secret).await, Vec::<String>::new());
    assert_eq!(held(&office, door::PASSWORD).await, Vec::<String>::new());
}

// proves: RED-03
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_may_pass_is_not_an_answer_for_good() {
    let office = patient().await;
    let first = office.first().await;
    let viewer = office.person(&["viewer"], true).await;
    let refused = make(&office, &viewer, "later", &form(1)).await.expect(403);
    assert_eq!(refused.code(), "permission_missing");
    door::routes::changed(&office, &viewer.id, |user| user.roles = vec![administrator()]).await;
    make(&office, &viewer, "later", &form(1)).await.expect(201);
    assert_eq!(users(&office, &first).await, 1);
}

fn administrator() -> domain::role::RoleId {
    domain::role::Predefined::Administrator.id()
}
