//! The desk at which staff work: the table, the secrets, the clock, and the check at its front.

use crate::{Trouble, tokens};
use domain::{
    access::{Actor, Admission, Authority, MfaDemand, NotAdmitted, Oneself, Permit, Visitor, admit, admit_key},
    audit::{Class, Severity},
    id::{ApiKeyId, SessionId, UserId},
    money::Currency,
    permission::Right,
    security::{KeptOut, Presence, SecuritySettings},
    settings::Settings,
};
use jiff::Timestamp;
use serde::Deserialize;
use service::{
    Clock,
    secret::{Secret, UssdSecret},
};
use std::{net::IpAddr, sync::Arc};
use store::{Answer, Caller, Deadline, Once, Store, chance};
use tokio::sync::Semaphore;

/// Time for the table in one request of staff; API Gateway gives up after 30 s.
const BUDGET_MS: u64 = 8_000;
/// Password hashes at one time: each takes 19 MiB.
const HASHES_AT_ONCE: usize = 4;

/// What the staff's doors are locked with.
#[derive(Clone, Deserialize)]
pub struct StaffSecret {
    /// Sign access and refresh tokens. The first signs; all are accepted, so that a new one can be introduced.
    pub token_keys: Vec<TokenKey>,
    /// Seals authenticator secrets and letters' links. Changing it makes everybody set up their app anew.
    pub seal_key: String,
    /// Under which addresses are counted and cursors signed.
    pub pepper: String,
    /// What CloudFront adds to prove itself, where it stands in front.
    #[serde(default)]
    pub origin_secret: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct TokenKey {
    pub id: String,
    pub secret: String,
}

/// What a request brings to show who it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A JWT of ours.
    Access(String),
    /// A program's key.
    ApiKey(String),
}

/// How the answer to an act is kept for a repeat of its call: in the act's own transaction.
pub struct Keep<'a, T> {
    once: Option<&'a Once>,
    answer: &'a (dyn Fn(&T) -> Answer + Send + Sync),
}

impl<'a, T> Keep<'a, T> {
    pub fn new(once: Option<&'a Once>, answer: &'a (dyn Fn(&T) -> Answer + Send + Sync)) -> Self {
        Self { once, answer }
    }

    pub(crate) fn of(&self, done: &T) -> Option<(&'a Once, Answer)> {
        self.once.map(|once| (once, (self.answer)(done)))
    }
}

pub struct Desk {
    pub store: Store,
    pub clock: Clock,
    pub secret: Secret<StaffSecret>,
    /// Names the deployment in tokens: one of staging opens nothing in production.
    pub environment: String,
    pub mfa: MfaDemand,
    /// What the provider pays in.
    pub currency: Currency,
    /// What the switches must carry to count here.
    pub epoch: String,
    /// Under which customers are known, where somebody may ask for one by number.
    pub customers: Option<Secret<UssdSecret>>,
    hashing: Arc<Semaphore>,
}

impl Desk {
    pub fn new(store: Store, clock: Clock, secret: Secret<StaffSecret>, environment: String, mfa: MfaDemand) -> Self {
        let hashing = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        let (currency, epoch) = (Currency::Rwf, String::new());
        Self { store, clock, secret, environment, mfa, currency, epoch, customers: None, hashing }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::in_ms(BUDGET_MS)
    }

    /// The settings as they are now.
    pub(crate) async fn settings(&self) -> Result<Settings, Trouble> {
        Ok(self.store.governance(self.deadline()).await?.2)
    }

    pub(crate) async fn keys(&self) -> Result<StaffSecret, Trouble> {
        let secret = self.secret.get().await.map_err(|error| {
            tracing::error!(%error, "the staff's secret cannot be read");
            Trouble::NoSecret
        })?;
        if secret.token_keys.is_empty() || secret.token_keys.iter().any(|key| key.secret.len() < 32) {
            tracing::error!("the staff's secret needs token keys of at least 32 characters");
            return Err(Trouble::NoSecret);
        }
        Ok(secret)
    }

    /// The key under which cursors are signed.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`].
    pub async fn cursor_key(&self) -> Result<Vec<u8>, Trouble> {
        Ok(tokens::derived(self.keys().await?.pepper.as_bytes(), &["cursor"]).to_vec())
    }

    /// A digest that stands for an address in the keys of counters.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`].
    pub async fn counted_as(&self, address: IpAddr) -> Result<String, Trouble> {
        Ok(tokens::address(&self.keys().await?, address))
    }

    /// Whose credentials these are, if they are ours: known without asking the table.
    ///
    /// # Errors
    /// [`Trouble::SessionOver`] when they are not, or are too old.
    pub async fn identify(&self, credentials: &Credentials) -> Result<Identified, Trouble> {
        let keys = self.keys().await?;
        match credentials {
            Credentials::Access(token) => {
                let claims = tokens::read_access(&keys, &self.environment, token, self.now())?;
                Ok(Identified { user: claims.user, session: Some(claims.session), api_key: None, proof: None })
            }
            Credentials::ApiKey(text) => {
                let (user, id, proof) = tokens::read_api_key(text).ok_or(Trouble::SessionOver)?;
                Ok(Identified { user, session: None, api_key: Some(id), proof: Some(proof) })
            }
        }
    }

