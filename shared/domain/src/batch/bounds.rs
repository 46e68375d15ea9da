//! What a batch may be, by the settings: every field that is wrong is named.

use super::RUN_CODES_MAX;
use crate::{
    money::{Currency, Money},
    settings::{CodeRules, Settings},
    time::{self, DAY_MS},
};
use jiff::Timestamp;

/// A batch as somebody asks for it, read from a form.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBatch {
    pub codes: u64,
    pub amount: u64,
    pub currency: Currency,
    pub expires_at: Option<Timestamp>,
}

/// One bad field: its name, a stable code, and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub field: &'static str,
    pub code: &'static str,
    pub message: String,
}

fn wrong(field: &'static str, code: &'static str, message: impl Into<String>) -> Wrong {
    Wrong { field, code, message: message.into() }
}

/// What is wrong with a date at `now`, if anything is.
pub fn expiry_problem(expires_at: Timestamp, rules: &CodeRules, now: Timestamp) -> Option<Wrong> {
    if expires_at <= now {
        return Some(wrong("expires_at", "past", "a point in time in the future"));
    }
    let away = time::between(now, expires_at);
    let bound = |days: u32| i64::from(days) * DAY_MS;
    if away < bound(rules.expiry_min_days) {
        return Some(wrong("expires_at", "too_soon", format!("at least {} days from now", rules.expiry_min_days)));
    }
    if away > bound(rules.expiry_max_days) {
        return Some(wrong("expires_at", "too_far", format!("at most {} days from now", rules.expiry_max_days)));
    }
    None
}

/// Everything that is wrong with a new batch.
pub fn batch_problems(new: &NewBatch, settings: &Settings, currency: Currency, now: Timestamp) -> Vec<Wrong> {
    let rules = &settings.codes;
    let mut found = Vec::new();
    if new.codes > RUN_CODES_MAX.min(rules.per_batch) {
        let most = RUN_CODES_MAX.min(rules.per_batch);
        found.push(wrong("total_codes", "too_many", format!("at most {most} codes at one time")));
    }
    if new.currency != currency {
        found.push(wrong("currency", "unknown", format!("this system pays in {}", currency.code())));
    }
    match Money::new(new.amount, new.currency) {
        Err(error) => found.push(wrong("amount", "out_of_bounds", error.to_string())),
        Ok(_) if !(rules.amount_min..=rules.amount_max).contains(&new.amount) => found.push(wrong(
            "amount",
            "out_of_bounds",
            format!("between {} and {}", rules.amount_min, rules.amount_max),
        )),
        Ok(_) => {}
    }
    if let Some(expires_at) = new.expires_at {
        found.extend(expiry_problem(expires_at, rules, now));
    }
    found
}
