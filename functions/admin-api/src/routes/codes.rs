//! Codes one by one: lists, one code, its state, and questions about a text.

use super::{PAGE_DEFAULT, PAGE_MAX, kept, kept_empty};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, a_batch, code_id},
    views::codes::{
        CodeStateName, CodeStatistics, CodeView, HistoryView, MetadataField, SearchView, ValidationView, code_tag,
    },
};
use axum::extract::State;
use domain::{
    batch::{Act, CODE_METADATA_MAX, Code, CodeId},
    code::CodeText,
    job::SheetRange,
    permission::{
        Permission,
        right::{PromoCodesDownload, PromoCodesRead, PromoCodesSearch, PromoCodesStatusChange, PromoCodesValidate},
    },
};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{CodeFilter, CodeUpdate, Found, Keep, Trouble};
use std::collections::BTreeMap;
use web::{Api, Done, IfMatch, Json, Kept, Page, Path, Problem, Query, Tagged, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeQuery {
    /// Without it the list goes through all batches, newest first.
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    state: Option<CodeStateName>,
    /// Part of the code, read as a code is. Needs `batch_id`. Counted for who may not download codes.
    #[serde(default)]
    #[garde(length(chars, min = 4, max = 40))]
    text: Option<String>,
    /// Sheets of the batch, the last one included. Need `batch_id`.
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_from: Option<u32>,
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    sheet_to: Option<u32>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct CodePath {
    #[garde(custom(code_id))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}-[0-9]{1,9}$"))]
    id: String,
}

impl CodePath {
    fn code(&self) -> Result<CodeId, Problem> {
        CodeId::parse(&self.id).map_err(|_| Problem::not_found("There is no such code."))
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealQuery {
    /// Shows the code whole, which needs `promo-codes.download` and is on record.
    #[serde(default)]
    #[garde(skip)]
    reveal: Option<bool>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    /// RFC 3339 with an offset; an empty text takes the code's own date off, so that its batch's holds.
    #[serde(default)]
    #[garde(length(chars, max = 40))]
    expires_at: Option<String>,
    /// Replaces all of it.
    #[serde(default)]
    #[garde(length(max = CODE_METADATA_MAX), dive)]
    metadata: Option<Vec<MetadataField>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeWish {
    Active,
    Blocked,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeStatusForm {
    #[garde(skip)]
    state: CodeWish,
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyForm {
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyQuery {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 500))]
    reason: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedForm {
    /// As somebody typed it.
    #[garde(length(chars, min = 1, max = 64))]
    code: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedQuery {
    /// As somebody typed it.
    #[garde(length(chars, min = 1, max = 64))]
    code: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FiguresQuery {
    /// The 50 newest batches without it.
    #[serde(default)]
    #[garde(inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    batch_id: Option<String>,
}

/// A range of sheets from two fields that go together.
pub fn sheets(fields: &mut Fields, from: Option<u32>, to: Option<u32>) -> Option<SheetRange> {
    let range = match (from, to) {
        (None, None) => return None,
        (Some(first), None) => SheetRange { first, last: first },
        (None, Some(last)) => SheetRange { first: 1, last },
        (Some(first), Some(last)) => SheetRange { first, last },
    };
    if range.first > range.last {
        fields.problem("sheet_from", "order", "not after `sheet_to`");
    }
    Some(range)
}

impl CodeQuery {
    fn read(self) -> Result<CodeFilter, Problem> {
        let mut fields = Fields::default();
        let sheets = sheets(&mut fields, self.sheet_from, self.sheet_to);
        let text = self.text.and_then(|text| match CodeText::parse(&text) {
            Ok(text) => Some(text),
            Err(error) => {
                fields.problem("text", "malformed", &error.to_string());
                None
            }
        });
        if self.batch_id.is_none() && (text.is_some() || sheets.is_some()) {
            fields.problem("batch_id", "missing", "parts of codes and sheets are looked for within one batch");
        }
        fields.finish()?;
        Ok(CodeFilter { batch_id: self.batch_id, state: self.state.map(Into::into), text, sheets })
    }
}

async fn list(
    permit: Needs<PromoCodesRead>,
    State(app): State<App>,
    Query(query): Query<CodeQuery>,
) -> Result<Json<Page<CodeView>>, Problem> {
    let actor = permit.actor();
    let (limit, cursor) = (query.limit.unwrap_or(PAGE_DEFAULT) as usize, query.cursor.clone());
    let filter = query.read()?;
    let text = filter.text.as_ref().map(CodeText::as_str);
    let bound = format!("codes|{}|{:?}|{:?}|{text:?}|{:?}", actor.user(), filter.batch_id, filter.state, filter.sheets);
    let position: Option<String> = app.position(&bound, cursor.as_deref()).await?;
    // Each longer part that fits tells one character more of a code.
    if filter.text.is_some() && !actor.holds(Permission::PromoCodesDownload) {
        app.desk.count_lookup(actor).await.map_err(|trouble| app.problem(trouble))?;
    }
    let listed = app.desk.codes(&permit, &filter, position.as_deref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(CodeView::from).collect(), next)))
}

async fn one(
    permit: Needs<PromoCodesRead>,
    Path(path): Path<CodePath>,
    State(app): State<App>,
    Query(query): Query<RevealQuery>,
) -> Result<Tagged<CodeView>, Problem> {
    let id = path.code()?;
    let mut whole = None;
    if query.reveal == Some(true) {
        let right = app.desk.permit::<PromoCodesDownload>(permit.actor(), "GET /api/v1/admin/promo-codes/{id}").await;
        whole = Some(right.map_err(|trouble| app.problem(trouble))?);
    }
    let (found, history) = app.desk.code(&permit, &id).await.map_err(|trouble| app.problem(trouble))?;
    let mut view = CodeView::from(&found);
    view.history = Some(history.iter().map(HistoryView::from).collect());
    if let Some(right) = whole {
        view.code = app.desk.reveal(&right, &found).await.map_err(|trouble| app.problem(trouble))?;
        view.masked = false;
    }
    Ok(Tagged::new(code_tag(&found), view))
}

fn changed(found: &Found) -> store::Answer {
    kept(200, Some(code_tag(found)), None, &CodeView::from(found))
}

fn shown(app: &App, done: Result<Found, Trouble>) -> Result<Tagged<CodeView>, Problem> {
    let found = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(code_tag(&found), CodeView::from(&found)))
}

async fn update(
    permit: Needs<PromoCodesStatusChange>,
    Path(path): Path<CodePath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<CodeForm>,
) -> Result<Tagged<CodeView>, Problem> {
    let id = path.code()?;
    let mut fields = Fields::default();
    let expires_at = match form.expires_at.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(text) => fields.time("expires_at", text).map(Some),
    };
    let metadata = form.metadata.map(|list| {
        let mut metadata = BTreeMap::new();
        for MetadataField { name, value } in list {
            let (name, value) = (fields.name("metadata", &name), fields.note("metadata", &value));
            if metadata.insert(name, value).is_some() {
                fields.problem("metadata", "repeated", "each name once");
            }
        }
        metadata
    });
    fields.finish()?;
    let seen = |code: &Code| if_match.matches("code", &code.id().to_string(), code.version).map_err(|_| Trouble::Stale);
    let keep = Keep::new(once.once(), &changed);
    shown(&app, app.desk.update_code(&permit, &id, seen, CodeUpdate { expires_at, metadata }, keep).await)
}

async fn act_on(
    app: &App,
    permit: &Needs<PromoCodesStatusChange>,
    (path, once): (&CodePath, &Kept),
    act: Act,
    reason: &str,
) -> Result<Tagged<CodeView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", reason);
    fields.finish()?;
    let keep = Keep::new(once.once(), &changed);
    shown(app, app.desk.change_code(permit, &path.code()?, act, &reason, keep).await)
}

async fn set_status(
    permit: Needs<PromoCodesStatusChange>,
    Path(path): Path<CodePath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<CodeStatusForm>,
) -> Result<Tagged<CodeView>, Problem> {
    let act = match form.state {
        CodeWish::Active => Act::Unblock,
        CodeWish::Blocked => Act::Block,
    };
    act_on(&app, &permit, (&path, &once), act, &form.reason).await
}

async fn disable(
    permit: Needs<PromoCodesStatusChange>,
    Path(path): Path<CodePath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<WhyForm>,
) -> Result<Tagged<CodeView>, Problem> {
    act_on(&app, &permit, (&path, &once), Act::Block, &form.reason).await
}

async fn delete(
    permit: Needs<PromoCodesStatusChange>,
    Path(path): Path<CodePath>,
    once: Kept,
    State(app): State<App>,
    Query(query): Query<WhyQuery>,
) -> Result<Done, Problem> {
    let mut fields = Fields::default();
    let reason = fields.note("reason", query.reason.as_deref().unwrap_or_default());
    fields.finish()?;
    let answer = |_: &Found| kept_empty();
    let keep = Keep::new(once.once(), &answer);
    let done = app.desk.change_code(&permit, &path.code()?, Act::Delete, &reason, keep).await;
    done.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn validate(
    permit: Needs<PromoCodesValidate>,
    State(app): State<App>,
    Json(form): Json<TypedForm>,
) -> Result<Json<ValidationView>, Problem> {
    app.desk.count_lookup(permit.actor()).await.map_err(|trouble| app.problem(trouble))?;
    // It is a POST for the code's sake, which shall be in no address; what it does is reading.
    app.desk.count_read(&*permit, "admin/promo-codes/validate").await.map_err(|trouble| app.problem(trouble))?;
    let found = app.desk.look_up(&permit, &form.code).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(ValidationView::from(&found)))
}

async fn search(
    permit: Needs<PromoCodesSearch>,
    State(app): State<App>,
    Query(query): Query<TypedQuery>,
) -> Result<Json<SearchView>, Problem> {
    let actor = permit.actor();
    let problem = |trouble| app.problem(trouble);
    let may_download = actor.holds(Permission::PromoCodesDownload);
    if !may_download {
        app.desk.count_lookup(actor).await.map_err(problem)?;
    }
    let lookup = app.desk.look_up(&permit, &query.code).await.map_err(problem)?;
    let mut code = None;
    if let Some(found) = lookup.found.as_ref().filter(|_| may_download) {
        let right = app.desk.permit::<PromoCodesDownload>(actor, "GET /api/v1/admin/promo-codes/search").await;
        code = Some(app.desk.reveal(&right.map_err(problem)?, found).await.map_err(problem)?);
    }
    Ok(Json(SearchView::of(&lookup, code, actor.holds(Permission::PromoCodesRead))))
}

async fn statistics(
    permit: Needs<PromoCodesRead>,
    State(app): State<App>,
    Query(query): Query<FiguresQuery>,
) -> Result<Json<CodeStatistics>, Problem> {
    let found = app.desk.code_statistics(&permit, query.batch_id.as_deref()).await;
    Ok(Json(CodeStatistics::of(&found.map_err(|trouble| app.problem(trouble))?)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("promo-codes", "Codes: found, made, imported, exported, changed.")
        .route(
            "/api/v1/admin/promo-codes",
            routing::get_with(list, |op| {
                op.id("listCodes")
                    .tag("promo-codes")
                    .summary("Codes in the order of print, masked until they are redeemed.")
                    .with(answers(&[404]))
            }),
        )
        .route(
            "/api/v1/admin/promo-codes/validate",
            routing::post_with(validate, |op| {
                op.id("validateCode")
                    .tag("promo-codes")
                    .summary("Whether a text is a code, and exists. Changes nothing.")
            }),
        )
        .route(
            "/api/v1/admin/promo-codes/search",
            routing::get_with(search, |op| op.id("searchCode").tag("promo-codes").summary("One code by its text.")),
        )
        .route(
            "/api/v1/admin/promo-codes/stats",
            routing::get_with(statistics, |op| {
                op.id("codeStatistics")
                    .tag("promo-codes")
                    .summary("Codes by state, batch and day.")
                    .with(answers(&[404]))
            }),
        )
        .route(
            "/api/v1/admin/promo-codes/{id}",
            routing::get_with(one, |op| op.id("getCode").tag("promo-codes").summary("One code."))
                .put_with(update, |op| {
                    op.id("updateCode")
                        .tag("promo-codes")
                        .summary("Change the own date and the metadata of a code that nobody has claimed.")
                        .with(answers(&[409]))
                })
                .delete_with(delete, |op| {
                    op.id("deleteCode")
                        .tag("promo-codes")
                        .summary("Delete a code that nobody has claimed. Its text stays taken.")
                        .with(answers(&[409]))
                }),
        )
        .route(
            "/api/v1/admin/promo-codes/{id}/status",
            routing::put_with(set_status, |op| {
                op.id("setCodeStatus").tag("promo-codes").summary("Block or unblock a code.").with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/promo-codes/{id}/disable",
            routing::put_with(disable, |op| {
                op.id("disableCode").tag("promo-codes").summary("Block a code.").with(answers(&[409]))
            }),
        )
}
