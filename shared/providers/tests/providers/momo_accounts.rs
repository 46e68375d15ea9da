//! The float, and what MTN says of a payee's account.

use crate::{
    ours::{MOMO, momo},
    recorded::{Answer, broken, empty, error, json, lost, page, unconnected},
};
use providers::{MobileMoney, NotReady};

const PAYEE: &str = "250788123456";

/// What is no answer to any of these questions.
fn nonsense() -> Vec<(&'static str, Answer)> {
    vec![
        ("a firewall's page", page(200)),
        ("JSON that breaks off", broken()),
        ("JSON of something else", json(200, "[]")),
        ("an empty success", empty(200)),
        ("an empty refusal", empty(400)),
        ("an address that is not listed", page(403)),
        ("a gateway that knows no such path", page(404)),
        ("a gateway in JSON", json(404, "{\"statusCode\":404,\"message\":\"Resource not found\"}")),
        ("too many", json(429, "{\"statusCode\":429,\"message\":\"Rate limit is exceeded.\"}")),
        ("another environment", error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT")),
        ("trouble with a word that fits elsewhere", error(500, "RESOURCE_NOT_FOUND")),
        ("closed for now", error(503, "SERVICE_UNAVAILABLE")),
        ("no answer", lost()),
        ("no connection", unconnected()),
    ]
}

// proves: PAY-01
#[tokio::test]
async fn a_balance_is_read_in_whole_units() {
    let balance = |text: &str| json(200, &format!("{{\"availableBalance\":\"{text}\",\"currency\":\"RWF\"}}"));
    for (text, units) in [("1000", 1_000), ("1000.50", 1_000), ("1000.0", 1_000), ("0", 0), ("0.99", 0)] {
        let (momo, recorded) = momo([balance(text)]);
        assert_eq!(momo.balance().await, Ok(units), "{text}");
        let asked = recorded.sent().pop().expect("a question");
        assert_eq!(asked.uri().to_string(), format!("{MOMO}/disbursement/v1_0/account/balance"));
    }
    for text in
        ["", ".50", "1000.", "1000.5O", "1000.5.0", "-1", "+1", "1,000", "1 000", "lots", "99999999999999999999999"]
    {
        let (momo, _) = momo([balance(text)]);
        assert!(momo.balance().await.is_err(), "{text} is no balance");
    }
    for (what, answer) in nonsense().into_iter().chain([("none", error(404, "RESOURCE_NOT_FOUND"))]) {
        let (momo, _) = momo([answer]);
        assert!(momo.balance().await.is_err(), "{what} is no balance");
    }
}

// proves: PAY-01, PAY-14
#[tokio::test]
async fn an_account_is_active_or_not_or_nobody_knows() {
    let cases = [
        ("as it is now", json(200, "{\"result\":true}"), true),
        ("as it was", json(200, "true"), true),
        ("as it is now", json(200, "{\"result\":false}"), false),
        ("as it was", json(200, "false"), false),
        ("typed: there is none", error(404, "RESOURCE_NOT_FOUND"), false),
    ];
    for (what, answer, active) in cases {
        let (momo, recorded) = momo([answer]);
        assert_eq!(momo.account_active(PAYEE).await, Ok(active), "{what}");
        let asked = recorded.sent().pop().expect("a question");
        assert_eq!(asked.uri().to_string(), format!("{MOMO}/disbursement/v1_0/accountholder/msisdn/{PAYEE}/active"));
    }
    let words = [("a word for it", json(200, "\"true\"")), ("a word for it", json(200, "{\"result\":\"true\"}"))];
    for (what, answer) in nonsense().into_iter().chain(words) {
        let (momo, _) = momo([answer]);
        assert!(momo.account_active(PAYEE).await.is_err(), "{what} says neither");
    }
}

/// With everything else that MTN tells of somebody, unasked.
fn holder(names: &str) -> Answer {
    let rest = "\"sub\":\"250788123456\",\"birthdate\":\"1990-01-01\",\"locale\":\"rw\",\"gender\":\"F\"";
    json(200, &format!("{{{names}{rest}}}"))
}

// proves: PAY-01, PAY-14
#[tokio::test]
async fn of_an_accounts_holder_the_name_is_kept_and_nothing_else() {
    let long = "U".repeat(200);
    let cases = [
        ("\"name\":\"Aline Uwase\",\"given_name\":\"A\",\"family_name\":\"U\",".to_owned(), "Aline Uwase".to_owned()),
        ("\"given_name\":\"Aline\",\"family_name\":\"Uwase\",".to_owned(), "Aline Uwase".to_owned()),
        ("\"name\":\"  \",\"given_name\":\"Aline\",\"family_name\":\"Uwase\",".to_owned(), "Aline Uwase".to_owned()),
        ("\"name\":null,\"family_name\":\"Uwase\",".to_owned(), "Uwase".to_owned()),
        ("\"name\":\" Aline\\u0007 Uwase\\n\",".to_owned(), "Aline Uwase".to_owned()),
        (format!("\"name\":\"{long}\","), "U".repeat(64)),
    ];
    for (names, name) in cases {
        let (momo, recorded) = momo([holder(&names)]);
        assert_eq!(momo.holder_name(PAYEE).await, Ok(Some(name)), "{names}");
        let asked = recorded.sent().pop().expect("a question");
        assert_eq!(
            asked.uri().to_string(),
            format!("{MOMO}/disbursement/v1_0/accountholder/msisdn/{PAYEE}/basicuserinfo")
        );
    }
    let (momo, _) = momo([error(404, "RESOURCE_NOT_FOUND")]);
    assert_eq!(momo.holder_name(PAYEE).await, Ok(None));
}

// proves: PAY-14
#[tokio::test]
async fn a_name_that_is_none_is_an_error_without_anything_of_the_holder() {
    let nameless = [("no name", holder("")), ("a name of nothing", holder("\"name\":\"\\u0007\","))];
    for (what, answer) in nonsense().into_iter().chain(nameless) {
        let (momo, _) = momo([answer]);
        let Err(NotReady(why)) = momo.holder_name(PAYEE).await else { panic!("{what} is no name") };
        for kept in ["1990", "birth", PAYEE] {
            assert!(!why.contains(kept), "{what}: {why}");
        }
    }
}
