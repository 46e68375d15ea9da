//! What people do about payouts and redemptions. Each answers 409 when the payout's state doesn't allow it.

use super::{kept, payouts::PayoutPath};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, drawn_id},
    views::payouts::{PayoutView, ReversedView, payout_tag},
};
use axum::extract::State;
use domain::{
    identity::RedemptionId,
    payout::Payout,
    permission::right::{
        DisbursementsApprove, DisbursementsCancel, DisbursementsConfigure, DisbursementsHold, DisbursementsReconcile,
        DisbursementsRetry, RedemptionsReverse,
    },
    reversal::Reversed,
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Keep, Trouble};
use web::{Api, IfMatch, Json, Kept, Path, Problem, Tagged, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonForm {
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

impl ReasonForm {
    fn read(&self) -> Result<String, Problem> {
        let mut fields = Fields::default();
        let reason = fields.text("reason", &self.reason);
        fields.finish()?;
        Ok(reason)
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryForm {
    /// RFC 3339 with an offset, at most 30 days ahead; now without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveForm {
    /// The number of the receipt.
    #[garde(length(chars, min = 1, max = 64))]
    receipt: String,
    /// How the customer was paid.
    #[garde(length(chars, min = 1, max = 500))]
    note: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetriesForm {
    /// Of payouts, each once.
    #[garde(length(min = 1, max = 100), inner(custom(drawn_id)))]
    #[schemars(inner(regex(pattern = r"^[0-9a-f]{32}$")))]
    ids: Vec<String>,
    /// Ask about those of which nobody knows whether they were paid, in place of retrying those that have failed.
    #[serde(default)]
    #[garde(skip)]
    ask: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseForm {
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
    /// The code doesn't redeem again until somebody unblocks it.
    #[serde(default)]
    #[garde(skip)]
    block: bool,
}

/// What became of one payout.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RetryResult {
    id: String,
    /// It was done.
    done: bool,
    /// Why not: the stable code that the same act on this payout alone answers with.
    code: Option<String>,
    /// The same in words.
    detail: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct RetryResults {
    items: Vec<RetryResult>,
}

fn answer(payout: &Payout) -> store::Answer {
    kept(200, Some(payout_tag(payout)), None, &PayoutView::from(payout))
}

fn shown(app: &App, done: Result<Payout, Trouble>) -> Result<Tagged<PayoutView>, Problem> {
    let payout = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(payout_tag(&payout), PayoutView::from(&payout)))
}

/// What is agreed to is what was seen: version, and with it amount and payee.
fn seen(if_match: &IfMatch) -> impl Fn(&Payout) -> Result<(), Trouble> {
    |payout| if_match.matches("payout", payout.id.as_str(), payout.version).map_err(|_| Trouble::Stale)
}

impl App {
    /// Tells a worker to look at a payout at once. A nudge that is lost costs time: the sweeper finds the row.
    async fn nudge_payout(&self, payout: &Payout) {
        let due = payout.state.due_at().is_some_and(|at| at <= self.desk.now());
        if due && self.payouts.send(&payout.id).await.is_err() {
            tracing::warn!(payout = %payout.id, "a payout's nudge was lost");
        }
    }

    async fn shown_and_nudged(&self, done: Result<Payout, Trouble>) -> Result<Tagged<PayoutView>, Problem> {
        if let Ok(payout) = &done {
            self.nudge_payout(payout).await;
        }
        shown(self, done)
    }
}

async fn hold(
    permit: Needs<DisbursementsHold>,
    Path(path): Path<PayoutPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReasonForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let keep = Keep::new(once.once(), &answer);
    shown(&app, app.desk.hold_payout(&permit, &path.redemption()?, &form.read()?, keep).await)
}

async fn release(
    permit: Needs<DisbursementsHold>,
    Path(path): Path<PayoutPath>,
    once: Kept,
    State(app): State<App>,
) -> Result<Tagged<PayoutView>, Problem> {
    let done = app.desk.release_payout(&permit, &path.redemption()?, Keep::new(once.once(), &answer)).await;
    app.shown_and_nudged(done).await
}

async fn cancel(
    permit: Needs<DisbursementsCancel>,
    Path(path): Path<PayoutPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReasonForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let (id, reason) = (path.redemption()?, form.read()?);
    let keep = Keep::new(once.once(), &answer);
    shown(&app, app.desk.cancel_payout(&permit, &id, seen(&if_match), &reason, keep).await)
}

async fn retry(
    permit: Needs<DisbursementsRetry>,
    Path(path): Path<PayoutPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RetryForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let mut fields = Fields::default();
    let at = form.at.and_then(|text| fields.time("at", &text));
    fields.finish()?;
    let keep = Some(Keep::new(once.once(), &answer));
    let done = app.desk.retry_payout(&permit, &path.redemption()?, at, keep).await;
    app.shown_and_nudged(done).await
}

async fn hurry(
    permit: Needs<DisbursementsConfigure>,
    Path(path): Path<PayoutPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReasonForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let (id, reason) = (path.redemption()?, form.read()?);
    let done = app.desk.hurry_payout(&permit, &id, &reason, Keep::new(once.once(), &answer)).await;
    app.shown_and_nudged(done).await
}

async fn resolve(
    permit: Needs<DisbursementsReconcile>,
    Path(path): Path<PayoutPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ResolveForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let mut fields = Fields::default();
    let (receipt, note) = (fields.receipt("receipt", &form.receipt), fields.text("note", &form.note));
    fields.finish()?;
    let keep = Keep::new(once.once(), &answer);
    let id = path.redemption()?;
    shown(&app, app.desk.resolve_payout(&permit, &id, seen(&if_match), (&receipt, &note), keep).await)
}

async fn approve(
    permit: Needs<DisbursementsApprove>,
    Path(path): Path<PayoutPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Tagged<PayoutView>, Problem> {
    let keep = Keep::new(once.once(), &answer);
    let done = app.desk.approve_payout(&permit, &path.redemption()?, seen(&if_match), keep).await;
    app.shown_and_nudged(done).await
}

async fn refuse(
    permit: Needs<DisbursementsApprove>,
    Path(path): Path<PayoutPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReasonForm>,
) -> Result<Tagged<PayoutView>, Problem> {
    let (id, reason) = (path.redemption()?, form.read()?);
    let keep = Keep::new(once.once(), &answer);
    shown(&app, app.desk.refuse_payout(&permit, &id, seen(&if_match), &reason, keep).await)
}

/// Payout by payout, each by itself: one that can't be retried stops no other.
async fn retries(
    permit: Needs<DisbursementsRetry>,
    State(app): State<App>,
    Json(form): Json<RetriesForm>,
) -> Result<Json<RetryResults>, Problem> {
    let mut fields = Fields::default();
    if form.ids.iter().enumerate().any(|(at, id)| form.ids[..at].contains(id)) {
        fields.problem("ids", "repeated", "each once");
    }
    fields.finish()?;
    let mut items = Vec::with_capacity(form.ids.len());
    for id in form.ids {
        let payout = RedemptionId::parse(&id).map_err(|_| Problem::internal())?;
        let done = match form.ask {
            true => app.desk.ask_payout(&permit, &payout).await,
            false => app.desk.retry_payout(&permit, &payout, None, None).await,
        };
        let (code, detail) = match done {
            Ok(payout) => {
                app.nudge_payout(&payout).await;
                (None, None)
            }
            Err(trouble) => {
                let words = trouble.to_string();
                (Some(app.problem(trouble).code().to_owned()), Some(words))
            }
        };
        items.push(RetryResult { id, done: code.is_none(), code, detail });
    }
    Ok(Json(RetryResults { items }))
}

async fn reverse(
    permit: Needs<RedemptionsReverse>,
    Path(path): Path<PayoutPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReverseForm>,
) -> Result<Json<ReversedView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    let answer = |reversed: &Reversed| kept(200, None, None, &ReversedView::from(reversed));
    let keep = Keep::new(once.once(), &answer);
    let done = app.desk.reverse_redemption(&permit, &path.redemption()?, (&reason, form.block), keep).await;
    Ok(Json(ReversedView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    macro_rules! act {
        ($api:expr, $path:literal, $handler:expr, $id:literal, $summary:literal) => {
            $api.route(
                $path,
                routing::post_with($handler, |op| {
                    op.id($id).tag("disbursements").summary($summary).with(answers(&[409]))
                }),
            )
        };
    }
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/hold",
        hold,
        "holdDisbursement",
        "Send nothing more until it is released. What was sent is still asked about."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/release",
        release,
        "releaseDisbursement",
        "Let a held payout go on. Past a limit a second person has to approve."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/cancel",
        cancel,
        "cancelDisbursement",
        "Cancel a payout that was never sent, or that has failed for good."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/retry",
        retry,
        "retryDisbursement",
        "Try a failed payout once more, now or later."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/urgent",
        hurry,
        "hurryDisbursement",
        "Start a payout before all waiting ones. It skips no check."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/resolve",
        resolve,
        "resolveDisbursement",
        "Say that the customer was paid by other means. A second person has to approve."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/approve",
        approve,
        "approveDisbursement",
        "Agree, as the second person, to a payout or that it was paid by other means."
    );
    let api = act!(
        api,
        "/api/v1/admin/disbursements/{id}/refuse",
        refuse,
        "refuseDisbursement",
        "Refuse, as the second person, a payout or that it was paid by other means."
    );
    let api = act!(
        api,
        "/api/v1/admin/redemptions/{id}/reverse",
        reverse,
        "reverseRedemption",
        "Take a redemption back before anything was sent. Its code is free again, or blocked."
    );
    api.route(
        "/api/v1/admin/disbursements/bulk-retry",
        routing::post_with(retries, |op| {
            op.id("retryDisbursements")
                .tag("disbursements")
                .summary("Retry many failed payouts, or ask about many unknown ones, with a result for each.")
        }),
    )
}
