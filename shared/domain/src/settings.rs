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
    pub codes: CodeRules,
    pub sheets: SheetSettings,
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
            codes: CodeRules::default(),
            sheets: SheetSettings::default(),
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
        problems.extend(self.payouts.problems());
        problems.extend(self.codes.problems());
        problems.extend(self.sheets.problems());
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
    /// Whether one customer may redeem codes of more than one batch.
    pub several_batches: bool,
}

impl Default for RedemptionRules {
    fn default() -> Self {
        Self { per_day: Some(20), in_all: None, cooldown_minutes: 0, grace_hours: 0, several_batches: true }
    }
}

/// How money is sent: retries, limits, approval, and when sending pauses by itself.
///
/// Amounts are whole units of the account's currency; no limit where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PayoutPolicy {
    /// Sends and new references after the first send; at most 5.
    pub retries: u8,
    /// Minutes before the first, second, … retry; the last one repeats.
    pub retry_minutes: Vec<u32>,
    /// Seconds after an accepted send until its state is asked for without a callback. MTN advises five minutes.
    pub first_ask_seconds: u32,
    /// Questions to the provider in one second, over all workers. MTN takes ten (contracts.md 2, throttling).
    pub asks_per_second: u32,
    /// The most that one payout may be (PAY-09).
    pub most_per_payout: Option<u64>,
    /// The most that one customer may redeem in a calendar day and month of the business.
    pub customer_per_day: Option<u64>,
    pub customer_per_month: Option<u64>,
    /// The most that is sent in a calendar day and month, to everybody; beyond, payouts wait for the next one.
    pub total_per_day: Option<u64>,
    pub total_per_month: Option<u64>,
    /// A payout of more than this needs a second person (PAY-08).
    pub approve_above: Option<u64>,
    /// Every payout needs a second person.
    pub approve_all: bool,
    /// Whether the receiving account is asked about before anything is sent (PAY-14).
    pub check_account: bool,
    /// How long an answer about an account is believed.
    pub account_kept_hours: u32,
    /// Failures of the provider in a row that open the circuit breaker (PAY-05).
    pub breaker_after: u32,
    /// How long it stays open before one probe; doubled with each probe that fails, up to sixteen times.
    pub breaker_seconds: u32,
    /// A float below this is an alert (PAY-10).
    pub balance_alert: u64,
    /// Sending pauses while the float, less all that is on its way, is below this.
    pub balance_pause: u64,
    /// Minutes between two looks at the float.
    pub balance_minutes: u32,
    /// Sending pauses when fewer than this many of a hundred of the last outcomes are paid (PAY-15).
    pub pause_below_percent: Option<u8>,
    /// How many outcomes are looked at.
    pub outcomes: u32,
    /// What happens to a caller who isn't on MTN (USD-11).
    pub other_networks: OtherNetworks,
}

impl Default for PayoutPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            retry_minutes: vec![1, 5, 15, 30, 60],
            first_ask_seconds: 300,
            asks_per_second: 10,
            most_per_payout: None,
            customer_per_day: None,
            customer_per_month: None,
            total_per_day: None,
            total_per_month: None,
            approve_above: None,
            approve_all: false,
            check_account: false,
            account_kept_hours: 24,
            breaker_after: 5,
            breaker_seconds: 30,
            balance_alert: 0,
            balance_pause: 0,
            balance_minutes: 5,
            pause_below_percent: Some(50),
            outcomes: 100,
            other_networks: OtherNetworks::AskNumber,
        }
    }
}

/// What a caller on another network than MTN is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherNetworks {
    /// To name an MTN number, whose owner's name is shown and confirmed before anything is redeemed.
    AskNumber,
    /// To be paid by the second rail.
    SecondRail,
    /// Nothing: the code stays as it is.
    Refuse,
}

impl PayoutPolicy {
    /// Whether a payout of `amount` waits for a second person before its first send.
    pub fn needs_approval(&self, amount: u64) -> bool {
        self.approve_all || self.approve_above.is_some_and(|above| amount > above)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("payouts.{what}"));
            }
        };
        must(self.retries <= 5, "retries: at most 5");
        must(!self.retry_minutes.is_empty(), "retry_minutes: at least one");
        must(self.retry_minutes.len() <= 10, "retry_minutes: at most 10");
        must(self.retry_minutes.iter().all(|minutes| (1..=1_440).contains(minutes)), "retry_minutes: each 1 to 1440");
        must((1..=3_600).contains(&self.first_ask_seconds), "first_ask_seconds: between 1 and 3600");
        must((1..=100_000).contains(&self.asks_per_second), "asks_per_second: between 1 and 100000");
        let rises = |day: Option<u64>, month: Option<u64>| day.zip(month).is_none_or(|(day, month)| day <= month);
        must(rises(self.customer_per_day, self.customer_per_month), "customer_per_day ≤ payouts.customer_per_month");
        must(rises(self.total_per_day, self.total_per_month), "total_per_day ≤ payouts.total_per_month");
        let limits = [
            self.most_per_payout,
            self.customer_per_day,
            self.customer_per_month,
            self.total_per_day,
            self.total_per_month,
        ];
        must(limits.iter().all(|limit| *limit != Some(0)), "limits: at least 1, or none for no limit");
        must((1..=720).contains(&self.account_kept_hours), "account_kept_hours: between 1 and 720");
        must((1..=1_000).contains(&self.breaker_after), "breaker_after: between 1 and 1000");
        must((1..=3_600).contains(&self.breaker_seconds), "breaker_seconds: between 1 and 3600");
        must(self.balance_pause <= self.balance_alert, "balance_pause ≤ payouts.balance_alert");
        must((1..=1_440).contains(&self.balance_minutes), "balance_minutes: between 1 and 1440");
        must(self.pause_below_percent.is_none_or(|percent| percent <= 100), "pause_below_percent: at most 100");
        must((50..=500).contains(&self.outcomes), "outcomes: between 50 and 500");
        problems
    }
}

