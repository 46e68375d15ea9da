//! The dialogue with a caller on another network: after the code comes the number to pay, then the name on it.

use crate::sample;

use domain::{
    code::Malformed,
    phone::Network,
    redemption::asks_number,
    settings::{OtherNetworks, Settings},
    text::Language,
    ussd::{MAX_TEXT, Step, step},
};
use proptest::prelude::*;
use sample::{code_text, phone};

const CODE: &str = "7K3M-9A26-CE11-XH05";
const NUMBER: &str = "0788123456";

fn asked(text: &str) -> Step {
    step(text, "*801#", &Settings::default(), true)
}

fn redeem(code: &str) -> Step {
    Step::Redeem(code_text(code))
}

fn pay_to(code: &str, number: &str) -> Step {
    Step::PayTo { code: code_text(code), number: phone(number) }
}

fn confirmed(code: &str, number: &str) -> Step {
    Step::Confirmed { code: code_text(code), number: phone(number) }
}

fn each(cases: &[(String, Step)]) {
    for (text, expected) in cases {
        assert_eq!(asked(text), *expected, "{text:?}");
    }
}

// proves: USD-11
#[test]
fn after_a_code_a_number_is_whom_to_pay_and_one_says_yes_to_the_name() {
    each(&[
        (CODE.to_owned(), redeem(CODE)),
        (format!("{CODE}*{NUMBER}"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*788123456"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*250788123456"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*+250 788-123-456"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*{NUMBER}*1"), confirmed(CODE, NUMBER)),
        // Pressed again while the number is being checked.
        (format!("{CODE}*{NUMBER}*1*1*1"), confirmed(CODE, NUMBER)),
        (format!("{CODE}*{NUMBER}*2"), Step::AskNumber),
        (format!("{CODE}*{NUMBER}*2*0791234567"), pay_to(CODE, "0791234567")),
        (format!("{CODE}*{NUMBER}*2*0791234567*1"), confirmed(CODE, "0791234567")),
        // Who has said no is asked for a number, and one is no yes any more.
        (format!("{CODE}*{NUMBER}*2*1"), Step::Rewards),
        (format!("{CODE}*{NUMBER}*2**1"), Step::Rewards),
        (format!("{CODE}*{NUMBER}*2*"), Step::AskNumber),
        // Another number without saying no first.
        (format!("{CODE}*{NUMBER}*0791234567*1"), confirmed(CODE, "0791234567")),
        (format!("{CODE}*{NUMBER}*1*0791234567"), pay_to(CODE, "0791234567")),
    ]);
}

// proves: USD-11
#[test]
fn a_number_that_is_none_of_mtns_is_asked_for_again_and_never_taken_for_a_code() {
    for typed in [
        "0722123456",
        "0733123456",
        "0770123456",
        "250722123456",
        "07881234567",
        "078812345",
        "78812345",
        "0788.123.45",
        "00250788123456",
        "+254788123456",
        "+250788",
        "+1 555 0100",
    ] {
        each(&[
            (format!("{CODE}*{typed}"), Step::NotMomo),
            (format!("{CODE}*{typed}*{typed}"), Step::NotMomo),
            (format!("{CODE}*{NUMBER}*{typed}"), Step::NotMomo),
            (format!("{CODE}*{typed}*{NUMBER}"), pay_to(CODE, NUMBER)),
            (format!("{CODE}*{typed}*{NUMBER}*1"), confirmed(CODE, NUMBER)),
        ]);
        assert!(!matches!(asked(&format!("{CODE}*{typed}*1")), Step::Confirmed { .. }), "{typed}");
    }
}

