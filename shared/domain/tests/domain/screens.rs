//! Every screen in both languages, with the longest values: it fits, and it says what was agreed.

use crate::sample;

use domain::{
    code::EXAMPLE,
    customer::Redeemed,
    identity::RedemptionId,
    money::Money,
    payout::Outside,
    phone::Msisdn,
    redemption::Refusal,
    settings::{MenuItem, Settings},
    text::{Key, Language, SCREEN, Texts, fits, length},
    time,
    ussd::{Answer, HolderName, Screen, refusal_screen},
};
use sample::{code_text, every_refusal, francs, minutes, noon, phone};

const STATES: [Outside; 7] = [
    Outside::Queued,
    Outside::Processing,
    Outside::Completed,
    Outside::Failed,
    Outside::Held,
    Outside::AwaitingApproval,
    Outside::Cancelled,
];

/// The longest names that can be set.
fn longest() -> Settings {
    let mut settings =
        Settings { brand: "WWWWWWWWWWWW".to_owned(), help_phone: "0788000100".to_owned(), ..Settings::default() };
    settings.ussd.service_code = "*801*99#".to_owned();
    settings
}

fn redeemed(amount: u64) -> Redeemed {
    Redeemed { redemption: RedemptionId::of("test", &code_text(sample::PRINTED), 1), amount, at: noon() }
}

struct Values {
    redeemed: Redeemed,
    rewards: Vec<(Redeemed, Outside)>,
    money: Money,
    phone: Msisdn,
    name: HolderName,
    refused: String,
}

impl Values {
    fn longest(refused: String) -> Self {
        let redeemed = redeemed(1_000_000);
        Self {
            rewards: vec![(redeemed.clone(), Outside::AwaitingApproval); 5],
            redeemed,
            money: francs(1_000_000),
            phone: phone("0788000001"),
            name: HolderName::new(&"W".repeat(1_000)).expect("a name"),
            refused,
        }
    }

    /// Every screen once. A new one doesn't compile until it has its place in this chain.
    fn every_screen(&self) -> Vec<Screen<'_>> {
        let mut screens = vec![Screen::Welcome];
        loop {
            let following = match screens.last().expect("starts with one") {
                Screen::Welcome => Screen::WelcomeBack { redeemed: &self.redeemed, state: Outside::AwaitingApproval },
                Screen::WelcomeBack { .. } => Screen::RefusedBefore { words: &self.refused },
                Screen::RefusedBefore { .. } => Screen::Rewards(&self.rewards),
                Screen::Rewards([]) => Screen::LanguageMenu,
                Screen::Rewards(_) => Screen::Rewards(&[]),
                Screen::LanguageMenu => Screen::Help,
                Screen::Help => Screen::TooDeep,
                Screen::TooDeep => Screen::Malformed,
                Screen::Malformed => Screen::Success { money: self.money, phone: &self.phone, reference: "0123ABCD" },
                Screen::Success { .. } => {
                    Screen::AwaitingApproval { money: self.money, phone: &self.phone, reference: "0123ABCD" }
                }
                Screen::AwaitingApproval { .. } => Screen::AskNumber,
                Screen::AskNumber => Screen::NotMomo,
                Screen::NotMomo => Screen::CheckingNumber { number: &self.phone },
                Screen::CheckingNumber { .. } => Screen::ConfirmName { number: &self.phone, name: &self.name },
                Screen::ConfirmName { .. } => Screen::NoAccount { number: &self.phone },
                Screen::NoAccount { .. } => Screen::Received,
                Screen::Received => Screen::Trouble,
                Screen::Trouble => Screen::TroubleKept,
                Screen::TroubleKept => Screen::OnlyRwanda,
                Screen::OnlyRwanda => Screen::Maintenance,
                Screen::Maintenance => return screens,
            };
            screens.push(following);
        }
    }
}

fn whole(answer: &Answer, what: &str) {
    let body = answer.body();
    // A question stands above its numbered answers; elsewhere "?" is what a strange character became.
    let numbered = answer.words.lines().last().is_some_and(|last| last.starts_with("2. "));
    assert!(body.starts_with("CON ") || body.starts_with("END "), "{what}: {body}");
    assert_eq!(fits(&answer.words), Ok(()), "{what}: {body}");
    assert!(!answer.words.contains(['{', '}']) && (numbered || !answer.words.contains('?')), "{what}: {body}");
    // Texts end in a sentence, a list or a label; one that was cut ends anywhere.
    let last = answer.words.lines().last().unwrap_or_default();
    let ends = last.ends_with(['.', ':']) || last.contains("Ref: ") || last.contains(". ");
    assert!(ends || last.contains(" RWF "), "{what} is cut short: {body}");
    assert!(!body.starts_with("CON  ") && !body.starts_with("END  "));
}

