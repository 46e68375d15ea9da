//! The Lambda Runtime API, as far as a function needs it for its first event.

use crate::Result;
use axum::{
    Router,
    body::Body,
    extract::State,
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

const PATH: &str = "/2018-06-01/runtime";
const TIME_LIMIT_MS: i64 = 60_000;

/// What the function said: its answer, or why there is none.
type Answer = std::result::Result<Bytes, Bytes>;

pub struct RuntimeApi {
    pub address: SocketAddr,
    answers: mpsc::Receiver<Answer>,
    server: JoinHandle<()>,
}

struct Stub {
    event: Mutex<Option<String>>,
    answers: mpsc::Sender<Answer>,
}

impl RuntimeApi {
    /// Offers one event; a second one never comes.
    pub async fn offer(event: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, answers) = mpsc::channel(1);
        let stub = Arc::new(Stub { event: Mutex::new(Some(event)), answers: sender });
        let app = Router::new()
            .route(&format!("{PATH}/invocation/next"), get(next))
            .route(&format!("{PATH}/invocation/{{id}}/response"), post(response))
            .route(&format!("{PATH}/invocation/{{id}}/error"), post(error))
            .route(&format!("{PATH}/init/error"), post(error))
            .with_state(stub);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the runtime API ended: {error}");
            }
        });
        Ok(Self { address, answers, server })
    }

    /// The function's answer to the event. It hears nothing back, so it does no more work after it.
    pub async fn answer(&mut self) -> Result<Bytes> {
        match self.answers.recv().await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(format!("the function failed: {}", String::from_utf8_lossy(&error)).into()),
            None => Err("the runtime API ended".into()),
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(stub): State<Arc<Stub>>) -> std::result::Result<Response, http::StatusCode> {
    let event = stub.event.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(event) = event else { return pending().await };
    let until = Timestamp::now().as_millisecond() + TIME_LIMIT_MS;
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", until.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:af-south-1:000000000000:function:measured")
        .body(Body::from(event))
        .map_err(|_| http::StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(State(stub): State<Arc<Stub>>, body: Bytes) -> Response {
    tell(&stub, Ok(body)).await
}

async fn error(State(stub): State<Arc<Stub>>, body: Bytes) -> Response {
    tell(&stub, Err(body)).await
}

async fn tell(stub: &Stub, answer: Answer) -> Response {
    drop(stub.answers.send(answer).await);
    pending().await
}
