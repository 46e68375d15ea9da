//! Transfers as MTN is sent them, and what each of its answers proves.

use crate::{
    ours::{CALLBACK, MOMO, OurKeys, momo, token, transfer},
    recorded::{Recorded, broken, empty, error, header, json, lost, page, redirect, unconnected},
};
use domain::payout::TransferAnswer::{self, Accepted, Config, Exists, Invalid, Unknown, Unsent};
use http::Method;
use providers::{MobileMoney, Transfer, momo::MtnMomo};
use serde_json::{Value, json as value};
use std::sync::{Arc, atomic::AtomicUsize};

// proves: PAY-01
#[tokio::test]
async fn an_answer_to_a_transfer_is_taken_for_what_it_proves() {
    let unknown = |why: &str| Unknown(why.to_owned());
    let unsent = |why: &str| Unsent(why.to_owned());
    let config = |why: &str| Config(why.to_owned());
    let invalid = |why: &str| Invalid(why.to_owned());
    let cases = [
        ("taken", empty(202), Accepted),
        ("had before", error(409, "RESOURCE_ALREADY_EXIST"), Exists),
        ("had before, says the gateway", empty(409), Exists),
        // It may have arrived.
        ("no answer", lost(), unknown("no answer")),
        ("no connection", unconnected(), unsent("no connection")),
        ("too many", json(429, "{\"statusCode\":429,\"message\":\"Rate limit is exceeded.\"}"), unsent("429")),
        ("trouble", error(500, "INTERNAL_PROCESSING_ERROR"), unknown("500 INTERNAL_PROCESSING_ERROR")),
        ("trouble without a word", empty(500), unknown("500")),
        ("trouble at the gateway", page(502), unknown("502")),
        ("closed for now", error(503, "SERVICE_UNAVAILABLE"), unknown("503 SERVICE_UNAVAILABLE")),
        ("a firewall's page", page(200), unknown("200")),
        ("a success that is none of MTN's", json(200, "{\"status\":\"SUCCESSFUL\"}"), unknown("200")),
        ("JSON that breaks off", broken(), unknown("200")),
        ("a redirect, which is not followed", redirect(), unknown("302")),
        ("a gateway that knows no such path", page(404), unknown("404")),
        ("a length that is missed", page(411), unknown("411")),
        // Our set-up, not the payee.
        ("an address that is not listed", page(403), config("403")),
        ("not allowed", error(500, "NOT_ALLOWED"), config("500 NOT_ALLOWED")),
        (
            "another environment",
            error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
            config("500 NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ),
        ("another host", error(500, "INVALID_CALLBACK_URL_HOST"), config("500 INVALID_CALLBACK_URL_HOST")),
        ("another currency", error(500, "INVALID_CURRENCY"), config("500 INVALID_CURRENCY")),
        // The request itself.
        ("refused without a word", empty(400), invalid("400")),
        ("refused with a word", error(400, "VALIDATION_ERROR"), invalid("400 VALIDATION_ERROR")),
    ];
    for (what, answer, taken) in cases {
        let (momo, recorded) = momo([answer]);
        assert_eq!(momo.transfer(&transfer()).await, taken, "{what}");
        assert_eq!(recorded.sent_to(&Method::POST, "/transfer").len(), 1, "{what}: it is sent once");
        assert_eq!(recorded.left(), 0, "{what}");
    }
}

// proves: PAY-01
#[tokio::test]
async fn a_word_of_mtns_is_cut_before_it_is_kept() {
    let (momo, _) = momo([error(500, &"É".repeat(1_000))]);
    assert_eq!(momo.transfer(&transfer()).await, Unknown(format!("500 {}", "É".repeat(64))));
}

// proves: PAY-01
#[tokio::test]
async fn a_transfer_names_its_reference_its_environment_and_where_to_call_back() {
    let (momo, recorded) = momo([empty(202)]);
    assert_eq!(momo.transfer(&transfer()).await, Accepted);

    let sent = recorded.sent_to(&Method::POST, "/transfer").pop().expect("a transfer");
    assert_eq!(sent.uri().to_string(), format!("{MOMO}/disbursement/v1_0/transfer"));
    assert_eq!(header(&sent, "authorization"), Some("Bearer token-0"));
    assert_eq!(header(&sent, "x-reference-id"), Some("ef7e29c9-ddd2-420b-85a5-5373ca1a48dd"));
    assert_eq!(header(&sent, "x-target-environment"), Some("mtnrwanda"));
    assert_eq!(header(&sent, "ocp-apim-subscription-key"), Some("subscription-0"));
    assert_eq!(header(&sent, "x-callback-url"), Some(CALLBACK));
    assert_eq!(header(&sent, "content-type"), Some("application/json"));
    assert_eq!(
        body(&sent),
        value!({
            "amount": "5000",
            "currency": "RWF",
            "externalId": "6353636",
            "payee": { "partyIdType": "MSISDN", "partyId": "250788123456" },
            "payerMessage": "MBELYCO Promo",
            "payeeNote": "MBELYCO Promo",
        })
    );
}

// proves: PAY-01
#[tokio::test]
async fn where_nobody_listens_no_callback_is_asked_for() {
    let recorded = Recorded::playing([token("token-0"), empty(202)]);
    let keys = Arc::new(OurKeys { api_user: "api-user", afresh: AtomicUsize::new(0) });
    let momo = MtnMomo::new(recorded.clone(), keys, MOMO, "mtnrwanda", "api-user", None);
    assert_eq!(momo.transfer(&transfer()).await, Accepted);
    let sent = recorded.sent_to(&Method::POST, "/transfer").pop().expect("a transfer");
    assert_eq!(header(&sent, "x-callback-url"), None);
}

// proves: PAY-01
#[tokio::test]
async fn a_note_has_no_apostrophe_and_at_most_128_characters() {
    let cases = [
        ("Amafaranga y'igihembo".to_owned(), "Amafaranga y igihembo".to_owned()),
        ("Amafaranga y\u{2019}igihembo".to_owned(), "Amafaranga y igihembo".to_owned()),
        ("é".repeat(128), "é".repeat(128)),
        ("é".repeat(129), "é".repeat(128)),
        ("'".repeat(400), " ".repeat(128)),
        (String::new(), String::new()),
    ];
    for (message, note) in cases {
        let (momo, recorded) = momo([empty(202)]);
        let transfer = Transfer { message, ..transfer() };
        assert_eq!(momo.transfer(&transfer).await, TransferAnswer::Accepted);
        let body = body(&recorded.sent_to(&Method::POST, "/transfer").pop().expect("a transfer"));
        assert_eq!(body["payeeNote"], note);
        assert_eq!(body["payerMessage"], note);
    }
}

fn body(request: &http::Request<bytes::Bytes>) -> Value {
    serde_json::from_slice(request.body()).expect("JSON")
}
