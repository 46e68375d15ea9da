//! Managing users. Who may manage whom is the ladder's business in `domain::change`.

use crate::{Asked, Desk, Keep, Trouble, trouble::FieldProblem};
use domain::{
    access::{Actor, Permit},
    alert::{Alert, Kind},
    audit::{Class, Severity},
    change::{self, NotAllowed, World},
    id::UserId,
    mail::Letter,
    permission::{Permission, Permissions, right},
    phone::Msisdn,
    role::{Rank, RoleId, Roles},
    staff::{Email, User, UserState},
    text::Language,
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use store::Listed;

#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<Msisdn>,
    pub language: Language,
    /// Asked for along with the account, for a second person to approve.
    pub roles: Vec<RoleId>,
}

/// What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    pub email: Option<Email>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<Option<Msisdn>>,
    pub language: Option<Language>,
    /// `false` ends the user's sessions at once.
    pub active: Option<bool>,
    /// Sends a link to set a new password, and ends the user's sessions.
    pub reset_password: bool,
    /// Takes the authenticator app off, for somebody who has lost phone and recovery codes.
    pub reset_mfa: bool,
    /// Lifts a lock before its time.
    pub unlock: bool,
}

#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    pub state: Option<UserState>,
    pub role: Option<RoleId>,
    /// In name or address, regardless of case.
    pub text: Option<String>,
}

impl UserFilter {
    fn takes(&self, user: &User) -> bool {
        let state = match self.state {
            Some(state) => user.state == state,
            // Who was deleted or refused is shown when asked for.
            None => !matches!(user.state, UserState::Deleted | UserState::Rejected),
        };
        let text = self.text.as_ref().is_none_or(|text| {
            let text = text.to_lowercase();
            let name = format!("{} {}", user.first_name, user.last_name).to_lowercase();
            name.contains(&text) || user.email.as_str().contains(&text)
        });
        state && text && self.role.as_ref().is_none_or(|role| user.roles.contains(role))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// By state; users whose rows were looked at.
    pub by_state: BTreeMap<&'static str, u64>,
    pub by_role: BTreeMap<RoleId, u64>,
    pub with_mfa: u64,
    /// Whether there are more users than were looked at.
    pub more: bool,
}

/// The most rows that statistics look through.
const STATISTICS_ROWS: usize = 1_000;

impl Desk {
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn users(
        &self,
        permit: &Permit<right::UsersRead>,
        filter: &UserFilter,
        before: Option<&UserId>,
        limit: usize,
    ) -> Result<Listed<User>, Trouble> {
        Ok(self.store.users(permit, before, limit, |user| filter.takes(user), self.deadline()).await?)
    }

    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn user(&self, permit: &Permit<right::UsersRead>, id: &UserId) -> Result<User, Trouble> {
        self.found(permit, id).await
    }

    /// The permissions of one user, with where they come from.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn user_permissions(
        &self,
        permit: &Permit<right::UsersRead>,
        id: &UserId,
    ) -> Result<(User, Permissions), Trouble> {
        let user = self.found(permit, id).await?;
        let (roles, _, _) = self.store.governance(self.deadline()).await?;
        let permissions = user.permissions(&roles);
        Ok((user, permissions))
    }

    /// # Errors
    /// [`Trouble::Store`].
    pub async fn user_statistics(&self, permit: &Permit<right::UsersRead>) -> Result<Statistics, Trouble> {
        let all = self.store.users(permit, None, STATISTICS_ROWS, |_| true, self.deadline()).await?;
        let mut statistics = Statistics { more: all.next.is_some(), ..Statistics::default() };
        for user in &all.items {
            *statistics.by_state.entry(user.state.name()).or_default() += 1;
            if user.state == UserState::Active {
                statistics.with_mfa += u64::from(user.mfa.is_on());
                for role in &user.roles {
                    *statistics.by_role.entry(role.clone()).or_default() += 1;
                }
            }
        }
        Ok(statistics)
    }

