//! The `disbursement` function: wiring only.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use disbursement::Disbursement;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let disbursement =
        Arc::new(Disbursement::from_environment().await.inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let disbursement = Arc::clone(&disbursement);
        async move {
            let left = event.context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or(Duration::ZERO);
            debug_assert!(event.context.deadline() > UNIX_EPOCH);
            Ok::<SqsBatchResponse, Error>(disbursement.handle(event.payload, Instant::now() + left).await)
        }
    }))
    .await
}
