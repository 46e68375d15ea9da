//! Changes of roles and permissions, and codes beyond a ceiling: who may ask, who may approve, and when nobody else is
//! there to.

use crate::{
    access::Actor,
    id::{ChangeId, JobId, UserId},
    permission::Permissions,
    role::{Rank, Role, RoleId, Roles},
    staff::{Administrators, User, UserState},
    time::{self, DAY_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a request waits for its second person.
pub const OPEN_MS: i64 = 14 * DAY_MS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    UserRoles {
        user: UserId,
        before: Vec<RoleId>,
        after: Vec<RoleId>,
    },
    UserPermissions {
        user: UserId,
        before: Overrides,
        after: Overrides,
    },
    /// A custom role made (`before` absent), edited, or removed (`after` absent).
    Role {
        role: RoleId,
        before: Option<Role>,
        after: Option<Role>,
    },
    /// Codes whose worth passes a ceiling (BAT-09). The job waits.
    Codes {
        job: JobId,
        batch: String,
        codes: u64,
        /// What all of them are worth, in whole units of the currency.
        amount: u64,
    },
}

/// What one user may beside and despite the roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    pub grants: Permissions,
    pub denials: Permissions,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    Open,
    Approved {
        by: UserId,
        #[serde(with = "time::required")]
        at: Timestamp,
    },
    Refused {
        by: UserId,
        #[serde(with = "time::required")]
        at: Timestamp,
        reason: String,
    },
}

impl Standing {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved { .. } => "approved",
            Self::Refused { .. } => "refused",
        }
    }
}

/// A change that one person asked for and another must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub id: ChangeId,
    pub what: What,
    /// The highest rank that the change gives, takes or touches.
    pub rank: Rank,
    pub asked_by: UserId,
    #[serde(with = "time::required")]
    pub asked_at: Timestamp,
    pub standing: Standing,
    pub version: u64,
}

/// Why a change of roles is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    #[error("nobody changes their own roles or permissions, nor a role they hold")]
    Oneself,
    #[error("only somebody above this rank may do this")]
    Above,
    #[error("you can give only what you hold yourself; missing: {}", .0.iter().map(|p| p.key()).collect::<Vec<_>>().join(", "))]
    MoreThanHeld(Permissions),
    #[error("there must always be one active Super Administrator")]
    LastSuperAdministrator,
    #[error("a Super Administrator can't be denied anything; take the role instead")]
    SuperDenied,
    #[error("only its owner changes an administrator's address")]
    OwnersAddress,
    #[error("there is no role {0}")]
    UnknownRole(RoleId),
    #[error("that changes nothing")]
    Nothing,
    #[error("this account is {0}")]
    Inactive(&'static str),
    #[error("it has been decided already")]
    Decided,
    #[error("it has waited too long; ask again")]
    Lapsed,
    #[error("things have changed since it was asked for; ask again")]
    Outdated,
    #[error("somebody else than who asked, and not whom it concerns, must decide")]
    SecondPerson,
    #[error("a predefined role is what the documents say; it can't be changed")]
    Predefined,
}

/// What follows from a permitted wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// It waits for a second person.
    Waits,
    /// There is nobody else who could approve: it is done at once, with an alert.
    Waived,
}

/// The facts that a change of roles is judged by, all read at once.
pub struct World<'a> {
    pub roles: &'a Roles,
    pub administrators: &'a Administrators,
}

impl What {
    pub fn entity(&self) -> String {
        match self {
            Self::UserRoles { user, .. } | Self::UserPermissions { user, .. } => format!("user:{user}"),
            Self::Role { role, .. } => format!("role:{role}"),
            Self::Codes { job, .. } => format!("job:{job}"),
        }
    }

    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::UserRoles { user, .. } | Self::UserPermissions { user, .. } => Some(user),
            Self::Role { .. } | Self::Codes { .. } => None,
        }
    }

    /// Whether it is about codes and not about who may do what: other people decide on it, by another permission.
    pub fn is_codes(&self) -> bool {
        match self {
            Self::Codes { .. } => true,
            Self::UserRoles { .. } | Self::UserPermissions { .. } | Self::Role { .. } => false,
        }
    }
}

/// Whether `actor` may ask that `user` (as read) becomes `after`, and what follows.
///
/// # Errors
/// [`NotAllowed`].
pub fn judge_user(actor: &Actor, user: &User, after: &User, world: &World<'_>) -> Result<(Rank, Follows), NotAllowed> {
    if user.id == *actor.user() {
        return Err(NotAllowed::Oneself);
    }
    // Who has registered gets at most the default role, and only by the approval: an administrator's role given before
    // would come into force with it, past the row of administrators.
    match user.state {
        UserState::Active | UserState::Deactivated => {}
        UserState::Pending | UserState::Rejected | UserState::Deleted => {
            return Err(NotAllowed::Inactive(user.state.name()));
        }
    }
    for role in &after.roles {
        if world.roles.get(role).is_none() {
            return Err(NotAllowed::UnknownRole(role.clone()));
        }
    }
    if user.roles == after.roles && user.grants == after.grants && user.denials == after.denials {
        return Err(NotAllowed::Nothing);
    }
    let rank = user.rank(world.roles).max(after.rank(world.roles));
    if !actor.rank().manages(rank) {
        return Err(NotAllowed::Above);
    }
    // Else the last one could be left unable to appoint anybody.
    if after.rank(world.roles) == Rank::SuperAdministrator && !after.denials.is_empty() {
        return Err(NotAllowed::SuperDenied);
    }
    // A role is judged whole: what it gives now, and would give if a denial were lifted later.
    let gained: Vec<RoleId> = after.roles.iter().filter(|role| !user.roles.contains(role)).cloned().collect();
    let given = world
        .roles
        .permissions_of(&gained)
        .union(after.grants.without(user.grants))
        .union(user.denials.without(after.denials));
    let missing = given.without(actor.permissions());
    if !missing.is_empty() {
        return Err(NotAllowed::MoreThanHeld(missing));
    }
    keeps_a_super_administrator(user, after, world)?;
    Ok((rank, follows(actor.user(), Some(&user.id), rank, world)))
}