/// Bounds of making codes (COD-12), and ceilings of the money they stand for (BAT-09).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CodeRules {
    /// Days from its making to a batch's expiry, where the form names none.
    pub expiry_default_days: u32,
    pub expiry_min_days: u32,
    pub expiry_max_days: u32,
    /// The most codes of one batch, over all its runs.
    pub per_batch: u64,
    /// The most batches that one user makes; none for no limit.
    pub batches_per_user: Option<u32>,
    /// Whether a new batch without an assignee is its maker's.
    pub assign_to_creator: bool,
    /// What one code may be worth, in whole units of the currency.
    pub amount_min: u64,
    pub amount_max: u64,
    /// The most that may be payable for one batch, for codes made in one calendar month, and in all. Beyond, a second
    /// person must agree. None for no limit.
    pub ceiling_per_batch: Option<u64>,
    pub ceiling_per_month: Option<u64>,
    pub ceiling_in_all: Option<u64>,
    /// Items that jobs together write in a second, so that people redeeming have room.
    pub writes_per_second: u32,
    /// Lookups of codes by one user in an hour: validation, and partial matches without the right to download.
    pub lookups_per_hour: u32,
}

impl Default for CodeRules {
    fn default() -> Self {
        Self {
            expiry_default_days: 365,
            expiry_min_days: 1,
            expiry_max_days: 1_825,
            per_batch: 1_000_000,
            batches_per_user: None,
            assign_to_creator: false,
            amount_min: 1,
            amount_max: crate::money::MAX_AMOUNT,
            ceiling_per_batch: None,
            ceiling_per_month: None,
            ceiling_in_all: None,
            writes_per_second: 1_000,
            lookups_per_hour: 300,
        }
    }
}

/// The money that codes stand for, before more are made; all in whole units of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payable {
    /// All codes of the batch, those that are coming with them.
    pub batch: u64,
    /// Codes that were asked for in this calendar month of the business.
    pub month: u64,
    /// What may still be asked for of all open batches.
    pub in_all: u64,
}

impl CodeRules {
    /// Whether `more` would pass the ceiling of all that may be payable.
    pub fn beyond_all(&self, in_all: u64, more: u64) -> bool {
        self.ceiling_in_all.is_some_and(|most| in_all.saturating_add(more) > most)
    }

    /// Whether `more` would pass a ceiling (BAT-09).
    pub fn beyond(&self, payable: Payable, more: u64) -> bool {
        let over = |ceiling: Option<u64>, sum: u64| ceiling.is_some_and(|most| sum.saturating_add(more) > most);
        over(self.ceiling_per_batch, payable.batch)
            || over(self.ceiling_per_month, payable.month)
            || self.beyond_all(payable.in_all, more)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let days = [self.expiry_min_days, self.expiry_default_days, self.expiry_max_days];
        if !days.is_sorted() || self.expiry_max_days > 3_650 {
            problems.push("codes: expiry_min_days ≤ expiry_default_days ≤ expiry_max_days ≤ 3650".to_owned());
        }
        if self.amount_min == 0 || self.amount_min > self.amount_max || self.amount_max > crate::money::MAX_AMOUNT {
            problems.push("codes: 1 ≤ amount_min ≤ amount_max ≤ 10,000,000".to_owned());
        }
        if !(1..=10_000_000).contains(&self.per_batch) {
            problems.push("codes.per_batch: between 1 and 10,000,000".to_owned());
        }
        if !(100..=100_000).contains(&self.writes_per_second) {
            problems.push("codes.writes_per_second: between 100 and 100,000".to_owned());
        }
        if self.lookups_per_hour == 0 {
            problems.push("codes.lookups_per_hour: at least 1".to_owned());
        }
        problems
    }
}

/// What stands on printed sheets. The logo is a row of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SheetSettings {
    /// The company as it signs; empty for the brand.
    pub company: String,
    /// At most four lines of at most 60 characters: address, telephone, site.
    pub contact: Vec<String>,
    /// Whether a card has a QR code that dials.
    pub qr: bool,
}

impl SheetSettings {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let short = |text: &str| text.chars().count() <= 60 && !text.chars().any(char::is_control);
        if !short(&self.company) {
            problems.push("sheets.company: at most 60 characters".to_owned());
        }
        if self.contact.len() > 4 || !self.contact.iter().all(|line| short(line)) {
            problems.push("sheets.contact: at most 4 lines of at most 60 characters".to_owned());
        }
        problems
    }
}
