//! Access tokens that somebody made, bent, or kept for too long.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use door::{Got, Office, PASSWORD, Person};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "Another-horse-8-battery";

/// The key that signs in tests, with its id.
fn key() -> (String, String) {
    let secret = rig::world::staff_secret();
    let text = |name: &str| secret["token_keys"][0][name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "HS256", "typ": "at+jwt", "kid": key().0 })
}

fn claims(office: &Office, person: &Person) -> Value {
    let now = office.world.now().as_second();
    json!({
        "iss": format!("mbelyco-promo/{}", rig::world::ENVIRONMENT), "aud": "staff-api",
        "sub": person.id, "sid": person.session, "iat": now, "exp": now + 600,
    })
}

/// The object with one field set, or without it where the value is null.
fn with(object: &Value, field: &str, value: Value) -> Value {
    let mut object = object.clone();
    let fields = object.as_object_mut().expect("an object");
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
    object
}

async fn knocks(office: &Office, token: &str) -> Got {
    office.ask("GET", "/api/v1/auth/me").bearer(token).send().await
}

#[track_caller]
fn shut(got: &Got, what: &str) {
    assert_eq!((got.status, got.code()), (401, "no_session"), "{what}: {}", got.text);
}

// proves: ACC-02
#[tokio::test]
async fn only_a_token_of_ours_for_this_purpose_and_place_and_time_opens() {
    let office = Office::open().await;
    let person = office.person(&["viewer"], false).await;
    let other = office.person(&["viewer"], false).await;
    let (kid, secret) = key();
    let (header, claims) = (header(), claims(&office, &person));
    let now = office.world.now().as_second();
    // The forger knows how; else nothing below would prove anything.
    knocks(&office, &signed(&header, &claims, &secret)).await.expect(200);

    for (field, value) in [
        ("alg", json!("HS384")),
        ("alg", json!("HS512")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("EdDSA")),
        ("alg", json!("none")),
        ("alg", json!("hs256")),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("mfa+jwt")),
        ("typ", Value::Null),
        ("kid", json!("t2")),
        ("kid", json!("")),
        ("kid", json!("../../dev/null")),
        ("kid", json!(7)),
        ("kid", Value::Null),
    ] {
        let got = knocks(&office, &signed(&with(&header, field, value.clone()), &claims, &secret)).await;
        shut(&got, &format!("{field} {value}"));
    }
    for (field, value) in [
        ("iss", json!("mbelyco-promo/production")),
        ("iss", json!("mbelyco-promo/")),
        ("iss", json!(["mbelyco-promo/test"])),
        ("iss", Value::Null),
        ("aud", json!("staff-mfa")),
        ("aud", json!(["staff-api", "staff-mfa"])),
        ("aud", Value::Null),
        ("sub", json!(other.id)),
        ("sub", json!("nobody")),
        ("sub", json!("0".repeat(32))),
        ("sub", Value::Null),
        ("sid", json!(other.session)),
        ("sid", json!("0".repeat(32))),
        ("sid", json!("../administrators")),
        ("sid", json!(1)),
        ("sid", Value::Null),
        ("iat", json!(now + 3_600)),
        ("iat", json!("now")),
        ("iat", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(now.to_string())),
        ("exp", Value::Null),
        ("nbf", json!(now)),
        ("roles", json!(["super-administrator"])),
        ("permissions", json!(["users.read"])),
    ] {
        let got = knocks(&office, &signed(&header, &with(&claims, field, value.clone()), &secret)).await;
        shut(&got, &format!("{field} {value}"));
    }

    let good = signed(&header, &claims, &secret);
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let unsigned = encoded(&json!({ "alg": "none", "typ": "at+jwt", "kid": kid }));
    let own_key = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode("a-key-of-the-forger-0123456789abcdef") });
    let embedded = with(&header, "jwk", own_key);
    let raised = with(&claims, "sub", json!(other.id));
    for (what, token) in [
        ("alg none", format!("{unsigned}.{}.", encoded(&claims))),
        ("alg none with a signature", format!("{unsigned}.{}.{signature}", encoded(&claims))),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("another's signature", format!("{}.{}.{signature}", encoded(&header), encoded(&raised))),
        ("another key", signed(&header, &claims, "a-key-of-the-forger-0123456789abcdef")),
        ("no key", signed(&header, &claims, "")),
        ("the key's id as the key", signed(&header, &claims, &kid)),
        ("a key of its own", signed(&embedded, &claims, "a-key-of-the-forger-0123456789abcdef")),
        ("over-long", signed(&with(&header, "x5u", json!("x".repeat(3_000))), &claims, &secret)),
        ("a refresh token", person.refresh.clone()),
        ("the guard against forged requests", person.csrf.clone()),
        ("a session", person.session.clone()),
        ("nothing", String::new()),
        ("words", "null".to_owned()),
        ("dots", "..".to_owned()),
    ] {
        shut(&knocks(&office, &token).await, what);
    }
    knocks(&office, &good).await.expect(200);
}

// proves: ACC-02, ACC-05
#[tokio::test]
async fn the_step_between_password_and_code_opens_nothing_by_itself_and_an_access_token_is_no_first_step() {
    let office = Office::open().await;
    let person = office.person(&["viewer"], true).await;
    let form = json!({ "email": person.email, "password": PASSWORD });
    let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(200);
    let challenge = got.body["challenge"].as_str().expect("a challenge").to_owned();
    shut(&knocks(&office, &challenge).await, "the first step as access token");
    // With the type and audience of an access token it would still name no session.
    let epoch = with(&claims(&office, &person), "sid", json!("1"));
    shut(&knocks(&office, &signed(&header(), &epoch, &key().1)).await, "an epoch for a session");
    for token in [&person.token, &person.refresh, &person.session] {
        let form = json!({ "challenge": token, "code": office.code(&person) });
        shut(&office.ask("POST", "/api/v1/auth/mfa").json(&form).send().await, "not the first step");
    }
    let refresh = json!({ "refresh_token": challenge });
    office.ask("POST", "/api/v1/auth/refresh").json(&refresh).send().await.expect(422);
    let form = json!({ "challenge": challenge, "code": office.code(&person) });
    office.ask("POST", "/api/v1/auth/mfa").json(&form).send().await.expect(200);
}

