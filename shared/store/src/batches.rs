//! Batches and runs, switches and settings: what must be there before anybody can redeem.

use crate::{
    Act, Deadline, Listed, Store, StoreError,
    codes::{CodeChange, code_entry},
    jobs::{Asked, Strip},
    keys::{self, SHARDS},
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    access::Authority,
    audit::Entry,
    batch::{Batch, BatchName, BatchState, Code, Run, RunState, STRIP_CODES, Tally},
    id::{JobId, UserId},
    identity::hex,
    job::{Job, Notice, Print},
    settings::Settings,
    switches::Switches,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Listing rows that one request looks through, 100 at a time.
const LIST_PAGES: usize = 8;
const LIST_ROWS: i32 = 100;

/// What codes made in one month are worth, all runs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issued {
    pub amount: u64,
    pub version: u64,
}

/// How many batches there are, or one user has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Made {
    pub count: u64,
    pub version: u64,
}

/// The picture on printed sheets: PNG or JPEG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// Base64.
    pub data: String,
}

#[derive(Serialize, Deserialize)]
struct ListedRow {
    batch_id: String,
}

impl Store {
    /// A batch with all its codes at once, for demonstrations and tests: the same rows as jobs write, without the job.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the count is not what was asked for; [`StoreError::Changed`] when a code, the
    /// batch or the run exists already.
    pub async fn create_batch(
        &self,
        batch: &Batch,
        run: &Run,
        codes: &[Code],
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        if codes.len() as u64 != run.asked {
            return Err(StoreError::Rejected(format!("{} codes of {} asked for", codes.len(), run.asked)));
        }
        // Later batches take later numbers, and no other name.
        let numbers_key = keys::batch_numbers();
        let numbers: Option<Made> = self.read(std::slice::from_ref(&numbers_key), deadline).await?.get(&numbers_key)?;
        let numbers = numbers.unwrap_or_default();
        let next = Made { count: numbers.count.max(batch.number), version: numbers.version + 1 };
        let mut transaction = Transaction::new(self);
        transaction.put_batch(None, batch)?;
        transaction.put(&numbers_key, &next, [], Expect::Version(numbers.version))?;
        if let Ok(name) = BatchName::parse(&batch.name) {
            transaction.update(&keys::batch_name(&name), |update| {
                update
                    .update_expression("SET owned_by = :becomes")
                    .condition_expression("attribute_not_exists(pk) OR owned_by = :nobody")
                    .expression_attribute_values(":becomes", AttributeValue::S(batch.id.clone()))
                    .expression_attribute_values(":nobody", AttributeValue::S(String::new()))
            })?;
        }
        let staging = Run { state: RunState::Staging, version: 1, ..run.clone() };
        transaction.put(&keys::run(&batch.id, &run.id), &staging, [], Expect::Absent)?;
        self.commit(transaction, deadline).await?;
        for (number, chunk) in codes.chunks(STRIP_CODES as usize).enumerate() {
            let codes: Vec<(Code, u64)> = chunk.iter().map(|code| (code.clone(), 0)).collect();
            let mut transaction = Transaction::new(self);
            transaction.put_strip(&Strip { run, number: number as u64, codes: &codes })?;
            self.commit(transaction, deadline).await?;
        }
        let refused = || StoreError::Rejected("the batch takes no codes".to_owned());
        let (filled, first_sheet) = batch.filled(run.asked, batch.created_at).ok_or_else(refused)?;
        let live = Run { state: RunState::Live, first_sheet, version: 2, ..staging };
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::run(&batch.id, &run.id), &live, [], Expect::Version(1))?;
        transaction.put_batch(Some(batch), &filled)?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// # Errors
    /// See [`StoreError`].
    pub async fn batch(&self, id: &str, deadline: Deadline) -> Result<Option<Batch>, StoreError> {
        let key = keys::batch(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// # Errors
    /// See [`StoreError`].
    pub async fn run(&self, batch_id: &str, run_id: &str, deadline: Deadline) -> Result<Option<Run>, StoreError> {
        let key = keys::run(batch_id, run_id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Batches by number, newest first (or oldest first), behind the number `position`, as far as 800 rows go; `wanted`
    /// chooses. `next` is the number to go on behind.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn batches(
        &self,
        newest_first: bool,
        position: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Batch) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Batch>, StoreError> {
        let mut items = Vec::new();
        let mut position = position;
        for _ in 0..LIST_PAGES {
            let (mut first, mut last) = ("BATCH#".to_owned(), "BATCH#~".to_owned());
            match (position, newest_first) {
                (Some(0), true) => return Ok(Listed { items, next: None }),
                (Some(number), true) => last = keys::batch_listed(number - 1).sk,
                (Some(number), false) => first = keys::batch_listed(number + 1).sk,
                (None, _) => {}
            }
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", AttributeValue::S(keys::BATCHES_PK.to_owned()))
                .expression_attribute_values(":first", AttributeValue::S(first))
                .expression_attribute_values(":last", AttributeValue::S(last))
                .scan_index_forward(!newest_first)
                .consistent_read(true)
                .limit(LIST_ROWS);
            let page = self.page(query, deadline).await?;
            let more = page.last_evaluated_key.is_some();
            let rows: Result<Vec<ListedRow>, _> =
                page.items.unwrap_or_default().into_iter().map(|item| self.decode::<ListedRow>(item)).collect();
            let wanted_keys: Vec<keys::Key> = rows?.iter().map(|row| keys::batch(&row.batch_id)).collect();
            let found = self.read(&wanted_keys, deadline).await?;
            for key in &wanted_keys {
                let Some(batch) = found.get::<Batch>(key)? else { continue };
                position = Some(batch.number);
                if wanted(&batch) {
                    items.push(batch);
                    if items.len() == limit {
                        return Ok(Listed { items, next: position.map(|number| number.to_string()) });
                    }
                }
            }
            if !more {
                return Ok(Listed { items, next: None });
            }
        }
        Ok(Listed { items, next: position.map(|number| number.to_string()) })
    }

    /// What is needed to make a batch: the number of the newest one, what `month` (`2026-11`) has issued, and how many
    /// batches the user has made.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn issuing(
        &self,
        month: &str,
        user: &UserId,
        deadline: Deadline,
    ) -> Result<(Made, Issued, Made), StoreError> {
        let wanted = [keys::batch_numbers(), keys::issued_month(month), keys::batches_of(user)];
        let items = self.read(&wanted, deadline).await?;
        Ok((
            items.get(&wanted[0])?.unwrap_or_default(),
            items.get(&wanted[1])?.unwrap_or_default(),
            items.get(&wanted[2])?.unwrap_or_default(),
        ))
    }

    /// Whether a batch has this name now.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn batch_name_taken(&self, name: &BatchName, deadline: Deadline) -> Result<bool, StoreError> {
        #[derive(Deserialize)]
        struct Owned {
            #[serde(default)]
            owned_by: String,
        }
        let key = keys::batch_name(name);
        let row: Option<Owned> = self.read(std::slice::from_ref(&key), deadline).await?.get(&key)?;
        Ok(row.is_some_and(|row| !row.owned_by.is_empty()))
    }

    /// Every printing of a batch's sheets, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn prints(&self, batch_id: &str, deadline: Deadline) -> Result<Vec<Print>, StoreError> {
        self.beside_batch(batch_id, "PRINT#", 1_000, deadline).await
    }

