//! The books against MoMo's: comparisons, statements, differences and what two people say of them; tables of payouts.

use super::{
    PAGE_DEFAULT, PAGE_MAX,
    code_jobs::{Exported, UploadForm, UploadView, accepted, finished, no_link, put_link},
    kept,
};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, a_batch, drawn_id},
    views::{
        books::{BooksView, FindingView, OutsideName, StandingOfDifference, finding_tag},
        jobs::{JobAndChange, JobView, job_location},
    },
};
use aide::{generate::GenContext, openapi::Operation};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    id::UploadId,
    permission::right::{DisbursementsExport, DisbursementsReconcile},
    reconcile::{Finding, Note},
};
use files::{FilesError, LINK_LIFE};
use garde::Validate;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{Begun, BooksFound, Keep, PayoutTable, Saying, Sought, StatementFile, Trouble};
use store::ComparedBooks;
use web::{
    AcceptedAt, Api, Created, IfMatch, Json, Kept, OperationOutput, Page, Path, Problem, Query, Tagged, Unkept,
    openapi::answers, routing,
};

fn a_day(text: &str, _: &()) -> garde::Result {
    text.parse::<Date>().map(drop).map_err(|_| garde::Error::new("a day, as in 2026-11-30"))
}

/// One that was checked by its form.
fn day(text: &str) -> Result<Date, Problem> {
    text.parse().map_err(|_| Problem::internal())
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayQuery {
    /// The day of redemption, as in `2026-11-30`; the newest that can be compared where none is named.
    #[serde(default)]
    #[garde(inner(custom(a_day)))]
    #[schemars(inner(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")))]
    day: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayForm {
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    day: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementForm {
    /// Of a file that was put to the link of an upload.
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    upload: String,
    /// What its owner calls it.
    #[serde(default)]
    #[garde(length(chars, max = 120))]
    file_name: String,
    /// The first and the last day that the statement is about.
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    from: String,
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    to: String,
    /// Only the report is made: no difference is kept and nobody is alerted.
    #[serde(default)]
    #[garde(skip)]
    dry_run: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DifferenceQuery {
    #[serde(default)]
    #[garde(skip)]
    standing: Option<StandingOfDifference>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same standing.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct DifferencePath {
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    day: String,
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteForm {
    /// What it was and how it was resolved.
    #[garde(length(chars, min = 1, max = 1000))]
    note: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableQuery {
    /// The first and the last day of redemption.
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    from: String,
    #[garde(custom(a_day))]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    to: String,
    #[serde(default)]
    #[garde(skip)]
    status: Option<OutsideName>,
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
}

fn begun_answer(begun: &Begun) -> store::Answer {
    kept(202, None, Some(job_location(&begun.job)), &JobAndChange::from(begun))
}

/// What there is, or the job that makes it.
enum Books {
    Ready(Box<BooksView>),
    Coming(Box<AcceptedAt<JobView>>),
}

impl IntoResponse for Books {
    fn into_response(self) -> Response {
        match self {
            Self::Ready(view) => Json(*view).into_response(),
            Self::Coming(view) => view.into_response(),
        }
    }
}

impl OperationOutput for Books {
    type Inner = BooksView;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<aide::openapi::Response> {
        Json::<BooksView>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        let mut responses = Json::<BooksView>::inferred_responses(ctx, operation);
        responses.extend(AcceptedAt::<JobView>::inferred_responses(ctx, operation));
        responses
    }
}

/// With links to its files, each on record before it is given; a file that was cleared away has none.
async fn shown(
    app: &App,
    permit: &Needs<DisbursementsReconcile>,
    compared: &ComparedBooks,
) -> Result<BooksView, Problem> {
    let mut view = BooksView::from(compared);
    let mut given = Vec::new();
    for (file, shown) in compared.files.iter().zip(&mut view.files) {
        match app.files.link(file).await {
            Ok(link) => {
                shown.url = Some(link.url);
                given.push(file);
            }
            Err(FilesError::Missing) => {}
            Err(error) => return Err(no_link(error)),
        }
    }
    if !given.is_empty() {
        app.desk.count_download(permit.actor()).await.map_err(|trouble| app.problem(trouble))?;
    }
    for file in given {
        app.desk.note_books_download(permit, compared, file).await.map_err(|trouble| app.problem(trouble))?;
    }
    Ok(view)
}

async fn reconcile(
    permit: Needs<DisbursementsReconcile>,
    State(app): State<App>,
    Query(query): Query<DayQuery>,
) -> Result<Books, Problem> {
    let wanted = query.day.as_deref().map(day).transpose()?;
    match app.desk.books_of_day(&permit, wanted).await.map_err(|trouble| app.problem(trouble))? {
        BooksFound::Ready(compared) => Ok(Books::Ready(Box::new(shown(&app, &permit, &compared).await?))),
        BooksFound::Coming(job) => {
            Ok(Books::Coming(Box::new(AcceptedAt { location: job_location(&job), body: JobView::from(&*job) })))
        }
        BooksFound::Begun(job) => {
            app.nudge(&job).await;
            Ok(Books::Coming(Box::new(AcceptedAt { location: job_location(&job), body: JobView::from(&*job) })))
        }
    }
}

async fn afresh(
    permit: Needs<DisbursementsReconcile>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<DayForm>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let keep = Keep::new(once.once(), &begun_answer);
    let begun = app.desk.books_afresh(&permit, day(&form.day)?, keep).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

async fn statement_upload(
    permit: Needs<DisbursementsReconcile>,
    State(app): State<App>,
    Json(form): Json<UploadForm>,
) -> Result<Unkept<Created<UploadView>>, Problem> {
    let problem = |trouble| app.problem(trouble);
    let bytes = form.checked()?;
    let actor = permit.actor();
    app.desk.count_upload(actor).await.map_err(problem)?;
    let id = app.desk.new_statement().map_err(problem)?;
    let link = app.files.presign_put(&files::upload_key(actor.user(), &id), bytes, LINK_LIFE).await;
    let link = link.map_err(no_link)?;
    app.desk.note_upload(&*permit, id.as_str(), bytes).await.map_err(problem)?;
    Ok(Unkept(Created { location: String::new(), etag: None, body: put_link(&id, link) }))
}

async fn statement(
    permit: Needs<DisbursementsReconcile>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<StatementForm>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let mut fields = Fields::default();
    let file_name = fields.note("file_name", &form.file_name);
    fields.finish()?;
    let upload = UploadId::parse(&form.upload).map_err(|_| Problem::internal())?;
    let file = StatementFile {
        // Nobody can name somebody else's.
        upload: files::upload_key(permit.actor().user(), &upload),
        file_name,
        from: day(&form.from)?,
        to: day(&form.to)?,
        dry_run: form.dry_run,
    };
    let keep = Keep::new(once.once(), &begun_answer);
    let begun = app.desk.books_of_statement(&permit, file, keep).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

async fn comparisons(
    permit: Needs<DisbursementsReconcile>,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<BooksView>>, Problem> {
    let bound = format!("books|{}", permit.actor().user());
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.compared_books(&permit, position.as_deref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(BooksView::from).collect(), next)))
}

async fn differences(
    permit: Needs<DisbursementsReconcile>,
    State(app): State<App>,
    Query(query): Query<DifferenceQuery>,
) -> Result<Json<Page<FindingView>>, Problem> {
    let standing = query.standing.map(StandingOfDifference::name);
    let bound = format!("differences|{}|{standing:?}", permit.actor().user());
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.findings(&permit, standing, position.as_deref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(FindingView::from).collect(), next)))
}

/// What is agreed to, or not, is what was seen: the version that `if_match` names.
async fn said(
    app: &App,
    permit: &Needs<DisbursementsReconcile>,
    (path, once): (&DifferencePath, &Kept),
    if_match: Option<&IfMatch>,
    saying: Saying,
) -> Result<Tagged<FindingView>, Problem> {
    let answer = |finding: &Finding| kept(200, Some(finding_tag(finding)), None, &FindingView::from(finding));
    let keep = Keep::new(once.once(), &answer);
    let seen = |finding: &Finding| match if_match {
        Some(tags) => tags.matches("difference", &finding.id, finding.version).map_err(|_| Trouble::Stale),
        None => Ok(()),
    };
    let done = app.desk.say_of_finding(permit, (day(&path.day)?, &path.id), seen, &saying, keep).await;
    let finding = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(finding_tag(&finding), FindingView::from(&finding)))
}

async fn propose(
    permit: Needs<DisbursementsReconcile>,
    Path(path): Path<DifferencePath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<NoteForm>,
) -> Result<Tagged<FindingView>, Problem> {
    let mut fields = Fields::default();
    let note = match Note::parse(&form.note) {
        Ok(note) => Some(note),
        Err(bad) => {
            fields.problem("note", "malformed", &bad.to_string());
            None
        }
    };
    fields.finish()?;
    let note = note.ok_or_else(Problem::internal)?;
    said(&app, &permit, (&path, &once), None, Saying::Propose(note)).await
}

async fn close(
    permit: Needs<DisbursementsReconcile>,
    Path(path): Path<DifferencePath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Tagged<FindingView>, Problem> {
    said(&app, &permit, (&path, &once), Some(&if_match), Saying::Close).await
}

async fn reject(
    permit: Needs<DisbursementsReconcile>,
    Path(path): Path<DifferencePath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Tagged<FindingView>, Problem> {
    said(&app, &permit, (&path, &once), Some(&if_match), Saying::Reject).await
}

impl TableQuery {
    fn read(&self) -> Result<PayoutTable, Problem> {
        Ok(PayoutTable {
            from: day(&self.from)?,
            to: day(&self.to)?,
            status: self.status.map(Into::into),
            batch_id: self.batch_id.clone(),
        })
    }
}

async fn exported(
    permit: Needs<DisbursementsExport>,
    State(app): State<App>,
    Query(query): Query<TableQuery>,
) -> Result<Exported, Problem> {
    let table = query.read()?;
    let mut sought = app.desk.payout_table(&permit, &table, None).await.map_err(|trouble| app.problem(trouble))?;
    if let Sought::Ready(job) = &sought {
        if let Some(view) = finished(&app, &permit, job).await? {
            return Ok(Exported::Ready(Box::new(view)));
        }
        // Its file was cleared away: none fits, so one is made.
        sought = app.desk.payout_table(&permit, &table, Some(&job.id)).await.map_err(|trouble| app.problem(trouble))?;
    }
    Ok(Exported::coming(&app, sought).await)
}

async fn export(
    permit: Needs<DisbursementsExport>,
    once: Kept,
    State(app): State<App>,
    Query(query): Query<TableQuery>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let table = query.read()?;
    app.desk.count_download(permit.actor()).await.map_err(|trouble| app.problem(trouble))?;
    let begun = app.desk.export_payouts(&permit, table, Keep::new(once.once(), &begun_answer)).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/disbursements/reconcile",
        routing::get_with(reconcile, |op| {
            op.id("reconcile")
                .tag("disbursements")
                .summary("A day's payouts against MoMo's answers: what came of it, or the job that compares them.")
        })
        .post_with(afresh, |op| {
            op.id("reconcileAfresh").tag("disbursements").summary("Compare a day's payouts with MoMo's answers anew.")
        }),
    )
    .route(
        "/api/v1/admin/disbursements/statements",
        routing::post_with(statement, |op| {
            op.id("reconcileStatement")
                .tag("disbursements")
                .summary("Compare payouts with a statement of MTN's portal that was uploaded.")
        }),
    )
    .route(
        "/api/v1/admin/disbursements/statements/uploads",
        routing::post_with(statement_upload, |op| {
            op.id("createStatementUpload").tag("disbursements").summary("Get a link to put a statement to.")
        }),
    )
    .route(
        "/api/v1/admin/disbursements/reconciliations",
        routing::get_with(comparisons, |op| {
            op.id("listReconciliations").tag("disbursements").summary("Comparisons with MoMo, the newest days first.")
        }),
    )
    .route(
        "/api/v1/admin/disbursements/differences",
        routing::get_with(differences, |op| {
            op.id("listDifferences").tag("disbursements").summary("Differences with MoMo, the newest days first.")
        }),
    )
    .route(
        "/api/v1/admin/disbursements/differences/{day}/{id}/propose",
        routing::post_with(propose, |op| {
            op.id("proposeDifference")
                .tag("disbursements")
                .summary("Say what a difference was and how it was resolved; somebody else closes it.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/disbursements/differences/{day}/{id}/close",
        routing::post_with(close, |op| {
            op.id("closeDifference")
                .tag("disbursements")
                .summary("Agree to what somebody else has said of a difference.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/disbursements/differences/{day}/{id}/reject",
        routing::post_with(reject, |op| {
            op.id("rejectDifference")
                .tag("disbursements")
                .summary("Not agree: the difference is open again.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/disbursements/export",
        routing::get_with(exported, |op| {
            op.id("exportedPayouts")
                .tag("disbursements")
                .summary("The newest table of payouts, or the job that makes it.")
                .with(answers(&[404, 409]))
        })
        .post_with(export, |op| {
            op.id("exportPayouts")
                .tag("disbursements")
                .summary("Make a table of payouts anew, as a job.")
                .with(answers(&[404]))
        }),
    )
}
