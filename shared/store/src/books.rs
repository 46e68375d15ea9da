//! What came of comparing our books with the provider's, and counters with the records they count.

use crate::{
    Act, Counted, Deadline, Listed, Store, StoreError,
    keys::{self, SHARDS},
    staff::Page,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    id::JobId,
    job::JobFile,
    reconcile::{Correction, Drift, Finding, Place, Totals, Verdict},
    time,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A day's references are sent until the next day and asked about a second time three days later.
const FINAL_AFTER_DAYS: i32 = 5;

/// One comparison, as it is shown: what came of it, and its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedBooks {
    pub from: Date,
    pub to: Date,
    /// `asked` or `statement`.
    pub source: String,
    #[serde(with = "time::required")]
    pub made_at: Timestamp,
    /// The job that made it, where somebody asked for it.
    pub job: Option<JobId>,
    pub verdict: Verdict,
    pub totals: Totals,
    pub differences: u64,
    pub open: u64,
    /// Payouts of these days that a later comparison may say more of: they have not ended, or were not asked about
    /// again since.
    #[serde(default)]
    pub waiting: u64,
    /// A digest of what somebody was last called for: the same is no reason to call again.
    #[serde(default)]
    pub alerted: Option<String>,
    pub files: Vec<JobFile>,
}

/// A recount that found something: the second one, a while later, puts it right if it finds the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recount {
    pub drifts: Vec<Drift>,
    /// Nothing is left to be put right.
    pub done: bool,
    pub version: u64,
}

impl ComparedBooks {
    /// Whether the comparison of a day need not be made again: its references were asked about a second time, 72 hours
    /// after their last send, and all is known.
    pub fn is_final(&self, zone: &TimeZone) -> bool {
        let late = self.to.checked_add(FINAL_AFTER_DAYS.days()).is_ok_and(|late| time::day(self.made_at, zone) >= late);
        late && self.verdict != Verdict::Incomplete && self.waiting == 0
    }
}

impl Store {
    /// Comparisons, the newest days first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn compared_books(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: impl Fn(&ComparedBooks) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<ComparedBooks>, StoreError> {
        let place = |compared: &ComparedBooks| keys::books(compared.to, compared.from, &compared.source).sk;
        let page = Page { pk: keys::BOOKS_PK, prefix: "COMPARED#", before: before.map(str::to_owned), limit };
        self.list(page, wanted, place, deadline).await
    }

    /// Differences, the newest days first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn findings(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Finding) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Finding>, StoreError> {
        let place = |finding: &Finding| keys::finding_place(finding.day, &finding.id);
        let page = Page { pk: keys::FINDINGS_PK, prefix: "FINDING#", before: before.map(str::to_owned), limit };
        self.list(page, wanted, place, deadline).await
    }

    /// Keeps a difference, unless it is known already: what people have said of it stays. `true` when it is new.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn keep_finding(&self, finding: &Finding, deadline: Deadline) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::finding(finding.day, &finding.id), finding, [], Expect::Absent)?;
        match self.commit(transaction, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One day's counters of a batch, with the shard of each row.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn counters_of_day(
        &self,
        batch_id: &str,
        day: Date,
        deadline: Deadline,
    ) -> Result<Vec<(u8, Counted)>, StoreError> {
        let wanted: Vec<(u8, keys::Key)> =
            (0..SHARDS).map(|shard| (shard, keys::counter(batch_id, day, shard))).collect();
        let all: Vec<keys::Key> = wanted.iter().map(|(_, key)| key.clone()).collect();
        let items = self.read(&all, deadline).await?;
        let mut counters = Vec::new();
        for (shard, key) in wanted {
            if let Some(counted) = items.get::<Counted>(&key)? {
                counters.push((shard, counted));
            }
        }
        Ok(counters)
    }
}

impl Act<'_> {
    /// # Errors
    /// See [`StoreError`].
    pub fn compared(mut self, compared: &ComparedBooks) -> Result<Self, StoreError> {
        let key = keys::books(compared.to, compared.from, &compared.source);
        self.transaction.put(&key, compared, [], Expect::Anything)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn finding(mut self, before: &Finding, after: &Finding) -> Result<Self, StoreError> {
        let key = keys::finding(after.day, &after.id);
        self.transaction.put(&key, after, [], Expect::Version(before.version))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn recount(mut self, day: Date, before: u64, after: &Recount) -> Result<Self, StoreError> {
        self.transaction.put(&keys::recount(day), after, [], Expect::Version(before))?;
        Ok(self)
    }

    /// Adds what is missing to a row of counters. The condition: it still says what it said when it was recounted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn corrected_counter(mut self, place: &Place, drift: &Drift, step: Correction) -> Result<Self, StoreError> {
        let number = |value: i64| AttributeValue::N(value.to_string());
        let key = keys::counter(&place.batch, place.day, place.shard);
        self.transaction.update(&key, |update| {
            let mut update = update
                .update_expression("ADD #p0 :s0, #p1 :s1, #p2 :s2, #p3 :s3")
                .condition_expression(
                    "(#p0 = :c0 OR (attribute_not_exists(#p0) AND :c0 = :none)) \
                     AND (#p2 = :c2 OR (attribute_not_exists(#p2) AND :c2 = :none))",
                )
                .expression_attribute_values(":none", number(0));
            for (n, ((name, by), (_, counted))) in step.parts().into_iter().zip(drift.counted.parts()).enumerate() {
                update = update
                    .expression_attribute_names(format!("#p{n}"), name)
                    .expression_attribute_values(format!(":s{n}"), number(by));
                if n % 2 == 0 {
                    let counted = number(i64::try_from(counted).unwrap_or(i64::MAX));
                    update = update.expression_attribute_values(format!(":c{n}"), counted);
                }
            }
            update
        })?;
        Ok(self)
    }
}
