//! What staff can set about security: bounds, rules and passwords.

use crate::people;

use domain::{
    role::Predefined,
    security::{
        AccessRules, Hours, KeptOut, PASSWORD_MAX, PasswordPolicy, Presence, SecuritySettings, Span, WeakPassword,
    },
    settings::Settings,
};
use ipnet::IpNet;
use people::{cases, role};
use proptest::prelude::*;

fn from(address: &str) -> Presence {
    Presence { address: Some(address.parse().expect("an address")), ..Presence::default() }
}

fn of_country(country: &str) -> Presence {
    Presence { country: Some(country.to_owned()), ..Presence::default() }
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a net")).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn admitted(rules: &AccessRules, presence: &Presence) -> Result<(), KeptOut> {
    rules.admit(presence, people::noon())
}

// proves: ACC-15
#[test]
fn without_rules_everybody_comes_in_from_anywhere() {
    let rules = AccessRules::default();
    for presence in [Presence::default(), from("192.0.2.1"), from("2001:db8::1"), of_country("RW")] {
        assert_eq!(admitted(&rules, &presence), Ok(()));
    }
}

// proves: ACC-15
#[test]
fn an_address_must_be_allowed_and_not_denied() {
    let kept_out = Err(KeptOut::Address);
    let allow = AccessRules { allow_addresses: nets(&["10.0.0.0/8", "2001:db8::/32"]), ..AccessRules::default() };
    for (address, expected) in [
        ("10.0.0.0", Ok(())),
        ("10.255.255.255", Ok(())),
        ("11.0.0.0", kept_out),
        ("9.255.255.255", kept_out),
        ("2001:db8:ffff::1", Ok(())),
        ("2001:db9::1", kept_out),
    ] {
        assert_eq!(admitted(&allow, &from(address)), expected, "{address}");
    }
    assert_eq!(admitted(&allow, &Presence::default()), kept_out, "an unknown address is on no list");
    let deny = AccessRules { deny_addresses: nets(&["10.1.0.0/16"]), ..allow };
    assert_eq!(admitted(&deny, &from("10.1.2.3")), kept_out, "a denial wins");
    assert_eq!(admitted(&deny, &from("10.2.2.3")), Ok(()));
    let only_deny = AccessRules { allow_addresses: Vec::new(), ..deny };
    assert_eq!(admitted(&only_deny, &from("192.0.2.1")), Ok(()));
    assert_eq!(admitted(&only_deny, &Presence::default()), Ok(()));
    // Written with the bits of one host, a net is still the net.
    let host_bits = AccessRules { deny_addresses: nets(&["10.1.2.3/16"]), ..AccessRules::default() };
    assert_eq!(admitted(&host_bits, &from("10.1.200.1")), kept_out);
}

// proves: ACC-15
#[test]
fn an_address_is_the_same_in_whichever_family_it_is_written() {
    let deny = AccessRules { deny_addresses: nets(&["192.0.2.0/24"]), ..AccessRules::default() };
    assert_eq!(admitted(&deny, &from("::ffff:192.0.2.7")), Err(KeptOut::Address));
    assert_eq!(admitted(&deny, &from("::ffff:192.0.3.7")), Ok(()));
    let allow = AccessRules { allow_addresses: nets(&["192.0.2.0/24"]), ..AccessRules::default() };
    assert_eq!(admitted(&allow, &from("::ffff:192.0.2.7")), Ok(()));
    let everybody_of_six = AccessRules { allow_addresses: nets(&["::/0"]), ..AccessRules::default() };
    assert_eq!(admitted(&everybody_of_six, &from("192.0.2.7")), Err(KeptOut::Address));
}

// proves: ACC-15
#[test]
fn a_country_must_be_allowed_and_not_denied_regardless_of_case() {
    let allow = AccessRules { allow_countries: texts(&["RW", "KE"]), ..AccessRules::default() };
    assert_eq!(admitted(&allow, &of_country("RW")), Ok(()));
    assert_eq!(admitted(&allow, &of_country("ke")), Ok(()));
    for presence in [of_country("UG"), of_country(""), Presence::default(), from("192.0.2.1")] {
        assert_eq!(admitted(&allow, &presence), Err(KeptOut::Country), "{presence:?}");
    }
    let deny = AccessRules { deny_countries: texts(&["RW"]), ..allow };
    assert_eq!(admitted(&deny, &of_country("rw")), Err(KeptOut::Country), "a denial wins");
    assert_eq!(admitted(&deny, &of_country("KE")), Ok(()));
    let only_deny = AccessRules { allow_countries: Vec::new(), ..deny };
    assert_eq!(admitted(&only_deny, &Presence::default()), Ok(()));
}

