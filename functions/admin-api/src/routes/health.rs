//! Whether this API can work: for watchers.

use crate::App;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use web::{Api, Json, Problem, routing};

#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    status: &'static str,
}

/// Asks the table and the secret; 503 when either doesn't answer.
async fn health(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.desk.cursor_key().await.map_err(|trouble| app.problem(trouble))?;
    app.desk.registration().await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(Health { status: "ok" }))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("health", "Whether it works.").route(
        "/api/v1/health",
        routing::get_with(health, |op| op.id("health").tag("health").summary("Whether table and secrets answer.")),
    )
}
