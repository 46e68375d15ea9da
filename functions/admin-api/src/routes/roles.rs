//! Permissions and roles.

use super::kept;
use crate::{
    App,
    caller::Needs,
    fields::{Fields, role_id},
    views::{ChangeView, PermissionView, RoleView},
};
use axum::extract::State;
use domain::{
    change::Change,
    permission::{
        Permission,
        right::{SystemSettingsRead, UsersPermissionsManage},
    },
    role::{Role, RoleId},
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Keep, Trouble};
use web::{Accepted, Api, IfMatch, Json, Kept, Path, Problem, openapi::answers, routing};

#[derive(Debug, Serialize, JsonSchema)]
pub struct PermissionList {
    items: Vec<PermissionView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct RoleList {
    items: Vec<RoleView>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleForm {
    /// Unlike every other role's, whatever the case.
    #[garde(length(chars, min = 1, max = 60))]
    name: String,
    #[serde(default)]
    #[garde(length(chars, max = 200))]
    description: String,
    /// Keys of permissions, each held by who asks.
    #[garde(length(max = 84), inner(length(chars, min = 1, max = 64)))]
    permissions: Vec<String>,
    /// Its holders see only the batches that are assigned to them.
    #[serde(default)]
    #[garde(skip)]
    assigned_only: bool,
}

impl RoleForm {
    fn read(self) -> Result<staff::RoleForm, Problem> {
        let mut fields = Fields::default();
        let form = staff::RoleForm {
            name: fields.name("name", &self.name),
            description: self.description.trim().to_owned(),
            permissions: fields.permissions("permissions", &self.permissions),
            assigned_only: self.assigned_only,
        };
        fields.finish()?;
        Ok(form)
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct RolePath {
    #[garde(custom(role_id))]
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    id: String,
}

impl RolePath {
    fn role(&self) -> Result<RoleId, Problem> {
        RoleId::parse(&self.id).map_err(|_| Problem::not_found("There is no such role."))
    }
}

async fn permissions(_permit: Needs<SystemSettingsRead>) -> Json<PermissionList> {
    Json(PermissionList { items: Permission::ALL.into_iter().map(PermissionView::from).collect() })
}

async fn list(permit: Needs<SystemSettingsRead>, State(app): State<App>) -> Result<Json<RoleList>, Problem> {
    let roles = app.desk.roles(&permit).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(RoleList { items: roles.list().iter().map(|role| RoleView::of(role, &roles)).collect() }))
}

fn asked(change: &Change) -> store::Answer {
    kept(202, None, None, &ChangeView::from(change))
}

async fn create(
    permit: Needs<UsersPermissionsManage>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RoleForm>,
) -> Result<Accepted<ChangeView>, Problem> {
    let done = app.desk.create_role(&permit, form.read()?, Keep::new(once.once(), &asked)).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

fn seen(if_match: &IfMatch) -> impl FnOnce(&Role) -> Result<(), Trouble> {
    |role| if_match.matches("role", role.id.as_str(), role.version).map_err(|_| Trouble::Stale)
}

async fn edit(
    permit: Needs<UsersPermissionsManage>,
    Path(path): Path<RolePath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<RoleForm>,
) -> Result<Accepted<ChangeView>, Problem> {
    let keep = Keep::new(once.once(), &asked);
    let done = app.desk.edit_role(&permit, &path.role()?, seen(&if_match), form.read()?, keep).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

async fn remove(
    permit: Needs<UsersPermissionsManage>,
    Path(path): Path<RolePath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Accepted<ChangeView>, Problem> {
    let keep = Keep::new(once.once(), &asked);
    let done = app.desk.remove_role(&permit, &path.role()?, seen(&if_match), keep).await;
    Ok(Accepted(ChangeView::from(&done.map_err(|trouble| app.problem(trouble))?)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("settings", "Permissions, roles and security settings.")
        .route(
            "/api/v1/admin/settings/permissions",
            routing::get_with(permissions, |op| {
                op.id("listPermissions").tag("settings").summary("Every permission there is.")
            }),
        )
        .route(
            "/api/v1/admin/settings/roles",
            routing::get_with(list, |op| op.id("listRoles").tag("settings").summary("Every role there is.")).post_with(
                create,
                |op| {
                    op.id("createRole")
                        .tag("settings")
                        .summary("Ask for a custom role. A second person approves.")
                        .with(answers(&[409]))
                },
            ),
        )
        .route(
            "/api/v1/admin/settings/roles/{id}",
            routing::put_with(edit, |op| {
                op.id("editRole")
                    .tag("settings")
                    .summary("Ask to change a custom role. A second person approves.")
                    .with(answers(&[409]))
            })
            .delete_with(remove, |op| {
                op.id("removeRole")
                    .tag("settings")
                    .summary("Ask to remove a custom role. A second person approves.")
                    .with(answers(&[409]))
            }),
        )
}
