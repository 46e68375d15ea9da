//! Signing in: password, then the authenticator app's code where the user has one.
//!
//! A known and an unknown address make the same calls and the same hash, so neither words nor time tell them apart.

use crate::{Desk, SignedIn, StaffSecret, Trouble, password, tokens, totp};
use domain::{
    access::Visitor,
    alert::{Alert, Kind},
    audit::{Class, Severity},
    id::{SessionId, UserId},
    identity::hex,
    security::{PASSWORD_MAX, Presence, SecuritySettings},
    session::Session,
    staff::{Email, Mfa, User, UserState},
    time::MINUTE_MS,
};
use jiff::Timestamp;
use store::{SignIns, StoreError, chance};

/// Wrong passwords before a right one that make it an alert.
const SUSPICIOUS_AFTER: u32 = 3;
/// How often a try is begun anew because another one came in between.
const TRIES: usize = 5;

/// What follows from a right password.
#[derive(Debug)]
pub enum Step {
    Done(Box<SignedIn>),
    /// A code must follow, along with this token, within five minutes.
    CodeNeeded {
        challenge: String,
    },
}

/// A try that was taken from the account's allowance.
struct Try {
    account: String,
    /// As before this try.
    failures: u32,
    reserved: SignIns,
}

impl Desk {
    /// # Errors
    /// [`Trouble::Credentials`], [`Trouble::Locked`], [`Trouble::TooMany`], [`Trouble::Inactive`], [`Trouble::KeptOut`].
    pub async fn sign_in(&self, presence: Presence, email: &str, password: &str) -> Result<Step, Trouble> {
        let keys = self.keys().await?;
        let visitor = Visitor(presence.clone());
        // An address that can't be one is as wrong as one that nobody has; a password that can't be one likewise.
        let email = Email::parse(email).map_err(|_| Trouble::Credentials)?;
        if password.chars().count() > PASSWORD_MAX {
            return Err(Trouble::Credentials);
        }
        let (user, taken, security) = self.take_a_try(&keys, &visitor, &email).await?;
        let known = user.as_ref().and_then(|user| user.password.clone());
        let given = password.to_owned();
        let fits = self.hashed(move || password::fits(&given, known.as_deref())).await?;
        let Some(user) = user.filter(|_| fits) else {
            let entity = format!("account:{}", taken.account);
            return self.wrong(&visitor, &taken, entity, "sign_in.wrong_password", Trouble::Credentials).await;
        };
        if user.state != UserState::Active {
            let entity = format!("user:{}", user.id);
            // Who registers with somebody's address would else find out here whether it was free.
            let waits = user.state == UserState::Pending;
            let trouble = if waits { Trouble::Credentials } else { Trouble::Inactive };
            return self.wrong(&visitor, &taken, entity, "sign_in.inactive", trouble).await;
        }
        if user.mfa.is_on() {
            if let Some(until) = taken.reserved.locked_until {
                // This was the last try, and none is left for the code: a lock like any other, told and noted as one.
                let entity = format!("user:{}", user.id);
                return self.wrong(&visitor, &taken, entity, "sign_in.locked", Trouble::Locked { until }).await;
            }
            let now = self.now();
            let challenge = tokens::challenge(&keys, &self.environment, &user.id, user.session_epoch, now)?;
            self.note(
                &visitor,
                (Class::Authentication, Severity::Info),
                "sign_in.code_asked",
                format!("user:{}", user.id),
            )
            .await?;
            return Ok(Step::CodeNeeded { challenge });
        }
        let mfa = user.mfa.clone();
        let signed_in = self.begin_session(&keys, &visitor, (user, mfa), &security, &taken, false).await?;
        Ok(Step::Done(Box::new(signed_in)))
    }

    /// The second step: a code of the app, or a recovery code, which is used up.
    ///
    /// # Errors
    /// [`Trouble::SessionOver`] when the first step is too long ago; else as [`Desk::sign_in`].
    pub async fn sign_in_with_code(
        &self,
        presence: Presence,
        challenge: &str,
        code: &str,
    ) -> Result<SignedIn, Trouble> {
        let keys = self.keys().await?;
        let visitor = Visitor(presence.clone());
        let (id, epoch) = tokens::read_challenge(&keys, &self.environment, challenge, self.now())?;
        let user = self.store.linked_user(&id, self.deadline()).await?.ok_or(Trouble::SessionOver)?;
        let (user, taken, security) = self.take_a_try(&keys, &visitor, &user.email).await?;
        let user = user
            .filter(|user| user.id == id && user.session_epoch == epoch && user.state == UserState::Active)
            .ok_or(Trouble::SessionOver)?;
        let now = self.now();
        let Some(mfa) = spent(&keys, &user, code, now) else {
            let entity = format!("user:{}", user.id);
            return self.wrong(&visitor, &taken, entity, "sign_in.wrong_code", Trouble::Credentials).await;
        };
        self.begin_session(&keys, &visitor, (user, mfa), &security, &taken, true).await
    }

