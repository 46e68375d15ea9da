use bytes::Bytes;
use http::{HeaderValue, Request};
use momo_simulator::{Behaviour, TokenAnswer};
use serde_json::json;

use crate::caller::{Caller, REFERENCE, answered, body, fields, reference};

#[tokio::test]
async fn a_token_answer_has_mtns_three_fields() {
    let caller = Caller::new().await;
    let answer = body(&answered(caller.send(caller.token_request()).await));
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("access_token"), &json!(3600)));
    assert!(answer["access_token"].as_str().is_some_and(|token| !token.is_empty()));
}

#[tokio::test]
async fn a_token_call_without_the_slash_is_sent_to_the_slash() {
    let caller = Caller::new().await;
    let mut request = caller.token_request();
    *request.uri_mut() = "http://momo/disbursement/token".parse().unwrap();
    let answer = answered(caller.send(request).await);
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (302, &HeaderValue::from_static("/disbursement/token/"))
    );
}

#[tokio::test]
async fn a_wrong_key_or_subscription_gets_no_token() {
    let caller = Caller::new().await;
    let mut wrong_subscription = caller.token_request();
    wrong_subscription.headers_mut().insert("ocp-apim-subscription-key", HeaderValue::from_static("other"));
    let mut wrong_key = caller.token_request();
    wrong_key.headers_mut().insert("authorization", HeaderValue::from_static("Basic b3VyLXVzZXI6b3RoZXI="));
    for request in [wrong_subscription, wrong_key] {
        assert_eq!(answered(caller.send(request).await).status(), 401);
    }
}

#[tokio::test]
async fn a_new_key_ends_the_old_one_and_what_it_has_opened() {
    let mut caller = Caller::new().await;
    caller.simulator.set_api_key("another-key");
    assert_eq!(answered(caller.get("account/balance").await).status(), 401);
    assert_eq!(answered(caller.send(caller.token_request()).await).status(), 401);
    caller.key = "another-key".to_owned();
    caller.renew().await;
    assert_eq!(answered(caller.get("account/balance").await).status(), 200);
}

#[tokio::test]
async fn a_form_grant_meets_the_firewall() {
    let caller = Caller::new().await;
    let mut request = caller.token_request();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    *request.body_mut() = Bytes::from_static(b"grant_type=client_credentials");
    let answer = answered(caller.send(request).await);
    assert_eq!(answer.status(), 200);
    assert!(answer.body().starts_with(b"<html>"));
}

#[tokio::test]
async fn a_token_is_good_for_an_hour_and_not_longer() {
    let mut caller = Caller::new().await;
    caller.advance(3_599_999);
    assert_eq!(answered(caller.get("account/balance").await).status(), 200);
    caller.advance(1);
    assert_eq!(answered(caller.get("account/balance").await).status(), 401);
    caller.renew().await;
    assert_eq!(answered(caller.get("account/balance").await).status(), 200);
}

#[tokio::test]
async fn a_token_that_expires_at_once_is_fine_after_one_renewal() {
    let mut caller = Caller::new().await;
    caller.simulator.behave(Behaviour { token_answer: TokenAnswer::ExpiredAtOnce, ..Behaviour::default() });
    assert_eq!(answered(caller.transfer(REFERENCE).await).status(), 401);
    assert!(caller.simulator.transfers().is_empty());
    caller.renew().await;
    assert_eq!(answered(caller.transfer(REFERENCE).await).status(), 202);
    assert_eq!(answered(caller.get("account/balance").await).status(), 200);
}

#[tokio::test]
async fn token_calls_can_fail_in_their_ways() {
    let caller = Caller::new().await;
    for (token_answer, status) in
        [(TokenAnswer::Html200, 200), (TokenAnswer::Redirect302, 302), (TokenAnswer::Error500, 500)]
    {
        caller.simulator.behave(Behaviour { token_answer, ..Behaviour::default() });
        let answer = answered(caller.send(caller.token_request()).await);
        assert_eq!(answer.status().as_u16(), status);
        assert!(!answer.body().windows(12).any(|part| part == b"access_token"));
    }
}