    /// Batches whose time has come, as the index suggests: read and still due.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due_batches(&self, now: Timestamp, limit: i32, deadline: Deadline) -> Result<Vec<Batch>, StoreError> {
        let keys = self.due(keys::DUE_BATCH, now, limit, deadline).await?;
        let items = self.read(&keys, deadline).await?;
        let rows = keys.iter().filter_map(|key| items.readable::<Batch>(key));
        Ok(rows.filter(|batch| batch.look_at.is_some_and(|at| at <= now)).collect())
    }

    /// The logo, if one was set.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn logo(&self, deadline: Deadline) -> Result<Option<Logo>, StoreError> {
        let key = keys::logo();
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Replaces a batch row as read, with its audit entry.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not as it was read.
    pub async fn save_batch(
        &self,
        before: &Batch,
        after: &Batch,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_batch(Some(before), after)?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces a batch row as read, where nothing is changed but when it is looked at again.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not as it was read.
    pub async fn put_off_batch(&self, before: &Batch, after: &Batch, deadline: Deadline) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_batch(Some(before), after)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces a code row as read, with its audit entry.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the row is not as it was read.
    pub async fn save_code(
        &self,
        before: &Code,
        after: &Code,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::code(&after.text), after, [], Expect::Version(before.version))?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Sets the switches. They are not versioned: the last one who throws a switch means it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_switches(
        &self,
        switches: &Switches,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::switches(), switches, [], Expect::Anything)?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }

    /// Replaces the settings that were read at version `read`; 0 when there were none.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with what is wrong with them; [`StoreError::Changed`] when somebody else was faster.
    pub async fn save_settings(
        &self,
        read: u64,
        settings: &Settings,
        audit: &Entry,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(StoreError::Rejected(problems.join("; ")));
        }
        let mut transaction = Transaction::new(self);
        transaction.put(&keys::settings(), settings, [], Expect::Version(read))?;
        transaction.put_audit(audit)?;
        self.commit(transaction, deadline).await
    }
}

impl Transaction {
    /// A batch with its place in the due index, and in the list of all where it is new.
    pub(crate) fn put_batch(&mut self, before: Option<&Batch>, batch: &Batch) -> Result<(), StoreError> {
        let due = batch.look_at.map(|due_at| {
            [
                ("due_key", AttributeValue::S(keys::DUE_BATCH.to_owned())),
                ("due_at", AttributeValue::N(due_at.as_millisecond().to_string())),
            ]
        });
        let expect = before.map_or(Expect::Absent, |batch| Expect::Version(batch.version));
        self.put(&keys::batch(&batch.id), batch, due.into_iter().flatten(), expect)?;
        if before.is_none() {
            let row = ListedRow { batch_id: batch.id.clone() };
            self.put(&keys::batch_listed(batch.number), &row, [], Expect::Absent)?;
        }
        Ok(())
    }
}

