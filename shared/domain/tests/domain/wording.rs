//! The Kinyarwanda texts as they were collected, what a native speaker still has to approve, and texts set by staff.

use domain::{
    settings::{MenuItem, Settings},
    text::{Key, Language, Texts},
};

/// How sure we are of a text until a native speaker has approved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sure {
    High,
    Medium,
}

use Sure::{High, Medium};

/// The collected table, word for word. `Medium` and everything in [`COMPOSED`] awaits a native speaker's approval.
const COLLECTED: [(Key, Sure, &str); 25] = [
    (Key::Welcome, Medium, "Murakaza neza kuri {brand}!"),
    (Key::PromptOr, Medium, "Mwandike kode ya poromosiyo, cyangwa:"),
    (Key::MenuRewards, Medium, "Ibihembo byanjye"),
    (Key::MenuLanguage, Medium, "Ururimi"),
    (Key::MenuHelp, Medium, "Ubufasha"),
    (
        Key::Malformed,
        Medium,
        "Kode yanditse nabi. Igizwe n'inyuguti n'imibare {n}, urugero: {example}. Mwongere muyandike neza:",
    ),
    (
        Key::NotFound,
        High,
        "Mwihangane, iyi kode ntibashije kuboneka. Murebe niba mwayanditse neza, mwongere mugerageze:",
    ),
    (Key::Expired, High, "Mwihangane, iyi kode yataye agaciro ku itariki {date}."),
    (Key::Blocked, High, "Iyi kode yahagaritswe. Mwaduhamagara kuri {phone} mugahabwa ubufasha."),
    (Key::RedeemedByYou, Medium, "Iyi kode mwamaze kuyikoresha ku itariki {date}. Ubwishyu: {state}."),
    (
        Key::RedeemedByAnother,
        High,
        "Iyi kode yamaze gukoreshwa n'undi muntu. Mugize ikibazo mwaduhamagara kuri {phone}.",
    ),
    (Key::Success, Medium, "Murakoze! Murabona {amount} RWF kuri MoMo {number} mu kanya gato. Ref: {ref}"),
    (Key::DayLimit, Medium, "Mwageze ku mubare ntarengwa wa kode z'uyu munsi. Mwongere mugerageze ku itariki {date}."),
    (Key::NotActive, Medium, "Mwihangane, iyi poromosiyo ntiratangira cyangwa yararangiye."),
    (Key::TroubleKept, Medium, "Habaye ikibazo cya tekiniki. Kode yanyu twayibitse. Mwongere mukande {ussd} mu kanya."),
    (Key::Received, Medium, "Twakiriye kode yanyu. Mwongere mukande {ussd} mu kanya murebe igisubizo."),
    (
        Key::Maintenance,
        Medium,
        "Mutwihanganire, serivisi yahagaritswe by'agateganyo, turimo kuyivugurura. Mwongere mugerageze nyuma.",
    ),
    (Key::Rewards, High, "Ibihembo byanyu:"),
    (Key::RewardsLine, High, "{date} - {amount} RWF {state}"),
    (Key::NoRewards, Medium, "Nta bihembo murabona. Mwandike kode ya poromosiyo:"),
    (Key::LanguageMenu, High, "Hitamo ururimi / Choose language:\n1. Ikinyarwanda\n2. English"),
    (
        Key::Help,
        Medium,
        "Uko bikora: mwandike kode iri ku gicuruzwa, mukabona amafaranga kuri MoMo. Kode ikoreshwa rimwe gusa. Ubufasha: {phone}",
    ),
    (Key::AskNumber, Medium, "Mwandike nimero ya MoMo mwakiriraho amafaranga (07xxxxxxxx):"),
    (Key::ConfirmName, High, "Nimero {number} ibaruye kuri {name}. Ese ni byo?\n1. Yego, ni byo\n2. Oya, si byo"),
    (Key::StateOnItsWay, Medium, "Biri mu nzira"),
];

/// The labels of states, which were collected beside the table.
const STATES: [(Key, &str); 3] =
    [(Key::StatePaid, "Byishyuwe"), (Key::StateFailed, "Ntibyakunze"), (Key::StateAwaiting, "Bitegereje kwemezwa")];

/// Our own compositions without an attested sentence behind them: a native speaker must approve each before launch.
/// Once one is approved, take its mark out of the source and its line out of here.
const COMPOSED: [Key; 16] = [
    Key::Reported,
    Key::LimitInAll,
    Key::Cooldown,
    Key::NumberCannotReceive,
    Key::OtherBatch,
    Key::AmountPerPayout,
    Key::AmountPerDay,
    Key::AmountPerMonth,
    Key::NotMomo,
    Key::CheckingNumber,
    Key::NoAccount,
    Key::AwaitingApproval,
    Key::Paused,
    Key::Trouble,
    Key::TooDeep,
    Key::OnlyRwanda,
];

