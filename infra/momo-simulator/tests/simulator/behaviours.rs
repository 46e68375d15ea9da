use momo_simulator::{
    Behaviour, CallbackMethod, CallbackTiming, Endpoint, Fault, FaultKind, Outcome, ReasonShape, StatusAnswer,
    TransferAnswer,
};
use serde_json::json;

use crate::caller::{Caller, PAYEE, REFERENCE, answered, body, hangs, reference};

/// Status and content type, or none for a call that hangs; and whether the transfer was taken.
type Shape = (Option<(u16, Option<&'static str>)>, bool);

const JSON: Option<&str> = Some("application/json");
const HTML: Option<&str> = Some("text/html; charset=utf-8");

#[tokio::test]
async fn each_answer_to_a_transfer_has_its_shape_and_its_effect() {
    let not_allowed = TransferAnswer::NotAllowed500 { code: "NOT_ALLOWED".to_owned() };
    let expected: [(TransferAnswer, Shape); 15] = [
        (TransferAnswer::Normal, (Some((202, None)), true)),
        (TransferAnswer::TimeoutAfterAccepting, (None, true)),
        (TransferAnswer::TimeoutBeforeAccepting, (None, false)),
        (TransferAnswer::Error500AfterAccepting, (Some((500, JSON)), true)),
        (TransferAnswer::Error500BeforeAccepting, (Some((500, JSON)), false)),
        (TransferAnswer::Conflict409AfterAccepting, (Some((409, JSON)), true)),
        (TransferAnswer::TooMany429, (Some((429, JSON)), false)),
        (TransferAnswer::Unavailable503, (Some((503, JSON)), false)),
        (TransferAnswer::Html200, (Some((200, HTML)), false)),
        (TransferAnswer::Html411, (Some((411, Some("text/html; charset=us-ascii"))), false)),
        (TransferAnswer::Forbidden403, (Some((403, JSON)), false)),
        (TransferAnswer::BadRequestEmpty400, (Some((400, None)), false)),
        (not_allowed, (Some((500, JSON)), false)),
        (TransferAnswer::Redirect302, (Some((302, None)), false)),
        (TransferAnswer::Garbage, (Some((200, JSON)), true)),
    ];
    for (transfer_answer, (shape, taken)) in expected {
        let caller = Caller::new().await;
        caller.simulator.behave(Behaviour { transfer_answer: transfer_answer.clone(), ..Behaviour::default() });
        let reply = caller.transfer(REFERENCE).await;
        match shape {
            None => assert!(hangs(&reply), "{transfer_answer:?}"),
            Some((status, content_type)) => {
                let answer = answered(reply);
                let found = answer.headers().get("content-type").map(|value| value.to_str().unwrap());
                assert_eq!((answer.status().as_u16(), found), (status, content_type), "{transfer_answer:?}");
            }
        }
        assert_eq!(caller.simulator.transfers().len(), usize::from(taken), "{transfer_answer:?}");
        assert_eq!(caller.simulator.sends(REFERENCE), 1);
    }
}

#[tokio::test]
async fn each_answer_to_a_question_has_its_shape() {
    let caller = Caller::new().await;
    caller.transfer(REFERENCE).await;
    let behave = |status_answer| caller.simulator.behave(Behaviour { status_answer, ..Behaviour::default() });
    behave(StatusAnswer::Timeout);
    assert!(hangs(&caller.get(&format!("transfer/{REFERENCE}")).await));
    for (status_answer, status, is_json) in [
        (StatusAnswer::Error500, 500, true),
        (StatusAnswer::Unavailable503, 503, true),
        (StatusAnswer::Html200, 200, false),
        (StatusAnswer::Garbage, 200, false),
        (StatusAnswer::Redirect302, 302, false),
        (StatusAnswer::Empty400, 400, false),
    ] {
        behave(status_answer);
        let answer = caller.status(REFERENCE).await;
        assert_eq!(answer.status().as_u16(), status, "{status_answer:?}");
        assert_eq!(serde_json::from_slice::<serde_json::Value>(answer.body()).is_ok(), is_json, "{status_answer:?}");
    }
    for (status_answer, field, value) in [
        (StatusAnswer::OtherAmount, "amount", json!("987654")),
        (StatusAnswer::OtherPayee, "payee", json!({ "partyIdType": "MSISDN", "partyId": "250788999999" })),
        (StatusAnswer::OtherExternalId, "externalId", json!("not-yours")),
        (StatusAnswer::OtherCurrency, "currency", json!("XAF")),
        (StatusAnswer::UnrecognisedStatus, "status", json!("UNDER_REVIEW")),
    ] {
        behave(status_answer);
        let found = body(&caller.status(REFERENCE).await);
        behave(StatusAnswer::Normal);
        let mut truth = body(&caller.status(REFERENCE).await);
        assert_ne!(found, truth);
        truth[field] = value;
        assert_eq!(found, truth, "only {field} differs");
    }
}

#[tokio::test]
async fn a_404_lags_behind_the_202_for_its_time_only() {
    let caller = Caller::new().await;
    caller
        .simulator
        .behave(Behaviour { status_answer: StatusAnswer::NotFound404ForMs(30_000), ..Behaviour::default() });
    caller.transfer(REFERENCE).await;
    caller.advance(29_999);
    let answer = caller.status(REFERENCE).await;
    assert_eq!((answer.status().as_u16(), body(&answer)["code"].as_str()), (404, Some("RESOURCE_NOT_FOUND")));
    caller.advance(1);
    assert_eq!(caller.state(REFERENCE).await.0, "SUCCESSFUL");
}

#[tokio::test]
async fn outcomes_are_as_told_and_a_reason_has_either_shape() {
    let caller = Caller::new().await;
    let failed = Outcome::Failed { reason: "PAYEE_NOT_FOUND".to_owned() };
    let expected = [
        (Outcome::Successful, ReasonShape::String, "SUCCESSFUL", json!(null)),
        (failed.clone(), ReasonShape::String, "FAILED", json!("PAYEE_NOT_FOUND")),
        (
            failed,
            ReasonShape::Object,
            "FAILED",
            json!({ "code": "PAYEE_NOT_FOUND", "message": "Payee does not exist." }),
        ),
        (Outcome::PendingForever, ReasonShape::String, "PENDING", json!(null)),
        (Outcome::CreatedForever, ReasonShape::String, "CREATED", json!(null)),
    ];
    for (n, (outcome, reason_shape, status, reason)) in (0..).zip(expected) {
        caller.simulator.behave(Behaviour { outcome, reason_shape, ..Behaviour::default() });
        caller.transfer(&reference(n)).await;
        caller.advance(60_000);
        assert_eq!(caller.state(&reference(n)).await, (status.to_owned(), reason));
    }
}

#[tokio::test]
async fn a_forgotten_reference_is_not_found_but_not_free_either() {
    let caller = Caller::new().await;
    caller.simulator.behave(Behaviour { forget_references_after_ms: Some(1_000), ..Behaviour::default() });
    caller.transfer(REFERENCE).await;
    assert_eq!(caller.status(REFERENCE).await.status(), 200);
    caller.advance(1_000);
    assert_eq!(caller.status(REFERENCE).await.status(), 404);
    assert_eq!(answered(caller.transfer(REFERENCE).await).status(), 409);
    assert_eq!(caller.simulator.paid_total(), 500);
}

#[tokio::test]
async fn callbacks_come_once_never_twice_or_late() {
    let expected: [(CallbackTiming, &[i64]); 5] = [
        (CallbackTiming::Once, &[5_000]),
        (CallbackTiming::Never, &[]),
        (CallbackTiming::Duplicate, &[5_000, 185_000]),
        (CallbackTiming::LateMs(40_000), &[45_000]),
        (CallbackTiming::BeforeAnswer, &[0]),
    ];
    for (callback, times) in expected {
        let caller = Caller::new().await;
        caller.simulator.behave(Behaviour { settle_after_ms: 5_000, callback, ..Behaviour::default() });
        caller.transfer(REFERENCE).await;
        let mut seen = Vec::new();
        for second in 0..200 {
            let due = caller.simulator.due_callbacks();
            for call in &due {
                assert_eq!((call.url.as_str(), call.method), ("https://example.rw/momo/secret", "PUT"));
                assert_eq!(call.body["externalId"], "payout-1");
                assert_eq!(call.body["status"], "SUCCESSFUL");
                assert!(!call.body.to_string().contains(REFERENCE));
            }
            seen.extend(due.iter().map(|_| second * 1_000));
            caller.advance(1_000);
        }
        assert_eq!(seen, times, "{callback:?}");
    }
}

#[tokio::test]
async fn a_transfer_that_names_no_address_is_never_called_back_about() {
    let mut caller = Caller::new().await;
    caller.callback_url = None;
    caller.transfer(REFERENCE).await;
    assert!(caller.simulator.due_callbacks().is_empty());
}

#[tokio::test]
async fn callbacks_can_alternate_between_put_and_post() {
    let caller = Caller::new().await;
    for (callback_method, expected) in [
        (CallbackMethod::Alternate, ["PUT", "POST"]),
        (CallbackMethod::Post, ["POST", "POST"]),
        (CallbackMethod::Put, ["PUT", "PUT"]),
    ] {
        caller.simulator.behave(Behaviour { callback_method, ..Behaviour::default() });
        let n = caller.simulator.transfers().len() as u32;
        caller.transfer(&reference(n)).await;
        caller.transfer(&reference(n + 1)).await;
        let methods: Vec<_> = caller.simulator.due_callbacks().iter().map(|call| call.method).collect();
        assert_eq!(methods, expected);
    }
}

#[tokio::test]
async fn a_behaviour_for_two_transfers_ends_after_two_and_its_transfers_keep_their_answer() {
    let caller = Caller::new().await;
    caller.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "EXPIRED".to_owned() },
        status_answer: StatusAnswer::OtherAmount,
        remaining: Some(2),
        ..Behaviour::default()
    });
    for n in 0..3 {
        caller.transfer(&reference(n)).await;
    }
    assert_eq!(caller.simulator.behaviour(), Behaviour::default());
    assert_eq!(body(&caller.status(&reference(1)).await)["amount"], "987654");
    assert_eq!(body(&caller.status(&reference(2)).await)["amount"], "500");
    assert_eq!(caller.state(&reference(2)).await.0, "SUCCESSFUL");
    caller.simulator.behave(Behaviour::default());
    assert_eq!(body(&caller.status(&reference(1)).await)["amount"], "500");
    assert_eq!(caller.state(&reference(1)).await.0, "FAILED");
}

