//! What became of a transfer, in the shapes that MTN has told it in.

use crate::{
    ours::{MOMO, momo, noon, payout, sending, transfer, transfer_of},
    recorded::{broken, empty, error, header, json, lost, page, redirect, unconnected},
};
use domain::{
    payout::{
        Hold, Rail, ReportedTransfer, State,
        StatusAnswer::{self, Failed, NotFound, Pending, Successful, Unknown},
    },
    settings::PayoutPolicy,
};
use http::Method;
use providers::MobileMoney;

const PHONE: &str = "0788123456";

/// A body of MTN's sandbox, with this status and whatever else is said.
fn body(status: &str, more: &str) -> String {
    format!(
        "{{\"amount\":\"5000\",\"currency\":\"RWF\",{more}\"externalId\":\"6353636\",\
         \"payee\":{{\"partyIdType\":\"MSISDN\",\"partyId\":\"250788123456\"}},\
         \"payerMessage\":\"MBELYCO Promo\",\"payeeNote\":\"MBELYCO Promo\",\"status\":\"{status}\"}}"
    )
}

fn reported(transaction: Option<&str>, reason: Option<&str>) -> ReportedTransfer {
    ReportedTransfer {
        amount: "5000".to_owned(),
        currency: "RWF".to_owned(),
        payee: "250788123456".to_owned(),
        external_id: "6353636".to_owned(),
        transaction: transaction.map(str::to_owned),
        reason: reason.map(str::to_owned),
    }
}

// proves: PAY-01
#[tokio::test]
async fn a_status_is_read_in_every_shape_it_was_seen_in() {
    let cases = [
        (
            "paid",
            body("SUCCESSFUL", "\"financialTransactionId\":\"386380485\","),
            Successful(reported(Some("386380485"), None)),
        ),
        (
            "paid, its id a number",
            body("SUCCESSFUL", "\"financialTransactionId\":386380485,"),
            Successful(reported(Some("386380485"), None)),
        ),
        ("pending, without an id", body("PENDING", ""), Pending(reported(None, None))),
        ("pending, its id null", body("PENDING", "\"financialTransactionId\":null,"), Pending(reported(None, None))),
        ("created", body("CREATED", ""), Pending(reported(None, None))),
        ("a word that is new", body("UNDER_REVIEW", ""), Pending(reported(None, None))),
        ("a word in small letters", body("successful", ""), Pending(reported(None, None))),
        (
            "failed, its reason a string",
            body("FAILED", "\"reason\":\"PAYEE_NOT_FOUND\","),
            Failed(reported(None, Some("PAYEE_NOT_FOUND"))),
        ),
        (
            "failed, its reason an object",
            body("FAILED", "\"reason\":{\"code\":\"PAYEE_NOT_FOUND\",\"message\":\"Payee does not exist.\"},"),
            Failed(reported(None, Some("PAYEE_NOT_FOUND"))),
        ),
        ("failed, its reason null", body("FAILED", "\"reason\":null,"), Failed(reported(None, None))),
        ("failed without a reason", body("FAILED", ""), Failed(reported(None, None))),
        // The status decides; the reason beside it doesn't.
        ("paid, its reason a number", body("SUCCESSFUL", "\"reason\":17,"), Successful(reported(None, None))),
        ("paid, its reason a list", body("SUCCESSFUL", "\"reason\":[\"X\"],"), Successful(reported(None, None))),
        (
            "failed, its reason without a code",
            body("FAILED", "\"reason\":{\"message\":\"Payee does not exist.\"},"),
            Failed(reported(None, None)),
        ),
        (
            "failed, its reason's code null",
            body("FAILED", "\"reason\":{\"code\":null,\"message\":\"\"},"),
            Failed(reported(None, None)),
        ),
        (
            "pending, with a reason",
            body("PENDING", "\"reason\":\"EXPIRED\","),
            Pending(reported(None, Some("EXPIRED"))),
        ),
        (
            "failed, with a reason that is very long",
            body("FAILED", &format!("\"reason\":\"{}\",", "É".repeat(1_000))),
            Failed(reported(None, Some(&"É".repeat(64)))),
        ),
    ];
    for (what, body, taken) in cases {
        let (momo, _) = momo([json(200, &body)]);
        assert_eq!(momo.status(&transfer().reference).await, taken, "{what}");
    }
}

