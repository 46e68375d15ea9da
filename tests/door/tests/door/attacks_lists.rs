//! Cursors and tags that were made up, bent, or handed on; and addresses that come back.

use door::{Got, Office, PASSWORD, Person};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";

async fn page(office: &Office, by: &Person, query: &str) -> Got {
    office.ask("GET", query).by(by).send().await
}

// proves: API-04
#[tokio::test]
async fn a_cursor_goes_on_with_its_own_list_for_its_own_caller_and_nothing_else() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    office.placed(&["viewer"]).await;
    let list = format!("{USERS}?limit=1");
    let got = page(&office, &first, &list).await.expect(200);
    let cursor = got.body["next"].as_str().expect("more").to_owned();
    let next = page(&office, &first, &format!("{list}&cursor={cursor}")).await.expect(200);
    assert_ne!(next.body["items"][0]["id"], got.body["items"][0]["id"]);

    let bent = |at: usize| {
        let letters = cursor.chars().enumerate();
        letters.map(|(i, c)| if i == at { if c == 'A' { 'B' } else { 'A' } } else { c }).collect::<String>()
    };
    for (what, by, query) in [
        ("another caller", &second, format!("{list}&cursor={cursor}")),
        ("another filter", &first, format!("{list}&state=deleted&cursor={cursor}")),
        ("another text", &first, format!("{list}&text=person&cursor={cursor}")),
        ("another list", &first, format!("{USERS}/pending?cursor={cursor}")),
        ("another kind", &first, format!("{USERS}/role-requests?cursor={cursor}")),
        ("the log", &first, format!("/api/v1/admin/audit-logs?cursor={cursor}")),
        ("its beginning", &first, format!("{list}&cursor={}", bent(3))),
        ("its end", &first, format!("{list}&cursor={}", bent(cursor.len() - 3))),
        ("cut short", &first, format!("{list}&cursor={}", &cursor[..cursor.len() - 4])),
        ("a plain position", &first, format!("{list}&cursor={}", second.id)),
        ("a word", &first, format!("{list}&cursor=x")),
    ] {
        let got = page(&office, by, &query).await;
        assert_eq!((got.status, got.code()), (400, "bad_cursor"), "{what}: {}", got.text);
    }
    page(&office, &first, &format!("{list}&cursor={}", "A".repeat(2_049))).await.expect(422);
    // The log's own cursor is bound to what was asked for as well.
    let log = "/api/v1/admin/audit-logs?limit=1";
    let got = page(&office, &first, log).await.expect(200);
    let cursor = got.body["next"].as_str().expect("more").to_owned();
    page(&office, &first, &format!("{log}&cursor={cursor}")).await.expect(200);
    for query in [
        format!("{log}&class=security&cursor={cursor}"),
        format!("{log}&actor=user:{}&cursor={cursor}", first.id),
        format!("/api/v1/admin/audit-logs/export?cursor={cursor}"),
    ] {
        assert_eq!(page(&office, &first, &query).await.expect(400).code(), "bad_cursor", "{query}");
    }
}

// proves: API-04
#[tokio::test]
async fn a_change_needs_the_tag_of_this_thing_as_it_is_now() {
    let office = Office::open().await;
    let first = office.first().await;
    let person = office.person(&["viewer"], false).await;
    let other = office.person(&["viewer"], false).await;
    let tag = async |person: &Person| {
        office.ask("GET", &format!("{USERS}/{}", person.id)).by(&first).send().await.expect(200).etag()
    };
    let path = format!("{USERS}/{}", person.id);
    let form = json!({ "first_name": "Other" });
    let old = tag(&person).await;
    let weak = format!("W/{old}");
    let me = office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(200).etag();
    let permissions = office.ask("GET", &format!("{path}/permissions")).by(&first).send().await.expect(200).etag();
    for (status, held) in [
        (412, tag(&other).await),
        (412, weak),
        (412, me),
        (412, permissions),
        (412, "\"1\"".to_owned()),
        (412, "\"000000000000000000000000\"".to_owned()),
        (400, "*".to_owned()),
        (400, old.trim_matches('"').to_owned()),
    ] {
        for method in ["PUT", "DELETE"] {
            let asking = office.ask(method, &path).by(&first).if_match(&held);
            let got = if method == "PUT" { asking.json(&form).send().await } else { asking.send().await };
            assert_eq!(got.status, status, "{method} {held}: {}", got.text);
        }
    }
    office.ask("PUT", &path).by(&first).json(&form).send().await.expect(428);
    office.ask("PUT", &path).by(&first).if_match(&old).json(&form).send().await.expect(200);
    office.ask("PUT", &path).by(&first).if_match(&old).json(&form).send().await.expect(412);
    office.ask("DELETE", &path).by(&first).if_match(&old).send().await.expect(412);
}

