//! The first administrator: made once, by whoever holds the deployment, when there is nobody.

use crate::{Desk, Trouble, password, tokens};
use domain::{
    access::System,
    alert::{Alert, Kind},
    audit::{Class, Severity},
    role::Predefined,
    staff::{Administrators, Email, Mfa, User},
};
use store::StoreError;

/// Who is to be the first.
pub struct First {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    /// Given only on a laptop; in a deployment the link sets it.
    pub password: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum FirstError {
    #[error("there is an administrator already; sign in as one, or reset one who can't")]
    NotTheFirst,
    #[error("this address belongs to another account")]
    Taken,
    #[error("this address belongs to no active administrator")]
    Nobody,
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Desk {
    /// Makes the first Super Administrator. Gives the link that sets the password, good for an hour.
    ///
    /// # Errors
    /// [`FirstError::NotTheFirst`] when anybody administers already.
    pub async fn first_administrator(&self, first: First) -> Result<(User, String), FirstError> {
        let store = |error: StoreError| FirstError::Trouble(error.into());
        let (roles, administrators, _) = self.store.governance(self.deadline()).await.map_err(store)?;
        if administrators.version > 0 {
            return Err(FirstError::NotTheFirst);
        }
        let now = self.now();
        let id = self.new_user_id()?;
        let mut user = User::new(id, first.email, first.first_name, first.last_name, now);
        user.roles = vec![Predefined::SuperAdministrator.id()];
        let link = self.new_link(&user)?;
        match first.password {
            Some(password) => {
                let hash = self.hashed(move || password::hash(&password)).await?.map_err(store)?;
                user.password = Some(hash);
                user.password_at = Some(now);
            }
            None => user.password_link = Some(link.kept),
        }
        let by = System("first-administrator");
        let entity = format!("user:{}", user.id);
        let act = self.store.act(&by, now, Class::Security, "user.first_administrator", entity).map_err(store)?;
        let act = act.severity(Severity::Critical).differences(&serde_json::Value::Null, &user.audited());
        let after = Administrators::default().with(&user, &roles);
        let act = act.user(None, &user).and_then(|act| act.administrators(&administrators, &after)).map_err(store)?;
        match act.commit(self.deadline()).await {
            Ok(()) => Ok((user, link.sent)),
            Err(StoreError::Changed) => {
                let (_, administrators, _) = self.store.governance(self.deadline()).await.map_err(store)?;
                Err(if administrators.version > 0 { FirstError::NotTheFirst } else { FirstError::Taken })
            }
            Err(error) => Err(store(error)),
        }
    }

    /// Lets an administrator in again who has lost password, app and recovery codes, or is locked, when nobody else can:
    /// for whoever holds the deployment. Gives the link that sets a new password. It is on record as critical.
    ///
    /// # Errors
    /// [`FirstError::Nobody`] unless the address is an active administrator's.
    pub async fn break_glass(&self, email: &Email) -> Result<String, FirstError> {
        let store = |error: StoreError| FirstError::Trouble(error.into());
        let keys = self.keys().await?;
        let account = tokens::account(&keys, email.as_str());
        let (user, sign_ins, _, _) = self.store.sign_in_facts(email, &account, self.deadline()).await.map_err(store)?;
        let (_, administrators, _) = self.store.governance(self.deadline()).await.map_err(store)?;
        let user = user.filter(|user| administrators.members.contains_key(&user.id)).ok_or(FirstError::Nobody)?;
        let link = self.new_link(&user)?;
        let now = self.now();
        let after = User {
            mfa: Mfa::Off,
            password_link: Some(link.kept),
            session_epoch: user.session_epoch + 1,
            key_epoch: user.key_epoch + 1,
            ..user.next(now)
        };
        let by = System("break-glass");
        let entity = format!("user:{}", user.id);
        let alert = Alert {
            id: format!("break-glass-{}-{}", user.id, after.version),
            at: now,
            kind: Kind::BreakGlass,
            entity: entity.clone(),
            note: "Somebody with access to the deployment let an administrator in again: password, app and lock were \
                   reset. If nobody of yours did it, stop payouts and close the deployment's accounts."
                .to_owned(),
        };
        let act = self.store.act(&by, now, Class::Security, "user.break_glass", entity).map_err(store)?;
        let act = act.severity(Severity::Critical).differences(&user.audited(), &after.audited());
        let act = act
            .user(Some(&user), &after)
            .and_then(|act| act.sign_ins(&account, sign_ins.version, &sign_ins.cleared(), now))
            .and_then(|act| act.alert(&alert))
            .map_err(store)?;
        act.commit(self.deadline()).await.map_err(store)?;
        Ok(link.sent)
    }
}
