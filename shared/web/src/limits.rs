//! Rate limits as callers see them: `RateLimit-Policy` and `RateLimit` (IETF draft-ietf-httpapi-ratelimit-headers-11),
//! and 429 with `Retry-After`. What is counted, and for whom, is [`store::Store::count_call`]'s and the API's matter.

use crate::Problem;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{Timestamp, tz::TimeZone};
use store::CallCount;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// One limit, and where a caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Names the limit: letters, figures and hyphens.
    pub name: &'static str,
    /// Calls in one window.
    pub quota: u32,
    pub window_s: u32,
    /// Calls so far, this one included.
    pub used: u64,
    /// Until the window ends and everything is free again.
    pub left_s: u32,
}

impl Window {
    /// The clock's present minute.
    pub fn minute(name: &'static str, quota: u32, used: u64, now: Timestamp) -> Self {
        Self::of(name, quota, used, 60, now)
    }

    /// The clock's present hour.
    pub fn hour(name: &'static str, quota: u32, used: u64, now: Timestamp) -> Self {
        Self::of(name, quota, used, 3_600, now)
    }

    /// The present UTC day.
    pub fn day(name: &'static str, quota: u32, used: u64, now: Timestamp) -> Self {
        Self::of(name, quota, used, 86_400, now)
    }

    fn of(name: &'static str, quota: u32, used: u64, window_s: u32, now: Timestamp) -> Self {
        let clock = now.to_zoned(TimeZone::UTC);
        let in_day =
            u32::try_from(i64::from(clock.hour()) * 3_600 + i64::from(clock.minute()) * 60 + i64::from(clock.second()));
        Self { name, quota, window_s, used, left_s: window_s - in_day.unwrap_or_default() % window_s }
    }

    fn exceeded(&self) -> bool {
        self.used > u64::from(self.quota)
    }
}

/// Where a caller stands with every limit that holds for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing(pub Vec<Window>);

impl Standing {
    /// The usual two limits, `minute` and `hour`.
    pub fn of(per_minute: u32, per_hour: u32, count: CallCount, now: Timestamp) -> Self {
        Self(vec![
            Window::minute("minute", per_minute, count.minute, now),
            Window::hour("hour", per_hour, count.hour, now),
        ])
    }

    /// # Errors
    /// 429 when a limit is passed, with the time until all of those that are passed are free again.
    pub fn check(&self) -> Result<(), Problem> {
        match self.0.iter().filter(|window| window.exceeded()).map(|window| window.left_s).max() {
            None => Ok(()),
            Some(wait_s) => Err(Problem::too_many_requests(wait_s)),
        }
    }

    /// Puts both headers on an answer; on refusals too, so that callers can slow down by themselves.
    pub fn write(&self, headers: &mut HeaderMap) {
        let policy = list(&self.0, |Window { name, quota, window_s, .. }| format!("\"{name}\";q={quota};w={window_s}"));
        let standing = list(&self.0, |window| {
            let left = u64::from(window.quota).saturating_sub(window.used);
            format!("\"{}\";r={left};t={}", window.name, window.left_s)
        });
        for (name, text) in [(POLICY, policy), (STANDING, standing)] {
            if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
                headers.insert(name, value);
            }
        }
    }
}

fn list(windows: &[Window], item: impl Fn(&Window) -> String) -> String {
    windows.iter().map(item).collect::<Vec<_>>().join(", ")
}
