//! The two writes of a hop that sends a code: a redemption, or a refusal.

use crate::{
    Ceilings, Deadline, HOP_KEPT_S, SESSION_KEPT_S, Store, StoreError,
    keys::{self, Key, SHARDS},
    trail::trail_attributes,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    audit::Entry,
    customer::Customer,
    redemption::{Attempt, Commit},
    ussd::Answer,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// A refused attempt, with all that changes because of it.
pub struct Refused<'a> {
    pub attempt: &'a Attempt,
    /// The customer as read, and as charged; `None` when nothing about the customer changes.
    pub customer: Option<(&'a Customer, &'a Customer)>,
}

/// What a batch's counters say of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    pub redeemed: u64,
    pub redeemed_amount: u64,
    pub paid: u64,
    pub paid_amount: u64,
    /// Redemptions of this day that were taken back.
    pub reversed: u64,
    pub reversed_amount: u64,
}

impl Store {
    /// Claims the code and writes redemption, payout, customer, counters, audit entry and the hop's answer: all or nothing.
    ///
    /// `today` is the calendar day of the business's time zone.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when code, customer or hop are not as they were read; see [`StoreError`] for the rest.
    pub async fn commit_redemption(
        &self,
        commit: &Commit,
        hop: &Key,
        answer: &Answer,
        today: Date,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let Commit { code, redemption, payout, customer, audit } = commit;
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::code(&code.text), code, [], Expect::Version(code.version - 1))?;
        transaction.put(&keys::redemption(&redemption.id), redemption, [], Expect::Absent)?;
        transaction.move_payout(None, payout, Ceilings::default())?;
        transaction.list_payout(payout, today)?;
        transaction.put(&keys::customer(&customer.id), customer, [], Expect::Version(customer.version - 1))?;
        let shard = keys::shard(code.text.as_str(), SHARDS);
        transaction.add(
            &keys::counter(&code.batch_id, today, shard),
            &[("redeemed", 1), ("redeemed_amount", code.money.amount)],
        )?;
        transaction.put_audit(audit)?;
        transaction.put_hop(hop, answer, redemption.at)?;
        self.commit(transaction, deadline).await
    }

    /// Writes a refused attempt, the limit it counts for, and the hop's answer: all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the customer or the hop is not as it was read; see [`StoreError`] for the rest.
    pub async fn commit_refusal(
        &self,
        refused: &Refused<'_>,
        hop: &Key,
        answer: &Answer,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let attempt = refused.attempt;
        let mut transaction = Transaction::new(self);
        let expires = expires(attempt.at, SESSION_KEPT_S);
        transaction.put(&keys::refused_attempt(attempt.at, &attempt.id), attempt, [expires], Expect::Absent)?;
        if let Some((before, after)) = refused.customer {
            transaction.put(&keys::customer(&after.id), after, [], Expect::Version(before.version))?;
        }
        transaction.put_hop(hop, answer, attempt.at)?;
        self.commit(transaction, deadline).await
    }

    /// Stores a customer who is new or has changed a choice, with its audit entry.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the customer is not as it was read; see [`StoreError`] for the rest.
    pub async fn save_customer(
        &self,
        before: &Customer,
        after: &Customer,
        audit: Option<&Entry>,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::customer(&after.id), after, [], Expect::Version(before.version))?;
        if let Some(audit) = audit {
            transaction.put_audit(audit)?;
        }
        self.commit(transaction, deadline).await
    }
}

impl Transaction {
    pub fn put_audit(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let key = keys::audit(entry.at, &entry.id);
        self.put(&key, entry, trail_attributes(entry), Expect::Absent)
    }

    fn put_hop(&mut self, hop: &Key, answer: &Answer, at: Timestamp) -> Result<(), StoreError> {
        self.put(hop, answer, [expires(at, HOP_KEPT_S)], Expect::Absent)
    }
}

/// The table's own clean-up reads seconds since 1970.
pub(crate) fn expires(at: Timestamp, seconds: i64) -> (&'static str, AttributeValue) {
    ("expires_at", AttributeValue::N((at.as_second() + seconds).to_string()))
}
