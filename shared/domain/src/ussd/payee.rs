//! Whose account is the number that a caller on another network has named? Nothing is redeemed before that name was
//! shown to the caller and agreed to.
//!
//! Only the payout worker can ask the provider, so the question is a row: the dialogue writes it, the worker answers it.

use crate::{
    customer::Window,
    phone::Msisdn,
    time::{self, DAY_MS, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a name is believed, and how long the row is kept.
pub const KEPT_MS: i64 = DAY_MS;
/// An account can be opened any minute, so that there is none is not believed for a day.
pub const NO_ACCOUNT_KEPT_MS: i64 = 10 * MINUTE_MS;
/// The worker is nudged again at the earliest this long after the last time.
pub const NUDGE_AGAIN_MS: i64 = 3 * SECOND_MS;
/// How many numbers one customer can ask about in a day: their names are other people's.
pub const NUMBERS_PER_DAY: u32 = 5;
/// A longer name is cut.
const MAX_NAME: usize = 64;

/// The name on an account. It is somebody's own, so a debug print hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HolderName(String);

impl HolderName {
    /// `None` for a text in which there is no letter: nobody could say yes to it.
    pub fn new(name: &str) -> Option<Self> {
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let name: String = name.chars().take(MAX_NAME).collect();
        name.chars().any(char::is_alphabetic).then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HolderName(…)")
    }
}

/// What is known of the account behind a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Holder {
    /// The provider has not been asked yet, or did not say.
    Awaited,
    Known {
        name: HolderName,
    },
    NoAccount,
}

/// The question about the number that a customer has named last; one row a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayeeCheck {
    pub payee: Msisdn,
    #[serde(with = "time::required")]
    pub asked_at: Timestamp,
    #[serde(with = "time::required")]
    pub nudged_at: Timestamp,
    pub holder: Holder,
    /// The session in which the name was shown last.
    pub shown_in: Option<String>,
    /// The numbers asked about, of which a day has [`NUMBERS_PER_DAY`].
    pub numbers: Window,
    pub version: u64,
}

/// What follows when a customer names a number, or says yes to the name on it.
#[derive(Clone, Debug, PartialEq)]
pub enum PayeeStep {
    /// Store this and nudge the payout worker.
    Ask(PayeeCheck),
    /// The worker has been nudged and has not answered.
    Wait,
    NoAccount,
    /// Store this with the screen that shows the name.
    Show(PayeeCheck, HolderName),
    /// The name was shown in this session, and the answer is yes.
    Confirmed,
    /// No further number is asked about until then.
    TooMany {
        until: Timestamp,
    },
}

impl PayeeCheck {
    /// `says_yes` is the caller's answer to the name; it counts only where this session has shown it.
    pub fn step(check: Option<&Self>, payee: &Msisdn, session: &str, says_yes: bool, now: Timestamp) -> PayeeStep {
        let Some(check) = check.filter(|check| check.payee == *payee && check.is_good(now)) else {
            return Self::ask(check, payee, now);
        };
        match &check.holder {
            Holder::Awaited if time::between(check.nudged_at, now) >= NUDGE_AGAIN_MS => {
                PayeeStep::Ask(Self { nudged_at: now, version: check.version + 1, ..check.clone() })
            }
            Holder::Awaited => PayeeStep::Wait,
            Holder::NoAccount => PayeeStep::NoAccount,
            Holder::Known { .. } if says_yes && check.shown_in.as_deref() == Some(session) => PayeeStep::Confirmed,
            Holder::Known { name } => {
                let shown = Self { shown_in: Some(session.to_owned()), version: check.version + 1, ..check.clone() };
                PayeeStep::Show(shown, name.clone())
            }
        }
    }

    fn ask(before: Option<&Self>, payee: &Msisdn, now: Timestamp) -> PayeeStep {
        let numbers = before.map(|check| check.numbers);
        let full = Window::open(numbers, DAY_MS, now).filter(|window| window.used >= NUMBERS_PER_DAY);
        if let Some(window) = full {
            return PayeeStep::TooMany { until: time::plus(window.since, DAY_MS) };
        }
        PayeeStep::Ask(Self {
            payee: payee.clone(),
            asked_at: now,
            nudged_at: now,
            holder: Holder::Awaited,
            shown_in: None,
            numbers: Window::add(numbers, DAY_MS, 1, now),
            version: before.map_or(0, |check| check.version) + 1,
        })
    }

    fn is_good(&self, now: Timestamp) -> bool {
        let kept = match self.holder {
            Holder::Awaited | Holder::Known { .. } => KEPT_MS,
            Holder::NoAccount => NO_ACCOUNT_KEPT_MS,
        };
        time::between(self.asked_at, now) < kept
    }

    /// With the provider's answer. `None` when it is answered already.
    #[must_use]
    pub fn answered(&self, holder: Holder) -> Option<Self> {
        match self.holder {
            Holder::Awaited => Some(Self { holder, version: self.version + 1, ..self.clone() }),
            Holder::Known { .. } | Holder::NoAccount => None,
        }
    }
}
