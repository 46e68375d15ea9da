//! Staff as rows: what a request needs to know of its caller, lists, and who owns an address.

use crate::{
    Deadline, Store, StoreError, keys,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    access::{Oneself, Permit},
    change::Change,
    id::{ApiKeyId, ChangeId, SessionId, UserId},
    mail::Mail,
    permission::Permissions,
    phone::Msisdn,
    role::Roles,
    session::Session,
    settings::Settings,
    staff::{Administrators, Email, User},
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A key that a program signs in with. Only a digest of its secret part is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub user: UserId,
    pub name: String,
    pub digest: String,
    pub scope: Permissions,
    /// The owner's `key_epoch` when it was made.
    #[serde(default)]
    pub epoch: u32,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    #[serde(with = "time::optional")]
    pub expires_at: Option<Timestamp>,
    #[serde(with = "time::optional")]
    pub revoked_at: Option<Timestamp>,
    pub version: u64,
}

/// Wrong passwords for one account in a row, whether there is such an account or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIns {
    pub failures: u32,
    #[serde(with = "time::optional")]
    pub failed_at: Option<Timestamp>,
    #[serde(with = "time::optional")]
    pub locked_until: Option<Timestamp>,
    pub version: u64,
}

impl SignIns {
    pub fn locked(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| now < *until)
    }

    /// One try more. The last one that is allowed locks the account; failures that are older than a lock's time don't
    /// count any more.
    #[must_use]
    pub fn tried(&self, max_failures: u32, lockout_ms: i64, now: Timestamp) -> Self {
        let stale = self.failed_at.is_none_or(|at| time::between(at, now) > lockout_ms);
        let failures = if stale || self.locked_until.is_some() { 1 } else { self.failures.saturating_add(1) };
        let locked_until = (failures >= max_failures).then(|| time::plus(now, lockout_ms));
        Self { failures, failed_at: Some(now), locked_until, version: self.version + 1 }
    }

    #[must_use]
    pub fn cleared(&self) -> Self {
        Self { version: self.version + 1, ..Self::default() }
    }
}

#[derive(Deserialize)]
struct Owned {
    #[serde(default)]
    owned_by: String,
}

/// All that admission is judged by, read at once.
#[derive(Debug)]
pub struct Caller {
    pub user: Option<User>,
    pub session: Option<Session>,
    pub api_key: Option<ApiKey>,
    pub roles: Roles,
    pub settings: Settings,
}

/// A part of a list, oldest or newest first as asked for; `next` goes on behind it.
#[derive(Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Which rows a list is of: those of `pk` whose sort key begins with `prefix`, older than `before`.
pub(crate) struct Page<'a> {
    pub pk: &'a str,
    pub prefix: &'a str,
    pub before: Option<String>,
    pub limit: usize,
}

/// How long a letter's row is kept after it was sent or given up.
const MAIL_KEPT_S: i64 = 90 * time::DAY_MS / 1_000;
/// The most pages of rows that one request looks through.
const PAGES: usize = 8;
/// Rows of one page.
const PAGE_ROWS: i32 = 200;

impl Store {
    /// # Errors
    /// See [`StoreError`].
    pub async fn caller(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        api_key: Option<&ApiKeyId>,
        deadline: Deadline,
    ) -> Result<Caller, StoreError> {
        let user_key = keys::user(user);
        let session_key = session.map(|id| keys::session(user, id));
        let api_key_key = api_key.map(|id| keys::api_key(user, id));
        let mut wanted = vec![user_key.clone(), keys::custom_roles(), keys::settings()];
        wanted.extend(session_key.clone());
        wanted.extend(api_key_key.clone());
        let items = self.read(&wanted, deadline).await?;
        Ok(Caller {
            user: items.get(&user_key)?,
            session: session_key.map(|key| items.get(&key)).transpose()?.flatten(),
            api_key: api_key_key.map(|key| items.get(&key)).transpose()?.flatten(),
            roles: items.get(&keys::custom_roles())?.unwrap_or_default(),
            settings: items.get(&keys::settings())?.unwrap_or_default(),
        })
    }

