//! Airtime as Africa's Talking is sent it, and what each of its answers proves.

use crate::{
    ours::{AIRTIME, OneKey, airtime, airtime_with, transfer},
    recorded::{Answer, empty, header, json, lost, page, redirect, text, unconnected},
};
use domain::payout::{
    StatusAnswer,
    TransferAnswer::{self, Accepted, Config, Invalid, Unknown, Unsent},
};
use http::Method;
use providers::{MobileMoney, NotReady};
use serde_json::{Value, json as value};

const OURS: &str = "+250788123456";

/// As it was recorded, for our number and amount.
pub fn taken() -> Value {
    value!({
        "errorMessage": "None",
        "numSent": 1,
        "responses": [{
            "amount": "RWF 5000.0000",
            "discount": "RWF 200.0000",
            "errorMessage": "None",
            "phoneNumber": OURS,
            "requestId": "ATQid_b48953ea1f0b795c2cec8d0e2a4500ad",
            "status": "Sent",
        }],
        "totalAmount": "USD 3.4350",
        "totalDiscount": "USD 0.1374",
    })
}

/// As it was recorded: a recipient whose amount was refused.
pub fn refused(message: &str) -> Value {
    value!({
        "errorMessage": "Invalid Requests",
        "numSent": 0,
        "responses": [{
            "amount": "RWF 5000.0000",
            "discount": "0",
            "errorMessage": message,
            "phoneNumber": OURS,
            "requestId": "None",
            "status": "Failed",
        }],
        "totalAmount": "0",
        "totalDiscount": "0",
    })
}

/// As it was recorded: everything refused, and nobody named.
fn nobody(message: &str) -> Value {
    value!({ "errorMessage": message, "numSent": 0, "responses": [], "totalAmount": "0", "totalDiscount": "0" })
}

pub fn created(body: &Value) -> Answer {
    json(201, &body.to_string())
}

/// `body` with one field of its recipient changed.
fn with(mut body: Value, field: &str, changed: impl Into<Value>) -> Value {
    body["responses"][0][field] = changed.into();
    body
}

async fn answer_to(answer: Answer) -> TransferAnswer {
    let (airtime, recorded) = airtime([answer]);
    let taken = airtime.transfer(&transfer()).await;
    assert_eq!(recorded.sent().len(), 1, "it is sent once");
    taken
}

