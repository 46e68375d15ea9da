//! Members of the staff: who they are and what they may.

use crate::{
    id::{SessionId, UserId},
    permission::Permissions,
    phone::Msisdn,
    role::{Rank, RoleId, Roles},
    text::Language,
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

/// The most characters of an email address (RFC 5321: 254 with brackets off).
pub const EMAIL_MAX: usize = 254;
/// The most roles of one user.
pub const ROLES_MAX: usize = 10;

/// An email address in lower case: the same person whatever case is typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an email address, such as name@example.rw")]
pub struct NotAnEmail;

impl Email {
    /// Takes what mail servers commonly deliver to: no quotes, no comments, a domain with a dot.
    ///
    /// # Errors
    /// [`NotAnEmail`].
    pub fn parse(typed: &str) -> Result<Self, NotAnEmail> {
        // Only A to Z: a letter that merely looks or folds like one must not become somebody else's address.
        let typed = typed.trim().to_ascii_lowercase();
        let (name, host) = typed.split_once('@').ok_or(NotAnEmail)?;
        let name_fits = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&b))
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !name.contains("..");
        let host_fits = host.contains('.')
            && host.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        if typed.len() <= EMAIL_MAX && name_fits && host_fits { Ok(Self(typed)) } else { Err(NotAnEmail) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = NotAnEmail;
    fn try_from(text: String) -> Result<Self, NotAnEmail> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// Has registered and waits for approval.
    Pending,
    Active,
    Deactivated,
    /// Registered and was refused.
    Rejected,
    /// Kept so that the names in the audit log survive.
    Deleted,
}

impl UserState {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Deactivated, Self::Rejected, Self::Deleted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Rejected => "rejected",
            Self::Deleted => "deleted",
        }
    }
}

/// The authenticator app. Its secret is sealed with a key that the table doesn't hold.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Mfa {
    #[default]
    Off,
    /// Shown as a picture, not confirmed yet.
    Enrolling { secret: String },
    On {
        secret: String,
        /// Digests of the recovery codes that are left.
        recovery: Vec<String>,
        /// The time step of the last code that was taken; none is taken twice.
        last_step: u64,
    },
}

impl Mfa {
    pub fn is_on(&self) -> bool {
        match self {
            Self::On { .. } => true,
            Self::Off | Self::Enrolling { .. } => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Enrolling { .. } => "enrolling",
            Self::On { .. } => "on",
        }
    }
}

/// Without secret and digests: a log must not hold them.
impl fmt::Debug for Mfa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mfa({})", self.name())
    }
}

/// A single-use link that was sent to a user; only its digest is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub digest: String,
    #[serde(with = "time::required")]
    pub expires_at: Timestamp,
}

/// Without the digest: a log must not hold it.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link(until {})", self.expires_at)
    }
}

/// A new address that its owner has not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEmail {
    pub email: Email,
    pub link: Link,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<Msisdn>,
    pub language: Language,
    pub state: UserState,
    pub roles: Vec<RoleId>,
    pub grants: Permissions,
    pub denials: Permissions,
    /// An Argon2id hash in PHC form; absent until the first link was used.
    pub password: Option<String>,
    #[serde(with = "time::optional")]
    pub password_at: Option<Timestamp>,
    pub mfa: Mfa,
    /// To set a password: an invitation or an administrator's reset. A newer one replaces it.
    pub password_link: Option<Link>,
    pub new_email: Option<NewEmail>,
    /// Sessions of another epoch have ended.
    pub session_epoch: u32,
    /// Programs' keys of another epoch have ended. It moves when somebody else resets or deactivates the account, not
    /// when its owner sets a new password.
    #[serde(default)]
    pub key_epoch: u32,
    /// The newest session: the only one where several are not allowed.
    pub latest_session: Option<SessionId>,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    #[serde(with = "time::required")]
    pub updated_at: Timestamp,
    #[serde(with = "time::optional")]
    pub signed_in_at: Option<Timestamp>,
    pub version: u64,
}