// proves: USD-11
#[test]
fn anything_else_is_read_as_ever() {
    let other = "KARIBU2026";
    each(&[
        (format!("{CODE}*{other}"), redeem(other)),
        (format!("{CODE}*{other}*{NUMBER}"), pay_to(other, NUMBER)),
        (format!("{CODE}*{NUMBER}*{other}"), redeem(other)),
        (format!("{CODE}*{NUMBER}*{other}*1"), Step::Rewards),
        (format!("{CODE}*1"), Step::Rewards),
        (format!("{CODE}*3"), Step::Help),
        (format!("{CODE}*{NUMBER}*3"), Step::Help),
        (format!("{CODE}*2*2"), Step::SetLanguage(Language::English)),
        (format!("{CODE}*2*2*{CODE}*{NUMBER}"), pay_to(CODE, NUMBER)),
        // Typed wrongly: the number, or another code, is still waited for.
        (format!("{CODE}*abc"), Step::Malformed(Malformed::Length(3))),
        (format!("{CODE}*abc*{NUMBER}"), pay_to(CODE, NUMBER)),
        // Nothing typed shows the same screen again.
        (format!("{CODE}*"), Step::AskNumber),
        (format!("{CODE}**{NUMBER}"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*{NUMBER}*"), pay_to(CODE, NUMBER)),
        (format!("{CODE}*{NUMBER}**1"), confirmed(CODE, NUMBER)),
        // Before any code a number is nothing but a text.
        (NUMBER.to_owned(), redeem(NUMBER)),
        (format!("{NUMBER}*1"), Step::Rewards),
    ]);
}

// proves: USD-11
#[test]
fn all_of_it_can_be_dialled_at_once() {
    let at_once = |text: &str, dialled: &str| step(text, dialled, &Settings::default(), true);
    let dialled = format!("*801*{CODE}*{NUMBER}#");
    assert_eq!(at_once("", &dialled), pay_to(CODE, NUMBER));
    assert_eq!(at_once("1", &dialled), confirmed(CODE, NUMBER));
    assert_eq!(at_once(&format!("{CODE}*{NUMBER}*1"), &dialled), confirmed(CODE, NUMBER));
}

// proves: USD-11
#[test]
fn who_is_not_asked_reads_numbers_as_codes_as_ever() {
    let not_asked = |text: &str| step(text, "*801#", &Settings::default(), false);
    assert_eq!(not_asked(&format!("{CODE}*{NUMBER}")), redeem(NUMBER));
    assert_eq!(not_asked(&format!("{CODE}*{NUMBER}*1")), Step::Rewards);
    for setting in [OtherNetworks::AskNumber, OtherNetworks::SecondRail, OtherNetworks::Refuse] {
        let mut settings = Settings::default();
        settings.payouts.other_networks = setting;
        for network in [Network::Mtn, Network::Airtel, Network::Ktrn] {
            let expected = network != Network::Mtn && setting == OtherNetworks::AskNumber;
            assert_eq!(asks_number(network, &settings), expected, "{network:?} {setting:?}");
        }
    }
}

#[test]
fn absurd_numbers_have_an_answer() {
    for typed in ["+", "+++", "0", "00000000000000000000000000", "07", "٠٧٨٨", "-0788123456", "🎨", "+2507881234567"]
    {
        let read = asked(&format!("{CODE}*{typed}"));
        assert!(!matches!(read, Step::PayTo { .. } | Step::Confirmed { .. }) || typed == "-0788123456", "{typed}");
    }
    assert_eq!(asked(&format!("{CODE}*{}", "7".repeat(MAX_TEXT))), Step::TooDeep);
    assert_eq!(asked(&vec![NUMBER; 13].join("*")), Step::TooDeep);
}

proptest! {
    #![proptest_config(sample::cases(1_024))]

    // proves: USD-11
    #[test]
    fn nothing_but_a_number_and_then_one_confirms(
        inputs in prop::collection::vec(
            prop_oneof![
                Just(String::new()), Just("1".to_owned()), Just("2".to_owned()), Just("3".to_owned()),
                Just(CODE.to_owned()), Just("KARIBU2026".to_owned()), Just(NUMBER.to_owned()),
                Just("0791234567".to_owned()), Just("0722123456".to_owned()), Just("abc".to_owned()),
                "[0-9+ -]{0,15}", ".{0,12}",
            ],
            1..12,
        ),
    ) {
        let text = inputs.join("*");
        match asked(&text) {
            Step::Confirmed { number, .. } => {
                // What was said last, but for silence and impatience, is this number.
                let pieces: Vec<&str> = text.split('*').map(str::trim).collect();
                prop_assert_eq!(pieces.last(), Some(&"1"));
                let before = pieces.iter().rev().find(|piece| !["1", ""].contains(*piece)).expect("a number");
                prop_assert_eq!(domain::phone::Msisdn::parse(before).ok(), Some(number.clone()));
                prop_assert_eq!(number.prefix_network(), Network::Mtn);
            }
            Step::PayTo { number, .. } => prop_assert_eq!(number.prefix_network(), Network::Mtn),
            Step::Welcome
            | Step::Rewards
            | Step::LanguageMenu
            | Step::SetLanguage(_)
            | Step::Help
            | Step::TooDeep
            | Step::Malformed(_)
            | Step::Redeem(_)
            | Step::AskNumber
            | Step::NotMomo => {}
        }
        // Who isn't asked never comes to a number.
        let not_asked = step(&text, "*801#", &Settings::default(), false);
        let silent = matches!(not_asked, Step::PayTo { .. } | Step::Confirmed { .. } | Step::AskNumber | Step::NotMomo);
        prop_assert!(!silent);
    }
}
