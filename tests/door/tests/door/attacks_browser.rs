//! Pages of others that use a browser's cookies, and browsers that are handed somebody else's session.

use door::{Got, Office, PASSWORD, Person};
use serde_json::{Value, json};

const HERE: &str = "https://api.test";
const FOREIGN: [(&str, &str); 9] = [
    ("origin", "https://evil.example"),
    ("origin", "https://api.test.evil.example"),
    ("origin", "https://evil.example/api.test"),
    ("origin", "https://api.test@evil.example"),
    ("origin", "https://evilapi.test"),
    ("origin", "https://api.test:8443"),
    ("origin", "null"),
    ("origin", ""),
    ("sec-fetch-site", "cross-site"),
];

/// The cookies of a browser: name and value, and the rest of the line.
#[derive(Clone, Debug, Default)]
struct Jar(Vec<(String, String, String)>);

impl Jar {
    fn of(got: &Got) -> Self {
        let lines = got.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("a text"));
        let parts = lines.map(|line| {
            let (pair, rest) = line.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            (name.to_owned(), value.to_owned(), rest.to_owned())
        });
        Self(parts.collect())
    }

    fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(held, _, _)| held == name).map_or("", |(_, value, _)| value)
    }

    fn line(&self) -> String {
        self.0.iter().map(|(name, value, _)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// A browser that has signed in: its cookies and the page's token.
async fn browser(office: &Office, person: &Person) -> (Jar, String) {
    let form = json!({ "email": person.email, "password": PASSWORD, "cookies": true });
    let got = office.ask("POST", "/api/v1/auth/login").header("origin", HERE).json(&form).send().await.expect(200);
    let csrf = got.body["csrf_token"].as_str().expect("a token").to_owned();
    (Jar::of(&got), csrf)
}

async fn name(office: &Office, jar: &Jar) -> Value {
    office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.expect(200).body["first_name"]
        .take()
}

// proves: ACC-02
#[tokio::test]
async fn cookies_are_for_this_host_only_out_of_a_pages_reach_and_the_tokens_are_nowhere_else() {
    let office = Office::open().await;
    let person = office.placed(&["viewer"]).await;
    let form = json!({ "email": person.email, "password": PASSWORD, "cookies": true });
    let got = office.ask("POST", "/api/v1/auth/login").header("origin", HERE).json(&form).send().await.expect(200);
    let jar = Jar::of(&got);
    let names: Vec<_> = jar.0.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["__Host-access", "__Host-refresh"]);
    for (name, value, rest) in &jar.0 {
        let attributes: Vec<_> = rest.split("; ").collect();
        for wanted in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(attributes.contains(&wanted), "{name}: {rest}");
        }
        assert!(!rest.to_lowercase().contains("domain"), "a __Host- cookie with a domain is none: {rest}");
        assert!(!got.text.contains(value), "the page could read it");
    }
    assert_eq!((&got.body["access_token"], &got.body["refresh_token"]), (&Value::Null, &Value::Null));
    assert_eq!(got.header("cache-control"), "no-store");
    // A renewal by cookie gives cookies again, and no token to the page.
    let got = office.ask("POST", "/api/v1/auth/refresh").header("origin", HERE).header("cookie", &jar.line());
    let got =
        got.header("x-csrf-token", got_csrf(&office, &jar).await.as_str()).json(&json!({})).send().await.expect(200);
    assert_eq!((&got.body["access_token"], &got.body["refresh_token"]), (&Value::Null, &Value::Null));
    assert_ne!(Jar::of(&got).value("__Host-refresh"), jar.value("__Host-refresh"));
}

async fn got_csrf(office: &Office, jar: &Jar) -> String {
    let got = office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.expect(200);
    got.body["csrf_token"].as_str().expect("a token").to_owned()
}

// proves: ACC-02
#[tokio::test]
async fn another_sites_page_changes_nothing_with_a_browsers_cookies() {
    let office = Office::open().await;
    let person = office.placed(&["viewer"]).await;
    let (jar, csrf) = browser(&office, &person).await;
    let (_, other_csrf) = browser(&office, &person).await;
    let before = name(&office, &jar).await;
    let tag = office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.etag();
    let form = json!({ "first_name": "Forged" });
    let put = || office.ask("PUT", "/api/v1/auth/me").header("cookie", &jar.line()).if_match(&tag).json(&form);

    let plain = put().send().await;
    assert_eq!((plain.status, plain.code()), (403, "csrf"), "without the page's token");
    for token in ["", "x", &other_csrf, &csrf[1..], jar.value("__Host-access")] {
        let got = put().header("x-csrf-token", token).send().await;
        assert_eq!((got.status, got.code()), (403, "csrf"), "{token}");
    }
    for (header, value) in FOREIGN {
        let got = put().header("x-csrf-token", &csrf).header(header, value).send().await;
        assert_eq!((got.status, got.code()), (403, "csrf"), "{header}: {value}");
    }
    for (method, path) in [("POST", "/api/v1/auth/logout"), ("DELETE", "/api/v1/auth/sessions/x")] {
        let got = office.ask(method, path).header("cookie", &jar.line()).send().await;
        assert_eq!((got.status, got.code()), (403, "csrf"), "{method} {path}");
    }
    // Forms and plain text, which a page may send anywhere without asking first, are not read at all.
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"] {
        let got = office.ask("PUT", "/api/v1/auth/me").header("cookie", &jar.line()).if_match(&tag);
        let got = got.header("x-csrf-token", &csrf).bytes(kind, form.to_string().into_bytes()).send().await;
        got.expect(415);
    }
    assert_eq!(name(&office, &jar).await, before, "nothing was written");

    // A bearer token comes by itself only if somebody means it; a header that is wrong isn't made good by a cookie.
    let bearer = jar.value("__Host-access");
    let got = office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).bearer("wrong").send().await;
    got.expect(401);
    let got = put().header("authorization", &format!("Bearer {bearer}")).header("origin", "https://evil.example");
    got.send().await.expect(200);
    let tag = office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.etag();
    let own = office.ask("PUT", "/api/v1/auth/me").header("cookie", &jar.line()).if_match(&tag);
    own.header("x-csrf-token", &csrf)
        .header("origin", HERE)
        .json(&json!({ "first_name": "Own" }))
        .send()
        .await
        .expect(200);
    assert_eq!(name(&office, &jar).await, "Own");
}

