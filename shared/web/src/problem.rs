//! Refusals and faults as RFC 9457 problem details: a stable code, words for people, and a message per field.

use crate::request_id;
use aide::{OperationOutput, generate::GenContext, openapi::Operation};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use store::StoreError;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// The code of a lost race: the same again may work.
pub(crate) const CHANGED: &str = "changed";
/// Where the problem types are named. The names are stable; nothing need lie there.
const TYPES: &str = "/api/v1/problems/";
/// What a caller is told to wait when the table was too busy.
const BUSY_RETRY_S: u32 = 2;

/// What an answer says instead of what was asked for. Small, so that it can be the error of any handler.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    details: Details,
    retry_after_s: Option<u32>,
}

/// The body of a refusal.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Details {
    /// A URI reference that names this kind of problem.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri-reference"))]
    kind: String,
    /// The status in words.
    title: Cow<'static, str>,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What is the matter, for people.
    detail: Cow<'static, str>,
    /// What is the matter, for programs. Never changes its meaning.
    code: Cow<'static, str>,
    /// What is wrong with which field, where fields are the matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    errors: Vec<FieldProblem>,
    /// Names this request in our logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// Dotted path, such as `prizes.0.amount`; empty for the whole body. A parameter's or header's own name.
    pub field: String,
    /// What is wrong, for programs, such as `too_long`.
    pub code: Cow<'static, str>,
    /// What is wrong, for people. Never repeats what was sent.
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// Put into the extensions of an answer that is a problem, for whoever logs or counts answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemCode(pub Cow<'static, str>);

impl Problem {
    /// A problem of any kind; the constructors below name the usual ones.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            details: Details {
                kind: format!("{TYPES}{code}"),
                title: Cow::Borrowed(title(status)),
                status: status.as_u16(),
                detail: detail.into(),
                code: Cow::Borrowed(code),
                errors: Vec::new(),
                request_id: None,
            },
            retry_after_s: None,
        }))
    }

    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Not known who calls, or no longer. Carries `WWW-Authenticate: Bearer`.
    pub fn unauthorized(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path doesn't take that method.")
    }

    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn gone(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::GONE, code, detail)
    }

    /// 412: it is no longer what the caller read.
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has changed since you read it. Read it again and repeat with its new ETag.",
        )
    }

    /// 428: a change must name the version that it changes.
    pub fn precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            "Send If-Match with the ETag of what you read.",
        )
    }

    pub fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    pub fn unsupported_media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send the body as application/json.")
    }

    /// 422: the request can be read, but fields of it don't fit.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some fields don't fit; see errors.");
        problem.with_errors(errors)
    }

    pub fn too_many_requests(retry_after_s: u32) -> Self {
        let problem =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests. Wait a little.");
        problem.with_retry_after(retry_after_s)
    }

    /// 503: nothing was done, and the same again may work.
    pub fn busy(retry_after_s: u32) -> Self {
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too busy just now. Nothing was done; try again.");
        problem.with_retry_after(retry_after_s)
    }

    /// 500: our fault. Say what happened in the log, never here.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side.")
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.details.errors = errors;
        self
    }

    /// Adds one field.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        let code = self.0.details.code.clone();
        self.0.details.errors.push(FieldProblem::new(field, code, message));
        self
    }

    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is kept of it for repeats of a call.
    pub(crate) fn answer(&self) -> store::Answer {
        let details = Details { request_id: request_id::current(), ..self.0.details.clone() };
        store::Answer {
            status: self.0.details.status,
            content_type: Some(MEDIA_TYPE.to_owned()),
            etag: None,
            location: None,
            body: serde_json::to_string(&details).unwrap_or_default(),
        }
    }

    pub fn code(&self) -> &str {
        &self.0.details.code
    }

    pub fn errors(&self) -> &[FieldProblem] {
        &self.0.details.errors
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let Parts { mut details, retry_after_s } = *self.0;
        details.request_id = request_id::current();
        // Text and numbers only: nothing in it can fail to be written.
        let mut response = Response::new(Body::from(serde_json::to_vec(&details).unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(ProblemCode(details.code));
        response
    }
}

/// What a handler refuses with is said where its route is declared, with [`crate::openapi::answers`]: the type can't tell.
impl OperationOutput for Problem {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<aide::openapi::Response> {
        Some(crate::openapi::problem_response(ctx, "A problem"))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Changed => Self::conflict(
                CHANGED,
                "It changed while this was being done. Nothing was done: read again and repeat.",
            ),
            StoreError::Busy => {
                tracing::warn!(%error, "a call found the table too busy");
                Self::busy(BUSY_RETRY_S)
            }
            StoreError::Ambiguous => {
                tracing::warn!(%error, "a call does not know whether it was carried out");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unknown_outcome",
                    "No answer came in time, so this may have been done or not. Look before you repeat it.",
                )
                .with_retry_after(BUSY_RETRY_S)
            }
            StoreError::Rejected(_) | StoreError::Corrupt(_) => {
                tracing::error!(%error, "a call failed");
                Self::internal()
            }
        }
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Problem")
}
