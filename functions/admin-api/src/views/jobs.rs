//! Jobs, their files and notices as the API shows them.

use super::time;
use domain::job::{self, Job, JobFile, Notice};
use files::Link;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::Begun;

use super::ChangeView;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStateName {
    /// For a second person.
    Waiting,
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl From<job::JobState> for JobStateName {
    fn from(state: job::JobState) -> Self {
        match state {
            job::JobState::Waiting => Self::Waiting,
            job::JobState::Queued => Self::Queued,
            job::JobState::Running => Self::Running,
            job::JobState::Done => Self::Done,
            job::JobState::Failed => Self::Failed,
            job::JobState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<JobStateName> for job::JobState {
    fn from(state: JobStateName) -> Self {
        match state {
            JobStateName::Waiting => Self::Waiting,
            JobStateName::Queued => Self::Queued,
            JobStateName::Running => Self::Running,
            JobStateName::Done => Self::Done,
            JobStateName::Failed => Self::Failed,
            JobStateName::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKindName {
    Generate,
    Import,
    Export,
    ChangeCodes,
    Reconcile,
    ExportPayouts,
}

impl JobKindName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Import => "import",
            Self::Export => "export",
            Self::ChangeCodes => "change_codes",
            Self::Reconcile => "reconcile",
            Self::ExportPayouts => "export_payouts",
        }
    }
}

impl From<&job::Work> for JobKindName {
    fn from(work: &job::Work) -> Self {
        match work {
            job::Work::Generate { .. } => Self::Generate,
            job::Work::Import { .. } => Self::Import,
            job::Work::Export { .. } => Self::Export,
            job::Work::ChangeCodes { .. } => Self::ChangeCodes,
            job::Work::Reconcile { .. } => Self::Reconcile,
            job::Work::ExportPayouts { .. } => Self::ExportPayouts,
        }
    }
}

/// Why a job failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JobProblemView {
    /// Stable, for programs.
    pub code: String,
    /// For people: what happened and what to do next.
    pub text: String,
}

/// A file that a job has made. Its link is at `/api/v1/admin/jobs/{id}/files/{n}`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileView {
    /// Its number in this job, from 0.
    pub n: u64,
    pub name: String,
    pub content_type: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// A piece of work that goes on in the background.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JobView {
    pub id: String,
    pub kind: JobKindName,
    pub state: JobStateName,
    /// Who has asked for it.
    pub owner: String,
    /// The batch that it is about, where it is one.
    pub batch: Option<String>,
    /// Codes to be made, read or changed; 0 while that isn't known.
    pub asked: u64,
    pub done: u64,
    /// Of the done ones, those for which it wasn't possible.
    pub failed: u64,
    /// 0 to 100; missing while it isn't known how much there is.
    pub percent: Option<u64>,
    pub codes_per_second: Option<f64>,
    /// Somebody has asked that it ends.
    pub cancel_asked: bool,
    pub problem: Option<JobProblemView>,
    pub files: Vec<FileView>,
    /// What a second person has to agree to.
    pub change: Option<String>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub updated_at: String,
    pub ended_at: Option<String>,
    /// Also in the ETag.
    pub version: u64,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        let file = |(n, file): (usize, &JobFile)| FileView {
            n: n as u64,
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
        };
        Self {
            id: job.id.to_string(),
            kind: (&job.work).into(),
            state: job.state.into(),
            owner: job.owner.to_string(),
            batch: job.work.batch_id().map(str::to_owned),
            asked: job.asked,
            done: job.done,
            failed: job.failed,
            percent: job.percent(),
            codes_per_second: job.rate().map(|rate| (rate * 10.0).round() / 10.0),
            cancel_asked: job.cancelled_by.is_some(),
            problem: job
                .problem
                .as_ref()
                .map(|problem| JobProblemView { code: problem.code.clone(), text: problem.text.clone() }),
            files: job.files.iter().enumerate().map(file).collect(),
            change: job.change.as_ref().map(ToString::to_string),
            created_at: job.created_at.to_string(),
            started_at: time(job.started_at),
            updated_at: job.updated_at.to_string(),
            ended_at: time(job.ended_at),
            version: job.version,
        }
    }
}

pub fn job_tag(job: &Job) -> String {
    web::etag("job", job.id.as_str(), job.version)
}

pub fn job_location(job: &Job) -> String {
    format!("/api/v1/admin/jobs/{}", job.id)
}

/// A job, and what a second person has to agree to before it begins.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JobAndChange {
    pub job: JobView,
    pub change: Option<ChangeView>,
}

impl From<&Begun> for JobAndChange {
    fn from(begun: &Begun) -> Self {
        Self { job: JobView::from(&begun.job), change: begun.change.as_ref().map(ChangeView::from) }
    }
}

/// A link to a file. Whoever has it can download the file until it ends.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileLink {
    pub name: String,
    pub url: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
    pub expires_at: String,
}

impl FileLink {
    pub fn of(file: &JobFile, link: Link) -> Self {
        Self {
            name: file.name.clone(),
            url: link.url,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            expires_at: link.expires_at.to_string(),
        }
    }
}

/// The newest result of an export.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExportView {
    pub job: JobView,
    pub files: Vec<FileLink>,
}

/// What a user is told of by the system: a job is over.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NoticeView {
    pub job: String,
    pub at: String,
    pub state: JobStateName,
    pub text: String,
}

impl From<&Notice> for NoticeView {
    fn from(notice: &Notice) -> Self {
        Self {
            job: notice.job.to_string(),
            at: notice.at.to_string(),
            state: notice.state.into(),
            text: notice.text.clone(),
        }
    }
}
