//! Sessions: what a sign-in gives, its renewal, and its end.

use crate::{Desk, StaffSecret, Trouble, tokens};
use domain::{
    access::{Oneself, Visitor},
    alert::{Alert, Kind},
    audit::{Class, Severity},
    id::SessionId,
    security::Presence,
    session::{Refresh, Session, Why},
    staff::{User, UserState},
};
use jiff::Timestamp;
use store::{Caller, Listed, StoreError};

/// How often a renewal is begun anew because another one came in between.
const TRIES: usize = 5;
/// The most sessions that are listed.
const LISTED: usize = 100;

/// What a program or a browser needs to act as somebody.
#[derive(Debug)]
pub struct SignedIn {
    pub session: SessionId,
    pub access_token: String,
    /// Seconds until the access token is renewed with the refresh token.
    pub expires_in_s: i64,
    pub refresh_token: String,
    /// Sent along as `X-CSRF-Token` by pages that use cookies.
    pub csrf_token: String,
    pub ends_at: Timestamp,
}

impl SignedIn {
    pub(crate) fn of(
        desk: &Desk,
        keys: &StaffSecret,
        session: &Session,
        session_minutes: u32,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            session: session.id.clone(),
            access_token: tokens::access(keys, &desk.environment, &session.user, &session.id, desk.now())?,
            expires_in_s: tokens::ACCESS_S,
            refresh_token: tokens::refresh(keys, &session.user, &session.id, session.generation)?,
            csrf_token: tokens::forgery_guard(keys, &session.id)?,
            ends_at: session.expires_at(session_minutes),
        })
    }
}

impl Desk {
    /// New tokens for a refresh token. A repeat of the last one within 20 s gets the same successor; an older one ends
    /// the session, because two parties hold it.
    ///
    /// # Errors
    /// [`Trouble::SessionOver`], [`Trouble::Inactive`], [`Trouble::KeptOut`].
    pub async fn refresh(&self, presence: Presence, token: &str) -> Result<SignedIn, Trouble> {
        let keys = self.keys().await?;
        let (user, id, generation) = tokens::read_refresh(&keys, token).ok_or(Trouble::SessionOver)?;
        let visitor = Visitor(presence);
        let deadline = self.deadline();
        for _ in 0..TRIES {
            let caller = self.store.caller(&user, Some(&id), None, deadline).await?;
            let Caller { user: Some(owner), session: Some(session), settings, .. } = caller else {
                return Err(Trouble::SessionOver);
            };
            let sign_in = &settings.security.sign_in;
            let superseded = sign_in.single_session && owner.latest_session.as_ref() != Some(&id);
            if session.epoch != owner.session_epoch || superseded {
                return Err(Trouble::SessionOver);
            }
            if owner.state != UserState::Active {
                return Err(Trouble::Inactive);
            }
            let now = self.now();
            let entity = format!("session:{id}");
            self.admit_visitor(&visitor, &settings.security, entity.clone()).await?;
            let written = match session.refresh(generation, sign_in.session_minutes, now) {
                Refresh::Over => return Err(Trouble::SessionOver),
                Refresh::Repeat => return SignedIn::of(self, &keys, &session, sign_in.session_minutes),
                Refresh::Rotate(after) => {
                    let act = self.store.act(&visitor, now, Class::Authentication, "session.refreshed", entity)?;
                    let act = act.changed("user", None, Some(owner.id.to_string()));
                    match act.session(Some(&session), &after)?.commit(deadline).await {
                        Ok(()) => return SignedIn::of(self, &keys, &after, sign_in.session_minutes),
                        Err(error) => error,
                    }
                }
                Refresh::Reused(after) => {
                    let act = self.store.act(&visitor, now, Class::Security, "session.refresh_reused", entity)?;
                    let act = act.severity(Severity::Critical).changed("user", None, Some(owner.id.to_string()));
                    let alert = reuse_alert(&session, &owner, now);
                    match act.session(Some(&session), &after)?.alert(&alert)?.commit(deadline).await {
                        Ok(()) => return Err(Trouble::SessionOver),
                        Err(error) => error,
                    }
                }
            };
            if !matches!(written, StoreError::Changed) {
                return Err(written.into());
            }
        }
        Err(Trouble::Store(StoreError::Busy))
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn sign_out(&self, oneself: &Oneself) -> Result<(), Trouble> {
        let Some(id) = oneself.0.session().cloned() else { return Ok(()) };
        self.end_session(oneself, &id, Why::SignedOut).await
    }

    /// Ends the session of a refresh token without an access token: a page that was closed for long signs out too.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn sign_out_by_refresh(&self, presence: Presence, token: &str) -> Result<(), Trouble> {
        let keys = self.keys().await?;
        let Some((user, id, _)) = tokens::read_refresh(&keys, token) else { return Ok(()) };
        let visitor = Visitor(presence);
        let deadline = self.deadline();
        for _ in 0..TRIES {
            let caller = self.store.caller(&user, Some(&id), None, deadline).await?;
            let Some(session) = caller.session.filter(|session| session.ended.is_none()) else { return Ok(()) };
            let now = self.now();
            let act = self.store.act(&visitor, now, Class::Authentication, "session.ended", format!("session:{id}"))?;
            let act = act.changed("user", None, Some(user.to_string()));
            match act.session(Some(&session), &session.end(Why::SignedOut, now))?.commit(deadline).await {
                Ok(()) => return Ok(()),
                // Renewed at the same moment, by another page.
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Trouble::Store(StoreError::Busy))
    }

    /// The caller's open sessions, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn sessions(&self, oneself: &Oneself, session_minutes: u32) -> Result<Vec<Session>, Trouble> {
        let user = self.own(oneself).await?;
        let now = self.now();
        let open = |session: &Session| session.epoch == user.session_epoch && session.open(session_minutes, now);
        let Listed { items, .. } = self.store.own_sessions(oneself, LISTED, open, self.deadline()).await?;
        Ok(items)
    }

