//! The one place where time is read.

use jiff::Timestamp;
use std::sync::Arc;

/// Tells the time in whole milliseconds. On a laptop and in tests it can be moved; in a function it is the system's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub fn system() -> Self {
        Self::from_millis(|| Timestamp::now().as_millisecond())
    }

    /// A clock that reads `now`, milliseconds since 1970-01-01T00:00:00Z.
    pub fn from_millis(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        domain::time::from_millis((self.0)())
    }
}
