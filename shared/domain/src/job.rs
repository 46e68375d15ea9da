//! Work that goes on in the background: making, importing, exporting and changing codes.
//!
//! A job's row says everything: what is to be done, how far it has come, who holds it. A worker takes it by a lease, and
//! each chunk of its work is one transaction that moves the row on, conditional on the lease and the checkpoint: who
//! died after a commit, or comes back after its lease, can't repeat a chunk. `queued → running → done | failed |
//! cancelled`; before them `waiting`, where a second person must agree.

mod chunk;
mod draw;

pub use chunk::{HALF_CODES, Half, halves, strip_range};
pub use draw::Seed;

use crate::{
    batch::{Act, CodeId, CodeState},
    change::OPEN_MS,
    id::{ChangeId, JobId, UserId},
    payout::Outside,
    permission::Permission,
    time::{self, DAY_MS, MINUTE_MS, SECOND_MS},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// How long a worker holds a job without writing progress. Each chunk begins it anew.
pub const LEASE_MS: i64 = 60 * SECOND_MS;
/// A queued job that no message has started by then is found by the sweeper.
pub const FIRST_DUE_MS: i64 = 30 * SECOND_MS;
/// How long the sweeper leaves a job alone that it has nudged.
pub const ROUTED_FOR_MS: i64 = 2 * MINUTE_MS;
/// Claims without any progress until a job is given up.
pub const MAX_CLAIMS: u8 = 5;
/// How long a job that is over, its results and its files are kept.
pub const KEPT_MS: i64 = 90 * DAY_MS;
/// Codes that one selection can name.
pub const SELECTION_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// For a second person.
    Waiting,
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn is_over(self) -> bool {
        match self {
            Self::Waiting | Self::Queued | Self::Running => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Csv,
    Pdf,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }
}

/// Sheets of a batch, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetRange {
    pub first: u32,
    pub last: u32,
}

/// Which codes a bulk act is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Selection {
    /// At most [`SELECTION_MAX`].
    Codes { codes: Vec<CodeId> },
    /// All of a batch, cut down to sheets and to a state.
    Batch { batch_id: String, sheets: Option<SheetRange>, state: Option<CodeState> },
}

/// An import's file once it has been read as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedFile {
    /// Of its bytes; a file that reads otherwise later was replaced.
    pub sha256: String,
    /// Good lines.
    pub codes: u64,
    pub bad: u64,
    /// Numbers of the lines whose codes the system had when it was checked, one a line; none where there are none. What
    /// the table says later isn't asked: it knows the codes of this very run by then.
    #[serde(default)]
    pub taken: Option<JobFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    Generate {
        batch_id: String,
        run_id: String,
        /// What the codes are drawn from; gone once they are live.
        seed: Option<Seed>,
        /// How often the chunk that is next has met a code that was taken.
        redraw: u32,
    },
    Import {
        batch_id: String,
        run_id: String,
        /// The object in the files' bucket, and what the user calls it.
        upload: String,
        file_name: String,
        /// Import the good lines though others are bad.
        skip_bad: bool,
        checked: Option<CheckedFile>,
    },
    Export {
        batch_id: String,
        format: Format,
        qr: bool,
        sheets: Option<SheetRange>,
    },
    ChangeCodes {
        act: Act,
        reason: String,
        selection: Selection,
    },
    /// Our books of some days (of the business) against what MoMo answered, or against a statement of its portal.
    Reconcile {
        from: Date,
        to: Date,
        /// The statement in the files' bucket, and what the user calls it.
        upload: Option<String>,
        file_name: Option<String>,
        /// Only the files are made: no finding is kept and nobody is alerted.
        dry_run: bool,
    },
    /// The payouts that were redeemed on some days, as a table.
    ExportPayouts {
        from: Date,
        to: Date,
        status: Option<Outside>,
        batch_id: Option<String>,
        /// With whole numbers of phones: whoever asked might read customers then, by whatever they came in with.
        #[serde(default)]
        whole_numbers: bool,
    },
}

