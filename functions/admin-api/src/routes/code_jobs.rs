//! Work on many codes: uploads, making, importing, exporting, changing.

use super::{batch_forms::import as import_of, codes::sheets, kept};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, a_batch, drawn_id},
    views::{
        codes::{CodeActName, CodeStateName},
        jobs::{ExportView, FileLink, JobAndChange, JobView, job_location},
    },
};
use aide::{generate::GenContext, openapi::Operation};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    id::UploadId,
    job::{Format, Job, SELECTION_MAX, Selection},
    permission::{
        Right,
        right::{PromoCodesBulkOperations, PromoCodesDownload, PromoCodesGenerate, PromoCodesImport},
    },
};
use files::{FilesError, LINK_LIFE, Link};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Begun, Keep, Sought, Wanted};
use store::chance;
use web::{AcceptedAt, Api, Created, Json, Kept, OperationOutput, Problem, Query, Unkept, openapi::answers, routing};

/// The most bytes of one upload.
const UPLOAD_MAX: u64 = 32 * 1024 * 1024;

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadForm {
    /// The file's exact size.
    #[garde(range(min = 1, max = UPLOAD_MAX))]
    bytes: u64,
    #[serde(default)]
    #[garde(length(chars, max = 120))]
    file_name: String,
}

impl UploadForm {
    /// The size of a file whose name can be taken.
    pub fn checked(&self) -> Result<u64, Problem> {
        let mut fields = Fields::default();
        fields.note("file_name", &self.file_name);
        fields.finish()?;
        Ok(self.bytes)
    }
}

/// One header that goes along with an upload, just so.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeaderView {
    name: String,
    value: String,
}

