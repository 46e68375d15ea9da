//! MTN's answers, sorted by what they prove.

use crate::transport::json;
use bytes::Bytes;
use domain::payout::{ReportedTransfer, StatusAnswer, TransferAnswer};
use http::{Response, StatusCode};
use serde::Deserialize;

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody {
    #[serde(default)]
    amount: Scalar,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    external_id: Scalar,
    #[serde(default)]
    financial_transaction_id: Scalar,
    #[serde(default)]
    payee: Payee,
    status: String,
    reason: Option<Reason>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payee {
    #[serde(default)]
    party_id: Scalar,
}

/// A string, or a number where a string was promised, or null.
#[derive(Default, Deserialize)]
#[serde(from = "serde_json::Value")]
struct Scalar(Option<String>);

impl From<serde_json::Value> for Scalar {
    fn from(value: serde_json::Value) -> Self {
        Self(match value {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        })
    }
}

/// A string in MTN's examples, an object in its schema. In any other shape it is none: it must not hide the status.
#[derive(Deserialize)]
#[serde(from = "serde_json::Value")]
struct Reason(Option<String>);

impl From<serde_json::Value> for Reason {
    fn from(value: serde_json::Value) -> Self {
        let word = value.as_str().or_else(|| value.get("code")?.as_str());
        Self(word.map(|code| short(code).to_owned()))
    }
}

/// A typed "there is no such thing".
pub fn is_unknown(answer: &Response<Bytes>) -> bool {
    answer.status() == StatusCode::NOT_FOUND
        && json::<ErrorBody>(answer).is_some_and(|body| body.code == "RESOURCE_NOT_FOUND")
}

pub fn read_transfer(answer: &Response<Bytes>) -> TransferAnswer {
    let code = json::<ErrorBody>(answer).map(|body| body.code);
    let status = answer.status();
    let word = match &code {
        Some(code) => format!("{} {}", status.as_u16(), short(code)),
        None => status.as_u16().to_string(),
    };
    match (status, code.as_deref()) {
        (StatusCode::ACCEPTED, _) => TransferAnswer::Accepted,
        (StatusCode::CONFLICT, _) => TransferAnswer::Exists,
        // The gateway turns it away before it is looked at; MTN doesn't type it (contracts.md 2), so it is asked about
        // all the same before it is sent again.
        (StatusCode::TOO_MANY_REQUESTS, _) => TransferAnswer::Unsent(word),
        (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => TransferAnswer::Config(word),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Some("NOT_ALLOWED" | "NOT_ALLOWED_TARGET_ENVIRONMENT" | "INVALID_CALLBACK_URL_HOST" | "INVALID_CURRENCY"),
        ) => TransferAnswer::Config(word),
        (StatusCode::BAD_REQUEST, _) => TransferAnswer::Invalid(word),
        (_, Some("VALIDATION_ERROR")) => TransferAnswer::Invalid(word),
        _ => TransferAnswer::Unknown(word),
    }
}

pub fn read_status(answer: &Response<Bytes>) -> StatusAnswer {
    let word = answer.status().as_u16().to_string();
    match answer.status() {
        StatusCode::OK => match json::<StatusBody>(answer) {
            Some(body) => reported(body),
            None => StatusAnswer::Unknown(format!("{word} that is no status")),
        },
        // Only a typed answer of MTN's proves anything; a gateway's 404 page doesn't.
        StatusCode::NOT_FOUND if is_unknown(answer) => StatusAnswer::NotFound,
        _ => StatusAnswer::Unknown(word),
    }
}

fn reported(body: StatusBody) -> StatusAnswer {
    let transfer = ReportedTransfer {
        amount: body.amount.0.unwrap_or_default(),
        currency: body.currency,
        payee: body.payee.party_id.0.unwrap_or_default(),
        external_id: body.external_id.0.unwrap_or_default(),
        transaction: body.financial_transaction_id.0,
        reason: body.reason.and_then(|Reason(code)| code),
    };
    // The status decides; a reason beside it never does.
    match body.status.as_str() {
        "SUCCESSFUL" => StatusAnswer::Successful(transfer),
        "FAILED" => StatusAnswer::Failed(transfer),
        // PENDING, CREATED, and whatever MTN adds: it has it and has not settled it.
        _ => StatusAnswer::Pending(transfer),
    }
}

fn short(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(at, _)| &text[..at])
}
