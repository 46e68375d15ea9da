use crate::{Sweeper, Swept, TABLE_MS};
use domain::{
    access::System,
    audit::Class,
    batch::{Batch, Look},
    settings::Settings,
};
use std::sync::Arc;
use store::{Deadline, StoreError};

/// Batches of one sweep; what is left is found a minute later.
const AT_ONCE: i32 = 100;

impl Sweeper {
    /// Batches that are due to be looked at: expired when their date has passed, complete when every code is settled.
    ///
    /// # Errors
    /// The last row's failure, after the others were looked at.
    pub(crate) async fn batches(&self, swept: &mut Swept, deadline: Deadline) -> Result<(), StoreError> {
        let due = self.store.due_batches(self.clock.now(), AT_ONCE, Deadline::in_ms(TABLE_MS)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let grace_hours = self.settings_in_force().await?.redemption.grace_hours;
        let mut failed = None;
        for batch in due {
            if deadline.passed() {
                break;
            }
            match self.look_at(&batch, grace_hours).await {
                Ok(true) => swept.batches += 1,
                Ok(false) => {}
                Err(StoreError::Changed) => swept.passed += 1,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// `true` when it has become something else.
    async fn look_at(&self, batch: &Batch, grace_hours: u32) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let (statistics, _) = self.store.statistics(batch, grace_hours, now, Deadline::in_ms(TABLE_MS)).await?;
        match batch.looked_at(&statistics, grace_hours, now) {
            Look::Rest => Ok(false),
            Look::Later(after) => {
                self.store.put_off_batch(batch, &after, Deadline::in_ms(TABLE_MS)).await?;
                Ok(false)
            }
            Look::Becomes(after) => {
                let action = format!("batch.{}", after.state.name());
                let entity = format!("batch:{}", batch.id);
                let act = self.store.act(&System("sweeper"), now, Class::Change, &action, entity)?;
                let act = act.differences(&batch.audited(), &after.audited()).batch(Some(batch), &after)?;
                act.commit(Deadline::in_ms(TABLE_MS)).await?;
                Ok(true)
            }
        }
    }

    async fn settings_in_force(&self) -> Result<Arc<Settings>, StoreError> {
        let Some(key) = self.settings.wanted() else { return Ok(self.settings.last()) };
        let items = self.store.read(std::slice::from_ref(&key), Deadline::in_ms(TABLE_MS)).await?;
        self.settings.current(&items, true)
    }
}