/// What an act about batches, runs, codes and jobs writes.
impl Act<'_> {
    /// A batch as it has become. A new one takes its name; a deleted one gives it back; a renamed one does both.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn batch(mut self, before: Option<&Batch>, after: &Batch) -> Result<Self, StoreError> {
        self.transaction.put_batch(before, after)?;
        let name_of = |batch: &Batch| match batch.state {
            BatchState::Deleted => None,
            BatchState::Generating
            | BatchState::Active
            | BatchState::Blocked
            | BatchState::Expired
            | BatchState::Completed
            | BatchState::Archived => BatchName::parse(&batch.name).ok(),
        };
        let (had, has) = (before.and_then(name_of), name_of(after));
        if had != has {
            if let Some(name) = has {
                let free = "attribute_not_exists(pk) OR owned_by = :nobody";
                self.own(&keys::batch_name(&name), Some(&after.id), free, &after.id)?;
            }
            if let Some(name) = had {
                let ours = "attribute_not_exists(pk) OR owned_by = :owner";
                self.own(&keys::batch_name(&name), None, ours, &after.id)?;
            }
        }
        Ok(self)
    }

    /// The number that a new batch takes, and the count of its maker's batches.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn numbered(mut self, user: &UserId, numbers: &Made, own: &Made) -> Result<Self, StoreError> {
        let next = |made: &Made| Made { count: made.count + 1, version: made.version + 1 };
        self.transaction.put(&keys::batch_numbers(), &next(numbers), [], Expect::Version(numbers.version))?;
        self.transaction.put(&keys::batches_of(user), &next(own), [], Expect::Version(own.version))?;
        Ok(self)
    }

    /// What a month (`2026-11`) issues, `amount` more. Everything that was judged by the sum goes through here, so two
    /// can't pass the same ceiling at one time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn issued(mut self, month: &str, before: &Issued, amount: u64) -> Result<Self, StoreError> {
        let after = Issued { amount: before.amount.saturating_add(amount), version: before.version + 1 };
        self.transaction.put(&keys::issued_month(month), &after, [], Expect::Version(before.version))?;
        Ok(self)
    }

    /// Takes back what a month was counted for: the run was given up.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn not_issued(mut self, month: &str, amount: u64) -> Result<Self, StoreError> {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        self.transaction.add_signed(&keys::issued_month(month), &[("amount", -amount), ("version", 1)])?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn run(mut self, before: Option<&Run>, after: &Run) -> Result<Self, StoreError> {
        let expect = before.map_or(Expect::Absent, |run| Expect::Version(run.version));
        self.transaction.put(&keys::run(&after.batch_id, &after.id), after, [], expect)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn job(mut self, before: Option<&Job>, after: &Job) -> Result<Self, StoreError> {
        self.transaction.put_job(before, after)?;
        Ok(self)
    }

    /// That this job is the newest for one caller and one question, and which one before it was done.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn asked(
        mut self,
        asked: &str,
        before: Option<&Asked>,
        done: Option<JobId>,
        job: &Job,
    ) -> Result<Self, StoreError> {
        let read = before.map_or(0, |asked| asked.version);
        let row = Asked { job: job.id.clone(), done, version: read + 1 };
        let kept = crate::redemptions::expires(job.created_at, domain::job::KEPT_MS / 1_000);
        self.transaction.put(&keys::job_asked(asked), &row, [kept], Expect::Version(read))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn notice(mut self, notice: &Notice) -> Result<Self, StoreError> {
        self.transaction.put_notice(notice)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn print(mut self, batch_id: &str, print: &Print) -> Result<Self, StoreError> {
        self.transaction.put(&keys::print(batch_id, &print.job), print, [], Expect::Absent)?;
        Ok(self)
    }

    /// What was done to one code: its flags, its counters, and an entry of its own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn code(
        mut self,
        change: &CodeChange<'_>,
        authority: &dyn Authority,
        reason: &str,
    ) -> Result<Self, StoreError> {
        let Some(at) = self.entries.first().map(|entry| entry.at) else { return Ok(self) };
        self.transaction.change_code(change)?;
        let shard = keys::shard(change.before.text.as_str(), SHARDS);
        let tally = Tally::step(change.before, change.act);
        self.transaction.add_tally(&change.before.batch_id, shard, tally)?;
        let entry = code_entry(change, authority, hex(&crate::act::chance::<12>()?), at);
        self.entries.push(entry.change("reason", None, Some(reason.to_owned())));
        Ok(self)
    }

    /// A code's own date and metadata.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn code_details(mut self, before: &Code, after: &Code) -> Result<Self, StoreError> {
        self.transaction.redate_code(before, after)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn logo(mut self, logo: &Logo) -> Result<Self, StoreError> {
        self.transaction.put(&keys::logo(), logo, [], Expect::Anything)?;
        Ok(self)
    }
}
