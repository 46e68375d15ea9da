//! Users.

use super::{PAGE_DEFAULT, PAGE_MAX, kept, kept_empty};
use crate::{
    App,
    caller::{Anybody, Needs},
    fields::{Fields, Tongue, drawn_id, role_id},
    views::{ChangeView, StatisticsView, UserAndChange, UserPermissionsView, UserState, UserView, user_tag},
};
use axum::extract::State;
use domain::{
    id::UserId,
    permission::right::{UsersCreate, UsersDelete, UsersRead, UsersRegistrationApprove, UsersUpdate},
    role::RoleId,
    staff::User,
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Asked, Keep, NewUser, Trouble, UserFilter, UserUpdate};
use web::{
    Api, Created, Done, IfMatch, IfNoneMatch, Json, Kept, Page, Path, Problem, Query, Tagged, openapi::answers, routing,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// Without it deleted and rejected ones are left out.
    #[serde(default)]
    #[garde(skip)]
    state: Option<UserState>,
    #[serde(default)]
    #[garde(inner(custom(role_id)))]
    #[schemars(inner(regex(pattern = r"^[a-z0-9-]{1,64}$")))]
    role: Option<String>,
    /// In name or address.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    text: Option<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    pub cursor: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct UserPath {
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    id: String,
}

