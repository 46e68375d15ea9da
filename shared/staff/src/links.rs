//! Single-use links: good for an hour, kept as a digest, dead after use or a newer one.

use crate::{Desk, StaffSecret, Trouble, password, sign_in::drawn_text, tokens, totp};
use domain::{
    access::Visitor,
    audit::Class,
    id::MailId,
    mail::{LINK_MS, Letter, Mail},
    security::{PasswordPolicy, Presence},
    staff::{Email, Link, NewEmail, User, UserState},
    time,
};
use store::{StoreError, chance};

/// A link as it is kept, and as it is sent.
pub(crate) struct NewLink {
    pub kept: Link,
    pub sent: String,
}

impl Desk {
    pub(crate) fn new_link(&self, user: &User) -> Result<NewLink, Trouble> {
        let secret = drawn_text()?;
        let kept = Link { digest: tokens::digest_of(&secret), expires_at: time::plus(self.now(), LINK_MS) };
        Ok(NewLink { kept, sent: tokens::link(&user.id, &secret) })
    }

    /// A letter; its link is sealed, so that the table alone opens nothing.
    pub(crate) fn letter(
        &self,
        keys: &StaffSecret,
        user: &User,
        to: &Email,
        letter: Letter,
        link: Option<&str>,
        note: Option<String>,
    ) -> Result<Mail, Trouble> {
        let id = MailId::drawn(self.now(), chance()?);
        let link = link.map(|link| totp::seal(keys, &format!("mail:{id}"), link.as_bytes())).transpose()?;
        Ok(Mail {
            id,
            to: to.clone(),
            letter,
            language: user.language,
            first_name: user.first_name.clone(),
            link,
            note,
            at: self.now(),
            send_at: Some(self.now()),
            tries: 0,
            version: 1,
        })
    }

    /// Puts a new address beside the old one until its owner confirms it, with the letters to both. Whether somebody else
    /// has it is found out when it is confirmed: no answer before tells anybody.
    pub(crate) fn moved(
        &self,
        keys: &StaffSecret,
        user: &User,
        after: &mut User,
        email: Email,
    ) -> Result<[Mail; 2], Trouble> {
        let link = self.new_link(user)?;
        let letters = [
            self.letter(keys, user, &email, Letter::ConfirmEmail, Some(&link.sent), None)?,
            self.letter(keys, user, &user.email, Letter::EmailChanging, None, None)?,
        ];
        after.new_email = Some(NewEmail { email, link: link.kept });
        Ok(letters)
    }

    /// What a letter's sealed link says: for whoever sends it.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`] when it was sealed under another key.
    pub async fn link_of(&self, mail: &Mail) -> Result<Option<String>, Trouble> {
        let Some(sealed) = &mail.link else { return Ok(None) };
        let keys = self.keys().await?;
        let plain = totp::unseal(&keys, &format!("mail:{}", mail.id), sealed).ok_or(Trouble::NoSecret)?;
        Ok(Some(String::from_utf8(plain).map_err(|_| Trouble::NoSecret)?))
    }

    /// Sets a password by a letter's link.
    ///
    /// # Errors
    /// [`Trouble::Link`]; [`Trouble::KeptOut`], and [`Trouble::Invalid`] with everything that the password lacks, the link
    /// staying good.
    pub async fn set_password_by_link(&self, presence: Presence, link: &str, new: &str) -> Result<(), Trouble> {
        let (id, digest) = tokens::read_link(link).ok_or(Trouble::Link)?;
        let user = self.store.linked_user(&id, self.deadline()).await?.ok_or(Trouble::Link)?;
        let now = self.now();
        let kept = user.password_link.as_ref().ok_or(Trouble::Link)?;
        if !tokens::same(&kept.digest, &digest) || now >= kept.expires_at || user.state != UserState::Active {
            return Err(Trouble::Link);
        }
        let (_, _, settings) = self.store.governance(self.deadline()).await?;
        let visitor = Visitor(presence);
        self.admit_visitor(&visitor, &settings.security, format!("user:{id}")).await?;
        let hash = self.new_hash(&settings.security.password, &user, "password", new).await?;
        let after = User {
            password: Some(hash),
            password_at: Some(now),
            password_link: None,
            session_epoch: user.session_epoch + 1,
            ..user.next(now)
        };
        let act = self.store.act(&visitor, now, Class::Authentication, "password.set_by_link", format!("user:{id}"))?;
        let act = act.differences(&user.audited(), &after.audited()).user(Some(&user), &after)?;
        // Used in the meantime, by this link's other copy.
        act.commit(self.deadline()).await.map_err(|error| match error {
            StoreError::Changed => Trouble::Link,
            StoreError::Busy | StoreError::Ambiguous | StoreError::Rejected(_) | StoreError::Corrupt(_) => error.into(),
        })
    }

    /// Takes over a new address by the link that was sent there.
    ///
    /// # Errors
    /// [`Trouble::Link`]; [`Trouble::KeptOut`]; [`Trouble::Invalid`] when somebody else has taken the address in the
    /// meantime.
    pub async fn confirm_email(&self, presence: Presence, link: &str) -> Result<(), Trouble> {
        let (id, digest) = tokens::read_link(link).ok_or(Trouble::Link)?;
        let user = self.store.linked_user(&id, self.deadline()).await?.ok_or(Trouble::Link)?;
        let now = self.now();
        let new = user.new_email.as_ref().ok_or(Trouble::Link)?;
        if !tokens::same(&new.link.digest, &digest) || now >= new.link.expires_at || user.state != UserState::Active {
            return Err(Trouble::Link);
        }
        let (_, _, settings) = self.store.governance(self.deadline()).await?;
        let visitor = Visitor(presence);
        self.admit_visitor(&visitor, &settings.security, format!("user:{id}")).await?;
        let after = User { email: new.email.clone(), new_email: None, ..user.next(now) };
        let act = self.store.act(&visitor, now, Class::Change, "user.email_confirmed", format!("user:{id}"))?;
        let act = act.differences(&user.audited(), &after.audited()).user(Some(&user), &after)?;
        match act.commit(self.deadline()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let trouble = self.taken_or(&after, error).await;
                let lost = matches!(trouble, Trouble::Store(StoreError::Changed));
                Err(if lost { Trouble::Link } else { trouble })
            }
        }
    }

    /// The hash of a new password that the policy takes.
    pub(crate) async fn new_hash(
        &self,
        policy: &PasswordPolicy,
        user: &User,
        field: &str,
        new: &str,
    ) -> Result<String, Trouble> {
        let problems = policy.problems(new, user.email.as_str());
        if !problems.is_empty() {
            return Err(Trouble::weak(field, &problems));
        }
        let (old, given) = (user.password.clone(), new.to_owned());
        let hash = self
            .hashed(move || {
                let same = old.is_some() && password::fits(&given, old.as_deref());
                if same { Ok(None) } else { password::hash(&given).map(Some) }
            })
            .await??;
        hash.ok_or_else(|| Trouble::field(field, "same_password", "not the password you have now"))
    }
}
