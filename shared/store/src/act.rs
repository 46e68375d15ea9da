//! One act of staff: everything it changes and its audit entry, in one transaction.
//!
//! An act can't be begun without somebody who answers for it, nor committed without its entry.

use crate::{
    Answer, Deadline, Once, Store, StoreError,
    keys::{self, Key},
    redemptions::expires,
    staff::{ApiKey, SignIns},
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    access::Authority,
    alert::Alert,
    audit::{Class, Entry, Severity},
    change::Change,
    identity::hex,
    mail::Mail,
    role::Roles,
    session::Session,
    settings::Settings,
    staff::{Administrators, User, UserState},
    time::DAY_MS,
};
use jiff::Timestamp;
use rand_core::TryRngCore;

/// How long a session's row is kept after its sign-in; the longest life by setting is 30 days.
const SESSION_ROW_KEPT_S: i64 = 60 * DAY_MS / 1_000;
/// How long the count of wrong passwords of one account is kept.
pub(crate) const SIGN_INS_KEPT_S: i64 = 2 * DAY_MS / 1_000;

pub struct Act<'s> {
    store: &'s Store,
    pub(crate) transaction: Transaction,
    pub(crate) entries: Vec<Entry>,
}

/// Bytes that nobody can guess.
///
/// # Errors
/// [`StoreError::Rejected`] when the system has no randomness, which stops everything.
pub fn chance<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0u8; N];
    rand_core::OsRng.try_fill_bytes(&mut bytes).map_err(|error| StoreError::Rejected(error.to_string()))?;
    Ok(bytes)
}

impl Store {
    /// Begins an act, with its first audit entry.
    ///
    /// # Errors
    /// See [`chance`].
    pub fn act(
        &self,
        authority: &dyn Authority,
        at: Timestamp,
        class: Class,
        action: &str,
        entity: String,
    ) -> Result<Act<'_>, StoreError> {
        let entry = Entry::by(authority, hex(&chance::<12>()?), at, class, action, entity);
        Ok(Act { store: self, transaction: Transaction::new(self), entries: vec![entry] })
    }
}