#[tokio::test]
async fn back_to_normal_heals_questions_about_earlier_transfers() {
    let caller = Caller::new().await;
    caller.simulator.behave(Behaviour { status_answer: StatusAnswer::Error500, ..Behaviour::default() });
    caller.transfer(REFERENCE).await;
    assert_eq!(caller.status(REFERENCE).await.status(), 500);
    caller.simulator.behave(Behaviour::default());
    assert_eq!(caller.state(REFERENCE).await.0, "SUCCESSFUL");
}

#[tokio::test]
async fn a_fault_befalls_one_call_of_its_kind() {
    let mut caller = Caller::new().await;
    caller.simulator.next(vec![
        Fault::at(Endpoint::Status, FaultKind::Unavailable503),
        Fault::at(Endpoint::Transfer, FaultKind::HangAfter),
        Fault::at(Endpoint::Transfer, FaultKind::HangBefore),
    ]);
    caller.renew().await;
    assert!(hangs(&caller.transfer(REFERENCE).await));
    assert_eq!(caller.simulator.paid_total(), 500);
    assert!(hangs(&caller.transfer(&reference(1)).await));
    assert_eq!(caller.simulator.paid_total(), 500);
    assert_eq!(caller.status(REFERENCE).await.status(), 503);
    assert_eq!(caller.status(REFERENCE).await.status(), 200);
    assert_eq!(answered(caller.transfer(&reference(1)).await).status(), 202);
}

#[tokio::test]
async fn each_fault_for_any_call_has_its_shape() {
    let caller = Caller::new().await;
    for (kind, status) in [
        (FaultKind::Error500Before, 500),
        (FaultKind::Error500After, 500),
        (FaultKind::Html200, 200),
        (FaultKind::Html200After, 200),
        (FaultKind::GarbageAfter, 200),
        (FaultKind::Empty400, 400),
        (FaultKind::Unauthorized401, 401),
        (FaultKind::Forbidden403, 403),
        (FaultKind::NotFound404, 404),
        (FaultKind::TooMany429, 429),
        (FaultKind::Unavailable503, 503),
        (FaultKind::Redirect302, 302),
    ] {
        caller.simulator.next(vec![Fault::any(kind)]);
        let answer = answered(caller.get("account/balance").await);
        assert_eq!(answer.status().as_u16(), status, "{kind:?}");
        assert!(!answer.body().starts_with(b"{\"availableBalance"), "{kind:?}");
    }
    assert_eq!(answered(caller.get(&format!("accountholder/msisdn/{PAYEE}/active")).await).status(), 200);
}
