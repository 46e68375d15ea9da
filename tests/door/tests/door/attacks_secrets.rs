//! Whoever reads the whole table, or the whole log, after everything that staff do has been done once.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::identity::hex;
use door::{Office, PASSWORD, Person, unbase32};
use serde_json::{Value, json};
use std::fmt::Write as _;

const USERS: &str = "/api/v1/admin/users";
const SECOND: &str = "Second-horse-8-battery";
const THIRD: &str = "Third-horse-9-battery";
const APPLICANTS: &str = "Hopeful-horse-5-battery";
const GUESSED: &str = "Guessed-horse-3-battery";
const PHONES: [&str; 3] = ["788123456", "788654321", "788111222"];

/// All that is written in a value, names included.
fn written(text: &mut String, value: &AttributeValue) {
    if let Ok(held) = value.as_s().or_else(|_| value.as_n()) {
        writeln!(text, "{held}").expect("memory");
    } else if let Ok(list) = value.as_l() {
        list.iter().for_each(|value| written(text, value));
    } else if let Ok(map) = value.as_m() {
        for (name, value) in map {
            writeln!(text, "{name}").expect("memory");
            written(text, value);
        }
    } else {
        assert!(value.is_bool() || value.is_null(), "a value that this doesn't read: {value:?}");
    }
}

