//! The gate in front of a provider, what is counted beside it, and what all payouts together come to.

use crate::{
    Deadline, Store, StoreError,
    keys::{self, Key, SHARDS},
    redemptions::expires,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    alert::Alert,
    gate::{Gate, Outcomes},
    identity::CustomerId,
    phone::Msisdn,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// How long an answer about an account is kept at most, whatever the settings say.
const ACCOUNT_KEPT_S: i64 = 30 * 24 * 3_600;

/// What the provider said of a customer's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownAccount {
    pub payee: Msisdn,
    pub active: bool,
    #[serde(with = "domain::time::required")]
    pub at: Timestamp,
}

/// Payouts in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InState {
    pub count: i64,
    /// In whole units of the currency.
    pub amount: i64,
}

/// Payouts by [`domain::payout::State::gauge`].
pub type Gauges = BTreeMap<String, InState>;

impl Store {
    /// Writes the gate as it has become, with its entry and alerts.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is not `before` any more.
    pub async fn save_gate(
        &self,
        provider: &str,
        (before, after): (&Gate, &Gate),
        alerts: &[Alert],
        (actor, at): (&str, Timestamp),
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::gate(provider), after, [], Expect::Version(before.version))?;
        if let Some(entry) = before.audit(after, actor, at) {
            transaction.put_audit(&entry)?;
        }
        for alert in alerts {
            transaction.put_alert(alert)?;
        }
        self.commit(transaction, deadline).await
    }

    /// # Errors
    /// [`StoreError::Changed`] when somebody has written them since they were read.
    pub async fn save_outcomes(
        &self,
        provider: &str,
        before: u64,
        after: &Outcomes,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::outcomes(provider), after, [], Expect::Version(before))?;
        self.commit(transaction, deadline).await
    }

    /// # Errors
    /// See [`StoreError`].
    pub async fn save_account(
        &self,
        customer: &CustomerId,
        account: &KnownAccount,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        let kept = expires(account.at, ACCOUNT_KEPT_S);
        transaction.put(&keys::account(customer), account, [kept], Expect::Anything)?;
        self.commit(transaction, deadline).await
    }

    /// Takes one question to a provider in this second, of which all workers together have `per_second`. `false`: none
    /// is left. Counted on the machine's own clock, because it is the provider's real load that is bounded.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn take_ask(&self, provider: &str, per_second: u32, deadline: Deadline) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let mut transaction = Transaction::new(self);
        let (name, value) = expires(now, 3_600);
        transaction.update(&keys::asks_of_second(provider, now.as_second()), |update| {
            update
                .update_expression("ADD used :one SET #expires = :expires")
                .condition_expression("attribute_not_exists(used) OR used < :most")
                .expression_attribute_names("#expires", name)
                .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
                .expression_attribute_values(":most", AttributeValue::N(per_second.to_string()))
                .expression_attribute_values(":expires", value)
        })?;
        match self.commit(transaction, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many payouts are in which state, and their money; exact, as it is written with each change.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn gauges(&self, deadline: Deadline) -> Result<Gauges, StoreError> {
        let shards: Vec<Key> = (0..SHARDS).map(keys::gauge).collect();
        let items = self.read(&shards, deadline).await?;
        let mut gauges = Gauges::new();
        for key in &shards {
            let row: HashMap<String, serde_json::Value> = items.get(key)?.unwrap_or_default();
            for (name, value) in row {
                let Some(step) = value.as_i64() else { continue };
                match name.split_at_checked(2) {
                    Some(("n_", state)) => gauges.entry(state.to_owned()).or_default().count += step,
                    Some(("a_", state)) => gauges.entry(state.to_owned()).or_default().amount += step,
                    _ => {}
                }
            }
        }
        Ok(gauges)
    }

    /// Raises an alert that belongs to no write of its own; raised before under this id it stays as it is. `true` when
    /// it is new.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn raise(&self, alert: &Alert, deadline: Deadline) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_alert(alert)?;
        match self.commit(transaction, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One row by its key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn one<T: serde::de::DeserializeOwned>(
        &self,
        key: &Key,
        deadline: Deadline,
    ) -> Result<Option<T>, StoreError> {
        self.read(std::slice::from_ref(key), deadline).await?.get(key)
    }
}
