//! Who acts, and the proof that they may.
//!
//! A [`Permit`] can be had only from an [`Actor`], and an actor only from [`admit`], which looks at the session, the
//! user and the rules as they are now. What staff do demands the permit of its right by type: without the check there
//! is nothing to call it with, and with the wrong one it doesn't compile.

use crate::{
    id::{JobId, SessionId, UserId},
    permission::{Permission, Permissions, Right},
    role::{Rank, RoleId, Roles},
    security::{KeptOut, Presence, SecuritySettings},
    session::Session,
    staff::{User, UserState},
    time::{self, DAY_MS},
};
use jiff::Timestamp;
use std::{marker::PhantomData, sync::Arc};

/// Somebody who has signed in and may be here now.
#[derive(Clone, Debug)]
pub struct Actor {
    user: UserId,
    session: Option<SessionId>,
    api_key: Option<String>,
    roles: Vec<RoleId>,
    rank: Rank,
    permissions: Permissions,
    assigned_only: bool,
    confined: Option<Confined>,
    presence: Presence,
}

/// What somebody must do before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Confined {
    #[error("set up an authenticator app first; your permissions demand it")]
    MfaMissing,
    #[error("your password has reached its age; set a new one first")]
    PasswordTooOld,
}

/// Why somebody isn't admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("this session has ended; sign in again")]
    Over,
    #[error("this account is not active")]
    Inactive,
    #[error(transparent)]
    KeptOut(#[from] KeptOut),
}

/// Why an act is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("you need the permission {0}")]
    Missing(Permission),
    #[error(transparent)]
    Confined(Confined),
}

/// What a deployment decides about authenticator apps; a setting can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaDemand {
    /// By permissions and settings.
    Enforced,
    /// Nobody has to. For a laptop.
    Relaxed,
}

/// Everything that admission is judged by, as read for this request.
pub struct Admission<'a> {
    pub user: &'a User,
    pub roles: &'a Roles,
    pub security: &'a SecuritySettings,
    pub mfa: MfaDemand,
    pub presence: Presence,
    pub now: Timestamp,
}

impl Admission<'_> {
    pub fn demands_mfa(&self) -> bool {
        let demanded =
            self.security.sign_in.mfa_for_all || self.user.permissions(self.roles).iter().any(Permission::demands_mfa);
        demanded && self.mfa == MfaDemand::Enforced
    }

    fn confined(&self, mfa_given: bool) -> Option<Confined> {
        if self.demands_mfa() && !(mfa_given && self.user.mfa.is_on()) {
            return Some(Confined::MfaMissing);
        }
        let age = self.security.password.max_age_days;
        let old = self.user.password_at.is_none_or(|at| time::between(at, self.now) > i64::from(age) * DAY_MS);
        (age > 0 && old).then_some(Confined::PasswordTooOld)
    }

    fn actor(self, session: Option<SessionId>, api_key: Option<String>, confined: Option<Confined>) -> Actor {
        Actor {
            user: self.user.id.clone(),
            session,
            api_key,
            roles: self.user.roles.clone(),
            rank: self.user.rank(self.roles),
            permissions: self.user.permissions(self.roles),
            assigned_only: self.user.assigned_only(self.roles),
            confined,
            presence: self.presence,
        }
    }
}

/// Admits the holder of `session`.
///
/// # Errors
/// [`NotAdmitted`].
pub fn admit(session: &Session, admission: Admission<'_>) -> Result<Actor, NotAdmitted> {
    let Admission { user, security, now, .. } = &admission;
    let superseded = security.sign_in.single_session && user.latest_session.as_ref() != Some(&session.id);
    if !session.open(security.sign_in.session_minutes, *now)
        || session.user != user.id
        || session.epoch != user.session_epoch
        || superseded
    {
        return Err(NotAdmitted::Over);
    }
    if user.state != UserState::Active {
        return Err(NotAdmitted::Inactive);
    }
    security.access.admit(&admission.presence, *now)?;
    let confined = admission.confined(session.mfa);
    Ok(admission.actor(Some(session.id.clone()), None, confined))
}

/// Admits a program by its key, which opens at most what its owner could open now: it is cut to its scope, and confined
/// as its owner is. Only somebody unconfined can make a key, so it stands for the code that was given then.
///
/// # Errors
/// [`NotAdmitted`].
pub fn admit_key(id: &str, scope: Permissions, admission: Admission<'_>) -> Result<Actor, NotAdmitted> {
    if admission.user.state != UserState::Active {
        return Err(NotAdmitted::Inactive);
    }
    admission.security.access.admit(&admission.presence, admission.now)?;
    let confined = admission.confined(true);
    let mut actor = admission.actor(None, Some(id.to_owned()), confined);
    actor.permissions = actor.permissions.without(Permissions::all().without(scope));
    Ok(actor)
}

impl Actor {
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Absent when a program acts by its key.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    pub fn roles(&self) -> &[RoleId] {
        &self.roles
    }

    pub fn rank(&self) -> Rank {
        self.rank
    }

    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    pub fn assigned_only(&self) -> bool {
        self.assigned_only
    }

    pub fn confined(&self) -> Option<Confined> {
        self.confined
    }

    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Whether the permission is held, for what is shown or masked beside what was asked for.
    pub fn holds(&self, permission: Permission) -> bool {
        self.confined.is_none() && self.permissions.contains(permission)
    }

