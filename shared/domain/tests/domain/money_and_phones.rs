//! Amounts and telephone numbers as people and providers write them.

use crate::sample;

use domain::{
    money::{BadAmount, Currency, MAX_AMOUNT, Money, whole_amount},
    phone::{Msisdn, Network, NotRwandan},
};
use proptest::prelude::*;
use sample::{francs, phone};

#[test]
fn an_amount_is_between_1_and_10_million() {
    assert_eq!(Money::new(0, Currency::Rwf), Err(BadAmount::TooSmall));
    assert!(Money::new(1, Currency::Rwf).is_ok());
    assert!(Money::new(MAX_AMOUNT, Currency::Eur).is_ok());
    for beyond in [MAX_AMOUNT + 1, u64::MAX] {
        assert_eq!(Money::new(beyond, Currency::Rwf), Err(BadAmount::TooLarge));
    }
}

#[test]
fn thousands_are_grouped_with_commas() {
    let cases = [
        (1, "1"),
        (12, "12"),
        (999, "999"),
        (1_000, "1,000"),
        (5_000, "5,000"),
        (50_500, "50,500"),
        (100_000, "100,000"),
        (1_000_000, "1,000,000"),
        (10_000_000, "10,000,000"),
    ];
    for (amount, grouped) in cases {
        assert_eq!(francs(amount).grouped(), grouped);
        assert_eq!(francs(amount).to_string(), format!("{grouped} RWF"));
    }
}

#[test]
fn five_is_five_however_the_provider_writes_it_and_not_five_and_a_half() {
    for same in ["5", "5.0", "5.00", "5.000000", "05"] {
        assert_eq!(whole_amount(same), Ok(5), "{same}");
    }
    assert_eq!(whole_amount("1000000"), Ok(1_000_000));
    assert_eq!(whole_amount("0"), Ok(0));
    assert_eq!(whole_amount(&u64::MAX.to_string()), Ok(u64::MAX));
    assert_eq!(whole_amount("18446744073709551616"), Err(BadAmount::TooLarge));
    assert_eq!(whole_amount(&"9".repeat(10_000)), Err(BadAmount::TooLarge));
}

#[test]
fn what_is_no_whole_number_is_no_amount() {
    let broken = [
        "", ".", "5.", ".5", "5.5", "5.01", "5.0.0", "-5", "+5", "5 ", " 5", "5,000", "5e3", "0x5", "five", "٥", "５",
        "NaN", "5\n", "5.0a", "1_000", "🪙",
    ];
    for text in broken {
        assert_eq!(whole_amount(text), Err(BadAmount::NotWhole), "{text:?}");
    }
}

#[test]
fn a_currency_is_one_of_two_words_in_capitals() {
    for currency in [Currency::Rwf, Currency::Eur] {
        assert_eq!(Currency::parse(currency.code()), Some(currency));
        assert_eq!(serde_json::to_value(currency).expect("a word"), currency.code());
    }
    for other in ["rwf", "USD", "", "RWF ", "RF"] {
        assert_eq!(Currency::parse(other), None);
    }
}

