//! Stopping and starting payouts, redemptions and messages.

use super::kept;
use crate::{App, caller::Needs, fields::Fields, views::payout_figures::SwitchesView};
use axum::extract::State;
use domain::permission::right::PayoutsStop;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{Keep, SwitchesWanted, Switching};
use web::{Api, Json, Kept, Problem, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchesForm {
    #[serde(default)]
    #[garde(skip)]
    payouts: Option<bool>,
    #[serde(default)]
    #[garde(skip)]
    redemptions: Option<bool>,
    #[serde(default)]
    #[garde(skip)]
    sms: Option<bool>,
    /// Also ends a pause that payouts have made by themselves, and forgets the outcomes that led to it.
    #[serde(default)]
    #[garde(skip)]
    resume: bool,
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

async fn present(permit: Needs<PayoutsStop>, State(app): State<App>) -> Result<Json<SwitchesView>, Problem> {
    let switching = app.desk.switches(&permit).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(SwitchesView::from(&switching)))
}

async fn switch(
    permit: Needs<PayoutsStop>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<SwitchesForm>,
) -> Result<Json<SwitchesView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    let SwitchesForm { payouts, redemptions, sms, resume, .. } = form;
    let wanted = SwitchesWanted { payouts, redemptions, sms, resume, reason };
    let answer = |switching: &Switching| kept(200, None, None, &SwitchesView::from(switching));
    let done = app.desk.switch(&permit, &wanted, Keep::new(once.once(), &answer)).await;
    Ok(Json(SwitchesView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/switches",
        routing::get_with(present, |op| {
            op.id("getSwitches").tag("disbursements").summary("What is switched on, and what payouts wait for.")
        })
        .put_with(switch, |op| {
            op.id("setSwitches")
                .tag("disbursements")
                .summary("Stop or start payouts, redemptions, messages; it acts within seconds.")
                .with(answers(&[409]))
        }),
    )
}
