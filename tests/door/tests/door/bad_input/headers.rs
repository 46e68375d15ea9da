//! `If-Match` and `Idempotency-Key` that don't fit, and changes that would be lost.

use super::{asking, caller, differences, patient, rows, wrong};
use door::routes::{Request, Stage, operations};
use serde_json::json;
use std::fmt::Write as _;

// proves: API-03, API-04
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_names_no_version_or_another_one_is_refused() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let mut complaints = String::new();
    let mut count = 0;
    for operation in operations(office.api.document()) {
        let request = stage.request(&operation, &caller).await;
        let Some(tag) = request.if_match.clone() else { continue };
        count += 1;
        let before = rows(&office).await;
        let inside = tag.trim_matches('"').to_owned();
        let cases = [
            (None, 428, "precondition_required"),
            (Some(String::new()), 400, "malformed_if_match"),
            (Some("*".to_owned()), 400, "malformed_if_match"),
            (Some(inside.clone()), 400, "malformed_if_match"),
            (Some(format!("\"{inside}")), 400, "malformed_if_match"),
            (Some(format!("{tag} {tag}")), 400, "malformed_if_match"),
            (Some(format!("{tag},,{tag}")), 400, "malformed_if_match"),
            (Some(vec![tag.as_str(); 17].join(",")), 400, "malformed_if_match"),
            (Some("\"\"".to_owned()), 412, "stale"),
            (Some(format!("W/{tag}")), 412, "stale"),
            (Some(format!("\"{inside}0\"")), 412, "stale"),
            (Some(tag.to_uppercase()), 412, "stale"),
        ];
        for (tag, status, code) in cases {
            let request = Request { if_match: tag.clone(), ..request.clone() };
            let mut asking = asking(&office, &operation, &request, &caller);
            if let Some(body) = &request.body {
                asking = asking.json(body);
            }
            let got = asking.send().await;
            let field = (status == 400).then_some("If-Match");
            if let Some(wrong) = wrong(&got, status, field) {
                writeln!(complaints, "{} with {tag:?}: {wrong}", operation.name()).expect("a text");
            } else if got.code() != code {
                writeln!(complaints, "{} with {tag:?}: {}", operation.name(), got.code()).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(count > 5, "{count}");
}

// proves: API-03, RED-03
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_that_is_none_is_refused() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let mut complaints = String::new();
    let mut count = 0;
    for operation in operations(office.api.document()) {
        if operation.open || !operation.changes() {
            continue;
        }
        count += 1;
        let request = stage.request(&operation, &caller).await;
        let before = rows(&office).await;
        for key in ["", " ", "two words", &"k".repeat(129), "\"open", "\"\"", "\"a\"b\"", "\"a\\n\"", "kl\u{e9}"] {
            let mut asking = asking(&office, &operation, &request, &caller).once(key);
            if let Some(body) = &request.body {
                asking = asking.json(body);
            }
            let got = asking.send().await;
            if let Some(wrong) = wrong(&got, 400, Some("Idempotency-Key")) {
                writeln!(complaints, "{} with {key:?}: {wrong}", operation.name()).expect("a text");
            }
        }
        for row in differences(&before, &rows(&office).await) {
            writeln!(complaints, "{}: has written {row}", operation.name()).expect("a text");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(count > 15, "{count}");
}

// proves: API-04
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_read_the_same_only_one_changes_it() {
    let office = patient().await;
    let stage = Stage::set(&office).await;
    let caller = caller(&stage);
    let mut count = 0;
    for operation in operations(office.api.document()) {
        // A change that must be approved leaves what it is about as it is until then.
        if !["updateUser", "deleteUser", "updateMe", "saveSecuritySettings"].contains(&operation.id.as_str()) {
            continue;
        }
        count += 1;
        let request = stage.request(&operation, &caller).await;
        let ask = || {
            let asking = asking(&office, &operation, &request, &caller);
            match &request.body {
                Some(body) => asking.json(body),
                None => asking,
            }
        };
        let (one, other) = tokio::join!(ask().send(), ask().send());
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert!(statuses[0] < 300 && [409, 412].contains(&statuses[1]), "{}: {statuses:?}", operation.name());
        assert_eq!(ask().send().await.status, 412, "{}", operation.name());
    }
    assert_eq!(count, 4);
}

// proves: API-04
#[tokio::test]
async fn who_reads_again_after_a_change_may_change_too_and_need_not_read_what_is_the_same() {
    let office = patient().await;
    let first = office.first().await;
    let path = format!("/api/v1/admin/users/{}", office.placed(&["viewer"]).await.id);
    let read = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
    let same = office.ask("GET", &path).by(&first).header("if-none-match", &read).send().await.expect(304);
    assert_eq!(same.text, "");
    assert_eq!(same.etag(), read);
    let form = json!({ "first_name": "Keza" });
    let put = office.ask("PUT", &path).by(&first).if_match(&read).json(&form).send().await.expect(200);
    assert_ne!(put.etag(), read);
    let now = office.ask("GET", &path).by(&first).header("if-none-match", &read).send().await.expect(200);
    assert_eq!(now.etag(), put.etag());
    assert_eq!(now.body["first_name"], "Keza");
    office.ask("PUT", &path).by(&first).if_match(&read).json(&form).send().await.expect(412);
    let any = format!("{read}, {}", put.etag());
    office.ask("PUT", &path).by(&first).if_match(&any).json(&json!({ "phone": "0788123456" })).send().await.expect(200);

    // One's own profile has one tag where it is read and one where it was changed; both will do.
    let me = office.ask("GET", "/api/v1/auth/me").by(&first).send().await.expect(200).etag();
    let form = json!({ "last_name": "Uwera" });
    let put = office.ask("PUT", "/api/v1/auth/me").by(&first).if_match(&me).json(&form).send().await.expect(200);
    office.ask("PUT", "/api/v1/auth/me").by(&first).if_match(&me).json(&form).send().await.expect(412);
    let form = json!({ "last_name": "Mutesi" });
    office.ask("PUT", "/api/v1/auth/me").by(&first).if_match(&put.etag()).json(&form).send().await.expect(200);
}