fn hours(spans: &[(u16, u16)], timezone: &str) -> AccessRules {
    let allowed =
        spans.iter().map(|(from_minute, to_minute)| Span { from_minute: *from_minute, to_minute: *to_minute });
    let hours = Hours { enabled: true, allowed: allowed.collect(), timezone: timezone.to_owned() };
    AccessRules { hours, ..AccessRules::default() }
}

fn at(rules: &AccessRules, time: &str) -> bool {
    let answer = rules.admit(&Presence::default(), time.parse().expect("a time"));
    assert!(matches!(answer, Ok(()) | Err(KeptOut::Hour)));
    answer.is_ok()
}

// proves: ACC-15
#[test]
fn hours_are_of_their_zone_from_the_first_minute_up_to_the_last() {
    // Kigali is two hours ahead of UTC.
    let office = hours(&[(480, 1_020)], "Africa/Kigali");
    assert!(!at(&office, "2026-11-20T05:59:59.999Z"));
    assert!(at(&office, "2026-11-20T06:00:00Z"));
    assert!(at(&office, "2026-11-20T14:59:59.999Z"));
    assert!(!at(&office, "2026-11-20T15:00:00Z"));
    // A shift over midnight is two spans.
    let night = hours(&[(1_320, 1_440), (0, 360)], "Africa/Kigali");
    for (time, open) in
        [("19:59", false), ("20:00", true), ("21:59", true), ("22:00", true), ("03:59", true), ("04:00", false)]
    {
        assert_eq!(at(&night, &format!("2026-11-20T{time}:00Z")), open, "{time}");
    }
    // Where clocks change, hours are by the clock on the wall.
    let brussels = hours(&[(480, 481)], "Europe/Brussels");
    assert!(at(&brussels, "2026-07-01T06:00:30Z") && at(&brussels, "2026-12-01T07:00:30Z"));
    assert!(!at(&brussels, "2026-12-01T06:00:30Z"));
    assert!(!at(&hours(&[], "Africa/Kigali"), "2026-11-20T06:00:00Z"), "no span, no hour");
    let mut off = hours(&[], "Africa/Kigali");
    off.hours.enabled = false;
    assert!(at(&off, "2026-11-20T03:00:00Z"));
    assert!(at(&hours(&[(0, 1)], "Mars/Olympus"), "2026-11-20T00:00:30Z"), "an unknown zone is UTC");
}

// proves: ACC-15
#[test]
fn who_is_kept_out_is_told_by_which_rule() {
    let mut rules = hours(&[], "Africa/Kigali");
    rules.allow_countries = texts(&["RW"]);
    rules.allow_addresses = nets(&["10.0.0.0/8"]);
    assert_eq!(admitted(&rules, &Presence::default()), Err(KeptOut::Address));
    assert_eq!(admitted(&rules, &from("10.0.0.1")), Err(KeptOut::Country));
    let there = Presence { country: Some("RW".to_owned()), ..from("10.0.0.1") };
    assert_eq!(admitted(&rules, &there), Err(KeptOut::Hour));
    for rule in [KeptOut::Address, KeptOut::Country, KeptOut::Hour] {
        assert!(rule.to_string().contains("may not be used"), "{rule}");
    }
}

fn problems_after(change: impl FnOnce(&mut SecuritySettings)) -> Vec<String> {
    let mut settings = SecuritySettings::default();
    change(&mut settings);
    let found = settings.problems();
    assert!(found.iter().all(|(_, what)| !what.is_empty()));
    found.into_iter().map(|(field, _)| field).collect()
}

type Number = fn(&mut SecuritySettings) -> &mut u32;