/// The text with its `{names}` as they stand.
fn template(settings: &Settings, language: Language, key: Key) -> String {
    let unfilled = ["brand", "phone", "ussd", "example", "n"].map(|name| (name, format!("{{{name}}}")));
    let values: Vec<(&str, &str)> = unfilled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Texts::new(settings, language).say(key, &values)
}

// proves: USD-03
#[test]
fn the_kinyarwanda_texts_are_the_collected_ones_word_for_word() {
    let settings = Settings::default();
    let rw = |key| template(&settings, Language::Kinyarwanda, key);
    for (key, _, text) in COLLECTED {
        assert_eq!(rw(key), text, "{}", key.name());
    }
    for (key, text) in STATES {
        assert_eq!(rw(key), text, "{}", key.name());
    }
    // Collected with the number inside the sentence: "nyuma y'iminota {minutes}", one minute "nyuma y'umunota 1".
    let texts = Texts::new(&settings, Language::Kinyarwanda);
    let wait = |count| texts.say(Key::TooManyAttempts, &[("minutes", &texts.minutes(count))]);
    assert_eq!(wait(15), "Mugerageje inshuro nyinshi. Mwongere mugerageze nyuma y'iminota 15.");
    assert_eq!(wait(1), "Mugerageje inshuro nyinshi. Mwongere mugerageze nyuma y'umunota 1.");
}

#[test]
fn texts_that_a_native_speaker_must_approve_are_listed() {
    let source = include_str!("../../src/text/kinyarwanda.rs");
    let mut marked = Vec::new();
    let mut mark = false;
    for line in source.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("Key::") {
            if mark {
                marked.extend(rest.split_whitespace().next().map(str::to_owned));
            }
            mark = false;
        }
        mark |= line.starts_with("// composed");
    }
    let listed: Vec<String> = COMPOSED.iter().map(|key| format!("{key:?}")).collect();
    assert_eq!(marked, listed);
}

#[test]
fn every_kinyarwanda_text_is_collected_or_composed() {
    // The same words without the menu; the sentence around {minutes}; and the parts of {minutes}.
    let derived = [Key::Prompt, Key::TooManyAttempts, Key::MinuteOne, Key::MinuteMany];
    for key in Key::ALL {
        let collected = COLLECTED.iter().any(|(known, ..)| known == key);
        let state = STATES.iter().any(|(known, _)| known == key);
        let places = [collected, state, COMPOSED.contains(key), derived.contains(key)];
        assert_eq!(places.iter().filter(|known| **known).count(), 1, "{}", key.name());
    }
    let doubtful = COLLECTED.iter().filter(|(_, sure, _)| *sure == Medium).count() + COMPOSED.len();
    assert_eq!(doubtful, 33, "texts that await approval");
}

#[test]
fn both_languages_fill_in_the_same_values() {
    let settings = Settings::default();
    let names = |language, key| {
        let text = template(&settings, language, key);
        let mut names: Vec<String> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
        names.sort();
        // These may be told in one language only.
        names.retain(|name| name != "phone");
        names
    };
    for key in Key::ALL {
        let (rw, en) = (names(Language::Kinyarwanda, *key), names(Language::English, *key));
        assert_eq!(rw, en, "{}", key.name());
    }
}

fn with_text(language: Language, key: Key, text: &str) -> Settings {
    let mut settings = Settings::default();
    match language {
        Language::Kinyarwanda => settings.ussd.texts.rw.insert(key, text.to_owned()),
        Language::English => settings.ussd.texts.en.insert(key, text.to_owned()),
    };
    settings
}

// proves: USD-03
#[test]
fn a_text_that_does_not_fit_is_refused_with_its_name() {
    for language in Language::ALL {
        for key in Key::ALL {
            let name = format!("ussd.texts.{}.{}:", language.code(), key.name());
            for text in ["x".repeat(161), "nyuma y\u{2019}iminota".to_owned(), "{nobody}".to_owned()] {
                let problems = with_text(language, *key, &text).problems();
                assert!(problems.iter().any(|problem| problem.starts_with(&name)), "{name} {text}: {problems:?}");
            }
        }
    }
}