proptest! {
    #![proptest_config(sample::cases(256))]

    #[test]
    fn grouping_loses_no_figure(amount in 1..=MAX_AMOUNT) {
        let grouped = francs(amount).grouped();
        prop_assert_eq!(grouped.replace(',', "").parse(), Ok(amount));
        let groups: Vec<&str> = grouped.split(',').collect();
        prop_assert!((1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3));
    }

    #[test]
    fn whole_amounts_survive_any_number_of_noughts(amount: u64, noughts in 1..12usize) {
        prop_assert_eq!(whole_amount(&amount.to_string()), Ok(amount));
        prop_assert_eq!(whole_amount(&format!("{amount}.{}", "0".repeat(noughts))), Ok(amount));
        prop_assert_eq!(whole_amount(&format!("{amount}.{}1", "0".repeat(noughts))), Err(BadAmount::NotWhole));
    }

    // proves: CUS-01
    #[test]
    fn every_rwandan_number_is_read_in_every_form_and_stored_in_one(prefix in prop::sample::select(vec!["72", "73", "77", "78", "79"]), rest in "[0-9]{7}") {
        let e164 = format!("+250{prefix}{rest}");
        let forms = [
            e164.clone(),
            format!("250{prefix}{rest}"),
            format!("0{prefix}{rest}"),
            format!("{prefix}{rest}"),
            format!("+250 {prefix}{} {}", &rest[..1], &rest[1..]),
            format!("0{prefix}{}-{}-{}", &rest[..1], &rest[1..4], &rest[4..]),
            format!("  0{prefix}{rest} "),
        ];
        for form in forms {
            let read = phone(&form);
            prop_assert_eq!(read.e164(), e164.as_str(), "{}", form);
        }
        let read = phone(&e164);
        prop_assert_eq!(read.party_id(), &e164[1..]);
        prop_assert_eq!(read.local(), format!("0{prefix}{rest}"));
        prop_assert_eq!(read.masked(), format!("07*****{}", &rest[4..]));
        prop_assert_eq!(format!("{read:?}"), format!("Msisdn(07*****{})", &rest[4..]));
        let stored = serde_json::to_string(&read).expect("a string");
        prop_assert_eq!(&stored, &format!("\"{e164}\""));
        prop_assert_eq!(serde_json::from_str::<Msisdn>(&stored).ok(), Some(read));
    }

    #[test]
    fn no_other_network_prefix_is_a_mobile_number(prefix in 0..100u8, rest in "[0-9]{7}") {
        prop_assume!(![72, 73, 77, 78, 79].contains(&prefix));
        prop_assert_eq!(Msisdn::parse(&format!("+250{prefix:02}{rest}")), Err(NotRwandan));
    }

    #[test]
    fn reading_a_number_never_panics_and_what_it_takes_has_13_characters(typed in "\\PC{0,20}") {
        if let Ok(phone) = Msisdn::parse(&typed) {
            prop_assert_eq!(phone.e164().len(), 13);
            let _ = (phone.masked(), phone.local(), phone.prefix_network());
        }
    }
}

// proves: CUS-01
#[test]
fn what_is_no_rwandan_mobile_number_is_refused() {
    let flood = "7".repeat(10_000);
    let broken = [
        "",
        "+",
        "0",
        "+254712345678",
        "+256772123456",
        "+257788123456",
        "+1 202 555 0100",
        "250252123456",
        "0252123456",
        "+250252580000",
        "07881234567",
        "078812345",
        "+2507881234567",
        "+25078812345",
        "+0788123456",
        "+788123456",
        "00250788123456",
        "0788123456x",
        "0788.123.456",
        "(0788)123456",
        "07881+23456",
        "++250788123456",
        "07٨٨123456",
        "０７８８１２３４５６",
        "0788🎨123456",
        "🎨",
        "0788123456\n0788123457",
        "250 788 123 456 250 788 123 456 1",
        flood.as_str(),
    ];
    for typed in broken {
        let shown: String = typed.chars().take(40).collect();
        assert_eq!(Msisdn::parse(typed), Err(NotRwandan), "{shown:?}");
    }
}

#[test]
fn a_stored_number_that_is_none_does_not_load() {
    for broken in ["\"\"", "\"+254712345678\"", "\"+25078812345\"", "788123456", "null", "\"07*****456\""] {
        assert!(serde_json::from_str::<Msisdn>(broken).is_err(), "{broken}");
    }
    // A looser form loads as the one form.
    assert_eq!(serde_json::from_str::<Msisdn>("\"0788123456\"").ok(), Some(phone("+250788123456")));
}

#[test]
fn the_network_is_what_the_aggregator_says_else_what_the_prefix_hints() {
    let prefixes = [
        ("0721234567", Network::Airtel),
        ("0731234567", Network::Airtel),
        ("0771234567", Network::Ktrn),
        ("0781234567", Network::Mtn),
        ("0791234567", Network::Mtn),
    ];
    for (number, hinted) in prefixes {
        let number = phone(number);
        assert_eq!(number.prefix_network(), hinted);
        for unknown in ["99999", "", "mtn", "63511", "063510", "Athena"] {
            assert_eq!(number.network(unknown), hinted, "{unknown}");
        }
        assert_eq!(number.network("63510"), Network::Mtn, "carried over to MTN");
        assert_eq!(number.network("63513"), Network::Airtel);
        assert_eq!(number.network("63514"), Network::Airtel);
    }
}

#[test]
fn nothing_that_says_a_number_is_wrong_repeats_it() {
    let error = Msisdn::parse("+254712345678").expect_err("Kenyan");
    assert!(!format!("{error} {error:?}").contains("712345678"));
}