impl Work {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Generate { .. } => "generate",
            Self::Import { .. } => "import",
            Self::Export { .. } => "export",
            Self::ChangeCodes { .. } => "change_codes",
            Self::Reconcile { .. } => "reconcile",
            Self::ExportPayouts { .. } => "export_payouts",
        }
    }

    /// What its owner must hold, when it is asked for and while it goes on.
    pub fn permissions(&self) -> &'static [Permission] {
        match self {
            Self::Generate { .. } => &[Permission::PromoCodesGenerate],
            Self::Import { .. } => &[Permission::PromoCodesImport],
            Self::Export { .. } => &[Permission::PromoCodesDownload],
            Self::ChangeCodes { act: Act::Report, .. } => {
                &[Permission::PromoCodesBulkOperations, Permission::PromoCodesFraudReport]
            }
            Self::ChangeCodes { act: Act::Block | Act::Unblock | Act::Delete, .. } => {
                &[Permission::PromoCodesBulkOperations, Permission::PromoCodesStatusChange]
            }
            Self::Reconcile { .. } => &[Permission::DisbursementsReconcile],
            Self::ExportPayouts { whole_numbers: true, .. } => {
                &[Permission::CustomersRead, Permission::DisbursementsExport]
            }
            Self::ExportPayouts { whole_numbers: false, .. } => &[Permission::DisbursementsExport],
        }
    }

    /// The batch and the run that it fills.
    pub fn fills(&self) -> Option<(&str, &str)> {
        match self {
            Self::Generate { batch_id, run_id, .. } | Self::Import { batch_id, run_id, .. } => Some((batch_id, run_id)),
            Self::Export { .. } | Self::ChangeCodes { .. } | Self::Reconcile { .. } | Self::ExportPayouts { .. } => {
                None
            }
        }
    }

    pub fn batch_id(&self) -> Option<&str> {
        match self {
            Self::Generate { batch_id, .. }
            | Self::Import { batch_id, .. }
            | Self::Export { batch_id, .. }
            | Self::ChangeCodes { selection: Selection::Batch { batch_id, .. }, .. } => Some(batch_id),
            Self::ExportPayouts { batch_id, .. } => batch_id.as_deref(),
            Self::ChangeCodes { selection: Selection::Codes { .. }, .. } | Self::Reconcile { .. } => None,
        }
    }

    /// Whether the exporting function does it.
    pub fn is_export(&self) -> bool {
        match self {
            Self::Export { .. } | Self::Reconcile { .. } | Self::ExportPayouts { .. } => true,
            Self::Generate { .. } | Self::Import { .. } | Self::ChangeCodes { .. } => false,
        }
    }
}

/// A file that a job has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// As it is saved by who downloads it.
    pub name: String,
    /// In the files' bucket.
    pub key: String,
    pub content_type: String,
    pub bytes: u64,
    /// Of its bytes, in hexadecimal; read back and found equal before the job was done.
    pub sha256: String,
    /// The object's tag when it was read back. Another one means another object.
    pub etag: String,
}

/// Why a job failed: a stable code, and words that say what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProblem {
    pub code: String,
    pub text: String,
}

impl JobProblem {
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    pub work: Work,
    pub state: JobState,
    pub owner: UserId,
    /// Codes to be made, read or changed; 0 while that isn't known.
    pub asked: u64,
    /// Of these, done for good.
    pub done: u64,
    /// Of the done ones, those for which it wasn't possible.
    pub failed: u64,
    /// Chunks that were committed.
    pub checkpoint: u64,
    pub lease: Option<String>,
    #[serde(with = "time::optional")]
    pub lease_until: Option<Timestamp>,
    /// Times that it was taken without any progress since.
    pub claims: u8,
    /// Who wants it to stop.
    pub cancelled_by: Option<UserId>,
    #[serde(with = "time::optional")]
    pub routed_until: Option<Timestamp>,
    /// What waits for a second person.
    pub change: Option<ChangeId>,
    pub files: Vec<JobFile>,
    pub problem: Option<JobProblem>,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    #[serde(with = "time::optional")]
    pub started_at: Option<Timestamp>,
    #[serde(with = "time::required")]
    pub updated_at: Timestamp,
    #[serde(with = "time::optional")]
    pub ended_at: Option<Timestamp>,
    pub version: u64,
}

