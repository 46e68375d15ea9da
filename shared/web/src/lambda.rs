//! Between API Gateway's events and axum.

use axum::Router;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use lambda_http::Body;
use tower::ServiceExt;

/// Answers one request. What the platform knows of it, such as its `RequestContext`, stays in its extensions.
pub async fn call(router: &Router, request: lambda_http::Request) -> lambda_http::Response<Body> {
    let request = request.map(|body| match body {
        Body::Empty => axum::body::Body::empty(),
        Body::Text(text) => axum::body::Body::from(text),
        Body::Binary(bytes) => axum::body::Body::from(bytes),
        // The enum may grow; a body of a kind that nobody knows is none.
        _ => axum::body::Body::empty(),
    });
    let response = match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(collected) => gateway_body(&parts.headers, collected.to_bytes()),
        Err(error) => {
            tracing::error!(%error, "an answer broke off");
            return failed();
        }
    };
    lambda_http::Response::from_parts(parts, body)
}

/// Text goes as text, so that the gateway doesn't carry it as base64.
fn gateway_body(headers: &HeaderMap, bytes: bytes::Bytes) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    if is_text(headers) {
        return match String::from_utf8(bytes.into()) {
            Ok(text) => Body::Text(text),
            Err(not_text) => Body::Binary(not_text.into_bytes()),
        };
    }
    Body::Binary(bytes.into())
}

fn is_text(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || matches!(media_type, "application/json" | "application/xml" | "application/javascript")
}

fn failed() -> lambda_http::Response<Body> {
    let answer = crate::Problem::internal().answer();
    let mut response = lambda_http::Response::new(Body::Text(answer.body));
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(crate::problem::MEDIA_TYPE));
    response
}
