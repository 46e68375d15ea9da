//! Every way in which MoMo behaves, by name.

use momo_simulator::{
    Behaviour, CallbackMethod, CallbackTiming, Outcome, ReasonShape, StatusAnswer, TokenAnswer, TransferAnswer,
};

const HOUR_MS: u64 = 3_600_000;

fn failed(reason: &str, shape: ReasonShape) -> Behaviour {
    Behaviour { outcome: Outcome::Failed { reason: reason.to_owned() }, reason_shape: shape, ..Behaviour::default() }
}

fn transfer(answer: TransferAnswer) -> Behaviour {
    // The first send meets it, later ones find MoMo well.
    Behaviour { transfer_answer: answer, remaining: Some(1), ..Behaviour::default() }
}

fn status(answer: StatusAnswer) -> Behaviour {
    Behaviour { status_answer: answer, ..Behaviour::default() }
}

/// Each behaviour with its name; the first one is a MoMo that is well.
pub fn all() -> Vec<(&'static str, Behaviour)> {
    let well = Behaviour::default;
    let callback = |callback| Behaviour { callback, ..well() };
    vec![
        ("well", well()),
        ("well, settling after 10 s", Behaviour { settle_after_ms: 10_000, ..well() }),
        ("time-out after accepting", transfer(TransferAnswer::TimeoutAfterAccepting)),
        ("time-out before accepting", transfer(TransferAnswer::TimeoutBeforeAccepting)),
        ("500 after accepting", transfer(TransferAnswer::Error500AfterAccepting)),
        ("500 before accepting", transfer(TransferAnswer::Error500BeforeAccepting)),
        ("409 after accepting", transfer(TransferAnswer::Conflict409AfterAccepting)),
        ("429", transfer(TransferAnswer::TooMany429)),
        ("503", transfer(TransferAnswer::Unavailable503)),
        ("200 in HTML", transfer(TransferAnswer::Html200)),
        ("411 in HTML", transfer(TransferAnswer::Html411)),
        ("403", transfer(TransferAnswer::Forbidden403)),
        ("empty 400", transfer(TransferAnswer::BadRequestEmpty400)),
        ("not allowed", transfer(TransferAnswer::NotAllowed500 { code: "NOT_ALLOWED".to_owned() })),
        ("redirect", transfer(TransferAnswer::Redirect302)),
        ("garbage after accepting", transfer(TransferAnswer::Garbage)),
        ("failed: payee not found", failed("PAYEE_NOT_FOUND", ReasonShape::String)),
        ("failed: not enough funds", failed("NOT_ENOUGH_FUNDS", ReasonShape::Object)),
        ("failed: internal error", failed("INTERNAL_PROCESSING_ERROR", ReasonShape::String)),
        ("failed: account not allowed", failed("NOT_ALLOWED", ReasonShape::Object)),
        ("failed once, then well", Behaviour { remaining: Some(1), ..failed("EXPIRED", ReasonShape::String) }),
        (
            "failed, then paid after 5 minutes",
            Behaviour { late_success_after_failed_ms: Some(300_000), ..failed("EXPIRED", ReasonShape::String) },
        ),
        (
            "failed for our fault, then paid after 5 minutes",
            Behaviour {
                late_success_after_failed_ms: Some(300_000),
                ..failed("INTERNAL_PROCESSING_ERROR", ReasonShape::String)
            },
        ),
        ("pending for two hours", Behaviour { settle_after_ms: 2 * HOUR_MS, ..well() }),
        ("pending for ever", Behaviour { outcome: Outcome::PendingForever, ..well() }),
        ("created for ever", Behaviour { outcome: Outcome::CreatedForever, ..well() }),
        ("status times out", status(StatusAnswer::Timeout)),
        ("status 500", status(StatusAnswer::Error500)),
        ("status 503", status(StatusAnswer::Unavailable503)),
        ("status in HTML", status(StatusAnswer::Html200)),
        ("status garbage", status(StatusAnswer::Garbage)),
        ("status 404 for a minute", status(StatusAnswer::NotFound404ForMs(60_000))),
        ("status redirects", status(StatusAnswer::Redirect302)),
        ("status empty 400", status(StatusAnswer::Empty400)),
        ("another amount", status(StatusAnswer::OtherAmount)),
        ("another payee", status(StatusAnswer::OtherPayee)),
        ("another currency", status(StatusAnswer::OtherCurrency)),
        ("a status nobody knows", status(StatusAnswer::UnrecognisedStatus)),
        ("no callback", callback(CallbackTiming::Never)),
        ("callback twice", callback(CallbackTiming::Duplicate)),
        ("callback after an hour", callback(CallbackTiming::LateMs(HOUR_MS))),
        (
            "callback before the answer, by POST",
            Behaviour { callback_method: CallbackMethod::Post, ..callback(CallbackTiming::BeforeAnswer) },
        ),
        ("token expires at once", Behaviour { token_answer: TokenAnswer::ExpiredAtOnce, ..well() }),
        ("token in HTML", Behaviour { token_answer: TokenAnswer::Html200, ..well() }),
        ("forgets references after a day", Behaviour { forget_references_after_ms: Some(24 * HOUR_MS), ..well() }),
    ]
}
