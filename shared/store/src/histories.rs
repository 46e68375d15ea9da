//! What was done to one thing, from the log.

use crate::{Deadline, Sought, Store, StoreError};
use domain::{access::Permit, audit::Entry, batch::CodeId, identity::RedemptionId, permission::right};
use jiff::Timestamp;
use std::cmp::Reverse;

impl Store {
    /// What was done to one code, newest first. Whoever may read codes may read this part of the log (COD-08).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn code_history(
        &self,
        _permit: &Permit<right::PromoCodesRead>,
        id: &CodeId,
        now: Timestamp,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Entry>, StoreError> {
        self.history(format!("code:{id}"), now, limit, deadline).await
    }

    /// What was done to one redemption and its payout, newest first; at most `limit` entries of each. Whoever may read
    /// payouts may read this part of the log (PAY-11).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payout_history(
        &self,
        _permit: &Permit<right::DisbursementsRead>,
        id: &RedemptionId,
        now: Timestamp,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Entry>, StoreError> {
        let (payout, redemption) = tokio::try_join!(
            self.history(format!("payout:{id}"), now, limit, deadline),
            self.history(format!("redemption:{id}"), now, limit, deadline),
        )?;
        let mut entries = [payout, redemption].concat();
        entries.sort_by_key(|entry| Reverse(entry.at));
        Ok(entries)
    }

    async fn history(
        &self,
        entity: String,
        now: Timestamp,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Entry>, StoreError> {
        let sought = Sought {
            from: Timestamp::UNIX_EPOCH,
            to: now,
            actor: None,
            entity: Some(entity.clone()),
            action: None,
            class: None,
            severity: None,
            session: None,
            text: None,
        };
        let upper = format!("{:013}#~", now.as_millisecond());
        let found = self.by_index("entity", "trail_entity", &entity, &sought, upper, limit, deadline).await?;
        Ok(found.entries)
    }
}
