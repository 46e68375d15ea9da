//! The question whose account a number is: when it is asked, how long its answer is good, and what counts as a yes.

use crate::sample;

use domain::{
    phone::Msisdn,
    settings::Settings,
    text::{Language, SCREEN, Texts, fits, folded, length},
    time::{DAY_MS, SECOND_MS, plus},
    ussd::{
        Holder, HolderName, KEPT_MS, NO_ACCOUNT_KEPT_MS, NUDGE_AGAIN_MS, NUMBERS_PER_DAY, PayeeCheck, PayeeStep, Screen,
    },
};
use jiff::Timestamp;
use proptest::prelude::*;
use sample::{minutes, noon, phone};

fn name(text: &str) -> HolderName {
    HolderName::new(text).expect("a name")
}

fn step(check: Option<&PayeeCheck>, number: &str, session: &str, says_yes: bool, now: Timestamp) -> PayeeStep {
    PayeeCheck::step(check, &phone(number), session, says_yes, now)
}

fn asked(number: &str) -> PayeeCheck {
    let PayeeStep::Ask(check) = step(None, number, "s1", false, noon()) else { panic!("asked at first") };
    check
}

fn known(number: &str) -> PayeeCheck {
    asked(number).answered(Holder::Known { name: name("Aline Uwase") }).expect("an open question")
}

fn shown(check: &PayeeCheck, session: &str) -> PayeeCheck {
    let step = PayeeCheck::step(Some(check), &check.payee, session, false, noon());
    let PayeeStep::Show(shown, _) = step else { panic!("shown as soon as it is known") };
    shown
}

const A: &str = "0788123456";
const B: &str = "0791234567";

// proves: USD-11
#[test]
fn a_yes_counts_only_for_the_number_whose_name_this_session_has_shown() {
    let known = known(A);
    let is_shown = |step: &PayeeStep| matches!(step, PayeeStep::Show(..));
    assert!(is_shown(&step(Some(&known), A, "s1", true, noon())), "answered, and not shown yet");
    let shown = shown(&known, "s1");
    assert_eq!(step(Some(&shown), A, "s1", true, noon()), PayeeStep::Confirmed);
    assert!(is_shown(&step(Some(&shown), A, "s1", false, noon())), "no yes, shown once more");
    assert!(is_shown(&step(Some(&shown), A, "s2", true, noon())), "another session has seen nothing");
    assert!(matches!(step(Some(&shown), B, "s1", true, noon()), PayeeStep::Ask(_)), "another number");
    assert!(matches!(step(Some(&shown), A, "s1", true, plus(noon(), KEPT_MS)), PayeeStep::Ask(_)), "too long ago");
    for holder in [Holder::Awaited, Holder::NoAccount] {
        let odd = PayeeCheck { holder, ..shown.clone() };
        assert_ne!(step(Some(&odd), A, "s1", true, noon()), PayeeStep::Confirmed);
    }
}

// proves: USD-11
#[test]
fn an_answer_is_good_for_a_day_and_that_there_is_no_account_for_ten_minutes() {
    let known = known(A);
    assert!(matches!(step(Some(&known), A, "s9", false, plus(noon(), KEPT_MS - 1)), PayeeStep::Show(..)));
    assert!(matches!(step(Some(&known), A, "s9", false, plus(noon(), KEPT_MS)), PayeeStep::Ask(_)));
    let none = asked(A).answered(Holder::NoAccount).expect("open");
    assert_eq!(step(Some(&none), A, "s9", true, plus(noon(), NO_ACCOUNT_KEPT_MS - 1)), PayeeStep::NoAccount);
    assert!(matches!(step(Some(&none), A, "s9", true, plus(noon(), NO_ACCOUNT_KEPT_MS)), PayeeStep::Ask(_)));
}