    /// Makes an account and sends its owner a link. Roles are asked for along with it, as a change of their own.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] for what others own; [`Trouble::NotAllowed`] for roles that the actor can't give;
    /// [`Trouble::Refused`] for roles without the permission to assign them.
    pub async fn create_user(
        &self,
        permit: &Permit<right::UsersCreate>,
        new: NewUser,
        keep: Keep<'_, (User, Option<Asked>)>,
    ) -> Result<(User, Option<Asked>), Trouble> {
        let actor = permit.actor();
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        let now = self.now();
        let mut user = User::new(self.new_user_id()?, new.email, new.first_name, new.last_name, now);
        user.phone = new.phone;
        user.language = new.language;
        let link = self.new_link(&user)?;
        user.password_link = Some(link.kept);
        let asked = if new.roles.is_empty() {
            None
        } else {
            let assign = self.permit::<right::UsersRolesAssign>(actor, "users.create").await?;
            let world = World { roles: &roles, administrators: &administrators };
            let mut wanted = User { roles: new.roles, ..user.clone() };
            wanted.roles.sort();
            wanted.roles.dedup();
            Some(self.judged(&assign, &user, &wanted, &world)?)
        };
        let keys = self.keys().await?;
        let letter = self.letter(&keys, &user, &user.email, Letter::Invitation, Some(&link.sent), None)?;
        let entity = format!("user:{}", user.id);
        // Where nobody else could approve, the roles are in force from the start.
        let made = asked.as_ref().and_then(Asked::applied).cloned().unwrap_or_else(|| user.clone());
        let mut act = self.store.act(permit, now, Class::Change, "user.created", entity)?;
        act = act.differences(&serde_json::Value::Null, &made.audited()).user(None, &made)?.mail(&letter)?;
        if let Some(asked) = &asked {
            act = asked.written(act, permit, &administrators, &made, &roles)?;
        }
        let done = (made, asked);
        match act.answered(keep.of(&done))?.commit(self.deadline()).await {
            Ok(()) => Ok(done),
            Err(error) => Err(self.taken_or(&done.0, error).await),
        }
    }

    /// # Errors
    /// [`Trouble::NotAllowed`] by the ladder; [`Trouble::Stale`]; [`Trouble::Invalid`] for what others own.
    pub async fn update_user(
        &self,
        permit: &Permit<right::UsersUpdate>,
        id: &UserId,
        seen: impl FnOnce(&User) -> Result<(), Trouble>,
        update: UserUpdate,
        keep: Keep<'_, User>,
    ) -> Result<User, Trouble> {
        let user = self.found(permit, id).await?;
        seen(&user)?;
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        let world = World { roles: &roles, administrators: &administrators };
        managed(permit.actor(), &user, &roles)?;
        match user.state {
            UserState::Active | UserState::Deactivated => {}
            UserState::Pending | UserState::Rejected | UserState::Deleted => {
                return Err(NotAllowed::Inactive(user.state.name()).into());
            }
        }
        let held = user.permissions(&roles);
        // A form that is sent back whole names the address that it found.
        let moves = update.email.as_ref().is_some_and(|email| *email != user.email);
        if moves || update.reset_password || update.reset_mfa {
            lets_in(permit.actor(), &user, held, moves, &roles)?;
        }
        let keys = self.keys().await?;
        let now = self.now();
        let mut after = user.next(now);
        let mut letters = Vec::new();
        after.first_name = update.first_name.unwrap_or(after.first_name);
        after.last_name = update.last_name.unwrap_or(after.last_name);
        after.phone = update.phone.unwrap_or(after.phone);
        after.language = update.language.unwrap_or(after.language);
        if let Some(email) = update.email.filter(|email| *email != user.email) {
            letters.extend(self.moved(&keys, &user, &mut after, email)?);
        }
        if let Some(active) = update.active {
            after.state = if active { UserState::Active } else { UserState::Deactivated };
        }
        if update.reset_password {
            let link = self.new_link(&user)?;
            letters.push(self.letter(&keys, &user, &user.email, Letter::PasswordReset, Some(&link.sent), None)?);
            after.password_link = Some(link.kept);
            // Whoever else knew the old one must not be able to sign in with it and set the next one.
            after.password = None;
            after.password_at = None;
        }
        if update.reset_mfa {
            after.mfa = domain::staff::Mfa::Off;
        }
        let ends_sessions = update.reset_password || update.reset_mfa || after.state != UserState::Active;
        if ends_sessions {
            after.session_epoch += 1;
            after.key_epoch += 1;
        }
        change::keeps_a_super_administrator(&user, &after, &world)?;
        let above_staff = user.rank(&roles) > Rank::Staff;
        let risky = after.new_email != user.new_email && held.iter().any(Permission::demands_mfa);
        let entity = format!("user:{id}");
        let mut act = self.store.act(permit, now, Class::Change, "user.updated", entity)?;
        if (above_staff && ends_sessions) || risky {
            act = act.alert(&sensitive(&after))?;
        }
        if ends_sessions {
            act = act.severity(Severity::Warning);
        }
        act = act.differences(&user.audited(), &after.audited());
        if update.reset_password {
            act = act.changed("password_link", None, Some("sent".to_owned()));
        }
        if update.unlock {
            let account = crate::tokens::account(&keys, user.email.as_str());
            let sign_ins = self.store.sign_ins(&account, self.deadline()).await?;
            act = act.changed("locked_until", sign_ins.locked_until.map(|until| until.to_string()), None);
            act = act.sign_ins(&account, sign_ins.version, &sign_ins.cleared(), now)?;
        }
        act = act.user(Some(&user), &after)?;
        if user.rank(&roles) > Rank::Staff && user.state != after.state {
            act = act.administrators(&administrators, &administrators.with(&after, &roles))?;
        }
        for letter in &letters {
            act = act.mail(letter)?;
        }
        match act.answered(keep.of(&after))?.commit(self.deadline()).await {
            Ok(()) => Ok(after),
            Err(error) => Err(self.taken_or(&after, error).await),
        }
    }