// proves: USD-03
#[test]
fn a_text_that_fits_replaces_the_built_in_one_in_its_language_only() {
    let settings = with_text(Language::English, Key::Expired, "Too late: {date}");
    assert_eq!(settings.problems(), Vec::<String>::new());
    let said = |language| Texts::new(&settings, language).say(Key::Expired, &[("date", "30/11/2026")]);
    assert_eq!(said(Language::English), "Too late: 30/11/2026");
    assert_eq!(said(Language::Kinyarwanda), "Mwihangane, iyi kode yataye agaciro ku itariki 30/11/2026.");
    let stored = serde_json::to_string(&settings).expect("settings are JSON");
    assert!(stored.contains(r#""texts":{"rw":{},"en":{"expired":"Too late: {date}"}}"#), "{stored}");
    assert_eq!(serde_json::from_str::<Settings>(&stored).ok(), Some(settings));
}

// proves: USD-03
#[test]
fn a_label_that_makes_another_text_too_long_is_refused() {
    let long = "x".repeat(120);
    for key in [Key::MenuHelp, Key::StateAwaiting, Key::StatePaid, Key::MinuteMany] {
        let problems = with_text(Language::English, key, &long).problems();
        assert!(!problems.is_empty(), "{} with 120 letters stands inside other texts", key.name());
    }
}

// proves: USD-03
#[test]
fn a_value_that_the_screen_does_not_have_is_refused() {
    for (key, text) in [
        (Key::Expired, "Too late for {amount} RWF"),
        (Key::Blocked, "Stopped on {date}"),
        (Key::RewardsLine, "{i}. {date} - {amount} RWF {state}"),
        (Key::Welcome, "Hello {number}"),
    ] {
        let name = format!("ussd.texts.en.{}:", key.name());
        let problems = with_text(Language::English, key, text).problems();
        assert!(problems.iter().any(|problem| problem.starts_with(&name)), "{text}: {problems:?}");
    }
}

// proves: USD-11
#[test]
fn the_question_about_a_name_must_show_the_number_and_the_name() {
    let problems = |text: &str| with_text(Language::English, Key::ConfirmName, text).problems();
    assert_eq!(problems("Pay {name} on {number}? 1. Yes 2. No"), Vec::<String>::new());
    for text in ["Pay {name}? 1. Yes 2. No", "Pay {number}? 1. Yes 2. No", "Go on? 1. Yes 2. No"] {
        assert!(problems(text).iter().any(|problem| problem.starts_with("ussd.texts.en.confirm_name:")), "{text}");
    }
}

/// One setting changed, and the field that must be named for it.
type Wrong = (fn(&mut Settings), &'static str);

// proves: USD-03, USD-06
#[test]
fn settings_that_can_not_work_are_refused_with_the_fields_name() {
    let cases: [Wrong; 24] = [
        (|s| s.brand = String::new(), "brand"),
        (|s| s.brand = "W".repeat(13), "brand"),
        (|s| s.brand = "Pièrre 🎨".to_owned(), "ussd.texts.rw.welcome"),
        (|s| s.help_phone = String::new(), "help_phone"),
        (|s| s.help_phone = "07880001000".to_owned(), "help_phone"),
        (|s| s.timezone = "Africa/Nowhere".to_owned(), "timezone"),
        (|s| s.ussd.service_code = format!("*{}#", "8".repeat(60)), "ussd.texts.rw.paused"),
        (|s| s.ussd.attempts.per_minute = 0, "ussd.attempts"),
        (|s| s.ussd.attempts.per_hour = 4, "ussd.attempts"),
        (|s| s.ussd.attempts.per_day = 29, "ussd.attempts"),
        (|s| s.ussd.max_depth = 0, "ussd.max_depth"),
        (|s| s.ussd.max_depth = 21, "ussd.max_depth"),
        (|s| s.ussd.menu = vec![MenuItem::Help, MenuItem::Help], "ussd.menu"),
        (|s| s.ussd.menu = vec![MenuItem::Help, MenuItem::Rewards, MenuItem::Help], "ussd.menu"),
        (|s| s.ussd.menu = vec![MenuItem::Rewards, MenuItem::Language, MenuItem::Help, MenuItem::Rewards], "ussd.menu"),
        (|s| s.payouts.retries = 6, "payouts.retries"),
        (|s| s.payouts.retry_minutes = vec![], "payouts.retry_minutes"),
        (|s| s.payouts.retry_minutes = vec![1, 0], "payouts.retry_minutes"),
        (|s| with(s, Key::Welcome, "x", 100), "ussd.texts.en.welcome"),
        (|s| with(s, Key::PromptOr, "x", 130), "ussd.texts.en.welcome"),
        (|s| with(s, Key::RewardsLine, "x", 100), "ussd.texts.en.rewards_line"),
        (|s| with(s, Key::Success, "{amount}", 20), "ussd.texts.en.success"),
        (|s| with(s, Key::Help, "€", 81), "ussd.texts.en.help"),
        (|s| with(s, Key::Help, "{", 1), "ussd.texts.en.help"),
    ];
    for (index, (change, field)) in cases.iter().enumerate() {
        let mut settings = Settings::default();
        change(&mut settings);
        let problems = settings.problems();
        assert!(problems.iter().any(|problem| problem.starts_with(field)), "{index} {field}: {problems:?}");
    }
}

fn with(settings: &mut Settings, key: Key, text: &str, times: usize) {
    settings.ussd.texts.en.insert(key, text.repeat(times));
}

#[test]
fn settings_of_an_older_version_load_with_defaults_for_what_is_new() {
    assert_eq!(serde_json::from_str::<Settings>("{}").ok(), Some(Settings::default()));
    let older: Settings =
        serde_json::from_str(r#"{"brand":"PAINTS","ussd":{"maintenance":true}}"#).expect("older settings");
    assert_eq!(older.brand, "PAINTS");
    assert!(older.ussd.maintenance);
    assert_eq!(older.ussd.attempts, Settings::default().ussd.attempts);
}
