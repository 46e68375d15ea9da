//! An office with staff in it, for tests that knock at the API's door as somebody.
//!
//! Every request goes through the event that API Gateway would send, into the function's own router, over the real SDK
//! clients to an embedded table.

pub mod books;
pub mod codes;
pub mod payouts;
pub mod routes;

use admin_api::AdminApi;
use bytes::Bytes;
use domain::{
    access::System,
    audit::Class,
    id::UserId,
    role::{RoleId, Roles},
    staff::{Administrators, Email, User},
    time,
};
use http::{HeaderMap, Method};
use lambda_http::Body;
use local::gateway;
use rig::world::{Setup, World};
use serde_json::{Value, json};
use staff::{Desk, First};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use store::{Deadline, chance};

pub const PASSWORD: &str = "Correct-horse-7-battery";
const STEP_MS: i64 = 30_000;

pub struct Office {
    pub world: World,
    pub api: Arc<AdminApi>,
    people: AtomicU32,
}

/// Somebody who can sign in.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub id: String,
    pub email: String,
    /// Of the session that was opened last.
    pub token: String,
    pub refresh: String,
    pub csrf: String,
    pub session: String,
    /// The authenticator app's secret, in base32.
    pub app: Option<String>,
    pub recovery: Vec<String>,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn etag(&self) -> String {
        self.header("etag").to_owned()
    }

    /// # Panics
    /// When the status is another one; the message has the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// One request, built up and sent.
pub struct Asking<'o> {
    office: &'o Office,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    address: IpAddr,
}

