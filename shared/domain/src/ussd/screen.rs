//! What is shown. Every refusal is mapped to its words without a catch-all: a new one doesn't compile without a sentence.

use crate::{
    code::Malformed,
    customer::Redeemed,
    money::{Currency, Money},
    payout::Outside,
    phone::Msisdn,
    redemption::Refusal,
    settings::Settings,
    text::{Key, SCREEN, Texts, length},
    time::{self, MINUTE_MS},
    ussd::HolderName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer to one hop: `CON` keeps the session open, `END` closes it.
///
/// The words may hold somebody's number and name, so a debug print hides them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub ends: bool,
    pub words: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ends", &self.ends).field("length", &self.words.len()).finish_non_exhaustive()
    }
}

impl Answer {
    fn open(words: String) -> Self {
        Self { ends: false, words: cut(words) }
    }

    fn end(words: String) -> Self {
        Self { ends: true, words: cut(words) }
    }

    /// As Africa's Talking reads it: the body starts exactly with `CON ` or `END `.
    pub fn body(&self) -> String {
        format!("{} {}", if self.ends { "END" } else { "CON" }, self.words)
    }
}

/// Settings are checked to fit, so this only guards against a value longer than any foreseen.
fn cut(words: String) -> String {
    if length(&words).is_some_and(|length| length <= SCREEN) {
        return words;
    }
    let mut out = String::with_capacity(SCREEN);
    for character in words.chars() {
        let plain = if length(character.encode_utf8(&mut [0; 4])).is_some() { character } else { '?' };
        out.push(plain);
        if length(&out).is_some_and(|length| length > SCREEN) {
            out.pop();
            break;
        }
    }
    out
}

#[derive(Clone, Debug, PartialEq)]
pub enum Screen<'a> {
    Welcome,
    /// The last code's result, for a session that dropped before it was told, above the menu.
    WelcomeBack {
        redeemed: &'a Redeemed,
        state: Outside,
    },
    /// The last refusal, for a session that dropped before it was told.
    RefusedBefore {
        words: &'a str,
    },
    Rewards(&'a [(Redeemed, Outside)]),
    LanguageMenu,
    Help,
    TooDeep,
    Malformed,
    Success {
        money: Money,
        phone: &'a Msisdn,
        reference: &'a str,
    },
    /// Redeemed, and a second person decides before anything is sent.
    AwaitingApproval {
        money: Money,
        phone: &'a Msisdn,
        reference: &'a str,
    },
    /// Which MoMo number is to be paid?
    AskNumber,
    /// What was typed is no number of MTN's.
    NotMomo,
    CheckingNumber {
        number: &'a Msisdn,
    },
    ConfirmName {
        number: &'a Msisdn,
        name: &'a HolderName,
    },
    NoAccount {
        number: &'a Msisdn,
    },
    Received,
    Trouble,
    /// Trouble before anything was written: the code is as it was.
    TroubleKept,
    OnlyRwanda,
    Maintenance,
}

impl Screen<'_> {
    pub fn render(&self, settings: &Settings, texts: &Texts<'_>) -> Answer {
        match self {
            Self::Welcome => Answer::open(format!("{}\n{}", texts.say(Key::Welcome, &[]), texts.menu())),
            Self::WelcomeBack { redeemed, state } => {
                Answer::open(format!("{}\n{}", rewards_line(redeemed, *state, settings, texts), texts.menu()))
            }
            Self::RefusedBefore { words } => {
                let prompt = texts.menu();
                let whole = format!("{words}\n{prompt}");
                let fits = length(&whole).is_some_and(|length| length <= SCREEN);
                Answer::open(if fits { whole } else { format!("{words}\n{}", texts.say(Key::Prompt, &[])) })
            }
            Self::Rewards([]) => Answer::open(texts.say(Key::NoRewards, &[])),
            Self::Rewards(rewards) => {
                let mut words = texts.say(Key::Rewards, &[]);
                for (index, (redeemed, state)) in rewards.iter().enumerate() {
                    let line = format!("\n{}. {}", index + 1, rewards_line(redeemed, *state, settings, texts));
                    if length(&format!("{words}{line}")).is_none_or(|length| length > SCREEN) {
                        break;
                    }
                    words.push_str(&line);
                }
                Answer::end(words)
            }
            Self::LanguageMenu => Answer::open(texts.say(Key::LanguageMenu, &[])),
            Self::Help => Answer::end(texts.say(Key::Help, &[])),
            Self::TooDeep => Answer::end(texts.say(Key::TooDeep, &[])),
            Self::Malformed => Answer::open(texts.say(Key::Malformed, &[])),
            Self::Success { money, phone, reference } => {
                Answer::end(redeemed(texts, Key::Success, *money, phone, reference))
            }
            Self::AwaitingApproval { money, phone, reference } => {
                Answer::end(redeemed(texts, Key::AwaitingApproval, *money, phone, reference))
            }
            Self::AskNumber => Answer::open(texts.say(Key::AskNumber, &[])),
            Self::NotMomo => Answer::open(texts.say(Key::NotMomo, &[])),
            Self::CheckingNumber { number } => {
                Answer::open(texts.say(Key::CheckingNumber, &[("number", &number.local())]))
            }
            Self::ConfirmName { number, name } => Answer::open(texts.confirm_name(&number.local(), name.as_str())),
            Self::NoAccount { number } => Answer::open(texts.say(Key::NoAccount, &[("number", &number.local())])),
            Self::Received => Answer::end(texts.say(Key::Received, &[])),
            Self::Trouble => Answer::end(texts.say(Key::Trouble, &[])),
            Self::TroubleKept => Answer::end(texts.say(Key::TroubleKept, &[])),
            Self::OnlyRwanda => Answer::end(texts.say(Key::OnlyRwanda, &[])),
            Self::Maintenance => Answer::end(texts.say(Key::Maintenance, &[])),
        }
    }
}

