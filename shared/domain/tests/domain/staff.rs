//! Members of the staff as records: their addresses, ids, and what of them may be shown to a log.

use crate::people;

use domain::{
    id::{SessionId, UserId},
    identity::BadId,
    mail::{Letter, Mail},
    permission::{Permission, Permissions},
    phone::Msisdn,
    role::Predefined,
    staff::{Email, Link, Mfa, NewEmail, NotAnEmail, User},
    text::Language,
    time::plus,
};
use jiff::Timestamp;
use people::{cases, noon, predefined, session_id, user};
use proptest::prelude::*;

// proves: ACC-01, ACC-17
#[test]
fn an_address_is_the_same_person_in_whatever_case_it_is_typed() {
    let host = format!("{}.rw", "x".repeat(63));
    for (typed, kept) in [
        ("aline@example.rw", "aline@example.rw"),
        ("  Aline.UWASE@Example.RW \n", "aline.uwase@example.rw"),
        ("a@b.rw", "a@b.rw"),
        ("o'neil+console@mail.example.co.rw", "o'neil+console@mail.example.co.rw"),
        ("1_2-3@4.5.rw", "1_2-3@4.5.rw"),
        (&format!("{}@{host}", "N".repeat(64)), &format!("{}@{host}", "n".repeat(64))),
    ] {
        assert_eq!(Email::parse(typed).expect("an address").as_str(), kept);
    }
    let one = Email::parse("Aline@Example.rw").expect("an address");
    assert_eq!(one, Email::parse("aLINE@eXAMPLE.RW").expect("an address"));
    let written = serde_json::to_string(&one).expect("writes");
    assert_eq!(written, r#""aline@example.rw""#);
    assert_eq!(serde_json::from_str::<Email>(r#""ALINE@example.rw""#).ok(), Some(one), "whoever wrote the row");
    assert!(serde_json::from_str::<Email>(r#""aline""#).is_err());
}

// proves: ACC-17
#[test]
fn what_no_mail_server_delivers_to_is_no_address() {
    let labels = format!("a@{}rw", "x.".repeat(126));
    for bad in [
        "",
        "@",
        "a@",
        "@b.rw",
        "a",
        "a.b.rw",
        "a@b",
        "a@b.",
        "a@.rw",
        "a@b..rw",
        "a@-b.rw",
        "a@b-.rw",
        "a@b_c.rw",
        ".a@b.rw",
        "a.@b.rw",
        "a..b@c.rw",
        "a b@c.rw",
        "a@b c.rw",
        "a@b@c.rw",
        "\"a b\"@c.rw",
        "a(x)@b.rw",
        "<a@b.rw>",
        "a,b@c.rw",
        "a@b.rw,c@d.rw",
        "a@b.rw;",
        "a@[192.0.2.1]",
        "a:b@c.rw",
        "a\\b@c.rw",
        "a\u{0}@b.rw",
        "a\r\nBcc: x@y.rw",
        "a@b.rw\u{0}",
        "é@b.rw",
        "a@é.rw",
        "a\u{200b}@b.rw",
        &format!("{}@b.rw", "x".repeat(65)),
        &format!("a@{}.rw", "x".repeat(64)),
        &labels,
    ] {
        assert_eq!(Email::parse(bad), Err(NotAnEmail), "{bad:?}");
    }
    assert!(labels.len() > domain::staff::EMAIL_MAX);
}

// proves: ACC-01, ACC-17
#[test]
fn a_letter_that_folds_into_another_does_not_become_somebody_elses_address() {
    // U+212A is a Kelvin sign; in small letters it is a k.
    assert_eq!(Email::parse("\u{212a}alisa@example.rw"), Err(NotAnEmail));
    assert_eq!(Email::parse("kalisa@example.\u{212a}e"), Err(NotAnEmail));
    assert_eq!(Email::parse("kalısa@example.rw"), Err(NotAnEmail));
}

proptest! {
    #![proptest_config(cases(1_000))]

    // proves: ACC-17
    #[test]
    fn an_address_that_is_taken_is_plain_and_reads_back_as_itself(typed in "[ -~é]{0,12}@?[ -~]{0,12}(\\.rw)?") {
        if let Ok(email) = Email::parse(&typed) {
            prop_assert!(email.as_str().is_ascii() && !email.as_str().contains(|c: char| c.is_whitespace()));
            prop_assert_eq!(email.as_str(), typed.trim().to_ascii_lowercase());
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            prop_assert_eq!(email.as_str().matches('@').count(), 1);
        }
    }

    // proves: ACC-13
    #[test]
    fn a_list_by_id_is_a_list_by_age(
        (one, other) in (0_i64..4_000_000_000_000, 0_i64..4_000_000_000_000),
        (chance, another) in (any::<[u8; 10]>(), any::<[u8; 10]>()),
    ) {
        let at = |ms: i64| Timestamp::from_millisecond(ms).expect("a time");
        let (first, second) = (UserId::drawn(at(one), chance), UserId::drawn(at(other), another));
        prop_assert_eq!(first.cmp(&second), (one, chance).cmp(&(other, another)));
        prop_assert_eq!(first.as_str().cmp(second.as_str()), first.cmp(&second), "and so is a list by its text");
        prop_assert_eq!(UserId::parse(first.as_str()), Ok(first.clone()));
        prop_assert_eq!(first.as_str().len(), 32);
    }
}

// proves: ACC-13
#[test]
fn an_id_has_its_shape_and_no_other() {
    let id = SessionId::drawn(noon(), [0xab; 10]);
    assert_eq!(id.to_string(), format!("{:012x}{}", noon().as_millisecond(), "ab".repeat(10)));
    let written = serde_json::to_string(&id).expect("writes");
    assert_eq!(serde_json::from_str::<SessionId>(&written).ok(), Some(id.clone()));
    let upper = id.as_str().to_uppercase();
    for bad in
        ["", "0", &id.as_str()[1..], &format!("{id}0"), &upper, &"g".repeat(32), &"é".repeat(16), &"/".repeat(32)]
    {
        assert_eq!(SessionId::parse(bad), Err(BadId), "{bad:?}");
        assert!(serde_json::from_value::<SessionId>(bad.into()).is_err(), "{bad:?}");
    }
    let before_time = UserId::drawn(plus(Timestamp::UNIX_EPOCH, -1), [1; 10]);
    assert!(before_time.as_str().starts_with(&"0".repeat(12)), "a clock far off makes no other shape");
}

const PHONE: &str = "0788123456";

/// Somebody of whom every field is filled, what nobody may read with words that can be looked for.
fn everything(mfa: Mfa) -> User {
    let link = |digest: &str| Link { digest: digest.to_owned(), expires_at: noon() };
    let mut user = user(1, predefined(&[Predefined::Viewer]));
    user.phone = Some(Msisdn::parse(PHONE).expect("a number"));
    user.language = Language::Kinyarwanda;
    user.grants = Permissions::of(&[Permission::UsersRead]);
    user.denials = Permissions::of(&[Permission::ReportsRead]);
    user.password = Some("$argon2id$SECRET-HASH".to_owned());
    user.mfa = mfa;
    user.password_link = Some(link("SECRET-PASSWORD-LINK"));
    let email = Email::parse("new@example.rw").expect("an address");
    user.new_email = Some(NewEmail { email, link: link("SECRET-EMAIL-LINK") });
    user.latest_session = Some(session_id(7));
    user.signed_in_at = Some(noon());
    user
}

fn apps() -> [Mfa; 3] {
    let (secret, recovery) = ("SECRET-APP".to_owned(), vec!["SECRET-RECOVERY-1".to_owned(), "SECRET-2".to_owned()]);
    [Mfa::Off, Mfa::Enrolling { secret: secret.clone() }, Mfa::On { secret, recovery, last_step: 987_654_321 }]
}

fn hides(text: &str) {
    for secret in ["SECRET", "argon2", "987654321", "788123456", PHONE] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

// proves: AUD-05
#[test]
fn the_log_never_gets_a_hash_a_secret_a_digest_or_a_whole_number() {
    for mfa in apps() {
        let user = everything(mfa.clone());
        let shown = user.audited();
        hides(&shown.to_string());
        assert_eq!(shown["phone"], "07*****456");
        assert_eq!((&shown["email"], &shown["new_email"]), (&"person1@example.rw".into(), &"new@example.rw".into()));
        assert_eq!((&shown["state"], &shown["roles"]), (&"active".into(), &serde_json::json!(["viewer"])));
        assert_eq!(
            (&shown["grants"], &shown["denials"]),
            (&serde_json::json!(["users.read"]), &serde_json::json!(["reports.read"]))
        );
        let expected = ["off", "enrolling", "on"][apps().iter().position(|app| *app == mfa).expect("one of them")];
        assert_eq!(shown["mfa"], expected);
    }
    let stored = serde_json::to_string(&everything(apps()[2].clone())).expect("writes");
    assert_eq!(stored.matches("SECRET").count(), 6, "the row holds them: {stored}");
    assert_eq!(serde_json::from_str::<User>(&stored).ok(), Some(everything(apps()[2].clone())));
}

// proves: AUD-05
#[test]
fn nor_does_a_debug_print() {
    for mfa in apps() {
        let user = everything(mfa);
        hides(&format!("{user:?} {user:#?} {:?} {:?} {:?}", user.mfa, user.password_link, user.new_email));
        assert!(format!("{user:?}").contains(user.id.as_str()));
    }
}

// proves: ACC-06
#[test]
fn a_letter_survives_storing() {
    let letters = [
        Letter::Invitation,
        Letter::PasswordReset,
        Letter::ConfirmEmail,
        Letter::EmailChanging,
        Letter::RegistrationReceived,
        Letter::RegistrationApproved,
        Letter::RegistrationRejected,
        Letter::UnusualSignIn,
    ];
    for letter in letters {
        let mail = Mail {
            id: domain::id::MailId::drawn(noon(), [1; 10]),
            to: Email::parse("aline@example.rw").expect("an address"),
            letter,
            language: Language::English,
            first_name: "Aline".to_owned(),
            link: Some("sealed".to_owned()),
            note: None,
            at: noon(),
            send_at: None,
            tries: 3,
            version: 2,
        };
        let written = serde_json::to_string(&mail).expect("writes");
        assert_eq!(serde_json::from_str::<Mail>(&written).ok(), Some(mail));
    }
}