    /// Deletes a user: the row stays as a tombstone, the address is free again, sessions end.
    ///
    /// # Errors
    /// [`Trouble::NotAllowed`] by the ladder, for oneself, and for the last Super Administrator; [`Trouble::Stale`].
    pub async fn delete_user(
        &self,
        permit: &Permit<right::UsersDelete>,
        id: &UserId,
        seen: impl FnOnce(&User) -> Result<(), Trouble>,
        keep: Keep<'_, ()>,
    ) -> Result<(), Trouble> {
        let user = self.found(permit, id).await?;
        seen(&user)?;
        if user.state == UserState::Deleted {
            return Err(Trouble::NotFound("user"));
        }
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        managed(permit.actor(), &user, &roles)?;
        let now = self.now();
        let after = User {
            state: UserState::Deleted,
            password: None,
            password_link: None,
            new_email: None,
            mfa: domain::staff::Mfa::Off,
            session_epoch: user.session_epoch + 1,
            key_epoch: user.key_epoch + 1,
            ..user.next(now)
        };
        let world = World { roles: &roles, administrators: &administrators };
        change::keeps_a_super_administrator(&user, &after, &world)?;
        let mut act = self.store.act(permit, now, Class::Change, "user.deleted", format!("user:{id}"))?;
        act = act.severity(Severity::Warning).differences(&user.audited(), &after.audited());
        act = act.user(Some(&user), &after)?;
        if user.rank(&roles) > Rank::Staff {
            act = act.administrators(&administrators, &administrators.with(&after, &roles))?;
        }
        Ok(act.answered(keep.of(&()))?.commit(self.deadline()).await?)
    }

    pub(crate) async fn found<R>(&self, permit: &Permit<R>, id: &UserId) -> Result<User, Trouble> {
        self.store.user(permit, id, self.deadline()).await?.ok_or(Trouble::NotFound("user"))
    }

    /// A wish about a user's roles or permissions, judged: an open change, or one that is applied at once.
    pub(crate) fn judged<R: domain::permission::Right>(
        &self,
        permit: &Permit<R>,
        user: &User,
        wanted: &User,
        world: &World<'_>,
    ) -> Result<Asked, Trouble> {
        let actor = permit.actor();
        let mut unknown = Vec::new();
        for role in &wanted.roles {
            if world.roles.get(role).is_none() {
                unknown.push(FieldProblem::new("roles", "unknown", format!("there is no role {role}")));
            }
        }
        if !unknown.is_empty() {
            return Err(Trouble::Invalid(unknown));
        }
        let (rank, follows) = change::judge_user(actor, user, wanted, world)?;
        Asked::new(self, actor, user, wanted, rank, follows)
    }
}

/// The ladder, for changes that are not about roles. Nobody manages their own account here: that is what `auth/me` is for.
pub(crate) fn managed(actor: &Arc<Actor>, user: &User, roles: &Roles) -> Result<(), Trouble> {
    if user.id == *actor.user() {
        return Err(NotAllowed::Oneself.into());
    }
    if !actor.rank().manages(user.rank(roles)) {
        return Err(NotAllowed::Above.into());
    }
    Ok(())
}

/// Whoever can set somebody's address, password or app could act as them: only for those who may no more than oneself,
/// and an administrator's address belongs to its owner alone. Else one person could be both of two.
fn lets_in(actor: &Actor, user: &User, held: Permissions, address: bool, roles: &Roles) -> Result<(), Trouble> {
    let missing = held.without(actor.permissions());
    if !missing.is_empty() {
        return Err(NotAllowed::MoreThanHeld(missing).into());
    }
    if address && user.rank(roles) > Rank::Staff {
        return Err(NotAllowed::OwnersAddress.into());
    }
    Ok(())
}

fn sensitive(after: &User) -> Alert {
    Alert {
        id: format!("sensitive-{}-{}", after.id, after.version),
        at: after.updated_at,
        kind: Kind::SensitiveAccount,
        entity: format!("user:{}", after.id),
        note:
            "Somebody deactivated, deleted or reset this administrator, or changed the address of this account, which \
               can do much. The audit log says who; ask its owner whether it was meant."
                .to_owned(),
    }
}