impl Act<'_> {
    /// Adds to the newest entry what changed; equal values are left out.
    #[must_use]
    pub fn changed(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if let Some(entry) = self.entries.pop() {
            self.entries.push(entry.change(field, before, after));
        }
        self
    }

    /// Adds every difference between two records as the audit log may show them.
    #[must_use]
    pub fn differences(mut self, before: &serde_json::Value, after: &serde_json::Value) -> Self {
        if let Some(entry) = self.entries.pop() {
            self.entries.push(entry.differences(before, after));
        }
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.severity = severity;
        }
        self
    }

    /// A further entry; what is added from here on belongs to it.
    ///
    /// # Errors
    /// See [`chance`].
    pub fn also(
        mut self,
        authority: &dyn Authority,
        class: Class,
        action: &str,
        entity: String,
    ) -> Result<Self, StoreError> {
        let Some(at) = self.entries.first().map(|entry| entry.at) else { return Ok(self) };
        self.entries.push(Entry::by(authority, hex(&chance::<12>()?), at, class, action, entity));
        Ok(self)
    }

    /// Writes a user as it has become, and who owns the addresses and numbers that it took or gave up.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn user(mut self, before: Option<&User>, after: &User) -> Result<Self, StoreError> {
        let expect = before.map_or(Expect::Absent, |user| Expect::Version(user.version));
        self.transaction.put(&keys::user(&after.id), after, [], expect)?;
        let owned = |user: &User| match user.state {
            UserState::Deleted | UserState::Rejected => Vec::new(),
            UserState::Pending | UserState::Active | UserState::Deactivated => {
                let phone = user.phone.as_ref().map(keys::staff_phone);
                std::iter::once(keys::email(&user.email)).chain(phone).collect()
            }
        };
        let had: Vec<Key> = before.map(owned).unwrap_or_default();
        let has = owned(after);
        for key in has.iter().filter(|key| !had.contains(key)) {
            self.own(
                key,
                Some(after.id.as_str()),
                "attribute_not_exists(pk) OR owned_by = :nobody",
                after.id.as_str(),
            )?;
        }
        for key in had.iter().filter(|key| !has.contains(key)) {
            self.own(key, None, "owned_by = :owner", after.id.as_str())?;
        }
        Ok(self)
    }

    pub(crate) fn own(
        &mut self,
        key: &Key,
        owner: Option<&str>,
        condition: &str,
        mine: &str,
    ) -> Result<(), StoreError> {
        self.transaction.update(key, |update| {
            let update = update
                .update_expression("SET owned_by = :becomes")
                .condition_expression(condition)
                .expression_attribute_values(":becomes", AttributeValue::S(owner.unwrap_or_default().to_owned()));
            if condition.contains(":nobody") {
                update.expression_attribute_values(":nobody", AttributeValue::S(String::new()))
            } else {
                update.expression_attribute_values(":owner", AttributeValue::S(mine.to_owned()))
            }
        })
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn administrators(mut self, before: &Administrators, after: &Administrators) -> Result<Self, StoreError> {
        self.transaction.put(&keys::administrators(), after, [], Expect::Version(before.version))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn session(mut self, before: Option<&Session>, after: &Session) -> Result<Self, StoreError> {
        let expect = before.map_or(Expect::Absent, |session| Expect::Version(session.version));
        let kept = expires(after.created_at, SESSION_ROW_KEPT_S);
        self.transaction.put(&keys::session(&after.user, &after.id), after, [kept], expect)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn api_key(mut self, before: Option<&ApiKey>, after: &ApiKey) -> Result<Self, StoreError> {
        let expect = before.map_or(Expect::Absent, |key| Expect::Version(key.version));
        self.transaction.put(&keys::api_key(&after.user, &after.id), after, [], expect)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn sign_ins(mut self, account: &str, before: u64, after: &SignIns, at: Timestamp) -> Result<Self, StoreError> {
        let kept = expires(at, SIGN_INS_KEPT_S);
        self.transaction.put(&keys::sign_ins(account), after, [kept], Expect::Version(before))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn roles(mut self, before: &Roles, after: &Roles) -> Result<Self, StoreError> {
        self.transaction.put(&keys::custom_roles(), after, [], Expect::Version(before.version()))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn change(mut self, before: Option<&Change>, after: &Change) -> Result<Self, StoreError> {
        let expect = before.map_or(Expect::Absent, |change| Expect::Version(change.version));
        self.transaction.put(&keys::change(&after.id), after, [], expect)?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn settings(mut self, read: u64, after: &Settings) -> Result<Self, StoreError> {
        self.transaction.put(&keys::settings(), after, [], Expect::Version(read))?;
        Ok(self)
    }

    /// # Errors
    /// See [`StoreError`].
    pub fn alert(mut self, alert: &Alert) -> Result<Self, StoreError> {
        self.transaction.put_alert(alert)?;
        Ok(self)
    }

    /// A letter, which is due at once.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn mail(mut self, mail: &Mail) -> Result<Self, StoreError> {
        self.transaction.put_mail(mail, mail.at, Expect::Absent)?;
        Ok(self)
    }

    /// A letter as it has become at `at`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn mail_changed(mut self, before: &Mail, after: &Mail, at: Timestamp) -> Result<Self, StoreError> {
        self.transaction.put_mail(after, at, Expect::Version(before.version))?;
        Ok(self)
    }

    /// Keeps the answer for a repeat of the call. Fails as changed when somebody has taken the call over.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn answered(mut self, kept: Option<(&Once, Answer)>) -> Result<Self, StoreError> {
        if let Some((once, answer)) = kept {
            self.transaction.put_answer(once, &answer)?;
        }
        Ok(self)
    }

    /// # Errors
    /// [`StoreError::Changed`] when something is not as it was read; see [`StoreError`] for the rest.
    pub async fn commit(mut self, deadline: Deadline) -> Result<(), StoreError> {
        for entry in &self.entries {
            self.transaction.put_audit(entry)?;
        }
        self.store.commit(self.transaction, deadline).await
    }
}