// proves: ACC-04, ACC-06, ACC-07, ACC-12, SET-05
#[test]
fn every_number_is_taken_within_its_bounds_and_its_field_is_named_outside() {
    assert_eq!(SecuritySettings::default().problems(), []);
    let bounds: [(&str, Number, u32, u32); 13] = [
        ("sign_in.session_minutes", |s| &mut s.sign_in.session_minutes, 5, 43_200),
        ("sign_in.max_failures", |s| &mut s.sign_in.max_failures, 3, 20),
        ("sign_in.lockout_minutes", |s| &mut s.sign_in.lockout_minutes, 1, 1_440),
        ("password.min_length", |s| &mut s.password.min_length, 8, 64),
        ("password.max_age_days", |s| &mut s.password.max_age_days, 0, 3_650),
        // At most the day's 50, at least the hour's 10; likewise 300 a minute and 6000 an hour.
        ("registration.per_hour", |s| &mut s.registration.per_hour, 1, 50),
        ("registration.per_day", |s| &mut s.registration.per_day, 10, 10_000),
        ("limits.api_per_minute", |s| &mut s.limits.api_per_minute, 10, 6_000),
        ("limits.api_per_hour", |s| &mut s.limits.api_per_hour, 300, 1_000_000),
        ("limits.sign_ins_per_minute", |s| &mut s.limits.sign_ins_per_minute, 1, 1_000),
        ("limits.uploads_per_hour", |s| &mut s.limits.uploads_per_hour, 1, 1_000),
        ("limits.downloads_per_hour", |s| &mut s.limits.downloads_per_hour, 1, 10_000),
        ("audit.retention_days", |s| &mut s.audit.retention_days, 365, 36_500),
    ];
    for (field, number, least, most) in bounds {
        for good in [least, most] {
            assert!(problems_after(|s| *number(s) = good).is_empty(), "{field} {good}");
        }
        // Of two that go together, the one that doesn't fit is named.
        let partner = match field {
            "registration.per_hour" => "registration.per_day",
            "limits.api_per_minute" => "limits.api_per_hour",
            alone => alone,
        };
        for bad in [least.checked_sub(1), Some(most + 1), Some(u32::MAX)].into_iter().flatten() {
            let found = problems_after(|s| *number(s) = bad);
            assert!(!found.is_empty() && found.iter().all(|name| name == field || name == partner), "{field} {bad}");
        }
        assert!(problems_after(|s| *number(s) = u32::MAX).contains(&field.to_owned()), "{field}");
    }
    let words = SecuritySettings { audit: domain::security::AuditPolicy { retention_days: 1 }, ..Default::default() };
    assert_eq!(words.problems(), [("audit.retention_days".to_owned(), "between 365 and 36500".to_owned())]);
}

// proves: ACC-12
#[test]
fn registration_never_gives_an_administrators_role() {
    for fixed in Predefined::ALL {
        let found = problems_after(|s| s.registration.default_role = Some(fixed.id()));
        let administrator = matches!(fixed, Predefined::SuperAdministrator | Predefined::Administrator);
        assert_eq!(found == ["registration.default_role"], administrator, "{}", fixed.name());
        assert_eq!(found.is_empty(), !administrator);
    }
    assert!(problems_after(|s| s.registration.default_role = Some(role("counter"))).is_empty());
    assert!(problems_after(|s| s.registration.default_role = None).is_empty());
    assert!(!SecuritySettings::default().registration.enabled, "off by default");
    assert!(problems_after(|s| s.registration.message = "é".repeat(500)).is_empty());
    assert_eq!(problems_after(|s| s.registration.message = "é".repeat(501)), ["registration.message"]);
}