/// # Errors
/// [`NotAllowed::LastSuperAdministrator`] when none would be left.
pub fn keeps_a_super_administrator(user: &User, after: &User, world: &World<'_>) -> Result<(), NotAllowed> {
    let was = world.administrators.members.get(&user.id) == Some(&Rank::SuperAdministrator);
    if was && !world.administrators.with(after, world.roles).has_super() {
        return Err(NotAllowed::LastSuperAdministrator);
    }
    Ok(())
}

/// Whether `actor` may ask that a custom role becomes `after`, and what follows.
///
/// # Errors
/// [`NotAllowed`].
pub fn judge_role(
    actor: &Actor,
    before: Option<&Role>,
    after: Option<&Role>,
    world: &World<'_>,
) -> Result<Follows, NotAllowed> {
    let id = before.or(after).map(|role| &role.id).ok_or(NotAllowed::Nothing)?;
    if before.is_some_and(|role| role.predefined) {
        return Err(NotAllowed::Predefined);
    }
    if actor.roles().contains(id) {
        return Err(NotAllowed::Oneself);
    }
    if before == after {
        return Err(NotAllowed::Nothing);
    }
    let had = before.map(|role| role.permissions).unwrap_or_default();
    let missing = after.map(|role| role.permissions.without(had)).unwrap_or_default().without(actor.permissions());
    if !missing.is_empty() {
        return Err(NotAllowed::MoreThanHeld(missing));
    }
    Ok(follows(actor.user(), None, Rank::Staff, world))
}

fn follows(asked_by: &UserId, about: Option<&UserId>, rank: Rank, world: &World<'_>) -> Follows {
    if world.administrators.somebody_else(asked_by, about, rank) { Follows::Waits } else { Follows::Waived }
}

impl Change {
    /// Whether `actor` may decide on this change now.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn judge(&self, actor: &Actor, now: Timestamp) -> Result<(), NotAllowed> {
        match self.standing {
            Standing::Open => {}
            Standing::Approved { .. } | Standing::Refused { .. } => return Err(NotAllowed::Decided),
        }
        if time::between(self.asked_at, now) > OPEN_MS {
            return Err(NotAllowed::Lapsed);
        }
        if *actor.user() == self.asked_by || Some(actor.user()) == self.what.user() {
            return Err(NotAllowed::SecondPerson);
        }
        if let What::Role { role, .. } = &self.what
            && actor.roles().contains(role)
        {
            return Err(NotAllowed::Oneself);
        }
        // Money is agreed to by who holds the permission, whatever the rank.
        if !self.what.is_codes() && !actor.rank().outranks(self.rank) {
            return Err(NotAllowed::Above);
        }
        Ok(())
    }

    /// Whether whoever asked could still ask: an active account that doesn't hold the role in question. What somebody
    /// asked for before they were given the role, or sent away, isn't carried out.
    ///
    /// # Errors
    /// [`NotAllowed::Outdated`].
    pub fn still_asked(&self, asker: Option<&User>) -> Result<(), NotAllowed> {
        let asker = asker.filter(|user| user.state == UserState::Active).ok_or(NotAllowed::Outdated)?;
        match &self.what {
            What::Role { role, .. } if asker.roles.contains(role) => Err(NotAllowed::Outdated),
            What::Role { .. } | What::UserRoles { .. } | What::UserPermissions { .. } | What::Codes { .. } => Ok(()),
        }
    }

    /// The user after the change, if the user is still as it was asked for.
    ///
    /// # Errors
    /// [`NotAllowed::Outdated`] when not; [`NotAllowed::LastSuperAdministrator`].
    pub fn applied_to(&self, user: &User, world: &World<'_>, now: Timestamp) -> Result<User, NotAllowed> {
        let mut after = user.next(now);
        match &self.what {
            What::UserRoles { before, after: roles, .. } if user.roles == *before => after.roles.clone_from(roles),
            What::UserPermissions { before, after: wanted, .. }
                if (Overrides { grants: user.grants, denials: user.denials }) == *before =>
            {
                after.grants = wanted.grants;
                after.denials = wanted.denials;
            }
            What::UserRoles { .. } | What::UserPermissions { .. } | What::Role { .. } | What::Codes { .. } => {
                return Err(NotAllowed::Outdated);
            }
        }
        if let Some(gone) = after.roles.iter().find(|role| world.roles.get(role).is_none()) {
            return Err(NotAllowed::UnknownRole(gone.clone()));
        }
        // What the roles give may have grown since: the rank that was approved must still be the rank.
        if after.rank(world.roles).max(user.rank(world.roles)) != self.rank {
            return Err(NotAllowed::Outdated);
        }
        keeps_a_super_administrator(user, &after, world)?;
        Ok(after)
    }

    #[must_use]
    pub fn decided(&self, standing: Standing) -> Self {
        Self { standing, version: self.version + 1, ..self.clone() }
    }
}