fn refused(refusal: &Refusal, state: Outside, settings: &Settings, language: Language) -> Answer {
    let texts = Texts::new(settings, language);
    refusal_screen(refusal, Some(state), &phone("0788000001"), settings, &texts, noon())
}

// proves: USD-03, USD-04
#[test]
fn every_refusal_has_its_words_in_both_languages_and_they_fit() {
    let settings = longest();
    for language in Language::ALL {
        let mut told = Vec::new();
        for refusal in every_refusal() {
            for state in STATES {
                let answer = refused(&refusal, state, &settings, language);
                whole(&answer, refusal.name());
                told.push((refusal.name(), answer.words));
            }
        }
        told.dedup();
        for (name, words) in &told {
            let same: Vec<_> = told.iter().filter(|(other, said)| other != name && said == words).collect();
            assert!(same.is_empty(), "{name} says the same as {same:?}");
        }
    }
}

// proves: USD-03
#[test]
fn every_screen_fits_in_both_languages_with_the_longest_values() {
    let settings = longest();
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        let values = Values::longest(texts.say(Key::NotFound, &[]));
        for screen in values.every_screen() {
            whole(&screen.render(&settings, &texts), &format!("{screen:?}"));
        }
        for state in STATES {
            let back = Screen::WelcomeBack { redeemed: &values.redeemed, state };
            let answer = back.render(&settings, &texts);
            whole(&answer, "welcome back");
            assert!(answer.words.ends_with(&texts.menu()), "{}", answer.words);
        }
    }
}

// proves: USD-03
#[test]
fn the_built_in_texts_fit_with_the_longest_names() {
    assert_eq!(Settings::default().problems(), Vec::<String>::new());
    assert_eq!(longest().problems(), Vec::<String>::new());
}

#[test]
fn the_largest_amount_that_can_be_paid_fits_as_well() {
    let settings = longest();
    let largest = domain::money::MAX_AMOUNT;
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        let redeemed = redeemed(largest);
        let phone = phone("0788000001");
        let rewards = [(redeemed.clone(), Outside::AwaitingApproval)];
        for screen in [
            Screen::WelcomeBack { redeemed: &redeemed, state: Outside::AwaitingApproval },
            Screen::Rewards(&rewards),
            Screen::Success { money: francs(largest), phone: &phone, reference: "0123ABCD" },
            Screen::AwaitingApproval { money: francs(largest), phone: &phone, reference: "0123ABCD" },
        ] {
            let answer = screen.render(&settings, &texts);
            whole(&answer, "largest");
            assert!(answer.words.contains("10,000,000"), "{}", answer.words);
        }
    }
}

// proves: USD-12
#[test]
fn a_refusal_that_was_not_heard_is_told_again_whole_and_with_the_question() {
    let settings = longest();
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        for refusal in every_refusal() {
            let words = refused(&refusal, Outside::AwaitingApproval, &settings, language).words;
            let answer = Screen::RefusedBefore { words: &words }.render(&settings, &texts);
            assert!(!answer.ends, "the person can go on");
            assert!(answer.words.starts_with(&words), "{}", answer.words);
            let asks = [texts.menu(), texts.say(Key::Prompt, &[])];
            let asked = asks.iter().any(|ask| answer.words.ends_with(ask.as_str()));
            assert!(asked, "{}: {}", refusal.name(), answer.words);
        }
    }
}

#[test]
fn no_text_holds_a_character_that_makes_the_screen_short() {
    let settings = Settings::default();
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        for key in Key::ALL {
            let words = texts.say(*key, &[]);
            assert!(words.is_ascii(), "{}: {words}", key.name());
            assert!(!words.contains(['\u{2018}', '\u{2019}', '`']));
            assert_eq!(words.trim(), words, "{}", key.name());
        }
    }
    assert!(fits("nyuma y\u{2019}iminota").is_err(), "a curly apostrophe");
    assert!(fits("🎨").is_err());
}

