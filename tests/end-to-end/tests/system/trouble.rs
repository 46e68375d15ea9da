//! What is said and kept when the services around us don't answer.

use momo_simulator::{Behaviour, Outcome};
use rig::{Fault, Script, World, world::Setup};
use std::sync::Arc;

const PHONE: &str = "+250788000001";
const PROMISES_NOTHING: &str = "END Habaye ikibazo cya tekiniki. Mwongere mukande *801# mu kanya.";

// proves: USD-01, USD-04, RED-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_whose_answer_is_lost_for_good_is_received_and_never_called_still_good() {
    let mut written = false;
    let script = Script::drawn(move |name| {
        written |= name == "TransactWriteItems";
        written.then_some(Fault::LoseAnswer)
    });
    let world = World::start(Setup { script, ..Setup::default() }).await;
    let code = world.codes[0].printed();
    let answered = world.hop("s1", PHONE, &code).await;
    assert!(answered.body.starts_with("END Twakiriye kode yanyu."), "{answered:?}");
    assert_eq!(world.rows().await.redemptions.len(), 1, "it was applied");
    world.script.heal();
    let again = world.hop("s2", PHONE, &code).await;
    assert!(again.body.starts_with("END Iyi kode mwamaze kuyikoresha"), "{again:?}");
    assert_eq!(world.broken(false).await, Vec::<String>::new());
}

// proves: USD-01, USD-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_looked_up_is_promised_nothing() {
    let script = Script::drawn(|name| (name != "GetSecretValue").then_some(Fault::LoseAnswer));
    let world = World::start(Setup { script, ..Setup::default() }).await;
    let answered = world.hop("s1", PHONE, &world.codes[0].printed()).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, PROMISES_NOTHING));
    // The menu needs nothing from the table.
    let menu = world.hop("s2", PHONE, "").await;
    assert!(menu.body.starts_with("CON Murakaza neza"), "{menu:?}");
}

// proves: USD-01, USD-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_secret_the_door_neither_opens_nor_fails() {
    let script = Script::drawn(|name| (name == "GetSecretValue").then_some(Fault::LoseAnswer));
    let world = World::start(Setup { script, ..Setup::default() }).await;
    let before = world.rows().await.all;
    let answered = world.hop("s1", PHONE, &world.codes[0].printed()).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, PROMISES_NOTHING));
    assert_eq!(world.rows().await.all, before);
}

// proves: USD-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_addresses_on_the_list_are_let_in() {
    for (list, status) in [("10.0.0.0/8", 403), ("10.0.0.0/8,127.0.0.1", 200), ("127.0.0.0/8", 200), ("::1", 403)] {
        let mut world = World::start(Setup::default()).await;
        let ussd = Arc::get_mut(&mut world.functions.ussd).expect("nobody else holds it");
        ussd.addresses = service::door::address_list(list).expect("a list");
        assert_eq!(world.hop("s1", PHONE, "").await.status, status, "{list}");
    }
    assert!(service::door::address_list("10.0.0.0/8,everybody").is_err());
}

// proves: PAY-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_refused_for_good_is_alerted_and_lies_in_the_dead_letters() {
    let world = World::start(Setup::default()).await;
    let reason = "PAYEE_NOT_FOUND".to_owned();
    world.simulator.behave(Behaviour { outcome: Outcome::Failed { reason }, ..Behaviour::default() });
    let code = world.codes[0].clone();
    assert_eq!(world.hop("s1", PHONE, &code.printed()).await.status, 200);
    for _ in 0..4 {
        for message in world.messages().await {
            assert!(world.work(message).await);
        }
        world.advance(10 * 60_000);
        world.functions.sweeper.sweep().await.expect("a sweep");
    }
    let payout = world.payout(&code).await.expect("a payout");
    assert_eq!(payout.state.name(), "refused");
    assert_eq!(world.broken(true).await, Vec::<String>::new());
    assert_eq!(world.dead_letters().await, [format!("{{\"payout\":\"{}\"}}", payout.id)]);
}
