//! A client of the simulator with a clock of its own.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response};
use momo_simulator::{Config, Reply, Simulator};
use serde_json::{Value, json};

pub const REFERENCE: &str = "0b2f6c1e-4b7a-4c0d-9e21-5a1c7d3e8f90";
pub const PAYEE: &str = "250788000001";

pub struct Caller {
    pub simulator: Simulator,
    pub clock: Arc<AtomicI64>,
    pub user: String,
    pub key: String,
    pub token: String,
    pub callback_url: Option<String>,
}

pub fn config(ledger_file: Option<PathBuf>) -> Config {
    Config {
        currency: "RWF".to_owned(),
        target_environment: "sandbox".to_owned(),
        api_user: "our-user".to_owned(),
        api_key: "our-key".to_owned(),
        subscription_key: "our-subscription".to_owned(),
        opening_balance: 10_000,
        ledger_file,
    }
}

impl Caller {
    pub async fn new() -> Self {
        Self::with_ledger(None).await
    }

    pub async fn with_ledger(file: Option<PathBuf>) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        let read = Arc::clone(&clock);
        let now = Arc::new(move || read.load(Ordering::SeqCst));
        let mut caller = Self {
            simulator: Simulator::new(config(file), now).unwrap(),
            clock,
            user: "our-user".to_owned(),
            key: "our-key".to_owned(),
            token: String::new(),
            callback_url: Some("https://example.rw/momo/secret".to_owned()),
        };
        caller.renew().await;
        caller
    }

    pub fn advance(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn send(&self, request: Request<Bytes>) -> Reply {
        self.simulator.call(request).await
    }

    pub fn token_request(&self) -> Request<Bytes> {
        let basic = STANDARD.encode(format!("{}:{}", self.user, self.key));
        Request::post("http://momo/disbursement/token/")
            .header("authorization", format!("Basic {basic}"))
            .header("ocp-apim-subscription-key", "our-subscription")
            .header("content-length", "0")
            .body(Bytes::new())
            .unwrap()
    }

    pub async fn renew(&mut self) {
        let answer = answered(self.send(self.token_request()).await);
        assert_eq!(answer.status(), 200);
        self.token = body(&answer)["access_token"].as_str().unwrap().to_owned();
    }

    pub fn transfer_request(&self, reference: &str, fields: &Value) -> Request<Bytes> {
        let mut request = Request::post("http://momo/disbursement/v1_0/transfer")
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-reference-id", reference)
            .header("x-target-environment", "sandbox")
            .header("ocp-apim-subscription-key", "our-subscription")
            .header("content-type", "application/json");
        if let Some(url) = &self.callback_url {
            request = request.header("x-callback-url", url);
        }
        request.body(Bytes::from(fields.to_string())).unwrap()
    }

    pub async fn transfer(&self, reference: &str) -> Reply {
        self.send(self.transfer_request(reference, &fields())).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = Request::get(format!("http://momo/disbursement/v1_0/{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-target-environment", "sandbox")
            .header("ocp-apim-subscription-key", "our-subscription")
            .body(Bytes::new())
            .unwrap();
        self.send(request).await
    }

    pub async fn status(&self, reference: &str) -> Response<Bytes> {
        answered(self.get(&format!("transfer/{reference}")).await)
    }

    /// The status word and the reason.
    pub async fn state(&self, reference: &str) -> (String, Value) {
        let answer = self.status(reference).await;
        assert_eq!(answer.status(), 200);
        let body = body(&answer);
        (body["status"].as_str().unwrap().to_owned(), body["reason"].clone())
    }
}

pub fn fields() -> Value {
    json!({
        "amount": "500", "currency": "RWF", "externalId": "payout-1",
        "payee": { "partyIdType": "MSISDN", "partyId": PAYEE },
        "payerMessage": "Thank you", "payeeNote": "Promo",
    })
}

pub fn fields_to(payee: &str) -> Value {
    let mut fields = fields();
    fields["payee"]["partyId"] = json!(payee);
    fields
}

pub fn answered(reply: Reply) -> Response<Bytes> {
    match reply {
        Reply::Answer(answer) => answer,
        Reply::Hang => panic!("no answer came"),
    }
}

pub fn hangs(reply: &Reply) -> bool {
    match reply {
        Reply::Answer(_) => false,
        Reply::Hang => true,
    }
}

pub fn body(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

/// The n-th reference.
pub fn reference(n: u32) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}
