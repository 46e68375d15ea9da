//! The audit log by the hour: consistent reads of what lies in the table, and the marks of sealing and retention.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys,
    read::pause,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    audit::Entry,
    identity::hex,
    seal::{Attribute, Hour, OWN_ATTRIBUTE, Row},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::time::timeout_at;

/// Entries whose clean-up is set in one transaction.
const EXPIRED_TOGETHER: usize = 25;
/// Days whose marks are read in one call; the table takes 100 keys.
const DAYS_TOGETHER: usize = 100;

/// Entries of one shard, in order, as they lie in the table.
#[derive(Debug, Default)]
pub struct AuditPage {
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` after the last one. A page can be empty and yet have a next one.
    pub next: Option<String>,
}

/// How far retention has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    pub hour: Hour,
    /// Whether this hour went to the archive. It was left in the table when it did not verify.
    pub archived: bool,
    /// Counts the marks, so that of two runs at once only one goes on.
    pub version: u64,
}

#[derive(Deserialize)]
struct LastSealed {
    hour: Hour,
}

impl Store {
    /// One page (at most 1 MB) of one shard of an hour, read consistently, from behind the sort key `after`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row has a type of value that this SDK doesn't know; see [`StoreError`].
    pub async fn audit_page(
        &self,
        hour: Hour,
        shard: u8,
        after: Option<&str>,
        deadline: Deadline,
    ) -> Result<AuditPage, StoreError> {
        let pk = AttributeValue::S(keys::audit_pk(&hour.to_string(), shard));
        let from = after.map(|sk| {
            HashMap::from([("pk".to_owned(), pk.clone()), ("sk".to_owned(), AttributeValue::S(sk.to_owned()))])
        });
        let mut round = 0;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :hour")
                .expression_attribute_values(":hour", pk.clone())
                .set_exclusive_start_key(from.clone())
                .send();
            match timeout_at(deadline.instant(), call).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(page)) => {
                    let rows = page.items.unwrap_or_default().into_iter().map(row).collect::<Result<_, _>>()?;
                    let next = match page.last_evaluated_key.as_ref().and_then(|key| key.get("sk")) {
                        Some(AttributeValue::S(sk)) => Some(sk.clone()),
                        _ => None,
                    };
                    return Ok(AuditPage { rows, next });
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

    /// Leaves entries to the table's own clean-up from `at` on. Those that are gone already stay gone.
    ///
    /// # Errors
    /// See [`StoreError`]. Some may be set by then; setting them again does no harm.
    pub async fn expire_audit(
        &self,
        hour: Hour,
        shard: u8,
        sort_keys: &[String],
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        for chunk in sort_keys.chunks(EXPIRED_TOGETHER) {
            match self.expire_together(hour, shard, chunk, at, deadline).await {
                // One that the table has removed meanwhile fails all of its transaction.
                Err(StoreError::Changed) => {
                    for one in chunk {
                        match self.expire_together(hour, shard, std::slice::from_ref(one), at, deadline).await {
                            Ok(()) | Err(StoreError::Changed) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn expire_together(
        &self,
        hour: Hour,
        shard: u8,
        sort_keys: &[String],
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        for sk in sort_keys {
            let key = keys::Key { pk: keys::audit_pk(&hour.to_string(), shard), sk: sk.clone() };
            transaction.update(&key, |update| {
                update
                    .update_expression(format!("SET {OWN_ATTRIBUTE} = :at"))
                    .condition_expression("attribute_exists(pk)")
                    .expression_attribute_values(":at", AttributeValue::N(at.as_second().to_string()))
            })?;
        }
        self.commit(transaction, deadline).await
    }

    /// Remembers that `hour` is sealed and how many entries it holds: lets a search pass over empty hours, and the
    /// sealer begin near the end. Hints only.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_sealed_hour(&self, hour: Hour, count: u64, deadline: Deadline) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.update(&keys::audit_day(hour.day()), |update| {
            update
                .update_expression("SET #hour = :count")
                .expression_attribute_names("#hour", of_day(hour))
                .expression_attribute_values(":count", AttributeValue::N(count.to_string()))
        })?;
        transaction.update(&keys::audit_last_sealed(), |update| {
            update
                .update_expression("SET #hour = :hour")
                .expression_attribute_names("#hour", "hour")
                .expression_attribute_values(":hour", AttributeValue::S(hour.to_string()))
        })?;
        self.commit(transaction, deadline).await
    }

    /// How many entries the sealed hours of these days (UTC) hold. An hour that isn't named may hold some all the same.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sealed_hours(&self, days: &[Date], deadline: Deadline) -> Result<BTreeMap<Hour, u64>, StoreError> {
        let mut hours = BTreeMap::new();
        for some in days.chunks(DAYS_TOGETHER) {
            let wanted: Vec<keys::Key> = some.iter().map(|day| keys::audit_day(*day)).collect();
            let rows = self.read(&wanted, deadline).await?;
            for (day, key) in some.iter().zip(&wanted) {
                // A day's row has its own keys beside the counts.
                let counts: BTreeMap<String, Value> = rows.get(key)?.unwrap_or_default();
                for (name, count) in counts {
                    let hour = name.strip_prefix('h').map(|figures| format!("{}{figures}", day.strftime("%Y%m%d")));
                    if let (Some(count), Some(Ok(hour))) = (count.as_u64(), hour.map(|hour| hour.parse())) {
                        hours.insert(hour, count);
                    }
                }
            }
        }
        Ok(hours)
    }

    /// The hour that was noted as sealed last; the archive decides whether it is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn last_sealed_hour(&self, deadline: Deadline) -> Result<Option<Hour>, StoreError> {
        let key = keys::audit_last_sealed();
        let rows = self.read(std::slice::from_ref(&key), deadline).await?;
        Ok(rows.get::<LastSealed>(&key)?.map(|row| row.hour))
    }

    /// How far retention has come; `None` before its first hour.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn archived(&self, deadline: Deadline) -> Result<Option<Archived>, StoreError> {
        let key = keys::audit_archived();
        let rows = self.read(std::slice::from_ref(&key), deadline).await?;
        rows.get(&key)
    }

    /// Moves retention's mark from `before` on, with an audit entry of what was done.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when another run has moved it; see [`StoreError`] for the rest.
    pub async fn note_archived(
        &self,
        before: Option<Archived>,
        after: Archived,
        audit: Option<&Entry>,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        let read = before.map_or(0, |before| before.version);
        transaction.put(
            &keys::audit_archived(),
            &Archived { version: read + 1, ..after },
            [],
            Expect::Version(read),
        )?;
        if let Some(audit) = audit {
            transaction.put_audit(audit)?;
        }
        self.commit(transaction, deadline).await
    }
}

/// The attribute of a day's row that holds this hour's count.
fn of_day(hour: Hour) -> String {
    format!("h{:02}", hour.of_day())
}

fn row(item: HashMap<String, AttributeValue>) -> Result<Row, StoreError> {
    item.into_iter().map(|(name, value)| Ok((name, attribute(value)?))).collect::<Result<_, _>>().map(Row)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK has a variant for what it does not know, and keeps it private"
)]
fn attribute(value: AttributeValue) -> Result<Attribute, StoreError> {
    Ok(match value {
        AttributeValue::S(text) => Attribute::S(text),
        AttributeValue::N(figures) => Attribute::N(figures),
        AttributeValue::B(bytes) => Attribute::B(hex(bytes.as_ref())),
        AttributeValue::Bool(value) => Attribute::Bool(value),
        AttributeValue::Null(value) => Attribute::Null(value),
        AttributeValue::L(list) => Attribute::L(list.into_iter().map(attribute).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Attribute::M(row(map)?.0),
        AttributeValue::Ss(set) => Attribute::Texts(BTreeSet::from_iter(set)),
        AttributeValue::Ns(set) => Attribute::Numbers(BTreeSet::from_iter(set)),
        AttributeValue::Bs(set) => Attribute::Blobs(set.iter().map(|bytes| hex(bytes.as_ref())).collect()),
        _ => return Err(StoreError::Corrupt("an attribute of an unknown type".to_owned())),
    })
}
