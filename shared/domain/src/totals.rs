//! How much has been sent to everybody in one calendar month of the business, and on each of its days.
//!
//! A payout counts from its first send, once, for the day of that send; what has surely failed is taken off again.

use crate::{settings::PayoutPolicy, time};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whole units of the account's currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    pub sent: i64,
    /// `d01` to `d31`, beside whatever else the row has.
    #[serde(flatten)]
    days: BTreeMap<String, serde_json::Value>,
}

/// Whether there is room for one more payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Enough,
    /// Not before the next day or month.
    Until(Timestamp),
}

/// `2026-11`: the month whose row a day belongs to.
pub fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

/// The attribute of a day in its month's row.
pub fn day_attribute(day: Date) -> String {
    format!("d{:02}", day.day())
}

impl Totals {
    pub fn on(&self, day: Date) -> i64 {
        self.days.get(&day_attribute(day)).and_then(serde_json::Value::as_i64).unwrap_or(0)
    }

    pub fn room(&self, amount: u64, policy: &PayoutPolicy, now: Timestamp, zone: &TimeZone) -> Room {
        let today = time::day(now, zone);
        let over = |limit: Option<u64>, sum: i64| {
            limit.is_some_and(|most| u64::try_from(sum).unwrap_or(0).saturating_add(amount) > most)
        };
        let start = |day: Date| day.to_zoned(zone.clone()).map_or(time::plus(now, time::DAY_MS), |at| at.timestamp());
        if over(policy.total_per_month, self.sent) {
            let next = today.last_of_month().tomorrow().unwrap_or(today);
            return Room::Until(start(next));
        }
        if over(policy.total_per_day, self.on(today)) {
            return Room::Until(start(today.tomorrow().unwrap_or(today)));
        }
        Room::Enough
    }
}
