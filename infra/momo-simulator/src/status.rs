//! Telling what became of a transfer.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    answer::{self, Reply},
    behaviour::{ReasonShape, StatusAnswer},
    ledger::{Row, TransferState},
    settle::later,
    state::State,
    transfer::is_uuid_v4,
};

pub(crate) fn status(state: &State, now: i64, api_user: &str, reference: &str) -> Reply {
    if !is_uuid_v4(reference) {
        return answer::empty(StatusCode::BAD_REQUEST).into();
    }
    let index = state.ledger.find(&reference.to_ascii_lowercase(), api_user);
    let row = index
        .and_then(|index| state.ledger.row(index))
        .filter(|row| row.plan.forget_at.is_none_or(|forget_at| now < forget_at));
    let spoil: fn(&mut Map<String, Value>) = match state.status_answer(index) {
        StatusAnswer::Normal => |_| {},
        StatusAnswer::Timeout => return Reply::Hang,
        StatusAnswer::Error500 => return answer::internal_error().into(),
        StatusAnswer::Unavailable503 => return answer::unavailable().into(),
        StatusAnswer::Html200 => return answer::html_200().into(),
        StatusAnswer::Garbage => return answer::garbage().into(),
        StatusAnswer::Redirect302 => {
            return answer::redirect("/disbursement/v1_0/transfer/").into();
        }
        StatusAnswer::Empty400 => return answer::empty(StatusCode::BAD_REQUEST).into(),
        StatusAnswer::NotFound404ForMs(lag) => {
            if row.is_some_and(|row| now < later(row.accepted_at, lag)) {
                return answer::not_found().into();
            }
            |_| {}
        }
        StatusAnswer::OtherAmount => |body| set(body, "amount", json!("987654")),
        StatusAnswer::OtherPayee => {
            |body| set(body, "payee", json!({ "partyIdType": "MSISDN", "partyId": "250788999999" }))
        }
        StatusAnswer::OtherExternalId => |body| set(body, "externalId", json!("not-yours")),
        StatusAnswer::OtherCurrency => |body| set(body, "currency", json!("XAF")),
        StatusAnswer::UnrecognisedStatus => |body| set(body, "status", json!("UNDER_REVIEW")),
    };
    let Some(row) = row else {
        return answer::not_found().into();
    };
    let mut body = fields(row);
    spoil(&mut body);
    answer::json(StatusCode::OK, &Value::Object(body)).into()
}

fn set(body: &mut Map<String, Value>, field: &str, value: Value) {
    body.insert(field.to_owned(), value);
}

/// The status body, which is also the body of a callback: without the reference, and while pending without
/// `financialTransactionId` and `reason`.
pub(crate) fn body(row: &Row) -> Value {
    Value::Object(fields(row))
}

fn fields(row: &Row) -> Map<String, Value> {
    let mut body = Map::new();
    // MTN echoes "5.0" as "5".
    set(&mut body, "amount", json!(row.units.to_string()));
    set(&mut body, "currency", json!(row.currency));
    if let Some(id) = &row.financial_transaction_id {
        set(&mut body, "financialTransactionId", json!(id));
    }
    set(&mut body, "externalId", json!(row.external_id));
    set(&mut body, "payee", json!({ "partyIdType": "MSISDN", "partyId": row.payee }));
    set(&mut body, "payerMessage", json!(row.payer_message));
    set(&mut body, "payeeNote", json!(row.payee_note));
    set(&mut body, "status", json!(row.state.as_str()));
    if let (TransferState::Failed, Some(reason)) = (row.state, &row.reason) {
        let reason = match row.plan.reason_shape {
            ReasonShape::String => json!(reason),
            ReasonShape::Object => {
                json!({ "code": reason, "message": answer::reason_text(reason) })
            }
        };
        set(&mut body, "reason", reason);
    }
    body
}
