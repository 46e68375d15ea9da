//! The `ussd` function: wiring only.

use lambda_http::{Error, run, service_fn};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let ussd = Arc::new(ussd::Ussd::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    // The secret and the connection to the table are made ready while the platform still starts us.
    ussd.warm().await;
    run(service_fn(move |request| {
        let ussd = Arc::clone(&ussd);
        async move { Ok::<_, Error>(ussd.handle(request).await) }
    }))
    .await
}