impl UserPath {
    pub fn user(&self) -> Result<UserId, Problem> {
        UserId::parse(&self.id).map_err(|_| Problem::not_found("There is no such user."))
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserForm {
    #[garde(length(chars, min = 3, max = 254))]
    email: String,
    #[garde(length(chars, min = 1, max = 80))]
    first_name: String,
    #[garde(length(chars, min = 1, max = 80))]
    last_name: String,
    /// A Rwandan mobile number.
    #[serde(default)]
    #[garde(length(chars, max = 20))]
    phone: String,
    #[serde(default)]
    #[garde(skip)]
    language: Tongue,
    /// Asked for along with the account; a second person approves them. Needs `users.roles.assign`.
    #[serde(default)]
    #[garde(length(max = 10), inner(length(chars, min = 1, max = 64)))]
    roles: Vec<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserForm {
    /// Taken over once the link that is sent there was followed.
    #[serde(default)]
    #[garde(length(chars, min = 3, max = 254))]
    email: Option<String>,
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    first_name: Option<String>,
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    last_name: Option<String>,
    /// A Rwandan mobile number; an empty text takes it out.
    #[serde(default)]
    #[garde(length(chars, max = 20))]
    phone: Option<String>,
    #[serde(default)]
    #[garde(skip)]
    language: Option<Tongue>,
    /// `false` deactivates: sessions end at once. `true` reactivates.
    #[serde(default)]
    #[garde(skip)]
    active: Option<bool>,
    /// Sends a link to set a new password; sessions end at once.
    #[serde(default)]
    #[garde(skip)]
    reset_password: bool,
    /// Takes the authenticator app off; sessions end at once.
    #[serde(default)]
    #[garde(skip)]
    reset_mfa: bool,
    /// Lifts a lock before its time.
    #[serde(default)]
    #[garde(skip)]
    unlock: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonForm {
    /// The applicant reads it.
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

/// Whether people may register, for the link on the page where one signs in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RegistrationStatus {
    enabled: bool,
}

async fn list(
    permit: Needs<UsersRead>,
    State(app): State<App>,
    Query(query): Query<UserQuery>,
) -> Result<Json<Page<UserView>>, Problem> {
    let role = query.role.as_deref().map(RoleId::parse).transpose().map_err(|_| Problem::internal())?;
    let state = query.state.map(Into::into);
    let bound = format!("users|{}|{state:?}|{role:?}|{:?}", permit.actor().user(), query.text);
    let before: Option<UserId> = app.position(&bound, query.cursor.as_deref()).await?;
    let filter = UserFilter { state, role, text: query.text };
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.users(&permit, &filter, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(UserView::from).collect(), next)))
}

async fn pending(
    permit: Needs<UsersRegistrationApprove>,
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<UserView>>, Problem> {
    let bound = format!("pending|{}", permit.actor().user());
    let before: Option<UserId> = app.position(&bound, query.cursor.as_deref()).await?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT) as usize;
    let listed = app.desk.pending_users(&permit, before.as_ref(), limit).await;
    let listed = listed.map_err(|trouble| app.problem(trouble))?;
    let next = app.cursor(&bound, listed.next).await?;
    Ok(Json(Page::new(listed.items.iter().map(UserView::from).collect(), next)))
}

async fn one(
    permit: Needs<UsersRead>,
    Path(path): Path<UserPath>,
    if_none_match: IfNoneMatch,
    State(app): State<App>,
) -> Result<Tagged<UserView>, Problem> {
    let user = app.desk.user(&permit, &path.user()?).await.map_err(|trouble| app.problem(trouble))?;
    Ok(if_none_match.tagged(user_tag(&user), UserView::from(&user)))
}

async fn permissions(
    permit: Needs<UsersRead>,
    Path(path): Path<UserPath>,
    if_none_match: IfNoneMatch,
    State(app): State<App>,
) -> Result<Tagged<UserPermissionsView>, Problem> {
    let found = app.desk.user_permissions(&permit, &path.user()?).await;
    let (user, effective) = found.map_err(|trouble| app.problem(trouble))?;
    let tag = web::etag("permissions", &format!("{}|{effective:?}", user.id), user.version);
    Ok(if_none_match.tagged(tag, UserPermissionsView::of(&user, effective)))
}

async fn statistics(permit: Needs<UsersRead>, State(app): State<App>) -> Result<Json<StatisticsView>, Problem> {
    let found = app.desk.user_statistics(&permit).await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(StatisticsView {
        by_state: found.by_state.into_iter().map(|(state, count)| (state.to_owned(), count)).collect(),
        by_role: found.by_role.into_iter().map(|(role, count)| (role.to_string(), count)).collect(),
        with_mfa: found.with_mfa,
        more: found.more,
    }))
}

fn made((user, asked): &(User, Option<Asked>)) -> (String, String, UserAndChange) {
    let body = UserAndChange {
        user: UserView::from(user),
        change: asked.as_ref().map(|asked| ChangeView::from(&asked.change)),
    };
    (format!("/api/v1/admin/users/{}", user.id), user_tag(user), body)
}

async fn create(
    permit: Needs<UsersCreate>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<NewUserForm>,
) -> Result<Created<UserAndChange>, Problem> {
    let mut fields = Fields::default();
    let email = fields.email("email", &form.email);
    let first_name = fields.name("first_name", &form.first_name);
    let last_name = fields.name("last_name", &form.last_name);
    let phone = fields.phone("phone", &form.phone);
    let roles = fields.roles("roles", &form.roles);
    fields.finish()?;
    let email = email.ok_or_else(Problem::internal)?;
    let new = NewUser { email, first_name, last_name, phone, language: form.language.into(), roles };
    let answer = |done: &(User, Option<Asked>)| {
        let (location, etag, body) = made(done);
        kept(201, Some(etag), Some(location), &body)
    };
    let done = app.desk.create_user(&permit, new, Keep::new(once.once(), &answer)).await;
    let (location, etag, body) = made(&done.map_err(|trouble| app.problem(trouble))?);
    Ok(Created { location, etag: Some(etag), body })
}

async fn update(
    permit: Needs<UsersUpdate>,
    Path(path): Path<UserPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<UserForm>,
) -> Result<Tagged<UserView>, Problem> {
    let mut fields = Fields::default();
    let update = UserUpdate {
        email: form.email.and_then(|text| fields.email("email", &text)),
        first_name: form.first_name.map(|text| fields.name("first_name", &text)),
        last_name: form.last_name.map(|text| fields.name("last_name", &text)),
        phone: form.phone.map(|text| fields.phone("phone", &text)),
        language: form.language.map(Into::into),
        active: form.active,
        reset_password: form.reset_password,
        reset_mfa: form.reset_mfa,
        unlock: form.unlock,
    };
    fields.finish()?;
    let seen = seen(&if_match);
    let answer = |user: &User| kept(200, Some(user_tag(user)), None, &UserView::from(user));
    let done = app.desk.update_user(&permit, &path.user()?, seen, update, Keep::new(once.once(), &answer)).await;
    let user = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(user_tag(&user), UserView::from(&user)))
}

fn seen(if_match: &IfMatch) -> impl FnOnce(&User) -> Result<(), Trouble> {
    |user| if_match.matches("user", user.id.as_str(), user.version).map_err(|_| Trouble::Stale)
}

