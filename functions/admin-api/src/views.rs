//! What the API shows. Hashes, secrets and links have no field to get out by.

pub mod batches;
pub mod books;
pub mod codes;
pub mod jobs;
pub mod payout_figures;
pub mod payouts;
mod trail;

pub use trail::{ClassName, EntryView, SeverityName};

use crate::fields::Tongue;
use domain::{
    audit,
    change::{Change, Standing, What},
    permission::{Permission, Permissions},
    role::{Rank, Role, Roles},
    session::Session,
    staff::{self, User},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

fn keys(permissions: Permissions) -> Vec<String> {
    permissions.iter().map(|permission| permission.key().to_owned()).collect()
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    Pending,
    Active,
    Deactivated,
    Rejected,
    Deleted,
}

impl From<staff::UserState> for UserState {
    fn from(state: staff::UserState) -> Self {
        match state {
            staff::UserState::Pending => Self::Pending,
            staff::UserState::Active => Self::Active,
            staff::UserState::Deactivated => Self::Deactivated,
            staff::UserState::Rejected => Self::Rejected,
            staff::UserState::Deleted => Self::Deleted,
        }
    }
}

impl From<UserState> for staff::UserState {
    fn from(state: UserState) -> Self {
        match state {
            UserState::Pending => Self::Pending,
            UserState::Active => Self::Active,
            UserState::Deactivated => Self::Deactivated,
            UserState::Rejected => Self::Rejected,
            UserState::Deleted => Self::Deleted,
        }
    }
}

/// A member of the staff. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserView {
    pub id: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// E.164.
    pub phone: Option<String>,
    pub language: Tongue,
    pub state: UserState,
    pub roles: Vec<String>,
    /// Permissions beside the roles' ones.
    pub grants: Vec<String>,
    /// Permissions despite the roles.
    pub denials: Vec<String>,
    /// Whether an authenticator app is set up.
    pub mfa: bool,
    pub recovery_codes_left: u64,
    pub password_set_at: Option<String>,
    /// An address that waits for its owner's confirmation.
    pub new_email: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub signed_in_at: Option<String>,
    /// Also in the ETag.
    pub version: u64,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let recovery_codes_left = match &user.mfa {
            staff::Mfa::On { recovery, .. } => recovery.len() as u64,
            staff::Mfa::Off | staff::Mfa::Enrolling { .. } => 0,
        };
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            phone: user.phone.as_ref().map(|phone| phone.e164().to_owned()),
            language: user.language.into(),
            state: user.state.into(),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            grants: keys(user.grants),
            denials: keys(user.denials),
            mfa: user.mfa.is_on(),
            recovery_codes_left,
            password_set_at: time(user.password_at),
            new_email: user.new_email.as_ref().map(|new| new.email.to_string()),
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
            signed_in_at: time(user.signed_in_at),
            version: user.version,
        }
    }
}

pub fn user_tag(user: &User) -> String {
    web::etag("user", user.id.as_str(), user.version)
}

/// A user, and the change of roles that waits for a second person, if roles were asked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserAndChange {
    pub user: UserView,
    pub change: Option<ChangeView>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingName {
    Open,
    Approved,
    Refused,
}

impl StandingName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    UserRoles,
    UserPermissions,
    Role,
    Codes,
}

/// A change of roles or permissions, or codes beyond a ceiling, which a second person approves or refuses.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeView {
    pub id: String,
    pub kind: ChangeKind,
    /// `user:<id>`, `role:<id>` or `job:<id>`.
    pub about: String,
    pub standing: StandingName,
    pub asked_by: String,
    pub asked_at: String,
    pub decided_by: Option<String>,
    pub decided_at: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// What it changes: before and after, by field.
    pub fields: Vec<FieldChange>,
    pub version: u64,
}