// proves: USD-11
#[test]
fn an_open_question_is_nudged_again_after_some_seconds_and_is_still_one_question() {
    let open = asked(A);
    assert_eq!(step(Some(&open), A, "s1", true, plus(noon(), NUDGE_AGAIN_MS - 1)), PayeeStep::Wait);
    let later = plus(noon(), NUDGE_AGAIN_MS);
    let PayeeStep::Ask(again) = step(Some(&open), A, "s1", true, later) else { panic!("nudged again") };
    assert_eq!((again.nudged_at, again.asked_at, again.version), (later, noon(), open.version + 1));
    assert_eq!(again.numbers, open.numbers, "no second question");
    assert_eq!(step(Some(&again), A, "s1", true, plus(later, 1)), PayeeStep::Wait);
    assert_eq!(step(Some(&open), A, "s1", true, minutes(-5)), PayeeStep::Wait, "a clock that was set back");
}

#[test]
fn a_question_is_answered_once() {
    let answered = known(A);
    assert_eq!(answered.version, 2);
    for holder in [Holder::NoAccount, Holder::Awaited, Holder::Known { name: name("Eric Habimana") }] {
        assert_eq!(answered.answered(holder), None);
    }
}

// proves: USD-11
#[test]
fn a_customer_asks_about_five_numbers_a_day() {
    let mut check = None;
    for n in 0..NUMBERS_PER_DAY {
        let number = format!("07881234{n:02}");
        let PayeeStep::Ask(next) = step(check.as_ref(), &number, "s1", false, minutes(i64::from(n))) else {
            panic!("number {n} is asked about")
        };
        check = next.answered(Holder::Known { name: name("Aline Uwase") });
    }
    let until = plus(noon(), DAY_MS);
    assert_eq!(step(check.as_ref(), B, "s2", true, minutes(9)), PayeeStep::TooMany { until });
    assert_eq!(step(check.as_ref(), B, "s2", true, plus(until, -1)), PayeeStep::TooMany { until });
    assert!(
        matches!(step(check.as_ref(), "0788123404", "s2", false, minutes(9)), PayeeStep::Show(..)),
        "known already"
    );
    let PayeeStep::Ask(next) = step(check.as_ref(), B, "s2", false, until) else { panic!("a new day") };
    assert_eq!(next.numbers.used, 1);
}

