//! The transport under MTN's client: calls the simulator without sockets, or fails by the script.

use crate::fault::{Fault, Script};
use bytes::Bytes;
use http::{Method, Request, Response};
use momo_simulator::{Reply, Simulator};
use providers::{
    Boxed,
    transport::{Transport, TransportError},
};
use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
};

pub struct SimulatedRail {
    pub simulator: Simulator,
    pub script: Script,
}

impl SimulatedRail {
    async fn pass(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let reference = request.headers().get("x-reference-id").and_then(|value| value.to_str().ok());
        let _in_flight = reference.map(|reference| self.simulator.in_flight(reference));
        // Only a call in flight may overlap another one.
        tokio::task::yield_now().await;
        match self.simulator.call(request).await {
            Reply::Answer(response) => Ok(response),
            Reply::Hang => Err(TransportError::NoAnswer),
        }
    }
}

impl Transport for SimulatedRail {
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Result<Response<Bytes>, TransportError>> {
        let path = request.uri().path();
        let name = match (request.method(), path) {
            (_, path) if path.ends_with("/token/") => "momo token",
            (&Method::POST, _) => "momo transfer",
            _ => "momo status",
        };
        let fault = self.script.next(name);
        Box::pin(async move {
            match fault {
                Some(Fault::DieBefore) => {
                    self.script.stopped.notify_one();
                    pending().await
                }
                Some(Fault::DieAfter) => {
                    drop(self.pass(request).await);
                    self.script.stopped.notify_one();
                    pending().await
                }
                Some(Fault::LoseAnswer) => {
                    drop(self.pass(request).await);
                    Err(TransportError::NoAnswer)
                }
                Some(Fault::Stall) => {
                    self.script.stopped.notify_one();
                    self.script.resume.notified().await;
                    self.pass(request).await
                }
                Some(Fault::NoConnection) => Err(TransportError::NotConnected),
                Some(
                    Fault::Conflict
                    | Fault::MixedReasons
                    | Fault::Throttle
                    | Fault::InProgress
                    | Fault::Unprocessed
                    | Fault::LaggingIndex
                    | Fault::Twice,
                )
                | None => self.pass(request).await,
            }
        })
    }
}

/// Africa's Talking selling airtime: takes whatever comes, and remembers it.
#[derive(Clone, Default)]
pub struct AirtimeLedger(Arc<Mutex<Vec<(String, u64)>>>);

impl AirtimeLedger {
    /// The numbers that airtime was sent to, and how much.
    pub fn sent(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl providers::airtime::KeySource for AirtimeLedger {
    fn api_key(&self, _fresh: bool) -> Boxed<'_, Result<String, providers::NotReady>> {
        Box::pin(async { Ok("key".to_owned()) })
    }
}

impl Transport for AirtimeLedger {
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Result<Response<Bytes>, TransportError>> {
        let form: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        let recipients = form.iter().find(|(name, _)| name == "recipients").map(|(_, value)| value.as_str());
        let recipients: serde_json::Value = serde_json::from_str(recipients.unwrap_or_default()).expect("recipients");
        let (phone, amount) = (recipients[0]["phoneNumber"].clone(), recipients[0]["amount"].clone());
        let francs = amount.as_str().and_then(|text| text.strip_prefix("RWF ")).and_then(|text| text.parse().ok());
        let taken = (phone.as_str().unwrap_or_default().to_owned(), francs.expect("an amount"));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        let body = serde_json::json!({
            "errorMessage": "None", "numSent": 1, "totalAmount": amount, "totalDiscount": "RWF 0.0000",
            "responses": [{ "phoneNumber": phone, "amount": amount, "discount": "RWF 0.0000", "status": "Sent",
                "requestId": "ATQid_1", "errorMessage": "None" }],
        });
        let answer = Response::builder().status(201).header("content-type", "application/json");
        let answer = answer.body(Bytes::from(body.to_string())).expect("an answer");
        Box::pin(async move { Ok(answer) })
    }
}
