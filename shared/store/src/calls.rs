//! What is kept about calls of the REST API: how often somebody called, and what a repeated call is answered.

use crate::{
    Deadline, Store, StoreError,
    error::{Failure, failure},
    keys::{self, Key},
    read::pause,
    redemptions::expires,
    write::{Expect, Transaction},
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{identity::hex, time};
use jiff::{Timestamp, tz::TimeZone};
use rand_core::TryRngCore;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tokio::time::timeout_at;

/// How long an answer is kept for repeats of its call (RED-03).
const ANSWER_KEPT_S: i64 = 24 * 3_600;
/// After this long a call that has no answer is taken for dead, and a repeat takes its place. Longer than any
/// function may run, so whoever began it has been stopped.
pub const LEASE_MS: i64 = 60 * time::SECOND_MS;
/// A row has at most 400 KB; the answer's body is what varies in it.
pub const ANSWER_MAX_BYTES: usize = 300 * 1024;
/// Counters outlive their window by this much, for clocks that differ.
const COUNTS_KEPT_S: i64 = 3_600;

/// Calls of one caller, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCount {
    /// In the clock's present minute.
    pub minute: u64,
    /// In the clock's present hour.
    pub hour: u64,
}

/// The answer of a call, kept for its repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub etag: Option<String>,
    pub location: Option<String>,
    /// At most [`ANSWER_MAX_BYTES`].
    pub body: String,
}

/// The right to answer one call for good: as long as nobody has taken it over. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    key: Key,
    token: String,
}

/// What is known of a call before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new, or whoever began it died: carry it out.
    Mine(Once),
    /// It is being carried out.
    Running { retry_after_s: u32 },
    /// It has been carried out, and this was the answer.
    Done(Answer),
    /// The key belongs to another call.
    OtherCall,
}

/// One call as its caller names it, for [`Store::begin_call`].
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// An opaque id of ours.
    pub caller: &'a str,
    /// The caller's `Idempotency-Key`.
    pub key: &'a str,
    /// A digest of method, path, query and body. It must take in the key as well: bodies can hold passwords, and a
    /// digest of those alone could be guessed at by whoever reads the table.
    pub request: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    version: u64,
    state: State,
    token: String,
    /// As in [`Call`].
    request: String,
    #[serde(with = "time::required")]
    started_at: Timestamp,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Done,
}

/// What the row of a call allows.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Answered(Begun),
    /// Write a new row over this version; 0 is none.
    Free(u64),
}

