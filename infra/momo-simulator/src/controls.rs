//! The controls under `/_simulator`: for the page with the phone, for scripts, for anyone with curl.

use axum::{
    Router,
    body::Body,
    extract::State,
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Simulator, answer, behaviour::Behaviour, fault::Fault};

/// The most faults that wait at once.
const FAULTS_QUEUED: usize = 1000;

/// Control input that can't be used.
struct Refusal {
    field: String,
    detail: String,
}

impl Refusal {
    fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

type Answered = Result<Response, Response>;

pub(crate) fn router<S: Clone + Send + Sync + 'static>(simulator: Simulator) -> Router<S> {
    Router::new()
        .route("/transfers", get(transfers))
        .route("/behaviour", get(behaviour).put(set_behaviour))
        .route("/faults", post(queue_faults))
        .route("/balance", get(balance).put(set_balance))
        .route("/wallets", get(wallets))
        .fallback(unknown)
        .with_state(simulator)
}

/// All transfers, oldest first; `?limit=n` keeps the newest n.
async fn transfers(State(simulator): State<Simulator>, uri: Uri) -> Answered {
    let mut transfers = simulator.transfers();
    let limit = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("limit="));
    if let Some(limit) = limit {
        let limit: usize = limit.parse().map_err(|_| refused(Refusal::new("limit", "must be a whole number")))?;
        transfers.drain(..transfers.len().saturating_sub(limit));
    }
    Ok(said(&transfers))
}

async fn behaviour(State(simulator): State<Simulator>) -> Response {
    said(&simulator.behaviour())
}

/// Replaces the behaviour; a field left out is as in a well-behaved MoMo.
async fn set_behaviour(State(simulator): State<Simulator>, body: Bytes) -> Answered {
    let behaviour = read_behaviour(&body).map_err(refused)?;
    simulator.behave(behaviour);
    Ok(said(&simulator.behaviour()))
}

/// Queues one-shot faults: `[{"endpoint":"transfer","kind":"hang_after"}, …]`.
async fn queue_faults(State(simulator): State<Simulator>, body: Bytes) -> Answered {
    let faults = read_faults(&body).map_err(refused)?;
    let mut state = simulator.state();
    if state.faults_queued() + faults.len() > FAULTS_QUEUED {
        return Err(refused(Refusal::new("faults", format!("at most {FAULTS_QUEUED} may wait"))));
    }
    state.queue_faults(faults);
    Ok(said(&json!({ "queued": state.faults_queued() })))
}

async fn balance(State(simulator): State<Simulator>) -> Response {
    said(&json!({ "balance": simulator.balance(), "currency": simulator.inner.config.currency }))
}

async fn set_balance(State(simulator): State<Simulator>, body: Bytes) -> Answered {
    let body = read_object(&body).map_err(refused)?;
    let number = body.get("balance").and_then(Value::as_u64);
    let number = number.ok_or_else(|| refused(Refusal::new("balance", "must be a whole number, 0 or more")))?;
    simulator.set_balance(number);
    Ok(balance(State(simulator)).await)
}

async fn wallets(State(simulator): State<Simulator>) -> Response {
    said(&simulator.wallets())
}

async fn unknown() -> Response {
    let body = json!({ "type": "about:blank", "title": "Not Found", "status": 404,
        "detail": "The simulator has no such control." });
    answer::problem(StatusCode::NOT_FOUND, &body).map(Body::from)
}

fn said<T: Serialize>(value: &T) -> Response {
    let body = serde_json::to_value(value).unwrap_or_default();
    answer::json(StatusCode::OK, &body).map(Body::from)
}

fn refused(refusal: Refusal) -> Response {
    let Refusal { field, detail } = refusal;
    let body = json!({
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": format!("{field}: {detail}"),
        "errors": [{ "field": field, "detail": detail }],
    });
    answer::problem(StatusCode::BAD_REQUEST, &body).map(Body::from)
}

fn read_object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new("body", format!("must be a JSON object ({error})")))
}

/// Reads each field by itself, so that a refusal can name it.
fn read_behaviour(body: &[u8]) -> Result<Behaviour, Refusal> {
    let fields = read_object(body)?;
    for (field, value) in &fields {
        let alone = Map::from_iter([(field.clone(), value.clone())]);
        serde_json::from_value::<Behaviour>(Value::Object(alone))
            .map_err(|error| Refusal::new(field, error.to_string()))?;
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| Refusal::new("body", error.to_string()))
}

fn read_faults(body: &[u8]) -> Result<Vec<Fault>, Refusal> {
    let faults: Vec<Value> = serde_json::from_slice(body)
        .map_err(|error| Refusal::new("body", format!("must be a JSON list of faults ({error})")))?;
    faults
        .into_iter()
        .enumerate()
        .map(|(place, fault)| {
            let endpoint_is_bad = fault
                .get("endpoint")
                .is_some_and(|endpoint| serde_json::from_value::<crate::Endpoint>(endpoint.clone()).is_err());
            let field = if endpoint_is_bad { "endpoint" } else { "kind" };
            serde_json::from_value(fault).map_err(|error| Refusal::new(format!("[{place}].{field}"), error.to_string()))
        })
        .collect()
}
