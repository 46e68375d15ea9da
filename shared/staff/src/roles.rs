//! The catalogue of roles: ten that stand in the code, and the company's own.

use crate::{
    Desk, Keep, Trouble,
    changes::{described_change, waived},
    trouble::FieldProblem,
};
use domain::{
    access::Permit,
    audit::{Class, Severity},
    change::{self, Change, NotAllowed, Standing, What, World},
    identity::hex,
    permission::{Permissions, right},
    role::{Role, RoleId, RoleProblem, Roles},
};
use store::{StoreError, chance};

#[derive(Clone, Debug)]
pub struct RoleForm {
    pub name: String,
    pub description: String,
    pub permissions: Permissions,
    pub assigned_only: bool,
}

/// The catalogue with one custom role made, edited or taken out.
pub(crate) fn catalogue_after(roles: &Roles, id: &RoleId, after: Option<&Role>) -> Result<Roles, Trouble> {
    match after {
        Some(role) => roles.with(role.clone()),
        None => roles.without(id),
    }
    .map_err(problem)
}

fn problem(problem: RoleProblem) -> Trouble {
    let message = problem.to_string();
    match problem {
        RoleProblem::NameLength | RoleProblem::NameShape => Trouble::field("name", "malformed", message),
        RoleProblem::NameTaken => Trouble::field("name", "taken", message),
        RoleProblem::DescriptionLength => Trouble::field("description", "too_long", message),
        RoleProblem::Predefined | RoleProblem::IdTaken => NotAllowed::Predefined.into(),
        RoleProblem::Unknown => Trouble::NotFound("role"),
        // Between two reads of one call: the version that the caller saw was there.
        RoleProblem::Changed => StoreError::Changed.into(),
        RoleProblem::Full => Trouble::State("too_many_roles", message),
    }
}

impl Desk {
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn roles(&self, _permit: &Permit<right::SystemSettingsRead>) -> Result<Roles, Trouble> {
        Ok(self.store.governance(self.deadline()).await?.0)
    }

    /// Asks for a new custom role.
    ///
    /// # Errors
    /// [`Trouble::Invalid`]; [`Trouble::NotAllowed`].
    pub async fn create_role(
        &self,
        permit: &Permit<right::UsersPermissionsManage>,
        form: RoleForm,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        // Drawn, so that an id is never used again: whoever still carries a removed role's id gains nothing.
        let id = RoleId::parse(&format!("custom-{}", hex(&chance::<8>()?))).map_err(|_| Trouble::NotFound("role"))?;
        let role = role_of(id.clone(), form, 0);
        self.ask_role(permit, id, None, Some(role), keep).await
    }

    /// Asks for a change of a custom role.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::Invalid`]; [`Trouble::NotAllowed`].
    pub async fn edit_role(
        &self,
        permit: &Permit<right::UsersPermissionsManage>,
        id: &RoleId,
        seen: impl FnOnce(&Role) -> Result<(), Trouble>,
        form: RoleForm,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        let (roles, _, _) = self.store.governance(self.deadline()).await?;
        let before = roles.get(id).ok_or(Trouble::NotFound("role"))?;
        seen(&before)?;
        let after = role_of(id.clone(), form, before.version);
        self.ask_role(permit, id.clone(), Some(before), Some(after), keep).await
    }

    /// Asks that a custom role is taken out. Its holders lose what it gave.
    ///
    /// # Errors
    /// As [`Desk::edit_role`].
    pub async fn remove_role(
        &self,
        permit: &Permit<right::UsersPermissionsManage>,
        id: &RoleId,
        seen: impl FnOnce(&Role) -> Result<(), Trouble>,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        let (roles, _, _) = self.store.governance(self.deadline()).await?;
        let before = roles.get(id).ok_or(Trouble::NotFound("role"))?;
        seen(&before)?;
        self.ask_role(permit, id.clone(), Some(before), None, keep).await
    }

    async fn ask_role(
        &self,
        permit: &Permit<right::UsersPermissionsManage>,
        id: RoleId,
        before: Option<Role>,
        after: Option<Role>,
        keep: Keep<'_, Change>,
    ) -> Result<Change, Trouble> {
        let (roles, administrators, _) = self.store.governance(self.deadline()).await?;
        let world = World { roles: &roles, administrators: &administrators };
        if let Some(role) = &after {
            let problems = roles.problems_of(&role.id, &role.name, &role.description);
            let mut fields: Vec<FieldProblem> = Vec::new();
            for found in problems {
                if let Trouble::Invalid(more) = problem(found) {
                    fields.extend(more);
                }
            }
            if !fields.is_empty() {
                return Err(Trouble::Invalid(fields));
            }
        }
        let actor = permit.actor();
        let follows = change::judge_role(actor, before.as_ref(), after.as_ref(), &world)?;
        // Whether it can be done is found out now, not when it is approved.
        let catalogue = catalogue_after(&roles, &id, after.as_ref())?;
        let what = What::Role { role: id, before: before.clone(), after: after.clone() };
        let change = self.asked_about_role(actor, what, follows)?;
        let now = self.now();
        let entity = format!("change:{}", change.id);
        let mut act = self.store.act(permit, now, Class::Security, "change.asked", entity)?;
        act = described_change(act, &change).change(None, &change)?;
        if matches!(change.standing, Standing::Approved { .. }) {
            act = act.severity(Severity::Critical).alert(&waived(&change))?;
            act = act.also(permit, Class::Security, "change.applied", change.what.entity())?;
            let shown = |role: &Option<Role>| serde_json::to_value(role).unwrap_or_default();
            act = act.differences(&shown(&before), &shown(&after)).roles(&roles, &catalogue)?;
            // That nobody else could approve must still be so.
            let same = domain::staff::Administrators { version: administrators.version + 1, ..administrators.clone() };
            act = act.administrators(&administrators, &same)?;
        }
        act.answered(keep.of(&change))?.commit(self.deadline()).await?;
        Ok(change)
    }
}

fn role_of(id: RoleId, form: RoleForm, version: u64) -> Role {
    Role {
        id,
        name: form.name,
        description: form.description,
        permissions: form.permissions,
        predefined: false,
        assigned_only: form.assigned_only,
        version,
    }
}
