//! A change that is sent twice is made once (RED-03): `Idempotency-Key`, as in draft-ietf-httpapi-idempotency-key-07.
//!
//! The middleware keeps answers, so that a repeat gets the first one. Between a handler's write and that, a crash can
//! come; a handler whose change must not be made twice takes [`Kept`] and lets its own transaction keep the answer.

use crate::{
    Accepted, Created, Done, Json, Problem, Tagged,
    problem::{self, ProblemCode},
};
use aide::OperationInput;
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::identity::{digest, hex};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use serde::Serialize;
use service::Clock;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use store::{ANSWER_MAX_BYTES, Answer, Begun, Call, Deadline, Once, Store, StoreError};

pub const KEY_HEADER: &str = "idempotency-key";
/// On an answer that is a repeat of an earlier one.
pub const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_MAX_CHARS: usize = 128;
/// A body must be read whole before its route is known to take so much. The platform itself takes 6 MB.
const BODY_READ_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Time for finding out whether a call has come before, and for keeping its answer.
const BUDGET_MS: u64 = 3_000;

/// Who calls, as an opaque id: in the request's extensions, put there by whoever proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub id: String,
}

/// In the extensions of an answer that holds a secret: it is shown once. A repeat is told so, and changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NotStored;

/// What the middleware needs. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    store: Store,
    clock: Clock,
}

impl Idempotency {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }
}

/// Middleware for `from_fn_with_state`: heeds `Idempotency-Key` on changes of an identified [`Caller`].
pub async fn idempotent(State(with): State<Idempotency>, request: Request, next: Next) -> Response {
    let changing = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    let caller = request.extensions().get::<Caller>().cloned();
    let (true, Some(caller)) = (changing && request.headers().contains_key(KEY_HEADER), caller) else {
        return next.run(request).await;
    };
    match with.begin(caller, request).await {
        Ok(Start::Run(once, mut request)) => {
            request.extensions_mut().insert(once.clone());
            with.keep(&once, next.run(*request).await).await
        }
        Ok(Start::Replay(answer)) => replay(answer),
        Err(problem) => problem.into_response(),
    }
}

enum Start {
    Run(Once, Box<Request>),
    Replay(Answer),
}

impl Idempotency {
    async fn begin(&self, caller: Caller, request: Request) -> Result<Start, Problem> {
        let key = key(request.headers()).ok_or_else(|| {
            Problem::bad_request("malformed_idempotency_key", "Idempotency-Key must be 1 to 128 visible characters.")
                .on("Idempotency-Key", "1 to 128 visible ASCII characters, once")
        })?;
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_READ_MAX_BYTES)
            .await
            .map_err(|_| Problem::too_large("The body is larger than any route takes."))?;
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let version = parts.headers.get(header::IF_MATCH).map_or(&b""[..], HeaderValue::as_bytes);
        let wanted = request_digest(&key, parts.method.as_str(), target, version, &body);
        let call = Call { caller: &caller.id, key: &key, request: &wanted };
        let begun = self.store.begin_call(&call, self.clock.now(), Deadline::in_ms(BUDGET_MS)).await;
        match begun.map_err(not_begun)? {
            Begun::Mine(once) => {
                let request = Request::from_parts(parts, Body::from(body));
                Ok(Start::Run(once, Box::new(request)))
            }
            Begun::Done(answer) => Ok(Start::Replay(answer)),
            Begun::Running { retry_after_s } => Err(Problem::conflict(
                "still_running",
                "The first request with this Idempotency-Key is still being carried out.",
            )
            .with_retry_after(retry_after_s)),
            Begun::OtherCall => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to another request. Take a new one for a new request.",
            )),
        }
    }

    /// Keeps what can be kept. Whatever comes of that, the caller gets the answer.
    async fn keep(&self, once: &Once, response: Response) -> Response {
        let status = response.status();
        // A fault leaves open what was done: a repeat waits until the lease is over and then tries for itself.
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return response;
        }
        let not_stored = response.extensions().get::<NotStored>().is_some();
        // Nothing was done, and the same call may fare better soon: after signing in, a pause, a lost race.
        let for_now = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
            || response.extensions().get::<ProblemCode>().is_some_and(|code| code.0 == problem::CHANGED);
        let deadline = Deadline::in_ms(BUDGET_MS);
        if for_now || (not_stored && status.is_client_error()) {
            told(self.store.drop_call(once, deadline).await);
            return response;
        }
        let (answer, response) = if not_stored { (None, response) } else { copied(response).await };
        let answer = answer.unwrap_or_else(|| {
            Problem::conflict("answer_not_kept", "This was done already. Its answer was shown once and is not kept.")
                .answer()
        });
        told(self.store.end_call(once, &answer, deadline).await);
        response
    }
}

fn told(kept: Result<(), StoreError>) {
    match kept {
        // The handler's own transaction has kept it, or somebody took the call over: either way it is settled.
        Ok(()) | Err(StoreError::Changed) => {}
        Err(error) => tracing::error!(%error, "an answer could not be kept; a repeat of its call is carried out again"),
    }
}

/// Nothing has been done yet, so even an open outcome is only "try again".
fn not_begun(error: StoreError) -> Problem {
    match error {
        StoreError::Ambiguous => Problem::from(StoreError::Busy),
        StoreError::Busy | StoreError::Changed | StoreError::Rejected(_) | StoreError::Corrupt(_) => error.into(),
    }
}

