//! Taking a transfer: at most once for a reference, whatever the answer says.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use serde_json::{Map, Value};

use crate::{
    Config,
    answer::{self, Reply},
    api::{Handled, text_header, unwritable},
    behaviour::{Behaviour, CallbackTiming, Outcome, TransferAnswer},
    ledger::{Plan, Row, TransferState},
    sandbox::{self, Fate},
    settle::later,
    state::State,
};

/// The longest `payerMessage` and `payeeNote`, in characters.
const NOTE_CHARACTERS: usize = 128;
/// The most digits of an amount before its point.
const AMOUNT_DIGITS: usize = 12;

/// Why a transfer call is refused before anything else is looked at.
enum Refusal {
    /// 400 with nothing in it.
    Malformed,
    /// 400 that names the field.
    Invalid(&'static str, &'static str),
    /// 500 with a code.
    NotAllowed(&'static str),
}

impl From<Refusal> for Handled {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => answer::empty(StatusCode::BAD_REQUEST).into(),
            Refusal::Invalid(field, why) => {
                answer::error_saying(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", &format!("{field} {why}")).into()
            }
            Refusal::NotAllowed(code) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, code).into(),
        }
    }
}

/// A transfer as asked for, its fields checked.
struct Asked {
    reference: String,
    amount: String,
    units: u64,
    external_id: String,
    payee: String,
    payer_message: String,
    payee_note: String,
    callback_url: Option<String>,
}

pub(crate) fn transfer(
    state: &mut State,
    config: &Config,
    now: i64,
    api_user: &str,
    request: &Request<Bytes>,
) -> Handled {
    let asked = match read(state, config, api_user, request) {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into(),
    };
    state.note_send(&asked.reference, now);
    let fate = sandbox::transfer_fate(&asked.payee);
    if let Some(Fate::Refused(status, code)) = fate {
        return answer::error(status, code).into();
    }
    let behaviour = state.behaviour_for_transfer();
    let duplicate = state.ledger.find(&asked.reference, api_user).is_some();
    let mut callback_first = false;
    if behaviour.transfer_answer.accepts() && !duplicate {
        callback_first = behaviour.callback == CallbackTiming::BeforeAnswer && asked.callback_url.is_some();
        let accepted = accept(state, config, now, api_user, asked, &behaviour, fate);
        if let Err(error) = accepted.and_then(|()| state.settle_due(now)) {
            return unwritable(&error).into();
        }
    }
    let reply: Reply = match &behaviour.transfer_answer {
        TransferAnswer::Normal if duplicate => answer::conflict().into(),
        TransferAnswer::Normal => answer::empty(StatusCode::ACCEPTED).into(),
        TransferAnswer::TimeoutAfterAccepting | TransferAnswer::TimeoutBeforeAccepting => Reply::Hang,
        TransferAnswer::Error500AfterAccepting | TransferAnswer::Error500BeforeAccepting => {
            answer::internal_error().into()
        }
        TransferAnswer::Conflict409AfterAccepting => answer::conflict().into(),
        TransferAnswer::TooMany429 => answer::too_many().into(),
        TransferAnswer::Unavailable503 => answer::unavailable().into(),
        TransferAnswer::Html200 => answer::html_200().into(),
        TransferAnswer::Html411 => answer::html_411().into(),
        TransferAnswer::Forbidden403 => answer::forbidden().into(),
        TransferAnswer::BadRequestEmpty400 => answer::empty(StatusCode::BAD_REQUEST).into(),
        TransferAnswer::NotAllowed500 { code } => answer::error(StatusCode::INTERNAL_SERVER_ERROR, code).into(),
        TransferAnswer::Redirect302 => answer::redirect("/disbursement/v1_0/transfer/").into(),
        TransferAnswer::Garbage => answer::garbage().into(),
    };
    Handled { reply, callback_first }
}