/// One field's value before and after, in words.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FieldChange {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl From<&audit::Change> for FieldChange {
    fn from(change: &audit::Change) -> Self {
        Self { field: change.field.clone(), before: change.before.clone(), after: change.after.clone() }
    }
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        let (standing, decided_by, decided_at, reason) = match &change.standing {
            Standing::Open => (StandingName::Open, None, None, None),
            Standing::Approved { by, at } => (StandingName::Approved, Some(by), Some(*at), None),
            Standing::Refused { by, at, reason } => (StandingName::Refused, Some(by), Some(*at), Some(reason.clone())),
        };
        let field = |field: &str, before: Option<String>, after: Option<String>| FieldChange {
            field: field.to_owned(),
            before,
            after,
        };
        let list = |permissions: Permissions| Some(keys(permissions).join(" "));
        let ids =
            |roles: &[domain::role::RoleId]| Some(roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let (kind, fields) = match &change.what {
            What::UserRoles { before, after, .. } => {
                (ChangeKind::UserRoles, vec![field("roles", ids(before), ids(after))])
            }
            What::UserPermissions { before, after, .. } => (
                ChangeKind::UserPermissions,
                vec![
                    field("grants", list(before.grants), list(after.grants)),
                    field("denials", list(before.denials), list(after.denials)),
                ],
            ),
            What::Role { before, after, .. } => {
                let name = |role: &Option<Role>| role.as_ref().map(|role| role.name.clone());
                let words = |role: &Option<Role>| role.as_ref().map(|role| role.description.clone());
                let held = |role: &Option<Role>| role.as_ref().map(|role| keys(role.permissions).join(" "));
                let only = |role: &Option<Role>| role.as_ref().map(|role| role.assigned_only.to_string());
                let fields = vec![
                    field("name", name(before), name(after)),
                    field("description", words(before), words(after)),
                    field("permissions", held(before), held(after)),
                    field("assigned_only", only(before), only(after)),
                ];
                (ChangeKind::Role, fields)
            }
            What::Codes { batch, codes, amount, .. } => {
                let fields = vec![
                    field("batch", None, Some(batch.clone())),
                    field("codes", None, Some(codes.to_string())),
                    field("amount", None, Some(amount.to_string())),
                ];
                (ChangeKind::Codes, fields)
            }
        };
        Self {
            id: change.id.to_string(),
            kind,
            about: change.what.entity(),
            standing,
            asked_by: change.asked_by.to_string(),
            asked_at: change.asked_at.to_string(),
            decided_by: decided_by.map(ToString::to_string),
            decided_at: time(decided_at),
            reason,
            fields,
            version: change.version,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RankName {
    Staff,
    Administrator,
    SuperAdministrator,
}

impl From<Rank> for RankName {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Staff => Self::Staff,
            Rank::Administrator => Self::Administrator,
            Rank::SuperAdministrator => Self::SuperAdministrator,
        }
    }
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoleView {
    pub id: String,
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    /// Stands in the product and can't be changed.
    pub predefined: bool,
    /// Its holders see only the batches that are assigned to them.
    pub assigned_only: bool,
    pub rank: RankName,
    /// The ETag to send as If-Match for a change.
    pub etag: String,
}

pub fn role_tag(role: &Role) -> String {
    web::etag("role", role.id.as_str(), role.version)
}

impl RoleView {
    pub fn of(role: &Role, roles: &Roles) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name.clone(),
            description: role.description.clone(),
            permissions: keys(role.permissions),
            predefined: role.predefined,
            assigned_only: role.assigned_only,
            rank: roles.rank_of(std::slice::from_ref(&role.id)).into(),
            etag: role_tag(role),
        }
    }
}

/// A permission as the documents name it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PermissionView {
    pub key: &'static str,
    pub description: &'static str,
    /// Whether holding it demands an authenticator app.
    pub demands_mfa: bool,
}

impl From<Permission> for PermissionView {
    fn from(permission: Permission) -> Self {
        Self { key: permission.key(), description: permission.description(), demands_mfa: permission.demands_mfa() }
    }
}

/// What one user may, and why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserPermissionsView {
    pub user: String,
    pub roles: Vec<String>,
    pub grants: Vec<String>,
    pub denials: Vec<String>,
    /// Roles and grants, less denials.
    pub effective: Vec<String>,
}

impl UserPermissionsView {
    pub fn of(user: &User, effective: Permissions) -> Self {
        Self {
            user: user.id.to_string(),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            grants: keys(user.grants),
            denials: keys(user.denials),
            effective: keys(effective),
        }
    }
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SessionView {
    pub id: String,
    /// The one that asks.
    pub current: bool,
    pub created_at: String,
    pub refreshed_at: String,
    pub ends_at: String,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub mfa: bool,
}

impl SessionView {
    pub fn of(session: &Session, session_minutes: u32, current: bool) -> Self {
        Self {
            id: session.id.to_string(),
            current,
            created_at: session.created_at.to_string(),
            refreshed_at: session.rotated_at.to_string(),
            ends_at: session.expires_at(session_minutes).to_string(),
            address: session.address.clone(),
            agent: session.agent.clone(),
            mfa: session.mfa,
        }
    }
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ApiKeyView {
    pub id: String,
    pub name: String,
    pub scope: Vec<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
}

impl From<&store::ApiKey> for ApiKeyView {
    fn from(key: &store::ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scope: keys(key.scope),
            created_at: key.created_at.to_string(),
            expires_at: time(key.expires_at),
            revoked_at: time(key.revoked_at),
        }
    }
}

/// How many users there are.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatisticsView {
    pub by_state: BTreeMap<String, u64>,
    /// Active users by role; somebody with two roles counts in both.
    pub by_role: BTreeMap<String, u64>,
    /// Active users with an authenticator app.
    pub with_mfa: u64,
    /// There are more users than were counted.
    pub more: bool,
}
