//! One transaction, sent until it is certain what became of it or the deadline has come.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::Key,
    read::pause,
};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use domain::identity::hex;
use rand_core::TryRngCore;
use serde::Serialize;
use std::collections::HashMap;
use tokio::time::timeout_at;

/// What a put demands of the row that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    Anything,
    Absent,
    /// The version that was read; 0 means that there was no row.
    Version(u64),
}

/// The items of one transaction.
#[derive(Clone)]
pub(crate) struct Transaction {
    table: String,
    items: Vec<TransactWriteItem>,
}

impl Transaction {
    pub fn new(store: &Store) -> Self {
        Self { table: store.table.clone(), items: Vec::with_capacity(8) }
    }

    /// Puts `row` at `key`, with attributes of the table's own beside the row's.
    pub fn put<T: Serialize>(
        &mut self,
        key: &Key,
        row: &T,
        own: impl IntoIterator<Item = (&'static str, AttributeValue)>,
        expect: Expect,
    ) -> Result<(), StoreError> {
        let mut item: HashMap<String, AttributeValue> = serde_dynamo::to_item(row)?;
        item.extend(key.attributes());
        item.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match expect {
            Expect::Anything => put,
            Expect::Absent | Expect::Version(0) => put.condition_expression("attribute_not_exists(pk)"),
            Expect::Version(version) => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
        };
        let put = put.build().map_err(|error| StoreError::Rejected(error.to_string()))?;
        self.items.push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    /// Adds to counters; a counter that isn't there starts at 0.
    pub fn add(&mut self, key: &Key, amounts: &[(&str, u64)]) -> Result<(), StoreError> {
        self.add_numbers(key, amounts)
    }

    /// As [`Transaction::add`], for counters that also go down.
    pub fn add_signed(&mut self, key: &Key, amounts: &[(&str, i64)]) -> Result<(), StoreError> {
        self.add_numbers(key, amounts)
    }

    fn add_numbers<N: ToString>(&mut self, key: &Key, amounts: &[(&str, N)]) -> Result<(), StoreError> {
        let names = amounts.iter().enumerate().map(|(i, (name, _))| (format!("#a{i}"), (*name).to_owned()));
        let values = amounts.iter().enumerate().map(|(i, (_, n))| (format!(":a{i}"), AttributeValue::N(n.to_string())));
        let list: Vec<String> = (0..amounts.len()).map(|i| format!("#a{i} :a{i}")).collect();
        self.update(key, |update| {
            update
                .update_expression(format!("ADD {}", list.join(", ")))
                .set_expression_attribute_names(Some(names.collect()))
                .set_expression_attribute_values(Some(values.collect()))
        })
    }

    pub fn update(
        &mut self,
        key: &Key,
        fill: impl FnOnce(
            aws_sdk_dynamodb::types::builders::UpdateBuilder,
        ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Result<(), StoreError> {
        let update = Update::builder().table_name(&self.table).set_key(Some(key.attributes()));
        let update = fill(update).build().map_err(|error| StoreError::Rejected(error.to_string()))?;
        self.items.push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }
}

/// What one answer to a transaction means.
enum Outcome {
    Done,
    Changed,
    Failed(Failure),
}

impl Store {
    /// Sends the transaction until its fate is known.
    ///
    /// The client token is drawn once and stays the same on every resend, so a resend of what was applied is answered
    /// as success. It is never derived from the content: two workers that make the same claim in the same millisecond
    /// must not both be told that they have it.
    pub(crate) async fn commit(&self, transaction: Transaction, deadline: Deadline) -> Result<(), StoreError> {
        let mut token = [0u8; 16];
        rand_core::OsRng.try_fill_bytes(&mut token).map_err(|error| StoreError::Rejected(error.to_string()))?;
        let token = hex(&token);
        let mut perhaps_applied = false;
        let mut round = 0;
        loop {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(transaction.items.clone()))
                .client_request_token(&token)
                .send();
            let outcome = match timeout_at(deadline.instant(), call).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(_)) => Outcome::Done,
                Ok(Err(error)) => outcome(&error),
            };
            match outcome {
                Outcome::Done => return Ok(()),
                Outcome::Changed => {
                    self.contended();
                    return Err(StoreError::Changed);
                }
                // What an earlier send became is not known any better by a refusal of this one.
                Outcome::Failed(Failure::Rejected(_)) if perhaps_applied => return Err(StoreError::Ambiguous),
                Outcome::Failed(Failure::Rejected(why)) => return Err(StoreError::Rejected(why)),
                Outcome::Failed(Failure::Again) => self.contended(),
                Outcome::Failed(Failure::Ambiguous) => perhaps_applied = true,
            }
            if pause(round, deadline).await.is_err() {
                return Err(if perhaps_applied { StoreError::Ambiguous } else { StoreError::Busy });
            }
            round += 1;
        }
    }
}

/// Reads the cancellation reasons item by item: a failed condition on any item decides, whatever the others say.
fn outcome(
    error: &SdkError<TransactWriteItemsError, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Outcome {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Outcome::Failed(failure(error));
    };
    let codes: Vec<&str> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    if codes.contains(&"ConditionalCheckFailed") {
        return Outcome::Changed;
    }
    let passing = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    match codes.iter().find(|code| !passing.contains(code)) {
        Some(fatal) => Outcome::Failed(Failure::Rejected((*fatal).to_owned())),
        None => Outcome::Failed(Failure::Again),
    }
}
