//! The `admin-api` function: wiring only.

use lambda_http::{Error, run, service_fn};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let api =
        Arc::new(admin_api::AdminApi::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?);
    run(service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Error>(api.handle(request).await) }
    }))
    .await
}