// proves: ACC-02
#[tokio::test]
async fn another_sites_page_neither_signs_a_browser_in_nor_renews_its_cookies() {
    let office = Office::open().await;
    let person = office.placed(&["viewer"]).await;
    let (jar, _) = browser(&office, &person).await;
    let refresh = format!("__Host-refresh={}", jar.value("__Host-refresh"));
    office.wait(11);
    for (header, value) in FOREIGN {
        let form = json!({ "email": person.email, "password": PASSWORD, "cookies": true });
        let got = office.ask("POST", "/api/v1/auth/login").header(header, value).json(&form).send().await.expect(403);
        assert!(Jar::of(&got).0.is_empty(), "{header}: {value}");
        let got = office.ask("POST", "/api/v1/auth/refresh").header(header, value).header("cookie", &refresh);
        let got = got.json(&json!({})).send().await.expect(403);
        assert!(Jar::of(&got).0.is_empty(), "{header}: {value}");
        let got = office.ask("POST", "/api/v1/auth/logout").header(header, value).header("cookie", &refresh);
        got.send().await.expect(403);
    }
    // The refresh token was not used up on the way.
    let got = office.ask("POST", "/api/v1/auth/refresh").header("origin", HERE).header("cookie", &refresh);
    got.json(&json!({})).send().await.expect(200);
}

// proves: ACC-02, ACC-05
#[tokio::test]
async fn a_session_is_never_taken_from_outside_and_is_another_one_with_each_step() {
    let office = Office::open().await;
    let attacker = office.person(&["viewer"], false).await;
    let victim = office.person(&["viewer"], true).await;
    let planted = format!("__Host-access={}; __Host-refresh={}", attacker.token, attacker.refresh);
    for field in ["session", "sid", "session_id", "access_token", "refresh_token"] {
        let mut form = json!({ "email": victim.email, "password": PASSWORD });
        form[field] = json!(attacker.session);
        let got = office.ask("POST", "/api/v1/auth/login").json(&form).send().await.expect(422);
        assert_eq!(got.body["errors"][0]["field"], field);
    }
    let form = json!({ "email": victim.email, "password": PASSWORD, "cookies": true });
    let login =
        || office.ask("POST", "/api/v1/auth/login").header("origin", HERE).header("cookie", &planted).json(&form);
    let got = login().send().await;
    assert_eq!((got.status, got.code()), (403, "csrf"), "an open session is left by signing out");
    let got = login().header("x-csrf-token", &attacker.csrf).send().await.expect(200);
    assert!(Jar::of(&got).0.is_empty(), "no session before the code");
    let code = json!({ "challenge": got.body["challenge"], "code": office.code(&victim), "cookies": true });
    let got = office.ask("POST", "/api/v1/auth/mfa").header("origin", HERE).header("cookie", &planted);
    let got = got.header("x-csrf-token", &attacker.csrf).json(&code).send().await.expect(200);
    let jar = Jar::of(&got);
    let session = got.body["session"].as_str().expect("an id");
    assert!(session != attacker.session && session != victim.session, "a new one");
    assert_ne!(jar.value("__Host-access"), attacker.token);
    let me = office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.expect(200);
    assert_eq!(me.body["email"], victim.email);
    // What was planted stays what it was: the attacker's.
    let me = office.ask("GET", "/api/v1/auth/me").by(&attacker).send().await.expect(200);
    assert_eq!(me.body["email"], attacker.email);
    // Neither is a challenge bound to a session that somebody else could wait in.
    let got = office.ask("POST", "/api/v1/auth/mfa").json(&code).send().await;
    got.expect(401);
}

// proves: ACC-03
#[tokio::test]
async fn signing_out_takes_the_cookies_and_what_they_opened_even_when_the_page_was_left_open_for_long() {
    let office = Office::open().await;
    let person = office.placed(&["viewer"]).await;
    for minutes in [0, 11, 300] {
        let (jar, csrf) = browser(&office, &person).await;
        office.wait(minutes);
        let got = office.ask("POST", "/api/v1/auth/logout").header("cookie", &jar.line()).header("origin", HERE);
        let got = got.header("x-csrf-token", &csrf).send().await.expect(204);
        for (name, value, rest) in &Jar::of(&got).0 {
            assert_eq!(value, "", "{name}");
            assert!(rest.contains("Max-Age=0"), "{rest}");
        }
        assert_eq!(Jar::of(&got).0.len(), 2);
        // A copy of them opens nothing, and gets no others.
        office.ask("GET", "/api/v1/auth/me").header("cookie", &jar.line()).send().await.expect(401);
        let again = office.ask("POST", "/api/v1/auth/refresh").header("cookie", &jar.line()).header("origin", HERE);
        again.json(&json!({})).send().await.expect(401);
    }
    office.ask("POST", "/api/v1/auth/logout").send().await.expect(401);
    let ended = office.world.rows().await.audit.into_iter().filter(|entry| entry.action == "session.ended");
    assert_eq!(ended.count(), 3, "each on record");
}