    /// Ends one of the caller's own sessions. One that has ended already stays ended.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] for anybody else's.
    pub async fn end_session(&self, oneself: &Oneself, id: &SessionId, why: Why) -> Result<(), Trouble> {
        let deadline = self.deadline();
        for _ in 0..TRIES {
            let caller = self.store.caller(oneself.0.user(), Some(id), None, deadline).await?;
            let session = caller.session.ok_or(Trouble::NotFound("session"))?;
            if session.ended.is_some() {
                return Ok(());
            }
            let now = self.now();
            let act = self.store.act(oneself, now, Class::Authentication, "session.ended", format!("session:{id}"))?;
            match act.session(Some(&session), &session.end(why, now))?.commit(deadline).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Trouble::Store(StoreError::Busy))
    }

    /// Whether a page that uses cookies has sent what a foreign page can't know.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`].
    pub async fn guarded(&self, session: &SessionId, given: &str) -> Result<bool, Trouble> {
        Ok(tokens::guards(&self.keys().await?, session, given))
    }

    /// What a page sends along; asked for again after it was reloaded.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`].
    pub async fn csrf_token(&self, session: &SessionId) -> Result<String, Trouble> {
        tokens::forgery_guard(&self.keys().await?, session)
    }

    pub(crate) async fn own(&self, oneself: &Oneself) -> Result<User, Trouble> {
        self.store.own_user(oneself, self.deadline()).await?.ok_or(Trouble::SessionOver)
    }
}

fn reuse_alert(session: &Session, owner: &User, now: Timestamp) -> Alert {
    Alert {
        id: format!("reused-{}", session.id),
        at: now,
        kind: Kind::RefreshReused,
        entity: format!("user:{}", owner.id),
        note: "A refresh token came back after it had been replaced, so somebody holds a copy. The session was ended; \
               its owner should change the password."
            .to_owned(),
    }
}
