//! MTN's hints about payouts. A hint is never believed: it only makes the worker ask now instead of later.
//!
//! MTN's pages disagree on PUT or POST and on how often it repeats; both are taken, repeats are harmless. The body has
//! no reference, only our external id, and is not signed.

use domain::{gate::Gate, identity::RedemptionId, time};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Deserialize;
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    door,
    metrics::{self, Unit},
    nudge::{Nudge, Nudges},
    secret::{CallbackSecret, Secret},
};
use std::time::Duration;
use store::{Ceilings, Deadline, Saving, Store, StoreError, keys};

/// Where MTN sends its hints; the secret segment follows.
pub const PATH: &str = "/api/v1/webhooks/momo/disbursements/";
/// Where MTN tells that the float has changed; the secret segment follows.
pub const BALANCE_PATH: &str = "/api/v1/webhooks/momo/balance/";
const MAX_BODY: usize = 16 * 1024;
const BUDGET_MS: u64 = 2_000;
/// A float that was read so lately is not read again for a hint.
const BALANCE_FRESH_MS: i64 = 30_000;

pub struct MomoCallback {
    pub store: Store,
    pub nudges: Nudges,
    pub secret: Secret<CallbackSecret>,
    pub clock: Clock,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hint {
    external_id: String,
}

/// What became of a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Prompted,
    /// Known, but there is nothing to hurry: settled, asked just now, or still being sent.
    Idle,
    Stranger,
}

impl MomoCallback {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let callback = Self {
            store: Store::new(aws.dynamodb(), environment.required("TABLE_NAME")),
            nudges: Nudges::new(aws.sqs(), environment.required("PAYOUT_QUEUE_URL"), Duration::from_secs(1)),
            secret: Secret::new(aws.secrets_manager(), environment.required("CALLBACK_SECRET_ID")),
            clock: Clock::system(),
        };
        environment.finish()?;
        Ok(callback)
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let path = request.uri().path();
        let (segment, of_balance) = match (path.strip_prefix(PATH), path.strip_prefix(BALANCE_PATH)) {
            (Some(segment), _) => (segment, false),
            (None, Some(segment)) => (segment, true),
            (None, None) => return answer(404, "There is nothing here."),
        };
        if !matches!(request.method().as_str(), "PUT" | "POST") {
            return answer(405, "PUT or POST.");
        }
        if !self.proven(segment).await {
            count("forbidden");
            return answer(403, "Forbidden.");
        }
        let body: &[u8] = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            Body::Empty | _ => &[],
        };
        if body.len() > MAX_BODY {
            count("too_large");
            return answer(413, "Too large.");
        }
        if of_balance {
            return self.balance_changed().await;
        }
        let hint = serde_json::from_slice::<Hint>(body).ok();
        let Some(id) = hint.and_then(|hint| RedemptionId::parse(&hint.external_id).ok()) else {
            count("malformed");
            return answer(400, "A JSON object with our externalId is expected.");
        };
        match self.take(&id, Deadline::in_ms(BUDGET_MS)).await {
            Ok(Taken::Prompted) => {
                count("prompted");
                if self.nudges.send(&id).await.is_err() {
                    tracing::warn!(payout = %id, "no nudge was sent; the sweeper will find the payout");
                }
                answer(200, "Taken.")
            }
            Ok(Taken::Idle) => {
                count("idle");
                answer(200, "Taken.")
            }
            Ok(Taken::Stranger) => {
                count("stranger");
                answer(200, "Taken.")
            }
            Err(error) => {
                tracing::error!(payout = %id, %error, "a hint could not be stored");
                answer(503, "Not stored; send it again.")
            }
        }
    }

    /// Has the float read, at most twice a minute. What the body says of it is never believed, nor even read (PAY-16).
    async fn balance_changed(&self) -> Response<Body> {
        let provider = domain::payout::MTN_MOMO;
        match self.store.one::<Gate>(&keys::gate(provider), Deadline::in_ms(BUDGET_MS)).await {
            Ok(gate) => {
                let now = self.clock.now();
                let read = gate.and_then(|gate| gate.balance).map(|balance| balance.at);
                if read.is_some_and(|at| time::between(at, now) < BALANCE_FRESH_MS) {
                    count("balance_idle");
                } else if self.nudges.ask(&Nudge::Balance).await.is_err() {
                    tracing::warn!("the float is not looked at now: no nudge was sent; it is within minutes");
                    count("balance_lost");
                } else {
                    count("balance_prompted");
                }
                answer(200, "Taken.")
            }
            Err(error) => {
                tracing::error!(%error, "a hint about the float could not be taken");
                answer(503, "Not taken; send it again.")
            }
        }
    }

    async fn proven(&self, segment: &str) -> bool {
        match self.secret.get().await {
            Ok(secret) if door::opens(segment, &secret.path_secrets) => true,
            Ok(_) => self.secret.fresh().await.is_ok_and(|secret| door::opens(segment, &secret.path_secrets)),
            Err(error) => {
                tracing::error!(%error, "no secret to compare with");
                false
            }
        }
    }

    async fn take(&self, id: &RedemptionId, deadline: Deadline) -> Result<Taken, StoreError> {
        loop {
            let Some(payout) = self.store.payout(id, deadline).await? else { return Ok(Taken::Stranger) };
            let now = self.clock.now();
            let Some(prompted) = payout.prompted(now) else { return Ok(Taken::Idle) };
            // Nothing is settled here, so the day of a settlement doesn't matter.
            let today = time::day(now, &jiff::tz::TimeZone::UTC);
            let saving = Saving { alerts: &[], actor: "momo-callback", today, ceilings: Ceilings::default() };
            match self.store.save_payout(&payout, &prompted, saving, deadline).await {
                Ok(()) => return Ok(Taken::Prompted),
                Err(StoreError::Changed) if !deadline.passed() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn count(result: &str) {
    metrics::emit("momo_callbacks_total", 1.0, Unit::Count, &[("result", result)]);
}

fn answer(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::Text(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert("content-type", lambda_http::http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
