//! Delivery reports of airtime: what is read of them, and what is not even looked at.

use domain::{
    money::{Currency, Money},
    phone::Msisdn,
};
use providers::airtime::{Delivered, Delivery, delivery};

const REPORT: [(&str, &str); 6] = [
    ("phoneNumber", "+250728123456"),
    ("description", "Airtime Delivered Successfully"),
    ("status", "Success"),
    ("requestId", "ATQid_b48953ea1f0b795c2cec8d0e2a4500ad"),
    ("discount", "RWF 0.6000"),
    ("value", "RWF 100.0000"),
];

fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

/// The report with one field changed.
fn with(field: &str, changed: &str) -> Vec<u8> {
    form(REPORT.map(|(name, value)| (name, if name == field { changed } else { value })))
}

fn without(field: &str) -> Vec<u8> {
    form(REPORT.into_iter().filter(|(name, _)| *name != field))
}

fn read() -> Delivery {
    Delivery {
        phone: Msisdn::parse("+250728123456").expect("a number"),
        request: "ATQid_b48953ea1f0b795c2cec8d0e2a4500ad".to_owned(),
        outcome: Delivered::Success,
        value: Money::new(100, Currency::Rwf).expect("an amount"),
        description: "Airtime Delivered Successfully".to_owned(),
        discount: "RWF 0.6000".to_owned(),
    }
}

// proves: PAY-13
#[test]
fn a_delivery_report_is_read_encoded_or_not_and_whatever_stands_beside_it() {
    let failed = Delivery { outcome: Delivered::Failed, ..read() };
    let bare = "phoneNumber=+250728123456&status=Success&requestId=ATQid_b48953ea1f0b795c2cec8d0e2a4500ad\
                &value=RWF 100.0000&discount=RWF 0.6000&description=Airtime Delivered Successfully";
    let cases = [
        ("as it is", form(REPORT), read()),
        ("not encoded", bare.as_bytes().to_vec(), read()),
        ("failed", with("status", "Failed"), failed),
        ("more than it promises", [form(REPORT), b"&networkCode=63514&status=Failed".to_vec()].concat(), read()),
        ("no description", without("description"), Delivery { description: String::new(), ..read() }),
        ("no discount", without("discount"), Delivery { discount: String::new(), ..read() }),
        ("a value without its zeros", with("value", "RWF 100"), read()),
    ];
    for (what, body, report) in cases {
        assert_eq!(delivery(&body), Some(report), "{what}");
    }
}

// proves: PAY-13
#[test]
fn a_delivery_report_that_is_not_whole_or_not_ours_is_none() {
    for field in ["phoneNumber", "status", "requestId", "value"] {
        assert_eq!(delivery(&without(field)), None, "without {field}");
        assert_eq!(delivery(&with(field, "")), None, "empty {field}");
    }
    let long = "A".repeat(129);
    let cases = [
        ("phoneNumber", "+254711000001"),
        ("phoneNumber", "somebody"),
        ("status", "Sent"),
        ("status", "success"),
        ("requestId", "ATQid 1"),
        ("requestId", "ATQid_1\n{\"level\":\"ERROR\"}"),
        ("requestId", &long),
        ("value", "KES 100.0000"),
        ("value", "RWF 100.5000"),
        ("value", "RWF 0.0000"),
        ("value", "RWF -100"),
        ("value", "RWF 99999999999999999999999"),
        ("value", "100.0000"),
    ];
    for (field, changed) in cases {
        assert_eq!(delivery(&with(field, changed)), None, "{field}: {changed}");
    }
    for body in [&b""[..], b"{}", b"&&&&", b"=", b"\xff\xfe\x00", b"status=Success"] {
        assert_eq!(delivery(body), None);
    }
}

// proves: PAY-13
#[test]
fn a_delivery_report_has_a_size_and_a_number_of_fields() {
    let padded = |length: usize| {
        let mut body = [form(REPORT), b"&more=".to_vec()].concat();
        body.resize(length, b'a');
        body
    };
    assert_eq!(delivery(&padded(4 * 1024)), Some(read()));
    assert_eq!(delivery(&padded(4 * 1024 + 1)), None);
    let many = |before: usize| [b"a=1&".repeat(before), form(REPORT)].concat();
    assert_eq!(delivery(&many(10)), Some(read()));
    assert_eq!(delivery(&many(11)), None, "its last field is the seventeenth");
}

// proves: PAY-13
#[test]
fn what_is_kept_of_a_delivery_report_can_be_written_down() {
    let told = "Delivered to +250728123456\r\n".to_owned() + &"é".repeat(500);
    let report = delivery(&with("description", &told)).expect("a report");
    assert_eq!(report.description.chars().count(), 64);
    assert!(report.description.starts_with("Delivered to +############  é"), "{}", report.description);
    assert!(!format!("{report:?}").contains("728123"), "{report:?}");
    let report = delivery(&with("discount", &"9".repeat(500))).expect("a report");
    assert_eq!(report.discount.len(), 32);
}