// proves: PAY-01
#[tokio::test]
async fn an_answer_that_is_no_status_proves_nothing() {
    let unknown = |why: &str| Unknown(why.to_owned());
    let cases = [
        ("typed: there is none", error(404, "RESOURCE_NOT_FOUND"), NotFound),
        ("a gateway that knows no such path", page(404), unknown("404")),
        ("a gateway in JSON", json(404, "{\"statusCode\":404,\"message\":\"Resource not found\"}"), unknown("404")),
        ("another thing that there is none of", error(404, "PAYER_NOT_FOUND"), unknown("404")),
        ("nothing, and 404", empty(404), unknown("404")),
        ("the typed word with another number", error(500, "RESOURCE_NOT_FOUND"), unknown("500")),
        ("a reference that is said to be none", empty(400), unknown("400")),
        ("a firewall's page", page(200), unknown("200 that is no status")),
        ("JSON that breaks off", broken(), unknown("200 that is no status")),
        ("JSON of something else", json(200, "[]"), unknown("200 that is no status")),
        ("JSON without a status", json(200, "{\"amount\":\"5000\"}"), unknown("200 that is no status")),
        ("an empty success", empty(200), unknown("200 that is no status")),
        ("a redirect, which is not followed", redirect(), unknown("302")),
        ("an address that is not listed", page(403), unknown("403")),
        ("too many", json(429, "{\"statusCode\":429,\"message\":\"Rate limit is exceeded.\"}"), unknown("429")),
        ("trouble", error(500, "INTERNAL_PROCESSING_ERROR"), unknown("500")),
        ("trouble without a word", empty(500), unknown("500")),
        ("closed for now", error(503, "SERVICE_UNAVAILABLE"), unknown("503")),
        ("no answer", lost(), unknown("no answer")),
        ("no connection", unconnected(), unknown("no connection")),
    ];
    for (what, answer, taken) in cases {
        let (momo, recorded) = momo([answer]);
        assert_eq!(momo.status(&transfer().reference).await, taken, "{what}");
        assert_eq!(recorded.sent().len(), 2, "{what}: a token and one question");
    }
}

// proves: PAY-01
#[tokio::test]
async fn a_question_names_its_reference_in_the_path_alone() {
    let (momo, recorded) = momo([json(200, &body("PENDING", ""))]);
    momo.status(&transfer().reference).await;
    let asked = recorded.sent().pop().expect("a question");
    assert_eq!(asked.method(), Method::GET);
    assert_eq!(asked.uri().to_string(), format!("{MOMO}/disbursement/v1_0/transfer/{}", transfer().reference));
    assert_eq!(header(&asked, "x-target-environment"), Some("mtnrwanda"));
    assert_eq!(header(&asked, "ocp-apim-subscription-key"), Some("subscription-0"));
    assert_eq!(header(&asked, "x-reference-id"), None);
    assert!(asked.body().is_empty());
}

// proves: PAY-01
#[tokio::test]
async fn an_amount_is_the_same_with_and_without_its_zeros_and_no_other() {
    let rail = Rail::mtn_momo(MOMO, "mtnrwanda", "api-user");
    let sent = sending(PHONE, &rail);
    let reference = transfer_of(&sent).reference;
    let id = payout(PHONE).id;
    let cases = [
        ("\"5000\"", true),
        ("\"5000.0\"", true),
        ("\"5000.00\"", true),
        ("5000", true),
        ("5000.0", true),
        ("\"5000.5\"", false),
        ("\"500\"", false),
        ("\"50000\"", false),
        ("\"5,000\"", false),
        ("\"\"", false),
        ("null", false),
    ];
    for (amount, ours) in cases {
        let told = body("SUCCESSFUL", "\"financialTransactionId\":\"1\",")
            .replace("\"amount\":\"5000\"", &format!("\"amount\":{amount}"))
            .replace("6353636", id.as_str());
        let (momo, _) = momo([json(200, &told)]);
        let answer = momo.status(&reference).await;
        assert!(matches!(answer, StatusAnswer::Successful(_)), "{amount}: {answer:?}");
        let learned = sent.after_status(&reference, &answer, &PayoutPolicy::default(), noon()).expect("not settled");
        let paid = matches!(learned.payout.state, State::Paid { .. });
        let held = matches!(learned.payout.state, State::Held { why: Hold::Mismatch, .. });
        assert_eq!((paid, held), (ours, !ours), "{amount}");
    }
}
