//! Keys for programs: each its owner's, with at most the owner's permissions, and revocable.

use crate::{Desk, Trouble, sign_in::drawn_text, tokens};
use domain::{
    access::Oneself,
    audit::{Class, Severity},
    id::ApiKeyId,
    permission::Permissions,
    time::{self, DAY_MS},
};
use store::{ApiKey, chance};

/// The most keys that are not revoked, of one user.
const KEYS_MAX: usize = 20;

#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub name: String,
    pub scope: Permissions,
    pub days: u32,
}

/// A key, with the text that is never shown again.
#[derive(Clone, Debug)]
pub struct ShownOnce {
    pub key: ApiKey,
    pub text: String,
}

impl Desk {
    /// Those that are not revoked first, so that none hides behind many that are.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn api_keys(&self, oneself: &Oneself) -> Result<Vec<ApiKey>, Trouble> {
        let mut keys = self.store.own_api_keys(oneself, |key| key.revoked_at.is_none(), self.deadline()).await?.items;
        let revoked = self.store.own_api_keys(oneself, |key| key.revoked_at.is_some(), self.deadline()).await?;
        keys.extend(revoked.items);
        Ok(keys)
    }

    /// # Errors
    /// [`Trouble::Invalid`] for permissions that the owner doesn't hold; [`Trouble::State`] for too many keys.
    pub async fn create_api_key(&self, oneself: &Oneself, new: NewApiKey) -> Result<ShownOnce, Trouble> {
        let actor = &oneself.0;
        if let Some(confined) = actor.confined() {
            self.refused(actor, None, "POST /api/v1/auth/keys").await?;
            return Err(domain::access::Refused::Confined(confined).into());
        }
        // A key that makes keys would outlive its own end.
        if actor.session().is_none() {
            return Err(Trouble::State("needs_session", "a key can't make another; sign in".to_owned()));
        }
        let missing = new.scope.without(actor.permissions());
        if !missing.is_empty() {
            let keys: Vec<_> = missing.iter().map(|permission| permission.key()).collect();
            return Err(Trouble::field("scope", "not_held", format!("you don't hold {}", keys.join(", "))));
        }
        let held = self.store.own_api_keys(oneself, |key| key.revoked_at.is_none(), self.deadline()).await?;
        // Where not all could be looked at, there have been far too many already.
        if held.items.len() >= KEYS_MAX || held.next.is_some() {
            return Err(Trouble::State("too_many_keys", format!("at most {KEYS_MAX} keys; revoke one first")));
        }
        let now = self.now();
        let secret = drawn_text()?;
        let key = ApiKey {
            id: ApiKeyId::drawn(now, chance()?),
            user: actor.user().clone(),
            name: new.name,
            digest: tokens::digest_of(&secret),
            scope: new.scope,
            epoch: self.own(oneself).await?.key_epoch,
            created_at: now,
            expires_at: Some(time::plus(now, i64::from(new.days) * DAY_MS)),
            revoked_at: None,
            version: 1,
        };
        let scope: Vec<_> = key.scope.iter().map(|permission| permission.key()).collect();
        let act = self.store.act(oneself, now, Class::Security, "api_key.created", format!("api_key:{}", key.id))?;
        let act = act.severity(Severity::Warning).changed("scope", None, Some(scope.join(" ")));
        act.api_key(None, &key)?.commit(self.deadline()).await?;
        Ok(ShownOnce { text: tokens::api_key(actor.user(), &key.id, &secret), key })
    }

    /// Revokes a key; it opens nothing from the next request on.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] for anybody else's.
    pub async fn revoke_api_key(&self, oneself: &Oneself, id: &ApiKeyId) -> Result<(), Trouble> {
        let caller = self.store.caller(oneself.0.user(), None, Some(id), self.deadline()).await?;
        let key = caller.api_key.ok_or(Trouble::NotFound("key"))?;
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let now = self.now();
        let after = ApiKey { revoked_at: Some(now), version: key.version + 1, ..key.clone() };
        let act = self.store.act(oneself, now, Class::Security, "api_key.revoked", format!("api_key:{id}"))?;
        Ok(act.api_key(Some(&key), &after)?.commit(self.deadline()).await?)
    }
}
