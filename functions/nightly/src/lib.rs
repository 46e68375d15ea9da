//! What is done by the hour and by the night: sealing the audit log, retention of its old entries, and comparing the
//! books with MoMo's.

mod accounts;
mod retention;

pub use retention::Retained;

use books::{Books, BooksError};
use domain::money::Currency;
use files::Files;
use seal::{SealError, SealedHour, Sealer};
use serde::Deserialize;
use serde_json::{Value, json};
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    live::LiveSettings,
    metrics::{self, Unit},
};
use std::time::Duration;
use store::Deadline;

/// A run ends by then, whatever is left; the next one goes on from there.
const BUDGET_MS: u64 = 600_000;
/// How long one read of a full page of entries may take.
const TABLE_CALL: Duration = Duration::from_secs(5);

/// What a schedule sends: `{"job": "seal"}` and `{"job": "books"}` each hour, `{"job": "retain"}` each night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "job")]
pub enum Job {
    Seal,
    Retain,
    Books,
}

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("the event names no job of this function")]
    UnknownJob,
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Books(#[from] BooksError),
}

pub struct Nightly {
    pub sealer: Sealer,
    pub books: Books,
    pub settings: LiveSettings,
    /// Of the business: what the books are in.
    pub currency: Currency,
}

impl Nightly {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws { call_timeout: TABLE_CALL, ..Aws::from_environment(&mut environment) };
        let sealer = Sealer::from_environment(&mut environment, &aws, Clock::system());
        let files = Files::from_environment(&mut environment, &aws);
        let currency = environment.required("MOMO_CURRENCY");
        let currency = Currency::parse(&currency).unwrap_or_else(|| {
            environment.problem("MOMO_CURRENCY is RWF or EUR");
            Currency::Rwf
        });
        environment.finish()?;
        let nightly = |sealer: Sealer| {
            let books = Books { store: sealer.log.store.clone(), files };
            Self { sealer, books, settings: LiveSettings::default(), currency }
        };
        sealer.map(nightly).ok_or_else(|| BadConfig(vec!["there is no signing key".to_owned()]))
    }

    /// # Errors
    /// [`JobError`]; the next run of the job does what this one left.
    pub async fn handle(&self, event: &Value) -> Result<Value, JobError> {
        let job = Job::deserialize(event).map_err(|_| JobError::UnknownJob)?;
        let deadline = Deadline::in_ms(BUDGET_MS);
        match job {
            Job::Seal => {
                let sealed = Box::pin(self.seal(deadline)).await?;
                let written = sealed.iter().filter(|hour| hour.written).count();
                let entries: u64 = sealed.iter().map(|hour| hour.digest.count).sum();
                Ok(json!({ "sealed": written, "entries": entries }))
            }
            Job::Retain => {
                let done = Box::pin(self.retain(deadline)).await?;
                Ok(json!({ "hours": done.hours, "entries": done.entries, "refused": done.refused.len() }))
            }
            Job::Books => {
                let done = Box::pin(self.keep_books(deadline)).await?;
                Ok(json!({ "compared": done.compared, "differences": done.differences, "corrected": done.corrected }))
            }
        }
    }

    /// Seals every hour that is due.
    ///
    /// # Errors
    /// See [`Sealer::seal_due`].
    pub async fn seal(&self, deadline: Deadline) -> Result<Vec<SealedHour>, SealError> {
        let done = self.sealer.seal_due(deadline).await;
        // Told after a failure too: that nothing is sealed is what an alarm waits for.
        self.tell_lag().await;
        let sealed = done.inspect_err(|error| tracing::error!(%error, "sealing stopped; the next run goes on"))?;
        let written = sealed.iter().filter(|hour| hour.written).count();
        metrics::emit("audit_sealed_hours", count(written), Unit::Count, &[]);
        if let Some(late) = sealed.iter().find(|hour| hour.written && hour.digest.late) {
            tracing::error!(hour = %late.digest.hour, "sealed late");
        }
        Ok(sealed)
    }

    /// Seconds since the end of the newest hour that is sealed; 20 to 80 minutes where sealing runs each hour.
    async fn tell_lag(&self) {
        match self.sealer.log.last_sealed().await {
            Ok(Some(last)) => {
                let lag_s = self.sealer.log.clock.now().as_second().saturating_sub(last.end().as_second());
                metrics::emit("audit_seal_lag_seconds", count(lag_s.try_into().unwrap_or(0)), Unit::Seconds, &[]);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "how far sealing has come is not known"),
        }
    }
}

/// A metric's value; exact up to 2^53.
fn count(number: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let value = number as f64;
    value
}