    /// Reads what there is of an address, and takes one try from its allowance.
    async fn take_a_try(
        &self,
        keys: &StaffSecret,
        visitor: &Visitor,
        email: &Email,
    ) -> Result<(Option<User>, Try, SecuritySettings), Trouble> {
        let account = tokens::account(keys, email.as_str());
        let deadline = self.deadline();
        let address = visitor.0.address.map(|address| tokens::address(keys, address));
        let now = self.now();
        let mut counted = false;
        for _ in 0..TRIES {
            let (user, sign_ins, _, settings) = self.store.sign_in_facts(email, &account, deadline).await?;
            let security = settings.security;
            self.admit_visitor(visitor, &security, format!("account:{account}")).await?;
            if let (Some(address), false) = (&address, counted) {
                counted = true;
                let count = self.store.count_call("sign-in", address, now, deadline).await?;
                if count.minute > u64::from(security.limits.sign_ins_per_minute) {
                    let left_s = 60 - now.as_second().rem_euclid(60);
                    return Err(Trouble::TooMany { retry_after_s: u32::try_from(left_s).unwrap_or(60) });
                }
            }
            if let Some(until) = sign_ins.locked(now) {
                return Err(Trouble::Locked { until });
            }
            let lockout_ms = i64::from(security.sign_in.lockout_minutes) * MINUTE_MS;
            let reserved = sign_ins.tried(security.sign_in.max_failures, lockout_ms, now);
            match self.store.reserve_sign_in(&account, &sign_ins, &reserved, now, deadline).await {
                Ok(()) => {
                    let failures = reserved.failures - 1;
                    return Ok((user, Try { account, failures, reserved }, security));
                }
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Trouble::Store(StoreError::Busy))
    }

    /// Notes a wrong try, and the lock where it was the last one allowed.
    async fn wrong<T>(
        &self,
        visitor: &Visitor,
        taken: &Try,
        entity: String,
        action: &str,
        trouble: Trouble,
    ) -> Result<T, Trouble> {
        let now = self.now();
        let locked = taken.reserved.locked_until;
        let mut act = self
            .store
            .act(visitor, now, Class::Authentication, action, entity.clone())?
            .severity(if locked.is_some() { Severity::Critical } else { Severity::Warning })
            .changed("failures", Some(taken.failures.to_string()), Some(taken.reserved.failures.to_string()));
        if let Some(until) = locked {
            act = act.changed("locked_until", None, Some(until.to_string())).alert(&Alert {
                id: format!("locked-{}-{}", taken.account, taken.reserved.version),
                at: now,
                kind: Kind::AccountLocked,
                entity,
                note: format!(
                    "{} wrong tries to sign in. The account is locked until {until}. If its owner didn't do this, ask \
                     them to change the password; an administrator can unlock it earlier.",
                    taken.reserved.failures
                ),
            })?;
        }
        act.commit(self.deadline()).await?;
        Err(trouble)
    }

    /// Opens the session of who was let in, with the app as it has become. Another sign-in at the same moment is no
    /// reason to refuse this one, as long as password, app and account are still those that were looked at.
    async fn begin_session(
        &self,
        keys: &StaffSecret,
        visitor: &Visitor,
        (user, mfa): (User, Mfa),
        security: &SecuritySettings,
        taken: &Try,
        proven: bool,
    ) -> Result<SignedIn, Trouble> {
        let (mut before, mut sign_ins) = (user, taken.reserved.clone());
        for _ in 0..TRIES {
            match self.session_written(visitor, (&before, &mfa), (taken, &sign_ins), proven).await {
                Ok(session) => return SignedIn::of(self, keys, &session, security.sign_in.session_minutes),
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
            let (user, held, _, _) = self.store.sign_in_facts(&before.email, &taken.account, self.deadline()).await?;
            let same = |user: &User| {
                (&user.id, &user.password, &user.mfa) == (&before.id, &before.password, &before.mfa)
                    && (user.session_epoch, user.state) == (before.session_epoch, before.state)
            };
            // Somebody used the same code, or the account changed under the sign-in: not signed in.
            before = user.filter(same).ok_or(Trouble::Credentials)?;
            sign_ins = held;
        }
        Err(Trouble::Store(StoreError::Busy))
    }

    async fn session_written(
        &self,
        visitor: &Visitor,
        (before, mfa): (&User, &Mfa),
        (taken, sign_ins): (&Try, &SignIns),
        proven: bool,
    ) -> Result<Session, StoreError> {
        let now = self.now();
        let id = SessionId::drawn(now, chance()?);
        let session = Session {
            id: id.clone(),
            user: before.id.clone(),
            epoch: before.session_epoch,
            created_at: now,
            generation: 1,
            rotated_at: now,
            mfa: proven,
            address: visitor.0.address.map(|address| address.to_string()),
            agent: visitor.0.agent.clone(),
            ended: None,
            version: 1,
        };
        let after =
            User { mfa: mfa.clone(), signed_in_at: Some(now), latest_session: Some(id.clone()), ..before.next(now) };
        let entity = format!("user:{}", before.id);
        let mut act = self
            .store
            .act(visitor, now, Class::Authentication, "sign_in.done", entity.clone())?
            .changed("session", None, Some(id.to_string()))
            .changed("mfa", None, Some(proven.to_string()))
            .user(Some(before), &after)?
            .session(None, &session)?
            .sign_ins(&taken.account, sign_ins.version, &sign_ins.cleared(), now)?;
        if taken.failures >= SUSPICIOUS_AFTER {
            act = act.severity(Severity::Warning).alert(&Alert {
                id: format!("suspicious-{id}"),
                at: now,
                kind: Kind::SuspiciousSignIn,
                entity,
                note: format!(
                    "A sign-in succeeded after {} wrong tries. Ask its owner whether it was them.",
                    taken.failures
                ),
            })?;
        }
        act.commit(self.deadline()).await?;
        Ok(session)
    }

    /// Checks the owner's password, and where one is given the app's code, for an act that a stolen session must not do.
    /// Wrong ones count as at the door. Gives the app as it is after its code was used.
    pub(crate) async fn prove(
        &self,
        visitor: &Visitor,
        user: &User,
        (field, password): (&str, &str),
        code: Option<&str>,
    ) -> Result<Option<Mfa>, Trouble> {
        let keys = self.keys().await?;
        let (now_user, taken, _) = self.take_a_try(&keys, visitor, &user.email).await?;
        let hash = now_user.and_then(|user| user.password);
        let given = password.to_owned();
        let entity = format!("user:{}", user.id);
        if !self.hashed(move || password::fits(&given, hash.as_deref())).await? {
            let trouble = Trouble::field(field, "wrong", "that is not your password");
            return self.wrong(visitor, &taken, entity, "password.wrong", trouble).await;
        }
        let mut after = None;
        if let Some(code) = code {
            after = spent(&keys, user, code, self.now());
            if after.is_none() {
                return self.wrong(visitor, &taken, entity, "mfa.wrong_code", wrong_code()).await;
            }
        }
        self.give_back(&taken).await?;
        Ok(after)
    }

    /// The time step of the first code of an app that is being set up. Wrong ones count as at the door: whoever holds
    /// the session alone must not guess it.
    pub(crate) async fn first_code(
        &self,
        visitor: &Visitor,
        user: &User,
        accepted: impl FnOnce() -> Option<u64> + Send,
    ) -> Result<u64, Trouble> {
        let keys = self.keys().await?;
        let (_, taken, _) = self.take_a_try(&keys, visitor, &user.email).await?;
        let Some(step) = accepted() else {
            let entity = format!("user:{}", user.id);
            return self.wrong(visitor, &taken, entity, "mfa.wrong_code", wrong_code()).await;
        };
        self.give_back(&taken).await?;
        Ok(step)
    }

    async fn give_back(&self, taken: &Try) -> Result<(), Trouble> {
        let cleared = taken.reserved.cleared();
        let done = self.store.reserve_sign_in(&taken.account, &taken.reserved, &cleared, self.now(), self.deadline());
        Ok(done.await?)
    }
}

pub(crate) fn wrong_code() -> Trouble {
    Trouble::field("code", "wrong", "that is not the code your app shows now")
}

/// The app after the given code was used, or `None` when it doesn't fit.
pub(crate) fn spent(keys: &StaffSecret, user: &User, code: &str, now: Timestamp) -> Option<Mfa> {
    let Mfa::On { secret, recovery, last_step } = &user.mfa else { return None };
    let folded: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if folded.len() == 6 {
        let plain = totp::unseal(keys, &sealed_for(&user.id), secret)?;
        let step = totp::accepted(&plain, &folded, *last_step, now)?;
        return Some(Mfa::On { secret: secret.clone(), recovery: recovery.clone(), last_step: step });
    }
    let digest = totp::recovery_digest(keys, &folded);
    let at = recovery.iter().position(|held| tokens::same(held, &digest))?;
    let mut recovery = recovery.clone();
    recovery.remove(at);
    Some(Mfa::On { secret: secret.clone(), recovery, last_step: *last_step })
}

pub(crate) fn sealed_for(user: &UserId) -> String {
    format!("totp:{user}")
}

/// A drawn text of 32 figures.
pub(crate) fn drawn_text() -> Result<String, Trouble> {
    Ok(hex(&chance::<16>()?))
}