/// Where to put a file. Whoever has the link can put it there until it ends.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UploadView {
    /// What an import names it by.
    upload: String,
    url: String,
    method: &'static str,
    headers: Vec<HeaderView>,
    expires_at: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateForm {
    #[garde(custom(a_batch))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    batch_id: String,
    #[garde(range(min = 1, max = 100_000))]
    count: u64,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportForm {
    #[garde(custom(a_batch))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    batch_id: String,
    /// Of a file that was put to the link of an upload.
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    upload: String,
    /// What its owner calls it.
    #[serde(default)]
    #[garde(length(chars, max = 120))]
    file_name: String,
    /// Import the good lines though others are bad.
    #[serde(default)]
    #[garde(skip)]
    skip_bad: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatName {
    #[default]
    Csv,
    Pdf,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Pdf => Self::Pdf,
        }
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    #[garde(custom(a_batch))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    batch_id: String,
    /// CSV without it.
    #[serde(default)]
    #[garde(skip)]
    format: Option<FormatName>,
    /// A QR code that dials on each card of a PDF; by the settings without it.
    #[serde(default)]
    #[garde(skip)]
    qr: Option<bool>,
    /// Sheets of the batch, the last one included.
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_from: Option<u32>,
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_to: Option<u32>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkCodesForm {
    /// Reporting needs `promo-codes.fraud.report`, the others `promo-codes.status.change`.
    #[garde(skip)]
    act: CodeActName,
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
    /// Ids of the codes. Either these or `batch_id`.
    #[serde(default)]
    #[garde(length(min = 1, max = SELECTION_MAX), inner(inner(length(chars, min = 1, max = 80))))]
    codes: Option<Vec<String>>,
    /// All codes of a batch, cut down by what follows.
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_from: Option<u32>,
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_to: Option<u32>,
    /// Only codes in this state.
    #[serde(default)]
    #[garde(skip)]
    state: Option<CodeStateName>,
}

impl BulkCodesForm {
    fn selection(&self) -> Result<Selection, Problem> {
        let mut fields = Fields::default();
        let range = sheets(&mut fields, self.sheet_from, self.sheet_to);
        let selection = match (&self.codes, &self.batch_id) {
            (Some(list), None) => {
                if range.is_some() || self.state.is_some() {
                    fields.problem("batch_id", "missing", "sheets and states are of a batch");
                }
                let mut codes = fields.code_ids("codes", list);
                codes.sort();
                codes.dedup();
                Selection::Codes { codes }
            }
            (None, Some(batch_id)) => {
                let state = self.state.map(Into::into);
                Selection::Batch { batch_id: batch_id.clone(), sheets: range, state }
            }
            (Some(_), Some(_)) | (None, None) => {
                fields.problem("codes", "contradiction", "either codes or a batch");
                Selection::Codes { codes: Vec::new() }
            }
        };
        fields.finish()?;
        Ok(selection)
    }
}

async fn upload(
    permit: Needs<PromoCodesImport>,
    State(app): State<App>,
    Json(form): Json<UploadForm>,
) -> Result<Unkept<Created<UploadView>>, Problem> {
    let problem = |trouble| app.problem(trouble);
    let bytes = form.checked()?;
    let actor = permit.actor();
    app.desk.count_upload(actor).await.map_err(problem)?;
    let id = UploadId::drawn(app.desk.now(), chance().map_err(Problem::from)?);
    let key = files::upload_key(actor.user(), &id);
    let link = app.files.presign_put(&key, bytes, LINK_LIFE).await.map_err(no_link)?;
    app.desk.note_upload(&*permit, id.as_str(), bytes).await.map_err(problem)?;
    Ok(Unkept(Created { location: String::new(), etag: None, body: put_link(&id, link) }))
}

/// Where an upload is put.
pub fn put_link(id: &UploadId, link: Link) -> UploadView {
    UploadView {
        upload: id.to_string(),
        url: link.url,
        method: "PUT",
        headers: link.headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
        expires_at: link.expires_at.to_string(),
    }
}

/// What a link can't be given for.
pub fn no_link(error: FilesError) -> Problem {
    match error {
        FilesError::Missing => Problem::gone("file_gone", "The file is kept no longer. Ask for it anew."),
        FilesError::Different => {
            tracing::error!("a file is not the one that was verified");
            Problem::conflict("file_changed", "The file is not the one that was verified. Ask for it anew.")
        }
        FilesError::TooLarge { .. } | FilesError::NoAnswer => Problem::busy(5),
        FilesError::Refused(why) => {
            tracing::error!(why, "the bucket of files refuses");
            Problem::internal()
        }
    }
}

fn begun_answer(begun: &Begun) -> store::Answer {
    kept(202, None, Some(job_location(&begun.job)), &JobAndChange::from(begun))
}

/// Tells the worker, and where to look.
pub async fn accepted(app: &App, begun: &Begun) -> AcceptedAt<JobAndChange> {
    app.nudge(&begun.job).await;
    AcceptedAt { location: job_location(&begun.job), body: JobAndChange::from(begun) }
}

async fn generate(
    permit: Needs<PromoCodesGenerate>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<GenerateForm>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let keep = Keep::new(once.once(), &begun_answer);
    let begun = app.desk.generate_codes(&permit, &form.batch_id, form.count, keep).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

async fn import(
    permit: Needs<PromoCodesImport>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ImportForm>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let file = import_of(permit.actor().user(), &form.upload, &form.file_name, form.skip_bad)?;
    let keep = Keep::new(once.once(), &begun_answer);
    let begun = app.desk.import_codes(&permit, &form.batch_id, &file, keep).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

/// The newest result with its links, or the job that makes it.
pub enum Exported {
    Ready(Box<ExportView>),
    Coming(Box<AcceptedAt<JobView>>),
}

impl Exported {
    /// Tells the worker where the job was made just now.
    pub async fn coming(app: &App, sought: Sought) -> Self {
        if let Sought::Begun(job) = &sought {
            app.nudge(job).await;
        }
        let (Sought::Ready(job) | Sought::Coming(job) | Sought::Begun(job)) = sought;
        Self::Coming(Box::new(AcceptedAt { location: job_location(&job), body: JobView::from(&job) }))
    }
}

impl IntoResponse for Exported {
    fn into_response(self) -> Response {
        match self {
            Self::Ready(view) => Json(*view).into_response(),
            Self::Coming(view) => view.into_response(),
        }
    }
}

impl OperationOutput for Exported {
    type Inner = ExportView;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<aide::openapi::Response> {
        Json::<ExportView>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        let mut responses = Json::<ExportView>::inferred_responses(ctx, operation);
        responses.extend(AcceptedAt::<JobView>::inferred_responses(ctx, operation));
        responses
    }
}

async fn wanted(app: &App, query: &ExportQuery) -> Result<Wanted, Problem> {
    let mut fields = Fields::default();
    let range = sheets(&mut fields, query.sheet_from, query.sheet_to);
    fields.finish()?;
    let format = query.format.unwrap_or_default().into();
    let by_default = app.settings().await.map_err(|trouble| app.problem(trouble))?.sheets.qr;
    let qr = format == Format::Pdf && query.qr.unwrap_or(by_default);
    Ok(Wanted { batch_id: query.batch_id.clone(), format, qr, sheets: range })
}

/// Links to all files of a job, each on record before it is given.
async fn links<R: Right>(app: &App, permit: &Needs<R>, job: &Job) -> Result<Option<Vec<FileLink>>, Problem> {
    let mut links = Vec::with_capacity(job.files.len());
    for file in &job.files {
        match app.files.link(file).await {
            Ok(link) => links.push(FileLink::of(file, link)),
            Err(FilesError::Missing) => return Ok(None),
            Err(error) => return Err(no_link(error)),
        }
    }
    app.desk.count_download(permit.actor()).await.map_err(|trouble| app.problem(trouble))?;
    for file in &job.files {
        app.desk.note_download(&**permit, job, file).await.map_err(|trouble| app.problem(trouble))?;
    }
    Ok(Some(links))
}

/// A job that is done, with links to its files; none where one was cleared away.
pub async fn finished<R: Right>(app: &App, permit: &Needs<R>, job: &Job) -> Result<Option<ExportView>, Problem> {
    Ok(links(app, permit, job).await?.map(|files| ExportView { job: JobView::from(job), files }))
}

async fn download(
    permit: Needs<PromoCodesDownload>,
    State(app): State<App>,
    Query(query): Query<ExportQuery>,
) -> Result<Exported, Problem> {
    let wanted = wanted(&app, &query).await?;
    let mut sought = app.desk.export(&permit, &wanted, None).await.map_err(|trouble| app.problem(trouble))?;
    if let Sought::Ready(job) = &sought {
        if let Some(view) = finished(&app, &permit, job).await? {
            return Ok(Exported::Ready(Box::new(view)));
        }
        // Its files were cleared away: none fits, so one is made.
        sought = app.desk.export(&permit, &wanted, Some(&job.id)).await.map_err(|trouble| app.problem(trouble))?;
    }
    Ok(Exported::coming(&app, sought).await)
}

async fn export(
    permit: Needs<PromoCodesDownload>,
    once: Kept,
    State(app): State<App>,
    Query(query): Query<ExportQuery>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let wanted = wanted(&app, &query).await?;
    app.desk.count_download(permit.actor()).await.map_err(|trouble| app.problem(trouble))?;
    let begun = app.desk.export_afresh(&permit, &wanted, Keep::new(once.once(), &begun_answer)).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

async fn bulk(
    permit: Needs<PromoCodesBulkOperations>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<BulkCodesForm>,
) -> Result<AcceptedAt<JobAndChange>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    let selection = form.selection()?;
    let keep = Keep::new(once.once(), &begun_answer);
    let what = "POST /api/v1/admin/promo-codes/bulk";
    let begun = app.desk.change_codes(&permit, form.act.into(), &reason, selection, what, keep).await;
    Ok(accepted(&app, &begun.map_err(|trouble| app.problem(trouble))?).await)
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/uploads",
        routing::post_with(upload, |op| {
            op.id("createUpload").tag("promo-codes").summary("Get a link to put a CSV file to, for an import.")
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/generate",
        routing::post_with(generate, |op| {
            op.id("generateCodes")
                .tag("promo-codes")
                .summary("Make codes for a batch. Beyond a ceiling they wait for a second person.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/import",
        routing::post_with(import, |op| {
            op.id("importCodes")
                .tag("promo-codes")
                .summary("Import codes into a batch from a file that was uploaded.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/download",
        routing::get_with(download, |op| {
            op.id("downloadCodes")
                .tag("promo-codes")
                .summary("The newest file of a batch's codes, or the job that makes it.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/export",
        routing::get_with(download, |op| {
            op.id("exportedCodes")
                .tag("promo-codes")
                .summary("The newest file of a batch's codes, or the job that makes it.")
                .with(answers(&[404, 409]))
        })
        .post_with(export, |op| {
            op.id("exportCodes")
                .tag("promo-codes")
                .summary("Make a file of a batch's codes anew.")
                .with(answers(&[404, 409]))
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/bulk",
        routing::post_with(bulk, |op| {
            op.id("changeCodes")
                .tag("promo-codes")
                .summary("Block, unblock, delete or report many codes, as a job with a result for each.")
                .with(answers(&[404, 409]))
        }),
    )
}
