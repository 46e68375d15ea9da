//! MTN MoMo's disbursement API.
//!
//! Traps this survives: the token path needs its trailing slash (else 302, followed as a GET); an empty POST needs
//! `Content-Length: 0` (else 411 in HTML); 200 may be an HTML page; a 404 proves something only when it is typed;
//! `reason` is a string or an object; amounts come back as "5" for "5.0".

mod answers;

use crate::{
    Boxed, MobileMoney, NotReady, Transfer,
    transport::{Transport, TransportError, json},
};
use answers::{is_unknown, read_status, read_transfer};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::payout::{Rail, StatusAnswer, TransferAnswer};
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// A token is renewed this long before it ends.
const RENEW_EARLY: Duration = Duration::from_secs(600);
/// However long it is said to hold.
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);
/// A note has at most 128 characters at MTN.
const MAX_NOTE: usize = 128;
/// A longer name is cut.
const MAX_NAME: usize = 64;

/// MTN's keys for one product.
#[derive(Clone)]
pub struct Keys {
    pub api_user: String,
    pub api_key: String,
    pub subscription_key: String,
}

/// Where the keys come from; asked again when MTN refuses them, so that new keys need no new deployment.
pub trait KeySource: Send + Sync {
    fn keys(&self, fresh: bool) -> Boxed<'_, Result<Keys, NotReady>>;
}

pub struct MtnMomo {
    pub transport: Arc<dyn Transport>,
    pub keys: Arc<dyn KeySource>,
    /// `https://…`, without a slash at the end.
    pub host: String,
    pub target_environment: String,
    /// The API user whose references these are; keys of another user are not used.
    pub api_user: String,
    /// The identity of the account behind the host; it stays the same where the same account moves to another address.
    pub rail: Rail,
    /// Where MTN sends its hints; whole, with the secret segment.
    pub callback_url: Option<String>,
    token: Mutex<Held>,
}

/// The token in hand, and when one could last not be had: who waited behind that failure fails with it.
#[derive(Default)]
struct Held {
    token: Option<Token>,
    failed: Option<(Instant, NotReady)>,
}

struct Token {
    bearer: String,
    subscription_key: String,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenBody {
    access_token: String,
    expires_in: u64,
}

impl MtnMomo {
    pub fn new(
        transport: Arc<dyn Transport>,
        keys: Arc<dyn KeySource>,
        host: impl Into<String>,
        target_environment: impl Into<String>,
        api_user: impl Into<String>,
        callback_url: Option<String>,
    ) -> Self {
        let (host, target_environment, api_user) = (host.into(), target_environment.into(), api_user.into());
        Self {
            transport,
            keys,
            rail: Rail::mtn_momo(&host, &target_environment, &api_user),
            host,
            target_environment,
            api_user,
            callback_url,
            token: Mutex::default(),
        }
    }

