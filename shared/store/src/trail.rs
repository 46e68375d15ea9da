//! Searching the audit log, newest first.
//!
//! By actor or entity through an index, which suggests; the rows themselves are read. Otherwise hour by hour, all shards
//! of an hour at once. A request looks at a bounded number of rows and says how far back it has looked.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::{self, Key, SHARDS},
    read::pause,
};
use aws_sdk_dynamodb::{
    operation::query::{QueryOutput, builders::QueryFluentBuilder},
    types::AttributeValue,
};
use domain::{
    access::{Authority, Permit},
    audit::{Class, Entry, Severity},
    identity::{digest, hex},
    permission::{Right, right},
    seal::Hour,
    time::{self, HOUR_MS, MINUTE_MS},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use tokio::time::timeout_at;

/// Rounds of reading in one request.
const ROUNDS: usize = 8;
/// Rows that one round reads of each shard, or of the index.
const ROUND_ROWS: i32 = 100;
/// Like reads within this time are one entry.
const READ_WINDOW_MS: i64 = 15 * MINUTE_MS;

/// What is looked for. Times are bounds taken in.
#[derive(Clone, Debug)]
pub struct Sought {
    pub from: Timestamp,
    pub to: Timestamp,
    pub actor: Option<String>,
    pub entity: Option<String>,
    /// The action or its beginning, such as `user.`.
    pub action: Option<String>,
    pub class: Option<Class>,
    pub severity: Option<Severity>,
    pub session: Option<String>,
    /// Anywhere in the entry, regardless of case.
    pub text: Option<String>,
}

/// Part of the answer to a search.
#[derive(Debug)]
pub struct Found {
    pub entries: Vec<Entry>,
    /// The position to go on from; absent at the end.
    pub next: Option<String>,
    /// Everything that was sought and is younger is in this answer or an earlier one.
    pub searched_back_to: Timestamp,
}

/// A right that lets its holder look into the log.
pub trait ReadsTrail: Right {}
impl ReadsTrail for right::AuditLogsRead {}
impl ReadsTrail for right::AuditLogsExport {}

/// The index attributes of an entry. The system's own acts are not indexed by actor: they would all meet in one place.
pub(crate) fn trail_attributes(entry: &Entry) -> Vec<(&'static str, AttributeValue)> {
    let mut own = vec![("trail_entity", AttributeValue::S(entry.entity.clone()))];
    if !entry.actor.starts_with("system:") && entry.actor != "visitor" {
        own.push(("trail_actor", AttributeValue::S(entry.actor.clone())));
    }
    own
}

impl Sought {
    fn takes(&self, entry: &Entry) -> bool {
        let equal = |wanted: &Option<String>, held: &str| wanted.as_ref().is_none_or(|wanted| wanted == held);
        (self.from..=self.to).contains(&entry.at)
            && equal(&self.actor, &entry.actor)
            && equal(&self.entity, &entry.entity)
            && equal(&self.session, entry.session.as_deref().unwrap_or_default())
            && self.action.as_ref().is_none_or(|action| entry.action.starts_with(action.as_str()))
            && self.class.is_none_or(|class| class == entry.class)
            && self.severity.is_none_or(|severity| severity == entry.severity)
            && self.text.as_ref().is_none_or(|text| contains(entry, &text.to_lowercase()))
    }
}

fn contains(entry: &Entry, text: &str) -> bool {
    let has = |field: &str| field.to_lowercase().contains(text);
    has(&entry.action)
        || has(&entry.actor)
        || has(&entry.entity)
        || entry.permission.as_deref().is_some_and(has)
        || entry.address.as_deref().is_some_and(has)
        || entry.changes.iter().any(|change| {
            has(&change.field) || change.before.as_deref().is_some_and(has) || change.after.as_deref().is_some_and(has)
        })
}

impl Store {
    /// One page of a query, asked for again until the deadline.
    pub(crate) async fn page(&self, query: QueryFluentBuilder, deadline: Deadline) -> Result<QueryOutput, StoreError> {
        let mut round = 0;
        loop {
            match timeout_at(deadline.instant(), query.clone().send()).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => match failure(&error) {
                    Failure::Rejected(why) => return Err(StoreError::Rejected(why)),
                    Failure::Again | Failure::Ambiguous => {
                        self.contended();
                        pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
                        round += 1;
                    }
                },
            }
        }
    }

    /// Writes by itself that something was refused, or was seen that deserves an entry of its own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note(
        &self,
        authority: &dyn Authority,
        at: Timestamp,
        (class, severity): (Class, Severity),
        action: &str,
        entity: String,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        self.act(authority, at, class, action, entity)?.severity(severity).commit(deadline).await
    }

    /// Counts a granted read: one entry per session, permission, kind of entity and quarter of an hour.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count_read(
        &self,
        authority: &dyn Authority,
        kind: &str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let window = time::from_millis(now.as_millisecond().div_euclid(READ_WINDOW_MS) * READ_WINDOW_MS);
        let stamp = authority.stamp();
        let permission = stamp.permission.map(|permission| permission.key()).unwrap_or_default();
        let parts = [stamp.actor.as_str(), stamp.session.as_deref().unwrap_or_default(), permission, kind];
        let id = format!("r{}", hex(&digest(&parts)[..12]));
        let entry = Entry::by(authority, id.clone(), window, Class::Access, "access.granted", format!("kind:{kind}"));
        let key = keys::audit(window, &id);
        let mut item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(&entry)?;
        item.extend(trail_attributes(&entry).into_iter().map(|(name, value)| (name.to_owned(), value)));
        item.remove("count");
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        let mut sets = Vec::with_capacity(item.len());
        for (at, (name, value)) in item.into_iter().enumerate() {
            sets.push(format!("#f{at} = if_not_exists(#f{at}, :f{at})"));
            update = update
                .expression_attribute_names(format!("#f{at}"), name)
                .expression_attribute_values(format!(":f{at}"), value);
        }
        let update = update.update_expression(format!("SET {} ADD #count :one", sets.join(", ")));
        let mut round = 0;
        loop {
            match timeout_at(deadline.instant(), update.clone().send()).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => match failure(&error) {
                    Failure::Rejected(why) => return Err(StoreError::Rejected(why)),
                    // An answer that was lost may count one read twice, which harms nobody; none is lost.
                    Failure::Again | Failure::Ambiguous => {
                        self.contended();
                        pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
                        round += 1;
                    }
                },
            }
        }
    }

    /// Searches the log.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn trail<R: ReadsTrail>(
        &self,
        _permit: &Permit<R>,
        sought: &Sought,
        position: Option<&str>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Found, StoreError> {
        let upper = position.map_or_else(|| format!("{:013}#~", sought.to.as_millisecond()), str::to_owned);
        match (&sought.entity, &sought.actor) {
            (Some(entity), _) => self.by_index("entity", "trail_entity", entity, sought, upper, limit, deadline).await,
            (None, Some(actor)) if !actor.starts_with("system:") && actor != "visitor" => {
                self.by_index("actor", "trail_actor", actor, sought, upper, limit, deadline).await
            }
            (None, _) => self.by_hours(sought, upper, limit, deadline).await,
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn by_index(
        &self,
        index: &str,
        attribute: &str,
        value: &str,
        sought: &Sought,
        mut upper: String,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Found, StoreError> {
        let lower = format!("{:013}", sought.from.as_millisecond());
        let mut entries = Vec::new();
        for _ in 0..ROUNDS {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(index)
                .key_condition_expression(format!("{attribute} = :value AND sk BETWEEN :from AND :to"))
                .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
                .expression_attribute_values(":from", AttributeValue::S(lower.clone()))
                .expression_attribute_values(":to", AttributeValue::S(upper.clone()))
                .scan_index_forward(false)
                .limit(ROUND_ROWS);
            let page = self.page(query, deadline).await?;
            let more = page.last_evaluated_key.is_some();
            let mut wanted = Vec::new();
            for item in page.items.unwrap_or_default() {
                if let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) = (item.get("pk"), item.get("sk"))
                    && *sk != upper
                {
                    wanted.push(Key { pk: pk.clone(), sk: sk.clone() });
                }
            }
            let rows = self.read(&wanted, deadline).await?;
            for key in &wanted {
                upper.clone_from(&key.sk);
                if let Some(entry) = rows.get::<Entry>(key)?.filter(|entry| sought.takes(entry)) {
                    entries.push(entry);
                    if entries.len() == limit {
                        return Ok(Found { entries, searched_back_to: time_of(&upper), next: Some(upper) });
                    }
                }
            }
            if !more {
                return Ok(Found { entries, next: None, searched_back_to: sought.from });
            }
        }
        Ok(Found { entries, searched_back_to: time_of(&upper), next: Some(upper) })
    }

    async fn by_hours(
        &self,
        sought: &Sought,
        mut upper: String,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Found, StoreError> {
        let mut entries = Vec::new();
        let mut rounds = 0;
        let mut hour = hour_of(time_of(&upper).min(sought.to));
        while time::plus(hour, HOUR_MS) > sought.from {
            // Within one hour: read the newest rows of each shard, and show what is younger than every shard's oldest.
            loop {
                if rounds == ROUNDS {
                    return Ok(Found { entries, searched_back_to: time_of(&upper), next: Some(upper) });
                }
                rounds += 1;
                let (mut rows, horizon) = self.newest_of_hour(hour, sought, &upper, deadline).await?;
                rows.sort_by(|(a, _), (b, _)| b.cmp(a));
                for (sk, entry) in rows {
                    if horizon.as_ref().is_some_and(|horizon| sk < *horizon) {
                        break;
                    }
                    upper = sk;
                    if sought.takes(&entry) {
                        entries.push(entry);
                        if entries.len() == limit {
                            return Ok(Found { entries, searched_back_to: time_of(&upper), next: Some(upper) });
                        }
                    }
                }
                match horizon {
                    // Behind the horizon nothing was missed.
                    Some(horizon) => upper = horizon,
                    None => break,
                }
            }
            let before = time::plus(hour, -1);
            upper = format!("{:013}#~", before.as_millisecond());
            hour = match self.hour_with_entries(hour_of(before), sought.from, deadline).await? {
                Some(hour) => {
                    upper = upper.min(format!("{:013}#~", time::plus(hour, HOUR_MS - 1).as_millisecond()));
                    hour
                }
                None => break,
            };
        }
        Ok(Found { entries, next: None, searched_back_to: sought.from })
    }

    /// The newest rows of every shard below `upper`; and the sort key down to which no shard has more.
    async fn newest_of_hour(
        &self,
        hour: Timestamp,
        sought: &Sought,
        upper: &str,
        deadline: Deadline,
    ) -> Result<(Vec<(String, Entry)>, Option<String>), StoreError> {
        let name = hour.strftime("%Y%m%d%H").to_string();
        let lower = format!("{:013}", sought.from.as_millisecond());
        let mut asked = tokio::task::JoinSet::new();
        for shard in 0..SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", AttributeValue::S(keys::audit_pk(&name, shard)))
                .expression_attribute_values(":from", AttributeValue::S(lower.clone()))
                .expression_attribute_values(":to", AttributeValue::S(upper.to_owned()))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(ROUND_ROWS);
            let store = self.clone();
            asked.spawn(async move { store.page(query, deadline).await });
        }
        let mut rows = Vec::new();
        let mut horizon: Option<String> = None;
        while let Some(page) = asked.join_next().await {
            let page = page.map_err(|error| StoreError::Corrupt(error.to_string()))??;
            if let Some(AttributeValue::S(oldest)) = page.last_evaluated_key.as_ref().and_then(|key| key.get("sk")) {
                horizon = Some(horizon.map_or_else(|| oldest.clone(), |held| held.max(oldest.clone())));
            }
            for item in page.items.unwrap_or_default() {
                let Some(AttributeValue::S(sk)) = item.get("sk").cloned() else { continue };
                if sk != upper {
                    rows.push((sk, self.decode::<Entry>(item)?));
                }
            }
        }
        Ok((rows, horizon))
    }

    /// The youngest hour from `hour` back to `from` that may have entries. What was sealed as empty is passed over,
    /// twenty days at a time.
    async fn hour_with_entries(
        &self,
        mut hour: Timestamp,
        from: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Timestamp>, StoreError> {
        while time::plus(hour, HOUR_MS) > from {
            let day = time::day(hour, &TimeZone::UTC);
            let days: Vec<Date> = (0..DAYS_AT_ONCE).filter_map(|back| day.checked_sub(back.days()).ok()).collect();
            let sealed = self.sealed_hours(&days, deadline).await?;
            let oldest = days.last().copied().unwrap_or(day);
            while time::plus(hour, HOUR_MS) > from && time::day(hour, &TimeZone::UTC) >= oldest {
                match sealed.get(&Hour::of(hour)) {
                    Some(0) => hour = time::plus(hour, -HOUR_MS),
                    // Not sealed, so nothing is known of it.
                    Some(_) | None => return Ok(Some(hour)),
                }
            }
        }
        Ok(None)
    }
}

/// Days whose sealed hours are read in one call.
const DAYS_AT_ONCE: i32 = 20;

fn hour_of(at: Timestamp) -> Timestamp {
    time::from_millis(at.as_millisecond().div_euclid(HOUR_MS) * HOUR_MS)
}

/// The time in a sort key.
fn time_of(sk: &str) -> Timestamp {
    time::from_millis(sk.get(..13).and_then(|figures| figures.parse().ok()).unwrap_or_default())
}
