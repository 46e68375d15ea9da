//! Agreeing to codes whose worth passes a ceiling.

use super::{
    PAGE_DEFAULT,
    changes::{ChangePath, ChangeQuery, RefusalForm},
    kept,
};
use crate::{
    App,
    caller::Needs,
    fields::Fields,
    views::{ChangeView, StandingName},
};
use axum::extract::State;
use domain::{change::Change, id::ChangeId, job::Job, permission::right::DisbursementsApprove};
use staff::Keep;
use web::{Api, Json, Kept, Page, Path, Problem, Query, openapi::answers, routing};

async fn approvals(
    permit: Needs<DisbursementsApprove>,
    State(app): State<App>,
    Query(query): Query<ChangeQuery>,
) -> Result<Json<Page<ChangeView>>, Problem> {
    let standing = query.standing.map(StandingName::name);
    let bound = format!("approvals|{}|{standing:?}", permit.actor().user());
    let before: Option<ChangeId> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.approvals(&permit, standing, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(ChangeView::from).collect(), next)))
}

async fn decided(
    app: &App,
    permit: &Needs<DisbursementsApprove>,
    (path, once): (&ChangePath, &Kept),
    refusal: Option<&str>,
) -> Result<Json<ChangeView>, Problem> {
    let answer = |(change, _): &(Change, Job)| kept(200, None, None, &ChangeView::from(change));
    let done = app.desk.decide_codes(permit, &path.change()?, refusal, Keep::new(once.once(), &answer)).await;
    let (change, job) = done.map_err(|trouble| app.problem(trouble))?;
    app.nudge(&job).await;
    Ok(Json(ChangeView::from(&change)))
}

async fn approve(
    permit: Needs<DisbursementsApprove>,
    Path(path): Path<ChangePath>,
    once: Kept,
    State(app): State<App>,
) -> Result<Json<ChangeView>, Problem> {
    decided(&app, &permit, (&path, &once), None).await
}

async fn refuse(
    permit: Needs<DisbursementsApprove>,
    Path(path): Path<ChangePath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RefusalForm>,
) -> Result<Json<ChangeView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    decided(&app, &permit, (&path, &once), Some(&reason)).await
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/promo-codes/approvals",
        routing::get_with(approvals, |op| {
            op.id("listCodeApprovals")
                .tag("promo-codes")
                .summary("Codes beyond a ceiling that wait for a second person or were decided on, newest first.")
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/approvals/{id}/approve",
        routing::post_with(approve, |op| {
            op.id("approveCodes")
                .tag("promo-codes")
                .summary("Agree to codes beyond a ceiling that somebody else has asked for.")
                .with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/admin/promo-codes/approvals/{id}/refuse",
        routing::post_with(refuse, |op| {
            op.id("refuseCodes")
                .tag("promo-codes")
                .summary("Refuse codes beyond a ceiling. They are not made.")
                .with(answers(&[409]))
        }),
    )
}