/// The answer in the form that is kept, and the answer itself. Only text of known and moderate size can be kept.
async fn copied(response: Response) -> (Option<Answer>, Response) {
    let size = response.body().size_hint().exact();
    if size.is_none_or(|size| size > ANSWER_MAX_BYTES as u64) {
        debug_assert!(false, "an answer to a change is streamed or large: mark it NotStored, or answer with less");
        tracing::error!("an answer is streamed or too large to be kept");
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            tracing::error!(%error, "an answer broke off");
            return (None, Problem::internal().into_response());
        }
    };
    let answer = String::from_utf8(bytes.to_vec()).ok().map(|body| {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Answer {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            etag: text(header::ETAG),
            location: text(header::LOCATION),
            body,
        }
    });
    (answer, Response::from_parts(parts, Body::from(bytes)))
}

fn replay(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kept =
        [(header::CONTENT_TYPE, answer.content_type), (header::ETAG, answer.etag), (header::LOCATION, answer.location)];
    for (name, text) in kept {
        if let Some(Ok(value)) = text.as_deref().map(HeaderValue::from_str) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    response
}

/// The key, without the quotes that the structured-field form has. `None` when it is not one key.
fn key(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let (text, None) = (values.next()?.to_str().ok()?.trim(), values.next()) else {
        return None;
    };
    let key = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => text.to_owned(),
    };
    let fits = (1..=KEY_MAX_CHARS).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    fits.then_some(key)
}

/// The inside of a structured-field string: `\"` and `\\` are the only escapes (RFC 9651, 3.3.3).
fn unquoted(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            plain => text.push(plain),
        }
    }
    Some(text)
}

/// The key is part of it: bodies can hold passwords, and nobody who reads the table shall be able to try them out.
fn request_digest(key: &str, method: &str, target: &str, if_match: &[u8], body: &Bytes) -> String {
    hex(&digest(&["call", key, method, target, &hex(if_match), &hex(&Sha256::digest(body))]))
}

/// Extractor: the right to answer this call for good, for handlers whose own transaction keeps the answer.
#[derive(Clone, Debug)]
pub struct Kept(Option<Once>);

impl Kept {
    /// `None` when the call carries no key.
    pub fn once(&self) -> Option<&Once> {
        self.0.as_ref()
    }
}

impl<S: Sync> FromRequestParts<S> for Kept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Once>().cloned()))
    }
}

/// The document says of every change that it takes a key, so there is nothing to add.
impl OperationInput for Kept {}

/// An answer that can be kept just as it will be given.
pub trait Keep {
    fn answer(&self) -> Answer;
}

fn json_answer<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    match serde_json::to_string(body) {
        Ok(body) => Answer {
            status: status.as_u16(),
            content_type: Some("application/json".to_owned()),
            etag: None,
            location: None,
            body,
        },
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            Problem::internal().answer()
        }
    }
}

impl<T: Serialize> Keep for Json<T> {
    fn answer(&self) -> Answer {
        json_answer(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> Keep for Accepted<T> {
    fn answer(&self) -> Answer {
        json_answer(StatusCode::ACCEPTED, &self.0)
    }
}

impl<T: Serialize> Keep for Created<T> {
    fn answer(&self) -> Answer {
        let answer = json_answer(StatusCode::CREATED, &self.body);
        Answer { etag: self.etag.clone(), location: Some(self.location.clone()), ..answer }
    }
}

impl<T: Serialize> Keep for Tagged<T> {
    fn answer(&self) -> Answer {
        let answer = match self.body() {
            Some(body) => json_answer(StatusCode::OK, body),
            None => Answer { status: StatusCode::NOT_MODIFIED.as_u16(), ..Done.answer() },
        };
        Answer { etag: Some(self.etag().to_owned()), ..answer }
    }
}

impl Keep for Done {
    fn answer(&self) -> Answer {
        let status = StatusCode::NO_CONTENT.as_u16();
        Answer { status, content_type: None, etag: None, location: None, body: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY_HEADER, HeaderValue::from_str(value).expect("a header"));
        }
        key(&headers)
    }

    // proves: RED-03
    #[test]
    fn a_key_is_visible_text_with_or_without_quotes() {
        assert_eq!(key_of(&["abc-1"]).as_deref(), Some("abc-1"));
        assert_eq!(key_of(&["\"abc-1\""]).as_deref(), Some("abc-1"));
        assert_eq!(key_of(&[r#""a\"b\\c""#]).as_deref(), Some(r#"a"b\c"#));
        assert_eq!(key_of(&[&"x".repeat(128)]).map(|key| key.len()), Some(128));
        for bad in ["", "\"\"", "a b", "\"a b\"", "\"abc", "\"", "\"a\"b\"", "\"a\\n\"", "\"a\\\"", "\u{e9}"] {
            assert_eq!(key_of(&[bad]), None, "{bad}");
        }
        assert_eq!(key_of(&[&"x".repeat(129)]), None);
        assert_eq!(key_of(&["a", "b"]), None);
    }

    // proves: RED-03
    #[test]
    fn a_call_is_its_key_method_target_version_and_body() {
        let of = |key, method, target, version: &[u8], body: &'static [u8]| {
            request_digest(key, method, target, version, &Bytes::from_static(body))
        };
        let first = of("k", "POST", "/a?b=1", b"1", b"{}");
        assert_eq!(first, of("k", "POST", "/a?b=1", b"1", b"{}"));
        for other in [
            of("l", "POST", "/a?b=1", b"1", b"{}"),
            of("k", "PUT", "/a?b=1", b"1", b"{}"),
            of("k", "POST", "/a?b=2", b"1", b"{}"),
            of("k", "POST", "/a?b=1", b"2", b"{}"),
            of("k", "POST", "/a?b=1", b"1", b"{ }"),
        ] {
            assert_ne!(first, other);
        }
    }
}
