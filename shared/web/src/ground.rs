//! What every answer owes its reader, whatever made it.

use crate::{Problem, request_id::with_request_id, security_headers::with_security_headers};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Puts the outermost layers around a finished router: a request id with its span, headers that keep browsers from
/// mischief, and a problem instead of a panic.
pub fn ground(router: Router) -> Router {
    router.layer(from_fn(without_panics)).layer(from_fn(with_security_headers)).layer(from_fn(with_request_id))
}

/// Turns a panic into a 500. A build that aborts on panic, as a release does, ends before this; there the platform
/// answers for us and starts us anew.
async fn without_panics(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    let answered = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    });
    match answered.await {
        Some(response) => response,
        None => {
            // Its words went where panics go; they may hold anything, so they are not repeated here.
            tracing::error!("a handler panicked");
            Problem::internal().into_response()
        }
    }
}
