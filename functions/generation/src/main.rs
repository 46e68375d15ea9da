//! The `generation` function: wiring only.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use generation::Generation;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let generation =
        Arc::new(Generation::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let generation = Arc::clone(&generation);
        async move {
            let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
            Ok::<SqsBatchResponse, Error>(generation.handle(event.payload, Instant::now() + left).await)
        }
    }))
    .await
}