    /// # Errors
    /// [`Refused`], which goes into the audit log by itself.
    pub fn permit<R: Right>(self: &Arc<Self>) -> Result<Permit<R>, Refused> {
        if let Some(confined) = self.confined {
            return Err(Refused::Confined(confined));
        }
        if !self.permissions.contains(R::PERMISSION) {
            return Err(Refused::Missing(R::PERMISSION));
        }
        Ok(Permit { actor: Arc::clone(self), right: PhantomData })
    }
}

/// The proof that an actor holds the right `R`.
///
/// There is no other way to one than [`Actor::permit`], and one right doesn't stand for another:
///
/// ```compile_fail,E0308
/// # use domain::{access::Permit, permission::right::{UsersDelete, UsersRead}};
/// fn delete(_: &Permit<UsersDelete>) {}
/// fn by_mistake(permit: &Permit<UsersRead>) {
///     delete(permit);
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use domain::{access::{Actor, Permit}, permission::right::UsersDelete};
/// # use std::{marker::PhantomData, sync::Arc};
/// fn made_up(actor: Arc<Actor>) -> Permit<UsersDelete> {
///     Permit { actor, right: PhantomData }
/// }
/// ```
pub struct Permit<R> {
    actor: Arc<Actor>,
    right: PhantomData<fn() -> R>,
}

impl<R> Clone for Permit<R> {
    fn clone(&self) -> Self {
        Self { actor: Arc::clone(&self.actor), right: PhantomData }
    }
}

impl<R> Permit<R> {
    pub fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }
}

/// Who answers for an act, as the audit log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `user:<id>`, `visitor` or `system:<what>`.
    pub actor: String,
    pub session: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub permission: Option<Permission>,
}

/// Whatever an act may be done under. Only this module says what that is.
pub trait Authority: sealed::Sealed + Send + Sync {
    fn stamp(&self) -> Stamp;
}

mod sealed {
    pub trait Sealed {}
    impl<R> Sealed for super::Permit<R> {}
    impl Sealed for super::Oneself {}
    impl Sealed for super::Visitor {}
    impl Sealed for super::System {}
    impl Sealed for super::Behalf {}
}

fn stamp_of(actor: &Actor, permission: Option<Permission>) -> Stamp {
    Stamp {
        actor: format!("user:{}", actor.user),
        session: actor.session.as_ref().map(ToString::to_string).or_else(|| actor.api_key.clone()),
        address: actor.presence.address.map(|address| address.to_string()),
        agent: actor.presence.agent.clone(),
        permission,
    }
}

impl<R: Right> Authority for Permit<R> {
    fn stamp(&self) -> Stamp {
        stamp_of(&self.actor, Some(R::PERMISSION))
    }
}

/// Somebody about their own account: it takes a session, no permission.
#[derive(Clone, Debug)]
pub struct Oneself(pub Arc<Actor>);

impl Authority for Oneself {
    fn stamp(&self) -> Stamp {
        stamp_of(&self.0, None)
    }
}

/// Somebody who has not signed in: tries to, registers, follows a link.
#[derive(Clone, Debug)]
pub struct Visitor(pub Presence);

impl Authority for Visitor {
    fn stamp(&self) -> Stamp {
        Stamp {
            actor: "visitor".to_owned(),
            session: None,
            address: self.0.address.map(|address| address.to_string()),
            agent: self.0.agent.clone(),
            permission: None,
        }
    }
}

/// A part of the system, by itself.
#[derive(Clone, Copy, Debug)]
pub struct System(pub &'static str);

impl Authority for System {
    fn stamp(&self) -> Stamp {
        Stamp { actor: format!("system:{}", self.0), session: None, address: None, agent: None, permission: None }
    }
}

/// A job at work for the user who asked for it. It may what its owner may at this moment, not at the time of asking.
#[derive(Clone, Debug)]
pub struct Behalf {
    user: UserId,
    job: JobId,
    permission: Option<Permission>,
    held: Permissions,
    assigned_only: bool,
}

impl Behalf {
    /// What `job` is done under, by its owner's rights as read: an active account that holds all of `permissions`.
    ///
    /// # Errors
    /// [`Refused::Missing`] with the first that isn't held. Who isn't active holds nothing.
    pub fn of(user: &User, roles: &Roles, job: &JobId, permissions: &[Permission]) -> Result<Self, Refused> {
        let held = match user.state {
            UserState::Active => user.permissions(roles),
            UserState::Pending | UserState::Deactivated | UserState::Rejected | UserState::Deleted => {
                Permissions::default()
            }
        };
        match permissions.iter().find(|permission| !held.contains(**permission)) {
            Some(missing) => Err(Refused::Missing(*missing)),
            None => Ok(Self {
                user: user.id.clone(),
                job: job.clone(),
                permission: permissions.last().copied(),
                held,
                assigned_only: user.assigned_only(roles),
            }),
        }
    }

    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether the owner holds this now, beside what the job takes.
    pub fn may(&self, permission: Permission) -> bool {
        self.held.contains(permission)
    }

    /// Whether the owner sees only what is assigned to them.
    pub fn assigned_only(&self) -> bool {
        self.assigned_only
    }
}

impl Authority for Behalf {
    fn stamp(&self) -> Stamp {
        Stamp {
            actor: format!("user:{}", self.user),
            session: None,
            address: None,
            agent: Some(format!("job:{}", self.job)),
            permission: self.permission,
        }
    }
}
