//! Changes of roles and permissions: asked for by one, decided by another.

use crate::{Desk, Keep, Trouble};
use domain::{
    access::{Actor, Authority, Permit},
    alert::{Alert, Kind},
    audit::{Class, Severity},
    change::{self, Change, Follows, NotAllowed, Overrides, Standing, What, World},
    id::{ChangeId, UserId},
    permission::{Permissions, Right, right},
    role::{Rank, RoleId, Roles},
    staff::{Administrators, ROLES_MAX, User},
};
use jiff::Timestamp;
use store::{Act, Listed, StoreError, chance};

/// A change that was asked for, and what became of it at once.
#[derive(Clone, Debug)]
pub struct Asked {
    pub change: Change,
    applied: Option<User>,
}

impl Asked {
    pub(crate) fn new(
        desk: &Desk,
        actor: &Actor,
        user: &User,
        wanted: &User,
        rank: Rank,
        follows: Follows,
    ) -> Result<Self, Trouble> {
        let what = if user.roles == wanted.roles {
            What::UserPermissions {
                user: user.id.clone(),
                before: Overrides { grants: user.grants, denials: user.denials },
                after: Overrides { grants: wanted.grants, denials: wanted.denials },
            }
        } else {
            What::UserRoles { user: user.id.clone(), before: user.roles.clone(), after: wanted.roles.clone() }
        };
        let mut asked = Self { change: new_change(desk, actor, what, rank)?, applied: None };
        if follows == Follows::Waived {
            asked.change.standing = Standing::Approved { by: actor.user().clone(), at: desk.now() };
            asked.applied = Some(wanted.clone());
        }
        Ok(asked)
    }

    /// The user with the change in force, where nobody else could approve it.
    pub fn applied(&self) -> Option<&User> {
        self.applied.as_ref()
    }

    /// Adds the change to an act that writes the user.
    pub(crate) fn written<'s>(
        &self,
        act: Act<'s>,
        by: &dyn Authority,
        administrators: &Administrators,
        made: &User,
        roles: &Roles,
    ) -> Result<Act<'s>, Trouble> {
        let mut act = act.also(by, Class::Security, "change.asked", format!("change:{}", self.change.id))?;
        act = described(act, &self.change).change(None, &self.change)?;
        if self.applied.is_some() {
            act = act.severity(Severity::Critical).alert(&waived(&self.change))?;
            // That nobody else could approve must still be so.
            act = act.administrators(administrators, &administrators.with(made, roles))?;
        }
        Ok(act)
    }
}

pub(crate) fn new_change(desk: &Desk, actor: &Actor, what: What, rank: Rank) -> Result<Change, Trouble> {
    Ok(Change {
        id: ChangeId::drawn(desk.now(), chance()?),
        what,
        rank,
        asked_by: actor.user().clone(),
        asked_at: desk.now(),
        standing: Standing::Open,
        version: 1,
    })
}

pub(crate) fn waived(change: &Change) -> Alert {
    Alert {
        id: format!("waived-{}", change.id),
        at: change.asked_at,
        kind: Kind::ApprovalWaived,
        entity: change.what.entity(),
        note: "Roles or permissions were changed without a second person, because there is nobody else who could \
               approve it. Appoint a second Super Administrator."
            .to_owned(),
    }
}

/// The change's values, as the log shows them.
fn described<'s>(act: Act<'s>, change: &Change) -> Act<'s> {
    let keys = |set: &Permissions| set.iter().map(|p| p.key()).collect::<Vec<_>>().join(" ");
    let ids = |roles: &[RoleId]| roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(" ");
    let act = act.changed("about", None, Some(change.what.entity())).changed(
        "standing",
        None,
        Some(change.standing.name().to_owned()),
    );
    match &change.what {
        What::UserRoles { before, after, .. } => act.changed("roles", Some(ids(before)), Some(ids(after))),
        What::UserPermissions { before, after, .. } => act
            .changed("grants", Some(keys(&before.grants)), Some(keys(&after.grants)))
            .changed("denials", Some(keys(&before.denials)), Some(keys(&after.denials))),
        What::Role { before, after, .. } => {
            let name = |role: &Option<domain::role::Role>| role.as_ref().map(|role| role.name.clone());
            let held = |role: &Option<domain::role::Role>| role.as_ref().map(|role| keys(&role.permissions));
            act.changed("name", name(before), name(after)).changed("permissions", held(before), held(after))
        }
        What::Codes { batch, codes, amount, .. } => act
            .changed("batch", None, Some(batch.clone()))
            .changed("codes", None, Some(codes.to_string()))
            .changed("amount", None, Some(amount.to_string())),
    }
}

