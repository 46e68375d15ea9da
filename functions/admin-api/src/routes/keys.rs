//! Keys for programs.

use crate::{
    App,
    caller::Me,
    fields::{Fields, drawn_id},
    views::ApiKeyView,
};
use axum::extract::State;
use domain::id::ApiKeyId;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::NewApiKey;
use web::{Api, Created, Done, Json, Path, Problem, Unkept, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyForm {
    #[garde(length(chars, min = 1, max = 80))]
    name: String,
    /// Keys of permissions, each held by the owner. What the owner loses the key loses.
    #[garde(length(min = 1, max = 84), inner(length(chars, min = 1, max = 64)))]
    scope: Vec<String>,
    /// Days until it ends.
    #[garde(range(min = 1, max = 366))]
    days: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Keys {
    items: Vec<ApiKeyView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct NewKeyView {
    #[serde(flatten)]
    key: ApiKeyView,
    /// Goes as a bearer token. Never shown again.
    token: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct KeyPath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

async fn list(me: Me, State(app): State<App>) -> Result<Json<Keys>, Problem> {
    let keys = app.desk.api_keys(&me.oneself).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(Keys { items: keys.iter().map(ApiKeyView::from).collect() }))
}

async fn create(
    me: Me,
    State(app): State<App>,
    Json(form): Json<KeyForm>,
) -> Result<Unkept<Created<NewKeyView>>, Problem> {
    let mut fields = Fields::default();
    let name = fields.name("name", &form.name);
    let scope = fields.permissions("scope", &form.scope);
    fields.finish()?;
    let new = NewApiKey { name, scope, days: form.days };
    let made = app.desk.create_api_key(&me.oneself, new).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Unkept(Created {
        location: format!("/api/v1/auth/keys/{}", made.key.id),
        etag: None,
        body: NewKeyView { key: ApiKeyView::from(&made.key), token: made.text },
    }))
}

async fn revoke(me: Me, Path(path): Path<KeyPath>, State(app): State<App>) -> Result<Done, Problem> {
    let id = ApiKeyId::parse(&path.id).map_err(|_| Problem::not_found("There is no such key."))?;
    app.desk.revoke_api_key(&me.oneself, &id).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/auth/keys",
        routing::get_with(list, |op| op.id("apiKeys").tag("auth").summary("One's keys for programs."))
            .post_with(create, |op| {
                op.id("createApiKey").tag("auth").summary("Make a key for a program.").with(answers(&[409]))
            }),
    )
    .route(
        "/api/v1/auth/keys/{id}",
        routing::delete_with(revoke, |op| op.id("revokeApiKey").tag("auth").summary("Revoke a key, at once.")),
    )
}