/// Every row as text, with its partition.
async fn rows(office: &Office) -> Vec<(String, String)> {
    let (client, table) = (office.world.dynamodb(), &office.world.names.table);
    let mut rows = Vec::new();
    let mut from = None;
    loop {
        let page = client.scan().table_name(table).set_exclusive_start_key(from).send().await.expect("a scan");
        for item in page.items.unwrap_or_default() {
            let mut text = String::new();
            for (name, value) in &item {
                writeln!(text, "{name}").expect("memory");
                written(&mut text, value);
            }
            rows.push((item["pk"].as_s().expect("a text").clone(), text));
        }
        from = page.last_evaluated_key;
        if from.is_none() {
            return rows;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What each of these texts must not be found by: itself, and its secret part alone.
fn parts(secret: &str) -> Vec<String> {
    let last = secret.rsplit(['.', '_']).next().unwrap_or(secret);
    let mut parts = vec![secret.to_owned(), last.to_owned(), secret.replace('-', "")];
    parts.push(STANDARD.encode(secret));
    parts.push(URL_SAFE_NO_PAD.encode(secret));
    parts.push(hex(secret.as_bytes()));
    parts.retain(|part| part.len() >= 10);
    parts
}

/// Does everything once and gives all that was secret on the way.
async fn a_whole_life(office: &Office) -> Vec<String> {
    let mut secrets: Vec<String> = [PASSWORD, SECOND, THIRD, APPLICANTS, GUESSED].map(str::to_owned).to_vec();
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    for person in [&first, &second] {
        secrets.extend([&person.token, &person.refresh, &person.csrf].map(Clone::clone));
        secrets.extend(person.app.clone());
        secrets.extend(person.recovery.clone());
    }
    let ask =
        |method: &str, path: &str| office.ask(method, path).once(&format!("once-{method}-{path}").replace('/', "-"));

    // An account: invited, opened, with an app, new codes, a key, another address, another password.
    let form = json!({
        "email": "clerk@example.rw", "first_name": "Aline", "last_name": "Uwase", "phone": format!("0{}", PHONES[0]),
        "roles": ["support-agent"],
    });
    let made = ask("POST", USERS).by(&first).json(&form).send().await.expect(201);
    let id = text(&made.body["user"]["id"]);
    let approve = format!("{USERS}/role-requests/{}/approve", text(&made.body["change"]["id"]));
    ask("POST", &approve).by(&second).send().await.expect(200);
    let link = office.world.letter_link("clerk@example.rw").await;
    let form = json!({ "token": link, "password": PASSWORD });
    office.ask("POST", "/api/v1/auth/password/link").json(&form).send().await.expect(204);
    secrets.push(link);
    let mut clerk = Person { id: id.clone(), email: "clerk@example.rw".to_owned(), ..Person::default() };
    office.sign_in(&mut clerk).await;
    let enrolment = "/api/v1/auth/mfa/enrolment";
    let got = ask("POST", enrolment).by(&clerk).json(&json!({ "password": PASSWORD })).send().await.expect(200);
    clerk.app = Some(text(&got.body["secret"]));
    let code = office.code(&clerk);
    let got = ask("PUT", enrolment).by(&clerk).json(&json!({ "code": code })).send().await.expect(200);
    secrets.extend(got.body["recovery_codes"].as_array().expect("codes").iter().map(text));
    let form = json!({ "password": PASSWORD, "code": office.code(&clerk) });
    let got = ask("POST", "/api/v1/auth/mfa/recovery-codes").by(&clerk).json(&form).send().await.expect(200);
    clerk.recovery = got.body["recovery_codes"].as_array().expect("codes").iter().map(text).collect();
    secrets.extend(clerk.recovery.clone());
    let login = json!({ "email": clerk.email, "password": PASSWORD });
    let got = office.ask("POST", "/api/v1/auth/login").json(&login).send().await.expect(200);
    secrets.push(text(&got.body["challenge"]));
    let form = json!({ "challenge": got.body["challenge"], "code": clerk.recovery[0] });
    let got = office.ask("POST", "/api/v1/auth/mfa").json(&form).send().await.expect(200);
    let form = json!({ "refresh_token": got.body["refresh_token"] });
    let again = office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await.expect(200);
    for got in [&got, &again] {
        secrets.extend(["access_token", "refresh_token", "csrf_token"].map(|name| text(&got.body[name])));
    }
    clerk.token = text(&again.body["access_token"]);
    let form = json!({ "name": "till", "scope": ["users.read"], "days": 30 });
    let got = ask("POST", "/api/v1/auth/keys").by(&clerk).json(&form).send().await.expect(201);
    let key = text(&got.body["token"]);
    office.ask("GET", USERS).bearer(&key).send().await.expect(200);
    secrets.push(key);
    let held = tag(office, &clerk, "/api/v1/auth/me").await;
    let form = json!({ "email": "moved@example.rw", "phone": format!("+250{}", PHONES[1]) });
    ask("PUT", "/api/v1/auth/me").by(&clerk).if_match(&held).json(&form).send().await.expect(200);
    let link = office.world.letter_link("moved@example.rw").await;
    office.ask("POST", "/api/v1/auth/email/confirm").json(&json!({ "token": link })).send().await.expect(204);
    secrets.push(link);
    let form = json!({ "present": PASSWORD, "new": SECOND });
    ask("POST", "/api/v1/auth/password").by(&clerk).json(&form).send().await.expect(204);

    // Wrong ones: at the door, within, and in the wrong field.
    office.wait(1);
    for form in [
        json!({ "email": "moved@example.rw", "password": GUESSED }),
        json!({ "email": GUESSED, "password": "moved@example.rw" }),
        json!({ "email": format!("{GUESSED}@example.rw"), "password": GUESSED }),
    ] {
        office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(401);
    }
    let form = json!({ "present": GUESSED, "new": THIRD });
    office.ask("POST", "/api/v1/auth/password").by(&clerk).json(&form).send().await.expect(422);
    let form = json!({ "token": format!("{id}.{GUESSED}"), "password": THIRD });
    office.ask("POST", "/api/v1/auth/password/link").json(&form).send().await.expect(410);
    office.ask("GET", "/api/v1/auth/me").bearer(GUESSED).send().await.expect(401);

    // An applicant, a reset, a search of the log and its export.
    let security = "/api/v1/admin/settings/security";
    let mut got = office.ask("GET", security).by(&first).send().await.expect(200);
    got.body["registration"]["enabled"] = json!(true);
    ask("PUT", security).by(&first).if_match(&got.etag()).json(&got.body).send().await.expect(200);
    for _ in 0..2 {
        let form = json!({
            "email": "applicant@example.rw", "first_name": "A", "last_name": "B", "password": APPLICANTS,
            "phone": format!("250{}", PHONES[2]),
        });
        office.ask("POST", "/api/v1/auth/register").json(&form).send().await.expect(202);
    }
    let pending = office.ask("GET", &format!("{USERS}/pending")).by(&first).send().await.expect(200);
    let path = format!("{USERS}/{}/approve", text(&pending.body["items"][0]["id"]));
    ask("POST", &path).by(&first).send().await.expect(200);
    office.wait(1);
    let path = format!("{USERS}/{id}");
    let held = tag(office, &first, &path).await;
    let form = json!({ "reset_password": true, "reset_mfa": true, "unlock": true });
    ask("PUT", &path).by(&first).if_match(&held).json(&form).send().await.expect(200);
    let link = office.world.letter_link("moved@example.rw").await;
    let form = json!({ "token": link, "password": THIRD });
    office.ask("POST", "/api/v1/auth/password/link").json(&form).send().await.expect(204);
    secrets.push(link);
    secrets.extend(clerk.app);
    let export = office.ask("GET", "/api/v1/admin/audit-logs/export").by(&first).send().await.expect(200);
    for phone in PHONES {
        assert!(!export.text.contains(phone), "{phone} in the export");
    }
    office.ask("DELETE", &path).by(&first).if_match(&tag(office, &first, &path).await).send().await.expect(204);
    office.ask("POST", "/api/v1/auth/logout").by(&second).send().await.expect(204);
    secrets
}

async fn tag(office: &Office, by: &Person, path: &str) -> String {
    office.ask("GET", path).by(by).send().await.expect(200).etag()
}

// proves: AUD-05, ACC-01, ACC-06
#[tokio::test]
async fn the_table_opens_nothing_and_the_log_holds_no_secret_and_no_whole_number() {
    let office = Office::open().await;
    let secrets = a_whole_life(&office).await;
    let rows = rows(&office).await;
    let of = |prefix: &str| rows.iter().filter(|(pk, _)| pk.starts_with(prefix)).collect::<Vec<_>>();
    // That something would be found if it were there.
    assert!(of("AUD#").len() > 30);
    assert!(of("AUD#").iter().any(|(_, text)| text.contains("clerk@example.rw")));
    assert!(of("STAFF").iter().any(|(_, text)| text.contains("$argon2id$")));
    assert!(of("STAFF").iter().any(|(_, text)| text.contains(PHONES[1])));
    assert!(!of("CALL#").is_empty() && !of("MAIL#").is_empty() && !of("CALLS#").is_empty());

    for secret in &secrets {
        for part in parts(secret) {
            let found: Vec<_> = rows.iter().filter(|(_, text)| text.contains(&part)).map(|(pk, _)| pk).collect();
            assert!(found.is_empty(), "{part} in {found:?}");
        }
    }
    // The app's secret in the forms in which a program holds it.
    for app in secrets
        .iter()
        .filter(|secret| secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    {
        let bytes = unbase32(app);
        for form in [hex(&bytes), STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            assert!(rows.iter().all(|(_, text)| !text.contains(&form)), "{form}");
        }
    }
    let account = format!("{GUESSED}@example.rw").to_lowercase();
    for (pk, text) in &rows {
        assert!(!text.contains(&account), "an address that nobody has was kept, in {pk}");
    }
    for (pk, text) in of("AUD#").into_iter().chain(of("ALERT#")) {
        for phone in PHONES {
            assert!(!text.contains(phone), "{phone} in {pk}: {text}");
        }
        for trace in ["$argon2", "digest", "recovery_codes:", "\"secret\"", "otpauth"] {
            assert!(!text.contains(trace), "{trace} in {pk}: {text}");
        }
    }
}
