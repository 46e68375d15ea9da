//! Batches, runs and codes, switches and settings: what must be there before anybody can redeem.

use crate::{
    Deadline, Store, StoreError, keys,
    write::{Expect, Transaction},
};
use domain::{
    audit::Entry,
    batch::{Batch, Code, Run, RunState},
    settings::Settings,
    switches::Switches,
};

/// Codes in one transaction; a transaction has at most 100 items.
const CODES_PER_WRITE: usize = 90;

impl Store {
    /// Fills `run` of `batch` with `codes`. They answer "unknown" until the last write makes the run live, which
    /// happens only with exactly as many codes as were asked for.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the count is not what was asked for; [`StoreError::Changed`] when a code, the
    /// batch or the run exists already.
    pub async fn create_batch(
        &self,
        batch: &Batch,
        run: &Run,
        codes: &[Code],
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        if codes.len() as u64 != run.asked {
            return Err(StoreError::Rejected(format!("{} codes of {} asked for", codes.len(), run.asked)));
        }
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::batch(&batch.id), batch, [], Expect::Absent)?;
        transaction.put(
            &keys::run(&batch.id, &run.id),
            &Run { state: RunState::Staging, ..run.clone() },
            [],
            Expect::Absent,
        )?;
        self.commit(transaction, deadline).await?;
        for chunk in codes.chunks(CODES_PER_WRITE) {
            let mut transaction = Transaction::new(self);
            for code in chunk {
                transaction.put(&keys::code(&code.text), code, [], Expect::Absent)?;
            }
            self.commit(transaction, deadline).await?;
        }
        let mut transaction = Transaction::new(self);
        transaction.update(&keys::run(&batch.id, &run.id), |update| {
            use aws_sdk_dynamodb::types::AttributeValue as Value;
            update
                .update_expression("SET #state = :live")
                .condition_expression("#state = :staging")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":live", Value::S("live".to_owned()))
                .expression_attribute_values(":staging", Value::S("staging".to_owned()))
        })?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces a batch row as read, with its audit entry.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not as it was read.
    pub async fn save_batch(
        &self,
        before: &Batch,
        after: &Batch,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::batch(&after.id), after, [], Expect::Version(before.version))?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces a code row as read, with its audit entry.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not as it was read.
    pub async fn save_code(
        &self,
        before: &Code,
        after: &Code,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::code(&after.text), after, [], Expect::Version(before.version))?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Sets the switches. They are not versioned: the last one who throws a switch means it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_switches(
        &self,
        switches: &Switches,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::switches(), switches, [], Expect::Anything)?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces the settings that were read at version `read`; 0 when there were none.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with what is wrong with them; [`StoreError::Changed`] when somebody else was faster.
    pub async fn save_settings(
        &self,
        read: u64,
        settings: &Settings,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(StoreError::Rejected(problems.join("; ")));
        }
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::settings(), settings, [], Expect::Version(read))?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }
}
