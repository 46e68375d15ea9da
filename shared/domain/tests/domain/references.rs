//! Ids and references that everybody derives alike: nothing is drawn, so nothing can be drawn differently twice.

use crate::sample;

use domain::{
    identity::{CustomerId, RedemptionId, digest, hex, payout_reference},
    payout::Rail,
};
use proptest::prelude::*;
use sample::{code_text, phone};
use std::collections::HashSet;

const PRINTED: &str = "7K3M9A26CE11XH05";

/// Computed with Python's hashlib: SHA-256 over "payout", environment, code and attempt, each after its length
/// in eight bytes; the first 16 bytes with the version and variant of a UUID v4.
const REFERENCES: [(&str, &str, u8, &str); 5] = [
    ("production", PRINTED, 1, "a0eca2a4-5dc7-4707-9898-26cf587cc27d"),
    ("production", PRINTED, 2, "9d6cb1c9-6c27-4a4b-87cd-cce1ff62087b"),
    ("staging", PRINTED, 1, "202ab841-7162-4f8c-800c-bc9fda02f4a9"),
    ("production", "KARIBU2026", 1, "52442dbc-e018-4384-96bf-db0f424fcdb7"),
    ("production", PRINTED, 12, "43460eb7-0cad-4e0d-9639-32abbd779185"),
];

/// Likewise, over "redemption", environment, code and generation.
const REDEMPTIONS: [(&str, &str, u32, &str); 4] = [
    ("production", PRINTED, 1, "4c37c9a0bd11833ea73aaa4ddd7799cb"),
    ("staging", PRINTED, 1, "55626bf316eb242b0f7f1df2de2c6403"),
    ("production", PRINTED, 2, "82dea1fc188192f910877ef5febe3c61"),
    ("production", "KARIBU2026", 1, "c47d07fd10399c7b83d2a36c0cb5776a"),
];

/// HMAC-SHA256 over the number in E.164, the first 16 bytes.
const CUSTOMERS: [(&[u8], &str, &str); 4] = [
    (b"pepper", "+250788123456", "8231c07cf00bb2269145c1720931af27"),
    (b"", "+250788123456", "31f99a809dd150337e8812605da1ef60"),
    (b"pepper", "+250788123457", "f25a4ed8f998fba28b3b0b1370081f89"),
    (&[b'k'; 100], "+250722000001", "07de77bcfff298e0e4763d712414943c"),
];

// proves: PAY-02
#[test]
fn the_reference_of_a_payout_is_the_same_wherever_it_is_derived() {
    for (environment, code, attempt, reference) in REFERENCES {
        let derived = payout_reference(environment, &code_text(code), attempt);
        assert_eq!(derived, reference);
    }
    // However the code was typed.
    assert_eq!(payout_reference("production", &code_text("7k3m 9a26 ce11 xh05"), 1), REFERENCES[0].3);
}

#[test]
fn the_id_of_a_redemption_is_the_same_wherever_it_is_derived() {
    for (environment, code, generation, id) in REDEMPTIONS {
        let derived = RedemptionId::of(environment, &code_text(code), generation);
        assert_eq!(derived.as_str(), id);
        assert_eq!(derived.to_string(), id);
        assert_eq!(derived.short(), id[..8].to_uppercase());
        assert_eq!(RedemptionId::parse(id), Ok(derived));
    }
}

// proves: CUS-01
#[test]
fn the_id_of_a_customer_is_the_same_for_every_form_of_the_number() {
    for (pepper, number, id) in CUSTOMERS {
        assert_eq!(CustomerId::of(pepper, &phone(number)).as_str(), id);
    }
    for form in ["0788123456", "250788123456", "788 123 456"] {
        let id = CustomerId::of(b"pepper", &phone(form));
        assert_eq!(id.as_str(), CUSTOMERS[0].2);
    }
}

