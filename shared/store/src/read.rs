//! Consistent reads by key.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::Key,
};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;
use std::{collections::HashMap, time::Duration};
use tokio::time::{sleep_until, timeout_at};

type Item = HashMap<String, AttributeValue>;

/// Rows that were asked for by key. A key that is not here does not exist: nothing is left unprocessed.
#[derive(Debug, Default)]
pub struct Items(HashMap<Key, Item>);

impl Items {
    /// # Errors
    /// [`StoreError::Corrupt`] when the row is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.0.get(key).map(|item| serde_dynamo::from_item(item.clone())).transpose().map_err(StoreError::from)
    }

    /// The row where it can be read: one bad row doesn't keep the others from being found.
    pub(crate) fn readable<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        self.get(key).unwrap_or_else(|error| {
            tracing::error!(%error, "a due row cannot be read");
            None
        })
    }
}

impl Store {
    /// Reads a raw row as a `T`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it isn't one.
    pub fn decode<T: DeserializeOwned>(&self, item: Item) -> Result<T, StoreError> {
        serde_dynamo::from_item(item).map_err(StoreError::from)
    }

    /// Reads up to 100 rows in one call, consistently. Keys that the table leaves unprocessed are asked for again.
    ///
    /// # Errors
    /// [`StoreError::Ambiguous`] or [`StoreError::Busy`] at the deadline; a row is never taken for absent.
    pub async fn read(&self, keys: &[Key], deadline: Deadline) -> Result<Items, StoreError> {
        let mut asked: Vec<Item> = Vec::with_capacity(keys.len());
        for key in keys {
            let attributes = key.attributes();
            if !asked.contains(&attributes) {
                asked.push(attributes);
            }
        }
        let mut found = Items::default();
        let mut round = 0;
        while !asked.is_empty() {
            let request = KeysAndAttributes::builder()
                .consistent_read(true)
                .set_keys(Some(asked.clone()))
                .build()
                .map_err(|error| StoreError::Rejected(error.to_string()))?;
            let call = self.client.batch_get_item().request_items(&self.table, request).send();
            match timeout_at(deadline.instant(), call).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(answer)) => {
                    for item in answer.responses.unwrap_or_default().into_values().flatten() {
                        found.0.insert(key_of(&item)?, item);
                    }
                    asked =
                        answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
                    if !asked.is_empty() {
                        self.contended();
                    }
                }
                Ok(Err(error)) => match failure(&error) {
                    Failure::Rejected(why) => return Err(StoreError::Rejected(why)),
                    Failure::Again => self.contended(),
                    Failure::Ambiguous => {}
                },
            }
            if !asked.is_empty() {
                pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
                round += 1;
            }
        }
        Ok(found)
    }
}

pub(crate) fn key_of(item: &Item) -> Result<Key, StoreError> {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(StoreError::Corrupt(format!("no {name}"))),
    };
    Ok(Key { pk: text("pk")?, sk: text("sk")? })
}

/// Waits before trying again: 10, 20, 40, … at most 160 ms, each with jitter.
///
/// # Errors
/// When the wait would end after the deadline.
pub(crate) async fn pause(round: u32, deadline: Deadline) -> Result<(), ()> {
    let base = 10u64 << round.min(4);
    let jitter = rand_core::TryRngCore::try_next_u32(&mut rand_core::OsRng).map_or(0, u64::from) % base.max(1);
    let until = tokio::time::Instant::now() + Duration::from_millis(base / 2 + jitter);
    if until >= deadline.instant() {
        return Err(());
    }
    sleep_until(until).await;
    Ok(())
}