#[test]
fn a_name_is_one_line_of_some_length_with_a_letter_in_it_and_stays_out_of_debug_prints() {
    for nothing in ["", "  ", "\n\t", "...", "123", "🎨"] {
        assert_eq!(HolderName::new(nothing), None, "{nothing:?}");
    }
    assert_eq!(name(" Jean  Bosco\n1. Yego\u{0}").as_str(), "Jean Bosco 1. Yego");
    assert_eq!(name(&"é".repeat(1_000)).as_str().chars().count(), 64);
    let check = shown(&known(A), "s1");
    let printed = format!("{check:?} {:?}", step(Some(&check), A, "s1", false, noon()));
    for secret in ["Aline", "Uwase", "788123456"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let stored = serde_json::to_string(&check).expect("a row is JSON");
    assert_eq!(serde_json::from_str::<PayeeCheck>(&stored).ok(), Some(check));
}

#[test]
fn names_are_written_in_the_telephones_letters() {
    for (from, to) in [
        ("Uwase Aline", "Uwase Aline"),
        ("Françoise Müller", "Francoise Müller"),
        ("N’Goran Zoë", "N'Goran Zoe"),
        ("Jean–Bosco", "Jean-Bosco"),
        ("A{b}[c]", "A.b..c."),
        ("Имя 名", "... ."),
        ("a\nb\r\nc", "a b c"),
    ] {
        assert_eq!(folded(from, 100), to);
        assert!(fits(&folded(from, 100)).is_ok());
    }
    assert_eq!(folded("Aline Uwase", 6), "Aline", "no space at the end");
    assert_eq!(folded("Aline", 0), "");
}

fn confirm(settings: &Settings, language: Language, number: &Msisdn, name: &HolderName) -> String {
    Screen::ConfirmName { number, name }.render(settings, &Texts::new(settings, language)).body()
}

// proves: USD-11
#[test]
fn the_question_is_whole_and_shows_number_and_name_however_long_that_is() {
    let settings = Settings::default();
    let number = phone(A);
    let short = name("Aline Uwase");
    assert_eq!(
        confirm(&settings, Language::English, &number, &short),
        "CON Number 0788123456 belongs to Aline Uwase. Is that right?\n1. Yes, that is right\n2. No, it is not"
    );
    assert_eq!(
        confirm(&settings, Language::Kinyarwanda, &number, &short),
        "CON Nimero 0788123456 ibaruye kuri Aline Uwase. Ese ni byo?\n1. Yego, ni byo\n2. Oya, si byo"
    );
    let mut wordy = Settings::default();
    let text = format!("{}: {{name}} {{number}}?\n1. Yes\n2. No", "x".repeat(107));
    wordy.ussd.texts.en.insert(domain::text::Key::ConfirmName, text);
    assert_eq!(wordy.problems(), Vec::<String>::new());
    let long = name(&"W".repeat(64));
    let body = confirm(&wordy, Language::English, &number, &long);
    assert_eq!(length(&body), Some("CON ".len() + SCREEN), "cut to the last place");
    assert!(body.contains(&"W".repeat(24)) && body.ends_with("0788123456?\n1. Yes\n2. No"), "{body}");
}

#[test]
fn an_answer_stays_out_of_debug_prints() {
    let settings = Settings::default();
    let (number, name) = (phone(A), name("Aline Uwase"));
    let screen = Screen::ConfirmName { number: &number, name: &name };
    let printed = format!("{screen:?} {:?}", screen.render(&settings, &Texts::new(&settings, Language::English)));
    assert!(!printed.contains("Aline") && !printed.contains("788123456"), "{printed}");
}

proptest! {
    #![proptest_config(sample::cases(512))]

    // proves: USD-11
    #[test]
    fn whatever_somebody_is_called_the_question_fits_and_has_three_lines(called in ".{1,120}") {
        let Some(name) = HolderName::new(&called) else { return Ok(()) };
        for language in Language::ALL {
            let body = confirm(&Settings::default(), language, &phone(A), &name);
            let words = body.strip_prefix("CON ").expect("open");
            prop_assert_eq!(fits(words), Ok(()));
            prop_assert_eq!(words.lines().count(), 3);
        }
    }

    // proves: USD-11
    #[test]
    fn in_any_course_a_yes_is_confirmed_only_after_the_same_session_saw_the_name(
        moves in prop::collection::vec((0..3usize, 0..2usize, any::<bool>(), 0..4usize, 0..40i64), 1..40),
    ) {
        let mut row: Option<PayeeCheck> = None;
        let mut seen: Vec<(usize, usize, Timestamp)> = Vec::new();
        let mut now = noon();
        for (number, session, says_yes, answers, seconds) in moves {
            now = plus(now, seconds * seconds * SECOND_MS);
            match step(row.as_ref(), &format!("07881234{number:02}"), &format!("s{session}"), says_yes, now) {
                PayeeStep::Ask(next) => {
                    prop_assert_eq!(next.version, row.map_or(0, |row| row.version) + 1);
                    row = Some(next);
                }
                PayeeStep::Show(next, _) => {
                    seen.push((number, session, now));
                    row = Some(next);
                }
                PayeeStep::Confirmed => {
                    let saw = seen.iter().rev().find(|(n, s, _)| (*n, *s) == (number, session));
                    prop_assert!(says_yes && saw.is_some());
                }
                PayeeStep::Wait | PayeeStep::NoAccount | PayeeStep::TooMany { .. } => {}
            }
            let answer = [None, None, Some(Holder::NoAccount), Some(Holder::Known { name: name("Aline Uwase") })];
            if let (Some(holder), Some(open)) = (answer[answers].clone(), &row) {
                row = open.answered(holder).or(row);
            }
        }
    }
}
