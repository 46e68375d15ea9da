//! The words on the screens, in both languages, and that they fit.
//!
//! A screen is at most 160 characters of GSM 7-bit. Staff may replace any text; what they write is checked with the
//! longest values before it is stored.

mod english;
mod gsm7;
mod kinyarwanda;

pub use gsm7::{fits, folded, length};

use crate::{
    payout::Outside,
    settings::{MenuItem, Settings},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most characters a screen has.
pub const SCREEN: usize = 160;
/// How many characters of an account's name there is room for at least, whatever staff write around it.
pub const NAME_ROOM: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    #[serde(rename = "rw")]
    Kinyarwanda,
    #[serde(rename = "en")]
    English,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Kinyarwanda, Self::English];

    pub fn code(self) -> &'static str {
        match self {
            Self::Kinyarwanda => "rw",
            Self::English => "en",
        }
    }
}

macro_rules! keys {
    ($($key:ident = $name:literal),+ $(,)?) => {
        /// Every text there is. Its name is the key under which settings replace it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Key { $(#[serde(rename = $name)] $key),+ }

        impl Key {
            pub const ALL: &[Self] = &[$(Self::$key),+];

            pub fn name(self) -> &'static str {
                match self { $(Self::$key => $name),+ }
            }
        }
    };
}

keys! {
    Welcome = "welcome",
    Prompt = "prompt",
    PromptOr = "prompt_or",
    MenuRewards = "menu_rewards",
    MenuLanguage = "menu_language",
    MenuHelp = "menu_help",
    Malformed = "malformed",
    NotFound = "not_found",
    Expired = "expired",
    Blocked = "blocked",
    Reported = "reported",
    RedeemedByYou = "redeemed_by_you",
    RedeemedByAnother = "redeemed_by_another",
    Success = "success",
    TooManyAttempts = "too_many_attempts",
    DayLimit = "day_limit",
    LimitInAll = "limit_in_all",
    Cooldown = "cooldown",
    NotActive = "not_active",
    OtherBatch = "other_batch",
    AmountPerPayout = "amount_per_payout",
    AmountPerDay = "amount_per_day",
    AmountPerMonth = "amount_per_month",
    NumberCannotReceive = "number_cannot_receive",
    AskNumber = "ask_number",
    NotMomo = "not_momo",
    CheckingNumber = "checking_number",
    ConfirmName = "confirm_name",
    NoAccount = "no_account",
    AwaitingApproval = "awaiting_approval",
    Paused = "paused",
    Trouble = "trouble",
    TroubleKept = "trouble_kept",
    Received = "received",
    Maintenance = "maintenance",
    Rewards = "rewards",
    RewardsLine = "rewards_line",
    NoRewards = "no_rewards",
    LanguageMenu = "language_menu",
    Help = "help",
    TooDeep = "too_deep",
    OnlyRwanda = "only_rwanda",
    MinuteOne = "minute_one",
    MinuteMany = "minute_many",
    StateOnItsWay = "state_on_its_way",
    StatePaid = "state_paid",
    StateFailed = "state_failed",
    StateAwaiting = "state_awaiting",
}

/// Texts that staff have replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    pub rw: BTreeMap<Key, String>,
    pub en: BTreeMap<Key, String>,
}

impl Overrides {
    fn get(&self, language: Language, key: Key) -> Option<&str> {
        match language {
            Language::Kinyarwanda => self.rw.get(&key),
            Language::English => self.en.get(&key),
        }
        .map(String::as_str)
    }
}

/// The texts of one language, filled in with the settings' names and numbers.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    pub language: Language,
    settings: &'a Settings,
}

impl<'a> Texts<'a> {
    pub fn new(settings: &'a Settings, language: Language) -> Self {
        Self { language, settings }
    }

    /// The text with its `{names}` replaced by `values`, and by the settings' brand, phone and service code.
    pub fn say(&self, key: Key, values: &[(&str, &str)]) -> String {
        let template = self.template(key);
        let settings = self.settings;
        let known = [
            ("brand", settings.brand.as_str()),
            ("phone", settings.help_phone.as_str()),
            ("ussd", settings.ussd.service_code.as_str()),
            ("example", crate::code::EXAMPLE),
            ("n", "16"),
        ];
        fill(template, values.iter().chain(known.iter()))
    }

    fn template(&self, key: Key) -> &str {
        self.settings.ussd.texts.get(self.language, key).unwrap_or_else(|| built_in(self.language, key))
    }

    /// The question whether this is the right account. A name that is too long is cut, never the question around it.
    pub fn confirm_name(&self, number: &str, name: &str) -> String {
        let say = |name: &str| self.say(Key::ConfirmName, &[("number", number), ("name", name)]);
        let room = SCREEN.saturating_sub(length(&say("")).unwrap_or(SCREEN));
        say(&folded(name, room))
    }

    /// The label of a payout's state.
    pub fn state(&self, state: Outside) -> String {
        self.say(
            match state {
                // A held payout is being looked into; to the customer it is still on its way.
                Outside::Queued | Outside::Processing | Outside::Held => Key::StateOnItsWay,
                Outside::Completed => Key::StatePaid,
                Outside::Failed | Outside::Cancelled => Key::StateFailed,
                Outside::AwaitingApproval => Key::StateAwaiting,
            },
            &[],
        )
    }

    /// `1 minute`, `5 minutes`.
    pub fn minutes(&self, count: i64) -> String {
        self.say(if count == 1 { Key::MinuteOne } else { Key::MinuteMany }, &[("count", &count.to_string())])
    }