// proves: ACC-13, ACC-17
#[tokio::test]
async fn a_deleted_users_address_and_number_are_free_and_nothing_of_the_account_comes_back() {
    let office = Office::open().await;
    let mut first = office.first().await;
    let form = json!({
        "email": "clerk@example.rw", "first_name": "Old", "last_name": "Clerk", "phone": "0788123456",
    });
    let made = office.ask("POST", USERS).by(&first).json(&form).send().await.expect(201);
    let old = made.body["user"]["id"].as_str().expect("an id").to_owned();
    let link = office.world.letter_link("clerk@example.rw").await;
    let set = |link: String| {
        let form = json!({ "token": link, "password": PASSWORD });
        office.ask("POST", "/api/v1/auth/password/link").json(&form).send()
    };
    set(link.clone()).await.expect(204);
    let mut clerk = Person { id: old.clone(), email: "clerk@example.rw".to_owned(), ..Person::default() };
    office.sign_in(&mut clerk).await;
    let got = office.ask("POST", USERS).by(&first).json(&form).send().await.expect(422);
    let fields: Vec<_> =
        got.body["errors"].as_array().expect("a list").iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["email", "phone"]);

    let path = format!("{USERS}/{old}");
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
    office.wait(1);
    let mut again = form.clone();
    again["email"] = json!("CLERK@example.RW");
    let made = office.ask("POST", USERS).by(&first).json(&again).send().await.expect(201);
    let new = made.body["user"]["id"].as_str().expect("an id").to_owned();
    assert_ne!(new, old);
    // The old password, tokens and link are not the new account's.
    let login = json!({ "email": "clerk@example.rw", "password": PASSWORD });
    office.ask("POST", "/api/v1/auth/login").json(&login).send().await.expect(401);
    office.ask("GET", "/api/v1/auth/me").by(&clerk).send().await.expect(401);
    set(link).await.expect(410);
    // The old one stays what it was, and nobody brings it back.
    let got = office.ask("GET", &path).by(&first).send().await.expect(200);
    assert_eq!((&got.body["state"], &got.body["first_name"]), (&json!("deleted"), &json!("Old")));
    for form in [json!({ "active": true }), json!({ "reset_password": true }), json!({ "email": "x@example.rw" })] {
        let put = office.ask("PUT", &path).by(&first).if_match(&got.etag()).json(&form).send().await;
        assert_eq!((put.status, put.code()), (409, "account_inactive"));
    }
    office.ask("DELETE", &path).by(&first).if_match(&got.etag()).send().await.expect(404);
    let roles = office.ask("POST", &format!("{path}/roles")).by(&first).json(&json!({ "roles": ["viewer"] }));
    assert_eq!(roles.send().await.expect(409).code(), "account_inactive");
    for route in ["approve", "reject"] {
        let asking = office.ask("POST", &format!("{path}/{route}")).by(&first).json(&json!({ "reason": "x" }));
        assert_eq!(asking.send().await.expect(409).code(), "not_pending");
    }
    // Deleting the new one gives up the new one's, not twice the same.
    let path = format!("{USERS}/{new}");
    let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
    office.sign_in(&mut first).await;
    office.ask("POST", USERS).by(&first).json(&form).send().await.expect(201);
}

// proves: API-04
#[tokio::test]
async fn ids_that_are_none_or_nobodys_are_not_found() {
    let office = Office::open().await;
    let first = office.first().await;
    let none = "0".repeat(32);
    for id in [none.as_str(), "x", "..%2f..", "%00", &first.id.to_uppercase(), &first.session] {
        for (method, path, body) in [
            ("GET", format!("{USERS}/{id}"), Value::Null),
            ("PUT", format!("{USERS}/{id}"), json!({ "first_name": "A" })),
            ("DELETE", format!("{USERS}/{id}"), Value::Null),
            ("GET", format!("{USERS}/{id}/permissions"), Value::Null),
            ("POST", format!("{USERS}/{id}/roles"), json!({ "roles": ["viewer"] })),
            ("POST", format!("{USERS}/{id}/approve"), Value::Null),
            ("POST", format!("{USERS}/role-requests/{id}/approve"), Value::Null),
            ("DELETE", format!("/api/v1/auth/keys/{id}"), Value::Null),
        ] {
            let mut asking = office.ask(method, &path).by(&first).if_match("\"x\"");
            if !body.is_null() {
                asking = asking.json(&body);
            }
            let got = asking.send().await;
            assert_eq!(got.status, 404, "{method} {path}: {}", got.text);
        }
    }
}
