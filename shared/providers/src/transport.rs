//! The one seam under every provider: an HTTP request out, a whole answer back, within a time limit.

use crate::Boxed;
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest answer that is read.
pub const MAX_ANSWER: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The connection could not be made: nothing was sent.
    #[error("no connection")]
    NotConnected,
    /// The request may have arrived.
    #[error("no answer")]
    NoAnswer,
}

pub trait Transport: Send + Sync {
    fn send(&self, request: http::Request<Bytes>) -> Boxed<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// The body as `T`, if it says that it is JSON and is: a gateway's page that calls itself a success is none.
pub(crate) fn json<T: DeserializeOwned>(answer: &http::Response<Bytes>) -> Option<T> {
    let kind = answer.headers().get("content-type")?.to_str().ok()?;
    kind.to_ascii_lowercase().contains("json").then(|| serde_json::from_slice(answer.body()).ok()).flatten()
}

/// HTTPS with rustls. No redirects, because a redirected POST comes back as a GET; no retries; no connection that
/// has been idle for more than ten seconds, because a transfer on a half-dead one is an unknown outcome.
pub struct Https(reqwest::Client);

impl Https {
    /// `timeout` bounds a whole exchange, connection included.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(timeout: Duration) -> Result<Self, String> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(Duration::from_secs(10))
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .build()
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl Transport for Https {
    fn send(&self, request: http::Request<Bytes>) -> Boxed<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(|_| TransportError::NotConnected)?;
            let mut answer = self.0.execute(request).await.map_err(|error| {
                if error.is_connect() || error.is_builder() {
                    TransportError::NotConnected
                } else {
                    TransportError::NoAnswer
                }
            })?;
            let mut whole = http::Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                whole = whole.header(name, value);
            }
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(|_| TransportError::NoAnswer)? {
                if body.len() + chunk.len() > MAX_ANSWER {
                    return Err(TransportError::NoAnswer);
                }
                body.extend_from_slice(&chunk);
            }
            whole.body(body.freeze()).map_err(|_| TransportError::NoAnswer)
        })
    }
}