impl Desk {
    /// Asks that a user has these roles and no others.
    ///
    /// # Errors
    /// [`Trouble::NotAllowed`]; [`Trouble::Invalid`] for unknown roles or too many.
    pub async fn ask_roles<R: Right>(
        &self,
        permit: &Permit<R>,
        id: &UserId,
        wanted: impl FnOnce(&User) -> Vec<RoleId>,
        keep: Keep<'_, Asked>,
    ) -> Result<Asked, Trouble> {
        let user = self.found(permit, id).await?;
        let mut roles = wanted(&user);
        roles.sort();
        roles.dedup();
        if roles.len() > ROLES_MAX {
            return Err(Trouble::field("roles", "too_many", format!("at most {ROLES_MAX} roles")));
        }
        let after = User { roles, ..user.clone() };
        self.ask(permit, &user, after, keep).await
    }

    /// Asks that a user has these permissions beside and despite the roles.
    ///
    /// # Errors
    /// [`Trouble::NotAllowed`]; [`Trouble::Invalid`] for a permission that is both granted and denied.
    pub async fn ask_permissions(
        &self,
        permit: &Permit<right::UsersPermissionsManage>,
        id: &UserId,
        grants: Permissions,
        denials: Permissions,
        keep: Keep<'_, Asked>,
    ) -> Result<Asked, Trouble> {
        if !grants.without(grants.without(denials)).is_empty() {
            return Err(Trouble::field("denials", "contradiction", "a permission can't be both granted and denied"));
        }
        let user = self.found(permit, id).await?;
        let after = User { grants, denials, ..user.clone() };
        self.ask(permit, &user, after, keep).await
    }

    async fn ask<R: Right>(
        &self,
        permit: &Permit<R>,
        user: &User,
        wanted: User,
        keep: Keep<'_, Asked>,
    ) -> Result<Asked, Trouble> {
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        let world = World { roles: &roles, administrators: &administrators };
        let mut asked = self.judged(permit, user, &wanted, &world)?;
        let now = self.now();
        let by: &dyn Authority = permit;
        let id = format!("change:{}", asked.change.id);
        let mut act = self.store.act(by, now, Class::Security, "change.asked", id)?;
        act = described(act, &asked.change).change(None, &asked.change)?;
        if asked.applied.is_some() {
            let after = User { roles: wanted.roles, grants: wanted.grants, denials: wanted.denials, ..user.next(now) };
            act = act.severity(Severity::Critical).alert(&waived(&asked.change))?;
            act = act.also(by, Class::Security, "change.applied", format!("user:{}", user.id))?;
            act = act.differences(&user.audited(), &after.audited()).user(Some(user), &after)?;
            act = act.administrators(&administrators, &administrators.with(&after, &roles))?;
            asked.applied = Some(after);
        }
        act.answered(keep.of(&asked))?.commit(self.deadline()).await?;
        Ok(asked)
    }

