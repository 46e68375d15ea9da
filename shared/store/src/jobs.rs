//! Jobs as rows: found, taken, moved on chunk by chunk.
//!
//! Every write of a job replaces the row that was read (its version is the condition), so a lease, a checkpoint and a
//! wish to cancel can't pass each other unseen.

use crate::{
    Deadline, Listed, Store, StoreError, keys,
    redemptions::expires,
    staff::Page,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    batch::{Code, CodeId, Run},
    change::Change,
    code::CodeText,
    id::{JobId, UserId},
    job::{Job, KEPT_MS, Notice},
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const KEPT_S: i64 = KEPT_MS / 1_000;

/// What became of one code in a bulk act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeResult {
    pub id: CodeId,
    /// For people who may not see codes, and for logs.
    pub masked: String,
    /// The number of its batch, where the code was found.
    #[serde(default)]
    pub batch: Option<u64>,
    /// `changed`, or why not in a word.
    pub result: String,
}

#[derive(Serialize, Deserialize)]
struct ResultsRow {
    results: Vec<CodeResult>,
}

/// The newest job for one caller and one question (API-07).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub job: JobId,
    /// The newest one before it that was done: what there is while the newest isn't, or if it fails.
    #[serde(default)]
    pub done: Option<JobId>,
    pub version: u64,
}

/// The codes of one strip, each with the version of the row that it replaces (0 for none: a text that was never there).
pub struct Strip<'a> {
    pub run: &'a Run,
    pub number: u64,
    pub codes: &'a [(Code, u64)],
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StripRow {
    /// Joined by spaces.
    pub codes: String,
}

impl StripRow {
    pub fn texts(&self) -> Result<Vec<CodeText>, StoreError> {
        let read = |text: &str| CodeText::parse(text).map_err(|error| StoreError::Corrupt(error.to_string()));
        self.codes.split_ascii_whitespace().map(read).collect()
    }
}

impl Store {
    /// # Errors
    /// See [`StoreError`].
    pub async fn job(&self, id: &JobId, deadline: Deadline) -> Result<Option<Job>, StoreError> {
        let key = keys::job(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// The change that a waiting job waits for.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn change_of_job(&self, job: &Job, deadline: Deadline) -> Result<Option<Change>, StoreError> {
        let Some(id) = &job.change else { return Ok(None) };
        let key = keys::change(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Jobs, newest first, as far as eight pages of rows go; `wanted` chooses.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn jobs(
        &self,
        before: Option<&JobId>,
        limit: usize,
        wanted: impl Fn(&Job) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Job>, StoreError> {
        let page = Page { pk: keys::JOBS_PK, prefix: "JOB#", before: before.map(|id| format!("JOB#{id}")), limit };
        self.list(page, wanted, |job: &Job| job.id.to_string(), deadline).await
    }

    /// A user's notices, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn notices(
        &self,
        user: &UserId,
        before: Option<&JobId>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Listed<Notice>, StoreError> {
        let pk = keys::user_pk(user);
        let page = Page { pk: &pk, prefix: "NOTICE#", before: before.map(|id| format!("NOTICE#{id}")), limit };
        self.list(page, |_| true, |notice: &Notice| notice.job.to_string(), deadline).await
    }

    /// Replaces a job as read.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else has written it; see [`StoreError`].
    pub async fn save_job(&self, before: &Job, after: &Job, deadline: Deadline) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_job(Some(before), after)?;
        self.commit(transaction, deadline).await
    }

    /// One chunk of a run: the codes, their strip and the job moved on, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the job is not as it was read, or a text is taken: reading both tells which.
    pub async fn commit_strip(
        &self,
        before: &Job,
        after: &Job,
        strip: &Strip<'_>,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_job(Some(before), after)?;
        transaction.put_strip(strip)?;
        self.commit(transaction, deadline).await
    }

    /// Jobs whose time has come, as the index suggests: read and still due.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due_jobs(&self, now: Timestamp, limit: i32, deadline: Deadline) -> Result<Vec<Job>, StoreError> {
        let keys = self.due(keys::DUE_JOB, now, limit, deadline).await?;
        let items = self.read(&keys, deadline).await?;
        let rows = keys.iter().filter_map(|key| items.readable::<Job>(key));
        Ok(rows.filter(|job| job.due_at().is_some_and(|due| due <= now)).collect())
    }

    /// Results of a bulk act, chunk by chunk in order, from `chunk` on: at most one page of them, and the chunk to go on
    /// from if there are more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn job_results(
        &self,
        id: &JobId,
        chunk: u64,
        deadline: Deadline,
    ) -> Result<(Vec<CodeResult>, Option<u64>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(keys::job_pk(id)))
            .expression_attribute_values(":first", AttributeValue::S(keys::job_result(id, chunk).sk))
            .expression_attribute_values(":last", AttributeValue::S("RESULT#~".to_owned()))
            .consistent_read(true);
        let page = self.page(query, deadline).await?;
        let next = page.last_evaluated_key.as_ref().and_then(|key| match key.get("sk") {
            Some(AttributeValue::S(sk)) => sk.strip_prefix("RESULT#").and_then(|number| number.parse::<u64>().ok()),
            _ => None,
        });
        let mut results = Vec::new();
        for item in page.items.unwrap_or_default() {
            results.extend(self.decode::<ResultsRow>(item)?.results);
        }
        Ok((results, next.map(|chunk| chunk + 1)))
    }

