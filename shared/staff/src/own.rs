//! One's own account: profile and password.

use crate::{Desk, Trouble, trouble::FieldProblem};
use domain::{
    access::{Oneself, Visitor},
    audit::Class,
    phone::Msisdn,
    session::Session,
    staff::{Email, User},
    text::Language,
};
use store::{Caller, StoreError};

/// What somebody may change of their own account. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// `Some(None)` takes the number out.
    pub phone: Option<Option<Msisdn>>,
    pub language: Option<Language>,
    /// Taken over when the letter's link was followed.
    pub email: Option<Email>,
}

impl Desk {
    /// The caller's own row.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn me(&self, oneself: &Oneself) -> Result<User, Trouble> {
        self.own(oneself).await
    }

    /// # Errors
    /// [`Trouble::Stale`] when the version isn't the one that was seen; [`Trouble::Invalid`] for what others own.
    pub async fn update_profile(
        &self,
        oneself: &Oneself,
        seen: impl FnOnce(&User) -> Result<(), Trouble>,
        profile: Profile,
    ) -> Result<User, Trouble> {
        let user = self.own(oneself).await?;
        seen(&user)?;
        let keys = self.keys().await?;
        let now = self.now();
        let mut after = user.next(now);
        after.first_name = profile.first_name.unwrap_or(after.first_name);
        after.last_name = profile.last_name.unwrap_or(after.last_name);
        after.phone = profile.phone.unwrap_or(after.phone);
        after.language = profile.language.unwrap_or(after.language);
        let mut letters = Vec::new();
        if let Some(email) = profile.email.filter(|email| *email != user.email) {
            letters.extend(self.moved(&keys, &user, &mut after, email)?);
        }
        let entity = format!("user:{}", user.id);
        let mut act = self.store.act(oneself, now, Class::Change, "user.own_profile", entity)?;
        act = act.differences(&user.audited(), &after.audited()).user(Some(&user), &after)?;
        for letter in &letters {
            act = act.mail(letter)?;
        }
        match act.commit(self.deadline()).await {
            Ok(()) => Ok(after),
            Err(error) => Err(self.taken_or(&after, error).await),
        }
    }

    /// Sets a new password; every other session of the user ends.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] when the present one is wrong or the new one is weak; [`Trouble::Locked`] after too many.
    pub async fn change_password(&self, oneself: &Oneself, present: &str, new: &str) -> Result<(), Trouble> {
        let actor = &oneself.0;
        let caller = self.store.caller(actor.user(), actor.session(), None, self.deadline()).await?;
        let Caller { user: Some(user), session: Some(session), settings, .. } = caller else {
            return Err(Trouble::SessionOver);
        };
        self.prove(&Visitor(actor.presence().clone()), &user, ("present", present), None).await?;
        let hash = self.new_hash(&settings.security.password, &user, "new", new).await?;
        let now = self.now();
        let epoch = user.session_epoch + 1;
        let after = User {
            password: Some(hash),
            password_at: Some(now),
            password_link: None,
            session_epoch: epoch,
            ..user.next(now)
        };
        let kept = Session { epoch, version: session.version + 1, ..session.clone() };
        let act =
            self.store.act(oneself, now, Class::Authentication, "password.changed", format!("user:{}", user.id))?;
        let act = act.differences(&user.audited(), &after.audited());
        let act = act.user(Some(&user), &after)?.session(Some(&session), &kept)?;
        Ok(act.commit(self.deadline()).await?)
    }

    /// What a write of this user failed by: an address or number that somebody else owns, else what the table said.
    pub(crate) async fn taken_or(&self, user: &User, error: StoreError) -> Trouble {
        if !matches!(error, StoreError::Changed) {
            return error.into();
        }
        let owners = self.store.owners(Some(&user.email), user.phone.as_ref(), self.deadline()).await;
        let (email, phone) = match owners {
            Ok(owners) => owners,
            Err(error) => return error.into(),
        };
        let mut taken = Vec::new();
        if email.is_some_and(|owner| owner != user.id) {
            taken.push(FieldProblem::new("email", "taken", "somebody else uses this address"));
        }
        if phone.is_some_and(|owner| owner != user.id) {
            taken.push(FieldProblem::new("phone", "taken", "somebody else uses this number"));
        }
        if taken.is_empty() { error.into() } else { Trouble::Invalid(taken) }
    }
}
