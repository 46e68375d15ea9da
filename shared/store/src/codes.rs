//! Codes as rows: by their text, by their place in a run, and what staff do to them.

use crate::{
    Deadline, Store, StoreError,
    jobs::{CodeResult, StripRow},
    keys::{self, SHARDS},
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    access::Authority,
    alert::Alert,
    audit::{Class, Entry, Severity},
    batch::{Act, Batch, BatchState, Code, CodeId, Counts, OwnExpiry, Run, RunState, STRIP_CODES, Statistics, Tally},
    code::CodeText,
    job::Job,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows that one read asks for.
const AT_ONCE: usize = 100;
/// Runs that one batch can have: ten million codes in runs of 96.
const RUNS_MAX: usize = 100_000;

/// One code that an act was found possible for.
pub struct CodeChange<'a> {
    pub before: &'a Code,
    pub after: &'a Code,
    pub act: Act,
}

#[derive(Deserialize)]
struct CounterRow {
    sk: String,
    #[serde(default)]
    redeemed: u64,
    #[serde(default)]
    redeemed_amount: u64,
    #[serde(default)]
    paid: u64,
    #[serde(default)]
    paid_amount: u64,
    #[serde(default)]
    reversed: u64,
    #[serde(default)]
    reversed_amount: u64,
    #[serde(flatten)]
    tally: Tally,
}

/// What one day of the business saw of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    pub redeemed: u64,
    pub redeemed_amount: u64,
    pub paid: u64,
    pub paid_amount: u64,
}

#[derive(Serialize, Deserialize)]
struct OwnDateRow {
    text: CodeText,
}

