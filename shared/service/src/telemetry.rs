//! Logs: JSON lines with request, session and trace ids; never a phone, a code or an event as a whole.

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` sets the level; `info` without it. A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    if logs.with_env_filter(filter).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}
