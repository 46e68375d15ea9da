//! The float, account holders, and the making of API users.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    Config, answer,
    api::{text_header, unwritable},
    ledger::ApiUser,
    sandbox,
    state::State,
    transfer::{is_msisdn, is_uuid_v4},
};

/// Given and family names of simulated account holders; a number always has the same one.
const NAMES: [(&str, &str); 8] = [
    ("Aline", "Uwase"),
    ("Eric", "Habimana"),
    ("Claudine", "Mukamana"),
    ("Jean Bosco", "Nshimiyimana"),
    ("Diane", "Ingabire"),
    ("Patrick", "Mugisha"),
    ("Solange", "Umutoni"),
    ("Emmanuel", "Niyonzima"),
];

/// `{availableBalance, currency}`, the balance as a text.
pub(crate) fn balance(state: &State, config: &Config) -> Response<Bytes> {
    let balance = state.ledger.balance().to_string();
    answer::json(StatusCode::OK, &json!({ "availableBalance": balance, "currency": config.currency }))
}

pub(crate) fn active(number: &str) -> Response<Bytes> {
    if is_msisdn(number) { sandbox::active(number) } else { answer::empty(StatusCode::BAD_REQUEST) }
}

pub(crate) fn basic_user_info(number: &str) -> Response<Bytes> {
    if !is_msisdn(number) {
        return answer::empty(StatusCode::BAD_REQUEST);
    }
    if number == "46733123450" {
        return answer::not_found();
    }
    let place = number.bytes().fold(0, |sum, digit| sum * 7 + usize::from(digit - b'0')) % NAMES.len();
    let (given, family) = NAMES[place];
    answer::json(
        StatusCode::OK,
        &json!({
            "sub": number,
            "name": format!("{given} {family}"),
            "given_name": given,
            "family_name": family,
            "birthdate": "1990-01-01",
        }),
    )
}

/// `POST /v1_0/apiuser`: the id is chosen by the caller, the host of its callbacks is fixed for good.
pub(crate) fn new_api_user(state: &mut State, request: &Request<Bytes>) -> Response<Bytes> {
    let Some(id) = text_header(request.headers(), "x-reference-id").filter(|id| is_uuid_v4(id)) else {
        return answer::empty(StatusCode::BAD_REQUEST);
    };
    if state.ledger.user(id).is_some() {
        return answer::conflict();
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let Some(host) = body.get("providerCallbackHost").and_then(Value::as_str) else {
        return answer::empty(StatusCode::BAD_REQUEST);
    };
    let callback_host = Some(host.to_owned()).filter(|host| !host.is_empty());
    match state.ledger.put_user(ApiUser { id: id.to_owned(), key: None, callback_host }) {
        Ok(()) => answer::empty(StatusCode::CREATED),
        Err(error) => unwritable(&error),
    }
}

/// `POST /v1_0/apiuser/{id}/apikey`: a new key; the one before it ends.
pub(crate) fn new_api_key(state: &mut State, id: &str, now: i64) -> Response<Bytes> {
    let Some(user) = state.ledger.user(id) else {
        return answer::not_found();
    };
    // 32 hexadecimal digits, as MTN's are. Nothing is secret here, and a test can be run again exactly.
    let key = format!("{:016x}{:016x}", now.unsigned_abs(), fingerprint(id));
    let user = ApiUser { key: Some(key.clone()), ..user.clone() };
    match state.ledger.put_user(user) {
        Ok(()) => answer::json(StatusCode::CREATED, &json!({ "apiKey": key })),
        Err(error) => unwritable(&error),
    }
}

/// FNV-1a, 64 bits.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
