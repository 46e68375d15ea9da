//! A transport that plays back what providers were seen to answer, and keeps what it was asked to send.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use providers::{
    Boxed,
    transport::{Transport, TransportError},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

pub type Answer = Result<Response<Bytes>, TransportError>;

pub struct Recorded {
    answers: Mutex<VecDeque<Answer>>,
    sent: Mutex<Vec<Request<Bytes>>>,
}

impl Recorded {
    pub fn playing(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), sent: Mutex::default() })
    }

    pub fn sent(&self) -> Vec<Request<Bytes>> {
        self.sent.lock().expect("no test panics while it holds this").clone()
    }

    /// Those of one method and a path that ends so.
    pub fn sent_to(&self, method: &Method, path: &str) -> Vec<Request<Bytes>> {
        let meant = |request: &Request<Bytes>| request.method() == method && request.uri().path().ends_with(path);
        self.sent().into_iter().filter(meant).collect()
    }

    /// Answers that nobody asked for.
    pub fn left(&self) -> usize {
        self.answers.lock().expect("no test panics while it holds this").len()
    }
}

impl Transport for Recorded {
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        self.sent.lock().expect("no test panics while it holds this").push(request);
        let answer = self.answers.lock().expect("no test panics while it holds this").pop_front();
        Box::pin(async move { answer.unwrap_or_else(|| panic!("nothing is recorded for {what}")) })
    }
}

pub fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().expect("a header of text"))
}

fn typed(status: u16, kind: &str, body: &str) -> Answer {
    let body = Bytes::from(body.to_owned());
    Ok(Response::builder().status(status).header("content-type", kind).body(body).expect("an answer"))
}

/// As MTN's gateway labels it.
pub fn json(status: u16, body: &str) -> Answer {
    typed(status, "application/json;charset=utf-8", body)
}

pub fn text(status: u16, body: &str) -> Answer {
    typed(status, "text/plain; charset=UTF-8", body)
}

pub fn empty(status: u16) -> Answer {
    Ok(Response::builder().status(status).body(Bytes::new()).expect("an answer"))
}

/// A page of a gateway or firewall, whatever its status says.
pub fn page(status: u16) -> Answer {
    let title = StatusCode::from_u16(status).expect("a status").canonical_reason().unwrap_or("Request Rejected");
    typed(status, "text/html; charset=utf-8", &format!("<html><head><title>{title}</title></head><body/></html>"))
}

/// What the token's path is answered with without its slash.
pub fn redirect() -> Answer {
    let builder = Response::builder().status(302).header("location", "https://192.0.2.28:8080/token/");
    Ok(builder.header("content-length", "0").body(Bytes::new()).expect("an answer"))
}

/// JSON by its header, but it breaks off.
pub fn broken() -> Answer {
    json(200, "{\"status\":\"SUCC")
}

/// MTN's own errors.
pub fn error(status: u16, code: &str) -> Answer {
    json(status, &format!("{{\"message\":\"Something in words.\",\"code\":\"{code}\"}}"))
}

pub fn lost() -> Answer {
    Err(TransportError::NoAnswer)
}

pub fn unconnected() -> Answer {
    Err(TransportError::NotConnected)
}
