//! Letters on a laptop: what the product uses of Amazon SES (API v2), kept in memory and shown on a page.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header};
use notifier::{Notifier, Ses};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Clock, aws::Aws};
use staff::Desk;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The newest letters are kept, this many.
const KEPT: usize = 100;
/// Sooner than the minute of a deployment: somebody sits in front of it and waits.
const DELIVER_EVERY: Duration = Duration::from_secs(3);
const FROM: &str = "MBELYCO Promo <no-reply@mbelyco.local>";

/// The notifier as its `main.rs` wires it, with the letterbox at `base_url` in place of SES.
pub fn notifier(aws: &Aws, desk: &Arc<Desk>, base_url: &str) -> Notifier {
    Notifier::new(Arc::clone(desk), Arc::new(Ses::new(aws, Some(base_url.to_owned()), FROM)), base_url)
}

/// Runs the notifier again and again.
pub async fn keep_delivering(notifier: Notifier) {
    let mut every = tokio::time::interval(DELIVER_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = notifier.deliver().await {
            tracing::error!(%error, "letters were not delivered; the next run follows in seconds");
        }
    }
}

/// A letter as it was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    pub at: String,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Takes letters and keeps the newest.
#[derive(Clone)]
pub struct Letterbox {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

#[derive(Default)]
struct Inner {
    /// Newest first.
    letters: VecDeque<Letter>,
    taken: u64,
    refuse: u32,
}

impl Letterbox {
    pub fn new(clock: Clock) -> Self {
        Self { inner: Arc::default(), clock }
    }

    /// Newest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.with(|inner| inner.letters.iter().cloned().collect())
    }

    /// The next `count` letters are refused, as SES does when it is busy.
    pub fn refuse(&self, count: u32) {
        self.with(|inner| inner.refuse = count);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/v2/email/outbound-emails", post(take))
            .route("/local/mail", get(page))
            .route("/local/mail.json", get(|State(letterbox): State<Self>| async move { Json(letterbox.letters()) }))
            .route("/mail.css", get(|| async { ([CSS], include_str!("../page/mail.css")) }))
            .with_state(self.clone())
    }
}

const CSS: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/css; charset=utf-8");

/// `SendEmail`, as far as the product speaks it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: EmailContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EmailContent {
    simple: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    subject: Content,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Content,
    html: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    data: String,
}

async fn take(State(letterbox): State<Letterbox>, body: Bytes) -> Response {
    let refused = letterbox.with(|inner| {
        let refused = inner.refuse > 0;
        inner.refuse = inner.refuse.saturating_sub(1);
        refused
    });
    if refused {
        return error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "told to refuse this letter");
    }
    let sent: SendEmail = match serde_json::from_slice(&body) {
        Ok(sent) => sent,
        Err(bad) => return error(StatusCode::BAD_REQUEST, "BadRequestException", &bad.to_string()),
    };
    let Message { subject, body } = sent.content.simple;
    let letter = Letter {
        at: letterbox.clock.now().to_string(),
        from: sent.from_email_address,
        to: sent.destination.to_addresses,
        subject: subject.data,
        text: body.text.data,
        html: body.html.data,
    };
    let number = letterbox.with(|inner| {
        inner.letters.push_front(letter);
        inner.letters.truncate(KEPT);
        inner.taken += 1;
        inner.taken
    });
    Json(json!({ "MessageId": format!("local-{number}") })).into_response()
}

/// A refusal in the SDK's protocol: its kind in a header, its words in the body.
fn error(status: StatusCode, kind: &'static str, words: &str) -> Response {
    (status, [("x-amzn-errortype", kind)], Json(json!({ "message": words }))).into_response()
}

async fn page(State(letterbox): State<Letterbox>) -> Response {
    let letters = letterbox.letters();
    let tally = match letters.len() {
        0 => "None has been sent yet.".to_owned(),
        1 => "1 letter.".to_owned(),
        count => format!("The {count} newest, the newest first."),
    };
    let list: String = letters.iter().map(shown).collect();
    let html = include_str!("../page/mail.html").replace("{tally}", &tally).replace("{letters}", &list);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

fn shown(letter: &Letter) -> String {
    format!(
        "<article class=\"card letter\">\n<h2>{}</h2>\n<p class=\"note\">To {} · from {} · <time>{}</time></p>\n{}</article>\n",
        escaped(&letter.subject),
        escaped(&letter.to.join(", ")),
        escaped(&letter.from),
        escaped(&letter.at),
        letter.text.split("\n\n").map(paragraph).collect::<String>(),
    )
}

/// A paragraph of the letter's text. An address stands alone in its paragraph and becomes a link.
fn paragraph(text: &str) -> String {
    let text = text.trim();
    let words = escaped(text).replace('\n', "<br>");
    let address = (text.starts_with("http://") || text.starts_with("https://")) && !text.contains(char::is_whitespace);
    if address { format!("<p><a href=\"{words}\">{words}</a></p>\n") } else { format!("<p>{words}</p>\n") }
}

fn escaped(text: &str) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    pairs.iter().fold(text.to_owned(), |text, (plain, safe)| text.replace(plain, safe))
}
