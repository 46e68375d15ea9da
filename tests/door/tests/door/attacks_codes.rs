//! Codes and links that must work once: used again, at once, too late, or for something else.

use domain::id::UserId;
use door::{Got, Office, PASSWORD, Person};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Deadline;
use tokio::task::JoinSet;

const NEW_PASSWORD: &str = "Another-horse-8-battery";

async fn challenge(office: &Office, person: &Person, from: [u8; 4]) -> Value {
    let form = json!({ "email": person.email, "password": PASSWORD });
    let got = office.ask("POST", "/api/v1/auth/login").from(from).json(&form).send().await.expect(200);
    assert_eq!(got.body["result"], "code_needed");
    got.body["challenge"].clone()
}

async fn answered(office: &Office, challenge: &Value, code: &str, from: [u8; 4]) -> Got {
    let form = json!({ "challenge": challenge, "code": code });
    office.ask("POST", "/api/v1/auth/mfa").from(from).json(&form).send().await
}

/// How many of the answers had this status.
fn count(answers: &[Got], status: u16) -> usize {
    answers.iter().filter(|got| got.status == status).count()
}

async fn updated(office: &Office, by: &Person, person: &Person, form: &Value) -> Got {
    // Letters of one moment have no order.
    office.world.advance(1);
    let path = format!("/api/v1/admin/users/{}", person.id);
    let tag = office.ask("GET", &path).by(by).send().await.expect(200).etag();
    office.ask("PUT", &path).by(by).if_match(&tag).json(form).send().await
}

async fn used(office: &Office, link: &str, password: &str) -> Got {
    let form = json!({ "token": link, "password": password });
    office.ask("POST", "/api/v1/auth/password/link").json(&form).send().await
}

// proves: ACC-05
#[tokio::test]
async fn a_code_of_the_app_is_taken_once_and_none_before_it() {
    let office = Office::open().await;
    let person = office.person(&["viewer"], true).await;
    office.wait(1);
    let code = office.present_code(&person);
    for (number, status) in [(1, 200), (2, 401), (3, 401)] {
        let challenge = challenge(&office, &person, [10, 0, 1, number]).await;
        answered(&office, &challenge, &code, [10, 0, 1, number]).await.expect(status);
    }
    office.wait(16);
    // An older one, seen over the shoulder, is no better than the one that was used.
    office.world.advance(60_000);
    let seen = office.present_code(&person);
    office.world.advance(30_000);
    let fresh = office.present_code(&person);
    let step = challenge(&office, &person, [10, 0, 2, 1]).await;
    answered(&office, &step, &fresh, [10, 0, 2, 1]).await.expect(200);
    let step = challenge(&office, &person, [10, 0, 2, 2]).await;
    answered(&office, &step, &seen, [10, 0, 2, 2]).await.expect(401);
    // Nor does it give the app up or draw new recovery codes.
    for path in ["/api/v1/auth/mfa/removal", "/api/v1/auth/mfa/recovery-codes"] {
        let form = json!({ "password": PASSWORD, "code": fresh });
        let mut person = person.clone();
        office.world.advance(30_000);
        office.sign_in(&mut person).await;
        office.ask("POST", path).by(&person).json(&form).send().await.expect(422);
    }
}

// proves: ACC-05
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_used_by_many_at_once_lets_one_in() {
    let office = Arc::new(Office::open().await);
    let mut person = office.person(&["viewer"], true).await;
    for recovery in [false, true] {
        office.wait(1);
        let code = if recovery { person.recovery.pop().expect("ten") } else { office.present_code(&person) };
        let challenge = challenge(&office, &person, [10, 0, 3, 0]).await;
        let mut asked = JoinSet::new();
        for number in 0..4 {
            let (office, challenge, code) = (Arc::clone(&office), challenge.clone(), code.clone());
            asked.spawn(async move { answered(&office, &challenge, &code, [10, 0, 3, number]).await });
        }
        let answers = asked.join_all().await;
        assert_eq!(count(&answers, 200), 1, "{answers:?}");
        assert!(answers.iter().all(|got| [200, 401, 429, 503].contains(&got.status)), "{answers:?}");
        office.wait(16);
    }
    let sessions = office.world.rows().await.audit.into_iter().filter(|entry| entry.action == "sign_in.done");
    assert_eq!(sessions.count(), 3);
}

