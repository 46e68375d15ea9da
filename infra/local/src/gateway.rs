//! What API Gateway does: an HTTP request becomes a payload-version-2 event, the function's answer an HTTP response.
//!
//! Bodies are base64-encoded as AWS does it for forms, so the functions read the same bytes as when deployed.

use crate::functions::Functions;
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
    routing::{any, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use lambda_http::request::LambdaRequest;
use serde_json::{Map, Value, json};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

/// API Gateway's own limit is 10 MB; base64 in a 6 MB payload leaves about this much.
const MAX_BODY: usize = 4_500_000;

/// Requests so far: each has an id of its own, as on AWS.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The API's paths, each to its function.
pub fn router(functions: Functions) -> Router {
    Router::new()
        .route("/api/v1/ussd/handle/{secret}", post(ussd))
        .route("/api/v1/webhooks/ussd/status/{secret}", post(ussd))
        .route("/api/v1/webhooks/momo/disbursements/{secret}", any(momo_callback))
        .route("/api/v1/webhooks/momo/balance/{secret}", any(momo_callback))
        .route("/api/v1/health", any(admin_api))
        .route("/api/v1/openapi.json", any(admin_api))
        .route("/api/v1/docs", any(admin_api))
        .route("/password", any(admin_api))
        .route("/confirm", any(admin_api))
        .route("/link.css", any(admin_api))
        .route("/link.js", any(admin_api))
        .route("/api/v1/auth/{*rest}", any(admin_api))
        .route("/api/v1/admin/{*rest}", any(admin_api))
        .with_state(functions)
}

async fn admin_api(
    State(functions): State<Functions>,
    peer: ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    match event_from(request, peer.0).await {
        Ok(event) => to_axum(functions.admin_api.handle(event).await).await,
        Err(status) => empty(status),
    }
}

async fn ussd(State(functions): State<Functions>, peer: ConnectInfo<SocketAddr>, request: Request<Body>) -> Response {
    match event_from(request, peer.0).await {
        Ok(event) => to_axum(functions.ussd.handle(event).await).await,
        Err(status) => empty(status),
    }
}

async fn momo_callback(
    State(functions): State<Functions>,
    peer: ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    match event_from(request, peer.0).await {
        Ok(event) => to_axum(functions.momo_callback.handle(event).await).await,
        Err(status) => empty(status),
    }
}

async fn event_from(request: Request<Body>, peer: SocketAddr) -> Result<lambda_http::Request, StatusCode> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    event(&parts, &body, peer).map_err(|_| StatusCode::BAD_REQUEST)
}

/// The event that API Gateway would send, read as the Lambda runtime reads it.
///
/// # Errors
/// When the event can't be read, which would be a fault of this function.
pub fn event(
    parts: &http::request::Parts,
    body: &Bytes,
    peer: SocketAddr,
) -> Result<lambda_http::Request, serde_json::Error> {
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str())
            .and_modify(|held| *held = Value::from(format!("{},{value}", held.as_str().unwrap_or_default())))
            .or_insert_with(|| Value::from(value));
    }
    let path = parts.uri.path();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": "localhost", "domainPrefix": "localhost",
            "http": {
                "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": parts.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
            },
            "requestId": format!("local-{}", REQUESTS.fetch_add(1, Ordering::Relaxed)), "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
        },
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    });
    serde_json::from_str::<LambdaRequest>(&event.to_string()).map(lambda_http::Request::from)
}

async fn to_axum(response: lambda_http::Response<lambda_http::Body>) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = match body {
        lambda_http::Body::Text(text) => Bytes::from(text),
        lambda_http::Body::Binary(bytes) => Bytes::from(bytes),
        lambda_http::Body::Empty | _ => Bytes::new(),
    };
    Response::from_parts(parts, Body::from(bytes))
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
