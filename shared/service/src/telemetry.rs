//! Logs: JSON lines with request, session and trace ids; never a phone, a code or an event as a whole.

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging. `RUST_LOG` sets the level; `info` without it. A second call changes nothing.
pub fn start() {
    // `Targets`, not `EnvFilter`: the latter brings a regex engine into every function.
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let logs =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    if tracing_subscriber::registry().with(logs.with_filter(filter)).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}
