//! Changes of roles and permissions, which a second person decides on.

use super::{PAGE_DEFAULT, PAGE_MAX, kept, users::UserPath};
use crate::{
    App,
    caller::Needs,
    fields::{Fields, drawn_id},
    views::{ChangeView, StandingName},
};
use axum::extract::State;
use domain::{
    change::Change,
    id::ChangeId,
    permission::right::{UsersPermissionsManage, UsersRead, UsersRolesAssign, UsersRolesRevoke},
};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{Asked, Keep};
use web::{Accepted, Api, Json, Kept, Page, Path, Problem, Query, openapi::answers, routing};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesForm {
    /// Ids of the roles to give beside those that the user has.
    #[garde(length(min = 1, max = 10), inner(length(chars, min = 1, max = 64)))]
    roles: Vec<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesQuery {
    /// Ids of the roles to take, separated by commas.
    #[garde(length(min = 1, max = 10), inner(length(chars, min = 1, max = 64)))]
    roles: Vec<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionsForm {
    /// Keys of permissions beside those of the roles.
    #[garde(length(max = 84), inner(length(chars, min = 1, max = 64)))]
    grants: Vec<String>,
    /// Keys of permissions that the user doesn't have despite the roles.
    #[garde(length(max = 84), inner(length(chars, min = 1, max = 64)))]
    denials: Vec<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuery {
    #[serde(default)]
    #[garde(skip)]
    pub standing: Option<StandingName>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    pub limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    pub cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct ChangePath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

impl ChangePath {
    pub fn change(&self) -> Result<ChangeId, Problem> {
        ChangeId::parse(&self.id).map_err(|_| Problem::not_found("There is no such change."))
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusalForm {
    #[garde(length(chars, min = 1, max = 500))]
    pub reason: String,
}

fn asked(asked: &Asked) -> store::Answer {
    kept(202, None, None, &ChangeView::from(&asked.change))
}

async fn assign(
    permit: Needs<UsersRolesAssign>,
    Path(path): Path<UserPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RolesForm>,
) -> Result<Accepted<ChangeView>, Problem> {
    let mut fields = Fields::default();
    let given = fields.roles("roles", &form.roles);
    fields.finish()?;
    let wanted = |user: &domain::staff::User| user.roles.iter().chain(&given).cloned().collect();
    let done = app.desk.ask_roles(&permit, &path.user()?, wanted, Keep::new(once.once(), &asked)).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?.change)))
}

async fn revoke(
    permit: Needs<UsersRolesRevoke>,
    Path(path): Path<UserPath>,
    once: Kept,
    State(app): State<App>,
    Query(query): Query<RolesQuery>,
) -> Result<Accepted<ChangeView>, Problem> {
    let mut fields = Fields::default();
    let taken = fields.roles("roles", &query.roles);
    fields.finish()?;
    let wanted = |user: &domain::staff::User| user.roles.iter().filter(|role| !taken.contains(role)).cloned().collect();
    let done = app.desk.ask_roles(&permit, &path.user()?, wanted, Keep::new(once.once(), &asked)).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?.change)))
}

pub async fn set_permissions(
    permit: Needs<UsersPermissionsManage>,
    Path(path): Path<UserPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<PermissionsForm>,
) -> Result<Accepted<ChangeView>, Problem> {
    let mut fields = Fields::default();
    let grants = fields.permissions("grants", &form.grants);
    let denials = fields.permissions("denials", &form.denials);
    fields.finish()?;
    let keep = Keep::new(once.once(), &asked);
    let done = app.desk.ask_permissions(&permit, &path.user()?, grants, denials, keep).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?.change)))
}

async fn list(
    permit: Needs<UsersRead>,
    State(app): State<App>,
    Query(query): Query<ChangeQuery>,
) -> Result<Json<Page<ChangeView>>, Problem> {
    let standing = query.standing.map(StandingName::name);
    let bound = format!("changes|{}|{standing:?}", permit.actor().user());
    let before: Option<ChangeId> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.changes(&permit, standing, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(ChangeView::from).collect(), next)))
}

fn decided(change: &Change) -> store::Answer {
    kept(200, None, None, &ChangeView::from(change))
}

async fn approve(
    permit: Needs<UsersRolesAssign>,
    Path(path): Path<ChangePath>,
    once: Kept,
    State(app): State<App>,
) -> Result<Json<ChangeView>, Problem> {
    let done = app.desk.decide(&permit, &path.change()?, None, Keep::new(once.once(), &decided)).await;
    Ok(Json(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

async fn refuse(
    permit: Needs<UsersRolesAssign>,
    Path(path): Path<ChangePath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RefusalForm>,
) -> Result<Json<ChangeView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    let keep = Keep::new(once.once(), &decided);
    let done = app.desk.decide(&permit, &path.change()?, Some(&reason), keep).await;
    Ok(Json(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(
        "/api/v1/admin/users/{id}/roles",
        routing::post_with(assign, |op| {
            op.id("assignRoles").tag("users").summary("Ask for roles. A second person approves.").with(answers(&[409]))
        })
        .delete_with(revoke, |op| {
            op.id("revokeRoles")
                .tag("users")
                .summary("Ask to take roles away. A second person approves.")
                .with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/admin/users/role-requests",
        routing::get_with(list, |op| {
            op.id("listRoleRequests").tag("users").summary("Changes of roles and permissions, newest first.")
        }),
    )
    .route(
        "/api/v1/admin/users/role-requests/{id}/approve",
        routing::post_with(approve, |op| {
            op.id("approveRoleRequest")
                .tag("users")
                .summary("Approve a change that somebody else asked for.")
                .with(answers(&[409]))
        }),
    )
    .route(
        "/api/v1/admin/users/role-requests/{id}/reject",
        routing::post_with(refuse, |op| {
            op.id("rejectRoleRequest")
                .tag("users")
                .summary("Refuse a change that somebody else asked for.")
                .with(answers(&[409]))
        }),
    )
}
