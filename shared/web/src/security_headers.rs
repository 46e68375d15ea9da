//! Headers that tell browsers what they must not do with an answer, and which pages may read it.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

/// What stands on an answer that doesn't say otherwise.
const DEFAULTS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
];
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, x-csrf-token";
const EXPOSED_HEADERS: &str =
    "etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, x-request-id";
/// Browsers may remember a preflight's answer for so long, so a withdrawn origin is out after ten minutes.
const PREFLIGHT_KEPT_S: &str = "600";

/// Middleware, part of [`crate::ground`].
pub(crate) async fn with_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Pages of these origins, such as `https://console.example.rw`, may call with the user's cookie. Put into the request's
/// extensions by a middleware that knows the settings; without it, or empty, no page of another origin may.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(pub Arc<[String]>);

impl AllowedOrigins {
    /// The origin to name, if it is in the list. There is no wildcard: `*` and `null` never match.
    fn allow(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        let listed = text.starts_with("http") && self.0.iter().any(|allowed| allowed == text);
        listed.then(|| origin.clone())
    }
}

/// Middleware: answers preflights of allowed origins and lets their pages read answers. Others see no difference from
/// an API that has never heard of other origins.
pub async fn cors(request: Request, next: Next) -> Response {
    let Some(origins) = request.extensions().get::<AllowedOrigins>().filter(|origins| !origins.0.is_empty()) else {
        return next.run(request).await;
    };
    let allowed = origins.allow(request.headers());
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&allowed, preflight) {
        (Some(_), true) => preflight_answer(),
        (Some(_), false) | (None, _) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if !preflight {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
    response
}

fn preflight_answer() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_KEPT_S),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