impl Store {
    /// Counts one call of `who` (a digest or an opaque id; never a plain address or name) and says how many there were.
    /// `kind` tells apart what is counted, such as `api` and `sign_in`.
    ///
    /// A count whose answer is lost is sent again, so trouble on the way can count a call twice, never not at all.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Ambiguous`] at the deadline; see [`StoreError`] for the rest.
    pub async fn count_call(
        &self,
        kind: &str,
        who: &str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<CallCount, StoreError> {
        let minute = format!("m{:02}", now.to_zoned(TimeZone::UTC).minute());
        let counts = self
            .count(
                &keys::calls_of_hour(kind, who, now),
                &[&minute, "whole"],
                expires(now, 3_600 + COUNTS_KEPT_S),
                deadline,
            )
            .await?;
        Ok(CallCount { minute: counts[0], hour: counts[1] })
    }

    /// How many calls were counted in the clock's present hour, without counting one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn calls_in_hour(
        &self,
        kind: &str,
        who: &str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<u64, StoreError> {
        #[derive(Deserialize)]
        struct Hour {
            #[serde(default)]
            whole: u64,
        }
        let key = keys::calls_of_hour(kind, who, now);
        let row: Option<Hour> = self.read(std::slice::from_ref(&key), deadline).await?.get(&key)?;
        Ok(row.map_or(0, |row| row.whole))
    }

    /// As [`Store::count_call`], for the UTC day. It is a row of its own, so only asked for where a day's limit exists.
    ///
    /// # Errors
    /// As [`Store::count_call`].
    pub async fn count_call_of_day(
        &self,
        kind: &str,
        who: &str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<u64, StoreError> {
        let expires = expires(now, 24 * 3_600 + COUNTS_KEPT_S);
        let counts = self.count(&keys::calls_of_day(kind, who, now), &["whole"], expires, deadline).await?;
        Ok(counts[0])
    }

    /// Adds 1 to each counter of the row and returns what they are now, in the order of `names`.
    async fn count(
        &self,
        key: &Key,
        names: &[&str],
        (expires_name, expires_at): (&'static str, AttributeValue),
        deadline: Deadline,
    ) -> Result<Vec<u64>, StoreError> {
        let list: Vec<String> = (0..names.len()).map(|i| format!("#c{i} :one")).collect();
        let mut placeholders: HashMap<String, String> =
            names.iter().enumerate().map(|(i, name)| (format!("#c{i}"), (*name).to_owned())).collect();
        placeholders.insert("#expires".to_owned(), expires_name.to_owned());
        let mut round = 0;
        loop {
            let call = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.attributes()))
                .update_expression(format!("ADD {} SET #expires = :expires", list.join(", ")))
                .set_expression_attribute_names(Some(placeholders.clone()))
                .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
                .expression_attribute_values(":expires", expires_at.clone())
                .return_values(ReturnValue::UpdatedNew)
                .send();
            match timeout_at(deadline.instant(), call).await {
                Err(_) => return Err(StoreError::Ambiguous),
                Ok(Ok(answer)) => {
                    let counts = answer.attributes.unwrap_or_default();
                    return names.iter().map(|name| count_in(&counts, name)).collect();
                }
                Ok(Err(error)) => match failure(&error) {
                    Failure::Rejected(why) => return Err(StoreError::Rejected(why)),
                    Failure::Again => self.contended(),
                    Failure::Ambiguous => {}
                },
            }
            pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
            round += 1;
        }
    }

    /// Looks whether this call has come before, and takes it on if not.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Ambiguous`] at the deadline: the call has not been carried out. If the row
    /// was written nonetheless, repeats are told to wait until [`LEASE_MS`] are over.
    pub async fn begin_call(&self, call: &Call<'_>, now: Timestamp, deadline: Deadline) -> Result<Begun, StoreError> {
        let key = keys::call(call.caller, call.key);
        let mut round = 0;
        loop {
            let items = self.read(std::slice::from_ref(&key), deadline).await?;
            let version = match found(items.get::<Row>(&key)?.as_ref(), call.request, now) {
                Found::Answered(begun) => return Ok(begun),
                Found::Free(version) => version,
            };
            let row = Row {
                version: version + 1,
                state: State::Running,
                token: drawn()?,
                request: call.request.to_owned(),
                started_at: now,
                answer: None,
            };
            let mut transaction = Transaction::new(self);
            transaction.put(&key, &row, [expires(now, ANSWER_KEPT_S)], Expect::Version(version))?;
            match self.commit(transaction, deadline).await {
                Ok(()) => return Ok(Begun::Mine(Once { key, token: row.token })),
                // Somebody else took it on just now: read what they wrote.
                Err(StoreError::Changed) => {}
                Err(error) => return Err(error),
            }
            pause(round, deadline).await.map_err(|()| StoreError::Busy)?;
            round += 1;
        }
    }

    /// Keeps the answer of a call whose own write has not kept it.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when an answer is there already, or the call was taken over.
    pub async fn end_call(&self, once: &Once, answer: &Answer, deadline: Deadline) -> Result<(), StoreError> {
        // Most writes have kept it themselves. Looking is cheaper than a transaction that must fail.
        let items = self.read(std::slice::from_ref(&once.key), deadline).await?;
        let mine = |row: &Row| row.state == State::Running && row.token == once.token;
        if !items.get::<Row>(&once.key)?.as_ref().is_some_and(mine) {
            return Err(StoreError::Changed);
        }
        let mut transaction = Transaction::new(self);
        transaction.put_answer(once, answer)?;
        self.commit(transaction, deadline).await
    }

    /// Forgets a call that was refused before anything was done, so that a repeat is looked at anew.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it has an answer, or was taken over.
    pub async fn drop_call(&self, once: &Once, deadline: Deadline) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(self);
        // A lease that began in 1970 is over. The row stays for its version, which tells this attempt from the next.
        transaction.update(&once.key, |update| {
            update
                .update_expression("SET started_at = :never")
                .condition_expression("#state = :running AND #token = :mine")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#token", "token")
                .expression_attribute_values(":never", AttributeValue::N("0".to_owned()))
                .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
                .expression_attribute_values(":mine", AttributeValue::S(once.token.clone()))
        })?;
        self.commit(transaction, deadline).await
    }
}

