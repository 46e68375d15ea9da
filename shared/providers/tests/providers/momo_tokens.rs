//! MTN's tokens, and the calls that find theirs refused.

use crate::{
    ours::{MOMO, momo, momo_from, momo_of, token, transfer},
    recorded::{Answer, broken, empty, error, header, json, lost, page, redirect, unconnected},
};
use domain::payout::{StatusAnswer, TransferAnswer};
use http::Method;
use providers::{MobileMoney, NotReady};

/// As the gateway puts it for a token that is over.
fn refused() -> Answer {
    json(401, "{\"statusCode\":401,\"message\":\"Unauthorized. Access token is expired.\"}")
}

const TOKEN: &str = "{\"access_token\":\"token-0\",\"token_type\":\"access_token\",\"expires_in\":3600}";

// proves: PAY-01
#[tokio::test]
async fn a_token_is_asked_for_as_mtn_wants_it_and_kept() {
    let (momo, recorded) = momo_from([token("token-0"), empty(202), empty(202)]);
    assert_eq!(momo.ready().await, Ok(()));
    assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Accepted);
    assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Accepted);
    assert_eq!(recorded.left(), 0);

    let sent = recorded.sent();
    let asked = &sent[0];
    assert_eq!(asked.method(), Method::POST);
    // Without its last slash the path is a redirect.
    assert_eq!(asked.uri().to_string(), format!("{MOMO}/disbursement/token/"));
    // Without it the gateway answers 411 in HTML.
    assert_eq!(header(asked, "content-length"), Some("0"));
    assert!(asked.body().is_empty());
    // api-user:key-0
    assert_eq!(header(asked, "authorization"), Some("Basic YXBpLXVzZXI6a2V5LTA="));
    assert_eq!(header(asked, "ocp-apim-subscription-key"), Some("subscription-0"));
    for call in &sent[1..] {
        assert_eq!(header(call, "authorization"), Some("Bearer token-0"));
    }
}

// proves: PAY-01
#[tokio::test]
async fn what_is_no_token_is_taken_for_none_and_nothing_is_sent() {
    let cases = [
        ("a firewall's page that calls itself a success", page(200), "token: 200 without a token"),
        ("a redirect, which is not followed", redirect(), "token: 302 without a token"),
        ("a POST whose length is missed", page(411), "token: 411 without a token"),
        ("a wrong key", refused(), "token: 401 without a token"),
        ("a refused address", page(403), "token: 403 without a token"),
        ("trouble over there", error(500, "INTERNAL_PROCESSING_ERROR"), "token: 500 without a token"),
        ("a token that comes with trouble", json(500, TOKEN), "token: 500 without a token"),
        ("JSON that breaks off", broken(), "token: 200 without a token"),
        ("JSON that holds none", json(200, "{\"error\":\"login_failed\"}"), "token: 200 without a token"),
        ("an empty success", empty(200), "token: 200 without a token"),
        ("no answer", lost(), "token: no answer"),
        ("no connection", unconnected(), "token: no connection"),
    ];
    for (what, answer, why) in cases {
        let (momo, recorded) = momo_from([answer.clone(), answer]);
        assert_eq!(momo.ready().await, Err(NotReady(why.to_owned())), "{what}");
        assert_eq!(recorded.sent().len(), 1, "{what}: one request and no other");
        assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Unsent(why.to_owned()), "{what}");
        assert_eq!(recorded.sent_to(&Method::POST, "/transfer").len(), 0, "{what}: no transfer without a token");
    }
}

// proves: PAY-01
#[tokio::test]
async fn keys_of_another_api_user_are_never_sent() {
    let (momo, recorded) = momo_of("somebody-else", []);
    assert!(momo.ready().await.is_err());
    assert!(matches!(momo.transfer(&transfer()).await, TransferAnswer::Unsent(_)));
    assert!(matches!(momo.status(&transfer().reference).await, StatusAnswer::Unknown(_)));
    assert_eq!(recorded.sent().len(), 0);
}

// proves: PAY-01
#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_same_transfer_sent_once_more() {
    let (momo, recorded) = momo([refused(), token("token-1"), empty(202)]);
    assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Accepted);

    let tokens = recorded.sent_to(&Method::POST, "/token/");
    assert_eq!(tokens.len(), 2);
    // api-user:key-1, under keys that were asked for afresh.
    assert_eq!(header(&tokens[1], "authorization"), Some("Basic YXBpLXVzZXI6a2V5LTE="));
    let transfers = recorded.sent_to(&Method::POST, "/transfer");
    assert_eq!(transfers.len(), 2);
    for transfer_sent in &transfers {
        assert_eq!(header(transfer_sent, "x-reference-id"), Some(transfer().reference.as_str()));
    }
    assert_eq!(transfers[0].body(), transfers[1].body());
    assert_eq!(header(&transfers[0], "authorization"), Some("Bearer token-0"));
    assert_eq!(header(&transfers[1], "authorization"), Some("Bearer token-1"));
    assert_eq!(header(&transfers[1], "ocp-apim-subscription-key"), Some("subscription-1"));
}

// proves: PAY-01
#[tokio::test]
async fn a_token_that_is_refused_twice_is_our_set_up_and_nothing_is_sent_a_third_time() {
    let twice = || momo([refused(), token("token-1"), refused()]);
    let (momo, recorded) = twice();
    assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Config("401".to_owned()));
    assert_eq!(recorded.sent_to(&Method::POST, "/transfer").len(), 2);

    let (momo, recorded) = twice();
    assert_eq!(momo.status(&transfer().reference).await, StatusAnswer::Unknown("401".to_owned()));
    assert_eq!(recorded.sent_to(&Method::GET, &transfer().reference).len(), 2);
}

// proves: PAY-01
#[tokio::test]
async fn where_no_new_token_is_had_the_transfer_is_not_sent_again() {
    let (momo, recorded) = momo([refused(), page(200)]);
    assert_eq!(momo.transfer(&transfer()).await, TransferAnswer::Unsent("token: 200 without a token".to_owned()));
    assert_eq!(recorded.sent_to(&Method::POST, "/transfer").len(), 1);
}
