use momo_simulator::{Behaviour, Outcome, TransferAnswer, TransferState};
use serde_json::json;

use crate::caller::{Caller, PAYEE, REFERENCE, answered, body, fields, fields_to, reference};

#[tokio::test]
async fn a_transfer_is_accepted_with_an_empty_202_and_then_paid() {
    let caller = Caller::new().await;
    let answer = answered(caller.transfer(REFERENCE).await);
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 0));
    let status = body(&caller.status(REFERENCE).await);
    assert_eq!(
        status,
        json!({
            "amount": "500", "currency": "RWF", "financialTransactionId": "1000000001", "externalId": "payout-1",
            "payee": { "partyIdType": "MSISDN", "partyId": PAYEE },
            "payerMessage": "Thank you", "payeeNote": "Promo", "status": "SUCCESSFUL",
        })
    );
    assert_eq!((caller.simulator.paid_total(), caller.simulator.balance()), (500, 9_500));
}

#[tokio::test]
async fn a_reference_sent_again_is_a_409_and_never_a_second_payment() {
    let caller = Caller::new().await;
    answered(caller.transfer(REFERENCE).await);
    for spelling in [REFERENCE.to_owned(), REFERENCE.to_uppercase()] {
        let mut other = fields();
        other["amount"] = json!("700");
        let answer = answered(caller.send(caller.transfer_request(&spelling, &other)).await);
        assert_eq!(answer.status(), 409);
        assert_eq!(body(&answer)["code"], "RESOURCE_ALREADY_EXIST");
    }
    assert_eq!(caller.simulator.paid_total(), 500);
    let transfers = caller.simulator.transfers();
    assert_eq!((transfers.len(), transfers[0].sends), (1, 3));
}

#[tokio::test]
async fn the_shortest_time_between_two_sends_of_one_reference_is_known() {
    let caller = Caller::new().await;
    for wait_ms in [0, 700_000, 600_000, 900_000] {
        caller.advance(wait_ms);
        answered(caller.transfer(REFERENCE).await);
        caller.simulator.settle_due();
    }
    assert_eq!(caller.simulator.closest_sends_ms(), Some(600_000));
    assert_eq!(Caller::new().await.simulator.closest_sends_ms(), None);
}

#[tokio::test]
async fn no_way_of_answering_lets_a_reference_be_paid_twice() {
    let answers = [
        TransferAnswer::Normal,
        TransferAnswer::TimeoutAfterAccepting,
        TransferAnswer::Error500AfterAccepting,
        TransferAnswer::Conflict409AfterAccepting,
        TransferAnswer::Garbage,
    ];
    for first in &answers {
        for second in &answers {
            let caller = Caller::new().await;
            for transfer_answer in [first, second] {
                caller.simulator.behave(Behaviour {
                    transfer_answer: transfer_answer.clone(),
                    forget_references_after_ms: Some(1),
                    ..Behaviour::default()
                });
                caller.transfer(REFERENCE).await;
                caller.advance(10);
            }
            assert_eq!(caller.simulator.paid_total(), 500, "{first:?} then {second:?}");
        }
    }
}

#[tokio::test]
async fn a_pending_transfer_has_neither_transaction_number_nor_reason_and_settles_in_its_time() {
    let caller = Caller::new().await;
    caller.simulator.behave(Behaviour { settle_after_ms: 5_000, ..Behaviour::default() });
    caller.transfer(REFERENCE).await;
    caller.advance(4_999);
    let status = body(&caller.status(REFERENCE).await);
    assert_eq!(status["status"], "PENDING");
    assert!(status.get("financialTransactionId").is_none() && status.get("reason").is_none());
    assert_eq!(caller.simulator.balance(), 10_000);
    caller.advance(1);
    caller.simulator.settle_due();
    assert_eq!(caller.state(REFERENCE).await.0, "SUCCESSFUL");
    let transfer = &caller.simulator.transfers()[0];
    assert_eq!(transfer.settled_at, Some(transfer.accepted_at + 5_000));
}

#[tokio::test]
async fn a_transfer_above_the_float_fails_for_want_of_funds() {
    let caller = Caller::new().await;
    caller.simulator.set_balance(499);
    caller.transfer(REFERENCE).await;
    assert_eq!(caller.state(REFERENCE).await, ("FAILED".to_owned(), json!("NOT_ENOUGH_FUNDS")));
    assert_eq!((caller.simulator.paid_total(), caller.simulator.balance()), (0, 499));
}

