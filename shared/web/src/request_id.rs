//! Every request has an id that its answer, its problem and its log lines carry. It is never the caller's own.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use domain::identity::hex;
use http::HeaderValue;
use lambda_http::request::RequestContext;
use rand_core::TryRngCore;
use tracing::Instrument;

pub const HEADER: &str = "x-request-id";

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered; in its extensions as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// The id of the request that this task answers.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Middleware: gives the request its id, runs it inside a span, and puts the id on the answer.
pub async fn with_request_id(mut request: Request, next: Next) -> Response {
    let id = of_gateway(&request).unwrap_or_else(drawn);
    request.extensions_mut().insert(RequestId(id.clone()));
    // The route, not the path: paths can hold ids and secrets.
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = %id, method = %request.method(), route = %route);
    let mut response = CURRENT.scope(id.clone(), next.run(request)).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The id that API Gateway gave, as it also stands in the access log.
fn of_gateway(request: &Request) -> Option<String> {
    match request.extensions().get::<RequestContext>()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone().filter(|id| !id.is_empty()),
        _ => None,
    }
}

fn drawn() -> String {
    let mut id = [0u8; 16];
    match rand_core::OsRng.try_fill_bytes(&mut id) {
        Ok(()) => hex(&id),
        // Only a name for the log; nothing rests on it.
        Err(_) => "unknown".to_owned(),
    }
}
