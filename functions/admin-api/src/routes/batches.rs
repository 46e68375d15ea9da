//! Batches.

use super::{
    PAGE_DEFAULT,
    batch_forms::{
        AssignForm, BatchPath, BatchQuery, BatchUpdateForm, BulkActName, BulkForm, ImportedBatchForm, NewBatchForm,
        StatusForm, form_of, import,
    },
    kept, kept_empty,
};
use crate::{
    App,
    caller::Needs,
    fields::Fields,
    views::{
        batches::{BatchAndJob, BatchFigures, BatchView, PrintView, batch_tag},
        jobs::job_location,
    },
};
use axum::extract::State;
use domain::{
    batch::Batch,
    permission::right::{
        BatchesAssign, BatchesCreate, BatchesDelete, BatchesRead, BatchesStatusChange, BatchesUpdate,
        PromoCodesGenerate, PromoCodesImport,
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use staff::{BatchForm, BatchUpdate, Filling, Keep, Made, Trouble, Wish};
use web::{
    AcceptedAt, Api, Created, Done, IfMatch, IfNoneMatch, Json, Kept, Page, Path, Problem, Query, Tagged,
    openapi::answers, routing,
};

/// What became of one batch.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BulkResult {
    id: String,
    /// It was done.
    done: bool,
    /// Why not: the stable code that the same act on this batch alone answers with.
    code: Option<String>,
    /// The same in words.
    detail: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BulkResults {
    items: Vec<BulkResult>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct PrintList {
    /// Oldest first.
    items: Vec<PrintView>,
}

async fn list(
    permit: Needs<BatchesRead>,
    State(app): State<App>,
    Query(query): Query<BatchQuery>,
) -> Result<Json<Page<BatchView>>, Problem> {
    let caller = permit.actor().user();
    let (filter, newest_first, bound) = query.read(caller)?;
    let bound = format!("batches|{caller}|{bound}");
    let position: Option<String> = app.position(&bound, query.cursor.as_deref()).await?;
    let position = position.and_then(|number| number.parse().ok());
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.batches(&permit, &filter, newest_first, position, limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(BatchView::from).collect(), next)))
}

fn location(batch: &Batch) -> String {
    format!("/api/v1/admin/batches/{}", batch.id)
}

async fn create(
    permit: Needs<BatchesCreate>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<NewBatchForm>,
) -> Result<Created<BatchAndJob>, Problem> {
    let wanted = form.read()?;
    let generate;
    let filling = match form.total_codes {
        0 => Filling::Nothing,
        codes => {
            let what = "POST /api/v1/admin/batches";
            let right = app.desk.permit::<PromoCodesGenerate>(permit.actor(), what).await;
            generate = right.map_err(|trouble| app.problem(trouble))?;
            Filling::Generated(&generate, codes)
        }
    };
    let answer =
        |made: &Made| kept(201, Some(batch_tag(&made.batch)), Some(location(&made.batch)), &BatchAndJob::from(made));
    let made = app.desk.create_batch(&permit, wanted, filling, Keep::new(once.once(), &answer)).await;
    let made = made.map_err(|trouble| app.problem(trouble))?;
    if let Some(begun) = &made.begun {
        app.nudge(&begun.job).await;
    }
    let body = BatchAndJob::from(&made);
    Ok(Created { location: location(&made.batch), etag: Some(batch_tag(&made.batch)), body })
}

/// Where to look what becomes of a new batch.
fn watched(made: &Made) -> String {
    made.begun.as_ref().map_or_else(|| location(&made.batch), |begun| job_location(&begun.job))
}

async fn filled(
    app: &App,
    permit: &Needs<BatchesCreate>,
    once: &Kept,
    form: BatchForm,
    filling: Filling<'_>,
) -> Result<AcceptedAt<BatchAndJob>, Problem> {
    let answer = |made: &Made| kept(202, None, Some(watched(made)), &BatchAndJob::from(made));
    let made = app.desk.create_batch(permit, form, filling, Keep::new(once.once(), &answer)).await;
    let made = made.map_err(|trouble| app.problem(trouble))?;
    if let Some(begun) = &made.begun {
        app.nudge(&begun.job).await;
    }
    Ok(AcceptedAt { location: watched(&made), body: BatchAndJob::from(&made) })
}

async fn generate(
    permit: Needs<BatchesCreate>,
    may: Needs<PromoCodesGenerate>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<NewBatchForm>,
) -> Result<AcceptedAt<BatchAndJob>, Problem> {
    if form.total_codes == 0 {
        let mut fields = Fields::default();
        fields.problem("total_codes", "out_of_bounds", "at least 1");
        fields.finish()?;
    }
    let wanted = form.read()?;
    filled(&app, &permit, &once, wanted, Filling::Generated(&may, form.total_codes)).await
}

async fn import_new(
    permit: Needs<BatchesCreate>,
    may: Needs<PromoCodesImport>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ImportedBatchForm>,
) -> Result<AcceptedAt<BatchAndJob>, Problem> {
    let (money, expires_at) = ((form.amount, form.currency), form.expires_at.as_deref());
    let wanted = form_of(&form.name, money, expires_at, &form.description, form.assigned_to.as_deref())?;
    let file = import(permit.actor().user(), &form.upload, &form.file_name, form.skip_bad)?;
    filled(&app, &permit, &once, wanted, Filling::Imported(&may, file)).await
}

async fn one(
    permit: Needs<BatchesRead>,
    Path(path): Path<BatchPath>,
    if_none_match: IfNoneMatch,
    State(app): State<App>,
) -> Result<Tagged<BatchView>, Problem> {
    let batch = app.desk.batch(&permit, &path.id).await.map_err(|trouble| app.problem(trouble))?;
    Ok(if_none_match.tagged(batch_tag(&batch), BatchView::from(&batch)))
}

fn seen(if_match: &IfMatch) -> impl FnOnce(&Batch) -> Result<(), Trouble> {
    |batch| if_match.matches("batch", &batch.id, batch.version).map_err(|_| Trouble::Stale)
}

fn changed(batch: &Batch) -> store::Answer {
    kept(200, Some(batch_tag(batch)), None, &BatchView::from(batch))
}

fn shown(app: &App, done: Result<Batch, Trouble>) -> Result<Tagged<BatchView>, Problem> {
    let batch = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(batch_tag(&batch), BatchView::from(&batch)))
}

