//! People who ask for an account: off by default, and each waits for approval.

use crate::{Asked, Desk, Keep, Trouble, password, tokens};
use domain::{
    access::{Permit, Visitor},
    audit::{Class, Severity},
    change::World,
    id::UserId,
    mail::Letter,
    permission::right,
    phone::Msisdn,
    security::Presence,
    staff::{Email, User, UserState},
    text::Language,
};
use store::{Listed, StoreError};

#[derive(Clone, Debug)]
pub struct Application {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<Msisdn>,
    pub language: Language,
    pub password: String,
}

impl Desk {
    /// Whether people may register, and the words beside the form.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn registration(&self) -> Result<(bool, String), Trouble> {
        let (_, _, settings) = self.store.governance(self.deadline()).await?;
        let registration = settings.security.registration;
        Ok((registration.enabled, registration.message))
    }

    /// Takes an application. The answer is the same whether the address is known or not: a letter tells its owner.
    ///
    /// # Errors
    /// [`Trouble::SwitchedOff`], [`Trouble::TooMany`], [`Trouble::KeptOut`], [`Trouble::Invalid`] for a weak password.
    pub async fn register(&self, presence: Presence, application: Application) -> Result<(), Trouble> {
        let (_, _, settings) = self.store.governance(self.deadline()).await?;
        let security = settings.security;
        let visitor = Visitor(presence);
        let now = self.now();
        let keys = self.keys().await?;
        let account = tokens::account(&keys, application.email.as_str());
        let entity = format!("account:{account}");
        let note = |severity, action| self.note(&visitor, (Class::Authentication, severity), action, entity.clone());
        if !security.registration.enabled {
            note(Severity::Warning, "registration.off").await?;
            return Err(Trouble::SwitchedOff);
        }
        self.admit_visitor(&visitor, &security, entity.clone()).await?;
        let hour = self.store.count_call("registration", "all", now, self.deadline()).await?.hour;
        let day = self.store.count_call_of_day("registration", "all", now, self.deadline()).await?;
        let (per_hour, per_day) = (security.registration.per_hour, security.registration.per_day);
        if hour > u64::from(per_hour) || day > u64::from(per_day) {
            note(Severity::Warning, "registration.too_many").await?;
            let retry_after_s = if day > u64::from(per_day) { 86_400 } else { 3_600 };
            return Err(Trouble::TooMany { retry_after_s });
        }
        let problems = security.password.problems(&application.password, application.email.as_str());
        if !problems.is_empty() {
            note(Severity::Info, "registration.weak_password").await?;
            return Err(Trouble::weak("password", &problems));
        }
        let given = application.password;
        let hash = self.hashed(move || password::hash(&given)).await??;
        let mut user =
            User::new(self.new_user_id()?, application.email, application.first_name, application.last_name, now);
        user.phone = application.phone;
        user.language = application.language;
        user.state = UserState::Pending;
        user.password = Some(hash);
        user.password_at = Some(now);
        let letter = self.letter(&keys, &user, &user.email, Letter::RegistrationReceived, None, None)?;
        let mut act = self.store.act(&visitor, now, Class::Authentication, "registration.asked", entity.clone())?;
        act = act.changed("user", None, Some(user.id.to_string())).user(None, &user)?.mail(&letter)?;
        match act.commit(self.deadline()).await {
            Ok(()) => Ok(()),
            // The address or the number is somebody's. Nobody is told here.
            Err(StoreError::Changed) => note(Severity::Warning, "registration.known").await,
            Err(error) => Err(error.into()),
        }
    }

    /// Who waits for approval, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn pending_users(
        &self,
        permit: &Permit<right::UsersRegistrationApprove>,
        before: Option<&UserId>,
        limit: usize,
    ) -> Result<Listed<User>, Trouble> {
        let pending = |user: &User| user.state == UserState::Pending;
        Ok(self.store.users(permit, before, limit, pending, self.deadline()).await?)
    }

    /// Opens the account. Its default role is a change of roles like any other, for a second person to approve.
    ///
    /// # Errors
    /// [`Trouble::State`] when it doesn't wait; [`Trouble::NotAllowed`] when the actor can't give the default role.
    pub async fn approve_user(
        &self,
        permit: &Permit<right::UsersRegistrationApprove>,
        id: &UserId,
        keep: Keep<'_, (User, Option<Asked>)>,
    ) -> Result<(User, Option<Asked>), Trouble> {
        let user = self.waiting(permit, id).await?;
        let (roles, administrators, settings) = self.store.governance(self.deadline()).await?;
        let now = self.now();
        let opened = User { state: UserState::Active, ..user.next(now) };
        let world = World { roles: &roles, administrators: &administrators };
        let asked = match settings.security.registration.default_role {
            Some(role) if roles.get(&role).is_some() => {
                let wanted = User { roles: vec![role], ..opened.clone() };
                Some(self.judged(permit, &opened, &wanted, &world)?)
            }
            Some(_) | None => None,
        };
        let made = asked.as_ref().and_then(Asked::applied).cloned().unwrap_or(opened);
        let keys = self.keys().await?;
        let letter = self.letter(&keys, &made, &made.email, Letter::RegistrationApproved, None, None)?;
        let mut act = self.store.act(permit, now, Class::Change, "registration.approved", format!("user:{id}"))?;
        act = act.differences(&user.audited(), &made.audited()).user(Some(&user), &made)?.mail(&letter)?;
        if let Some(asked) = &asked {
            act = asked.written(act, permit, &administrators, &made, &roles)?;
        }
        let done = (made, asked);
        act.answered(keep.of(&done))?.commit(self.deadline()).await?;
        Ok(done)
    }

    /// Refuses an application; the applicant is told why.
    ///
    /// # Errors
    /// [`Trouble::State`] when it doesn't wait.
    pub async fn reject_user(
        &self,
        permit: &Permit<right::UsersRegistrationApprove>,
        id: &UserId,
        reason: &str,
        keep: Keep<'_, User>,
    ) -> Result<User, Trouble> {
        let user = self.waiting(permit, id).await?;
        let now = self.now();
        let after = User { state: UserState::Rejected, password: None, ..user.next(now) };
        let keys = self.keys().await?;
        let note = Some(reason.to_owned());
        let letter = self.letter(&keys, &user, &user.email, Letter::RegistrationRejected, None, note)?;
        let act = self.store.act(permit, now, Class::Change, "registration.rejected", format!("user:{id}"))?;
        let act = act.differences(&user.audited(), &after.audited());
        let act = act.changed("reason", None, Some(reason.to_owned())).user(Some(&user), &after)?.mail(&letter)?;
        act.answered(keep.of(&after))?.commit(self.deadline()).await?;
        Ok(after)
    }

    async fn waiting(&self, permit: &Permit<right::UsersRegistrationApprove>, id: &UserId) -> Result<User, Trouble> {
        let user = self.found(permit, id).await?;
        if user.state != UserState::Pending {
            let words = format!("this account doesn't wait for approval; it is {}", user.state.name());
            return Err(Trouble::State("not_pending", words));
        }
        Ok(user)
    }
}
