//! The `export` function: wiring only.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use export::Export;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let export = Arc::new(Export::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let export = Arc::clone(&export);
        async move {
            let left = event.context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or(Duration::ZERO);
            Ok::<SqsBatchResponse, Error>(export.handle(event.payload, Instant::now() + left).await)
        }
    }))
    .await
}
