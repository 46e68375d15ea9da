//! The `momo-callback` function: wiring only.

use lambda_http::{Error, run, service_fn};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    service::telemetry::start();
    let callback = Arc::new(
        momo_callback::MomoCallback::from_environment().inspect_err(|error| tracing::error!(%error, "cannot start"))?,
    );
    run(service_fn(move |request| {
        let callback = Arc::clone(&callback);
        async move { Ok::<_, Error>(callback.handle(request).await) }
    }))
    .await
}
