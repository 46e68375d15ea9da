//! The security settings.

use crate::{Desk, Keep, Trouble, trouble::FieldProblem};
use domain::{
    access::Permit,
    audit::{Class, Severity},
    permission::right,
    role::Roles,
    security::SecuritySettings,
    settings::Settings,
};

impl Desk {
    /// The settings with their version.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn security_settings(
        &self,
        _permit: &Permit<right::SystemSettingsRead>,
    ) -> Result<(SecuritySettings, u64), Trouble> {
        let (_, _, settings) = self.store.governance(self.deadline()).await?;
        Ok((settings.security, settings.version))
    }

    /// Replaces the security settings. They act with the next request of everybody, this caller included, so rules that
    /// would keep the caller out are refused.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] with every bad field; [`Trouble::Stale`]; [`Trouble::Refused`] for a change of registration or
    /// of the log's retention without the permission of its own.
    pub async fn save_security_settings(
        &self,
        permit: &Permit<right::SystemRateLimitsConfigure>,
        seen: impl FnOnce(u64) -> Result<(), Trouble>,
        wanted: SecuritySettings,
        keep: Keep<'_, (SecuritySettings, u64)>,
    ) -> Result<(SecuritySettings, u64), Trouble> {
        let (roles, _, settings) = self.store.governance(self.deadline()).await?;
        seen(settings.version)?;
        let now = self.now();
        // Two parts have a permission of their own in the documents.
        if wanted.registration != settings.security.registration {
            self.permit::<right::UsersRegistrationManage>(permit.actor(), "settings.security.registration").await?;
        }
        if wanted.audit != settings.security.audit {
            self.permit::<right::AuditLogsConfigure>(permit.actor(), "settings.security.audit").await?;
        }
        let mut found: Vec<FieldProblem> = wanted
            .problems()
            .into_iter()
            .map(|(field, message)| FieldProblem::new(field, "out_of_bounds", message))
            .collect();
        if let Some(role) = wanted.registration.default_role.as_ref().filter(|role| !known(&roles, role)) {
            found.push(FieldProblem::new("registration.default_role", "unknown", format!("there is no role {role}")));
        }
        if let Err(rule) = wanted.access.admit(permit.actor().presence(), now) {
            found.push(FieldProblem::new("access", "locks_you_out", format!("these rules keep you out: {rule}")));
        }
        // The opposite would keep its author out; this one would keep nobody out, in silence.
        if !wanted.access.deny_countries.is_empty() && permit.actor().presence().country.is_none() {
            let words = "a request's country is known only behind CloudFront, so this would deny nobody";
            found.push(FieldProblem::new("access.deny_countries", "unknown_here", words));
        }
        if !found.is_empty() {
            return Err(Trouble::Invalid(found));
        }
        let after = Settings { security: wanted, version: settings.version + 1, ..settings.clone() };
        let shown = |settings: &Settings| serde_json::to_value(&settings.security).unwrap_or_default();
        let act = self.store.act(permit, now, Class::Security, "settings.security", "settings:security".to_owned())?;
        let act = act.severity(Severity::Warning).differences(&shown(&settings), &shown(&after));
        let act = act.settings(settings.version, &after)?;
        let done = (after.security.clone(), after.version);
        act.answered(keep.of(&done))?.commit(self.deadline()).await?;
        Ok(done)
    }
}

fn known(roles: &Roles, role: &domain::role::RoleId) -> bool {
    roles.get(role).is_some()
}
