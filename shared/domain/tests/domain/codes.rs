//! Codes: what people type, what is printed, and what is misread.

use crate::sample;

use domain::{
    batch::{Code, Origin},
    code::{ALPHABET, CodeText, EXAMPLE, MAX_LENGTH, MIN_LENGTH, Malformed, PRINTED_LENGTH},
    redemption::meant,
};
use jiff::civil::date;
use proptest::prelude::*;
use sample::code_text;

/// Every separator that is forgiven: dashes of all kinds, and spaces of all kinds.
const SEPARATORS: [&str; 16] = [
    "-", "_", ".", "/", "\u{ad}", "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2015}", "\u{2212}",
    " ", "\t", "\u{a0}", "\u{2009}",
];

fn parse(typed: &str) -> Result<CodeText, Malformed> {
    CodeText::parse(typed)
}

proptest! {
    #![proptest_config(sample::cases(256))]

    // proves: COD-02
    #[test]
    fn a_printed_code_reads_as_the_code_it_was(text in "[A-Z0-9]{4,24}") {
        let code = parse(&text).expect("4 to 24 letters and figures");
        prop_assert_eq!(code.as_str(), text.as_str());
        prop_assert_eq!(parse(&code.printed()), Ok(code.clone()));
        prop_assert_eq!(code.printed().replace('-', ""), text);
        prop_assert!(code.printed().split('-').all(|group| (1..=4).contains(&group.len())));
    }

    // proves: COD-02
    #[test]
    fn lower_case_spaces_and_any_dashes_change_nothing(
        text in "[A-Z0-9]{4,24}",
        lower in prop::collection::vec(any::<bool>(), 24),
        separators in prop::collection::vec((0..25usize, 0..SEPARATORS.len()), 0..12),
    ) {
        let mut typed = String::new();
        for (at, character) in text.chars().enumerate() {
            separators.iter().filter(|(place, _)| *place == at).for_each(|(_, which)| typed.push_str(SEPARATORS[*which]));
            typed.push(if lower[at] { character.to_ascii_lowercase() } else { character });
        }
        prop_assert_eq!(parse(&typed), parse(&text));
    }

    #[test]
    fn reading_never_panics_and_what_it_takes_is_clean(typed in ".{0,60}") {
        if let Ok(code) = parse(&typed) {
            prop_assert!((MIN_LENGTH..=MAX_LENGTH).contains(&code.as_str().len()));
            prop_assert!(code.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
            let _ = (code.printed_problem(), code.date_part(), code.forgiven(), code.masked());
        }
    }

    // proves: COD-15
    #[test]
    fn a_forgiven_text_has_only_characters_that_are_printed(text in "[A-Z0-9]{16}") {
        match code_text(&text).forgiven() {
            Some(read) => {
                prop_assert!(read.as_str().bytes().all(|byte| ALPHABET.contains(&byte)));
                prop_assert_ne!(read.as_str(), text.as_str());
                prop_assert_eq!(read.forgiven(), None);
            }
            None => prop_assert!(text.bytes().all(|byte| ALPHABET.contains(&byte))),
        }
    }

    #[test]
    fn a_code_in_a_debug_print_can_not_be_typed_in(text in "[A-Z0-9]{4,24}") {
        let code = code_text(&text);
        for shown in [format!("{code:?}"), format!("{:?}", Some(&code)), code.masked()] {
            prop_assert!(!shown.contains(&text), "{shown}");
            prop_assert!(!shown.contains(&code.printed()), "{shown}");
        }
    }
}

// proves: COD-02
#[test]
fn a_text_that_is_no_code_is_refused_with_the_reason() {
    let cases = [
        ("", Malformed::Length(0)),
        ("   ", Malformed::Length(0)),
        ("---", Malformed::Length(0)),
        ("abc", Malformed::Length(3)),
        ("a-b-c", Malformed::Length(3)),
        ("A234567890123456789012345", Malformed::Length(25)),
        ("A2345678-90123456-789012345-67", Malformed::Length(27)),
        ("7K3M#9A26", Malformed::Character('#')),
        ("7K3M*9A26", Malformed::Character('*')),
        ("7K3M'9A26", Malformed::Character('\'')),
        ("café", Malformed::Character('é')),
        ("КОДЫ", Malformed::Character('К')),
        ("７Ｋ３Ｍ", Malformed::Character('７')),
        ("code🎨", Malformed::Character('🎨')),
        ("ABCD\0", Malformed::Character('\0')),
    ];
    for (typed, reason) in cases {
        assert_eq!(parse(typed), Err(reason), "{typed:?}");
    }
    assert_eq!(parse(&"A".repeat(10_000)), Err(Malformed::Length(10_000)), "a flood is refused, not stored");
    assert!(parse("ABCD").is_ok() && parse(&"A".repeat(24)).is_ok());
}

// proves: COD-02
#[test]
fn the_reason_why_a_text_is_no_printed_code_is_its_length_or_its_date() {
    let cases = [
        (EXAMPLE, None),
        ("7k3m 9a26 ce11 xh05", None),
        ("7K3M-9A28-CE02-XH29", None),
        ("7K3M-9A27-CE02-XH29", Some(Malformed::DatePart)),
        ("7K3M-9A26-CE13-XH05", Some(Malformed::DatePart)),
        ("7K3M-9A26-CE00-XH05", Some(Malformed::DatePart)),
        ("7K3M-9A26-CE11-XH31", Some(Malformed::DatePart)),
        ("7K3M-9A26-CE11-XH00", Some(Malformed::DatePart)),
        ("7K3M-9AX6-CE11-XH05", Some(Malformed::DatePart)),
        ("7K3M-9A26-CE11-XH0", Some(Malformed::Length(15))),
        ("7K3M-9A26-CE11-XH055", Some(Malformed::Length(17))),
        ("KARIBU2026", Some(Malformed::Length(10))),
    ];
    for (typed, problem) in cases {
        assert_eq!(code_text(typed).printed_problem(), problem, "{typed}");
    }
}

// proves: COD-01
#[test]
fn the_date_stands_in_the_places_7_8_11_12_15_and_16() {
    assert_eq!(code_text("AAAA-AA26-AA11-AA20").date_part(), Some(date(2026, 11, 20)));
    assert_eq!(code_text("AAAA-AA00-AA01-AA01").date_part(), Some(date(2000, 1, 1)));
    assert_eq!(code_text("AAAA-AA99-AA12-AA31").date_part(), Some(date(2099, 12, 31)));
    assert_eq!(code_text("AAAA-AA26-AA11-AA2").date_part(), None);
}

// proves: COD-02, COD-15
#[test]
fn a_slip_of_reading_inside_the_date_is_no_wrong_date() {
    assert_eq!(code_text("7K3M-9A26-CEI1-XHO5").printed_problem(), None, "I and O are read as 1 and 0");
    assert_eq!(code_text("7K3M-9A26-CE1B-XH05").printed_problem(), Some(Malformed::DatePart), "month 18");
}

// proves: COD-15
#[test]
fn o_q_and_d_are_read_as_0_i_as_1_b_as_8_and_v_as_u() {
    let cases = [
        ("OOOO-OO26-OO11-OO05", Some("0000002600110005")),
        ("QQQQ-QQ26-QQ11-QQ05", Some("0000002600110005")),
        ("DDDD-DD26-DD11-DD05", Some("0000002600110005")),
        ("IIII-II26-II11-II05", Some("1111112611111105")),
        ("BBBB-BB26-BB11-BB05", Some("8888882688118805")),
        ("VVVV-VV26-VV11-VV05", Some("UUUUUU26UU11UU05")),
        ("7K3M-9A26-CE11-XHO5", Some("7K3M9A26CE11XH05")),
        (EXAMPLE, None),
        ("BODIVQ", None),
        ("BODIVQ-BODIVQ-BODIV", None),
    ];
    for (typed, read) in cases {
        assert_eq!(code_text(typed).forgiven().as_ref().map(CodeText::as_str), read, "{typed}");
    }
}

fn known(text: &str, origin: Origin) -> Code {
    Code { text: code_text(text), origin, ..sample::code() }
}

// proves: COD-15
#[test]
fn a_misread_text_means_a_generated_code_and_never_an_imported_one() {
    let generated = known(sample::PRINTED, Origin::Generated);
    let imported = known(sample::PRINTED, Origin::Imported);
    assert_eq!(meant(None, Some(generated.clone())), Some(generated.clone()));
    assert_eq!(meant(None, Some(imported.clone())), None);
    assert_eq!(meant(Some(imported.clone()), None), Some(imported));
    assert_eq!(meant(None, None), None);
}

// proves: COD-15
#[test]
fn a_code_that_exists_as_typed_is_meant_before_any_that_it_resembles() {
    let resembled = known("7K3M-9A26-CE11-XH05", Origin::Generated);
    for origin in [Origin::Generated, Origin::Imported] {
        let exact = known("7K3M-9A26-CE11-XHO5", origin);
        assert_eq!(meant(Some(exact.clone()), Some(resembled.clone())), Some(exact));
    }
}

#[test]
fn a_code_is_stored_as_its_clean_text_and_nothing_else_is_read_back() {
    let code = code_text("7k3m-9a26-ce11-xh05");
    let stored = serde_json::to_string(&code).expect("a code is a string");
    assert_eq!(stored, "\"7K3M9A26CE11XH05\"");
    assert_eq!(serde_json::from_str::<CodeText>(&stored).ok(), Some(code));
    for broken in ["\"abc\"", "\"ABC DE#\"", "12345678", "null", "{}"] {
        assert!(serde_json::from_str::<CodeText>(broken).is_err(), "{broken}");
    }
}

#[test]
fn the_words_about_a_wrong_code_do_not_repeat_it() {
    let secret = "SECRET7K3M9A26CE11XH05EXTRA";
    let error = parse(secret).expect_err("27 characters");
    assert!(!error.to_string().contains("SECRET") && !format!("{error:?}").contains("SECRET"));
}

#[test]
fn the_example_on_the_screens_looks_like_a_code_of_ours() {
    let example = code_text(EXAMPLE);
    assert_eq!(example.as_str().len(), PRINTED_LENGTH);
    assert_eq!(example.printed(), EXAMPLE);
    assert_eq!(example.printed_problem(), None);
    assert_eq!(example.forgiven(), None);
}