impl Asking<'_> {
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    #[must_use]
    pub fn by(self, person: &Person) -> Self {
        self.bearer(&person.token)
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    #[must_use]
    pub fn bytes(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", kind)
    }

    #[must_use]
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    #[must_use]
    pub fn once(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    #[must_use]
    pub fn from(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// # Panics
    /// When the request can't be made into an event.
    pub async fn send(self) -> Got {
        let mut builder = http::Request::builder().method(self.method).uri(&self.path).header("host", "api.test");
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let (parts, ()) = builder.body(()).expect("a request").into_parts();
        let event = gateway::event(&parts, &Bytes::from(self.body), SocketAddr::new(self.address, 40_000));
        let response = self.office.api.handle(event.expect("an event")).await;
        let (parts, body) = response.into_parts();
        let text = match body {
            Body::Text(text) => text,
            Body::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Body::Empty | _ => String::new(),
        };
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Got { status: parts.status.as_u16(), headers: parts.headers, body, text }
    }
}

impl Office {
    /// An office without anybody in it.
    pub async fn open() -> Self {
        Self::with(Setup { codes: 0, ..Setup::default() }).await
    }

    pub async fn with(setup: Setup) -> Self {
        let world = World::start(setup).await;
        let api = Arc::clone(&world.functions.admin_api);
        Self { world, api, people: AtomicU32::new(0) }
    }

    pub fn desk(&self) -> &Desk {
        &self.api.desk
    }

    /// A request; without [`Asking::from`] it comes from an address of its own, so that limits don't meet.
    pub fn ask(&self, method: &str, path: &str) -> Asking<'_> {
        Asking {
            office: self,
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            address: Ipv4Addr::new(198, 51, 100, 7).into(),
        }
    }

    /// The first Super Administrator, signed in with an authenticator app.
    ///
    /// # Panics
    /// When there is one already.
    pub async fn first(&self) -> Person {
        let email = "first@example.rw";
        let first = First {
            email: Email::parse(email).expect("an address"),
            first_name: "First".to_owned(),
            last_name: "Person".to_owned(),
            password: Some(PASSWORD.to_owned()),
        };
        let (user, _) = self.desk().first_administrator(first).await.expect("nobody administers yet");
        let mut person = Person { id: user.id.to_string(), email: email.to_owned(), ..Person::default() };
        self.sign_in(&mut person).await;
        self.set_up_app(&mut person).await;
        person
    }

    /// Somebody with these roles, put straight into the table, signed in, with an app where `app`.
    ///
    /// # Panics
    /// When the table doesn't take it.
    pub async fn person(&self, roles: &[&str], app: bool) -> Person {
        let mut person = self.placed(roles).await;
        self.sign_in(&mut person).await;
        if app {
            self.set_up_app(&mut person).await;
        }
        person
    }

    /// Somebody with these roles who has not signed in.
    ///
    /// # Panics
    /// When the table doesn't take it.
    pub async fn placed(&self, roles: &[&str]) -> Person {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let email = format!("person{number}@example.rw");
        let id = UserId::drawn(self.world.now(), chance().expect("randomness"));
        let address = Email::parse(&email).expect("an address");
        let mut user = User::new(id, address, "Some".to_owned(), format!("Body{number}"), self.world.now());
        user.roles = roles.iter().map(|role| RoleId::parse(role).expect("a role")).collect();
        user.password = Some(hashed().to_owned());
        user.password_at = Some(self.world.now());
        let deadline = Deadline::in_ms(5_000);
        let (catalogue, administrators, _): (Roles, Administrators, _) =
            self.world.store.governance(deadline).await.expect("the table answers");
        let act = self.world.store.act(
            &System("test"),
            self.world.now(),
            Class::System,
            "user.placed",
            format!("user:{}", user.id),
        );
        let act = act.and_then(|act| act.user(None, &user)).expect("rows");
        let act = act.administrators(&administrators, &administrators.with(&user, &catalogue)).expect("a row");
        act.commit(deadline).await.expect("the table takes it");
        Person { id: user.id.to_string(), email, ..Person::default() }
    }

    /// Signs in with password, and the app's code where there is an app.
    ///
    /// # Panics
    /// When it isn't let in.
    pub async fn sign_in(&self, person: &mut Person) {
        let form = json!({ "email": person.email, "password": PASSWORD });
        let got = self.ask("POST", "/api/v1/auth/login").from(own_address(person)).json(&form).send().await.expect(200);
        let tokens = match got.body["result"].as_str() {
            Some("code_needed") => {
                let form = json!({ "challenge": got.body["challenge"], "code": self.code(person) });
                self.ask("POST", "/api/v1/auth/mfa").from(own_address(person)).json(&form).send().await.expect(200).body
            }
            _ => got.body,
        };
        let text = |name: &str| tokens[name].as_str().expect("a text").to_owned();
        person.token = text("access_token");
        person.refresh = text("refresh_token");
        person.csrf = text("csrf_token");
        person.session = text("session");
    }

    /// Sets up an authenticator app as its owner would; the session counts as proven from then on.
    ///
    /// # Panics
    /// When it isn't taken.
    pub async fn set_up_app(&self, person: &mut Person) {
        let form = json!({ "password": PASSWORD });
        let got = self.ask("POST", "/api/v1/auth/mfa/enrolment").by(person).json(&form).send().await.expect(200);
        person.app = Some(got.body["secret"].as_str().expect("a secret").to_owned());
        let form = json!({ "code": self.code(person) });
        let got = self.ask("PUT", "/api/v1/auth/mfa/enrolment").by(person).json(&form).send().await.expect(200);
        let codes = got.body["recovery_codes"].as_array().expect("codes");
        person.recovery = codes.iter().map(|code| code.as_str().expect("a text").to_owned()).collect();
    }

    /// A code that the person's app has not shown before: time moves on by half a minute.
    ///
    /// # Panics
    /// When there is no app.
    pub fn code(&self, person: &Person) -> String {
        self.world.advance(STEP_MS);
        self.present_code(person)
    }

    /// What the person's app shows now.
    ///
    /// # Panics
    /// When there is no app.
    pub fn present_code(&self, person: &Person) -> String {
        let secret = unbase32(person.app.as_deref().expect("an app"));
        let step = u64::try_from(self.world.now().as_second()).expect("after 1970") / 30;
        staff::steps_code(&secret, step)
    }

    /// Moves time on without letting a sweep happen.
    pub fn wait(&self, minutes: i64) {
        self.world.advance(minutes * time::MINUTE_MS);
    }
}

/// An address for each person, so that the limit of sign-ins from one address doesn't meet.
fn own_address(person: &Person) -> [u8; 4] {
    let sum = person.email.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let [_, a, b, c] = sum.to_be_bytes();
    [10, a, b, c]
}

/// The hash of [`PASSWORD`], made once.
fn hashed() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| staff::password_hash(PASSWORD).expect("randomness"))
}

/// # Panics
/// When it isn't base32.
pub fn unbase32(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0u32);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => panic!("not base32: {letter}"),
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).expect("one byte"));
        }
    }
    bytes
}