impl Store {
    /// A code by its text, with its batch and its run.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn code_with_batch(
        &self,
        text: &CodeText,
        deadline: Deadline,
    ) -> Result<Option<(Code, Batch, Run)>, StoreError> {
        let key = keys::code(text);
        let Some(code) = self.read(std::slice::from_ref(&key), deadline).await?.get::<Code>(&key)? else {
            return Ok(None);
        };
        let wanted = [keys::batch(&code.batch_id), keys::run(&code.batch_id, &code.run_id)];
        let items = self.read(&wanted, deadline).await?;
        Ok(items.get::<Batch>(&wanted[0])?.zip(items.get::<Run>(&wanted[1])?).map(|(batch, run)| (code, batch, run)))
    }

    /// The codes of these texts, in their order; `None` where there is none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn codes(&self, texts: &[CodeText], deadline: Deadline) -> Result<Vec<Option<Code>>, StoreError> {
        let mut found = Vec::with_capacity(texts.len());
        for chunk in texts.chunks(AT_ONCE) {
            let wanted: Vec<keys::Key> = chunk.iter().map(keys::code).collect();
            let items = self.read(&wanted, deadline).await?;
            for key in &wanted {
                found.push(items.get(key)?);
            }
        }
        Ok(found)
    }

    /// The text of the code at this place of its run.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn code_text(&self, id: &CodeId, deadline: Deadline) -> Result<Option<CodeText>, StoreError> {
        let texts = self.strip(&id.run, u64::from(id.n / STRIP_CODES), deadline).await?;
        Ok(texts.into_iter().nth((id.n % STRIP_CODES) as usize))
    }

    /// The texts of one strip; empty when there is no such strip.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn strip(&self, run_id: &str, number: u64, deadline: Deadline) -> Result<Vec<CodeText>, StoreError> {
        let key = keys::strip(run_id, number);
        let row: Option<StripRow> = self.read(std::slice::from_ref(&key), deadline).await?.get(&key)?;
        row.map_or(Ok(Vec::new()), |row| row.texts())
    }

    /// Strips of a run in order from `from` on: one page of at most `limit`, about 1 MB (some 500 strips) at the most.
    /// Fewer than asked for doesn't mean that there are no more, none at all does.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn strips(
        &self,
        run_id: &str,
        from: u64,
        limit: i32,
        deadline: Deadline,
    ) -> Result<Vec<Vec<CodeText>>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(keys::strip_pk(run_id)))
            .expression_attribute_values(":first", AttributeValue::S(keys::strip(run_id, from).sk))
            .expression_attribute_values(":last", AttributeValue::S("STRIP#~".to_owned()))
            .consistent_read(true)
            .limit(limit);
        let page = self.page(query, deadline).await?;
        let rows = page.items.unwrap_or_default().into_iter();
        rows.map(|item| self.decode::<StripRow>(item)?.texts()).collect()
    }

    /// The live runs of a batch, by their first sheet.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn live_runs(&self, batch_id: &str, deadline: Deadline) -> Result<Vec<Run>, StoreError> {
        let mut runs: Vec<Run> = self.beside_batch(batch_id, "RUN#", RUNS_MAX, deadline).await?;
        runs.retain(|run| run.state == RunState::Live);
        runs.sort_by_key(|run| run.first_sheet);
        Ok(runs)
    }

    /// How many codes of a batch have had a date of their own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn own_dates(&self, batch_id: &str, deadline: Deadline) -> Result<usize, StoreError> {
        let rows: Vec<OwnDateRow> = self.beside_batch(batch_id, "OWNDATE#", usize::MAX, deadline).await?;
        Ok(rows.len())
    }

    /// A batch's codes with a date of their own.
    async fn own_dated(&self, batch_id: &str, deadline: Deadline) -> Result<Vec<OwnExpiry>, StoreError> {
        let dated: Vec<OwnDateRow> = self.beside_batch(batch_id, "OWNDATE#", usize::MAX, deadline).await?;
        let texts: Vec<CodeText> = dated.into_iter().map(|row| row.text).collect();
        let codes = self.codes(&texts, deadline).await?.into_iter().flatten();
        let own = codes.filter(|code| code.own_expiry.is_some() && code.batch_id == batch_id);
        Ok(own.map(|code| OwnExpiry { id: code.id(), code }).collect())
    }

    /// Rows beside a batch whose sort key begins with `prefix`.
    pub(crate) async fn beside_batch<T: serde::de::DeserializeOwned>(
        &self,
        batch_id: &str,
        prefix: &str,
        most: usize,
        deadline: Deadline,
    ) -> Result<Vec<T>, StoreError> {
        self.whole(&keys::batch_pk(batch_id), prefix, most, deadline).await
    }

    /// All rows of a partition whose sort key begins with `prefix`, up to `most`.
    async fn whole<T: serde::de::DeserializeOwned>(
        &self,
        pk: &str,
        prefix: &str,
        most: usize,
        deadline: Deadline,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
                .consistent_read(true)
                .set_exclusive_start_key(from);
            let page = self.page(query, deadline).await?;
            for item in page.items.unwrap_or_default() {
                found.push(self.decode(item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() || found.len() >= most {
                return Ok(found);
            }
        }
    }

    /// A batch's counters: their sums, and what each day saw.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn counts(
        &self,
        batch_id: &str,
        deadline: Deadline,
    ) -> Result<(Counts, BTreeMap<String, DayCounts>), StoreError> {
        let rows: Vec<CounterRow> = self.whole(&keys::counter_pk(batch_id), "", usize::MAX, deadline).await?;
        let mut counts = Counts::default();
        let mut days: BTreeMap<String, DayCounts> = BTreeMap::new();
        for mut row in rows {
            // A day's redemptions and those of them that were taken back stand in one row.
            row.redeemed = row.redeemed.saturating_sub(row.reversed);
            row.redeemed_amount = row.redeemed_amount.saturating_sub(row.reversed_amount);
            counts.reversed += row.reversed;
            counts.redeemed += row.redeemed;
            counts.redeemed_amount += row.redeemed_amount;
            counts.paid += row.paid;
            counts.paid_amount += row.paid_amount;
            counts.tally = counts.tally.plus(row.tally);
            let day = row.sk.split('#').next().unwrap_or_default();
            if day != "TALLY" {
                let seen = days.entry(day.to_owned()).or_default();
                seen.redeemed += row.redeemed;
                seen.redeemed_amount += row.redeemed_amount;
                seen.paid += row.paid;
                seen.paid_amount += row.paid_amount;
            }
        }
        Ok((counts, days))
    }

    /// What may still be asked for: of open batches codes there and coming, without what was redeemed; of batches whose
    /// date has passed the codes with a date of their own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payable(&self, deadline: Deadline) -> Result<u64, StoreError> {
        let mut sum: u64 = 0;
        let mut position = None;
        loop {
            let dated = |batch: &Batch| batch.state == BatchState::Expired && !batch.expired_by_hand;
            let open = |batch: &Batch| (batch.state.is_open() || dated(batch)) && batch.codes + batch.coming > 0;
            let listed = self.batches(true, position, usize::MAX, open, deadline).await?;
            for batch in &listed.items {
                if dated(batch) {
                    let open = self.own_dated(&batch.id, deadline).await?.into_iter().filter(|own| {
                        let code = &own.code;
                        code.claim.is_none() && !code.deleted && !code.reported
                    });
                    let worth = (open.count() as u64).saturating_mul(batch.money.amount);
                    sum = sum.saturating_add(worth);
                    continue;
                }
                let (counts, _) = self.counts(&batch.id, deadline).await?;
                let issued = batch.issued_amount();
                sum = sum.saturating_add(issued.saturating_sub(counts.redeemed_amount));
            }
            position = listed.next.and_then(|number| number.parse().ok());
            if position.is_none() {
                return Ok(sum);
            }
        }
    }

    /// A batch in figures at `now`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn statistics(
        &self,
        batch: &Batch,
        grace_hours: u32,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<(Statistics, BTreeMap<String, DayCounts>), StoreError> {
        let (counts, days) = self.counts(&batch.id, deadline).await?;
        let own = self.own_dated(&batch.id, deadline).await?;
        Ok((Statistics::of(batch, &counts, &own, grace_hours, now), days))
    }

    /// One chunk of a bulk act: each code with its audit entry, the counters, the results, and the job moved on.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the job or a code is not as it was read.
    pub async fn commit_changes(
        &self,
        (before, after): (&Job, &Job),
        changes: &[CodeChange<'_>],
        results: &[CodeResult],
        authority: &dyn Authority,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_job(Some(before), after)?;
        transaction.put_results(after, before.checkpoint, results)?;
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        for change in changes {
            let step = Tally::step(change.before, change.act);
            let held = tallies.entry(&change.before.batch_id).or_default();
            *held = held.plus(step);
            transaction.change_code(change)?;
            // Named by job and code: a resend writes the same entry.
            let id = format!("{}-{}", after.id, change.before.id());
            let entry =
                code_entry(change, authority, id, after.updated_at).change("job", None, Some(after.id.to_string()));
            transaction.put_audit(&entry)?;
        }
        for (batch_id, tally) in tallies {
            transaction.add_tally(batch_id, (before.checkpoint % u64::from(SHARDS)) as u8, tally)?;
        }
        self.commit(transaction, deadline).await
    }
}