/// What a worker that was nudged does about a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It is over, or waits for a person.
    Rest,
    /// Another worker has it.
    Held { until: Timestamp },
    /// Write this, then work under its lease.
    Claim(Box<Job>),
    /// Its owner, or whoever may, wants it to end.
    Cancel,
    /// Workers took it and none came anywhere.
    GiveUp,
}

impl Job {
    pub fn new(id: JobId, work: Work, owner: UserId, asked: u64, now: Timestamp) -> Self {
        Self {
            id,
            work,
            state: JobState::Queued,
            owner,
            asked,
            done: 0,
            failed: 0,
            checkpoint: 0,
            lease: None,
            lease_until: None,
            claims: 0,
            cancelled_by: None,
            routed_until: None,
            change: None,
            files: Vec::new(),
            problem: None,
            created_at: now,
            started_at: None,
            updated_at: now,
            ended_at: None,
            version: 1,
        }
    }

    /// When somebody must look at it again. Every job that isn't over has such a time; one that waits for a person is put
    /// away when nobody can agree any more.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            JobState::Queued | JobState::Running => {
                let due = self.lease_until.unwrap_or_else(|| time::plus(self.updated_at, FIRST_DUE_MS));
                Some(self.routed_until.map_or(due, |routed| due.max(routed)))
            }
            JobState::Waiting => {
                let lapses = time::plus(self.created_at, OPEN_MS);
                Some(self.routed_until.map_or(lapses, |routed| lapses.max(routed)))
            }
            JobState::Done | JobState::Failed | JobState::Cancelled => None,
        }
    }

    /// What a worker with a fresh `token` does at `now`.
    pub fn step(&self, token: &str, now: Timestamp) -> Step {
        match self.state {
            JobState::Waiting if now >= time::plus(self.created_at, OPEN_MS) => return Step::Cancel,
            JobState::Waiting | JobState::Done | JobState::Failed | JobState::Cancelled => return Step::Rest,
            JobState::Queued | JobState::Running => {}
        }
        if let Some(until) = self.lease_until.filter(|until| self.lease.is_some() && now < *until) {
            return Step::Held { until };
        }
        if self.cancelled_by.is_some() {
            return Step::Cancel;
        }
        if self.claims >= MAX_CLAIMS {
            return Step::GiveUp;
        }
        Step::Claim(Box::new(Self {
            state: JobState::Running,
            lease: Some(token.to_owned()),
            lease_until: Some(time::plus(now, LEASE_MS)),
            claims: self.claims + 1,
            started_at: self.started_at.or(Some(now)),
            ..self.next(now)
        }))
    }

    fn next(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// One chunk further: `done` codes more, of which `failed` weren't possible. The lease begins anew.
    #[must_use]
    pub fn advanced(&self, done: u64, failed: u64, now: Timestamp) -> Self {
        let mut after = Self {
            done: self.done + done,
            failed: self.failed + failed,
            checkpoint: self.checkpoint + 1,
            lease_until: Some(time::plus(now, LEASE_MS)),
            claims: 0,
            ..self.next(now)
        };
        if let Work::Generate { redraw, .. } = &mut after.work {
            *redraw = 0;
        }
        after
    }

    /// With other particulars of its work: a chunk drawn anew, a file that was checked. The lease begins anew.
    #[must_use]
    pub fn with_work(&self, work: Work, asked: u64, now: Timestamp) -> Self {
        Self { work, asked, lease_until: Some(time::plus(now, LEASE_MS)), ..self.next(now) }
    }

    /// Still at it: so many codes read of so many, nothing committed. The lease begins anew.
    #[must_use]
    pub fn alive(&self, done: u64, asked: u64, now: Timestamp) -> Self {
        Self { done, asked, lease_until: Some(time::plus(now, LEASE_MS)), claims: 0, ..self.next(now) }
    }

    /// Whoever may has asked that it ends. `None` when it is over already.
    pub fn cancelled_by(&self, user: &UserId, now: Timestamp) -> Option<Self> {
        if self.state.is_over() {
            return None;
        }
        Some(Self { cancelled_by: Some(user.clone()), ..self.next(now) })
    }

    /// Given back by its worker before it is done, for the next one.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self { lease: None, lease_until: None, routed_until: None, ..self.next(now) }
    }

    /// Put aside by the sweeper, which is about to nudge a worker. `None` when it isn't due.
    pub fn routed(&self, now: Timestamp) -> Option<Self> {
        let due = self.due_at()?;
        (due <= now).then(|| Self { routed_until: Some(time::plus(now, ROUTED_FOR_MS)), ..self.next(now) })
    }

    fn over(&self, state: JobState, now: Timestamp) -> Self {
        let mut over = Self { state, lease: None, lease_until: None, ended_at: Some(now), ..self.next(now) };
        if let Work::Generate { seed, .. } = &mut over.work {
            *seed = None;
        }
        over
    }

    #[must_use]
    pub fn finished(&self, files: Vec<JobFile>, now: Timestamp) -> Self {
        Self { files, ..self.over(JobState::Done, now) }
    }

    #[must_use]
    pub fn gave_up(&self, problem: JobProblem, files: Vec<JobFile>, now: Timestamp) -> Self {
        Self { problem: Some(problem), files, ..self.over(JobState::Failed, now) }
    }

    #[must_use]
    pub fn stopped(&self, now: Timestamp) -> Self {
        self.over(JobState::Cancelled, now)
    }

    /// Let go after a second person has agreed.
    #[must_use]
    pub fn agreed(&self, now: Timestamp) -> Self {
        Self { state: JobState::Queued, ..self.next(now) }
    }

    /// In hundredths, 0 to 100; `None` while it isn't known how much there is.
    pub fn percent(&self) -> Option<u64> {
        match self.asked {
            0 => (self.state == JobState::Done).then_some(100),
            asked => Some((self.done.min(asked)) * 100 / asked),
        }
    }

    /// Codes in a second since it was begun.
    pub fn rate(&self) -> Option<f64> {
        let begun = self.started_at?;
        let milliseconds = time::between(begun, self.ended_at.unwrap_or(self.updated_at));
        (milliseconds > 0 && self.done > 0).then(|| self.done as f64 * 1_000.0 / milliseconds as f64)
    }
}

