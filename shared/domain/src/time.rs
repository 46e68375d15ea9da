//! Points in time. Stored as whole milliseconds since 1970-01-01T00:00:00Z.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Serialises a [`Timestamp`] as integer milliseconds, the unit of every time in the table.
pub use jiff::fmt::serde::timestamp::millisecond::{optional, required};

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// `at` moved by `milliseconds`; stays at the ends of the calendar rather than overflow.
pub fn plus(at: Timestamp, milliseconds: i64) -> Timestamp {
    from_millis(at.as_millisecond().saturating_add(milliseconds))
}

/// Milliseconds from `earlier` to `later`; negative when they are the other way round.
pub fn between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_millisecond().saturating_sub(earlier.as_millisecond())
}

/// The point in time `milliseconds` after 1970-01-01T00:00:00Z, kept within the calendar.
pub fn from_millis(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The calendar day of `at` in `zone`.
pub fn day(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// `30/11/2026`: always in figures, because "ejo" is both yesterday and tomorrow.
pub fn figures(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}