fn redeemed(texts: &Texts<'_>, key: Key, money: Money, phone: &Msisdn, reference: &str) -> String {
    texts.say(key, &[("amount", &money.grouped()), ("number", &phone.local()), ("ref", reference)])
}

fn rewards_line(redeemed: &Redeemed, state: Outside, settings: &Settings, texts: &Texts<'_>) -> String {
    let amount = Money { amount: redeemed.amount, currency: Currency::Rwf }.grouped();
    let date = time::figures(time::day(redeemed.at, &settings.zone()));
    texts.say(Key::RewardsLine, &[("date", &date), ("amount", &amount), ("state", &texts.state(state))])
}

/// The words for a refusal. `payout` is the state of the customer's own earlier payout, where the refusal names one.
pub fn refusal_screen(
    refusal: &Refusal,
    payout: Option<Outside>,
    phone: &Msisdn,
    settings: &Settings,
    texts: &Texts<'_>,
    now: Timestamp,
) -> Answer {
    match refusal {
        Refusal::Maintenance => Answer::end(texts.say(Key::Maintenance, &[])),
        Refusal::Paused => Answer::end(texts.say(Key::Paused, &[])),
        Refusal::TooManyAttempts { until } => {
            Answer::end(texts.say(Key::TooManyAttempts, &[("minutes", &texts.minutes(minutes_until(*until, now)))]))
        }
        Refusal::Malformed(Malformed::Length(_) | Malformed::Character(_) | Malformed::DatePart) => {
            Answer::open(texts.say(Key::Malformed, &[]))
        }
        Refusal::Unknown => Answer::open(texts.say(Key::NotFound, &[])),
        Refusal::Expired { on } => Answer::end(texts.say(Key::Expired, &[("date", &time::figures(*on))])),
        Refusal::Blocked => Answer::end(texts.say(Key::Blocked, &[])),
        Refusal::Reported => Answer::end(texts.say(Key::Reported, &[])),
        Refusal::BatchNotActive => Answer::end(texts.say(Key::NotActive, &[])),
        Refusal::AlreadyYours { at, .. } => {
            let date = time::figures(time::day(*at, &settings.zone()));
            let state = texts.state(payout.unwrap_or(Outside::Processing));
            Answer::end(texts.say(Key::RedeemedByYou, &[("date", &date), ("state", &state)]))
        }
        Refusal::AlreadyTaken => Answer::end(texts.say(Key::RedeemedByAnother, &[])),
        Refusal::DayLimit { again_on } => Answer::end(texts.say(Key::DayLimit, &[("date", &time::figures(*again_on))])),
        Refusal::LimitInAll => Answer::end(texts.say(Key::LimitInAll, &[])),
        Refusal::OtherBatch => Answer::end(texts.say(Key::OtherBatch, &[])),
        Refusal::AmountPerPayout => Answer::end(texts.say(Key::AmountPerPayout, &[])),
        Refusal::AmountPerDay { again_on } => {
            Answer::end(texts.say(Key::AmountPerDay, &[("date", &time::figures(*again_on))]))
        }
        Refusal::AmountPerMonth { again_on } => {
            Answer::end(texts.say(Key::AmountPerMonth, &[("date", &time::figures(*again_on))]))
        }
        Refusal::Cooldown { until } => {
            Answer::end(texts.say(Key::Cooldown, &[("minutes", &texts.minutes(minutes_until(*until, now)))]))
        }
        Refusal::NumberCannotReceive => Answer::end(texts.say(Key::NumberCannotReceive, &[("number", &phone.local())])),
    }
}

/// Whole minutes until then, at least 1, at most a day's 1,440.
pub fn minutes_until(until: Timestamp, now: Timestamp) -> i64 {
    let milliseconds = time::between(now, until).max(0);
    ((milliseconds + MINUTE_MS - 1) / MINUTE_MS).clamp(1, 1_440)
}
