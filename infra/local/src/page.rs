//! The page with the phone, and what it asks the laptop.

use crate::system::{LocalClock, ready};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{batch::Code, code::CodeText, money::Currency, payout::Payout, settings::Settings};
use http::{StatusCode, header};
use momo_simulator::Simulator;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Deadline, Store, keys};
use sweeper::Sweeper;

/// The newest payouts that the page shows.
const SHOWN: usize = 50;
/// The most rows that are looked through for them.
const LOOKED_AT_PAGES: usize = 20;
/// The longest step of the clock: a year.
const MAX_ADVANCE_MS: u64 = 366 * 24 * 3_600_000;

#[derive(Clone, Serialize, Deserialize)]
pub struct Demo {
    pub code: CodeText,
    pub amount: u64,
    pub currency: Currency,
}

#[derive(Clone)]
pub struct Page {
    pub base_url: String,
    pub ussd_path: String,
    pub notice_path: String,
    pub settings: Settings,
    pub demo_codes: Arc<Vec<Demo>>,
    pub clock: LocalClock,
    pub store: Store,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub table: String,
    pub sweeper: Arc<Sweeper>,
    pub simulator: Simulator,
}

impl Page {
    pub fn ready(&self, momo_url: &str, first: Option<&(String, String)>) -> Value {
        ready(&self.base_url, &self.ussd_path, &self.notice_path, momo_url, &self.demo_codes, first)
    }
}

pub fn router(page: Page) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/phone") }))
        .route("/phone", get(|| async { file("text/html; charset=utf-8", include_str!("../page/phone.html")) }))
        .route("/phone.css", get(|| async { file("text/css; charset=utf-8", include_str!("../page/phone.css")) }))
        .route("/phone.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("../page/phone.js")) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/local/info", get(info))
        .route("/local/clock", post(advance))
        .route("/local/sweep", post(sweep))
        .route("/local/payouts", get(payouts))
        .with_state(page)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

/// Something went wrong here; the page shows the words.
fn problem(status: StatusCode, detail: impl std::fmt::Display) -> Response {
    let body = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail.to_string() });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

async fn info(State(page): State<Page>) -> Response {
    let wanted: Vec<_> = page.demo_codes.iter().map(|demo| keys::code(&demo.code)).collect();
    let mut codes = Vec::with_capacity(wanted.len());
    for (demos, wanted) in page.demo_codes.chunks(100).zip(wanted.chunks(100)) {
        let items = match page.store.read(wanted, Deadline::in_ms(5_000)).await {
            Ok(items) => items,
            Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, error),
        };
        for (demo, key) in demos.iter().zip(wanted) {
            let state = match items.get::<Code>(key) {
                Ok(Some(code)) if code.claim.is_some() => "redeemed",
                Ok(Some(code)) if code.blocked => "blocked",
                Ok(Some(_)) => "available",
                Ok(None) => "missing",
                Err(error) => return problem(StatusCode::INTERNAL_SERVER_ERROR, error),
            };
            codes.push(json!({
                "code": demo.code.printed(), "amount": demo.amount, "currency": demo.currency.code(), "state": state,
            }));
        }
    }
    Json(json!({
        "base_url": page.base_url, "ussd_path": page.ussd_path, "notice_path": page.notice_path,
        "service_code": page.settings.ussd.service_code, "brand": page.settings.brand, "demo_codes": codes,
        "now": page.clock.clock().now().to_string(),
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

/// Moves the clock on, for MoMo too, and sweeps, as the minutes that have passed would have done.
async fn advance(State(page): State<Page>, Json(by): Json<Advance>) -> Response {
    if by.advance_ms > MAX_ADVANCE_MS {
        return problem(StatusCode::BAD_REQUEST, "advance_ms: at most a year at once");
    }
    if let Err(error) = page.clock.advance(by.advance_ms) {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, error);
    }
    page.simulator.settle_due();
    if let Err(error) = page.sweeper.sweep().await {
        return problem(StatusCode::SERVICE_UNAVAILABLE, error);
    }
    Json(json!({ "now": page.clock.clock().now().to_string() })).into_response()
}

/// One sweep now, for scripts that don't want to wait for the minute.
async fn sweep(State(page): State<Page>) -> Response {
    match page.sweeper.sweep().await {
        Ok(swept) => Json(swept).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// The newest payouts. A scan is right for a laptop's page and nowhere else.
async fn payouts(State(page): State<Page>) -> Response {
    let mut found: Vec<Payout> = Vec::new();
    let mut from = None;
    for _ in 0..LOOKED_AT_PAGES {
        let scanned = page
            .dynamodb
            .scan()
            .table_name(&page.table)
            .filter_expression("sk = :payout")
            .expression_attribute_values(":payout", AttributeValue::S("PAYOUT".to_owned()))
            .set_exclusive_start_key(from.clone())
            .send()
            .await;
        let scanned = match scanned {
            Ok(scanned) => scanned,
            Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, format!("{error}")),
        };
        for item in scanned.items.unwrap_or_default() {
            match page.store.decode::<Payout>(item) {
                Ok(payout) => found.push(payout),
                Err(error) => return problem(StatusCode::INTERNAL_SERVER_ERROR, error),
            }
        }
        from = scanned.last_evaluated_key;
        if from.is_none() {
            break;
        }
    }
    found.sort_by_key(|payout| std::cmp::Reverse(payout.updated_at));
    let rows: Vec<Value> = found
        .iter()
        .take(SHOWN)
        .map(|payout| {
            json!({
                "id": payout.id, "amount": payout.money.amount, "currency": payout.money.currency.code(),
                "state": payout.state.name(), "due_at": payout.state.due_at().map(|due| due.to_string()),
                "reference": payout.attempt().map(|attempt| &attempt.reference),
                "phone_masked": payout.payee.masked(), "updated_at": payout.updated_at.to_string(),
            })
        })
        .collect();
    Json(rows).into_response()
}
