//! Which call is which, who may make it, and the faults that stand in its way.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::json;

use crate::{
    Config, account,
    answer::{self, Reply},
    behaviour::TokenAnswer,
    fault::{Endpoint, FaultKind},
    state::State,
    status, transfer,
};

/// Milliseconds a token is good for: MTN's 3600 s.
const TOKEN_LIFE_MS: i64 = 3_600_000;

/// What a call came to.
pub(crate) struct Handled {
    pub reply: Reply,
    /// A callback is due that is to arrive before this answer does.
    pub callback_first: bool,
}

impl<R: Into<Reply>> From<R> for Handled {
    fn from(reply: R) -> Self {
        Self { reply: reply.into(), callback_first: false }
    }
}

enum Call<'a> {
    Token,
    TokenWithoutSlash,
    Transfer,
    Status(&'a str),
    Balance,
    Active(&'a str),
    BasicUserInfo(&'a str),
    NewApiUser,
    NewApiKey(&'a str),
}

impl<'a> Call<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["disbursement", "token", ""]) => Some(Self::Token),
            ("POST", ["disbursement", "token"]) => Some(Self::TokenWithoutSlash),
            ("POST", ["disbursement", "v1_0", "transfer"]) => Some(Self::Transfer),
            ("GET", ["disbursement", "v1_0", "transfer", reference]) => Some(Self::Status(reference)),
            ("GET", ["disbursement", "v1_0", "account", "balance"]) => Some(Self::Balance),
            ("GET", ["disbursement", "v1_0", "accountholder", "msisdn", number, "active"]) => {
                Some(Self::Active(number))
            }
            ("GET", ["disbursement", "v1_0", "accountholder", "msisdn", number, "basicuserinfo"]) => {
                Some(Self::BasicUserInfo(number))
            }
            ("POST", ["v1_0", "apiuser"]) => Some(Self::NewApiUser),
            ("POST", ["v1_0", "apiuser", id, "apikey"]) => Some(Self::NewApiKey(id)),
            _ => None,
        }
    }

    fn endpoint(&self) -> Endpoint {
        match self {
            Self::Token | Self::TokenWithoutSlash => Endpoint::Token,
            Self::Transfer => Endpoint::Transfer,
            Self::Status(_) => Endpoint::Status,
            Self::Balance => Endpoint::Balance,
            Self::Active(_) | Self::BasicUserInfo(_) => Endpoint::AccountHolder,
            Self::NewApiUser | Self::NewApiKey(_) => Endpoint::Provisioning,
        }
    }
}

/// The reference of a transfer call, if this is one.
pub(crate) fn transfer_reference(method: &Method, path: &str, headers: &HeaderMap) -> Option<String> {
    matches!(Call::of(method, path), Some(Call::Transfer))
        .then(|| text_header(headers, "x-reference-id").map(str::to_ascii_lowercase))
        .flatten()
}

/// Answers one call at `now`, unix milliseconds.
pub(crate) fn handle(state: &mut State, config: &Config, now: i64, request: &Request<Bytes>) -> Handled {
    let path = request.uri().path();
    let Some(call) = Call::of(request.method(), path) else {
        return answer::gateway(StatusCode::NOT_FOUND, "Resource not found").into();
    };
    let mut written = state.settle_due(now);
    if written.is_ok()
        && let Some(reference) = transfer_reference(request.method(), path, request.headers())
    {
        written = state.ledger.count_send(&reference);
    }
    if let Err(error) = written {
        return unwritable(&error).into();
    }
    let Some(fault) = state.take_fault(call.endpoint()) else {
        return answer_call(state, config, now, &call, request);
    };
    let spoilt: Reply = match fault {
        FaultKind::HangBefore | FaultKind::HangAfter => Reply::Hang,
        FaultKind::Error500Before | FaultKind::Error500After => answer::internal_error().into(),
        FaultKind::Html200 | FaultKind::Html200After => answer::html_200().into(),
        FaultKind::GarbageAfter => answer::garbage().into(),
        FaultKind::Empty400 => answer::empty(StatusCode::BAD_REQUEST).into(),
        FaultKind::Unauthorized401 => answer::unauthorized("Access token is not valid.").into(),
        FaultKind::Forbidden403 => answer::forbidden().into(),
        FaultKind::NotFound404 => answer::not_found().into(),
        FaultKind::TooMany429 => answer::too_many().into(),
        FaultKind::Unavailable503 => answer::unavailable().into(),
        FaultKind::Redirect302 => answer::redirect("/maintenance").into(),
    };
    let takes_effect = match fault {
        FaultKind::HangAfter | FaultKind::Error500After | FaultKind::Html200After | FaultKind::GarbageAfter => true,
        FaultKind::HangBefore
        | FaultKind::Error500Before
        | FaultKind::Html200
        | FaultKind::Empty400
        | FaultKind::Unauthorized401
        | FaultKind::Forbidden403
        | FaultKind::NotFound404
        | FaultKind::TooMany429
        | FaultKind::Unavailable503
        | FaultKind::Redirect302 => false,
    };
    let callback_first = takes_effect && answer_call(state, config, now, &call, request).callback_first;
    Handled { reply: spoilt, callback_first }
}