/// What one user is told of by the system: a job is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Of the job: one notice a job.
    pub job: JobId,
    pub user: UserId,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub state: JobState,
    pub text: String,
}

impl Notice {
    /// What a job's owner is told when it is over.
    pub fn of(job: &Job) -> Self {
        let count = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let what = match &job.work {
            Work::Generate { .. } => format!("{} made", count(job.done, "code")),
            Work::Import { .. } => format!("{} imported", count(job.done, "code")),
            Work::Export { format, .. } => {
                format!("{} exported as {}", count(job.done, "code"), format.extension().to_uppercase())
            }
            Work::Reconcile { .. } => format!("{} compared with MoMo", count(job.done, "reference")),
            Work::ExportPayouts { .. } => format!("{} exported as CSV", count(job.done, "payout")),
            Work::ChangeCodes { act, .. } => {
                format!(
                    "{}: {} changed, {} not possible",
                    act.name(),
                    count(job.done - job.failed.min(job.done), "code"),
                    job.failed
                )
            }
        };
        let text = match (job.state, &job.problem) {
            (JobState::Done, _) => what,
            (JobState::Cancelled, _) => match job.work.fills() {
                Some(_) => "cancelled; none of its codes can be redeemed".to_owned(),
                None => format!("cancelled; {what}"),
            },
            (_, Some(problem)) => problem.text.clone(),
            (_, None) => "it has ended".to_owned(),
        };
        Self {
            job: job.id.clone(),
            user: job.owner.clone(),
            at: job.ended_at.unwrap_or(job.updated_at),
            state: job.state,
            text,
        }
    }
}

/// One printing of sheets, for the record of reprints and of what is outdated (COD-13, BAT-05).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    pub job: JobId,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub by: UserId,
    pub sheets: SheetRange,
    /// The date on the cards.
    #[serde(rename = "printed_expiry", with = "time::required")]
    pub expires_at: Timestamp,
}
