//! Looking at the audit log.

use crate::{Desk, Trouble};
use domain::{
    access::{Authority, Permit},
    audit::{Class, Severity},
    permission::right,
};
use store::{Found, ReadsTrail, Sought};

impl Desk {
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn trail<R: ReadsTrail>(
        &self,
        permit: &Permit<R>,
        sought: &Sought,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Found, Trouble> {
        Ok(self.store.trail(permit, sought, position, limit, self.deadline()).await?)
    }

    /// Notes that entries left the system: who took them, how many, what was asked for.
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't given.
    pub async fn note_export(
        &self,
        permit: &Permit<right::AuditLogsExport>,
        entries: usize,
        sought: &Sought,
    ) -> Result<(), Trouble> {
        let act = self.store.act(permit, self.now(), Class::Access, "audit.exported", "kind:audit".to_owned())?;
        let act = act
            .severity(Severity::Warning)
            .changed("entries", None, Some(entries.to_string()))
            .changed("from", None, Some(sought.from.to_string()))
            .changed("to", None, Some(sought.to.to_string()));
        Ok(act.commit(self.deadline()).await?)
    }

    /// Notes that the log was verified, and what came of it.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn note_verification(
        &self,
        authority: &dyn Authority,
        (from, to): (&str, &str),
        found: u64,
    ) -> Result<(), Trouble> {
        let severity = if found == 0 { Severity::Info } else { Severity::Critical };
        let act = self.store.act(authority, self.now(), Class::Security, "audit.verified", "kind:audit".to_owned())?;
        let act = act
            .severity(severity)
            .changed("from", None, Some(from.to_owned()))
            .changed("to", None, Some(to.to_owned()))
            .changed("findings", None, Some(found.to_string()));
        Ok(act.commit(self.deadline()).await?)
    }
}
