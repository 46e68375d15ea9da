//! Payouts: reading one, writing what was learned, and finding what is due.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::{self, SHARDS},
    read::pause,
    redemptions::expires,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    alert::Alert,
    batch::Tally,
    identity::RedemptionId,
    payout::{Payout, State},
    settings::PayoutPolicy,
    totals,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio::time::timeout_at;

/// A row of the due index: a hint that must be checked against the row itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub payout: RedemptionId,
}

/// What goes with a change of a payout.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    pub alerts: &'a [Alert],
    /// The function that writes, for the audit log.
    pub actor: &'a str,
    /// The calendar day of the business, on which a settlement counts.
    pub today: Date,
    pub ceilings: Ceilings,
}

/// What may be sent to everybody in a calendar day and month of the business; none for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ceilings {
    pub day: Option<u64>,
    pub month: Option<u64>,
}

impl From<&PayoutPolicy> for Ceilings {
    fn from(policy: &PayoutPolicy) -> Self {
        Self { day: policy.total_per_day, month: policy.total_per_month }
    }
}

/// One line of a list: the payout itself is read by its key.
#[derive(Serialize, Deserialize)]
pub(crate) struct ListedPayout {
    pub payout: RedemptionId,
}

impl Store {
    /// # Errors
    /// See [`StoreError`].
    pub async fn payout(&self, id: &RedemptionId, deadline: Deadline) -> Result<Option<Payout>, StoreError> {
        let key = keys::payout(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// The payouts that these references belong to, at most a hundred; of unknown ones nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payouts_of_references(
        &self,
        references: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<RedemptionId>, StoreError> {
        let rows: Vec<keys::Key> = references.iter().map(|reference| keys::reference(reference)).collect();
        let items = self.read(&rows, deadline).await?;
        let mut found = Vec::new();
        for row in &rows {
            found.extend(items.get::<ListedPayout>(row)?.map(|listed| listed.payout));
        }
        Ok(found)
    }

    /// The payout that a reference belongs to.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payout_of_reference(&self, reference: &str, deadline: Deadline) -> Result<Option<Payout>, StoreError> {
        let row: Option<ListedPayout> = self.one(&keys::reference(reference), deadline).await?;
        match row {
            Some(row) => self.payout(&row.payout, deadline).await,
            None => Ok(None),
        }
    }

    /// Writes `after` in place of `before`, with all that follows from it: audit entry, alerts, lists and figures. A
    /// payout that has just been settled also settles its code and counts for its batch.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not `before` any more, or when the day or month has no room left for a
    /// first send; see [`StoreError`] for the rest.
    pub async fn save_payout(
        &self,
        before: &Payout,
        after: &Payout,
        saving: Saving<'_>,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.move_payout(Some(before), after, saving.ceilings)?;
        if let Some(entry) = before.audit(after, saving.actor) {
            transaction.put_audit(&entry)?;
        }
        for alert in saving.alerts {
            transaction.put_alert(alert)?;
        }
        if !after.state.is_settled() || before.state.is_settled() {
            return self.commit(transaction, deadline).await;
        }
        let mut of_reported = transaction.clone();
        transaction.settle_code(after, false, saving.today)?;
        match self.commit(transaction, deadline).await {
            // Perhaps the code was reported: then it counts as a reported one that is paid.
            Err(StoreError::Changed) => {
                of_reported.settle_code(after, true, saving.today)?;
                self.commit(of_reported, deadline).await
            }
            other => other,
        }
    }

    /// At most `limit` rows of one partition of the due index whose time has come, oldest first. Eventually consistent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due_payouts(
        &self,
        partition: &str,
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
                .expression_attribute_values(":shard", AttributeValue::S(partition.to_owned()))
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
    pub(crate) fn settle_code(&mut self, payout: &Payout, reported: bool, today: Date) -> Result<(), StoreError> {
        let at = payout.updated_at;
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
        let listed = ListedPayout { payout: payout.id.clone() };
        self.put(&keys::payout_settled(today, at, &payout.id), &listed, [], Expect::Anything)?;
        if reported {
            self.add_tally(&payout.batch_id, shard, Tally { reported_paid: 1, ..Tally::default() })?;
        }
        Ok(())
    }

    /// A payout as it becomes, with its place in the due index, in the lists and in the figures. `before` is absent for
    /// a new one.
    pub(crate) fn move_payout(
        &mut self,
        before: Option<&Payout>,
        after: &Payout,
        ceilings: Ceilings,
    ) -> Result<(), StoreError> {
        let due = after.shown_at().map(|due_at| {
            [
                ("due_key", AttributeValue::S(keys::due_payout(after))),
                ("due_at", AttributeValue::N(due_at.as_millisecond().to_string())),
            ]
        });
        let expect = before.map_or(Expect::Absent, |before| Expect::Version(before.version));
        self.put(&keys::payout(&after.id), after, due.into_iter().flatten(), expect)?;
        let known = before.map_or(0, |payout| payout.attempts.len());
        for attempt in after.attempts.iter().skip(known) {
            let row = ListedPayout { payout: after.id.clone() };
            self.put(&keys::reference(&attempt.reference), &row, [], Expect::Anything)?;
        }
        let (from, to) = (before.map(|payout| payout.state.gauge()), after.state.gauge());
        if from != Some(to) {
            self.add_gauges(after, from, to)?;
        }
        let needed = before.is_some_and(|payout| payout.state.needs_attention());
        match (needed, after.state.needs_attention()) {
            (false, true) => self.put_attention(after, None)?,
            // Nobody has the right to delete: the row leaves by its time, and until then the list passes over it.
            (true, false) => self.put_attention(after, Some(expires(after.updated_at, 0)))?,
            (true, true) | (false, false) => {}
        }
        match (before.and_then(|payout| payout.charged_on), after.charged_on) {
            // It is paid already, whatever room there is.
            (None, Some(day)) if !matches!(after.state, State::Sending { .. }) => {
                self.charge(day, after.money.amount, Ceilings::default())
            }
            (None, Some(day)) => self.charge(day, after.money.amount, ceilings),
            (Some(day), None) => self.discharge(day, after.money.amount),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    fn add_gauges(&mut self, payout: &Payout, from: Option<&str>, to: &str) -> Result<(), StoreError> {
        let amount = i64::try_from(payout.money.amount).unwrap_or(i64::MAX);
        let mut steps = vec![(format!("n_{to}"), 1), (format!("a_{to}"), amount)];
        if let Some(from) = from {
            steps.extend([(format!("n_{from}"), -1), (format!("a_{from}"), -amount)]);
        }
        let steps: Vec<(&str, i64)> = steps.iter().map(|(name, by)| (name.as_str(), *by)).collect();
        self.add_signed(&keys::gauge(keys::shard(payout.id.as_str(), SHARDS)), &steps)
    }

    fn put_attention(
        &mut self,
        payout: &Payout,
        until: Option<(&'static str, AttributeValue)>,
    ) -> Result<(), StoreError> {
        let row = ListedPayout { payout: payout.id.clone() };
        self.put(&keys::attention(payout.created_at, &payout.id), &row, until, Expect::Anything)
    }

    /// In the list of the day on which it was redeemed.
    pub(crate) fn list_payout(&mut self, payout: &Payout, today: Date) -> Result<(), StoreError> {
        let row = ListedPayout { payout: payout.id.clone() };
        self.put(&keys::payout_listed(today, payout.created_at, &payout.id), &row, [], Expect::Absent)
    }

    /// Part of what is sent on a day. The condition holds the ceilings whatever races.
    fn charge(&mut self, day: Date, amount: u64, ceilings: Ceilings) -> Result<(), StoreError> {
        let most = |ceiling: Option<u64>| {
            let room = ceiling.map_or(u64::MAX / 4, |most| most.saturating_sub(amount));
            // Less than one payout of room: the condition can't hold.
            let room =
                if ceiling.is_some_and(|most| most < amount) { -1 } else { i64::try_from(room).unwrap_or(i64::MAX) };
            AttributeValue::N(room.to_string())
        };
        self.update(&keys::totals(&totals::month(day)), |update| {
            update
                .update_expression("ADD #day :amount, sent :amount")
                .condition_expression(
                    "(attribute_not_exists(#day) OR #day <= :day) AND (attribute_not_exists(sent) OR sent <= :month)",
                )
                .expression_attribute_names("#day", totals::day_attribute(day))
                .expression_attribute_values(":amount", AttributeValue::N(amount.to_string()))
                .expression_attribute_values(":day", most(ceilings.day))
                .expression_attribute_values(":month", most(ceilings.month))
        })
    }

    fn discharge(&mut self, day: Date, amount: u64) -> Result<(), StoreError> {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        let attribute = totals::day_attribute(day);
        self.add_signed(&keys::totals(&totals::month(day)), &[(attribute.as_str(), -amount), ("sent", -amount)])
    }
}
