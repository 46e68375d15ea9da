//! People who redeem. Their limits live on their row, so that two codes in parallel cannot both pass one.

use crate::{
    identity::{CustomerId, RedemptionId},
    phone::Msisdn,
    settings::AttemptLimits,
    text::Language,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// How many redemptions "my rewards" shows.
pub const RECENT: usize = 5;

/// What is counted since `since`; a window starts with its first attempt and ends its length later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    #[serde(with = "time::required")]
    pub since: Timestamp,
    pub used: u32,
}

impl Window {
    pub(crate) fn add(window: Option<Self>, length_ms: i64, weight: u32, now: Timestamp) -> Self {
        match Self::open(window, length_ms, now) {
            Some(window) => Self { since: window.since, used: window.used.saturating_add(weight) },
            None => Self { since: now, used: weight },
        }
    }

    pub(crate) fn open(window: Option<Self>, length_ms: i64, now: Timestamp) -> Option<Self> {
        // A window from the future (a clock that was set back) counts as open.
        window.filter(|window| time::between(window.since, now) < length_ms)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redeemed {
    pub redemption: RedemptionId,
    pub amount: u64,
    #[serde(with = "time::required")]
    pub at: Timestamp,
}

/// The answer to a code that may not have reached the phone, because its session dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Untold {
    pub session: String,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    /// The redemption, if there was one; else `words` say why not.
    pub redeemed: Option<Redeemed>,
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub phone: Msisdn,
    pub language: Option<Language>,
    #[serde(with = "time::required")]
    pub first_seen: Timestamp,
    pub minute: Option<Window>,
    pub hour: Option<Window>,
    pub day: Option<Window>,
    #[serde(with = "time::optional")]
    pub blocked_until: Option<Timestamp>,
    /// Redemptions on the calendar day `redeemed_on` of the business's time zone.
    pub redeemed_on: Option<Date>,
    #[serde(default)]
    pub redeemed_that_day: u32,
    #[serde(default)]
    pub redeemed_in_all: u32,
    /// What was redeemed on the day `redeemed_on` and in its calendar month, in whole units of the currency.
    #[serde(default)]
    pub amount_that_day: u64,
    #[serde(default)]
    pub amount_that_month: u64,
    /// The batch of the first code that was redeemed.
    #[serde(default)]
    pub first_batch: Option<String>,
    /// Newest first, at most [`RECENT`].
    #[serde(default)]
    pub recent: Vec<Redeemed>,
    pub untold: Option<Untold>,
    /// 0: not stored yet.
    pub version: u64,
}

impl Customer {
    pub fn new(id: CustomerId, phone: Msisdn, now: Timestamp) -> Self {
        Self {
            id,
            phone,
            language: None,
            first_seen: now,
            minute: None,
            hour: None,
            day: None,
            blocked_until: None,
            redeemed_on: None,
            redeemed_that_day: 0,
            redeemed_in_all: 0,
            amount_that_day: 0,
            amount_that_month: 0,
            first_batch: None,
            recent: Vec::new(),
            untold: None,
            version: 0,
        }
    }

    /// Until when no attempt is taken, if a limit has been reached.
    pub fn shut_out_until(&self, limits: &AttemptLimits, now: Timestamp) -> Option<Timestamp> {
        let blocked = self.blocked_until.filter(|until| *until > now);
        let full = |window: Option<Window>, length_ms: i64, most: u32| {
            Window::open(window, length_ms, now)
                .filter(|window| window.used >= most)
                .map(|window| time::plus(window.since, length_ms))
        };
        [
            blocked,
            full(self.minute, MINUTE_MS, limits.per_minute),
            full(self.hour, HOUR_MS, limits.per_hour),
            full(self.day, DAY_MS, limits.per_day),
        ]
        .into_iter()
        .flatten()
        .max()
    }

    /// Counts an attempt. One that reaches the limit of a minute shuts the phone out for the block time,
    /// unless it was a redemption: who wins five times in a minute waits only for the minute.
    pub fn count_attempt(&mut self, limits: &AttemptLimits, weight: u32, failed: bool, now: Timestamp) {
        let minute = Window::add(self.minute, MINUTE_MS, weight, now);
        self.minute = Some(minute);
        self.hour = Some(Window::add(self.hour, HOUR_MS, weight, now));
        self.day = Some(Window::add(self.day, DAY_MS, weight, now));
        if failed && minute.used >= limits.per_minute {
            self.blocked_until = Some(time::plus(now, i64::from(limits.block_minutes) * MINUTE_MS));
        }
    }

    pub fn redeemed_on_day(&self, today: Date) -> u32 {
        if self.redeemed_on == Some(today) { self.redeemed_that_day } else { 0 }
    }

    /// What was redeemed on this calendar day, in whole units of the currency.
    pub fn amount_on_day(&self, today: Date) -> u64 {
        if self.redeemed_on == Some(today) { self.amount_that_day } else { 0 }
    }

    /// What was redeemed in the calendar month of `today`, in whole units of the currency.
    pub fn amount_in_month(&self, today: Date) -> u64 {
        let same = |last: Date| last.first_of_month() == today.first_of_month();
        if self.redeemed_on.is_some_and(same) { self.amount_that_month } else { 0 }
    }

    pub fn count_redemption(&mut self, redeemed: Redeemed, batch_id: &str, today: Date) {
        self.redeemed_that_day = self.redeemed_on_day(today).saturating_add(1);
        self.amount_that_day = self.amount_on_day(today).saturating_add(redeemed.amount);
        self.amount_that_month = self.amount_in_month(today).saturating_add(redeemed.amount);
        self.redeemed_on = Some(today);
        self.redeemed_in_all = self.redeemed_in_all.saturating_add(1);
        if self.first_batch.is_none() {
            self.first_batch = Some(batch_id.to_owned());
        }
        self.recent.insert(0, redeemed);
        self.recent.truncate(RECENT);
    }
}
