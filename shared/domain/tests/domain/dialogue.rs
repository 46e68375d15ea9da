//! From what was typed so far to the next step.

use crate::sample;

use domain::{
    code::Malformed,
    settings::{MenuItem, Settings},
    text::Language,
    ussd::{MAX_TEXT, Step, step},
};
use proptest::prelude::*;
use sample::code_text;

const CODE: &str = "7K3M-9A26-CE11-XH05";

fn next(text: &str) -> Step {
    step(text, "*801#", &Settings::default(), false)
}

fn redeem(code: &str) -> Step {
    Step::Redeem(code_text(code))
}

// proves: USD-02
#[test]
fn one_figure_chooses_and_anything_else_is_a_code() {
    let cases = [
        ("", Step::Welcome),
        ("1", Step::Rewards),
        ("2", Step::LanguageMenu),
        ("3", Step::Help),
        ("4", Step::Welcome),
        ("9", Step::Welcome),
        ("0", Step::Welcome),
        ("12", Step::Malformed(Malformed::Length(2))),
        ("A", Step::Malformed(Malformed::Length(1))),
        ("-", Step::Malformed(Malformed::Length(0))),
        ("1234", redeem("1234")),
        (CODE, redeem(CODE)),
        ("7k3m 9a26 ce11 xh05", redeem(CODE)),
        ("  7k3m9a26ce11xh05  ", redeem(CODE)),
        (" 2 ", Step::LanguageMenu),
        ("🎨", Step::Malformed(Malformed::Character('🎨'))),
        ("٣", Step::Malformed(Malformed::Character('٣'))),
        ("7K3M🎨", Step::Malformed(Malformed::Character('🎨'))),
        ("#", Step::Malformed(Malformed::Character('#'))),
    ];
    for (text, expected) in cases {
        assert_eq!(next(text), expected, "{text:?}");
    }
}

// proves: USD-02
#[test]
fn only_the_last_input_is_answered_and_the_earlier_ones_tell_where_we_are() {
    let cases = [
        ("1*2", Step::LanguageMenu),
        ("3*1", Step::Rewards),
        ("9*3", Step::Help),
        ("ABCD*7K3M-9A26-CE11-XH05", redeem(CODE)),
        ("7K3M-9A26-CE11-XH05*ABCD", redeem("ABCD")),
        ("7K3M-9A26-CE11-XH05*1", Step::Rewards),
        ("abc*1", Step::Rewards),
    ];
    for (text, expected) in cases {
        assert_eq!(next(text), expected, "{text:?}");
    }
}

// proves: USD-02, USD-03
#[test]
fn a_language_is_chosen_by_its_number_and_then_a_code_is_a_code() {
    let cases = [
        ("2*1", Step::SetLanguage(Language::Kinyarwanda)),
        ("2*2", Step::SetLanguage(Language::English)),
        ("2*3", Step::LanguageMenu),
        ("2*0", Step::LanguageMenu),
        ("2*3*2", Step::SetLanguage(Language::English)),
        ("2*2*1", Step::Rewards),
        ("2*2*2", Step::LanguageMenu),
        ("2*2*2*1", Step::SetLanguage(Language::Kinyarwanda)),
        ("2*2*7K3M-9A26-CE11-XH05", redeem(CODE)),
        ("2*7K3M-9A26-CE11-XH05", redeem(CODE)),
        ("2*7K3M-9A26-CE11-XH05*1", Step::Rewards),
        ("2*xyz", Step::Malformed(Malformed::Length(3))),
        ("2*xyz*1", Step::Rewards),
    ];
    for (text, expected) in cases {
        assert_eq!(next(text), expected, "{text:?}");
    }
}

// proves: USD-02
#[test]
fn an_empty_input_shows_the_same_screen_again() {
    let cases = [
        ("1**2", Step::LanguageMenu),
        ("1*", Step::Welcome),
        ("*", Step::Welcome),
        ("*1", Step::Rewards),
        ("***", Step::Welcome),
        ("2*", Step::LanguageMenu),
        ("2**1", Step::SetLanguage(Language::Kinyarwanda)),
        ("2*  *2", Step::SetLanguage(Language::English)),
        ("**7K3M-9A26-CE11-XH05", redeem(CODE)),
        ("7K3M-9A26-CE11-XH05*", Step::Welcome),
    ];
    for (text, expected) in cases {
        assert_eq!(next(text), expected, "{text:?}");
    }
}