impl User {
    pub fn new(id: UserId, email: Email, first_name: String, last_name: String, now: Timestamp) -> Self {
        Self {
            id,
            email,
            first_name,
            last_name,
            phone: None,
            language: Language::English,
            state: UserState::Active,
            roles: Vec::new(),
            grants: Permissions::default(),
            denials: Permissions::default(),
            password: None,
            password_at: None,
            mfa: Mfa::Off,
            password_link: None,
            new_email: None,
            session_epoch: 1,
            key_epoch: 0,
            latest_session: None,
            created_at: now,
            updated_at: now,
            signed_in_at: None,
            version: 1,
        }
    }

    /// What the user may: roles and grants, less denials.
    pub fn permissions(&self, roles: &Roles) -> Permissions {
        roles.permissions_of(&self.roles).union(self.grants).without(self.denials)
    }

    pub fn rank(&self, roles: &Roles) -> Rank {
        roles.rank_of(&self.roles)
    }

    /// Whether every role of the user shows assigned batches only.
    pub fn assigned_only(&self, roles: &Roles) -> bool {
        let mut held = self.roles.iter().filter_map(|role| roles.get(role)).peekable();
        held.peek().is_some() && held.all(|role| role.assigned_only)
    }

    /// What the audit log may hold of this user: no hash, no secret, no whole number.
    pub fn audited(&self) -> Value {
        json!({
            "email": self.email, "first_name": self.first_name, "last_name": self.last_name,
            "phone": self.phone.as_ref().map(Msisdn::masked), "language": self.language, "state": self.state,
            "roles": self.roles, "grants": self.grants, "denials": self.denials,
            "mfa": self.mfa.name(),
            "password_set": self.password_at.map(|at| at.to_string()),
            "session_epoch": self.session_epoch,
            "new_email": self.new_email.as_ref().map(|new| &new.email),
        })
    }

    /// The next version of this user.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }
}

/// As the audit log may show it: a log must not hold more.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({} version {} {})", self.id, self.version, self.audited())
    }
}

/// Who administers now: active Administrators and Super Administrators. One row, which every change of them
/// conditions on, so that two changes at once can't both believe that somebody else is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrators {
    pub members: BTreeMap<UserId, Rank>,
    pub version: u64,
}

impl Administrators {
    /// The row after `user` has become what it is now.
    #[must_use]
    pub fn with(&self, user: &User, roles: &Roles) -> Self {
        let mut members = self.members.clone();
        let rank = user.rank(roles);
        if user.state == UserState::Active && rank > Rank::Staff {
            members.insert(user.id.clone(), rank);
        } else {
            members.remove(&user.id);
        }
        Self { members, version: self.version + 1 }
    }

    pub fn has_super(&self) -> bool {
        self.members.values().any(|rank| *rank == Rank::SuperAdministrator)
    }

    /// Whether somebody beside `asked_by` and `about` may approve a change that concerns `rank`.
    pub fn somebody_else(&self, asked_by: &UserId, about: Option<&UserId>, rank: Rank) -> bool {
        self.members.iter().any(|(id, held)| id != asked_by && Some(id) != about && held.outranks(rank))
    }
}

impl Rank {
    /// Whether a holder of this rank manages people and roles of `other`: the ladder. Staff with the right to manage
    /// users manage staff; an Administrator only who is below; a Super Administrator everybody.
    pub fn outranks(self, other: Self) -> bool {
        match self {
            Self::SuperAdministrator => true,
            Self::Administrator => other == Self::Staff,
            Self::Staff => false,
        }
    }

    /// As [`Rank::outranks`], and staff among themselves where a permission lets them.
    pub fn manages(self, other: Self) -> bool {
        self.outranks(other) || (self == Self::Staff && other == Self::Staff)
    }
}
