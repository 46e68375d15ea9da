//! The answers of MTN's API and of the gateway in front of it.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

/// What a call comes to.
#[derive(Debug)]
pub enum Reply {
    Answer(Response<Bytes>),
    /// No answer comes: the caller has to give up by itself.
    Hang,
}

impl From<Response<Bytes>> for Reply {
    fn from(answer: Response<Bytes>) -> Self {
        Self::Answer(answer)
    }
}

pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    typed(status, "application/json", Bytes::from(body.to_string()))
}

pub(crate) fn problem(status: StatusCode, body: &Value) -> Response<Bytes> {
    typed(status, "application/problem+json", Bytes::from(body.to_string()))
}

/// MTN's error body, `{code, message}`.
pub(crate) fn error(status: StatusCode, code: &str) -> Response<Bytes> {
    error_saying(status, code, reason_text(code))
}

pub(crate) fn error_saying(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    json(status, &json!({ "code": code, "message": message }))
}

/// The gateway's error body, `{statusCode, message}`.
pub(crate) fn gateway(status: StatusCode, message: &str) -> Response<Bytes> {
    json(status, &json!({ "statusCode": status.as_u16(), "message": message }))
}

pub(crate) fn internal_error() -> Response<Bytes> {
    error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_PROCESSING_ERROR")
}

pub(crate) fn not_found() -> Response<Bytes> {
    error(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND")
}

pub(crate) fn conflict() -> Response<Bytes> {
    error(StatusCode::CONFLICT, "RESOURCE_ALREADY_EXIST")
}

pub(crate) fn unauthorized(message: &str) -> Response<Bytes> {
    gateway(StatusCode::UNAUTHORIZED, message)
}

pub(crate) fn forbidden() -> Response<Bytes> {
    gateway(StatusCode::FORBIDDEN, "Forbidden")
}

pub(crate) fn too_many() -> Response<Bytes> {
    let mut answer = gateway(StatusCode::TOO_MANY_REQUESTS, "Rate limit is exceeded. Try again in 5 seconds.");
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    answer
}

pub(crate) fn unavailable() -> Response<Bytes> {
    error(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE")
}

/// The firewall's page: an HTML refusal that calls itself a success.
pub(crate) fn html_200() -> Response<Bytes> {
    typed(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from_static(
            b"<html><head><title>Request Rejected</title></head><body>The requested URL was rejected.</body></html>",
        ),
    )
}

pub(crate) fn html_411() -> Response<Bytes> {
    typed(
        StatusCode::LENGTH_REQUIRED,
        "text/html; charset=us-ascii",
        Bytes::from_static(
            b"<html><head><title>Length Required</title></head><body><h2>Length Required</h2></body></html>",
        ),
    )
}

/// JSON by its header, but it breaks off.
pub(crate) fn garbage() -> Response<Bytes> {
    typed(StatusCode::OK, "application/json", Bytes::from_static(b"{\"status\":\"SUCC\x00\xff"))
}

pub(crate) fn redirect(location: &str) -> Response<Bytes> {
    let mut answer = empty(StatusCode::FOUND);
    if let Ok(value) = header::HeaderValue::from_str(location) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
    answer
}

/// The sentence that goes with one of MTN's codes.
pub(crate) fn reason_text(code: &str) -> &'static str {
    match code {
        "APPROVAL_REJECTED" => "Approval was rejected.",
        "EXPIRED" => "The transaction has expired.",
        "INVALID_CALLBACK_URL_HOST" => "Callback URL with different host name than configured for API user.",
        "INVALID_CURRENCY" => "Currency not supported.",
        "NOT_ALLOWED" => "Authorization failed. Insufficient permissions.",
        "NOT_ALLOWED_TARGET_ENVIRONMENT" => "Access to target environment is forbidden.",
        "NOT_ENOUGH_FUNDS" => "The payer does not have enough funds.",
        "PAYEE_LIMIT_REACHED" => "The payee's limit has been breached.",
        "PAYEE_NOT_ALLOWED_TO_RECEIVE" => "Payee is unable to receive the amount.",
        "PAYEE_NOT_FOUND" => "Payee does not exist.",
        "PAYER_LIMIT_REACHED" => "The payer's limit has been breached.",
        "RESOURCE_ALREADY_EXIST" => "Duplicated reference id. Creation of resource failed.",
        "RESOURCE_NOT_FOUND" => "Requested resource was not found.",
        "SERVICE_UNAVAILABLE" => "Service temporarily unavailable, try again later.",
        _ => "An internal error occurred while processing.",
    }
}
