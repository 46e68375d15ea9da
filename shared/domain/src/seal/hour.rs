use crate::time::{self, HOUR_MS};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One hour of UTC, written `2026112013`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hour(i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an hour is written as year, month, day and hour of UTC in ten figures, such as 2026112013")]
pub struct BadHour;

impl Hour {
    /// The hour that `at` lies in.
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_millisecond().div_euclid(HOUR_MS))
    }

    pub fn start(self) -> Timestamp {
        time::from_millis(self.0.saturating_mul(HOUR_MS))
    }

    /// The first moment that doesn't belong to it.
    pub fn end(self) -> Timestamp {
        self.plus(1).start()
    }

    /// The hour that comes `hours` later; earlier when negative.
    #[must_use]
    pub fn plus(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours))
    }

    /// Hours from `self` to `later`; negative when they are the other way round.
    pub fn until(self, later: Self) -> i64 {
        later.0.saturating_sub(self.0)
    }

    /// The day of UTC.
    pub fn day(self) -> Date {
        self.civil().date()
    }

    /// 0 to 23.
    pub fn of_day(self) -> i8 {
        self.civil().hour()
    }

    fn civil(self) -> DateTime {
        TimeZone::UTC.to_datetime(self.start())
    }
}

impl FromStr for Hour {
    type Err = BadHour;
    fn from_str(text: &str) -> Result<Self, BadHour> {
        if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadHour);
        }
        let part = |from: usize, to: usize| text[from..to].parse::<i8>().map_err(|_| BadHour);
        let year: i16 = text[..4].parse().map_err(|_| BadHour)?;
        let start = DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, 0, 0, 0).map_err(|_| BadHour)?;
        start.to_zoned(TimeZone::UTC).map(|start| Self::of(start.timestamp())).map_err(|_| BadHour)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil();
        write!(f, "{:04}{:02}{:02}{:02}", at.year(), at.month(), at.day(), at.hour())
    }
}

impl TryFrom<String> for Hour {
    type Error = BadHour;
    fn try_from(text: String) -> Result<Self, BadHour> {
        text.parse()
    }
}

impl From<Hour> for String {
    fn from(hour: Hour) -> Self {
        hour.to_string()
    }
}