    /// "Enter your code, or:" and the numbered menu.
    pub fn menu(&self) -> String {
        let items = &self.settings.ussd.menu;
        if items.is_empty() {
            return self.say(Key::Prompt, &[]);
        }
        let mut text = self.say(Key::PromptOr, &[]);
        for (index, item) in items.iter().enumerate() {
            let label = match item {
                MenuItem::Rewards => Key::MenuRewards,
                MenuItem::Language => Key::MenuLanguage,
                MenuItem::Help => Key::MenuHelp,
            };
            text.push_str(&format!("\n{}. {}", index + 1, self.say(label, &[])));
        }
        text
    }
}

fn built_in(language: Language, key: Key) -> &'static str {
    match language {
        Language::Kinyarwanda => kinyarwanda::text(key),
        Language::English => english::text(key),
    }
}

fn fill<'v>(template: &str, values: impl Iterator<Item = &'v (&'v str, &'v str)> + Clone) -> String {
    let mut out = String::with_capacity(SCREEN);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, behind)) => {
                match values.clone().find(|(known, _)| *known == name) {
                    Some((_, value)) => out.push_str(value),
                    None => out.push_str(&format!("{{{name}}}")),
                }
                rest = behind;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The names that a text may use beside those of the settings: what its screen fills in.
fn values_of(key: Key) -> &'static [&'static str] {
    match key {
        Key::Expired | Key::DayLimit | Key::AmountPerDay | Key::AmountPerMonth => &["date"],
        Key::RedeemedByYou => &["date", "state"],
        Key::Success | Key::AwaitingApproval => &["amount", "number", "ref"],
        Key::TooManyAttempts | Key::Cooldown => &["minutes"],
        Key::NumberCannotReceive | Key::CheckingNumber | Key::NoAccount => &["number"],
        Key::ConfirmName => &["number", "name"],
        Key::RewardsLine => &["date", "amount", "state"],
        Key::MinuteOne | Key::MinuteMany => &["count"],
        Key::Welcome
        | Key::Prompt
        | Key::PromptOr
        | Key::MenuRewards
        | Key::MenuLanguage
        | Key::MenuHelp
        | Key::Malformed
        | Key::NotFound
        | Key::Blocked
        | Key::Reported
        | Key::RedeemedByAnother
        | Key::LimitInAll
        | Key::OtherBatch
        | Key::AmountPerPayout
        | Key::AskNumber
        | Key::NotMomo
        | Key::NotActive
        | Key::Paused
        | Key::Trouble
        | Key::TroubleKept
        | Key::Received
        | Key::Maintenance
        | Key::Rewards
        | Key::NoRewards
        | Key::LanguageMenu
        | Key::Help
        | Key::TooDeep
        | Key::OnlyRwanda
        | Key::StateOnItsWay
        | Key::StatePaid
        | Key::StateFailed
        | Key::StateAwaiting => &[],
    }
}

impl Texts<'_> {
    /// The text with the longest values that it can meet.
    fn longest(&self, key: Key) -> String {
        let longest = |texts: Vec<String>| texts.into_iter().max_by_key(|text| length(text)).unwrap_or_default();
        let value = |name: &str| match name {
            "amount" => "10,000,000".to_owned(),
            "number" => "0788000001".to_owned(),
            // A longer name is cut to what is left of the screen.
            "name" => "W".repeat(NAME_ROOM),
            "ref" => "0123ABCD".to_owned(),
            "date" => "30/11/2026".to_owned(),
            "count" => "1440".to_owned(),
            "minutes" => longest(vec![self.minutes(1), self.minutes(1_440)]),
            _ => longest(
                [Outside::Processing, Outside::Completed, Outside::Failed, Outside::AwaitingApproval]
                    .map(|state| self.state(state))
                    .into(),
            ),
        };
        let values: Vec<(&str, String)> = values_of(key).iter().map(|name| (*name, value(name))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.say(key, &values)
    }
}

/// What keeps the texts of these settings from fitting on a screen, each with the text's name and language.
pub fn problems(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    if settings.brand.is_empty() || settings.brand.chars().count() > 12 {
        problems.push("brand: 1 to 12 letters".to_owned());
    }
    if settings.help_phone.is_empty() || settings.help_phone.len() > 10 {
        problems.push("help_phone: 1 to 10 figures".to_owned());
    }
    for language in Language::ALL {
        let texts = Texts::new(settings, language);
        let mut check = |name: &str, text: &str| {
            if let Err(why) = fits(text) {
                problems.push(format!("ussd.texts.{}.{name}: {why}", language.code()));
            }
            if text.contains('{') {
                problems.push(format!("ussd.texts.{}.{name}: names a value that does not exist", language.code()));
            }
        };
        for key in Key::ALL {
            check(key.name(), &texts.longest(*key));
        }
        check("welcome", &format!("{}\n{}", texts.longest(Key::Welcome), texts.menu()));
        let line = texts.longest(Key::RewardsLine);
        check("rewards_line", &format!("{line}\n{}", texts.menu()));
        check("rewards", &format!("{}\n1. {line}", texts.longest(Key::Rewards)));
        let confirmed = texts.template(Key::ConfirmName);
        for needed in ["{number}", "{name}"].into_iter().filter(|needed| !confirmed.contains(*needed)) {
            problems.push(format!(
                "ussd.texts.{}.confirm_name: without {needed} nobody knows what they say yes to",
                language.code()
            ));
        }
    }
    problems
}
