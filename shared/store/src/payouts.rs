//! Payouts: reading one, writing what was learned, and finding what is due.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::{self, SHARDS},
    read::pause,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    alert::Alert,
    batch::Tally,
    identity::RedemptionId,
    payout::{Payout, State},
};
use jiff::{Timestamp, civil::Date};
use tokio::time::timeout_at;

/// A row of the due index: a hint that must be checked against the row itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub payout: RedemptionId,
}

impl Store {
    /// # Errors
    /// See [`StoreError`].
    pub async fn payout(&self, id: &RedemptionId, deadline: Deadline) -> Result<Option<Payout>, StoreError> {
        let key = keys::payout(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Writes `after` in place of `before`, with its audit entry and alerts. A payout that has just been paid also
    /// settles its code and counts for its batch on `today`, the calendar day of the business's time zone.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not `before` any more; see [`StoreError`] for the rest.
    pub async fn save_payout(
        &self,
        before: &Payout,
        after: &Payout,
        alerts: &[Alert],
        actor: &str,
        today: Date,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_payout(after, Expect::Version(before.version))?;
        if let Some(entry) = before.audit(after, actor) {
            transaction.put_audit(&entry)?;
        }
        for alert in alerts {
            transaction.put_alert(alert)?;
        }
        let (State::Paid { at }, false) = (&after.state, matches!(before.state, State::Paid { .. })) else {
            return self.commit(transaction, deadline).await;
        };
        let mut of_reported = transaction.clone();
        transaction.settle_code(after, *at, false, today)?;
        match self.commit(transaction, deadline).await {
            // Perhaps the code was reported: then it counts as a reported one that is paid.
            Err(StoreError::Changed) => {
                of_reported.settle_code(after, *at, true, today)?;
                self.commit(of_reported, deadline).await
            }
            other => other,
        }
    }

    /// At most `limit` rows of one shard of the due index whose time has come, oldest first. Eventually consistent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due_payouts(
        &self,
        shard: u8,
        now: Timestamp,
        limit: i32,
        deadline: Deadline,
    ) -> Result<Vec<Due>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        let mut round = 0;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("due")
                .key_condition_expression("due_key = :shard AND due_at <= :now")
                .expression_attribute_values(":shard", AttributeValue::S(keys::due_payout_shard(shard)))
                .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
                .limit(limit)
                .set_exclusive_start_key(from.clone())
                .send();
            match timeout_at(deadline.instant(), call).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(page)) => {
                    for item in page.items.unwrap_or_default() {
                        let id = match item.get("pk") {
                            Some(AttributeValue::S(pk)) => pk.strip_prefix("REDEMPTION#"),
                            _ => None,
                        };
                        match id.and_then(|id| RedemptionId::parse(id).ok()) {
                            Some(payout) => found.push(Due { payout }),
                            // One bad row doesn't keep the others of its shard from being found.
                            None => tracing::error!("a row in the due index is no payout's"),
                        }
                    }
                    // An empty page with a cursor is normal: more may follow.
                    from = page.last_evaluated_key;
                    if from.is_none() || found.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                        return Ok(found);
                    }
                }
                Ok(Err(error)) => match failure(&error) {
                    Failure::Rejected(why) => return Err(StoreError::Rejected(why)),
                    Failure::Again | Failure::Ambiguous => {
                        self.contended();
                        pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
                        round += 1;
                    }
                },
            }
        }
    }
}

impl Transaction {
    /// Marks the code of a payout that has just been paid, and counts it. Whether the code is `reported` is a condition,
    /// because it decides what is counted.
    ///
    /// No version is touched: a report or a block of the code stays as it is. The generation says what was settled; a
    /// code that has been given out anew since then is not settled by it.
    fn settle_code(&mut self, payout: &Payout, at: Timestamp, reported: bool, today: Date) -> Result<(), StoreError> {
        self.update(&keys::code(&payout.code), |update| {
            let condition = if reported {
                "attribute_exists(pk) AND reported = :yes"
            } else {
                "attribute_exists(pk) AND (attribute_not_exists(reported) OR reported <> :yes)"
            };
            update
                .update_expression("SET settled_at = :at, settled_generation = :generation")
                .condition_expression(condition)
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .expression_attribute_values(":at", AttributeValue::N(at.as_millisecond().to_string()))
                .expression_attribute_values(":generation", AttributeValue::N(payout.generation.to_string()))
        })?;
        let shard = keys::shard(payout.code.as_str(), SHARDS);
        let key = keys::counter(&payout.batch_id, today, shard);
        self.add(&key, &[("paid", 1), ("paid_amount", payout.money.amount)])?;
        if reported {
            self.add_tally(&payout.batch_id, shard, Tally { reported_paid: 1, ..Tally::default() })?;
        }
        Ok(())
    }

    /// The payout with its place in the due index; an end leaves the index.
    pub fn put_payout(&mut self, payout: &Payout, expect: Expect) -> Result<(), StoreError> {
        let due = payout.shown_at().map(|due_at| {
            [
                ("due_key", AttributeValue::S(keys::due_payout(&payout.id))),
                ("due_at", AttributeValue::N(due_at.as_millisecond().to_string())),
            ]
        });
        self.put(&keys::payout(&payout.id), payout, due.into_iter().flatten(), expect)
    }
}
