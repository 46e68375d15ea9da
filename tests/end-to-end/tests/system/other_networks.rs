//! Callers on other networks: nobody is paid whose name was not shown and agreed to, whatever races, repeats and fails.

use domain::{identity::CustomerId, phone::Msisdn};
use rig::{Answered, Fault, Script, World, world::Setup};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

const AIRTEL: &str = "63514";
const PHONE: &str = "+250722000001";
const NUMBER: &str = "0788123456";
const CHECKING: &str = "CON Turimo kugenzura nimero 0788123456.";
const CONFIRM: &str = "CON Nimero 0788123456 ibaruye kuri Patrick Mugisha. Ese ni byo?";
const REDEEMED: &str = "END Murakoze! Murabona 5,000 RWF kuri MoMo 0788123456 mu kanya gato.";

fn hop(world: &World, session: &str, text: &str) -> impl Future<Output = Answered> + Send + use<> {
    world.hop_on(AIRTEL, session, PHONE, text)
}

async fn work_off(world: &World) {
    for message in world.messages().await {
        assert!(world.work(message).await, "nothing comes again");
    }
}

/// A caller who is shown the name in this session, up to but not with the yes.
async fn shown(world: &World, session: &str, phone: &str, code: &str) {
    let asked = world.hop_on(AIRTEL, session, phone, code).await;
    assert!(asked.body.starts_with("CON Mwandike nimero ya MoMo"), "{asked:?}");
    let checking = world.hop_on(AIRTEL, session, phone, &format!("{code}*{NUMBER}")).await;
    if checking.body.starts_with(CHECKING) {
        work_off(world).await;
        let confirm = world.hop_on(AIRTEL, session, phone, &format!("{code}*{NUMBER}*1")).await;
        assert!(confirm.body.starts_with(CONFIRM), "{confirm:?}");
    }
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_yes_delivered_many_times_at_once_is_one_redemption_in_the_same_words() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    shown(&world, "s1", PHONE, &code).await;
    let mut work = JoinSet::new();
    for _ in 0..20 {
        work.spawn(hop(&world, "s1", &format!("{code}*{NUMBER}*1*1")));
    }
    let answers = work.join_all().await;
    assert!(answers.iter().all(|answer| answer.body.starts_with(REDEEMED)), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let payout = world.payout(&world.codes[0]).await.expect("redeemed");
    assert_eq!(payout.payee.local(), NUMBER);
    assert_eq!(world.rows().await.customers[0].redeemed_in_all, 1);
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_all_say_yes_at_once_are_one_redemption() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    let caller = |n: usize| format!("+2507220000{n:02}");
    for n in 0..12 {
        shown(&world, &format!("s{n}"), &caller(n), &code).await;
    }
    let mut work = JoinSet::new();
    for n in 0..12 {
        work.spawn(world.hop_on(AIRTEL, &format!("s{n}"), &caller(n), &format!("{code}*{NUMBER}*1*1")));
    }
    let answers = work.join_all().await;
    let told = |words: &str| answers.iter().filter(|answer| answer.body.starts_with(words)).count();
    assert_eq!((told(REDEEMED), told("END Iyi kode yamaze gukoreshwa")), (1, 11), "{answers:?}");
    let rows = world.rows().await;
    assert_eq!((rows.redemptions.len(), rows.payouts.len()), (1, 1));
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hop_that_said_wait_says_so_again_when_the_name_is_known_and_its_yes_redeems_nothing() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    hop(&world, "s1", &code).await;
    let named = format!("{code}*{NUMBER}");
    let first = hop(&world, "s1", &named).await;
    assert!(first.body.starts_with(CHECKING), "{first:?}");
    work_off(&world).await;
    // Which of the two copies has reached the telephone, nobody knows: both must say the same.
    assert_eq!(hop(&world, "s1", &named).await, first);
    let yes = hop(&world, "s1", &format!("{named}*1")).await;
    assert!(yes.body.starts_with(CONFIRM), "that yes was said to waiting: {yes:?}");
    assert_eq!(world.rows().await.redemptions.len(), 0);
    let agreed = hop(&world, "s1", &format!("{named}*1*1")).await;
    assert!(agreed.body.starts_with(REDEEMED), "{agreed:?}");
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_comes_in_time_is_shown_in_the_same_hop() {
    let mut world = World::start(Setup::default()).await;
    Arc::get_mut(&mut world.functions.ussd).expect("nobody else holds it").name_wait = Duration::from_secs(2);
    let code = world.codes[0].printed();
    let waiting = hop(&world, "s1", &format!("{code}*{NUMBER}"));
    let worker = async {
        loop {
            let messages = world.messages().await;
            if messages.is_empty() {
                tokio::task::yield_now().await;
                continue;
            }
            for message in messages {
                assert!(world.work(message).await);
            }
            std::future::pending::<()>().await;
        }
    };
    let answered = tokio::select! {
        answered = waiting => answered,
        () = worker => unreachable!("it works on for ever"),
    };
    assert!(answered.body.starts_with(CONFIRM), "{answered:?}");
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_the_yes_nothing_is_counted_and_no_name_lies_about() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    let before = world.rows().await.all;
    hop(&world, "s1", &code).await;
    for typed in ["0722000001", "07881234567", "+254788123456", "+", "abc", "7".repeat(100).as_str()] {
        let answered = hop(&world, "s1", &format!("{code}*{typed}")).await;
        assert_eq!(answered.status, 200);
        assert!(!answered.body.starts_with("END Murakoze"), "{typed}: {answered:?}");
    }
    assert_eq!(world.rows().await.all, before, "nothing is written");
    shown(&world, "s1", PHONE, &code).await;
    let rows = world.rows().await;
    assert_eq!((rows.customers.len(), rows.attempts, rows.redemptions.len()), (0, 0, 0));
    assert_eq!(rows.all, before + 3, "the question, and the two screens about its answer");
    hop(&world, "s1", &format!("{code}*{NUMBER}*1*1")).await;
    let rows = world.rows().await;
    assert_eq!(rows.redemptions.len(), 1);
    let written = serde_json::to_string(&(&rows.audit, &rows.redemptions, &rows.customers)).expect("rows are JSON");
    assert!(!written.contains("Mugisha"), "the name stays with its question");
    assert!(!format!("{:?}", rows.payee_checks).contains("Mugisha"));
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_while_the_number_is_checked_keeps_the_code_and_says_so() {
    let world = World::start(Setup::default()).await;
    let code = world.codes[0].printed();
    hop(&world, "s1", &code).await;
    world.script.draw_by(|call| (call == "TransactWriteItems").then_some(Fault::LoseAnswer));
    let answered = hop(&world, "s1", &format!("{code}*{NUMBER}")).await;
    assert!(answered.body.starts_with("END Habaye ikibazo cya tekiniki. Kode yanyu twayibitse."), "{answered:?}");
    world.script.heal();
    assert_eq!(world.rows().await.redemptions.len(), 0);
    // The question was written and its nudge was not sent: whoever dials again a little later sends another.
    world.advance(domain::ussd::NUDGE_AGAIN_MS);
    shown(&world, "s2", PHONE, &code).await;
    let agreed = hop(&world, "s2", &format!("{code}*{NUMBER}*1*1")).await;
    assert!(agreed.body.starts_with(REDEEMED), "{agreed:?}");
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_a_name_is_finished_once_and_comes_again_only_when_the_table_is_silent() {
    let world = World::start(Setup::default()).await;
    let nobody = CustomerId::of(b"pepper", &Msisdn::parse("0788999999").expect("a number"));
    let message = |customer: &CustomerId| {
        let mut message = aws_lambda_events::event::sqs::SqsMessage::default();
        message.message_id = Some("m1".to_owned());
        message.body = Some(serde_json::json!({ "name": customer }).to_string());
        message
    };
    assert!(world.work(message(&nobody)).await, "a question of nobody is dropped");

    let code = world.codes[0].printed();
    hop(&world, "s1", &format!("{code}*{NUMBER}")).await;
    let question = world.messages().await.pop().expect("a nudge");
    world.script.draw_by(|call| (call == "TransactWriteItems").then_some(Fault::Throttle));
    assert!(!world.work(question.clone()).await, "not written, so it comes again");
    world.script.heal();
    let calls = |script: &Script| script.calls().iter().filter(|call| call.starts_with("momo status")).count();
    let before = calls(&world.script);
    assert!(world.work(question.clone()).await);
    assert!(world.work(question).await, "a copy asks nothing more");
    assert_eq!(calls(&world.script) - before, 2, "is there an account, and whose");
    assert_eq!(world.rows().await.payee_checks[0].version, 2);
}
