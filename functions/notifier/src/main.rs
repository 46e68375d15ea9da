//! The `notifier` function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let notifier =
        Arc::new(notifier::Notifier::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |_: LambdaEvent<serde_json::Value>| {
        let notifier = Arc::clone(&notifier);
        async move { notifier.deliver().await.map_err(Error::from) }
    }))
    .await
}