#[tokio::test]
async fn calls_without_their_headers_are_refused() {
    let caller = Caller::new().await;
    for (header, value, status, text) in [
        ("authorization", "Bearer other", 401, "token"),
        ("ocp-apim-subscription-key", "other", 401, "subscription"),
        ("x-target-environment", "mtnrwanda", 500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ("x-reference-id", "0b2f6c1e-4b7a-1c0d-9e21-5a1c7d3e8f90", 400, ""),
        ("x-reference-id", "12", 400, ""),
        ("content-type", "text/plain", 400, ""),
        ("x-callback-url", "example.rw", 400, ""),
    ] {
        let mut request = caller.transfer_request(REFERENCE, &fields());
        request.headers_mut().insert(header, HeaderValue::from_static(value));
        let answer = answered(caller.send(request).await);
        assert_eq!(answer.status().as_u16(), status, "{header}");
        let said = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(said.contains(text) && said.is_empty() == text.is_empty(), "{header}: {said}");
    }
    assert!(caller.simulator.transfers().is_empty());
}

#[tokio::test]
async fn fields_that_mtn_refuses_are_refused() {
    let caller = Caller::new().await;
    let refused = [
        ("amount", json!("0")),
        ("amount", json!("-5")),
        ("amount", json!("5.5")),
        ("amount", json!("1,000")),
        ("amount", json!(500)),
        ("payerMessage", json!(null)),
        ("payeeNote", json!("Murakoze n'abandi")),
        ("payeeNote", json!("x".repeat(129))),
        ("externalId", json!("")),
        ("payee", json!({ "partyIdType": "EMAIL", "partyId": "a@b.rw" })),
        ("payee", json!({ "partyIdType": "MSISDN", "partyId": "+250788000001" })),
    ];
    for (field, value) in refused {
        let mut fields = fields();
        fields[field] = value.clone();
        let answer = answered(caller.send(caller.transfer_request(REFERENCE, &fields)).await);
        assert_eq!(answer.status(), 400, "{field} {value}");
        assert_eq!(body(&answer)["code"], "VALIDATION_ERROR");
    }
    let mut euros = fields();
    euros["currency"] = json!("EUR");
    let answer = answered(caller.send(caller.transfer_request(REFERENCE, &euros)).await);
    assert_eq!((answer.status().as_u16(), body(&answer)["code"].as_str()), (500, Some("INVALID_CURRENCY")));
    assert!(caller.simulator.transfers().is_empty());
}

#[tokio::test]
async fn an_amount_of_5_0_is_paid_as_5_and_echoed_as_5() {
    let caller = Caller::new().await;
    let mut fields = fields();
    fields["amount"] = json!("5.0");
    caller.send(caller.transfer_request(REFERENCE, &fields)).await;
    assert_eq!(body(&caller.status(REFERENCE).await)["amount"], "5");
    assert_eq!(caller.simulator.transfers()[0].amount, "5.0");
    assert_eq!(caller.simulator.paid_total(), 5);
}

#[tokio::test]
async fn a_reference_belongs_to_the_api_user_that_sent_it() {
    let ours = Caller::new().await;
    ours.transfer(REFERENCE).await;
    let id = reference(77);
    let provision = |path: String| {
        Request::post(format!("http://momo/v1_0/apiuser{path}"))
            .header("ocp-apim-subscription-key", "our-subscription")
            .header("x-reference-id", &id)
            .body(Bytes::from_static(b"{\"providerCallbackHost\":\"example.rw\"}"))
            .unwrap()
    };
    assert_eq!(answered(ours.send(provision(String::new())).await).status(), 201);
    assert_eq!(answered(ours.send(provision(String::new())).await).status(), 409);
    let made = answered(ours.send(provision(format!("/{id}/apikey"))).await);
    assert_eq!(made.status(), 201);
    let mut theirs = Caller {
        simulator: ours.simulator.clone(),
        clock: ours.clock.clone(),
        user: id.clone(),
        key: body(&made)["apiKey"].as_str().unwrap().to_owned(),
        token: String::new(),
        callback_url: None,
    };
    theirs.renew().await;
    assert_eq!(theirs.status(REFERENCE).await.status(), 404);
    assert_eq!(ours.status(REFERENCE).await.status(), 200);
    assert_eq!(answered(theirs.transfer(REFERENCE).await).status(), 202);
    theirs.callback_url = Some("https://elsewhere.rw/".to_owned());
    let answer = answered(theirs.transfer(&reference(1)).await);
    assert_eq!(body(&answer)["code"], "INVALID_CALLBACK_URL_HOST");
}

#[tokio::test]
async fn an_unknown_reference_is_404_and_a_malformed_one_an_empty_400() {
    let caller = Caller::new().await;
    assert_eq!(body(&caller.status(REFERENCE).await)["code"], "RESOURCE_NOT_FOUND");
    let malformed = caller.status("not-a-uuid").await;
    assert_eq!((malformed.status().as_u16(), malformed.body().len()), (400, 0));
}
