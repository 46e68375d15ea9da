//! Letters to staff: their words, and their life from due to sent or given up.

use domain::{
    alert::Kind,
    id::MailId,
    mail::{LINK_MS, Letter, Mail, Step, TRIES, WhyNot, render, written_in},
    staff::Email,
    text::Language,
    time::{self, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;

const BASE: &str = "https://console.example.rw";
const TOKEN: &str = "0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

fn noon() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

fn mail(letter: Letter, language: Language) -> Mail {
    Mail {
        id: MailId::drawn(noon(), [7; 10]),
        to: Email::parse("aline@example.rw").expect("an address"),
        letter,
        language,
        first_name: "Aline".to_owned(),
        link: letter.page().map(|_| "sealed".to_owned()),
        note: Some("The company's register doesn't name you.".to_owned()),
        at: noon(),
        send_at: Some(noon()),
        tries: 0,
        version: 1,
    }
}

fn all() -> impl Iterator<Item = Mail> {
    Letter::ALL.into_iter().flat_map(|letter| Language::ALL.map(|language| mail(letter, language)))
}

fn link_of(mail: &Mail) -> Option<&'static str> {
    mail.letter.page().map(|_| TOKEN)
}

/// The words of the HTML: tags taken out, entities turned back.
fn words(html: &str) -> Vec<String> {
    let body = html.split_once("<body").and_then(|(_, rest)| rest.split_once('>')).expect("a body").1;
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let text = pairs.iter().fold(text, |text, (safe, plain)| text.replace(safe, plain));
    text.split_whitespace().map(str::to_owned).collect()
}

// proves: ACC-06, ACC-12
#[test]
fn every_letter_says_the_same_in_text_and_html_under_a_subject_of_one_line() {
    for mail in all() {
        let written = render(&mail, link_of(&mail), "MBELYCO", BASE);
        let name = mail.letter.name();
        assert!(!written.subject.is_empty() && written.subject.len() <= 78, "{name}: {}", written.subject);
        assert!(!written.subject.contains(['\n', '\r', '{']), "{name}: {}", written.subject);
        assert!(written.text.starts_with("Hello Aline,\n\n"), "{name}: {}", written.text);
        assert!(!written.text.contains('{') && !written.html.contains("{b"), "{name} has a gap");
        let said: Vec<String> = written.text.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words(&written.html), said, "{name}");
        assert!(said.len() > 25, "{name} says what it is and what to do");
        assert!(
            written.text.contains("If you didn't")
                || written.text.contains("If you don't")
                || written.text.contains("If it wasn't"),
            "{name} tells who didn't expect it what to do"
        );
    }
}

// proves: ACC-06
#[test]
fn a_link_stands_behind_a_hash_on_a_line_of_its_own_and_is_said_to_work_once_within_an_hour() {
    for mail in all() {
        let written = render(&mail, link_of(&mail), "MBELYCO", &format!("{BASE}/"));
        let Some(page) = mail.letter.page() else {
            assert!(!written.text.contains('#') && !written.html.contains(TOKEN), "{}", mail.letter.name());
            continue;
        };
        let address = format!("{BASE}/{page}#{TOKEN}");
        assert!(written.text.lines().any(|line| line == address), "{}", written.text);
        assert!(written.html.contains(&format!("<a href=\"{address}\">{address}</a>")), "{}", written.html);
        assert!(written.text.contains("works once, within one hour"), "{}", written.text);
        assert!(!written.subject.contains(TOKEN));
    }
    let page = |letter: Letter| letter.page();
    assert_eq!(page(Letter::Invitation), Some("password"));
    assert_eq!(page(Letter::PasswordReset), Some("password"));
    assert_eq!(page(Letter::ConfirmEmail), Some("confirm"));
}