// proves: ACC-05
#[tokio::test]
async fn a_recovery_code_works_once_and_old_ones_die_with_new_ones() {
    let office = Office::open().await;
    let mut person = office.person(&["viewer"], true).await;
    let spoken = person.recovery[0].to_lowercase().replace('-', " ");
    for (number, status) in [(1, 200), (2, 401)] {
        let step = challenge(&office, &person, [10, 0, 1, number]).await;
        answered(&office, &step, &spoken, [10, 0, 1, number]).await.expect(status);
    }
    office.wait(16);
    office.sign_in(&mut person).await;
    let me = office.ask("GET", "/api/v1/auth/me").by(&person).send().await.expect(200);
    assert_eq!(me.body["recovery_codes_left"], 9);
    let form = json!({ "password": PASSWORD, "code": office.code(&person) });
    let got = office.ask("POST", "/api/v1/auth/mfa/recovery-codes").by(&person).json(&form).send().await.expect(200);
    let new = got.body["recovery_codes"][0].as_str().expect("a code").to_owned();
    let step = challenge(&office, &person, [10, 0, 2, 1]).await;
    answered(&office, &step, &person.recovery[1], [10, 0, 2, 1]).await.expect(401);
    answered(&office, &step, &new, [10, 0, 2, 1]).await.expect(200);
}

// proves: ACC-05, ACC-06
#[tokio::test]
async fn the_first_step_is_over_after_five_minutes_a_new_password_or_the_end_of_the_account() {
    let office = Office::open().await;
    let mut first = office.first().await;
    for what in ["time", "password", "reset", "deactivated", "no app", "deleted"] {
        office.sign_in(&mut first).await;
        let person = office.person(&["viewer"], true).await;
        let step = challenge(&office, &person, [10, 0, 1, 1]).await;
        match what {
            "time" => office.wait(5),
            "password" => {
                let form = json!({ "present": PASSWORD, "new": NEW_PASSWORD });
                office.ask("POST", "/api/v1/auth/password").by(&person).json(&form).send().await.expect(204);
            }
            "reset" => drop(updated(&office, &first, &person, &json!({ "reset_password": true })).await.expect(200)),
            "deactivated" => drop(updated(&office, &first, &person, &json!({ "active": false })).await.expect(200)),
            "no app" => drop(updated(&office, &first, &person, &json!({ "reset_mfa": true })).await.expect(200)),
            _ => {
                let path = format!("/api/v1/admin/users/{}", person.id);
                let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
                office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
            }
        }
        let got = answered(&office, &step, &office.code(&person), [10, 0, 1, 2]).await;
        assert_eq!((got.status, got.code()), (401, "no_session"), "{what}");
        office.wait(16);
    }
}

// proves: ACC-06
#[tokio::test]
async fn a_password_link_is_dead_after_use_a_newer_one_an_hour_or_the_accounts_end() {
    let office = Office::open().await;
    let mut first = office.first().await;
    let reset = json!({ "reset_password": true });
    for what in ["used", "newer", "an hour", "deactivated", "password changed", "deleted"] {
        office.sign_in(&mut first).await;
        let mut person = office.person(&["viewer"], false).await;
        updated(&office, &first, &person, &reset).await.expect(200);
        let link = office.world.letter_link(&person.email).await;
        match what {
            "used" => drop(used(&office, &link, NEW_PASSWORD).await.expect(204)),
            "newer" => {
                updated(&office, &first, &person, &reset).await.expect(200);
                let newer = office.world.letter_link(&person.email).await;
                assert_ne!(newer, link);
                used(&office, &link, NEW_PASSWORD).await.expect(410);
                used(&office, &newer, NEW_PASSWORD).await.expect(204);
            }
            "an hour" => {
                office.world.advance(3_600_000 - 1_000);
                // Still good, and a weak password doesn't use it up.
                let got = used(&office, &link, "short").await.expect(422);
                assert_eq!(got.body["errors"][0]["code"], "weak_password");
                office.world.advance(1_000);
            }
            "deactivated" => {
                updated(&office, &first, &person, &json!({ "active": false })).await.expect(200);
                used(&office, &link, NEW_PASSWORD).await.expect(410);
                // Back again, it is still the link of an hour's life.
                updated(&office, &first, &person, &json!({ "active": true })).await.expect(200);
                office.wait(60);
            }
            "password changed" => {
                used(&office, &link, NEW_PASSWORD).await.expect(204);
                let form = json!({ "email": person.email, "password": NEW_PASSWORD });
                let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(200);
                person.token = got.body["access_token"].as_str().expect("a token").to_owned();
                let form = json!({ "present": NEW_PASSWORD, "new": PASSWORD });
                office.ask("POST", "/api/v1/auth/password").by(&person).json(&form).send().await.expect(204);
            }
            _ => {
                let path = format!("/api/v1/admin/users/{}", person.id);
                let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
                office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
            }
        }
        let got = used(&office, &link, "Third-horse-9-battery").await;
        assert_eq!((got.status, got.code()), (410, "link_over"), "{what}");
    }
}

