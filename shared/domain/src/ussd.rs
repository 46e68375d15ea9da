//! The dialogue: from the whole text so far to the next step. Pure and stateless; a menu hop stores nothing.

mod screen;

pub use screen::{Answer, Screen, minutes_until, refusal_screen};

use crate::{
    code::{CodeText, Malformed},
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
}

/// Reads a session's inputs, joined by `*`, empties kept.
///
/// A first request may carry inputs already (`*801*CODE#`): some gateways put them into the text, some leave them in
/// the dialled string of every hop, so both are read.
pub fn step(text: &str, dialled: &str, settings: &Settings) -> Step {
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
    let mut choosing_language = false;
    let mut step = Step::Welcome;
    for input in inputs {
        (step, choosing_language) = read(input, choosing_language, settings);
    }
    step
}

fn read(input: &str, choosing_language: bool, settings: &Settings) -> (Step, bool) {
    let mut characters = input.chars();
    let digit = match (characters.next(), characters.next()) {
        (None, _) => return if choosing_language { (Step::LanguageMenu, true) } else { (Step::Welcome, false) },
        (Some(only), None) => only.to_digit(10),
        _ => None,
    };
    match (digit, choosing_language) {
        (Some(1), true) => (Step::SetLanguage(Language::Kinyarwanda), false),
        (Some(2), true) => (Step::SetLanguage(Language::English), false),
        (Some(_), true) => (Step::LanguageMenu, true),
        (Some(digit), false) => {
            let chosen = usize::try_from(digit).ok().and_then(|digit| digit.checked_sub(1));
            match chosen.and_then(|index| settings.ussd.menu.get(index)) {
                Some(MenuItem::Rewards) => (Step::Rewards, false),
                Some(MenuItem::Language) => (Step::LanguageMenu, true),
                Some(MenuItem::Help) => (Step::Help, false),
                None => (Step::Welcome, false),
            }
        }
        (None, _) => (CodeText::parse(input).map_or_else(Step::Malformed, Step::Redeem), false),
    }
}

/// What was dialled behind the service code: `*801*7K3M#` with `*801#` gives `7K3M`.
fn dialled_inputs<'d>(dialled: &'d str, service_code: &str) -> &'d str {
    let stem = service_code.trim_end_matches('#');
    dialled.strip_prefix(stem).and_then(|rest| rest.strip_prefix('*')).map_or("", |rest| rest.trim_end_matches('#'))
}
