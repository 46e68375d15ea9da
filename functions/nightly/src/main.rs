//! The `nightly` function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let nightly =
        Arc::new(nightly::Nightly::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let nightly = Arc::clone(&nightly);
        async move { nightly.handle(&event.payload).await.map_err(Error::from) }
    }))
    .await
}
