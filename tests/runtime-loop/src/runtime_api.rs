//! A stub of the API through which Lambda hands events to a function and takes its answers.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

/// What a function has sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Came {
    Response { id: String, body: Value },
    Error { id: String, body: Value },
    InitError { body: Value },
}

pub struct RuntimeApi {
    /// Host and port, as `AWS_LAMBDA_RUNTIME_API` has it.
    pub address: String,
    events: mpsc::UnboundedSender<Event>,
    came: mpsc::UnboundedReceiver<Came>,
    sent: u64,
}

struct Event {
    id: String,
    function: String,
    deadline_ms: i64,
    payload: Value,
}

#[derive(Clone)]
struct Stub {
    events: Arc<Mutex<mpsc::UnboundedReceiver<Event>>>,
    came: mpsc::UnboundedSender<Came>,
}

impl RuntimeApi {
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start() -> io::Result<Self> {
        let (events, to_hand_out) = mpsc::unbounded_channel();
        let (to_keep, came) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Stub { events: Arc::new(Mutex::new(to_hand_out)), came: to_keep });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, events, came, sent: 0 })
    }

    /// Has `payload` ready for whoever asks next, to be answered within `time`. Answers the invocation's id.
    pub fn hand_out(&mut self, function: &str, payload: &Value, time: Duration) -> String {
        self.sent += 1;
        let id = format!("8476a536-e9f4-4512-8fa5-{:012}", self.sent);
        let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let event = Event {
            id: id.clone(),
            function: function.to_owned(),
            deadline_ms: Timestamp::now().as_millisecond().saturating_add(time_ms),
            payload: payload.clone(),
        };
        // Nobody takes it when the server has ended with its runtime, and nobody asks then.
        drop(self.events.send(event));
        id
    }

    /// What the function sends next. `None` when nothing can come any more.
    pub async fn came(&mut self) -> Option<Came> {
        self.came.recv().await
    }
}

/// One event, or silence until there is one: Lambda freezes the function meanwhile.
async fn next(State(stub): State<Stub>) -> Response {
    let Some(event) = stub.events.lock().await.recv().await else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", event.id),
        ("lambda-runtime-deadline-ms", event.deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:af-south-1:123456789012:function:{}", event.function),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-6b002128-990d11c2229f708198af44c5;Parent=4fe22ecf13e3e8f7;Sampled=1".to_owned(),
        ),
    ];
    (headers, Json(event.payload)).into_response()
}

async fn response(State(stub): State<Stub>, Path(id): Path<String>, body: Bytes) -> impl IntoResponse {
    taken(&stub, Came::Response { id, body: read(&body) })
}

async fn error(State(stub): State<Stub>, Path(id): Path<String>, body: Bytes) -> impl IntoResponse {
    taken(&stub, Came::Error { id, body: read(&body) })
}

async fn init_error(State(stub): State<Stub>, body: Bytes) -> impl IntoResponse {
    taken(&stub, Came::InitError { body: read(&body) })
}

fn taken(stub: &Stub, came: Came) -> impl IntoResponse + use<> {
    drop(stub.came.send(came));
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" })))
}

/// What is no JSON is kept as text.
fn read(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}