// proves: ACC-15, SET-05
#[test]
fn lists_and_hours_are_taken_within_their_bounds() {
    let many = |count: usize| vec!["10.0.0.0/8".parse().expect("a net"); count];
    assert!(problems_after(|s| s.access.allow_addresses = many(250)).is_empty());
    assert_eq!(problems_after(|s| s.access.allow_addresses = many(251)), ["access.allow_addresses"]);
    assert_eq!(problems_after(|s| s.access.deny_addresses = many(251)), ["access.deny_addresses"]);
    let countries = |count: usize| vec!["RW".to_owned(); count];
    assert_eq!(problems_after(|s| s.access.allow_countries = countries(251)), ["access.allow_countries"]);
    assert_eq!(problems_after(|s| s.access.deny_countries = countries(251)), ["access.deny_countries"]);
    for bad in ["rw", "Rw", "RWA", "R", "", "R1", "É"] {
        assert_eq!(
            problems_after(|s| s.access.allow_countries = texts(&["RW", bad])),
            ["access.allow_countries"],
            "{bad}"
        );
        assert_eq!(problems_after(|s| s.access.deny_countries = texts(&[bad])), ["access.deny_countries"], "{bad}");
    }
    let spans = |spans: &[(u16, u16)]| problems_after(|s| s.access = hours(spans, "Africa/Kigali"));
    assert!(spans(&[(0, 1_440)]).is_empty() && spans(&[(0, 1); 20]).is_empty());
    for bad in [&[][..], &[(5, 5)], &[(6, 5)], &[(0, 1_441)], &[(0, 60), (1_440, 1_440)], &[(0, 1); 21]] {
        assert_eq!(spans(bad), ["access.hours.allowed"], "{bad:?}");
    }
    assert!(problems_after(|s| s.access.hours.allowed = Vec::new()).is_empty(), "while hours are off");
    for bad in ["", "Kigali", "Africa/Kigali "] {
        assert_eq!(problems_after(|s| s.access = hours(&[(0, 60)], bad)), ["access.hours.timezone"], "{bad:?}");
    }
}

// proves: SET-05
#[test]
fn another_origin_is_taken_as_browsers_write_it() {
    for good in ["https://console.example.rw", "https://localhost:8443", "https://[::1]:8443", "https://10.0.0.1"] {
        assert!(problems_after(|s| s.cors_origins = texts(&[good])).is_empty(), "{good}");
    }
    let long = format!("https://{}", "x".repeat(193));
    for bad in [
        "",
        "*",
        "null",
        "https://",
        "http://console.example.rw",
        "HTTPS://console.example.rw",
        "https://*.example.rw",
        "https://console.example.rw/",
        "https://Console.example.rw",
        "https://a@b.rw",
        "https://b.rw?x",
        "https://b.rw#x",
        "https://b.rw\n",
        "https://b.rw\u{0}",
        "https://é.rw",
        " https://b.rw",
        "https://b.rw,https://c.rw",
        &long,
    ] {
        assert_eq!(problems_after(|s| s.cors_origins = texts(&["https://a.rw", bad])), ["cors_origins"], "{bad:?}");
    }
    assert_eq!(problems_after(|s| s.cors_origins = texts(&["https://a.rw"; 251])), ["cors_origins"]);
}

// proves: ACC-06
#[test]
fn a_password_must_be_what_the_policy_says_and_all_that_is_wrong_is_told() {
    use WeakPassword as W;
    let policy = PasswordPolicy::default();
    let of = |password: &str| policy.problems(password, "aline.uwase@example.rw");
    for good in ["Twelve-chars1", "Àéîöü-Ñandú-7", &format!("Aa1{}", "x".repeat(PASSWORD_MAX - 3))] {
        assert_eq!(of(good), [], "{good}");
    }
    assert_eq!(of("Short-Word1"), [W::TooShort(12)]);
    assert_eq!(of(&format!("Aa1{}", "é".repeat(8))), [W::TooShort(12)], "characters count, not bytes");
    assert_eq!(of(&format!("Aa1{}", "x".repeat(PASSWORD_MAX - 2))), [W::TooLong]);
    assert_eq!(of("no-capitals-in-1"), [W::NoUpperCase]);
    assert_eq!(of("NO-SMALL-ONES-1"), [W::NoLowerCase]);
    assert_eq!(of("No-Figures-Here"), [W::NoDigit]);
    assert_eq!(of(""), [W::TooShort(12), W::NoUpperCase, W::NoLowerCase, W::NoDigit]);
    let strict = PasswordPolicy { special: true, ..policy.clone() };
    assert_eq!(strict.problems("NothingSpecial1", "a@example.rw"), [W::NoSpecial]);
    assert_eq!(strict.problems("Some Space 1 Here", "a@example.rw"), []);
    let lax = PasswordPolicy { min_length: 8, upper_case: false, lower_case: false, digit: false, ..policy };
    assert_eq!(lax.problems("--------", "a@example.rw"), []);
}