// proves: ACC-06
#[test]
fn what_people_typed_brings_no_markup_no_header_and_no_advertisement_into_a_letter() {
    for mut mail in all() {
        mail.first_name = "<b>Aline</b>".to_owned();
        mail.note = Some("<script>alert(1)</script>\r\n<a href='x'>\"&\u{7}".to_owned());
        let written = render(&mail, Some("to<k>en\"'&"), "M<i>\r\nBcc: x@y.rw", BASE);
        for tag in ["<b>", "<script", "<i>", "<a href='", "<k>"] {
            assert!(!written.html.contains(tag), "{}: {}", mail.letter.name(), written.html);
        }
        assert!(!written.subject.contains(['\n', '\r']), "{:?}", written.subject);
        assert!(written.text.starts_with("Hello,\n"), "{}", written.text);
        assert!(!written.text.contains(['\r', '\u{7}']), "{:?}", written.text);
    }
    let greeted = |name: &str| {
        let mail = Mail { first_name: name.to_owned(), ..mail(Letter::RegistrationReceived, Language::English) };
        render(&mail, None, "MBELYCO", BASE).text.lines().next().map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(greeted(" Jean-Claude N'Éric "), "Hello Jean-Claude N'Éric,");
    for name in ["", "win at casino.example", "call 0788000001", "a\nb", &"a".repeat(41)] {
        assert_eq!(greeted(name), "Hello,", "{name:?}");
    }
}

// proves: ACC-12
#[test]
fn a_refusal_gives_its_reason_and_goes_without_one_where_there_is_none() {
    let mut mail = mail(Letter::RegistrationRejected, Language::English);
    let written = render(&mail, None, "MBELYCO", BASE);
    assert!(written.text.contains("\n\nThe reason that was given:\n\nThe company's register doesn't name you.\n\n"));
    for note in [None, Some(" \n".to_owned())] {
        mail.note = note;
        assert!(!render(&mail, None, "MBELYCO", BASE).text.contains("reason"));
    }
}

/// Letters that readers of Kinyarwanda get in English, because no native speaker has written them yet.
/// Once one is written, take its line out of here.
const LACK_KINYARWANDA: [Letter; 8] = [
    Letter::Invitation,
    Letter::PasswordReset,
    Letter::ConfirmEmail,
    Letter::EmailChanging,
    Letter::RegistrationReceived,
    Letter::RegistrationApproved,
    Letter::RegistrationRejected,
    Letter::UnusualSignIn,
];

#[test]
fn the_letters_that_lack_kinyarwanda_are_known_and_say_so_in_their_html() {
    for letter in Letter::ALL {
        assert_eq!(written_in(letter, Language::English), Language::English);
        let lacking = written_in(letter, Language::Kinyarwanda) == Language::English;
        assert_eq!(lacking, LACK_KINYARWANDA.contains(&letter), "{}", letter.name());
        let mail = mail(letter, Language::Kinyarwanda);
        let lang = format!("<html lang=\"{}\">", written_in(letter, Language::Kinyarwanda).code());
        assert!(render(&mail, link_of(&mail), "MBELYCO", BASE).html.contains(&lang));
    }
}

fn begun(mail: &Mail, at: Timestamp) -> Mail {
    match mail.step(at) {
        Step::Try(begun) => begun,
        Step::Rest | Step::GiveUp(_) => panic!("a try was due: {mail:?}"),
    }
}

// proves: ALR-06
#[test]
fn a_letter_without_a_link_is_tried_at_once_then_after_1_5_15_and_60_minutes_and_then_given_up() {
    let mut letter = mail(Letter::RegistrationApproved, Language::English);
    let mut now = noon();
    for minutes in [1, 5, 15, 60] {
        letter = begun(&letter, now);
        assert!(!letter.last_try());
        assert_eq!(letter.send_at, Some(time::plus(now, minutes * MINUTE_MS)));
        let early = time::plus(now, minutes * MINUTE_MS - 1);
        assert_eq!(letter.step(early), Step::Rest, "not before its time");
        now = time::plus(now, minutes * MINUTE_MS);
    }
    letter = begun(&letter, now);
    assert_eq!((letter.tries, letter.version), (TRIES, 1 + u64::from(TRIES)));
    assert!(letter.last_try());
    // Its sender died: the next one doesn't send it a sixth time.
    let next = letter.send_at.expect("it comes back");
    assert_eq!(letter.step(next), Step::GiveUp(WhyNot::NotTaken));
}

// proves: ACC-06
#[test]
fn a_letter_whose_link_has_ended_is_given_up_and_not_kept_for_a_try_that_would_come_too_late() {
    for letter in Letter::ALL {
        let mail = mail(letter, Language::English);
        let late = time::plus(noon(), LINK_MS);
        match letter.page() {
            Some(_) => assert_eq!(mail.step(late), Step::GiveUp(WhyNot::LinkTooOld)),
            None => assert!(matches!(mail.step(late), Step::Try(_))),
        }
        assert!(matches!(mail.step(time::plus(late, -SECOND_MS)), Step::Try(_)));
    }
    let mut invitation = mail(Letter::Invitation, Language::English);
    let mut now = noon();
    for tries in 1..=4 {
        invitation = begun(&invitation, now);
        // After the fourth try the next one would be 81 minutes after the link was made.
        assert_eq!(invitation.last_try(), tries == 4, "try {tries}");
        now = invitation.send_at.expect("the next try is set");
    }
}

// proves: ALR-06
#[test]
fn a_letter_that_is_over_is_never_due_and_holds_no_link() {
    let sent = begun(&mail(Letter::Invitation, Language::English), noon()).over();
    assert_eq!((sent.send_at, sent.link.as_deref(), sent.version), (None, None, 3));
    assert_eq!(sent.step(time::plus(noon(), 90 * 24 * 60 * MINUTE_MS)), Step::Rest);
}

// proves: ALR-06
#[test]
fn the_alert_of_a_lost_letter_names_it_and_what_to_do_but_not_the_whole_address() {
    for why in [WhyNot::NotTaken, WhyNot::LinkTooOld, WhyNot::LinkUnreadable] {
        for mail in all() {
            let alert = mail.undelivered(why, noon());
            assert_eq!(alert.kind, Kind::LetterUndelivered);
            assert_eq!(alert.entity, format!("mail:{}", mail.id));
            assert!(alert.note.contains("a***@example.rw") && !alert.note.contains("aline@"), "{}", alert.note);
            assert!(alert.note.contains(&mail.letter.name().replace('_', " ")), "{}", alert.note);
        }
    }
}