async fn update(
    permit: Needs<BatchesUpdate>,
    Path(path): Path<BatchPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<BatchUpdateForm>,
) -> Result<Tagged<BatchView>, Problem> {
    let mut fields = Fields::default();
    let update = BatchUpdate {
        name: form.name.and_then(|text| fields.batch_name("name", &text)),
        description: form.description.map(|text| fields.note("description", &text)),
        expires_at: form.expires_at.and_then(|text| fields.time("expires_at", &text)),
        amount: form.amount,
        currency: form.currency.map(Into::into),
    };
    fields.finish()?;
    let keep = Keep::new(once.once(), &changed);
    shown(&app, app.desk.update_batch(&permit, &path.id, seen(&if_match), update, keep).await)
}

async fn delete(
    permit: Needs<BatchesDelete>,
    Path(path): Path<BatchPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Done, Problem> {
    let answer = |(): &()| kept_empty();
    let keep = Some(Keep::new(once.once(), &answer));
    let done = app.desk.delete_batch(&permit, &path.id, seen(&if_match), keep).await;
    done.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn assign(
    permit: Needs<BatchesAssign>,
    Path(path): Path<BatchPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<AssignForm>,
) -> Result<Tagged<BatchView>, Problem> {
    let mut fields = Fields::default();
    let user = form.user.and_then(|id| fields.user("user", &id));
    fields.finish()?;
    let keep = Keep::new(once.once(), &changed);
    shown(&app, app.desk.assign_batch(&permit, &path.id, user.as_ref(), keep).await)
}

async fn set_status(
    permit: Needs<BatchesStatusChange>,
    Path(path): Path<BatchPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<StatusForm>,
) -> Result<Tagged<BatchView>, Problem> {
    let keep = Some(Keep::new(once.once(), &changed));
    shown(&app, app.desk.move_batch(&permit, &path.id, seen(&if_match), form.state.into(), keep).await)
}

async fn figures(
    permit: Needs<BatchesRead>,
    Path(path): Path<BatchPath>,
    State(app): State<App>,
) -> Result<Json<BatchFigures>, Problem> {
    let found = app.desk.batch_statistics(&permit, &path.id).await;
    let (batch, statistics, days) = found.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(BatchFigures::of(&batch, &statistics, &days)))
}

async fn prints(
    permit: Needs<BatchesRead>,
    Path(path): Path<BatchPath>,
    State(app): State<App>,
) -> Result<Json<PrintList>, Problem> {
    let prints = app.desk.prints(&permit, &path.id).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(PrintList { items: prints.iter().map(PrintView::from).collect() }))
}

