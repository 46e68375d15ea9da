//! The centre of background jobs, and what the system tells its users.

use super::{
    PAGE_DEFAULT, PAGE_MAX,
    code_jobs::{accepted, no_link},
    kept,
    users::PageQuery,
};
use crate::{
    App,
    caller::SignedIn,
    fields::{a_batch, drawn_id},
    views::jobs::{FileLink, JobAndChange, JobKindName, JobStateName, JobView, NoticeView, job_location, job_tag},
};
use axum::extract::State;
use domain::{
    id::JobId,
    job::{Job, JobState},
    permission::right::SystemMonitoring,
};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{Begun, JobFilter, Keep};
use web::{AcceptedAt, Api, IfNoneMatch, Json, Kept, Page, Path, Problem, Query, Tagged, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobQuery {
    #[serde(default)]
    #[garde(skip)]
    state: Option<JobStateName>,
    #[serde(default)]
    #[garde(skip)]
    kind: Option<JobKindName>,
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct JobPath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

fn job_id(text: &str) -> Result<JobId, Problem> {
    JobId::parse(text).map_err(|_| Problem::not_found("There is no such job."))
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct JobFilePath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
    /// The file's number in its job, from 0.
    #[garde(range(max = 100))]
    n: u32,
}

/// That somebody watches over everybody's jobs is a read like others.
async fn count_watching(app: &App, caller: &SignedIn, kind: &str) -> Result<(), Problem> {
    match caller.0.0.permit::<SystemMonitoring>() {
        Ok(permit) => app.desk.count_read(&permit, kind).await.map_err(|trouble| app.problem(trouble)),
        Err(_) => Ok(()),
    }
}

async fn list(
    caller: SignedIn,
    State(app): State<App>,
    Query(query): Query<JobQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    count_watching(&app, &caller, "admin/jobs").await?;
    let filter = JobFilter {
        state: query.state.map(Into::into),
        kind: query.kind.map(JobKindName::name),
        batch_id: query.batch_id,
    };
    let bound = format!("jobs|{}|{filter:?}", caller.0.0.user());
    let before: Option<JobId> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.jobs(&caller.0, &filter, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(JobView::from).collect(), next)))
}

async fn one(
    caller: SignedIn,
    Path(path): Path<JobPath>,
    if_none_match: IfNoneMatch,
    State(app): State<App>,
) -> Result<Tagged<JobView>, Problem> {
    let job = app.desk.job(&caller.0, &job_id(&path.id)?).await.map_err(|trouble| app.problem(trouble))?;
    if job.owner != *caller.0.0.user() {
        count_watching(&app, &caller, "admin/jobs/{id}").await?;
    }
    Ok(if_none_match.tagged(job_tag(&job), JobView::from(&job)))
}

async fn cancel(
    caller: SignedIn,
    Path(path): Path<JobPath>,
    once: Kept,
    State(app): State<App>,
) -> Result<AcceptedAt<JobView>, Problem> {
    let answer = |job: &Job| kept(202, None, Some(job_location(job)), &JobView::from(job));
    let job = app.desk.cancel_job(&caller.0, &job_id(&path.id)?, Keep::new(once.once(), &answer)).await;
    let job = job.map_err(|trouble| app.problem(trouble))?;
    // Whoever works on it sees the wish by itself; one that waits in the queue is ended by a worker.
    if job.state == JobState::Queued {
        app.nudge(&job).await;
    }
    Ok(AcceptedAt { location: job_location(&job), body: JobView::from(&job) })
}

async fn retry(
    caller: SignedIn,
    Path(path): Path<JobPath>,
    once: Kept,
    State(app): State<App>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let answer = |begun: &Begun| kept(202, None, Some(job_location(&begun.job)), &JobAndChange::from(begun));
    let begun = app.desk.retry_job(&caller.0, &job_id(&path.id)?, Keep::new(once.once(), &answer)).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

async fn file(
    caller: SignedIn,
    Path(path): Path<JobFilePath>,
    State(app): State<App>,
) -> Result<Json<FileLink>, Problem> {
    let problem = |trouble| app.problem(trouble);
    let found = app.desk.job_file(&caller.0, &job_id(&path.id)?, path.n as usize).await;
    let (job, file) = found.map_err(problem)?;
    let link = app.files.link(&file).await.map_err(no_link)?;
    app.desk.count_download(&caller.0.0).await.map_err(problem)?;
    app.desk.note_download(&caller.0, &job, &file).await.map_err(problem)?;
    Ok(Json(FileLink::of(&file, link)))
}

async fn notices(
    caller: SignedIn,
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<NoticeView>>, Problem> {
    let bound = format!("notices|{}", caller.0.0.user());
    let before: Option<JobId> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.notices(&caller.0, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(NoticeView::from).collect(), next)))
}

impl App {
    /// Tells a worker of a job that has been written. A nudge that is lost costs time: the sweeper finds the row.
    pub async fn nudge(&self, job: &Job) {
        if job.state == JobState::Queued && self.jobs.send(job).await.is_err() {
            tracing::warn!(job = %job.id, "a job's nudge was lost");
        }
    }
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("jobs", "Work that goes on in the background, and what one is told of it.")
        .route(
            "/api/v1/admin/jobs",
            routing::get_with(list, |op| {
                op.id("listJobs")
                    .tag("jobs")
                    .summary("One's own jobs, newest first; everybody's for who holds system.monitoring.")
            }),
        )
        .route(
            "/api/v1/admin/jobs/{id}",
            routing::get_with(one, |op| op.id("getJob").tag("jobs").summary("One job and how far it has come.")),
        )
        .route(
            "/api/v1/admin/jobs/{id}/cancel",
            routing::post_with(cancel, |op| {
                op.id("cancelJob").tag("jobs").summary("Ask that a job ends.").with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/jobs/{id}/retry",
            routing::post_with(retry, |op| {
                op.id("retryJob")
                    .tag("jobs")
                    .summary("Ask for the same again, after a job has failed or was cancelled.")
                    .with(answers(&[409, 422]))
            }),
        )
        .route(
            "/api/v1/admin/jobs/{id}/files/{n}",
            routing::get_with(file, |op| {
                op.id("getJobFile")
                    .tag("jobs")
                    .summary("A link to a file that a job has made, good for ten minutes.")
                    .with(answers(&[409, 410]))
            }),
        )
        .route(
            "/api/v1/admin/notices",
            routing::get_with(notices, |op| {
                op.id("listNotices").tag("jobs").summary("One's own notices, newest first.")
            }),
        )
}
