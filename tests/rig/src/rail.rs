//! The transport under MTN's client: calls the simulator without sockets, or fails by the script.

use crate::fault::{Fault, Script};
use bytes::Bytes;
use http::{Method, Request, Response};
use momo_simulator::{Reply, Simulator};
use providers::{
    Boxed,
    transport::{Transport, TransportError},
};
use std::future::pending;

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