/// Batch by batch, each by itself: one that can't be changed stops no other.
async fn bulk(
    permit: Needs<BatchesStatusChange>,
    State(app): State<App>,
    Json(form): Json<BulkForm>,
) -> Result<Json<BulkResults>, Problem> {
    let delete = match form.action {
        BulkActName::Delete => {
            let right = app.desk.permit::<BatchesDelete>(permit.actor(), "POST /api/v1/admin/batches/bulk").await;
            Some(right.map_err(|trouble| app.problem(trouble))?)
        }
        BulkActName::Block | BulkActName::Unblock | BulkActName::Archive | BulkActName::Unarchive => None,
    };
    let wish = match form.action {
        BulkActName::Block => Wish::Block,
        BulkActName::Unblock => Wish::Activate,
        BulkActName::Archive => Wish::Archive,
        BulkActName::Unarchive | BulkActName::Delete => Wish::Unarchive,
    };
    let mut items: Vec<BulkResult> = Vec::with_capacity(form.ids.len());
    for id in form.ids {
        if items.iter().any(|item| item.id == id) {
            continue;
        }
        let done = match &delete {
            Some(right) => app.desk.delete_batch(right, &id, |_| Ok(()), None).await,
            None => app.desk.move_batch(&permit, &id, |_| Ok(()), wish, None).await.map(drop),
        };
        let (code, detail) = match done {
            Ok(()) => (None, None),
            Err(trouble) => {
                let words = trouble.to_string();
                (Some(app.problem(trouble).code().to_owned()), Some(words))
            }
        };
        items.push(BulkResult { id, done: code.is_none(), code, detail });
    }
    Ok(Json(BulkResults { items }))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("batches", "Batches of codes.")
        .route(
            "/api/v1/admin/batches",
            routing::get_with(list, |op| op.id("listBatches").tag("batches").summary("Batches, newest first."))
                .post_with(create, |op| {
                    op.id("createBatch")
                        .tag("batches")
                        .summary("Make a batch, with or without its first codes.")
                        .with(answers(&[409]))
                }),
        )
        .route(
            "/api/v1/admin/batches/generate",
            routing::post_with(generate, |op| {
                op.id("generateBatch")
                    .tag("batches")
                    .summary("Make a batch and its codes. Beyond a ceiling the codes wait for a second person.")
                    .with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/batches/import",
            routing::post_with(import_new, |op| {
                op.id("importBatch")
                    .tag("batches")
                    .summary("Make a batch and import its codes from a file that was uploaded.")
                    .with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/batches/bulk",
            routing::post_with(bulk, |op| {
                op.id("changeBatches")
                    .tag("batches")
                    .summary("Block, unblock, archive or delete many batches, with a result for each.")
            }),
        )
        .route(
            "/api/v1/admin/batches/{id}",
            routing::get_with(one, |op| op.id("getBatch").tag("batches").summary("One batch."))
                .put_with(update, |op| {
                    op.id("updateBatch")
                        .tag("batches")
                        .summary("Change name, description or expiry of a batch.")
                        .with(answers(&[409]))
                })
                .delete_with(delete, |op| {
                    op.id("deleteBatch")
                        .tag("batches")
                        .summary("Delete a batch of which no code was ever claimed. Its codes stay taken.")
                        .with(answers(&[409]))
                }),
        )
        .route(
            "/api/v1/admin/batches/{id}/assign",
            routing::post_with(assign, |op| {
                op.id("assignBatch").tag("batches").summary("Give a batch to a user.").with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/batches/{id}/status",
            routing::put_with(set_status, |op| {
                op.id("setBatchStatus")
                    .tag("batches")
                    .summary("Block, unblock, end or archive a batch.")
                    .with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/batches/{id}/stats",
            routing::get_with(figures, |op| {
                op.id("batchStatistics").tag("batches").summary("A batch in figures, and day by day.")
            }),
        )
        .route(
            "/api/v1/admin/batches/{id}/prints",
            routing::get_with(prints, |op| {
                op.id("batchPrints")
                    .tag("batches")
                    .summary("Every printing of a batch's sheets, and whether its date still holds.")
            }),
        )
}