impl Transaction {
    /// Keeps the answer of a call in the transaction that does what it asks for. The whole fails with
    /// [`StoreError::Changed`] when the call was taken over or answered: whoever was thought dead changes nothing.
    pub(crate) fn put_answer(&mut self, once: &Once, answer: &Answer) -> Result<(), StoreError> {
        if answer.body.len() > ANSWER_MAX_BYTES {
            return Err(StoreError::Rejected("an answer that is kept has at most 300 KiB".to_owned()));
        }
        let answer: HashMap<String, AttributeValue> = serde_dynamo::to_item(answer)?;
        self.update(&once.key, |update| {
            update
                .update_expression("SET #state = :done, #answer = :answer")
                .condition_expression("#state = :running AND #token = :mine")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#token", "token")
                .expression_attribute_names("#answer", "answer")
                .expression_attribute_values(":done", AttributeValue::S("done".to_owned()))
                .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
                .expression_attribute_values(":mine", AttributeValue::S(once.token.clone()))
                .expression_attribute_values(":answer", AttributeValue::M(answer))
        })
    }
}

fn found(row: Option<&Row>, request: &str, now: Timestamp) -> Found {
    let Some(row) = row else {
        return Found::Free(0);
    };
    let age_ms = time::between(row.started_at, now);
    // The table's clean-up comes late; what is past its time is as good as gone.
    if age_ms >= ANSWER_KEPT_S * time::SECOND_MS {
        return Found::Free(row.version);
    }
    if row.request != request {
        return Found::Answered(Begun::OtherCall);
    }
    if row.state == State::Running && age_ms >= LEASE_MS {
        return Found::Free(row.version);
    }
    match (row.state, &row.answer) {
        (State::Done, Some(answer)) => Found::Answered(Begun::Done(answer.clone())),
        (State::Running, _) | (State::Done, None) => {
            let left_ms = (LEASE_MS - age_ms).clamp(1, LEASE_MS);
            Found::Answered(Begun::Running { retry_after_s: seconds_up(left_ms).min(RETRY_AFTER_MAX_S) })
        }
    }
}

/// Most calls end within a second or two: nobody need wait for the whole lease before asking again.
const RETRY_AFTER_MAX_S: u32 = 5;

fn seconds_up(milliseconds: i64) -> u32 {
    u32::try_from((milliseconds + 999) / 1_000).unwrap_or(u32::MAX)
}

fn drawn() -> Result<String, StoreError> {
    let mut token = [0u8; 16];
    rand_core::OsRng.try_fill_bytes(&mut token).map_err(|error| StoreError::Rejected(error.to_string()))?;
    Ok(hex(&token))
}

fn count_in(counts: &HashMap<String, AttributeValue>, name: &str) -> Result<u64, StoreError> {
    counts
        .get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|figures| figures.parse().ok())
        .ok_or_else(|| StoreError::Corrupt(format!("no count {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_795_161_600_000;

    fn row(state: State) -> Row {
        let answer = Answer { status: 201, content_type: None, etag: None, location: None, body: "{}".to_owned() };
        Row {
            version: 3,
            state,
            token: "t".to_owned(),
            request: "this".to_owned(),
            started_at: time::from_millis(START_MS),
            answer: (state == State::Done).then_some(answer),
        }
    }

    fn after_ms(milliseconds: i64) -> Timestamp {
        time::from_millis(START_MS + milliseconds)
    }

    // proves: RED-03
    #[test]
    fn an_answer_is_given_again_for_a_day_and_no_longer() {
        let day_ms = ANSWER_KEPT_S * 1_000;
        let done = row(State::Done);
        let at = |ms| found(Some(&done), "this", after_ms(ms));
        assert!(matches!(at(0), Found::Answered(Begun::Done(_))));
        assert!(matches!(at(day_ms - 1), Found::Answered(Begun::Done(_))));
        assert_eq!(at(day_ms), Found::Free(3));
        assert_eq!(found(None, "this", after_ms(0)), Found::Free(0));
    }

    // proves: RED-03
    #[test]
    fn a_key_belongs_to_one_call_even_when_that_one_died() {
        for (state, ms) in [(State::Done, 0), (State::Running, 0), (State::Running, LEASE_MS)] {
            assert_eq!(
                found(Some(&row(state)), "another", after_ms(ms)),
                Found::Answered(Begun::OtherCall),
                "{state:?}"
            );
        }
    }

    // proves: RED-03
    #[test]
    fn a_running_call_is_waited_for_until_its_lease_is_over() {
        let running = row(State::Running);
        let wait = |ms| found(Some(&running), "this", after_ms(ms));
        assert_eq!(wait(0), Found::Answered(Begun::Running { retry_after_s: RETRY_AFTER_MAX_S }));
        assert_eq!(wait(LEASE_MS - 1), Found::Answered(Begun::Running { retry_after_s: 1 }));
        assert_eq!(wait(LEASE_MS), Found::Free(3));
    }
}