#[tokio::test]
async fn sandbox_numbers_have_their_fates() {
    let caller = Caller::new().await;
    let failing = [
        (450, "INTERNAL_PROCESSING_ERROR"),
        (451, "APPROVAL_REJECTED"),
        (452, "EXPIRED"),
        (455, "NOT_ENOUGH_FUNDS"),
        (456, "PAYER_LIMIT_REACHED"),
        (457, "PAYEE_NOT_FOUND"),
        (458, "NOT_ALLOWED"),
    ];
    for (suffix, reason) in failing {
        let request = caller.transfer_request(&reference(suffix), &fields_to(&format!("46733123{suffix}")));
        assert_eq!(answered(caller.send(request).await).status(), 202);
        assert_eq!(caller.state(&reference(suffix)).await, ("FAILED".to_owned(), json!(reason)));
    }
    let refused = [
        (459, 500, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        (460, 500, "INVALID_CALLBACK_URL_HOST"),
        (461, 500, "INVALID_CURRENCY"),
        (462, 500, "INTERNAL_PROCESSING_ERROR"),
        (463, 503, "SERVICE_UNAVAILABLE"),
    ];
    for (suffix, status, code) in refused {
        let request = caller.transfer_request(&reference(suffix), &fields_to(&format!("46733123{suffix}")));
        let answer = answered(caller.send(request).await);
        assert_eq!((answer.status().as_u16(), body(&answer)["code"].as_str()), (status, Some(code)));
        assert_eq!(caller.status(&reference(suffix)).await.status(), 404);
    }
    for (suffix, first, later) in [(453, "PENDING", "PENDING"), (454, "CREATED", "SUCCESSFUL")] {
        let request = caller.transfer_request(&reference(suffix), &fields_to(&format!("46733123{suffix}")));
        caller.send(request).await;
        assert_eq!(caller.state(&reference(suffix)).await.0, first);
        caller.advance(3_600_000 - 1);
        let mut caller_later = Caller { token: String::new(), ..caller_of(&caller) };
        caller_later.renew().await;
        assert_eq!(caller_later.state(&reference(suffix)).await.0, later);
        caller.advance(1 - 3_600_000);
    }
    assert_eq!(caller.simulator.paid_total(), 500);
}

fn caller_of(caller: &Caller) -> Caller {
    Caller {
        simulator: caller.simulator.clone(),
        clock: caller.clock.clone(),
        user: caller.user.clone(),
        key: caller.key.clone(),
        token: caller.token.clone(),
        callback_url: caller.callback_url.clone(),
    }
}

#[tokio::test]
async fn the_active_check_knows_the_sandbox_numbers() {
    let caller = Caller::new().await;
    let expected = [(450, 404), (451, 200), (452, 500), (453, 500), (454, 500), (455, 503), (456, 200)];
    for (suffix, status) in expected {
        let answer = answered(caller.get(&format!("accountholder/msisdn/46733123{suffix}/active")).await);
        assert_eq!(answer.status().as_u16(), status);
        if status == 200 {
            assert_eq!(body(&answer), json!({ "result": suffix != 451 }));
        }
    }
}

#[tokio::test]
async fn an_account_holder_always_has_the_same_name() {
    let caller = Caller::new().await;
    let path = format!("accountholder/msisdn/{PAYEE}/basicuserinfo");
    let first = body(&answered(caller.get(&path).await));
    assert_eq!(first, body(&answered(caller.get(&path).await)));
    let fields: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["birthdate", "family_name", "given_name", "name", "sub"]);
}

#[tokio::test]
async fn the_balance_is_a_text_beside_its_currency() {
    let caller = Caller::new().await;
    let answer = answered(caller.get("account/balance").await);
    assert_eq!(body(&answer), json!({ "availableBalance": "10000", "currency": "RWF" }));
}

#[tokio::test]
async fn a_failed_reference_can_turn_successful_late() {
    let caller = Caller::new().await;
    caller.simulator.behave(Behaviour {
        outcome: Outcome::Failed { reason: "EXPIRED".to_owned() },
        late_success_after_failed_ms: Some(60_000),
        ..Behaviour::default()
    });
    caller.transfer(REFERENCE).await;
    assert_eq!(caller.state(REFERENCE).await, ("FAILED".to_owned(), json!("EXPIRED")));
    caller.advance(60_000);
    assert_eq!(caller.state(REFERENCE).await.0, "SUCCESSFUL");
    assert_eq!((caller.simulator.paid_total(), caller.simulator.balance()), (500, 9_500));
    assert_eq!(caller.simulator.transfers()[0].state, TransferState::Successful);
}

#[tokio::test]
async fn sends_under_way_are_counted_per_reference() {
    let caller = Caller::new().await;
    let first = caller.simulator.in_flight(REFERENCE);
    let other = caller.simulator.in_flight(&reference(1));
    assert_eq!(caller.simulator.max_in_flight_per_reference(), 1);
    let second = caller.simulator.in_flight(&REFERENCE.to_uppercase());
    drop((first, second, other));
    let again = caller.simulator.in_flight(REFERENCE);
    drop(again);
    assert_eq!(caller.simulator.max_in_flight_per_reference(), 2);
}