// proves: USD-03
#[test]
fn the_menu_is_what_the_settings_list_in_their_order() {
    let mut settings = Settings::default();
    settings.ussd.menu = vec![MenuItem::Help, MenuItem::Language];
    let answers = |text: &str, settings: &Settings| step(text, "*801#", settings, false);
    assert_eq!(answers("1", &settings), Step::Help);
    assert_eq!(answers("2", &settings), Step::LanguageMenu);
    assert_eq!(answers("3", &settings), Step::Welcome, "switched off");
    assert_eq!(answers("2*1", &settings), Step::SetLanguage(Language::Kinyarwanda));

    settings.ussd.menu = vec![MenuItem::Language];
    assert_eq!(answers("1*2", &settings), Step::SetLanguage(Language::English));
    assert_eq!(answers("2*1", &settings), Step::LanguageMenu, "2 is nothing, 1 opens the menu");

    settings.ussd.menu.clear();
    for figure in ["1", "2", "3"] {
        assert_eq!(answers(figure, &settings), Step::Welcome);
    }
    assert_eq!(answers(CODE, &settings), redeem(CODE));
}

// proves: USD-03
#[test]
fn a_session_is_no_deeper_than_the_settings_say() {
    let mut settings = Settings::default();
    let inputs = |count: usize| vec!["1"; count].join("*");
    assert_eq!(step(&inputs(12), "*801#", &settings, false), Step::Rewards);
    assert_eq!(step(&inputs(13), "*801#", &settings, false), Step::TooDeep);
    settings.ussd.max_depth = 1;
    assert_eq!(step("1", "*801#", &settings, false), Step::Rewards);
    assert_eq!(step("1*1", "*801#", &settings, false), Step::TooDeep);
    assert_eq!(step("", "*801*1*1#", &settings, false), Step::TooDeep, "dialled at once as well");
    assert_eq!(step("", "*801#", &settings, false), Step::Welcome);
}

#[test]
fn a_text_longer_than_any_session_is_not_read() {
    assert_eq!(next(&"A".repeat(MAX_TEXT)), Step::Malformed(Malformed::Length(MAX_TEXT)));
    assert_eq!(next(&"A".repeat(MAX_TEXT + 1)), Step::TooDeep);
    assert_eq!(next(&"1*".repeat(100_000)), Step::TooDeep);
    assert_eq!(next(&"🎨".repeat(MAX_TEXT / 4 + 1)), Step::TooDeep);
    let twelve = [CODE; 12].join("*");
    assert_eq!(next(&twelve), redeem(CODE), "a dozen codes in one session are read");
}

// proves: USD-02
#[test]
fn a_code_dialled_at_once_is_read_from_the_text_or_from_the_dialled_string() {
    let settings = Settings::default();
    let cases = [
        // The gateway puts it into the text.
        (CODE, "*801#", redeem(CODE)),
        ("7K3M9A26CE11XH05", "*801*7K3M9A26CE11XH05#", redeem(CODE)),
        // The gateway leaves it in the dialled string.
        ("", "*801*7K3M9A26CE11XH05#", redeem(CODE)),
        ("", "*801*7k3m9a26ce11xh05", redeem(CODE)),
        ("", "*801*1#", Step::Rewards),
        ("", "*801*2*1#", Step::SetLanguage(Language::Kinyarwanda)),
        ("", "*801*2*2*7K3M9A26CE11XH05#", redeem(CODE)),
        // Nothing was dialled behind the service code, or it is another one.
        ("", "*801#", Step::Welcome),
        ("", "*801", Step::Welcome),
        ("", "*801*#", Step::Welcome),
        ("", "", Step::Welcome),
        ("", "801", Step::Welcome),
        ("", "*8015*1#", Step::Welcome),
        ("", "*802*7K3M9A26CE11XH05#", Step::Welcome),
        // In later hops the text counts, whatever is still in the dialled string.
        ("3", "*801*7K3M9A26CE11XH05#", Step::Help),
    ];
    for (text, dialled, expected) in cases {
        assert_eq!(step(text, dialled, &settings, false), expected, "{text:?} {dialled:?}");
    }
    let mut shared = Settings::default();
    shared.ussd.service_code = "*384*77#".to_owned();
    assert_eq!(step("", "*384*77*7K3M9A26CE11XH05#", &shared, false), redeem(CODE));
    assert_eq!(step("", "*384*77#", &shared, false), Step::Welcome);
}

proptest! {
    #![proptest_config(sample::cases(512))]

    #[test]
    fn whatever_is_typed_has_an_answer(text in ".{0,200}", dialled in ".{0,60}") {
        let _ = next(&text);
        let _ = step("", &dialled, &Settings::default(), false);
        let _ = step("", &format!("*801*{dialled}#"), &Settings::default(), false);
    }

    // proves: USD-02
    #[test]
    fn a_code_is_a_code_wherever_in_the_session_it_is_typed(before in prop::collection::vec("[0-9]?|[A-Z0-9-]{4,19}", 0..11), code in "[A-Z0-9]{4,24}") {
        let text = before.iter().chain([&code]).cloned().collect::<Vec<_>>().join("*");
        prop_assert_eq!(next(&text), redeem(&code));
    }
}