#[test]
fn the_telephone_alphabet_has_127_single_characters_and_9_double_ones() {
    let takes = |places: usize| {
        (0..=0xffff)
            .filter_map(char::from_u32)
            .filter(|character| length(&character.to_string()) == Some(places))
            .count()
    };
    // 128 places of which one is the escape to the second table.
    assert_eq!(takes(1), 127);
    assert_eq!(takes(2), 9);
    assert_eq!(length("a€"), Some(3));
    assert!(fits(&"a".repeat(SCREEN)).is_ok());
    assert!(fits(&"a".repeat(SCREEN + 1)).is_err());
    assert!(fits(&"€".repeat(80)).is_ok() && fits(&"€".repeat(81)).is_err());
}

// proves: USD-04
#[test]
fn a_refusal_says_when_a_code_or_a_number_is_good_again() {
    let settings = Settings::default();
    let says = |refusal: Refusal, language| refused(&refusal, Outside::Completed, &settings, language).body();
    let (rw, en) = (Language::Kinyarwanda, Language::English);
    let too_many = |at| Refusal::TooManyAttempts { until: at };
    assert_eq!(
        says(too_many(minutes(1)), rw),
        "END Mugerageje inshuro nyinshi. Mwongere mugerageze nyuma y'umunota 1."
    );
    assert_eq!(
        says(too_many(minutes(15)), rw),
        "END Mugerageje inshuro nyinshi. Mwongere mugerageze nyuma y'iminota 15."
    );
    assert_eq!(
        says(too_many(time::plus(minutes(14), 1)), en),
        "END You have tried too often. Try again in 15 minutes."
    );
    assert_eq!(says(too_many(minutes(5_000)), en), "END You have tried too often. Try again in 1440 minutes.");
    let yours = Refusal::AlreadyYours {
        redemption: redeemed(1).redemption,
        at: "2026-11-20T22:30:00Z".parse().expect("a time"),
    };
    assert_eq!(says(yours, en), "END You used this code on 21/11/2026. Payment: paid.", "the day is that of Kigali");
    assert!(says(Refusal::Unknown, en).starts_with("CON "));
    assert!(says(Refusal::NumberCannotReceive, en).contains("0788000001"));
}

// proves: USD-12
#[test]
fn a_payment_that_is_looked_into_is_on_its_way_to_the_customer() {
    let settings = Settings::default();
    let texts = Texts::new(&settings, Language::English);
    let said = STATES.map(|state| texts.state(state));
    assert_eq!(said, ["on its way", "on its way", "paid", "failed", "on its way", "waiting for approval", "failed"]);
}

// proves: USD-02
#[test]
fn the_first_screen_welcomes_asks_for_the_code_and_offers_the_menu() {
    let mut settings = Settings::default();
    let welcome =
        |settings: &Settings, language| Screen::Welcome.render(settings, &Texts::new(settings, language)).body();
    assert_eq!(
        welcome(&settings, Language::English),
        "CON Welcome to MBELYCO!\nEnter your promo code, or:\n1. My rewards\n2. Language\n3. Help"
    );
    settings.ussd.menu = vec![MenuItem::Help, MenuItem::Rewards];
    assert_eq!(
        welcome(&settings, Language::English),
        "CON Welcome to MBELYCO!\nEnter your promo code, or:\n1. Help\n2. My rewards"
    );
    settings.ussd.menu.clear();
    assert_eq!(
        welcome(&settings, Language::Kinyarwanda),
        "CON Murakaza neza kuri MBELYCO!\nMwandike kode ya poromosiyo:"
    );
}

#[test]
fn rewards_are_listed_as_far_as_the_screen_goes_and_no_line_is_torn() {
    let settings = longest();
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        let rewards = vec![(redeemed(1_000_000), Outside::AwaitingApproval); 5];
        let answer = Screen::Rewards(&rewards).render(&settings, &texts);
        let lines: Vec<&str> = answer.words.lines().collect();
        assert!(lines.len() >= 3, "at least two rewards: {}", answer.words);
        let state = texts.state(Outside::AwaitingApproval);
        for (index, line) in lines[1..].iter().enumerate() {
            assert_eq!(*line, format!("{}. 20/11/2026 - 1,000,000 RWF {state}", index + 1));
        }
    }
}

#[test]
fn the_example_on_the_screens_is_the_example_of_the_code() {
    let settings = Settings::default();
    for language in Language::ALL {
        let texts = Texts::new(&settings, language);
        assert!(texts.say(Key::Malformed, &[]).contains(EXAMPLE));
    }
}