// proves: ACC-06
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_followed_by_many_at_once_sets_one_password() {
    let office = Arc::new(Office::open().await);
    let first = office.first().await;
    let person = office.placed(&["viewer"]).await;
    updated(&office, &first, &person, &json!({ "reset_password": true })).await.expect(200);
    let link = office.world.letter_link(&person.email).await;
    let mut asked = JoinSet::new();
    for number in 0..8 {
        let (office, link) = (Arc::clone(&office), link.clone());
        asked.spawn(async move { (number, used(&office, &link, &format!("{number}-Parallel-horse")).await) });
    }
    let answers = asked.join_all().await;
    let set: Vec<_> = answers.iter().filter(|(_, got)| got.status == 204).map(|(number, _)| *number).collect();
    assert_eq!(set.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(_, got)| [204, 410].contains(&got.status)), "{answers:?}");
    for number in [set[0], (set[0] + 1) % 8] {
        let form = json!({ "email": person.email, "password": format!("{number}-Parallel-horse") });
        let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await;
        assert_eq!(got.status, if number == set[0] { 200 } else { 401 });
    }
}

// proves: ACC-06
#[tokio::test]
async fn a_link_is_good_for_its_owner_and_its_purpose_only() {
    let office = Office::open().await;
    let first = office.first().await;
    let person = office.placed(&["viewer"]).await;
    let other = office.placed(&["viewer"]).await;
    updated(&office, &first, &person, &json!({ "reset_password": true })).await.expect(200);
    let link = office.world.letter_link(&person.email).await;
    updated(&office, &first, &person, &json!({ "email": "moved@example.rw" })).await.expect(200);
    let confirmation = office.world.letter_link("moved@example.rw").await;
    let (_, secret) = link.split_once('.').expect("two parts");
    let id = UserId::parse(&person.id).expect("an id");
    let row = office.world.store.linked_user(&id, Deadline::in_ms(5_000)).await.expect("the table answers");
    let digest = row.and_then(|user| user.password_link).expect("a link").digest;
    for (what, forged) in [
        ("another's", format!("{}.{secret}", other.id)),
        ("a confirmation of an address", confirmation.clone()),
        ("no secret", format!("{}.", person.id)),
        ("no owner", format!(".{secret}")),
        ("nobody's", format!("{}.{secret}", "0".repeat(32))),
        ("the digest", format!("{}.{}", person.id, digest)),
        ("words", "x".to_owned()),
    ] {
        let got = used(&office, &forged, NEW_PASSWORD).await;
        assert_eq!((got.status, got.code()), (410, "link_over"), "{what}");
    }
    let confirm = async |link: &str| {
        office.ask("POST", "/api/v1/auth/email/confirm").json(&json!({ "token": link })).send().await
    };
    confirm(&link).await.expect(410);
    confirm(&confirmation).await.expect(204);
    confirm(&confirmation).await.expect(410);
    used(&office, &link, NEW_PASSWORD).await.expect(204);
}

// proves: ACC-06
#[tokio::test]
async fn after_an_administrators_reset_the_old_password_opens_nothing() {
    let office = Office::open().await;
    let first = office.first().await;
    let person = office.person(&["viewer"], false).await;
    updated(&office, &first, &person, &json!({ "reset_password": true })).await.expect(200);
    // Else whoever knows it signs in and sets the next one, and the link is dead.
    let form = json!({ "email": person.email, "password": PASSWORD });
    let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await;
    assert_eq!((got.status, got.code()), (401, "wrong_credentials"));
    let link = office.world.letter_link(&person.email).await;
    used(&office, &link, NEW_PASSWORD).await.expect(204);
    let form = json!({ "email": person.email, "password": NEW_PASSWORD });
    office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(200);
}

// proves: ACC-06
#[tokio::test]
async fn the_policy_is_asked_wherever_a_password_is_set() {
    let office = Office::open().await;
    let first = office.first().await;
    let person = office.person(&["viewer"], false).await;
    let reset = office.placed(&["viewer"]).await;
    updated(&office, &first, &reset, &json!({ "reset_password": true })).await.expect(200);
    let link = office.world.letter_link(&reset.email).await;
    let long = format!("Aa1{}", "x".repeat(126));
    for (weak, code) in [
        ("Short-1", "weak_password"),
        ("no-capital-letter-1", "weak_password"),
        ("NO-SMALL-LETTER-1", "weak_password"),
        ("No-figure-anywhere", "weak_password"),
        (long.as_str(), "too_long"),
    ] {
        for (path, field, form) in [
            ("/api/v1/auth/password", "new", json!({ "present": PASSWORD, "new": weak })),
            ("/api/v1/auth/password/link", "password", json!({ "token": link, "password": weak })),
        ] {
            let got = office.ask("POST", path).by(&person).json(&form).send().await.expect(422);
            assert_eq!(
                (&got.body["errors"][0]["field"], &got.body["errors"][0]["code"]),
                (&json!(field), &json!(code))
            );
            assert!(!got.text.contains(weak), "a refusal doesn't repeat it");
        }
    }
    for same in [PASSWORD.to_owned(), format!("X1{}", person.email)] {
        let form = json!({ "present": PASSWORD, "new": same });
        office.ask("POST", "/api/v1/auth/password").by(&person).json(&form).send().await.expect(422);
    }
    let form = json!({ "email": person.email, "password": PASSWORD });
    office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(200);
}