// proves: ACC-06
#[test]
fn a_password_does_not_hold_its_owners_address() {
    let of = |password: &str, email: &str| PasswordPolicy::default().problems(password, email);
    let like = [WeakPassword::LikeEmail];
    assert_eq!(of("Xx1-Aline.UWASE-yy", "aline.uwase@example.rw"), like);
    assert_eq!(of("Xx1-Aline.UWASE-yy", "Aline.Uwase@example.rw"), like, "whatever case the address is in");
    assert_eq!(of("Aline.Uwase@example.rw1", "aline.uwase@example.rw"), like);
    assert_eq!(of("Bob@Example.rw1", "bob@example.rw"), like, "a short name is too, with its host");
    assert_eq!(of("Bobsleigh-in-2030", "bob@example.rw"), [], "alone it is in too many words");
    assert_eq!(of("Example-Password-1", "aline@example.rw"), []);
}

// proves: SET-05
#[test]
fn settings_of_an_older_version_load_with_defaults_for_what_is_new() {
    let mut old = serde_json::to_value(Settings::default()).expect("writes");
    old.as_object_mut().expect("an object").remove("security");
    assert_eq!(serde_json::from_value::<Settings>(old).ok(), Some(Settings::default()));
    assert_eq!(serde_json::from_str::<SecuritySettings>("{}").ok(), Some(SecuritySettings::default()));
    let part = r#"{"sign_in":{"session_minutes":60},"access":{"hours":{"enabled":true}}}"#;
    let mut expected = SecuritySettings::default();
    expected.sign_in.session_minutes = 60;
    expected.access.hours.enabled = true;
    assert_eq!(serde_json::from_str::<SecuritySettings>(part).ok(), Some(expected));
    for bad in [r#"{"access":{"allow_addresses":["10.0.0.0/33"]}}"#, r#"{"sign_in":{"session_minutes":-1}}"#] {
        assert!(serde_json::from_str::<SecuritySettings>(bad).is_err(), "{bad}");
    }
    let mut wrong = Settings::default();
    wrong.security.sign_in.max_failures = 0;
    assert_eq!(wrong.problems(), ["security.sign_in.max_failures: between 3 and 20"]);
}

proptest! {
    #![proptest_config(cases(300))]

    // proves: SET-05
    #[test]
    fn settings_survive_storing(
        numbers in proptest::array::uniform5(0_u32..100_000),
        switches in proptest::array::uniform8(any::<bool>()),
        lists in proptest::collection::vec(("[A-Z]{2}", any::<[u8; 4]>(), 0_u8..33), 0..4),
        spans in proptest::collection::vec((0_u16..1_440, 0_u16..1_441), 0..4),
        message in ".{0,40}",
    ) {
        let mut settings = SecuritySettings::default();
        settings.sign_in.session_minutes = numbers[0];
        settings.sign_in.max_failures = numbers[1];
        settings.password.max_age_days = numbers[2];
        settings.limits.api_per_hour = numbers[3];
        settings.audit.retention_days = numbers[4];
        settings.sign_in.single_session = switches[0];
        settings.sign_in.mfa_for_all = switches[1];
        settings.password.special = switches[2];
        settings.password.upper_case = switches[3];
        settings.registration.enabled = switches[4];
        settings.access.hours.enabled = switches[5];
        settings.registration.default_role = switches[6].then(|| role("counter"));
        settings.registration.message = message;
        for (country, address, bits) in lists {
            settings.access.deny_countries.push(country.clone());
            settings.cors_origins.push(format!("https://{}.rw", country.to_lowercase()));
            let net = IpNet::new(address.into(), bits).expect("a net");
            settings.access.allow_addresses.push(net);
            settings.access.deny_addresses.push(net);
            settings.access.allow_countries.push(country);
        }
        let spans = spans.into_iter().map(|(from_minute, to_minute)| Span { from_minute, to_minute });
        settings.access.hours.allowed = spans.collect();
        let written = serde_json::to_string(&settings).expect("writes");
        prop_assert_eq!(serde_json::from_str::<SecuritySettings>(&written).expect("reads"), settings);
    }
}