#[test]
fn the_account_of_a_rail_is_hashed() {
    let rail = Rail::mtn_momo("https://momo.example", "mtnrwanda", "api-user-1");
    assert_eq!(rail.account, "e88d5e50daf7ae67");
    assert_ne!(rail, Rail::mtn_momo("https://momo.example", "mtnrwanda", "api-user-2"));
    assert_ne!(rail, Rail::mtn_momo("https://momo.example", "sandbox", "api-user-1"));
}

// proves: PAY-02
#[test]
fn moving_characters_between_the_parts_makes_another_reference() {
    let same_when_joined = [
        ("test", "ABCD11", 1),
        ("test", "ABCD1", 11),
        ("test", "ABCD", 111),
        ("testA", "BCD11", 1),
        ("", "TESTABCD1", 11),
    ];
    let references: HashSet<String> = same_when_joined
        .iter()
        .map(|(environment, code, attempt)| payout_reference(environment, &code_text(code), *attempt))
        .collect();
    assert_eq!(references.len(), same_when_joined.len());
    assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    assert_ne!(digest(&["abc"]), digest(&["abc", ""]));
    assert_ne!(digest(&[]), digest(&[""]));
}

#[test]
fn an_id_that_was_not_derived_does_not_load() {
    let id = REDEMPTIONS[0].3;
    let broken = [
        String::new(),
        id[..31].to_owned(),
        format!("{id}0"),
        id.to_uppercase(),
        format!("{}g", &id[..31]),
        format!(" {}", &id[..31]),
        "é".repeat(16),
    ];
    for text in broken {
        assert!(RedemptionId::parse(&text).is_err(), "{text}");
        let stored = serde_json::to_string(&text).expect("a string");
        assert!(serde_json::from_str::<RedemptionId>(&stored).is_err());
    }
    let stored = serde_json::to_string(&RedemptionId::parse(id).expect("an id")).expect("a string");
    assert_eq!(stored, format!("\"{id}\""));
    assert_eq!(serde_json::from_str::<RedemptionId>(&stored).ok(), RedemptionId::parse(id).ok());
}

#[test]
fn bytes_are_written_in_lower_case_hexadecimal() {
    assert_eq!(hex(&[]), "");
    assert_eq!(hex(&[0, 1, 15, 16, 171, 255]), "00010f10abff");
}

proptest! {
    #![proptest_config(sample::cases(256))]

    // proves: PAY-02
    #[test]
    fn every_reference_is_a_uuid_of_version_4(environment in ".{0,20}", code in "[A-Z0-9]{4,24}", attempt: u8) {
        let reference = payout_reference(&environment, &code_text(&code), attempt);
        let groups: Vec<&str> = reference.split('-').collect();
        prop_assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), vec![8, 4, 4, 4, 12]);
        prop_assert!(reference.chars().all(|figure| matches!(figure, '0'..='9' | 'a'..='f' | '-')));
        prop_assert!(groups[2].starts_with('4'));
        prop_assert!(groups[3].starts_with(['8', '9', 'a', 'b']));
    }

    // proves: PAY-02
    #[test]
    fn another_environment_code_or_attempt_makes_another_reference(
        one in ("[a-z]{1,8}", "[A-Z0-9]{4,8}", 0..20u8),
        other in ("[a-z]{1,8}", "[A-Z0-9]{4,8}", 0..20u8),
    ) {
        let reference =
            |(environment, code, attempt): &(String, String, u8)| payout_reference(environment, &code_text(code), *attempt);
        prop_assert_eq!(reference(&one), reference(&one));
        prop_assert_eq!(reference(&one) == reference(&other), one == other);
        for changed in [
            (other.0.clone(), one.1.clone(), one.2),
            (one.0.clone(), other.1.clone(), one.2),
            (one.0.clone(), one.1.clone(), other.2),
        ] {
            prop_assert_eq!(reference(&one) == reference(&changed), one == changed);
        }
        let id = RedemptionId::of(&one.0, &code_text(&one.1), u32::from(one.2));
        prop_assert_ne!(id.to_string(), reference(&one).replace('-', ""));
    }
}
