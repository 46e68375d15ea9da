//! What staff can set. Every field has a default, so settings of an older version load with defaults for what is new.

use crate::{
    security::SecuritySettings,
    text::{Language, Overrides},
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub version: u64,
    /// The name on the screens, at most 12 letters.
    pub brand: String,
    /// The number that customers call, as they dial it.
    pub help_phone: String,
    /// An IANA name. Days, and the date inside a code, are days of this zone.
    pub timezone: String,
    pub ussd: UssdSettings,
    pub redemption: RedemptionRules,
    pub payouts: PayoutPolicy,
    pub security: SecuritySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 0,
            brand: "MBELYCO".to_owned(),
            help_phone: "0788000100".to_owned(),
            timezone: "Africa/Kigali".to_owned(),
            ussd: UssdSettings::default(),
            redemption: RedemptionRules::default(),
            payouts: PayoutPolicy::default(),
            security: SecuritySettings::default(),
        }
    }
}

impl Settings {
    /// The business's time zone; UTC when the name is unknown, which [`Settings::problems`] reports.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC)
    }

    /// What is wrong with these settings, each with the field's name. Nothing with a problem may be stored.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = crate::text::problems(self);
        if TimeZone::get(&self.timezone).is_err() {
            problems.push(format!("timezone: {:?} is no known time zone", self.timezone));
        }
        let limits = &self.ussd.attempts;
        if limits.per_minute == 0 || limits.per_minute > limits.per_hour || limits.per_hour > limits.per_day {
            problems.push("ussd.attempts: per_minute, per_hour and per_day must be at least 1 and not fall".to_owned());
        }
        if !(1..=20).contains(&self.ussd.max_depth) {
            problems.push("ussd.max_depth: between 1 and 20".to_owned());
        }
        let menu = &self.ussd.menu;
        if menu.iter().enumerate().any(|(at, item)| menu[..at].contains(item)) {
            problems.push("ussd.menu: each entry once".to_owned());
        }
        if self.payouts.retries > 5 {
            problems.push("payouts.retries: at most 5".to_owned());
        }
        if self.payouts.retry_minutes.is_empty() || self.payouts.retry_minutes.contains(&0) {
            problems.push("payouts.retry_minutes: at least one, each at least 1".to_owned());
        }
        problems.extend(self.security.problems().into_iter().map(|(field, what)| format!("security.{field}: {what}")));
        problems
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuItem {
    Rewards,
    Language,
    Help,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UssdSettings {
    /// As dialled, with star and hash.
    pub service_code: String,
    pub default_language: Language,
    /// What the first screen offers beside typing a code, in this order; what is not here is switched off.
    pub menu: Vec<MenuItem>,
    /// The most inputs in one session.
    pub max_depth: usize,
    pub maintenance: bool,
    pub attempts: AttemptLimits,
    pub texts: Overrides,
}

impl Default for UssdSettings {
    fn default() -> Self {
        Self {
            service_code: "*801#".to_owned(),
            default_language: Language::Kinyarwanda,
            menu: vec![MenuItem::Rewards, MenuItem::Language, MenuItem::Help],
            max_depth: 12,
            maintenance: false,
            attempts: AttemptLimits::default(),
            texts: Overrides::default(),
        }
    }
}

/// Attempts to redeem that one phone has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptLimits {
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
    /// How long a phone waits after wrong guesses have used up its minute.
    pub block_minutes: u32,
    /// A guess at a code that doesn't exist counts this many attempts.
    pub failed_weight: u32,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self { per_minute: 5, per_hour: 30, per_day: 100, block_minutes: 15, failed_weight: 2 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedemptionRules {
    /// The most redemptions of one customer in a calendar day.
    pub per_day: Option<u32>,
    /// The most redemptions of one customer, ever.
    pub in_all: Option<u32>,
    /// Minutes between two redemptions of one customer.
    pub cooldown_minutes: u32,
    /// Hours after its expiry in which a code still redeems.
    pub grace_hours: u32,
}

impl Default for RedemptionRules {
    fn default() -> Self {
        Self { per_day: Some(20), in_all: None, cooldown_minutes: 0, grace_hours: 0 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PayoutPolicy {
    /// Sends and new references after the first send; at most 5.
    pub retries: u8,
    /// Minutes before the first, second, … retry; the last one repeats.
    pub retry_minutes: Vec<u32>,
    /// Seconds after an accepted send until its state is asked for without a callback. MTN advises five minutes.
    pub first_ask_seconds: u32,
}

impl Default for PayoutPolicy {
    fn default() -> Self {
        Self { retries: 3, retry_minutes: vec![1, 5, 15, 30, 60], first_ask_seconds: 300 }
    }
}