    /// Changes, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn changes(
        &self,
        permit: &Permit<right::UsersRead>,
        standing: Option<&str>,
        before: Option<&ChangeId>,
        limit: usize,
    ) -> Result<Listed<Change>, Trouble> {
        let wanted = |change: &Change| {
            !change.what.is_codes() && standing.is_none_or(|standing| change.standing.name() == standing)
        };
        Ok(self.store.changes(permit, before, limit, wanted, self.deadline()).await?)
    }

    /// Decides on a change, as the second person.
    ///
    /// # Errors
    /// [`Trouble::NotAllowed`]; [`StoreError::Changed`] when somebody was faster.
    pub async fn decide(
        &self,
        permit: &Permit<right::UsersRolesAssign>,
        id: &ChangeId,
        refusal: Option<&str>,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        let change = self.store.change(permit, id, self.deadline()).await?.ok_or(Trouble::NotFound("change"))?;
        if change.what.is_codes() {
            return Err(Trouble::State(
                "about_codes",
                "this is about codes; promo-codes/approvals decides on it".to_owned(),
            ));
        }
        let actor = permit.actor();
        let now = self.now();
        change.judge(actor, now)?;
        let by = actor.user().clone();
        let Some(reason) = refusal else {
            let decided = change.decided(Standing::Approved { by, at: now });
            let applied = self.apply(permit, &change, decided, now, keep).await;
            let Err(Trouble::NotAllowed(_)) = &applied else { return applied };
            // Judged by what a faster decision may have changed since: then it is a lost race and no judgement.
            let present = self.store.change(permit, id, self.deadline()).await?;
            return if present.as_ref() == Some(&change) { applied } else { Err(StoreError::Changed.into()) };
        };
        let decided = change.decided(Standing::Refused { by, at: now, reason: reason.to_owned() });
        let act = self.store.act(permit, now, Class::Security, "change.refused", format!("change:{id}"))?;
        let act = described(act, &decided).changed("reason", None, Some(reason.to_owned()));
        let act = act.change(Some(&change), &decided)?.answered(keep.of(&decided))?;
        act.commit(self.deadline()).await?;
        Ok(decided)
    }

    async fn apply(
        &self,
        permit: &Permit<right::UsersRolesAssign>,
        change: &Change,
        decided: Change,
        now: Timestamp,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        let asker = self.store.user(permit, &change.asked_by, self.deadline()).await?;
        change.still_asked(asker.as_ref())?;
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        let world = World { roles: &roles, administrators: &administrators };
        let entity = format!("change:{}", change.id);
        let mut act = self.store.act(permit, now, Class::Security, "change.approved", entity)?;
        act = described(act, &decided).change(Some(change), &decided)?;
        act = act.also(permit, Class::Security, "change.applied", change.what.entity())?;
        match &change.what {
            What::UserRoles { user, .. } | What::UserPermissions { user, .. } => {
                let user = self.found(permit, user).await?;
                let after = change.applied_to(&user, &world, now)?;
                // Whoever approves vouches for it: they can't pass on what they don't hold either.
                change::judge_user(permit.actor(), &user, &after, &world)?;
                act = act.differences(&user.audited(), &after.audited()).user(Some(&user), &after)?;
                if change.rank > Rank::Staff {
                    act = act.administrators(&administrators, &administrators.with(&after, &roles))?;
                }
            }
            What::Role { before, after, role } => {
                if roles.get(role) != *before {
                    return Err(NotAllowed::Outdated.into());
                }
                change::judge_role(permit.actor(), before.as_ref(), after.as_ref(), &world)?;
                let catalogue = crate::roles::catalogue_after(&roles, role, after.as_ref())?;
                let shown = |role: &Option<domain::role::Role>| serde_json::to_value(role).unwrap_or_default();
                act = act.differences(&shown(before), &shown(after)).roles(&roles, &catalogue)?;
            }
            What::Codes { .. } => return Err(NotAllowed::Outdated.into()),
        }
        act.answered(keep.of(&decided))?.commit(self.deadline()).await?;
        Ok(decided)
    }

    pub(crate) fn asked_about_role(&self, actor: &Actor, what: What, follows: Follows) -> Result<Change, Trouble> {
        let mut change = new_change(self, actor, what, Rank::Staff)?;
        if follows == Follows::Waived {
            change.standing = Standing::Approved { by: actor.user().clone(), at: self.now() };
        }
        Ok(change)
    }
}

pub(crate) fn described_change<'s>(act: Act<'s>, change: &Change) -> Act<'s> {
    described(act, change)
}
