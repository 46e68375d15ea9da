use crate::{Sweeper, Swept, TABLE_MS};
use store::{Deadline, StoreError};

/// Jobs of one sweep; what is left is found a minute later.
const AT_ONCE: i32 = 100;

impl Sweeper {
    /// Jobs that are due: put aside for two minutes, and only then nudged.
    ///
    /// # Errors
    /// The last row's failure, after the others were nudged.
    pub(crate) async fn jobs(&self, swept: &mut Swept, deadline: Deadline) -> Result<(), StoreError> {
        let due = self.store.due_jobs(self.clock.now(), AT_ONCE, Deadline::in_ms(TABLE_MS)).await?;
        let mut failed = None;
        for job in due {
            if deadline.passed() {
                break;
            }
            let Some(routed) = job.routed(self.clock.now()) else { continue };
            match self.store.save_job(&job, &routed, Deadline::in_ms(TABLE_MS)).await {
                Ok(()) => {
                    swept.jobs += 1;
                    if self.jobs.send(&routed).await.is_err() {
                        tracing::warn!(job = %job.id, "no nudge was sent; it is due again in two minutes");
                    }
                }
                Err(StoreError::Changed) => swept.passed += 1,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