fn accept(
    state: &mut State,
    config: &Config,
    now: i64,
    api_user: &str,
    asked: Asked,
    behaviour: &Behaviour,
    fate: Option<Fate>,
) -> std::io::Result<()> {
    let at_once = behaviour.callback == CallbackTiming::BeforeAnswer;
    let settle_at = later(now, if at_once { 0 } else { behaviour.settle_after_ms });
    let by_behaviour = match &behaviour.outcome {
        Outcome::Successful => (TransferState::Pending, Some(settle_at), None),
        Outcome::Failed { reason } => (TransferState::Pending, Some(settle_at), Some(reason.clone())),
        Outcome::PendingForever => (TransferState::Pending, None, None),
        Outcome::CreatedForever => (TransferState::Created, None, None),
    };
    let (first_state, settle_at, fails_with) = match fate {
        Some(Fate::Fails(reason)) => (TransferState::Pending, Some(settle_at), Some(reason.to_owned())),
        Some(Fate::Ongoing) => (TransferState::Pending, None, None),
        Some(Fate::Delayed) => (TransferState::Created, Some(later(now, sandbox::DELAYED_MS)), None),
        Some(Fate::Refused(..)) | None => by_behaviour,
    };
    let row = Row {
        reference: asked.reference,
        api_user: api_user.to_owned(),
        payee: asked.payee,
        amount: asked.amount,
        units: asked.units,
        currency: config.currency.clone(),
        external_id: asked.external_id,
        payer_message: asked.payer_message,
        payee_note: asked.payee_note,
        callback_url: asked.callback_url,
        state: first_state,
        reason: None,
        accepted_at: now,
        settled_at: None,
        financial_transaction_id: None,
        plan: Plan {
            settle_at,
            fails_with,
            late_success_ms: behaviour.late_success_after_failed_ms,
            reason_shape: behaviour.reason_shape,
            forget_at: behaviour.forget_references_after_ms.map(|ms| later(now, ms)),
            callback: behaviour.callback,
            callback_method: behaviour.callback_method,
        },
        callbacks: Vec::new(),
    };
    let balance = state.ledger.balance();
    let index = state.ledger.put(row, balance)?;
    if behaviour.remaining.is_some() {
        state.keep_status_answer(index, behaviour.status_answer);
    }
    Ok(())
}

/// Checks a transfer call the way MTN does.
fn read(state: &State, config: &Config, api_user: &str, request: &Request<Bytes>) -> Result<Asked, Refusal> {
    let headers = request.headers();
    let reference = text_header(headers, "x-reference-id")
        .filter(|text| is_uuid_v4(text))
        .ok_or(Refusal::Malformed)?
        .to_ascii_lowercase();
    let is_json = text_header(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    let body: Option<Map<String, Value>> = if is_json { serde_json::from_slice(request.body()).ok() } else { None };
    let body = body.ok_or(Refusal::Malformed)?;
    let callback_url = callback_url(state, api_user, headers)?;
    let amount = text(&body, "amount")?.to_owned();
    let units =
        whole_units(&amount).ok_or(Refusal::Invalid("amount", "must be a whole number above 0, without separators"))?;
    if text(&body, "currency")? != config.currency {
        return Err(Refusal::NotAllowed("INVALID_CURRENCY"));
    }
    let external_id = text(&body, "externalId")?.to_owned();
    let payee = body.get("payee").and_then(Value::as_object).ok_or(Refusal::Invalid("payee", "must be an object"))?;
    if text(payee, "partyIdType")? != "MSISDN" {
        return Err(Refusal::Invalid("partyIdType", "must be MSISDN"));
    }
    let number = text(payee, "partyId")?.to_owned();
    if !is_msisdn(&number) {
        return Err(Refusal::Invalid("partyId", "must be the digits of a phone number with its country code"));
    }
    Ok(Asked {
        reference,
        amount,
        units,
        external_id,
        payee: number,
        payer_message: note(&body, "payerMessage")?,
        payee_note: note(&body, "payeeNote")?,
        callback_url,
    })
}

fn callback_url(state: &State, api_user: &str, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("x-callback-url") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let uri: Uri = text.parse().map_err(|_| Refusal::Malformed)?;
    let host = match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) => host,
        _ => return Err(Refusal::Malformed),
    };
    let wanted = state.ledger.user(api_user).and_then(|user| user.callback_host.as_deref());
    if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(host)) {
        return Err(Refusal::NotAllowed("INVALID_CALLBACK_URL_HOST"));
    }
    Ok(Some(text.to_owned()))
}

fn text<'a>(body: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, Refusal> {
    body.get(field)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or(Refusal::Invalid(field, "must be a text that is not empty"))
}

/// A note may be absent or empty, but not null, long, or with an apostrophe.
fn note(body: &Map<String, Value>, field: &'static str) -> Result<String, Refusal> {
    let Some(value) = body.get(field) else {
        return Ok(String::new());
    };
    let text = value.as_str().ok_or(Refusal::Invalid(field, "must be a text"))?;
    if text.chars().count() > NOTE_CHARACTERS {
        return Err(Refusal::Invalid(field, "must have at most 128 characters"));
    }
    if text.contains(['\'', '’']) {
        return Err(Refusal::Invalid(field, "must not have apostrophes"));
    }
    Ok(text.to_owned())
}

/// "500" and "500.0" are 500; anything finer, negative or zero is none.
pub(crate) fn whole_units(amount: &str) -> Option<u64> {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || whole.len() > AMOUNT_DIGITS || !digits(decimals) || decimals.bytes().any(|byte| byte != b'0') {
        return None;
    }
    whole.parse().ok().filter(|units| *units > 0)
}

pub(crate) fn is_msisdn(text: &str) -> bool {
    (8..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn is_uuid_v4(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            14 => *byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => byte.is_ascii_hexdigit(),
        })
}
