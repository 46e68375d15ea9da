//! The simulator over HTTP.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{Method, header};

use crate::{
    Simulator,
    answer::{self, Reply},
    api, controls,
};

/// How long a connection is held for a call that gets no answer.
pub(crate) const HANG: Duration = Duration::from_secs(60);
/// How long an answer waits for the callback that is to come before it.
const CALLBACK_HEAD_START: Duration = Duration::from_millis(1500);
/// The largest body, in bytes: 1 MiB.
const BODY_BYTES: usize = 1024 * 1024;

#[derive(Clone)]
struct Served {
    simulator: Simulator,
    hang: Duration,
}

pub(crate) fn router(simulator: Simulator, hang: Duration) -> Router {
    Router::new()
        .nest("/_simulator", controls::router(simulator.clone()))
        .fallback(api_call)
        .with_state(Served { simulator, hang })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

async fn api_call(State(served): State<Served>, request: Request) -> Result<Response, Infallible> {
    let unmeasured = !request.headers().contains_key(header::CONTENT_LENGTH)
        && !request.headers().contains_key(header::TRANSFER_ENCODING);
    if request.method() == Method::POST && unmeasured {
        return Ok(answer::html_411().map(Body::from));
    }
    let (parts, body) = request.into_parts();
    let body = match Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await {
        Ok(body) => body,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let reference = api::transfer_reference(&parts.method, parts.uri.path(), &parts.headers);
    let flight = reference.map(|reference| served.simulator.in_flight(&reference));
    let handled = served.simulator.handle(&Request::from_parts(parts, body));
    if handled.callback_first {
        tokio::time::sleep(CALLBACK_HEAD_START).await;
    }
    let response = match handled.reply {
        Reply::Answer(answer) => answer.map(Body::from),
        Reply::Hang => {
            tokio::time::sleep(served.hang).await;
            Response::new(Body::new(CutOff))
        }
    };
    drop(flight);
    Ok(response)
}

/// A body that breaks before its first byte, so that the connection closes with no answer on it.
struct CutOff;

impl http_body::Body for CutOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into())))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{Config, Endpoint, Fault, FaultKind};

    async fn said_to(request: &str, faults: Vec<Fault>) -> String {
        let config = Config {
            currency: "RWF".to_owned(),
            target_environment: "sandbox".to_owned(),
            api_user: "user".to_owned(),
            api_key: "key".to_owned(),
            subscription_key: "subscription".to_owned(),
            opening_balance: 1000,
            ledger_file: None,
        };
        let simulator = Simulator::new(config, Arc::new(|| 0)).unwrap();
        simulator.next(faults);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move { axum::serve(listener, router(simulator, Duration::ZERO)).await });
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        served.abort();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_hanging_call_ends_with_a_closed_connection_and_not_one_byte() {
        let request = "POST /disbursement/token/ HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
        let said = said_to(request, vec![Fault::at(Endpoint::Token, FaultKind::HangBefore)]).await;
        assert_eq!(said, "");
    }

    #[tokio::test]
    async fn a_token_call_without_a_content_length_is_refused_with_html_411() {
        let request = "POST /disbursement/token/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let said = said_to(request, Vec::new()).await;
        assert!(said.starts_with("HTTP/1.1 411 ") && said.contains("text/html"), "{said}");
    }

    #[tokio::test]
    async fn a_measured_empty_token_call_reaches_the_api() {
        let request = "POST /disbursement/token/ HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\
             authorization: Basic dXNlcjprZXk=\r\nocp-apim-subscription-key: subscription\r\n\r\n";
        let said = said_to(request, Vec::new()).await;
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("\"token_type\":\"access_token\""), "{said}");
    }
}