fn answer_call(state: &mut State, config: &Config, now: i64, call: &Call<'_>, request: &Request<Bytes>) -> Handled {
    if let Call::TokenWithoutSlash = call {
        return answer::redirect("/disbursement/token/").into();
    }
    let headers = request.headers();
    if text_header(headers, "ocp-apim-subscription-key") != Some(config.subscription_key.as_str()) {
        return answer::unauthorized(
            "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
        )
        .into();
    }
    match call {
        Call::Token | Call::TokenWithoutSlash => return token(state, config, now, request).into(),
        Call::NewApiUser => return account::new_api_user(state, request).into(),
        Call::NewApiKey(id) => return account::new_api_key(state, id, now).into(),
        Call::Transfer | Call::Status(_) | Call::Balance | Call::Active(_) | Call::BasicUserInfo(_) => {}
    }
    let bearer = text_header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(api_user) = bearer.and_then(|token| state.token_user(token, now)) else {
        return answer::unauthorized("Access token is missing, not valid or expired.").into();
    };
    if text_header(headers, "x-target-environment") != Some(config.target_environment.as_str()) {
        return answer::error(StatusCode::INTERNAL_SERVER_ERROR, "NOT_ALLOWED_TARGET_ENVIRONMENT").into();
    }
    match call {
        Call::Transfer => transfer::transfer(state, config, now, &api_user, request),
        Call::Status(reference) => status::status(state, now, &api_user, reference).into(),
        Call::Balance => account::balance(state, config).into(),
        Call::Active(number) => account::active(number).into(),
        Call::BasicUserInfo(number) => account::basic_user_info(number).into(),
        Call::Token | Call::TokenWithoutSlash | Call::NewApiUser | Call::NewApiKey(_) => {
            answer::internal_error().into()
        }
    }
}

/// Issues a token for an API user that proves itself with its key.
fn token(state: &mut State, config: &Config, now: i64, request: &Request<Bytes>) -> Response<Bytes> {
    // A form grant, which other products of MTN ask for, meets the firewall here.
    let form = text_header(request.headers(), "content-type").is_some_and(|kind| kind.contains("form-urlencoded"));
    if form && !request.body().is_empty() {
        return answer::html_200();
    }
    match state.behaviour().token_answer {
        TokenAnswer::Normal | TokenAnswer::ExpiredAtOnce => {}
        TokenAnswer::Html200 => return answer::html_200(),
        TokenAnswer::Redirect302 => return answer::redirect("/disbursement/token/"),
        TokenAnswer::Error500 => return answer::internal_error(),
    }
    let Some((user, key)) = basic(request.headers()) else {
        return answer::unauthorized("Basic authentication is needed.");
    };
    let configured = user == config.api_user && key == state.api_key(&config.api_key);
    let provisioned = state.ledger.user(&user).and_then(|known| known.key.as_deref()) == Some(key.as_str());
    if !configured && !provisioned {
        return answer::unauthorized("The API user or its key is not valid.");
    }
    let token = state.issue_token(&user, now, now.saturating_add(TOKEN_LIFE_MS));
    answer::json(
        StatusCode::OK,
        &json!({ "access_token": token, "token_type": "access_token", "expires_in": TOKEN_LIFE_MS / 1000 }),
    )
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let (user, key) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), key.to_owned()))
}

pub(crate) fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The ledger's file refused: whatever was asked did not happen.
pub(crate) fn unwritable(error: &std::io::Error) -> Response<Bytes> {
    tracing::error!(%error, "the simulator's ledger can't be written");
    answer::internal_error()
}