/// The audit entry of what was done to one code.
pub(crate) fn code_entry(change: &CodeChange<'_>, authority: &dyn Authority, id: String, at: Timestamp) -> Entry {
    let action = format!("code.{}", change.act.name());
    let entry = Entry::by(authority, id, at, Class::Change, &action, format!("code:{}", change.before.id()));
    let flag = |value: bool| Some(value.to_string());
    let entry = entry
        .change("blocked", flag(change.before.blocked), flag(change.after.blocked))
        .change("reported", flag(change.before.reported), flag(change.after.reported))
        .change("deleted", flag(change.before.deleted), flag(change.after.deleted));
    match change.act {
        Act::Block | Act::Unblock => entry,
        Act::Delete | Act::Report => entry.severity(Severity::Warning),
    }
}

impl Transaction {
    /// The flags of one code, past whatever the settlement of its payout writes meanwhile.
    pub(crate) fn change_code(&mut self, change: &CodeChange<'_>) -> Result<(), StoreError> {
        let CodeChange { before, after, act } = change;
        let settled = before.settled_generation;
        self.update(&keys::code(&before.text), |update| {
            let flag = |value: bool| AttributeValue::Bool(value);
            let update = update
                .update_expression(
                    "SET blocked = :blocked, reported = :reported, deleted = :deleted, #version = :after",
                )
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":blocked", flag(after.blocked))
                .expression_attribute_values(":reported", flag(after.reported))
                .expression_attribute_values(":deleted", flag(after.deleted))
                .expression_attribute_values(":before", AttributeValue::N(before.version.to_string()))
                .expression_attribute_values(":after", AttributeValue::N(after.version.to_string()));
            match (act, settled) {
                // A report counts the code as paid or not: that must not change under it.
                (Act::Report, Some(generation)) => update
                    .condition_expression("#version = :before AND settled_generation = :settled")
                    .expression_attribute_values(":settled", AttributeValue::N(generation.to_string())),
                (Act::Report, None) => {
                    update.condition_expression("#version = :before AND attribute_not_exists(settled_generation)")
                }
                (Act::Block | Act::Unblock | Act::Delete, _) => update.condition_expression("#version = :before"),
            }
        })
    }

    /// Date and metadata of one code.
    pub(crate) fn redate_code(&mut self, before: &Code, after: &Code) -> Result<(), StoreError> {
        let metadata = serde_dynamo::to_attribute_value::<_, AttributeValue>(&after.metadata)?;
        self.update(&keys::code(&before.text), |update| {
            let update = update
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_names("#metadata", "metadata")
                .expression_attribute_values(":before", AttributeValue::N(before.version.to_string()))
                .expression_attribute_values(":after", AttributeValue::N(after.version.to_string()))
                .expression_attribute_values(":metadata", metadata);
            match after.own_expiry {
                Some(at) => update
                    .update_expression("SET #metadata = :metadata, own_redeem_until = :until, #version = :after")
                    .expression_attribute_values(":until", AttributeValue::N(at.as_millisecond().to_string())),
                None => {
                    update.update_expression("SET #metadata = :metadata, #version = :after REMOVE own_redeem_until")
                }
            }
        })?;
        if before.own_expiry.is_none() && after.own_expiry.is_some() {
            let row = OwnDateRow { text: after.text.clone() };
            self.put(&keys::own_expiry(&after.batch_id, &after.id()), &row, [], Expect::Anything)?;
        }
        Ok(())
    }

    pub(crate) fn add_tally(&mut self, batch_id: &str, shard: u8, tally: Tally) -> Result<(), StoreError> {
        if tally.is_nothing() {
            return Ok(());
        }
        let parts: Vec<(&str, i64)> = tally.parts().into_iter().filter(|(_, step)| *step != 0).collect();
        self.add_signed(&keys::tally(batch_id, shard), &parts)
    }

    pub(crate) fn put_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        self.put(&keys::alert(alert.at, &alert.id), alert, [], Expect::Absent)
    }
}