async fn delete(
    permit: Needs<UsersDelete>,
    Path(path): Path<UserPath>,
    if_match: IfMatch,
    once: Kept,
    State(app): State<App>,
) -> Result<Done, Problem> {
    let answer = |(): &()| kept_empty();
    let done = app.desk.delete_user(&permit, &path.user()?, seen(&if_match), Keep::new(once.once(), &answer)).await;
    done.map_err(|trouble| app.problem(trouble))?;
    Ok(Done)
}

async fn registration_status(_anybody: Anybody, State(app): State<App>) -> Result<Json<RegistrationStatus>, Problem> {
    let (enabled, _) = app.desk.registration().await.map_err(|trouble| app.problem(trouble))?;
    Ok(Json(RegistrationStatus { enabled }))
}

async fn approve(
    permit: Needs<UsersRegistrationApprove>,
    Path(path): Path<UserPath>,
    once: Kept,
    State(app): State<App>,
) -> Result<Tagged<UserAndChange>, Problem> {
    let answer = |done: &(User, Option<Asked>)| {
        let (_, etag, body) = made(done);
        kept(200, Some(etag), None, &body)
    };
    let done = app.desk.approve_user(&permit, &path.user()?, Keep::new(once.once(), &answer)).await;
    let (_, etag, body) = made(&done.map_err(|trouble| app.problem(trouble))?);
    Ok(Tagged::new(etag, body))
}

async fn reject(
    permit: Needs<UsersRegistrationApprove>,
    Path(path): Path<UserPath>,
    once: Kept,
    State(app): State<App>,
    Json(form): Json<ReasonForm>,
) -> Result<Tagged<UserView>, Problem> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &form.reason);
    fields.finish()?;
    let answer = |user: &User| kept(200, Some(user_tag(user)), None, &UserView::from(user));
    let done = app.desk.reject_user(&permit, &path.user()?, &reason, Keep::new(once.once(), &answer)).await;
    let user = done.map_err(|trouble| app.problem(trouble))?;
    Ok(Tagged::new(user_tag(&user), UserView::from(&user)))
}

pub fn routes(api: Api<App>) -> Api<App> {
    api.tag("users", "Members of the staff.")
        .route(
            "/api/v1/admin/users",
            routing::get_with(list, |op| op.id("listUsers").tag("users").summary("Users, newest first.")).post_with(
                create,
                |op| {
                    op.id("createUser")
                        .tag("users")
                        .summary("Make an account; its owner is sent a link.")
                        .with(answers(&[409]))
                },
            ),
        )
        .route(
            "/api/v1/admin/users/stats",
            routing::get_with(statistics, |op| {
                op.id("userStatistics").tag("users").summary("How many users there are.")
            }),
        )
        .route(
            "/api/v1/admin/users/pending",
            routing::get_with(pending, |op| op.id("pendingUsers").tag("users").summary("Who waits for approval.")),
        )
        .route(
            "/api/v1/admin/users/registration-status",
            routing::get_with(registration_status, |op| {
                op.id("registrationStatus").tag("users").summary("Whether people may register. Open to anybody.")
            }),
        )
        .route(
            "/api/v1/admin/users/{id}",
            routing::get_with(one, |op| op.id("getUser").tag("users").summary("One user."))
                .put_with(update, |op| {
                    op.id("updateUser")
                        .tag("users")
                        .summary("Change, deactivate, reset or unlock a user.")
                        .with(answers(&[409]))
                })
                .delete_with(delete, |op| {
                    op.id("deleteUser")
                        .tag("users")
                        .summary("Delete a user; the names in the log survive.")
                        .with(answers(&[409]))
                }),
        )
        .route(
            "/api/v1/admin/users/{id}/approve",
            routing::post_with(approve, |op| {
                op.id("approveUser")
                    .tag("users")
                    .summary("Open the account of who has registered.")
                    .with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/users/{id}/reject",
            routing::post_with(reject, |op| {
                op.id("rejectUser").tag("users").summary("Refuse who has registered.").with(answers(&[409]))
            }),
        )
        .route(
            "/api/v1/admin/users/{id}/permissions",
            routing::get_with(permissions, |op| {
                op.id("userPermissions").tag("users").summary("What one user may, and why.")
            })
            .put_with(super::changes::set_permissions, |op| {
                op.id("setUserPermissions")
                    .tag("users")
                    .summary("Ask for permissions beside and despite the roles. A second person approves.")
                    .with(answers(&[409]))
            }),
        )
}