    /// The newest job for one caller's question, if there is one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn job_asked(&self, asked: &str, deadline: Deadline) -> Result<Option<Asked>, StoreError> {
        let key = keys::job_asked(asked);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Takes `items` of this second's writes, of which jobs together have `per_second`. `false`: none are left, try in
    /// the next second. Counted on the machine's own clock, because it is the table's real load that is bounded.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn take_writes(&self, items: u32, per_second: u32, deadline: Deadline) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let key = keys::writes_of_second(now.as_second());
        let room = i64::from(per_second.max(items)) - i64::from(items);
        let mut transaction = Transaction::new(self);
        let (name, value) = expires(now, 3_600);
        transaction.update(&key, |update| {
            update
                .update_expression("ADD used :items SET #expires = :expires")
                .condition_expression("attribute_not_exists(used) OR used <= :room")
                .expression_attribute_names("#expires", name)
                .expression_attribute_values(":items", AttributeValue::N(items.to_string()))
                .expression_attribute_values(":room", AttributeValue::N(room.to_string()))
                .expression_attribute_values(":expires", value)
        })?;
        match self.commit(transaction, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keys of one partition of the due index whose time has come, oldest first. Eventually consistent.
    pub(crate) async fn due(
        &self,
        partition: &str,
        now: Timestamp,
        limit: i32,
        deadline: Deadline,
    ) -> Result<Vec<keys::Key>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_key = :partition AND due_at <= :now")
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .limit(limit.clamp(1, 100));
        let page = self.page(query, deadline).await?;
        page.items.unwrap_or_default().iter().map(crate::read::key_of).collect()
    }
}

impl Transaction {
    /// A job with its place in the due index; one that is over goes by itself in time.
    pub(crate) fn put_job(&mut self, before: Option<&Job>, job: &Job) -> Result<(), StoreError> {
        let expect = before.map_or(Expect::Absent, |job| Expect::Version(job.version));
        let own = match job.due_at() {
            Some(due_at) => vec![
                ("due_key", AttributeValue::S(keys::DUE_JOB.to_owned())),
                ("due_at", AttributeValue::N(due_at.as_millisecond().to_string())),
            ],
            None => vec![expires(time::plus(job.updated_at, 0), KEPT_S)],
        };
        self.put(&keys::job(&job.id), job, own, expect)
    }

    pub(crate) fn put_strip(&mut self, strip: &Strip<'_>) -> Result<(), StoreError> {
        let texts: Vec<&str> = strip.codes.iter().map(|(code, _)| code.text.as_str()).collect();
        let row = StripRow { codes: texts.join(" ") };
        self.put(&keys::strip(&strip.run.id, strip.number), &row, [], Expect::Anything)?;
        for (code, replaces) in strip.codes {
            self.put(&keys::code(&code.text), code, [], Expect::Version(*replaces))?;
        }
        Ok(())
    }

    pub(crate) fn put_results(&mut self, job: &Job, chunk: u64, results: &[CodeResult]) -> Result<(), StoreError> {
        let row = ResultsRow { results: results.to_vec() };
        self.put(&keys::job_result(&job.id, chunk), &row, [expires(job.updated_at, KEPT_S)], Expect::Absent)
    }

    pub(crate) fn put_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        let key = keys::notice(&notice.user, &notice.job);
        self.put(&key, notice, [expires(notice.at, KEPT_S)], Expect::Anything)
    }
}
