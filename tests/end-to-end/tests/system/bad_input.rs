//! What must never come, and comes: the right answer each time, and nothing written.

use momo_simulator::{Behaviour, StatusAnswer, TransferAnswer};
use rig::{
    Answered, World,
    world::{CALLBACK_SECRET, PATH_SECRET, Setup},
};

const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

fn good(text: &str) -> [(&str, &str); 5] {
    [
        ("sessionId", "s1"),
        ("phoneNumber", "+250788000001"),
        ("networkCode", "63510"),
        ("serviceCode", "*801#"),
        ("text", text),
    ]
}

async fn handle(world: &World, kind: &str, body: Vec<u8>) -> Answered {
    world.post(&format!("/api/v1/ussd/handle/{PATH_SECRET}"), kind, body).await
}

// proves: USD-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_cannot_prove_itself_gets_403_and_writes_nothing() {
    let world = World::start(Setup::default()).await;
    let before = world.rows().await.all;
    let code = world.codes[0].printed();
    let half = &PATH_SECRET[..10];
    let long = "x".repeat(10_000);
    for secret in ["", "wrong", half, &format!("{PATH_SECRET}x"), &format!("{PATH_SECRET}/"), &long] {
        for path in ["/api/v1/ussd/handle/", "/api/v1/webhooks/ussd/status/"] {
            let answered = world.post(&format!("{path}{secret}"), FORM, form(&good(&code))).await;
            assert_eq!(answered, Answered { status: 403, body: "Forbidden.".to_owned() }, "{path}{secret}");
        }
    }
    assert_eq!(world.post("/elsewhere", FORM, form(&good(&code))).await.status, 404);
    assert_eq!(world.rows().await.all, before);
}

// proves: USD-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proven_caller_sends_wrongly_is_answered_200_in_words_and_writes_nothing() {
    let world = World::start(Setup::default()).await;
    let before = world.rows().await.all;
    let code = world.codes[0].printed();
    let trouble = "END Habaye ikibazo cya tekiniki.";
    let without = |name: &str| form(&good(&code).into_iter().filter(|(field, _)| *field != name).collect::<Vec<_>>());
    let mut broken = b"sessionId=s1&phoneNumber=%2B250788000001&text=%FF%FE".to_vec();
    broken.extend([0xff, 0xfe, 0x00]);
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("not a form", "application/json", b"{}".to_vec(), trouble),
        ("no content type", "", form(&good(&code)), trouble),
        ("empty", FORM, Vec::new(), trouble),
        ("no session", FORM, without("sessionId"), trouble),
        ("no phone", FORM, without("phoneNumber"), trouble),
        ("one megabyte", FORM, form(&good(&"A".repeat(1_000_000))), trouble),
        (
            "session of 1,000 characters",
            FORM,
            form(&[("sessionId", &"s".repeat(1_000)), ("phoneNumber", "+250788000001")]),
            trouble,
        ),
        ("session with a separator", FORM, form(&[("sessionId", "a#b"), ("phoneNumber", "+250788000001")]), trouble),
        ("broken UTF-8", FORM, broken, "CON Kode yanditse nabi."),
        ("10,000 stars", FORM, form(&good(&"*".repeat(10_000))), "END Mwakoze inshuro nyinshi."),
        ("400 stars", FORM, form(&good(&"*".repeat(400))), "END Mwakoze inshuro nyinshi."),
        ("emoji", FORM, form(&good("\u{1f4a9}\u{1f4a9}")), "CON Kode yanditse nabi."),
        ("three characters", FORM, form(&good("abc")), "CON Kode yanditse nabi."),
        ("25 characters", FORM, form(&good(&"A".repeat(25))), "CON Kode yanditse nabi."),
        ("a quote", FORM, form(&good("' OR 1=1 --")), "CON Kode yanditse nabi."),
        (
            "Kenya",
            FORM,
            form(&[("sessionId", "s1"), ("phoneNumber", "+254788000001"), ("text", "")]),
            "END Mwihangane, iyi serivisi",
        ),
        (
            "land line",
            FORM,
            form(&[("sessionId", "s1"), ("phoneNumber", "+250252588888"), ("text", "")]),
            "END Mwihangane, iyi serivisi",
        ),
        (
            "no number at all",
            FORM,
            form(&[("sessionId", "s1"), ("phoneNumber", "\u{1f4de}"), ("text", "")]),
            "END Mwihangane, iyi serivisi",
        ),
    ];
    for (what, kind, body, words) in cases {
        let answered = handle(&world, kind, body).await;
        assert_eq!(answered.status, 200, "{what}: {answered:?}");
        assert!(answered.body.starts_with(words), "{what}: {answered:?}");
    }
    assert_eq!(world.rows().await.all, before, "nothing is written");
}