// proves: PAY-13
#[tokio::test]
async fn airtime_is_sent_under_its_reference_to_one_number_and_never_repeated_by_the_provider() {
    let (airtime, recorded) = airtime([created(&taken())]);
    assert_eq!(airtime.ready().await, Ok(()));
    assert_eq!(recorded.sent().len(), 0, "to be ready takes a key and no call");
    assert_eq!(airtime.transfer(&transfer()).await, Accepted);

    let sent = recorded.sent().pop().expect("a request");
    assert_eq!(sent.method(), Method::POST);
    assert_eq!(sent.uri().to_string(), format!("{AIRTIME}/version1/airtime/send"));
    assert_eq!(header(&sent, "apikey"), Some("key"));
    assert!(!format!("{sent:?}").contains("\"key\""), "the key is marked as one not to be shown");
    assert_eq!(header(&sent, "accept"), Some("application/json"));
    assert_eq!(header(&sent, "content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header(&sent, "idempotency-key"), Some(transfer().reference.as_str()));
    let form: Vec<(String, String)> = form_urlencoded::parse(sent.body()).into_owned().collect();
    let [(username, name), (recipients, list)] = form.as_slice() else { panic!("two fields: {form:?}") };
    assert_eq!((username.as_str(), name.as_str()), ("username", "mbelyco"));
    assert_eq!(recipients, "recipients");
    let list: Value = serde_json::from_str(list).expect("JSON");
    assert_eq!(list, value!([{ "phoneNumber": OURS, "amount": "RWF 5000" }]));
}

// proves: PAY-13
#[tokio::test]
async fn airtime_that_was_taken_is_taken_only_for_our_number_and_our_amount() {
    for amount in ["RWF 5000.0000", "RWF 5000", "RWF 5000.0"] {
        assert_eq!(answer_to(created(&with(taken(), "amount", amount))).await, Accepted, "{amount}");
    }
    let another = [
        ("phoneNumber", "+250788123457"),
        ("phoneNumber", "250788123456"),
        ("phoneNumber", ""),
        ("amount", "RWF 5000.5000"),
        ("amount", "RWF 500.0000"),
        ("amount", "KES 5000.0000"),
        ("amount", "5000.0000"),
        ("amount", "RWF"),
        ("amount", ""),
    ];
    for (field, changed) in another {
        let answer = answer_to(created(&with(taken(), field, changed))).await;
        assert_eq!(answer, Unknown("201 for another transfer".to_owned()), "{field} {changed}");
        let answer = answer_to(created(&with(refused("Value Outside The Allowed Limits"), field, changed))).await;
        assert_eq!(answer, Unknown("201 for another transfer".to_owned()), "{field} {changed}, refused");
    }
    let mut two = taken();
    two["responses"] = value!([taken()["responses"][0], taken()["responses"][0]]);
    assert!(matches!(answer_to(created(&two)).await, Unknown(_)), "one transfer was sent, not two");
}

// proves: PAY-13
#[tokio::test]
async fn a_refusal_of_airtime_is_believed_when_it_spent_nothing_and_its_words_say_whose_matter_it_is() {
    let cases = [
        ("Value Outside The Allowed Limits", Invalid as fn(String) -> TransferAnswer),
        ("Invalid Phone Number", Invalid),
        ("Telco not supported", Invalid),
        // Ours, whoever the payee is.
        ("Insufficient Credit", Config),
        ("insufficient balance", Config),
        ("Airtime is not enabled for this account", Config),
        // Another payout of the same customer, or this very one: not known. Or trouble over there.
        ("A duplicate request was received within the last # minutes", Unknown),
        ("Phone number was already topped up", Unknown),
        ("Internal Error", Unknown),
        ("Service temporarily unavailable, try again later", Unknown),
        ("Telco timed out", Unknown),
    ];
    for (words, meaning) in cases {
        let answer = answer_to(created(&refused(words))).await;
        assert_eq!(answer, meaning(words.to_owned()), "{words}");
    }
}

// proves: PAY-13
#[tokio::test]
async fn a_refusal_of_airtime_that_contradicts_itself_proves_nothing() {
    let spent = |mut body: Value, sent: Value| {
        body["numSent"] = sent;
        body
    };
    let words = "Value Outside The Allowed Limits";
    let cases = [
        ("it says that it sent something", spent(refused(words), value!(1))),
        ("it does not say what it sent", spent(refused(words), Value::Null)),
        ("it has a request", with(refused(words), "requestId", "ATQid_1")),
        ("it gives no reason", refused("None")),
        ("it gives no reason", refused("")),
        ("its status is another word", with(refused(words), "status", "Queued")),
        ("its status is another word", with(refused(words), "status", "Success")),
        ("its status is written otherwise", with(refused(words), "status", "failed")),
        ("its status is none", with(refused(words), "status", Value::Null)),
    ];
    for (what, body) in cases {
        let answer = answer_to(created(&body)).await;
        assert!(matches!(answer, Unknown(_)), "{what}: {answer:?}");
    }
}

// proves: PAY-13
#[tokio::test]
async fn whatever_else_airtime_is_answered_with_proves_nothing_or_is_our_set_up() {
    let unknown = |why: &str| Unknown(why.to_owned());
    let config = |why: &str| Config(why.to_owned());
    let cases = [
        ("no answer", lost(), unknown("no answer")),
        ("no connection", unconnected(), Unsent("no connection".to_owned())),
        ("too many", text(429, "Too many requests"), unknown("429")),
        ("trouble", text(500, "Internal Server Error"), unknown("500")),
        ("trouble at the gateway", page(502), unknown("502")),
        ("closed for now", page(503), unknown("503")),
        ("a field that is missing", text(400, "Request is missing required form field 'recipients'"), unknown("400")),
        ("a refusal without a word", empty(400), unknown("400")),
        ("a key that is at work already", text(409, "Conflict"), unknown("409")),
        ("a path that is none", page(404), unknown("404")),
        ("a redirect, which is not followed", redirect(), unknown("302")),
        ("a firewall's page", page(200), unknown("200")),
        ("what is only promised with another number", json(200, &taken().to_string()), unknown("200")),
        ("a page", page(201), unknown("201 that is no answer")),
        ("text", text(201, &taken().to_string()), unknown("201 that is no answer")),
        ("JSON that breaks off", json(201, "{\"numSent\":1,\"resp"), unknown("201 that is no answer")),
        ("JSON of something else", json(201, "[]"), unknown("201 that is no answer")),
        ("nothing", empty(201), unknown("201 that is no answer")),
        ("nobody, and no reason", created(&nobody("None")), unknown("201 for 0 recipients: None")),
        (
            "nobody, and a reason",
            created(&nobody("Airtime is not enabled for this account")),
            unknown("201 for 0 recipients: Airtime is not enabled for this account"),
        ),
        (
            "nobody, and an earlier request",
            created(&nobody("A duplicate request was received within the last 5 minutes")),
            unknown("201 for 0 recipients: A duplicate request was received within the last # minutes"),
        ),
        ("a wrong key", text(401, "The supplied authentication is invalid"), config("401")),
        ("an account that may not", text(403, "Forbidden"), config("403")),
    ];
    for (what, answer, taken) in cases {
        assert_eq!(answer_to(answer).await, taken, "{what}");
    }
}

// proves: PAY-13
#[tokio::test]
async fn of_the_providers_words_few_are_kept_and_no_number_of_anybodys() {
    let answer = answer_to(created(&refused("Invalid number\n+250788123456"))).await;
    assert_eq!(answer, Invalid("Invalid number +############".to_owned()));
    let answer = answer_to(created(&refused(&"É".repeat(10_000)))).await;
    assert_eq!(answer, Invalid("É".repeat(64)));
    let answer = answer_to(created(&nobody(&format!("{OURS}{OURS}{}", "É".repeat(10_000))))).await;
    let Unknown(words) = answer else { panic!("{answer:?}") };
    assert!(!words.contains("250788"), "{words}");
}

// proves: PAY-13
#[tokio::test]
async fn a_refused_key_is_asked_for_afresh_and_the_same_airtime_sent_once_more_under_another_one_only() {
    let wrong = || text(401, "The supplied authentication is invalid");
    let renewed = || OneKey { kept: "old", fresh: Ok("new") };
    let (airtime, recorded) = airtime_with(renewed(), [wrong(), created(&taken())]);
    assert_eq!(airtime.transfer(&transfer()).await, Accepted);
    let sent = recorded.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(header(&sent[1], "apikey"), Some("new"));
    assert_eq!(header(&sent[0], "idempotency-key"), header(&sent[1], "idempotency-key"));
    assert_eq!(sent[0].body(), sent[1].body());

    let (airtime, recorded) = airtime_with(renewed(), [wrong(), wrong()]);
    assert_eq!(airtime.transfer(&transfer()).await, Config("401".to_owned()));
    assert_eq!(recorded.sent().len(), 2, "and not a third time");

    let gone = NotReady("the secret cannot be read".to_owned());
    for fresh in [Ok("old"), Err(gone.clone())] {
        let (airtime, recorded) = airtime_with(OneKey { kept: "old", fresh }, [wrong()]);
        assert_eq!(airtime.transfer(&transfer()).await, Config("401".to_owned()));
        assert_eq!(recorded.sent().len(), 1, "the same key is refused again");
    }
    let (airtime, _) = airtime_with(renewed(), [wrong(), lost()]);
    assert_eq!(airtime.transfer(&transfer()).await, Unknown("no answer".to_owned()));
}

// proves: PAY-13, PAY-14
#[tokio::test]
async fn what_airtime_cannot_be_asked_nobody_is_asked_and_nobody_knows() {
    let (airtime, recorded) = airtime([]);
    let status = airtime.status(&transfer().reference).await;
    assert_eq!(status, StatusAnswer::Unknown("airtime cannot be asked about by its reference".to_owned()));
    assert!(airtime.balance().await.is_err());
    assert!(airtime.account_active(&transfer().payee).await.is_err());
    assert!(airtime.holder_name(&transfer().payee).await.is_err());
    assert_eq!(recorded.sent().len(), 0);
}
