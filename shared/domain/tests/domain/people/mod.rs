//! Members of the staff, their roles and sessions, for the tests to vary.
#![allow(dead_code, reason = "each test file uses a part of it")]

use domain::{
    access::{Actor, Admission, MfaDemand, NotAdmitted, admit, admit_key},
    id::{ChangeId, SessionId, UserId},
    permission::{Permission, Permissions},
    role::{Predefined, Role, RoleId, Roles},
    security::{Presence, SecuritySettings},
    session::Session,
    staff::{Administrators, Email, Mfa, User},
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// A Friday, noon in Kigali.
pub fn noon() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

pub fn user_id(number: u8) -> UserId {
    UserId::drawn(noon(), [number; 10])
}

pub fn session_id(number: u8) -> SessionId {
    SessionId::drawn(noon(), [number; 10])
}

pub fn change_id(number: u8) -> ChangeId {
    ChangeId::drawn(noon(), [number; 10])
}

pub fn role(id: &str) -> RoleId {
    RoleId::parse(id).expect("a role's id")
}

pub fn predefined(roles: &[Predefined]) -> Vec<RoleId> {
    roles.iter().map(|role| role.id()).collect()
}

/// Somebody active with these roles, a password of today and an authenticator app.
pub fn user(number: u8, roles: Vec<RoleId>) -> User {
    let email = Email::parse(&format!("person{number}@example.rw")).expect("an address");
    let mut user = User::new(user_id(number), email, "Aline".to_owned(), "Uwase".to_owned(), noon());
    user.roles = roles;
    user.password = Some("hash".to_owned());
    user.password_at = Some(noon());
    user.mfa = Mfa::On { secret: "sealed".to_owned(), recovery: Vec::new(), last_step: 1 };
    user
}

/// A session that began now, with a code of the app.
pub fn session(user: &User) -> Session {
    Session {
        id: session_id(1),
        user: user.id.clone(),
        epoch: user.session_epoch,
        created_at: noon(),
        generation: 1,
        rotated_at: noon(),
        mfa: true,
        address: None,
        agent: None,
        ended: None,
        version: 1,
    }
}

pub fn custom(id: &str, permissions: Permissions) -> Role {
    Role {
        id: role(id),
        name: format!("Role {id}"),
        description: String::new(),
        permissions,
        predefined: false,
        assigned_only: false,
        version: 0,
    }
}

pub fn catalogue(roles: &[Role]) -> Roles {
    roles.iter().fold(Roles::default(), |roles, role| roles.with(role.clone()).expect("allowed"))
}

/// The rules that somebody is admitted by.
#[derive(Clone)]
pub struct Door {
    pub security: SecuritySettings,
    pub mfa: MfaDemand,
    pub presence: Presence,
    pub now: Timestamp,
    pub roles: Roles,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            security: SecuritySettings::default(),
            mfa: MfaDemand::Enforced,
            presence: Presence::default(),
            now: noon(),
            roles: Roles::default(),
        }
    }
}

impl Door {
    pub fn admission<'a>(&'a self, user: &'a User) -> Admission<'a> {
        Admission {
            user,
            roles: &self.roles,
            security: &self.security,
            mfa: self.mfa,
            presence: self.presence.clone(),
            now: self.now,
        }
    }

    pub fn admit(&self, session: &Session, user: &User) -> Result<Actor, NotAdmitted> {
        admit(session, self.admission(user))
    }

    pub fn admit_key(&self, scope: Permissions, user: &User) -> Result<Actor, NotAdmitted> {
        admit_key("key-1", scope, self.admission(user))
    }
}

/// `user` as somebody who acts, with nothing in the way.
pub fn actor(user: &User, roles: &Roles) -> Arc<Actor> {
    let door = Door { roles: roles.clone(), ..Door::default() };
    Arc::new(door.admit(&session(user), user).expect("admitted"))
}

pub fn administrators<'a>(users: impl IntoIterator<Item = &'a User>, roles: &Roles) -> Administrators {
    let nobody = Administrators { members: BTreeMap::new(), version: 0 };
    users.into_iter().fold(nobody, |row, user| row.with(user, roles))
}

pub fn permission_sets() -> impl Strategy<Value = Permissions> {
    let some = proptest::collection::vec(proptest::sample::select(&Permission::ALL[..]), 0..12);
    some.prop_map(|keys| Permissions::of(&keys))
}

/// Cases of a property, without a file that remembers failures: each is minimised and belongs in a test of its own.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}