// proves: ACC-02, ACC-04
#[tokio::test]
async fn an_access_token_lasts_ten_minutes_and_a_session_as_long_as_the_setting_says() {
    let office = Office::open().await;
    let mut person = office.person(&["viewer"], false).await;
    office.wait(9);
    knocks(&office, &person.token).await.expect(200);
    office.wait(1);
    shut(&knocks(&office, &person.token).await, "ten minutes old");
    let form = json!({ "refresh_token": person.refresh });
    let got = office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await.expect(200);
    person.refresh = got.body["refresh_token"].as_str().expect("a token").to_owned();
    office.wait(24 * 60 - 10);
    let form = json!({ "refresh_token": person.refresh });
    shut(&office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await, "a day after the sign-in");
}

async fn changed(office: &Office, by: &Person, person: &Person, form: &Value) {
    let path = format!("/api/v1/admin/users/{}", person.id);
    let tag = office.ask("GET", &path).by(by).send().await.expect(200).etag();
    office.ask("PUT", &path).by(by).if_match(&tag).json(form).send().await.expect(200);
}

// proves: ACC-03, ACC-06, ACC-10, ACC-17
#[tokio::test]
async fn a_kept_token_dies_with_what_it_stood_for() {
    let office = Office::open().await;
    let first = office.first().await;
    for what in ["sign-out", "ended", "password", "link", "deactivated", "reset", "no app", "deleted"] {
        let person = office.person(&["viewer"], what == "no app").await;
        let mut elsewhere = person.clone();
        office.sign_in(&mut elsewhere).await;
        let path = format!("/api/v1/admin/users/{}", person.id);
        match what {
            "sign-out" => {
                office.ask("POST", "/api/v1/auth/logout").by(&person).send().await.expect(204);
            }
            "ended" => {
                let path = format!("/api/v1/auth/sessions/{}", person.session);
                office.ask("DELETE", &path).by(&elsewhere).send().await.expect(204);
            }
            "password" => {
                let form = json!({ "present": PASSWORD, "new": NEW_PASSWORD });
                office.ask("POST", "/api/v1/auth/password").by(&elsewhere).json(&form).send().await.expect(204);
            }
            "link" => {
                changed(&office, &first, &person, &json!({ "reset_password": true })).await;
                let link = office.world.letter_link(&person.email).await;
                let form = json!({ "token": link, "password": NEW_PASSWORD });
                office.ask("POST", "/api/v1/auth/password/link").json(&form).send().await.expect(204);
            }
            "deactivated" => changed(&office, &first, &person, &json!({ "active": false })).await,
            "reset" => changed(&office, &first, &person, &json!({ "reset_password": true })).await,
            "no app" => changed(&office, &first, &person, &json!({ "reset_mfa": true })).await,
            _ => {
                let tag = office.ask("GET", &path).by(&first).send().await.expect(200).etag();
                office.ask("DELETE", &path).by(&first).if_match(&tag).send().await.expect(204);
            }
        }
        shut(&knocks(&office, &person.token).await, what);
        let form = json!({ "refresh_token": person.refresh });
        shut(&office.ask("POST", "/api/v1/auth/refresh").json(&form).send().await, what);
        // Whoever ended the other session, or changed the password, goes on.
        let goes_on = ["sign-out", "ended", "password"].contains(&what);
        let got = knocks(&office, &elsewhere.token).await;
        assert_eq!(got.status, if goes_on { 200 } else { 401 }, "{what}: {}", got.text);
    }
}

// proves: ACC-10
#[tokio::test]
async fn a_token_from_before_a_change_of_roles_holds_what_is_held_now() {
    let office = Office::open().await;
    let first = office.first().await;
    let second = office.person(&["super-administrator"], true).await;
    let person = office.person(&["viewer"], true).await;
    let list = async |status: u16| {
        office.ask("GET", "/api/v1/admin/users").by(&person).send().await.expect(status);
    };
    list(403).await;
    for (method, status) in [("POST", 200), ("DELETE", 403)] {
        let path = format!("/api/v1/admin/users/{}/roles", person.id);
        let asking = match method {
            "POST" => office.ask("POST", &path).json(&json!({ "roles": ["support-agent"] })),
            _ => office.ask("DELETE", &format!("{path}?roles=support-agent")),
        };
        let asked = asking.by(&first).send().await.expect(202);
        let change = asked.body["id"].as_str().expect("an id");
        let approve = format!("/api/v1/admin/users/role-requests/{change}/approve");
        office.ask("POST", &approve).by(&second).send().await.expect(200);
        list(status).await;
    }
    // A denial beside the role acts as much.
    let path = format!("/api/v1/admin/users/{}/permissions", person.id);
    for (grants, denials, status) in [(json!(["users.read"]), json!([]), 200), (json!([]), json!(["users.read"]), 403)]
    {
        let form = json!({ "grants": grants, "denials": denials });
        let asked = office.ask("PUT", &path).by(&first).json(&form).send().await.expect(202);
        let change = asked.body["id"].as_str().expect("an id");
        let approve = format!("/api/v1/admin/users/role-requests/{change}/approve");
        office.ask("POST", &approve).by(&second).send().await.expect(200);
        list(status).await;
    }
}
