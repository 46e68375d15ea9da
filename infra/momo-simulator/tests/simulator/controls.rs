use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use momo_simulator::{Behaviour, CallbackTiming, Outcome, StatusAnswer, TransferAnswer};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::caller::{Caller, PAYEE, REFERENCE, answered, fields_to, hangs, reference};

async fn ask(caller: &Caller, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/_simulator/{path}"))
        .header("content-type", "application/json")
        .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
        .unwrap();
    let answer: Response<Body> = caller.simulator.router().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let kind = if status == 200 { "application/json" } else { "application/problem+json" };
    assert_eq!(answer.headers()["content-type"], kind);
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn the_behaviour_is_set_and_read_as_json() {
    let caller = Caller::new().await;
    let wanted = json!({
        "settle_after_ms": 5000,
        "outcome": { "failed": { "reason": "PAYEE_NOT_FOUND" } },
        "reason_shape": "object",
        "transfer_answer": { "not_allowed_500": { "code": "NOT_ALLOWED" } },
        "status_answer": { "not_found_404_for_ms": 9000 },
        "callback": { "late_ms": 100 },
        "callback_method": "alternate",
        "token_answer": "expired_at_once",
        "late_success_after_failed_ms": 7,
        "remaining": 3,
    });
    let (status, set) = ask(&caller, "PUT", "behaviour", wanted).await;
    assert_eq!((status, &set), (200, &ask(&caller, "GET", "behaviour", json!(null)).await.1));
    let behaviour = caller.simulator.behaviour();
    assert_eq!(behaviour.outcome, Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() });
    assert_eq!(behaviour.transfer_answer, TransferAnswer::NotAllowed500 { code: "NOT_ALLOWED".to_owned() });
    assert_eq!(behaviour.status_answer, StatusAnswer::NotFound404ForMs(9000));
    assert_eq!(behaviour.callback, CallbackTiming::LateMs(100));
    let (_, normal) = ask(&caller, "PUT", "behaviour", json!({})).await;
    assert_eq!(normal["outcome"], "successful");
    assert_eq!(caller.simulator.behaviour(), Behaviour::default());
}

#[tokio::test]
async fn bad_control_input_names_its_field_and_changes_nothing() {
    let caller = Caller::new().await;
    for (method, path, input, field) in [
        ("PUT", "behaviour", json!({ "settle_after_ms": "soon" }), "settle_after_ms"),
        ("PUT", "behaviour", json!({ "remaining": 1, "transfer_answer": "explode" }), "transfer_answer"),
        ("PUT", "behaviour", json!({ "mood": "bad" }), "mood"),
        ("PUT", "behaviour", json!([]), "body"),
        ("PUT", "balance", json!({ "balance": -1 }), "balance"),
        ("PUT", "balance", json!({}), "balance"),
        ("POST", "faults", json!({}), "body"),
        ("POST", "faults", json!([{ "kind": "hang_after" }, { "kind": "explode" }]), "[1].kind"),
        ("POST", "faults", json!([{ "endpoint": "moon", "kind": "hang_after" }]), "[0].endpoint"),
        ("GET", "transfers?limit=all", json!(null), "limit"),
    ] {
        let (status, problem) = ask(&caller, method, path, input).await;
        assert_eq!(status, 400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(caller.simulator.behaviour(), Behaviour::default());
    assert_eq!(answered(caller.transfer(REFERENCE).await).status(), 202);
}

#[tokio::test]
async fn faults_are_queued_for_the_next_calls() {
    let caller = Caller::new().await;
    let faults = json!([{ "endpoint": "transfer", "kind": "hang_after" }, { "kind": "too_many_429" }]);
    assert_eq!(ask(&caller, "POST", "faults", faults).await, (200, json!({ "queued": 2 })));
    assert_eq!(answered(caller.get("account/balance").await).status(), 429);
    assert!(hangs(&caller.transfer(REFERENCE).await));
}

#[tokio::test]
async fn the_float_is_set_and_read() {
    let caller = Caller::new().await;
    let expected = json!({ "balance": 70, "currency": "RWF" });
    assert_eq!(ask(&caller, "PUT", "balance", json!({ "balance": 70 })).await, (200, expected.clone()));
    assert_eq!(ask(&caller, "GET", "balance", json!(null)).await, (200, expected));
    assert_eq!(caller.simulator.balance(), 70);
}

#[tokio::test]
async fn transfers_are_listed_and_wallets_filled_newest_first() {
    let caller = Caller::new().await;
    for (n, payee) in [(0, PAYEE), (1, "250789000002"), (2, PAYEE), (3, "250722000003")] {
        caller.advance(1_000);
        caller.send(caller.transfer_request(&reference(n), &fields_to(payee))).await;
    }
    caller.simulator.behave(Behaviour { outcome: Outcome::PendingForever, ..Behaviour::default() });
    caller.advance(1_000);
    caller.send(caller.transfer_request(&reference(4), &fields_to("250789000002"))).await;
    let (_, wallets) = ask(&caller, "GET", "wallets", json!(null)).await;
    assert_eq!(
        wallets,
        json!([
            { "payee": "250722000003", "balance": 500 },
            { "payee": PAYEE, "balance": 1000 },
            { "payee": "250789000002", "balance": 500 },
        ])
    );
    let (_, transfers) = ask(&caller, "GET", "transfers", json!(null)).await;
    assert_eq!(transfers.as_array().unwrap().len(), 5);
    assert_eq!((&transfers[0]["reference"], &transfers[4]["state"]), (&json!(reference(0)), &json!("PENDING")));
    let (_, newest) = ask(&caller, "GET", "transfers?limit=2", json!(null)).await;
    assert_eq!(newest.as_array().unwrap()[..], transfers.as_array().unwrap()[3..]);
}

#[tokio::test]
async fn an_unknown_control_is_a_404() {
    let caller = Caller::new().await;
    assert_eq!(ask(&caller, "GET", "weather", json!(null)).await.0, 404);
}

#[tokio::test]
async fn every_behaviour_that_the_page_offers_is_accepted() {
    let caller = Caller::new().await;
    let page = include_str!("../../../local/page/phone.html");
    let offered: Vec<&str> = page.split("data-set='").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect();
    assert!(offered.len() > 20);
    for set in offered {
        let set: Value = serde_json::from_str(set).unwrap();
        let (status, now) = ask(&caller, "PUT", "behaviour", set.clone()).await;
        assert_eq!(status, 200, "{set}: {now}");
        for (field, value) in set.as_object().unwrap() {
            assert_eq!(&now[field], value);
        }
    }
}