// proves: USD-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_is_stored_once_without_what_was_typed() {
    let world = World::start(Setup::default()).await;
    let path = format!("/api/v1/webhooks/ussd/status/{PATH_SECRET}");
    let code = world.codes[0].printed();
    let fields = [
        ("sessionId", "s1"),
        ("phoneNumber", "+250788000001"),
        ("status", "Incomplete"),
        ("durationInMillis", "12000"),
        ("hopsCount", "3"),
        ("input", code.as_str()),
        ("lastAppResponse", "END Murakoze!"),
    ];
    assert_eq!(world.post(&path, FORM, form(&fields)).await.body, "Stored.");
    assert_eq!(world.post(&path, FORM, form(&fields)).await.body, "Stored before.");
    assert_eq!(world.post(&path, FORM, Vec::new()).await.status, 400);
    assert_eq!(world.post(&path, "text/plain", form(&fields)).await.status, 400);
    assert_eq!(world.rows().await.notices, 1);
}

// proves: PAY-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_are_forged_huge_or_strange_change_nothing() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].clone();
    assert_eq!(world.hop("s1", "+250788000001", &code.printed()).await.status, 200);
    let payout = world.payout(&code).await.expect("a payout");
    let before = world.rows().await.all;
    let right = format!("/api/v1/webhooks/momo/disbursements/{CALLBACK_SECRET}");
    let wrong = "/api/v1/webhooks/momo/disbursements/wrong-secret-of-some-length";
    let paid = serde_json::json!({ "externalId": payout.id, "status": "SUCCESSFUL", "amount": "5000" }).to_string();
    let cases: Vec<(&str, &str, Vec<u8>, u16)> = vec![
        ("PUT", wrong, paid.clone().into_bytes(), 403),
        ("GET", &right, paid.clone().into_bytes(), 405),
        ("PUT", &right, b"<html>".to_vec(), 400),
        ("POST", &right, b"{}".to_vec(), 400),
        ("PUT", &right, br#"{"externalId":"../../etc"}"#.to_vec(), 400),
        ("PUT", &right, vec![b' '; 100_000], 413),
        ("PUT", &right, format!(r#"{{"externalId":"{}"}}"#, "0".repeat(32)).into_bytes(), 200),
        // A hint that claims success is only a hint, and this payout has not even been sent.
        ("PUT", &right, paid.into_bytes(), 200),
    ];
    for (method, path, body, status) in cases {
        let answered = world.callback(method, path, body).await;
        assert_eq!(answered.status, status, "{method} {path}: {answered:?}");
    }
    assert_eq!(world.rows().await.all, before);
    assert_eq!(world.payout(&code).await.expect("a payout"), payout);
}

// proves: PAY-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_no_nudge_comes_again_and_a_nudge_for_nothing_is_dropped() {
    let world = World::start(Setup::default()).await;
    let message = |body: &str| {
        let mut message = aws_lambda_events::event::sqs::SqsMessage::default();
        message.message_id = Some("m1".to_owned());
        message.body = Some(body.to_owned());
        message
    };
    for body in ["", "[]", "{\"payout\":\"x\"}", "{\"payout\":\"00000000000000000000000000000000\",\"amount\":1}"] {
        assert!(!world.work(message(body)).await, "{body} goes to the dead letters in the end");
    }
    assert!(world.work(message("{\"payout\":\"00000000000000000000000000000000\"}")).await);
}

// proves: PAY-01, PAY-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_from_momo_is_never_taken_for_an_outcome() {
    let nonsense = [
        Behaviour { transfer_answer: TransferAnswer::Html200, ..Behaviour::default() },
        Behaviour { transfer_answer: TransferAnswer::Redirect302, ..Behaviour::default() },
        Behaviour { status_answer: StatusAnswer::Garbage, ..Behaviour::default() },
        Behaviour { status_answer: StatusAnswer::Html200, ..Behaviour::default() },
        Behaviour { status_answer: StatusAnswer::Redirect302, ..Behaviour::default() },
        Behaviour { status_answer: StatusAnswer::OtherAmount, ..Behaviour::default() },
        Behaviour { status_answer: StatusAnswer::OtherExternalId, ..Behaviour::default() },
    ];
    // Garbage in answer to a send that was taken: found out by asking, and paid once.
    let world = World::start(Setup::default()).await;
    world.simulator.behave(Behaviour { transfer_answer: TransferAnswer::Garbage, ..Behaviour::default() });
    let code = world.codes[0].clone();
    assert_eq!(world.hop("s1", "+250788000001", &code.printed()).await.status, 200);
    for message in world.messages().await {
        assert!(world.work(message).await);
    }
    assert_eq!(world.payout(&code).await.expect("a payout").state.name(), "sending", "garbage proves nothing");

    for behaviour in nonsense {
        let world = World::start(Setup::default()).await;
        world.simulator.behave(behaviour.clone());
        let code = world.codes[0].clone();
        assert_eq!(world.hop("s1", "+250788000001", &code.printed()).await.status, 200);
        for _ in 0..3 {
            for message in world.messages().await {
                assert!(world.work(message).await);
            }
            world.advance(6 * 60_000);
            world.functions.sweeper.sweep().await.expect("a sweep");
        }
        let payout = world.payout(&code).await.expect("a payout");
        let name = payout.state.name();
        assert!(["sending", "submitted", "held"].contains(&name), "{behaviour:?}: {name}");
        assert_eq!(world.broken(false).await, Vec::<String>::new(), "{behaviour:?}");
    }
}
