//! MTN's sandbox numbers 46733123450 … 463: numbers with a fate. Every other number succeeds.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use crate::answer;

/// What a transfer to a sandbox number comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Accepted, then FAILED with this reason.
    Fails(&'static str),
    /// Accepted and PENDING for ever.
    Ongoing,
    /// Accepted, CREATED, and SUCCESSFUL after a minute.
    Delayed,
    /// Refused at once with this status and code.
    Refused(StatusCode, &'static str),
}

/// How long a delayed sandbox transfer takes, in milliseconds.
pub(crate) const DELAYED_MS: u64 = 60_000;

pub(crate) fn transfer_fate(payee: &str) -> Option<Fate> {
    let error = StatusCode::INTERNAL_SERVER_ERROR;
    Some(match payee {
        "46733123450" => Fate::Fails("INTERNAL_PROCESSING_ERROR"),
        "46733123451" => Fate::Fails("APPROVAL_REJECTED"),
        "46733123452" => Fate::Fails("EXPIRED"),
        "46733123453" => Fate::Ongoing,
        "46733123454" => Fate::Delayed,
        "46733123455" => Fate::Fails("NOT_ENOUGH_FUNDS"),
        "46733123456" => Fate::Fails("PAYER_LIMIT_REACHED"),
        "46733123457" => Fate::Fails("PAYEE_NOT_FOUND"),
        "46733123458" => Fate::Fails("NOT_ALLOWED"),
        "46733123459" => Fate::Refused(error, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        "46733123460" => Fate::Refused(error, "INVALID_CALLBACK_URL_HOST"),
        "46733123461" => Fate::Refused(error, "INVALID_CURRENCY"),
        "46733123462" => Fate::Refused(error, "INTERNAL_PROCESSING_ERROR"),
        "46733123463" => Fate::Refused(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
        _ => return None,
    })
}

/// The answer to "is this account holder active?".
pub(crate) fn active(msisdn: &str) -> Response<Bytes> {
    let error = StatusCode::INTERNAL_SERVER_ERROR;
    match msisdn {
        "46733123450" => answer::not_found(),
        "46733123451" => answer::json(StatusCode::OK, &json!({ "result": false })),
        "46733123452" => answer::error(error, "NOT_ALLOWED"),
        "46733123453" => answer::error(error, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        "46733123454" => answer::internal_error(),
        "46733123455" => answer::unavailable(),
        _ => answer::json(StatusCode::OK, &json!({ "result": true })),
    }
}