    /// Roles, administrators and settings as they are now.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn governance(&self, deadline: Deadline) -> Result<(Roles, Administrators, Settings), StoreError> {
        let wanted = [keys::custom_roles(), keys::administrators(), keys::settings()];
        let items = self.read(&wanted, deadline).await?;
        Ok((
            items.get(&wanted[0])?.unwrap_or_default(),
            items.get(&wanted[1])?.unwrap_or_default(),
            items.get(&wanted[2])?.unwrap_or_default(),
        ))
    }

    /// What a sign-in reads first: who owns the address, the tries so far, and the settings. The same calls are made
    /// whether the address is known or not.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sign_in_facts(
        &self,
        email: &Email,
        account: &str,
        deadline: Deadline,
    ) -> Result<(Option<User>, SignIns, Roles, Settings), StoreError> {
        let wanted = [keys::email(email), keys::sign_ins(account), keys::custom_roles(), keys::settings()];
        let items = self.read(&wanted, deadline).await?;
        let owner = items.get::<Owned>(&wanted[0])?.and_then(|row| UserId::parse(&row.owned_by).ok());
        // An unknown address reads a row that isn't there, so that both take as long.
        let nobody = UserId::drawn(Timestamp::UNIX_EPOCH, [0; 10]);
        let user_key = keys::user(owner.as_ref().unwrap_or(&nobody));
        let user = self.read(std::slice::from_ref(&user_key), deadline).await?.get::<User>(&user_key)?;
        Ok((
            user,
            items.get(&wanted[1])?.unwrap_or_default(),
            items.get(&wanted[2])?.unwrap_or_default(),
            items.get(&wanted[3])?.unwrap_or_default(),
        ))
    }

    /// Who owns an address or a number now, for the words of a refusal.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn owners(
        &self,
        email: Option<&Email>,
        phone: Option<&Msisdn>,
        deadline: Deadline,
    ) -> Result<(Option<UserId>, Option<UserId>), StoreError> {
        let keys = [email.map(keys::email), phone.map(keys::staff_phone)];
        let wanted: Vec<_> = keys.iter().flatten().cloned().collect();
        let items = self.read(&wanted, deadline).await?;
        let owner = |key: &Option<keys::Key>| -> Result<Option<UserId>, StoreError> {
            let Some(key) = key else { return Ok(None) };
            Ok(items.get::<Owned>(key)?.and_then(|row| UserId::parse(&row.owned_by).ok()))
        };
        Ok((owner(&keys[0])?, owner(&keys[1])?))
    }

    /// One user, for whom a permit was shown.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn user<R>(
        &self,
        _permit: &Permit<R>,
        id: &UserId,
        deadline: Deadline,
    ) -> Result<Option<User>, StoreError> {
        self.user_row(id, deadline).await
    }

    /// The caller's own row.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn own_user(&self, oneself: &Oneself, deadline: Deadline) -> Result<Option<User>, StoreError> {
        self.user_row(oneself.0.user(), deadline).await
    }

    /// The user whom a link names. The link's secret is compared afterwards.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn linked_user(&self, id: &UserId, deadline: Deadline) -> Result<Option<User>, StoreError> {
        self.user_row(id, deadline).await
    }

    async fn user_row(&self, id: &UserId, deadline: Deadline) -> Result<Option<User>, StoreError> {
        let key = keys::user(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// Takes one try to sign in before the password is looked at, so that tries at the same time can't share one.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when another try came in between.
    pub async fn reserve_sign_in(
        &self,
        account: &str,
        before: &SignIns,
        after: &SignIns,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        let kept = crate::redemptions::expires(at, crate::act::SIGN_INS_KEPT_S);
        transaction.put(&keys::sign_ins(account), after, [kept], Expect::Version(before.version))?;
        self.commit(transaction, deadline).await
    }

    /// The tries of one account, for an administrator who unlocks it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sign_ins(&self, account: &str, deadline: Deadline) -> Result<SignIns, StoreError> {
        let key = keys::sign_ins(account);
        Ok(self.read(std::slice::from_ref(&key), deadline).await?.get(&key)?.unwrap_or_default())
    }

    /// Users, newest first, as far as eight pages of rows go; `wanted` chooses.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn users<R>(
        &self,
        _permit: &Permit<R>,
        before: Option<&UserId>,
        limit: usize,
        wanted: impl Fn(&User) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<User>, StoreError> {
        let before = before.map(|id| format!("USER#{id}"));
        let page = Page { pk: keys::STAFF_PK, prefix: "USER#", before, limit };
        self.list(page, wanted, |user: &User| user.id.to_string(), deadline).await
    }

    /// # Errors
    /// See [`StoreError`].
    pub async fn changes<R>(
        &self,
        _permit: &Permit<R>,
        before: Option<&ChangeId>,
        limit: usize,
        wanted: impl Fn(&Change) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Change>, StoreError> {
        let before = before.map(|id| format!("CHANGE#{id}"));
        let page = Page { pk: keys::CHANGES_PK, prefix: "CHANGE#", before, limit };
        self.list(page, wanted, |change: &Change| change.id.to_string(), deadline).await
    }

    /// # Errors
    /// See [`StoreError`].
    pub async fn change<R>(
        &self,
        _permit: &Permit<R>,
        id: &ChangeId,
        deadline: Deadline,
    ) -> Result<Option<Change>, StoreError> {
        let key = keys::change(id);
        self.read(std::slice::from_ref(&key), deadline).await?.get(&key)
    }

    /// The caller's own sessions, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn own_sessions(
        &self,
        oneself: &Oneself,
        limit: usize,
        wanted: impl Fn(&Session) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Session>, StoreError> {
        let pk = keys::user_pk(oneself.0.user());
        let page = Page { pk: &pk, prefix: "SESSION#", before: None, limit };
        self.list(page, wanted, |session: &Session| session.id.to_string(), deadline).await
    }

    /// The caller's own keys, newest first; `wanted` chooses.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn own_api_keys(
        &self,
        oneself: &Oneself,
        wanted: impl Fn(&ApiKey) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<ApiKey>, StoreError> {
        let pk = keys::user_pk(oneself.0.user());
        let page = Page { pk: &pk, prefix: "KEY#", before: None, limit: 100 };
        self.list(page, wanted, |key: &ApiKey| key.id.to_string(), deadline).await
    }

    /// Rows of one partition whose sort key begins with `prefix`, newest first.
    pub(crate) async fn list<T: serde::de::DeserializeOwned>(
        &self,
        Page { pk, prefix, before, limit }: Page<'_>,
        wanted: impl Fn(&T) -> bool,
        id: impl Fn(&T) -> String,
        deadline: Deadline,
    ) -> Result<Listed<T>, StoreError> {
        // `~` sorts behind every letter and figure.
        let mut upper = before.unwrap_or_else(|| format!("{prefix}~"));
        let mut items = Vec::with_capacity(limit.min(200));
        for _ in 0..PAGES {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .expression_attribute_values(":first", AttributeValue::S(prefix.to_owned()))
                .expression_attribute_values(":last", AttributeValue::S(upper.clone()))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(PAGE_ROWS);
            let page = self.page(query, deadline).await?;
            let more = page.last_evaluated_key.is_some();
            for item in page.items.unwrap_or_default() {
                let row: T = self.decode(item)?;
                let at = id(&row);
                // BETWEEN takes its bounds in; the position itself was shown already.
                if format!("{prefix}{at}") == upper {
                    continue;
                }
                upper = format!("{prefix}{at}");
                if wanted(&row) {
                    items.push(row);
                    if items.len() == limit {
                        return Ok(Listed { items, next: Some(at) });
                    }
                }
            }
            if !more {
                return Ok(Listed { items, next: None });
            }
        }
        let next = upper.strip_prefix(prefix).map(str::to_owned);
        Ok(Listed { items, next })
    }

    /// Letters whose time has come, as the index suggests.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due_mail(&self, now: Timestamp, limit: i32, deadline: Deadline) -> Result<Vec<Mail>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_key = :mail AND due_at <= :now")
            .expression_attribute_values(":mail", AttributeValue::S(keys::DUE_MAIL.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .limit(limit);
        let page = self.page(query, deadline).await?;
        let ids = page.items.unwrap_or_default().into_iter().filter_map(|item| match item.get("pk") {
            Some(AttributeValue::S(pk)) => pk.strip_prefix("MAIL#").and_then(|id| domain::id::MailId::parse(id).ok()),
            _ => None,
        });
        let wanted: Vec<_> = ids.map(|id| keys::mail(&id)).collect();
        let items = self.read(&wanted, deadline).await?;
        let rows: Result<Vec<Option<Mail>>, _> = wanted.iter().map(|key| items.get::<Mail>(key)).collect();
        Ok(rows?.into_iter().flatten().filter(|mail| mail.send_at.is_some_and(|due| due <= now)).collect())
    }

    /// What became of a letter at `at`. One that is over goes 90 days later.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else has it.
    pub async fn save_mail(
        &self,
        before: &Mail,
        after: &Mail,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        transaction.put_mail(after, at, Expect::Version(before.version))?;
        self.commit(transaction, deadline).await
    }
}

impl Transaction {
    pub(crate) fn put_mail(&mut self, mail: &Mail, at: Timestamp, expect: Expect) -> Result<(), StoreError> {
        let own = match mail.send_at {
            Some(due_at) => vec![
                ("due_key", AttributeValue::S(keys::DUE_MAIL.to_owned())),
                ("due_at", AttributeValue::N(due_at.as_millisecond().to_string())),
            ],
            None => vec![crate::redemptions::expires(at, MAIL_KEPT_S)],
        };
        self.put(&keys::mail(&mail.id), mail, own, expect)
    }
}
