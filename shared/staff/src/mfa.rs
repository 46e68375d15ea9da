//! The authenticator app: setting it up, giving it up, new recovery codes.

use crate::{
    Desk, Trouble,
    sign_in::{sealed_for, wrong_code},
    totp,
};
use domain::{
    access::{Oneself, Visitor},
    audit::{Class, Severity},
    session::Session,
    staff::{Mfa, User},
};
use store::{Caller, chance};

/// What the app is shown, once.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Base32, for typing in.
    pub secret: String,
    /// `otpauth://…`
    pub address: String,
    /// The address as a picture, SVG.
    pub picture: Option<String>,
}

impl Desk {
    /// Begins to set up an app. Beginning again replaces what wasn't confirmed.
    ///
    /// # Errors
    /// [`Trouble::State`] when there is one already; [`Trouble::Invalid`] for a wrong password.
    pub async fn enrol(&self, oneself: &Oneself, password: &str, issuer: &str) -> Result<Enrolment, Trouble> {
        let user = self.own(oneself).await?;
        if user.mfa.is_on() {
            return Err(Trouble::State("mfa_is_on", "an app is set up already; give that one up first".to_owned()));
        }
        self.prove(&Visitor(oneself.0.presence().clone()), &user, ("password", password), None).await?;
        let keys = self.keys().await?;
        let secret = chance::<{ totp::SECRET_BYTES }>()?;
        let now = self.now();
        let sealed = totp::seal(&keys, &sealed_for(&user.id), &secret)?;
        let after = User { mfa: Mfa::Enrolling { secret: sealed }, ..user.next(now) };
        self.write(oneself, "mfa.begun", &user, &after).await?;
        let address = totp::address(&secret, user.email.as_str(), issuer);
        Ok(Enrolment { secret: totp::base32(&secret), picture: totp::picture(&address), address })
    }

    /// Confirms the app by its first code. The recovery codes are shown once; the session counts as proven.
    ///
    /// # Errors
    /// [`Trouble::State`] when nothing was begun; [`Trouble::Invalid`] for a wrong code.
    pub async fn confirm_enrolment(&self, oneself: &Oneself, code: &str) -> Result<Vec<String>, Trouble> {
        let actor = &oneself.0;
        let caller = self.store.caller(actor.user(), actor.session(), None, self.deadline()).await?;
        let Caller { user: Some(user), session: Some(session), .. } = caller else {
            return Err(Trouble::SessionOver);
        };
        let Mfa::Enrolling { secret } = &user.mfa else {
            return Err(Trouble::State("mfa_not_begun", "begin to set up an app first".to_owned()));
        };
        let keys = self.keys().await?;
        let plain = totp::unseal(&keys, &sealed_for(&user.id), secret).ok_or(Trouble::NoSecret)?;
        let now = self.now();
        let visitor = Visitor(actor.presence().clone());
        let step = self.first_code(&visitor, &user, || totp::accepted(&plain, code.trim(), 0, now)).await?;
        let codes = totp::recovery_codes()?;
        let recovery = codes.iter().map(|code| totp::recovery_digest(&keys, code)).collect();
        let after = User { mfa: Mfa::On { secret: secret.clone(), recovery, last_step: step }, ..user.next(now) };
        let proven = Session { mfa: true, version: session.version + 1, ..session.clone() };
        let act = self.store.act(oneself, now, Class::Security, "mfa.on", format!("user:{}", user.id))?;
        let act = act.differences(&user.audited(), &after.audited());
        let act = act.user(Some(&user), &after)?.session(Some(&session), &proven)?;
        act.commit(self.deadline()).await?;
        Ok(codes)
    }

    /// Gives the app up; it takes the password and a code.
    ///
    /// # Errors
    /// [`Trouble::State`] when there is none; [`Trouble::Invalid`] for a wrong password or code.
    pub async fn give_up_mfa(&self, oneself: &Oneself, password: &str, code: &str) -> Result<(), Trouble> {
        let (user, _) = self.proven(oneself, password, code).await?;
        let after = User { mfa: Mfa::Off, ..user.next(self.now()) };
        self.write(oneself, "mfa.off", &user, &after).await
    }

    /// New recovery codes in place of the old ones; it takes the password and a code.
    ///
    /// # Errors
    /// As [`Desk::give_up_mfa`].
    pub async fn new_recovery_codes(
        &self,
        oneself: &Oneself,
        password: &str,
        code: &str,
    ) -> Result<Vec<String>, Trouble> {
        let (user, mfa) = self.proven(oneself, password, code).await?;
        let Mfa::On { secret, last_step, .. } = mfa else { return Err(wrong_code()) };
        let keys = self.keys().await?;
        let codes = totp::recovery_codes()?;
        let recovery = codes.iter().map(|code| totp::recovery_digest(&keys, code)).collect();
        let after = User { mfa: Mfa::On { secret, recovery, last_step }, ..user.next(self.now()) };
        self.write(oneself, "mfa.recovery_codes", &user, &after).await?;
        Ok(codes)
    }

    async fn proven(&self, oneself: &Oneself, password: &str, code: &str) -> Result<(User, Mfa), Trouble> {
        let user = self.own(oneself).await?;
        if !user.mfa.is_on() {
            return Err(Trouble::State("mfa_is_off", "no app is set up".to_owned()));
        }
        let visitor = Visitor(oneself.0.presence().clone());
        let mfa = self.prove(&visitor, &user, ("password", password), Some(code)).await?.ok_or_else(wrong_code)?;
        Ok((user, mfa))
    }

    async fn write(&self, oneself: &Oneself, action: &str, before: &User, after: &User) -> Result<(), Trouble> {
        let act = self.store.act(oneself, self.now(), Class::Security, action, format!("user:{}", before.id))?;
        let act = act.severity(Severity::Info).differences(&before.audited(), &after.audited());
        Ok(act.user(Some(before), after)?.commit(self.deadline()).await?)
    }
}