    /// A bearer token and the subscription key; `renew` drops the one in hand.
    async fn token(&self, renew: bool) -> Result<(String, String), NotReady> {
        let asked_at = Instant::now();
        let mut held = self.token.lock().await;
        if let Some((_, error)) = held.failed.as_ref().filter(|(at, _)| *at > asked_at) {
            return Err(error.clone());
        }
        if renew {
            held.token = None;
        }
        if let Some(token) = held.token.as_ref().filter(|token| token.renew_at > Instant::now()) {
            return Ok((token.bearer.clone(), token.subscription_key.clone()));
        }
        match self.new_token(renew).await {
            Ok(token) => {
                let both = (token.bearer.clone(), token.subscription_key.clone());
                *held = Held { token: Some(token), failed: None };
                Ok(both)
            }
            Err(error) => {
                held.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn new_token(&self, renew: bool) -> Result<Token, NotReady> {
        let keys = self.keys.keys(renew).await?;
        if keys.api_user != self.api_user {
            return Err(NotReady("the keys are another API user's than this deployment's".to_owned()));
        }
        let basic = STANDARD.encode(format!("{}:{}", keys.api_user, keys.api_key));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/disbursement/token/", self.host))
            .header("authorization", format!("Basic {basic}"))
            .header("ocp-apim-subscription-key", &keys.subscription_key)
            .header("content-length", "0")
            .body(Bytes::new())
            .map_err(|_| NotReady("the token request could not be built".to_owned()))?;
        let answer = self.transport.send(request).await.map_err(|error| NotReady(format!("token: {error}")))?;
        let body: TokenBody = (answer.status() == StatusCode::OK)
            .then(|| json(&answer))
            .flatten()
            .ok_or_else(|| NotReady(format!("token: {} without a token", answer.status().as_u16())))?;
        // Whatever it says, in a day it is asked for anew.
        let life = Duration::from_secs(body.expires_in).min(LONGEST_LIFE).saturating_sub(RENEW_EARLY);
        Ok(Token {
            bearer: body.access_token,
            subscription_key: keys.subscription_key,
            renew_at: Instant::now() + life.max(Duration::from_secs(30)),
        })
    }

    /// One call under the token, and once more under a new one if MTN says 401: it has done nothing then.
    async fn call(
        &self,
        method: Method,
        path: &str,
        transfer: Option<(&Transfer, Bytes)>,
    ) -> Result<Response<Bytes>, CallError> {
        for renew in [false, true] {
            let (bearer, subscription_key) = self.token(renew).await.map_err(CallError::NotReady)?;
            let mut request = Request::builder()
                .method(method.clone())
                .uri(format!("{}/disbursement/v1_0/{path}", self.host))
                .header("authorization", format!("Bearer {bearer}"))
                .header("ocp-apim-subscription-key", subscription_key)
                .header("x-target-environment", &self.target_environment);
            let mut body = Bytes::new();
            if let Some((transfer, json)) = &transfer {
                request =
                    request.header("x-reference-id", &transfer.reference).header("content-type", "application/json");
                if let Some(url) = &self.callback_url {
                    request = request.header("x-callback-url", url);
                }
                body = json.clone();
            }
            let request = request
                .body(body)
                .map_err(|_| CallError::NotReady(NotReady("the request could not be built".to_owned())))?;
            let answer = self.transport.send(request).await.map_err(CallError::Transport)?;
            if answer.status() != StatusCode::UNAUTHORIZED || renew {
                return Ok(answer);
            }
        }
        Err(CallError::NotReady(NotReady("no token is accepted".to_owned())))
    }
}

enum CallError {
    /// Nothing reached MTN's transfer API.
    NotReady(NotReady),
    Transport(TransportError),
}

impl CallError {
    fn why(&self) -> String {
        match self {
            Self::NotReady(NotReady(why)) => why.clone(),
            Self::Transport(error) => error.to_string(),
        }
    }
}

impl MobileMoney for MtnMomo {
    fn rail(&self) -> Rail {
        self.rail.clone()
    }

    fn ready(&self) -> Boxed<'_, Result<(), NotReady>> {
        Box::pin(async move { self.token(false).await.map(|_| ()) })
    }

    fn transfer<'a>(&'a self, transfer: &'a Transfer) -> Boxed<'a, TransferAnswer> {
        Box::pin(async move {
            let body = serde_json::json!({
                "amount": transfer.amount.to_string(),
                "currency": transfer.currency,
                "externalId": transfer.external_id,
                "payee": { "partyIdType": "MSISDN", "partyId": transfer.payee },
                "payerMessage": note(&transfer.message),
                "payeeNote": note(&transfer.message),
            });
            let body = Bytes::from(body.to_string());
            match self.call(Method::POST, "transfer", Some((transfer, body))).await {
                Ok(answer) => read_transfer(&answer),
                // Nothing reached MTN's transfer API.
                Err(error @ (CallError::NotReady(_) | CallError::Transport(TransportError::NotConnected))) => {
                    TransferAnswer::Unsent(error.why())
                }
                Err(error @ CallError::Transport(TransportError::NoAnswer)) => TransferAnswer::Unknown(error.why()),
            }
        })
    }

    fn status<'a>(&'a self, reference: &'a str) -> Boxed<'a, StatusAnswer> {
        Box::pin(async move {
            match self.call(Method::GET, &format!("transfer/{reference}"), None).await {
                Ok(answer) => read_status(&answer),
                Err(error) => StatusAnswer::Unknown(error.why()),
            }
        })
    }

    fn balance(&self) -> Boxed<'_, Result<u64, NotReady>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Balance {
            available_balance: String,
        }
        Box::pin(async move {
            let answer =
                self.call(Method::GET, "account/balance", None).await.map_err(|error| NotReady(error.why()))?;
            let balance: Balance = (answer.status() == StatusCode::OK)
                .then(|| json(&answer))
                .flatten()
                .ok_or_else(|| odd("balance", &answer))?;
            whole_units(&balance.available_balance).ok_or_else(|| odd("balance", &answer))
        })
    }

    fn account_active<'a>(&'a self, payee: &'a str) -> Boxed<'a, Result<bool, NotReady>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Active {
            Object { result: bool },
            Bare(bool),
        }
        Box::pin(async move {
            let path = format!("accountholder/msisdn/{payee}/active");
            let answer = self.call(Method::GET, &path, None).await.map_err(|error| NotReady(error.why()))?;
            match (answer.status(), json(&answer)) {
                (StatusCode::OK, Some(Active::Object { result } | Active::Bare(result))) => Ok(result),
                // A typed answer that there is nobody; a gateway's page proves nothing.
                _ if is_unknown(&answer) => Ok(false),
                _ => Err(odd("account holder", &answer)),
            }
        })
    }

    fn holder_name<'a>(&'a self, payee: &'a str) -> Boxed<'a, Result<Option<String>, NotReady>> {
        // The answer has a date of birth as well, which nobody here needs: it is never read.
        #[derive(Deserialize)]
        struct Holder {
            name: Option<String>,
            given_name: Option<String>,
            family_name: Option<String>,
        }
        Box::pin(async move {
            let path = format!("accountholder/msisdn/{payee}/basicuserinfo");
            let answer = self.call(Method::GET, &path, None).await.map_err(|error| NotReady(error.why()))?;
            if is_unknown(&answer) {
                return Ok(None);
            }
            let holder: Holder = (answer.status() == StatusCode::OK)
                .then(|| json(&answer))
                .flatten()
                .ok_or_else(|| odd("account holder", &answer))?;
            let parts = [holder.given_name, holder.family_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let name = holder.name.filter(|name| !name.trim().is_empty()).unwrap_or(parts);
            let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
            if name.is_empty() { Err(odd("account holder", &answer)) } else { Ok(Some(name)) }
        })
    }
}

fn odd(what: &str, answer: &Response<Bytes>) -> NotReady {
    NotReady(format!("{what}: an answer that is none ({})", answer.status().as_u16()))
}

/// The float has cents where the currency has; whole units are enough to watch it.
fn whole_units(balance: &str) -> Option<u64> {
    let (whole, fraction) = balance.split_once('.').unwrap_or((balance, "0"));
    let figures = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (figures(whole) && figures(fraction)).then(|| whole.parse().ok()).flatten()
}

/// A note as MTN takes it: no apostrophes, of which Kinyarwanda is full, and at most 128 characters.
fn note(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\'' | '\u{2019}') { ' ' } else { c }).take(MAX_NOTE).collect()
}