    /// Admits an identified caller by what the table says now: session, user, roles, rules.
    ///
    /// # Errors
    /// [`Trouble::SessionOver`], [`Trouble::Inactive`], [`Trouble::KeptOut`] (noted in the log).
    pub async fn admit(&self, who: &Identified, presence: Presence) -> Result<Admitted, Trouble> {
        let deadline = self.deadline();
        let caller = self.store.caller(&who.user, who.session.as_ref(), who.api_key.as_ref(), deadline).await?;
        let Caller { user: Some(user), session, api_key, roles, settings } = caller else {
            return Err(Trouble::SessionOver);
        };
        let now = self.now();
        let admission = Admission {
            user: &user,
            roles: &roles,
            security: &settings.security,
            mfa: self.mfa,
            presence: presence.clone(),
            now,
        };
        let admitted = match (session, api_key, &who.proof) {
            (Some(session), None, None) => admit(&session, admission),
            (None, Some(key), Some(proof)) => {
                let good = tokens::digest_of(proof) == key.digest
                    && key.epoch == user.key_epoch
                    && key.revoked_at.is_none()
                    && key.expires_at.is_none_or(|end| now < end);
                if !good {
                    return Err(Trouble::SessionOver);
                }
                admit_key(key.id.as_str(), key.scope, admission)
            }
            (_, _, _) => return Err(Trouble::SessionOver),
        };
        match admitted {
            Ok(actor) => Ok(Admitted { actor: Arc::new(actor), settings: Arc::new(settings) }),
            Err(NotAdmitted::Over) => Err(Trouble::SessionOver),
            Err(NotAdmitted::Inactive) => Err(Trouble::Inactive),
            Err(NotAdmitted::KeptOut(rule)) => {
                Err(self.kept_out(&Visitor(presence), rule, format!("user:{}", user.id)).await?)
            }
        }
    }

    /// Lets a visitor as far as the door, by the rules of address, country and hour. A refusal is noted.
    pub(crate) async fn admit_visitor(
        &self,
        visitor: &Visitor,
        security: &SecuritySettings,
        entity: String,
    ) -> Result<(), Trouble> {
        match security.access.admit(&visitor.0, self.now()) {
            Ok(()) => Ok(()),
            Err(rule) => Err(self.kept_out(visitor, rule, entity).await?),
        }
    }

    /// Notes that a rule kept somebody out, and gives what they are told.
    async fn kept_out(&self, visitor: &Visitor, rule: KeptOut, entity: String) -> Result<Trouble, Trouble> {
        let act = self.store.act(visitor, self.now(), Class::Access, "access.kept_out", entity)?;
        let act = act.severity(Severity::Warning).changed("rule", None, Some(rule.to_string()));
        act.commit(self.deadline()).await?;
        Ok(Trouble::KeptOut(rule))
    }

    /// The permit of the right `R`, if the actor holds it. A refusal is an entry of the log by itself.
    ///
    /// # Errors
    /// [`Trouble::Refused`].
    pub async fn permit<R: Right>(&self, actor: &Arc<Actor>, what: &str) -> Result<Permit<R>, Trouble> {
        match actor.permit::<R>() {
            Ok(permit) => Ok(permit),
            Err(refused) => {
                self.refused(actor, Some(R::PERMISSION.key()), what).await?;
                Err(Trouble::Refused(refused))
            }
        }
    }

    pub(crate) async fn refused(
        &self,
        actor: &Arc<Actor>,
        permission: Option<&str>,
        what: &str,
    ) -> Result<(), Trouble> {
        let oneself = Oneself(Arc::clone(actor));
        let act = self.store.act(&oneself, self.now(), Class::Access, "access.refused", format!("route:{what}"))?;
        act.severity(Severity::Warning)
            .changed("permission", None, permission.map(str::to_owned))
            .commit(self.deadline())
            .await?;
        Ok(())
    }

    /// Counts a granted read.
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't shown.
    pub async fn count_read(&self, authority: &dyn Authority, kind: &str) -> Result<(), Trouble> {
        Ok(self.store.count_read(authority, kind, self.now(), self.deadline()).await?)
    }

    pub(crate) async fn note(
        &self,
        authority: &dyn Authority,
        kind: (Class, Severity),
        action: &str,
        entity: String,
    ) -> Result<(), Trouble> {
        Ok(self.store.note(authority, self.now(), kind, action, entity, self.deadline()).await?)
    }

    /// Runs a hash beside the requests, a few at a time.
    pub(crate) async fn hashed<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let busy = |_| Trouble::Store(store::StoreError::Busy);
        let _turn = self.hashing.acquire().await.map_err(busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Trouble::Store(store::StoreError::Busy)
        })
    }

    pub(crate) fn new_user_id(&self) -> Result<UserId, Trouble> {
        Ok(UserId::drawn(self.now(), chance()?))
    }
}

/// Whose credentials a request brings; nothing is known yet of whether they may come in.
#[derive(Clone, Debug)]
pub struct Identified {
    pub user: UserId,
    pub session: Option<SessionId>,
    pub api_key: Option<ApiKeyId>,
    proof: Option<String>,
}

/// Somebody who is in, and the settings that were read on the way.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub actor: Arc<Actor>,
    pub settings: Arc<Settings>,
}
