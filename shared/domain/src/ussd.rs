//! The dialogue: from the whole text so far to the next step. Pure and stateless; a menu hop stores nothing.

mod payee;
mod screen;

pub use payee::{
    Holder, HolderName, KEPT_MS, NO_ACCOUNT_KEPT_MS, NUDGE_AGAIN_MS, NUMBERS_PER_DAY, PayeeCheck, PayeeStep,
};
pub use screen::{Answer, Screen, minutes_until, refusal_screen};

use crate::{
    code::{CodeText, Malformed},
    phone::{Msisdn, Network},
    settings::{MenuItem, Settings},
    text::Language,
};

/// The longest text of a session that is read. A page holds 182 characters; a dozen codes come nowhere near this.
pub const MAX_TEXT: usize = 512;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// First screen. Also what a dropped session is told on the next dial.
    Welcome,
    Rewards,
    LanguageMenu,
    SetLanguage(Language),
    Help,
    TooDeep,
    /// Somebody typed what cannot be a code.
    Malformed(Malformed),
    Redeem(CodeText),
    /// The number to pay is asked for once more.
    AskNumber,
    /// What was typed for the number to pay is no number of MTN's.
    NotMomo,
    /// The caller has named the number that is to be paid for this code.
    PayTo {
        code: CodeText,
        number: Msisdn,
    },
    /// The caller says yes to what was shown about this number.
    Confirmed {
        code: CodeText,
        number: Msisdn,
    },
}

/// What the screen before an input has asked for.
enum Asked {
    /// A code or a choice of the menu.
    Code,
    Language,
    /// The number to pay for this code.
    Number(CodeText),
    /// Whether the name on this number is right, or to go on while it is being checked.
    Name(CodeText, Msisdn),
}

/// Reads a session's inputs, joined by `*`, empties kept. Who `asks_number` is asked, after a code, for the number to pay.
///
/// A first request may carry inputs already (`*801*CODE#`): some gateways put them into the text, some leave them in
/// the dialled string of every hop, so both are read.
pub fn step(text: &str, dialled: &str, settings: &Settings, asks_number: bool) -> Step {
    if text.len() > MAX_TEXT || dialled.len() > MAX_TEXT {
        return Step::TooDeep;
    }
    let dialled = dialled_inputs(dialled, &settings.ussd.service_code);
    let typed = match (text, dialled) {
        ("", dialled) => dialled.to_owned(),
        (text, "") => text.to_owned(),
        // The gateway has put what was dialled into the text, too.
        (text, dialled) if text.starts_with(dialled) => text.to_owned(),
        (text, dialled) => format!("{dialled}*{text}"),
    };
    if typed.is_empty() {
        return Step::Welcome;
    }
    let inputs: Vec<&str> = typed.split('*').map(str::trim).collect();
    if inputs.len() > settings.ussd.max_depth {
        return Step::TooDeep;
    }
    // Only the last input is answered now; the earlier ones were answered in their own hops and tell where we are.
    let mut asked = Asked::Code;
    let mut step = Step::Welcome;
    for input in inputs {
        (step, asked) = read(input, asked, settings, asks_number);
    }
    step
}

fn read(input: &str, asked: Asked, settings: &Settings, asks_number: bool) -> (Step, Asked) {
    match asked {
        Asked::Code => read_code(input, settings, asks_number),
        Asked::Language => match (input, only_digit(input)) {
            (_, Some(1)) => (Step::SetLanguage(Language::Kinyarwanda), Asked::Code),
            (_, Some(2)) => (Step::SetLanguage(Language::English), Asked::Code),
            ("", _) | (_, Some(_)) => (Step::LanguageMenu, Asked::Language),
            (_, None) => read_code(input, settings, asks_number),
        },
        Asked::Number(code) if input.is_empty() => (Step::AskNumber, Asked::Number(code)),
        Asked::Number(code) => read_number(input, code, settings),
        Asked::Name(code, number) => match (input, only_digit(input)) {
            (_, Some(1)) => (Step::Confirmed { code: code.clone(), number: number.clone() }, Asked::Name(code, number)),
            (_, Some(2)) => (Step::AskNumber, Asked::Number(code)),
            ("", _) => (Step::PayTo { code: code.clone(), number: number.clone() }, Asked::Name(code, number)),
            (_, _) => read_number(input, code, settings),
        },
    }
}

/// A choice of the menu, else a code; whose caller is asked for a number is asked for it next.
fn read_code(input: &str, settings: &Settings, asks_number: bool) -> (Step, Asked) {
    if input.is_empty() {
        return (Step::Welcome, Asked::Code);
    }
    let Some(digit) = only_digit(input) else {
        return match CodeText::parse(input) {
            Ok(code) if asks_number => (Step::Redeem(code.clone()), Asked::Number(code)),
            Ok(code) => (Step::Redeem(code), Asked::Code),
            Err(malformed) => (Step::Malformed(malformed), Asked::Code),
        };
    };
    let chosen = usize::try_from(digit).ok().and_then(|digit| digit.checked_sub(1));
    match chosen.and_then(|index| settings.ussd.menu.get(index)) {
        Some(MenuItem::Rewards) => (Step::Rewards, Asked::Code),
        Some(MenuItem::Language) => (Step::LanguageMenu, Asked::Language),
        Some(MenuItem::Help) => (Step::Help, Asked::Code),
        None => (Step::Welcome, Asked::Code),
    }
}

/// The number to pay for `code`; what doesn't look like a number is a choice or another code, as ever.
fn read_number(input: &str, code: CodeText, settings: &Settings) -> (Step, Asked) {
    match Msisdn::parse(input) {
        Ok(number) if number.prefix_network() == Network::Mtn => {
            (Step::PayTo { code: code.clone(), number: number.clone() }, Asked::Name(code, number))
        }
        Ok(_) => (Step::NotMomo, Asked::Number(code)),
        Err(_) if looks_like_a_number(input) => (Step::NotMomo, Asked::Number(code)),
        Err(_) => match read_code(input, settings, true) {
            // Typed wrongly, be it number or code: both are still waited for.
            (step @ Step::Malformed(_), _) => (step, Asked::Number(code)),
            read => read,
        },
    }
}

/// A number with a figure too many or too few, or another country's. To read it as a code would be a wrong guess, and
/// guesses shut a phone out. An imported code of such figures is typed in a session of its own.
fn looks_like_a_number(input: &str) -> bool {
    let figures: String = input.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/')).collect();
    let (plus, figures) = match figures.strip_prefix('+') {
        Some(figures) => (true, figures),
        None => (false, figures.as_str()),
    };
    let begins = ["07", "7", "2507", "002507"].iter().any(|prefix| figures.starts_with(prefix));
    let long = if plus { 1..=20 } else { 7..=15 };
    (plus || begins) && long.contains(&figures.len()) && figures.bytes().all(|byte| byte.is_ascii_digit())
}

fn only_digit(input: &str) -> Option<u32> {
    let mut characters = input.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => only.to_digit(10),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// What was dialled behind the service code: `*801*7K3M#` with `*801#` gives `7K3M`.
fn dialled_inputs<'d>(dialled: &'d str, service_code: &str) -> &'d str {
    let stem = service_code.trim_end_matches('#');
    dialled.strip_prefix(stem).and_then(|rest| rest.strip_prefix('*')).map_or("", |rest| rest.trim_end_matches('#'))
}
